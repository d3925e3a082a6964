//! A person's stick, heard by a thread of its own, whose button for a stop waits for nothing else.

use super::answering::Stopper;
use super::carrier::Hearing;
use crate::config::Config;
use crate::node::refused::Refused;
use crate::node::sticks::{Shared, Source};
use crate::node::{NodeError, PATIENCE};
use bridge::ros::{DiagnosticStatus, Joy, KeyValue};
use bridge::wire::Wire;
use core::time::Duration;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::{Builder, JoinHandle};
use types::Rejection;

/// A stop whose button is held is said again after so long.
const AGAIN: Duration = Duration::from_millis(150);
/// Between two looks at how many say it, where the carrier does not tell whose a message is.
const LOOKS: Duration = Duration::from_millis(25);

/// What is missed of it, told by itself.
const UNREADABLE: &str = "stick (unreadable)";
const MISSED: &str = "stick (missed)";

/// How a person's stick is heard, counted, and as of when that was told last. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Counts(Arc<[AtomicU64; 5]>, Arc<[AtomicU64; 5]>);

impl Counts {
    const KEYS: [&str; 5] = ["sticks", "received", "unreadable", "missed", "refused"];

    fn put(&self, key: usize, n: u64) {
        self.0[key].store(n, Ordering::Relaxed);
    }

    fn add(&self, key: usize, n: u64) {
        self.0[key].fetch_add(n, Ordering::Relaxed);
    }

    /// For `/diagnostics`: it is well where nothing new did not count.
    pub(super) fn status(&self, hardware_id: &str) -> DiagnosticStatus {
        let counts = core::array::from_fn::<u64, 5, _>(|k| self.0[k].load(Ordering::Relaxed));
        let before = core::array::from_fn::<u64, 5, _>(|k| self.1[k].swap(counts[k], Ordering::Relaxed));
        let is_well = counts[0] <= 1 && counts[2..] == before[2..];
        let values = Self::KEYS.iter().zip(counts);
        DiagnosticStatus {
            level: u8::from(!is_well),
            name: "stick".into(),
            message: if is_well { "well" } else { "messages that do not count, or more than one stick" }
                .into(),
            hardware_id: hardware_id.to_owned(),
            values: values.map(|(k, n)| KeyValue { key: (*k).to_owned(), value: n.to_string() }).collect(),
        }
    }

    /// What has been missed since the last time.
    fn miss(&self, now: [u64; 2], refused: &Refused) {
        let told = [
            (2, UNREADABLE, "a message of sensor_msgs/msg/Joy", "bytes that are none"),
            (3, MISSED, "every message", "some that had to make room, or did not arrive"),
        ];
        for ((key, kind, expected, got), n) in told.into_iter().zip(now) {
            let before = self.0[key].swap(n, Ordering::Relaxed);
            refused.note_many(kind, n.saturating_sub(before), &Rejection::new("joy", expected, got));
        }
    }
}

/// Hears it until `ends` is set: what is wished goes to `stick`, what is none to `refused`, and whoever presses its stop stops
/// the robot.
///
/// # Errors
/// [`NodeError`] when a thread cannot be had.
pub(super) fn listen(
    config: &Config,
    heard: Hearing<Joy>,
    wire: &Wire,
    (stick, refused, counts): (Shared, Refused, Counts),
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
        let mut looked = None;
        while !over.load(Ordering::Acquire) {
            // Nothing here may wait: neither for the robot nor for the carrier.
            let at = wire.now();
            if looked.is_none_or(|looked| at.since(looked) >= LOOKS) {
                heard.look(at);
                looked = Some(at);
            }
            let came = heard.take_within(LOOKS);
            let at = wire.now();
            let Some((joy, from)) = came else {
                counts.put(0, stick.lock().count(at) as u64);
                counts.miss(heard.missed(), &refused);
                continue;
            };
            let source = from.map_or_else(|| Source::OneOf(heard.said_lately_by(at)), Source::One);
            let (told, n) = {
                let mut sticks = stick.lock();
                (sticks.hear(&joy, source, at), sticks.count(at))
            };
            if !is_held.swap(told.is_stopped, Ordering::AcqRel) && told.is_stopped {
                times.fetch_add(1, Ordering::AcqRel);
            }
            if told.stops {
                // One that waits already is this one, too.
                let _ = pressed.try_send(());
            }
            let n = if let Source::OneOf(n_say) = source { n.max(n_say) } else { n };
            counts.put(0, n as u64);
            counts.add(1, 1);
            counts.miss(heard.missed(), &refused);
            counts.add(4, told.refused.len() as u64);
            for (kind, why) in told.refused {
                refused.note(kind, &why);
            }
        }
    });
    Ok([stopping.map_err(NodeError::Thread)?, listening.map_err(NodeError::Thread)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::Time;

    #[test]
    fn what_is_missed_of_a_stick_is_counted_and_told_once_for_many() {
        let (counts, refused) = (Counts::default(), Refused::default());
        assert_eq!(counts.status("ros2").level, 0);
        counts.miss([0, 0], &refused);
        assert!(refused.due(Time::ZERO, true).is_empty());
        counts.miss([5, 2], &refused);
        counts.miss([5, 3], &refused);
        let told = refused.due(Time::ZERO, true);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("stick (missed): joy: expected every message"), "{told:?}");
        assert!(told[0].ends_with(", the last of 3 (8 refused so far)"), "{told:?}");
        assert!(
            told[1].starts_with("stick (unreadable): joy: expected a message of sensor_msgs/msg/Joy"),
            "{told:?}"
        );
        assert!(told[1].contains(", the last of 5 ("), "{told:?}");
        let status = counts.status("ros2");
        let values: Vec<&str> = status.values.iter().map(|v| v.value.as_str()).collect();
        assert_eq!((status.level, values.as_slice()), (1, &["0", "0", "5", "3", "0"][..]));
        // Since then nothing, and two that speak.
        let status = counts.status("ros2");
        assert_eq!((status.level, status.values[2].value.as_str()), (0, "5"));
        counts.put(0, 2);
        assert_eq!([counts.status("ros2").level, counts.status("ros2").level], [1, 1]);
    }
}
