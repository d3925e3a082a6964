//! The chain with its own dynamics: it does what the torques make of it, and the world pushes.
#![allow(dead_code, reason = "each test file uses its own part")]

use super::{N, Rig};
use mechanics::{Arm, ArmData, Data, Jacobian, dynamics, tool_jacobian, tool_pose};
use nalgebra::Vector3;
use std::sync::Arc;
use types::{JointCommand, JointState, JointVector};

pub(crate) struct Plant {
    arm: Arc<Arm>,
    data: Data,
    scratch: ArmData,
    jacobian: Jacobian,
    q: Vec<f64>,
    dq: Vec<f64>,
    ddq: Vec<f64>,
    told: JointVector,
    /// Force of the world on the tool, N.
    pub(crate) force: Vector3<f64>,
    /// Torque of the world on each joint at its position and speed, N·m.
    pub(crate) push: fn(usize, f64, f64) -> f64,
}

impl Plant {
    pub(crate) fn new(arm: &Arc<Arm>) -> Self {
        let n = arm.model().joints.len();
        let mut q = vec![0.0; n];
        arm.full_q(&arm.home(), 0.04, &mut q);
        Self {
            data: Data::new(arm.model()),
            scratch: ArmData::new(arm),
            jacobian: Jacobian::zeros(N),
            q,
            dq: vec![0.0; n],
            ddq: vec![0.0; n],
            told: JointVector::zeros(N),
            force: Vector3::zeros(),
            push: |_, _, _| 0.0,
            arm: Arc::clone(arm),
        }
    }

    /// The arm with something in its hand.
    pub(crate) fn carrying(arm: &Arc<Arm>, mass: f64, com: Vector3<f64>) -> Self {
        let mut plant = Self::new(arm);
        let hand = arm.model().bodies.iter().rposition(|b| b.joint_idx == Some(N - 1)).expect("a hand");
        let payload = mechanics::Payload { mass, com, inertia: nalgebra::Matrix3::zeros() };
        plant.data.set_payload(hand, Some(&payload)).expect("a body");
        plant
    }

    pub(crate) fn q(&self) -> JointVector {
        JointVector::from_fn(N, |i| self.q[i])
    }

    pub(crate) fn dq(&self) -> JointVector {
        JointVector::from_fn(N, |i| self.dq[i])
    }

    /// Where the tool is, metres.
    pub(crate) fn tool(&mut self) -> Vector3<f64> {
        let q = self.q();
        tool_pose(&self.arm, &mut self.scratch, &q).isometry().translation.vector
    }

    /// A tick of the loop, and a period of the arm under its torques; without power its brakes hold.
    pub(crate) fn tick(&mut self, rig: &mut Rig) -> JointCommand {
        let stamp = rig.now + rig.period;
        let state = JointState { stamp, q: self.q(), dq: self.dq(), tau: self.told, ..rig.state };
        let command = rig.tick_with(Some(state));
        if !command.enabled {
            self.dq.fill(0.0);
            return command;
        }
        self.told = command.tau;
        let q = self.q();
        tool_jacobian(&self.arm, &mut self.scratch, &q, &mut self.jacobian);
        // Steps of a tenth of a millisecond of semi-implicit Euler; the finger is held by itself.
        let n = (rig.period.as_secs_f64() / 1e-4 - 1e-9).ceil();
        let h = rig.period.as_secs_f64() / n;
        for _ in 0..n as u32 {
            let mut tau = vec![0.0; self.q.len()];
            for (i, tau) in tau.iter_mut().enumerate().take(N) {
                let pressed: f64 = (0..3).map(|a| self.jacobian[(a, i)] * self.force[a]).sum();
                *tau = command.tau[i] + pressed + (self.push)(i, self.q[i], self.dq[i]);
            }
            tau[N] = -500.0 * (self.q[N] - 0.02) - 5.0 * self.dq[N];
            let (q, dq, ddq) = (&self.q, &self.dq, &mut self.ddq);
            assert!(dynamics::forward(
                self.arm.model(),
                &mut self.data,
                q,
                dq,
                &tau,
                &dynamics::GRAVITY,
                ddq
            ));
            for i in 0..self.q.len() {
                self.dq[i] += h * self.ddq[i];
                self.q[i] += h * self.dq[i];
            }
        }
        command
    }

    pub(crate) fn ticks(&mut self, rig: &mut Rig, n: usize) {
        for _ in 0..n {
            self.tick(rig);
        }
    }
}
