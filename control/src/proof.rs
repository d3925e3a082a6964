//! Proof, before anything else moves, that every encoder tells what its own motor does (F15).
//!
//! One joint after the other is led out by a third of a degree and back, away from the nearer end of its range.
//! Out there the encoders must say that this joint is where it was told to be, and the others where they were. An
//! encoder that counts backwards, or that is plugged in for another, says otherwise; so does a feedback with the
//! wrong sign, which drives a joint away from where it is held. An arm that is measured a third of a degree from
//! where it is led loses its power at once: nothing had begun.
#![forbid(unsafe_code)]

use crate::path::Reference;
use crate::smooth;
use types::{CRAWL, JointLimits, JointVector};

/// How far a joint is led out: rad (0.3 degrees), or twice as many metres as a radian of it would move a tool half
/// a metre away.
const OUT: f64 = 0.005_2;
/// How far any joint may be measured from where it is led: rad (m).
const FARTHEST: f64 = 0.006;
/// The part of the way by which a joint may be off.
const OFF: f64 = 0.5;
/// Shortest way out, seconds; the part of acceleration and jerk limits that it may use.
const WAY_S: f64 = 0.08;
const SHARE: f64 = 0.5;
/// Standing before the first joint, and out there before it is judged, seconds.
const SETTLE_S: f64 = 0.05;
/// An arm that is behind out there is given so much longer, seconds: it holds, and it may be the machine that is late.
const PATIENCE_S: f64 = 0.25;

/// What an encoder says that cannot be right.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) joint: usize,
    /// By how much it was led out, and by how much it is said to have moved: rad (m).
    pub(crate) asked: f64,
    pub(crate) moved: f64,
}

/// Where the proof stands.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Proof {
    start: JointVector,
    /// Standing between two joints, seconds: for an arm that is behind to come back.
    rest_s: f64,
    joint: usize,
    /// Seconds into this joint's turn; negative before the first.
    t: f64,
    /// Where the joints were measured before this turn.
    before: Option<JointVector>,
    is_judged: bool,
    /// Seconds that this joint has stood out there and was not where it should be.
    waited: f64,
}

impl Proof {
    /// From standing at `start`, with `rest_s` seconds between two joints.
    pub(crate) fn new(start: JointVector, rest_s: f64) -> Self {
        Self { start, rest_s, joint: 0, t: -SETTLE_S, before: None, is_judged: false, waited: 0.0 }
    }

    /// Whether every joint had its turn.
    pub(crate) fn is_complete(&self) -> bool {
        self.joint >= self.start.len()
    }

    /// Seconds for the way out.
    fn way_s(limits: &JointLimits) -> f64 {
        // Where it stands its end may leave it no more than a crawl.
        let velocity = if limits.near_end.slope > 0.0 { CRAWL } else { limits.velocity };
        WAY_S.max(smooth::seconds(OUT, &JointLimits { velocity, ..*limits }, SHARE))
    }

    /// How far the joint whose turn it is shall be led out, away from the nearer end of its range.
    fn asked(&self, limits: &[JointLimits]) -> f64 {
        let (q, l) = (self.start[self.joint], &limits[self.joint]);
        if l.upper - q >= q - l.lower { OUT } else { -OUT }
    }

    /// Takes in where the joints are measured to be, and where they were led; says which encoder cannot be right.
    pub(crate) fn judge(
        &mut self,
        q: &JointVector,
        reference: &JointVector,
        limits: &[JointLimits],
    ) -> Result<(), Wrong> {
        if self.is_complete() {
            return Ok(());
        }
        let asked = self.asked(limits);
        let led = |i: usize| if i == self.joint { asked } else { 0.0 };
        for i in 0..q.len() {
            if (q[i] - reference[i]).abs() > FARTHEST {
                let (asked, moved) = (reference[i] - self.start[i], q[i] - self.start[i]);
                return Err(Wrong { joint: i, asked, moved });
            }
        }
        if self.t < 0.0 {
            return Ok(());
        }
        let before = *self.before.get_or_insert(*q);
        if !self.is_judged && self.t >= Self::way_s(&limits[self.joint]) + SETTLE_S {
            for i in 0..q.len() {
                let moved = q[i] - before[i];
                if (moved - led(i)).abs() > OFF * OUT {
                    if self.waited < PATIENCE_S {
                        return Ok(());
                    }
                    return Err(Wrong { joint: i, asked: led(i), moved });
                }
            }
            self.is_judged = true;
        }
        Ok(())
    }

    /// Where this joint is `t` seconds into its turn, on its way out or back, at whose end it stands.
    fn on_way(&self, t: f64, is_out: bool, limits: &[JointLimits]) -> Reference {
        let mut at = Reference::at_rest(self.start);
        let way = Self::way_s(&limits[self.joint]);
        let back = 2.0 * way + SETTLE_S;
        let (x, sign) = if is_out { (t / way, 1.0) } else { ((back - t) / way, -1.0) };
        let [y, dy, ddy] = smooth::step(x.clamp(0.0, 1.0));
        let (j, by) = (self.joint, self.asked(limits));
        at.q[j] += by * y;
        at.dq[j] = sign * by * dy / way;
        at.ddq[j] = by * ddy / (way * way);
        at
    }

    /// Where it is in `seconds`, going on to the end of this joint's way and no farther; and for how long it goes on.
    pub(crate) fn ahead<'a>(&'a self, limits: &'a [JointLimits]) -> (f64, impl Fn(f64) -> Reference + 'a) {
        let way = if self.is_complete() { 0.0 } else { Self::way_s(&limits[self.joint]) };
        // It stays out there until it is judged.
        let is_out = !self.is_judged;
        let end = if is_out { way } else { 2.0 * way + SETTLE_S };
        let at = move |seconds: f64| {
            if self.is_complete() {
                return Reference::at_rest(self.start);
            }
            self.on_way(self.t + seconds, is_out, limits)
        };
        ((end - self.t).max(0.0), at)
    }

    /// Moves on by `dt` seconds; the joint stays out until it was judged.
    pub(crate) fn step(&mut self, dt: f64, limits: &[JointLimits]) -> Reference {
        let next = Reference::at_rest(self.start);
        if self.is_complete() {
            return next;
        }
        let way = Self::way_s(&limits[self.joint]);
        let (out, back) = (way + SETTLE_S, 2.0 * way + SETTLE_S);
        self.t += dt;
        if !self.is_judged && self.t > out {
            self.waited += dt;
            self.t = out;
        }
        if self.t >= back {
            // The next one's turn begins with where this one came to rest.
            *self = Self {
                joint: self.joint + 1,
                t: -self.rest_s,
                before: None,
                is_judged: false,
                waited: 0.0,
                ..*self
            };
            return next;
        }
        self.on_way(self.t, self.t < out, limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 0.001;

    fn limits(velocity: f64) -> [JointLimits; 2] {
        let (lower, upper) = (-1.0, 3.0);
        let (acceleration, jerk, torque, torque_rate) = (1e3, 1e6, 10.0, 1000.0);
        [JointLimits {
            lower,
            upper,
            velocity,
            acceleration,
            jerk,
            torque,
            torque_rate,
            near_end: Default::default(),
        }; 2]
    }

    fn two(a: f64, b: f64) -> JointVector {
        JointVector::from_fn(2, |i| [a, b][i])
    }

    /// Runs the proof of an arm whose encoders say what `told` makes of where it is led, tick by tick.
    fn run(
        start: JointVector,
        l: &[JointLimits],
        told: impl Fn(usize, JointVector) -> JointVector,
    ) -> Result<Vec<Reference>, Wrong> {
        run_with(0.0, start, l, told)
    }

    /// The same with so much rest between two joints, seconds.
    fn run_with(
        rest_s: f64,
        start: JointVector,
        l: &[JointLimits],
        told: impl Fn(usize, JointVector) -> JointVector,
    ) -> Result<Vec<Reference>, Wrong> {
        let mut proof = Proof::new(start, rest_s);
        let mut led = vec![];
        let mut at = start;
        for k in 0..5000 {
            proof.judge(&told(k, at), &at, l)?;
            if proof.is_complete() {
                break;
            }
            let next = proof.step(DT, l);
            at = next.q;
            led.push(next);
        }
        Ok(led)
    }

    #[test]
    fn one_joint_after_the_other_is_led_out_smoothly_away_from_the_nearer_end_and_back() {
        // Fast enough: 0.08 s; at 0.1 rad/s, of which it may use half: 1.875 times 0.0052 rad over 0.05.
        for (velocity, way) in [(10.0, 0.08), (0.1, 0.195)] {
            for (start, out) in [(two(0.9, 1.1), [OUT, -OUT]), (two(1.0, -0.999), [OUT, OUT])] {
                let led = run(start, &limits(velocity), |_, q| q).expect("nothing is wrong");
                // Standing before the first; out, standing there, and back, for each.
                let turn = 2.0 * way + SETTLE_S;
                let ticks = (SETTLE_S + 2.0 * turn) / DT;
                assert!((led.len() as f64 - ticks).abs() <= 2.0, "{} ticks, not {ticks}", led.len());
                for (j, by) in out.into_iter().enumerate() {
                    let at = |t: f64| &led[((SETTLE_S + j as f64 * turn + t) / DT).round() as usize - 1];
                    // A part of the way: of the distance, the mean speed, the mean speed per time.
                    for (t, y, dy, ddy) in [
                        (0.25 * way, 0.103_515_625, 1.054_687_5, 5.625),
                        (0.5 * way, 0.5, 1.875, 0.0),
                        (way + 0.5 * SETTLE_S, 1.0, 0.0, 0.0),
                        (1.5 * way + SETTLE_S, 0.5, -1.875, 0.0),
                        (1.75 * way + SETTLE_S, 0.103_515_625, -1.054_687_5, 5.625),
                    ] {
                        let r = at(t);
                        // Half a tick more or less.
                        let slack = 3.0 * DT / way * OUT;
                        assert!((r.q[j] - start[j] - by * y).abs() < slack, "{j}, {t}: {r:?}");
                        assert!((r.dq[j] - by * dy / way).abs() < 4.0 * slack / way, "{j}, {t}: {r:?}");
                        assert!(
                            (r.ddq[j] - by * ddy / (way * way)).abs() < 30.0 * slack / (way * way),
                            "{j}, {t}: {r:?}"
                        );
                        assert_eq!((r.q[1 - j], r.dq[1 - j], r.ddq[1 - j]), (start[1 - j], 0.0, 0.0));
                    }
                }
                for pair in led.windows(2) {
                    for j in 0..2 {
                        let mean = 0.5 * (pair[0].dq[j] + pair[1].dq[j]);
                        assert!((pair[1].q[j] - pair[0].q[j] - DT * mean).abs() < 1e-6, "no leap: {pair:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_arm_that_stays_out_is_not_led_back_before_it_was_judged() {
        let l = limits(10.0);
        let mut proof = Proof::new(two(1.0, 1.0), 0.0);
        for _ in 0..1000 {
            proof.step(DT, &l);
        }
        let out = proof.step(DT, &l);
        assert!((out.q[0] - 1.0 - OUT).abs() < 1e-12 && out.dq[0] == 0.0 && !proof.is_complete());
    }

    #[test]
    fn an_arm_that_is_late_out_there_is_given_a_quarter_of_a_second_and_no_more() {
        let (start, l) = (two(1.0, 1.0), limits(10.0));
        let out = ((SETTLE_S + 0.08 + SETTLE_S) / DT) as usize;
        let late =
            |ticks: usize| run(start, &l, move |k, q| if k < out + ticks { two(1.0, q[1]) } else { q });
        let (prompt, behind) = (late(0).expect("prompt").len(), late(200).expect("behind").len());
        assert!((195..=205).contains(&(behind - prompt)), "{behind} {prompt}");
        // Each joint anew.
        let stood = [0, 0].map(std::cell::Cell::new);
        let both = run(start, &l, |_, q| {
            JointVector::from_fn(2, |j| {
                let is_out = (q[j] - 1.0).abs() > 0.999 * OUT;
                stood[j].set(stood[j].get() + usize::from(is_out));
                if stood[j].get() < 200 { 1.0 } else { q[j] }
            })
        });
        assert!(both.is_ok_and(|led| led.len() > prompt + 200), "so much for each");
        let wrong = late(260).expect_err("it does not come");
        assert!(wrong.joint == 0 && wrong.moved == 0.0, "{wrong:?}");
    }

    #[test]
    fn what_is_off_by_just_as_much_as_is_let_be_is_let_be() {
        let (start, l) = (two(0.0, 0.0), limits(10.0));
        assert!(Proof::new(start, 0.0).judge(&two(0.0, FARTHEST), &start, &l).is_ok());
        assert!(Proof::new(start, 0.0).judge(&two(-FARTHEST, 0.0), &start, &l).is_ok());
        let told = |k, q: JointVector| if (100..200).contains(&k) { two(q[0], OFF * OUT) } else { q };
        assert!(run(start, &l, told).is_ok());
    }

    #[test]
    fn a_joint_that_is_elsewhere_than_it_was_led_is_named_with_how_far_it_went() {
        let (start, l) = (two(1.0, 1.0), limits(10.0));
        // Off by more than six thousandths at any time.
        assert!(run(start, &l, |_, q| two(q[0], q[1] + 0.005_9)).is_ok(), "off all the time by less");
        let told_at = |from: usize, by: [f64; 2]| {
            let last = std::cell::Cell::new(0);
            let wrong = run(start, &l, |k, q| {
                last.set(k);
                if k < from { q } else { two(q[0] + by[0], q[1] + by[1]) }
            });
            assert_eq!(last.get(), from, "at once");
            wrong.expect_err("far off")
        };
        let wrong = told_at(20, [0.0, -0.006_1]);
        assert!(wrong.joint == 1 && wrong.asked == 0.0 && (wrong.moved + 0.006_1).abs() < 1e-12, "{wrong:?}");
        let wrong = told_at(150, [0.006_1, 0.0]);
        assert!(wrong.joint == 0 && (wrong.asked - OUT).abs() < 1e-12, "{wrong:?}");
        assert!((wrong.moved - OUT - 0.006_1).abs() < 1e-12, "{wrong:?}");
        // Out there by more than half of the way, the joint itself or the other.
        for (off, fits) in [(0.002_59, true), (0.002_61, false)] {
            for (joint, sign) in [(0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0)] {
                let told = |k: usize, q: JointVector| {
                    // Once it is under way, and for longer than anybody is waited for.
                    let by = if (100..450).contains(&k) { sign * off } else { 0.0 };
                    JointVector::from_fn(2, |i| if i == joint { q[i] + by } else { q[i] })
                };
                let result = run(start, &l, told).map(|_| ());
                let led = if joint == 0 { OUT } else { 0.0 };
                match result {
                    Ok(()) => assert!(fits, "{joint}: {off}"),
                    Err(wrong) => {
                        assert!(!fits && (wrong.joint, wrong.asked) == (joint, led), "{wrong:?}");
                        assert!((wrong.moved - led - sign * off).abs() < 1e-12, "{wrong:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_arm_at_the_end_of_a_line_is_back_before_the_next_joint_has_its_turn() {
        let (start, l) = (two(1.0, 1.0), limits(10.0));
        // It is where it was led 90 ms ago.
        let late = |rest_s: f64| {
            let past = std::cell::RefCell::new(std::collections::VecDeque::from(vec![start; 90]));
            run_with(rest_s, start, &l, move |_, q| {
                let mut past = past.borrow_mut();
                past.push_back(q);
                past.pop_front().expect("ninety")
            })
        };
        assert_eq!(late(0.0).expect_err("taken for one that moves of itself").joint, 0);
        assert!(late(0.2).is_ok());
    }
}
