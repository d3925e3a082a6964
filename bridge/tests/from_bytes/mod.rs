//! What anybody may send to whoever reads recordings and messages, as bytes: a file, or a message of any type. Used by
//! the tests with the rows of the bad-input table, and by `fuzz/` with anything.
#![allow(unsafe_code, reason = "a global allocator that refuses is an unsafe trait")]

pub(crate) mod commands;
pub(crate) mod seeds;

use bridge::recording::{FileReader, Flaw};
use bridge::ros::{self, Message, from_cdr, to_cdr};
use core::cell::Cell;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::path::Path;

/// The most that is allocated in one piece, bytes: what a chunk may grow to, and what it takes while it grows.
const MOST: usize = 520 << 20;
/// The most for a message, for each of its bytes, and beside them.
const MOST_PER_BYTE: usize = 64;
const MOST_BESIDE: usize = 2 << 20;

/// Refuses what is larger than [`LIMIT`], which ends the process: whoever trusts a length that is not there is found.
struct Capped;

thread_local! {
    static LIMIT: Cell<usize> = const { Cell::new(MOST) };
}

// SAFETY: every call is handed on to the system's allocator unchanged, or refused as a full memory would.
unsafe impl GlobalAlloc for Capped {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LIMIT.get() {
            return core::ptr::null_mut();
        }
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LIMIT.get() {
            return core::ptr::null_mut();
        }
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > LIMIT.get() {
            return core::ptr::null_mut();
        }
        // SAFETY: the caller's.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static CAPPED: Capped = Capped;

/// What came of reading a file: messages, and what is wrong with it.
pub(crate) struct Outcome {
    pub(crate) messages: usize,
    pub(crate) flaws: Vec<Flaw>,
    pub(crate) is_complete: bool,
}

/// Reads a file of any bytes to its end, its messages too; `None` where it is no recording at all.
///
/// # Panics
/// When the reader does what it must not.
pub(crate) fn read_file(bytes: &[u8]) -> Option<Outcome> {
    LIMIT.set(MOST);
    let mut reader = FileReader::new(Path::new("any.mcap"), Cursor::new(bytes)).ok()?;
    let mut messages = 0;
    for message in reader.by_ref() {
        messages += 1;
        // Whether it is one does not matter here.
        let _ = message.read::<ros::JointState>();
        let _ = message.read::<ros::Tick>();
    }
    assert!(reader.next().is_none(), "B34: an end is an end");
    assert!(reader.flaws().len() <= 101, "B34: {} flaws", reader.flaws().len());
    assert!(reader.flaws().iter().all(|f| f.at <= bytes.len() as u64), "B34: {:?}", reader.flaws());
    let attached: usize = reader.attached().iter().map(|a| a.data.len()).sum();
    assert!(attached <= bytes.len(), "B34: {attached} bytes of files in {}", bytes.len());
    Some(Outcome { messages, flaws: reader.flaws().to_vec(), is_complete: reader.is_complete() })
}

/// Reads bytes as a message of every type; as how many they can be read.
///
/// # Panics
/// When one that was read is not the same after it was written and read once more.
pub(crate) fn read_message(bytes: &[u8]) -> usize {
    fn one<M: Message>(bytes: &[u8]) -> usize {
        let limit = MOST_BESIDE + MOST_PER_BYTE * bytes.len();
        LIMIT.set(limit);
        let read = from_cdr::<M>(bytes);
        LIMIT.set(MOST);
        let Ok(message) = read else { return 0 };
        // Bytes, for what is no number is not equal to itself.
        let written = to_cdr(&message).expect("what was read can be written");
        let again = from_cdr::<M>(&written).and_then(|m| to_cdr(&m)).expect("what was written can be read");
        assert_eq!(again, written, "B7: {}", M::NAME);
        1
    }
    macro_rules! all {
        ($($name:ident)*) => { [$(one::<ros::$name>(bytes)),*].into_iter().sum() };
    }
    bridge::every_message!(all)
}
