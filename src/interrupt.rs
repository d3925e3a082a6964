//! Ctrl-C: the first stops and parks, the second holds where it is.

use std::sync::atomic::{AtomicUsize, Ordering};

static PRESSED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn on_signal(_: libc::c_int) {
    PRESSED.fetch_add(1, Ordering::Relaxed);
}

/// From here on Ctrl-C (SIGINT) and SIGTERM are counted instead of ending the process.
#[allow(unsafe_code, reason = "installing a signal handler is a system call; the handler is one atomic add")]
pub(crate) fn install() {
    let handler = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    // SAFETY: the handler only touches an atomic, which is async-signal-safe.
    unsafe {
        libc::signal(libc::SIGINT, handler);
        libc::signal(libc::SIGTERM, handler);
    }
}

/// How often it was pressed.
pub(crate) fn count() -> usize {
    PRESSED.load(Ordering::Relaxed)
}
