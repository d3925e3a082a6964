//! What a hub says is in a repository. It is somebody else's data: only files that were asked for are taken, by names
//! that lead nowhere else, of bounded sizes, with a checksum each.

use super::name::{Name, is_commit, is_plain};
use super::sums::Sum;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use types::Rejection;

/// Weights in one file; the index of weights in several.
const WEIGHTS: &str = "model.safetensors";
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// Most files that a repository may list, and that an index may name.
const MOST_FILES: usize = 10_000;
const MOST_SHARDS: usize = 2_000;
/// Largest file of settings, largest index, and largest file of weights, bytes.
const MAX_SETTING: u64 = 128 << 20;
const MAX_INDEX: u64 = 16 << 20;
const MAX_WEIGHTS: u64 = 1 << 50;

/// What a model is read from, besides its weights.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Files that are taken where there are any.
    pub files: &'a [&'a str],
    /// Those of them without which there is no model.
    pub needed: &'a [&'a str],
    /// Whether it is worth fetching the weights, by the folder that holds these files; if not, why.
    pub check: &'a dyn Fn(&Path) -> Result<(), String>,
}

/// One file to be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
    pub(super) sum: Sum,
}

/// The files of one commit.
#[derive(Debug)]
pub(super) struct Listing {
    repository: String,
    pub(super) commit: String,
    files: BTreeMap<String, Value>,
}

impl Listing {
    /// From the server's JSON.
    pub(super) fn parse(name: &Name, text: &str) -> Result<Self, Rejection> {
        let repository = name.repository();
        let field = |what: &str| format!("{repository} {what}");
        let value: Value = serde_json::from_str(text)
            .map_err(|e| Rejection::new(field("on the hub"), "a list of its files as JSON", e.to_string()))?;
        let commit = value["sha"].as_str().filter(|c| is_commit(c));
        let commit = commit.ok_or_else(|| {
            Rejection::new(field("sha"), "a commit's 40 hexadecimal digits", shown(&value["sha"]))
        })?;
        if is_commit(name.revision()) && name.revision() != commit {
            return Err(Rejection::new(field("sha"), name.revision().to_owned(), commit.to_owned()));
        }
        let siblings = value["siblings"].as_array().filter(|s| s.len() <= MOST_FILES);
        let siblings = siblings.ok_or_else(|| {
            let got = value["siblings"]
                .as_array()
                .map_or_else(|| shown(&value["siblings"]), |s| s.len().to_string());
            Rejection::new(field("siblings"), format!("a list of at most {MOST_FILES} files"), got)
        })?;
        let mut files = BTreeMap::new();
        for sibling in siblings {
            let refuse = |expected: &'static str| {
                Rejection::new(field("rfilename"), expected, shown(&sibling["rfilename"]))
            };
            let path = sibling["rfilename"].as_str().filter(|p| stays_inside(p));
            let path = path.ok_or_else(|| refuse("a path inside the repository"))?;
            if files.insert(path.to_owned(), sibling.clone()).is_some() {
                return Err(refuse("every file once"));
            }
        }
        Ok(Self { repository, commit: commit.to_owned(), files })
    }

    /// What there is of the files that are wanted; refuses a repository without those that are needed.
    pub(super) fn settings(&self, wanted: &Wanted<'_>) -> Result<Vec<Entry>, Rejection> {
        if let Some(name) = wanted.needed.iter().find(|n| !self.files.contains_key(**n)) {
            return Err(Rejection::new(
                self.field(name, ""),
                "a file, as every model of this kind has one",
                "none",
            ));
        }
        let there = wanted.files.iter().filter(|n| self.files.contains_key(**n));
        there.map(|name| self.entry(name, MAX_SETTING)).collect()
    }

    /// The index of the weights, if they are in several files.
    pub(super) fn index(&self) -> Result<Option<Entry>, Rejection> {
        self.files.contains_key(INDEX).then(|| self.entry(INDEX, MAX_INDEX)).transpose()
    }

    /// The files of the weights: those that the index names, whatever else there is; without one, the one file.
    pub(super) fn weights(&self, index: Option<&str>) -> Result<Vec<Entry>, Rejection> {
        let Some(index) = index else { return Ok(vec![self.entry(WEIGHTS, MAX_WEIGHTS)?]) };
        let refuse = |got: String| {
            let expected = "a weight_map of tensors to safetensors files in the same folder";
            Rejection::new(self.field(INDEX, ""), expected, got)
        };
        let value: Value = serde_json::from_str(index).map_err(|e| refuse(e.to_string()))?;
        let map = value["weight_map"].as_object().ok_or_else(|| refuse(shown(&value["weight_map"])))?;
        let mut names = BTreeSet::new();
        for file in map.values() {
            let name = file.as_str().filter(|f| is_plain(f, 200) && f.ends_with(".safetensors"));
            names.insert(name.ok_or_else(|| refuse(shown(file)))?);
        }
        if names.is_empty() || names.len() > MOST_SHARDS {
            return Err(refuse(format!("{} files, of 1 to {MOST_SHARDS}", names.len())));
        }
        names.into_iter().map(|name| self.entry(name, MAX_WEIGHTS)).collect()
    }

    fn field(&self, file: &str, key: &str) -> String {
        format!("{} {file} {key}", self.repository).trim_end().to_owned()
    }

    fn entry(&self, file: &str, most: u64) -> Result<Entry, Rejection> {
        let Some(listed) = self.files.get(file) else {
            return Err(Rejection::new(self.field(file, ""), "a file", "none"));
        };
        let lfs = &listed["lfs"];
        let size = if lfs.is_null() { &listed["size"] } else { &lfs["size"] };
        let Some(size_bytes) = size.as_u64().filter(|n| *n <= most) else {
            return Err(Rejection::new(self.field(file, "size"), format!("0 to {most} bytes"), shown(size)));
        };
        let (said, sum) = if lfs.is_null() {
            (&listed["blobId"], listed["blobId"].as_str().and_then(Sum::blob))
        } else {
            (&lfs["sha256"], lfs["sha256"].as_str().and_then(Sum::sha256))
        };
        let Some(sum) = sum else {
            let expected = "a SHA-256 or a git blob id to check it by";
            return Err(Rejection::new(self.field(file, "checksum"), expected, shown(said)));
        };
        Ok(Entry { name: file.to_owned(), size: size_bytes, sum })
    }
}

/// A relative path that climbs nowhere.
fn stays_inside(path: &str) -> bool {
    (1..=1024).contains(&path.len())
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// A value of the server's in a message: short, without control characters.
fn shown(value: &Value) -> String {
    if value.is_null() {
        return "none".into();
    }
    let text = value.to_string();
    let mut short: String = text.escape_debug().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
