//! Paths of others on a simulated arm, in lockstep.

use super::*;
use crate::config::Config;
use crate::graph::lockstep::Lockstep;
use bridge::ros::{JointTrajectory, MultiDOFJointTrajectory};

const SLICE: Duration = Duration::from_millis(10);

struct Stage {
    body: Lockstep,
    follower: Follower,
}

impl Stage {
    fn new(config: &Config) -> Self {
        let arm = crate::robots::load(&config.robot.profile).expect("built in");
        let body = crate::session::bare(config, &arm, 3, false).expect("an arm");
        let mut stage = Self { body, follower: Follower::new(&arm) };
        stage.body.advance(Duration::from_millis(100)).expect("time passes");
        stage
    }

    /// A goal for where the arm is, led out by so much in joint 1 and back, in seconds.
    fn goal(&mut self, by: f64, lasts_s: f64) -> Goal {
        let q = self.body.status().command.q;
        let point = |t: f64, by: f64| {
            let mut positions = q.to_vec();
            positions[0] += by;
            JointTrajectoryPoint {
                positions,
                time_from_start: RosDuration::from_secs(t),
                ..Default::default()
            }
        };
        let trajectory = JointTrajectory {
            joint_names: self.follower.names.clone(),
            points: vec![point(0.5 * lasts_s, 0.5 * by), point(lasts_s, by)],
            ..JointTrajectory::default()
        };
        Goal { trajectory, ..Goal::default() }
    }

    /// Steps until the goal is over, or so long; the result, and how many feedbacks came.
    fn until_over(&mut self, limit_s: f64) -> (Option<Outcome>, usize) {
        let (mut n, began) = (0, self.body.now());
        while self.body.now().secs_since(began) < limit_s {
            self.body.advance(SLICE).expect("time passes");
            let reports: Vec<Report> = core::iter::from_fn(|| self.body.poll()).collect();
            match self.follower.step(&mut self.body, &reports) {
                Some(Came::Goes(_)) => n += 1,
                Some(Came::Ends(result)) => return (Some(result), n),
                None => {}
            }
        }
        (None, n)
    }

    fn speed(&mut self) -> f64 {
        self.body.status().measured.expect("it is known").dq.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
    }
}

#[test]
fn a_path_is_followed_to_its_end_with_feedback_and_the_next_one_from_there() {
    let mut stage = Stage::new(&Config::default());
    for by in [0.4, -0.3] {
        let goal = stage.goal(by, 2.0);
        let to = goal.trajectory.points[1].positions[0];
        stage.follower.begin(&mut stage.body, &goal).expect("it begins");
        assert!(stage.follower.check(&goal, &stage.body.status()).is_err(), "one at a time");
        // It gets its power and proves its encoders first.
        for _ in 0..100 {
            if stage.body.status().mode == Mode::Follow {
                break;
            }
            assert_eq!(stage.until_over(0.05).0, None);
        }
        let other = Follower::new(&crate::robots::load("panda").expect("built in"));
        let refused = other.check(&goal, &stage.body.status()).expect_err("it is on its way");
        assert!(refused.error_string.contains("somebody else"), "{refused:?}");
        let (result, n) = stage.until_over(10.0);
        assert_eq!(result, Some(failed(follow::SUCCESSFUL, "")));
        assert!(n > 100, "{n} feedbacks in 1.5 s");
        let q = stage.body.status().measured.expect("it is known").q;
        assert!((q[0] - to).abs() < 0.01, "{} of {to}", q[0]);
        assert!(!stage.follower.is_busy());
    }
}

#[test]
fn a_goal_that_is_cancelled_or_whose_follower_falls_silent_ends_at_rest() {
    let mut stage = Stage::new(&Config::default());
    let goal = stage.goal(0.8, 3.0);
    stage.follower.begin(&mut stage.body, &goal).expect("it begins");
    assert_eq!(stage.until_over(1.5).0, None);
    assert!(stage.speed() > 0.1);
    stage.follower.cancel(&mut stage.body);
    assert_eq!(stage.until_over(1.0), (None, 0));
    assert!(stage.speed() < 1e-2 && stage.body.status().mode == Mode::Hold, "{:?}", stage.body.status().mode);
    // The next one begins where it came to rest; whoever follows it is gone in the middle.
    let goal = stage.goal(-0.8, 3.0);
    stage.follower.begin(&mut stage.body, &goal).expect("it begins");
    assert_eq!(stage.until_over(1.5).0, None);
    stage.body.advance(Duration::from_secs(1)).expect("time passes");
    assert!(stage.speed() < 1e-2);
    assert!(matches!(stage.body.status().mode, Mode::Fault { .. }), "F1");
    let (result, _) = stage.until_over(0.1);
    assert!(result.is_some_and(|r| r.error_code == follow::INVALID_GOAL && r.error_string.contains("F1")));
    let refused = stage.follower.check(&goal, &stage.body.status()).expect_err("latched");
    assert!(refused.error_string.contains("reset"), "{refused:?}");
}

#[test]
fn what_cannot_be_followed_is_refused_as_a_controller_refuses_it_and_nothing_moves() {
    let mut stage = Stage::new(&Config::default());
    let good = stage.goal(0.2, 2.0);
    let refused = |stage: &mut Stage, spoil: &dyn Fn(&mut Goal)| {
        let mut goal = good.clone();
        spoil(&mut goal);
        let said = stage.follower.begin(&mut stage.body, &goal).expect_err("it is refused");
        assert!(!stage.follower.is_busy() && stage.speed() < 1e-2);
        said
    };
    let tolerance =
        |name: &str, position| JointTolerance { name: name.into(), position, ..Default::default() };
    for (code, spoil) in [
        (
            follow::INVALID_JOINTS,
            &(|g: &mut Goal| g.trajectory.joint_names[0].push('x')) as &dyn Fn(&mut Goal),
        ),
        (follow::INVALID_JOINTS, &|g| {
            g.multi_dof_trajectory =
                MultiDOFJointTrajectory { joint_names: vec!["base".into()], ..Default::default() };
        }),
        (follow::OLD_HEADER_TIMESTAMP, &|g| g.trajectory.header.stamp.sec = 1),
        (follow::INVALID_GOAL, &|g| g.trajectory.points.clear()),
        (follow::INVALID_GOAL, &|g| g.trajectory.points[1].positions[0] = 90.0),
        (follow::INVALID_GOAL, &|g| g.trajectory.points[1].time_from_start = RosDuration::from_secs(1.0001)),
        (follow::INVALID_GOAL, &|g| g.path_tolerance = vec![tolerance("elsewhere", 0.1)]),
        (follow::INVALID_GOAL, &|g| {
            g.goal_tolerance = vec![tolerance(&g.trajectory.joint_names[0], f64::NAN)]
        }),
    ] {
        let said = refused(&mut stage, spoil);
        assert_eq!(said.error_code, code, "{said:?}");
    }
}

#[test]
fn tolerances_end_a_goal_that_leaves_them_and_what_is_late_is_given_up() {
    let mut stage = Stage::new(&Config::default());
    let mut goal = stage.goal(0.5, 2.0);
    let name = goal.trajectory.joint_names[0].clone();
    // Narrower than any arm follows.
    goal.path_tolerance = vec![JointTolerance { name, position: 1e-9, ..Default::default() }];
    stage.follower.begin(&mut stage.body, &goal).expect("it begins");
    let (result, _) = stage.until_over(10.0);
    assert_eq!(result.map(|r| r.error_code), Some(follow::PATH_TOLERANCE_VIOLATED));
    assert_eq!(stage.until_over(1.0), (None, 0));
    assert!(stage.speed() < 1e-2);
    // Slowed down by somebody, it comes too late.
    let mut goal = stage.goal(0.5, 2.0);
    goal.goal_time_tolerance = RosDuration::from_secs(0.2);
    stage.follower.begin(&mut stage.body, &goal).expect("it begins");
    stage.body.reins().slow(0.3);
    let (result, _) = stage.until_over(10.0);
    assert_eq!(result.map(|r| r.error_code), Some(follow::GOAL_TOLERANCE_VIOLATED));
    assert_eq!(stage.until_over(1.0), (None, 0));
    assert!(stage.speed() < 1e-2);
}

#[test]
fn power_is_asked_for_again_where_the_robot_was_not_read_for_a_moment_and_not_where_a_person_took_it() {
    let mut stage = Stage::new(&Config::default());
    // While it proves its encoders: longer than the loop rides out, shorter than a robot that is gone.
    let silent = sim::FaultKind::Robot(sim::RobotFault::Silent);
    let fault = sim::FaultSpec { at_s: 0.5, duration_s: Some(0.1), kind: silent };
    stage.body.world().expect("simulated").set_faults(&[fault]).expect("one fault");
    let goal = stage.goal(0.2, 2.0);
    stage.follower.begin(&mut stage.body, &goal).expect("it begins");
    assert_eq!(stage.until_over(0.47).0, None);
    let status = stage.body.status();
    assert_eq!((status.mode, status.cause), (Mode::Disarmed, control::Cause::StateMissing));
    let (result, _) = stage.until_over(10.0);
    assert_eq!(result, Some(failed(follow::SUCCESSFUL, "")));

    let mut stage = Stage::new(&Config::default());
    let goal = stage.goal(0.2, 2.0);
    stage.follower.begin(&mut stage.body, &goal).expect("it begins");
    assert_eq!(stage.until_over(0.4).0, None);
    assert_eq!(stage.body.status().mode, Mode::Proving);
    let now = stage.body.now();
    stage.body.control().disarm(now).expect("heard");
    let (result, _) = stage.until_over(20.0);
    let why = result.expect("it ends").error_string;
    assert!(why.contains("comes to hold") && why.contains("DisarmRequested"), "{why}");
    assert_eq!(stage.body.status().mode, Mode::Disarmed);
}
