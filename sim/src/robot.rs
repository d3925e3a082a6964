//! The simulated robot behind the seam: lockstep, where handing over a command lets time pass.

use crate::error::SimError;
use crate::faults::{FaultSpec, RobotFault, robot_fault};
use crate::snapshot::Snapshot;
use crate::truth::Truth;
use crate::world::World;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::seams::{Clock, Robot, RobotError};
use types::{JointCommand, JointLimits, JointState, Rejection, Time};

/// A handle on a shared world, for robot, cameras, verdicts and faults. Clones share the world.
#[derive(Clone)]
pub struct Rig {
    world: Arc<Mutex<World>>,
}

impl Rig {
    /// Shares a world.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// The world itself, locked. In a live run every millisecond that it is held delays the physics.
    pub fn world(&self) -> MutexGuard<'_, World> {
        // A thread that panicked while holding it left whole numbers behind: a step either happened or
        // it did not.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The robot in lockstep: each command lets a millisecond of virtual time pass.
    #[must_use]
    pub fn robot(&self) -> SimRobot {
        SimRobot { rig: self.clone(), link: Link::default() }
    }

    /// The virtual clock of lockstep.
    #[must_use]
    pub fn clock(&self) -> VirtualClock {
        VirtualClock { rig: self.clone() }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Time {
        self.world().now()
    }

    /// Poses of everything that can be drawn.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.world().snapshot()
    }

    /// Where everything really is; for tests, verdicts and suites only.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.world().truth()
    }

    /// Everything that shall break.
    ///
    /// # Errors
    /// A [`Rejection`] for a fault at no possible time.
    pub fn set_faults(&self, faults: &[FaultSpec]) -> Result<(), Rejection> {
        self.world().set_faults(faults)
    }
}

/// By how much what is read is late (F23), and how many states are kept for that.
const LATE: Duration = Duration::from_millis(5);
const PAST: usize = 16;
/// Noise of measured speeds (F16), as a part of the speed limit.
const NOISY: f64 = 0.0138;

/// A world that stopped, as the robot's seam says it.
pub(crate) fn stopped(e: &SimError) -> RobotError {
    RobotError::Faulted(e.to_string())
}

/// What a link that fails has to remember.
#[derive(Default)]
pub(crate) struct Link {
    /// The state that a frozen one repeats.
    frozen: Option<JointState>,
    /// The newest states, the oldest first, for one that is late; and the stamp of what it said last.
    past: VecDeque<JointState>,
    said: Time,
}

impl Link {
    /// What is heard now of one that is late by [`LATE`]: nothing new at first, then what is so old.
    fn late(&self, now: Time) -> Option<JointState> {
        let is_through = |s: &&JointState| s.stamp + LATE <= now || s.stamp <= self.said;
        self.past.iter().rev().find(is_through).copied()
    }
}

/// Applies the link's fault to what was sensed.
pub(crate) fn through_the_link(
    fault: Option<RobotFault>,
    mut state: JointState,
    limits: &[JointLimits],
    link: &mut Link,
) -> Result<JointState, RobotError> {
    use RobotFault::{DeadEncoder, Frozen, StuckEncoder};
    if !matches!(fault, Some(Frozen | StuckEncoder(_) | DeadEncoder(_))) {
        link.frozen = None;
    }
    if link.past.len() > PAST {
        link.past.pop_front();
    }
    link.past.push_back(state);
    if fault != Some(RobotFault::Late) {
        link.said = state.stamp;
    }
    match fault {
        Some(fault @ (StuckEncoder(joint) | DeadEncoder(joint))) => {
            let before = *link.frozen.get_or_insert(state);
            if let (Some(q), Some(dq)) = (state.q.get_mut(joint), state.dq.get_mut(joint)) {
                *q = before.q[joint];
                *dq = if matches!(fault, DeadEncoder(_)) { 0.0 } else { before.dq[joint] };
            }
            Ok(state)
        }
        Some(RobotFault::JumpedEncoder(joint)) => {
            if let Some(q) = state.q.get_mut(joint) {
                *q += 0.2;
            }
            Ok(state)
        }
        Some(RobotFault::InvertedEncoder(joint)) => {
            if let (Some(q), Some(dq)) = (state.q.get_mut(joint), state.dq.get_mut(joint)) {
                (*q, *dq) = (-*q, -*dq);
            }
            Ok(state)
        }
        Some(RobotFault::SwappedEncoders(joint)) => {
            let other = (joint + 1) % state.q.len().max(1);
            for v in [&mut state.q, &mut state.dq] {
                v.swap(joint.min(other), other.max(joint));
            }
            Ok(state)
        }
        Some(RobotFault::NoisySpeed) => {
            // Of the stamp and the joint: the same in every run, and no two alike.
            for (i, dq) in state.dq.iter_mut().enumerate() {
                let mut bits =
                    (state.stamp.as_nanos() as u64 ^ (i as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                bits = (bits ^ bits >> 31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                *dq += NOISY * limits[i].velocity * ((bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0);
            }
            Ok(state)
        }
        Some(RobotFault::Silent) => Err(RobotError::Silent),
        Some(RobotFault::Nan(joint)) => {
            if let Some(q) = state.q.get_mut(joint) {
                *q = f64::NAN;
            }
            Ok(state)
        }
        Some(RobotFault::Frozen) => Ok(*link.frozen.get_or_insert(state)),
        Some(RobotFault::Late) => link.late(state.stamp).ok_or(RobotError::Silent),
        // What is wrong with the motors is wrong in the world.
        Some(
            RobotFault::Deaf
            | RobotFault::DeadMotor(_)
            | RobotFault::Runaway(_)
            | RobotFault::Pushed(_)
            | RobotFault::Strained(_),
        )
        | None => Ok(state),
    }
}

/// The robot in lockstep. Its watchdog closes the brakes when no command came before the last one's
/// `expires`, or has the motors stand by themselves where it has none; the gripper keeps its grip.
pub struct SimRobot {
    rig: Rig,
    link: Link,
}

impl Robot for SimRobot {
    fn read(&mut self) -> Result<JointState, RobotError> {
        let mut world = self.rig.world();
        if let Some(e) = world.stopped() {
            return Err(stopped(e));
        }
        let fault = robot_fault(world.faults(), world.start(), world.now());
        let state = world.sense();
        through_the_link(fault, state, world.arm().limits(), &mut self.link)
    }

    /// Takes the command and lets a millisecond pass, also when the command is refused.
    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError> {
        let mut world = self.rig.world();
        let deaf = robot_fault(world.faults(), world.start(), world.now()) == Some(RobotFault::Deaf);
        let taken = if deaf { Err(RobotError::Silent) } else { world.command(command).map_err(Into::into) };
        world.step().map_err(|e| stopped(&e))?;
        taken
    }

    fn is_live(&mut self) -> bool {
        self.rig.world().is_live()
    }

    fn let_be(&mut self) -> Result<(), RobotError> {
        self.rig.world().step().map_err(|e| stopped(&e))
    }
}

/// The world's own time. Sleeping lets it pass under the last command.
pub struct VirtualClock {
    rig: Rig,
}

impl Clock for VirtualClock {
    fn now(&self) -> Time {
        self.rig.now()
    }

    fn sleep_until(&mut self, instant: Time) {
        let mut world = self.rig.world();
        while world.now() < instant && instant <= Time::MAX {
            if world.step().is_err() {
                // A world that stopped has no more time; reading the robot says why.
                return;
            }
        }
    }
}
