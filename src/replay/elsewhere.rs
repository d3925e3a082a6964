//! A planner's part of a run once more: the robot elsewhere says what it said, and every request to it is compared.

use crate::graph::reins::Reins;
use crate::graph::taped::{ADVANCE, FAR_POLL, FAR_STATUS, INTERRUPTS, NOW, absent};
use crate::graph::trace::Trace;
use crate::graph::{Body, BodyError};
use crate::node::passed::{ASKED, Answered, Request, status_read};
use crate::recording::Tape;
use control::{Groups, Lease, LeaseId, LoopReport, MotionId, Order, Owner, Report, Status, World};
use core::time::Duration;
use mechanics::Arm;
use std::sync::{Arc, Mutex, PoisonError};
use types::seams::Camera;
use types::{Rejection, StopCategory, Time};

/// What came of the requests.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) asked: u64,
    pub(super) different: u64,
    /// The first that is another, in words.
    pub(super) first: Option<String>,
    pub(super) problem: Option<String>,
    /// The time of the first thing that was asked for and of the last.
    pub(super) span: Option<(Time, Time)>,
}

/// See the head of this file.
pub(super) struct Elsewhere {
    arm: Arc<Arm>,
    tape: Tape,
    newest: Status,
    reins: Compares,
    cameras: Vec<Box<dyn Camera>>,
    trace: Trace,
}

struct Compares {
    tape: Tape,
    requests: Arc<Mutex<Requests>>,
}

impl Elsewhere {
    /// Of an arm that is as `newest` until it says more; `requests` is told how it goes.
    pub(super) fn new(
        (arm, newest): (Arc<Arm>, Status),
        tape: Tape,
        cameras: &[String],
        requests: Arc<Mutex<Requests>>,
    ) -> Self {
        let reins = Compares { tape: tape.clone(), requests };
        Self { arm, tape, newest, reins, cameras: absent(cameras), trace: Trace::default() }
    }
}

impl Compares {
    fn with<T>(&self, f: impl FnOnce(&mut Requests) -> T) -> T {
        f(&mut self.requests.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the robot answered to this request, or to the one that was made instead.
    fn ask(&self, request: &Request) -> Result<u64, Rejection> {
        let Some((recorded, answer)) = self.tape.take(ASKED, Option::<Answered>::default) else {
            return Err(Rejection::new(
                "replay",
                "what the robot answered",
                "a replay that has left its recording",
            ));
        };
        // As text a zero has its sign, and every number its bits.
        let [was, is] = [&recorded, request].map(|r| serde_json::to_string(r).unwrap_or_default());
        self.with(|requests| {
            requests.asked += 1;
            if was != is {
                requests.different += 1;
                let n = requests.asked;
                requests
                    .first
                    .get_or_insert_with(|| format!("request {n} is {is:.120}, recorded {was:.120}"));
            }
        });
        answer
    }
}

impl Reins for Compares {
    fn activate(&mut self, now: Time) -> Result<(), Rejection> {
        self.ask(&Request::Activate(now)).map(|_| ())
    }

    fn claim(&mut self, now: Time, groups: Groups) -> Result<Lease, Rejection> {
        self.claim_as(now, Owner::Planner, groups)
    }

    fn claim_as(&mut self, now: Time, owner: Owner, groups: Groups) -> Result<Lease, Rejection> {
        let id = self.ask(&Request::Claim { now, owner, groups, deadline_s: None })?;
        Ok(Lease::new(LeaseId(id), groups))
    }

    fn release(&mut self, now: Time, lease: &Lease) -> Result<(), Rejection> {
        match self.ask(&Request::Release { now, lease: lease.id() }) {
            // As when it was over already.
            Err(why) if why.field == "lease" => Ok(()),
            said => said.map(|_| ()),
        }
    }

    fn submit(&mut self, order: Order, _: &Status) -> Result<MotionId, Rejection> {
        self.ask(&Request::of_order(&order)).map(MotionId)
    }

    fn keep_alive(&mut self, _: &Lease, _: Time) {}

    fn watch(&mut self, world: World) -> Result<(), Rejection> {
        self.ask(&Request::of_world(&world)).map(|_| ())
    }

    fn slow(&mut self, factor: f64) {
        // Whoever does not hear it goes on as fast: that was seen when it was recorded.
        let _ = self.ask(&Request::Slow(factor));
    }

    fn stop(&mut self, category: StopCategory) {
        let _ = self.ask(&Request::Stop(category));
    }
}

impl Body for Elsewhere {
    fn now(&self) -> Time {
        let now = self.tape.take(NOW, Time::default);
        if self.tape.divergence().is_none() {
            self.reins.with(|r| r.span = Some((r.span.map_or(now, |(first, _)| first), now)));
        }
        now
    }

    fn clock(&self) -> Box<crate::mission::Clock> {
        let tape = self.tape.clone();
        Box::new(move || tape.take(NOW, Time::default))
    }

    fn reins(&mut self) -> &mut dyn Reins {
        &mut self.reins
    }

    fn status(&mut self) -> Status {
        let noted = self.tape.take(FAR_STATUS, Option::<String>::default);
        match noted.map(|noted| status_read(&noted, &self.arm)) {
            Some(Ok(status)) => self.newest = status,
            Some(Err(why)) => self.reins.with(|r| _ = r.problem.get_or_insert(why.to_string())),
            None => {}
        }
        self.newest
    }

    fn poll(&mut self) -> Option<Report> {
        self.tape.take(FAR_POLL, Option::default)
    }

    fn interrupts(&mut self) -> usize {
        self.tape.take(INTERRUPTS, usize::default)
    }

    fn cameras(&mut self) -> &mut [Box<dyn Camera>] {
        &mut self.cameras
    }

    fn advance(&mut self, _: Duration) -> Result<(), BodyError> {
        let failed: Option<String> = self.tape.take(ADVANCE, Option::default);
        if let Some(d) = self.tape.divergence() {
            return Err(BodyError::Line(format!("the replay has left its recording: {d}")));
        }
        failed.map_or(Ok(()), |why| Err(BodyError::Line(why)))
    }

    fn trace(&mut self) -> &Trace {
        &self.trace
    }

    fn finish(self: Box<Self>) -> Option<LoopReport> {
        None
    }
}
