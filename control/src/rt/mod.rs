//! The system calls of real time: the only unsafe code, and the only place that asks the operating
//! system for rights, memory and time.
#![allow(unsafe_code, reason = "scheduling, memory locking and sharing, and the monotonic clock are C calls")]

pub(crate) mod page;

/// What the operating system granted, as plain sentences for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RtRights {
    /// SCHED_FIFO was granted.
    pub real_time: bool,
    /// Memory was locked.
    pub locked: bool,
    /// The thread was bound to the processor that was asked for.
    pub bound: bool,
    /// One sentence for everything that was asked for and not granted.
    pub notes: Vec<String>,
}

/// What to ask for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RtWishes {
    /// Priority under SCHED_FIFO, 1 to 98; `None`: do not ask.
    pub fifo_priority: Option<u8>,
    /// Lock all memory of the process, so that no page fault stops the loop.
    pub lock_memory: bool,
    /// The processor to run on.
    pub cpu: Option<usize>,
}

/// Bytes of stack that are touched before the loop starts.
const PREFAULT: usize = 256 * 1024;

/// Asks for real-time rights for the calling thread. What is not granted is said, and is no error.
#[must_use]
pub fn acquire(wishes: RtWishes) -> RtRights {
    let mut rights = RtRights::default();
    if wishes.lock_memory {
        match os::lock_memory() {
            Ok(()) => rights.locked = true,
            Err(e) => rights.notes.push(format!(
                "locking memory is not permitted here ({e}); a page fault may delay the loop: see `sinew doctor`"
            )),
        }
    }
    if let Some(cpu) = wishes.cpu {
        match os::bind(cpu) {
            Ok(()) => rights.bound = true,
            Err(e) => rights.notes.push(format!("the loop could not be bound to processor {cpu} ({e})")),
        }
    }
    if let Some(priority) = wishes.fifo_priority {
        match os::fifo(priority) {
            Ok(()) => rights.real_time = true,
            Err(e) => rights.notes.push(format!(
                "real-time scheduling is not permitted here ({e}); the loop runs at normal priority: see `sinew doctor`"
            )),
        }
    }
    touch_stack();
    rights
}

/// Writes to the stack that the loop will use, so that its pages exist.
#[inline(never)]
fn touch_stack() {
    let mut page = [0_u8; PREFAULT];
    for byte in page.iter_mut().step_by(4096) {
        *core::hint::black_box(byte) = 1;
    }
    core::hint::black_box(&page);
}

pub(crate) use os::{monotonic_ns, page_faults, sleep_until_ns};

#[cfg(target_os = "linux")]
mod os {
    /// The error a person may look up: `EPERM`, else the number.
    fn last_error() -> String {
        let error = std::io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EPERM) => "EPERM".to_owned(),
            Some(libc::ENOMEM) => "ENOMEM".to_owned(),
            Some(libc::EINVAL) => "EINVAL".to_owned(),
            _ => error.to_string(),
        }
    }

    pub(super) fn lock_memory() -> Result<(), String> {
        // SAFETY: no pointers; the call changes only how pages are kept.
        let done = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) };
        if done == 0 { Ok(()) } else { Err(last_error()) }
    }

    pub(super) fn bind(cpu: usize) -> Result<(), String> {
        if cpu >= libc::CPU_SETSIZE as usize {
            return Err("no such processor".to_owned());
        }
        // SAFETY: a zeroed set is an empty one; `cpu` lies within it; the set outlives the call.
        let done = unsafe {
            let mut set: libc::cpu_set_t = core::mem::zeroed();
            libc::CPU_SET(cpu, &mut set);
            libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
        };
        if done == 0 { Ok(()) } else { Err(last_error()) }
    }

    pub(super) fn fifo(priority: u8) -> Result<(), String> {
        // SAFETY: `param` outlives the call; 0 is the calling thread. A zeroed parameter is valid.
        let done = unsafe {
            let mut param: libc::sched_param = core::mem::zeroed();
            param.sched_priority = i32::from(priority.clamp(1, 98));
            libc::sched_setscheduler(0, libc::SCHED_FIFO, &param)
        };
        if done == 0 { Ok(()) } else { Err(last_error()) }
    }

    /// How often this thread has touched memory whose page was not there; `None` when the system does not tell.
    pub(crate) fn page_faults() -> Option<u64> {
        // SAFETY: a zeroed usage is valid and outlives the call.
        let usage = unsafe {
            let mut usage: libc::rusage = core::mem::zeroed();
            (libc::getrusage(libc::RUSAGE_THREAD, &mut usage) == 0).then_some(usage)
        }?;
        u64::try_from(usage.ru_minflt.saturating_add(usage.ru_majflt)).ok()
    }

    /// Nanoseconds of the monotonic clock.
    pub(crate) fn monotonic_ns() -> i64 {
        let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `t` outlives the call. The clock always exists on Linux.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
        t.tv_sec * 1_000_000_000 + t.tv_nsec
    }

    /// Sleeps until the monotonic clock shows `ns`.
    pub(crate) fn sleep_until_ns(ns: i64) {
        let ns = ns.max(0);
        let t = libc::timespec { tv_sec: ns / 1_000_000_000, tv_nsec: ns % 1_000_000_000 };
        loop {
            // SAFETY: `t` outlives the call; no remainder is asked for with an absolute time.
            let done = unsafe {
                libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &t, core::ptr::null_mut())
            };
            if done != libc::EINTR {
                return;
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod os {
    use std::sync::OnceLock;
    use std::time::{Duration, Instant};

    const NONE: &str = "this operating system is not supported";

    pub(super) fn lock_memory() -> Result<(), String> {
        Err(NONE.to_owned())
    }

    pub(super) fn bind(_cpu: usize) -> Result<(), String> {
        Err(NONE.to_owned())
    }

    pub(super) fn fifo(_priority: u8) -> Result<(), String> {
        Err(NONE.to_owned())
    }

    fn origin() -> Instant {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        *ORIGIN.get_or_init(Instant::now)
    }

    pub(crate) fn page_faults() -> Option<u64> {
        None
    }

    pub(crate) fn monotonic_ns() -> i64 {
        i64::try_from(origin().elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    pub(crate) fn sleep_until_ns(ns: i64) {
        let left = ns.saturating_sub(monotonic_ns());
        std::thread::sleep(Duration::from_nanos(u64::try_from(left).unwrap_or(0)));
    }
}
