//! What is said to those who ask, by threads of their own: whoever asks and does not listen keeps neither the arm's signs of
//! life nor a stop waiting.

use super::carrier::Stops;
use crate::config::Config;
use crate::node::{NodeError, PATIENCE, keyring};
use bridge::asking::{Action, CancelAsked, Offer, Pursuit};
use bridge::ros::{Number, Taken, TriggerResponse};
use bridge::wire::{Keyring, Role, Signer, Wire, WireError, topics};
use core::time::Duration;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

/// So many feedbacks wait at most; who does not read them misses some.
const FEEDBACKS: usize = 4;
/// How long the robot may take to let this node in, and to answer.
const LETS_IN: Duration = Duration::from_secs(1);
const ANSWER: Duration = Duration::from_millis(500);
/// A stop on its path, with power until it stands (IEC 60204-1).
const CATEGORY: f64 = 1.0;

enum Word<A: Action> {
    Begins(Pursuit<A>),
    Goes(Box<A::Feedback>),
    /// Well or not.
    Ends(bool, A::Result),
    /// Given up, as these have asked.
    Cancelled(CancelAsked, A::Result),
    /// Others that ask.
    Accepts(CancelAsked),
    Refuses(Offer<A>),
}

/// Tells how goals of one action do.
pub(super) struct Answering<A: Action> {
    to: Sender<Word<A>>,
    feedbacks: Arc<AtomicUsize>,
}

impl<A: Action> Answering<A> {
    /// # Errors
    /// [`NodeError::Thread`].
    pub(super) fn start() -> Result<Self, NodeError> {
        let (to, from) = channel();
        let feedbacks = Arc::new(AtomicUsize::new(0));
        let waiting = feedbacks.clone();
        let thread = std::thread::Builder::new().name("answering".into());
        thread.spawn(move || answer(&from, &waiting)).map_err(NodeError::Thread)?;
        Ok(Self { to, feedbacks })
    }

    fn say(&self, word: Word<A>) {
        // It ends with this.
        let _ = self.to.send(word);
    }

    /// From now on this goal is what is told of.
    pub(super) fn begins(&self, goal: Pursuit<A>) {
        self.say(Word::Begins(goal));
    }

    pub(super) fn goes(&self, feedback: Box<A::Feedback>) {
        if self.feedbacks.fetch_add(1, Ordering::Relaxed) < FEEDBACKS {
            self.say(Word::Goes(feedback));
        } else {
            self.feedbacks.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// It is over, well or not.
    pub(super) fn ends(&self, is_well: bool, result: A::Result) {
        self.say(Word::Ends(is_well, result));
    }

    /// It was given up for those.
    pub(super) fn cancelled(&self, asked: CancelAsked, result: A::Result) {
        self.say(Word::Cancelled(asked, result));
    }

    /// Somebody asks for what has ended already.
    pub(super) fn accepts(&self, asked: CancelAsked) {
        self.say(Word::Accepts(asked));
    }

    pub(super) fn refuses(&self, offer: Offer<A>) {
        self.say(Word::Refuses(offer));
    }
}

/// What cannot be said is told: who waits for it finds its own limit.
fn answer<A: Action>(from: &Receiver<Word<A>>, feedbacks: &AtomicUsize) {
    let mut pursued: Option<Pursuit<A>> = None;
    while let Ok(word) = from.recv() {
        let said = match word {
            Word::Begins(goal) => {
                pursued = Some(goal);
                Ok(())
            }
            Word::Goes(feedback) => {
                feedbacks.fetch_sub(1, Ordering::Relaxed);
                pursued.as_ref().map_or(Ok(()), |goal| goal.feedback(&feedback))
            }
            Word::Ends(is_well, result) => match pursued.take() {
                Some(goal) if is_well => goal.succeed(&result),
                Some(goal) => goal.abort(&result),
                None => Ok(()),
            },
            Word::Cancelled(asked, result) => {
                let accepted = asked.accept();
                accepted.and(pursued.take().map_or(Ok(()), |goal| goal.cancel(&result)))
            }
            Word::Accepts(asked) => asked.accept(),
            Word::Refuses(offer) => offer.refuse(),
        };
        if let Err(e) = said {
            eprintln!("warning: ROS 2: somebody was not told how a goal does: {e}");
        }
    }
}

/// Stops the robot, in a session of its own.
pub(super) struct Stopper {
    wire: Wire,
    keyring: Keyring,
    signer: Option<Signer>,
}

impl Stopper {
    /// # Errors
    /// [`NodeError`] where there are no secrets for it.
    pub(super) fn new(config: &Config, wire: &Wire) -> Result<Self, NodeError> {
        Ok(Self { wire: wire.clone(), keyring: keyring(config, Role::Ros2)?, signer: None })
    }

    /// Stops it; whether that was done, and in words.
    pub(super) fn stop(&mut self) -> (bool, String) {
        // A session of before a restart of the robot is none any more: then once more, in a fresh one.
        match self.once().or_else(|_| self.once()) {
            Ok(()) => (true, format!("stopped (category {CATEGORY})")),
            Err(why) => (false, format!("NOT stopped: {why}")),
        }
    }

    fn once(&mut self) -> Result<(), WireError> {
        let by = match self.signer.take() {
            Some(signer) => signer,
            None => self.wire.session(Role::Robot, &self.keyring, LETS_IN)?,
        };
        let category = Number { value: CATEGORY, at: 0 };
        self.wire.command::<_, Taken>(&by, &topics::STOP, &category, ANSWER)?;
        self.signer = Some(by);
        Ok(())
    }
}

/// Stops, in a thread of its own: nothing else is waited for. It ends when `ends` is set.
///
/// # Errors
/// [`NodeError`] when the service cannot be had, or no thread.
pub(super) fn stops(
    config: &Config,
    asked: Stops,
    wire: &Wire,
    ends: &Arc<AtomicBool>,
) -> Result<std::thread::JoinHandle<()>, NodeError> {
    let (mut stopper, ends) = (Stopper::new(config, wire)?, ends.clone());
    let thread = std::thread::Builder::new().name("stopping".into()).spawn(move || {
        while !ends.load(Ordering::Acquire) {
            let Some(one) = asked.next_within(PATIENCE) else { continue };
            let (success, message) = stopper.stop();
            // A closed pipe is no reason not to answer.
            let _ = writeln!(std::io::stderr(), "warning: ROS 2: somebody has asked for a stop: {message}");
            let _ = one.answer(&TriggerResponse { success, message });
        }
    });
    thread.map_err(NodeError::Thread)
}
