//! The thread that writes a recording, file after file.

use super::queue::Queue;
use super::{Item, LEFT_OUT, Limits, NEXT, PART, Summary, Topics, part_of};
use mcap::records::{MessageHeader, Metadata};
use mcap::{Attachment, Compression, WriteOptions, Writer};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use types::Time;

/// A chunk is at most so large, bytes before compression, and so long, nanoseconds of the messages' time.
const CHUNK_BYTES: u64 = 4 << 20;
const CHUNK_NS: u64 = 500_000_000;

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
pub(super) struct Scribe {
    path: PathBuf,
    /// The part that is being written, from 1, and how long those before it are, bytes.
    part: u32,
    before: u64,
    writer: Writer<Counted>,
    written: Arc<AtomicU64>,
    limits: Limits,
    topics: Arc<Topics>,
    /// What every part says anew: topics with their types, and files beside the messages.
    declared: Vec<Declared>,
    attached: Vec<Attachment<'static>>,
    /// The file's number of each topic, and how many messages it has.
    channels: Vec<(u16, u32)>,
    /// How many messages of each topic wait in memory for the chunk's end.
    in_chunk: Vec<u64>,
    begun: Option<Time>,
    chunk_begun: u64,
    messages: u64,
    failure: Option<String>,
}

/// A topic: its name, its type, the type's definition.
struct Declared {
    name: String,
    schema: &'static str,
    definition: String,
}

/// A file that was begun, with its length, and why it takes nothing, if it does not.
type Begun = (Writer<Counted>, Arc<AtomicU64>, Result<(), String>);

/// Begins the file of a part.
fn begin(path: &Path, limits: &Limits, part: u32) -> std::io::Result<Begun> {
    let written = Arc::new(AtomicU64::new(0));
    let file = BufWriter::new(File::create(path)?);
    let counted = Counted { file, at: 0, written: Arc::clone(&written) };
    let writer = WriteOptions::new()
        .compression(Some(Compression::Zstd))
        .compression_level(limits.packing.level())
        .compression_threads(0)
        .chunk_size(Some(CHUNK_BYTES))
        .disable_seeking(true)
        .profile("ros2")
        .library(concat!("sinew ", env!("CARGO_PKG_VERSION")))
        .create(counted);
    let mut writer = writer.map_err(std::io::Error::other)?;
    let episode = format!("{:016x}", limits.episode);
    let metadata = [("episode".to_owned(), episode), ("part".to_owned(), part.to_string())].into();
    let said = writer.write_metadata(&Metadata { name: PART.into(), metadata });
    Ok((writer, written, said.map_err(|e| with_source(&e))))
}

/// An error with what led to it: that a disk is full stands in the last of them.
fn with_source(e: &(dyn std::error::Error + 'static)) -> String {
    let causes = core::iter::successors(e.source(), |e| e.source());
    causes.fold(e.to_string(), |said, cause| format!("{said}: {cause}"))
}

/// Declares a topic in a file; its number there.
fn declare(writer: &mut Writer<Counted>, topic: &Declared) -> Result<u16, String> {
    let schema = writer.add_schema(topic.schema, "ros2msg", topic.definition.as_bytes());
    let schema = schema.map_err(|e| with_source(&e))?;
    writer.add_channel(schema, &topic.name, "cdr", &BTreeMap::new()).map_err(|e| with_source(&e))
}

/// What is left out so far, per topic, and why there is no more.
fn said_of(left_out: &BTreeMap<String, u64>, failure: Option<&str>) -> BTreeMap<String, String> {
    let mut said: BTreeMap<String, String> =
        left_out.iter().map(|(name, n)| (name.clone(), n.to_string())).collect();
    said.extend(failure.map(|why| ("why".to_owned(), why.to_owned())));
    said
}

/// Writes a file's end: what is left out so far, and where it goes on.
fn end(
    mut writer: Writer<Counted>,
    left_out: BTreeMap<String, String>,
    next: Option<&Path>,
) -> Result<(), String> {
    let said = |e: mcap::McapError| with_source(&e);
    writer.write_metadata(&Metadata { name: LEFT_OUT.into(), metadata: left_out }).map_err(said)?;
    if let Some(next) = next {
        let file = next.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let metadata = [("file".to_owned(), file)].into();
        writer.write_metadata(&Metadata { name: NEXT.into(), metadata }).map_err(said)?;
    }
    writer.finish().map_err(said)?;
    writer.into_inner().flush().map_err(|e| e.to_string())
}

impl Scribe {
    /// Begins the first file. A disk that takes nothing any more is no error here: what is left out is counted.
    ///
    /// # Errors
    /// Where it cannot be created.
    pub(super) fn begin(path: &Path, limits: Limits, topics: Arc<Topics>) -> std::io::Result<Self> {
        // What another recording has left here is none of this one.
        (2..)
            .map(|part| part_of(path, part))
            .take_while(|left| left.is_file())
            .try_for_each(std::fs::remove_file)?;
        let (writer, written, said) = begin(path, &limits, 1)?;
        Ok(Self {
            path: path.to_owned(),
            part: 1,
            before: 0,
            writer,
            written,
            limits,
            topics,
            declared: Vec::new(),
            attached: Vec::new(),
            channels: Vec::new(),
            in_chunk: Vec::new(),
            begun: None,
            chunk_begun: 0,
            messages: 0,
            failure: said.err(),
        })
    }

    pub(super) fn run(mut self, queue: &Queue<Item>) -> Summary {
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
        let (left_out, bytes) = (self.topics.left_out(), self.written);
        let ended = end(self.writer, said_of(&left_out, self.failure.as_deref()), None);
        Summary {
            messages: self.messages,
            bytes: self.before + bytes.load(Ordering::Relaxed),
            parts: self.part,
            left_out,
            failure: self.failure.or(ended.err()),
        }
    }

    /// Why nothing more goes into the file that is being written, if it has a message.
    fn limit(&self, stamp: Time) -> Option<String> {
        let begun = self.begun?;
        let which = match self.limits.parts {
            0 | 1 => "the file".to_owned(),
            parts => format!("the last of {parts} files"),
        };
        if self.written.load(Ordering::Relaxed) > self.limits.bytes {
            return Some(format!("{which} has reached its limit of {} bytes", self.limits.bytes));
        }
        let is_over = stamp.secs_since(begun) > self.limits.seconds;
        is_over.then(|| format!("{which} has reached its limit of {} s", self.limits.seconds))
    }

    /// Goes on in another file, which says anew what is to be known for reading it.
    fn go_on(&mut self) -> Result<(), String> {
        self.writer.flush().map_err(|e| with_source(&e))?;
        self.in_chunk.fill(0);
        let path = part_of(&self.path, self.part + 1);
        // All of its head stands before the one before says that there is another.
        let (mut writer, written, said) =
            begin(&path, &self.limits, self.part + 1).map_err(|e| format!("{}: {e}", path.display()))?;
        said?;
        for attachment in &self.attached {
            writer.attach(attachment).map_err(|e| with_source(&e))?;
        }
        let declared = self.declared.iter().map(|declared| declare(&mut writer, declared));
        let numbers = declared.collect::<Result<Vec<_>, _>>()?;
        writer.flush().map_err(|e| with_source(&e))?;
        let before = core::mem::replace(&mut self.writer, writer);
        let length = core::mem::replace(&mut self.written, written);
        for ((channel, _), number) in self.channels.iter_mut().zip(numbers) {
            *channel = number;
        }
        self.part += 1;
        self.begun = None;
        let ended = end(before, said_of(&self.topics.left_out(), None), Some(&path));
        self.before += length.load(Ordering::Relaxed);
        ended
    }

    fn write(&mut self, item: Item) -> Result<(), String> {
        let said = |e: mcap::McapError| with_source(&e);
        match item {
            Item::Topic { name, schema, definition } => {
                let declared = Declared { name, schema, definition };
                self.channels.push((declare(&mut self.writer, &declared)?, 0));
                self.declared.push(declared);
                self.in_chunk.push(0);
            }
            Item::Message { topic, stamp, data } => {
                if let Some(limit) = self.limit(stamp) {
                    if self.part >= self.limits.parts {
                        return Err(limit);
                    }
                    self.go_on()?;
                }
                self.begun.get_or_insert(stamp);
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
                let attachment = Attachment {
                    log_time: 0,
                    create_time: 0,
                    name,
                    media_type: media_type.to_owned(),
                    data: data.into(),
                };
                self.writer.attach(&attachment).map_err(said)?;
                self.attached.push(attachment);
            }
        }
        Ok(())
    }
}
