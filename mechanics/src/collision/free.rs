//! Whether the arm is free: eight poses at once by [`super::quick`], and exactly what that leaves open.

use super::queries::{Ask, Who};
use super::quick::{Found, MOST_MARGIN_M, N, Unsure};
use super::solid::{Solid, far_apart, is_within};
use super::{Checker, SELF_MARGIN_M};
use crate::arm::{Arm, ArmData};
use crate::kinematics;
use nalgebra::Isometry3;
use types::MAX_JOINTS;

/// No step along a motion is smaller, rad (m).
const SMALLEST_STEP: f64 = 1e-4;

/// Poses that are looked at together.
struct Batch {
    poses: [[f64; MAX_JOINTS]; N],
    n: usize,
}

impl Batch {
    /// Adds the pose a share of the way between two.
    fn push(&mut self, from: &[f64], to: &[f64], share: f64) {
        for (out, (a, b)) in self.poses[self.n].iter_mut().zip(from.iter().zip(to)) {
            *out = a + share * (b - a);
        }
        self.n += 1;
    }
}

impl Checker {
    /// Whether everything keeps more than `margin` metres from obstacles and links more than the
    /// smaller of `margin` and [`SELF_MARGIN_M`] from each other. False for joints that are not finite.
    ///
    /// # Panics
    /// When `q` is shorter than the arm's joints.
    pub fn is_free(&mut self, arm: &Arm, data: &mut ArmData, q: &[f64], width_m: f64, margin: f64) -> bool {
        let n = arm.n_joints();
        let mut batch = Batch { poses: [[0.0; MAX_JOINTS]; N], n: 1 };
        batch.poses[0][..n].copy_from_slice(&q[..n]);
        self.are_free(arm, data, &batch, width_m, margin)
    }

    /// Whether the straight joint motion from `from` to `to` is free as [`Self::is_free`] has it, looked
    /// at where the joint that moves most has moved another `step` rad (m): both ends, then the middle,
    /// then the quarters, and so on to every eighth place, so that a contact is met early; then the others
    /// from one end to the other. What happens between two such
    /// places is for the margin: half a step moves the arm by at most half of `step` times its reach
    /// for each joint that moves.
    ///
    /// # Panics
    /// When `from` or `to` is shorter than the arm's joints.
    #[expect(clippy::too_many_arguments, reason = "scratch, motion and how well to check it")]
    pub fn edge_is_free(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        from: &[f64],
        to: &[f64],
        width_m: f64,
        margin: f64,
        step: f64,
    ) -> bool {
        let n = arm.n_joints();
        let widest = (0..n).fold(0.0f64, |m, j| m.max((to[j] - from[j]).abs()));
        let n_steps = ((widest / step.max(SMALLEST_STEP)).ceil() as usize).max(1);
        let mut batch = Batch { poses: [[0.0; MAX_JOINTS]; N], n: 2 };
        // A motion that ends in contact is the usual failure.
        batch.poses[0][..n].copy_from_slice(&to[..n]);
        batch.poses[1][..n].copy_from_slice(&from[..n]);
        // Every eighth place first, the middle of what is left in turn.
        let mut stride = n_steps.next_power_of_two() / 2;
        let last = if n_steps > N { N } else { 1 };
        while stride >= last {
            for i in (stride..n_steps).step_by(2 * stride) {
                if batch.n == N {
                    if !self.are_free(arm, data, &batch, width_m, margin) {
                        return false;
                    }
                    batch.n = 0;
                }
                batch.push(from, to, i as f64 / n_steps as f64);
            }
            stride /= 2;
        }
        if !self.are_free(arm, data, &batch, width_m, margin) {
            return false;
        }
        // Then those between, which lie close together: little is near all of them.
        (last > 1).then(|| (0..n_steps).step_by(N)).into_iter().flatten().all(|begin| {
            batch.n = 0;
            for i in begin + 1..(begin + N).min(n_steps) {
                batch.push(from, to, i as f64 / n_steps as f64);
            }
            batch.n == 0 || self.are_free(arm, data, &batch, width_m, margin)
        })
    }

    /// Whether all of them are free.
    fn are_free(&mut self, arm: &Arm, data: &mut ArmData, batch: &Batch, width_m: f64, margin: f64) -> bool {
        let n = arm.n_joints();
        let poses = &batch.poses[..batch.n];
        if !margin.is_finite()
            || !width_m.is_finite()
            || !poses.iter().all(|q| q.iter().all(|v| v.is_finite()))
        {
            return false;
        }
        let own_margin = margin.min(SELF_MARGIN_M);
        if self.quick.is_stale {
            self.quick.surround(&self.obstacles, self.held.as_ref());
        }
        let mut is_plain = (0.0..=MOST_MARGIN_M).contains(&margin);
        for (i, q) in poses.iter().enumerate() {
            arm.full_q(&q[..n], width_m, &mut self.full_q);
            is_plain &= self.quick.set(i, &self.full_q);
        }
        if is_plain {
            match self.quick.look(batch.n, margin, own_margin) {
                Found::Hit => return false,
                Found::Free => return self.unsure_are_free(arm, data, batch, width_m, [margin, own_margin]),
                Found::Unclear => {}
            }
        }
        // Whoever has nothing left above its margin counts, and one is enough.
        let ask = Ask { margin, self_margin: own_margin, below: f64::MIN_POSITIVE, enough: 0.0 };
        poses.iter().all(|q| self.place(arm, data, &q[..n], width_m) && self.worst(ask).is_none())
    }

    /// Whether the pairs that could not be decided are free: as [`Self::worst`] would find.
    fn unsure_are_free(
        &mut self,
        arm: &Arm,
        data: &mut ArmData,
        batch: &Batch,
        width_m: f64,
        margins: [f64; 2],
    ) -> bool {
        if self.quick.unsure.is_empty() {
            return true;
        }
        // Poses after the last are copies of it.
        for (i, q) in batch.poses[..batch.n].iter().enumerate() {
            let bit = 1u8 << i;
            if self.quick.unsure.iter().all(|u| u.poses & bit == 0) {
                continue;
            }
            arm.full_q(&q[..arm.n_joints()], width_m, &mut self.full_q);
            kinematics::forward(arm.model(), &mut data.data, &self.full_q);
            for u in self.quick.unsure.iter().filter(|u| u.poses & bit != 0) {
                if !self.keeps(arm, data, u, margins) {
                    return false;
                }
            }
        }
        true
    }

    /// Whether two solids keep their distance where `data` has the arm.
    fn keeps(&self, arm: &Arm, data: &ArmData, u: &Unsure, [margin, own_margin]: [f64; 2]) -> bool {
        let margin = if matches!(u.second, Who::Obstacle(_)) { margin } else { own_margin };
        let (Some((a, a_pose)), Some((b, b_pose))) =
            (self.find(arm, data, u.first), self.find(arm, data, u.second))
        else {
            return true;
        };
        let (a_center, b_center) = (a_pose * a.center, b_pose * b.center);
        far_apart((a, &a_pose, &a_center), (b, &b_pose, &b_center), margin)
            || !is_within((a, &a_pose), (b, &b_pose), margin)
    }

    /// A solid, and where it is in the world where `data` has the arm; `None`: nothing is held.
    fn find(&self, arm: &Arm, data: &ArmData, who: Who) -> Option<(&Solid, Isometry3<f64>)> {
        let body = |i: usize| arm.world_from_base() * data.data.body_pose(i);
        Some(match (who, &self.held) {
            (Who::Link(i), _) => {
                let link = &self.links[i];
                (&link.solid, body(link.body_idx) * link.body_from_geom)
            }
            (Who::Held, Some((at, tool_from_shape))) => {
                (&at.solid, body(arm.tool_body_idx()) * arm.body_from_tool() * *tool_from_shape)
            }
            (Who::Held, None) => return None,
            (Who::Obstacle(k), _) => (&self.obstacles[k].at.solid, self.obstacles[k].at.pose),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collision::Obstacle;
    use crate::model::GeomShape;
    use nalgebra::Vector3;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn plain_loops_answer_as_vector_instructions_and_exact_distances_do() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots/panda.xml");
        let arm = Arm::from_model(crate::load(&path).expect("a model")).expect("an arm");
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut data = ArmData::new(&arm);
        let mut plain = Checker::new(&arm);
        plain.quick.make_plain();
        let mut wide = Checker::new(&arm);
        let obstacles: Vec<Obstacle> = (0..20)
            .map(|i| Obstacle {
                name: "thing".into(),
                shape: match i % 2 {
                    0 => GeomShape::Cuboid { half: Vector3::new(0.05, 0.1, 0.02) },
                    _ => GeomShape::Cylinder { radius: 0.05, half_length: 0.1 },
                },
                world_from_obstacle: Isometry3::new(
                    Vector3::from_fn(|_, _| rng.random_range(-0.9..0.9)),
                    Vector3::from_fn(|_, _| rng.random_range(-2.0..2.0)),
                ),
            })
            .collect();
        plain.set_obstacles(obstacles.clone()).expect("obstacles that can be");
        wide.set_obstacles(obstacles).expect("obstacles that can be");
        let mut n_free = 0;
        for _ in 0..1000 {
            let mut draw = || {
                let limits = arm.limits().iter();
                limits.map(|l| rng.random_range(l.lower..l.upper)).collect::<Vec<f64>>()
            };
            let (from, to) = (draw(), draw());
            let exact = wide.nearest_within(&arm, &mut data, &from, 0.03, 0.002).is_none();
            n_free += usize::from(exact);
            let near: Vec<f64> = from.iter().zip(&to).map(|(a, b)| a + 0.1 * (b - a)).collect();
            let mut both = |checker: &mut Checker| {
                let pose = checker.is_free(&arm, &mut data, &from, 0.03, 0.002);
                (pose, checker.edge_is_free(&arm, &mut data, &from, &near, 0.03, 0.002, 0.02))
            };
            let (slow, fast) = (both(&mut plain), both(&mut wide));
            assert!(slow == fast && slow.0 == exact, "{from:?}: {slow:?} {fast:?} {exact}");
        }
        assert!((50..950).contains(&n_free), "{n_free}");
    }
}
