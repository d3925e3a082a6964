//! Which commit this is built from, where it is built in a git tree of its own: recordings and `sinew --version` say it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a build is made of. Whatever else has changed makes no other program.
const MADE_OF: [&str; 21] = [
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
    "src",
    "assets",
    "robot.toml",
    "tests/wordings.tsv",
    "types/Cargo.toml",
    "types/src",
    "mechanics/Cargo.toml",
    "mechanics/src",
    "perception/Cargo.toml",
    "perception/src",
    "planner/Cargo.toml",
    "planner/src",
    "control/Cargo.toml",
    "control/src",
    "bridge/Cargo.toml",
    "bridge/src",
    "sim/Cargo.toml",
    "sim/src",
];

fn main() {
    // Cargo starts it in the package's folder.
    let here = Path::new(".");
    let (build, watched) = build_of(here);
    println!("cargo::rustc-env=SINEW_BUILD={build}");
    // A path that is not there would have everything built every time.
    let made_of = MADE_OF.iter().map(PathBuf::from);
    for path in made_of.chain(watched).filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// What is said of the build in `here`, and what else has to be watched for that to stay true.
///
/// Without changes it is this commit whatever is committed later beside what it is made of, so nothing has to be built
/// again for that. With some it is another as soon as they are committed.
pub(crate) fn build_of(here: &Path) -> (String, Option<PathBuf>) {
    let unknown = || ("commit unknown".to_owned(), None);
    // In a tree that somebody has put an archive into, the commits are theirs.
    let is_own = git(here, &["rev-parse", "--show-toplevel"])
        .is_some_and(|top| Path::new(&top).canonicalize().ok() == here.canonicalize().ok());
    let Some(commit) = git(here, &["rev-parse", "--short=12", "HEAD"]).filter(|_| is_own) else {
        return unknown();
    };
    let there: Vec<&str> = MADE_OF.into_iter().filter(|path| here.join(path).exists()).collect();
    let Some(changes) = git(here, &[&["status", "--porcelain", "--"], &there[..]].concat()) else {
        return unknown();
    };
    if changes.is_empty() {
        return (format!("commit {commit}"), None);
    }
    let told =
        ["logs/HEAD", "HEAD"].into_iter().filter_map(|name| git(here, &["rev-parse", "--git-path", name]));
    let watched = told.map(PathBuf::from).find(|path| here.join(path).exists());
    (format!("commit {commit} with changes"), watched)
}

/// What git says; nothing where there is none, or it has nothing to say.
fn git(here: &Path, args: &[&str]) -> Option<String> {
    // It is only asked: no index is written, so that nothing seems to have changed by that.
    let output = Command::new("git")
        .args(["--no-optional-locks", "-c", "status.showUntrackedFiles=normal", "-C"])
        .arg(here)
        .args(args)
        // A hook's own repository is another.
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("GIT_WORK_TREE")
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}
