//! Recordings: an MCAP file per run, or several one after the other, whose messages are ROS 2's as CDR, written by a thread of
//! its own.
//!
//! What is recorded never holds up who records it: what finds no room is left out, and counted per topic. Whole chunks
//! go to the file at a time, so that a process that is killed leaves all but the last second of it readable. Nothing of
//! a file hangs on the time of day: the same messages make the same bytes.

mod chain;
mod queue;
mod reader;
mod scribe;

pub use chain::Reader;
pub use queue::Full;
pub use reader::{Attached, FileReader, Flaw, Recorded, TopicInfo};

use crate::BridgeError;
use crate::ros::{Message, to_cdr};
use core::marker::PhantomData;
use queue::Queue;
use scribe::Scribe;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use types::Time;

/// The names under which a file says what was left out of it, and why it ended; which part of which recording it is; and
/// which file comes after it.
const LEFT_OUT: &str = "sinew:left_out";
const PART: &str = "sinew:part";
const NEXT: &str = "sinew:next";
/// How the name of what wrote a file begins.
const WRITER: &str = "sinew ";

/// The file of a recording's part, counted from 1: `run.mcap`, `run.2.mcap`, `run.3.mcap`.
fn part_of(first: &Path, part: u32) -> PathBuf {
    if part < 2 {
        return first.to_owned();
    }
    let extension = first.extension().unwrap_or_default().to_string_lossy();
    first.with_extension(format!("{part}.{extension}"))
}

/// How closely messages are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As small as is no great work.
    Close,
    /// Half as large again, for two thirds of the work: for all pictures of cameras, whose noise nothing makes small.
    Quick,
}

impl Packing {
    /// zstd's level, as the writer wants it: a number without a sign, from which zstd's own is made bit by bit.
    fn level(self) -> u32 {
        let level: i32 = match self {
            Self::Close => 1,
            Self::Quick => -12,
        };
        level.cast_unsigned()
    }
}

/// How much is recorded at the most, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of a file, and seconds between its first message and its last: then the recording goes on in another.
    pub bytes: u64,
    /// See there.
    pub seconds: f64,
    /// So many files at the most, at least 1; what comes when the last has reached its limit is left out, and counted.
    pub parts: u32,
    /// By which the files of one recording are known: the same in each of them.
    pub episode: u64,
    /// Bytes that may wait to be written.
    pub waiting: usize,
    /// How closely it is packed.
    pub packing: Packing,
}

impl Default for Limits {
    fn default() -> Self {
        let (bytes, seconds) = (4 << 30, 4.0 * 3600.0);
        Self { bytes, seconds, parts: 1, episode: 0, waiting: 64 << 20, packing: Packing::Close }
    }
}

/// Where messages of one type are recorded.
#[derive(Debug)]
pub struct Topic<M> {
    idx: usize,
    _message: PhantomData<fn(M)>,
}

impl<M> Copy for Topic<M> {}
impl<M> Clone for Topic<M> {
    fn clone(&self) -> Self {
        *self
    }
}

/// What came of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages written.
    pub messages: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// How many files there are.
    pub parts: u32,
    /// What was left out, per topic.
    pub left_out: BTreeMap<String, u64>,
    /// Why it ended early.
    pub failure: Option<String>,
}

enum Item {
    Topic { name: String, schema: &'static str, definition: String },
    Message { topic: usize, stamp: Time, data: Vec<u8> },
    Attachment { name: String, media_type: &'static str, data: Vec<u8> },
}

/// The topics there are, and what was left out of each.
#[derive(Default)]
struct Topics(Mutex<Vec<(String, Arc<AtomicU64>)>>);

impl Topics {
    fn with<T>(&self, f: impl FnOnce(&mut Vec<(String, Arc<AtomicU64>)>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn leave_out(&self, idx: usize) {
        self.with(|topics| {
            if let Some((_, count)) = topics.get(idx) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }

    fn left_out(&self) -> BTreeMap<String, u64> {
        let count = |(name, n): &(String, Arc<AtomicU64>)| (name.clone(), n.load(Ordering::Relaxed));
        self.with(|topics| topics.iter().map(count).filter(|(_, n)| *n > 0).collect())
    }
}

/// Writes one file. Shared by all who record.
pub struct Recorder {
    path: PathBuf,
    queue: Arc<Queue<Item>>,
    topics: Arc<Topics>,
    thread: Mutex<Option<JoinHandle<Summary>>>,
}

impl Recorder {
    /// Begins a file.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when it cannot be created, or the operating system gives no thread.
    pub fn create(path: &Path, limits: Limits, full: Full) -> Result<Self, BridgeError> {
        let io = BridgeError::io;
        let (queue, topics) = (Arc::new(Queue::new(limits.waiting, full)), Arc::new(Topics::default()));
        let scribe = Scribe::begin(path, limits, Arc::clone(&topics)).map_err(|e| io(path)(e))?;
        let taken = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("sinew-recorder".to_owned())
            .spawn(move || scribe.run(&taken))
            .map_err(io(path))?;
        Ok(Self { path: path.to_owned(), queue, topics, thread: Mutex::new(Some(thread)) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A topic, `/joint_states`; the same name twice is the same topic.
    pub fn topic<M: Message>(&self, name: &str) -> Topic<M> {
        let idx = self.topics.with(|topics| {
            topics.iter().position(|(n, _)| n == name).unwrap_or_else(|| {
                topics.push((name.to_owned(), Arc::default()));
                // Under the lock, so that topics reach the file in the order of their numbers; and whatever the size:
                // without its topic no message can be written.
                let item =
                    Item::Topic { name: name.to_owned(), schema: M::NAME, definition: M::definition() };
                self.queue.push(item);
                topics.len() - 1
            })
        });
        Topic { idx, _message: PhantomData }
    }

    /// Records a message; one for which there is no room is left out and counted. Whether it was taken.
    pub fn put<M: Message>(&self, topic: Topic<M>, stamp: Time, message: &M) -> bool {
        let is_put = to_cdr(message).is_ok_and(|data| {
            self.queue.put(data.len() + 64, Item::Message { topic: topic.idx, stamp, data })
        });
        if !is_put {
            self.topics.leave_out(topic.idx);
        }
        is_put
    }

    /// So many messages of a topic were lost before they came here.
    pub fn lost<M: Message>(&self, topic: Topic<M>, n: u64) {
        self.topics.with(|topics| {
            if let Some((_, count)) = topics.get(topic.idx) {
                count.fetch_add(n, Ordering::Relaxed);
            }
        });
    }

    /// What was left out so far, per topic.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<String, u64> {
        self.topics.left_out()
    }

    /// Records a file beside the messages: a configuration, a robot's description.
    pub fn attach(&self, name: &str, media_type: &'static str, data: &[u8]) {
        let item = Item::Attachment { name: name.to_owned(), media_type, data: data.to_vec() };
        self.queue.put(data.len(), item);
    }

    /// Writes what waits and the file's end. A second call has nothing to tell.
    pub fn finish(&self) -> Summary {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let failed = || Summary { failure: Some("the recorder died".into()), ..Summary::default() };
        thread.map_or_else(Summary::default, |t| t.join().unwrap_or_else(|_| failed()))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}
