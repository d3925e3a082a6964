//! How far an arm really reaches when its tool points down.

use crate::grasp::pointing_down;
use crate::spots::Area;
use mechanics::ik::{Options, Solver, Wanted};
use mechanics::{Arm, ArmData};
use nalgebra::{Point2, Point3, Vector2};

/// Heights of the tool between which objects are worked on, metres.
const HEIGHTS_M: [f64; 2] = [0.02, 0.16];
/// Directions from the base in which the reach is tried.
const N_DIRECTIONS: usize = 5;
/// Kept off the edge of what can be reached, metres.
const CARE_M: f64 = 0.015;
/// How fine the reach is found, metres.
const FINE_M: f64 = 0.01;

/// Where objects may lie for this arm: its profile's rectangle and the ring about its base that it
/// reaches with the tool pointing down in every direction of the rectangle.
#[must_use]
pub(crate) fn reach_area(arm: &Arm) -> Area {
    let rectangle = arm.profile().reach_m;
    let [x0, x1, y0, y1] = rectangle;
    let base = Point2::from(arm.world_from_base().translation.vector.xy());
    let corners = [(x0, y0), (x0, y1), (x1, y0), (x1, y1)].map(|(x, y)| Point2::new(x, y) - base);
    let middle = Point2::new(0.5 * (x0 + x1), 0.5 * (y0 + y1)) - base;
    let ahead = libm::atan2(middle.y, middle.x);
    let widest = corners.iter().map(|c| angle_between(&middle, c)).fold(0.0, f64::max);
    let mut reach = Reach { arm, data: ArmData::new(arm), solver: Solver::new(arm), base };
    let inside = middle.norm();
    let outer = corners.iter().map(|c| c.norm()).fold(0.0, f64::max) + 0.1;
    let (mut near, mut far) = (0.0_f64, f64::INFINITY);
    for i in 0..N_DIRECTIONS {
        let angle = ahead + widest * (2.0 * i as f64 / (N_DIRECTIONS - 1) as f64 - 1.0);
        far = far.min(reach.last(angle, inside, outer));
        near = near.max(reach.last(angle, inside, 0.0));
    }
    let ring = (near < far).then_some((base, [near + CARE_M, far - CARE_M]));
    Area { rectangle, ring }
}

fn angle_between(a: &Vector2<f64>, b: &Vector2<f64>) -> f64 {
    libm::fabs(libm::atan2(a.x * b.y - a.y * b.x, a.dot(b)))
}

struct Reach<'a> {
    arm: &'a Arm,
    data: ArmData,
    solver: Solver,
    base: Point2<f64>,
}

impl Reach<'_> {
    /// The last radius from `good` towards `bad` that is reached, by bisection.
    fn last(&mut self, angle: f64, mut good: f64, mut bad: f64) -> f64 {
        if self.reaches(angle, bad) {
            return bad;
        }
        while (good - bad).abs() > FINE_M {
            let r = 0.5 * (good + bad);
            if self.reaches(angle, r) {
                good = r;
            } else {
                bad = r;
            }
        }
        good
    }

    fn reaches(&mut self, angle: f64, radius: f64) -> bool {
        let (s, c) = libm::sincos(angle);
        let options = Options { wanted: Wanted::Axis, starts: 6, solutions: 1, ..Options::default() };
        let home = self.arm.home();
        HEIGHTS_M.iter().all(|z| {
            let point = Point3::new(self.base.x + radius * c, self.base.y + radius * s, *z);
            let tool = pointing_down(point, angle + core::f64::consts::FRAC_PI_2);
            self.solver.solve(self.arm, &mut self.data, &tool, &home, &options, &mut |_| true).is_ok()
        })
    }
}
