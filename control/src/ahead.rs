//! What comes of a path's pace: on towards one for a while, and then a stop.
#![forbid(unsafe_code)]

use crate::ending::SHORTEST_S;
use crate::pace::{Pace, Running};
use types::ENDING_PLACES;

/// What is still speeding up stops within this many times the way of a stop from the nominal pace.
pub(crate) const STILL_RISING: f64 = 1.5;
/// A stop that takes more ticks than this is none.
const MOST_STOP_TICKS: usize = 2000;
/// So many ticks of a stop are kept in mind at most, evenly spread; in between it is gone through again.
const MARKS: usize = 64;
/// Shorter than this is no time, seconds.
const NO_TIME_S: f64 = 1e-12;

/// A motion that may come: towards a pace for a while, and then a stop.
#[derive(Copy, Clone)]
pub(crate) struct Ahead<'a> {
    pub(crate) pace: &'a Pace,
    pub(crate) s: f64,
    pub(crate) running: Running,
    /// The pace it goes on towards, and for how long yet, seconds.
    pub(crate) target: f64,
    pub(crate) coast: f64,
}

impl<'a> Ahead<'a> {
    /// Moves on by `dt` seconds, or to where the stop begins; returns by how much.
    pub(crate) fn step(&mut self, dt: f64) -> f64 {
        let (target, dt) = if self.coast > 0.0 { (self.target, dt.min(self.coast)) } else { (0.0, dt) };
        self.s += self.running.step(self.pace, target, dt);
        self.coast -= dt;
        dt
    }

    /// Whether the arm stands for good.
    fn rests(&self) -> bool {
        self.coast <= 0.0 && self.running == Running { r: 0.0, rate: 0.0 }
    }

    /// A place before which it ends.
    fn bound(&self) -> f64 {
        let most = self.coast.max(0.0) * self.pace.nominal.max(self.running.r);
        self.s + most + STILL_RISING * self.pace.longest_stop().s
    }

    /// The stop after it has gone on, as far as path time `last`.
    fn stop(mut self, period: f64, last: f64) -> Stop<'a> {
        while self.coast > 0.0 && self.s <= last {
            self.step(period);
        }
        Stop::of(self, period, last)
    }

    /// For how long it goes on, seconds, in ticks of `dt`.
    pub(crate) fn seconds(mut self, dt: f64) -> f64 {
        let most = self.coast + MOST_STOP_TICKS as f64 * dt;
        let mut t = 0.0;
        while !self.rests() && t < most {
            t += self.step(dt);
        }
        t
    }

    /// Where it ends, or a bound of it, in ticks of `dt` seconds; `None` when that is beyond path time `last`.
    pub(crate) fn end_before(mut self, last: f64, dt: f64) -> Option<f64> {
        // Far away that needs no looking.
        let bound = self.bound();
        if bound <= last {
            return Some(bound);
        }
        let most = self.coast + MOST_STOP_TICKS as f64 * dt;
        let mut t = 0.0;
        while self.s <= last && t < most {
            if self.rests() {
                return Some(self.s);
            }
            t += self.step(dt);
        }
        None
    }
}

/// A stop that was gone through once, in ticks.
struct Stop<'a> {
    period: f64,
    n_ticks: usize,
    /// Every so many ticks there is a mark.
    every: usize,
    marks: [Ahead<'a>; MARKS],
    /// Where it comes to rest, if it does.
    end: Option<f64>,
}

impl<'a> Stop<'a> {
    /// From where it begins; up to path time `last` only.
    fn of(begin: Ahead<'a>, period: f64, last: f64) -> Self {
        let (mut ahead, mut n_ticks) = (begin, 0);
        let (mut marks, mut n_marks, mut every, mut to_next) = ([begin; MARKS], 0, 1, 0);
        loop {
            if to_next == 0 {
                if n_marks == MARKS {
                    n_marks = MARKS / 2;
                    every *= 2;
                    for k in 0..n_marks {
                        marks[k] = marks[2 * k];
                    }
                }
                marks[n_marks] = ahead;
                n_marks += 1;
                to_next = every;
            }
            to_next -= 1;
            let is_beyond = ahead.s > last || n_ticks == MOST_STOP_TICKS;
            let end = (!is_beyond && ahead.rests()).then_some(ahead.s);
            if is_beyond || end.is_some() {
                return Self { period, n_ticks, every, marks, end };
            }
            ahead.step(period);
            n_ticks += 1;
        }
    }

    fn seconds(&self) -> f64 {
        self.n_ticks as f64 * self.period
    }

    /// Where it is `t` seconds after its beginning.
    fn after(&self, t: f64) -> (f64, Running) {
        let n_ticks = (((t + NO_TIME_S) / self.period) as usize).min(self.n_ticks);
        let mut ahead = self.marks[n_ticks / self.every];
        for _ in 0..n_ticks % self.every {
            ahead.step(self.period);
        }
        let left = t - n_ticks as f64 * self.period;
        if n_ticks < self.n_ticks && left > NO_TIME_S {
            ahead.step(left);
        }
        (ahead.s, ahead.running)
    }
}

/// What an ending depends on, but for where the path is.
#[derive(Copy, Clone, Debug, PartialEq)]
struct Asked {
    running: Running,
    target: f64,
    coast: f64,
    past: f64,
    period: f64,
}

/// How the pace comes to rest after it has gone on for a while.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Coming {
    asked: Asked,
    /// How long the stop takes, seconds.
    pub(crate) stop_s: f64,
    /// Path time that has passed by then, and the pace there: see [`types::Ending`].
    pub(crate) places: [(f64, Running); ENDING_PLACES],
}

impl Coming {
    /// Counted from `past` seconds after now, in ticks of `period`: the very ticks in which the stop was verified, and what
    /// is left of one up to a place.
    pub(crate) fn new(ahead: &Ahead<'_>, past: f64, period: f64) -> Self {
        Self::of(ahead, past, &ahead.stop(period, f64::INFINITY))
    }

    /// As [`Ahead::end_before`], with what comes until then where it was gone through.
    pub(crate) fn end_before(ahead: &Ahead<'_>, last: f64, period: f64) -> Option<(f64, Option<Self>)> {
        let bound = ahead.bound();
        if bound <= last {
            return Some((bound, None));
        }
        let stop = ahead.stop(period, last);
        Some((stop.end?, Some(Self::of(ahead, 0.0, &stop))))
    }

    fn of(ahead: &Ahead<'_>, past: f64, stop: &Stop<'_>) -> Self {
        let stop_s = stop.seconds().max(SHORTEST_S);
        let pieces = (ENDING_PLACES - 1) as f64;
        let places = core::array::from_fn(|k| {
            let (s, running) = stop.after(past + stop_s * k as f64 / pieces);
            (s - ahead.s, running)
        });
        Self { asked: Asked::of(ahead, past, stop.period), stop_s, places }
    }

    /// Whether this is what comes then: as long as it is of the same pace, to the bit.
    pub(crate) fn is_of(&self, ahead: &Ahead<'_>, past: f64, period: f64) -> bool {
        self.asked == Asked::of(ahead, past, period)
    }
}

impl Asked {
    fn of(ahead: &Ahead<'_>, past: f64, period: f64) -> Self {
        let Ahead { running, target, coast, .. } = *ahead;
        Self { running, target, coast, past, period }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::Course;
    use crate::pace::Bounds;
    use types::motion::TrajectoryPoint;
    use types::{JointLimits, JointVector};

    const PERIOD: f64 = 1e-3;

    /// Of one joint's motion by one rad in a second; `jerk` says how long its stops take.
    fn pace(jerk: f64) -> Pace {
        let limits = [JointLimits {
            lower: -2.0,
            upper: 2.0,
            velocity: 2.0,
            acceleration: 10.0,
            jerk,
            torque: 10.0,
            torque_rate: 1000.0,
            near_end: Default::default(),
        }];
        let zero = JointVector::zeros(1);
        let point = |t: f64| TrajectoryPoint { t, q: JointVector::from_fn(1, |_| t), dq: zero, ddq: zero };
        let points = vec![point(0.0), point(1.0)];
        let trajectory = types::Trajectory::new(points, &limits, &zero).expect("fine");
        let course = Course::of_trajectory(&trajectory);
        Pace::from_rest(&course, &Bounds { limits: &limits, strains: &[], most: 1.0 }).expect("fine")
    }

    /// One tick after another, and then what is left.
    fn gone(mut ahead: Ahead<'_>, after: f64) -> (f64, Running) {
        let mut left = after;
        while ahead.coast > 0.0 {
            left -= ahead.step(PERIOD);
        }
        while left > NO_TIME_S {
            let dt = if left > PERIOD - NO_TIME_S { PERIOD } else { left };
            ahead.step(dt);
            left -= dt;
        }
        (ahead.s, ahead.running)
    }

    #[test]
    fn an_ending_goes_through_what_comes_tick_by_tick() {
        let mut ticks = Vec::new();
        for jerk in [80.0, 300.0, 1000.0, 3000.0] {
            let pace = pace(jerk);
            for (part, towards, risen) in
                [(1.0, 1.0, 0), (0.1, 1.0, 20), (1.0, 0.3, 35), (0.5, 0.5, 0), (0.0, 0.0, 0), (0.7, 0.0, 10)]
            {
                let mut running = Running { r: part * pace.nominal, rate: 0.0 };
                for _ in 0..risen {
                    running.step(&pace, towards * pace.nominal, PERIOD);
                }
                for (coast, past) in [(0.05, 0.0), (0.0, PERIOD), (0.0123, 0.0), (0.1, 0.0)] {
                    let target = towards * pace.nominal;
                    let ahead = Ahead { pace: &pace, s: 0.0, running, target, coast };
                    let coming = Coming::new(&ahead, past, PERIOD);
                    assert!(coming.is_of(&ahead, past, PERIOD));
                    let stop_s = ahead.seconds(PERIOD) - coast;
                    assert!((coming.stop_s - stop_s.max(SHORTEST_S)).abs() < 1e-9, "{}", coming.stop_s);
                    ticks.push((stop_s / PERIOD) as usize);
                    for (k, (s, there)) in coming.places.iter().enumerate() {
                        let after = coast + past + coming.stop_s * k as f64 / 8.0;
                        let expected = gone(ahead, after);
                        assert!((s - expected.0).abs() < 1e-12, "{k}: {s}, not {}", expected.0);
                        assert!((there.r - expected.1.r).abs() < 1e-9, "{k}");
                    }
                    let [.., (_, last)] = coming.places;
                    assert_eq!(last, Running { r: 0.0, rate: 0.0 });
                }
            }
        }
        ticks.sort_unstable();
        assert!(ticks[0] == 0 && ticks[ticks.len() - 1] > 4 * MARKS, "{ticks:?}");
    }

    #[test]
    fn what_a_stop_is_found_to_come_before_is_the_same_with_what_comes_until_then() {
        let pace = pace(1000.0);
        let mut found = [0; 3];
        for (part, towards, coast) in
            [(1.0, 1.0, 0.05), (0.3, 1.0, 0.1), (0.9, 0.2, 0.0123), (0.0, 0.0, 0.05)]
        {
            let running = Running { r: part * pace.nominal, rate: 0.0 };
            let ahead = Ahead { pace: &pace, s: 0.7, running, target: towards * pace.nominal, coast };
            let end = ahead.end_before(f64::MAX, PERIOD).expect("far away").max(ahead.s + 0.05);
            let exact = Coming::new(&ahead, 0.0, PERIOD);
            for k in 0..=200 {
                let last = 0.69 + (end - 0.65) * f64::from(k) / 200.0;
                let told = Coming::end_before(&ahead, last, PERIOD);
                assert_eq!(told.map(|(end, _)| end), ahead.end_before(last, PERIOD), "{last}");
                let known = told.and_then(|(_, coming)| coming);
                found[usize::from(told.is_some()) + usize::from(known.is_some())] += 1;
                assert!(known.is_none_or(|known| known == exact));
            }
        }
        assert!(found.iter().all(|n| *n > 20), "{found:?}");
    }

    #[test]
    fn what_comes_is_what_comes_of_the_same_pace_alone() {
        let pace = pace(1000.0);
        let running = Running { r: pace.nominal, rate: 0.0 };
        let ahead = Ahead { pace: &pace, s: 0.0, running, target: pace.nominal, coast: 0.05 };
        let coming = Coming::new(&ahead, 0.0, PERIOD);
        let slower = Running { r: running.r - 1e-15, ..running };
        let changed = Running { rate: -1e-15, ..running };
        for other in [
            Ahead { running: slower, ..ahead },
            Ahead { running: changed, ..ahead },
            Ahead { target: 0.9, ..ahead },
            Ahead { coast: 0.06, ..ahead },
        ] {
            assert!(!coming.is_of(&other, 0.0, PERIOD));
        }
        assert!(!coming.is_of(&ahead, PERIOD, PERIOD) && !coming.is_of(&ahead, 0.0, 2.0 * PERIOD));
    }
}
