//! Whether the arm touches itself, what it holds, or what stands around it, and how far it is from that.
//!
//! A [`Checker`] takes every geom of the model that collides. It compares links with each other (but
//! for neighbours and pairs that always or never meet), with obstacles (but for what stands still
//! with the base), and the held object with both (but for the gripper that holds it). Bounding balls
//! and boxes spare most of the work.

mod balls;
mod cover;
mod epa;
mod free;
mod gjk;
mod known;
mod matrix;
mod near;
mod queries;
mod quick;
mod reaches;
mod room;
mod solid;

pub use near::Near;
pub use queries::Clearance;
pub use room::{Keep, OwnRoom, Room};
pub use solid::Separation;

use crate::arm::Arm;
use crate::model::GeomShape;
use nalgebra::{Isometry3, Point3};
use solid::Solid;
use types::Rejection;

/// How far links must keep from each other where a larger margin is asked for, metres. Links move
/// past each other by design; a wide margin is meant for the world.
pub const SELF_MARGIN_M: f64 = 0.005;
/// What a held object is called in a [`Clearance`].
pub const HELD: &str = "held object";

/// A solid that stands in the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Obstacle {
    /// What it is called in answers and allowances; several may share a name.
    pub name: String,
    /// What it is.
    pub shape: GeomShape,
    /// Where it is.
    pub world_from_obstacle: Isometry3<f64>,
}

/// An object that the gripper holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Attached {
    /// What it is.
    pub shape: GeomShape,
    /// Where it is in the tool frame.
    pub tool_from_shape: Isometry3<f64>,
}

/// A part of the robot for which a contact may be allowed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Every link, the gripper's too; not the held object.
    Robot,
    /// The tool's body, the fingers, and what carries them.
    Gripper,
    /// The bodies that the gripper's joints move.
    Fingers,
    /// The held object.
    Held,
}

/// A geom of the robot.
#[derive(Clone, Debug)]
struct Link {
    body_idx: usize,
    /// The controlled joints that move it, one bit each.
    joints: u32,
    body_from_geom: Isometry3<f64>,
    solid: Solid,
    is_base: bool,
    is_gripper: bool,
    is_finger: bool,
}

/// A solid at a place.
#[derive(Clone, Debug)]
struct Placed {
    solid: Solid,
    pose: Isometry3<f64>,
    center: Point3<f64>,
}

impl Placed {
    fn new(solid: Solid, pose: Isometry3<f64>) -> Self {
        let center = pose * solid.center;
        Self { solid, pose, center }
    }
}

/// An obstacle, and which parts may touch it.
#[derive(Clone, Debug)]
struct Standing {
    name: String,
    at: Placed,
    allowed: Vec<Part>,
}

/// Where a link is at the pose that is looked at.
#[derive(Copy, Clone, Debug)]
struct LinkPlace {
    pose: Isometry3<f64>,
    center: Point3<f64>,
}

/// Compares one arm with itself and its surroundings. Made once per arm; cheap to clone.
#[derive(Clone, Debug)]
pub struct Checker {
    links: Vec<Link>,
    pairs: Vec<(usize, usize)>,
    /// What is known of how far all are apart.
    known: known::Known,
    /// The controlled joints that move the tool, and those that others follow.
    tool_joints: u32,
    followed: u32,
    places: Vec<LinkPlace>,
    /// Which of them are more than the middles of balls, and these.
    is_settled: Vec<bool>,
    balls: balls::Balls,
    /// The held object, where it is in the tool frame, and in the world at the pose looked at.
    held: Option<(Placed, Isometry3<f64>)>,
    obstacles: Vec<Standing>,
    allowed: Vec<(Part, String)>,
    /// What most questions end with.
    quick: quick::Quick,
    /// Every joint of the model at the pose that is looked at.
    full_q: Vec<f64>,
}

impl Checker {
    /// Prepares the arm's geoms and finds, in seeded random poses, which pairs are worth comparing. A
    /// geom whose size cannot be (a reader would have refused it) is passed over.
    #[must_use]
    pub fn new(arm: &Arm) -> Self {
        Self::compare(arm, true)
    }

    /// As [`Self::new`], and also compares what touches in the home pose: for judging whether a pose
    /// may be home. With a stated home, links that touch there do so by design.
    #[must_use]
    pub fn without_home(arm: &Arm) -> Self {
        Self::compare(arm, false)
    }

    fn compare(arm: &Arm, home_is_clear: bool) -> Self {
        let model = arm.model();
        let kin = matrix::Kin::new(arm);
        let mut links = Vec::new();
        for (body_idx, body) in model.bodies.iter().enumerate() {
            for geom in body.geoms.iter().filter(|g| g.collides) {
                if let Ok(solid) = Solid::new(&geom.name, &geom.shape) {
                    links.push(Link {
                        body_idx,
                        joints: joints_of(arm, body_idx),
                        body_from_geom: geom.body_from_geom,
                        solid,
                        is_base: kin.is_base(model, body_idx),
                        is_gripper: kin.is_gripper[body_idx],
                        is_finger: kin.is_finger[body_idx],
                    });
                }
            }
        }
        let pairs = matrix::self_pairs(arm, &links, &kin, home_is_clear);
        let known = known::Known::new(arm, &links, &pairs);
        let quick = quick::Quick::new(arm, &links, &kin, &pairs);
        let nowhere = LinkPlace { pose: Isometry3::identity(), center: Point3::origin() };
        let places = vec![nowhere; links.len()];
        Self {
            is_settled: vec![true; links.len()],
            balls: balls::Balls::new(arm, &links),
            links,
            pairs,
            known,
            tool_joints: joints_of(arm, arm.tool_body_idx()),
            followed: followed(arm),
            places,
            held: None,
            obstacles: Vec::new(),
            allowed: Vec::new(),
            quick,
            full_q: vec![0.0; model.joints.len()],
        }
    }

    /// Replaces all obstacles. Allowances by name stay.
    ///
    /// # Errors
    /// A [`Rejection`] naming the obstacle, for a size or place that is not finite or cannot be; the
    /// obstacles are then as before.
    pub fn set_obstacles(&mut self, obstacles: Vec<Obstacle>) -> Result<(), Rejection> {
        let mut standing = Vec::with_capacity(obstacles.len());
        for o in obstacles {
            let solid = Solid::new(&o.name, &o.shape)?;
            finite(&o.name, &o.world_from_obstacle)?;
            let at = Placed::new(solid, o.world_from_obstacle);
            standing.push(Standing { name: o.name, at, allowed: Vec::new() });
        }
        self.obstacles = standing;
        self.known.surround(self.obstacles.len());
        self.apply_allowances();
        Ok(())
    }

    /// Takes an object into the gripper, or nothing.
    ///
    /// # Errors
    /// A [`Rejection`] for a size or place that is not finite or cannot be; what was held stays.
    pub fn attach(&mut self, attached: Option<Attached>) -> Result<(), Rejection> {
        self.held = match attached {
            None => None,
            Some(a) => {
                let solid = Solid::new(HELD, &a.shape)?;
                finite(HELD, &a.tool_from_shape)?;
                Some((Placed::new(solid, a.tool_from_shape), a.tool_from_shape))
            }
        };
        let beyond = self.held.is_some().then(|| self.held_reach());
        self.known.hold(beyond);
        self.quick.is_stale = true;
        Ok(())
    }

    /// How far what is held reaches from the tool's origin, metres; zero for an empty hand.
    #[must_use]
    pub fn held_reach(&self) -> f64 {
        let reach = |(at, tool_from_shape): &(Placed, Isometry3<f64>)| {
            (tool_from_shape * at.solid.center).coords.norm() + at.solid.reach
        };
        self.held.as_ref().map_or(0.0, reach)
    }

    /// Lets a part of the robot touch the obstacles of a name, now and when obstacles are replaced.
    pub fn allow(&mut self, part: Part, obstacle: &str) {
        self.allowed.push((part, obstacle.to_owned()));
        self.apply_allowances();
    }

    /// Takes back every allowance.
    pub fn forbid_all(&mut self) {
        self.allowed.clear();
        self.apply_allowances();
    }

    /// How many pairs of links are compared.
    #[must_use]
    pub fn n_self_pairs(&self) -> usize {
        self.pairs.len()
    }

    /// Names of the bodies that are compared with each other, each pair once.
    #[must_use]
    pub fn self_pair_names<'a>(&self, arm: &'a Arm) -> Vec<(&'a str, &'a str)> {
        let name = |i: usize| arm.model().bodies[self.links[i].body_idx].name.as_str();
        let mut names: Vec<_> = self.pairs.iter().map(|&(i, j)| (name(i), name(j))).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn apply_allowances(&mut self) {
        self.quick.is_stale = true;
        for standing in &mut self.obstacles {
            let of_name = self.allowed.iter().filter(|(_, name)| *name == standing.name);
            standing.allowed = of_name.map(|(part, _)| *part).collect();
        }
    }
}

/// The controlled joints that others follow, one bit each.
fn followed(arm: &Arm) -> u32 {
    let leaders = arm.model().joints.iter().filter_map(|j| Some(j.mimic.as_ref()?.joint_idx));
    let bits = leaders.filter_map(|leader| arm.arm_joint_idx().iter().position(|k| *k == leader));
    bits.fold(0, |all, k| all | 1 << k)
}

/// The controlled joints between the base and a body, one bit each.
fn joints_of(arm: &Arm, body_idx: usize) -> u32 {
    let model = arm.model();
    let mut joints = 0;
    let mut at = Some(body_idx);
    while let Some(i) = at {
        if let Some(j) = model.bodies[i].joint_idx {
            let moves = model.joints[j].mimic.as_ref().map_or(j, |m| m.joint_idx);
            let controlled = arm.arm_joint_idx().iter().position(|k| *k == moves);
            joints |= controlled.map_or(0, |k| 1 << k);
        }
        at = model.bodies[i].parent;
    }
    joints
}

impl Standing {
    fn may_touch(&self, is_gripper: bool, is_finger: bool) -> bool {
        self.allowed.iter().any(|part| match part {
            Part::Robot => true,
            Part::Gripper => is_gripper,
            Part::Fingers => is_finger,
            Part::Held => false,
        })
    }

    fn may_be_touched_by_held(&self) -> bool {
        self.allowed.contains(&Part::Held)
    }
}

/// Signed distance of two shapes at their poses, and the nearest points.
///
/// # Errors
/// A [`Rejection`] for a size or a pose that is not finite or cannot be.
pub fn signed_distance(
    first: &GeomShape,
    first_pose: &Isometry3<f64>,
    second: &GeomShape,
    second_pose: &Isometry3<f64>,
) -> Result<Separation, Rejection> {
    let (a, b) = (Solid::new("first", first)?, Solid::new("second", second)?);
    finite("first", first_pose)?;
    finite("second", second_pose)?;
    solid::separation(&a, first_pose, &b, second_pose, f64::MAX)
        .ok_or_else(|| Rejection::new("second", "a distance that can be computed", "none"))
}

fn finite(name: &str, pose: &Isometry3<f64>) -> Result<(), Rejection> {
    for v in pose.translation.vector.iter().chain(pose.rotation.coords.iter()) {
        Rejection::finite(&format!("{name}.pose"), *v)?;
    }
    Ok(())
}
