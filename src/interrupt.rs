//! Ctrl-C, and a terminal that is closed: the first stops and parks, the second holds where it is. Ctrl-\: the emergency stop.

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

/// A terminal that is closed is told by the system and once more by its shell: that is no second press.
extern "C" fn on_hangup(_: libc::c_int) {
    let _ = PRESSED.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed);
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

/// From here on Ctrl-C (SIGINT), SIGTERM and a closed terminal (SIGHUP) are counted instead of ending the process, and Ctrl-\
/// (SIGQUIT) is an emergency stop. Who was started to outlive its terminal (`nohup`) still does.
#[allow(
    unsafe_code,
    reason = "installing a signal handler is a system call; the handlers touch atomics alone"
)]
pub(crate) fn install() {
    let handler = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    let hangup = on_hangup as extern "C" fn(libc::c_int) as libc::sighandler_t;
    let emergency = on_emergency as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handlers only touch atomics, which is async-signal-safe.
    unsafe {
        libc::signal(libc::SIGINT, handler);
        libc::signal(libc::SIGTERM, handler);
        libc::signal(libc::SIGQUIT, emergency);
        if libc::signal(libc::SIGHUP, hangup) == libc::SIG_IGN {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
        }
    }
}

/// From here on nothing of that ends this process, which ends with another one that it is there for. A terminal tells all of
/// its processes, and so does who ends a service.
#[allow(unsafe_code, reason = "having a signal ignored is a system call")]
pub(crate) fn ignore() {
    // SAFETY: nothing of this program is called.
    unsafe {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            libc::signal(signal, libc::SIG_IGN);
        }
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
