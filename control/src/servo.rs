//! Velocities and targets that may change at any time: each tick decides anew how much of what is wished can
//! be taken up.
//!
//! A wish is a joint velocity: given as one, made from a tool twist, or what leads straight to a target in
//! joint space. Every tick a step leads from the command before towards the part of the wish that the filter
//! leaves, and it is taken only if the stop after it is verified: within the joints' ranges and
//! clear of the arm itself and of everything known. Otherwise the step is the next one of the stop that was
//! verified before. So there is always a stop, whatever is wished (see `filter` for the induction).
#![forbid(unsafe_code)]

use crate::brake::{Brake, Share};
use crate::core::Core;
use crate::filter::Near;
use crate::limiter;
use crate::means::{Inertia, Means};
use crate::path::Reference;
use crate::report::{LimitKind, MotionId, Report};
use crate::slowing::Slowed;
use crate::state::{State, Stop};
use crate::strain;
use crate::stride::steps;
use crate::twist::{self, Twist};
use types::Fault::F38OperatorSilent;
use types::{ENDING_LATE_S, JointLimits, JointVector, Time};

/// What taking up a velocity uses of acceleration and jerk, and what stopping does: motors that are to follow
/// need torque for more than acceleration.
pub(crate) const TAKE_UP: Share = Share(0.4);
pub(crate) const STOP: Share = Share(0.6);
/// Parts of these that are tried in turn until the motors can give what it takes.
const STRENGTHS: [f64; 5] = [1.0, 0.6, 0.35, 0.2, 0.1];
/// Places of a stop at which the motors are asked; where one from unaccelerated motion is sharpest is among them.
pub(crate) const STOP_PLACES: u32 = 8;
/// What a target is approached with of velocity, and of the acceleration that [`TAKE_UP`] leaves.
const APPROACH_VELOCITY: f64 = 0.7;
const APPROACH_ACCELERATION: f64 = 0.6;
/// Greatest speed per distance on the last bit of a way, 1/s.
const APPROACH_GAIN: f64 = 15.0;
/// Nearer than this to its target, rad (m), and slower than this, rad/s (m/s), a motion is over.
const ARRIVED: f64 = 1e-4;
const ARRIVED_SPEED: f64 = 2e-3;

/// What is wished.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Aim {
    /// Joint velocities, rad/s (m/s).
    Velocity(JointVector),
    /// A velocity of the tool.
    Twist(Twist),
    /// A place in joint space, rad (m).
    Joints(JointVector),
}

impl Aim {
    /// Whether it wishes nothing: a stick at rest.
    pub(crate) fn is_neutral(&self) -> bool {
        match self {
            Self::Velocity(v) => v.iter().all(|v| *v == 0.0),
            Self::Twist(t) => t.is_zero(),
            Self::Joints(_) => true,
        }
    }

    /// Whether it counts only for a while.
    pub(crate) fn is_stream(&self) -> bool {
        !matches!(self, Self::Joints(_))
    }
}

/// A motion under way without a path.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Servo {
    pub(crate) id: MotionId,
    pub(crate) aim: Aim,
    /// When a velocity ends.
    pub(crate) expires: Time,
    /// The command of this tick.
    pub(crate) next: Reference,
    /// The verified stop from there.
    pub(crate) stop: Brake,
    /// The one after going on so for a while, where that is verified, too.
    pub(crate) late: Option<Brake>,
    /// The part of the wish that was taken up, 0 to 1.
    pub(crate) part: f64,
    /// The part of [`TAKE_UP`] and [`STOP`] that the motors had the strength for.
    strength: f64,
}

impl Servo {
    /// Begins from whatever the arm does.
    pub(crate) fn new(
        id: MotionId,
        aim: Aim,
        expires: Time,
        from: Reference,
        limits: &[JointLimits],
    ) -> Self {
        let stop = Brake::new(from, limits, STOP);
        Self { id, aim, expires, next: from, stop, late: None, part: 0.0, strength: 1.0 }
    }

    /// Whether the arm stands.
    pub(crate) fn at_rest(&self) -> bool {
        self.next.dq.iter().chain(self.next.ddq.iter()).all(|v| *v == 0.0)
    }
}

/// A step that may be taken.
struct Step {
    next: Reference,
    strength: f64,
    /// The stop after it, the one after it has gone on for a while, and whether they are ones.
    stop: Brake,
    late: Option<Brake>,
    is_verified: bool,
    /// The motors can give what it takes, and the stop.
    is_borne: bool,
    /// The part of the wish that is taken up, and what lowers it.
    applied: f64,
    near: Option<Near>,
    /// The part that singular poses leave, and of that what limits of speed do.
    singular: f64,
    slowed: Slowed,
    /// Something is wished.
    moves: bool,
}

/// The joint velocities that lead straight to `target`, all joints arriving together, such that braking with
/// what taking up may use ends there.
fn towards(target: &JointVector, from: &Reference, limits: &[JointLimits]) -> JointVector {
    let way = JointVector::from_fn(target.len(), |i| target[i] - from.q[i]);
    let mut gain = APPROACH_GAIN;
    for (i, l) in limits.iter().enumerate() {
        let distance = way[i].abs().max(1e-12);
        let braking = libm::sqrt(2.0 * APPROACH_ACCELERATION * TAKE_UP.0 * l.acceleration * distance);
        gain = gain.min(braking.min(APPROACH_VELOCITY * l.velocity) / distance);
    }
    JointVector::from_fn(way.len(), |i| gain * way[i])
}

/// One step of `dt` seconds towards the velocities `target`: every joint with the same part `share` of what it may
/// use, so that what is straight stays straight, with the acceleration from which none has to overshoot.
fn take_up(from: &Reference, target: &JointVector, means: Means<'_>, share: Share, dt: f64) -> Reference {
    let (n, limits) = (target.len(), means.limits);
    let left = JointVector::from_fn(n, |i| target[i] - from.dq[i]);
    // Two steps that end exactly at the target, without acceleration, if every joint may.
    let first = JointVector::from_fn(n, |i| left[i] / (dt * dt) - 1.5 * from.ddq[i] / dt);
    let second = JointVector::from_fn(n, |i| -left[i] / (dt * dt) + 0.5 * from.ddq[i] / dt);
    let may = |([first, second], most): ([f64; 2], f64)| first.abs().max(second.abs()) <= share.0 * most;
    let bend = if means.jerks([&first, &second]).all(may) {
        first
    } else {
        let mut gain = 0.25 / dt;
        for (left, l) in left.iter().zip(limits) {
            gain = gain.min(share.0 * l.acceleration / left.abs().max(1e-12));
        }
        for ([left], most) in means.jerks([&left]) {
            gain = gain.min(libm::sqrt(1.4 * share.0 * most / left.abs().max(1e-12)));
        }
        let change = JointVector::from_fn(n, |i| gain * left[i] - from.ddq[i]);
        let part = means
            .jerks([&change])
            .fold(1.0f64, |m, ([change], most)| m.min(share.0 * most * dt / change.abs().max(1e-12)));
        JointVector::from_fn(n, |i| part * change[i] / dt)
    };
    let (v, a) = (&from.dq, &from.ddq);
    let mut next = Reference {
        q: JointVector::from_fn(n, |i| from.q[i] + dt * (v[i] + dt * (0.5 * a[i] + dt * bend[i] / 6.0))),
        dq: JointVector::from_fn(n, |i| v[i] + dt * (a[i] + 0.5 * dt * bend[i])),
        ddq: JointVector::from_fn(n, |i| a[i] + dt * bend[i]),
    };
    if (0..n).all(|i| (next.dq[i] - target[i]).abs() < 1e-12 && next.ddq[i].abs() < 1e-9) {
        (next.dq, next.ddq) = (*target, JointVector::zeros(n));
    }
    next
}

impl Core {
    /// Moves a motion without a path on by one tick.
    pub(crate) fn servo_on(&mut self, now: Time, slow: f64) {
        let State::Servo(servo) = &self.state else { return };
        let mut servo = *servo;
        let last = self.reference;
        let is_over = match &servo.aim {
            Aim::Joints(target) => {
                target.max_abs_diff(&last.q) < ARRIVED && last.dq.iter().all(|v| v.abs() < ARRIVED_SPEED)
            }
            _ => now >= servo.expires,
        };
        if is_over {
            self.end_servo(servo);
            return;
        }
        let step = self.servo_step(now, &servo, slow);
        let stands = servo.at_rest() && step.applied == 0.0;
        if stands {
            self.filter.stands();
        }
        if !stands && step.is_verified {
            (servo.next, servo.stop, servo.late) = (step.next, step.stop, step.late);
            servo.strength = step.strength;
        } else {
            servo.late = None;
            servo.stop.step(self.dt);
            servo.next = servo.stop.reference();
        }
        servo.part = step.applied;
        self.tell_slowed_wish(step.singular, &step.slowed);
        self.tell_weak(step.moves && !step.is_borne, [Some(step.stop), step.late], &servo.next);
        self.state = State::Servo(servo);
        let trust = self.filter.trust(now);
        self.tell_restriction(step.moves.then_some(slow), step.applied, trust, step.near);
        let is_weak = step.moves && !step.is_borne;
        let own = if is_weak { Some(LimitKind::Torque) } else { step.slowed.limit(step.singular) };
        self.slowed_by = self.slowed_by.or(own);
    }

    /// Whether the first step of a motion that takes over from another is verified.
    pub(crate) fn has_first_step(&mut self, now: Time, servo: &Servo) -> bool {
        let slow = self.slow();
        self.servo_step(now, servo, slow).is_verified
    }

    /// The next step of a motion without a path, and whether there is a verified stop after it.
    fn servo_step(&mut self, now: Time, servo: &Servo, slow: f64) -> Step {
        let last = self.reference;
        let limits = self.arm.limits();
        let mut singular = 1.0;
        let wish = match &servo.aim {
            Aim::Velocity(v) => *v,
            Aim::Joints(target) => towards(target, &last, limits),
            Aim::Twist(t) => {
                let found = twist::joint_rates(&self.arm, &mut self.servo_data, &last.q, t, servo.strength);
                singular = found.slowed;
                found.rates
            }
        };
        let wish = if self.is_awaited() { JointVector::zeros(wish.len()) } else { wish };
        let (wish, slowed) = twist::within_speed(
            &self.arm,
            &mut self.servo_data,
            &last.q,
            wish,
            (self.tuning.tool_speed, servo.strength),
        );
        let width_m = self.width_m();
        let inertia = Inertia::at(&self.arm, &mut self.data, &last.q, width_m);
        let means = Means { limits, inertia: Some(&inertia) };
        let stopping = Share(servo.strength * STOP.0);
        let fingers = self.fingers();
        let (part, near) = self.filter.part_of_wish(&self.arm, now, &last, (&wish, stopping, means), fingers);
        let applied = part.min(slow * self.filter.trust(now));
        let target = JointVector::from_fn(wish.len(), |i| applied * wish[i]);
        let coast = self.tuning.coast;
        let step = |strength: f64| {
            let [rise, share] = [TAKE_UP, STOP].map(|s| Share(strength * s.0));
            let next = steps(self.dt, self.tuning.period)
                .fold(last, |from, part| take_up(&from, &target, means, rise, part));
            let late = (coast > 0.0).then(|| Brake::coasting(next, means, share, coast));
            (strength, next, Brake::new(next, means, share), late)
        };
        // As sharply as the motors have the strength for, and not at all if they have none.
        let mut bearable = None;
        for strength in STRENGTHS {
            let tried = step(strength);
            let (_, _, stop, late) = &tried;
            let mut places = core::iter::once(stop).chain(late).flat_map(|stop| {
                let part = |k: u32| stop.left() * f64::from(k) / f64::from(STOP_PLACES);
                (0..STOP_PLACES).map(move |k| stop.after(part(k)))
            });
            if places.all(|next| strain::is_borne(&self.arm, &mut self.data, (&last, &next), width_m)) {
                bearable = Some(tried);
                break;
            }
        }
        let is_borne = bearable.is_some();
        let (strength, next, stop, late) = bearable.unwrap_or_else(|| step(STRENGTHS[STRENGTHS.len() - 1]));
        // Against the last wall too: what takes over from another motion may begin with more than its share.
        let mut is_verified = is_borne && limiter::check(limits, &last, &next, self.dt).is_ok();
        for (stop, more) in core::iter::once((stop, 0.0)).chain(late.map(|late| (late, ENDING_LATE_S))) {
            let until = now + core::time::Duration::from_secs_f64(stop.left() + more + self.dt);
            is_verified = is_verified && self.filter.keeps_clear(&self.arm, now, until, &stop, fingers);
        }
        let moves = wish.iter().any(|v| *v != 0.0);
        Step { next, strength, stop, late, is_verified, is_borne, applied, near, singular, slowed, moves }
    }

    /// A target is reached, or a velocity has expired: at rest that is an end as any other; under way the
    /// one who steered has fallen silent (F38).
    fn end_servo(&mut self, servo: Servo) {
        if servo.aim.is_stream() && !servo.at_rest() && !self.is_awaited() {
            self.tell(Report::Fault { fault: F38OperatorSilent, latched: false });
            self.stop(Stop::two(crate::report::Cause::VelocityOver));
        } else {
            self.stop(Stop { hold: Some(servo.id), ..Stop::two(crate::report::Cause::Finished) });
        }
    }
}
