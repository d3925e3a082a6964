//! An arm alone in wall time under its watchdog, to and fro between two poses: what is measured of the loop, and
//! what becomes of the arm when a process or the loop breaks (F26, F27, F32, F33).

use crate::config::Config;
use crate::graph::BodyError;
use crate::graph::guard::GuardProcess;
use crate::lateness::MachineLateness;
use crate::recording::{Recording, TickWriter};
use crate::session;
use control::thread::Quantiles;
use control::{
    Groups, Handle, Lease, LoopConfig, Mode, MonotonicClock, Motion, Owner, Report, RtRights, Watchdog,
};
use core::time::Duration;
use mechanics::Arm;
use mechanics::timing::{Scale, time_path};
use serde::{Deserialize, Serialize};
use sim::{Rig, SceneSpec, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use types::seams::{Clock, Robot, RobotError};
use types::{Ending, JointCommand, JointState, JointVector, Trajectory};

/// How far the first joint turns, rad.
const SWING: f64 = 0.4;
/// How much of the limits it uses.
const SCALE: Scale = Scale { velocity: 0.5, acceleration: 0.3, jerk: 0.3 };
/// Between two looks at what the loop says.
const SLICE: Duration = Duration::from_millis(10);
/// For how long an arm is watched after something broke.
const AFTER: Duration = Duration::from_millis(300);

/// What breaks from within.
#[derive(Copy, Clone, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Break {
    /// The robot's driver panics in the loop (F32).
    Loop,
    /// The watchdog's process is killed (F33).
    Watchdog,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Ids of the rows that the loop named.
    pub(crate) faults: Vec<String>,
    /// Whether nothing was wrong with the arm until it was broken, or until the end.
    pub(crate) was_well: bool,
    /// Where the state machine stood at the end.
    pub(crate) mode: String,
    /// Whether the robot's brakes were closed at the end.
    pub(crate) is_braked: bool,
    /// From the break to the robot's own stop, milliseconds.
    pub(crate) stopped_after_ms: Option<f64>,
    /// Steps for which the robot was not let have power.
    pub(crate) denied: u64,
    /// Motions that came to their end.
    pub(crate) motions: u64,
    /// From deadline to wake-up of the loop, microseconds: half, 99 of 100, and all were at most so late.
    pub(crate) lateness_us: [f64; 3],
    /// The loop's ticks, and deadlines that it missed.
    pub(crate) ticks: u64,
    pub(crate) misses: u64,
    /// Page faults of the loop's thread after its first ticks.
    pub(crate) page_faults: Option<u64>,
    /// Whether the loop runs under SCHED_FIFO with its memory locked.
    pub(crate) is_real_time: bool,
    /// How late the machine was by itself after the break: the latest wake-up of a thread that does nothing else,
    /// see [`MachineLateness`], milliseconds.
    pub(crate) machine_late_ms: f64,
}

/// What the parts tell each other outside the loop's own ways.
struct Wires {
    breaks: AtomicBool,
    /// When it broke, nanoseconds of the clock; and when the robot stopped by itself after that.
    broken_at: AtomicI64,
    stopped_at: AtomicI64,
    denied: AtomicU64,
}

/// A robot whose driver panics when it is told to.
struct Fragile<R> {
    robot: R,
    clock: MonotonicClock,
    wires: Arc<Wires>,
}

impl<R: Robot> Robot for Fragile<R> {
    fn is_live(&mut self) -> bool {
        self.robot.is_live()
    }

    fn let_be(&mut self) -> Result<(), RobotError> {
        self.robot.let_be()
    }

    fn read(&mut self) -> Result<JointState, RobotError> {
        if self.wires.breaks.swap(false, Ordering::AcqRel) {
            self.wires.broken_at.store(self.clock.now().as_nanos(), Ordering::Release);
            std::panic::resume_unwind(Box::new("the robot's driver broke"));
        }
        self.robot.read()
    }

    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError> {
        self.robot.write(command)
    }

    fn foresee(&mut self, ending: &Ending) {
        self.robot.foresee(ending);
    }
}

/// What is tried.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Trial {
    /// For how long the arm moves, seconds.
    pub(crate) seconds: f64,
    /// What breaks, and after how many seconds.
    pub(crate) breaks: Option<(Break, f64)>,
    /// The loop and the guard may be silent for so long, seconds; `None`: as the robot bears it.
    pub(crate) patience_s: Option<f64>,
}

/// Moves the arm; something may break. Its ticks are recorded where there is a recording.
///
/// # Errors
/// [`BodyError`] when the loop, the world or the watchdog cannot be started.
pub(crate) fn run(
    config: &Config,
    arm: &Arc<Arm>,
    trial: Trial,
    recording: Option<Arc<Recording>>,
) -> Result<Outcome, BodyError> {
    let said = |e: String| BodyError::Loop(e);
    let mut clock = MonotonicClock::new();
    let world = World::new(arm, &SceneSpec::default(), 1).map_err(|e| BodyError::Sim(e.to_string()))?;
    let rig = Rig::new(world);
    let patience_s = trial.patience_s.unwrap_or(arm.profile().overrun_ms * 1e-3);
    let mut watchdog = Watchdog::shared(&clock, patience_s).map_err(|e| said(e.to_string()))?;
    if let Some(stroke_s) = trial.patience_s {
        watchdog = watchdog.with_stroke(stroke_s).map_err(|e| said(e.to_string()))?;
    }
    let mut guard = Some(GuardProcess::start(&watchdog, &mut clock)?);
    let never = || AtomicI64::new(i64::MIN);
    let wires = Arc::new(Wires {
        breaks: AtomicBool::new(false),
        broken_at: never(),
        stopped_at: never(),
        denied: AtomicU64::new(0),
    });
    let permit = {
        let (stroke, wires) = (watchdog.stroke(), Arc::clone(&wires));
        Box::new(move |now: types::Time| {
            let permits = stroke.permits(now);
            if !permits {
                wires.denied.fetch_add(1, Ordering::Relaxed);
                if wires.broken_at.load(Ordering::Acquire) != i64::MIN {
                    let _ = wires.stopped_at.compare_exchange(
                        i64::MIN,
                        now.as_nanos(),
                        Ordering::AcqRel,
                        Ordering::Acquire,
                    );
                }
            }
            permits
        })
    };
    let in_thread = clock;
    let (robot, _live) =
        sim::live::spawn(&rig, move || in_thread, Some(permit)).map_err(|e| BodyError::Sim(e.to_string()))?;
    let ends = control::new(arm.clone(), session::control_config(config, session::Pace::Wall));
    let (core, mut handle) = ends.map_err(|e| said(e.to_string()))?;
    let robot = Fragile { robot, clock, wires: Arc::clone(&wires) };
    let loop_config = LoopConfig {
        rate_hz: config.control.rate_hz,
        fifo_priority: u8::try_from(config.control.priority).ok(),
        cpu: usize::try_from(config.control.cpu).ok(),
        in_step: config.is_on(&config.control.in_step),
        ..LoopConfig::default()
    };
    let core = core.with_watchdog(watchdog.pulse());
    let (core, writer) = match recording {
        Some(recording) => {
            let (core, ticks) = core.with_tape();
            (core, Some(TickWriter::new(ticks, recording)))
        }
        None => (core, None),
    };
    let thread = control::spawn(core, Box::new(robot), Box::new(clock), loop_config);
    let mut thread = thread.map_err(|e| said(e.to_string()))?;
    let writing = writer.map(|writer| writer.with_seconds(thread.take_seconds()).spawn()).transpose();
    let writing = writing.map_err(|e| said(e.to_string()))?;

    let mut drive = Drive { arm, faults: Vec::new(), motions: 0, lease: None, stopped: false, side: 1.0 };
    let began = clock.now();
    let mut pending = trial.breaks;
    let mut was_well = None;
    let mut late = None;
    let mut until = began + Duration::from_secs_f64(trial.seconds);
    while clock.now() < until {
        drive.look(&mut handle, clock.now()).map_err(|e| said(e.to_string()))?;
        if let Some((what, _)) = pending.take_if(|(_, at)| clock.now().secs_since(began) >= *at) {
            was_well = Some(!drive.stopped);
            late = Some(MachineLateness::watch());
            match what {
                Break::Loop => wires.breaks.store(true, Ordering::Release),
                Break::Watchdog => {
                    wires.broken_at.store(clock.now().as_nanos(), Ordering::Release);
                    drop(guard.take());
                }
            }
            until = clock.now() + AFTER;
        }
        clock.sleep_until(clock.now() + SLICE);
    }
    drive.look(&mut handle, clock.now()).map_err(|e| said(e.to_string()))?;
    let machine_late_ms = late.map_or(0.0, MachineLateness::latest_ms);
    let mode = handle.status().mode;
    let is_braked = rig.world().is_braked();
    let report = thread.join();
    drop(writing);
    let (broken, stopped) =
        (wires.broken_at.load(Ordering::Acquire), wires.stopped_at.load(Ordering::Acquire));
    let Quantiles { p50_us, p99_us, max_us } = report.lateness;
    let RtRights { real_time, locked, .. } = report.rights;
    Ok(Outcome {
        was_well: was_well.unwrap_or(!drive.stopped),
        faults: drive.faults,
        mode: format!("{mode:?}"),
        is_braked,
        stopped_after_ms: (stopped != i64::MIN).then(|| (stopped - broken) as f64 * 1e-6),
        denied: wires.denied.load(Ordering::Relaxed),
        motions: drive.motions,
        lateness_us: [p50_us, p99_us, max_us],
        ticks: report.ticks,
        misses: report.misses,
        page_faults: report.page_faults,
        is_real_time: real_time && locked,
        machine_late_ms,
    })
}

/// Whoever orders the motions.
struct Drive<'a> {
    arm: &'a Arc<Arm>,
    faults: Vec<String>,
    motions: u64,
    lease: Option<Lease>,
    stopped: bool,
    side: f64,
}

impl Drive<'_> {
    /// Takes in what was told, and orders the next motion when the arm holds. After a stop nothing is ordered.
    fn look(&mut self, handle: &mut Handle, now: types::Time) -> Result<(), types::Rejection> {
        while let Some(report) = handle.poll() {
            match report {
                Report::Fault { fault, .. } => self.faults.push(fault.id().to_owned()),
                Report::Stopped { .. } => self.stopped = true,
                Report::LoopDied => {
                    self.faults.push("F32".to_owned());
                    self.stopped = true;
                }
                Report::Finished(_) => self.motions += 1,
                Report::Lost(id) if self.lease.as_ref().is_some_and(|l| l.id() == id) => self.lease = None,
                _ => {}
            }
        }
        if let Some(lease) = &self.lease {
            handle.keep_alive(lease, now);
        }
        let status = handle.status();
        match status.mode {
            Mode::Disarmed if !self.stopped && status.measured.is_some() => handle.activate(now),
            Mode::Hold if !self.stopped => self.order(handle, now, status.command.q),
            _ => Ok(()),
        }
    }

    fn order(
        &mut self,
        handle: &mut Handle,
        now: types::Time,
        here: JointVector,
    ) -> Result<(), types::Rejection> {
        let mut to = self.arm.home();
        let limits = self.arm.limits();
        to[0] = (to[0] + self.side * SWING).clamp(limits[0].lower, limits[0].upper);
        self.side = -self.side;
        let points = time_path(&[here, to], limits, SCALE)
            .map_err(|e| types::Rejection::new("path", "one that can be timed", e.to_string()))?;
        let trajectory = Trajectory::new(points, limits, &here)?;
        if self.lease.is_none() {
            self.lease = Some(handle.claim(now, Owner::Script, Groups::Arm, None)?);
        }
        if let Some(lease) = &mut self.lease {
            handle.submit(lease.order(now, Motion::Follow(Box::new(trajectory))))?;
        }
        Ok(())
    }
}
