//! The balls that the parts of an arm are in, at the pose that is looked at: what spares most comparisons, and what it
//! takes until a part is compared after all.

use super::solid::Solid;
use super::{Checker, Link};
use crate::arm::{Arm, ArmData};
use crate::kinematics;
use crate::links::Pose;
use nalgebra::{Isometry3, Point3};

/// What is held counts as a part behind all links.
pub(super) const HELD_PART: usize = usize::MAX;

/// Balls, number by number, so that a processor takes several at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Balls {
    /// Which links: the gripper's first, for it is what meets things; the base's are left out, it meets nothing.
    pub(super) links: Vec<usize>,
    middles: [Vec<f64>; 3],
    reaches: Vec<f64>,
    /// How far each is from the ball that they were compared with last, metres.
    pub(super) gaps: Vec<f64>,
    /// Where each link's ball is in its body, and every body's place in the base.
    in_body: Vec<Point3<f64>>,
    bodies: Vec<Pose>,
    world_from_base: Isometry3<f64>,
}

impl Balls {
    pub(super) fn new(arm: &Arm, all: &[Link]) -> Self {
        let links: Vec<usize> = (0..all.len()).rev().filter(|i| !all[*i].is_base).collect();
        let nothing = vec![0.0; links.len()];
        Self {
            reaches: links.iter().map(|i| all[*i].solid.reach).collect(),
            middles: core::array::from_fn(|_| nothing.clone()),
            gaps: nothing,
            in_body: all.iter().map(|link| link.body_from_geom * link.solid.center).collect(),
            bodies: vec![Pose::default(); arm.model().bodies.len()],
            world_from_base: arm.world_from_base(),
            links,
        }
    }

    /// How far each is from the ball of `solid`, whose middle is there; returns the least.
    pub(super) fn compare(&mut self, solid: &Solid, center: &Point3<f64>) -> f64 {
        let [x, y, z] = &self.middles;
        let mut least = f64::INFINITY;
        for ((((gap, x), y), z), reach) in self.gaps.iter_mut().zip(x).zip(y).zip(z).zip(&self.reaches) {
            let (x, y, z) = (x - center.x, y - center.y, z - center.z);
            // What is no number counts as nearest, so that it is compared.
            *gap = ((x * x + y * y + z * z).sqrt() - reach - solid.reach).max(f64::NEG_INFINITY);
        }
        for gap in &self.gaps {
            least = if *gap < least { *gap } else { least };
        }
        least
    }

    /// The box that all are in.
    pub(super) fn bounds(&self) -> (Point3<f64>, Point3<f64>) {
        let (mut low, mut high) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
        for (axis, middles) in self.middles.iter().enumerate() {
            for (v, reach) in middles.iter().zip(&self.reaches) {
                let (from, to) = (v - reach, v + reach);
                low[axis] = if from < low[axis] { from } else { low[axis] };
                high[axis] = if to > high[axis] { to } else { high[axis] };
            }
        }
        (low.into(), high.into())
    }
}

impl Checker {
    /// Puts every link's ball where it is at `q`, and what is held; links are put there when they are compared
    /// ([`Self::settle`]). False when that is nowhere.
    pub(super) fn place_balls(&mut self, arm: &Arm, data: &mut ArmData, q: &[f64], width_m: f64) -> bool {
        if !self.begin_placing(arm, q, width_m) {
            return false;
        }
        let Self { balls, places, links, full_q, .. } = self;
        let (world_from_base, data) = (Pose::of(&balls.world_from_base), &mut data.data);
        data.arch.dispatch(
            #[inline(always)]
            || {
                kinematics::place(data, full_q);
                for (i, pose) in balls.bodies.iter_mut().enumerate() {
                    *pose = data.pose(i);
                }
                for ((place, link), in_body) in places.iter_mut().zip(&*links).zip(&balls.in_body) {
                    let in_base = balls.bodies[link.body_idx].point(in_body);
                    place.center = world_from_base.point(&in_base);
                }
            },
        );
        for (k, i) in balls.links.iter().enumerate() {
            let center = &self.places[*i].center;
            for (axis, middles) in balls.middles.iter_mut().enumerate() {
                middles[k] = center[axis];
            }
        }
        self.is_settled.fill(false);
        if let Some((at, tool_from_shape)) = &mut self.held {
            let tool = balls.world_from_base * balls.bodies[arm.tool_body_idx()].isometry();
            at.pose = tool * arm.body_from_tool() * *tool_from_shape;
            at.center = at.pose * at.solid.center;
        }
        self.end_placing()
    }

    /// Where a link is whose ball was placed.
    pub(super) fn pose_of(&self, i: usize) -> Isometry3<f64> {
        if self.is_settled[i] {
            return self.places[i].pose;
        }
        let link = &self.links[i];
        self.balls.world_from_base * self.balls.bodies[link.body_idx].isometry() * link.body_from_geom
    }

    /// Puts a link where its ball is.
    pub(super) fn settle(&mut self, i: usize) {
        if !self.is_settled[i] {
            self.places[i].pose = self.pose_of(i);
            self.is_settled[i] = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn a_link_that_is_settled_where_its_ball_is_stands_where_it_is_placed() {
        for name in ["panda.xml", "so101.xml"] {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots").join(name);
            let arm = Arm::from_model(crate::load(&path).expect("a model")).expect("an arm");
            let mut rng = ChaCha8Rng::seed_from_u64(6);
            let mut data = ArmData::new(&arm);
            let mut placed = Checker::new(&arm);
            let mut settled = placed.clone();
            let ball = Solid::new("ball", &crate::model::GeomShape::Sphere { radius: 0.1 }).expect("a ball");
            for _ in 0..200 {
                let q: Vec<f64> = arm.limits().iter().map(|l| rng.random_range(l.lower..l.upper)).collect();
                let width_m = rng.random_range(0.0..0.08);
                assert!(placed.place(&arm, &mut data, &q, width_m));
                assert!(settled.place_balls(&arm, &mut data, &q, width_m));
                let there = Point3::from(nalgebra::Vector3::from_fn(|_, _| rng.random_range(-1.0..1.0)));
                let least = settled.balls.compare(&ball, &there);
                let mut nearest = f64::INFINITY;
                for (k, i) in settled.balls.links.clone().into_iter().enumerate() {
                    let (place, solid) = (placed.places[i], &placed.links[i].solid);
                    assert!((settled.places[i].center - place.center).norm() < 1e-12);
                    assert_eq!(settled.pose_of(i), place.pose);
                    settled.settle(i);
                    assert_eq!(settled.places[i].pose, place.pose);
                    let gap = (place.center - there).norm() - solid.reach - ball.reach;
                    assert!((settled.balls.gaps[k] - gap).abs() < 1e-12);
                    nearest = nearest.min(gap);
                    let (low, high) = settled.balls.bounds();
                    let reach = nalgebra::Vector3::repeat(solid.reach - 1e-12);
                    assert!((place.center - reach) >= low && (place.center + reach) <= high);
                }
                assert!((least - nearest).abs() < 1e-12);
            }
            let mut q: Vec<f64> = arm.home().to_vec();
            q[0] = f64::NAN;
            assert!(!settled.place_balls(&arm, &mut data, &q, 0.0));
            // What is nowhere is not far away.
            settled.balls.middles[1][2] = f64::NAN;
            assert_eq!(settled.balls.compare(&ball, &Point3::origin()), f64::NEG_INFINITY);
        }
    }
}
