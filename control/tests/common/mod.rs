//! An arm, a perfect plant, and the invariants checked on every tick.
#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod plant;

use control::{
    Config, Core, Groups, Handle, Lease, Mode, Motion, MotionId, Owner, Report, Tape, TickRecord, TraceSample,
};
use mechanics::{Arm, Body, Joint, JointKind, Model};
use nalgebra::{Isometry3, Matrix3, Translation3, Vector3};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use types::motion::TrajectoryPoint;
use types::seams::Controller;
use types::{
    GripperProfile, GripperState, JointCommand, JointLimits, JointState, JointVector, RobotProfile, Time,
    Trajectory,
};

/// Velocity, acceleration, jerk, torque of Franka's seven joints, as published.
pub(crate) const FRANKA: [[f64; 4]; 7] = [
    [2.175, 15.0, 7500.0, 87.0],
    [2.175, 7.5, 3750.0, 87.0],
    [2.175, 10.0, 5000.0, 87.0],
    [2.175, 12.5, 6250.0, 87.0],
    [2.61, 15.0, 7500.0, 12.0],
    [2.61, 20.0, 10000.0, 12.0],
    [2.61, 20.0, 10000.0, 12.0],
];
pub(crate) const N: usize = 7;
pub(crate) const WIDTH: f64 = 0.08;
pub(crate) const GRIP_SPEED: f64 = 0.1;

/// A chain of seven joints about alternating axes, light enough for its motors, with a finger.
pub(crate) fn arm_with(change: impl FnOnce(&mut RobotProfile)) -> Arc<Arm> {
    let mut bodies = vec![body("base", None, None, 0.0)];
    let mut joints = Vec::new();
    for (i, [velocity, acceleration, jerk, torque]) in FRANKA.into_iter().enumerate() {
        let limits = JointLimits {
            lower: -2.8,
            upper: 2.8,
            velocity,
            acceleration,
            jerk,
            torque,
            torque_rate: 1000.0,
            near_end: Default::default(),
        };
        bodies.push(body(&format!("link{i}"), Some(i), Some(i), 2.0 / (1.0 + i as f64)));
        let axis = if i % 2 == 0 { Vector3::z_axis() } else { Vector3::y_axis() };
        joints.push(joint(&format!("joint{i}"), JointKind::Revolute, i + 1, axis, limits));
    }
    let limits = JointLimits {
        lower: 0.0,
        upper: 0.04,
        velocity: 1.0,
        acceleration: 10.0,
        jerk: 1e4,
        torque: 70.0,
        torque_rate: 1e5,
        near_end: Default::default(),
    };
    bodies.push(body("finger", Some(N), Some(N), 0.02));
    joints.push(joint("finger", JointKind::Prismatic, N + 1, Vector3::y_axis(), limits));
    let model = Model { name: "chain".into(), bodies, joints, warnings: vec![] };
    let mut profile = RobotProfile {
        name: "chain".into(),
        model: "chain.xml".into(),
        joints: (0..N).map(|i| format!("joint{i}")).collect(),
        base_xyz_m: [0.0; 3],
        base_yaw_rad: 0.0,
        tool_link: String::new(),
        tool_xyz_m: [0.0; 3],
        tool_rpy_rad: [0.0; 3],
        velocity: vec![],
        acceleration: vec![],
        jerk: vec![],
        torque: vec![],
        torque_rate: vec![],
        near_end_slope: vec![],
        near_end_offset: vec![],
        home: vec![0.1, 0.5, -0.2, 0.7, 0.1, 0.3, 0.0],
        park: vec![],
        kp: vec![],
        kd: vec![],
        reach_m: [0.0, 1.0, -1.0, 1.0],
        gripper: GripperProfile {
            joints: vec!["finger".into()],
            closed: vec![0.0],
            open: vec![0.04],
            width_m: WIDTH,
            force_n: 40.0,
            speed_m_s: GRIP_SPEED,
            acceleration_m_s2: 5.0,
            jerk_m_s3: 500.0,
            force_rate_n_s: 1000.0,
            late_s: 0.0,
            center_shift: 0.0,
            finger_depth_m: 0.0,
        },
        drive: types::Drive::Torque,
        overrun_ms: 20.0,
        contact_share: 0.15,
        brakes: false,
    };
    change(&mut profile);
    Arc::new(Arm::new(model, profile).expect("a valid arm"))
}

pub(crate) fn arm() -> Arc<Arm> {
    arm_with(|_| {})
}

/// A robot of the repository's.
pub(crate) fn built_in(name: &str) -> Arc<Arm> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots");
    let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).expect("a profile");
    let profile: types::RobotProfile = toml::from_str(&text).expect("a profile that parses");
    let model = mechanics::load_from(&folder.join(&profile.model), Some(&folder), true).expect("a model");
    Arc::new(Arm::new(model, profile).expect("an arm"))
}

fn body(name: &str, parent: Option<usize>, joint_idx: Option<usize>, mass: f64) -> Body {
    Body {
        name: name.into(),
        parent,
        parent_from_body: Isometry3::from_parts(Translation3::new(0.0, 0.0, 0.12), Default::default()),
        joint_idx,
        mass,
        com: Vector3::new(0.02, 0.01, 0.05),
        inertia: Matrix3::from_diagonal(&Vector3::repeat(0.01 * mass)),
        geoms: vec![],
    }
}

fn joint(
    name: &str,
    kind: JointKind,
    body_idx: usize,
    axis: nalgebra::Unit<Vector3<f64>>,
    limits: JointLimits,
) -> Joint {
    Joint { name: name.into(), kind, body_idx, axis, limits, damping: 0.1, armature: 0.02, mimic: None }
}

/// A rest-to-rest motion of every joint made of overlapping smooth steps, scaled so that the limit
/// that is used most is used to the part `share`. `seeds` shape it; numbers between −1 and 1.
pub(crate) fn wiggle(arm: &Arm, from: &JointVector, seeds: &[f64], share: f64) -> Box<Trajectory> {
    let steps: Vec<(usize, f64, f64, f64)> = seeds
        .iter()
        .enumerate()
        .map(|(k, s)| (k % N, 0.33 * s, 0.13 * (k / N) as f64 + 0.05 * (s + 1.0), 0.35 + 0.2 * s.abs()))
        .collect();
    let end = steps.iter().map(|(_, _, t, d)| t + d).fold(0.1, f64::max);
    let at = |t: f64| {
        let mut d = [[0.0; 4]; N];
        for (j, a, t0, span) in &steps {
            let x = ((t - t0) / span).clamp(0.0, 1.0);
            d[*j][0] += a * x * x * x * (10.0 + x * (-15.0 + 6.0 * x));
            d[*j][1] += a * 30.0 * x * x * (1.0 + x * (-2.0 + x)) / span;
            d[*j][2] += a * 60.0 * x * (1.0 + x * (-3.0 + 2.0 * x)) / (span * span);
            d[*j][3] += a * 60.0 * (1.0 + x * (-6.0 + 6.0 * x)) / (span * span * span);
        }
        d
    };
    let n_knots = (end / 0.01).ceil() as usize + 1;
    // Stretching time by c divides velocity by c, acceleration by c², jerk by c³.
    let mut c = 1e-3_f64;
    for k in 0..=n_knots * 4 {
        let d = at(end * k as f64 / (n_knots * 4) as f64);
        for (j, l) in arm.limits().iter().enumerate() {
            c = c
                .max(d[j][1].abs() / (share * l.velocity))
                .max((d[j][2].abs() / (share * l.acceleration)).sqrt())
                .max((d[j][3].abs() / (share * l.jerk)).cbrt());
        }
    }
    let points = (0..=n_knots)
        .map(|k| {
            let t = end * k as f64 / n_knots as f64;
            let d = at(t);
            let edge = k == 0 || k == n_knots;
            let v =
                |i: usize, scale: f64| JointVector::from_fn(N, |j| if edge { 0.0 } else { d[j][i] / scale });
            let q = JointVector::from_fn(N, |j| from[j] + d[j][0]);
            TrajectoryPoint { t: t * c, q, dq: v(1, c), ddq: v(2, c * c) }
        })
        .collect();
    Box::new(Trajectory::new(points, arm.limits(), from).expect("a valid trajectory"))
}

/// A straight rest-to-rest motion of every joint by `by` rad in `seconds`.
pub(crate) fn reach(arm: &Arm, from: &JointVector, by: f64, seconds: f64) -> Box<Trajectory> {
    let zero = JointVector::zeros(N);
    let point = |t, q| TrajectoryPoint { t, q, dq: zero, ddq: zero };
    let to = JointVector::from_fn(N, |i| from[i] + by);
    let points = vec![point(0.0, *from), point(seconds, to)];
    Box::new(Trajectory::new(points, arm.limits(), from).expect("a valid trajectory"))
}

/// Core and handle in one thread with an arm that does at once what it is told.
pub(crate) struct Rig {
    pub(crate) arm: Arc<Arm>,
    pub(crate) core: Core,
    pub(crate) handle: Handle,
    pub(crate) now: Time,
    /// From one tick to the next.
    pub(crate) period: Duration,
    pub(crate) state: JointState,
    pub(crate) commands: Vec<JointCommand>,
    pub(crate) reports: Vec<Report>,
    /// Under which the rig's orders go; claimed anew when it is lost.
    pub(crate) lease: Option<Lease>,
    /// Keeps the lease alive on every tick.
    pub(crate) alive: bool,
    /// Measures the torques that it was told; else none.
    pub(crate) senses: bool,
    /// Where ticks are recorded, and those taken from there so far.
    pub(crate) tape: Option<Tape>,
    pub(crate) records: Vec<TickRecord>,
    /// Ticks of before that are repeated instead.
    pub(crate) repeats: VecDeque<TickRecord>,
}

pub(crate) const TICK: Duration = Duration::from_millis(1);

impl Rig {
    pub(crate) fn new(arm: Arc<Arm>) -> Self {
        Self::with(arm, Config::default())
    }

    pub(crate) fn with(arm: Arc<Arm>, config: Config) -> Self {
        let period = Duration::from_secs_f64(config.period_s);
        let (core, handle) = control::new(Arc::clone(&arm), config).expect("a valid configuration");
        let zero = JointVector::zeros(N);
        let gripper = GripperState { width_m: 0.04, speed_m_s: 0.0, force_n: 0.0 };
        let state = JointState { stamp: Time::ZERO, q: arm.home(), dq: zero, tau: zero, gripper };
        let (commands, reports) = (vec![], vec![]);
        Self {
            arm,
            core,
            handle,
            now: Time::from_secs_f64(1.0),
            period,
            state,
            commands,
            reports,
            lease: None,
            alive: true,
            senses: true,
            tape: None,
            records: vec![],
            repeats: VecDeque::new(),
        }
    }

    /// Its ticks are recorded from now on.
    pub(crate) fn recorded(mut self) -> Self {
        let (core, tape) = self.core.with_tape();
        (self.core, self.tape) = (core, Some(tape));
        self
    }

    /// Powered and holding.
    pub(crate) fn active(arm: Arc<Arm>) -> Self {
        Self::active_with(arm, Config::default())
    }

    /// The same, configured.
    pub(crate) fn active_with(arm: Arc<Arm>, config: Config) -> Self {
        Self::with(arm, config).activated()
    }

    /// Powered and holding.
    pub(crate) fn activated(mut self) -> Self {
        self.tick();
        self.handle.activate(self.now).expect("sent");
        self.until(Mode::Hold);
        // What a test looks at begins with how it stands now.
        let last = self.commands.len() - 1;
        self.commands.drain(..last);
        self
    }

    /// One tick with the plant's state.
    pub(crate) fn tick(&mut self) -> JointCommand {
        let state = JointState { stamp: self.now + self.period, ..self.state };
        self.tick_with(Some(state))
    }

    /// One tick with what the test says was read.
    pub(crate) fn tick_with(&mut self, state: Option<JointState>) -> JointCommand {
        self.tick_at(self.now + self.period, state)
    }

    pub(crate) fn tick_at(&mut self, now: Time, state: Option<JointState>) -> JointCommand {
        self.now = now;
        self.keep_alive();
        let command = match self.repeats.pop_front() {
            Some(record) => self.core.repeat(&record),
            None => self.core.tick(now, state.as_ref()),
        };
        self.records.extend(self.tape.as_mut().and_then(Iterator::next));
        check_command(&self.arm, &command);
        if command.enabled {
            self.state.q = command.q;
            self.state.dq = command.dq;
            if self.senses {
                self.state.tau = command.tau;
            }
            self.state.gripper.width_m = command.gripper.width_m;
        } else {
            self.state.dq = JointVector::zeros(N);
        }
        self.commands.push(command);
        self.take_reports();
        command
    }

    /// Takes in what was told.
    pub(crate) fn take_reports(&mut self) {
        while let Some(r) = self.handle.poll() {
            if self.lease.as_ref().is_some_and(|l| r == Report::Lost(l.id())) {
                self.lease = None;
            }
            self.reports.push(r);
        }
    }

    /// Says that the owner of the lease is alive, unless it is not.
    pub(crate) fn keep_alive(&mut self) {
        if let (true, Some(lease)) = (self.alive, &self.lease) {
            self.handle.keep_alive(lease, self.now);
        }
    }

    /// Orders under the rig's lease.
    pub(crate) fn submit(&mut self, motion: Motion) -> Result<MotionId, types::Rejection> {
        self.submit_at(self.now, motion)
    }

    /// Orders with a stamp.
    pub(crate) fn submit_at(&mut self, stamp: Time, motion: Motion) -> Result<MotionId, types::Rejection> {
        if self.lease.is_none() {
            self.lease = Some(self.handle.claim(self.now, Owner::Planner, Groups::All, None)?);
        }
        let order = self.lease.as_mut().expect("claimed").order(stamp, motion);
        self.handle.submit(order)
    }

    pub(crate) fn ticks(&mut self, n: usize) {
        for _ in 0..n {
            self.tick();
        }
    }

    /// As many ticks as there are in so many seconds.
    pub(crate) fn seconds(&mut self, seconds: f64) {
        self.ticks((seconds / self.period.as_secs_f64()).round() as usize);
    }

    /// Ticks until the mode is `mode`; returns how many it took.
    pub(crate) fn until(&mut self, mode: Mode) -> usize {
        for n in 0..20_000 {
            if self.mode() == mode {
                return n;
            }
            self.tick();
        }
        panic!("never {mode:?}; at {:?}; {:?}", self.mode(), self.reports);
    }

    pub(crate) fn mode(&mut self) -> Mode {
        self.handle.status().mode
    }

    pub(crate) fn follow(&mut self, t: Box<Trajectory>) -> MotionId {
        self.submit(Motion::Follow(t)).expect("a fine motion")
    }

    pub(crate) fn hold_q(&mut self) -> JointVector {
        self.handle.status().command.q
    }

    pub(crate) fn has(&self, wanted: impl Fn(&Report) -> bool) -> bool {
        self.reports.iter().any(wanted)
    }

    pub(crate) fn trace(&mut self) -> Vec<TraceSample> {
        self.handle.trace().collect()
    }
}

/// I1 and the static part of I2, for every command.
pub(crate) fn check_command(arm: &Arm, c: &JointCommand) {
    for v in [&c.q, &c.dq, &c.ddq, &c.tau] {
        assert_eq!(v.len(), arm.n_joints());
        assert!(v.is_finite(), "I1: {c:?}");
    }
    assert!(c.gripper.width_m >= 0.0 && c.gripper.width_m <= arm.profile().gripper.width_m, "I2: {c:?}");
    assert!(c.gripper.force_n >= 0.0 && c.gripper.force_n <= arm.profile().gripper.force_n, "I2: {c:?}");
    for (i, l) in arm.limits().iter().enumerate() {
        assert!(c.q[i] >= l.lower - 1e-5 && c.q[i] <= l.upper + 1e-5, "I2: q[{i}] {c:?}");
        assert!(c.dq[i].abs() <= l.velocity * 1.001, "I2: dq[{i}] {c:?}");
        assert!(c.ddq[i].abs() <= l.acceleration * 1.001, "I2: ddq[{i}] {c:?}");
        assert!(c.tau[i].abs() <= l.torque * 1.000_001, "I2: tau[{i}] {c:?}");
    }
}

/// I2 by finite differences of the commanded positions, wherever four enabled commands stand a
/// millisecond apart. Returns the largest part of any limit that was used.
pub(crate) fn check_differences(arm: &Arm, commands: &[JointCommand]) -> f64 {
    let mut most = 0.0_f64;
    for w in commands.windows(4) {
        if w.iter().any(|c| !c.enabled) {
            continue;
        }
        let dt = w[3].stamp.secs_since(w[2].stamp);
        for (i, l) in arm.limits().iter().enumerate() {
            let q = |k: usize| w[k].q[i];
            let even = w.windows(2).all(|p| (p[1].stamp.secs_since(p[0].stamp) - dt).abs() < 1e-12);
            let mut rows = vec![
                ("velocity", (q(3) - q(2)) / dt, l.velocity),
                ("torque rate", (w[3].tau[i] - w[2].tau[i]) / dt, l.torque_rate),
                ("told jerk", (w[3].ddq[i] - w[2].ddq[i]) / dt, l.jerk),
            ];
            if even {
                rows.push(("acceleration", (q(3) - 2.0 * q(2) + q(1)) / (dt * dt), l.acceleration));
                rows.push(("jerk", (q(3) - 3.0 * q(2) + 3.0 * q(1) - q(0)) / (dt * dt * dt), l.jerk));
            }
            for (name, value, limit) in rows {
                most = most.max(value.abs() / limit);
                assert!(
                    value.abs() <= limit * 1.002 + 1e-3,
                    "I2: {name} of joint {i} is {value}, limit {limit}, at {:?}",
                    w[3].stamp
                );
            }
        }
        check_gripper(arm, w, dt);
    }
    most
}

/// The same of the gripper's width and force; what it is told without force it does not feel.
fn check_gripper(arm: &Arm, w: &[JointCommand], dt: f64) {
    let Some(l) = arm.gripper_limits() else { return };
    let force = (w[3].gripper.force_n - w[2].gripper.force_n).abs() / dt;
    assert!(force <= l.force_rate * 1.001 + 1e-6, "I2: force by {force} N/s at {:?}", w[3].stamp);
    let even = w.windows(2).all(|p| (p[1].stamp.secs_since(p[0].stamp) - dt).abs() < 1e-12);
    if !even || w.iter().any(|c| c.gripper.force_n == 0.0) {
        return;
    }
    let x = |k: usize| w[k].gripper.width_m;
    for (name, value, limit) in [
        ("speed", (x(3) - x(2)) / dt, l.speed),
        ("acceleration", (x(3) - 2.0 * x(2) + x(1)) / (dt * dt), l.acceleration),
        ("jerk", (x(3) - 3.0 * x(2) + 3.0 * x(1) - x(0)) / (dt * dt * dt), l.jerk),
    ] {
        let most = limit * 1.002 + 1e-3;
        assert!(value.abs() <= most, "I2: gripper's {name} is {value}, at most {limit}, at {:?}", w[3].stamp);
    }
}

/// The chain with a capsule along every link, so that it can meet things.
pub(crate) fn solid_arm() -> Arc<Arm> {
    let chain = arm();
    let mut model = chain.model().clone();
    for body in model.bodies.iter_mut().skip(1) {
        body.geoms.push(mechanics::Geom {
            name: format!("{} shell", body.name),
            shape: mechanics::GeomShape::Capsule { radius: 0.03, half_length: 0.03 },
            body_from_geom: Isometry3::translation(0.0, 0.0, 0.06),
            collides: true,
            visible: true,
            rgb: [0.5; 3],
        });
    }
    Arc::new(Arm::new(model, chain.profile().clone()).expect("a valid arm"))
}
