//! What is known of a path before it is run: how fast it moves the arm, and how near to itself.

use crate::course::Course;
use crate::filter::Fingers;
use mechanics::collision::{Checker, OwnRoom};
use mechanics::{Arm, ArmData, Jacobian, tool_jacobian};
use types::{JointLimits, JointVector, Rejection};

/// Cells over the duration for which bounds are kept.
const CELLS: usize = 64;
/// Farther from itself is far enough, metres; and so far ahead is looked, seconds.
const FAR: OwnRoom = OwnRoom { room_m: 0.1, clear_s: 0.1 };
/// A path is looked at anew after at least so long, seconds.
const SHORTEST_STEP_S: f64 = 0.002;
/// So often the tool's speed is looked at, seconds of path time.
const TOOL_STEP_S: f64 = 0.005;
/// A path that brings the arm so much deeper into itself than it is at its beginning is refused, metres.
const DEEPER_M: f64 = 1e-3;

/// Bounds per cell of path time, at pace one.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// On the speed of every point of the arm, m/s.
    speeds: [f64; CELLS],
    /// On the distance between parts of the arm from below, metres.
    own: [f64; CELLS],
    /// How far each joint reaches, metres.
    pub(crate) reaches: JointVector,
}

impl Profile {
    /// Measures a path with the fingers anywhere that they may be on it. `checker` knows the arm and what it holds.
    ///
    /// # Errors
    /// A [`Rejection`] for a path on which the arm meets itself.
    pub(crate) fn new(
        what: &str,
        course: &Course,
        nominal: f64,
        reaches: &JointVector,
        arm: &Arm,
        checker: &mut Checker,
        fingers: Fingers,
    ) -> Result<Self, Rejection> {
        let speeds = speed_bounds(course, nominal, reaches, arm.limits());
        let mut own = [FAR.room_m; CELLS];
        let (mut data, travel) = (ArmData::new(arm), checker.finger_travel(arm));
        let mut at_start = None;
        let width = course.duration() / CELLS as f64;
        let mut t = 0.0;
        while t <= course.duration() {
            let [q, dq, ..] = course.at(t);
            let speed = |j: usize| (dq[j].abs() + 0.05 * arm.limits()[j].acceleration) * reaches[j];
            let speeds = JointVector::from_fn(q.len(), speed);
            let here = fingers.looks(travel).fold(FAR, |here, width_m| {
                checker.room(arm, &mut data, &q, width_m, &[], 0.0);
                checker.own_room(&speeds, 0.0, here)
            });
            let first = *at_start.get_or_insert(here.room_m);
            if here.room_m < first.min(0.0) - DEEPER_M {
                return Err(Rejection::new(
                    what.to_owned(),
                    "a path on which the arm keeps clear of itself",
                    format!("{:.1} mm into itself at {t:.3} s", -1e3 * here.room_m),
                ));
            }
            let step = (0.5 * here.clear_s).max(SHORTEST_STEP_S);
            let next = t + step;
            // On the way to there no less is left, if it is known for so long.
            let left = if step < here.clear_s { 1.0 - step / here.clear_s } else { 0.5 };
            let least = here.room_m.max(0.0) * left + here.room_m.min(0.0);
            let cell = |t: f64| ((t / width.max(1e-9)) as usize).min(CELLS - 1);
            for own in &mut own[cell(t)..=cell(next)] {
                *own = own.min(least);
            }
            t = next;
        }
        // What touches at the beginning, by design or because it was put so, can be left.
        let forgiven = at_start.unwrap_or(0.0).min(0.0);
        own.iter_mut().for_each(|own| *own -= forgiven);
        Ok(Self { speeds, own, reaches: *reaches })
    }

    /// The bound on the arm's speed at path time `s`, and until when it holds.
    pub(crate) fn speed(&self, s: f64, duration: f64) -> (f64, f64) {
        let width = (duration / CELLS as f64).max(1e-9);
        let cell = ((s / width) as usize).min(CELLS - 1);
        // The last cell holds to the end, however that rounds; and every cell for a while.
        let until = if cell + 1 == CELLS { duration } else { width * (cell + 1) as f64 };
        (self.speeds[cell], until.max(s + 1e-9))
    }

    /// The first path time from `s` on at which the arm may come to touch itself.
    pub(crate) fn own_frontier(&self, s: f64, duration: f64) -> f64 {
        let width = duration / CELLS as f64;
        let first = ((s / width.max(1e-9)).max(0.0) as usize).min(CELLS - 1);
        (first..CELLS).find(|cell| self.own[*cell] < -DEEPER_M).map_or(duration, |cell| width * cell as f64)
    }
}

/// The sum of the joints' speeds times their reaches, at samples, and what the acceleration can add between
/// two.
fn speed_bounds(
    course: &Course,
    nominal: f64,
    reaches: &JointVector,
    limits: &[JointLimits],
) -> [f64; CELLS] {
    let width = course.duration() / CELLS as f64;
    let n = libm::ceil(width / 0.002).clamp(4.0, 1000.0);
    let gain: f64 = limits.iter().zip(reaches.iter()).map(|(l, r)| l.acceleration * r).sum();
    let between = 0.5 * (width / n) * gain / (nominal * nominal);
    core::array::from_fn(|cell| {
        let mut most = 0.0_f64;
        for i in 0..=n as usize {
            let [_, dq, ..] = course.at(width * (cell as f64 + i as f64 / n));
            most = most.max(dq.iter().zip(reaches.iter()).map(|(v, r)| v.abs() * r).sum());
        }
        (most + between).max(1e-9)
    })
}

/// The greatest speed of the tool's centre point on a path at pace one, m/s, looked at every few milliseconds.
pub(crate) fn tool_speed(course: &Course, arm: &Arm) -> f64 {
    let (mut data, mut jacobian) = (ArmData::new(arm), Jacobian::zeros(arm.n_joints()));
    let n = libm::ceil(course.duration() / TOOL_STEP_S).clamp(1.0, 20_000.0) as usize;
    (0..=n).fold(1e-9, |most, k| {
        let [q, dq, ..] = course.at(course.duration() * k as f64 / n as f64);
        tool_jacobian(arm, &mut data, &q, &mut jacobian);
        let along = |axis: usize| dq.iter().enumerate().map(|(j, v)| jacobian[(axis, j)] * v).sum::<f64>();
        let (x, y, z) = (along(0), along(1), along(2));
        libm::sqrt(x * x + y * y + z * z).max(most)
    })
}
