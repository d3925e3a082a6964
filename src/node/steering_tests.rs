use super::*;
use crate::config::Config;
use crate::graph::lockstep::Lockstep;
use crate::node::sticks::Source;
use bridge::ros::{Header, Joy};
use types::StopCategory;

const SLICE: Duration = Duration::from_millis(10);
const REST: [f32; 5] = [0.0; 5];
/// Up, as far as it goes.
const UP: [f32; 5] = [0.0, 0.0, 0.0, 0.0, 1.0];
const OPEN: usize = 2;
const ENABLE: usize = 5;

/// An arm and a stick that is heard in every slice; its time is the robot's.
struct Stage {
    body: Lockstep,
    stick: Shared,
    steering: Steering,
    arm: Arc<Arm>,
    /// What the loop has told in the newest slice.
    reports: Vec<Report>,
}

impl Stage {
    fn new() -> Self {
        let mut config = Config::default();
        config.joy.open = OPEN as i32;
        let arm = crate::robots::load(&config.robot.profile).expect("built in");
        let mut body = crate::session::bare(&config, &arm, 3, false).expect("an arm");
        body.advance(Duration::from_millis(100)).expect("time passes");
        let stick = Shared::new(&config.joy);
        let steering = Steering::new(&arm, &stick, true);
        Self { body, stick, steering, arm, reports: Vec::new() }
    }

    /// A message, if there is one, and a hundredth of a second.
    fn step(&mut self, said: Option<([f32; 5], &[usize])>) -> Option<Came> {
        if let Some((axes, pressed)) = said {
            let buttons = (0..6).map(|b| i32::from(pressed.contains(&b))).collect();
            let joy = Joy { header: Header::default(), axes: axes.to_vec(), buttons };
            let told = self.stick.lock().hear(&joy, Source::OneOf(1), self.body.now());
            assert_eq!(told, super::super::sticks::Told::default());
        }
        self.body.advance(SLICE).expect("time passes");
        self.reports = core::iter::from_fn(|| self.body.poll()).collect();
        let now = self.body.now();
        self.steering.step(&mut self.body, now, &self.reports)
    }

    /// For so many slices; what came of it.
    fn run(&mut self, n: usize, axes: [f32; 5], pressed: &[usize]) -> Vec<Came> {
        (0..n).filter_map(|_| self.step(Some((axes, pressed)))).collect()
    }

    /// The arm has power and is the stick's.
    fn begins(&mut self) {
        self.run(5, REST, &[]);
        let came = self.run(600, REST, &[ENABLE]);
        assert_eq!(came, [Came::Begins]);
    }

    /// How high the tool is, m, and how fast the quickest joint, rad/s.
    fn tool(&mut self) -> (f64, f64) {
        let c = self.body.status().command;
        let mut data = mechanics::ArmData::new(&self.arm);
        let z = mechanics::tool_pose(&self.arm, &mut data, &c.q).isometry().translation.z;
        (z, c.dq.iter().fold(0.0, |most, v| v.abs().max(most)))
    }
}

fn why(came: &[Came]) -> String {
    match came {
        [Came::Ends(why)] => why.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_person_steers_the_tool_while_the_dead_man_is_held_and_it_stands_once_that_is_let_go_of() {
    let mut stage = Stage::new();
    stage.begins();
    let (from, speed) = stage.tool();
    assert_eq!(speed, 0.0);
    assert!(stage.run(100, UP, &[ENABLE]).is_empty());
    let (up, _) = stage.tool();
    assert!((0.05..0.11).contains(&(up - from)), "in a second at 0.1 m/s from rest: {}", up - from);
    assert_eq!(stage.body.status().mode, Mode::Servo);
    let came = stage.run(1, UP, &[]);
    assert_eq!(why(&came), "the stick's dead-man was let go of");
    assert!(stage.run(60, UP, &[]).is_empty() && !stage.steering.is_busy());
    let (rests, speed) = stage.tool();
    assert!(speed == 0.0 && rests - up < 0.05, "{speed} rad/s, {} m", rests - up);
    assert_eq!(stage.body.status().mode, Mode::Hold);
    // Pressed again with the stick out: nobody has the arm.
    assert!(stage.run(50, UP, &[ENABLE]).is_empty() && !stage.steering.is_busy());
    assert_eq!(stage.tool(), (rests, 0.0));
    // At rest once, and it is taken up.
    assert_eq!(stage.run(20, REST, &[ENABLE]), [Came::Begins]);
    stage.run(30, UP, &[ENABLE]);
    assert!(stage.tool().1 > 0.01);
}

#[test]
fn a_stick_that_falls_silent_stops_the_arm_within_a_tenth_of_a_second() {
    let mut stage = Stage::new();
    stage.begins();
    stage.run(80, UP, &[ENABLE]);
    let silent = stage.body.now();
    let (came, slowed_s) = (0..40).fold((Vec::new(), f64::INFINITY), |(mut came, mut slowed), _| {
        let (_, before) = stage.tool();
        came.extend(stage.step(None));
        if stage.tool().1 < 0.98 * before {
            slowed = f64::min(slowed, stage.body.now().secs_since(silent));
        }
        (came, slowed)
    });
    // F38: 100 ms, and what a hundredth of a second can be told apart.
    assert!((0.08..0.13).contains(&slowed_s), "{slowed_s} s");
    assert!(why(&came).contains("silent"), "{came:?}");
    assert_eq!(stage.tool().1, 0.0);
    // Heard again as it was: nothing.
    assert!(stage.run(50, UP, &[ENABLE]).is_empty());
    assert_eq!(stage.tool().1, 0.0);
    stage.begins_again();
}

impl Stage {
    /// Let go of and pressed anew it steers as before.
    fn begins_again(&mut self) {
        self.run(5, REST, &[]);
        assert_eq!(self.run(300, REST, &[ENABLE]), [Came::Begins]);
        self.run(30, UP, &[ENABLE]);
        assert!(self.tool().1 > 0.01);
    }
}

#[test]
fn who_moves_for_a_sentence_is_taken_over_and_another_person_is_not() {
    let mut stage = Stage::new();
    stage.begins();
    stage.run(3, REST, &[]);
    let now = stage.body.now();
    let lease = stage.body.reins().claim(now, Groups::All).expect("asked");
    let mut lost = false;
    stage.run(2, REST, &[]);
    for _ in 0..40 {
        let now = stage.body.now();
        stage.body.reins().keep_alive(&lease, now);
        stage.step(Some((REST, &[])));
    }
    stage.begins_again();
    // It is over, and has no say any more.
    let now = stage.body.now();
    let mut old = Lease::new(lease.id(), Groups::All);
    let order = old.order(now, Motion::Hold);
    let seen = stage.body.status();
    let id = stage.body.reins().submit(order, &seen).expect("asked");
    for _ in 0..10 {
        stage.body.advance(SLICE).expect("time passes");
        while let Some(report) = stage.body.poll() {
            lost |=
                matches!(report, Report::Refused { id: Some(it), why: RefusedWhy::NoLease, .. } if it == id);
        }
    }
    assert!(lost, "the planner's lease is over");
    stage.steering.end(&mut stage.body);
    stage.run(60, REST, &[]);
    let now = stage.body.now();
    let lease = stage.body.reins().claim_as(now, Owner::Human, Groups::Arm).expect("asked");
    let mut came = Vec::new();
    for _ in 0..20 {
        let now = stage.body.now();
        stage.body.reins().keep_alive(&lease, now);
        came.extend(stage.step(Some((REST, &[ENABLE]))));
    }
    assert_eq!(why(&came), "another person moves the arm (Owned)");
    assert!(!stage.steering.is_busy());
}

#[test]
fn a_path_that_is_under_way_is_taken_over_and_its_goal_is_told_so() {
    let mut stage = Stage::new();
    let mut follower = super::super::following::Follower::new(&stage.arm);
    let mut positions = stage.body.status().command.q.to_vec();
    positions[0] += 1.0;
    let time_from_start = bridge::ros::Duration::from_secs(4.0);
    let point = bridge::ros::JointTrajectoryPoint { positions, time_from_start, ..Default::default() };
    let model = stage.arm.model();
    let joint_names = stage.arm.arm_joint_idx().iter().map(|j| model.joints[*j].name.clone()).collect();
    let trajectory = bridge::ros::JointTrajectory { joint_names, points: vec![point], ..Default::default() };
    let goal = bridge::ros::FollowJointTrajectoryGoal { trajectory, ..Default::default() };
    follower.begin(&mut stage.body, &goal).expect("it begins");
    let (mut came, mut ended) = (Vec::new(), None);
    for k in 0..900 {
        let under_way = stage.tool().1 > 0.2 || !came.is_empty();
        let pressed: &[usize] = if under_way { &[ENABLE] } else { &[] };
        came.extend(stage.step(Some((REST, pressed))));
        if let Some(super::super::following::Came::Ends(end)) = follower.step(&mut stage.body, &stage.reports)
        {
            ended.get_or_insert((k, end.error_string));
        }
    }
    assert_eq!(came, [Came::Begins]);
    let (_, why) = ended.expect("the goal is over");
    assert!(why.contains("taken over"), "{why}");
    assert_eq!(stage.tool().1, 0.0, "a stick at rest has the arm rest");
    stage.run(30, UP, &[ENABLE]);
    assert!(stage.tool().1 > 0.01 && stage.body.status().mode == Mode::Servo);
}

#[test]
fn a_stop_ends_it_and_after_its_reset_a_stick_that_is_still_out_moves_nothing() {
    let mut stage = Stage::new();
    stage.begins();
    stage.run(60, UP, &[ENABLE]);
    stage.body.reins().stop(StopCategory::One);
    let came = stage.run(100, UP, &[ENABLE]);
    assert!(why(&came).contains("stopped"), "{came:?}");
    assert_eq!(stage.tool().1, 0.0);
    // Latched: pressed anew it says so.
    stage.run(5, REST, &[]);
    let came = stage.run(5, REST, &[ENABLE]);
    assert!(why(&came).contains("latched"), "{came:?}");
    let now = stage.body.now();
    stage.body.control().reset(now).expect("asked");
    assert!(stage.run(100, UP, &[ENABLE]).is_empty());
    assert!(!matches!(stage.body.status().mode, Mode::Fault { .. } | Mode::Servo));
    stage.run(5, REST, &[]);
    assert_eq!(stage.run(600, REST, &[ENABLE]), [Came::Begins]);
}

#[test]
fn a_button_opens_the_fingers_while_the_arm_moves() {
    let mut stage = Stage::new();
    stage.begins();
    let width_m = |stage: &mut Stage| stage.body.status().measured.expect("known").gripper.width_m;
    let before = width_m(&mut stage);
    stage.run(30, UP, &[ENABLE]);
    stage.run(200, UP, &[ENABLE, OPEN]);
    let open = stage.arm.profile().gripper.width_m;
    assert!((width_m(&mut stage) - open).abs() < 2e-3, "{} m, then {}", before, width_m(&mut stage));
    assert_eq!(stage.body.status().mode, Mode::Servo);
}
