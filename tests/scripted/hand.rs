//! Somebody in a test's own process who moves the arm over the wire, as a policy or a person does: with a session, a lease and
//! a clock of their own.

use super::nodes::{BEGINS, Nodes, check};
use bridge::ros::{self, Ask, Claim, Clock, Lease, Order, Status, Taken, World};
use bridge::wire::{Heard, Keyring, Role, Settings, Signer, Wire, WireError, topics};
use control::{LeaseId, MonotonicClock, RefusedWhy, Report, Request};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use types::Time;
use types::seams::Clock as _;

/// How long an answer may take on a busy machine.
const ANSWERS: Duration = Duration::from_secs(2);
/// Between two signs of life, and between two words that nothing stands around.
const LIVES: Duration = Duration::from_millis(10);
const TELLS: Duration = Duration::from_millis(200);
/// The arm has proven its encoders, and a motion has come to its end, within this.
const SOON: Duration = Duration::from_secs(30);

/// What became of an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Became {
    /// Under this number.
    Begun(u64),
    /// By the loop.
    Refused(RefusedWhy),
    /// At the gate, by the name of what is wrong.
    TurnedAway(String),
}

/// See the head of this file. When it is dropped it gives the arm back and falls silent.
pub struct Hand {
    pub wire: Wire,
    robot: u64,
    ahead_ns: Arc<AtomicI64>,
    signer: Signer,
    lease: Arc<AtomicU64>,
    sequence: u64,
    statuses: Heard<Status>,
    reports: Heard<ros::Report>,
    /// What it says that stands around the arm.
    things: Arc<Mutex<Vec<ros::Solid>>>,
    ends: Arc<AtomicBool>,
}

impl Hand {
    /// Its clock shows the robot's time and `ahead_ms` more.
    pub fn of(nodes: &Nodes, ahead_ms: i64) -> Self {
        let settings = Settings { robot: nodes.name.clone(), multicast: true, ..Settings::default() };
        let (own, ahead_ns) = (MonotonicClock::new(), Arc::new(AtomicI64::new(0)));
        let shown = ahead_ns.clone();
        let clock = move || Time::from_nanos(own.now().as_nanos() + shown.load(Ordering::Relaxed));
        let wire = Wire::open(&settings, Role::Operator, Arc::new(clock)).expect("it opens");
        let (robot, began) = (until_found(&wire), Instant::now());
        let theirs = loop {
            match wire.handshake(robot) {
                Ok(theirs) => break theirs.ahead_ns(),
                Err(e) => assert!(began.elapsed() < BEGINS, "{e}"),
            }
        };
        ahead_ns.store(theirs + ahead_ms * 1_000_000, Ordering::Relaxed);
        let questions = wire.answer(&[(&topics::CLOCK, &format!("{:016x}", wire.id()))]).expect("it answers");
        let (answering, ends) = (wire.clone(), Arc::new(AtomicBool::new(false)));
        let is_over = ends.clone();
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                if let Some(question) = questions.next_within(Duration::from_millis(100)) {
                    question.answer(&answering, &Clock { now: answering.now().as_nanos() });
                }
            }
        });
        let keyring = Keyring::of_this_machine(&nodes.folder.0.join("sinew").join(&nodes.name));
        let keyring = keyring.expect("the secret of this machine").of_role(Role::Operator);
        let signer = loop {
            match wire.session(Role::Robot, &keyring, ANSWERS) {
                Ok(signer) => break signer,
                Err(e) => assert!(began.elapsed() < BEGINS, "{e}"),
            }
        };
        let statuses = wire.hear(&topics::STATUS, "", 64).expect("it hears");
        let reports = wire.hear(&topics::REPORT, "", 1024).expect("it hears");
        let lease = Arc::new(AtomicU64::new(0));
        let things = Arc::default();
        let hand =
            Self { wire, robot, ahead_ns, signer, lease, sequence: 0, statuses, reports, things, ends };
        hand.lives();
        hand
    }

    /// From now on it says that it lives, and what stands around the arm: at first nothing.
    fn lives(&self) {
        let (wire, signer, lease) = (self.wire.clone(), self.signer.clone(), self.lease.clone());
        let ends = self.ends.clone();
        std::thread::spawn(move || {
            let alive = wire.publisher::<Lease>(&topics::ALIVE, "").expect("it may");
            while !ends.load(Ordering::Relaxed) {
                let (lease, at) = (lease.load(Ordering::Relaxed), wire.now().as_nanos());
                if lease != 0 {
                    let _ = alive.put_signed(&Lease { lease, at }, &signer);
                }
                std::thread::sleep(LIVES);
            }
        });
        let (wire, signer, ends) = (self.wire.clone(), self.signer.clone(), self.ends.clone());
        let around = self.things.clone();
        std::thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                let stamp = wire.now().as_nanos();
                let things = around.lock().expect("whole").clone();
                let world = World { stamp, expires: stamp + 1_000_000_000, things, ..World::default() };
                let _ = wire.command::<_, Taken>(&signer, &topics::WORLD, &world, ANSWERS);
                std::thread::sleep(TELLS);
            }
        });
    }

    /// From now on it says that these stand around the arm; whether the robot has taken that once.
    pub fn stands(&self, things: Vec<ros::Solid>) -> Result<(), String> {
        self.things.lock().expect("whole").clone_from(&things);
        let stamp = self.wire.now().as_nanos();
        let world = World { stamp, expires: stamp + 1_000_000_000, things, ..World::default() };
        self.command(&topics::WORLD, &world).map(drop).map_err(|e| e.to_string())
    }

    /// From now on it gives no sign of life.
    pub fn falls_silent(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// Sets its clock, as from outside: nobody is told.
    pub fn set_clock(&self, by_ms: i64) {
        self.ahead_ns.fetch_add(by_ms * 1_000_000, Ordering::Relaxed);
    }

    /// What the robot's clock shows, some time between the asking and the answer, ns.
    pub fn robots_time(&self) -> i64 {
        let of = format!("{:016x}", self.robot);
        let shows: Clock = self.wire.ask(&topics::CLOCK, &of, &Ask { nonce: 0 }, ANSWERS).expect("a clock");
        shows.now
    }

    fn command<Q: ros::Message>(&self, topic: &topics::Topic, question: &Q) -> Result<u64, WireError> {
        self.wire.command::<Q, Taken>(&self.signer, topic, question, ANSWERS).map(|taken| taken.id)
    }

    /// The newest status that is as it shall be.
    pub fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Result<Status, String> {
        let began = Instant::now();
        let mut newest = String::new();
        loop {
            while let Some(status) = self.statuses.take_within(Duration::from_millis(20)) {
                if is_so(&status) {
                    return Ok(status);
                }
                newest = format!("{status:?}");
                if began.elapsed() > SOON {
                    break;
                }
            }
            check(began.elapsed() < SOON, || format!("waited in vain: {what}: {newest}"))?;
        }
    }

    /// What is told of its session's doings; older reports are passed over.
    fn report<T>(&self, what: &str, pick: impl Fn(&Report) -> Option<T>) -> Result<T, String> {
        let began = Instant::now();
        loop {
            let report = self.reports.take_within(Duration::from_millis(100));
            let report = report.and_then(|r| serde_json::from_str::<Report>(&r.json).ok());
            if let Some(found) = report.and_then(|r| pick(&r)) {
                return Ok(found);
            }
            check(began.elapsed() < SOON, || format!("never told: {what}"))?;
        }
    }

    /// Has the arm powered, and takes it for this owner.
    pub fn takes(&mut self, owner: &str) -> Result<(), String> {
        let stands = |s: &Status| ["hold", "follow", "servo"].contains(&s.mode.as_str());
        if self.until("a status", |_| true)?.mode == "disarmed" {
            self.command(&topics::ACTIVATE, &Ask { nonce: 0 }).map_err(|e| e.to_string())?;
        }
        let after = self.until("power", |s| stands(s) || s.mode.starts_with("fault"))?;
        check(stands(&after), || format!("it cannot be moved: {after:?}"))?;
        let claim = Claim { groups: "all".into(), deadline_s: 0.0, owner: owner.into() };
        self.sequence = 0;
        let began = Instant::now();
        loop {
            let id = self.command(&topics::CLAIM, &claim).map_err(|e| e.to_string())?;
            self.lease.store(id, Ordering::Relaxed);
            let is_granted = self.report("what became of a claim", |r| match r {
                Report::Granted(granted) => (*granted == LeaseId(id)).then_some(true),
                Report::Refused { request: Request::Claim, .. } => Some(false),
                _ => None,
            })?;
            if is_granted {
                return Ok(());
            }
            // Whoever had it before is not forgotten yet.
            check(began.elapsed() < SOON, || "the arm is never its own".into())?;
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// An order that nobody has been told yet; it counts for `counts_ms`.
    pub fn order(&mut self, kind: &str, points: &[Vec<f64>], numbers: &[f64], counts_ms: i64) -> Order {
        let stamp = self.wire.now().as_nanos();
        self.sequence += 1;
        Order {
            lease: self.lease.load(Ordering::Relaxed),
            sequence: self.sequence,
            stamp,
            valid_from: stamp,
            expires: stamp + counts_ms * 1_000_000,
            kind: kind.into(),
            n_joints: points.first().map_or(0, Vec::len) as u32,
            q: points.concat(),
            numbers: numbers.to_vec(),
            ..Order::default()
        }
    }

    /// Says an order, and what became of it.
    pub fn says(&self, order: &Order) -> Result<Became, String> {
        let id = match self.command(&topics::ORDER, order) {
            Ok(id) => id,
            Err(WireError::Refused(why)) => return Ok(Became::TurnedAway(why.field.to_string())),
            Err(e) => return Err(e.to_string()),
        };
        self.report("what became of an order", |r| match r {
            Report::Started(begun) if begun.0 == id => Some(Became::Begun(id)),
            Report::Refused { id: Some(refused), why, .. } if refused.0 == id => Some(Became::Refused(*why)),
            _ => None,
        })
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        let (lease, at) = (self.lease.load(Ordering::Relaxed), self.wire.now().as_nanos());
        let _ = self.command(&topics::RELEASE, &Lease { lease, at });
        self.ends.store(true, Ordering::Relaxed);
    }
}

/// The number of the robot's node.
fn until_found(wire: &Wire) -> u64 {
    let began = Instant::now();
    loop {
        let present = wire.present().unwrap_or_default();
        if let Some(robot) = present.iter().find(|p| p.role == Role::Robot) {
            return robot.id;
        }
        assert!(began.elapsed() < BEGINS, "there is no robot");
        std::thread::sleep(Duration::from_millis(50));
    }
}
