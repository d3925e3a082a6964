//! Who may move what: leases, and the orders given under them.
//!
//! Everybody who wants to move the arm claims it first. A [`Lease`] covers joint groups, and a group has one
//! holder at most. A claim is granted when the group is free, when its holder has fallen silent, or when the
//! claimant ranks higher: then what moves comes to rest along its path, or goes over smoothly into what the
//! new holder orders meanwhile. Every order names its lease and carries a number that only grows, the stamp
//! of the world it was made for, and times between which it counts; an order that is old, early or given
//! twice moves nothing (I4).
#![forbid(unsafe_code)]

use crate::compliance::Compliance;
use crate::course::Chunk;
use crate::twist::Twist;
use types::{GripperCommand, JointVector, Time, Tool, Trajectory, Transform};

/// Who asks, from the lowest rank to the highest.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Owner {
    /// A learned policy.
    Policy,
    /// A program that somebody wrote.
    Script,
    /// The planner, on behalf of a sentence.
    Planner,
    /// A person with a stick, a pedal, a hand.
    Human,
}

impl Owner {
    /// All of them, from the lowest rank to the highest.
    pub const ALL: [Self; 4] = [Self::Policy, Self::Script, Self::Planner, Self::Human];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Script => "script",
            Self::Planner => "planner",
            Self::Human => "human",
        }
    }
}

/// Joint groups.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Groups {
    /// The arm's joints.
    Arm,
    /// The gripper.
    Gripper,
    /// Both.
    All,
}

/// How many groups there are.
pub(crate) const GROUPS: usize = 2;

impl Groups {
    /// The single groups' places.
    pub(crate) fn places(self) -> core::ops::Range<usize> {
        match self {
            Self::Arm => 0..1,
            Self::Gripper => 1..2,
            Self::All => 0..2,
        }
    }
}

/// A lease's name; never used again.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct LeaseId(pub u64);

/// The right to move joint groups, as its owner keeps it. Whether the core granted it is told by a report.
#[derive(Debug)]
pub struct Lease {
    pub(crate) id: LeaseId,
    pub(crate) groups: Groups,
    sequence: u64,
}

/// How long an order of [`Lease::order`] may be on its way, and how long a velocity counts, milliseconds.
const ORDER_MS: u64 = 100;

impl Lease {
    /// A lease that a loop has granted, or shall grant, under this name.
    #[must_use]
    pub fn new(id: LeaseId, groups: Groups) -> Self {
        Self { id, groups, sequence: 0 }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> LeaseId {
        self.id
    }

    /// What it covers.
    #[must_use]
    pub fn groups(&self) -> Groups {
        self.groups
    }

    /// The next order under this lease: for the world at `now`, valid at once and for 100 ms.
    pub fn order(&mut self, now: Time, motion: Motion) -> Order {
        self.sequence += 1;
        Order {
            lease: self.id,
            sequence: self.sequence,
            stamp: now,
            valid_from: now,
            expires: now + core::time::Duration::from_millis(ORDER_MS),
            motion,
        }
    }
}

/// What the arm shall do.
#[derive(Clone, Debug)]
pub enum Motion {
    /// Follow a trajectory to its end. From rest as it is, if it begins at rest where the arm holds; from any other
    /// motion, or if it begins with one, it goes over smoothly, if it begins where the arm is told to be when the
    /// order becomes valid. If it finds no way over, the arm slows down until it does, or rests. What begins
    /// with a motion and was under way for a while is joined as far along as the arm got meanwhile.
    Follow(Box<Trajectory>),
    /// Follow what a policy wants from the order's stamp on, for as long as it is known. Positions that the arm
    /// has gone past since that stamp are left out; into the rest it goes over smoothly, from whatever it
    /// does.
    Chunk(Chunk),
    /// Move the joints at these speeds, rad/s (m/s), from whatever the arm does, until the order expires.
    Velocity(JointVector),
    /// Move the tool, from whatever the arm does, until the order expires: in this direction, slower near
    /// singular poses.
    Twist(Twist),
    /// Go straight in joint space to these positions, rad (m), from whatever the arm does.
    Joints(JointVector),
    /// Go to where the tool is there, straight in joint space, from whatever the arm does. Which joint
    /// positions those are is found when the order is given.
    Pose(Transform<types::World, Tool>),
    /// Move the gripper, no faster than it can.
    Grip(GripperCommand),
    /// Hold to where the arm is told to be as stiffly as this, from now on and until the arm has no power.
    Comply(Compliance),
    /// Come to rest and hold.
    Hold,
}

/// One thing that shall be done, under a lease.
#[derive(Clone, Debug)]
pub struct Order {
    /// Under which lease.
    pub lease: LeaseId,
    /// Grows from order to order of a lease; a number that is not above the last one is a repetition (F5, F37).
    pub sequence: u64,
    /// The world it was made for: for a chunk, when the picture was taken that it answers.
    pub stamp: Time,
    /// Not before.
    pub valid_from: Time,
    /// Not begun after, but for a trajectory that the arm has to slow down for: within a second of it. A velocity
    /// also ends then (F38).
    pub expires: Time,
    /// What.
    pub motion: Motion,
}
