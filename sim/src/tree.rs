//! The arm as physics moves it: bodies that cannot move against each other are one.

use crate::error::SimError;
use mechanics::{Arm, JointKind, Model, kinematics};
use nalgebra::{Isometry3, Matrix3, Vector3};
use types::JointVector;

/// Bodies welded together, moved by at most one joint.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// The body whose frame is the group's.
    pub(crate) root: usize,
    /// The joint that moves it; `None` for the base.
    pub(crate) joint: Option<usize>,
    /// The group it hangs on.
    pub(crate) parent: Option<usize>,
    /// Where it is in its parent with its joint at zero (the base: in the world).
    pub(crate) parent_from_group: Isometry3<f64>,
    /// Mass, kg.
    pub(crate) mass: f64,
    /// Centre of mass in the group, metres.
    pub(crate) com: Vector3<f64>,
    /// Inertia about the centre of mass, group axes, kg·m².
    pub(crate) inertia: Matrix3<f64>,
    /// Its bodies, and where they are in it.
    pub(crate) members: Vec<(usize, Isometry3<f64>)>,
}

/// `follower = coeff · leader + offset`, both indices of model joints.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Coupling {
    pub(crate) leader: usize,
    pub(crate) follower: usize,
    pub(crate) coeff: f64,
    pub(crate) offset: f64,
}

/// The groups of an arm; a parent comes before its children, the base is first.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) groups: Vec<Group>,
    /// Group of each body of the model.
    pub(crate) group_of_body: Vec<usize>,
    /// Group that each joint moves; `None` for a joint that stands still.
    pub(crate) group_of_joint: Vec<Option<usize>>,
    /// Joints that follow others.
    pub(crate) couplings: Vec<Coupling>,
}

impl Tree {
    /// Welds what does not move: fixed bodies, and joints that nobody drives, where they rest.
    pub(crate) fn new(arm: &Arm) -> Result<Self, SimError> {
        let model = arm.model();
        let couplings = couplings(arm);
        let moves = |j: usize| {
            arm.arm_joint_idx().contains(&j)
                || arm.gripper_joint_idx().contains(&j)
                || couplings.iter().any(|c| c.follower == j)
        };
        let mut rest = vec![0.0; model.joints.len()];
        arm.full_q(&JointVector::zeros(arm.n_joints()), 0.0, &mut rest);
        let mut tree = Self {
            groups: Vec::new(),
            group_of_body: vec![0; model.bodies.len()],
            group_of_joint: vec![None; model.joints.len()],
            couplings: Vec::new(),
        };
        for (i, body) in model.bodies.iter().enumerate() {
            let fixed = body.parent_from_body;
            let Some(parent) = body.parent else {
                if i > 0 {
                    return Err(SimError::Build(format!("the robot has a second base: {}", body.name)));
                }
                tree.groups.push(Group::new(i, None, None, arm.world_from_base() * fixed));
                continue;
            };
            let home = tree.group_of_body[parent];
            let home_from_parent = tree.member_pose(home, parent);
            match body.joint_idx {
                Some(j) if moves(j) => {
                    tree.group_of_body[i] = tree.groups.len();
                    tree.group_of_joint[j] = Some(tree.groups.len());
                    tree.groups.push(Group::new(i, Some(j), Some(home), home_from_parent * fixed));
                }
                joint => {
                    let still = joint.map_or_else(Isometry3::identity, |j| {
                        kinematics::joint_motion(model.joints[j].kind, &model.joints[j].axis, rest[j])
                    });
                    tree.group_of_body[i] = home;
                    tree.groups[home].members.push((i, home_from_parent * fixed * still));
                }
            }
        }
        for group in &mut tree.groups {
            group.add_masses(model);
            if group.joint.is_some() && (group.mass <= 0.0 || group.inertia.trace() <= 0.0) {
                let name = &model.bodies[group.root].name;
                return Err(SimError::Build(format!("link {name} moves and has no mass or no inertia")));
            }
        }
        tree.couplings = couplings;
        Ok(tree)
    }

    /// Where a body of a group is in it.
    pub(crate) fn member_pose(&self, group: usize, body: usize) -> Isometry3<f64> {
        let members = &self.groups[group].members;
        members.iter().find(|(b, _)| *b == body).map_or_else(Isometry3::identity, |(_, pose)| *pose)
    }
}

impl Group {
    fn new(
        root: usize,
        joint: Option<usize>,
        parent: Option<usize>,
        parent_from_group: Isometry3<f64>,
    ) -> Self {
        Self {
            root,
            joint,
            parent,
            parent_from_group,
            mass: 0.0,
            com: Vector3::zeros(),
            inertia: Matrix3::zeros(),
            members: vec![(root, Isometry3::identity())],
        }
    }

    /// Sums the members' masses and inertias (parallel axes: Steiner).
    fn add_masses(&mut self, model: &Model) {
        let of = |(i, pose): &(usize, Isometry3<f64>)| {
            let body = &model.bodies[*i];
            let r = pose.rotation.to_rotation_matrix();
            let com = pose * nalgebra::Point3::from(body.com);
            (body.mass, com.coords, r * body.inertia * r.transpose())
        };
        self.mass = self.members.iter().map(|m| of(m).0).sum();
        if self.mass <= 0.0 {
            return;
        }
        self.com = self.members.iter().map(|m| of(m).0 * of(m).1).sum::<Vector3<f64>>() / self.mass;
        for member in &self.members {
            let (mass, com, inertia) = of(member);
            let d = com - self.com;
            self.inertia += inertia + mass * (d.norm_squared() * Matrix3::identity() - d * d.transpose());
        }
    }
}

/// Gripper joints open and close together; a mimicking joint follows what it mimics.
fn couplings(arm: &Arm) -> Vec<Coupling> {
    let model = arm.model();
    let gripper = arm.gripper_joint_idx();
    let g = &arm.profile().gripper;
    let mut out = Vec::new();
    for i in 1..gripper.len() {
        let coeff = (g.open[i] - g.closed[i]) / (g.open[0] - g.closed[0]);
        let offset = g.closed[i] - coeff * g.closed[0];
        out.push(Coupling { leader: gripper[0], follower: gripper[i], coeff, offset });
    }
    for (j, joint) in model.joints.iter().enumerate() {
        let Some(m) = joint.mimic else { continue };
        let driven = arm.arm_joint_idx().contains(&m.joint_idx) || gripper.contains(&m.joint_idx);
        if driven && !gripper.contains(&j) {
            out.push(Coupling { leader: m.joint_idx, follower: j, coeff: m.multiplier, offset: m.offset });
        }
    }
    out
}

/// Whether a joint slides.
pub(crate) fn slides(kind: JointKind) -> bool {
    matches!(kind, JointKind::Prismatic)
}
