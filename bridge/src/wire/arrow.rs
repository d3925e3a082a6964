//! One way that messages take to this node: what waits there, what was lost, how long it took.

use crate::trust::Envelope;
use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use types::Time;
use zenoh::bytes::ZBytes;

/// Senders whose numbers are remembered.
const MOST_SENDERS: usize = 64;
/// Latencies that are remembered.
const REMEMBERED: usize = 512;
/// Upper edges of the buckets that latencies are counted in, milliseconds; what took longer is counted in one more.
pub const LATENCY_EDGES_MS: [f64; 14] =
    [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// A message as it came.
pub(super) struct Came {
    pub(super) envelope: Envelope,
    pub(super) payload: ZBytes,
    pub(super) key: String,
}

/// How an arrow does, since it began.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct ArrowHealth {
    /// Its key.
    pub key: String,
    /// Messages that came.
    pub received: u64,
    /// Messages that were sent and did not come: gaps in their numbers.
    pub lost: u64,
    /// Messages that came and were replaced by newer ones before anybody took them.
    pub dropped: u64,
    /// Messages that came and were none: another type, no envelope, bytes that are no message.
    pub refused: u64,
    /// Why, of the last of them.
    pub why: String,
    /// From sending to arriving, half and 99 of 100 of the last 512, milliseconds; `None` while the sender's clock is
    /// not known.
    pub latency_ms: Option<[f64; 2]>,
    /// How many took at most so long, all since it began: by [`LATENCY_EDGES_MS`], and those beyond.
    pub latency_counts: [u64; LATENCY_EDGES_MS.len() + 1],
    /// How old the newest is, milliseconds; `None` before the first.
    pub age_ms: Option<f64>,
}

#[derive(Default)]
struct Inner {
    waiting: VecDeque<Came>,
    health: ArrowHealth,
    /// The number of the last message of each sender on each key, and the how manieth that was of all.
    last: HashMap<(u64, String), [u64; 2]>,
    latencies: VecDeque<f32>,
    newest: Option<Time>,
}

impl ArrowHealth {
    /// How long messages took, as words: `0.1:12 0.2:300 more:1` are twelve that took at most 0.1 ms, three hundred
    /// beyond that which took at most 0.2 ms, and one that took longer than the last edge.
    #[must_use]
    pub fn latency_histogram(&self) -> String {
        let edges = LATENCY_EDGES_MS.iter().map(f64::to_string).chain(["more".to_owned()]);
        let counted = edges.zip(self.latency_counts).filter(|(_, n)| *n > 0);
        counted.map(|(edge, n)| format!("{edge}:{n}")).collect::<Vec<_>>().join(" ")
    }
}

/// See the head of this file.
pub(super) struct Arrow {
    capacity: usize,
    inner: Mutex<Inner>,
    came: Condvar,
}

impl Arrow {
    pub(super) fn new(key: String, capacity: usize) -> Self {
        let health = ArrowHealth { key, ..ArrowHealth::default() };
        let inner = Mutex::new(Inner { health, ..Inner::default() });
        Self { capacity, inner, came: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message came at `now`; it was sent at `sent`, by our clock, where that is known. When there is no room the
    /// oldest makes it.
    pub(super) fn push(&self, came: Came, sent: Option<Time>, now: Time) {
        let mut inner = self.lock();
        let Inner { waiting, health, last, latencies, newest } = &mut *inner;
        health.received += 1;
        *newest = Some(now);
        let e = &came.envelope;
        let before = last.insert((e.sender, came.key.clone()), [e.sequence, health.received]);
        health.lost += before.map_or(0, |[b, _]| e.sequence.saturating_sub(b).saturating_sub(1));
        // Whoever has been silent for longest is forgotten: those who come and go do not hide what others lose.
        if last.len() > MOST_SENDERS {
            let stalest = last.values().map(|[_, nth]| *nth).min();
            last.retain(|_, [_, nth]| Some(*nth) != stalest);
        }
        if let Some(sent) = sent {
            if latencies.len() == REMEMBERED {
                latencies.pop_front();
            }
            let ms = 1e3 * now.secs_since(sent).max(0.0);
            latencies.push_back(ms as f32);
            health.latency_counts[LATENCY_EDGES_MS.partition_point(|edge| *edge < ms)] += 1;
        }
        if waiting.len() == self.capacity {
            waiting.pop_front();
            health.dropped += 1;
        }
        waiting.push_back(came);
        drop(inner);
        self.came.notify_all();
    }

    /// What came was no message.
    pub(super) fn refuse(&self, why: String) {
        let mut inner = self.lock();
        inner.health.refused += 1;
        inner.health.why = why;
    }

    /// The oldest that waits.
    pub(super) fn take(&self) -> Option<Came> {
        self.lock().waiting.pop_front()
    }

    /// As [`Self::take`], waiting for one for at most `limit`.
    pub(super) fn take_within(&self, limit: Duration) -> Option<Came> {
        let waited = self.came.wait_timeout_while(self.lock(), limit, |i| i.waiting.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.waiting.pop_front()
    }

    /// How it does at `now`.
    pub(super) fn health(&self, now: Time) -> ArrowHealth {
        let inner = self.lock();
        let mut sorted: Vec<f32> = inner.latencies.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let at = |share: usize| sorted.get((sorted.len() * share / 100).min(sorted.len().saturating_sub(1)));
        let latency_ms = at(50).zip(at(99)).map(|(a, b)| [f64::from(*a), f64::from(*b)]);
        let age_ms = inner.newest.map(|at| 1e3 * now.secs_since(at));
        ArrowHealth { latency_ms, age_ms, ..inner.health.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(sender: u64, sequence: u64) -> Came {
        let envelope = Envelope { schema: 1, sender, sequence, sent: Time::ZERO, tag: None };
        Came { envelope, payload: ZBytes::new(), key: "arm/camera/front".into() }
    }

    #[test]
    fn every_message_that_is_lost_or_replaced_is_counted_once() {
        let arrow = Arrow::new("arm/camera/*".into(), 2);
        let at = |ms: i64| Time::from_nanos(ms * 1_000_000);
        for (k, n) in [1, 2, 3, 7, 8].into_iter().enumerate() {
            let k = k as i64;
            arrow.push(came(1, n), Some(at(10 * k)), at(10 * k + k));
        }
        // Another sender, and one that has begun anew, lose nothing.
        arrow.push(came(2, 5), None, at(100));
        arrow.push(came(1, 1), None, at(110));
        let health = arrow.health(at(112));
        assert_eq!((health.received, health.lost, health.dropped, health.refused), (7, 3, 5, 0));
        assert_eq!(health.age_ms, Some(2.0));
        assert_eq!(health.latency_ms, Some([2.0, 4.0]));
        assert_eq!(health.latency_histogram(), "0.05:1 1:1 2:1 5:2");
        let left: Vec<u64> = core::iter::from_fn(|| arrow.take()).map(|c| c.envelope.sender).collect();
        assert_eq!(left, [2, 1]);
        assert!(arrow.take_within(Duration::from_millis(1)).is_none());
        arrow.refuse("no".into());
        assert_eq!(arrow.health(at(112)).refused, 1);
    }

    #[test]
    fn what_one_loses_is_counted_however_many_others_come_and_go() {
        let arrow = Arrow::new("event/*".into(), 2);
        let spoken = |sender, sequence| arrow.push(came(sender, sequence), None, Time::ZERO);
        for k in 0..1000 {
            // Of the first sender every third does not come.
            spoken(1, 3 * k + 1);
            spoken(1, 3 * k + 2);
            spoken(2 + k, 1);
        }
        assert_eq!(arrow.health(Time::ZERO).lost, 999);
        assert_eq!(arrow.lock().last.len(), MOST_SENDERS);
    }

    #[test]
    fn every_latency_is_counted_in_the_bucket_that_holds_it() {
        let arrow = Arrow::new("state".into(), 2);
        for us in [0, 50, 51, 999, 1000, 1001, 1_000_000, 1_000_001, 9_000_000] {
            arrow.push(came(1, 1), Some(Time::ZERO), Time::from_nanos(us * 1000));
        }
        // A clock that is known badly may say that it came before it was sent.
        arrow.push(came(1, 1), Some(Time::from_nanos(5)), Time::ZERO);
        let health = arrow.health(Time::ZERO);
        assert_eq!(health.latency_histogram(), "0.05:3 0.1:1 1:2 2:1 1000:1 more:2");
        assert_eq!(health.latency_counts.iter().sum::<u64>(), health.received);
    }
}
