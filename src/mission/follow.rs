//! Moving: one step after the other, with an eye on the cameras, the hand and the person.

use super::{Ending, Mission};
use crate::exit::Exit;
use crate::graph::{BodyError, waking::Waking};
use control::{Cause, Mode, MotionId, RefusedWhy, Report, Request, Status};
use core::time::Duration;
use planner::{ClearOf, Expect, Held, Prepared, Step};
use types::plan::Skill;
use types::{Fault, GripperCommand, JointState, Rejection, Scene, StopCategory, Trajectory};

/// How long the robot runs between two looks at its reports.
pub(super) const SLICE: Duration = Duration::from_millis(10);
/// How often a picture is taken while the arm moves, to see that the camera still sees.
pub(super) const WATCH: Duration = Duration::from_millis(90);
/// Fingers that opened by less have not let go, metres.
const LET_GO_M: f64 = 0.003;
/// Fingers this close to the wanted opening are open, metres.
const OPEN_WITHIN_M: f64 = 0.006;

/// So many ticks a loop has done before the arm is powered, and for so many slices that is waited for.
const BREATH: u64 = 10;
const MOST_BREATHS: usize = 100;

/// For so long power is asked for again when it is refused.
const SETTLES: Duration = Duration::from_millis(500);

/// Why moving ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("interrupted")]
    Interrupted,
    #[error("{0}")]
    Camera(String),
    /// F20: what was held is gone.
    #[error("{0}")]
    Dropped(String),
    /// The hand closed on nothing, or did not open: worth another try.
    #[error("{0}")]
    Missed(String),
    #[error("{0}")]
    Stopped(String),
    #[error("it took longer than {0:.0} s")]
    TooLong(f64),
    #[error(transparent)]
    Body(#[from] BodyError),
    #[error(transparent)]
    Refused(#[from] Rejection),
}

impl Mission {
    /// Powers the arm where it stands.
    pub(super) fn activate(&mut self) -> Result<(), Trouble> {
        self.body.advance(SLICE)?;
        // A loop whose thread began late has a robot that is behind: it gets its breath before it has power.
        for _ in 0..MOST_BREATHS {
            if self.body.status().ticks >= BREATH {
                break;
            }
            self.body.advance(SLICE)?;
        }
        self.power()?;
        self.ready = self.now();
        Ok(())
    }

    /// Asks for power, and waits until the arm holds.
    fn power(&mut self) -> Result<(), Trouble> {
        let mut waking = Waking::begin(&mut *self.body)?;
        let mut refused_since = None;
        while self.body.status().mode != Mode::Hold {
            self.slice()?;
            let mut refused = None;
            while let Some(report) = self.body.poll() {
                match report {
                    // Somebody else may have been first.
                    Report::Refused { request: Request::Activate, why, .. } => {
                        refused = Some(why).filter(|why| *why != RefusedWhy::AlreadyActive);
                    }
                    Report::Mode { mode: Mode::Proving, .. } => refused_since = None,
                    _ => {}
                }
                self.note(&report);
            }
            let Some(why) = refused else {
                waking.go_on(&mut *self.body)?;
                continue;
            };
            // What is read of a line, a watchdog or a robot may take a moment to be known.
            if self.now().since(*refused_since.get_or_insert_with(|| self.now())) > SETTLES {
                return Err(Trouble::Stopped(match why {
                    RefusedWhy::LineOpen => {
                        "the emergency stop's line is open: no power before it is closed".into()
                    }
                    why => format!("the loop gives no power: {why:?}"),
                }));
            }
            waking.ask(&mut *self.body)?;
        }
        Ok(())
    }

    /// The newest measured state.
    pub(super) fn state(&mut self) -> Result<JointState, Trouble> {
        let status = self.body.status();
        status.measured.ok_or_else(|| Trouble::Stopped("the robot's state is not known".into()))
    }

    /// What perception believes is prepared as steps; `Err` inside says why it cannot be.
    pub(super) fn prepare(
        &mut self,
        skill: &Skill,
        scene: &Scene,
    ) -> Result<Result<Prepared, String>, Trouble> {
        let mut state = self.state()?;
        // The next motion begins where the loop holds, not where the joints are by a hair.
        state.q = self.body.status().command.q;
        let held = self.held.clone();
        Ok(self.plan_motion(|m| m.prepare(skill, scene, &state, held.as_ref())).map_err(|f| f.to_string()))
    }

    /// Carries out the steps of a skill.
    pub(super) fn execute(&mut self, prepared: Prepared) -> Result<(), Trouble> {
        let Prepared { steps, held } = prepared;
        for step in steps {
            match step {
                Step::Move { trajectory, why, clear_of } => {
                    self.log.detail("control", "move", format!("{why}, {:.2} s", trajectory.duration()));
                    self.follow(trajectory, clear_of)?;
                }
                Step::Gripper { command, expect } => self.grip(command, expect, held.as_ref())?,
            }
        }
        Ok(())
    }

    /// Follows a trajectory to its end.
    pub(super) fn follow(&mut self, trajectory: Trajectory, clear_of: ClearOf) -> Result<(), Trouble> {
        let mut limit = 3.0 * trajectory.duration() + 5.0;
        self.meet_visitors(&trajectory);
        self.plan_surroundings(&trajectory, clear_of);
        let mut watched = self.now();
        if !self.surroundings.is_fresh(watched, WATCH) {
            self.watch_or_wait()?;
        }
        self.tell_world()?;
        let id = self.order(control::Motion::Follow(Box::new(trajectory)))?;
        self.motions += 1;
        let started = self.now();
        loop {
            self.slice()?;
            if self.is_finished(Some(id))? {
                return Ok(());
            }
            if let Err(trouble) = self.check_hand() {
                self.stop()?;
                return Err(trouble);
            }
            if self.now().since(watched) >= WATCH {
                // Who is in the way is waited for.
                let waits =
                    if self.surroundings.has_intruders() { self.now().secs_since(watched) } else { 0.0 };
                limit += waits;
                watched = self.now();
                self.watch_or_wait()?;
            }
            if self.now().secs_since(started) > limit {
                self.stop()?;
                return Err(Trouble::Missed(
                    "something was in the way: a motion did not come to its end".into(),
                ));
            }
        }
    }

    /// One slice of time, with everything that must be looked at in each.
    pub(super) fn slice(&mut self) -> Result<(), Trouble> {
        let now = self.now();
        self.keep_alive(now);
        self.tell_world()?;
        self.pass(SLICE)?;
        let now = self.now();
        self.log.set_now(now);
        self.note_state();
        if let (Some(film), Some(rig)) = (&mut self.film, self.body.world()) {
            film.pass(now, rig);
        }
        self.check_interrupts()?;
        if now.as_secs_f64() > self.time_limit_s {
            self.stop()?;
            return Err(Trouble::TooLong(self.time_limit_s));
        }
        Ok(())
    }

    /// Whether the person has pressed Ctrl-C.
    pub(super) fn check_interrupts(&mut self) -> Result<(), Trouble> {
        if self.body.interrupts() > 0 { Err(Trouble::Interrupted) } else { Ok(()) }
    }

    /// Takes in what the loop reports; whether the motion of this name came to its end.
    pub(super) fn is_finished(&mut self, id: Option<MotionId>) -> Result<bool, Trouble> {
        let mut finished = false;
        let mut ended = None;
        while let Some(report) = self.body.poll() {
            match report {
                Report::Finished(i) if Some(i) == id => finished = true,
                // Nothing latches: the arm holds, and may look and try again.
                Report::Stopped { cause: Cause::Fault(Fault::F21Contact), .. } => {
                    ended.get_or_insert(Trouble::Missed("the arm met something and stopped".into()));
                }
                Report::Stopped { cause, category, .. } => {
                    let why = format!("the loop stopped (category {category:?}): {cause:?}");
                    ended = Some(Trouble::Stopped(why));
                }
                Report::Refused { id: i @ Some(_), why, .. } if i == id => {
                    ended = Some(Trouble::Stopped(format!("the loop refused the motion: {why:?}")));
                }
                Report::LoopDied => ended = Some(Trouble::Stopped("the control loop ended".into())),
                _ => {}
            }
            self.note(&report);
        }
        match ended {
            Some(trouble) => Err(trouble),
            None => Ok(finished),
        }
    }

    /// Every report leaves one event (I7).
    fn note(&mut self, report: &Report) {
        if let Report::Lost(lease) = report {
            self.forget_lease(*lease);
        }
        match report {
            Report::Fault { fault, latched } => {
                let latched = if *latched { ", latched until reset" } else { "" };
                self.log.fault("control", *fault, format!("{fault:?}{latched}"));
            }
            Report::Refused { .. } | Report::Stopped { .. } | Report::LoopDied => {
                self.log.warn("control", "report", format!("{report:?}"));
            }
            Report::Unproven { joint, asked, moved } => {
                let model = self.arm.model();
                let idx = self.arm.arm_joint_idx().get(usize::from(*joint)).copied().unwrap_or(0);
                let name = &model.joints[idx].name;
                let (asked, moved) = (asked.to_degrees(), moved.to_degrees());
                let text =
                    format!("{name}: led out by {asked:.2}°, its encoder says {moved:.2}° (sign, or order?)");
                self.log.warn("control", "self-test", text);
            }
            Report::Slipped { from_m, to_m } => {
                let text = format!("{:.1} mm between the fingers, {:.1} mm before", to_m * 1e3, from_m * 1e3);
                self.log.detail("control", "slip", text);
            }
            Report::Overrun { gap_s } => {
                self.log.detail(
                    "control",
                    "overrun",
                    format!("F25: {:.1} ms since the tick before", gap_s * 1e3),
                );
            }
            _ => self.log.detail("control", "report", format!("{report:?}")),
        }
    }

    /// Moves the fingers and waits until they rest.
    fn grip(
        &mut self,
        command: GripperCommand,
        expect: Expect,
        grasped: Option<&Held>,
    ) -> Result<(), Trouble> {
        let before = self.state()?.gripper.width_m;
        self.order(control::Motion::Grip(command))?;
        let started = self.now();
        let mut still = 0;
        let gripper = &self.arm.profile().gripper;
        let limits = self.arm.gripper_limits();
        let (ramps_s, late_s) = (limits.map_or(0.0, |l| l.ramps_s()), gripper.late_s);
        let way_s = (command.width_m - before).abs() / gripper.speed_m_s + ramps_s;
        // What is held is let go first.
        let force_s = limits.map_or(0.0, |l| l.force_s(gripper.force_n));
        while still < 8 && self.now().secs_since(started) < 3.0 + force_s + way_s + 2.0 * late_s {
            self.slice()?;
            self.is_finished(None)?;
            let gripper = self.state()?.gripper;
            still = if gripper.speed_m_s.abs() < 0.002 { still + 1 } else { 0 };
            // Fingers that are to open have not come to rest before they are open.
            let is_opening = expect == Expect::Open && gripper.width_m < command.width_m - OPEN_WITHIN_M;
            if is_opening || self.now().secs_since(started) < 0.15 + force_s + late_s {
                still = 0;
            }
        }
        let width = self.state()?.gripper.width_m;
        match expect {
            Expect::Holding { min_width_m, max_width_m } => {
                if width < min_width_m || width > max_width_m {
                    self.held = None;
                    self.eyes.set_held(None);
                    return Err(Trouble::Missed(format!(
                        "the fingers closed to {:.0} mm and hold nothing",
                        width * 1e3
                    )));
                }
                if let Some(held) = grasped {
                    self.eyes.set_held(Some(held.object.id));
                    self.held = Some(held.clone());
                    self.least_grip_m = min_width_m;
                }
                self.log.detail("control", "holding", format!("{:.1} mm between the fingers", width * 1e3));
            }
            Expect::Open => {
                if let Some(held) = self.held.take() {
                    if width < before + LET_GO_M {
                        self.held = Some(held);
                        return Err(Trouble::Missed(format!(
                            "the fingers did not open: {:.1} mm before, {:.1} mm now, {:.1} mm wanted",
                            before * 1e3,
                            width * 1e3,
                            command.width_m * 1e3
                        )));
                    }
                    // Where the fingers let it go; it falls by the few millimetres of the release.
                    let q = self.state()?.q;
                    let mut data = mechanics::ArmData::new(&self.arm);
                    let world_from_tool = mechanics::tool_pose(&self.arm, &mut data, &q);
                    let to = world_from_tool.point(held.tool_from_object.translation.vector.into());
                    self.eyes.put_down(held.object.id, to);
                }
                self.eyes.set_held(None);
            }
            Expect::Empty => {}
        }
        Ok(())
    }

    /// F20: the fingers come together although they hold something.
    fn check_hand(&mut self) -> Result<(), Trouble> {
        let Some(name) = self.held.as_ref().map(|h| h.object.describe()) else { return Ok(()) };
        if self.state()?.gripper.width_m >= self.least_grip_m {
            return Ok(());
        }
        self.held = None;
        self.eyes.set_held(None);
        let said = format!("the {name} slipped out of the fingers");
        self.log.fault("control", Fault::F20ObjectDropped, &said);
        Err(Trouble::Dropped(said))
    }

    /// Category 2, and waits for rest.
    pub(super) fn stop(&mut self) -> Result<(), Trouble> {
        self.body.reins().stop(StopCategory::Two);
        self.settle(2.0)
    }

    /// Lets time pass until the arm is at rest, whatever the person does meanwhile.
    fn settle(&mut self, limit_s: f64) -> Result<(), Trouble> {
        let since = self.now();
        while self.now().secs_since(since) < limit_s {
            let now = self.now();
            self.keep_alive(now);
            self.pass(SLICE)?;
            let now = self.now();
            self.log.set_now(now);
            while let Some(report) = self.body.poll() {
                self.note(&report);
            }
            let at_rest = |s: &Status| !matches!(s.mode, Mode::Follow | Mode::Stopping(_));
            if at_rest(&self.body.status()) {
                return Ok(());
            }
        }
        Err(Trouble::Stopped("the arm did not come to rest".into()))
    }

    /// Home, if a way is found; otherwise the arm stays, and says why.
    pub(super) fn go_home(&mut self) -> Result<(), Trouble> {
        let scene = self.eyes.scene(self.now());
        let moved = match self.prepare(&Skill::Home, &scene)? {
            Ok(prepared) => self.execute(prepared),
            Err(why) => Err(Trouble::Missed(why)),
        };
        match moved {
            Err(Trouble::Missed(why) | Trouble::Dropped(why)) => {
                self.log.warn("planner", "home", format!("I stay where I am: {why}"));
                Ok(())
            }
            other => other,
        }
    }

    /// Comes to rest whatever happened, and says how it ended.
    pub(super) fn end_by(&mut self, trouble: Trouble) -> Ending {
        match trouble {
            Trouble::Interrupted => self.park(),
            Trouble::Body(why) => {
                Ending::new(Exit::Failed, format!("{why}; the robot brakes by its own watchdog"))
            }
            other => {
                let said = other.to_string();
                match self.stop() {
                    Ok(()) => Ending::new(Exit::Failed, said),
                    Err(why) => Ending::new(Exit::Failed, format!("{said}; and {why}")),
                }
            }
        }
    }
}
