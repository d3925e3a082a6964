//! What the simulator's tests share: the built-in arms, and a plain way to drive one.
#![allow(dead_code, unreachable_pub)] // each test file takes what it needs

use mechanics::{Arm, ArmData, Jacobian, inverse_dynamics, tool_jacobian, tool_pose};
use nalgebra::{DMatrix, Isometry3, Vector6};
use sim::{ObjectSpec, SceneSpec, World};
use std::path::Path;
use types::{Color, Drive, GripperCommand, JointCommand, JointVector, RobotProfile, Shape, Size, Time};

/// A built-in arm: `panda` or `so101`, told torques.
pub fn arm(name: &str) -> Arm {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots");
    let text = std::fs::read_to_string(dir.join(format!("{name}.toml"))).expect("profile");
    let mut profile: RobotProfile = toml::from_str(&text).expect("profile");
    profile.drive = Drive::Torque;
    let model = mechanics::load(&dir.join(&profile.model)).expect("model");
    Arm::new(model, profile).expect("arm")
}

/// An object on the table.
pub fn object(name: &str, shape: Shape, size: Size, position_m: [f64; 2]) -> ObjectSpec {
    ObjectSpec { name: name.into(), shape, size, color: Color::Red, position_m, yaw_rad: 0.0, z_m: None }
}

/// A scene of these objects.
pub fn scene(objects: Vec<ObjectSpec>) -> SceneSpec {
    SceneSpec { objects, ..SceneSpec::default() }
}

/// Drives an arm by computed torque towards joint targets.
pub struct Driver {
    pub arm: Arm,
    pub data: ArmData,
    pub gripper: GripperCommand,
    pub q: JointVector,
}

impl Driver {
    pub fn new(arm: Arm) -> Self {
        let g = &arm.profile().gripper;
        let gripper = GripperCommand { width_m: g.width_m, force_n: g.force_n };
        Self { data: ArmData::new(&arm), q: arm.home(), gripper, arm }
    }

    /// The command that tracks (q, dq, ddq) from the state measured now.
    pub fn command(&mut self, world: &mut World, q: &JointVector, dq: &JointVector) -> JointCommand {
        let s = world.sense();
        let n = q.len();
        let (kp, kd) = (self.arm.profile().kp.clone(), self.arm.profile().kd.clone());
        let ddq = JointVector::from_fn(n, |i| kp[i] * (q[i] - s.q[i]) + kd[i] * (dq[i] - s.dq[i]));
        let mut tau = JointVector::zeros(n);
        let w = s.gripper.width_m;
        inverse_dynamics(&self.arm, &mut self.data, &s.q, &s.dq, &ddq, w, &mut tau);
        JointCommand {
            stamp: world.now(),
            expires: Time::from_nanos(world.now().as_nanos() + 20_000_000),
            q: *q,
            dq: *dq,
            ddq,
            tau,
            gripper: self.gripper,
            enabled: true,
        }
    }

    /// Holds the target for `steps` milliseconds.
    pub fn hold(&mut self, world: &mut World, steps: usize) {
        let zero = JointVector::zeros(self.q.len());
        for _ in 0..steps {
            let q = self.q;
            let c = self.command(world, &q, &zero);
            world.command(&c).expect("valid");
            world.step().expect("physics");
        }
    }

    /// Moves the tool along a straight line to `target` in `steps` milliseconds (damped least squares on
    /// a quintic in time), from where the last target left it.
    pub fn reach(&mut self, world: &mut World, target: &Isometry3<f64>, steps: usize) {
        let n = self.q.len();
        let from = *tool_pose(&self.arm, &mut self.data, &self.q).isometry();
        let mut jac = Jacobian::zeros(n);
        for k in 1..=steps {
            let t = k as f64 / steps as f64;
            let s = t * t * t * (10.0 + t * (-15.0 + 6.0 * t));
            let wanted = Isometry3::from_parts(
                from.translation.vector.lerp(&target.translation.vector, s).into(),
                from.rotation.slerp(&target.rotation, s),
            );
            let before = self.q;
            for _ in 0..3 {
                let now = *tool_pose(&self.arm, &mut self.data, &self.q).isometry();
                let dp = wanted.translation.vector - now.translation.vector;
                let dr = (wanted.rotation * now.rotation.inverse()).scaled_axis();
                let e = Vector6::new(dp.x, dp.y, dp.z, dr.x, dr.y, dr.z);
                tool_jacobian(&self.arm, &mut self.data, &self.q, &mut jac);
                let j = DMatrix::from_fn(6, n, |r, c| jac[(r, c)]);
                let a = &j * j.transpose() + DMatrix::identity(6, 6) * 1e-6;
                let x = a.lu().solve(&nalgebra::DVector::from_column_slice(e.as_slice())).expect("regular");
                let dq = j.transpose() * x;
                for i in 0..n {
                    self.q[i] += dq[i];
                }
            }
            let dq = JointVector::from_fn(n, |i| (self.q[i] - before[i]) / 1e-3);
            let q = self.q;
            let c = self.command(world, &q, &dq);
            world.command(&c).expect("valid");
            world.step().expect("physics");
        }
    }
}

/// Tool pose that points down at (x, y, z), fingers moving along the world's direction `yaw` from y.
pub fn down(x: f64, y: f64, z: f64, yaw: f64) -> Isometry3<f64> {
    let flip = nalgebra::UnitQuaternion::from_axis_angle(&nalgebra::Vector3::x_axis(), std::f64::consts::PI);
    let turn = nalgebra::UnitQuaternion::from_axis_angle(&nalgebra::Vector3::z_axis(), yaw);
    Isometry3::from_parts(nalgebra::Translation3::new(x, y, z), turn * flip)
}
