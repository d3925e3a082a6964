//! The world on a wall clock: a thread of its own steps it, robot and cameras look in.

use crate::faults::{RobotFault, robot_fault};
use crate::robot::{Link, Rig, stopped, through_the_link};
use crate::world::STEP;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use types::seams::{Clock, Robot, RobotError};
use types::{JointCommand, JointState, Time};

/// How late the thread may be before it lets the lost time go instead of catching up.
pub const MOST_LATE: Duration = Duration::from_millis(20);
/// How often the control thread tries to reach a slot before it goes on without.
const TRIES: usize = 8;

/// Asked before every step: whether the robot may have power, as far as its outer watchdog is concerned.
pub type Permit = Box<dyn FnMut(Time) -> bool + Send>;

/// What the thread shares with the robot.
struct Shared {
    /// The newest state, or why there is none. Held only while it is copied.
    state: Mutex<Result<JointState, RobotError>>,
    /// The newest commands, each with its number: two slots, so that one is always free to write.
    commands: [Mutex<Option<(u64, JointCommand)>>; 2],
    /// When the newest step was done, and who waits for the next.
    stepped: Mutex<Option<Time>>,
    waits: Condvar,
    stop: AtomicBool,
    /// Milliseconds let go because the host was late.
    lost_ms: AtomicU64,
    n_steps: AtomicU64,
    is_live: AtomicBool,
}

impl Shared {
    /// The newest command, if it came after number `seen`.
    fn newest_command(&self, seen: &mut u64) -> Option<JointCommand> {
        let mut newest = None;
        for slot in &self.commands {
            let slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((number, command)) = *slot
                && number > *seen
            {
                *seen = number;
                newest = Some(command);
            }
        }
        newest
    }

    fn publish(&self, state: Result<JointState, RobotError>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Starts a thread that steps the world by the clock that `make_clock` makes in it, and gives the
/// robot's two ends. The world's time begins at the clock's present instant; a state's stamp is the
/// instant of its step. Without `permit` nobody watches over the robot but itself. Until the first step, reading gives [`RobotError::Silent`].
///
/// # Errors
/// The operating system's, when it gives no thread.
pub fn spawn<C: Clock + 'static>(
    rig: &Rig,
    make_clock: impl FnOnce() -> C + Send + 'static,
    permit: Option<Permit>,
) -> std::io::Result<(LiveRobot, LiveHandle)> {
    let n = rig.world().arm().n_joints();
    let shared = Arc::new(Shared {
        state: Mutex::new(Err(RobotError::Silent)),
        commands: [Mutex::new(None), Mutex::new(None)],
        stepped: Mutex::new(None),
        waits: Condvar::new(),
        stop: AtomicBool::new(false),
        lost_ms: AtomicU64::new(0),
        n_steps: AtomicU64::new(0),
        is_live: AtomicBool::new(rig.world().is_live()),
    });
    let thread = {
        let (rig, shared) = (rig.clone(), Arc::clone(&shared));
        std::thread::Builder::new()
            .name("sinew-sim".into())
            .spawn(move || run(&rig, make_clock(), permit, &shared))?
    };
    let last = Err(RobotError::Silent);
    let robot = LiveRobot { shared: Arc::clone(&shared), number: 0, seen: None, n, last };
    Ok((robot, LiveHandle { shared, thread: Some(thread) }))
}

/// The thread: one step per millisecond, by absolute deadlines.
fn run(rig: &Rig, mut clock: impl Clock, mut permit: Option<Permit>, shared: &Shared) {
    let mut deadline = clock.now();
    rig.world().begin_at(deadline);
    let (mut link, mut seen) = (Link::default(), 0);
    while !shared.stop.load(Ordering::Acquire) {
        deadline = deadline + STEP;
        clock.sleep_until(deadline);
        let now = clock.now();
        let late = now.since(deadline);
        if late > MOST_LATE {
            // The world stands still while its host is busy; it does not race afterwards.
            shared.lost_ms.fetch_add(u64::try_from(late.as_millis()).unwrap_or(0), Ordering::Relaxed);
            deadline = now;
        }
        let permitted = permit.as_mut().is_none_or(|permit| permit(now));
        let state = step(rig, now, permitted, shared.newest_command(&mut seen), &mut link);
        let over = matches!(state, Err(RobotError::Faulted(_)));
        shared.publish(state);
        shared.is_live.store(rig.world().is_live(), Ordering::Release);
        shared.n_steps.fetch_add(1, Ordering::Relaxed);
        *shared.stepped.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock.now());
        shared.waits.notify_one();
        if over {
            return;
        }
    }
}

/// One step: the newest command in, the newest state out.
fn step(
    rig: &Rig,
    now: Time,
    permitted: bool,
    newest: Option<JointCommand>,
    link: &mut Link,
) -> Result<JointState, RobotError> {
    let mut world = rig.world();
    world.permit(permitted);
    let fault = robot_fault(world.faults(), world.start(), now);
    if let Some(command) = newest.filter(|_| fault != Some(RobotFault::Deaf)) {
        // It was checked before it was sent; a refusal keeps the last one.
        let _ = world.command(&command);
    }
    world.step_until(now).map_err(|e| stopped(&e))?;
    let state = world.sense();
    through_the_link(fault, state, world.arm().limits(), link)
}

/// The robot's end in the control thread. Neither reading nor writing waits for the simulation.
pub struct LiveRobot {
    shared: Arc<Shared>,
    /// Number of the last command.
    number: u64,
    /// The step that was waited for last.
    seen: Option<Time>,
    n: usize,
    last: Result<JointState, RobotError>,
}

impl Robot for LiveRobot {
    fn read(&mut self) -> Result<JointState, RobotError> {
        for _ in 0..TRIES {
            if let Ok(state) = self.shared.state.try_lock() {
                self.last.clone_from(&state);
                break;
            }
            core::hint::spin_loop();
        }
        self.last.clone()
    }

    fn write(&mut self, command: &JointCommand) -> Result<(), RobotError> {
        command.check(self.n)?;
        let number = self.number + 1;
        for attempt in 0..2 * TRIES {
            if let Ok(mut slot) = self.shared.commands[(number as usize + attempt) % 2].try_lock() {
                *slot = Some((number, *command));
                self.number = number;
                return Ok(());
            }
            core::hint::spin_loop();
        }
        Err(RobotError::Silent)
    }

    fn is_live(&mut self) -> bool {
        self.shared.is_live.load(Ordering::Acquire)
    }

    fn cycle(&self) -> Option<Duration> {
        Some(STEP)
    }

    fn wait_cycle(&mut self, limit: Duration) -> Option<Time> {
        let seen = self.seen;
        let stepped = self.shared.stepped.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.waits.wait_timeout_while(stepped, limit, |newest| *newest == seen);
        self.seen = *waited.unwrap_or_else(PoisonError::into_inner).0;
        self.seen.filter(|_| self.seen != seen)
    }
}

/// Ends the thread when it is dropped.
pub struct LiveHandle {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl LiveHandle {
    /// Steps made so far.
    #[must_use]
    pub fn n_steps(&self) -> u64 {
        self.shared.n_steps.load(Ordering::Relaxed)
    }

    /// Milliseconds that were let go because the host was more than [`MOST_LATE`] late.
    #[must_use]
    pub fn lost_ms(&self) -> u64 {
        self.shared.lost_ms.load(Ordering::Relaxed)
    }

    /// Whether the thread has ended: the world stopped with an error, or it panicked.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for LiveHandle {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic in it has been printed already; nothing here can mend it.
            let _ = thread.join();
        }
    }
}
