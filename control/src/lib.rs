//! The only real-time code: the loop, leases and orders, motion stage, safety filter, limiter, stops.
//!
//! [`new`] makes two ends. [`Core`] is the real-time one: a pure `tick(now, state) -> command` that
//! allocates, locks, logs and formats nothing. [`Handle`] is everybody else's: it submits motions and
//! requests stops, and hears what came of them. Both may live in one thread (lockstep), or the core
//! in its own ([`thread::spawn`]).
//!
//! What the core does not know: pictures, sentences, goals, plans, files, sockets. It knows who may order
//! what, paths, chunks and velocities, the limits, what stands around the arm, and how to stop.

mod ahead;
mod attach;
mod authority;
mod brake;
pub mod clock;
mod compliance;
mod config;
mod contact;
mod core;
mod course;
mod drive;
mod ease;
mod ending;
mod estimate;
mod filter;
mod glide;
mod gripper;
mod grips;
mod handle;
pub mod histogram;
mod joining;
mod lease;
mod limiter;
mod lookout;
mod mailbox;
mod means;
mod message;
mod metronome;
mod motors;
mod orders;
mod pace;
mod path;
mod payload;
mod profile;
mod progress;
mod proof;
mod report;
mod requests;
pub mod rt;
mod second;
mod servo;
mod slowing;
mod smooth;
mod state;
mod strain;
mod stride;
mod supervise;
mod tape;
pub mod thread;
mod twist;
mod watch;
pub mod watchdog;
mod world;

pub use crate::core::Core;
pub use clock::{MonotonicClock, VirtualClock};
pub use compliance::Compliance;
pub use config::Config;
pub use course::Chunk;
pub use grips::Grips;
pub use handle::{Handle, StopFlag};
pub use lease::{Groups, Lease, LeaseId, Motion, Order, Owner};
pub use payload::Payload;
pub use report::{Cause, LimitKind, Mode, MotionId, RefusedWhy, Report, Request, Slow, Status, TraceSample};
pub use rt::{RtRights, RtWishes, acquire as acquire_rights};
pub use second::{LoopSecond, LoopSeconds};
pub use tape::{Heard, Tape, TickRecord};
pub use thread::{HANGS, LoopConfig, LoopReport, LoopThread, spawn, tick_robot};
pub use twist::{Twist, TwistAxes};
pub use watch::{Component, LineWatch, Sentinel, StopLine};
pub use watchdog::Watchdog;
pub use world::{MOST_THINGS, Thing, World};

/// The test's names for this crate are those of its users.
#[cfg(test)]
extern crate self as control;
#[cfg(test)]
#[path = "../tests/common/mod.rs"]
mod common;

use mechanics::Arm;
use std::sync::Arc;
use types::Rejection;

/// Makes the two ends of control for `arm`. The core starts disarmed.
///
/// # Errors
/// A [`Rejection`] naming the field of `config` that is no number, out of range or of the wrong
/// length (B15).
pub fn new(arm: Arc<Arm>, config: Config) -> Result<(Core, Handle), Rejection> {
    let tuning = config.check(&arm)?;
    message::connect(arm, tuning, config.walls)
}
