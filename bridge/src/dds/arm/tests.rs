//! An arm of ROS 2's, met over DDS: a controller that goes along the path it was told last, as ROS 2's do.

use super::*;
use crate::dds::Settings;
use crate::ros::Followed;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use types::GripperCommand;
use types::motion::TrajectoryPoint;

const SOON: Duration = Duration::from_secs(20);
const MS: Duration = Duration::from_millis(1);
const LEAD_S: f64 = 0.04;

#[derive(Clone)]
struct Wall(Instant);

impl Clock for Wall {
    fn now(&self) -> Time {
        Time::from_secs_f64(1.0 + self.0.elapsed().as_secs_f64())
    }

    fn sleep_until(&mut self, instant: Time) {
        std::thread::sleep(instant.since(self.now()));
    }
}

fn settings() -> ArmSettings {
    let limits = JointLimits {
        lower: -3.0,
        upper: 3.0,
        velocity: 2.0,
        acceleration: 10.0,
        jerk: 5000.0,
        torque: 80.0,
        torque_rate: 1000.0,
        near_end: Default::default(),
    };
    ArmSettings {
        joint_states: "joint_states".into(),
        controller: "controller".into(),
        gripper: String::new(),
        joints: vec!["a".into(), "b".into()],
        limits: vec![limits; 2],
        fingers: GripperProfile::default(),
        stream_hz: 50.0,
        silent_s: 0.1,
        efforts: false,
    }
}

/// Says its state 200 times a second and goes along what it was told last, until it is dropped.
struct StandIn {
    /// Where its joints are, and how often it was told where to go.
    shared: Arc<(Mutex<[f64; 2]>, AtomicU64)>,
    says: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

const SAYS: u64 = 0;
const SILENT: u64 = 1;
const GONE: u64 = 2;

impl StandIn {
    fn start(domain: u16, names: [&'static str; 2], ahead_s: f64) -> Self {
        let shared = Arc::new((Mutex::new([0.5, -0.5]), AtomicU64::new(0)));
        let says = Arc::new(AtomicU64::new(SAYS));
        let (here, mode) = (shared.clone(), says.clone());
        let thread = std::thread::spawn(move || {
            let ros = Ros::open(&Settings { domain, ..Settings::of("stand_in") }).expect("a node");
            let says = ros.publisher::<ros::JointState>("joint_states", Care::Reliable).expect("states");
            let heard: Heard<JointTrajectory> =
                ros.hear("controller/joint_trajectory", Care::Reliable, 8).expect("paths");
            let clock = Wall(Instant::now());
            let own = ["a".to_owned(), "b".to_owned()];
            let mut path: Option<(Time, Followed)> = None;
            let zero = JointVector::zeros(2);
            let q = JointVector::from_slice(&[0.5, -0.5]).expect("two");
            let mut at = TrajectoryPoint { t: 0.0, q, dq: zero, ddq: zero };
            while mode.load(Ordering::Acquire) != GONE {
                std::thread::sleep(5 * MS);
                let now = clock.now();
                let own_now = Time::from_secs_f64(now.as_secs_f64() + ahead_s);
                while let Some(told) = heard.take() {
                    here.1.fetch_add(1, Ordering::AcqRel);
                    // As joint trajectory controllers do: it began when it says.
                    let began = told.begins().unwrap_or(own_now);
                    at.t = own_now.secs_since(began);
                    path = told.followed(&own, &at).ok().map(|path| (began, path)).or(path);
                }
                if let Some((began, path)) = &path {
                    at = path.at(own_now.secs_since(*began));
                }
                let (q, dq) = ([at.q[0], at.q[1]], [at.dq[0], at.dq[1]]);
                *here.0.lock().expect("no panic") = q;
                if mode.load(Ordering::Acquire) == SAYS {
                    let stamp = Time::from_secs_f64(now.as_secs_f64() + ahead_s).into();
                    let header = ros::Header { stamp, frame_id: String::new() };
                    let name = names.map(str::to_owned).to_vec();
                    let state = ros::JointState {
                        header,
                        name,
                        position: q.into(),
                        velocity: dq.into(),
                        effort: vec![7.0; 2],
                    };
                    says.put(&state).expect("said");
                }
            }
        });
        Self { shared, says, thread: Some(thread) }
    }

    fn q(&self) -> [f64; 2] {
        *self.shared.0.lock().expect("no panic")
    }

    fn told(&self) -> u64 {
        self.shared.1.load(Ordering::Acquire)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.says.store(GONE, Ordering::Release);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn meet(domain: u16, limit: Duration) -> Result<(RosArm, RosArmHandle, Wall), RosError> {
    let ros = Ros::open(&Settings { domain, ..Settings::of("loop") }).expect("a node");
    let clock = Wall(Instant::now());
    let (arm, handle) = ros.arm(settings(), (clock.clone(), RosTime::default()), None, limit)?;
    Ok((arm, handle, clock))
}

fn state(arm: &mut RosArm) -> JointState {
    for _ in 0..2000 {
        if let Ok(state) = arm.read() {
            return state;
        }
        std::thread::sleep(MS);
    }
    panic!("no state: {:?}", arm.read());
}

/// A loop that moves joint `a` on at 0.8 rad/s for so long, and ends.
fn drive(arm: &mut RosArm, clock: &mut Wall, from: [f64; 2], span: Duration) {
    let began = clock.now();
    loop {
        let now = clock.now();
        let t = now.secs_since(began);
        // Half a second up to speed, as a loop does it.
        let (s, v, a) = if t < 0.5 { (0.8 * t * t, 1.6 * t, 1.6) } else { (0.8 * t - 0.2, 0.8, 0.0) };
        let two = |x: f64, y: f64| JointVector::from_slice(&[x, y]).expect("two");
        let command = JointCommand {
            stamp: now,
            expires: now + 20 * MS,
            q: two(from[0] + s, from[1]),
            dq: two(v, 0.0),
            ddq: two(a, 0.0),
            tau: two(0.0, 0.0),
            gripper: GripperCommand { width_m: 0.0, force_n: 0.0 },
            enabled: true,
        };
        // Straight on for as long as it leads, and then a tenth of a second less and less.
        let q = command.q;
        arm.foresee(&Ending::of(LEAD_S, 0.1, |t| {
            let u = (t - LEAD_S).max(0.0);
            (two(q[0] + v * (t - 5.0 * u * u), q[1]), two(v * (1.0 - 10.0 * u), 0.0))
        }));
        arm.write(&command).expect("taken");
        if now.since(began) >= span {
            return;
        }
        std::thread::sleep(MS);
    }
}

/// Where it stands, once it does.
fn comes_to_rest(arm: &StandIn) -> [f64; 2] {
    let mut last = arm.q();
    for _ in 0..50 {
        std::thread::sleep(100 * MS);
        let now = arm.q();
        if now == last {
            return now;
        }
        last = now;
    }
    panic!("it still moves: {last:?}");
}

#[test]
fn an_arm_follows_the_loop_and_comes_to_rest_by_itself_when_the_loop_is_silent() {
    let there = StandIn::start(221, ["b", "a"], 3600.0);
    let (mut arm, handle, clock) = meet(221, SOON).expect("it is there");
    let first = state(&mut arm);
    // Its joints are named in another order than the loop's, and its clock is an hour ahead.
    assert_eq!((first.q[0], first.q[1]), (-0.5, 0.5));
    assert_eq!(first.tau, JointVector::zeros(2), "efforts that are no torques are not measured");
    let age = clock.now().secs_since(state(&mut arm).stamp);
    assert!((0.0..0.5).contains(&age), "{age}");
    drop((arm, handle));
    drop(there);

    let there = StandIn::start(222, ["a", "b"], 0.0);
    let (mut arm, handle, mut clock) = meet(222, SOON).expect("it is there");
    let from = there.q();
    state(&mut arm);
    assert_eq!(there.told(), 0, "without a command it is told nothing");
    drive(&mut arm, &mut clock, from, Duration::from_millis(1500));
    let [a, b] = comes_to_rest(&there);
    // 1.0 rad were commanded; what it needs to stop at 0.8 rad/s comes on top.
    assert!((1.45..1.85).contains(&a) && (b - from[1]).abs() < 1e-9, "({a}, {b})");
    assert!(there.told() > 20, "{}", there.told());
    assert_eq!(state(&mut arm).q[0], a);
    let told = there.told();
    // A command without power says nothing either.
    let stands = JointVector::from_slice(&[a, b]).expect("two");
    let zero = JointVector::zeros(2);
    for _ in 0..100 {
        let now = clock.now();
        let gripper = GripperCommand { width_m: 0.0, force_n: 0.0 };
        let off = JointCommand {
            stamp: now,
            expires: now + 20 * MS,
            q: stands,
            dq: zero,
            ddq: zero,
            tau: zero,
            gripper,
            enabled: false,
        };
        arm.write(&off).expect("taken");
        std::thread::sleep(MS);
    }
    assert_eq!(there.told(), told);
    let bad = JointCommand { q: JointVector::zeros(3), ..off_at(clock.now(), stands) };
    assert!(matches!(arm.write(&bad), Err(RobotError::Refused(r)) if r.field == "command.q"), "B7");
    drop(handle);
}

#[test]
fn i6_an_arm_whose_power_goes_stops_at_once_and_does_not_go_on_first() {
    let there = StandIn::start(229, ["a", "b"], 0.0);
    let (mut arm, handle, mut clock) = meet(229, SOON).expect("it is there");
    let from = there.q();
    state(&mut arm);
    drive(&mut arm, &mut clock, from, Duration::from_millis(1000));
    // As the core says it: half as far as the stop that comes after some way, at 0.8 rad/s.
    let now = clock.now();
    let here = from[0] + 0.6;
    let two = |x: f64| JointVector::from_slice(&[x, from[1]]).expect("two");
    arm.foresee(&Ending::of(0.0, 0.1, |t| {
        let dq = JointVector::from_slice(&[0.8 * (1.0 - 10.0 * t), 0.0]).expect("two");
        (two(here + 0.8 * (t - 5.0 * t * t)), dq)
    }));
    arm.write(&off_at(now, two(here))).expect("taken");
    // Commands without power go on, as they do from a loop.
    for _ in 0..300 {
        std::thread::sleep(MS);
        arm.write(&off_at(clock.now(), two(here))).expect("taken");
    }
    let [a, _] = comes_to_rest(&there);
    assert!((a - here - 0.04).abs() < 2e-3, "{} rad on", a - here);
    let told = there.told();
    for _ in 0..100 {
        std::thread::sleep(MS);
        arm.write(&off_at(clock.now(), two(here))).expect("taken");
    }
    assert_eq!(there.told(), told, "it was told that once");
    drop(handle);
}

#[test]
fn i6_a_stop_that_could_not_be_told_as_the_power_went_is_not_told_later() {
    let at = Time::from_secs_f64;
    let command = off_at(at(5.0), JointVector::zeros(2));
    let told = (command, Ending::at_rest(&command, 0.0, 0.5));
    let (mut parted, period_s) = (Parted(Time::ZERO), 0.02);
    assert!(parted.counts(&told, period_s, at(5.02)));
    assert!(!parted.counts(&told, period_s, at(5.021)), "once");
    // The watchdog let nothing through, or this thread came late.
    let mut parted = Parted(Time::ZERO);
    assert!(!parted.counts(&told, period_s, at(5.04)) && !parted.counts(&told, period_s, at(5.05)));
    // Power again, and gone again.
    let on = (JointCommand { enabled: true, expires: at(6.01), ..command }, told.1);
    assert!(parted.counts(&on, period_s, at(6.0)) && !parted.counts(&on, period_s, at(6.02)));
    let again = (off_at(at(7.0), command.q), told.1);
    assert!(parted.counts(&again, period_s, at(7.001)));
}

fn off_at(now: Time, q: JointVector) -> JointCommand {
    let zero = JointVector::zeros(2);
    let gripper = GripperCommand { width_m: 0.0, force_n: 0.0 };
    JointCommand { stamp: now, expires: now, q, dq: zero, ddq: zero, tau: zero, gripper, enabled: false }
}

#[test]
fn an_arm_that_is_silent_or_gone_is_no_state_and_one_that_comes_back_is_one_again() {
    let there = StandIn::start(223, ["a", "b"], -7.0);
    let (mut arm, handle, _) = meet(223, SOON).expect("it is there");
    state(&mut arm);
    there.says.store(SILENT, Ordering::Release);
    std::thread::sleep(300 * MS);
    assert_eq!(arm.read(), Err(RobotError::Silent));
    there.says.store(SAYS, Ordering::Release);
    state(&mut arm);
    drop(there);
    let gone = (0..2000).any(|_| {
        std::thread::sleep(5 * MS);
        matches!(arm.read(), Err(RobotError::Disconnected(_)))
    });
    assert!(gone, "{:?}", arm.read());
    let words = handle.trouble().expect("in words");
    assert!(words.contains("controller/joint_trajectory") && !handle.is_over(), "{words}");
}

#[test]
fn a_permit_that_is_withdrawn_lets_no_path_through() {
    let there = StandIn::start(224, ["a", "b"], 0.0);
    let ros = Ros::open(&Settings { domain: 224, ..Settings::of("loop") }).expect("a node");
    let mut clock = Wall(Instant::now());
    let permit: Permit = Box::new(|_| false);
    let (mut arm, _handle) =
        ros.arm(settings(), (clock.clone(), RosTime::default()), Some(permit), SOON).expect("it is there");
    state(&mut arm);
    drive(&mut arm, &mut clock, there.q(), Duration::from_millis(300));
    assert_eq!((there.told(), there.q()), (0, [0.5, -0.5]), "F33");
}

#[test]
fn what_is_missing_is_named() {
    let silent = meet(225, 200 * MS).map(|_| ()).expect_err("nobody is there");
    assert!(matches!(&silent, RosError::Silent { name } if name == "joint_states"), "{silent}");
    let _other = StandIn::start(226, ["a", "c"], 0.0);
    let other = meet(226, SOON).map(|_| ()).expect_err("B7");
    assert!(matches!(&other, RosError::Refused(why) if why.field == "joint_state.name"), "{other}");
    let ros = Ros::open(&Settings { domain: 227, ..Settings::of("loop") }).expect("a node");
    let refused = |change: fn(&mut ArmSettings)| {
        let mut s = settings();
        change(&mut s);
        match ros.arm(s, (Wall(Instant::now()), RosTime::default()), None, MS) {
            Err(RosError::Refused(why)) => why.field,
            other => panic!("{:?}", other.map(|_| ())),
        }
    };
    assert_eq!(refused(|s| s.stream_hz = f64::NAN), "stream_hz");
    assert_eq!(refused(|s| s.silent_s = 2.0), "silent_ms");
    assert_eq!(refused(|s| s.joints.truncate(1)), "joints");
    assert_eq!(refused(|s| s.gripper = "gripper".into()), "gripper");
    assert_eq!(refused(|s| s.controller = "no name".into()), "controller");
    assert_eq!(refused(|s| s.joint_states = "2".into()), "joint_states");
}

#[test]
fn an_arm_that_has_fallen_behind_is_given_the_time_to_get_there() {
    let limits = settings().limits;
    let state = |q: f64, dq: f64| JointState {
        stamp: Time::from_secs_f64(1.0),
        q: JointVector::from_slice(&[q, 0.0]).expect("two"),
        dq: JointVector::from_slice(&[dq, 0.0]).expect("two"),
        tau: JointVector::zeros(2),
        gripper: GripperState::default(),
    };
    let ending = Ending::of(0.04, 0.2, |t| {
        let (q, dq) = (0.1 + 1.9 * t, 1.9 * (1.0 - 5.0 * (t - 0.04)));
        let two = |x: f64| JointVector::from_slice(&[x, 0.0]).expect("two");
        (two(q), two(dq))
    });
    let path = JointTrajectory::of_ending(&settings().joints, &ending, 0.0, SOONEST_S);
    let lacks = |state: &JointState| lacks_s(&path, state, Time::from_secs_f64(1.0), &limits);
    assert_eq!(lacks(&state(0.1, 1.9)), 0.0, "one that is there lacks nothing");
    let behind = lacks(&state(0.05, 0.0));
    // 0.126 rad at 2.2 rad/s and a quarter of 1.9 besides.
    assert!((behind - (1.5 * 0.126 / (2.2 + 0.25 * 1.9) - 0.04)).abs() < 1e-3, "{behind}");
    assert!(
        behind < ENDING_LATE_S && lacks(&state(-0.1, 0.0)) > ENDING_LATE_S,
        "that far behind it is left to rest"
    );
    assert!(lacks(&state(-2.0, -1.9)) > 1.0);
    let mut later = path.clone();
    later.come_later(behind);
    for (a, b) in path.points.iter().zip(&later.points) {
        assert!((b.time_from_start.as_secs() - a.time_from_start.as_secs() - behind).abs() < 1e-6);
    }
}

#[test]
fn a_gripper_is_told_what_was_decided_and_nothing_once_nobody_may_tell_it_anything() {
    let domain = 228;
    let there = StandIn::start(domain, ["a", "b"], 0.0);
    let theirs = Ros::open(&Settings { domain, ..Settings::of("hand") }).expect("a node");
    let server = theirs.action_server::<crate::asking::MoveGripper>("grip").expect("a gripper");
    let ros = Ros::open(&Settings { domain, ..Settings::of("loop") }).expect("a node");
    let clock = Wall(Instant::now());
    let fingers = GripperProfile {
        joints: vec!["a".into()],
        closed: vec![0.5],
        open: vec![0.54],
        width_m: 0.08,
        force_n: 40.0,
        speed_m_s: 0.1,
        ..GripperProfile::default()
    };
    let with = ArmSettings { gripper: "grip".into(), fingers, ..settings() };
    let (mut arm, _handle) =
        ros.arm(with, (clock.clone(), RosTime::default()), None, SOON).expect("it is there");
    let told = state(&mut arm);
    let mut write = |width_m: f64, span: Duration| {
        let until = clock.now() + span;
        while clock.now() < until {
            let now = clock.now();
            let gripper = GripperCommand { width_m, force_n: 20.0 };
            let command =
                JointCommand { expires: now + 20 * MS, gripper, enabled: true, ..off_at(now, told.q) };
            arm.foresee(&Ending::at_rest(&command, LEAD_S, 0.1));
            arm.write(&command).expect("taken");
            std::thread::sleep(MS);
        }
    };
    assert_eq!(told.gripper.width_m, 0.0);
    write(0.001, 200 * MS);
    assert!(server.next_within(Duration::ZERO).is_none(), "where it was found is no wish");
    // On its way to half open: nothing before that is decided.
    (0..20).for_each(|k| write(0.002 * f64::from(k), 5 * MS));
    write(0.04, 300 * MS);
    let offer = loop {
        let Some(crate::asking::Event::Goal(offer)) = server.next_within(SOON) else { panic!("a goal") };
        assert_eq!(offer.goal().command.max_effort, 20.0);
        // A machine that is busy may have stood on the way.
        if (offer.goal().command.position - 0.52).abs() < 1e-9 {
            break offer;
        }
        let _ = offer.accept(Time::from_secs_f64(1.0));
    };
    let _ = offer.accept(Time::from_secs_f64(1.0)).expect("accepted");
    // What goes on changing for a second is told a few times, and where it ends.
    let mut goals = Vec::new();
    for k in 0..70 {
        write(0.04 - 0.0004 * f64::from(k.min(50)), 20 * MS);
        while let Some(crate::asking::Event::Goal(offer)) = server.next_within(Duration::ZERO) {
            let position = offer.goal().command.position;
            goals.push((position, offer.accept(Time::from_secs_f64(1.0)).expect("accepted")));
        }
    }
    assert!((3..=8).contains(&goals.len()), "{} goals", goals.len());
    assert!(goals.windows(2).all(|w| w[1].0 < w[0].0), "on and on");
    let (last, pursuit) = goals.pop().expect("some");
    assert!((last - 0.51).abs() < 1e-9, "{last}");
    write(0.02, 100 * MS);
    // The loop has ended: its last command expires, and the goal is given up.
    let Some(crate::asking::Event::Cancel(asked)) = server.next_within(SOON) else { panic!("it goes on") };
    assert_eq!(asked.goals(), [pursuit.id()]);
    asked.accept().expect("accepted");
    assert!(server.next_within(300 * MS).is_none(), "F32: nothing more");
    // Another that begins with a wish is heard, though that is the first that is seen of it, and the same as before.
    write(0.02, 200 * MS);
    let Some(crate::asking::Event::Goal(offer)) = server.next_within(SOON) else { panic!("a goal") };
    assert!((offer.goal().command.position - 0.51).abs() < 1e-9);
    drop(there);
}
