//! The safety invariants that every tick of every lockstep run is held to, apart from the loop that
//! should keep them: I1 finite, I2 within every limit, I3 no jump on activation, I5 of the joints' own ends, I6 what is
//! latched.

use control::{Cause, Mode, Status};
use mechanics::{Arm, GripperLimits};
use types::{JointCommand, JointLimits, JointState, JointVector};

/// Relative slack for rounding.
const SLACK: f64 = 1.0 + 1e-6;

/// Watches the row of commands.
pub(crate) struct Invariants {
    limits: Vec<JointLimits>,
    gripper: Option<GripperLimits>,
    period_s: f64,
    last: Option<JointCommand>,
    /// How fast the gripper's width changed last, m/s; while it had no force, unknown.
    gripper_m_s: Option<f64>,
    mode: Mode,
    hash: u64,
    ticks: u64,
    /// The first that was broken, in words.
    broken: Option<String>,
}

/// A longer time without a command is a pause, seconds.
const PAUSE_S: f64 = 0.1;

impl Invariants {
    pub(crate) fn of(arm: &Arm, period_s: f64) -> Self {
        // What takes places to go to is told no course.
        let gripper = arm.gripper_limits().filter(|_| arm.profile().gripper.late_s == 0.0);
        Self { gripper, ..Self::new(arm.limits(), period_s) }
    }

    fn new(limits: &[JointLimits], period_s: f64) -> Self {
        let hash = 0xcbf2_9ce4_8422_2325;
        Self {
            limits: limits.to_vec(),
            gripper: None,
            period_s,
            last: None,
            gripper_m_s: None,
            mode: Mode::Disarmed,
            hash,
            ticks: 0,
            broken: None,
        }
    }

    /// Takes in the command of a tick and the state it was decided from.
    pub(crate) fn check(&mut self, command: &JointCommand, state: Option<&JointState>) {
        self.ticks += 1;
        for v in [&command.q, &command.dq, &command.ddq, &command.tau] {
            for x in v.iter() {
                // FNV-1a over the bits: the same run gives the same number.
                for b in x.to_bits().to_le_bytes() {
                    self.hash = (self.hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3);
                }
            }
        }
        if self.broken.is_none()
            && let Some(why) = self.find(command, state)
        {
            self.broken = Some(format!("tick {}: {why}", self.ticks));
        }
        self.gripper_m_s = self.gripper_speed(command);
        self.last = Some(*command);
    }

    /// Takes in where the state machine stands after a tick (I6).
    pub(crate) fn watch(&mut self, status: &Status) {
        let is_left = matches!(self.mode, Mode::Fault { .. }) && !matches!(status.mode, Mode::Fault { .. });
        if is_left && status.cause != Cause::Reset && self.broken.is_none() {
            let (mode, cause) = (status.mode, status.cause);
            self.broken =
                Some(format!("tick {}: I6: from a latched fault to {mode:?} by {cause:?}", self.ticks));
        }
        self.mode = status.mode;
    }

    fn find(&self, c: &JointCommand, state: Option<&JointState>) -> Option<String> {
        let finite = [&c.q, &c.dq, &c.ddq, &c.tau].iter().all(|v| v.is_finite())
            && c.gripper.width_m.is_finite()
            && c.gripper.force_n.is_finite();
        if !finite {
            return Some("I1: a command that is not finite".into());
        }
        if !c.enabled {
            return None;
        }
        // After a pause the robot has braked by its own watchdog: the arm begins anew (F26).
        let was_enabled =
            self.last.as_ref().is_some_and(|l| l.enabled && c.stamp.secs_since(l.stamp) <= PAUSE_S);
        if !was_enabled {
            let off = state.map_or(0.0, |s| s.q.max_abs_diff(&c.q));
            return (off > 1e-6)
                .then(|| format!("I3: the first command is {off:.2e} rad off the measured state"));
        }
        let last = self.last.as_ref()?;
        let rate = |now: &JointVector, before: &JointVector, j: usize| (now[j] - before[j]) / self.period_s;
        for (j, l) in self.limits.iter().enumerate() {
            let span = l.upper - l.lower;
            // What braking takes at the least, however great the jerk.
            let (speed, ahead) =
                (c.dq[j].abs(), if c.dq[j] > 0.0 { l.upper - c.q[j] } else { c.q[j] - l.lower });
            let brakes = speed * speed / (2.0 * l.acceleration);
            if brakes > ahead.max(0.0) * SLACK + 1e-9 {
                return Some(format!("I5: joint {j} needs {brakes:.6} to stop and has {ahead:.6}"));
            }
            let checks = [
                ("q", (c.q[j] - 0.5 * (l.upper + l.lower)).abs(), 0.5 * span + 1e-9),
                // What is too fast for where it is already may become slower.
                ("dq", c.dq[j].abs(), l.fastest(c.q[j], c.dq[j]).max(last.dq[j].abs().min(l.velocity))),
                ("ddq", c.ddq[j].abs(), l.acceleration),
                ("dddq", rate(&c.ddq, &last.ddq, j).abs(), l.jerk),
                ("tau", c.tau[j].abs(), l.torque),
                ("dtau", rate(&c.tau, &last.tau, j).abs(), l.torque_rate),
                // What is told must also be what is done: positions that differ by their velocity.
                ("q's own rate", rate(&c.q, &last.q, j).abs(), l.velocity),
            ];
            if let Some((what, got, most)) = checks.into_iter().find(|(_, got, most)| *got > most * SLACK) {
                return Some(format!("I2: joint {j}: |{what}| is {got:.4}, at most {most:.4} is allowed"));
            }
        }
        self.find_gripper(c, last)
    }

    /// How fast the gripper's width changes, m/s, if it has power and force and had before: what it is told without, to let
    /// go, it does not feel.
    fn gripper_speed(&self, c: &JointCommand) -> Option<f64> {
        let feels = |c: &JointCommand| c.enabled && c.gripper.force_n > 0.0;
        let last = self.last.as_ref().filter(|last| feels(last) && feels(c))?;
        (c.stamp.secs_since(last.stamp) <= PAUSE_S)
            .then(|| (c.gripper.width_m - last.gripper.width_m) / self.period_s)
    }

    fn find_gripper(&self, c: &JointCommand, last: &JointCommand) -> Option<String> {
        let l = self.gripper.as_ref()?;
        let force_rate = (c.gripper.force_n - last.gripper.force_n) / self.period_s;
        let speed = self.gripper_speed(c);
        let faster = speed.zip(self.gripper_m_s).map(|(now, before)| (now - before) / self.period_s);
        let checks = [
            ("speed", speed.unwrap_or(0.0), l.speed),
            ("acceleration", faster.unwrap_or(0.0), l.acceleration),
            ("force rate", force_rate, l.force_rate),
        ];
        let (what, got, most) = checks.into_iter().find(|(_, got, most)| got.abs() > most * SLACK + 1e-6)?;
        Some(format!("I2: the gripper's {what} is {got:.4}, at most {most:.4} is allowed"))
    }

    /// The first invariant that was broken.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// How many ticks were looked at.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks
    }

    /// Tells the whole row of commands from another.
    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{GripperCommand, Time};

    fn command(q: f64) -> JointCommand {
        let z = JointVector::zeros(1);
        JointCommand {
            stamp: Time::ZERO,
            expires: Time::ZERO,
            q: JointVector::from_fn(1, |_| q),
            dq: z,
            ddq: z,
            tau: z,
            gripper: GripperCommand { width_m: 0.0, force_n: 0.0 },
            enabled: true,
        }
    }

    fn limits() -> Vec<JointLimits> {
        vec![JointLimits {
            lower: -1.0,
            upper: 1.0,
            velocity: 1.0,
            acceleration: 1.0,
            jerk: 1.0,
            torque: 1.0,
            torque_rate: 1.0,
            near_end: Default::default(),
        }]
    }

    #[test]
    fn a_joint_too_fast_to_stop_before_its_end_and_a_fault_left_without_a_reset_are_found() {
        // Half a unit of way is needed from a speed of one.
        let fast = |q: f64, dq: f64| JointCommand { dq: JointVector::from_fn(1, |_| dq), ..command(q) };
        for (q, dq, is_broken) in
            [(0.5, 1.0, false), (-0.5, -1.0, false), (0.6, -1.0, false), (0.6, 1.0, true)]
        {
            let mut watch = Invariants::new(&limits(), 1.0);
            watch.check(&fast(q, 0.0), None);
            watch.check(&fast(q, dq), None);
            assert_eq!(watch.broken().is_some_and(|why| why.contains("I5")), is_broken, "{q} {dq}");
        }
        let arm = crate::robots::load("panda").expect("built in");
        let status = control::new(arm, control::Config::default()).expect("valid").1.status();
        for (cause, is_broken) in [(Cause::Reset, false), (Cause::Activated, true)] {
            let mut watch = Invariants::new(&limits(), 1.0);
            watch.watch(&Status { mode: Mode::Fault { powered: true }, ..status });
            watch.watch(&Status { mode: Mode::Fault { powered: false }, ..status });
            watch.watch(&Status { mode: Mode::Disarmed, cause, ..status });
            assert_eq!(watch.broken().is_some_and(|why| why.contains("I6")), is_broken, "{cause:?}");
        }
    }

    #[test]
    fn a_gripper_that_leaps_starts_at_once_or_presses_at_once_is_found_but_not_where_it_has_no_force() {
        let arm = crate::robots::load("panda").expect("built in");
        let l = arm.gripper_limits().expect("it has one");
        let told = |width_m: f64, force_n: f64| JointCommand {
            q: arm.home(),
            gripper: GripperCommand { width_m, force_n },
            ..JointCommand { dq: JointVector::zeros(7), ddq: JointVector::zeros(7), ..command(0.0) }
        };
        let told = |k: usize, width_m: f64, force_n: f64| JointCommand {
            stamp: Time::from_secs_f64(1e-3 * k as f64),
            tau: JointVector::zeros(7),
            ..told(width_m, force_n)
        };
        let step = l.acceleration * 1e-6;
        for (row, broken) in [
            ([(0.04, 20.0), (0.04, 20.0), (0.04 - step, 20.0), (0.04 - 3.0 * step, 20.0)], None),
            ([(0.04, 20.0), (0.04, 20.0), (0.039, 20.0), (0.039, 20.0)], Some("speed")),
            ([(0.04, 20.0), (0.04, 20.0), (0.0399, 20.0), (0.0398, 20.0)], Some("acceleration")),
            ([(0.04, 20.0), (0.04, 20.0), (0.04, 24.0), (0.04, 24.0)], Some("force rate")),
            ([(0.0, 1.0), (0.0, 0.0), (0.04, 0.0), (0.04, 1.0)], None),
        ] {
            let mut watch = Invariants::of(&arm, 1e-3);
            for (k, (width_m, force_n)) in row.into_iter().enumerate() {
                watch.check(&told(k, width_m, force_n), None);
            }
            let why = watch.broken();
            assert_eq!(why.is_some(), broken.is_some(), "{row:?}: {why:?}");
            assert!(broken.is_none_or(|what| why.is_some_and(|why| why.contains(what))), "{row:?}: {why:?}");
        }
    }

    #[test]
    fn a_jump_a_nan_and_a_command_beyond_a_limit_are_found() {
        for (bad, id) in [(0.01, "I2"), (f64::NAN, "I1"), (2.0, "I2")] {
            let mut watch = Invariants::new(&limits(), 0.001);
            watch.check(&command(0.0), None);
            watch.check(&command(0.0), None);
            assert!(watch.broken().is_none());
            watch.check(&command(bad), None);
            assert!(watch.broken().is_some_and(|w| w.contains(id)), "{bad}: {:?}", watch.broken());
        }
    }
}
