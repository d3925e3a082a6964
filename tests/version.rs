//! Which build a program is, as it says itself, and as its recordings say.

mod scripted;

#[path = "../build.rs"]
#[allow(dead_code, reason = "Cargo alone runs all of it")]
mod build;

use bridge::recording::Reader;
use build::build_of;
use scripted::Folder;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn git(here: &Path, args: &[&str]) -> Option<String> {
    let own = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.com", "-c", "commit.gpgsign=false"];
    let output = Command::new("git")
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .arg("-C")
        .arg(here)
        .args(own)
        .args(args)
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[test]
fn the_program_says_which_build_it_is_and_so_does_its_recording() {
    let folder = Folder::new("version", "");
    let (code, said) = folder.sinew(&["--version"]);
    let said = said.trim();
    let start = format!("sinew {} (commit ", env!("CARGO_PKG_VERSION"));
    assert!(code == 0 && said.starts_with(&start) && said.ends_with(')'), "{said}");
    assert!(!said.contains('/'), "a path of this machine's: {said}");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let commit = said[start.len()..].split([' ', ')']).next().expect("a word");
    // In a git tree of its own it is a commit of that, else unknown.
    match build_of(root).0.split(' ').nth(1).expect("a commit") {
        "unknown" => assert_eq!(commit, "unknown"),
        _ => assert!(git(root, &["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_some(), "{said}"),
    }
    let (_, text) =
        folder.sinew(&["run", "how many cubes do you see?", "--lockstep", "--seed", "3", "--out", "run"]);
    let mut reader = Reader::open(&folder.0.join("run/run.mcap")).unwrap_or_else(|e| panic!("{e}: {text}"));
    reader.by_ref().for_each(drop);
    let run = reader.attached().iter().find(|a| a.name == "run.json").expect("what it says of itself");
    let run: Value = serde_json::from_slice(&run.data).expect("JSON");
    let recorded =
        format!("sinew {} ({})", run["version"].as_str().unwrap_or(""), run["build"].as_str().unwrap_or(""));
    assert_eq!(recorded, said);
    let (_, info) = folder.sinew(&["log", "info", "run"]);
    assert!(info.contains(&format!("recorded by {said}")), "{info}");
    let (code, text) = folder.sinew(&["replay", "run"]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_build_is_named_by_its_own_commit_says_that_something_was_changed_and_knows_none_without_a_tree() {
    let folder = Folder::new("builds", "");
    let archive = folder.0.join("tree/archive");
    fs::create_dir_all(archive.join("src")).expect("a folder");
    fs::write(archive.join("src/main.rs"), "fn main() {}").expect("written");
    let unknown = ("commit unknown".to_owned(), None);
    assert_eq!(build_of(&archive), unknown, "an archive");
    if git(&folder.0, &["--version"]).is_none() {
        // A machine without git knows of no commits; that is all there is to see here.
        return;
    }
    let tree = folder.0.join("tree");
    let done = |args: &[&str]| git(&tree, args).unwrap_or_else(|| panic!("git {args:?}"));
    done(&["init", "-q"]);
    assert_eq!(build_of(&tree), unknown, "nothing is committed");
    fs::create_dir_all(tree.join("src")).expect("a folder");
    for (file, text) in [("src/main.rs", "fn main() {}"), ("README.md", "a program")] {
        fs::write(tree.join(file), text).expect("written");
    }
    done(&["add", "src", "README.md"]);
    done(&["commit", "-q", "-m", "one"]);
    let first = format!("commit {}", done(&["rev-parse", "--short=12", "HEAD"]));
    // Of what is no part of it nothing has to be watched.
    fs::write(tree.join("README.md"), "another word").expect("written");
    assert_eq!(build_of(&tree), (first.clone(), None));
    assert_eq!(build_of(&archive), unknown, "an archive in somebody's tree");
    fs::write(tree.join("src/main.rs"), "fn main() { }").expect("written");
    let (said, watched) = build_of(&tree);
    assert_eq!(said, format!("{first} with changes"));
    assert!(watched.is_some_and(|path| tree.join(path).exists()), "when it is committed");
    done(&["commit", "-q", "-a", "-m", "two"]);
    let second = format!("commit {}", done(&["rev-parse", "--short=12", "HEAD"]));
    assert_ne!(first, second);
    assert_eq!(build_of(&tree), (second.clone(), None));
    let shallow = folder.0.join("shallow");
    let from = format!("file://{}", tree.display());
    done(&["clone", "-q", "--depth", "1", &from, &shallow.display().to_string()]);
    assert_eq!(build_of(&shallow), (second, None));
}
