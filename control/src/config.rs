//! What may be set about control, checked before anything runs (B15).

use mechanics::Arm;
use mechanics::collision::Obstacle;
use types::{JointVector, Rejection};

/// In a longer time than this an arm that hears nothing more would leave a way with bends.
const LONGEST_COAST_S: f64 = 0.1;

/// How the core behaves. The defaults are what the fault table asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Nominal time between two ticks, seconds: 0.00025 to 0.01.
    pub period_s: f64,
    /// Computed-torque position gains, 1/s², one per joint; empty: the robot profile's.
    pub kp: Vec<f64>,
    /// Computed-torque velocity gains, 1/s, one per joint; empty: the robot profile's.
    pub kd: Vec<f64>,
    /// Largest distance between reference and measured position, rad (F17).
    pub following_error: f64,
    /// How long it may be exceeded, seconds (F17).
    pub following_error_s: f64,
    /// How long a joint whose own controller is told where to go may move away from there, seconds: as long as it takes to
    /// be told that it shall turn (F19).
    pub runaway_s: f64,
    /// How long the arm goes on as it does when it hears nothing more, before it stops, seconds: 0 to 0.1; none for an arm
    /// that hears every command. Where it is not none, every command comes with its ending ([`crate::Core::ending`]), and
    /// the filter reckons with it.
    pub coast_s: f64,
    /// How far the reference moves on while an encoder says the same to the last bit before that is no
    /// encoder any more, rad (m) (F13).
    pub frozen_within: f64,
    /// How old what the robot says last may be before the arm runs slower, seconds: 0.001 to 1 (F23).
    pub late_s: f64,
    /// How many ticks in a row may pass without a state (F22): 0 to 1000.
    pub max_missing: u32,
    /// How long a trajectory runs on without a sign of life from its owner, seconds (F1).
    pub lease_s: f64,
    /// The same for velocities and chunks (F1, F38).
    pub stream_lease_s: f64,
    /// How old a request may be when it reaches the core, seconds (B22).
    pub validity_s: f64,
    /// How far a stamp may lie ahead of the core's time, seconds (B22).
    pub skew_s: f64,
    /// Whether an emergency stop's line is read: then it must be heard of, and closed, before anything moves
    /// (F41).
    pub stop_line: bool,
    /// Whether every joint is led out by a third of a degree on activation, before anything else may move, to
    /// see that its encoder tells what its motor does (F15).
    pub self_test: bool,
    /// Standing between two joints of that, seconds: an arm that is behind has to be back before the next is led out.
    pub proof_rest_s: f64,
    /// More overruns than this within one second stop the arm (F25): 1 to 63.
    pub max_overruns: u32,
    /// A joint slower than this is at rest, rad/s.
    pub rest_speed: f64,
    /// A torque cut by more than this part of its limit is reported, 0 to 1.
    pub torque_trifle: f64,
    /// Greatest speed of the tool centre point, m/s: 0.01 to 10.
    pub tool_speed_m_s: f64,
    /// Greatest force of the world on the tool under way, N: 1 to 10,000; beyond, the arm stops (F21).
    pub tool_force_n: f64,
    /// Walls: what the arm keeps out of whatever it is told and whoever tells it, from its first tick on. They are among
    /// the things of every world.
    pub walls: Vec<Obstacle>,
    /// Rate of the trace, samples per second.
    pub trace_hz: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            period_s: 0.001,
            kp: Vec::new(),
            kd: Vec::new(),
            following_error: 0.1,
            following_error_s: 0.02,
            runaway_s: 0.006,
            coast_s: 0.0,
            frozen_within: 0.002,
            late_s: 0.004,
            max_missing: 20,
            lease_s: 0.2,
            stream_lease_s: 0.1,
            validity_s: 0.1,
            skew_s: 0.005,
            stop_line: false,
            self_test: true,
            proof_rest_s: 0.0,
            max_overruns: 5,
            rest_speed: 0.05,
            torque_trifle: 0.05,
            tool_speed_m_s: 1.7,
            tool_force_n: 100.0,
            walls: Vec::new(),
            trace_hz: 100.0,
        }
    }
}

/// A checked configuration as the core uses it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Tuning {
    pub(crate) period: f64,
    pub(crate) kp: JointVector,
    pub(crate) kd: JointVector,
    pub(crate) following_error: f64,
    pub(crate) following_error_s: f64,
    pub(crate) contact_share: f64,
    pub(crate) runaway_s: f64,
    pub(crate) coast: f64,
    pub(crate) frozen_within: f64,
    pub(crate) late: f64,
    pub(crate) max_missing: u32,
    pub(crate) lease: f64,
    pub(crate) stream_lease: f64,
    pub(crate) validity: f64,
    pub(crate) skew: f64,
    pub(crate) stop_line: bool,
    pub(crate) self_test: bool,
    pub(crate) proof_rest: f64,
    pub(crate) max_overruns: u32,
    pub(crate) rest_speed: f64,
    pub(crate) torque_trifle: f64,
    pub(crate) tool_speed: f64,
    pub(crate) tool_force: f64,
    pub(crate) trace_period: f64,
    /// Later than this is an overrun, seconds; from the robot's profile.
    pub(crate) overrun: f64,
}

impl Config {
    /// Checks every number against the arm.
    pub(crate) fn check(&self, arm: &Arm) -> Result<Tuning, Rejection> {
        range("control.period_s", self.period_s, 0.000_25, 0.01)?;
        range("control.following_error", self.following_error, 1e-4, 10.0)?;
        range("control.following_error_s", self.following_error_s, 0.0, 1.0)?;
        range("control.proof_rest_s", self.proof_rest_s, 0.0, 1.0)?;
        range("control.runaway_s", self.runaway_s, 1e-3, 1.0)?;
        range("control.coast_s", self.coast_s, 0.0, LONGEST_COAST_S)?;
        range("control.frozen_within", self.frozen_within, 1e-4, 1.0)?;
        range("control.late_s", self.late_s, 0.001, 1.0)?;
        range("control.max_missing", f64::from(self.max_missing), 0.0, 1000.0)?;
        range("control.lease_s", self.lease_s, 0.001, 10.0)?;
        range("control.stream_lease_s", self.stream_lease_s, 0.001, 10.0)?;
        range("control.validity_s", self.validity_s, 0.001, 10.0)?;
        range("control.skew_s", self.skew_s, 0.0, 1.0)?;
        range("control.max_overruns", f64::from(self.max_overruns), 1.0, 63.0)?;
        range("control.rest_speed", self.rest_speed, 1e-6, 1.0)?;
        range("control.torque_trifle", self.torque_trifle, 0.0, 1.0)?;
        range("control.tool_speed_m_s", self.tool_speed_m_s, 0.01, 10.0)?;
        range("control.tool_force_n", self.tool_force_n, 1.0, 1e4)?;
        range("control.trace_hz", self.trace_hz, 0.1, 4000.0)?;
        let n = arm.n_joints();
        let profile = arm.profile();
        let overrun = profile.overrun_ms * 1e-3;
        if !(overrun > self.period_s && overrun <= 10.0) {
            return Err(Rejection::new(
                "robot.overrun_ms",
                format!("more than the period ({} ms), at most 10000", self.period_s * 1e3),
                profile.overrun_ms.to_string(),
            ));
        }
        // Above these gains the sampled loop cannot be stable whatever the arm: one velocity step
        // overshoots when kd · period reaches 1, one position step when kp · period² does.
        let kp = gains("control.kp", pick(&self.kp, &profile.kp), n, 0.5 / (self.period_s * self.period_s))?;
        let kd = gains("control.kd", pick(&self.kd, &profile.kd), n, 1.0 / self.period_s)?;
        for (i, l) in arm.limits().iter().enumerate() {
            l.check(&format!("robot.limits[{i}]"))?;
        }
        Ok(Tuning {
            period: self.period_s,
            kp,
            kd,
            following_error: self.following_error,
            following_error_s: self.following_error_s,
            contact_share: profile.contact_share,
            runaway_s: self.runaway_s,
            coast: self.coast_s,
            frozen_within: self.frozen_within,
            late: self.late_s,
            max_missing: self.max_missing,
            lease: self.lease_s,
            stream_lease: self.stream_lease_s,
            validity: self.validity_s,
            skew: self.skew_s,
            stop_line: self.stop_line,
            self_test: self.self_test,
            proof_rest: self.proof_rest_s,
            max_overruns: self.max_overruns,
            rest_speed: self.rest_speed,
            torque_trifle: self.torque_trifle,
            tool_speed: self.tool_speed_m_s,
            tool_force: self.tool_force_n,
            trace_period: 1.0 / self.trace_hz,
            overrun,
        })
    }
}

fn pick<'a>(own: &'a [f64], profile: &'a [f64]) -> &'a [f64] {
    if own.is_empty() { profile } else { own }
}

fn gains(field: &str, values: &[f64], n: usize, max: f64) -> Result<JointVector, Rejection> {
    if values.len() != n {
        return Err(Rejection::new(
            field.to_owned(),
            format!("{n} values, one per joint"),
            values.len().to_string(),
        ));
    }
    for (i, v) in values.iter().enumerate() {
        let at = format!("{field}[{i}]");
        Rejection::positive(&at, *v)?;
        if *v > max {
            return Err(Rejection::new(at, format!("a gain of at most {max}"), v.to_string()));
        }
    }
    JointVector::from_slice(values)
}

pub(crate) fn range(field: &str, value: f64, min: f64, max: f64) -> Result<(), Rejection> {
    if value.is_finite() && value >= min && value <= max {
        Ok(())
    } else {
        Err(Rejection::new(field.to_owned(), format!("{min} to {max}"), value.to_string()))
    }
}
