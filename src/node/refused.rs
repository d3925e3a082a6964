//! What a node has refused, from whichever of its threads, told as events (I7): of each topic at once, and then one for
//! many, no more often than once a second, so that a flood fills no log.

use crate::log::Log;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use types::{Rejection, Time};

/// What is refused of a topic is told so often at most, seconds.
const TELLS_S: f64 = 1.0;
/// Of why something is refused so much is told, characters: whoever is refused may have chosen the words.
const LONGEST: usize = 300;

/// What was refused of one topic.
#[derive(Default)]
struct Of {
    /// So many have not been told yet, and why the last of them was refused.
    untold: u64,
    why: String,
    told: Option<Time>,
}

#[derive(Default)]
struct Counts {
    all: u64,
    of: BTreeMap<&'static str, Of>,
}

/// See the head of this file. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Refused(Arc<Mutex<Counts>>);

impl Refused {
    /// Something on this topic was refused.
    pub(super) fn note(&self, topic: &'static str, why: &Rejection) {
        self.note_many(topic, 1, why);
    }

    /// So many were.
    pub(super) fn note_many(&self, topic: &'static str, n: u64, why: &Rejection) {
        if n == 0 {
            return;
        }
        let mut counts = self.lock();
        counts.all = counts.all.saturating_add(n);
        let of = counts.of.entry(topic).or_default();
        of.untold = of.untold.saturating_add(n);
        of.why = why.to_string().chars().take(LONGEST).collect();
    }

    /// Tells what is due by now; at the end all that is left.
    pub(super) fn tell(&self, log: &mut Log, now: Time, is_end: bool) {
        log.set_now(now);
        self.tell_in(log, now, is_end);
    }

    /// The same in a log whose events have another clock's times.
    pub(super) fn tell_in(&self, log: &mut Log, now: Time, is_end: bool) {
        for line in self.due(now, is_end) {
            log.warn("bridge", "refused", line);
        }
    }

    /// In lines.
    pub(super) fn due(&self, now: Time, is_end: bool) -> Vec<String> {
        let mut counts = self.lock();
        let all = counts.all;
        let is_due = |of: &Of| of.told.is_none_or(|told| is_end || now.secs_since(told) > TELLS_S);
        let due = counts.of.iter_mut().filter(|(_, of)| of.untold > 0 && is_due(of));
        let lines = due.map(|(topic, of)| {
            let n = core::mem::take(&mut of.untold);
            let many = if n > 1 { format!(", the last of {n}") } else { String::new() };
            of.told = Some(now);
            format!("{topic}: {}{many} ({all} refused so far)", of.why)
        });
        lines.collect()
    }

    /// A panic elsewhere leaves the counts as they are: every change of them is whole.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    #[test]
    fn each_refusal_is_told_the_first_of_a_topic_at_once_and_a_flood_once_a_second_with_how_many() {
        let refused = Refused::default();
        let why = |got: &str| Rejection::new("sequence", "above 7", got.to_owned());
        assert!(refused.due(at(0), false).is_empty());
        refused.note("stop", &why("7"));
        let [first] = refused.due(at(1), false).try_into().expect("at once");
        assert!(first.starts_with("stop: ") && first.ends_with(" (1 refused so far)"), "{first}");
        // A flood on one topic hides nothing of another, and fills nothing.
        let mut told = Vec::new();
        for ms in 2..=3001 {
            (0..10).for_each(|_| refused.note("stop", &why("6")));
            if ms == 500 {
                refused.note("session/", &why("5"));
            }
            told.extend(refused.due(at(ms), false));
        }
        let (stops, others): (Vec<String>, Vec<String>) =
            told.into_iter().partition(|t| t.starts_with("stop"));
        assert_eq!((stops.len(), others.len()), (2, 1), "{stops:?}, {others:?}");
        // What is left is told at the end; and none was told twice or never.
        let last = refused.due(at(3002), true);
        let count = |line: &String| {
            let n = line.split("the last of ").nth(1).and_then(|l| l.split(' ').next());
            n.map_or(1, |n| n.parse::<u64>().expect("a number"))
        };
        assert_eq!(stops.iter().chain(&last).map(count).sum::<u64>(), 30_000, "{stops:?}, {last:?}");
        assert!(last[0].ends_with(" (30002 refused so far)"), "{last:?}");
        assert!(refused.due(at(9000), true).is_empty());
        // Many that were counted elsewhere are as many.
        let refused = Refused::default();
        refused.note_many("stick", 0, &why("0"));
        assert!(refused.due(at(1), true).is_empty());
        refused.note_many("stick", 7, &why("0"));
        assert!(refused.due(at(1), true)[0].ends_with(", the last of 7 (7 refused so far)"));
        // However many somebody says there are.
        refused.note_many("stick", u64::MAX, &why("0"));
        assert!(refused.due(at(2), true)[0].contains(&format!(", the last of {0} ({0} refused", u64::MAX)));
        // Words of whoever is refused are not told at any length.
        refused.note("stop", &why(&"x".repeat(100_000)));
        assert!(refused.due(at(9000), true).iter().all(|line| line.len() < 400));
    }
}
