//! From the composed MJCF document to a rapier world, and what the document cannot say.

use crate::error::SimError;
use crate::mjcf_out;
use crate::scene::SceneSpec;
use crate::tree::{Tree, slides};
use mechanics::{Arm, GeomShape, JointKind};
use rapier3d::prelude::*;
use rapier3d_mjcf::{MjcfLoaderOptions, MjcfMultibodyOptions, MjcfRobot};
use std::collections::BTreeMap;
use types::Shape;

/// Damping of a ball's turning, 1/s: the engine knows no rolling friction.
const BALL_DAMPING: f32 = 20.0;
/// The same for a cylinder, which rolls once it lies.
const CYLINDER_DAMPING: f32 = 8.0;
/// Stiffness of contacts: natural frequency, Hz, and damping ratio. The engine's own 30 Hz lets fingers
/// that press with 20 N sink several millimetres into a light object.
const CONTACT_HZ: f32 = 300.0;
const CONTACT_DAMPING: f32 = 1.0;
/// Surfaces nearer than this are looked at before they touch, metres; made for things of centimetres.
const PREDICTION_M: f32 = 0.002;
/// Substeps per step. Single precision lets what is held creep by half a last place of its position
/// per substep, so more are not better.
const SUBSTEPS: usize = 2;
/// An object whose fastest point moves slower than this for half a second falls asleep, m/s.
const SLEEP_SPEED: f32 = 0.01;

/// One degree of freedom of the arm in the engine.
pub(crate) struct Dof {
    /// The model's joint.
    pub(crate) joint: usize,
    /// The body it moves.
    pub(crate) body: RigidBodyHandle,
    /// The body it is moved against.
    pub(crate) parent: RigidBodyHandle,
    /// Index of the link in the multibody.
    pub(crate) link: usize,
    /// Index in the generalised vectors.
    pub(crate) dof: usize,
    /// Axis in the moved body.
    pub(crate) axis: Vector,
    /// Slides rather than turns.
    pub(crate) slides: bool,
    /// End stops.
    pub(crate) stops: Option<[f32; 2]>,
}

impl Dof {
    /// Where its coordinate stands among the six of a joint.
    pub(crate) fn axis_idx(&self) -> usize {
        if self.slides { 0 } else { 3 }
    }

    /// The joint's free axis as the engine's mask.
    pub(crate) fn axis_mask(&self) -> JointAxesMask {
        if self.slides { JointAxesMask::LIN_X } else { JointAxesMask::ANG_X }
    }

    /// Adds a generalised force as an equal and opposite pair on the two bodies.
    pub(crate) fn apply(&self, bodies: &mut RigidBodySet, tau: f64) {
        let Some(body) = bodies.get_mut(self.body) else { return };
        let wrench = body.position().rotation * self.axis * tau as f32;
        let center = body.center_of_mass();
        if self.slides {
            body.add_force(wrench, true);
        } else {
            body.add_torque(wrench, true);
        }
        let Some(parent) = bodies.get_mut(self.parent) else { return };
        if self.slides {
            parent.add_force_at_point(-wrench, center, true);
        } else {
            parent.add_torque(-wrench, true);
        }
    }
}

/// What loading gives.
pub(crate) struct Loaded {
    pub(crate) engine: PhysicsWorld,
    pub(crate) multibody: MultibodyJointHandle,
    pub(crate) dofs: Vec<Dof>,
    pub(crate) groups: Vec<RigidBodyHandle>,
    pub(crate) objects: Vec<RigidBodyHandle>,
    pub(crate) table: RigidBodyHandle,
}

/// Loads the document.
pub(crate) fn load(arm: &Arm, tree: &Tree, scene: &SceneSpec, mjcf: &str) -> Result<Loaded, SimError> {
    let options = MjcfLoaderOptions {
        collider_blueprint: ColliderBuilder::default()
            .density(0.0)
            .friction_combine_rule(CoefficientCombineRule::Max),
        ..MjcfLoaderOptions::default()
    };
    let (robot, _) =
        MjcfRobot::from_str(mjcf, options, ".").map_err(|e| SimError::Build(format!("{e:#}")))?;
    let index: BTreeMap<String, usize> =
        robot.body_name_to_idx.iter().map(|(k, v)| (k.clone(), *v)).collect();
    let mut engine = PhysicsWorld::new();
    engine.gravity = Vector::new(0.0, 0.0, -9.81);
    let p = &mut engine.integration_parameters;
    p.contact_softness = SpringCoefficients::new(CONTACT_HZ, CONTACT_DAMPING);
    p.static_contact_softness = p.contact_softness;
    p.normalized_prediction_distance = PREDICTION_M;
    p.num_solver_iterations = SUBSTEPS;
    // Contacts that are reused while things move by less than centimetres hold what should slide.
    p.contact_recycling = false;
    let handles = robot.insert_using_multibody_joints(
        &mut engine.bodies,
        &mut engine.colliders,
        &mut engine.multibody_joints,
        &mut engine.impulse_joints,
        // The arm's parts may overlap where they are bolted together; what must not touch is the
        // planner's to keep apart. Couplings are added below, in MuJoCo's sense of the two joints.
        MjcfMultibodyOptions::DISABLE_SELF_CONTACTS | MjcfMultibodyOptions::SKIP_LOOP_CLOSURES,
    );
    let body = |name: &str| {
        let i = index.get(name).copied();
        let handle = i.and_then(|i| handles.bodies.get(i)?.as_ref()).map(|b| b.body);
        handle.ok_or_else(|| SimError::Build(format!("body {name} was lost while loading")))
    };
    let table = body("table")?;
    let groups = (0..tree.groups.len())
        .map(|i| body(&mjcf_out::group_name(i, arm, tree)))
        .collect::<Result<Vec<_>, _>>()?;
    let objects =
        scene.objects.iter().map(|o| body(&mjcf_out::object_name(o))).collect::<Result<Vec<_>, _>>()?;
    // The loader marks every collider for contact hooks that are not used here; the mark alone forbids
    // the engine to reuse contacts that did not change.
    for (_, c) in engine.colliders.iter_mut() {
        c.set_active_hooks(ActiveHooks::empty());
    }
    add_hulls(arm, tree, &groups, &mut engine)?;
    for h in &groups {
        if let Some(b) = engine.bodies.get_mut(*h) {
            *b.activation_mut() = RigidBodyActivation::cannot_sleep();
        }
    }
    for (o, h) in scene.objects.iter().zip(&objects) {
        let Some(b) = engine.bodies.get_mut(*h) else { continue };
        // The loader lets nothing sleep.
        *b.activation_mut() = RigidBodyActivation::active();
        b.activation_mut().normalized_linear_threshold = SLEEP_SPEED;
        b.set_angular_damping(match o.shape {
            Shape::Ball => BALL_DAMPING,
            Shape::Cylinder => CYLINDER_DAMPING,
            _ => 0.0,
        });
    }
    let joint = handles.joints.iter().find_map(|j| j.joint);
    let multibody = joint.ok_or_else(|| SimError::Build("the arm has no moving joint".into()))?;
    let dofs = degrees_of_freedom(arm, tree, &groups, multibody, &mut engine)?;
    Ok(Loaded { engine, multibody, dofs, groups, objects, table })
}

/// The loader reads no meshes without further dependencies: hulls are added here.
fn add_hulls(
    arm: &Arm,
    tree: &Tree,
    groups: &[RigidBodyHandle],
    engine: &mut PhysicsWorld,
) -> Result<(), SimError> {
    for (i, group) in tree.groups.iter().enumerate() {
        let friction = if mjcf_out::is_gripping(arm, tree, i) {
            mjcf_out::FINGER_FRICTION
        } else {
            mjcf_out::OBJECT_FRICTION
        };
        for (b, group_from_body) in &group.members {
            let body = &arm.model().bodies[*b];
            for g in body.geoms.iter().filter(|g| g.collides) {
                let GeomShape::Hull { points, triangles } = &g.shape else { continue };
                let place = group_from_body * g.body_from_geom;
                let corners: Vec<Vector> = points
                    .iter()
                    .map(|p| place * p)
                    .map(|p| Vector::new(p.x as f32, p.y as f32, p.z as f32))
                    .collect();
                // The points are a hull already. Where rounding makes the engine's own search for it fail, the
                // triangles that are known do.
                let known = || ColliderBuilder::convex_mesh(corners.clone(), triangles);
                let hull = ColliderBuilder::convex_hull(&corners).or_else(known).ok_or_else(|| {
                    SimError::Build(format!("the mesh of link {} has no convex hull", body.name))
                })?;
                let hull = hull
                    .density(0.0)
                    .friction(friction as f32)
                    .friction_combine_rule(CoefficientCombineRule::Max);
                engine.colliders.insert_with_parent(hull, groups[i], &mut engine.bodies);
            }
        }
    }
    Ok(())
}

/// Finds the arm's joints in the multibody, sets their damping, and ties those that move together.
fn degrees_of_freedom(
    arm: &Arm,
    tree: &Tree,
    groups: &[RigidBodyHandle],
    multibody: MultibodyJointHandle,
    engine: &mut PhysicsWorld,
) -> Result<Vec<Dof>, SimError> {
    let Some((mb, _)) = engine.multibody_joints.get_mut(multibody) else {
        return Err(SimError::Build("the arm has no moving joint".into()));
    };
    // The base counts as free until it is looked at once.
    mb.forward_kinematics(&engine.bodies, true);
    let model = arm.model();
    let mut out = Vec::new();
    let mut links: Vec<Option<usize>> = vec![None; model.joints.len()];
    for (i, group) in tree.groups.iter().enumerate() {
        let (Some(j), Some(p)) = (group.joint, group.parent) else { continue };
        let link = mb.links().find(|l| l.rigid_body_handle() == groups[i]);
        let Some((link, dof)) = link.map(|l| (l.link_id(), l.assembly_id())) else {
            return Err(SimError::Build(format!("joint {} was lost while loading", model.joints[j].name)));
        };
        links[j] = Some(link);
        let joint = &model.joints[j];
        // The engine gives every joint some damping of its own unless told otherwise.
        mb.damping_mut()[dof] = joint.damping as f32;
        let limits = arm.arm_joint_idx().iter().position(|k| *k == j).map(|k| arm.limits()[k]);
        let limits = limits.unwrap_or(joint.limits);
        let stops =
            (joint.kind != JointKind::Continuous).then_some([limits.lower as f32, limits.upper as f32]);
        let a = joint.axis;
        out.push(Dof {
            joint: j,
            body: groups[i],
            parent: groups[p],
            link,
            dof,
            axis: Vector::new(a.x as f32, a.y as f32, a.z as f32),
            slides: slides(joint.kind),
            stops,
        });
    }
    for c in &tree.couplings {
        let (Some(link1), Some(link2)) = (links[c.leader], links[c.follower]) else { continue };
        let axis = |j: usize| if slides(model.joints[j].kind) { 0 } else { 3 };
        mb.add_dof_coupling(MultibodyDofCoupling {
            link1,
            dof1: 0,
            axis1: axis(c.leader),
            link2,
            dof2: 0,
            axis2: axis(c.follower),
            coeff: c.coeff as f32,
            offset: c.offset as f32,
        });
    }
    Ok(out)
}
