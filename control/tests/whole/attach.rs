//! An arm whose motors have power when the loop comes is held where it is found, and drops in no tick.

use crate::common::{N, TICK, arm};
use control::{Cause, Config, Core, Handle, LoopConfig, Mode, RefusedWhy, Report, Request};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use types::seams::{Clock, Robot, RobotError};
use types::{Fault, GripperState, JointCommand, JointState, JointVector, StopCategory, Time};

/// No brakes: it falls as soon as it is told to have no power, and holds itself where it is told nothing.
struct Live {
    state: JointState,
    /// Every joint goes on by so much in each tick that it is told nothing, rad.
    coasts: f64,
    is_silent: bool,
    falls: bool,
    told: Vec<JointCommand>,
}

/// The same from a loop's thread and from the test.
#[derive(Clone)]
struct Shared(Arc<Mutex<Live>>);

impl Shared {
    fn new(change: impl FnOnce(&mut Live)) -> Self {
        let (q, zero) = (arm().home(), JointVector::zeros(N));
        let q = JointVector::from_fn(N, |i| q[i] + 0.1);
        let gripper = GripperState { width_m: 0.03, speed_m_s: 0.0, force_n: 0.0 };
        let state = JointState { stamp: Time::ZERO, q, dq: zero, tau: zero, gripper };
        let mut live = Live { state, coasts: 0.0, is_silent: false, falls: false, told: Vec::new() };
        change(&mut live);
        Self(Arc::new(Mutex::new(live)))
    }

    fn with<R>(&self, what: impl FnOnce(&mut Live) -> R) -> R {
        what(&mut self.0.lock().expect("no panic holds it"))
    }
}

impl Live {
    fn goes_on(&mut self) {
        self.state.stamp = self.state.stamp + TICK;
    }
}

impl Robot for Shared {
    fn read(&mut self) -> Result<JointState, RobotError> {
        self.with(|live| if live.is_silent { Err(RobotError::Silent) } else { Ok(live.state) })
    }

    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError> {
        self.with(|live| {
            live.falls |= !command.enabled;
            live.told.push(*command);
            (live.state.q, live.state.dq) = (command.q, command.dq);
            live.goes_on();
        });
        Ok(())
    }

    fn is_live(&mut self) -> bool {
        true
    }

    fn let_be(&mut self) -> Result<(), RobotError> {
        self.with(|live| {
            let by = live.coasts;
            live.state.q = JointVector::from_fn(N, |i| live.state.q[i] + by);
            live.state.dq = JointVector::from_fn(N, |_| by * 1e3);
            live.goes_on();
        });
        Ok(())
    }
}

/// What stands by an arm that is taken over in lockstep.
struct Bench {
    core: Core,
    handle: Handle,
    robot: Shared,
    reports: Vec<Report>,
}

impl Bench {
    fn new(robot: &Shared, config: Config) -> Self {
        let (core, handle) = control::new(arm(), config).expect("valid");
        Self { core, handle, robot: robot.clone(), reports: Vec::new() }
    }

    fn ticks(&mut self, n: usize) {
        for _ in 0..n {
            let now = self.now();
            _ = control::tick_robot(&mut self.core, &mut self.robot, now);
            self.reports.extend(core::iter::from_fn(|| self.handle.poll()));
        }
    }

    fn now(&self) -> Time {
        self.robot.with(|live| live.state.stamp)
    }

    fn mode(&mut self) -> Mode {
        self.handle.status().mode
    }

    fn told(&self) -> usize {
        self.robot.with(|live| live.told.len())
    }

    fn falls(&self) -> bool {
        self.robot.with(|live| live.falls)
    }

    fn refused(&self, request: Request) -> Option<RefusedWhy> {
        self.reports.iter().rev().find_map(|r| match r {
            Report::Refused { request: q, why, .. } if *q == request => Some(*why),
            _ => None,
        })
    }
}

const HELD: Mode = Mode::Fault { powered: true };

#[test]
fn a_live_arm_is_held_where_it_is_found_and_moves_only_after_a_reset_and_the_proof() {
    let robot = Shared::new(|_| ());
    let found = robot.with(|live| live.state.q);
    let mut bench = Bench::new(&robot, Config::default());
    bench.ticks(80);
    assert_eq!((bench.mode(), bench.handle.status().cause), (HELD, Cause::Attached));
    let all_there = |live: &mut Live| live.told.iter().all(|c| c.enabled && c.q.max_abs_diff(&found) < 1e-6);
    assert!(bench.told() > 10 && robot.with(all_there), "I3: {:?}", bench.reports);
    let now = bench.now();
    bench.handle.activate(now).expect("sent");
    bench.ticks(1000);
    assert_eq!(bench.refused(Request::Activate), Some(RefusedWhy::Latched));
    assert!(robot.with(all_there), "nobody has looked yet");
    // What its hand holds may be told before it is reset.
    let now = bench.now();
    let load = control::Payload { mass_kg: 0.5, center_m: [0.0; 3] };
    bench.handle.carry(now, load).expect("it can be held");
    bench.ticks(500);
    assert_eq!((bench.refused(Request::Carry), bench.handle.status().payload.mass_kg), (None, 0.5));
    let now = bench.now();
    bench.handle.reset(now).expect("sent");
    bench.ticks(2);
    assert_eq!(bench.mode(), Mode::Proving, "its encoders are not proven: {:?}", bench.reports);
    bench.ticks(6000);
    assert_eq!((bench.mode(), bench.handle.status().cause), (Mode::Hold, Cause::Activated));
    assert!(!bench.falls());
    // From here on it is like any other: a fault that leaves it power ends in hold.
    bench.handle.stop(StopCategory::Two);
    bench.ticks(10);
    assert_eq!(bench.mode(), Mode::Hold);
}

#[test]
fn a_live_arm_is_told_nothing_before_it_is_read_and_rests_within_its_range() {
    for (what, why, change) in [
        ("silent", RefusedWhy::NoState, (|live| live.is_silent = true) as fn(&mut Live)),
        ("moving", RefusedWhy::Moving, |live| live.coasts = 2e-4),
        ("beyond its range", RefusedWhy::BeyondLimits, |live| live.state.q[2] = 2.9),
    ] {
        let robot = Shared::new(change);
        let mut bench = Bench::new(&robot, Config::default());
        // What cannot be read has no time of its own here. After a second it is told, once, what keeps the arm from being held.
        let told = |bench: &Bench| {
            let of = |r: &&Report| matches!(r, Report::Refused { request: Request::Activate, why: w, .. } if *w == why);
            bench.reports.iter().filter(of).count()
        };
        for ms in 0..2500 {
            let now = Time::ZERO + TICK * ms;
            robot.with(|live| live.state.stamp = now);
            bench.ticks(1);
            if ms == 980 {
                assert_eq!(told(&bench), 0, "{what}");
            }
        }
        assert_eq!(told(&bench), 1, "{what}: {:?}", bench.reports);
        assert_eq!((bench.told(), bench.mode()), (0, Mode::Disarmed), "{what}");
        assert_eq!(bench.handle.status().cause, Cause::Attached, "{what}");
        let now = bench.now();
        bench.handle.activate(now).expect("sent");
        bench.ticks(1);
        assert_eq!(bench.refused(Request::Activate), Some(why), "{what}");
        robot.with(|live| {
            (live.is_silent, live.coasts, live.state.q[2]) = (false, 0.0, 0.5);
        });
        bench.ticks(200);
        assert_eq!(bench.mode(), HELD, "{what}: {:?}", bench.reports);
        assert!(!bench.falls(), "{what}");
    }
}

#[test]
fn whoever_does_not_want_a_live_arm_to_hold_has_its_power_taken() {
    for (name, ask) in [
        ("disarm", (|b, now| b.handle.disarm(now).expect("sent")) as fn(&mut Bench, Time)),
        ("category one", |b, _| b.handle.stop(StopCategory::One)),
        ("category zero", |b, _| b.handle.stop(StopCategory::Zero)),
    ] {
        let robot = Shared::new(|live| live.coasts = 2e-4);
        let mut bench = Bench::new(&robot, Config::default());
        bench.ticks(10);
        assert_eq!(bench.told(), 0);
        let now = bench.now();
        ask(&mut bench, now);
        bench.ticks(2);
        assert!(bench.falls(), "{name}: {:?}", bench.reports);
    }
    // A hold is what it has.
    let robot = Shared::new(|live| live.coasts = 2e-4);
    let mut bench = Bench::new(&robot, Config::default());
    bench.handle.stop(StopCategory::Two);
    bench.ticks(10);
    assert_eq!((bench.told(), bench.falls()), (0, false));
}

#[test]
fn f41_a_live_arm_is_taken_over_under_a_closed_line_and_let_go_under_an_open_one() {
    let config = Config { stop_line: true, ..Config::default() };
    for is_closed in [true, false] {
        let robot = Shared::new(|_| ());
        let mut bench = Bench::new(&robot, config.clone());
        let line = bench.handle.stop_line();
        for _ in 0..700 {
            line.sample(bench.now(), is_closed);
            bench.ticks(1);
        }
        let held = Mode::Fault { powered: is_closed };
        assert_eq!((bench.mode(), bench.falls()), (held, !is_closed), "{:?}", bench.reports);
        let cause = if is_closed { Cause::Attached } else { Cause::Fault(Fault::F41StopLine) };
        assert_eq!(bench.handle.status().cause, cause);
    }
}

#[test]
fn what_a_live_hand_grips_it_grips_on() {
    for (force_n, width_m, told) in
        [(12.0, 0.03, (0.0, 12.0)), (0.0, 0.03, (0.03, 40.0)), (12.0, 0.0, (0.0, 40.0))]
    {
        let robot = Shared::new(|live| {
            live.state.gripper = GripperState { width_m, speed_m_s: 0.0, force_n };
        });
        let mut bench = Bench::new(&robot, Config::default());
        bench.ticks(100);
        robot.with(|live| {
            let mut grips = live.told.iter().map(|c| (c.gripper.width_m, c.gripper.force_n));
            assert!(grips.clone().all(|g| g == told), "{force_n} N at {width_m} m: {:?}", grips.next_back());
        });
    }
}

#[test]
fn ticks_of_a_live_arm_come_to_the_same_commands_again() {
    let robot = Shared::new(|live| live.coasts = 2e-4);
    let (core, handle) = control::new(arm(), Config::default()).expect("valid");
    let (core, tape) = core.with_tape();
    let mut bench = Bench { core, handle, robot: robot.clone(), reports: Vec::new() };
    bench.ticks(100);
    robot.with(|live| live.coasts = 0.0);
    bench.ticks(100);
    assert_eq!(bench.mode(), HELD);
    let (mut again, _handle) = control::new(arm(), Config::default()).expect("valid");
    let ticks: Vec<_> = tape.collect();
    assert!(ticks.len() == 200 && ticks[0].heard.live && !ticks[1].heard.live);
    for record in ticks {
        assert_eq!(again.repeat(&record), record.command);
    }
}

#[test]
fn a_loop_that_ends_before_it_took_a_live_arm_over_leaves_it_as_it_is() {
    // A machine that stands for a moment takes the power of an arm that is held (F26): then once more.
    let is_so = |is_silent: bool| (0..5).any(|_| ends(is_silent) == (is_silent, !is_silent));
    assert!(is_so(true) && is_so(false));
}

/// A loop in a thread of its own is ended once it has taken the arm over, or has waited for it: whether it was told nothing,
/// and whether it fell in the end.
fn ends(is_silent: bool) -> (bool, bool) {
    let clock = control::MonotonicClock::new();
    let robot = Shared::new(|live| live.is_silent = is_silent);
    let config = Config { max_overruns: 63, ..Config::default() };
    let (core, mut handle) = control::new(arm(), config.clone()).expect("valid");
    let (core, tape) = core.with_tape();
    let quiet =
        LoopConfig { rate_hz: 1000.0, fifo_priority: None, lock_memory: false, cpu: None, in_step: false };
    let stamped = Stamped { robot: robot.clone(), clock };
    let running = control::spawn(core, Box::new(stamped), Box::new(clock), quiet).expect("a thread");
    let wanted = if is_silent { Mode::Disarmed } else { HELD };
    let is_there = (0..5000).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        handle.status().mode == wanted && handle.status().ticks > 100
    });
    let fell_before = robot.with(|live| live.falls);
    let report = running.join();
    assert!(report.panic.is_none() && report.ticks > 0, "{report:?}");
    // That it was to end is part of what its ticks consumed.
    let (mut again, _handle) = control::new(arm(), config).expect("valid");
    for record in tape {
        assert_eq!(again.repeat(&record), record.command, "tick {}", record.tick);
    }
    // What was taken over is not left with nobody to watch it.
    let (told, falls) = robot.with(|live| (live.told.len(), live.falls));
    (told == 0, falls && is_there && !fell_before)
}

/// It says when it was read.
struct Stamped {
    robot: Shared,
    clock: control::MonotonicClock,
}

impl Robot for Stamped {
    fn read(&mut self) -> Result<JointState, RobotError> {
        let stamp = self.clock.now();
        Ok(JointState { stamp, ..self.robot.read()? })
    }

    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError> {
        self.robot.write(command)
    }

    fn is_live(&mut self) -> bool {
        self.robot.is_live()
    }

    fn let_be(&mut self) -> Result<(), RobotError> {
        self.robot.let_be()
    }
}
