//! What looks at other poses leave of distances.
//!
//! No two solids come nearer to each other than the joints between them move any point: distances are 1-Lipschitz
//! in that. So what was found at one pose bounds what can be found at another, and a pair whose bound is beyond what
//! is asked for need not be compared. What is compared is compared as ever, but for the pair of links that is nearest:
//! that comparison begins where the last has ended, which takes half as long and is as good.

use super::gjk::Seed;
use super::reaches::{far, note_reaches, reaches, whole_reaches};
use super::{Checker, Link};
use crate::arm::Arm;
use crate::model::JointKind;

/// Distances are good to a micrometre; so much less than one is a bound, metres.
const GOOD_TO_M: f64 = 5e-6;

/// Pairs of links of the same two bodies.
#[derive(Clone, Debug)]
pub(super) struct Group {
    bodies: (usize, usize),
    /// Per joint of the model, how far from its axis any point of the link that it moves against the other is, metres.
    reaches: Vec<f64>,
    /// Per controlled joint, which part that is of how far the whole arm reaches.
    shares: Vec<f64>,
    /// Places in the list of all pairs.
    pub(super) pairs: Vec<usize>,
}

/// Lower bounds of distances, at one pose.
#[derive(Clone, Debug)]
struct Bounds {
    /// Every joint of the model there.
    at: Vec<f64>,
    is_set: bool,
    /// Of every pair of links, and the least of every group.
    pairs: Vec<f64>,
    groups: Vec<f64>,
    /// Of every obstacle, from the arm and what it holds.
    obstacles: Vec<f64>,
    /// The pair that left the least the last time, and its group.
    nearest: Option<(usize, usize)>,
    /// Where its comparison has ended.
    seed: Seed,
    /// The obstacles that did: one that stands, one that may move.
    nearest_obstacles: [Option<usize>; 2],
}

/// Bounds at several poses: at each of the places that are looked at in turn again and again.
#[derive(Clone, Debug)]
pub(super) struct Known {
    bounds: Vec<Bounds>,
    /// The place that is looked at, and whether there is a pose.
    place: usize,
    is_lost: bool,
    /// Per joint, how far from its axis any point is that it moves, metres: of a link, and of the tool's origin.
    /// A joint that slides moves everything alike, by 1, and needs no other.
    link_reaches: Vec<f64>,
    tool_reaches: Vec<Option<f64>>,
    /// With what is held.
    reaches: Vec<f64>,
    pub(super) groups: Vec<Group>,
}

impl Known {
    pub(super) fn new(arm: &Arm, links: &[Link], pairs: &[(usize, usize)]) -> Self {
        let model = arm.model();
        let n = model.joints.len();
        let link_far = reaches(model, &far(model, links));
        let mut tool_far = vec![f64::NEG_INFINITY; model.bodies.len()];
        tool_far[arm.tool_body_idx()] = arm.body_from_tool().translation.vector.norm();
        let tool_far = reaches(model, &tool_far);
        let of = |far: &[f64]| {
            let of = |j: &crate::model::Joint| match j.kind {
                JointKind::Prismatic => 1.0,
                _ => far[j.body_idx],
            };
            model.joints.iter().map(of).collect::<Vec<f64>>()
        };
        let mut groups: Vec<Group> = Vec::new();
        for (k, &(i, j)) in pairs.iter().enumerate() {
            let bodies = (links[i].body_idx, links[j].body_idx);
            let at = groups.iter().position(|g| g.bodies == bodies).unwrap_or_else(|| {
                let (reaches, shares) = (vec![0.0; n], Vec::new());
                groups.push(Group { bodies, reaches, shares, pairs: Vec::new() });
                groups.len() - 1
            });
            let group = &mut groups[at];
            group.pairs.push(k);
            for (link, other) in [(&links[i], bodies.1), (&links[j], bodies.0)] {
                note_reaches(model, link, other, &mut group.reaches);
            }
        }
        let whole = whole_reaches(arm, links, 0.0);
        for group in &mut groups {
            let driven = |c: usize| {
                let joint = arm.arm_joint_idx()[c];
                let follow = model.joints.iter().zip(&group.reaches).enumerate();
                follow.map(move |(k, (j, reach))| match &j.mimic {
                    Some(m) if m.joint_idx == joint => m.multiplier.abs() * reach,
                    _ if k == joint => *reach,
                    _ => 0.0,
                })
            };
            let share = |c: usize| driven(c).sum::<f64>() / whole[c].max(1e-9);
            group.shares = (0..arm.n_joints()).map(share).collect();
        }
        let nothing = Bounds {
            at: vec![0.0; n],
            is_set: false,
            pairs: vec![f64::NEG_INFINITY; pairs.len()],
            groups: vec![f64::NEG_INFINITY; groups.len()],
            obstacles: Vec::new(),
            nearest: None,
            seed: Seed::NONE,
            nearest_obstacles: [None; 2],
        };
        Self {
            bounds: vec![nothing],
            place: 0,
            is_lost: true,
            reaches: of(&link_far),
            link_reaches: of(&link_far),
            tool_reaches: model
                .joints
                .iter()
                .map(|j| (j.kind != JointKind::Prismatic).then_some(tool_far[j.body_idx]))
                .collect(),
            groups,
        }
    }

    /// Other obstacles.
    pub(super) fn surround(&mut self, n_obstacles: usize) {
        for bounds in &mut self.bounds {
            bounds.obstacles.clear();
            bounds.obstacles.resize(n_obstacles, f64::NEG_INFINITY);
            bounds.nearest_obstacles = [None; 2];
        }
    }

    /// Something else is held, so far beyond the tool's origin at most, or nothing.
    pub(super) fn hold(&mut self, beyond: Option<f64>) {
        let of_links = self.link_reaches.iter().zip(&self.tool_reaches);
        for (all, (link, tool)) in self.reaches.iter_mut().zip(of_links) {
            *all = beyond.zip(*tool).map_or(*link, |(beyond, tool)| link.max(tool + beyond));
        }
        for bounds in &mut self.bounds {
            bounds.obstacles.fill(f64::NEG_INFINITY);
        }
    }

    /// So many places, of which nothing is known.
    fn make_places(&mut self, n: usize) {
        self.place = 0;
        self.bounds.truncate(1);
        let first = &mut self.bounds[0];
        (first.is_set, first.nearest, first.nearest_obstacles) = (false, None, [None; 2]);
        for bounds in [&mut first.pairs, &mut first.groups, &mut first.obstacles] {
            bounds.fill(f64::NEG_INFINITY);
        }
        self.bounds.resize(n.max(1), self.bounds[0].clone());
    }

    /// The pose that is looked at: every bound becomes one of this.
    pub(super) fn look_at(&mut self, full_q: &[f64]) {
        self.is_lost = false;
        let Self { bounds, place, reaches, groups, .. } = self;
        let known = &mut bounds[*place];
        if !core::mem::replace(&mut known.is_set, true) {
            known.at.copy_from_slice(full_q);
            return;
        }
        // How far each joint has turned since.
        for (at, q) in known.at.iter_mut().zip(full_q) {
            *at = (q - *at).abs();
        }
        let moved =
            |reaches: &[f64]| known.at.iter().zip(reaches).map(|(turned, reach)| turned * reach).sum();
        let all: f64 = moved(reaches);
        for bound in &mut known.obstacles {
            *bound -= all;
        }
        for (group, least) in groups.iter().zip(&mut known.groups) {
            let moved: f64 = moved(&group.reaches);
            *least -= moved;
            for k in &group.pairs {
                known.pairs[*k] -= moved;
            }
        }
        known.at.copy_from_slice(full_q);
    }

    /// The pose that was to be looked at is none: until the next, nothing is known.
    pub(super) fn lose(&mut self) {
        self.is_lost = true;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// What another has found of the same arm's own distances.
    fn take_over(&mut self, other: &Self) {
        for (known, other) in self.bounds.iter_mut().zip(&other.bounds) {
            if !other.is_set || known.at.len() != other.at.len() || known.pairs.len() != other.pairs.len() {
                continue;
            }
            known.is_set = true;
            known.at.copy_from_slice(&other.at);
            known.pairs.copy_from_slice(&other.pairs);
            known.groups.copy_from_slice(&other.groups);
            (known.nearest, known.seed) = (other.nearest, other.seed);
            known.obstacles.fill(f64::NEG_INFINITY);
        }
    }

    /// How fast the links of a group move against each other at most, m/s, where the joints move the arm at `speeds`.
    pub(super) fn speed_between(&self, group: usize, speeds: &[f64]) -> f64 {
        let shares = &self.groups[group].shares;
        speeds.iter().zip(shares).map(|(speed, share)| speed * share).sum::<f64>().max(1e-9)
    }

    /// How far the links of a pair are apart at least, metres.
    pub(super) fn pair(&self, pair: usize) -> f64 {
        self.bounds[self.place].pairs[pair]
    }

    /// The least of a group's.
    pub(super) fn group(&self, group: usize) -> f64 {
        self.bounds[self.place].groups[group]
    }

    /// How far the arm is from an obstacle at least, metres.
    pub(super) fn obstacle(&self, k: usize) -> f64 {
        self.bounds[self.place].obstacles[k]
    }

    pub(super) fn nearest(&self) -> Option<(usize, usize)> {
        self.bounds[self.place].nearest
    }

    /// Where the comparison of a pair has ended the last time, if it was the nearest.
    pub(super) fn seed(&self, pair: (usize, usize)) -> Seed {
        let known = &self.bounds[self.place];
        if known.nearest == Some(pair) { known.seed } else { Seed::NONE }
    }

    pub(super) fn note_nearest(&mut self, pair: (usize, usize), seed: Seed) {
        let known = &mut self.bounds[self.place];
        (known.nearest, known.seed) = (Some(pair), seed);
    }

    pub(super) fn nearest_obstacles(&mut self) -> &mut [Option<usize>; 2] {
        &mut self.bounds[self.place].nearest_obstacles
    }

    /// Two links are `found` metres apart, or more.
    pub(super) fn note_pair(&mut self, pair: usize, found: f64) {
        self.bounds[self.place].pairs[pair] = bound(found);
    }

    /// The same of an obstacle and the arm.
    pub(super) fn note_obstacle(&mut self, k: usize, found: f64) {
        self.bounds[self.place].obstacles[k] = bound(found);
    }

    /// Pairs of a group were compared.
    pub(super) fn note_group(&mut self, group: usize) {
        let known = &mut self.bounds[self.place];
        let bounds = self.groups[group].pairs.iter().map(|k| known.pairs[*k]);
        known.groups[group] = bounds.fold(f64::INFINITY, f64::min);
    }
}

/// What a comparison that found so much leaves as a bound, whatever was known before: a distance that came out too large
/// counts until the next comparison alone. How deep two solids are in each other is none.
fn bound(found: f64) -> f64 {
    if found > 0.0 && found.is_finite() { found - GOOD_TO_M } else { f64::NEG_INFINITY }
}

impl Checker {
    /// For looks at so many places in turn, again and again: see [`Self::look_from`].
    pub fn make_places(&mut self, n: usize) {
        self.known.make_places(n);
    }

    /// What is looked at next is near what was looked at when this place was named the last time, so that what was
    /// found there spares most of the work. It changes no answer by more than
    /// distances are good to. A place that there is not is the last.
    ///
    /// # Real-time
    /// No allocation.
    pub fn look_from(&mut self, place: usize) {
        self.known.place = place.min(self.known.bounds.len() - 1);
    }

    /// Takes over what another of the same arm has found of how far its links are from each other.
    ///
    /// # Real-time
    /// No allocation.
    pub fn take_over(&mut self, other: &Self) {
        self.known.take_over(&other.known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::ArmData;
    use crate::collision::{Attached, Keep, Obstacle, OwnRoom};
    use crate::model::GeomShape;
    use nalgebra::{Isometry3, Vector3};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn robot(name: &str) -> Arm {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots").join(name);
        Arm::from_model(crate::load(&path).expect("a model")).expect("an arm")
    }

    fn things(rng: &mut ChaCha8Rng) -> Vec<Obstacle> {
        let thing = |i: usize| Obstacle {
            name: "thing".into(),
            shape: match i % 3 {
                0 => GeomShape::Sphere { radius: 0.05 },
                1 => GeomShape::Cuboid { half: Vector3::new(0.05, 0.1, 0.02) },
                _ => GeomShape::Cylinder { radius: 0.05, half_length: 0.1 },
            },
            world_from_obstacle: Isometry3::new(
                Vector3::from_fn(|_, _| rng.random_range(-0.9..0.9)),
                Vector3::from_fn(|_, _| rng.random_range(-2.0..2.0)),
            ),
        };
        (0..30).map(thing).collect()
    }

    /// Along walks in small and large steps, from place to place, with the fingers moving, something held and let go,
    /// and other obstacles: what is answered is what is answered where nothing is known, of the world to the bit, and of
    /// the arm itself as good as distances are.
    #[test]
    fn what_is_known_changes_no_answer() {
        for (robot_name, seed) in [("panda.xml", 1), ("panda.xml", 2), ("so101.xml", 3)] {
            let arm = robot(robot_name);
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut data = ArmData::new(&arm);
            let fresh = Checker::new(&arm);
            let (mut knows, mut knows_not) = (fresh.clone(), fresh);
            knows.make_places(3);
            let mut q: Vec<f64> = arm.home().to_vec();
            let mut is_spared = 0;
            for k in 0..3000 {
                if k % 500 == 0 {
                    let things = things(&mut rng);
                    knows_not.set_obstacles(things.clone()).expect("obstacles");
                    // As a filter does with a new world.
                    let mut next = Checker::new(&arm);
                    next.make_places(3);
                    next.set_obstacles(things).expect("obstacles");
                    next.take_over(&knows);
                    knows = next;
                }
                if k % 100 == 0 {
                    let held = Attached {
                        shape: GeomShape::Cuboid { half: Vector3::new(0.02, 0.03, 0.1) },
                        tool_from_shape: Isometry3::translation(0.0, 0.02, 0.05),
                    };
                    let held = (k % 200 == 0).then_some(held);
                    knows.attach(held.clone()).expect("held");
                    knows_not.attach(held).expect("held");
                }
                let step = if k % 50 == 0 { 0.5 } else { 0.004 };
                for (q, l) in q.iter_mut().zip(arm.limits()) {
                    *q = (*q + rng.random_range(-step..step)).clamp(l.lower, l.upper);
                }
                let width_m = rng.random_range(0.0..0.08);
                let keep: Vec<Keep> = (0..30)
                    .map(|i| Keep { distance_m: rng.random_range(-0.01..0.2), is_moving: i < 3 })
                    .collect();
                let speeds: Vec<f64> = q.iter().map(|_| rng.random_range(0.0..0.3)).collect();
                let most = OwnRoom { room_m: 0.004, clear_s: rng.random_range(0.01..1.0) };
                let most_m = rng.random_range(0.0..0.3);
                let mut at = |checker: &mut Checker| {
                    let room = checker.room(&arm, &mut data, &q, width_m, &keep, most_m);
                    (room, checker.own_room(&speeds, 0.002, most))
                };
                knows.look_from(rng.random_range(0..4));
                knows_not.known.make_places(1);
                let ((room, own), (true_room, true_own)) = (at(&mut knows), at(&mut knows_not));
                assert_eq!(room, true_room, "{robot_name}, {k}");
                let off = (own.room_m - true_own.room_m).abs();
                assert!(off < 1e-6, "{robot_name}, {k}: {own:?}, not {true_own:?}");
                let n_groups = knows.known.groups.len();
                let slowest = (0..n_groups).map(|g| knows.known.speed_between(g, &speeds));
                let off = (own.clear_s - true_own.clear_s).abs() * slowest.fold(f64::INFINITY, f64::min);
                assert!(off < 1e-6, "{robot_name}, {k}: {own:?}, not {true_own:?}");
                is_spared +=
                    knows.known.bounds[knows.known.place].obstacles.iter().filter(|b| **b > 0.3).count();
                // And what is known holds.
                for i in 0..30 {
                    let there = knows_not.distance_to(i, 2.0);
                    assert!(knows.known.obstacle(i) <= there.max(0.0), "{robot_name}, {k}: {i}");
                }
            }
            assert!(is_spared > 1000, "{is_spared}");
        }
    }

    #[test]
    fn no_pair_of_links_comes_nearer_than_the_joints_between_have_moved_it() {
        let arm = robot("panda.xml");
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let (mut data, mut checker) = (ArmData::new(&arm), Checker::new(&arm));
        let mut q: Vec<f64> = arm.home().to_vec();
        for k in 0..300 {
            let step = rng.random_range(0.0..0.3);
            for (q, l) in q.iter_mut().zip(arm.limits()) {
                *q = (*q + rng.random_range(-step..step)).clamp(l.lower, l.upper);
            }
            // Bounds of the pose before, made bounds of this, and exact distances of this.
            assert!(checker.place(&arm, &mut data, &q, 0.04));
            let bounds: Vec<f64> = (0..checker.pairs.len()).map(|p| checker.known.pair(p)).collect();
            for (p, bound) in bounds.into_iter().enumerate() {
                let (i, j) = checker.pairs[p];
                let link = |i: usize| (&checker.links[i].solid, &checker.places[i].pose);
                let ((a, a_pose), (b, b_pose)) = (link(i), link(j));
                let apart = crate::collision::solid::separation(a, a_pose, b, b_pose, f64::MAX);
                let distance = apart.expect("a distance").distance;
                assert!(bound <= distance.max(0.0), "{k}, {p}: {bound} m, and they are {distance} m apart");
                checker.known.note_pair(p, distance);
            }
        }
    }
}
