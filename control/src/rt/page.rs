//! A page of words that two processes see, or two ends in one.

use std::sync::atomic::AtomicI64;
use types::Rejection;

/// Words on a page.
pub(crate) const WORDS: usize = 16;

/// The words, wherever they lie.
#[derive(Debug)]
pub(crate) enum Page {
    /// In this process alone, as lockstep needs it.
    Private(Box<[AtomicI64; WORDS]>),
    /// In memory that another process may map too.
    #[cfg(target_os = "linux")]
    Shared(shared::Map),
}

impl Page {
    /// Words of this process, all zero.
    pub(crate) fn private() -> Self {
        Self::Private(Box::new([const { AtomicI64::new(0) }; WORDS]))
    }

    pub(crate) fn words(&self) -> &[AtomicI64; WORDS] {
        match self {
            Self::Private(words) => words,
            #[cfg(target_os = "linux")]
            Self::Shared(map) => map.words(),
        }
    }

    /// Words that another process can open by [`Self::path`], all zero.
    #[cfg(target_os = "linux")]
    pub(crate) fn shared() -> Result<Self, Rejection> {
        shared::Map::create().map(Self::Shared)
    }

    /// The words of another process, by its path.
    #[cfg(target_os = "linux")]
    pub(crate) fn open(path: &std::path::Path) -> Result<Self, Rejection> {
        shared::Map::open(path).map(Self::Shared)
    }

    /// Where another process of the same user finds the page for as long as this one runs.
    pub(crate) fn path(&self) -> Option<std::path::PathBuf> {
        match self {
            Self::Private(_) => None,
            #[cfg(target_os = "linux")]
            Self::Shared(map) => Some(map.path()),
        }
    }

    /// No memory is shared between processes here.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn shared() -> Result<Self, Rejection> {
        Err(Rejection::new("control.watchdog", "Linux", std::env::consts::OS))
    }

    /// As [`Self::shared`].
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn open(_path: &std::path::Path) -> Result<Self, Rejection> {
        Self::shared()
    }
}

#[cfg(target_os = "linux")]
mod shared {
    use super::{AtomicI64, Rejection, WORDS};
    use core::ptr::NonNull;
    use std::ffi::CString;
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Path, PathBuf};

    /// Bytes that are mapped: one page of memory holds the words.
    const LEN: usize = 4096;

    /// A mapped page; the file stays open so that another process can find it.
    #[derive(Debug)]
    pub(crate) struct Map {
        at: NonNull<[AtomicI64; WORDS]>,
        file: OwnedFd,
    }

    // SAFETY: what it points to are atomics, in memory that lives until `drop`.
    unsafe impl Send for Map {}
    // SAFETY: as above.
    unsafe impl Sync for Map {}

    impl Map {
        pub(super) fn create() -> Result<Self, Rejection> {
            // SAFETY: the name is a C string that outlives the call.
            let fd = unsafe { libc::memfd_create(c"sinew-watchdog".as_ptr(), libc::MFD_CLOEXEC) };
            if fd < 0 {
                return Err(refused("memory to share with a process of its own"));
            }
            // SAFETY: the descriptor was just made and is nobody else's.
            let file = unsafe { OwnedFd::from_raw_fd(fd) };
            // SAFETY: no pointers; the descriptor is open.
            if unsafe { libc::ftruncate(fd, LEN as libc::off_t) } != 0 {
                return Err(refused("memory to share with a process of its own"));
            }
            Self::over(file)
        }

        pub(super) fn open(path: &Path) -> Result<Self, Rejection> {
            let name = CString::new(path.as_os_str().as_bytes());
            let name = name.map_err(|_| Rejection::new("watchdog.page", "a path", "one with a zero byte"))?;
            // SAFETY: the name is a C string that outlives the call.
            let fd = unsafe { libc::open(name.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC) };
            if fd < 0 {
                return Err(refused("the page of a running loop"));
            }
            // SAFETY: the descriptor was just made and is nobody else's.
            let file = unsafe { OwnedFd::from_raw_fd(fd) };
            // SAFETY: `stat` outlives the call, which fills it; a zeroed one is valid.
            let len = unsafe {
                let mut stat: libc::stat = core::mem::zeroed();
                if libc::fstat(fd, &mut stat) == 0 { stat.st_size } else { -1 }
            };
            if len == LEN as libc::off_t {
                return Self::over(file);
            }
            Err(Rejection::new("watchdog.page", format!("{LEN} bytes"), path.display().to_string()))
        }

        fn over(file: OwnedFd) -> Result<Self, Rejection> {
            // SAFETY: a new mapping of `LEN` bytes, which the file has; no address is asked for.
            let at = unsafe {
                libc::mmap(
                    core::ptr::null_mut(),
                    LEN,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_SHARED,
                    file.as_raw_fd(),
                    0,
                )
            };
            if at == libc::MAP_FAILED {
                return Err(refused("memory to share with a process of its own"));
            }
            // A mapping begins at a page's beginning, so that the words are aligned.
            match NonNull::new(at.cast()) {
                Some(at) => Ok(Self { at, file }),
                None => Err(refused("memory to share with a process of its own")),
            }
        }

        pub(super) fn words(&self) -> &[AtomicI64; WORDS] {
            // SAFETY: mapped until `drop`, aligned, and all bit patterns are words; others write atomically.
            unsafe { self.at.as_ref() }
        }

        pub(super) fn path(&self) -> PathBuf {
            PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd()))
        }
    }

    impl Drop for Map {
        fn drop(&mut self) {
            // SAFETY: mapped in `over` with this length, and nothing borrows it any more.
            unsafe { libc::munmap(self.at.as_ptr().cast(), LEN) };
        }
    }

    fn refused(expected: &'static str) -> Rejection {
        Rejection::new("watchdog.page", expected, std::io::Error::last_os_error().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Page;
    use std::sync::atomic::Ordering;

    #[test]
    fn what_is_written_at_one_end_is_read_at_the_other() {
        let page = Page::shared().expect("memory");
        let other = Page::open(&page.path().expect("a path")).expect("the same page");
        page.words()[3].store(-7, Ordering::Release);
        assert_eq!(other.words()[3].load(Ordering::Acquire), -7);
    }

    #[test]
    fn a_file_that_is_no_page_is_refused_by_name() {
        for bad in ["/proc/self/status", "/no/such/file", "/"] {
            let e = Page::open(bad.as_ref()).expect_err("no page");
            assert_eq!(e.field, "watchdog.page", "{e}");
        }
    }
}
