//! Who else is there, and whom of them we hear and are heard by.

use super::limit::Limit;
use super::locked;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use futures_core::Stream;
use rustdds::{DomainParticipantStatusEvent as Event, DomainParticipantStatusListener, GUID, StatusEvented};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Condvar, Mutex, PoisonError};

#[derive(Default)]
struct Known {
    /// The types of others' readers and writers.
    types: HashMap<GUID, String>,
    /// Of those that are gone, the oldest first: what they said last may not have been taken yet.
    gone: VecDeque<(GUID, String)>,
    /// Those that each of ours is matched with.
    matches: HashMap<GUID, HashSet<GUID>>,
}

/// So long others get to know of an end of ours, once we know of theirs: until then they pass over what it says.
pub(super) const SETTLES_WITHIN: Duration = Duration::from_millis(250);

/// So many readers and writers of others are known at most, and the longest name of a type, bytes.
const MOST_ENDS: usize = 8192;
/// So many of those that are gone are remembered.
const MOST_GONE: usize = 256;
const LONGEST_NAME: usize = 256;

/// One of our readers or writers.
#[derive(Clone)]
pub(super) struct End {
    pub(super) guid: GUID,
    pub(super) of_type: String,
}

/// Who is there.
pub(super) struct Peers {
    listener: Mutex<DomainParticipantStatusListener>,
    waker: Mutex<Option<Waker>>,
    known: Mutex<Known>,
    changed: Condvar,
}

impl Peers {
    pub(super) fn new(listener: DomainParticipantStatusListener) -> Self {
        let (listener, waker) = (Mutex::new(listener), Mutex::default());
        Self { listener, waker, known: Mutex::default(), changed: Condvar::new() }
    }

    /// Hears what is new, and leaves the waker for what comes.
    pub(super) fn hear(&self, waker: &Waker) {
        *locked(&self.waker) = Some(waker.clone());
        self.catch_up();
    }

    fn catch_up(&self) {
        let Some(waker) = locked(&self.waker).clone() else { return };
        let listener = locked(&self.listener);
        let mut stream = listener.as_async_status_stream();
        let mut context = Context::from_waker(&waker);
        let mut known = locked(&self.known);
        let mut is_new = false;
        while let Poll::Ready(Some(event)) = Pin::new(&mut stream).poll_next(&mut context) {
            is_new |= known.learn(event);
        }
        if is_new {
            self.changed.notify_all();
        }
    }

    /// Whether a writer's messages are of this type.
    pub(super) fn is_of(&self, writer: GUID, of_type: &str) -> bool {
        let of = || locked(&self.known).of(&writer).map(|t| t == of_type);
        // It was announced before it could say anything, but we may not have heard so yet.
        of().or_else(|| {
            self.catch_up();
            of()
        })
        .unwrap_or(false)
    }

    /// How many others of its own type an end of ours is matched with.
    pub(super) fn matched(&self, end: &End) -> usize {
        self.others(end).len()
    }

    /// The others of its own type that an end of ours is matched with.
    pub(super) fn others(&self, end: &End) -> Vec<GUID> {
        let known = locked(&self.known);
        let others = known.matches.get(&end.guid).into_iter().flatten();
        others.filter(|guid| known.types.get(guid).is_some_and(|t| *t == end.of_type)).copied().collect()
    }

    /// How many are matched with an end of ours that are of another type.
    pub(super) fn strangers(&self, end: &End) -> usize {
        let all = locked(&self.known).matches.get(&end.guid).map_or(0, HashSet::len);
        all.saturating_sub(self.matched(end))
    }

    /// Waits until each of the ends is matched with somebody that is `good`; `false` when nobody was within the limit.
    pub(super) fn wait(&self, ends: &[&End], limit: &Limit, good: &dyn Fn(&GUID) -> bool) -> bool {
        let all = |known: &Known| ends.iter().all(|end| known.matched(end, good) > 0);
        let known = locked(&self.known);
        let waited = self.changed.wait_timeout_while(known, limit.left(), |known| !all(known));
        let (known, _) = waited.unwrap_or_else(PoisonError::into_inner);
        all(&known)
    }

    /// Forgets an end of ours.
    pub(super) fn forget(&self, end: &End) {
        locked(&self.known).matches.remove(&end.guid);
    }
}

impl Known {
    /// The type of one that is there, or was.
    fn of(&self, end: &GUID) -> Option<&str> {
        let gone = || self.gone.iter().rev().find(|(guid, _)| guid == end).map(|(_, of_type)| of_type);
        self.types.get(end).or_else(gone).map(String::as_str)
    }

    fn lose(&mut self, is_lost: impl Fn(&GUID) -> bool) {
        self.gone.extend(self.types.extract_if(|guid, _| is_lost(guid)));
        let over = self.gone.len().saturating_sub(MOST_GONE);
        self.gone.drain(..over);
        self.matches.values_mut().for_each(|others| others.retain(|guid| !is_lost(guid)));
    }

    fn matched(&self, end: &End, good: &dyn Fn(&GUID) -> bool) -> usize {
        let is_of = |guid: &&GUID| self.types.get(guid).is_some_and(|t| *t == end.of_type) && good(guid);
        self.matches.get(&end.guid).map_or(0, |others| others.iter().filter(is_of).count())
    }

    /// Whether it says anything about matches.
    fn learn(&mut self, event: Event) -> bool {
        match event {
            Event::ReaderDetected { reader: end } | Event::WriterDetected { writer: end } => {
                // Who is not known is not heard: a crowd costs no memory.
                if end.type_name.len() <= LONGEST_NAME && self.types.len() < MOST_ENDS {
                    self.types.insert(end.guid, end.type_name);
                }
            }
            Event::RemoteReaderMatched { local_writer: ours, remote_reader: other }
            | Event::RemoteWriterMatched { local_reader: ours, remote_writer: other } => {
                let others = self.matches.entry(ours).or_default();
                if others.len() < MOST_ENDS {
                    others.insert(other);
                }
            }
            Event::ReaderLost { guid: lost, .. } | Event::WriterLost { guid: lost, .. } => {
                self.lose(|guid| *guid == lost);
            }
            Event::ParticipantLost { id, .. } => self.lose(|guid| guid.prefix == id),
            _ => return false,
        }
        true
    }
}
