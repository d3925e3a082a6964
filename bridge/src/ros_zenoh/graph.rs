//! Who else is there, as their tokens say.

use super::{Settings, keys, qos::Qos};
use crate::limit::Limit;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A node.
    Node,
    /// What carries a system on DDS, or stands for one; a bridge alone says so, and says of no nodes.
    Bridge,
    /// One that says a topic.
    Publisher,
    /// One that hears a topic.
    Subscription,
    /// One that answers a service.
    Server,
    /// One that asks a service.
    Client,
    /// One that serves an action; the bridge alone says so.
    ActionServer,
    /// One that gives goals to an action; the bridge alone says so.
    ActionClient,
}

impl Kind {
    const WORDS: [(Self, &str); 7] = [
        (Self::Node, "NN"),
        (Self::Publisher, "MP"),
        (Self::Subscription, "MS"),
        (Self::Server, "SS"),
        (Self::Client, "SC"),
        (Self::ActionServer, "AS"),
        (Self::ActionClient, "AC"),
    ];

    /// As it stands in a token.
    pub(super) fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }

    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, w)| *w == word).map(|(kind, _)| *kind)
    }
}

/// Somebody who is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Present {
    /// What it is.
    pub kind: Kind,
    /// The whole name of its node; the bridge does not say it.
    pub node: Option<String>,
    /// The whole name of its topic, service or action.
    pub topic: Option<String>,
    /// The type of that, as `sensor_msgs/msg/JointState`.
    pub of_type: Option<String>,
    /// The type's hash, where it is known there.
    pub hash: Option<String>,
    /// How much care it takes, of a topic.
    pub qos: Option<Qos>,
    /// Its session with Zenoh, hexadecimal.
    pub session: String,
}

impl Present {
    pub(super) fn nameless(kind: Kind, session: String) -> Self {
        Self { kind, session, node: None, topic: None, of_type: None, hash: None, qos: None }
    }

    /// Whether it is an end of this topic with this type; a hash that it does not know is not held against it.
    fn is_end(&self, kind: Kind, topic: &str, of_type: &str, hash: &str) -> bool {
        self.kind == kind
            && self.topic.as_deref() == Some(topic)
            && self.of_type.as_deref() == Some(of_type)
            && self.hash.as_deref().is_none_or(|h| h == hash)
    }
}

/// So many tokens are known at most: a crowd costs no memory.
const MOST: usize = 8192;

#[derive(Default)]
struct Known {
    /// By their tokens.
    there: BTreeMap<String, Present>,
    unreadable: u64,
}

pub(super) struct Graph {
    settings: Settings,
    known: Mutex<Known>,
    changed: Condvar,
}

impl Graph {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), known: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token has come, or has gone.
    pub(super) fn learn(&self, token: &str, is_there: bool) {
        let mut known = self.lock();
        if !is_there {
            known.there.remove(token);
        } else if let Some(present) = keys::read(&self.settings, token).filter(|_| known.there.len() < MOST) {
            known.there.insert(token.to_owned(), present);
        } else {
            known.unreadable += 1;
        }
        drop(known);
        self.changed.notify_all();
    }

    pub(super) fn present(&self) -> Vec<Present> {
        let mut all: Vec<Present> = self.lock().there.values().cloned().collect();
        all.sort();
        all
    }

    pub(super) fn unreadable(&self) -> u64 {
        self.lock().unreadable
    }

    /// How many ends of this topic with this type there are.
    pub(super) fn count(&self, kind: Kind, topic: &str, of_type: &str, hash: &str) -> usize {
        self.lock().there.values().filter(|p| p.is_end(kind, topic, of_type, hash)).count()
    }

    /// Waits until there is one; `false` when there was none within the limit.
    pub(super) fn wait(&self, kind: Kind, topic: &str, of_type: &str, hash: &str, limit: &Limit) -> bool {
        let is_any = |known: &Known| known.there.values().any(|p| p.is_end(kind, topic, of_type, hash));
        // A wait has an end that can be told, for however long it shall be.
        let left = limit.left().min(Duration::from_secs(1 << 30));
        let waited = self.changed.wait_timeout_while(self.lock(), left, |known| !is_any(known));
        let (known, _) = waited.unwrap_or_else(PoisonError::into_inner);
        is_any(&known)
    }

    /// Whether a session says this topic, but only with another type than this.
    pub(super) fn is_of_another(&self, session: &str, topic: &str, of_type: &str, hash: &str) -> bool {
        let known = self.lock();
        let its = |p: &&Present| p.session == session && p.topic.as_deref() == Some(topic);
        let mut says = known.there.values().filter(its).filter(|p| p.kind == Kind::Publisher).peekable();
        says.peek().is_some() && !says.any(|p| p.is_end(Kind::Publisher, topic, of_type, hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_costs_no_memory_and_what_cannot_be_read_is_counted() {
        let graph = Graph::new(&Settings::of("one"));
        let token = |k: usize| format!("@ros2_lv/0/{k:x}/0/0/NN/%/%/node_{k}");
        (1..=MOST + 10).for_each(|k| graph.learn(&token(k), true));
        assert_eq!((graph.present().len(), graph.unreadable()), (MOST, 10));
        graph.learn(&token(1), false);
        graph.learn("@ros2_lv/0/nonsense", true);
        graph.learn("@ros2_lv/0/nonsense", false);
        assert_eq!((graph.present().len(), graph.unreadable()), (MOST - 1, 11));
    }
}
