//! The loop in its own thread, with a robot that does what it is told.

use crate::common::{N, arm, check_command, reach};
use control::rt::RtWishes;
use control::{
    Config, Groups, Lease, LoopConfig, Mode, MonotonicClock, Motion, Order, Owner, Report, VirtualClock,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use types::seams::{Clock, Robot, RobotError};
use types::{GripperState, JointCommand, JointState, JointVector};

/// Does at once what it is told; panics at the tick it is told to.
struct Obedient<C: Clock> {
    clock: C,
    state: JointState,
    told: Arc<Mutex<Vec<JointCommand>>>,
    panic_at: usize,
    reads: usize,
}

impl<C: Clock> Obedient<C> {
    fn new(clock: C, q: JointVector, panic_at: usize) -> (Self, Arc<Mutex<Vec<JointCommand>>>) {
        let told = Arc::new(Mutex::new(Vec::with_capacity(10_000)));
        let zero = JointVector::zeros(N);
        let gripper = GripperState::default();
        let state = JointState { stamp: clock.now(), q, dq: zero, tau: zero, gripper };
        (Self { clock, state, told: Arc::clone(&told), panic_at, reads: 0 }, told)
    }
}

impl<C: Clock> Robot for Obedient<C> {
    fn read(&mut self) -> Result<JointState, RobotError> {
        self.reads += 1;
        assert!(self.reads != self.panic_at, "the robot's driver broke");
        self.state.stamp = self.clock.now();
        Ok(self.state)
    }

    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError> {
        if command.enabled {
            self.state.q = command.q;
            self.state.dq = command.dq;
        }
        self.told.lock().expect("no panic holds it").push(*command);
        Ok(())
    }
}

fn quiet() -> LoopConfig {
    // Tests lock no memory and ask for no priority.
    LoopConfig { rate_hz: 1000.0, fifo_priority: None, lock_memory: false, cpu: None, in_step: true }
}

fn wait_for(
    handle: &mut control::Handle,
    lease: Option<&Lease>,
    clock: &MonotonicClock,
    wanted: impl Fn(&Report) -> bool,
) -> bool {
    for _ in 0..2000 {
        if let Some(lease) = lease {
            handle.keep_alive(lease, clock.now());
        }
        while let Some(r) = handle.poll() {
            if wanted(&r) {
                return true;
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

#[test]
fn a_loop_of_its_own_follows_a_motion_and_ends_without_power() {
    let arm = arm();
    // A busy machine may be late; that is another test's business.
    let config = Config { max_overruns: 63, lease_s: 5.0, validity_s: 5.0, ..Config::default() };
    let (core, mut handle) = control::new(arm.clone(), config).expect("valid");
    let clock = MonotonicClock::new();
    let (robot, told) = Obedient::new(clock, arm.home(), 0);
    let mut running = control::spawn(core, Box::new(robot), Box::new(clock), quiet()).expect("a thread");
    let mut seconds = running.take_seconds().expect("nobody has taken them");
    assert!(running.take_seconds().is_none());
    std::thread::sleep(Duration::from_millis(50));
    handle.activate(clock.now()).expect("sent");
    assert!(wait_for(&mut handle, None, &clock, |r| matches!(r, Report::Mode { mode: Mode::Hold, .. })));
    let motion = Motion::Follow(reach(&arm, &arm.home(), 0.2, 0.5));
    let mut lease = handle.claim(clock.now(), Owner::Script, Groups::Arm, None).expect("sent");
    let order = lease.order(clock.now(), motion);
    let id = handle.submit(Order { expires: clock.now() + Duration::from_secs(5), ..order }).expect("fine");
    assert!(
        wait_for(&mut handle, Some(&lease), &clock, |r| *r == Report::Finished(id)),
        "{:?}",
        handle.status()
    );
    assert!(running.is_running());
    let rate = quiet().rate_hz as u64;
    let first = (0..2000).find_map(|_| {
        std::thread::sleep(Duration::from_millis(2));
        seconds.next()
    });
    let first = first.expect("a second has gone by");
    assert!(first.ticks == rate && first.stamp <= clock.now() && first.failed_io == 0, "{first:?}");
    assert!(first.lateness.max_us >= first.lateness.p99_us && first.compute.p50_us > 0.0, "{first:?}");
    let report = running.join();
    println!("{report:?}");
    let missed = seconds.map(|s| s.misses).sum::<u64>() + first.misses;
    assert!(missed <= report.misses && report.ticks >= rate);
    assert_eq!(report.jitter.iter().map(|bin| bin.n).sum::<u64>(), report.ticks, "{report:?}");
    let latest = report.jitter.last().expect("some");
    let most = report.lateness.max_us;
    assert!(latest.over_us <= most && most <= latest.to_us, "{latest:?}, {most} µs");
    assert_eq!(handle.status().mode, Mode::Disarmed, "a stop of category one");
    assert!(report.panic.is_none() && report.ticks > 300 && report.rate_hz > 200.0, "{report:?}");
    assert!(report.compute.p50_us > 0.0 && report.compute.p99_us >= report.compute.p50_us);
    let told = told.lock().expect("no panic holds it");
    told.iter().for_each(|c| check_command(&arm, c));
    assert!(told.last().is_some_and(|c| !c.enabled), "the last word is: no power");
    let [.., before, last] = told.as_slice() else { panic!("it was told something") };
    assert!(last.stamp > before.stamp && last.expires == last.stamp, "and counts at once: {last:?}");
    assert!((told[told.len() - 1].q[0] - arm.home()[0] - 0.2).abs() < 1e-9);
}

#[test]
fn a_loop_that_ends_tells_its_watchdog_that_it_ended_in_order() {
    let arm = arm();
    let (core, _handle) = control::new(arm.clone(), Config::default()).expect("valid");
    let clock = MonotonicClock::new();
    let (robot, _) = Obedient::new(clock, arm.home(), 0);
    let watchdog = control::Watchdog::private(0.02).expect("a page");
    let core = core.with_watchdog(watchdog.pulse());
    let running = control::spawn(core, Box::new(robot), Box::new(clock), quiet()).expect("a thread");
    std::thread::sleep(Duration::from_millis(30));
    assert_eq!(watchdog.guard().look(clock.now()), control::watchdog::Verdict::Alive);
    assert!(running.join().panic.is_none());
    assert_eq!(watchdog.guard().look(clock.now()), control::watchdog::Verdict::Ended);
}

#[test]
fn a_panic_in_the_loop_takes_the_power_away_and_is_told() {
    let arm = arm();
    let (core, mut handle) = control::new(arm.clone(), Config::default()).expect("valid");
    let clock = MonotonicClock::new();
    let (robot, told) = Obedient::new(clock, arm.home(), 30);
    let running = control::spawn(core, Box::new(robot), Box::new(clock), quiet()).expect("a thread");
    handle.activate(clock.now()).expect("sent");
    assert!(wait_for(&mut handle, None, &clock, |r| *r == Report::LoopDied));
    let report = running.join();
    assert_eq!(report.panic.as_deref(), Some("the robot's driver broke"));
    assert!(told.lock().expect("no panic holds it").last().is_some_and(|c| !c.enabled));
}

#[test]
fn lockstep_in_virtual_time_gives_the_same_commands_each_time() {
    let run = || {
        let arm = arm();
        let (mut core, mut handle) = control::new(arm.clone(), Config::default()).expect("valid");
        let mut clock = VirtualClock::new();
        let (mut robot, told) = Obedient::new(clock.clone(), arm.home(), 0);
        let mut lease = None;
        for k in 0..2000 {
            clock.sleep_until(clock.now() + Duration::from_millis(1));
            let now = clock.now();
            if let Some(lease) = &lease {
                handle.keep_alive(lease, now);
            }
            if k == 10 {
                handle.activate(now).expect("sent");
            }
            if k == 20 {
                let motion = Motion::Follow(reach(&arm, &arm.home(), 0.5, 1.0));
                let mine = handle.claim(now, Owner::Script, Groups::Arm, None).expect("sent");
                handle.submit(lease.insert(mine).order(now, motion)).expect("fine");
            }
            let (_, done) = control::tick_robot(&mut core, &mut robot, now);
            done.expect("an obedient robot");
        }
        let told = told.lock().expect("no panic holds it");
        told.clone()
    };
    assert_eq!(run(), run());
}

#[test]
fn rights_that_are_not_granted_are_said_in_a_sentence() {
    let arm = arm();
    let (core, _handle) = control::new(arm.clone(), Config::default()).expect("valid");
    let clock = MonotonicClock::new();
    let (robot, _) = Obedient::new(clock, arm.home(), 0);
    let wishes = LoopConfig { fifo_priority: Some(98), cpu: Some(100_000), ..quiet() };
    let report = control::spawn(core, Box::new(robot), Box::new(clock), wishes).expect("a thread").join();
    println!("{:?}", report.rights);
    let granted = usize::from(report.rights.real_time);
    assert_eq!(report.rights.notes.len(), 2 - granted);
    assert!(report.rights.notes.iter().all(|n| n.contains("processor") || n.contains("sinew doctor")));
    let none = RtWishes { fifo_priority: None, lock_memory: false, cpu: None };
    assert!(control::rt::acquire(none).notes.is_empty());
    for rate_hz in [f64::NAN, 0.0, 99.0, 4001.0] {
        let (core, _handle) = control::new(arm.clone(), Config::default()).expect("valid");
        let (robot, _) = Obedient::new(clock, arm.home(), 0);
        let bad = LoopConfig { rate_hz, ..quiet() };
        let e = control::spawn(core, Box::new(robot), Box::new(clock), bad).expect_err("B15");
        assert_eq!(e.field, "loop.rate_hz");
    }
}

/// Hangs in one read for as long as it is told to.
struct Hanging {
    robot: Obedient<MonotonicClock>,
    hang: Arc<std::sync::atomic::AtomicBool>,
}

impl Robot for Hanging {
    fn read(&mut self) -> Result<JointState, RobotError> {
        while self.hang.load(std::sync::atomic::Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.robot.read()
    }

    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError> {
        self.robot.write(command)
    }
}

#[test]
fn a_loop_whose_driver_hangs_is_seen_by_the_thread_beside_it_and_no_stroke_counts_before_it_is_back() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let arm = arm();
    let config = Config { max_overruns: 63, self_test: false, ..Config::default() };
    let (core, mut handle) = control::new(arm.clone(), config).expect("valid");
    let clock = MonotonicClock::new();
    let (robot, _) = Obedient::new(clock, arm.home(), 0);
    let hang = Arc::new(AtomicBool::new(false));
    let watchdog = control::Watchdog::private(10.0).expect("a page").with_stroke(10.0).expect("patient");
    let (guard, stroke) = (watchdog.guard(), watchdog.stroke());
    let core = core.with_watchdog(watchdog.pulse());
    let permits = || {
        guard.look(clock.now());
        stroke.permits(clock.now())
    };
    assert!(permits());
    let robot = Hanging { robot, hang: hang.clone() };
    let running = control::spawn(core, Box::new(robot), Box::new(clock), quiet()).expect("a thread");
    std::thread::sleep(Duration::from_millis(50));
    handle.activate(clock.now()).expect("sent");
    assert!(wait_for(&mut handle, None, &clock, |r| matches!(r, Report::Mode { mode: Mode::Hold, .. })));
    let until = |what: &dyn Fn() -> bool| {
        (0..5000).any(|_| {
            std::thread::sleep(Duration::from_millis(1));
            what()
        })
    };
    assert!(until(&permits), "it runs");
    hang.store(true, Ordering::Release);
    assert!(until(&|| !permits()), "the guard's patience is ten seconds: the thread's is the arm's");
    assert!(until(&|| running.silent_for() > Duration::from_millis(200)));
    assert!(!permits(), "for as long as it hangs");
    hang.store(false, Ordering::Release);
    assert!(until(&permits), "it is back");
    // One that never comes back is left to itself.
    hang.store(true, Ordering::Release);
    let report = running.join();
    assert!(report.silences >= 1 && report.panic.is_some_and(|why| why.contains("hangs")));
}

#[test]
fn a_driver_that_hangs_in_its_first_cycle_is_left_to_itself_as_well() {
    let arm = arm();
    let (core, _handle) = control::new(arm.clone(), Config::default()).expect("valid");
    let clock = MonotonicClock::new();
    let (robot, _) = Obedient::new(clock, arm.home(), 0);
    let hang = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let robot = Hanging { robot, hang: hang.clone() };
    let running = control::spawn(core, Box::new(robot), Box::new(clock), quiet()).expect("a thread");
    let report = running.join();
    assert!(report.panic.is_some_and(|why| why.contains("hangs")) && report.ticks == 0);
    hang.store(false, std::sync::atomic::Ordering::Release);
}
