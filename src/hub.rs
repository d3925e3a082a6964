//! Models by the name that they have on a hub: which hub, kept where, and what a person sees meanwhile.

use crate::config;
use bridge::chat::Key;
use bridge::hub::{Fetched, Hub, HubError, Name, Told, Wanted};
use perception::vlm;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use types::Rejection;

/// What a model's name begins with where it is not a folder.
const PREFIX: &str = "hub:";
/// The environment variable of the folder that models are kept in.
const FOLDER: &str = "SINEW_MODELS";
/// How often a person at a terminal is told how far it is, and how often a file.
const OFTEN: Duration = Duration::from_secs(1);
const SELDOM: Duration = Duration::from_secs(10);

/// Whether it is a name on a hub, and not a folder.
pub(crate) fn is_named(model: &str) -> bool {
    model.starts_with(PREFIX)
}

/// The folder of `model`: the one that it is, or that of `hub:owner/name`, fetched where it is not there yet.
pub(crate) fn folder(field: &'static str, model: &str, config: &config::Hub) -> Result<PathBuf, HubError> {
    match model.strip_prefix(PREFIX) {
        Some(name) => Ok(fetch(&Name::parse(field, name)?, config)?.folder),
        None => Ok(PathBuf::from(model)),
    }
}

/// What `sinew fetch` is told: `owner/name`, or as in a configuration.
pub(crate) fn name(field: &'static str, text: &str) -> Result<Name, Rejection> {
    Name::parse(field, text.strip_prefix(PREFIX).unwrap_or(text))
}

/// Everything that a model is read from. Ctrl-C ends the process; what has come stays, and counts the next time.
pub(crate) fn fetch(name: &Name, config: &config::Hub) -> Result<Fetched, HubError> {
    let root = kept_in()?;
    // What is there is used without a key, too.
    if let Some(there) = Hub::new(&config.url, None, "", &root)?.find(name) {
        return Ok(there);
    }
    let key = if config.key_env.is_empty() { None } else { Some(Key::from_env(&config.key_env)?) };
    let hub = Hub::new(&config.url, key, &config.key_env, &root)?;
    let check = |dir: &Path| vlm::Vlm::check(dir).map_err(|e| e.to_string());
    let wanted = Wanted { files: &vlm::FILES, needed: &["config.json", "tokenizer.json"], check: &check };
    let mut screen = Screen::new(name);
    eprintln!("asking {} for {name}", config.url);
    hub.fetch(name, &wanted, &mut |told| screen.tell(told), &|| crate::interrupt::count() == 0)
}

/// Where models are kept.
fn kept_in() -> Result<PathBuf, Rejection> {
    // A relative one would be another folder wherever the program is started.
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    if std::env::var_os(FOLDER).is_some_and(|f| !f.is_empty()) {
        return of(FOLDER).ok_or_else(|| {
            let got = std::env::var_os(FOLDER).unwrap_or_default();
            Rejection::new(
                format!("the environment's {FOLDER}"),
                "an absolute path",
                got.display().to_string(),
            )
        });
    }
    let cache = of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")));
    let cache = cache.ok_or_else(|| {
        Rejection::new(
            format!("the environment's {FOLDER}"),
            "the folder that models are kept in, without a HOME",
            "none",
        )
    })?;
    Ok(cache.join("sinew/models"))
}

/// Lines on standard error: one a file, and how far it is.
struct Screen {
    name: String,
    every: Duration,
    /// When it was last said how far it is, and how many bytes were here then.
    last: Option<(Instant, u64)>,
}

impl Screen {
    fn new(name: &Name) -> Self {
        let every = if std::io::stderr().is_terminal() { OFTEN } else { SELDOM };
        Self { name: name.to_string(), every, last: None }
    }

    fn tell(&mut self, told: Told<'_>) {
        match told {
            Told::Waits => eprintln!("another process fetches {}; waiting for it", self.name),
            Told::Found { commit, n_files, bytes } => {
                let commit = commit.get(..12).unwrap_or(commit);
                eprintln!(
                    "fetching commit {commit}, {n_files} files, {}; Ctrl-C keeps what has come",
                    size(bytes)
                );
            }
            Told::Stands { file, size: n } => eprintln!("  {file}, {}, checked", size(n)),
            Told::Again { about, why, after } => {
                eprintln!("  {about}: {why}; again in {:.1} s", after.as_secs_f64());
            }
            Told::Bytes { file, done_in_all, in_all, .. } => self.progress(file, done_in_all, in_all),
        }
    }

    fn progress(&mut self, file: &str, done: u64, all: u64) {
        let now = Instant::now();
        let Some((then, before)) = self.last else {
            self.last = Some((now, done));
            return;
        };
        let passed = now.duration_since(then);
        if passed < self.every {
            return;
        }
        let rate = done.saturating_sub(before) as f64 / passed.as_secs_f64();
        let percent = 100.0 * done as f64 / all.max(1) as f64;
        let left_s = if rate > 0.0 { all.saturating_sub(done) as f64 / rate } else { f64::INFINITY };
        let left = if left_s < 360_000.0 { format!(", {left_s:.0} s left") } else { String::new() };
        eprintln!("  {percent:.0} % of {}, {}/s{left} ({file})", size(all), size(rate as u64));
        self.last = Some((now, done));
    }
}

/// Bytes, as a person reads them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}
