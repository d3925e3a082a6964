//! The tables of bad inputs and of invariants, as `sinew faults` tries and prints them.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Rows that nothing takes in yet.
const NOT_YET: [&str; 1] = ["B32"];

fn faults(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sinew")).arg("faults").args(args).output().expect("the program starts")
}

fn lines(output: &Output) -> Vec<String> {
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn id(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// Every test of the workspace, by the files they stand in.
fn tests() -> String {
    fn walk(dir: &Path, out: &mut String) {
        for path in fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path()) {
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("bad_input.rs") {
                out.push_str(&fs::read_to_string(&path).expect("text"));
            }
        }
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut out = String::new();
    for of in [".", "types", "mechanics", "perception", "planner", "control", "bridge", "sim"] {
        walk(&root.join(of).join("tests"), &mut out);
        walk(&root.join(of).join("src"), &mut out);
    }
    out
}

#[test]
fn every_row_of_bad_input_ends_as_it_asks_in_their_order_and_what_is_not_tried_here_has_a_test() {
    let rows: Vec<String> = (1..=34).map(|n| format!("B{n}")).collect();
    let mut args: Vec<&str> = rows.iter().map(String::as_str).collect();
    args.extend(["--instants", "2", "--seed", "11"]);
    let output = faults(&args);
    let printed = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{printed:#?}");
    assert_eq!(printed.iter().map(|l| id(l)).collect::<Vec<_>>(), rows, "{printed:#?}");
    let all = tests();
    for line in &printed {
        let row = id(line);
        if NOT_YET.contains(&row) {
            assert!(line.ends_with("not yet"), "{line}");
        } else if line.ends_with("in the tests") {
            let number = row.to_lowercase();
            let is_named = all.contains(&format!("fn {number}_")) || all.contains(&format!("{row}:"));
            assert!(is_named, "{row} is in no test");
        } else {
            assert!(line.ends_with("2/2"), "{line}");
        }
    }
    let tried = printed.iter().filter(|l| l.ends_with("2/2")).count();
    assert_eq!(tried + NOT_YET.len(), 34, "{printed:#?}");
}

#[test]
fn rows_and_invariants_are_named_in_either_case_and_the_invariants_say_how_often_they_were_looked_at() {
    let output = faults(&["b3", "F12", "i5", "I1", "i4", "i7", "I9", "--instants", "2", "--seed", "11"]);
    let printed = lines(&output);
    assert_eq!(output.status.code(), Some(0), "{printed:#?}");
    let ids: Vec<&str> = printed.iter().map(|l| id(l)).collect();
    assert_eq!(ids, ["F12", "B3", "I1", "I4", "I5", "I7", "I9"], "{printed:#?}");
    let counted = |row: &str, what: &str| -> u64 {
        let line = printed.iter().find(|l| id(l) == row).expect("its line");
        let count = line.strip_suffix(", broken 0").unwrap_or_else(|| panic!("{line}"));
        let count = count.strip_suffix(what).unwrap_or_else(|| panic!("{line}"));
        count.trim_end().rsplit(' ').next().expect("a number").parse().expect("a number")
    };
    // Two instants of F12, and two of B3 with a twin each, of some seconds.
    let ticks = counted("I1", "ticks");
    assert!((10_000..100_000).contains(&ticks), "{printed:#?}");
    assert_eq!(counted("I5", "ticks"), ticks);
    assert_eq!(counted("I4", "ticks"), ticks, "every report is heard");
    let inputs = counted("I7", "inputs");
    assert!((40..80).contains(&inputs), "{printed:#?}");
    assert!(printed[6].ends_with("in the tests"), "{printed:#?}");
}

#[test]
fn rows_are_told_as_json_too_and_one_that_there_is_not_is_refused_by_the_choices() {
    let output = faults(&["B9", "I8", "--json", "--instants", "3"]);
    let told: Vec<Value> = lines(&output).iter().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(output.status.code(), Some(0), "{told:#?}");
    assert_eq!((&told[0]["row"], &told[0]["passed"]), (&"B9".into(), &"3/3".into()), "{told:#?}");
    assert_eq!(told[0]["failures"], serde_json::json!([]));
    assert_eq!((told.len(), &told[1]["row"]), (2, &"I8".into()), "{told:#?}");
    for unknown in ["B35", "I0", "F47", "B", "all"] {
        let output = faults(&["B9", unknown]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("row: expected F1 to F46, B1 to B34, I1 to I9, got"), "{text}");
        assert!(text.trim_end().ends_with(unknown), "{text}");
    }
}
