//! The robot as a mission drives it, over the wire: its time, its newest tick, its reports, and the reins.

use super::camera::WiredCamera;
use super::passed::{ASKED, Answered, Request};
use super::vigil::Vigil;
use super::{convert, motions, robot::fingerprint, solids};
use crate::graph::reins::Reins;
use crate::graph::trace::Trace;
use crate::graph::{Body, BodyError};
use crate::recording::Tape;
use bridge::ros::{self, About, Ask, Detection3DArray, MarkerArray, Number, Taken};
use bridge::wire::{Heard, Present, Publisher, Role, Signer, Wire, WireError, topics};
use control::{
    Groups, Lease, LeaseId, LoopReport, MonotonicClock, MotionId, Order, Owner, Report, Status, TraceSample,
    World,
};
use core::time::Duration;
use mechanics::Arm;
use serde::de::DeserializeOwned;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use types::seams::{Camera, Clock as _};
use types::{Rejection, Scene, StopCategory, Time};

/// How long an answer of the robot may take: a motion is checked before it answers.
const ANSWER: Duration = Duration::from_millis(500);
/// How long the robot is waited for at first.
const FIRST: Duration = Duration::from_secs(3);
/// After such a silence the robot is not driven any more, seconds. What it does by itself begins much earlier.
const SILENT_S: f64 = 1.0;
/// Statuses and reports that may wait.
const STATUSES: usize = 64;
const REPORTS: usize = 1024;
/// One row of the trace each.
const TRACE_EVERY: Duration = Duration::from_millis(10);

/// The robot's time, as it is known here. Clones are the same.
#[derive(Clone)]
pub(super) struct RobotTime {
    own: MonotonicClock,
    ahead_ns: Arc<AtomicI64>,
    latest: Arc<AtomicI64>,
}

impl RobotTime {
    fn new(own: MonotonicClock, ahead_ns: i64) -> Self {
        let at = |ns| Arc::new(AtomicI64::new(ns));
        Self { own, ahead_ns: at(ahead_ns), latest: at(0) }
    }

    /// Never decreases, whatever is learned of the robot's clock.
    pub(super) fn now(&self) -> Time {
        let now = self.own.now().as_nanos().saturating_add(self.ahead_ns.load(Ordering::Relaxed));
        Time::from_nanos(now.max(self.latest.fetch_max(now, Ordering::Relaxed)))
    }

    /// A time of the robot's by this node's clock.
    fn own(&self, time: Time) -> Time {
        Time::from_nanos(time.as_nanos().saturating_sub(self.ahead_ns.load(Ordering::Relaxed)))
    }
}

/// See the head of this file.
pub(super) struct WiredBody {
    wire: Wire,
    robot: u64,
    arm: Arc<Arm>,
    time: RobotTime,
    reins: WiredReins,
    statuses: Heard<ros::Status>,
    reports: Heard<ros::Report>,
    polled: VecDeque<Report>,
    newest: Status,
    /// When it was heard, by this node's clock.
    heard: Time,
    cameras: Vec<Box<dyn Camera>>,
    trace: Trace,
    cancelled: Arc<AtomicUsize>,
    /// Whoever plans shows what is believed to be on the table.
    shows: Option<Shows>,
}

/// See [`Body::show`].
struct Shows {
    detections: Publisher<Detection3DArray>,
    markers: Publisher<MarkerArray>,
}

impl Shows {
    fn new(wire: &Wire) -> Result<Option<Self>, WireError> {
        if wire.role() != Role::Planner {
            return Ok(None);
        }
        let (detections, markers) =
            (wire.publisher(&topics::SCENE, "detections")?, wire.publisher(&topics::SCENE, "markers")?);
        Ok(Some(Self { detections, markers }))
    }
}

/// Who of this robot is there in a role; the first of several.
pub(super) fn find(wire: &Wire, role: Role) -> Result<Present, WireError> {
    let all = wire.present()?;
    let missing = || Rejection::new("zenoh.robot", format!("a {} node that is there", role.word()), "none");
    Ok(all.into_iter().find(|p| p.role == role).ok_or_else(missing)?)
}

/// What a node says of itself.
pub(super) fn about(wire: &Wire, node: u64) -> Result<About, WireError> {
    wire.ask(&topics::ABOUT, &format!("{node:016x}"), &Ask { nonce: 0 }, ANSWER)
}

impl WiredBody {
    /// Claims for somebody of lower rank from now on.
    pub(super) fn speak_for(&mut self, owner: Owner) {
        self.reins.owner = Some(owner);
    }

    /// Takes the reins of the robot that is there. `cancelled` counts how often the person has given up.
    ///
    /// # Errors
    /// [`WireError`] when there is none, it is another arm than this node reckons with, or it lets nobody in.
    pub(super) fn connect(
        wire: &Wire,
        own: MonotonicClock,
        arm: &Arc<Arm>,
        signer: Signer,
        cancelled: Arc<AtomicUsize>,
    ) -> Result<Self, WireError> {
        let robot = find(wire, Role::Robot)?.id;
        let said = about(wire, robot)?;
        let ours = fingerprint(arm);
        if !said.offers.contains(&ours) {
            let theirs = said.offers.first().cloned().unwrap_or_default();
            return Err(Rejection::new("robot.profile", format!("the robot's own ({theirs})"), ours).into());
        }
        let time = RobotTime::new(own, wire.handshake(robot)?.ahead_ns());
        let vigil = keeps_alive(wire, own, &signer)?;
        let reins = WiredReins {
            wire: wire.clone(),
            signer,
            time: time.clone(),
            vigil: vigil.clone(),
            world: None,
            slowed: None,
            failed: None,
            owner: None,
            tape: Tape::default(),
        };
        let mut cameras: Vec<Box<dyn Camera>> = Vec::new();
        for name in said.offers.iter().filter_map(|o| o.strip_prefix("camera ")) {
            cameras.push(Box::new(WiredCamera::new(wire, name, (time.clone(), vigil.clone()))?));
        }
        let (statuses, reports) =
            (wire.hear(&topics::STATUS, "", STATUSES)?, wire.hear(&topics::REPORT, "", REPORTS)?);
        let began = own.now();
        let newest = loop {
            let heard: Option<ros::Status> = statuses.take_within(Duration::from_millis(100));
            match heard.map(|m| convert::status(&m, arm.n_joints())).transpose()? {
                Some(status) => break status,
                None if own.now().since(began) > FIRST => {
                    return Err(WireError::Silent { key: "status".into(), limit: FIRST });
                }
                None => {}
            }
        };
        Ok(Self {
            wire: wire.clone(),
            robot,
            arm: arm.clone(),
            time,
            reins,
            statuses,
            reports,
            polled: VecDeque::new(),
            newest,
            heard: own.now(),
            cameras,
            trace: Trace::default(),
            cancelled,
            shows: Shows::new(wire)?,
        })
    }

    /// The robot node's number.
    pub(super) fn robot(&self) -> u64 {
        self.robot
    }

    fn hear(&mut self) {
        while let Some(message) = self.statuses.take() {
            let Ok(status) = convert::status(&message, self.arm.n_joints()) else { continue };
            if status.ticks < self.newest.ticks {
                continue;
            }
            self.heard = self.wire.now();
            let is_due = self.trace.samples().last().is_none_or(|s| status.now.since(s.stamp) >= TRACE_EVERY);
            if let Some(measured) = status.measured.filter(|_| is_due) {
                let c = status.command;
                self.trace.push(TraceSample {
                    stamp: status.now,
                    q: c.q,
                    dq: c.dq,
                    ddq: c.ddq,
                    tau: c.tau,
                    measured_q: measured.q,
                    measured_dq: measured.dq,
                    measured_tau: measured.tau,
                    enabled: c.enabled,
                });
            }
            self.newest = status;
        }
        while let Some(report) = self.reports.take() {
            let report = parsed::<Report>(&report.json);
            if let Some(Report::Lost(lease)) = report {
                self.reins.vigil.forget(lease);
            }
            self.polled.extend(report);
        }
        if let Some(clock) = self.wire.clock_of(self.robot) {
            self.time.ahead_ns.store(clock.ahead_ns(), Ordering::Relaxed);
        }
    }
}

fn parsed<T: DeserializeOwned>(json: &str) -> Option<T> {
    serde_json::from_str(json).ok()
}

impl Body for WiredBody {
    fn now(&self) -> Time {
        self.time.now()
    }

    fn show(&mut self, scene: &Scene) {
        let Some(shows) = &self.shows else { return };
        // Who misses it sees the next.
        let said = shows.detections.put(&Detection3DArray::new(scene));
        if let Err(e) = said.and_then(|()| shows.markers.put(&MarkerArray::new(scene))) {
            eprintln!("warning: what is on the table: {e}");
        }
    }

    fn clock(&self) -> Box<crate::mission::Clock> {
        let time = self.time.clone();
        Box::new(move || time.now())
    }

    fn reins(&mut self) -> &mut dyn Reins {
        &mut self.reins
    }

    fn status(&mut self) -> Status {
        self.hear();
        self.newest
    }

    fn poll(&mut self) -> Option<Report> {
        if self.polled.is_empty() {
            self.hear();
        }
        self.polled.pop_front()
    }

    fn interrupts(&mut self) -> usize {
        crate::interrupt::count() + self.cancelled.load(Ordering::Relaxed)
    }

    fn cameras(&mut self) -> &mut [Box<dyn Camera>] {
        &mut self.cameras
    }

    fn advance(&mut self, span: Duration) -> Result<(), BodyError> {
        let own = &mut self.time.own;
        let until = own.now() + span;
        own.sleep_until(until);
        if crate::interrupt::is_emergency() {
            self.reins.stop(StopCategory::One);
        }
        self.hear();
        if let Some(why) = self.reins.failed.take().or_else(|| self.reins.vigil.take_failed()) {
            return Err(BodyError::Line(why));
        }
        let silent_s = self.wire.now().secs_since(self.heard);
        if silent_s > SILENT_S {
            return Err(BodyError::Line(format!("the robot has not been heard of for {silent_s:.1} s")));
        }
        Ok(())
    }

    fn trace(&mut self) -> &Trace {
        &self.trace
    }

    fn finish(self: Box<Self>) -> Option<LoopReport> {
        None
    }
}

/// What says signs of life under a session, by this node's clock.
fn keeps_alive(wire: &Wire, own: MonotonicClock, signer: &Signer) -> Result<Vigil, WireError> {
    let (alive, signer) = (wire.publisher(&topics::ALIVE, "")?, signer.clone());
    let says = move |lease: LeaseId, at: Time| {
        let sign = ros::Lease { lease: lease.0, at: at.as_nanos() };
        alive.put_signed(&sign, &signer).map_err(|e| e.to_string())
    };
    Ok(Vigil::start(Box::new(move || own.now()), Box::new(says))?)
}

/// What is asked of the loop, signed.
struct WiredReins {
    wire: Wire,
    signer: Signer,
    time: RobotTime,
    vigil: Vigil,
    /// The stamp of the newest world, in the robot's time and by this node's clock, ns.
    world: Option<(Time, i64)>,
    /// What was asked last of how fast the arm may run.
    slowed: Option<f64>,
    /// Something that could not be said and that nobody was told of.
    failed: Option<String>,
    /// For whom it claims, if not for the node itself.
    owner: Option<Owner>,
    tape: Tape,
}

impl WiredReins {
    fn ask<Q: ros::Message>(&self, topic: &topics::Topic, question: &Q) -> Result<u64, Rejection> {
        let _waits = self.vigil.wait(ANSWER);
        match self.wire.command::<Q, Taken>(&self.signer, topic, question, ANSWER) {
            Ok(taken) => Ok(taken.id),
            Err(WireError::Refused(why)) => Err(why),
            Err(why) => Err(Rejection::new("line", "an answer of the robot", why.to_string())),
        }
    }

    /// Claims, for the node itself where nobody is named.
    fn claim_by(&mut self, now: Time, owner: Option<Owner>, groups: Groups) -> Result<Lease, Rejection> {
        let word = match groups {
            Groups::Arm => "arm",
            Groups::Gripper => "gripper",
            Groups::All => "all",
        };
        let named = owner.map_or("", Owner::word).to_owned();
        let claim = ros::Claim { groups: word.to_owned(), deadline_s: 0.0, owner: named };
        let owner = owner.unwrap_or(Owner::Planner);
        let request = || Request::Claim { now, owner, groups, deadline_s: None };
        let lease = Lease::new(LeaseId(self.noted(&topics::CLAIM, &claim, request)?), groups);
        self.vigil.hold(lease.id());
        Ok(lease)
    }

    /// Asks, and notes the request as a replay will make it, with its answer.
    fn noted<Q: ros::Message>(
        &self,
        topic: &topics::Topic,
        question: &Q,
        request: impl FnOnce() -> Request,
    ) -> Result<u64, Rejection> {
        let answer = self.ask(topic, question);
        self.tape.note::<Answered>(ASKED, || (request(), answer.clone()));
        answer
    }
}

impl Drop for WiredReins {
    /// Gives back what it holds, which is no request of a mission's: who comes next has not to wait until that is over by
    /// itself.
    fn drop(&mut self) {
        for lease in self.vigil.end() {
            let lease = ros::Lease { lease: lease.0, at: self.wire.now().as_nanos() };
            // Where nobody answers it is over soon.
            let _ = self.wire.command::<_, Taken>(&self.signer, &topics::RELEASE, &lease, ANSWER);
        }
    }
}

impl Reins for WiredReins {
    fn note_on(&mut self, tape: Tape) {
        self.tape = tape;
    }

    fn activate(&mut self, now: Time) -> Result<(), Rejection> {
        self.noted(&topics::ACTIVATE, &Ask { nonce: 0 }, || Request::Activate(now)).map(|_| ())
    }

    fn claim(&mut self, now: Time, groups: Groups) -> Result<Lease, Rejection> {
        self.claim_by(now, self.owner, groups)
    }

    fn claim_as(&mut self, now: Time, owner: Owner, groups: Groups) -> Result<Lease, Rejection> {
        self.claim_by(now, Some(owner), groups)
    }

    fn release(&mut self, now: Time, lease: &Lease) -> Result<(), Rejection> {
        self.vigil.forget(lease.id());
        let request = || Request::Release { now, lease: lease.id() };
        let lease = ros::Lease { lease: lease.id().0, at: self.time.own(now).as_nanos() };
        match self.noted(&topics::RELEASE, &lease, request) {
            // It was over already.
            Err(why) if why.field == "lease" => Ok(()),
            said => said.map(|_| ()),
        }
    }

    fn submit(&mut self, order: Order, _: &Status) -> Result<MotionId, Rejection> {
        let message = motions::message(&order, |t| self.time.own(t));
        self.noted(&topics::ORDER, &message, || Request::of_order(&order)).map(MotionId)
    }

    fn keep_alive(&mut self, lease: &Lease, now: Time) {
        // What is not said the robot notices by itself.
        self.vigil.say(lease.id(), self.time.own(now));
    }

    fn watch(&mut self, world: World) -> Result<(), Rejection> {
        let mut message = solids::message(&world, |t| self.time.own(t));
        // What is learned of the robot's clock must not make the same picture older.
        if let Some((stamp, own)) = self.world.filter(|(stamp, _)| world.stamp >= *stamp) {
            message.stamp = message.stamp.max(own);
            self.world = Some((stamp.max(world.stamp), message.stamp));
        } else {
            self.world = Some((world.stamp, message.stamp));
        }
        self.noted(&topics::WORLD, &message, || Request::of_world(&world)).map(|_| ())
    }

    fn slow(&mut self, factor: f64) {
        if self.slowed == Some(factor) {
            // Known already; a replay asks all the same.
            self.tape.note::<Answered>(ASKED, || (Request::Slow(factor), Ok(0)));
            return;
        }
        self.slowed = Some(factor);
        let question = Number { value: factor, at: 0 };
        if let Err(e) = self.noted(&topics::SLOW, &question, || Request::Slow(factor)) {
            self.failed.get_or_insert(format!("slower: {e}"));
        }
    }

    fn stop(&mut self, category: StopCategory) {
        let value = match category {
            StopCategory::Zero => 0.0,
            StopCategory::One => 1.0,
            StopCategory::Two => 2.0,
        };
        if let Err(e) = self.noted(&topics::STOP, &Number { value, at: 0 }, || Request::Stop(category)) {
            self.failed.get_or_insert(format!("a stop: {e}"));
        }
    }
}
