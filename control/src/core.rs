//! The real-time end: one tick, from the state of the robot to its command.
#![forbid(unsafe_code)]

use crate::attach::Attach;
use crate::authority::Authority;
use crate::compliance::{Seen, Springs};
use crate::config::Tuning;
use crate::contact::Observer;
use crate::estimate::Estimate;
use crate::filter::Filter;
use crate::gripper::Gripper;
use crate::lease::{GROUPS, LeaseId};
use crate::limiter::{self, Violation};
use crate::message::{CoreWires, INBOX, Ordered, Spent};
use crate::motors::Motors;
use crate::path::{Job, Reference};
use crate::payload::Carried;
use crate::progress::Progress;
use crate::report::{Cause, LimitKind, Report, Status, TraceSample};
use crate::slowing::Slowings;
use crate::state::{State, Stop};
use crate::tape::{Head, Heard};
use crate::twist::Scratch;
use crate::watchdog::Pulse;
use crate::world::Surroundings;
use mechanics::collision::Checker;
use mechanics::{Arm, ArmData};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use types::seams::Controller;
use types::{Ending, Fault, JointCommand, JointState, JointVector, Time};

/// Overruns that are remembered; the configuration allows one less.
const OVERRUNS: usize = 64;
/// The part of its speed at which the arm runs while contact cannot be told from noise (F16), or a motor is
/// overloaded (F18).
const CAREFUL_PACE: f64 = 0.25;
/// After a pause of the loop that is longer, the robot has braked by its own watchdog, seconds.
const PAUSE_S: f64 = 0.1;

/// The real-time end of control.
pub struct Core {
    pub(crate) arm: Arc<Arm>,
    pub(crate) tuning: Tuning,
    pub(crate) state: State,
    pub(crate) cause: Cause,
    pub(crate) attach: Attach,
    pub(crate) estimate: Estimate,
    pub(crate) gripper: Gripper,
    pub(crate) filter: Filter,
    pub(crate) servo_data: Scratch,
    pub(crate) progress: Progress,
    pub(crate) contact: Observer,
    pub(crate) motors: Motors,
    pub(crate) springs: Springs,
    pub(crate) tool_wrench: [f64; 6],
    pub(crate) carried: Carried,
    /// The command before this tick, without torques.
    pub(crate) reference: Reference,
    /// Seconds by which this tick moves things on.
    pub(crate) dt: f64,
    pub(crate) data: ArmData,
    pub(crate) wires: CoreWires,
    pub(crate) last: JointCommand,
    /// How the arm comes to rest whose power this tick takes away.
    pub(crate) parting: Option<Ending>,
    pub(crate) last_now: Option<Time>,
    pub(crate) ticks: u64,
    pub(crate) authority: Authority,
    /// Whose stick is held, whether its orders are accepted or not, and until when.
    pub(crate) deflected: (LeaseId, Time),
    /// Orders whose time has not come, or that cannot begin yet: for the arm, for the gripper.
    pub(crate) pending: [Option<Ordered>; GROUPS],
    /// When an order that could not begin tries again; and when one tried last to take over from a motion.
    pub(crate) next_try: Time,
    pub(crate) tried: Time,
    /// What leads a robot that takes velocities back to where it shall be, once and twice filtered, rad/s (m/s).
    pub(crate) lead_back: [JointVector; 2],
    /// For how long the robot has not been read, seconds.
    pub(crate) missing_s: f64,
    /// For how long the arm still runs slower, as what the robot says came late, seconds.
    pub(crate) careful_s: f64,
    pub(crate) following_error_for: f64,
    overruns: [Time; OVERRUNS],
    n_overruns: u64,
    pub(crate) slowings: Slowings,
    /// The limit that slows what moves in this tick.
    pub(crate) slowed_by: Option<LimitKind>,
    next_trace: Time,
    /// The reference was put to the measured state in this tick: the wall has nothing to compare with.
    pub(crate) resynced: bool,
    /// The loop did not run for so long that the robot has braked by itself (F26).
    pub(crate) has_paused: bool,
    /// For how long the emergency stop's line has been closed, seconds.
    pub(crate) line_closed_s: f64,
    /// Under an independent watchdog; and for how long that has not been heard of, seconds.
    pub(crate) pulse: Option<Pulse>,
    pub(crate) unguarded_s: f64,
    /// What other threads had left for this tick; where ticks are recorded; and how many requests one takes at most.
    pub(crate) heard: Heard,
    pub(crate) tape: Option<Head>,
    pub(crate) most_requests: usize,
}

impl Core {
    pub(crate) fn new(
        arm: Arc<Arm>,
        (body, walls): (Checker, Option<Box<Surroundings>>),
        reaches: JointVector,
        tuning: Tuning,
        wires: CoreWires,
    ) -> Self {
        let (n, home) = (arm.n_joints(), arm.home());
        let gripper = Gripper::new(&arm);
        let zero = JointVector::zeros(n);
        let last = JointCommand {
            stamp: Time::ZERO,
            expires: Time::ZERO,
            q: home,
            dq: zero,
            ddq: zero,
            tau: zero,
            gripper: types::GripperCommand { width_m: 0.0, force_n: 0.0 },
            enabled: false,
        };
        let mut filter = Filter::new(&arm, body, reaches, (tuning.period, tuning.coast));
        if let Some(walls) = walls {
            filter.replace(walls);
        }
        let core = Self {
            data: ArmData::new(&arm),
            filter,
            servo_data: Scratch::new(&arm),
            progress: Progress::new(n),
            contact: Observer::new(&arm),
            motors: Motors::new(),
            springs: Springs::new(&arm),
            tool_wrench: [0.0; 6],
            carried: Carried::new(),
            arm,
            tuning,
            state: State::Disarmed,
            cause: Cause::Start,
            attach: Attach::Done,
            estimate: Estimate::new(home),
            gripper,
            reference: Reference::at_rest(home),
            dt: tuning.period,
            wires,
            last,
            parting: None,
            last_now: None,
            ticks: 0,
            authority: Authority::default(),
            deflected: (LeaseId(0), Time::ZERO),
            pending: [None, None],
            next_try: Time::ZERO,
            tried: Time::ZERO,
            lead_back: [zero; 2],
            missing_s: 0.0,
            careful_s: 0.0,
            following_error_for: 0.0,
            overruns: [Time::ZERO; OVERRUNS],
            n_overruns: 0,
            slowings: Slowings::NONE,
            slowed_by: None,
            next_trace: Time::ZERO,
            resynced: false,
            has_paused: false,
            line_closed_s: 0.0,
            pulse: None,
            unguarded_s: 0.0,
            heard: Heard::NOTHING,
            tape: None,
            most_requests: INBOX,
        };
        core.wires.mailbox.put(&core.status(Time::ZERO));
        core
    }

    /// Under an independent watchdog: it must be heard of before anything has power, and for as long (F33).
    #[must_use]
    pub fn with_watchdog(self, pulse: Pulse) -> Self {
        Self { pulse: Some(pulse), unguarded_s: f64::INFINITY, ..self }
    }

    /// Whether the last command lets the motors have power.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.last.enabled
    }

    /// The arm this was made for.
    #[must_use]
    pub fn arm(&self) -> &Arc<Arm> {
        &self.arm
    }

    /// Begins the end: a stop of category one from whatever the arm does. Not latched.
    pub(crate) fn shut_down(&mut self) {
        self.heard.shut_down = true;
        if self.state.is_powered() {
            self.stop(Stop::one(Cause::Shutdown));
        }
    }

    /// The last command again, but without power: what a loop says when it ends.
    pub(crate) fn last_without_power(&self, now: Time) -> JointCommand {
        JointCommand { stamp: now, expires: now, enabled: false, ..self.last }
    }

    /// Told by the loop when a tick panicked.
    pub(crate) fn died(&mut self) {
        self.tell(Report::LoopDied);
        if let Some(pulse) = &self.pulse {
            pulse.end(false);
        }
    }

    /// Told by the loop when it ends in good order, without power.
    pub(crate) fn leave(&mut self) {
        if let Some(pulse) = &self.pulse {
            pulse.end(true);
        }
    }

    /// Reports lost because nobody polled, since the beginning.
    pub(crate) fn dropped_reports(&self) -> u64 {
        self.wires.shared.dropped_reports.load(Ordering::Relaxed)
    }

    pub(crate) fn tell(&mut self, report: Report) {
        if self.wires.reports.push(report).is_err() {
            self.wires.shared.dropped_reports.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends what is done with to where it may be freed.
    pub(crate) fn give_back(&mut self, spent: Spent) {
        if let Err(rtrb::PushError::Full(spent)) = self.wires.returns.push(spent) {
            // The ring holds more than can exist; losing one beats freeing it here.
            core::mem::forget(spent);
        }
    }

    /// Seconds that this tick moves things on; `None` when time did not advance (F27).
    fn begin(&mut self, now: Time) -> Option<f64> {
        if now < Time::ZERO || now > Time::MAX {
            return None;
        }
        let Some(last) = self.last_now else {
            self.last_now = Some(now);
            return Some(self.tuning.period);
        };
        if now <= last {
            return None;
        }
        self.last_now = Some(now);
        let gap = now.secs_since(last);
        if gap <= self.tuning.overrun {
            return Some(gap);
        }
        self.has_paused = gap > PAUSE_S;
        // F25: one bounded step, as if the loop had been in time.
        self.tell(Report::Overrun { gap_s: gap });
        self.motors.excuse();
        let most = u64::from(self.tuning.max_overruns);
        self.overruns[(self.n_overruns % OVERRUNS as u64) as usize] = now;
        self.n_overruns += 1;
        if self.n_overruns > most {
            let first = self.overruns[((self.n_overruns - 1 - most) % OVERRUNS as u64) as usize];
            if now.secs_since(first) <= 1.0 && !self.has_paused {
                self.n_overruns = 0;
                self.stop(Stop::two(Cause::Fault(Fault::F25LoopOverrun)));
            }
        }
        Some(self.tuning.period)
    }

    /// Goes on to the payload that was told. What the model takes over while the arm rests is no contact; an arm that
    /// has set out meanwhile rather stops for it than goes on without feeling anything.
    fn carry(&mut self) {
        let Some(payload) = self.carried.step(self.dt) else { return };
        let center = payload.center_m.into();
        self.data.carry(&self.arm, payload.mass_kg, &center);
        self.springs.carry(&self.arm, payload.mass_kg, &center);
        self.contact.carry(&self.arm, payload.mass_kg, &center);
        if matches!(self.state, State::Hold | State::Disarmed) || self.is_held_unproven() {
            self.contact.begin();
        }
    }

    pub(crate) fn slow(&self) -> f64 {
        let asked = self.heard.pace();
        if self.is_careful().is_some() { asked.min(CAREFUL_PACE) } else { asked }
    }

    /// Computed torque: what the model needs for the reference's acceleration plus what takes the
    /// error away (Lynch and Park, Modern Robotics, 2017, section 11.4.3), as far as the arm is to be stiff; and
    /// the springs, as far as it is to yield.
    fn torque(&mut self, powered: bool) -> JointVector {
        let (n, r, e) = (self.arm.n_joints(), &self.reference, &self.estimate);
        let (kp, kd) = (&self.tuning.kp, &self.tuning.kd);
        let zero = JointVector::zeros(n);
        self.springs.step(self.dt);
        let stiff = self.springs.stiff_part();
        let ddq = JointVector::from_fn(n, |i| {
            r.ddq[i] + stiff * (kp[i] * (r.q[i] - e.q[i]) + kd[i] * (r.dq[i] - e.dq[i]))
        });
        let (dq, ddq) = if powered { (e.dq, ddq) } else { (zero, zero) };
        self.estimate.ddq = ddq;
        let width = self.width_m();
        let mut tau = zero;
        mechanics::inverse_dynamics(&self.arm, &mut self.data, &self.estimate.q, &dq, &ddq, width, &mut tau);
        if powered {
            for (i, j) in self.arm.arm_joint_idx().iter().enumerate() {
                // Damping is carried at the speed that takes the error away, not at the measured one: that
                // would feed the speed back with the wrong sign, which a light joint in a stiff gear (URDFs
                // say 10 N·m·s/rad) answers with a swing. Error e then obeys (s + √kp)(I s + d + I √kp) = 0.
                let back = stiff * libm::sqrt(kp[i]) * (self.reference.q[i] - self.estimate.q[i]);
                let wanted = self.reference.dq[i] + back;
                tau[i] += self.arm.model().joints[*j].damping * (wanted - dq[i]);
            }
        }
        if powered && self.springs.yields() {
            let seen = Seen {
                q: &self.estimate.q,
                dq: &self.estimate.dq,
                width_m: width,
                period: self.tuning.period,
            };
            let springs = self.springs.torque(&self.arm, &self.reference, &seen);
            tau = JointVector::from_fn(n, |i| tau[i] + springs[i]);
        }
        let continued = powered || self.last.enabled;
        let dt = if continued { self.dt } else { f64::MAX };
        let cut = limiter::clamp_torque(self.arm.limits(), &self.last.tau, &mut tau, dt);
        let is_told = powered && self.gives_torques();
        let cut = cut.filter(|(part, _)| is_told && *part > self.tuning.torque_trifle);
        if self.slowings.torque.tells(cut.is_some(), self.dt)
            && let Some((_, v)) = cut
        {
            self.intervened(v);
        }
        tau
    }

    fn intervened(&mut self, v: Violation) {
        let margin = match v.limit {
            LimitKind::Position => -(v.requested - v.bound).abs(),
            _ => v.bound.abs() - v.requested.abs(),
        };
        self.tell(Report::Intervention {
            joint: Some(v.joint),
            limit: v.limit,
            requested: v.requested,
            applied: v.bound,
            margin,
        });
    }

    fn status(&self, now: Time) -> Status {
        let job = self.state.job();
        Status {
            now,
            ticks: self.ticks,
            mode: self.state.mode(),
            cause: self.cause,
            measured: self.estimate.measured,
            command: self.last,
            active: self.state.motion(),
            progress: match &self.state {
                State::Servo(_) => 0.0,
                _ => job.map_or(1.0, Job::progress),
            },
            speed_factor: match &self.state {
                State::Servo(servo) => servo.part,
                _ => job.map_or(0.0, Job::speed_factor),
            },
            slow: self.why_slow(),
            external: self.contact.external,
            tool_wrench: self.tool_wrench,
            payload: self.carried.now(),
        }
    }

    fn trace(&mut self, now: Time) {
        if now < self.next_trace {
            return;
        }
        self.next_trace = now + core::time::Duration::from_secs_f64(self.tuning.trace_period);
        let (c, e) = (&self.last, &self.estimate);
        let sample = TraceSample {
            stamp: now,
            q: c.q,
            dq: c.dq,
            ddq: c.ddq,
            tau: c.tau,
            measured_q: e.q,
            measured_dq: e.dq,
            measured_tau: e.measured.map_or(JointVector::zeros(c.q.len()), |m| m.tau),
            enabled: c.enabled,
        };
        if self.wires.trace.push(sample).is_err() {
            self.wires.shared.dropped_trace.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Controller for Core {
    /// Decides the command for the tick at `now`. A `now` that does not advance returns the last
    /// command unchanged (F27).
    ///
    /// # Real-time
    /// Allocates, locks, logs and formats nothing; bounded time.
    fn tick(&mut self, now: Time, state: Option<&JointState>) -> JointCommand {
        let Some(dt) = self.begin(now) else { return self.last };
        self.dt = dt;
        self.resynced = false;
        self.parting = None;
        self.slowed_by = None;
        // Read once: it is the same for all that one tick decides.
        let slow = f64::from_bits(self.wires.shared.slow.load(Ordering::Relaxed));
        let Heard { shut_down, live, .. } = self.heard;
        self.heard = Heard { slow, shut_down, live, ..Heard::NOTHING };
        self.tell_pace(slow);
        self.sense(now, state);
        self.after_pause();
        self.supervise_line(now);
        self.supervise_watchdog(now);
        self.supervise_owners(now);
        for _ in 0..self.most_requests {
            let Ok(message) = self.wires.inbox.pop() else { break };
            self.heard.requests += 1;
            self.receive(now, message);
        }
        self.look_after_pending(now);
        self.carry();
        self.supervise();
        self.take_hold();
        let mut next = self.advance(now, self.slow());
        let powered = self.state.is_powered();
        if powered
            && self.last.enabled
            && !self.resynced
            && let Err(violation) = limiter::check(self.arm.limits(), &self.reference, &next, dt)
            && !self.is_excused(&violation)
        {
            self.intervened(violation);
            next = self.brake_from(self.reference);
        }
        self.reference = next;
        self.progress.note(now, &next.q);
        if !powered && let Some(m) = &self.estimate.measured {
            self.gripper.stand(m.gripper.width_m);
        }
        let tau = self.torque(powered);
        let dq = self.told_velocity(powered);
        let valid = self.tuning.overrun + 5.0 * self.tuning.period;
        self.last = JointCommand {
            stamp: now,
            expires: now + core::time::Duration::from_secs_f64(valid),
            q: self.reference.q,
            dq,
            ddq: self.reference.ddq,
            tau,
            gripper: self.gripper.step(dt),
            enabled: powered,
        };
        self.settle();
        self.publish_holders();
        self.ticks += 1;
        let status = self.status(now);
        self.wires.mailbox.put(&status);
        self.trace(now);
        if let Some(pulse) = &self.pulse {
            pulse.beat(now, powered);
        }
        self.record(state);
        (self.heard.shut_down, self.heard.live) = (false, false);
        self.last
    }
}
