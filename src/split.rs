//! A run that was split over processes, put together out of its parts: the robot's recording, with every tick and what its
//! gate passed on, the planner's, one of each sentence, with what it asked for and was answered, and the perception node's
//! (`split/perceived.rs`), with what it saw.
//!
//! Each recording says which part it is; that they are of one run is checked by what both hold: the robot's name and arm,
//! the robot node's number and the session's (both drawn at random), and every motion with its number, its lease and all
//! that it consists of, bit for bit.
//!
//! A planner's stamps are in the robot's time as it knew it: the middle of what questions to the robot's clock allow. One
//! that is answered after more than 50 ms counts for nothing, so that they are within 25 ms, and 0.2 ms more for each
//! second in which none was answered. The gate notes the same orders by what it knows itself, as early as they can have
//! been: how far the two stamps of a motion are apart ([`Agreement::apart_s`]) is measured, not believed.

mod perceived;
mod words;

pub(crate) use perceived::Perceived;
pub(crate) use words::{is_planners, order_words, sender_words};

use crate::dataset::within;
use crate::node::gate::OLDEST_S;
use crate::node::passed::{ASKED, Answered, PASSED, Passed, Request, Sender};
use crate::recording::{CONSUMED, Drives, EVENTS, FILE, OPERATOR, Share, describe};
use crate::replay::{Header, ReplayError};
use bridge::recording::Reader;
use bridge::ros::{self, Consumed};
use bridge::wire::Role;
use control::{MotionId, Owner};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use types::{Rejection, Time};

/// Folders in a folder are looked into so deep: a node's, and a sentence's in it.
const DEPTH: usize = 2;

/// A motion as the gate passed it on, or as a planner asked for it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) by: Sender,
    pub(crate) order: ros::Order,
}

/// What is noted of requests.
#[derive(Debug, Default)]
struct Notes {
    /// The robot node.
    node: u64,
    /// Motions by their numbers.
    motions: BTreeMap<u64, Asked>,
    /// For whom leases were claimed.
    owners: BTreeMap<u64, Owner>,
    /// Whether nothing is missing up to the end.
    is_whole: bool,
    /// From the sentence to what was noted last.
    span: Option<(Time, Time)>,
}

/// A recording, of a whole run or of a part of one.
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    share: Share,
    notes: Notes,
}

/// How well two parts fit.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub(crate) struct Agreement {
    /// So many motions are in both.
    pub(crate) motions: usize,
    /// So far their stamps are apart at the most, seconds.
    pub(crate) apart_s: f64,
}

/// One run: what has its ticks, and the planner's parts that belong to it, in their order.
pub(crate) struct Run {
    pub(crate) robot: Part,
    pub(crate) planners: Vec<(Part, Agreement)>,
}

/// What was found in the files that were named.
pub(crate) struct Found {
    pub(crate) runs: Vec<Run>,
    /// What lies in a folder that was named and belongs to nothing there, with the reason.
    pub(crate) left_out: Vec<String>,
    /// Perception nodes' parts, and whether they were named: they belong to every run that asked them.
    perceptions: Vec<(Part, bool)>,
}

impl Part {
    fn read(path: &Path) -> Result<Self, ReplayError> {
        let header = Header::read(path).map_err(|e| within(path, e))?;
        let share = header.run.share;
        let notes = match share {
            Share::Robot | Share::Planner(_) => Notes::read(path, share)?,
            Share::Whole | Share::Perception | Share::Ros2 => Notes::default(),
        };
        Ok(Self { path: path.to_owned(), header, share, notes })
    }

    /// Whether it is the robot's part of a run whose planner ran elsewhere.
    pub(crate) fn is_robots(&self) -> bool {
        self.share == Share::Robot
    }

    /// A motion by its number.
    pub(crate) fn motion(&self, id: u64) -> Option<&Asked> {
        self.notes.motions.get(&id)
    }

    /// When a motion was ordered as the gate knows it; of none, the newest by then.
    pub(crate) fn ordered(&self, id: Option<MotionId>, by: Time) -> Option<Time> {
        let stamp = |asked: &Asked| Time::from_nanos(asked.order.stamp);
        match id {
            Some(id) => self.motion(id.0).map(stamp),
            None => self.notes.motions.values().map(stamp).filter(|at| *at <= by).max(),
        }
    }

    /// Of a planner's part the session in which it asked the robot: one of this sentence alone.
    pub(crate) fn session(&self) -> Option<u64> {
        self.drives().map(|drives| drives.session)
    }

    fn drives(&self) -> Option<Drives> {
        match self.share {
            Share::Planner(drives) => Some(drives),
            _ => None,
        }
    }

    /// For whom a lease was claimed.
    pub(crate) fn owner(&self, lease: u64) -> Option<Owner> {
        self.notes.owners.get(&lease).copied()
    }

    /// Of a planner's part when its sentence was said, and when it noted something last.
    pub(crate) fn span(&self) -> Option<(Time, Time)> {
        self.notes.span
    }

    fn field(&self, what: &str) -> String {
        format!("{}: {what}", self.path.display())
    }
}

impl Notes {
    fn read(path: &Path, share: Share) -> Result<Self, ReplayError> {
        let (mut notes, mut has_ended) = (Self::default(), false);
        let mut reader = Reader::open(path)?;
        for message in reader.by_ref() {
            let topic = message.info.topic.as_str();
            match topic {
                CONSUMED => {
                    let lines = message.read::<Consumed>().map_err(|e| within(path, e.into()))?.lines;
                    for line in lines.lines() {
                        has_ended |= notes.take_in(line, share).map_err(|e| within(path, e.into()))?;
                    }
                }
                OPERATOR if notes.span.is_none() => notes.span = Some((message.stamp, message.stamp)),
                _ => {}
            }
            if let Some((_, last)) = notes.span.as_mut().filter(|_| [CONSUMED, EVENTS].contains(&topic)) {
                *last = message.stamp.max(*last);
            }
        }
        notes.is_whole = has_ended && reader.flaws().is_empty() && !reader.left_out().contains_key(CONSUMED);
        Ok(notes)
    }

    /// Whether it is the last note of a robot's.
    fn take_in(&mut self, line: &str, share: Share) -> Result<bool, Rejection> {
        let bad = |name: &str, e: serde_json::Error| {
            let got: String = line.chars().take(60).collect();
            Rejection::new(name.to_owned(), "a request as it is noted", format!("\"{got}\": {e}"))
        };
        let (request, by, id) = match share {
            Share::Planner(drives) => {
                let Some(json) = noted(line, ASKED) else { return Ok(false) };
                let asked: Answered = serde_json::from_str(json).map_err(|e| bad(ASKED, e))?;
                // What was not taken has no number.
                let (request, Ok(id)) = asked else { return Ok(false) };
                (request, Sender { role: Role::Planner.word().into(), session: drives.session }, id)
            }
            _ => {
                let Some(json) = noted(line, PASSED) else { return Ok(false) };
                let Passed { request, by, id, .. } =
                    serde_json::from_str(json).map_err(|e| bad(PASSED, e))?;
                (request, by, id)
            }
        };
        match &request {
            Request::Begin { node } => self.node = *node,
            Request::Claim { owner, .. } => _ = self.owners.insert(id, *owner),
            Request::End => return Ok(true),
            other => {
                if let Some(order) = other.ordered() {
                    self.motions.insert(id, Asked { by, order: order? });
                }
            }
        }
        Ok(false)
    }

    /// Whether a planner's notes and a robot's are of one run: `expected` and `got` of a motion that is not so.
    fn fit(&self, planner: &Self, session: u64) -> Result<Agreement, (u64, String, String)> {
        let mut fit = Agreement::default();
        // As bytes, so that numbers are the same to the bit.
        let timeless = |o: &ros::Order| {
            ros::to_cdr(&ros::Order { stamp: 0, valid_from: 0, expires: 0, ..o.clone() }).ok()
        };
        for (id, asked) in &planner.motions {
            let refuse = |expected: &str, got: String| Err((*id, expected.to_owned(), got));
            let Some(passed) = self.motions.get(id) else {
                if self.is_whole {
                    return refuse("one that the robot's gate passed on", "one that it never saw".into());
                }
                // The robot's notes break off before it.
                continue;
            };
            if passed.by.session != session {
                let got = format!("one of {:016x}", passed.by.session);
                return refuse(&format!("one of the session {session:016x}"), got);
            }
            if timeless(&passed.order) != timeless(&asked.order) {
                return refuse("what the robot's gate passed on", "another motion under its number".into());
            }
            let apart_s = passed.order.stamp.abs_diff(asked.order.stamp) as f64 * 1e-9;
            // Older ones the gate refuses.
            if apart_s > OLDEST_S {
                let got = format!("one of {apart_s:.3} s apart");
                return refuse(&format!("the same stamp as at the gate, to {OLDEST_S} s"), got);
            }
            fit = Agreement { motions: fit.motions + 1, apart_s: fit.apart_s.max(apart_s) };
        }
        Ok(fit)
    }
}

/// What is noted in a line under this name.
fn noted<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.strip_prefix(name)?.strip_prefix(' ')
}

/// Whether a planner's part belongs to a robot's.
fn check(robot: &Part, planner: &Part, drives: Drives) -> Result<Agreement, Rejection> {
    let other = |what: &str, expected: String, got: String| {
        let expected = format!("{expected}, as in {}", robot.path.display());
        Rejection::new(planner.field(what), expected, format!("{got}: a part of another run"))
    };
    let name = |part: &Part| part.header.config.zenoh.robot.clone();
    if name(robot) != name(planner) {
        return Err(other("zenoh.robot", name(robot), name(planner)));
    }
    if describe(&robot.header.arm) != describe(&planner.header.arm) {
        let profile = |part: &Part| part.header.arm.profile().name.clone();
        let got = format!("another, {}", profile(planner));
        return Err(other("robot", format!("the arm {}", profile(robot)), got));
    }
    if robot.notes.node != drives.node {
        let word = |node: u64| if node == 0 { "none noted".into() } else { format!("{node:016x}") };
        return Err(other("robot node", word(robot.notes.node), word(drives.node)));
    }
    let fit = robot.notes.fit(&planner.notes, drives.session);
    fit.map_err(|(id, expected, got)| other(&format!("motion {id}"), expected, got))
}

/// The runs that these files are of, or are parts of, in the order of what has their ticks. A folder is a run's, or one
/// with such folders in it.
///
/// # Errors
/// [`ReplayError`] for a file that was named and cannot be read, or is a planner's part that belongs to no robot's there.
pub(crate) fn runs(files: &[PathBuf]) -> Result<Found, ReplayError> {
    let found = found(files)?;
    match found.perceptions.iter().find(|(_, is_named)| *is_named) {
        Some((part, _)) => Err(refuse_part(part, "a robot's or a planner's part, or a whole run").into()),
        None => Ok(found),
    }
}

fn refuse_part(part: &Part, expected: &'static str) -> Rejection {
    Rejection::new(part.field("part"), expected, part.share.words())
}

fn found(files: &[PathBuf]) -> Result<Found, ReplayError> {
    let mut found = Found { runs: Vec::new(), left_out: Vec::new(), perceptions: Vec::new() };
    let mut planners = Vec::new();
    for file in files {
        let (paths, is_named) = recordings(file);
        for path in paths {
            match Part::read(&path) {
                Ok(part) => match part.share {
                    Share::Planner(drives) => planners.push((part, drives, is_named)),
                    Share::Ros2 if is_named => {
                        let expected = "a robot's, a planner's or a perception node's part, or a whole run";
                        return Err(refuse_part(&part, expected).into());
                    }
                    // What ROS 2 had asked of the robot, the robot's has passed on.
                    Share::Ros2 => {}
                    Share::Perception => found.perceptions.push((part, is_named)),
                    Share::Whole | Share::Robot => found.runs.push(Run { robot: part, planners: Vec::new() }),
                },
                Err(why) if is_named => return Err(why),
                Err(why) => found.left_out.push(format!("{}: {why}", path.display())),
            }
        }
    }
    planners.sort_by_key(|(part, ..)| part.span());
    for (part, drives, is_named) in planners {
        match place(&mut found.runs, part, drives) {
            Err(why) if is_named => return Err(why.into()),
            Err(why) => found.left_out.push(why.to_string()),
            Ok(()) => {}
        }
    }
    Ok(found)
}

/// Puts a planner's part to its robot's.
fn place(runs: &mut [Run], part: Part, drives: Drives) -> Result<(), Rejection> {
    let mut robots: Vec<&mut Run> = runs.iter_mut().filter(|r| r.robot.is_robots()).collect();
    let of_it = robots.iter().position(|r| r.robot.notes.node == drives.node);
    // Of one that is another's is told in what.
    let run = match of_it.or((robots.len() == 1).then_some(0)).and_then(|k| robots.get_mut(k)) {
        Some(run) => run,
        None => {
            let expected =
                format!("the robot's part of its run beside it, of the robot node {:016x}", drives.node);
            let got = match robots.len() {
                0 => "the planner's part alone".to_owned(),
                n => format!("{n} robots' parts of other runs"),
            };
            return Err(Rejection::new(part.field("ticks"), expected, got));
        }
    };
    let fit = check(&run.robot, &part, drives)?;
    run.planners.push((part, fit));
    Ok(())
}

/// The only run that these files are of.
///
/// # Errors
/// As [`runs`]; a [`Rejection`] when there are several, or none.
pub(crate) fn one(files: &[PathBuf]) -> Result<(Run, Vec<String>), ReplayError> {
    only(runs(files)?)
}

/// The same, with the perception nodes' parts that belong to it.
///
/// # Errors
/// As [`one`], and for a perception node's part that was named and belongs to none of the planner's.
pub(crate) fn with_perception(files: &[PathBuf]) -> Result<(Run, Vec<Perceived>, Vec<String>), ReplayError> {
    let mut found = found(files)?;
    let perceptions = core::mem::take(&mut found.perceptions);
    let (run, mut left_out) = only(found)?;
    let mut all = Vec::new();
    for (part, is_named) in perceptions {
        // With no planner's part there is nothing that it could tell of.
        if run.planners.is_empty() && !is_named {
            continue;
        }
        match Perceived::read(&run, part) {
            Ok(perceived) => all.push(perceived),
            Err(why) if is_named => return Err(why),
            Err(why) => left_out.push(why.to_string()),
        }
    }
    Ok((run, all, left_out))
}

fn only(Found { mut runs, left_out, .. }: Found) -> Result<(Run, Vec<String>), ReplayError> {
    match (runs.pop(), runs.len()) {
        (Some(run), 0) => Ok((run, left_out)),
        (last, _) => {
            let all: Vec<String> =
                runs.iter().chain(&last).map(|r| r.robot.path.display().to_string()).collect();
            let got = match all.len() {
                0 => format!("none ({})", left_out.join("; ")),
                n => format!("{n}: {}", all.join(", ")),
            };
            Err(Rejection::new("recordings", "one run, or the parts of one", got).into())
        }
    }
}

/// A recording, or those in a folder; and whether it is the one that was named.
fn recordings(file: &Path) -> (Vec<PathBuf>, bool) {
    let in_it = file.join(FILE);
    if !file.is_dir() {
        return (vec![file.to_owned()], true);
    }
    let mut all = Vec::new();
    if !in_it.is_file() {
        search(file, DEPTH, &mut all);
    }
    if all.is_empty() { (vec![in_it], true) } else { (all, false) }
}

fn search(folder: &Path, depth: usize, all: &mut Vec<PathBuf>) {
    let mut inner: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    inner.sort();
    for path in inner.into_iter().filter(|p| p.is_dir()) {
        let file = path.join(FILE);
        if file.is_file() {
            all.push(file);
        } else if depth > 1 {
            search(&path, depth - 1, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: u64 = 7;

    /// What was noted of two motions: of `planners`, or at the gate, which takes their stamps for half a millisecond earlier.
    fn notes(is_planners: bool) -> Notes {
        let mut notes = Notes { is_whole: true, ..Notes::default() };
        for id in [3, 4] {
            let stamp = 1_000_000_000 * id as i64 - if is_planners { 0 } else { 500_000 };
            let (kind, q) = ("joints".to_owned(), vec![0.1, -0.0, id as f64]);
            let order = ros::Order { lease: 2, sequence: id, stamp, kind, q, ..ros::Order::default() };
            let line = if is_planners {
                let asked: Answered = (Request::order(&order), Ok(id));
                format!("{ASKED} {}", serde_json::to_string(&asked).expect("written"))
            } else {
                let by = Sender { role: "planner".into(), session: SESSION };
                let passed = Passed { ticks: 9, request: Request::order(&order), by, id };
                format!("{PASSED} {}", serde_json::to_string(&passed).expect("written"))
            };
            let share = if is_planners {
                Share::Planner(Drives { node: 1, session: SESSION, planner: 3 })
            } else {
                Share::Robot
            };
            assert_eq!(notes.take_in(&line, share), Ok(false));
        }
        notes
    }

    #[test]
    fn parts_fit_by_every_motion_that_both_have_and_what_is_another_in_one_is_told() {
        let fit = notes(false).fit(&notes(true), SESSION).expect("of one run");
        assert_eq!(fit.motions, 2);
        assert!((fit.apart_s - 0.5e-3).abs() < 1e-9, "{fit:?}");
        let spoilt = |spoil: &dyn Fn(&mut Notes)| {
            let mut gate = notes(false);
            spoil(&mut gate);
            gate.fit(&notes(true), SESSION)
        };
        let at_4 =
            |n: &mut Notes, change: &dyn Fn(&mut Asked)| change(n.motions.get_mut(&4).expect("a motion"));
        for (spoil, why) in [
            (&(|a: &mut Asked| a.order.q[1] = 0.0) as &dyn Fn(&mut Asked), "another motion under its number"),
            (&|a| a.order.sequence = 9, "another motion under its number"),
            (&|a| a.by.session = 8, "one of 0000000000000008"),
            (&|a| a.order.stamp += 700_000_000, "0.700 s apart"),
        ] {
            let (id, _, got) = spoilt(&|n| at_4(n, spoil)).expect_err(why);
            assert!(id == 4 && got.contains(why), "{why}: {got}");
        }
        let (id, ..) = spoilt(&|n| _ = n.motions.remove(&3)).expect_err("the gate never saw it");
        assert_eq!(id, 3);
        // Notes that break off are of the same run as far as they go.
        let fit = spoilt(&|n| {
            n.is_whole = false;
            n.motions.remove(&4);
        });
        assert_eq!(fit.map(|f| f.motions), Ok(1));
    }

    #[test]
    fn a_note_that_is_damaged_is_refused_by_its_name() {
        for (line, share) in [
            ("passed {", Share::Robot),
            ("asked [1]", Share::Planner(Drives { node: 1, session: 2, planner: 3 })),
        ] {
            let why = Notes::default().take_in(line, share).expect_err("damaged").to_string();
            assert!(why.contains(line) && why.contains("a request as it is noted"), "{why}");
        }
        // Other notes are none of these.
        assert_eq!(Notes::default().take_in("now 5", Share::Robot), Ok(false));
    }
}
