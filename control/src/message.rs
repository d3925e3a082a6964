//! The wires between the two ends: rings both ways, a few atomics, the mailbox.

use crate::authority::Claim;
use crate::compliance::Compliance;
use crate::config::Tuning;
use crate::core::Core;
use crate::filter::PLACES;
use crate::handle::Handle;
use crate::lease::{GROUPS, LeaseId};
use crate::mailbox::Mailbox;
use crate::path::Job;
use crate::payload::Payload;
use crate::report::{MotionId, Report, TraceSample};
use crate::servo::Aim;
use crate::world::{HELD_REACH_M, Surroundings, Thing};
use mechanics::Arm;
use mechanics::collision::{Checker, Obstacle};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64};
use types::{GripperCommand, Rejection, Time};

/// Requests that may wait for the core.
pub(crate) const INBOX: usize = 64;
/// Reports that may wait to be polled.
const REPORTS: usize = 1024;
/// Trace samples that may wait to be taken: twenty seconds at 100 Hz.
const TRACE: usize = 2048;

/// One request.
#[allow(clippy::large_enum_variant, reason = "a box would be freed in the loop")]
pub(crate) enum Message {
    Activate(Time),
    Disarm(Time),
    Reset(Time),
    Claim(Claim),
    Release(LeaseId, Time),
    Order(Ordered),
    World(Box<Surroundings>),
    Carry(Payload, Time),
}

/// An order made ready for the core.
pub(crate) struct Ordered {
    pub(crate) id: MotionId,
    pub(crate) lease: LeaseId,
    pub(crate) sequence: u64,
    pub(crate) stamp: Time,
    pub(crate) valid_from: Time,
    pub(crate) expires: Time,
    /// It was valid, and could not begin.
    pub(crate) has_waited: bool,
    pub(crate) what: What,
}

/// What is ordered.
pub(crate) enum What {
    Follow(Box<Job>),
    Chunk(Box<Job>),
    Servo(Aim),
    Hold,
    Comply(Compliance),
    Grip(GripperCommand),
}

/// What the core is done with.
pub(crate) enum Spent {
    Job(#[expect(dead_code, reason = "it is there to be freed")] Box<Job>),
    World(#[expect(dead_code, reason = "it is there to be freed")] Box<Surroundings>),
}

/// What both ends touch at any time.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The stop flag: 0 none, else category two, one, zero as 1, 2, 3.
    pub(crate) stop: Arc<AtomicU8>,
    /// Whose lease each group is under; zero: nobody's.
    pub(crate) holders: [AtomicU64; GROUPS],
    /// When that owner last said that it is alive, nanoseconds.
    pub(crate) alive: [AtomicI64; GROUPS],
    /// Bits of the slow factor.
    pub(crate) slow: AtomicU64,
    /// The component that panicked; zero: none.
    pub(crate) panicked: AtomicU8,
    /// When the emergency stop's line was read last, nanoseconds, and whether it was open since the last tick.
    pub(crate) line_read: AtomicI64,
    pub(crate) line_opened: AtomicBool,
    pub(crate) dropped_reports: AtomicU64,
    pub(crate) dropped_trace: AtomicU64,
}

/// The core's ends of the wires.
pub(crate) struct CoreWires {
    pub(crate) inbox: Consumer<Message>,
    pub(crate) reports: Producer<Report>,
    /// Jobs and worlds go back to be freed where freeing is harmless.
    pub(crate) returns: Producer<Spent>,
    pub(crate) trace: Producer<TraceSample>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) shared: Arc<Shared>,
}

/// The handle's ends.
pub(crate) struct HandleWires {
    pub(crate) inbox: Producer<Message>,
    pub(crate) reports: Consumer<Report>,
    pub(crate) returns: Consumer<Spent>,
    pub(crate) trace: Consumer<TraceSample>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) shared: Arc<Shared>,
}

/// Makes both ends.
///
/// # Errors
/// A [`Rejection`] naming what is wrong with a wall.
pub(crate) fn connect(
    arm: Arc<Arm>,
    tuning: Tuning,
    walls: Vec<Obstacle>,
) -> Result<(Core, Handle), Rejection> {
    let (to_core, inbox) = RingBuffer::new(INBOX);
    let (reports, from_core) = RingBuffer::new(REPORTS);
    // Every job and world lies in the inbox, is in use, waits, or lies here: this cannot fill.
    let (returns, returned) = RingBuffer::new(INBOX + 8);
    let (trace, traced) = RingBuffer::new(TRACE);
    let mailbox = Arc::new(Mailbox::new(arm.n_joints()));
    let shared = Arc::new(Shared {
        stop: Arc::new(AtomicU8::new(0)),
        holders: [const { AtomicU64::new(0) }; GROUPS],
        alive: [const { AtomicI64::new(0) }; GROUPS],
        slow: AtomicU64::new(1.0_f64.to_bits()),
        panicked: AtomicU8::new(0),
        line_read: AtomicI64::new(i64::MIN),
        line_opened: AtomicBool::new(false),
        dropped_reports: AtomicU64::new(0),
        dropped_trace: AtomicU64::new(0),
    });
    let core_wires = CoreWires {
        inbox,
        reports,
        returns,
        trace,
        mailbox: Arc::clone(&mailbox),
        shared: Arc::clone(&shared),
    };
    let handle_wires =
        HandleWires { inbox: to_core, reports: from_core, returns: returned, trace: traced, mailbox, shared };
    let mut body = Checker::new(&arm);
    body.make_places(PLACES);
    let reaches = body.joint_reaches(&arm, HELD_REACH_M);
    let walls: Vec<Thing> = walls.into_iter().map(Thing::wall).collect();
    let walled = Surroundings::walled(&walls, body.clone())?;
    let core = Core::new(Arc::clone(&arm), (body.clone(), walled), reaches, tuning, core_wires);
    Ok((core, Handle::new(arm, body, walls, reaches, tuning.tool_speed, handle_wires)))
}
