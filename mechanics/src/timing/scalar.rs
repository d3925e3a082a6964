//! The scalar double-S: the fastest motion along a line under limits of speed, acceleration and
//! jerk (Biagiotti and Melchiorri, Trajectory Planning for Automatic Machines and Robots, 2008,
//! section 3.4), with speeds at both ends and no acceleration there.

/// What a scalar motion may do: all positive; units of the line per second, per second², per second³.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Largest speed.
    pub velocity: f64,
    /// Largest acceleration, either way.
    pub acceleration: f64,
    /// Largest jerk, either way.
    pub jerk: f64,
}

/// A stretch of constant jerk, with the state at its beginning.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Phase {
    /// Seconds.
    pub duration: f64,
    /// Place at the beginning.
    pub s: f64,
    /// Speed at the beginning.
    pub v: f64,
    /// Acceleration at the beginning.
    pub a: f64,
    /// Jerk throughout.
    pub jerk: f64,
}

impl Phase {
    /// Place, speed and acceleration `t` seconds after the phase's beginning.
    #[must_use]
    pub fn at(&self, t: f64) -> [f64; 3] {
        [
            self.s + t * (self.v + t * (0.5 * self.a + t * self.jerk / 6.0)),
            self.v + t * (self.a + 0.5 * t * self.jerk),
            self.a + t * self.jerk,
        ]
    }
}

/// A motion of at most seven phases.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Profile {
    phases: [Phase; 7],
    n_phases: usize,
}

impl Profile {
    /// Starts at place zero with speed `v` and no acceleration.
    fn begin() -> Self {
        Self { phases: [Phase::default(); 7], n_phases: 0 }
    }

    /// Its phases in order, each of a positive duration.
    #[must_use]
    pub fn phases(&self) -> &[Phase] {
        &self.phases[..self.n_phases]
    }

    /// Seconds from beginning to end.
    #[must_use]
    pub fn duration(&self) -> f64 {
        self.phases().iter().map(|p| p.duration).sum()
    }

    fn push(&mut self, state: &mut [f64; 3], duration: f64, jerk: f64) {
        if duration > 0.0 && self.n_phases < self.phases.len() {
            let phase = Phase { duration, s: state[0], v: state[1], a: state[2], jerk };
            *state = phase.at(duration);
            self.phases[self.n_phases] = phase;
            self.n_phases += 1;
        }
    }

    fn push_ramp(&mut self, state: &mut [f64; 3], to: f64, bounds: &Bounds) {
        let ramp = Ramp::new(state[1], to, bounds);
        let sign = if to >= state[1] { 1.0 } else { -1.0 };
        self.push(state, ramp.jerk_s, sign * bounds.jerk);
        self.push(state, ramp.flat_s, 0.0);
        self.push(state, ramp.jerk_s, -sign * bounds.jerk);
        // What rounding left behind: a ramp ends without acceleration, at its speed.
        state[1] = to;
        state[2] = 0.0;
    }
}

/// The fastest change from one speed to another, without acceleration at both ends.
#[derive(Copy, Clone, Debug, PartialEq)]
struct Ramp {
    /// Seconds of rising, and again of falling acceleration.
    jerk_s: f64,
    /// Seconds at the largest acceleration.
    flat_s: f64,
    /// Length travelled.
    length: f64,
}

impl Ramp {
    fn new(from: f64, to: f64, bounds: &Bounds) -> Self {
        let dv = (to - from).abs();
        let full = bounds.acceleration / bounds.jerk;
        let (jerk_s, flat_s) = if dv > bounds.acceleration * full {
            (full, dv / bounds.acceleration - full)
        } else {
            ((dv / bounds.jerk).sqrt(), 0.0)
        };
        Self { jerk_s, flat_s, length: 0.5 * (from + to) * (2.0 * jerk_s + flat_s) }
    }
}

/// The length that the fastest change from speed `from` to speed `to` takes; both at least zero.
#[must_use]
pub fn ramp_length(from: f64, to: f64, bounds: &Bounds) -> f64 {
    Ramp::new(from, to, bounds).length
}

/// The largest speed, at most `bounds.velocity`, that is reached over `length` from speed `from`
/// without acceleration at both ends; `from` itself when the length is zero.
#[must_use]
pub fn reach(from: f64, length: f64, bounds: &Bounds) -> f64 {
    if from >= bounds.velocity {
        return bounds.velocity;
    }
    largest(from, bounds.velocity, |v| ramp_length(from, v, bounds) <= length)
}

/// The largest speed in `lo..=hi` that `fits`, which is true up to some speed and false beyond it.
fn largest(mut lo: f64, mut hi: f64, fits: impl Fn(f64) -> bool) -> f64 {
    if fits(hi) {
        return hi;
    }
    // Halving down to neighbouring numbers; 200 covers a speed of 1e-40 of the largest.
    for _ in 0..200 {
        let mid = 0.5 * (lo + hi);
        if mid <= lo || mid >= hi {
            break;
        }
        if fits(mid) {
            lo = mid;
        } else {
            hi = mid;
        }
    }
    lo
}

/// The fastest motion over `length` from speed `from` to speed `to`, both within `0..=velocity` and
/// within [`reach`] of each other; beyond reach it is the plain ramp, which is longer than `length`.
#[must_use]
pub fn double_s(length: f64, from: f64, to: f64, bounds: &Bounds) -> Profile {
    let needs = |peak: f64| ramp_length(from, peak, bounds) + ramp_length(peak, to, bounds);
    let low = from.max(to);
    let peak = largest(low, bounds.velocity.max(low), |v| needs(v) <= length);
    let mut profile = Profile::begin();
    let mut state = [0.0, from, 0.0];
    profile.push_ramp(&mut state, peak, bounds);
    let rest = length - needs(peak);
    if peak > 0.0 && rest > 0.0 {
        let duration = rest / peak;
        profile.push(&mut state, duration, 0.0);
    }
    profile.push_ramp(&mut state, to, bounds);
    profile
}

/// Brings a scalar motion with speed `v` and acceleration `a` to rest in the least time under the
/// bounds of acceleration and jerk; an `a` beyond its bound is first brought back at full jerk.
#[must_use]
pub fn stop(v: f64, a: f64, bounds: &Bounds) -> Profile {
    let (jerk, a_max) = (bounds.jerk, bounds.acceleration);
    // Where the speed ends when the acceleration alone is taken away says which way to brake.
    let coasting = v + 0.5 * a * a.abs() / jerk;
    let sign = if coasting > 0.0 { -1.0 } else { 1.0 };
    // Mirrored so that the braking acceleration is positive and the speed to gain is `gain`.
    let (v, a) = (sign * v, sign * a);
    // Rise from `a` to `peak`, stay, fall to zero: gain = (2 peak² − a²) / (2 jerk) + peak · flat = −v.
    let free = (0.5 * a * a - jerk * v).max(0.0).sqrt();
    let peak = free.min(a_max);
    let (rise_s, rise_jerk) = if peak >= a { ((peak - a) / jerk, jerk) } else { ((a - peak) / jerk, -jerk) };
    let fall = 0.5 * peak * peak / jerk;
    let risen = 0.5 * (a + peak) * rise_s;
    let flat_s = if peak > 0.0 { ((-v - risen - fall) / peak).max(0.0) } else { 0.0 };
    let mut profile = Profile::begin();
    let mut state = [0.0, sign * v, sign * a];
    profile.push(&mut state, rise_s, sign * rise_jerk);
    // Rounding of a zero peak leaves no flat part.
    if free > a_max {
        profile.push(&mut state, flat_s, 0.0);
    }
    profile.push(&mut state, peak / jerk, -sign * jerk);
    profile
}
