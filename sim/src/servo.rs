//! The motors' own controllers of a robot that takes positions or velocities: a position loop over a velocity loop
//! whose integral part carries the arm's weight. They know the arm's inertia, so that no joint disturbs another, as
//! the controllers of such arms do or their high gears make it.

use mechanics::{Arm, ArmData, mass_matrix};
use types::{Drive, JointCommand, JointState, JointVector, MAX_JOINTS};

/// Bandwidth of the velocity loop, its integral part, and the position loop, 1/s.
const VELOCITY: f64 = 120.0;
const INTEGRAL: f64 = 30.0;
const POSITION: f64 = 25.0;
/// A controller never asks for more than so many times a joint's speed limit.
const FASTEST: f64 = 1.5;

/// The controllers of all joints.
pub(crate) struct Servos {
    data: ArmData,
    /// What the integral parts hold, N·m (N).
    held: JointVector,
}

impl Servos {
    pub(crate) fn new(arm: &Arm) -> Self {
        Self { data: ArmData::new(arm), held: JointVector::zeros(arm.n_joints()) }
    }

    /// They take over from what gave `torque`, N·m (N): brakes, or other controllers.
    pub(crate) fn begin(&mut self, torque: JointVector) {
        self.held = torque;
    }

    /// Torques for the next `dt` seconds, N·m (N).
    pub(crate) fn torque(
        &mut self,
        arm: &Arm,
        command: &JointCommand,
        here: &JointState,
        dt: f64,
    ) -> JointVector {
        let goes_to_place = arm.profile().drive == Drive::Position;
        self.lead(arm, (&command.q, &command.dq), goes_to_place, here, dt)
    }

    /// The same, to stand at `q` whatever the robot is told otherwise.
    pub(crate) fn hold(&mut self, arm: &Arm, q: &JointVector, here: &JointState, dt: f64) -> JointVector {
        self.lead(arm, (q, &JointVector::zeros(q.len())), true, here, dt)
    }

    fn lead(
        &mut self,
        arm: &Arm,
        (q, dq): (&JointVector, &JointVector),
        goes_to_place: bool,
        here: &JointState,
        dt: f64,
    ) -> JointVector {
        let to_place = if goes_to_place { POSITION } else { 0.0 };
        let limits = arm.limits();
        let n = limits.len();
        let lacks = JointVector::from_fn(n, |i| {
            let fastest = FASTEST * limits[i].velocity;
            let wanted = dq[i] + to_place * (q[i] - here.q[i]);
            wanted.clamp(-fastest, fastest) - here.dq[i]
        });
        let mass = mass_matrix::<MAX_JOINTS>(arm, &mut self.data, &here.q, here.gripper.width_m);
        JointVector::from_fn(n, |i| {
            let most = limits[i].torque;
            let push = VELOCITY * (0..n).map(|j| mass[(i, j)] * lacks[j]).sum::<f64>();
            self.held[i] = (self.held[i] + push * INTEGRAL * dt).clamp(-most, most);
            (push + self.held[i]).clamp(-most, most)
        })
    }
}
