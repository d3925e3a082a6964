//! A person's stick, heard by a thread of its own, whose button for a stop waits for nothing else.

use super::answering::Stopper;
use super::carrier::Hearing;
use crate::config::Config;
use crate::node::refused::Refused;
use crate::node::stick::Shared;
use crate::node::{NodeError, PATIENCE};
use bridge::ros::Joy;
use bridge::wire::Wire;
use core::time::Duration;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::{Builder, JoinHandle};

/// A stop whose button is held is said again after so long.
const AGAIN: Duration = Duration::from_millis(150);

/// Hears it until `ends` is set: what is wished goes to `stick`, what is none to `refused`, and whoever presses its stop stops
/// the robot.
///
/// # Errors
/// [`NodeError`] when a thread cannot be had.
pub(super) fn listen(
    config: &Config,
    heard: Hearing<Joy>,
    wire: &Wire,
    (stick, refused): (Shared, Refused),
    ends: &Arc<AtomicBool>,
) -> Result<[JoinHandle<()>; 2], NodeError> {
    let mut stopper = Stopper::new(config, wire)?;
    let (pressed, presses) = sync_channel(1);
    // How often it was pressed, and whether it is.
    let (times, is_held) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (counted, held) = (times.clone(), is_held.clone());
    let over = ends.clone();
    // A robot that does not answer must not keep the stick from being heard.
    let stopping = Builder::new().name("stick's stop".into()).spawn(move || {
        let (mut told, mut heeded) = (String::new(), 0);
        while !over.load(Ordering::Acquire) {
            match presses.recv_timeout(PATIENCE) {
                Ok(()) => {
                    let newest = counted.load(Ordering::Acquire);
                    // One that was let go of is not said again.
                    if core::mem::replace(&mut heeded, newest) == newest && !held.load(Ordering::Acquire) {
                        continue;
                    }
                    let came = stopper.stop().1;
                    if came != told {
                        // A closed pipe is no reason not to stop a robot.
                        let _ = writeln!(
                            std::io::stderr(),
                            "warning: ROS 2: the stick's stop is pressed: {came}"
                        );
                        told = came;
                    }
                    // While it is held it is said again and again: a reset, or a robot that did not answer, ends nothing.
                    std::thread::sleep(AGAIN);
                }
                Err(RecvTimeoutError::Timeout) => told.clear(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    let (wire, over) = (wire.clone(), ends.clone());
    let listening = Builder::new().name("stick".into()).spawn(move || {
        while !over.load(Ordering::Acquire) {
            let Some(joy) = heard.take_within(PATIENCE) else { continue };
            let at = wire.now();
            let came = stick.lock().hear(&joy, at);
            if !is_held.swap(came.stops, Ordering::AcqRel) && came.stops {
                times.fetch_add(1, Ordering::AcqRel);
            }
            if came.stops {
                // One that waits already is this one, too.
                let _ = pressed.try_send(());
            }
            if let Some((kind, why)) = came.refused {
                refused.note(kind, &why);
            }
        }
    });
    Ok([stopping.map_err(NodeError::Thread)?, listening.map_err(NodeError::Thread)?])
}
