//! The loop: read, tick, write at absolute deadlines, in a thread of its own.

use crate::config::range;
use crate::core::Core;
use crate::histogram::{Bin, Histogram};
use crate::lookout::{Heart, Lookout};
use crate::metronome::{Metronome, Woken, nanos};
use crate::rt::{self, RtRights, RtWishes};
use crate::second::{LoopSeconds, SecondTally};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use types::seams::{Clock, Controller, Robot, RobotError};
use types::{JointCommand, Rejection, Time};

/// After so many ticks every page that the loop uses has been touched.
const WARM: u64 = 200;

/// How long the loop goes on after it was told to end, for the arm to come to rest, seconds.
const GRACE_S: f64 = 5.0;

/// A loop that has ended no cycle for so long hangs in its robot's driver.
pub const HANGS: Duration = Duration::from_secs(2);

/// How the loop runs.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct LoopConfig {
    /// Ticks per second, 100 to 4000; the core's `period_s` should be its inverse.
    pub rate_hz: f64,
    /// Priority under SCHED_FIFO, 1 to 98; `None`: normal priority.
    pub fifo_priority: Option<u8>,
    /// Lock all memory of the process.
    pub lock_memory: bool,
    /// The processor to run on; `None`: any.
    pub cpu: Option<usize>,
    /// Tick with the robot's own cycle, where it has one of this rate ([`Robot::cycle`]).
    pub in_step: bool,
}

impl Default for LoopConfig {
    fn default() -> Self {
        Self { rate_hz: 1000.0, fifo_priority: Some(80), lock_memory: true, cpu: None, in_step: true }
    }
}

impl LoopConfig {
    fn check(&self) -> Result<(), Rejection> {
        range("loop.rate_hz", self.rate_hz, 100.0, 4000.0)?;
        if let Some(p) = self.fifo_priority {
            range("loop.fifo_priority", f64::from(p), 1.0, 98.0)?;
        }
        Ok(())
    }
}

/// How late ticks were and how long they took.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Quantiles {
    /// Half were at most this, microseconds.
    pub p50_us: f64,
    /// 99 of 100 were at most this, microseconds.
    pub p99_us: f64,
    /// None was more than this, microseconds.
    pub max_us: f64,
}

impl From<&Histogram> for Quantiles {
    fn from(h: &Histogram) -> Self {
        Self { p50_us: h.percentile_us(0.5), p99_us: h.percentile_us(0.99), max_us: h.max_us() }
    }
}

/// What the loop did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoopReport {
    /// Ticks.
    pub ticks: u64,
    /// Ticks per second that were achieved.
    pub rate_hz: f64,
    /// Whether the robot's own cycle said when the loop ticked ([`Robot::wait_cycle`]), and in how many ticks it did not come.
    pub in_step: bool,
    /// See [`Self::in_step`].
    pub alone: u64,
    /// Deadlines that passed before the tick before them was done; they are left out, not made up for.
    pub misses: u64,
    /// From deadline to wake-up; in step, from the beginning of the robot's cycle.
    pub lateness: Quantiles,
    /// The same, tick by tick: how many came how late.
    pub jitter: Vec<Bin>,
    /// The core's tick alone.
    pub compute: Quantiles,
    /// Robot reads and writes that failed.
    pub failed_io: u64,
    /// How often, with power on, no cycle ended for longer than the robot's tolerance for overruns (`overrun_ms`).
    pub silences: u64,
    /// How often the loop's thread met memory that was not there, after its first ticks; `None` where the operating system
    /// does not tell, and of a loop that hardly ran.
    pub page_faults: Option<u64>,
    /// Reports lost because nobody polled.
    pub dropped_reports: u64,
    /// What the operating system granted.
    pub rights: RtRights,
    /// Why the loop died, if it panicked (I8), or that it hangs.
    pub panic: Option<String>,
}

/// A running loop. Dropping it without [`Self::join`] ends the loop as well, without its report.
#[derive(Debug)]
pub struct LoopThread {
    thread: Option<std::thread::JoinHandle<LoopReport>>,
    heart: Arc<Heart>,
    end: Arc<AtomicBool>,
    seconds: Option<LoopSeconds>,
}

impl LoopThread {
    /// Whether the loop runs; not so after a panic.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|t| !t.is_finished())
    }

    /// For how long it has not ended a cycle: a driver may hang, or this machine.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        self.heart.silent_for()
    }

    /// What it tells of every second of its ticks; once, for one to take them.
    #[must_use]
    pub fn take_seconds(&mut self) -> Option<LoopSeconds> {
        self.seconds.take()
    }

    /// Ends the loop: the arm comes to rest, its brakes engage, then the thread returns its report. One that hangs is left
    /// to itself.
    #[must_use]
    pub fn join(mut self) -> LoopReport {
        self.finish()
    }

    fn finish(&mut self) -> LoopReport {
        self.end.store(true, Ordering::Release);
        while self.is_running() {
            if self.silent_for() > HANGS {
                // Nothing ends a thread from outside. Its robot brakes by its own watchdog.
                self.thread = None;
                let panic = Some(format!("it hangs: no cycle has ended for {:.1} s", HANGS.as_secs_f64()));
                return LoopReport { panic, silences: self.heart.silences(), ..LoopReport::default() };
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        match self.thread.take().map(std::thread::JoinHandle::join) {
            Some(Ok(report)) => report,
            Some(Err(panic)) => LoopReport { panic: Some(words(panic.as_ref())), ..LoopReport::default() },
            None => LoopReport::default(),
        }
    }
}

impl Drop for LoopThread {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.finish();
        }
    }
}

/// One cycle: read, tick, write; for the loop and for lockstep alike. The command is returned with
/// what went wrong at the robot, which the core has already dealt with. An arm that has power already and is not taken
/// over yet is told nothing.
///
/// # Errors
/// The first [`RobotError`] of reading and writing. A state that is not the cycle's is no error.
pub fn tick_robot(
    core: &mut Core,
    robot: &mut dyn Robot,
    now: Time,
) -> (JointCommand, Result<(), RobotError>) {
    if core.ticks() == 0 {
        core.meet(robot);
    }
    let (state, read) = match robot.read() {
        Ok(state) => (Some(state), Ok(())),
        Err(e) => (None, Err(e)),
    };
    let command = core.tick(now, state.as_ref());
    if let Some(ending) = core.ending() {
        robot.foresee(&ending);
    }
    let written = hand_over(core, robot, &command);
    (command, read.and(written))
}

/// The command, to a robot that is to have one.
fn hand_over(core: &Core, robot: &mut dyn Robot, command: &JointCommand) -> Result<(), RobotError> {
    if core.is_waiting() { robot.let_be() } else { robot.write(command) }
}

/// Starts the loop.
///
/// # Errors
/// A [`Rejection`] naming the field of `config`, or that the operating system gave no thread.
pub fn spawn(
    core: Core,
    robot: Box<dyn Robot>,
    clock: Box<dyn Clock>,
    config: LoopConfig,
) -> Result<LoopThread, Rejection> {
    config.check()?;
    let end = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&end);
    let (tally, seconds) = SecondTally::new((config.rate_hz as u64).max(1));
    let heart = Arc::new(Heart::default());
    let patience = Duration::from_secs_f64(core.arm().profile().overrun_ms * 1e-3);
    let lookout = Lookout::spawn(&heart, core.pulse.clone(), patience, config.fifo_priority)?;
    let beating = heart.clone();
    let thread = std::thread::Builder::new()
        .name("sinew-control".to_owned())
        .stack_size(2 * 1024 * 1024)
        .spawn(move || {
            let report = run(core, robot, clock, config, (&told, &beating), tally);
            drop(lookout);
            let mut rights = report.rights;
            rights.notes.extend(beating.notes());
            LoopReport { silences: beating.silences(), rights, ..report }
        })
        .map_err(|e| Rejection::new("loop", "a thread of its own", e.to_string()))?;
    Ok(LoopThread { thread: Some(thread), heart, end, seconds: Some(seconds) })
}

/// The loop's numbers while it runs.
struct Tally {
    ticks: u64,
    in_step: bool,
    alone: u64,
    misses: u64,
    failed_io: u64,
    /// Page faults of the thread when it was warm.
    faults_warm: Option<u64>,
    lateness: Histogram,
    compute: Histogram,
    second: SecondTally,
}

fn run(
    mut core: Core,
    mut robot: Box<dyn Robot>,
    mut clock: Box<dyn Clock>,
    config: LoopConfig,
    (end, heart): (&AtomicBool, &Heart),
    second: SecondTally,
) -> LoopReport {
    let wishes =
        RtWishes { fifo_priority: config.fifo_priority, lock_memory: config.lock_memory, cpu: config.cpu };
    let rights = rt::acquire(wishes);
    let (lateness, compute) = (Histogram::default(), Histogram::default());
    let mut tally = Tally {
        ticks: 0,
        in_step: false,
        alone: 0,
        misses: 0,
        failed_io: 0,
        faults_warm: None,
        lateness,
        compute,
        second,
    };
    let began = clock.now();
    heart.begin();
    let died = catch_unwind(AssertUnwindSafe(|| {
        cycle(&mut core, robot.as_mut(), clock.as_mut(), config, (end, heart), &mut tally);
    }));
    heart.rest();
    let took = clock.now().secs_since(began);
    let page_faults = tally.faults_warm.and_then(|warm| rt::page_faults()?.checked_sub(warm));
    let panic = died.err().map(|panic| {
        core.died();
        words(panic.as_ref())
    });
    // Whatever happened, the last word is: no power, except to an arm that was never taken over. A second panic here is
    // the robot's own.
    let off = core.last_without_power(clock.now());
    let last_word = || hand_over(&core, robot.as_mut(), &off);
    if catch_unwind(AssertUnwindSafe(last_word)).map_or(true, |r| r.is_err()) {
        tally.failed_io += 1;
    }
    if panic.is_none() {
        core.leave();
    }
    LoopReport {
        ticks: tally.ticks,
        rate_hz: if took > 0.0 { tally.ticks as f64 / took } else { 0.0 },
        in_step: tally.in_step,
        alone: tally.alone,
        misses: tally.misses,
        lateness: Quantiles::from(&tally.lateness),
        jitter: tally.lateness.bins(),
        compute: Quantiles::from(&tally.compute),
        failed_io: tally.failed_io,
        silences: 0,
        page_faults,
        dropped_reports: core.dropped_reports(),
        rights,
        panic,
    }
}

/// Ticks until it is told to end and the arm has no power, or its grace is over.
fn cycle(
    core: &mut Core,
    robot: &mut dyn Robot,
    clock: &mut dyn Clock,
    config: LoopConfig,
    (end, heart): (&AtomicBool, &Heart),
    tally: &mut Tally,
) {
    let period = Duration::from_secs_f64(1.0 / config.rate_hz);
    let overrun = Duration::from_secs_f64(core.arm().profile().overrun_ms * 1e-3);
    let mut metronome =
        Metronome::new(period, overrun, robot.cycle().filter(|_| config.in_step), clock.now());
    tally.in_step = metronome.keeps_step();
    core.meet(robot);
    let mut ending: Option<Time> = None;
    loop {
        let Woken { at: woke, late_ns, is_alone } = metronome.wait(robot, clock);
        tally.alone += u64::from(is_alone);
        tally.lateness.record(late_ns);
        if ending.is_none() && end.load(Ordering::Acquire) {
            ending = Some(woke);
            core.shut_down();
        }
        let state = robot.read();
        let before = clock.now();
        let command = core.tick(woke, state.as_ref().ok());
        let foreseen = core.ending();
        let took_ns = nanos(clock.now(), before);
        tally.compute.record(took_ns);
        if let Some(foreseen) = &foreseen {
            robot.foresee(foreseen);
        }
        let written = hand_over(core, robot, &command);
        heart.beat(command.enabled);
        tally.ticks += 1;
        if tally.ticks == WARM {
            tally.faults_warm = rt::page_faults();
        }
        let failed_io = u64::from(state.is_err()) + u64::from(written.is_err());
        tally.failed_io += failed_io;
        tally.second.tick(late_ns, took_ns, failed_io);
        if let Some(since) = ending
            && (!command.enabled || woke.secs_since(since) > GRACE_S)
        {
            return;
        }
        let missed = metronome.go_on(clock.now());
        tally.misses += missed;
        tally.second.missed(missed);
        tally.second.end_tick(woke, core.dropped_reports());
    }
}

/// What a panic said.
fn words(panic: &(dyn core::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}
