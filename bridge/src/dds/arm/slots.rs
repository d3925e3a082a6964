//! What the loop's thread and the threads that speak ROS 2 leave for each other; the loop's never waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use types::seams::RobotError;
use types::{JointCommand, JointState};

/// How often the loop's thread tries to reach a place before it goes on without.
const TRIES: usize = 8;

/// See the head of this file. Locks are held only while something is copied.
pub(super) struct Slots {
    state: Mutex<Result<JointState, RobotError>>,
    /// The newest commands, each with its number: two places, so that one is always free to write.
    commands: [Mutex<Option<(u64, JointCommand)>>; 2],
    /// Whether the newest command gives power.
    pub(super) is_driven: AtomicBool,
    pub(super) ends: AtomicBool,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(Err(RobotError::Silent)),
            commands: [Mutex::new(None), Mutex::new(None)],
            is_driven: AtomicBool::new(false),
            ends: AtomicBool::new(false),
        }
    }

    pub(super) fn put_state(&self, state: Result<JointState, RobotError>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    pub(super) fn state(&self) -> Result<JointState, RobotError> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same for the loop's thread; `last` stays as it is when the place is not free.
    pub(super) fn refresh(&self, last: &mut Result<JointState, RobotError>) {
        for _ in 0..TRIES {
            if let Ok(state) = self.state.try_lock() {
                last.clone_from(&state);
                return;
            }
            core::hint::spin_loop();
        }
    }

    /// Leaves a command, from the loop's thread; `false` when no place was free.
    pub(super) fn put_command(&self, number: u64, command: &JointCommand) -> bool {
        for attempt in 0..2 * TRIES {
            if let Ok(mut slot) = self.commands[(number as usize + attempt) % 2].try_lock() {
                *slot = Some((number, *command));
                self.is_driven.store(command.enabled, Ordering::Release);
                return true;
            }
            core::hint::spin_loop();
        }
        false
    }

    pub(super) fn newest_command(&self) -> Option<JointCommand> {
        let slot = |m: &Mutex<Option<(u64, JointCommand)>>| *m.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.commands.iter().filter_map(slot).max_by_key(|(number, _)| *number);
        newest.map(|(_, command)| command)
    }
}
