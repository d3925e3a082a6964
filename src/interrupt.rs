//! Ctrl-C: the first stops and parks, the second holds where it is. Ctrl-\: the emergency stop.

use control::StopFlag;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use types::StopCategory;

static PRESSED: AtomicUsize = AtomicUsize::new(0);
/// The loop of this process, where it has one; else somebody who has to tell it.
static LOOP: OnceLock<StopFlag> = OnceLock::new();
static EMERGENCY: AtomicBool = AtomicBool::new(false);
/// Whoever waits for a model need not wait any longer.
static GIVEN_UP: AtomicBool = AtomicBool::new(false);

extern "C" fn on_signal(_: libc::c_int) {
    PRESSED.fetch_add(1, Ordering::Relaxed);
    GIVEN_UP.store(true, Ordering::Release);
}

extern "C" fn on_emergency(_: libc::c_int) {
    EMERGENCY.store(true, Ordering::Release);
    if let Some(flag) = LOOP.get() {
        flag.stop(StopCategory::One);
    }
}

/// Ctrl-\ (SIGQUIT) stops this loop: category one, latched.
pub(crate) fn stops(flag: StopFlag) {
    // A process has one loop; another one would be a replay's, which moves nothing.
    let _ = LOOP.set(flag);
}

/// Whether Ctrl-\ was pressed since this was last asked.
pub(crate) fn is_emergency() -> bool {
    EMERGENCY.swap(false, Ordering::AcqRel)
}

/// From here on Ctrl-C (SIGINT) and SIGTERM are counted instead of ending the process, and Ctrl-\ (SIGQUIT) is an emergency
/// stop.
#[allow(
    unsafe_code,
    reason = "installing a signal handler is a system call; the handlers touch atomics alone"
)]
pub(crate) fn install() {
    let handler = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    let emergency = on_emergency as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handlers only touch atomics, which is async-signal-safe.
    unsafe {
        libc::signal(libc::SIGINT, handler);
        libc::signal(libc::SIGTERM, handler);
        libc::signal(libc::SIGQUIT, emergency);
    }
}

/// Says that the person has given up, here or at another machine: what a model is being asked is not waited for.
pub(crate) fn given_up() -> &'static AtomicBool {
    &GIVEN_UP
}

/// Somebody at another machine has given up.
pub(crate) fn give_up() {
    GIVEN_UP.store(true, Ordering::Release);
}

/// A new sentence is begun, which only Ctrl-C here has given up already.
pub(crate) fn begin_anew() {
    GIVEN_UP.store(false, Ordering::Release);
    // Pressed meanwhile.
    if count() > 0 {
        give_up();
    }
}

/// How often it was pressed.
pub(crate) fn count() -> usize {
    PRESSED.load(Ordering::Relaxed)
}
