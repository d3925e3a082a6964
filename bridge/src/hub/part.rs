//! A file while it comes: what is there of it, added up; it gets its name only when size and sum are right.

use super::HubError;
use super::listing::Entry;
use super::sums::Adding;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// Bytes that are read in one go.
pub(super) const AT_ONCE: usize = 128 << 10;

pub(super) struct Part<'a> {
    entry: &'a Entry,
    path: PathBuf,
    to: PathBuf,
    file: File,
    length: u64,
    adding: Adding,
}

impl<'a> Part<'a> {
    /// What an earlier try has left in `dir`, or an empty one.
    pub(super) fn open(dir: &Path, entry: &'a Entry) -> Result<Self, HubError> {
        let path = dir.join(format!("{}.part", entry.name));
        let io = HubError::io(&path);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(&io)?;
        let to = dir.join(&entry.name);
        let adding = Adding::new(&entry.sum, entry.size);
        let mut part = Self { entry, path: path.clone(), to, file, length: 0, adding };
        if part.file.metadata().map_err(&io)?.len() > entry.size {
            part.restart()?;
        }
        let mut buffer = vec![0; AT_ONCE];
        loop {
            match part.file.read(&mut buffer).map_err(&io)? {
                0 => return Ok(part),
                n => {
                    part.length += n as u64;
                    part.adding.add(&buffer[..n]);
                }
            }
        }
    }

    /// Bytes that are there.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Forgets what is there.
    pub(super) fn restart(&mut self) -> Result<(), HubError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.rewind());
        emptied.map_err(HubError::io(&self.path))?;
        self.length = 0;
        self.adding = Adding::new(&self.entry.sum, self.entry.size);
        Ok(())
    }

    /// The caller keeps to the file's size.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(HubError::io(&self.path))?;
        self.length += bytes.len() as u64;
        self.adding.add(bytes);
        Ok(())
    }

    /// Gives the whole file its name. One with another sum is deleted, and the sum returned.
    pub(super) fn finish(self) -> Result<Option<String>, HubError> {
        let io = HubError::io(&self.path);
        if let Err(got) = self.adding.check(&self.entry.sum) {
            fs::remove_file(&self.path).map_err(io)?;
            return Ok(Some(got));
        }
        // Else a name could outlive its content when the power fails.
        self.file.sync_all().map_err(&io)?;
        fs::rename(&self.path, &self.to).map_err(io)?;
        Ok(None)
    }
}

/// Whether the file of this name is there and what it should be; one that is not is removed.
pub(super) fn stands(dir: &Path, entry: &Entry) -> Result<bool, HubError> {
    let path = dir.join(&entry.name);
    let io = HubError::io(&path);
    let mut file = match File::open(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(&io)?,
    };
    if file.metadata().map_err(&io)?.len() == entry.size {
        let mut adding = Adding::new(&entry.sum, entry.size);
        let mut buffer = vec![0; AT_ONCE];
        loop {
            match file.read(&mut buffer).map_err(&io)? {
                0 => break,
                n => adding.add(&buffer[..n]),
            }
        }
        if adding.check(&entry.sum).is_ok() {
            return Ok(true);
        }
    }
    fs::remove_file(&path).map_err(io)?;
    Ok(false)
}
