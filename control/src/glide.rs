//! A width that goes to where it shall be within limits of speed, acceleration and jerk, without going beyond; where it
//! shall be may change at any time.
//!
//! A step is taken only if the stop after it, as short as the limits let one be, ends no farther than the target; otherwise
//! it is the next of the stop that there was. So there always is one (as in `servo`), and it ends at the target.
#![forbid(unsafe_code)]

use mechanics::GripperLimits;

/// A stop that ends so near to its target, metres, ends there.
const THERE_M: f64 = 1e-10;
/// Relative slack for rounding.
const SLACK: f64 = 1e-9;
/// Halvings until the greatest jerk is found that leaves a stop.
const BISECTIONS: usize = 40;

/// Where it is, metres; how fast, m/s; by how much faster, m/s².
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Glide {
    pub(crate) x: f64,
    v: f64,
    a: f64,
}

impl Glide {
    pub(crate) fn at_rest(x: f64) -> Self {
        Self { x, v: 0.0, a: 0.0 }
    }

    /// After `dt` seconds with this jerk, m/s³.
    fn after(self, jerk: f64, dt: f64) -> Self {
        let Self { x, v, a } = self;
        Self {
            x: x + dt * (v + dt * (0.5 * a + dt * jerk / 6.0)),
            v: v + dt * (a + 0.5 * dt * jerk),
            a: a + dt * jerk,
        }
    }

    /// The shortest stop: jerks one after another, m/s³, and for how long each, seconds.
    fn stop(self, l: &GripperLimits) -> [(f64, f64); 3] {
        // Seen the way it goes once its acceleration is gone.
        let way = if self.v + 0.5 * self.a * self.a.abs() / l.jerk < 0.0 { -1.0 } else { 1.0 };
        let (v, a) = (way * self.v, way * self.a);
        let most = libm::sqrt((l.jerk * v + 0.5 * a * a).max(0.0));
        let peak = most.min(l.acceleration).max(-a);
        let held = (v + (0.5 * a * a - peak * peak) / l.jerk) / peak.max(1e-12);
        let held = if most > l.acceleration { held.max(0.0) } else { 0.0 };
        [(-way * l.jerk, (a + peak) / l.jerk), (0.0, held), (way * l.jerk, peak / l.jerk)]
    }

    /// `dt` seconds further along the shortest stop.
    fn stopping(mut self, l: &GripperLimits, mut dt: f64) -> Self {
        for (jerk, seconds) in self.stop(l) {
            self = self.after(jerk, seconds.min(dt));
            dt -= seconds;
            if dt < 0.0 {
                return self;
            }
        }
        Self::at_rest(self.x)
    }

    /// Where the shortest stop ends, metres.
    pub(crate) fn rests_at(self, l: &GripperLimits) -> f64 {
        self.stopping(l, f64::INFINITY).x
    }

    /// Whether it is on its way.
    pub(crate) fn moves(&self) -> bool {
        self.v != 0.0 || self.a != 0.0
    }

    /// Whether it rests at `x`.
    #[cfg(test)]
    fn is_at(&self, x: f64) -> bool {
        *self == Self::at_rest(x)
    }

    /// Goes on towards `target`, metres, for `dt` seconds.
    pub(crate) fn step(&mut self, target: f64, l: &GripperLimits, dt: f64) {
        let left = target - self.rests_at(l);
        let way = if left < 0.0 { -1.0 } else { 1.0 };
        let stops = |next: &Self| {
            let (v, a) = (way * next.v, way * next.a);
            a <= l.acceleration * (1.0 + SLACK)
                && v + 0.5 * a * a.max(0.0) / l.jerk <= l.speed * (1.0 + SLACK)
                && way * (target - next.rests_at(l)) >= 0.0
        };
        let with = |jerk: f64| self.after(way * jerk, dt);
        // Within what acceleration and jerk there may be in this step, however absurd their limits.
        let mut low = (-(l.acceleration + way * self.a) / dt).max(-l.jerk);
        let mut high = ((l.acceleration - way * self.a) / dt).min(l.jerk).max(low);
        let next = if left.abs() < THERE_M || !stops(&with(low)) {
            self.stopping(l, dt)
        } else if stops(&with(high)) {
            with(high)
        } else {
            for _ in 0..BISECTIONS {
                let middle = 0.5 * (low + high);
                if stops(&with(middle)) { low = middle } else { high = middle }
            }
            with(low)
        };
        *self = next;
        if next.v == 0.0 && next.a == 0.0 && (next.x - target).abs() < 10.0 * THERE_M {
            self.x = target;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: [GripperLimits; 4] = [
        GripperLimits { speed: 0.1, acceleration: 5.0, jerk: 500.0, force_rate: 1000.0 },
        GripperLimits { speed: 0.1, acceleration: 0.8, jerk: 16.0, force_rate: 1000.0 },
        GripperLimits { speed: 0.3, acceleration: 20.0, jerk: 2e4, force_rate: 1000.0 },
        GripperLimits { speed: 0.02, acceleration: 1.0, jerk: 5.0, force_rate: 1000.0 },
    ];

    /// Goes to each target for so many seconds, and checks every step; returns where it is, and how long it took to rest
    /// at the last.
    fn run(l: &GripperLimits, dt: f64, targets: impl IntoIterator<Item = (f64, f64)>) -> (Glide, f64) {
        let mut glide = Glide::at_rest(0.04);
        let (mut low, mut high) = (glide.x, glide.x);
        let mut took = 0.0;
        for (target, seconds) in targets {
            if glide.is_at(glide.x) {
                (low, high) = (glide.x, glide.x);
            }
            (low, high) = (low.min(target), high.max(target));
            took = 0.0;
            for k in 1..=(seconds / dt).round() as u32 {
                let last = glide;
                glide.step(target, l, dt);
                assert!(glide.x >= low - 1e-9 && glide.x <= high + 1e-9, "beyond {target}: {glide:?}");
                assert!(glide.v.abs() <= l.speed * 1.000_001, "{glide:?}");
                assert!(glide.a.abs() <= l.acceleration * 1.000_001, "{glide:?}");
                assert!((glide.a - last.a).abs() <= l.jerk * dt * 1.000_001, "{last:?}, {glide:?}");
                let (way, faster) = (glide.x - last.x, glide.v - last.v);
                assert!((way - 0.5 * dt * (last.v + glide.v)).abs() <= l.jerk * dt * dt * dt / 6.0 + 1e-12);
                assert!((faster - 0.5 * dt * (last.a + glide.a)).abs() <= 0.5 * l.jerk * dt * dt + 1e-12);
                if took == 0.0 && glide.is_at(target) {
                    took = f64::from(k) * dt;
                }
            }
        }
        (glide, took)
    }

    #[test]
    fn from_rest_it_is_there_as_soon_as_speed_acceleration_and_jerk_let_it() {
        for l in &LIMITS {
            for dt in [2.5e-4, 1e-3] {
                for target in [0.0, 0.08, 0.039, 0.041_7, 0.04] {
                    let way: f64 = (target - 0.04_f64).abs();
                    let (end, took) = run(l, dt, [(target, 6.0)]);
                    assert!(end.is_at(target), "{target}: {end:?}");
                    let slowest = way / l.speed + l.speed / l.acceleration + l.acceleration / l.jerk;
                    let by_jerk = (32.0 * way / l.jerk).cbrt();
                    let by_acceleration = (4.0 * way / l.acceleration).sqrt() + l.acceleration / l.jerk;
                    let most = slowest.max(by_jerk).max(by_acceleration) + 6.0 * dt;
                    assert!(took <= most, "{l:?}, {target}: {took}, not {most} s");
                }
            }
        }
    }

    #[test]
    fn where_it_shall_be_may_change_at_any_time_and_it_goes_beyond_nothing() {
        let mut random = 3_u64;
        let mut dice = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as f64 / f64::from(1_u32 << 31)
        };
        for l in &LIMITS {
            for dt in [2.5e-4, 1e-3] {
                let targets: Vec<(f64, f64)> =
                    (0..200).map(|_| (0.08 * dice(), 0.2 * dice())).chain([(0.033, 8.0)]).collect();
                let (end, _) = run(l, dt, targets);
                assert!(end.is_at(0.033), "{end:?}");
            }
        }
    }

    #[test]
    fn a_target_that_moves_on_all_the_time_is_followed_at_full_speed() {
        let l = &LIMITS[0];
        let moves = (0..40).map(|k| (0.04 - 0.002 * f64::from(k + 1).min(18.0), 0.02));
        let (end, _) = run(l, 1e-3, moves.clone().take(18));
        assert!(end.x < 0.04 - 0.1 * 0.36 + 0.004, "{end:?}");
        assert!((run(l, 1e-3, moves).0.x - 0.004).abs() < 1e-12);
    }

    #[test]
    fn limits_as_good_as_none_lead_it_to_its_target_all_the_same() {
        for (acceleration, jerk) in [(5.0, 1e18), (1e3, 1e6), (5.0, 1e300)] {
            let l = GripperLimits { speed: 0.1, acceleration, jerk, force_rate: 1.0 };
            let mut glide = Glide::at_rest(0.04);
            for _ in 0..2000 {
                glide.step(0.0, &l, 1e-3);
                assert!(
                    glide.x > -1e-6 && glide.x < 0.04 + 1e-6 && glide.v.abs() < 0.100_1,
                    "{jerk}: {glide:?}"
                );
            }
            assert!(glide.x.abs() < 1e-4, "{jerk}: {glide:?}");
        }
    }
}
