//! Models from a hub: what one is read from, fetched over plain HTTP into a folder, once.
//!
//! The protocol is Hugging Face's, which its mirrors and other hubs keep to. [`Hub::fetch`] asks which files a revision
//! has, takes those that are wanted, each checked by the sum that the hub publishes, and writes a manifest when all of
//! them stand; from then on the folder is used and nobody is asked. What breaks off goes on where it was, after the
//! process has ended too: a file under way is called `.part`.

mod cache;
mod filling;
mod line;
mod listing;
mod name;
mod part;
mod sums;
mod told;

pub use listing::Wanted;
pub use name::Name;
pub use told::{HubError, Patience, Told};

use crate::address::{self, Key};
use cache::Manifest;
use filling::{Course, Tries};
use line::Miss;
use listing::{Entry, Listing};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use types::Rejection;
use ureq::Agent;

/// Longest list of files, bytes.
const MOST_LISTING: u64 = 8 << 20;

/// A folder with all that was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where the files are.
    pub folder: PathBuf,
    /// The commit that they are of.
    pub commit: String,
    /// Their names and sizes in bytes.
    pub files: Vec<(String, u64)>,
    /// Bytes that came over the line this time.
    pub n_fetched: u64,
}

/// A hub, and the folder of what came from it.
#[derive(Debug)]
pub struct Hub {
    url: String,
    key: Option<Key>,
    /// The environment variable that the key is from, for messages.
    key_env: String,
    root: PathBuf,
    patience: Patience,
    agent: Agent,
}

impl Hub {
    /// The hub at `url`, whose files are kept below `root`; `key_env` says where the key is from. Asks nothing yet.
    ///
    /// # Errors
    /// A [`Rejection`] for an address that is none, or over which the key or the files could be read by others.
    pub fn new(url: &str, key: Option<Key>, key_env: &str, root: &Path) -> Result<Self, Rejection> {
        let url = address::checked("hub.url", url, "https://host", "what is fetched", key.is_some())?;
        let patience = Patience::default();
        let agent = line::agent(&url, &patience);
        Ok(Self { url, key, key_env: key_env.to_owned(), root: root.to_owned(), patience, agent })
    }

    /// The same with another patience.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { agent: line::agent(&self.url, &patience), patience, ..self }
    }

    /// The folder of what was fetched before, looked up without asking anybody.
    #[must_use]
    pub fn find(&self, name: &Name) -> Option<Fetched> {
        cache::find(&self.root, name).map(|(folder, manifest)| fetched(folder, &manifest, 0))
    }

    /// The folder of `name`: the complete one, or one that is completed now. `tell` is told how it goes; `goes_on` is
    /// asked between two pieces whether it shall.
    ///
    /// # Errors
    /// [`HubError`].
    pub fn fetch(
        &self,
        name: &Name,
        wanted: &Wanted<'_>,
        tell: &mut dyn FnMut(Told<'_>),
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Fetched, HubError> {
        if let Some(there) = self.find(name) {
            return Ok(there);
        }
        let _lock = cache::lock(&self.root, name, tell, goes_on)?;
        if let Some(there) = self.find(name) {
            return Ok(there);
        }
        let pinned = cache::pinned(&self.root, name);
        let revision = pinned.as_deref().unwrap_or(name.revision());
        let listing = self.listing(name, revision, tell, goes_on)?;
        let folder = self.root.join(name.folder()).join(&listing.commit);
        if let Some(mut manifest) = Manifest::of_complete(&folder, name) {
            manifest.write(&folder, name)?;
            return Ok(fetched(folder, &manifest, 0));
        }
        std::fs::create_dir_all(&folder).map_err(HubError::io(&folder))?;
        let mut entries = listing.settings(wanted)?;
        let mut course =
            Course { name, commit: &listing.commit, folder: &folder, here: 0, in_all: 0, n_fetched: 0 };
        let index = match listing.index()? {
            Some(entry) => {
                course.in_all = entry.size;
                // It is told of with the others.
                let mut tell_again = |told: Told<'_>| {
                    if matches!(told, Told::Again { .. }) {
                        tell(told);
                    }
                };
                self.file(&entry, &mut course, &mut tell_again, goes_on)?;
                let path = folder.join(&entry.name);
                let text = std::fs::read_to_string(&path).map_err(HubError::io(&path))?;
                entries.push(entry);
                Some(text)
            }
            None => None,
        };
        let n_settings = entries.len();
        entries.extend(listing.weights(index.as_deref())?);
        let in_all = entries.iter().map(|e| e.size).sum();
        tell(Told::Found { commit: &listing.commit, n_files: entries.len(), bytes: in_all });
        let there = |e: &Entry| {
            let length = |file: &str| std::fs::metadata(folder.join(file)).map_or(0, |m| m.len());
            length(&e.name).max(length(&format!("{}.part", e.name))).min(e.size)
        };
        cache::check_room(&folder, entries.iter().map(|e| e.size - there(e)).sum())?;
        (course.here, course.in_all) = (0, in_all);
        for (i, entry) in entries.iter().enumerate() {
            if i == n_settings {
                let unfit = |what| HubError::Unfit { name: name.repository(), what };
                (wanted.check)(&folder).map_err(unfit)?;
            }
            self.file(entry, &mut course, tell, goes_on)?;
        }
        let n_fetched = course.n_fetched;
        let manifest = Manifest::new(name, &listing.commit, &self.url, &entries);
        let mut manifest = manifest.with_revisions_of(Manifest::of(&folder, name));
        manifest.write(&folder, name)?;
        Ok(fetched(folder, &manifest, n_fetched))
    }

    /// Which files there are.
    fn listing(
        &self,
        name: &Name,
        revision: &str,
        tell: &mut dyn FnMut(Told<'_>),
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Listing, HubError> {
        let quoted = revision.replace('/', "%2F");
        let url = format!("{}/api/models/{}/revision/{quoted}?blobs=true", self.url, name.repository());
        let about = format!("{} at revision {revision}", name.repository());
        let mut tries = Tries::new(&self.patience);
        let text = loop {
            let read = self.get(&url, 0).and_then(|answer| {
                let mut text = String::new();
                let n = answer.body.take(MOST_LISTING + 1).read_to_string(&mut text);
                n.map_err(|e| Miss::new(self.said_io(&e)))?;
                match (answer.status, text.len() as u64 <= MOST_LISTING) {
                    (200, true) => Ok(text),
                    (200, false) => Err(Miss { is_final: true, ..Miss::new("a list of files without end") }),
                    (status, _) => Err(Miss { is_final: true, ..Miss::new(format!("status {status}")) }),
                }
            });
            match read {
                Ok(text) => break text,
                Err(miss) => self.again(&mut tries, miss, &about, tell, goes_on)?,
            }
        };
        Ok(Listing::parse(name, &text)?)
    }
}

fn fetched(folder: PathBuf, manifest: &Manifest, n_fetched: u64) -> Fetched {
    let files = manifest.files.iter().map(|f| (f.name.clone(), f.size)).collect();
    Fetched { folder, commit: manifest.commit.clone(), files, n_fetched }
}
