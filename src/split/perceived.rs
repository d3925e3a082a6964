//! A perception node's part of a run that was split: what it was shown and asked, by whom, and what came of it, beside what
//! the planner's part has of the same question.
//!
//! It has a clock of its own and answers whoever asks. What is of this run is known by the planner's node, drawn at random
//! when it started, by the time of the picture as the planner has it, and by the picture's hash, which has to be the same.

use super::{Part, Run, noted};
use crate::dataset::within;
use crate::recording::{ASKER, Asker, CONSUMED, EVENTS, MODEL, calls_of, one_line, short};
use crate::replay::ReplayError;
use crate::story::{Told, told};
use bridge::recording::Reader;
use bridge::ros::{Consumed, Log, ModelCall};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use types::{Color, Detection, Rejection, Shape, Time};

/// What the node tells of a question has its stamp in the time that the answer took, or this much earlier: that of its
/// newest round, seconds.
const TOLD_EARLY_S: f64 = 0.1;
/// So many detections are named.
const MOST_NAMED: usize = 8;

/// What a question is known by in both parts: what for, in which words, about which camera's pictures of what times.
type Key = (String, String, String, [i64; 2]);

/// A question as the perception node has it, by its own clock.
struct Answered {
    at: Time,
    asker: Asker,
    call: ModelCall,
}

/// See the head of this file.
pub(crate) struct Perceived {
    path: PathBuf,
    answered: Vec<Answered>,
    /// What it told of, in its own time.
    told: Vec<Told>,
    pub(crate) flaws: Vec<String>,
}

/// Of a question as whoever asked has it.
fn key(call: &ModelCall) -> Key {
    let at = |time: &bridge::ros::Time| Time::from(time.clone()).as_nanos();
    let pictured = [at(&call.pictured), at(&call.before_pictured)];
    (call.role.clone(), call.sentence.clone(), call.camera.clone(), pictured)
}

impl Answered {
    fn key(&self) -> Key {
        let pictured = [self.asker.pictured, self.asker.before_pictured];
        let call = &self.call;
        (call.role.clone(), call.sentence.clone(), call.camera.clone(), pictured)
    }
}

impl Perceived {
    /// Reads it, and holds it against the planner's parts of this run.
    ///
    /// # Errors
    /// [`ReplayError`] for what cannot be read, or not from its beginning; a [`Rejection`] for a part that no planner of this
    /// run asked anything, and for one in which a picture is another.
    pub(super) fn read(run: &Run, part: Part) -> Result<Self, ReplayError> {
        let robots = |part: &Part| part.header.config.zenoh.robot.clone();
        if robots(&part) != robots(&run.robot) {
            let expected = format!("{}, as in {}", robots(&run.robot), run.robot.path.display());
            let got = format!("{}: a part of another run", robots(&part));
            return Err(Rejection::new(part.field("zenoh.robot"), expected, got).into());
        }
        if run.planners.is_empty() {
            let expected = "the planner's part of its run beside it, which says what was asked";
            return Err(Rejection::new(part.field("part"), expected, part.share.words()).into());
        }
        crate::replay::begins(&part.path)?;
        let perceived = Self::of(&part.path)?;
        let mut askers = 0;
        for (planner, _) in &run.planners {
            let node = node_of(planner);
            if perceived.answered.iter().any(|a| node == Some(a.asker.node)) {
                askers += 1;
                perceived.check(planner)?;
            }
        }
        if askers == 0 {
            let names =
                run.planners.iter().map(|(p, _)| format!("{} ({})", word(node_of(p)), p.path.display()));
            let expected =
                format!("questions of the planner's node {}", names.collect::<Vec<_>>().join(" or "));
            return Err(Rejection::new(part.field("asker"), expected, perceived.asker_words()).into());
        }
        Ok(perceived)
    }

    fn of(path: &Path) -> Result<Self, ReplayError> {
        let mut reader = Reader::open(path)?;
        let mut perceived =
            Self { path: path.to_owned(), answered: Vec::new(), told: Vec::new(), flaws: Vec::new() };
        perceived.take_in(&mut reader).map_err(|e| within(path, e.into()))?;
        let flaw = |f: &bridge::recording::Flaw| format!("{}, at byte {}: {}", path.display(), f.at, f.what);
        perceived.flaws = reader.flaws().iter().map(flaw).collect();
        Ok(perceived)
    }

    fn take_in(&mut self, reader: &mut Reader) -> Result<(), Rejection> {
        let mut askers = HashMap::new();
        let mut questions = Vec::new();
        for message in reader.by_ref() {
            match message.info.topic.as_str() {
                CONSUMED => {
                    for line in message.read::<Consumed>()?.lines.lines() {
                        askers.extend(asker(line)?.map(|asker| (message.stamp, asker)));
                    }
                }
                MODEL => questions.push((message.stamp, message.read::<ModelCall>()?)),
                EVENTS => self.told.push(told(message.read::<Log>()?)),
                _ => {}
            }
        }
        // Messages of two topics may have overtaken each other. Whose a question is that lost its note, is not known.
        let known = |(at, call)| askers.get(&at).map(|asker| Answered { at, asker: *asker, call });
        self.answered = questions.into_iter().filter_map(known).collect();
        self.told.retain(|told| told.is_grave);
        Ok(())
    }

    /// That every picture which the planner asked about is the one that was looked at.
    fn check(&self, planner: &Part) -> Result<(), ReplayError> {
        let mut seen: HashMap<Key, &Answered> = HashMap::new();
        let node = node_of(planner);
        seen.extend(self.answered.iter().filter(|a| node == Some(a.asker.node)).map(|a| (a.key(), a)));
        for message in Reader::open(&planner.path)?.filter(|m| m.info.topic == MODEL) {
            let call: ModelCall = message.read().map_err(|e| within(&planner.path, e.into()))?;
            let Some(answered) = seen.get(&key(&call)) else { continue };
            same_pictures(&call, &answered.call).map_err(|(stamp, expected, got)| {
                let at = Time::from(stamp).as_secs_f64();
                let field = format!("{}: picture of {} at {at:.3} s", self.path.display(), call.camera);
                let expected = format!("{expected}, as in {}", planner.path.display());
                Rejection::new(field, expected, format!("{got}: a part of another run"))
            })?;
        }
        Ok(())
    }

    fn asker_words(&self) -> String {
        let mut all: Vec<String> = self.answered.iter().map(|a| word(Some(a.asker.node))).collect();
        all.sort();
        all.dedup();
        match all.len() {
            0 => "none whose asker is noted".into(),
            _ => format!("those of {}: a part of another run", all.join(", ")),
        }
    }

    /// What it has of a question of this planner's part, in lines.
    pub(crate) fn words(&self, planner: &Part, question: &ModelCall) -> Vec<String> {
        let (wanted, node) = (key(question), node_of(planner));
        let all = || {
            let is_it = |a: &&Answered| node == Some(a.asker.node) && a.key() == wanted;
            self.answered.iter().rev().filter(is_it)
        };
        // One that had no answer was asked again in the same words.
        let went_by = |a: &&Answered| !a.call.answer.is_empty() && a.call.answer == question.answer;
        let Some(answered) = all().find(went_by).or_else(|| all().next()) else {
            let damaged = if self.flaws.is_empty() { "" } else { ", which is damaged," };
            let path = self.path.display();
            return vec![format!("The perception node's part {path}{damaged} has no such question.")];
        };
        let call = &answered.call;
        let picture = match call.picture.as_str() {
            "" => String::new(),
            hash => format!(" about picture {hash}, the same in both"),
        };
        let mut lines = vec![format!(
            "In the perception node's part, {}: asked by the planner's node {}{picture}; {} answered after {:.3} s, for \
             which the planner waited {:.3} s{}, at {:.2} s of its own clock.",
            self.path.display(),
            word(node),
            one_line(short(&call.model)),
            call.latency_s,
            question.latency_s,
            spent(call),
            answered.at.as_secs_f64(),
        )];
        let took_s = call.latency_s + TOLD_EARLY_S;
        let then = |told: &&Told| told.at <= answered.at && answered.at.secs_since(told.at) <= took_s;
        let then = self.told.iter().filter(then);
        lines.extend(then.map(|t| format!("It told at {:.2} s: {}.", t.at.as_secs_f64(), one_line(&t.text))));
        lines.push(if !call.failure.is_empty() {
            format!("It had no answer: {}.", one_line(&call.failure))
        } else {
            let went_by = if went_by(&answered) { "" } else { " That is not what the planner went by." };
            format!("It {}.{went_by}", said(call))
        });
        lines
    }
}

/// Of a planner's part the node that asked.
fn node_of(part: &Part) -> Option<u64> {
    part.drives().map(|d| d.planner).filter(|node| *node != 0)
}

fn word(node: Option<u64>) -> String {
    node.map_or_else(|| "that is not noted".into(), |node| format!("{node:016x}"))
}

/// Who asked, if that is what a line notes.
fn asker(line: &str) -> Result<Option<Asker>, Rejection> {
    let Some(json) = noted(line, ASKER) else { return Ok(None) };
    serde_json::from_str(json).map(Some).map_err(|e| {
        let got: String = line.chars().take(60).collect();
        Rejection::new(ASKER, "who asked, as it is noted", format!("\"{got}\": {e}"))
    })
}

/// Of a picture that is another in one of two, its time, and both hashes.
fn same_pictures(asked: &ModelCall, seen: &ModelCall) -> Result<(), (bridge::ros::Time, String, String)> {
    let pairs = [
        (&asked.before_pictured, &asked.before_picture, &seen.before_picture),
        (&asked.pictured, &asked.picture, &seen.picture),
    ];
    match pairs.into_iter().find(|(_, asked, seen)| asked != seen) {
        Some((stamp, asked, seen)) => Err((stamp.clone(), asked.clone(), seen.clone())),
        None => Ok(()),
    }
}

/// What language models were asked for it.
fn spent(call: &ModelCall) -> String {
    let calls = calls_of(call);
    let sum = |i: usize| calls.iter().fold(0_usize, |sum, c| sum.saturating_add(c.tokens[i]));
    match calls.len() {
        0 => String::new(),
        n => format!(", with {n} calls of language models of {} and {} tokens", sum(0), sum(1)),
    }
}

/// Where the greatest stands.
fn most<const N: usize>(all: &[f32; N]) -> usize {
    (0..N).max_by(|i, j| all[*i].total_cmp(&all[*j])).unwrap_or(0)
}

/// What came of a question, in words.
fn said(call: &ModelCall) -> String {
    if call.role != "detect" {
        return format!("said: {}", one_line(&call.answer));
    }
    let Ok(seen) = serde_json::from_str::<Vec<Detection>>(&call.answer) else {
        return format!("noted what is no answer: {}", one_line(&call.answer));
    };
    let one = |d: &Detection| {
        let [x, y] = d.point_px;
        let (color, shape) = (Color::ALL[most(&d.color)].word(), Shape::ALL[most(&d.shape)].word());
        format!("{color} {shape} {:.2} at ({x:.0}, {y:.0})", d.score)
    };
    let mut named: Vec<String> = seen.iter().take(MOST_NAMED).map(one).collect();
    if seen.len() > MOST_NAMED {
        named.push(format!("{} more", seen.len() - MOST_NAMED));
    }
    match seen.len() {
        0 => "saw nothing".into(),
        n => format!("saw {n}: {}", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_is_another_in_one_part_is_told_by_its_time_and_both_hashes() {
        let call = |before: &str, after: &str| ModelCall {
            before_picture: before.into(),
            picture: after.into(),
            pictured: Time::from_nanos(7).into(),
            ..ModelCall::default()
        };
        assert_eq!(same_pictures(&call("a", "b"), &call("a", "b")), Ok(()));
        let why = same_pictures(&call("a", "b"), &call("a", "c")).expect_err("another");
        assert_eq!(why, (Time::from_nanos(7).into(), "b".into(), "c".into()));
        let why = same_pictures(&call("a", "b"), &call("", "b")).expect_err("none");
        assert_eq!((why.1.as_str(), why.2.as_str()), ("a", ""));
    }

    #[test]
    fn who_asked_is_read_from_its_note_alone_and_a_damaged_one_is_refused_by_its_name() {
        let asked = Asker { node: u64::MAX, pictured: 5, before_pictured: -1 };
        let line = format!("{ASKER} {}", serde_json::to_string(&asked).expect("written"));
        assert_eq!(asker(&line), Ok(Some(asked)));
        assert_eq!(asker("asked [1]"), Ok(None));
        let why = asker("asker {\"node\": -1}").expect_err("damaged").to_string();
        assert!(why.contains("asker") && why.contains("who asked, as it is noted"), "{why}");
    }

    #[test]
    fn what_was_seen_is_named_and_words_of_others_stay_in_their_line() {
        let detection = |score| Detection {
            score,
            box_px: [0.0; 4],
            point_px: [3.2, 4.0],
            color: [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            shape: [1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            size: [1.0, 0.0],
        };
        let call =
            |role: &str, answer: String| ModelCall { role: role.into(), answer, ..ModelCall::default() };
        let many: Vec<Detection> = (0..10).map(|_| detection(0.5)).collect();
        let words = said(&call("detect", serde_json::to_string(&many).expect("written")));
        assert!(words.starts_with("saw 10: ") && words.contains(" 0.50 at (3, 4)"), "{words}");
        assert!(words.ends_with(", 2 more"), "{words}");
        assert_eq!(said(&call("detect", "[]".into())), "saw nothing");
        assert_eq!(said(&call("read", "a\nb".into())), "said: a b");
        assert!(said(&call("detect", "{\n".into())).contains("no answer: { "));
    }
}
