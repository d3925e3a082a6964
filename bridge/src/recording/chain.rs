//! Reads a recording over all its files, one after the other, as if they were one.

use super::part_of;
use super::reader::{Attached, FileReader, Flaw, Recorded};
use crate::BridgeError;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

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

/// The parts after the first one that lie beside it, by their numbers.
fn later_parts(first: &Path, episode: u64) -> BTreeMap<u32, PathBuf> {
    let folder = first.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.file_name());
    let names: Vec<String> = beside.map(|n| n.to_string_lossy().into_owned()).collect();
    let stem = first.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let number =
        |name: &String| name.strip_prefix(&format!("{stem}."))?.split('.').next()?.parse::<u32>().ok();
    let numbers = names.iter().filter_map(number).filter(|n| *n > 1);
    let parts = numbers.map(|n| (n, part_of(first, n)));
    // One that was left by another recording is none of this one.
    let is_its = |(n, path): &(u32, PathBuf)| {
        FileReader::open(path).is_ok_and(|file| file.part() == Some((episode, *n)))
    };
    parts.filter(is_its).collect()
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
        let (episode, part) = file.part().unzip();
        if let Some(part) = part.filter(|part| *part != 1) {
            return Err(refuse(format!("expected the first file of a recording, got its part {part}")));
        }
        let mut later = episode.map(|episode| later_parts(path, episode)).unwrap_or_default();
        // The last that is there may say that there is another.
        let (last, mut goes_on) = (later.last_key_value(), file.goes_on());
        if let Some((_, last)) = last {
            goes_on = FileReader::open(last)?.goes_on();
        }
        let n = last.map_or(1, |(n, _)| *n) + u32::from(goes_on);
        let mut rest = VecDeque::new();
        for part in 2..=n {
            let Some(found) = later.remove(&part) else {
                let name = part_of(path, part);
                let name = name.file_name().unwrap_or_default().to_string_lossy();
                return Err(refuse(format!(
                    "its part {part} is missing: expected it beside this file, as {name}"
                )));
            };
            rest.push_back(found);
        }
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
        self.flaws.extend(flaws.into_iter().map(|flaw| match is_first {
            true => flaw,
            false => Flaw { what: format!("in {name}: {}", flaw.what), ..flaw },
        }));
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
