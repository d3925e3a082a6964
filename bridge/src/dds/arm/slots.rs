//! What the loop's thread and the threads that speak ROS 2 leave for each other; the loop's never waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use types::seams::RobotError;
use types::{Ending, GripperCommand, JointCommand, JointState};

/// How often the loop's thread tries to reach a place before it goes on without.
const TRIES: usize = 8;

/// Why there is no state, for the loop's thread, which allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// None has come lately, or one that cannot be read.
    Silent,
    /// Nobody hears what is told.
    Gone,
}

impl From<Trouble> for RobotError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Silent => Self::Silent,
            // Empty, so that nothing is allocated; the words are for others.
            Trouble::Gone => Self::Disconnected(String::new()),
        }
    }
}

/// A command, and what comes after it if no other does.
pub(super) type Told = (JointCommand, Ending);

/// See the head of this file. Locks are held only while something is copied.
pub(super) struct Slots {
    state: Mutex<Result<JointState, Trouble>>,
    /// Why, in words.
    words: Mutex<Option<String>>,
    /// What the gripper shall do; `None` while nobody may tell it anything.
    fingers: Mutex<Option<GripperCommand>>,
    /// What is newest of commands, each with its number: two places, so that one is always free to write.
    commands: [Mutex<(u64, Option<Told>)>; 2],
    /// Whether the newest command gives power.
    pub(super) is_driven: AtomicBool,
    /// How many paths could not be said.
    pub(super) untold: AtomicU64,
    pub(super) ends: AtomicBool,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(Err(Trouble::Silent)),
            words: Mutex::new(None),
            fingers: Mutex::new(None),
            commands: [Mutex::new((0, None)), Mutex::new((0, None))],
            is_driven: AtomicBool::new(false),
            untold: AtomicU64::new(0),
            ends: AtomicBool::new(false),
        }
    }

    pub(super) fn put_state(&self, state: Result<JointState, Trouble>, words: Option<String>) {
        *self.words.lock().unwrap_or_else(PoisonError::into_inner) = words;
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// The newest state, for others than the loop's thread.
    pub(super) fn state(&self) -> Result<JointState, Trouble> {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn words(&self) -> Option<String> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn put_fingers(&self, fingers: Option<GripperCommand>) {
        *self.fingers.lock().unwrap_or_else(PoisonError::into_inner) = fingers;
    }

    pub(super) fn fingers(&self) -> Option<GripperCommand> {
        *self.fingers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest state for the loop's thread; `last` stays as it is when the place is not free.
    pub(super) fn refresh(&self, last: &mut Result<JointState, Trouble>) {
        for _ in 0..TRIES {
            if let Ok(state) = self.state.try_lock() {
                *last = *state;
                return;
            }
            core::hint::spin_loop();
        }
    }

    /// Leaves a command, from the loop's thread, or that there is none to be told; `false` when no place was free.
    pub(super) fn put_command(&self, number: u64, enabled: bool, told: Option<Told>) -> bool {
        for attempt in 0..2 * TRIES {
            if let Ok(mut slot) = self.commands[(number as usize + attempt) % 2].try_lock() {
                *slot = (number, told);
                self.is_driven.store(enabled, Ordering::Release);
                return true;
            }
            core::hint::spin_loop();
        }
        false
    }

    pub(super) fn newest_command(&self) -> Option<Told> {
        let slot = |m: &Mutex<(u64, Option<Told>)>| *m.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.commands.iter().map(slot).max_by_key(|(number, _)| *number);
        newest.and_then(|(_, told)| told)
    }
}
