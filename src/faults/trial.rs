//! One trial of a row: an arm in lockstep that moves from pose to pose, until something breaks.

mod anew;
mod inputs;
mod met;
mod proof;
mod seen;
mod steer;
mod stops;
mod told;

use crate::config::Config;
use crate::graph::Body;
use crate::graph::lockstep::Lockstep;
use crate::session;
use control::{Component, Groups, Handle, Lease, Mode, Motion, Owner, Report, Status, Thing, World};
use core::time::Duration;
use inputs::Put;
use mechanics::collision::{Checker, Obstacle};
use mechanics::timing::{Scale, time_path};
use mechanics::{Arm, ArmData, GeomShape, tool_pose};
use nalgebra::{Isometry3, Point3, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use seen::Leased;
use sim::{FaultKind, FaultSpec, RobotFault};
use std::sync::Arc;
use types::seams::Clock;
use types::{Drive, JointLimits, JointVector, Time, Trajectory};

const TICK: Duration = Duration::from_millis(1);
/// Shares of the limits that the motions use; with more acceleration the motors could not follow.
const SCALE: Scale = Scale { velocity: 0.8, acceleration: 0.35, jerk: 0.35 };
/// Motions last at least so long, seconds: what is broken within one is to be seen before it ends.
const LEAST_S: f64 = 1.0;
/// ... and move a joint by so much.
const LEAST_RAD: f64 = 0.05;

/// An arm under way, and everything the loop has told.
pub(crate) struct Trial {
    arm: Arc<Arm>,
    body: Lockstep,
    poses: Vec<JointVector>,
    next: usize,
    /// To which side a policy moves each joint.
    ways: JointVector,
    /// When something broke last; the tick before that, and all since.
    broken_at: Time,
    since: Vec<Tick>,
    /// What was told, with the time of its tick.
    reports: Vec<(Time, Report)>,
    /// What the emergency stop's line says.
    pub(crate) line: Line,
    lease: Option<Lease>,
    /// Whether the owner of the motion says that it is alive.
    pub(crate) alive: bool,
    /// Whether reports are taken.
    pub(crate) polls: bool,
    /// Whether a new motion follows on one that has ended.
    goes_on: bool,
    /// The person, and how the arm met them.
    person: Option<Obstacle>,
    met: met::Met,
    checker: Checker,
    /// ... with the table.
    clear: Checker,
    data: ArmData,
    /// What is drawn beside the poses.
    rng: ChaCha8Rng,
    leased: Leased,
    put: Put,
    /// What it was made of.
    made: Made,
}

/// What a trial is made of, beside the arm.
#[derive(Clone)]
struct Made {
    config: Config,
    seed: u64,
    at_s: f64,
}

/// One tick.
struct Tick {
    status: Status,
    /// Where the joints are in truth at its end.
    truth: JointVector,
}

/// An emergency stop's line.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Closed,
    /// Pressed, or broken.
    Open,
    /// Nobody reads it any more.
    Silent,
}

impl Trial {
    /// Brings an arm under way and lets it run until `at_s` seconds have passed, and on until it is well
    /// within a motion.
    pub(crate) fn new(config: &Config, arm: &Arc<Arm>, seed: u64, at_s: f64) -> Result<Self, String> {
        let body = session::bare(config, arm, seed, true).map_err(|e| e.to_string())?;
        Self::under_way(Made { config: config.clone(), seed, at_s }, arm, body)
    }

    fn under_way(made: Made, arm: &Arc<Arm>, body: Lockstep) -> Result<Self, String> {
        let (seed, at_s) = (made.seed, made.at_s);
        let (checker, data) = (Checker::new(arm), ArmData::new(arm));
        let clear = checker.clone();
        let mut trial = Self {
            arm: Arc::clone(arm),
            body,
            poses: Vec::new(),
            next: 0,
            ways: JointVector::zeros(arm.n_joints()),
            broken_at: Time::ZERO,
            since: Vec::new(),
            reports: Vec::new(),
            line: Line::Closed,
            lease: None,
            alive: true,
            polls: true,
            goes_on: true,
            person: None,
            met: met::Met::default(),
            checker,
            clear,
            data,
            rng: ChaCha8Rng::seed_from_u64(!seed),
            leased: Leased::default(),
            put: Put::default(),
            made,
        };
        trial.choose_poses(&mut ChaCha8Rng::seed_from_u64(seed));
        // The emergency stop's line has to be closed for a while.
        trial.run_s(0.06)?;
        let now = trial.body.now();
        trial.handle().activate(now).map_err(|e| e.to_string())?;
        trial.run_s(at_s)?;
        for _ in 0..4000 {
            let status = trial.handle().status();
            if status.mode == Mode::Follow && (0.1..0.7).contains(&status.progress) {
                trial.break_here();
                return Ok(trial);
            }
            trial.run_s(0.001)?;
        }
        Err(format!("nothing was broken yet, and the arm stands: {}", trial.why_stopped()))
    }

    /// Poses near home whose straight ways from home are free of the arm itself and the table.
    fn choose_poses(&mut self, rng: &mut ChaCha8Rng) {
        let home = self.arm.home();
        self.poses.push(home);
        let table = Obstacle {
            name: "table".into(),
            shape: GeomShape::Cuboid { half: Vector3::new(1.5, 1.5, 0.1) },
            world_from_obstacle: Isometry3::translation(0.0, 0.0, -0.1),
        };
        // The table's size can be.
        let _ = self.clear.set_obstacles(vec![table]);
        for _ in 0..2000 {
            if self.poses.len() >= 12 {
                break;
            }
            let q = JointVector::from_fn(home.len(), |j| {
                let l = &self.arm.limits()[j];
                (home[j] + rng.random_range(-0.6..0.6)).clamp(l.lower, l.upper)
            });
            if self.is_free(&home, &q) {
                // There and back: every way is one that was looked at.
                self.poses.extend([q, home]);
            }
        }
    }

    /// Whether the straight way keeps clear of the arm itself and the table.
    fn is_free(&mut self, from: &JointVector, to: &JointVector) -> bool {
        let width_m = self.handle().status().measured.map_or(0.04, |m| m.gripper.width_m);
        self.clear.edge_is_free(&self.arm, &mut self.data, from, to, width_m, 0.02, 0.01)
    }

    pub(crate) fn handle(&mut self) -> &mut Handle {
        self.body.control()
    }

    /// Where the joints are measured.
    pub(crate) fn q(&mut self) -> JointVector {
        let status = self.handle().status();
        status.measured.map_or(status.command.q, |m| m.q)
    }

    /// Whether the loop gives the torques itself; else the motors' own controllers do, and less is known of them.
    pub(crate) fn gives_torques(&self) -> bool {
        self.arm.profile().drive == Drive::Torque
    }

    /// Commanded speed of a joint, rad/s.
    pub(crate) fn speed(&mut self, joint: usize) -> f64 {
        self.handle().status().command.dq[joint].abs()
    }

    /// The way to the next pose.
    fn trajectory(&mut self) -> Result<Trajectory, String> {
        let here = self.handle().status().command.q;
        let mut to = here;
        for _ in 0..self.poses.len() {
            to = self.poses[self.next % self.poses.len()];
            self.next += 1;
            // An arm that was stopped under way is on none of the ways that were looked at.
            if to.max_abs_diff(&here) > LEAST_RAD && self.is_free(&here, &to) {
                break;
            }
        }
        let timed = |scale| time_path(&[here, to], self.arm.limits(), scale).map_err(|e| e.to_string());
        let mut points = timed(SCALE)?;
        let seconds = points[points.len() - 1].t;
        if seconds < LEAST_S {
            let s = seconds / LEAST_S;
            points = timed(Scale {
                velocity: s * SCALE.velocity,
                acceleration: s * s * SCALE.acceleration,
                jerk: s * s * s * SCALE.jerk,
            })?;
        }
        Trajectory::new(points, self.arm.limits(), &here).map_err(|e| e.to_string())
    }

    /// Submits the motion to the next pose, whatever state the arm is in.
    fn submit_anyway(&mut self) -> Result<(), String> {
        let trajectory = self.trajectory()?;
        self.order(Motion::Follow(Box::new(trajectory)))
    }

    /// Orders a motion under a fresh lease.
    pub(crate) fn order(&mut self, motion: Motion) -> Result<(), String> {
        let now = self.body.now();
        let control = self.body.control();
        let said = |e: types::Rejection| e.to_string();
        if let Some(old) = self.lease.take() {
            control.release(now, &old).map_err(said)?;
        }
        let mut lease = control.claim(now, Owner::Planner, Groups::All, None).map_err(said)?;
        control.submit(lease.order(now, motion)).map_err(said)?;
        self.lease = Some(lease);
        Ok(())
    }

    /// Where the arm is told to be.
    pub(crate) fn commanded(&mut self) -> JointVector {
        self.handle().status().command.q
    }

    pub(crate) fn limits(&self) -> &[JointLimits] {
        self.arm.limits()
    }

    pub(crate) fn has(&self, wanted: impl Fn(&Report) -> bool) -> bool {
        self.reports.iter().any(|(_, r)| wanted(r))
    }

    pub(crate) fn reset(&mut self) -> Result<(), String> {
        let now = self.body.now();
        self.handle().reset(now).map_err(|e| e.to_string())
    }

    /// A reset is granted and nothing moves by it.
    pub(crate) fn resets(&mut self) -> Result<(), String> {
        let before = self.q();
        self.reset()?;
        self.run_s(0.1)?;
        self.is_in(Mode::Disarmed)?;
        let moved = self.q().max_abs_diff(&before);
        if moved > 1e-3 { Err(format!("the arm moved by {moved} rad")) } else { Ok(()) }
    }

    /// A thread of this component panics now.
    pub(crate) fn panic_beside(&mut self, component: Component) {
        self.break_here();
        let sentinel = self.handle().sentinel(component);
        let thread = std::thread::Builder::new().spawn(move || {
            let _kept = sentinel;
            std::panic::resume_unwind(Box::new("on purpose"));
        });
        let _ = thread.map(std::thread::JoinHandle::join);
    }

    /// Lets time pass, tick by tick.
    pub(crate) fn run_s(&mut self, seconds: f64) -> Result<(), String> {
        for _ in 0..(seconds * 1e3).round() as usize {
            let now = self.body.now();
            if let (true, Some(lease)) = (self.alive, &self.lease) {
                self.body.control().keep_alive(lease, now);
            }
            if self.goes_on && self.alive && self.handle().status().mode == Mode::Hold && self.reports_allow()
            {
                self.submit_anyway()?;
            }
            if self.line != Line::Silent {
                self.body.control().stop_line().sample(now, self.line == Line::Closed);
            }
            self.body.advance(TICK).map_err(|e| e.to_string())?;
            let status = self.body.status();
            let truth = self.body.world().ok_or("no simulated world")?.world().sense().q;
            self.since.push(Tick { status, truth });
            if self.polls {
                while let Some(report) = self.body.control().poll() {
                    self.leased.hear(&report);
                    self.reports.push((now, report));
                }
                self.leased.look(status.mode)?;
            }
            if let Some(why) = self.body.invariants().and_then(|i| i.broken()) {
                return Err(why.to_owned());
            }
        }
        Ok(())
    }

    /// After a stop nothing is submitted any more.
    fn reports_allow(&self) -> bool {
        !self.reports.iter().any(|(_, r)| matches!(r, Report::Stopped { .. }))
    }

    /// Lets time pass without the loop (F25).
    pub(crate) fn sleep_s(&mut self, seconds: f64) -> Result<(), String> {
        let rig = self.body.world().ok_or("no simulated world")?.clone();
        rig.clock().sleep_until(self.body.now() + Duration::from_secs_f64(seconds));
        Ok(())
    }

    /// Breaks one thing after the other from now on, each for so many seconds or for good.
    pub(crate) fn break_in_turn(&mut self, faults: &[(RobotFault, Option<f64>)]) -> Result<(), String> {
        let now = self.body.now();
        let rig = self.body.world().ok_or("no simulated world")?;
        let mut at_s = now.secs_since(rig.world().start());
        let mut specs = Vec::new();
        for (fault, duration_s) in faults {
            specs.push(FaultSpec { at_s, duration_s: *duration_s, kind: FaultKind::Robot(*fault) });
            at_s += duration_s.unwrap_or(0.0);
        }
        rig.set_faults(&specs).map_err(|e| e.to_string())?;
        self.break_here();
        Ok(())
    }

    /// Breaks something from now on, for so many seconds or for good.
    pub(crate) fn break_now(&mut self, fault: RobotFault, duration_s: Option<f64>) -> Result<(), String> {
        self.break_in_turn(&[(fault, duration_s)])
    }

    fn ball(&mut self, at: Point3<f64>, radius: f64) -> Obstacle {
        Obstacle {
            name: "ball".into(),
            shape: GeomShape::Sphere { radius },
            world_from_obstacle: Isometry3::translation(at.x, at.y, at.z),
        }
    }

    fn watch(&mut self, life: Duration, things: Vec<Thing>) -> Result<(), String> {
        let now = self.body.now();
        let world = World { stamp: now, expires: now + life, things, held: None };
        self.handle().watch(world).map_err(|e| e.to_string())
    }

    /// A ball appears at the hand.
    pub(crate) fn ball_ahead(&mut self) -> Result<(), String> {
        self.break_here();
        let q = self.q();
        let hand = tool_pose(&self.arm, &mut self.data, &q).origin();
        let obstacle = self.ball(hand, 0.05);
        self.watch(Duration::from_secs(100), vec![Thing { obstacle, keep_m: 0.0, speed_m_s: 0.0 }])
    }
}

/// The joint that is told to move fastest.
pub(crate) fn fastest(t: &mut Trial) -> usize {
    let dq = t.handle().status().command.dq;
    (0..dq.len()).fold(0, |best, j| if dq[j].abs() > dq[best].abs() { j } else { best })
}

/// Of the joints with the strongest motors, the one that uses least of its torque limit.
pub(crate) fn strongest(t: &mut Trial) -> usize {
    let tau = t.handle().status().command.tau;
    let limits = t.arm.limits();
    let most = limits.iter().fold(0.0f64, |m, l| m.max(l.torque));
    let share = |j: usize| tau[j].abs() / limits[j].torque;
    let strong = (0..tau.len()).filter(|j| limits[*j].torque > 0.9 * most);
    strong.min_by(|a, b| share(*a).total_cmp(&share(*b))).unwrap_or(0)
}

/// The joint whose torque uses most of its limit.
pub(crate) fn heaviest(t: &mut Trial) -> usize {
    let tau = t.handle().status().command.tau;
    let limits = t.arm.limits();
    let share = |j: usize| tau[j].abs() / limits[j].torque;
    (0..tau.len()).fold(0, |best, j| if share(j) > share(best) { j } else { best })
}
