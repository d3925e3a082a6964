//! The house rules, as tests: arrows between crates, sizes of files, a map that is not stale.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const CRATES: [&str; 7] = ["types", "mechanics", "perception", "planner", "control", "bridge", "sim"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every Rust file of the workspace.
fn sources() -> Vec<PathBuf> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> =
            fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    for name in
        CRATES.iter().map(|c| root().join(c)).chain(["src", "tests", "fuzz/targets"].map(|f| root().join(f)))
    {
        walk(&name, &mut out);
    }
    out.retain(|p| !p.components().any(|c| c.as_os_str() == "target"));
    assert!(out.len() > 50, "found only {} files", out.len());
    out
}

#[test]
fn every_arrow_between_crates_is_one_that_the_house_allows() {
    let allowed = |of: &str| -> &[&str] {
        match of {
            "types" => &[],
            "mechanics" | "perception" => &["types"],
            "planner" | "control" | "sim" | "bridge" => &["types", "mechanics"],
            other => panic!("no rule for {other}"),
        }
    };
    for krate in CRATES {
        let manifest = read(&root().join(krate).join("Cargo.toml"));
        for other in CRATES {
            let depends = manifest.lines().any(|l| l.trim_start().starts_with(&format!("{other}.")));
            assert!(!depends || allowed(krate).contains(&other), "{krate} must not depend on {other}");
        }
    }
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    let long: Vec<String> = sources()
        .iter()
        .map(|p| (p, read(p).lines().count()))
        .filter(|(_, n)| *n > 500)
        .map(|(p, n)| format!("{}: {n} lines", p.strip_prefix(root()).unwrap_or(p).display()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn the_architecture_map_names_every_crate_and_no_file_that_is_gone() {
    let map = read(&root().join("ARCHITECTURE.md"));
    for krate in CRATES {
        assert!(map.contains(&format!("`{krate}/`")), "ARCHITECTURE.md says nothing of {krate}/");
    }
    let mut named = BTreeSet::new();
    for word in map.split(|c: char| c.is_whitespace() || "`(),;".contains(c)) {
        if word.ends_with(".rs") && word.contains('/') {
            named.insert(word.trim_end_matches('.').to_owned());
        }
    }
    assert!(named.len() > 10, "the map names only {} files", named.len());
    for file in named {
        assert!(root().join(&file).is_file(), "ARCHITECTURE.md names {file}, which is not there");
    }
}

#[test]
fn no_test_is_ignored_and_nothing_is_left_to_do() {
    // Put together here so that this file does not find itself.
    let banned = [["#[", "ignore"].concat(), ["to", "do!("].concat(), ["unimple", "mented!("].concat()];
    for path in sources() {
        let text = read(&path);
        for word in &banned {
            assert!(!text.contains(word.as_str()), "{} contains {word}", path.display());
        }
    }
}

#[test]
fn only_clocks_training_and_benches_ask_the_operating_system_for_the_time() {
    // The wall clock in `src` measures how long a person waited; it decides nothing in lockstep. The line to a
    // model elsewhere and that to ROS say how long they wait, and what is held against others how quick it was.
    let may = [
        "control/src/clock",
        "control/src/rt",
        "bridge/src/chat",
        "bridge/src/limit",
        "bridge/examples/",
        "perception/src/train",
        "perception/src/language/train",
        "src/",
    ];
    for path in sources() {
        let name = path.strip_prefix(root()).expect("inside").display().to_string();
        let is_test = name.contains("/tests/") || name.starts_with("tests/") || name.ends_with("tests.rs");
        if is_test || may.iter().any(|m| name.starts_with(m)) {
            continue;
        }
        let text = read(&path);
        let code = text.split("#[cfg(test)]").next().unwrap_or(&text);
        let asks = code.lines().any(|l| {
            !l.trim_start().starts_with("//") && (l.contains("Instant::now") || l.contains("SystemTime::now"))
        });
        assert!(!asks, "{name} asks the operating system for the time");
    }
}

#[test]
fn what_is_replayed_computes_with_no_mathematics_of_the_operating_systems() {
    // Its sines and roots of squares differ in the last bit from system to system; `libm`'s do not. The nets of
    // perception answer models' questions, and answers are recorded.
    let theirs = [
        "sin", "cos", "tan", "sin_cos", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "exp",
        "exp2", "exp_m1", "ln", "ln_1p", "log", "log2", "log10", "powf", "cbrt", "hypot",
    ]
    .map(|name| format!(".{name}("));
    let may =
        ["perception/src/train", "perception/src/language", "perception/src/vlm", "perception/src/vision/"];
    for krate in ["types", "mechanics", "perception", "planner", "control", "sim"] {
        for path in sources().iter().filter(|p| p.starts_with(root().join(krate).join("src"))) {
            let name = path.strip_prefix(root()).expect("inside").display().to_string();
            if name.ends_with("tests.rs") || may.iter().any(|m| name.starts_with(m)) {
                continue;
            }
            let text = read(path);
            let code = text.split("#[cfg(test)]").next().unwrap_or(&text);
            for (k, line) in code.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
                let uses = theirs.iter().find(|t| line.contains(t.as_str()));
                assert!(uses.is_none(), "{name}:{}: {}, which is the operating system's", k + 1, line.trim());
            }
        }
    }
}

#[test]
fn stages_do_no_io_that_belongs_to_the_bridge() {
    for krate in ["types", "planner", "control"] {
        for path in sources().iter().filter(|p| p.starts_with(root().join(krate).join("src"))) {
            let text = read(path);
            let code = text.split("#[cfg(test)]").next().unwrap_or(&text);
            for word in ["std::fs", "std::net", "println!", "eprintln!"] {
                let uses = code.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(word));
                assert!(!uses, "{} uses {word}", path.display());
            }
        }
    }
}

#[test]
fn the_frozen_wordings_are_the_ones_that_were_frozen() {
    let line = read(&root().join("tests/wordings.sha256"));
    let want = line.split_whitespace().next().expect("a hash");
    let out = std::process::Command::new("sha256sum").arg(root().join("tests/wordings.tsv")).output();
    let out = out.expect("sha256sum of coreutils");
    assert!(String::from_utf8_lossy(&out.stdout).starts_with(want), "tests/wordings.tsv has changed");
}
