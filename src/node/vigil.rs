//! Signs of life while an owner waits: for the robot's answer to a question, or for a picture.
//!
//! An owner says by itself that it is well, in every round of its work, and between two rounds nobody says it for it: one
//! that hangs is noticed when its lease is over (F1, F2). While it waits it cannot, and over a line with a delay an answer
//! takes longer than a lease lives. So a thread of its own says it then, at a steady rate; but only as long as the wait may
//! last by its own limit, and not for longer than [`MOST_S`] after the owner has said it by itself: an owner that hangs in
//! a wait, or does nothing but wait, falls silent, too.

use control::LeaseId;
use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use types::{Rejection, Time};

/// How often it is said for who waits: as often as a mission says it.
const EVERY: Duration = Duration::from_millis(10);
/// For so long after the owner's own sign of life at most, seconds: two answers and a picture over a line that is late by
/// 0.1 s each way take no longer.
const MOST_S: f64 = 0.6;

/// This node's own time.
type Now = Box<dyn Fn() -> Time + Send + Sync>;
/// Says that the owner of a lease is well at a time of this node's clock; or why that cannot be said.
type Says = Box<dyn Fn(LeaseId, Time) -> Result<(), String> + Send + Sync>;

/// A lease that is held.
struct Held {
    lease: LeaseId,
    /// When its owner said last by itself that it is well.
    own: Time,
    /// When it was said last.
    said: Time,
}

#[derive(Default)]
struct State {
    held: Vec<Held>,
    /// Until when the owner waits at most.
    waits: Option<Time>,
    failed: Option<String>,
    is_over: bool,
}

struct Shared {
    now: Now,
    says: Says,
    /// [`MOST_S`], but in tests.
    most_s: f64,
    state: Mutex<State>,
    changed: Condvar,
}

/// See the head of this file. Clones are the same.
#[derive(Clone)]
pub(super) struct Vigil(Arc<Shared>);

/// The owner waits for as long as this is kept.
pub(super) struct Waiting<'a>(&'a Vigil);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state().waits = None;
    }
}

impl Vigil {
    /// Begins, until [`Self::end`].
    ///
    /// # Errors
    /// A [`Rejection`] where there can be no thread.
    pub(super) fn start(now: Now, says: Says) -> Result<Self, Rejection> {
        Self::start_for(now, says, MOST_S)
    }

    fn start_for(now: Now, says: Says, most_s: f64) -> Result<Self, Rejection> {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let vigil = Self(Arc::new(Shared { now, says, most_s, state, changed }));
        let its = vigil.clone();
        let thread = std::thread::Builder::new().name("signs of life".into()).spawn(move || its.keep());
        let refuse = |e: std::io::Error| Rejection::new("signs of life", "a thread", e.to_string());
        thread.map(|_| vigil).map_err(refuse)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody is spoken for any more; the leases that were held.
    pub(super) fn end(&self) -> Vec<LeaseId> {
        let mut state = self.state();
        state.is_over = true;
        self.0.changed.notify_all();
        state.held.drain(..).map(|held| held.lease).collect()
    }

    /// A lease that was claimed just now.
    pub(super) fn hold(&self, lease: LeaseId) {
        let own = (self.0.now)();
        let mut state = self.state();
        state.held.retain(|h| h.lease != lease && own.secs_since(h.own) <= self.0.most_s);
        state.held.push(Held { lease, own, said: Time::ZERO });
    }

    /// The owner says by itself that it is well at `at`, by this node's clock.
    pub(super) fn say(&self, lease: LeaseId, at: Time) {
        let mut state = self.state();
        if let Some(held) = state.held.iter_mut().find(|h| h.lease == lease) {
            (held.own, held.said) = (at, at);
        }
        drop(state);
        if let Err(why) = (self.0.says)(lease, at) {
            self.state().failed.get_or_insert(why);
        }
    }

    /// A lease that is given back or lost: nothing is said for it once this has returned.
    pub(super) fn forget(&self, lease: LeaseId) {
        self.state().held.retain(|h| h.lease != lease);
    }

    /// The owner waits, for `limit` at most.
    pub(super) fn wait(&self, limit: Duration) -> Waiting<'_> {
        self.state().waits = Some((self.0.now)() + limit);
        self.0.changed.notify_all();
        Waiting(self)
    }

    /// Something that could not be said and that nobody was told of.
    pub(super) fn take_failed(&self) -> Option<String> {
        self.state().failed.take()
    }

    fn keep(&self) {
        let mut state = self.state();
        while !state.is_over {
            let now = (self.0.now)();
            let next = state.speak(&self.0.says, (now, self.0.most_s));
            let changed = &self.0.changed;
            state = match next {
                Some(span) => changed.wait_timeout(state, span).map_or_else(|e| e.into_inner().0, |w| w.0),
                None => changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

impl State {
    /// Says what is due; how long until something else may be, if the owner waits.
    fn speak(&mut self, says: &Says, (now, most_s): (Time, f64)) -> Option<Duration> {
        let until = self.waits.filter(|until| now <= *until)?;
        let mut next = until.since(now) + EVERY;
        for held in self.held.iter_mut().filter(|h| now.secs_since(h.own) <= most_s) {
            if now >= held.said + EVERY {
                held.said = now;
                // Not without the lock: who lets go of the lease has said the last of it then.
                if let Err(why) = says(held.lease, now) {
                    self.failed.get_or_insert(why);
                }
            }
            next = next.min((held.said + EVERY).since(now));
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use control::MonotonicClock;
    use types::seams::Clock as _;

    const LEASE: LeaseId = LeaseId(7);
    type Said = Arc<Mutex<Vec<(LeaseId, Time)>>>;

    struct Ended(Vigil);

    impl Drop for Ended {
        fn drop(&mut self) {
            self.0.end();
        }
    }

    fn begun(most_s: f64) -> (Ended, MonotonicClock, Said) {
        let (clock, said) = (MonotonicClock::new(), Said::default());
        let into = said.clone();
        let says: Says = Box::new(move |lease, at| {
            into.lock().expect("whole").push((lease, at));
            Ok(())
        });
        let vigil = Vigil::start_for(Box::new(move || clock.now()), says, most_s);
        (Ended(vigil.expect("a thread")), clock, said)
    }

    fn count(said: &Said) -> usize {
        said.lock().expect("whole").len()
    }

    /// Waits until so many more were said.
    fn until_said(said: &Said, n: usize) {
        let before = count(said);
        let began = std::time::Instant::now();
        while count(said) < before + n {
            assert!(began.elapsed() < Duration::from_secs(20), "nothing is said");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    #[test]
    fn f1_signs_of_life_go_on_while_an_owner_waits_and_end_when_it_hangs_elsewhere_or_lets_go() {
        // However busy this machine is.
        let (vigil, clock, said) = begun(3600.0);
        let vigil = &vigil.0;
        // Nobody is spoken for without a lease.
        drop(vigil.wait(Duration::from_secs(60)));
        vigil.hold(LEASE);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(count(&said), 0, "outside of a wait the owner says it by itself");
        for _ in 0..3 {
            vigil.say(LEASE, clock.now());
            let waits = vigil.wait(Duration::from_secs(60));
            until_said(&said, 3);
            drop(waits);
            // It hangs.
            let (n, hangs) = (count(&said), clock.now());
            std::thread::sleep(Duration::from_millis(100));
            assert_eq!(count(&said), n, "said for an owner that hangs");
            assert!(said.lock().expect("whole").iter().all(|(lease, at)| *lease == LEASE && *at <= hangs));
        }
        // Whoever lets go, or is told that it was taken, says nothing more from then on.
        vigil.say(LEASE, clock.now());
        let waits = vigil.wait(Duration::from_secs(60));
        until_said(&said, 2);
        vigil.forget(LEASE);
        let n = count(&said);
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(count(&said), n, "said under a lease that is let go");
        drop(waits);
    }

    #[test]
    fn f2_an_owner_that_hangs_in_a_wait_falls_silent_at_the_limit_of_that_and_of_all_its_waits() {
        let (vigil, clock, said) = begun(MOST_S);
        let vigil = &vigil.0;
        let last = || said.lock().expect("whole").last().map_or(Time::ZERO, |(_, at)| *at);
        // In one that ends by itself earlier than it does. On a busy machine nothing may be said in time: once more then.
        let limit = Duration::from_millis(150);
        let has_said = (0..50).any(|_| {
            vigil.hold(LEASE);
            let (before, waits) = (count(&said), vigil.wait(limit));
            let until = clock.now() + limit;
            std::thread::sleep(Duration::from_millis(400));
            assert!(last() <= until, "{:?} after {until:?}", last());
            drop(waits);
            count(&said) > before
        });
        assert!(has_said, "nothing is said");
        // In one that has no end, and in one after the other.
        for span in [Duration::from_secs(60), Duration::from_millis(30)] {
            let has_said = (0..50).any(|_| {
                vigil.hold(LEASE);
                let own = clock.now();
                vigil.say(LEASE, own);
                while clock.now().secs_since(own) < MOST_S + 0.3 {
                    let _waits = vigil.wait(span);
                    std::thread::sleep(span.min(Duration::from_millis(950)));
                }
                let silent_s = last().secs_since(own);
                assert!(silent_s <= MOST_S, "the last sign came {silent_s} s after its own");
                silent_s > 0.0
            });
            assert!(has_said, "nothing is said");
        }
    }
}
