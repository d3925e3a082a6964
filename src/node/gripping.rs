//! The gripper as others tell it where to go, on the robot that is there: a goal at a time, under a lease of its own.

use super::fingers::Fingers;
use crate::graph::{Body, waking::Waking};
use bridge::ros::{
    GripperCommandFeedback as Feedback, GripperCommandGoal as Goal, GripperCommandResult as Outcome,
};
use control::{Groups, Lease, Mode, Motion, MotionId, Report, Status};
use mechanics::Arm;
use std::sync::Arc;
use types::{GripperCommand, Rejection};

/// What became of a goal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Came {
    /// It is under way.
    Goes(Feedback),
    /// The fingers rest: where they shall be, or on something between them.
    Rests(Outcome),
    /// It was given up, and why.
    Failed(Outcome, String),
}

/// See the head of this file.
pub(super) struct Gripping {
    arm: Arc<Arm>,
    doing: Doing,
}

enum Doing {
    Nothing,
    /// The robot gets its power for a goal.
    Wakes {
        command: GripperCommand,
        waking: Waking,
    },
    Grips {
        lease: Lease,
        motion: MotionId,
        fingers: Fingers,
    },
}

/// A gripper takes goals beside whatever its arm does under power.
fn moves_or_holds(mode: Mode) -> bool {
    matches!(mode, Mode::Hold | Mode::Follow | Mode::Servo)
}

impl Gripping {
    pub(super) fn new(arm: &Arc<Arm>) -> Self {
        Self { arm: arm.clone(), doing: Doing::Nothing }
    }

    /// Whether a goal is under way.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.doing, Doing::Nothing)
    }

    /// Where the fingers are, as what is told of a goal that was not pursued to its end.
    pub(super) fn outcome(&self, status: &Status) -> Outcome {
        let told = |m: types::JointState| Outcome {
            stalled: false,
            ..Outcome::new(&self.arm.profile().gripper, &m.gripper, false)
        };
        status.measured.map_or(Outcome::default(), told)
    }

    /// What a goal tells the gripper; `is_ours` says whether whoever takes goals here moves the arm, if it moves.
    ///
    /// # Errors
    /// A [`Rejection`] that tells why it cannot be pursued; nothing has moved.
    pub(super) fn check(
        &self,
        goal: &Goal,
        status: &Status,
        is_ours: bool,
    ) -> Result<GripperCommand, Rejection> {
        let command = goal.command.typed(&self.arm.profile().gripper)?;
        let refused = |got: &'static str| Err(Rejection::new("gripper", "a gripper that is free", got));
        match status.mode {
            _ if self.is_busy() => refused("one that pursues another goal: cancel it first"),
            Mode::Fault { .. } => refused("one that is stopped, latched: a person has to reset it"),
            Mode::Follow | Mode::Servo if !is_ours => refused("one whose arm moves for somebody else"),
            _ => Ok(command),
        }
    }

    /// Has a goal pursued, at once or as soon as the robot has power.
    ///
    /// # Errors
    /// As [`Self::check`], and what the loop refuses.
    pub(super) fn begin(&mut self, body: &mut dyn Body, goal: &Goal, is_ours: bool) -> Result<(), Rejection> {
        let status = body.status();
        let command = self.check(goal, &status, is_ours)?;
        if moves_or_holds(status.mode) {
            return self.start(body, command);
        }
        // What comes to rest is waited for, too.
        self.doing = Doing::Wakes { command, waking: Waking::begin(body)? };
        Ok(())
    }

    fn start(&mut self, body: &mut dyn Body, command: GripperCommand) -> Result<(), Rejection> {
        self.doing = Doing::Nothing;
        let now = body.now();
        let width_m = body.status().measured.map_or(0.0, |m| m.gripper.width_m);
        let mut lease = body.reins().claim(now, Groups::Gripper)?;
        // A loop elsewhere takes its time to answer.
        let now = body.now();
        let order = lease.order(now, Motion::Grip(command));
        let seen = body.status();
        let motion = match body.reins().submit(order, &seen) {
            Ok(motion) => motion,
            Err(why) => {
                let _ = body.reins().release(now, &lease);
                return Err(why);
            }
        };
        let fingers = Fingers::new(&self.arm, command, width_m, now);
        self.doing = Doing::Grips { lease, motion, fingers };
        Ok(())
    }

    /// What the goal does, with what the loop has reported meanwhile; to be called a hundred times a second. `None` without
    /// a goal.
    pub(super) fn step(&mut self, body: &mut dyn Body, reports: &[Report]) -> Option<Came> {
        match core::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => None,
            Doing::Wakes { command, mut waking } => {
                // A path may have been quicker.
                let gone_on = if moves_or_holds(body.status().mode) {
                    self.start(body, command)
                } else {
                    let gone_on = waking.go_on(body);
                    self.doing =
                        gone_on.as_ref().map_or(Doing::Nothing, |()| Doing::Wakes { command, waking });
                    gone_on
                };
                let why = gone_on.err()?;
                Some(Came::Failed(self.outcome(&body.status()), why.to_string()))
            }
            Doing::Grips { lease, motion, mut fingers } => {
                let now = body.now();
                body.reins().keep_alive(&lease, now);
                let profile = &self.arm.profile().gripper;
                let measured = body.status().measured.map(|m| m.gripper);
                let outcome = |is_there| {
                    measured.map_or(Outcome::default(), |state| Outcome::new(profile, &state, is_there))
                };
                let came = match (given_up(reports, &lease, motion), measured) {
                    (Some(why), _) => Came::Failed(Outcome { stalled: false, ..outcome(false) }, why),
                    (None, None) => {
                        Came::Failed(Outcome::default(), "nobody tells where the fingers are".into())
                    }
                    (None, Some(state)) => match fingers.look(now, &state) {
                        Some(is_there) => Came::Rests(outcome(is_there)),
                        None => {
                            self.doing = Doing::Grips { lease, motion, fingers };
                            return Some(Came::Goes(Feedback::new(profile, &state)));
                        }
                    },
                };
                // Whatever is held stays held, as hard as it is.
                let _ = body.reins().release(now, &lease);
                Some(came)
            }
        }
    }

    /// Gives the goal up that is under way: the fingers stand where they are, or go on holding.
    pub(super) fn cancel(&mut self, body: &mut dyn Body) {
        if let Doing::Grips { lease, .. } = core::mem::replace(&mut self.doing, Doing::Nothing) {
            let now = body.now();
            let _ = body.reins().release(now, &lease);
        }
    }
}

/// Why the loop has ended a goal, if it has.
fn given_up(reports: &[Report], lease: &Lease, motion: MotionId) -> Option<String> {
    reports.iter().find_map(|report| match report {
        Report::Lost(id) if *id == lease.id() => {
            Some("the robot has stopped, or somebody else has taken the gripper over".to_owned())
        }
        Report::Refused { id: Some(id), why, .. } if *id == motion => {
            Some(format!("the loop refused it: {why:?}"))
        }
        Report::LoopDied => Some("the control loop ended".to_owned()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::graph::lockstep::Lockstep;
    use bridge::ros::GripperCommand as Wish;
    use core::time::Duration;
    use types::StopCategory;

    const SLICE: Duration = Duration::from_millis(10);

    struct Stage {
        body: Lockstep,
        gripping: Gripping,
    }

    fn goal(position: f64, max_effort: f64) -> Goal {
        Goal { command: Wish { position, max_effort } }
    }

    impl Stage {
        fn new() -> Self {
            let config = Config::default();
            let arm = crate::robots::load(&config.robot.profile).expect("built in");
            let mut body = crate::session::bare(&config, &arm, 3, false).expect("an arm");
            body.advance(Duration::from_millis(100)).expect("time passes");
            Self { body, gripping: Gripping::new(&arm) }
        }

        fn step(&mut self) -> Option<Came> {
            self.body.advance(SLICE).expect("time passes");
            let reports: Vec<Report> = core::iter::from_fn(|| self.body.poll()).collect();
            self.gripping.step(&mut self.body, &reports)
        }

        /// The end, and how many feedbacks came.
        fn until_over(&mut self) -> (Came, usize) {
            let mut n = 0;
            for _ in 0..1500 {
                match self.step() {
                    Some(Came::Goes(_)) => n += 1,
                    Some(over) => return (over, n),
                    None => {}
                }
            }
            panic!("it does not end");
        }

        fn width_m(&mut self) -> f64 {
            self.body.status().measured.expect("known").gripper.width_m
        }
    }

    #[test]
    fn fingers_go_where_others_want_them_and_stay_there_under_nobodys_lease() {
        let mut stage = Stage::new();
        // By the first finger's joint, which goes half as far as both fingers part; the robot gets its power for it.
        for (position, width_m) in [(0.03, 0.06), (0.01, 0.02)] {
            stage.gripping.begin(&mut stage.body, &goal(position, 0.0), false).expect("it begins");
            let busy = stage
                .gripping
                .begin(&mut stage.body, &goal(position, 0.0), false)
                .expect_err("one at a time");
            assert_eq!(busy.field, "gripper");
            let (over, n) = stage.until_over();
            let Came::Rests(outcome) = over else { panic!("{over:?}") };
            assert!(outcome.reached_goal && !outcome.stalled && (outcome.position - position).abs() < 1e-3);
            assert!(n > 10, "{n} feedbacks");
            // The lease is given back, and the loop goes on holding.
            stage.body.advance(Duration::from_secs(1)).expect("time passes");
            assert!((stage.width_m() - width_m).abs() < 2e-3, "{} m", stage.width_m());
            assert_eq!(stage.body.status().mode, Mode::Hold);
        }
    }

    #[test]
    fn what_it_cannot_is_refused_and_a_stop_ends_a_goal_where_the_fingers_are() {
        let mut stage = Stage::new();
        for bad in [goal(0.05, 0.0), goal(f64::NAN, 0.0), goal(0.02, 1e3)] {
            let why = stage.gripping.begin(&mut stage.body, &bad, false).expect_err("refused");
            assert!(why.field.starts_with("gripper."), "{why}");
            assert!(!stage.gripping.is_busy() && stage.body.status().mode == Mode::Disarmed);
        }
        stage.gripping.begin(&mut stage.body, &goal(0.04, 0.0), false).expect("it begins");
        stage.until_over();
        stage.gripping.begin(&mut stage.body, &goal(0.0, 0.0), false).expect("it begins");
        (0..20).for_each(|_| _ = stage.step());
        stage.body.reins().stop(StopCategory::Two);
        let (over, _) = stage.until_over();
        assert!(
            matches!(&over, Came::Failed(o, why) if !o.reached_goal && why.contains("stopped")),
            "{over:?}"
        );
        let stands = stage.width_m();
        (0..50).for_each(|_| _ = stage.step());
        assert!(
            (stage.width_m() - stands).abs() < 3e-3 && stands > 0.01,
            "{stands} m, then {}",
            stage.width_m()
        );
        stage.gripping.begin(&mut stage.body, &goal(0.0, 0.0), false).expect("it begins");
        (0..20).for_each(|_| _ = stage.step());
        stage.gripping.cancel(&mut stage.body);
        let stands = stage.width_m();
        (0..50).for_each(|_| _ = stage.step());
        assert!(!stage.gripping.is_busy() && (stage.width_m() - stands).abs() < 3e-3);
        stage.body.reins().stop(StopCategory::One);
        stage.step();
        let why = stage.gripping.begin(&mut stage.body, &goal(0.02, 0.0), false).expect_err("latched");
        assert!(why.got.contains("reset"), "{why}");
    }

    #[test]
    fn a_goal_beside_a_path_is_pursued_and_one_while_the_arm_moves_for_others_is_refused() {
        let mut stage = Stage::new();
        let arm = crate::robots::load("panda").expect("built in");
        let mut follower = super::super::following::Follower::new(&arm);
        let mut positions = stage.body.status().command.q.to_vec();
        positions[0] += 0.6;
        let point = bridge::ros::JointTrajectoryPoint {
            positions,
            time_from_start: bridge::ros::Duration::from_secs(4.0),
            ..Default::default()
        };
        let model = arm.model();
        let joint_names = arm.arm_joint_idx().iter().map(|j| model.joints[*j].name.clone()).collect();
        let trajectory =
            bridge::ros::JointTrajectory { joint_names, points: vec![point], ..Default::default() };
        let path = bridge::ros::FollowJointTrajectoryGoal { trajectory, ..Default::default() };
        // Both come to a robot without power, and the path is the quicker one.
        follower.begin(&mut stage.body, &path).expect("it begins");
        stage.gripping.begin(&mut stage.body, &goal(0.03, 0.0), true).expect("it begins");
        let (mut gripped, mut followed) = (None, false);
        for k in 0..1200 {
            stage.body.advance(SLICE).expect("time passes");
            let reports: Vec<Report> = core::iter::from_fn(|| stage.body.poll()).collect();
            followed |= matches!(
                follower.step(&mut stage.body, &reports),
                Some(super::super::following::Came::Ends(end)) if end.error_code == 0
            );
            if let Some(Came::Rests(end)) = stage.gripping.step(&mut stage.body, &reports) {
                assert!(end.reached_goal && gripped.is_none());
                gripped = Some(k);
                let status = stage.body.status();
                assert_eq!(status.mode, Mode::Follow, "the arm still goes its way");
                let why = stage.gripping.check(&goal(0.0, 0.0), &status, false).expect_err("refused");
                assert!(why.got.contains("somebody else"), "{why}");
                assert!(stage.gripping.check(&goal(0.0, 0.0), &status, true).is_ok());
            }
        }
        assert!(gripped.is_some() && followed, "{gripped:?}, {followed}");
    }
}
