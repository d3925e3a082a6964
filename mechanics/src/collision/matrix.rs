//! Which bodies of the robot are compared with which.

use super::solid::{far_apart, separation};
use super::{Link, SELF_MARGIN_M};
use crate::arm::{Arm, ArmData, body_poses_in_world};
use crate::model::Model;
use nalgebra::Isometry3;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How many random poses are looked at.
const N_SAMPLES: usize = 600;
/// Bodies that collide in this share of the poses always do: their shapes overlap by design.
const ALWAYS: f64 = 0.95;
/// Bodies that never come nearer than this in any of the poses cannot meet, metres.
const NEVER_M: f64 = 0.05;

/// What is known of the bodies' kinship.
pub(super) struct Kin {
    /// The first body of the rigid group that each body belongs to.
    pub(super) group: Vec<usize>,
    /// Whether a body is the gripper's: the tool's body and all behind it, what the gripper's joints
    /// move, and what carries those joints.
    pub(super) is_gripper: Vec<bool>,
    /// Whether a gripper joint moves it.
    pub(super) is_finger: Vec<bool>,
}

impl Kin {
    pub(super) fn new(arm: &Arm) -> Self {
        let bodies = &arm.model().bodies;
        let mut group: Vec<usize> = (0..bodies.len()).collect();
        let mut is_gripper = vec![false; bodies.len()];
        let mut is_finger = vec![false; bodies.len()];
        let fingers = |j: Option<usize>| j.is_some_and(|j| arm.gripper_joint_idx().contains(&j));
        for body in bodies {
            if let (true, Some(parent)) = (fingers(body.joint_idx), body.parent) {
                is_gripper[parent] = true;
            }
        }
        for (i, body) in bodies.iter().enumerate() {
            if let (None, Some(parent)) = (body.joint_idx, body.parent) {
                group[i] = group[parent];
            }
            let behind = body.parent;
            is_finger[i] = fingers(body.joint_idx) || behind.is_some_and(|p| is_finger[p]);
            is_gripper[i] = is_gripper[i]
                || is_finger[i]
                || i == arm.tool_body_idx()
                || behind.is_some_and(|p| is_gripper[p]);
        }
        Self { group, is_gripper, is_finger }
    }

    /// Whether a body stands still with the base.
    pub(super) fn is_base(&self, model: &Model, body_idx: usize) -> bool {
        model.bodies[self.group[body_idx]].joint_idx.is_none()
    }

    /// Whether two bodies are of one rigid group, or a joint ties the one to the other (or several with
    /// nothing but bare frames between them).
    fn adjacent(&self, model: &Model, a: usize, b: usize) -> bool {
        let above = |i: usize| {
            let mut up = model.bodies[i].parent;
            while let Some(p) = up.filter(|&p| !model.bodies[p].geoms.iter().any(|g| g.collides)) {
                up = model.bodies[p].parent;
            }
            up
        };
        self.group[a] == self.group[b] || above(a) == Some(b) || above(b) == Some(a)
    }
}

/// The pairs of links to compare: not those of one body, of neighbours, within the gripper, and not
/// those that always (or, if that is known to be clear, in the home pose) or never collide in seeded
/// random poses.
pub(super) fn self_pairs(arm: &Arm, links: &[Link], kin: &Kin, home_is_clear: bool) -> Vec<(usize, usize)> {
    let model = arm.model();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for i in 0..links.len() {
        for j in i + 1..links.len() {
            let (a, b) = (links[i].body_idx, links[j].body_idx);
            let both_gripper = kin.is_gripper[a] && kin.is_gripper[b];
            if !kin.adjacent(model, a, b) && !both_gripper {
                pairs.push((i, j));
            }
        }
    }
    // What holds for two links holds for their bodies.
    let key = |&(i, j): &(usize, usize)| (links[i].body_idx, links[j].body_idx);
    let mut body_pairs: Vec<(usize, usize)> = pairs.iter().map(key).collect();
    body_pairs.sort_unstable();
    body_pairs.dedup();
    let mut n_hits = vec![0usize; body_pairs.len()];
    let mut seen_near = vec![false; body_pairs.len()];
    let mut at_home = vec![false; body_pairs.len()];
    let mut data = ArmData::new(arm);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let full_width = arm.profile().gripper.width_m;
    let mut q = vec![0.0; arm.n_joints()];
    for sample in 0..N_SAMPLES + if home_is_clear { 2 } else { 0 } {
        let home = sample >= N_SAMPLES;
        let mut width = if sample == N_SAMPLES { full_width } else { 0.0 };
        if home {
            q.copy_from_slice(&arm.home());
        } else {
            for (value, l) in q.iter_mut().zip(arm.limits()) {
                *value = l.lower + (l.upper - l.lower) * rng.random::<f64>();
            }
            width = full_width * rng.random::<f64>();
        }
        let poses: Vec<Isometry3<f64>> = {
            let bodies = body_poses_in_world(arm, &mut data, &q, width);
            links.iter().map(|l| bodies[l.body_idx] * l.body_from_geom).collect()
        };
        let mut hit = vec![false; body_pairs.len()];
        for pair in &pairs {
            let Ok(k) = body_pairs.binary_search(&key(pair)) else { continue };
            let (a, b) = (&links[pair.0].solid, &links[pair.1].solid);
            let (pa, pb) = (&poses[pair.0], &poses[pair.1]);
            let (ca, cb) = (pa * a.center, pb * b.center);
            if hit[k] || far_apart((a, pa, &ca), (b, pb, &cb), NEVER_M) {
                continue;
            }
            if let Some(s) = separation(a, pa, b, pb, NEVER_M) {
                seen_near[k] = true;
                let margin = if home { SELF_MARGIN_M } else { 0.0 };
                hit[k] = s.distance <= margin;
            }
        }
        for (k, h) in hit.iter().enumerate() {
            if home {
                at_home[k] |= h;
            } else {
                n_hits[k] += usize::from(*h);
            }
        }
    }
    pairs.retain(|pair| {
        body_pairs.binary_search(&key(pair)).is_ok_and(|k| {
            let always = n_hits[k] as f64 >= ALWAYS * N_SAMPLES as f64;
            seen_near[k] && !always && !at_home[k]
        })
    });
    pairs
}
