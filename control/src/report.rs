//! What the core tells: every word is `Copy`, so that telling allocates nothing.

use crate::lease::LeaseId;
use crate::payload::Payload;
use crate::watch::Component;
use serde::{Deserialize, Serialize};
use types::{Fault, JointCommand, JointState, JointVector, StopCategory, Time};

/// A motion that was submitted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MotionId(pub u64);

/// Where the state machine stands.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Brakes engaged, no power, or ([`Cause::Attached`]) an arm that holds itself and is told nothing yet; commands equal the
    /// measured state.
    Disarmed,
    /// Powered, each joint led out a little in turn, before anything else may move (F15).
    Proving,
    /// Powered, standing at the hold target.
    Hold,
    /// Moving along a trajectory.
    Follow,
    /// Moving by velocities, or to a target.
    Servo,
    /// Coming to rest.
    Stopping(StopCategory),
    /// At rest and latched until reset; powered or not.
    Fault {
        /// Whether the motors still hold the arm.
        powered: bool,
    },
}

/// Why the state machine took an edge, or a motion ended early.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The beginning.
    Start,
    /// The owner activated the arm.
    Activated,
    /// The owner submitted a motion.
    Submitted,
    /// The motion reached its end.
    Finished,
    /// A stop of category two was requested.
    StopRequested,
    /// A stop of category one or zero was requested: the emergency stop.
    EmergencyStop,
    /// The owner ordered a hold.
    HoldRequested,
    /// Somebody of higher rank took the lease.
    Preempted,
    /// The owner gave the lease back under way.
    Released,
    /// A velocity expired under way (F38).
    VelocityOver,
    /// The owner disarmed the arm.
    DisarmRequested,
    /// The owner reset a latched fault.
    Reset,
    /// The robot has not been read for too many ticks (F22).
    StateMissing,
    /// A command would have left a limit.
    Limit,
    /// The stop in progress came to rest.
    CameToRest,
    /// The loop is ending.
    Shutdown,
    /// The motors had power before the loop began: the arm holds itself, and then is held where it was found.
    Attached,
    /// A row of the fault table.
    Fault(Fault),
}

impl Cause {
    /// Every cause that the core raises; its place is its number in the mailbox.
    const ALL: [Self; 32] = [
        Self::Start,
        Self::Activated,
        Self::Submitted,
        Self::Finished,
        Self::StopRequested,
        Self::EmergencyStop,
        Self::HoldRequested,
        Self::Preempted,
        Self::Released,
        Self::VelocityOver,
        Self::DisarmRequested,
        Self::Reset,
        Self::StateMissing,
        Self::Limit,
        Self::CameToRest,
        Self::Shutdown,
        Self::Attached,
        Self::Fault(Fault::F1InputSilent),
        Self::Fault(Fault::F12EncoderInvalid),
        Self::Fault(Fault::F13EncoderFrozen),
        Self::Fault(Fault::F14EncoderJump),
        Self::Fault(Fault::F15EncoderWrong),
        Self::Fault(Fault::F17FollowingError),
        Self::Fault(Fault::F19Runaway),
        Self::Fault(Fault::F21Contact),
        Self::Fault(Fault::F25LoopOverrun),
        Self::Fault(Fault::F18Overload),
        Self::Fault(Fault::F24Disconnected),
        Self::Fault(Fault::F26ProcessPaused),
        Self::Fault(Fault::F31ThreadPanic),
        Self::Fault(Fault::F41StopLine),
        Self::Fault(Fault::F33WatchdogDied),
    ];

    /// Whether somebody wanted the arm to stop.
    pub(crate) fn is_wanted(self) -> bool {
        matches!(self, Self::StopRequested | Self::EmergencyStop | Self::DisarmRequested)
    }

    pub(crate) fn code(self) -> u64 {
        Self::ALL.iter().position(|c| *c == self).unwrap_or(0) as u64
    }

    pub(crate) fn from_code(code: u64) -> Self {
        usize::try_from(code).ok().and_then(|i| Self::ALL.get(i)).copied().unwrap_or(Self::Start)
    }
}

/// What was asked of the core.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Power the arm where it stands.
    Activate,
    /// Come to rest and engage the brakes.
    Disarm,
    /// Leave a latched fault.
    Reset,
    /// Follow a trajectory.
    Follow,
    /// Follow a chunk.
    Chunk,
    /// Move at a velocity, or to a target.
    Servo,
    /// Come to rest and hold.
    Hold,
    /// Be as stiff as this.
    Comply,
    /// Move the gripper.
    Grip,
    /// Hold a lease.
    Claim,
    /// Give a lease back.
    Release,
    /// Take in what stands and moves around the arm.
    World,
    /// Reckon with what the hand carries.
    Carry,
    /// The robot's state, when it is none that can be (B5, B7).
    State,
}

/// Why a request was refused; nothing has changed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusedWhy {
    /// The arm is moving, stopping, or proving its encoders.
    Busy,
    /// Somebody of the same or a higher rank holds the lease and is alive.
    Owned,
    /// From what the arm did while the order was valid there was no verified way over to what it wants (F6): too
    /// far, too fast, more than the motors give, or something in between.
    TooFar,
    /// The order's lease is not held, or does not cover what it moves (I4).
    NoLease,
    /// The order's lease covers the arm, and not the gripper, which the chunk moves, too (I4).
    NoGripper,
    /// A later order took its place before its time had come.
    Replaced,
    /// An order of this number, or of a later one, was there before (F5, F37).
    Replayed,
    /// The request is too old (B22).
    Stale,
    /// The request claims to come from the future (B22).
    FromFuture,
    /// The arm has no power.
    Disarmed,
    /// The arm is powered already.
    AlreadyActive,
    /// A latched stop or fault awaits its reset (I6).
    Latched,
    /// The emergency stop's line is open, or was a moment ago (F41).
    LineOpen,
    /// The independent watchdog is not heard of (F33).
    NoWatchdog,
    /// Something holds the arm away from where it is told to be: stiff, it would leap back.
    HeldAway,
    /// Nothing is latched.
    NotLatched,
    /// A stick is held: all inputs must be at rest for this (F40, I6).
    InputActive,
    /// The motion starts elsewhere than the arm stands (B13).
    StartsElsewhere,
    /// No valid state of the robot is known.
    NoState,
    /// The arm must be at rest for this.
    Moving,
    /// The arm stands beyond a limit of its joints.
    BeyondLimits,
    /// A number is none, or the number of joints is wrong (B5, B7).
    Invalid,
    /// The joints cannot have got there since they were last measured (F14).
    Jumped,
}

/// What a limit is about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitKind {
    /// A number that is none.
    Finite,
    /// rad (m); without a joint: how far the gripper opens, m.
    Position,
    /// rad/s.
    Velocity,
    /// rad/s².
    Acceleration,
    /// rad/s³.
    Jerk,
    /// N·m (N); without a joint: the gripper's force per finger, N.
    Torque,
    /// N·m/s.
    TorqueRate,
    /// The part of its own speed at which a motion may be asked to run.
    Pace,
    /// The part of its own speed at which a motion may run before something in the way; the margin is the
    /// room there, metres.
    Separation,
    /// The part of its own speed that the age of the world leaves.
    WorldAge,
    /// The part of its own speed at which a motion may run so that the tool is not too fast.
    ToolSpeed,
    /// The part of a twist's speed that a nearly singular pose, or a joint's speed limit, leaves.
    Singularity,
}

/// One thing that happened.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Report {
    /// A thread beside the loop panicked (F31).
    Panicked(Component),
    /// A motion began.
    Started(MotionId),
    /// A motion reached its end.
    Finished(MotionId),
    /// Another motion under the same lease took over from this one.
    Superseded(MotionId),
    /// A lease was granted.
    Granted(LeaseId),
    /// A lease is over: it was claimed by a higher rank, its owner fell silent, or the arm was stopped, which
    /// ends only under a fresh lease (I6).
    Lost(LeaseId),
    /// The arm was stopped, or was told to while at rest.
    Stopped {
        /// The motion that ended by it.
        id: Option<MotionId>,
        /// Why.
        cause: Cause,
        /// How.
        category: StopCategory,
    },
    /// A request was refused.
    Refused {
        /// The motion, if it was one.
        id: Option<MotionId>,
        /// What was asked.
        request: Request,
        /// Why not.
        why: RefusedWhy,
    },
    /// Something was asked and something less was done.
    Intervention {
        /// The joint; `None` when it concerns all.
        joint: Option<u8>,
        /// Which limit.
        limit: LimitKind,
        /// What was asked, in the limit's unit.
        requested: f64,
        /// What was done instead.
        applied: f64,
        /// The limit less what was asked; negative by how much the limit would have been left.
        margin: f64,
    },
    /// What the gripper holds slips: the fingers have come closer than they were around it (F20). Told at 1.5 mm,
    /// and each time that has doubled.
    Slipped {
        /// How far apart they were when they had closed on it, metres.
        from_m: f64,
        /// How far apart they are, metres.
        to_m: f64,
    },
    /// The loop ran late (F25); the step was bounded.
    Overrun {
        /// Time since the tick before, seconds.
        gap_s: f64,
    },
    /// A row of the fault table was detected.
    Fault {
        /// Which.
        fault: Fault,
        /// Whether only a reset ends it.
        latched: bool,
    },
    /// The state machine took an edge.
    Mode {
        /// Where it is now.
        mode: Mode,
        /// Why.
        cause: Cause,
    },
    /// Led out a little before anything else may move, a joint is said to have moved otherwise (F15).
    Unproven {
        /// The joint.
        joint: u8,
        /// By how much it was led out, rad (m).
        asked: f64,
        /// By how much its encoder says that it moved, rad (m).
        moved: f64,
    },
    /// The loop's thread panicked; the robot was told to engage its brakes (I8).
    LoopDied,
}

/// Why the arm moves more slowly than what it does was to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slow {
    /// Somebody asked for it ([`crate::Handle::slow`]).
    Asked,
    /// The loop is careful: noise hides contacts (F16), a motor is overloaded (F18), or what the robot says comes late (F23).
    Careful(Fault),
    /// Something is in the way ([`LimitKind::Separation`]), the world is old, or another limit leaves no more.
    Limit(LimitKind),
}

impl Slow {
    /// Every reason that the core gives; its place is its number in the mailbox, less one.
    const ALL: [Self; 12] = [
        Self::Asked,
        Self::Careful(Fault::F16VelocityNoise),
        Self::Careful(Fault::F18Overload),
        Self::Careful(Fault::F23StateLate),
        Self::Limit(LimitKind::Separation),
        Self::Limit(LimitKind::WorldAge),
        Self::Limit(LimitKind::ToolSpeed),
        Self::Limit(LimitKind::Singularity),
        Self::Limit(LimitKind::Velocity),
        Self::Limit(LimitKind::Torque),
        Self::Limit(LimitKind::Acceleration),
        Self::Limit(LimitKind::Jerk),
    ];

    pub(crate) fn code(slow: Option<Self>) -> u64 {
        slow.and_then(|slow| Self::ALL.iter().position(|s| *s == slow)).map_or(0, |i| i as u64 + 1)
    }

    pub(crate) fn from_code(code: u64) -> Option<Self> {
        usize::try_from(code.checked_sub(1)?).ok().and_then(|i| Self::ALL.get(i)).copied()
    }
}

impl core::fmt::Display for Slow {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Asked => "as was asked",
            Self::Careful(Fault::F16VelocityNoise) => "noise hides contacts (F16)",
            Self::Careful(Fault::F18Overload) => "a motor is overloaded (F18)",
            Self::Careful(_) => "what the robot says comes late (F23)",
            Self::Limit(LimitKind::Separation) => "something is in the way",
            Self::Limit(LimitKind::WorldAge) => "what is known of the surroundings is old",
            Self::Limit(LimitKind::ToolSpeed) => "the tool may be no faster",
            Self::Limit(LimitKind::Singularity) => "a pose is nearly singular",
            Self::Limit(LimitKind::Velocity) => "a joint may be no faster",
            Self::Limit(LimitKind::Torque) => "a motor has not the strength",
            Self::Limit(_) => "a joint may change its speed no faster",
        })
    }
}

/// The newest tick, seen from outside.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Status {
    /// The tick's time.
    pub now: Time,
    /// How many ticks there were.
    pub ticks: u64,
    /// Where the state machine stands.
    pub mode: Mode,
    /// Why it took its last edge.
    pub cause: Cause,
    /// The newest valid state of the robot; `None` before the first.
    pub measured: Option<JointState>,
    /// The command of this tick.
    pub command: JointCommand,
    /// The motion that is being followed or stopped.
    pub active: Option<MotionId>,
    /// How far along its motion, 0 to 1; 1 when there is none.
    pub progress: f64,
    /// The part of the trajectory's own speed at which it runs, 0 to 1.
    pub speed_factor: f64,
    /// Why that is less than what it moves by was to; `None` where it is not, and where nothing moves.
    pub slow: Option<Slow>,
    /// Torques of the world on the arm as observed, N·m: contact, and load that the model lacks.
    pub external: JointVector,
    /// The force and the moment at the tool centre point that explain them best, world axes: N, N·m.
    pub tool_wrench: [f64; 6],
    /// What the model reckons that the hand carries.
    pub payload: Payload,
}

/// One row of the trace: commanded and measured.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct TraceSample {
    /// When.
    pub stamp: Time,
    /// Commanded positions, rad.
    pub q: JointVector,
    /// Commanded velocities, rad/s.
    pub dq: JointVector,
    /// Commanded accelerations, rad/s².
    pub ddq: JointVector,
    /// Commanded torques, N·m.
    pub tau: JointVector,
    /// Measured positions, rad.
    pub measured_q: JointVector,
    /// Measured velocities, rad/s.
    pub measured_dq: JointVector,
    /// Measured torques, N·m.
    pub measured_tau: JointVector,
    /// Whether the motors had power.
    pub enabled: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_to_be_slow_comes_through_as_it_is_and_says_something_of_its_own() {
        let all = Slow::ALL.map(Some);
        assert!(all.into_iter().chain([None]).all(|slow| Slow::from_code(Slow::code(slow)) == slow));
        assert_eq!(Slow::from_code(u64::MAX), None);
        let words: std::collections::BTreeSet<String> = Slow::ALL.iter().map(Slow::to_string).collect();
        // How fast a speed changes is one thing to people.
        assert_eq!(words.len(), Slow::ALL.len() - 1, "{words:?}");
    }
}
