//! Models from a hub that a script plays: what comes, what breaks, what is refused.

#[path = "../scripted/mod.rs"]
mod scripted;

mod breaking;
mod fetching;
mod refusing;

use bridge::chat::Key;
use bridge::hub::{Fetched, Hub, HubError, Name, Patience, Told, Wanted};
use scripted::hub::{Act, COMMIT, File, Log, Seen, listing};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

const WANTED: Wanted<'static> = Wanted {
    files: &["config.json", "tokenizer.json"],
    needed: &["config.json", "tokenizer.json"],
    check: &|_| Ok(()),
};
const INDEX: &str = "model.safetensors.index.json";

/// A cache of a test's own; removed at the end.
struct Cache(PathBuf);

impl Cache {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sinew-hub-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn hub(&self, url: &str) -> Hub {
        self.hub_with(url, None)
    }

    fn hub_with(&self, url: &str, key: Option<&str>) -> Hub {
        let key = key.map(|k| Key::new(k).expect("a key"));
        Hub::new(url, key, "MY_KEY", &self.0).expect("this machine").with_patience(patience())
    }

    /// The commit's folder.
    fn folder(&self) -> PathBuf {
        self.0.join("tiny--model").join(COMMIT)
    }

    fn read(&self, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder().join(file)).ok()
    }

    /// All files below the cache, but the lock.
    fn all(&self) -> Vec<String> {
        fn walk(dir: &Path, out: &mut Vec<String>) {
            for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    walk(&path, out)
                } else {
                    out.push(entry.file_name().to_string_lossy().into())
                }
            }
        }
        let mut out = Vec::new();
        walk(&self.0, &mut out);
        out.retain(|n| n != "lock");
        out.sort();
        out
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn patience() -> Patience {
    let ms = Duration::from_millis;
    Patience { silence: ms(400), first_wait: ms(20), longest_wait: ms(40), longest_after: ms(5000) }
}

fn name(text: &str) -> Name {
    Name::parse("--model", text).expect("a name")
}

fn fetch(hub: &Hub) -> Result<Fetched, HubError> {
    hub.fetch(&name("tiny/model"), &WANTED, &mut |_| (), &|| true)
}

/// The same, with what was said of tries that failed.
fn fetch_told(hub: &Hub) -> (Result<Fetched, HubError>, Vec<String>) {
    let mut told = Vec::new();
    let mut tell = |t: Told<'_>| {
        if let Told::Again { about, why, .. } = t {
            told.push(format!("{about}: {why}"));
        }
    };
    let fetched = hub.fetch(&name("tiny/model"), &WANTED, &mut tell, &|| true);
    (fetched, told)
}

/// Bytes that look like nothing, and are the same every time.
fn noise(n: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..n).map(next).collect()
}

/// Length of the weights.
const N: usize = 400_000;

/// A repository with weights in one file, and much that is not wanted.
fn files() -> Vec<File> {
    vec![
        File::new("README.md", b"words".to_vec()),
        File::new("modeling.py", b"import os".to_vec()),
        File::new("pytorch_model.bin", noise(100, 9)),
        File::new("config.json", b"{\"model_type\": \"tiny\"}".to_vec()),
        File::new("tokenizer.json", noise(3000, 2)),
        File::new("model.safetensors", noise(N, 3)),
    ]
}

/// A hub of these files, and of this script for the weights alone.
fn weights_by(mut script: impl FnMut(usize) -> Act + Send + 'static) -> (String, Log) {
    let files = files();
    scripted::hub::hub(listing(&files), files, move |what, n| {
        if what == "model.safetensors" { script(n) } else { Act::Serve }
    })
}

/// What was asked for a file.
fn asked(log: &Log, file: &str) -> Vec<Seen> {
    log.lock().expect("the log").iter().filter(|s| s.what == file).cloned().collect()
}

fn ranges(log: &Log) -> Vec<Option<usize>> {
    asked(log, "model.safetensors").iter().map(|s| s.from).collect()
}
