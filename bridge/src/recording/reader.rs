//! Reads a recording from its beginning, record by record, and goes on behind what is damaged (B34).

use crate::BridgeError;
use crate::ros::{Message, from_cdr};
use mcap::parse_record;
use mcap::records::{Record, op};
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use types::{Rejection, Time};

/// What a record begins with: its kind, and the length of the rest.
const RECORD_HEAD: u64 = 9;
/// Longer records are taken for damage, bytes.
const LONGEST_RECORD: u64 = 1 << 30;
/// What a chunk may grow to, bytes.
const LARGEST_CHUNK: u64 = 256 << 20;
/// So many flaws are told one by one.
pub(super) const MOST_FLAWS: usize = 100;
/// The last record with its head.
const FOOTER: u64 = RECORD_HEAD + 20;
const MAGIC: &[u8; 8] = b"\x89MCAP0\r\n";

/// A topic of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// Its name.
    pub topic: String,
    /// The type of its messages.
    pub schema: String,
    /// How they are encoded: `cdr`.
    pub encoding: String,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Where it belongs.
    pub info: Arc<TopicInfo>,
    /// Counts up by one in its topic.
    pub sequence: u32,
    /// Its stamp.
    pub stamp: Time,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Recorded {
    /// The message, if it is of this type.
    ///
    /// # Errors
    /// A [`Rejection`] naming topic and type for another type, and as [`from_cdr`].
    pub fn read<M: Message>(&self) -> Result<M, Rejection> {
        let got = (self.info.schema.as_str(), self.info.encoding.as_str());
        if got != (M::NAME, "cdr") {
            let got = format!("{} as {}", got.0, got.1);
            return Err(Rejection::new(self.info.topic.clone(), format!("{} as cdr", M::NAME), got));
        }
        from_cdr(&self.data).map_err(|e| Rejection {
            field: format!("{} [{}]: {}", self.info.topic, self.sequence, e.field).into(),
            ..e
        })
    }
}

/// A file that was recorded beside the messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where, bytes from the beginning.
    pub at: u64,
    /// What was expected and what came.
    pub what: String,
}

/// See the head of this file. An iterator over the messages of one file, in the order in which they were recorded.
pub struct FileReader<F = BufReader<File>> {
    path: PathBuf,
    file: F,
    length: u64,
    at: u64,
    schemas: HashMap<u16, String>,
    channels: HashMap<u16, Arc<TopicInfo>>,
    waiting: VecDeque<Recorded>,
    flaws: Vec<Flaw>,
    attached: Vec<Attached>,
    metadata: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether its head says that Sinew wrote it.
    is_ours: bool,
    has_end: bool,
    goes_on: bool,
    is_complete: bool,
    is_over: bool,
}

impl FileReader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when it cannot be read, [`BridgeError::Recording`] when it is none.
    pub fn open(path: &Path) -> Result<Self, BridgeError> {
        let io = BridgeError::io;
        let file = File::open(path).map_err(io(path))?;
        Self::new(path, BufReader::with_capacity(1 << 20, file))
    }
}

impl<F: Read + Seek> FileReader<F> {
    /// Of whatever holds the bytes; `path` is for messages.
    ///
    /// # Errors
    /// As [`FileReader::open`].
    pub fn new(path: &Path, mut file: F) -> Result<Self, BridgeError> {
        let io = BridgeError::io;
        let length = file.seek(SeekFrom::End(0)).map_err(io(path))?;
        file.seek(SeekFrom::Start(0)).map_err(io(path))?;
        let mut begin = Vec::new();
        file.by_ref().take(8).read_to_end(&mut begin).map_err(io(path))?;
        if begin != MAGIC {
            let got = begin.escape_ascii();
            let what = format!("expected an MCAP file of version 0, got one that begins with \"{got}\"");
            return Err(BridgeError::Recording { path: path.display().to_string(), what });
        }
        let mut reader = Self {
            path: path.to_owned(),
            file,
            length,
            at: 8,
            schemas: HashMap::new(),
            channels: HashMap::new(),
            waiting: VecDeque::new(),
            flaws: Vec::new(),
            attached: Vec::new(),
            metadata: BTreeMap::new(),
            is_ours: false,
            has_end: false,
            goes_on: false,
            is_complete: false,
            is_over: false,
        };
        reader.look_ahead().map_err(io(path))?;
        // Behind the file's head stands which part it is.
        for _ in 0..2 {
            reader.step();
        }
        Ok(reader)
    }

    /// A whole file repeats its topics at its end: they are known even where its beginning is damaged. Nothing that is
    /// amiss there matters yet.
    fn look_ahead(&mut self) -> std::io::Result<()> {
        let footer_at = self.length.saturating_sub(FOOTER + MAGIC.len() as u64);
        if footer_at > self.at {
            let begin = core::mem::replace(&mut self.at, footer_at);
            self.file.seek(SeekFrom::Start(footer_at))?;
            let footer = self.record().filter(|r| r[0] == op::FOOTER);
            let footer = footer.and_then(|r| match parsed(op::FOOTER, &r[RECORD_HEAD as usize..]) {
                Some(Ok(Record::Footer(f))) => Some(f),
                _ => None,
            });
            self.has_end = footer.is_some();
            if let Some(start) = footer.map(|f| f.summary_start).filter(|s| (begin..footer_at).contains(s)) {
                self.at = start;
                self.file.seek(SeekFrom::Start(start))?;
                while self.at < footer_at
                    && let Some(record) = self.record()
                {
                    if let op::SCHEMA | op::CHANNEL | op::METADATA_INDEX = record[0]
                        && let Some(Ok(known)) = parsed(record[0], &record[RECORD_HEAD as usize..])
                    {
                        let known = known.into_owned();
                        self.goes_on |=
                            matches!(&known, Record::MetadataIndex(index) if index.name == super::NEXT);
                        self.note(start, known);
                    }
                }
            }
            self.at = begin;
            self.file.seek(SeekFrom::Start(begin))?;
            self.flaws.clear();
        }
        Ok(())
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was found to be wrong so far; all of it when there are no more messages.
    #[must_use]
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// The files that were recorded beside the messages, as far as was read.
    #[must_use]
    pub fn attached(&self) -> &[Attached] {
        &self.attached
    }

    /// What was left out when it was recorded, per topic; with why it ended early as `why`. Known at the end alone.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<String, String> {
        self.metadata.get(super::LEFT_OUT).cloned().unwrap_or_default()
    }

    /// Whether the file's own end was reached: whoever wrote it was not interrupted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Of which recording it is which part, from 1; `None` where that cannot be read.
    #[must_use]
    pub fn part(&self) -> Option<(u64, u32)> {
        let part = self.metadata.get(super::PART)?;
        let episode = u64::from_str_radix(part.get("episode")?, 16).ok()?;
        Some((episode, part.get("part")?.parse().ok()?))
    }

    /// Whether its head says that it was written by this program, of whichever version.
    pub(super) fn is_ours(&self) -> bool {
        self.is_ours
    }

    /// Whether it is over before its first message: known where that is so right behind its head.
    pub(super) fn has_nothing(&self) -> bool {
        self.is_over && self.waiting.is_empty()
    }

    /// Whether a file's end stands where it should: known from the beginning.
    pub(super) fn has_end(&self) -> bool {
        self.has_end
    }

    /// Whether it says at its end that the recording goes on in another file.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// The flaws and files found since the last time.
    pub(super) fn take_found(&mut self) -> (Vec<Flaw>, Vec<Attached>) {
        (core::mem::take(&mut self.flaws), core::mem::take(&mut self.attached))
    }

    fn flaw(&mut self, at: u64, what: impl Into<String>) {
        match self.flaws.len() {
            0..MOST_FLAWS => self.flaws.push(Flaw { at, what: what.into() }),
            MOST_FLAWS => self.flaws.push(Flaw { at, what: "and more from here on".into() }),
            _ => {}
        }
    }

    /// The next record with its head; `None` at the end, or where it is not known where the next one begins.
    fn record(&mut self) -> Option<Vec<u8>> {
        let (at, left) = (self.at, self.length.saturating_sub(self.at));
        let mut record = vec![0; RECORD_HEAD as usize];
        if left < RECORD_HEAD || self.file.read_exact(&mut record).is_err() {
            if !self.is_complete {
                self.flaw(at, format!("the file ends here, within a record: {left} bytes"));
            }
            return None;
        }
        let length = record[1..].iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
        if length > LONGEST_RECORD || length > left - RECORD_HEAD {
            let what = format!("a record of {length} bytes, where {} are left", left - RECORD_HEAD);
            self.flaw(at, what);
            return None;
        }
        record.resize((RECORD_HEAD + length) as usize, 0);
        if let Err(e) = self.file.read_exact(&mut record[RECORD_HEAD as usize..]) {
            self.flaw(at, e.to_string());
            return None;
        }
        self.at += RECORD_HEAD + length;
        Some(record)
    }

    /// The next record, if there is one.
    fn step(&mut self) {
        if self.is_over {
            return;
        }
        let at = self.at;
        match self.record() {
            Some(record) => self.take(at, &record),
            None => self.is_over = true,
        }
    }

    /// Takes in one record of the file.
    fn take(&mut self, at: u64, record: &[u8]) {
        let (kind, body) = (record[0], &record[RECORD_HEAD as usize..]);
        if kind == op::CHUNK {
            self.unpack(at, record);
            return;
        }
        let Some(parsed) = parsed(kind, body) else { return };
        match parsed {
            Ok(Record::Attachment { header, data, crc }) => {
                let is_whole =
                    crc == 0 || body.len().checked_sub(4).is_some_and(|n| crc32fast::hash(&body[..n]) == crc);
                if is_whole {
                    self.attached.push(Attached { name: header.name, data: data.into_owned() });
                } else {
                    self.flaw(at, format!("the file \"{}\" in it is damaged", header.name));
                }
            }
            Ok(Record::Header(h)) => self.is_ours = h.library.starts_with(super::WRITER),
            Ok(Record::Metadata(m)) => {
                self.metadata.insert(m.name, m.metadata);
            }
            Ok(Record::Footer(_)) => {
                self.is_complete = true;
                self.is_over = true;
            }
            Ok(record) => self.note(at, record),
            Err(e) => self.flaw(at, format!("a record of kind {kind}: {e}")),
        }
    }

    /// What stands in a chunk, or at the top of a file that was written without chunks.
    fn note(&mut self, at: u64, record: Record<'_>) {
        match record {
            Record::Schema { header, .. } => {
                self.schemas.insert(header.id, header.name);
            }
            Record::Channel(c) => {
                let schema = self.schemas.get(&c.schema_id).cloned().unwrap_or_default();
                let info = TopicInfo { topic: c.topic, schema, encoding: c.message_encoding };
                self.channels.insert(c.id, Arc::new(info));
            }
            Record::Message { header, data } => match self.channels.get(&header.channel_id) {
                Some(info) => self.waiting.push_back(Recorded {
                    info: Arc::clone(info),
                    sequence: header.sequence,
                    stamp: Time::from_nanos(i64::try_from(header.log_time).unwrap_or(i64::MAX)),
                    data: data.into_owned(),
                }),
                None => {
                    let what = format!("messages of topic {}, which is not known", header.channel_id);
                    if self.flaws.iter().all(|f| f.what != what) {
                        self.flaw(at, what);
                    }
                }
            },
            _ => {}
        }
    }

    /// The records of a chunk, if its sum is right.
    fn unpack(&mut self, at: u64, record: &[u8]) {
        let body = &record[RECORD_HEAD as usize..];
        let grows_to = match parsed(op::CHUNK, body) {
            Some(Ok(Record::Chunk { header, .. })) => header.uncompressed_size,
            Some(Ok(_)) | None => 0,
            Some(Err(e)) => return self.flaw(at, format!("a chunk: {e}")),
        };
        if grows_to > LARGEST_CHUNK {
            return self.flaw(
                at,
                format!("a chunk that grows to {grows_to} bytes, where {LARGEST_CHUNK} are borne"),
            );
        }
        let options = LinearReaderOptions::default()
            .with_skip_start_magic(true)
            .with_skip_end_magic(true)
            .with_prevalidate_chunk_crcs(true)
            .with_record_length_limit(LARGEST_CHUNK as usize);
        let mut reader = LinearReader::new_with_options(options);
        let (mut left, mut grown) = (record, 0);
        loop {
            let event = match reader.next_event() {
                None => break,
                Some(Err(e)) => return self.flaw(at, format!("a chunk: {e}")),
                Some(Ok(event)) => event,
            };
            if let LinearReadEvent::Record { data, .. } = &event {
                grown += RECORD_HEAD + data.len() as u64;
            }
            match event {
                LinearReadEvent::ReadRequest(n) => {
                    let n = n.min(left.len());
                    if n == 0 {
                        break;
                    }
                    let (now, rest) = left.split_at(n);
                    reader.insert(n).copy_from_slice(now);
                    reader.notify_read(n);
                    left = rest;
                }
                // What else may stand in a chunk says nothing.
                LinearReadEvent::Record { opcode, .. }
                    if !matches!(opcode, op::SCHEMA | op::CHANNEL | op::MESSAGE) => {}
                LinearReadEvent::Record { data, opcode } => match parsed(opcode, data) {
                    Some(Ok(record)) => {
                        let record = record.into_owned();
                        self.note(at, record);
                    }
                    Some(Err(e)) => self.flaw(at, format!("a chunk: {e}")),
                    None => {}
                },
            }
        }
        if grown != grows_to {
            self.flaw(at, format!("a chunk of {grown} bytes, where it says {grows_to}"));
        }
    }
}

/// A record, if it is of a kind that says something here; and whether its body has room for what it says of itself. The
/// library that takes it apart believes every length.
fn parsed(kind: u8, body: &[u8]) -> Option<Result<Record<'_>, String>> {
    let has_room = match kind {
        op::SCHEMA => text(body, 2).and_then(|at| text(body, at)).and_then(|at| text(body, at)),
        op::CHANNEL => text(body, 4).and_then(|at| text(body, at)).and_then(|at| map(body, at)),
        // Where it stands, and how long it is.
        op::METADATA_INDEX => text(body, 16),
        op::METADATA => text(body, 0).and_then(|at| map(body, at)),
        op::HEADER => text(body, 0).and_then(|at| text(body, at)),
        op::CHUNK => text(body, 28).and_then(|at| at.checked_add(8)),
        // Two times, two texts, its length, and its sum.
        op::ATTACHMENT => text(body, 16).and_then(|at| text(body, at)).and_then(|at| at.checked_add(8 + 4)),
        op::MESSAGE | op::FOOTER => Some(0),
        _ => return None,
    };
    if has_room.is_none_or(|at| at > body.len()) {
        return Some(Err("it is shorter than it says".into()));
    }
    Some(parse_record(kind, body).map_err(|e| e.to_string()))
}

/// Where the text at `at` ends, if it ends in the body: its length, and as many bytes.
fn text(body: &[u8], at: usize) -> Option<usize> {
    let length = u32::from_le_bytes(*body.get(at..)?.first_chunk::<4>()?) as usize;
    at.checked_add(4)?.checked_add(length).filter(|end| *end <= body.len())
}

/// As [`text`], of pairs of texts.
fn map(body: &[u8], at: usize) -> Option<usize> {
    let end = text(body, at)?;
    let mut at = at + 4;
    while at < end {
        at = text(&body[..end], text(&body[..end], at)?)?;
    }
    Some(end)
}

impl<F: Read + Seek> Iterator for FileReader<F> {
    type Item = Recorded;

    fn next(&mut self) -> Option<Recorded> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Some(message);
            }
            if self.is_over {
                return None;
            }
            self.step();
        }
    }
}
