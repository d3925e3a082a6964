//! What was fetched, on the disk: `owner--name/COMMIT/` holds the files, and a manifest once all of them stand.

use super::listing::Entry;
use super::name::{Name, is_commit, is_plain};
use super::sums::Sum;
use super::{HubError, Told};
use core::time::Duration;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Written last: with it a folder counts as complete.
const MANIFEST: &str = "manifest.json";
/// Longest manifest, bytes.
const MAX_MANIFEST: u64 = 8 << 20;
/// How often a wait for another process looks again.
const LOOK: Duration = Duration::from_millis(100);

/// Which commit's files stand beside it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// `owner/name`.
    repository: String,
    /// Revisions that were asked for and were this commit then.
    revisions: Vec<String>,
    pub(super) commit: String,
    /// The hub that it came from.
    url: String,
    pub(super) files: Vec<Stored>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) name: String,
    /// Bytes.
    pub(super) size: u64,
    sum: Sum,
}

impl Manifest {
    pub(super) fn new(name: &Name, commit: &str, url: &str, files: &[Entry]) -> Self {
        let stored = |e: &Entry| Stored { name: e.name.clone(), size: e.size, sum: e.sum.clone() };
        Self {
            repository: name.repository(),
            revisions: vec![name.revision().to_owned()],
            commit: commit.to_owned(),
            url: url.to_owned(),
            files: files.iter().map(stored).collect(),
        }
    }

    /// Of a folder of this repository, whole or not.
    pub(super) fn of(dir: &Path, name: &Name) -> Option<Self> {
        let mut text = String::new();
        File::open(dir.join(MANIFEST)).ok()?.take(MAX_MANIFEST).read_to_string(&mut text).ok()?;
        let manifest: Self = serde_json::from_str(&text).ok()?;
        let is_ours = manifest.repository == name.repository()
            && dir.file_name().is_some_and(|d| d == manifest.commit.as_str())
            && !manifest.files.is_empty();
        is_ours.then_some(manifest)
    }

    /// Of a folder in which every file has its size; `None` for anything else.
    pub(super) fn of_complete(dir: &Path, name: &Name) -> Option<Self> {
        let manifest = Self::of(dir, name)?;
        let stands = |f: &Stored| {
            is_plain(&f.name, 200)
                && fs::metadata(dir.join(&f.name)).is_ok_and(|m| m.is_file() && m.len() == f.size)
        };
        manifest.files.iter().all(stands).then_some(manifest)
    }

    /// What other revisions were this commit stays so.
    pub(super) fn with_revisions_of(mut self, old: Option<Self>) -> Self {
        self.revisions.extend(old.map(|o| o.revisions).unwrap_or_default());
        self.revisions.sort();
        self.revisions.dedup();
        self
    }

    fn is_of(&self, revision: &str) -> bool {
        self.commit == revision || self.revisions.iter().any(|r| r == revision)
    }

    /// Notes that `name`'s revision is this commit, and writes it down, whole or not at all.
    pub(super) fn write(&mut self, dir: &Path, name: &Name) -> Result<(), HubError> {
        if !self.is_of(name.revision()) {
            self.revisions.push(name.revision().to_owned());
        }
        let path = dir.join(format!("{MANIFEST}.part"));
        let io = HubError::io(&path);
        let text = serde_json::to_string_pretty(self).map_err(|e| io(e.into()))?;
        // One that was left behind, or a link, is not written through.
        let _ = fs::remove_file(&path);
        let mut file = File::create_new(&path).map_err(&io)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(&io)?;
        fs::rename(&path, dir.join(MANIFEST)).map_err(io)
    }
}

/// The folders of a repository's commits.
fn folders(root: &Path, name: &Name) -> Vec<PathBuf> {
    let entries = fs::read_dir(root.join(name.folder())).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|e| e.path()).collect();
    folders.retain(|p| p.file_name().and_then(|n| n.to_str()).is_some_and(is_commit));
    folders.sort();
    folders
}

/// The complete folder of a name, if there is one.
pub(super) fn find(root: &Path, name: &Name) -> Option<(PathBuf, Manifest)> {
    folders(root, name).into_iter().find_map(|dir| {
        let manifest = Manifest::of_complete(&dir, name)?;
        manifest.is_of(name.revision()).then_some((dir, manifest))
    })
}

/// The commit that a name's revision was when it was fetched, whatever has become of its files: a branch does not move
/// because a file of it was lost.
pub(super) fn pinned(root: &Path, name: &Name) -> Option<String> {
    let mut manifests = folders(root, name).into_iter().filter_map(|dir| Manifest::of(&dir, name));
    manifests.find(|m| m.is_of(name.revision())).map(|m| m.commit)
}

/// The right to fetch into a repository's folder, until it is dropped; waits for a process that has it.
pub(super) fn lock(
    root: &Path,
    name: &Name,
    tell: &mut dyn FnMut(Told<'_>),
    goes_on: &dyn Fn() -> bool,
) -> Result<File, HubError> {
    let dir = root.join(name.folder());
    fs::create_dir_all(&dir).map_err(HubError::io(&dir))?;
    let path = dir.join("lock");
    // Nobody's file is emptied for it, wherever a link leads.
    let opened = File::options().write(true).create(true).truncate(false).open(&path);
    let file = opened.map_err(HubError::io(&path))?;
    let mut is_told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(e)) => return Err(HubError::io(&path)(e)),
            Err(TryLockError::WouldBlock) => {}
        }
        if !is_told {
            tell(Told::Waits);
            is_told = true;
        }
        if !goes_on() {
            return Err(HubError::Cancelled);
        }
        std::thread::sleep(LOOK);
    }
}

/// Refuses `need` bytes where the file system has less room.
pub(super) fn check_room(dir: &Path, need: u64) -> Result<(), HubError> {
    let stat = rustix::fs::statvfs(dir).map_err(|e| HubError::io(dir)(e.into()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    // A file system that knows no blocks says nothing.
    if stat.f_blocks > 0 && free < need {
        return Err(HubError::Full { path: dir.display().to_string(), need, free });
    }
    Ok(())
}
