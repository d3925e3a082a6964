//! Recordings: one MCAP file per run, whose messages are ROS 2's as CDR, written by a thread of its own.
//!
//! What is recorded never holds up who records it: what finds no room is left out, and counted per topic. Whole chunks
//! go to the file at a time, so that a process that is killed leaves all but the last second of it readable. Nothing of
//! a file hangs on the time of day: the same messages make the same bytes.

mod queue;
mod reader;

pub use queue::Full;
pub use reader::{Attached, Flaw, Reader, Recorded, TopicInfo};

use crate::BridgeError;
use crate::ros::{Message, to_cdr};
use core::marker::PhantomData;
use mcap::records::{MessageHeader, Metadata};
use mcap::{Compression, WriteOptions, Writer};
use queue::Queue;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use types::Time;

/// The name under which a file says what was left out of it, and why it ended.
const LEFT_OUT: &str = "sinew:left_out";
/// A chunk is at most so large, bytes before compression, and so long, nanoseconds of the messages' time.
const CHUNK_BYTES: u64 = 4 << 20;
const CHUNK_NS: u64 = 500_000_000;
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
    /// Bytes of the file; what comes after is left out, and counted.
    pub bytes: u64,
    /// Seconds between the first message and the last.
    pub seconds: f64,
    /// Bytes that may wait to be written.
    pub waiting: usize,
    /// How closely it is packed.
    pub packing: Packing,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 4 << 30, seconds: 4.0 * 3600.0, waiting: 64 << 20, packing: Packing::Close }
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
    /// Bytes of the file.
    pub bytes: u64,
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
        let file = File::create(path).map_err(io(path))?;
        let written = Arc::new(AtomicU64::new(0));
        let counted = Counted { file: BufWriter::new(file), at: 0, written: Arc::clone(&written) };
        let writer = WriteOptions::new()
            .compression(Some(Compression::Zstd))
            .compression_level(limits.packing.level())
            .compression_threads(0)
            .chunk_size(Some(CHUNK_BYTES))
            .disable_seeking(true)
            .profile("ros2")
            .library(concat!("sinew ", env!("CARGO_PKG_VERSION")))
            .create(counted)
            .map_err(|e| io(path)(std::io::Error::other(e)))?;
        let (queue, topics) = (Arc::new(Queue::new(limits.waiting, full)), Arc::new(Topics::default()));
        let scribe = Scribe {
            writer,
            written,
            limits,
            topics: Arc::clone(&topics),
            channels: Vec::new(),
            in_chunk: Vec::new(),
            begun: None,
            chunk_begun: 0,
            messages: 0,
            failure: None,
        };
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

/// The file, with its length.
struct Counted {
    file: BufWriter<File>,
    at: u64,
    written: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.at += n as u64;
        self.written.fetch_max(self.at, Ordering::Relaxed);
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.at = self.file.seek(to)?;
        Ok(self.at)
    }
}

/// The thread that writes.
struct Scribe {
    writer: Writer<Counted>,
    written: Arc<AtomicU64>,
    limits: Limits,
    topics: Arc<Topics>,
    /// The file's number of each topic, and how many messages it has.
    channels: Vec<(u16, u32)>,
    /// How many messages of each topic wait in memory for the chunk's end.
    in_chunk: Vec<u64>,
    begun: Option<Time>,
    chunk_begun: u64,
    messages: u64,
    failure: Option<String>,
}

/// An error with what led to it: that a disk is full stands in the last of them.
fn with_source(e: &(dyn std::error::Error + 'static)) -> String {
    let causes = core::iter::successors(e.source(), |e| e.source());
    causes.fold(e.to_string(), |said, cause| format!("{said}: {cause}"))
}

impl Scribe {
    fn run(mut self, queue: &Queue<Item>) -> Summary {
        while let Some(item) = queue.take() {
            let topic = match &item {
                Item::Message { topic, .. } => Some(*topic),
                _ => None,
            };
            if self.failure.is_none()
                && let Err(e) = self.write(item)
            {
                // A full disk, or the file's limit: the robot goes on, and what is missing is known (F30).
                self.failure = Some(e);
                if let Some(topic) = topic {
                    self.topics.leave_out(topic);
                }
            } else if self.failure.is_some()
                && let Some(topic) = topic
            {
                self.topics.leave_out(topic);
            }
        }
        match self.writer.flush() {
            Ok(()) => self.in_chunk.fill(0),
            Err(e) => {
                self.failure.get_or_insert(with_source(&e));
            }
        }
        // What waited for the end of a chunk that could not be written is in no file.
        for (topic, n) in self.in_chunk.iter().enumerate() {
            self.messages -= n;
            (0..*n).for_each(|_| self.topics.leave_out(topic));
        }
        let left_out = self.topics.left_out();
        let mut metadata: BTreeMap<String, String> =
            left_out.iter().map(|(name, n)| (name.clone(), n.to_string())).collect();
        if let Some(failure) = &self.failure {
            metadata.insert("why".into(), failure.clone());
        }
        let ended = self
            .writer
            .write_metadata(&Metadata { name: LEFT_OUT.into(), metadata })
            .and_then(|()| self.writer.finish())
            .map_err(|e| with_source(&e))
            .and_then(|_| self.writer.into_inner().flush().map_err(|e| e.to_string()));
        Summary {
            messages: self.messages,
            bytes: self.written.load(Ordering::Relaxed),
            left_out,
            failure: self.failure.or(ended.err()),
        }
    }

    fn write(&mut self, item: Item) -> Result<(), String> {
        let said = |e: mcap::McapError| with_source(&e);
        match item {
            Item::Topic { name, schema, definition } => {
                let schema =
                    self.writer.add_schema(schema, "ros2msg", definition.as_bytes()).map_err(said)?;
                let channel =
                    self.writer.add_channel(schema, &name, "cdr", &BTreeMap::new()).map_err(said)?;
                self.channels.push((channel, 0));
                self.in_chunk.push(0);
            }
            Item::Message { topic, stamp, data } => {
                let begun = *self.begun.get_or_insert(stamp);
                if self.written.load(Ordering::Relaxed) > self.limits.bytes {
                    return Err(format!("the file has reached its limit of {} bytes", self.limits.bytes));
                }
                if stamp.secs_since(begun) > self.limits.seconds {
                    return Err(format!("it has reached its limit of {} s", self.limits.seconds));
                }
                let Some((channel, n)) = self.channels.get_mut(topic) else { return Ok(()) };
                let log_time = u64::try_from(stamp.as_nanos()).unwrap_or(0);
                let header =
                    MessageHeader { channel_id: *channel, sequence: *n, log_time, publish_time: log_time };
                // A chunk that is full is written before the message goes into the next one.
                let before = self.written.load(Ordering::Relaxed);
                self.writer.write_to_known_channel(&header, &data).map_err(said)?;
                if self.written.load(Ordering::Relaxed) != before {
                    self.in_chunk.fill(0);
                }
                *n += 1;
                self.messages += 1;
                self.in_chunk[topic] += 1;
                if log_time.saturating_sub(self.chunk_begun) > CHUNK_NS {
                    self.chunk_begun = log_time;
                    self.writer.flush().map_err(said)?;
                    self.in_chunk.fill(0);
                }
            }
            Item::Attachment { name, media_type, data } => {
                let attachment = mcap::Attachment {
                    log_time: 0,
                    create_time: 0,
                    name,
                    media_type: media_type.to_owned(),
                    data: data.into(),
                };
                self.writer.attach(&attachment).map_err(said)?;
            }
        }
        Ok(())
    }
}
