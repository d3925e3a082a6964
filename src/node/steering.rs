//! The arm as a person steers it by a stick in ROS 2, on the robot that is there: under a lease of a person's, which is
//! there only while the dead-man is held.

use super::stick::{Fingers, Held};
use super::sticks::Shared;
use crate::graph::{Body, waking::Waking};
use control::{
    Cause, Groups, Lease, Mode, Motion, MotionId, Order, Owner, RefusedWhy, Report, Request, Twist, World,
};
use core::time::Duration;
use mechanics::Arm;
use std::collections::VecDeque;
use std::sync::Arc;
use types::{GripperCommand, Time};

/// What is steered is ordered again so often, and counts for so long, or for as long as the stick does.
const AGAIN: Duration = Duration::from_millis(20);
const COUNTS: Duration = Duration::from_millis(60);
/// A loop grants a lease, or says why not, within this.
const GRANTS: Duration = Duration::from_secs(2);
/// It is told again so often, and holds for so long, that nothing stands around the arm but its walls.
const TELLS: Duration = Duration::from_millis(250);
const HOLDS: Duration = Duration::from_secs(1);
/// Orders that are known as this one's.
const ORDERS: usize = 64;

/// What became of steering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// The arm is the person's.
    Begins,
    /// It is not any more, or never was, and why.
    Ends(String),
}

enum Doing {
    Nothing,
    /// The arm gets its power.
    Wakes(Waking),
    /// The loop is asked for it since then.
    Claims(Lease, Time),
    Steers(Box<Running>),
}

struct Running {
    lease: Lease,
    /// What was ordered last, and when it is again.
    twist: Option<Twist>,
    next: Time,
    /// When the world was told last.
    told: Option<Time>,
    mine: VecDeque<MotionId>,
    has_begun: bool,
    /// Orders that the loop left out.
    late: u64,
}

/// See the head of this file.
pub(super) struct Steering {
    arm: Arc<Arm>,
    stick: Shared,
    groups: Groups,
    doing: Doing,
}

impl Steering {
    /// `grips` says whether buttons move the gripper, if the arm has one.
    pub(super) fn new(arm: &Arc<Arm>, stick: &Shared, grips: bool) -> Self {
        let grips = grips && !arm.profile().gripper.joints.is_empty();
        // What was pressed for another robot counts for none.
        stick.lock().spend();
        let groups = if grips { Groups::All } else { Groups::Arm };
        Self { arm: arm.clone(), stick: stick.clone(), groups, doing: Doing::Nothing }
    }

    /// Whether the arm is the person's, or is about to be.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self.doing, Doing::Nothing)
    }

    /// Has done what the stick wishes `now`, by the clock of whoever hears it, with what the loop has reported meanwhile; to be
    /// called a hundred times a second.
    pub(super) fn step(&mut self, body: &mut dyn Body, now: Time, reports: &[Report]) -> Option<Came> {
        let held = self.stick.lock().held(now);
        let mut doing = core::mem::replace(&mut self.doing, Doing::Nothing);
        let went = match held {
            Ok(held) => {
                self.go_on(body, &mut doing, held, reports).inspect_err(|_| self.stick.lock().spend())
            }
            Err(_) if matches!(doing, Doing::Nothing) => return None,
            Err(idle) => Err(idle.word().to_owned()),
        };
        match went {
            Ok(begins) => {
                self.doing = doing;
                begins.then_some(Came::Begins)
            }
            Err(why) => {
                let late = let_go(body, &doing);
                Some(Came::Ends(if late == 0 { why } else { format!("{why}; {late} orders came too late") }))
            }
        }
    }

    /// Gives the arm up: it comes to rest.
    pub(super) fn end(&mut self, body: &mut dyn Body) {
        self.stick.lock().spend();
        let_go(body, &core::mem::replace(&mut self.doing, Doing::Nothing));
    }

    /// Whether the arm has become the person's by it.
    fn go_on(
        &self,
        body: &mut dyn Body,
        doing: &mut Doing,
        held: Held,
        reports: &[Report],
    ) -> Result<bool, String> {
        match doing {
            Doing::Nothing if held.twist.is_none() => {}
            Doing::Nothing => *doing = self.begin(body)?,
            Doing::Wakes(_) if body.status().mode == Mode::Hold => *doing = self.claim(body)?,
            Doing::Wakes(waking) => waking.go_on(body).map_err(|why| why.to_string())?,
            Doing::Claims(lease, since) => {
                let now = body.now();
                body.reins().keep_alive(lease, now);
                if now.since(*since) > GRANTS {
                    return Err("nobody has said whether the arm is the stick's".into());
                }
                if is_granted(reports, lease)? {
                    // What was pushed meanwhile was meant for no arm that moves.
                    self.stick.lock().rest();
                    let lease = Lease::new(lease.id(), lease.groups());
                    *doing = Doing::Steers(Box::new(Running {
                        lease,
                        twist: None,
                        next: now,
                        told: None,
                        mine: VecDeque::new(),
                        has_begun: false,
                        late: 0,
                    }));
                    return Ok(true);
                }
            }
            Doing::Steers(running) => {
                heard(reports, running)?;
                self.steer(body, running, held)?;
            }
        }
        Ok(false)
    }

    fn begin(&self, body: &mut dyn Body) -> Result<Doing, String> {
        match body.status().mode {
            Mode::Fault { .. } => Err("the robot is stopped, latched: a person has to reset it".into()),
            Mode::Hold | Mode::Follow | Mode::Servo => self.claim(body),
            // What comes to rest is waited for, too.
            _ => Waking::begin(body).map(Doing::Wakes).map_err(|why| why.to_string()),
        }
    }

    fn claim(&self, body: &mut dyn Body) -> Result<Doing, String> {
        let now = body.now();
        let lease = body.reins().claim_as(now, Owner::Human, self.groups).map_err(|why| why.to_string())?;
        Ok(Doing::Claims(lease, now))
    }

    fn steer(&self, body: &mut dyn Body, running: &mut Running, held: Held) -> Result<(), String> {
        let now = body.now();
        // However long it takes to say all this.
        let until = now + held.left.min(COUNTS);
        body.reins().keep_alive(&running.lease, now);
        if running.told.is_none_or(|told| now.since(told) >= TELLS) {
            running.told = Some(now);
            let world = World { stamp: now, expires: now + HOLDS, things: Vec::new(), held: None };
            body.reins().watch(world).map_err(|why| why.to_string())?;
        }
        // It is taken up even where nothing moves for it.
        let fingers = self.stick.lock().fingers().filter(|_| self.groups == Groups::All);
        if let Some(fingers) = fingers {
            let profile = &self.arm.profile().gripper;
            let width_m = if fingers == Fingers::Open { profile.width_m } else { 0.0 };
            let command = GripperCommand { width_m, force_n: profile.force_n };
            let now = body.now();
            let order = running.lease.order(now, Motion::Grip(command));
            submit(body, running, order)?;
        }
        let now = body.now();
        let Some(twist) = held.twist else { return Ok(()) };
        if now >= until || (running.twist == Some(twist) && now < running.next) {
            return Ok(());
        }
        (running.twist, running.next) = (Some(twist), now + AGAIN);
        let order = Order { expires: until, ..running.lease.order(now, Motion::Twist(twist)) };
        submit(body, running, order)
    }
}

fn submit(body: &mut dyn Body, running: &mut Running, order: Order) -> Result<(), String> {
    let seen = body.status();
    let id = body.reins().submit(order, &seen).map_err(|why| why.to_string())?;
    if running.mine.len() == ORDERS {
        running.mine.pop_front();
    }
    running.mine.push_back(id);
    Ok(())
}

/// Gives the lease back, if there is one: what moves under it comes to rest. With how many orders came too late.
fn let_go(body: &mut dyn Body, doing: &Doing) -> u64 {
    let (lease, late) = match doing {
        Doing::Nothing | Doing::Wakes(_) => return 0,
        Doing::Claims(lease, _) => (lease, 0),
        Doing::Steers(running) => (&running.lease, running.late),
    };
    let now = body.now();
    // A robot that does not hear it notices by itself that nothing comes any more.
    let _ = body.reins().release(now, lease);
    late
}

/// Whether the loop has granted a lease.
fn is_granted(reports: &[Report], lease: &Lease) -> Result<bool, String> {
    for report in reports {
        match *report {
            Report::Granted(id) if id == lease.id() => return Ok(true),
            Report::Refused { id: None, request: Request::Claim, why } => {
                return Err(format!("another person moves the arm ({why:?})"));
            }
            Report::LoopDied => return Err("the control loop ended".into()),
            _ => {}
        }
    }
    Ok(false)
}

/// Takes in what the loop reports, and whether that is the end.
fn heard(reports: &[Report], running: &mut Running) -> Result<(), String> {
    let mut lost = false;
    for report in reports {
        match *report {
            Report::Started(id) if running.mine.contains(&id) => running.has_begun = true,
            // The next one comes soon; without one the arm rests.
            Report::Refused { id: Some(id), why: RefusedWhy::Stale, .. } if running.mine.contains(&id) => {
                running.late += 1;
            }
            // It still comes to rest from what was before.
            Report::Refused { id: Some(id), why: RefusedWhy::Busy, .. }
                if running.mine.contains(&id) && !running.has_begun => {}
            Report::Refused { id: Some(id), why, .. } if running.mine.contains(&id) => {
                return Err(format!("the loop refused the motion: {why:?}"));
            }
            Report::Stopped { cause: Cause::Preempted, .. } => {}
            // Why it stopped says more than that the lease is over.
            Report::Stopped { cause, category, .. } if running.has_begun => {
                return Err(format!("the loop stopped (category {category:?}): {cause:?}"));
            }
            Report::Lost(id) => lost |= id == running.lease.id(),
            Report::LoopDied => return Err("the control loop ended".into()),
            _ => {}
        }
    }
    if lost { Err("the robot was stopped, or the lease was lost".into()) } else { Ok(()) }
}

#[cfg(test)]
#[path = "steering_tests.rs"]
mod tests;
