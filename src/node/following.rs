//! Paths of others, as ROS 2's joint trajectory controllers take them, followed on the robot that is there.
//!
//! The loop holds them to what it holds everybody to: a lease, limits, the safety filter. Whoever plans them has looked
//! for collisions; here nobody looks at pictures, and the filter knows the boxes of the configuration alone.

use crate::graph::{Body, waking::Waking};
use bridge::ros::{
    Duration as RosDuration, FollowJointTrajectoryFeedback as Feedback, FollowJointTrajectoryGoal as Goal,
    FollowJointTrajectoryResult as Outcome, Header, JointTolerance, JointTrajectoryPoint, follow,
};
use control::{Groups, Lease, Mode, Motion, MotionId, Report, Status, World};
use core::time::Duration;
use mechanics::Arm;
use std::sync::Arc;
use types::{JointVector, Rejection, Time, Trajectory};

/// The world is told again so often, and holds for so long.
const TELLS: Duration = Duration::from_millis(100);
const HOLDS: Duration = Duration::from_secs(1);
/// A motion may take so many times its own time, and so many seconds, before it is given up: somebody is in the way.
const SLOWER: f64 = 3.0;
const LONGER_S: f64 = 5.0;

/// What became of a goal that is followed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Came {
    /// It is under way.
    Goes(Box<Feedback>),
    /// It is over, well if the code is 0.
    Ends(Outcome),
}

/// How far each joint may be off; infinite where nobody said.
struct Tolerances {
    position: Vec<f64>,
    velocity: Vec<f64>,
}

/// What is under way.
struct Running {
    path: Trajectory,
    lease: Lease,
    motion: MotionId,
    ordered: Time,
    /// When the world was told last.
    told: Time,
    on_the_way: Tolerances,
    at_the_end: Tolerances,
    /// How much later than it should the arm may be there; `None` for as late as it likes.
    late_s: Option<f64>,
    /// The loop has begun it; what it reported before is not of this one.
    has_begun: bool,
    /// The loop has followed it to its end.
    is_there: bool,
}

/// See the head of this file.
pub(super) struct Follower {
    arm: Arc<Arm>,
    names: Vec<String>,
    doing: Doing,
}

/// What a follower does.
enum Doing {
    Nothing,
    /// The arm gets its power for a goal.
    Wakes {
        goal: Box<Goal>,
        waking: Waking,
    },
    Follows(Box<Running>),
}

/// How a goal ends that did not come to its end.
pub(super) fn failed(error_code: i32, why: impl core::fmt::Display) -> Outcome {
    Outcome { error_code, error_string: why.to_string() }
}

impl Tolerances {
    /// # Errors
    /// A [`Rejection`] for a joint that the arm has not (B7).
    fn new(field: &'static str, said: &[JointTolerance], names: &[String]) -> Result<Self, Rejection> {
        let none = vec![f64::INFINITY; names.len()];
        let mut all = Self { position: none.clone(), velocity: none };
        for t in said {
            let Some(j) = names.iter().position(|n| *n == t.name) else {
                let got = t.name.chars().take(80).collect::<String>();
                return Err(Rejection::new(field, format!("one of {names:?}"), got));
            };
            if !t.acceleration.is_finite() || t.acceleration > 0.0 {
                let expected = "no tolerance of accelerations: they are not measured";
                return Err(Rejection::new(field, expected, t.acceleration.to_string()));
            }
            // 0 is the controller's own, of which there is none; below it there is none either.
            for (most, to) in [(t.position, &mut all.position[j]), (t.velocity, &mut all.velocity[j])] {
                if !most.is_finite() {
                    return Err(Rejection::new(field, "finite numbers", format!("{most} of {:?}", t.name)));
                }
                if most > 0.0 {
                    *to = most;
                }
            }
        }
        Ok(all)
    }

    /// Whose joint is farther off than it may, and by how much.
    fn broken(&self, q: &JointVector, dq: &JointVector) -> Option<(usize, f64)> {
        let is_off = |j: &usize| q[*j].abs() > self.position[*j] || dq[*j].abs() > self.velocity[*j];
        (0..q.len()).find(is_off).map(|j| (j, q[j]))
    }
}

impl Follower {
    pub(super) fn new(arm: &Arc<Arm>) -> Self {
        let model = arm.model();
        let names = arm.arm_joint_idx().iter().map(|j| model.joints[*j].name.clone()).collect();
        Self { arm: arm.clone(), names, doing: Doing::Nothing }
    }

    /// Whether a goal is under way.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.doing, Doing::Nothing)
    }

    /// The path of a goal, from where the arm holds.
    ///
    /// # Errors
    /// The result that tells why it cannot be followed; nothing has moved.
    pub(super) fn check(&self, goal: &Goal, status: &Status) -> Result<Trajectory, Outcome> {
        if self.is_busy() {
            return Err(failed(follow::INVALID_GOAL, "another goal is followed: cancel it first"));
        }
        let at_rest = match status.mode {
            // What comes to rest is waited for.
            Mode::Hold | Mode::Disarmed | Mode::Proving | Mode::Stopping(_) => Ok(()),
            Mode::Fault { .. } => Err("the robot is stopped, latched: a person has to reset it"),
            _ => Err("the arm moves for somebody else"),
        };
        at_rest.map_err(|why| failed(follow::INVALID_GOAL, why))?;
        if !goal.multi_dof_trajectory.points.is_empty() || !goal.multi_dof_trajectory.joint_names.is_empty() {
            let why = "multi_dof_trajectory: expected none, the arm has no such joints";
            return Err(failed(follow::INVALID_JOINTS, why));
        }
        if goal.trajectory.begins().is_some() {
            let why = "trajectory.header.stamp: expected 0, which is at once";
            return Err(failed(follow::OLD_HEADER_TIMESTAMP, why));
        }
        if !goal.component_path_tolerance.is_empty() || !goal.component_goal_tolerance.is_empty() {
            let why = "component_path_tolerance, component_goal_tolerance: expected none, the arm has no such joints";
            return Err(failed(follow::INVALID_JOINTS, why));
        }
        let late = &goal.goal_time_tolerance;
        late.check("goal_time_tolerance").map_err(|why| Outcome::refused(&why))?;
        let timed = goal.trajectory.timed(&self.names, self.arm.limits(), &status.command.q);
        let path = timed.map_err(|why| Outcome::refused(&why))?;
        self.tolerances(goal).map_err(|why| Outcome::refused(&why))?;
        Ok(path)
    }

    fn tolerances(&self, goal: &Goal) -> Result<[Tolerances; 2], Rejection> {
        let of = |field, said| Tolerances::new(field, said, &self.names);
        Ok([of("path_tolerance", &goal.path_tolerance)?, of("goal_tolerance", &goal.goal_tolerance)?])
    }

    /// Has a goal followed that was checked, at once or, where the arm has no power or comes to rest, as soon as it holds.
    ///
    /// # Errors
    /// The result that tells why not.
    pub(super) fn begin(&mut self, body: &mut dyn Body, goal: &Goal) -> Result<(), Outcome> {
        let status = body.status();
        self.check(goal, &status)?;
        if status.mode == Mode::Hold {
            return self.start(body, goal);
        }
        let waking = Waking::begin(body).map_err(|e| failed(follow::INVALID_GOAL, e))?;
        self.doing = Doing::Wakes { goal: Box::new(goal.clone()), waking };
        Ok(())
    }

    /// The arm holds: from here the path is followed.
    fn start(&mut self, body: &mut dyn Body, goal: &Goal) -> Result<(), Outcome> {
        self.doing = Doing::Nothing;
        let invalid = |why: Rejection| failed(follow::INVALID_GOAL, why);
        // Where the arm holds now may not be where it held when it was asked.
        let path = self.check(goal, &body.status())?;
        let [on_the_way, at_the_end] = self.tolerances(goal).map_err(|why| Outcome::refused(&why))?;
        let now = body.now();
        self.tell_world(body, now).map_err(invalid)?;
        let mut lease = body.reins().claim(now, Groups::Arm).map_err(invalid)?;
        // A loop elsewhere takes its time to answer.
        let now = body.now();
        let order = lease.order(now, Motion::Follow(Box::new(path.clone())));
        let seen = body.status();
        let motion = match body.reins().submit(order, &seen) {
            Ok(motion) => motion,
            Err(why) => {
                let _ = body.reins().release(now, &lease);
                return Err(Outcome::refused(&why));
            }
        };
        let late_s = Some(goal.goal_time_tolerance.as_secs()).filter(|s| *s > 0.0);
        self.doing = Doing::Follows(Box::new(Running {
            path,
            lease,
            motion,
            ordered: now,
            told: now,
            on_the_way,
            at_the_end,
            late_s,
            has_begun: false,
            is_there: false,
        }));
        Ok(())
    }

    fn tell_world(&self, body: &mut dyn Body, now: Time) -> Result<(), Rejection> {
        // Walls are the loop's own.
        body.reins().watch(World { stamp: now, expires: now + HOLDS, things: Vec::new(), held: None })
    }

    /// What the goal does, with what the loop has reported meanwhile; to be called a hundred times a second, with time
    /// passing between. `None` without a goal.
    pub(super) fn step(&mut self, body: &mut dyn Body, reports: &[Report]) -> Option<Came> {
        match core::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => None,
            Doing::Wakes { goal, waking } => self.wait(body, goal, waking),
            Doing::Follows(mut running) => {
                let came = self.go_on(body, &mut running, reports);
                match &came {
                    Came::Goes(_) => self.doing = Doing::Follows(running),
                    // The arm is let go of: if it is not at its end, it comes to rest on its path.
                    Came::Ends(_) => {
                        let now = body.now();
                        let _ = body.reins().release(now, &running.lease);
                    }
                }
                Some(came)
            }
        }
    }

    /// The arm gets its power and proves itself.
    fn wait(&mut self, body: &mut dyn Body, goal: Box<Goal>, mut waking: Waking) -> Option<Came> {
        if body.status().mode == Mode::Hold {
            return self.start(body, &goal).err().map(Came::Ends);
        }
        if let Err(why) = waking.go_on(body) {
            return Some(Came::Ends(failed(follow::INVALID_GOAL, why)));
        }
        self.doing = Doing::Wakes { goal, waking };
        None
    }

    fn go_on(&self, body: &mut dyn Body, running: &mut Running, reports: &[Report]) -> Came {
        let ends = |code, why: &dyn core::fmt::Display| Came::Ends(failed(code, why));
        let now = body.now();
        body.reins().keep_alive(&running.lease, now);
        if now.since(running.told) >= TELLS {
            running.told = now;
            if let Err(why) = self.tell_world(body, now) {
                return ends(follow::INVALID_GOAL, &why);
            }
        }
        if let Some(over) = heard(reports, running) {
            return Came::Ends(over);
        }
        let status = body.status();
        let took_s = now.secs_since(running.ordered);
        let lasts_s = running.path.duration();
        let most_s = running.late_s.map_or(SLOWER * lasts_s + LONGER_S, |late_s| lasts_s + late_s);
        let Some(measured) = status.measured else {
            return ends(follow::INVALID_GOAL, &"the robot does not tell where its joints are");
        };
        let c = &status.command;
        let off = |a: &JointVector, b: &JointVector| JointVector::from_fn(a.len(), |j| a[j] - b[j]);
        let name = |j: usize| &self.names[j];
        if let Some((j, by)) = running.on_the_way.broken(&off(&c.q, &measured.q), &off(&c.dq, &measured.dq)) {
            return ends(follow::PATH_TOLERANCE_VIOLATED, &format!("{} is off by {by:.4}", name(j)));
        }
        let wide = running.at_the_end.broken(&off(running.path.end(), &measured.q), &measured.dq);
        if running.is_there && wide.is_none() {
            return ends(follow::SUCCESSFUL, &"");
        }
        if took_s > most_s {
            let why = match wide {
                Some((j, by)) => format!("{} is off by {by:.4} after {took_s:.2} s", name(j)),
                None => format!("the arm is not there after {took_s:.2} s: something was in its way"),
            };
            return ends(follow::GOAL_TOLERANCE_VIOLATED, &why);
        }
        let point = |q: JointVector, dq: JointVector, ddq: &[f64]| JointTrajectoryPoint {
            positions: q.to_vec(),
            velocities: dq.to_vec(),
            accelerations: ddq.to_vec(),
            effort: Vec::new(),
            time_from_start: RosDuration::from_secs(status.progress * lasts_s),
        };
        Came::Goes(Box::new(Feedback {
            header: Header { stamp: measured.stamp.into(), frame_id: String::new() },
            joint_names: self.names.clone(),
            desired: point(c.q, c.dq, &c.ddq),
            actual: point(measured.q, measured.dq, &[]),
            error: point(off(&c.q, &measured.q), off(&c.dq, &measured.dq), &[]),
            ..Feedback::default()
        }))
    }

    /// Gives the goal up that is under way: the arm comes to rest on its path.
    pub(super) fn cancel(&mut self, body: &mut dyn Body) {
        if let Doing::Follows(running) = core::mem::replace(&mut self.doing, Doing::Nothing) {
            let now = body.now();
            let _ = body.reins().release(now, &running.lease);
        }
    }
}

/// Takes in what the loop reports; how the goal ended by it, if it did.
fn heard(reports: &[Report], running: &mut Running) -> Option<Outcome> {
    let mut over = None;
    for report in reports {
        let why = match *report {
            Report::Started(id) if id == running.motion => {
                running.has_begun = true;
                continue;
            }
            Report::Finished(id) if id == running.motion => {
                running.is_there = true;
                continue;
            }
            Report::Refused { id: Some(id), why, .. } if id == running.motion => {
                format!("the loop refused the motion: {why:?}")
            }
            Report::Stopped { cause, category, .. } if running.has_begun => {
                // Why it stopped says more than that the lease is over.
                over = Some(format!("the loop stopped (category {category:?}): {cause:?}"));
                continue;
            }
            Report::Lost(lease) if lease == running.lease.id() && !running.is_there => {
                "the arm was taken over by somebody else".to_owned()
            }
            Report::LoopDied => "the control loop ended".to_owned(),
            _ => continue,
        };
        over.get_or_insert(why);
    }
    over.map(|why| failed(follow::INVALID_GOAL, why))
}

#[cfg(test)]
#[path = "following_tests.rs"]
mod tests;
