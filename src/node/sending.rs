//! Motions line by line, from a person's script, a stick or a policy elsewhere, to the robot node: each under one lease, as
//! the operator's.

use super::NodeError;
use super::body::WiredBody;
use super::fingers::Fingers;
use super::lines::{Comply, Line};
use crate::graph::{Body, waking::Waking};
use bridge::wire::{Signer, Wire};
use control::{
    Chunk, Compliance, Groups, Lease, Mode, MonotonicClock, Motion, MotionId, Order, Owner, RefusedWhy,
    Report, Request, Twist, TwistAxes, World,
};
use core::time::Duration;
use mechanics::Arm;
use std::collections::VecDeque;
use std::io::{BufRead, Read as _};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use types::{GripperCommand, JointVector, Rejection, Time, Transform};

/// Between two looks at lines, reports and the person.
const SLICE: Duration = Duration::from_millis(5);
/// What is steered for a while is ordered again so often: it counts for a tenth of a second.
const AGAIN: Duration = Duration::from_millis(20);
/// The arm comes to rest when no line has steered it again for so long.
const STEERS: Duration = Duration::from_millis(60);
/// A loop grants a lease, or says why not, within this.
const GRANTS: Duration = Duration::from_secs(2);
/// A line that came too late to the loop is ordered again for so long.
const TRIES: Duration = Duration::from_secs(1);
/// For how long it is said that nothing else stands around the arm, and how often.
const HOLDS: Duration = Duration::from_secs(1);
/// A chunk may wait for so long for its turn.
const CHUNK_COUNTS: Duration = Duration::from_secs(2);
/// A motion takes no longer, seconds, nor does a line wait.
const LONGEST_S: f64 = 120.0;
/// No line is longer, bytes.
const LONGEST_LINE: u64 = 1 << 20;
/// Orders that are known as this one's.
const ORDERS: usize = 256;
/// Lines that may wait.
const LINES: usize = 64;

/// What is waited for before the next line.
enum Doing {
    Nothing,
    /// The fingers' rest.
    Grips(Fingers),
    /// The end of this motion, before then.
    Motion(MotionId, Time),
    /// That instant.
    Until(Time),
    /// The same motion again until then; next at.
    Again(Box<Motion>, Time, Time),
}

/// Sends what `lines` says to the robot that is there, for `owner`, until they end and the arm holds. `tells` hears what came of each.
///
/// # Errors
/// [`NodeError`] when nobody is there, a line is no motion or is refused, by its number, or the arm was stopped. The arm
/// comes to rest then. `clock` is the wire's own.
pub(crate) fn send(
    arm: &Arc<Arm>,
    (wire, clock, signer): (&Wire, MonotonicClock, Signer),
    owner: Owner,
    lines: impl BufRead + Send + 'static,
    tells: impl FnMut(&str),
) -> Result<(), NodeError> {
    let mut body = WiredBody::connect(wire, clock, arm, signer, Arc::new(AtomicUsize::new(0)))?;
    body.speak_for(owner);
    power(&mut body)?;
    let now = body.now();
    let lease = body.reins().claim(now, Groups::All).map_err(refused)?;
    granted(&mut body, &lease)?;
    let mut sender = Sender {
        arm: arm.clone(),
        body,
        lease,
        world_told: None,
        doing: Doing::Nothing,
        steered: None,
        rests: None,
        chunk_over: Time::ZERO,
        mine: VecDeque::new(),
        late_since: None,
        newest: None,
        n: 0,
        tells,
    };
    let done = sender.run(&read(lines));
    let now = sender.body.now();
    let released = sender.body.reins().release(now, &sender.lease);
    done.and(released.map_err(refused))
}

/// Reads lines in a thread of its own: whoever writes them may take their time.
fn read(mut lines: impl BufRead + Send + 'static) -> Receiver<Result<String, String>> {
    let (put, take) = sync_channel(LINES);
    std::thread::spawn(move || {
        loop {
            let mut line = String::new();
            let read = (&mut lines).take(LONGEST_LINE).read_line(&mut line);
            let line = match read {
                Ok(0) => return,
                Ok(n) if n as u64 == LONGEST_LINE => Err(format!("more than {LONGEST_LINE} bytes")),
                Ok(_) => Ok(line),
                Err(e) => Err(e.to_string()),
            };
            let is_bad = line.is_err();
            if put.send(line).is_err() || is_bad {
                return;
            }
        }
    });
    take
}

fn refused(why: Rejection) -> NodeError {
    NodeError::Wire(why.into())
}

fn said(field: String, expected: &'static str, got: impl Into<String>) -> NodeError {
    refused(Rejection::new(field, expected, got.into()))
}

/// The arm holds, with power.
fn power(body: &mut WiredBody) -> Result<(), NodeError> {
    let mut waking = Waking::begin(body).map_err(refused)?;
    while !matches!(body.status().mode, Mode::Hold | Mode::Follow | Mode::Servo) {
        waking.go_on(body).map_err(refused)?;
        body.advance(SLICE)?;
        while let Some(report) = body.poll() {
            // Somebody else may have been first.
            if let Report::Refused { request: Request::Activate, why, .. } = report
                && why != RefusedWhy::AlreadyActive
            {
                return Err(said("robot".into(), "a loop that gives power", format!("{why:?}")));
            }
        }
    }
    Ok(())
}

/// The arm is this one's: whoever had it is told, and comes to rest.
fn granted(body: &mut WiredBody, lease: &Lease) -> Result<(), NodeError> {
    let since = body.now();
    loop {
        let now = body.now();
        body.reins().keep_alive(lease, now);
        body.advance(SLICE)?;
        while let Some(report) = body.poll() {
            match report {
                Report::Granted(id) if id == lease.id() => return Ok(()),
                Report::Refused { id: None, request: Request::Claim, why } => {
                    let expected = "an arm that nobody of this rank or a higher one moves";
                    return Err(said("lease".into(), expected, format!("{why:?}")));
                }
                _ => {}
            }
        }
        if now.since(since) > GRANTS {
            return Err(said("lease".into(), "to be granted", "no word of it"));
        }
    }
}

struct Sender<T> {
    arm: Arc<Arm>,
    body: WiredBody,
    lease: Lease,
    world_told: Option<Time>,
    doing: Doing,
    /// Until when the arm is steered: then it comes to rest, before what steers it is over.
    steered: Option<Time>,
    /// Coming to rest, during which nothing else is taken.
    rests: Option<MotionId>,
    /// When the newest chunk is over.
    chunk_over: Time,
    /// What was ordered here, and whether it steered: others may be refused something, too.
    mine: VecDeque<(MotionId, bool)>,
    /// Since when everything that steers comes too late.
    late_since: Option<Time>,
    /// The newest order, and since when it is given.
    newest: Option<(MotionId, Motion, Time)>,
    /// The number of the newest line.
    n: usize,
    tells: T,
}

impl<T: FnMut(&str)> Sender<T> {
    fn run(&mut self, lines: &Receiver<Result<String, String>>) -> Result<(), NodeError> {
        let (mut is_over, mut rests_by) = (false, None);
        loop {
            let now = self.body.now();
            self.body.reins().keep_alive(&self.lease, now);
            self.tell_world(now)?;
            // A loop elsewhere takes its time to answer.
            let now = self.body.now();
            self.hear()?;
            self.go_on(now)?;
            if crate::interrupt::count() > 0 {
                self.body.reins().stop(types::StopCategory::Two);
                return Err(said("lines".into(), "to be carried out", "an interruption"));
            }
            if matches!(self.doing, Doing::Nothing) && self.rests.is_none() {
                match lines.try_recv() {
                    Ok(line) => {
                        self.n += 1;
                        let line = line.map_err(|e| said(format!("line {}", self.n), "text", e))?;
                        if !line.trim().is_empty() {
                            self.start(&line, now)?;
                            continue;
                        }
                    }
                    Err(TryRecvError::Empty) => {}
                    Err(TryRecvError::Disconnected) => {
                        is_over = true;
                        // Nobody steers on.
                        self.steered = self.steered.map(|until| until.min(now));
                    }
                }
            }
            if is_over && matches!(self.doing, Doing::Nothing) && now >= self.chunk_over {
                let by = *rests_by.get_or_insert(now + Duration::from_secs_f64(LONGEST_S));
                let status = self.body.status();
                let stands = status.command.dq.iter().all(|v| *v == 0.0);
                if status.mode == Mode::Hold || (stands && status.mode == Mode::Follow) || now > by {
                    return Ok(());
                }
            }
            self.body.advance(SLICE)?;
        }
    }

    /// Nobody says what stands around: walls are the loop's own, and a person looks.
    fn tell_world(&mut self, now: Time) -> Result<(), NodeError> {
        if self.world_told.is_some_and(|at| now.since(at) < HOLDS / 4) {
            return Ok(());
        }
        self.world_told = Some(now);
        let world = World { stamp: now, expires: now + HOLDS, things: Vec::new(), held: None };
        self.body.reins().watch(world).map_err(refused)
    }

    /// What the loop tells.
    fn hear(&mut self) -> Result<(), NodeError> {
        while let Some(report) = self.body.poll() {
            match report {
                Report::Finished(id) => {
                    if self.rests == Some(id) {
                        self.rests = None;
                    }
                    if matches!(self.doing, Doing::Motion(mine, _) if mine == id) {
                        self.doing = Doing::Nothing;
                        (self.tells)(&format!("line {}: done", self.n));
                    }
                }
                Report::Lost(lease) if lease == self.lease.id() => {
                    return Err(said(
                        "lease".into(),
                        "to be held to the last line",
                        format!("lost at line {}", self.n),
                    ));
                }
                Report::Refused { id: Some(id), request, why } => {
                    let Some((_, steered)) = self.mine.iter().find(|(mine, _)| *mine == id).copied() else {
                        continue;
                    };
                    if why == RefusedWhy::Stale && self.order_again(id, steered)? {
                        continue;
                    }
                    let field = format!("line {} ({request:?})", self.n);
                    return Err(said(field, "a motion that the loop takes", format!("{why:?}")));
                }
                Report::Started(id) if self.mine.iter().any(|(mine, _)| *mine == id) => {
                    self.late_since = None
                }
                Report::Fault { fault, .. } => (self.tells)(fault.id()),
                _ => {}
            }
        }
        Ok(())
    }

    /// An order was under way for too long and was not carried out: whether something comes of its line all the same.
    fn order_again(&mut self, late: MotionId, steered: bool) -> Result<bool, NodeError> {
        // The next one comes soon, or is there already; without one the arm rests.
        if steered {
            (self.tells)(&format!("line {}: too late, left out", self.n));
            let now = self.body.now();
            return Ok(now.since(*self.late_since.get_or_insert(now)) < TRIES);
        }
        match self.newest.take() {
            Some((id, motion, since)) if id == late && self.body.now().since(since) < TRIES => {
                let now = self.body.now();
                let id = self.order(motion.clone(), now)?;
                self.newest = Some((id, motion, since));
                if self.rests == Some(late) {
                    self.rests = Some(id);
                }
                if let Doing::Motion(waited, _) = &mut self.doing
                    && *waited == late
                {
                    *waited = id;
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What was begun goes on.
    fn go_on(&mut self, now: Time) -> Result<(), NodeError> {
        let gripper = self.body.status().measured.map(|m| m.gripper);
        match &mut self.doing {
            Doing::Grips(fingers) => {
                if let Some(is_there) = gripper.and_then(|state| fingers.look(now, &state)) {
                    self.doing = Doing::Nothing;
                    let said = if is_there { "done" } else { "the fingers rest on something" };
                    (self.tells)(&format!("line {}: {said}", self.n));
                }
            }
            Doing::Until(until) if now >= *until => self.doing = Doing::Nothing,
            Doing::Motion(_, by) if now > *by => {
                return Err(said(
                    format!("line {}", self.n),
                    "a motion that ends within two minutes",
                    "none",
                ));
            }
            Doing::Again(_, until, _) if now >= *until => {
                self.doing = Doing::Nothing;
                // The next line may steer on; if it does not, this is its end.
                self.steered = Some(now + SLICE);
            }
            Doing::Again(motion, until, next) if now >= *next => {
                let (motion, until) = (motion.clone(), *until);
                self.order((*motion).clone(), now)?;
                self.doing = Doing::Again(motion, until, now + AGAIN);
            }
            _ => {}
        }
        if self.steered.is_some_and(|until| now >= until) {
            self.steered = None;
            self.rests = Some(self.order(Motion::Hold, now)?);
        }
        Ok(())
    }

    fn start(&mut self, line: &str, now: Time) -> Result<(), NodeError> {
        let at = |field: &str| format!("line {}{field}", self.n);
        let line: Line = serde_json::from_str(line)
            .map_err(|e| said(at(""), "a motion as JSON (see the README)", format!("{e}: {line}")))?;
        let named = |r: Rejection| refused(Rejection::new(at(&format!(": {}", r.field)), r.expected, r.got));
        let joints = |v: &[f64]| JointVector::from_slice(v).map_err(named);
        let by = now + Duration::from_secs_f64(LONGEST_S);
        let span = |s: f64| match s {
            s if (0.0..=LONGEST_S).contains(&s) => Ok(Duration::from_secs_f64(s)),
            s => Err(said(at(""), "0 to 120 seconds", s.to_string())),
        };
        let steers = |motion: Motion, for_s: Option<f64>| -> Result<_, NodeError> {
            Ok((
                motion.clone(),
                for_s.map(span).transpose()?.map(|s| Doing::Again(Box::new(motion), now + s, now + AGAIN)),
            ))
        };
        let (motion, doing) = match line {
            Line::Wait { s } => {
                self.doing = Doing::Until(now + span(s)?);
                return Ok(());
            }
            Line::Velocity { rad_s, for_s } => steers(Motion::Velocity(joints(&rad_s)?), for_s)?,
            Line::Twist { linear_m_s, angular_rad_s, axes, for_s } => {
                steers(Motion::Twist(Twist { linear_m_s, angular_rad_s, axes: axes.into() }), for_s)?
            }
            Line::Chunk { points, .. } if points.is_empty() => {
                return Err(said(at(": chunk.points"), "one point at least", "none"));
            }
            Line::Chunk { points, period_s, age_s, grip } => {
                let n = points.len();
                let points = points.iter().map(|p| joints(p)).collect::<Result<_, _>>()?;
                let stamp = Time::from_nanos(now.as_nanos().saturating_sub(span(age_s)?.as_nanos() as i64));
                let order = self
                    .lease
                    .order(stamp, Motion::Chunk(Chunk { points, period_s, grip: grip.map(Into::into) }));
                let order = Order { expires: stamp + CHUNK_COUNTS, ..order };
                let way = Duration::from_secs_f64((period_s * n as f64).clamp(0.0, LONGEST_S));
                self.submit(order)?;
                // A policy's chunk is as old as it is.
                self.newest = None;
                self.chunk_over = stamp + way;
                return Ok(());
            }
            Line::Joints(q) => (Motion::Joints(joints(&q)?), None),
            Line::Pose { at_m, wxyz } => (Motion::Pose(Transform::new(at_m, wxyz).map_err(named)?), None),
            Line::Grip { width_m, force_n } => {
                let command = GripperCommand { width_m, force_n };
                let from_m = self.body.status().measured.map_or(0.0, |m| m.gripper.width_m);
                let fingers = Fingers::new(&self.arm, command, from_m, now);
                (Motion::Grip(command), Some(Doing::Grips(fingers)))
            }
            Line::Comply(Comply::Stiff) => (Motion::Comply(Compliance::Stiff), Some(Doing::Nothing)),
            Line::Comply(Comply::Tool { linear_n_m, angular_nm_rad, most_n, most_nm }) => {
                let tool = Compliance::Tool {
                    linear_n_m,
                    angular_nm_rad,
                    axes: TwistAxes::Tool,
                    damping_ratio: 1.0,
                    most_n,
                    most_nm,
                    posture_nm_rad: 0.0,
                };
                (Motion::Comply(tool), Some(Doing::Nothing))
            }
            Line::Hold {} => (Motion::Hold, None),
        };
        let is_steered = matches!(motion, Motion::Velocity(_) | Motion::Twist(_));
        let id = self.order(motion, now)?;
        self.steered = None;
        self.doing = match doing {
            Some(doing) => doing,
            None if is_steered => {
                self.steered = Some(now + STEERS);
                Doing::Nothing
            }
            None => Doing::Motion(id, by),
        };
        Ok(())
    }

    fn order(&mut self, motion: Motion, now: Time) -> Result<MotionId, NodeError> {
        let order = self.lease.order(now, motion.clone());
        let id = self.submit(order)?;
        self.newest = Some((id, motion, now));
        Ok(id)
    }

    fn submit(&mut self, order: Order) -> Result<MotionId, NodeError> {
        let named = |r: Rejection| Rejection::new(format!("line {}: {}", self.n, r.field), r.expected, r.got);
        let steered = matches!(order.motion, Motion::Velocity(_) | Motion::Twist(_));
        let seen = self.body.status();
        let id = self.body.reins().submit(order, &seen).map_err(|r| refused(named(r)))?;
        if self.mine.len() == ORDERS {
            self.mine.pop_front();
        }
        self.mine.push_back((id, steered));
        Ok(id)
    }
}
