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
    /// The number of the file with which what can be read begins.
    first_part: u32,
}

/// What a recording's first file says of those after it.
struct Head {
    episode: Option<u64>,
    has_ended: bool,
    goes_on: bool,
    /// Which recording it is of stood in it and cannot be read: those after it say it of themselves.
    is_damaged: bool,
}

impl Head {
    /// Of a file that cannot be read at all.
    const LOST: Self = Self { episode: None, has_ended: false, goes_on: false, is_damaged: true };

    fn of(file: &FileReader) -> Self {
        let episode = file.part().map(|(episode, _)| episode);
        Self {
            episode,
            has_ended: file.has_end(),
            goes_on: file.goes_on(),
            // Other writers' files have no parts, and may have no end.
            is_damaged: episode.is_none() && (file.is_ours() || !file.flaws().is_empty()),
        }
    }
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
fn later_parts(first: &Path, head: &Head) -> Result<VecDeque<PathBuf>, u32> {
    let (mut found, mut episode) = (VecDeque::new(), head.episode);
    let (mut has_ended, mut goes_on) = (head.has_ended, head.goes_on);
    let last = last_by_name(first);
    for part in 2..=MOST_PARTS {
        if !goes_on && (has_ended || (episode.is_none() && !head.is_damaged)) {
            break;
        }
        let path = part_of(first, part);
        let file = path.is_file().then(|| FileReader::open(&path).ok().map(|file| (file.part(), file)));
        let known = match file {
            Some(None) => (false, part < last),
            Some(Some((of, file)))
                if of.map_or(!head.is_damaged || episode.is_some(), |(of, n)| {
                    n == part && of == *episode.get_or_insert(of)
                }) =>
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
    /// Opens a recording by its first file; where nothing can be read of that, those after it, and that is a flaw. A later file
    /// is read alone: [`Self::first_part`] says so.
    ///
    /// # Errors
    /// [`BridgeError::Io`] when a file cannot be read; [`BridgeError::Recording`] when it is no recording, or one of the files
    /// after it is missing, which it names.
    pub fn open(path: &Path) -> Result<Self, BridgeError> {
        match FileReader::open(path) {
            Ok(file) => match file.part() {
                Some((_, part)) if part != 1 => Ok(Self::over(path, file, VecDeque::new(), part)),
                _ => Self::whole(path, file),
            },
            Err(why @ BridgeError::Recording { .. }) => Self::behind(path, why),
            Err(why) => Err(why),
        }
    }

    fn over(path: &Path, file: FileReader, rest: VecDeque<PathBuf>, first_part: u32) -> Self {
        let parts = core::iter::once(path.to_owned()).chain(rest.iter().cloned()).collect();
        let (flaws, attached, left_out) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (path, were_complete) = (path.to_owned(), true);
        let mut reader =
            Self { path, file, parts, rest, flaws, attached, left_out, were_complete, first_part };
        reader.take_found();
        reader
    }

    fn whole(path: &Path, file: FileReader) -> Result<Self, BridgeError> {
        let head = Head::of(&file);
        let rest = later_parts(path, &head).map_err(|part| {
            let name = part_of(path, part);
            let name = name.file_name().unwrap_or_default().to_string_lossy();
            let what = format!("its part {part} is missing: expected it beside this file, as {name}");
            BridgeError::Recording { path: path.display().to_string(), what }
        })?;
        let is_by_name = head.is_damaged && !head.goes_on && !rest.is_empty();
        let first_part = if file.has_nothing() && !rest.is_empty() { 2 } else { 1 };
        let mut reader = Self::over(path, file, rest, first_part);
        if is_by_name {
            let what = "its head is damaged: the files after it are taken for its own by their names".into();
            reader.flaws.push(Flaw { at: 0, what });
        }
        Ok(reader)
    }

    /// The files after one of which nothing can be read, if there are any.
    fn behind(path: &Path, why: BridgeError) -> Result<Self, BridgeError> {
        let Ok(mut rest) = later_parts(path, &Head::LOST) else { return Err(why) };
        let later: Vec<PathBuf> = rest.iter().cloned().collect();
        let mut flaws = vec![Flaw { at: 0, what: why.to_string() }];
        for part in 2.. {
            let Some(next) = rest.pop_front() else { return Err(why) };
            match FileReader::open(&next) {
                Ok(file) => {
                    let mut reader = Self::over(path, file, rest, part);
                    reader.parts = core::iter::once(path.to_owned()).chain(later).collect();
                    reader.flaws.splice(..0, flaws);
                    reader.were_complete = false;
                    return Ok(reader);
                }
                Err(e) => flaws.push(Flaw { at: 0, what: e.to_string() }),
            }
        }
        Err(why)
    }

    /// The number of the file with which what can be read begins: 1, unless it is a later file that was opened, or nothing can
    /// be read of those before it.
    #[must_use]
    pub fn first_part(&self) -> u32 {
        self.first_part
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
