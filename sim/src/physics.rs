//! The rigid-body engine: loads the composed document, takes generalised forces, steps.
//!
//! rapier works in single precision; everything outside this module is double.

use crate::error::SimError;
use crate::load::{Dof, Loaded, load};
use crate::scene::SceneSpec;
use crate::tree::Tree;
use mechanics::Arm;
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};
use rapier3d::prelude::*;
use types::Time;

/// Physics step, seconds.
pub(crate) const DT: f64 = 0.001;
/// A joint's end stop takes part in the solution only when it is nearer than this, rad or m: far from
/// the stops it would only cost time.
const NEAR_STOP: f32 = 0.05;

/// The loaded engine.
pub(crate) struct Physics {
    engine: PhysicsWorld,
    multibody: MultibodyJointHandle,
    dofs: Vec<Dof>,
    groups: Vec<RigidBodyHandle>,
    objects: Vec<RigidBodyHandle>,
    table: RigidBodyHandle,
    brake: Vec<f32>,
}

impl Physics {
    /// Loads `mjcf` and puts the arm's joints where `full_q` (one per model joint) says.
    pub(crate) fn new(
        arm: &Arm,
        tree: &Tree,
        scene: &SceneSpec,
        mjcf: &str,
        full_q: &[f64],
    ) -> Result<Self, SimError> {
        let Loaded { mut engine, multibody, dofs, groups, objects, table } = load(arm, tree, scene, mjcf)?;
        engine.integration_parameters.dt = 0.0;
        // A step of no duration: masses are summed, the base becomes fixed.
        engine.step();
        engine.integration_parameters.dt = DT as f32;
        let mut out = Self { engine, multibody, brake: vec![0.0; dofs.len()], dofs, groups, objects, table };
        out.place(full_q)?;
        Ok(out)
    }

    /// Puts every joint at its position, at rest.
    fn place(&mut self, full_q: &[f64]) -> Result<(), SimError> {
        let bodies = &mut self.engine.bodies;
        let Some((mb, _)) = self.engine.multibody_joints.get_mut(self.multibody) else {
            return Err(SimError::Build("the arm has no moving joint".into()));
        };
        mb.forward_kinematics(bodies, true);
        let mut displacement = vec![0.0; mb.ndofs()];
        for d in &self.dofs {
            let here = mb.link(d.link).map_or(0.0, |l| l.joint().coords()[d.axis_idx()]);
            displacement[d.dof] = full_q[d.joint] as f32 - here;
        }
        mb.apply_displacements(&displacement);
        mb.forward_kinematics(bodies, false);
        mb.update_rigid_bodies(bodies, true);
        Ok(())
    }

    /// The moving joints, in the engine's order.
    pub(crate) fn dofs(&self) -> &[Dof] {
        &self.dofs
    }

    /// Position and velocity of every degree of freedom: rad, rad/s (m, m/s).
    pub(crate) fn joints(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let mb = self.engine.multibody_joints.get(self.multibody).map(|(mb, _)| mb);
        self.dofs.iter().map(move |d| {
            let Some(mb) = mb else { return (f64::NAN, f64::NAN) };
            let q = mb.link(d.link).map_or(f32::NAN, |l| l.joint().coords()[d.axis_idx()]);
            (f64::from(q), f64::from(mb.generalized_velocity()[d.dof]))
        })
    }

    /// Dry friction of the brake on a degree of freedom, N·m (N); zero releases it.
    pub(crate) fn set_brake(&mut self, dof: usize, torque: f64) {
        let torque = torque as f32;
        if self.brake[dof] == torque {
            return;
        }
        self.brake[dof] = torque;
        if let Some((mb, _)) = self.engine.multibody_joints.get_mut(self.multibody) {
            mb.frictions_mut()[self.dofs[dof].dof] = torque;
        }
    }

    /// Advances by one step under the generalised forces `tau`, one per degree of freedom.
    pub(crate) fn step(&mut self, tau: &[f64], at: Time) -> Result<(), SimError> {
        self.near_stops();
        for &h in &self.groups {
            if let Some(b) = self.engine.bodies.get_mut(h) {
                b.reset_forces(false);
                b.reset_torques(false);
            }
        }
        for (d, &t) in self.dofs.iter().zip(tau) {
            d.apply(&mut self.engine.bodies, t);
        }
        self.engine.step();
        self.check(at)
    }

    /// Switches each end stop on when its joint is near it.
    fn near_stops(&mut self) {
        let Some((mb, _)) = self.engine.multibody_joints.get_mut(self.multibody) else { return };
        for d in &self.dofs {
            let Some([lower, upper]) = d.stops else { continue };
            let Some(link) = mb.link_mut(d.link) else { continue };
            let q = link.joint().coords()[d.axis_idx()];
            let near = q < lower + NEAR_STOP || q > upper - NEAR_STOP;
            link.joint.data.limit_axes = if near { d.axis_mask() } else { JointAxesMask::empty() };
        }
    }

    /// The engine disables a non-finite body and goes on; here it is an error.
    fn check(&self, at: Time) -> Result<(), SimError> {
        let fail = |what: String| Err(SimError::NonFinite { at, what });
        let quarantine = self.engine.quarantine();
        if !quarantine.is_empty() {
            return fail(format!("{} bodies were set aside by the engine", quarantine.bodies().len().max(1)));
        }
        if let Some(i) = self.joints().position(|(q, dq)| !q.is_finite() || !dq.is_finite()) {
            return fail(format!("joint {} of the robot", self.dofs[i].joint));
        }
        for (i, h) in self.objects.iter().enumerate() {
            let finite = self.engine.bodies.get(*h).is_some_and(|b| {
                b.position().is_finite() && b.linvel().is_finite() && b.angvel().is_finite()
            });
            if !finite {
                return fail(format!("object {i}"));
            }
        }
        Ok(())
    }

    fn pose(&self, h: RigidBodyHandle) -> Isometry3<f64> {
        self.engine.bodies.get(h).map_or_else(Isometry3::identity, |b| isometry(b.position()))
    }

    /// Pose of a group of the arm in the world.
    pub(crate) fn group_pose(&self, i: usize) -> Isometry3<f64> {
        self.pose(self.groups[i])
    }

    /// Pose of an object in the world.
    pub(crate) fn object_pose(&self, i: usize) -> Isometry3<f64> {
        self.pose(self.objects[i])
    }

    /// Linear and angular speed of an object, m/s and rad/s.
    pub(crate) fn object_speed(&self, i: usize) -> (f64, f64) {
        self.engine
            .bodies
            .get(self.objects[i])
            .map_or((0.0, 0.0), |b| (f64::from(b.linvel().length()), f64::from(b.angvel().length())))
    }

    /// Whether the engine has put an object to sleep.
    pub(crate) fn object_sleeps(&self, i: usize) -> bool {
        self.engine.bodies.get(self.objects[i]).is_some_and(RigidBody::is_sleeping)
    }

    /// Which groups of the arm touch an object.
    pub(crate) fn groups_touching(&self, object: usize) -> Vec<usize> {
        (0..self.groups.len()).filter(|&g| self.touch(self.objects[object], self.groups[g])).collect()
    }

    /// Whether an object touches the table.
    pub(crate) fn on_table(&self, object: usize) -> bool {
        self.touch(self.objects[object], self.table)
    }

    /// Whether two objects touch.
    pub(crate) fn objects_touch(&self, a: usize, b: usize) -> bool {
        self.touch(self.objects[a], self.objects[b])
    }

    fn touch(&self, a: RigidBodyHandle, b: RigidBodyHandle) -> bool {
        let (bodies, narrow) = (&self.engine.bodies, &self.engine.narrow_phase);
        let (Some(a), Some(b)) = (bodies.get(a), bodies.get(b)) else { return false };
        a.colliders().iter().any(|&ca| {
            b.colliders().iter().any(|&cb| {
                narrow.contact_pair(ca, cb).is_some_and(|p| {
                    // A contact is also kept for surfaces that are about to touch.
                    p.has_any_active_contact() && p.find_deepest_contact().is_some_and(|(_, c)| c.dist < 5e-4)
                })
            })
        })
    }

    /// Every bit of the moving state, folded (FNV-1a).
    pub(crate) fn hash(&self) -> u64 {
        let mut h: u64 = 0xcbf2_9ce4_8422_2325;
        let mut fold = |v: f32| {
            for byte in v.to_bits().to_le_bytes() {
                h = (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        };
        for (q, dq) in self.joints() {
            fold(q as f32);
            fold(dq as f32);
        }
        for b in self.objects.iter().filter_map(|o| self.engine.bodies.get(*o)) {
            let (p, r) = (b.position().translation, b.position().rotation);
            for v in [p.x, p.y, p.z, r.x, r.y, r.z, r.w] {
                fold(v);
            }
            for v in [b.linvel(), b.angvel()] {
                fold(v.x);
                fold(v.y);
                fold(v.z);
            }
        }
        h
    }

    /// Sets an object down somewhere else, at rest; for tests and scripted scenes.
    pub(crate) fn move_object(&mut self, i: usize, world_from_object: &Isometry3<f64>) {
        if let Some(b) = self.engine.bodies.get_mut(self.objects[i]) {
            b.set_position(pose(world_from_object), true);
            b.set_linvel(Vector::ZERO, true);
            b.set_angvel(Vector::ZERO, true);
        }
    }
}

fn isometry(p: &Pose) -> Isometry3<f64> {
    let (t, r) = (p.translation, p.rotation);
    let q = Quaternion::new(f64::from(r.w), f64::from(r.x), f64::from(r.y), f64::from(r.z));
    Isometry3::from_parts(
        Translation3::new(f64::from(t.x), f64::from(t.y), f64::from(t.z)),
        UnitQuaternion::from_quaternion(q),
    )
}

fn pose(i: &Isometry3<f64>) -> Pose {
    let (t, q) = (i.translation, i.rotation);
    Pose::from_parts(
        Vector::new(t.x as f32, t.y as f32, t.z as f32),
        Rotation::from_xyzw(q.i as f32, q.j as f32, q.k as f32, q.w as f32),
    )
}
