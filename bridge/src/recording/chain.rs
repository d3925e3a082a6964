//! Reads a recording over all its files, one after the other, as if they were one.

use super::part_of;
use super::reader::{Attached, FileReader, Flaw, MOST_FLAWS, Recorded};
use crate::BridgeError;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

/// No recording has more files.
const MOST_PARTS: u32 = 1000;

/// See the head of this file. An iterator over the messages, in the order in which they were recorded.
pub struct Reader {
    path: PathBuf,
    file: FileReader,
    /// All files, and those that come after the one that is being read.
    parts: Vec<PathBuf>,
    rest: VecDeque<PathBuf>,
    flaws: Vec<Flaw>,
    attached: Vec<Attached>,
    left_out: BTreeMap<String, String>,
    /// Whether all files before the one that is being read have their end.
    were_complete: bool,
}

/// The greatest number that a part beside `first` has by its name, or one.
fn last_by_name(first: &Path) -> u32 {
    let folder = first.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name());
    let stem = first.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let number = |name: std::ffi::OsString| {
        let name = name.to_string_lossy().into_owned();
        name.strip_prefix(&format!("{stem}."))?.split('.').next()?.parse::<u32>().ok()
    };
    // Nothing else is a part, and a name that is no regular file's would be waited for.
    let is_part = |n: &u32| (2..=MOST_PARTS).contains(n) && part_of(first, *n).is_file();
    beside.filter_map(number).filter(is_part).max().unwrap_or(1)
}

/// The files after the first one, as far as they are of the same recording: up to the first that has its end and says of
/// no other. One of which nothing can be read any more is taken for its part by its name, and is a flaw when its turn comes.
///
/// # Errors
/// The number of the part that is missing.
fn later_parts(first: &Path, head: &FileReader) -> Result<VecDeque<PathBuf>, u32> {
    let (mut found, mut episode) = (VecDeque::new(), head.part().map(|(episode, _)| episode));
    let (mut has_ended, mut goes_on) = (head.has_end(), head.goes_on());
    let last = last_by_name(first);
    for part in 2..=MOST_PARTS {
        // Other writers' files have no parts, and may have no end.
        if !goes_on && (has_ended || episode.is_none()) {
            break;
        }
        let path = part_of(first, part);
        let file = path.is_file().then(|| FileReader::open(&path).ok().map(|file| (file.part(), file)));
        let known = match file {
            Some(None) => (false, part < last),
            Some(Some((of, file)))
                if of.is_none_or(|(of, n)| n == part && of == *episode.get_or_insert(of)) =>
            {
                (file.has_end(), file.goes_on())
            }
            // What was left by another recording is none of this one.
            _ if goes_on || (part < last && is_of(&part_of(first, last), episode, last)) => return Err(part),
            _ => break,
        };
        (has_ended, goes_on) = known;
        found.push_back(path);
    }
    Ok(found)
}

fn is_of(path: &Path, episode: Option<u64>, part: u32) -> bool {
    FileReader::open(path)
        .is_ok_and(|file| file.part().is_some_and(|of| Some(of.0) == episode && of.1 == part))
}

impl Reader {
    /// Opens a recording by its first file.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when a file cannot be read; [`BridgeError::Recording`] when it is no recording, is not the first
    /// file of one, or one of those after it is missing, which it names.
    pub fn open(path: &Path) -> Result<Self, BridgeError> {
        let file = FileReader::open(path)?;
        let refuse = |what| BridgeError::Recording { path: path.display().to_string(), what };
        if let Some((_, part)) = file.part().filter(|(_, part)| *part != 1) {
            return Err(refuse(format!("expected the first file of a recording, got its part {part}")));
        }
        let rest = later_parts(path, &file).map_err(|part| {
            let name = part_of(path, part);
            let name = name.file_name().unwrap_or_default().to_string_lossy();
            refuse(format!("its part {part} is missing: expected it beside this file, as {name}"))
        })?;
        let parts = core::iter::once(path.to_owned()).chain(rest.iter().cloned()).collect();
        let (flaws, attached, left_out) = (Vec::new(), Vec::new(), BTreeMap::new());
        let path = path.to_owned();
        let mut reader = Self { path, file, parts, rest, flaws, attached, left_out, were_complete: true };
        reader.take_found();
        Ok(reader)
    }

    /// The first file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All files, in their order.
    #[must_use]
    pub fn parts(&self) -> &[PathBuf] {
        &self.parts
    }

    /// What was found to be wrong so far; all of it when there are no more messages. Of files after the first it is said
    /// which one, and where in it.
    #[must_use]
    pub fn flaws(&self) -> &[Flaw] {
        &self.flaws
    }

    /// The files that were recorded beside the messages, as far as was read; each once, though every file has it.
    #[must_use]
    pub fn attached(&self) -> &[Attached] {
        &self.attached
    }

    /// What was left out when it was recorded, per topic; with why it ended early as `why`. Known at the end alone.
    #[must_use]
    pub fn left_out(&self) -> BTreeMap<String, String> {
        // Each file counts on from those before it.
        let newest = self.file.left_out();
        if newest.is_empty() { self.left_out.clone() } else { newest }
    }

    /// Whether every file's own end was reached: whoever wrote it was not interrupted.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.were_complete && self.rest.is_empty() && self.file.is_complete()
    }

    /// Takes over what the file's reader has found.
    fn take_found(&mut self) {
        let (flaws, attached) = self.file.take_found();
        let is_first = self.file.path() == self.path;
        let name = self.file.path().file_name().unwrap_or_default().to_string_lossy();
        for flaw in flaws {
            let what = if is_first { flaw.what } else { format!("in {name}: {}", flaw.what) };
            // The same is said once, and no more than can be read.
            if self.flaws.len() <= MOST_FLAWS && self.flaws.iter().all(|known| known.what != what) {
                let is_one_more = self.flaws.len() == MOST_FLAWS;
                let what = if is_one_more { "and more from here on".to_owned() } else { what };
                self.flaws.push(Flaw { at: flaw.at, what });
            }
        }
        for file in attached {
            if self.attached.iter().all(|known| known.name != file.name) {
                self.attached.push(file);
            }
        }
    }

    /// Goes on with the next file; `false` where there is none.
    fn go_on(&mut self) -> bool {
        let Some(next) = self.rest.pop_front() else { return false };
        self.left_out = self.left_out();
        self.were_complete &= self.file.is_complete();
        match FileReader::open(&next) {
            Ok(file) => {
                self.file = file;
                self.take_found();
            }
            Err(e) => {
                self.were_complete = false;
                self.flaws.push(Flaw { at: 0, what: e.to_string() });
            }
        }
        true
    }
}

impl Iterator for Reader {
    type Item = Recorded;

    fn next(&mut self) -> Option<Recorded> {
        loop {
            let message = self.file.next();
            self.take_found();
            if message.is_some() {
                return message;
            }
            if !self.go_on() {
                return None;
            }
        }
    }
}
