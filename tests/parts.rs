//! A recording that has reached its bound goes on in another file, and is read as one.

mod scripted;

use bridge::recording::{FileReader, Reader};
use scripted::Folder;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

const SENTENCE: &str = "put the red cube in the blue bowl";

/// A run whose files are a megabyte each, and what the program said of it.
fn recorded(name: &str, most_parts: u32) -> (Folder, String) {
    let config = format!("[record]\nmost_mb = 1\nmost_parts = {most_parts}\n");
    let folder = Folder::new(name, &config);
    let args = ["run", SENTENCE, "--lockstep", "--seed", "3", "--config", "robot.toml", "--out", "run"];
    let (code, text) = folder.sinew(&args);
    assert_eq!(code, 0, "{text}");
    (folder, text)
}

fn part(folder: &Folder, n: usize) -> PathBuf {
    let name = if n == 1 { "run.mcap".into() } else { format!("run.{n}.mcap") };
    folder.0.join("run").join(name)
}

fn json(folder: &Folder, args: &[&str]) -> (i32, Value) {
    let (code, text) = folder.sinew(args);
    (code, serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}")))
}

#[test]
fn a_recording_in_several_files_is_told_replayed_to_the_bit_and_explained_across_its_seams() {
    let (folder, _) = recorded("parts", 50);
    let n = (1..).take_while(|n| part(&folder, *n).is_file()).count();
    assert!(n >= 3, "{n} files");
    // Each is a recording by itself, and says which part of what it is.
    let (mut episodes, mut ticks, mut seams_s) = (Vec::new(), 0, Vec::new());
    for k in 1..=n {
        let mut file = FileReader::open(&part(&folder, k)).expect("a file");
        let stamps: Vec<_> =
            file.by_ref().filter(|m| m.info.topic == "/sinew/ticks").map(|m| m.stamp.as_secs_f64()).collect();
        assert!(file.is_complete() && file.flaws().is_empty(), "{k}: {:?}", file.flaws());
        assert!(file.attached().iter().any(|a| a.name == "robot.toml" && a.data.len() > 1000), "{k}");
        let (episode, number) = file.part().expect("it says so");
        assert_eq!((number as usize, file.goes_on()), (k, k < n));
        episodes.push(episode);
        ticks += stamps.len();
        seams_s.extend(stamps.first().copied().filter(|_| k > 1));
    }
    episodes.dedup();
    assert_eq!(episodes.len(), 1, "{episodes:x?}");
    // All together it is one.
    let mut whole = Reader::open(&part(&folder, 1)).expect("a recording");
    let numbers: Vec<u32> =
        whole.by_ref().filter(|m| m.info.topic == "/sinew/ticks").map(|m| m.sequence).collect();
    assert!(numbers.iter().enumerate().all(|(i, n)| i == *n as usize), "none is lost at a seam");
    assert_eq!((numbers.len(), whole.attached().len()), (ticks, 4));
    assert!(whole.is_complete() && whole.flaws().is_empty() && whole.left_out().is_empty());

    let (code, info) = json(&folder, &["log", "info", "run", "--json"]);
    let told = |of: &Value| of.as_array().map_or(0, Vec::len);
    assert_eq!((code, told(&info["parts"]), &info["complete"]), (0, n, &Value::Bool(true)), "{info:#}");
    assert_eq!(info["topics"]["/sinew/ticks"]["messages"], ticks, "{info:#}");
    let (_, text) = folder.sinew(&["log", "info", "run"]);
    assert!((2..=n).all(|k| text.contains(&format!("run.{k}.mcap"))), "{text}");
    let (code, replayed) = json(&folder, &["replay", "run", "--json"]);
    assert_eq!((code, &replayed["identical"], &replayed["ticks"]), (0, &Value::Bool(true), &ticks.into()));
    for at_s in seams_s {
        for at_s in [at_s - 0.01, at_s, at_s + 0.01] {
            let (code, text) = folder.sinew(&["why", "run/run.mcap", "--at", &at_s.to_string()]);
            assert!(code == 0 && text.contains(SENTENCE), "{at_s}: {text}");
        }
    }

    later_parts_alone(&folder, n);
    // One that is missing is named.
    for missing in [2, n] {
        fs::rename(part(&folder, missing), folder.0.join("away")).expect("moved");
        for args in [&["replay", "run"][..], &["log", "info", "run"], &["why", "run", "--at", "1"]] {
            let (code, text) = folder.sinew(args);
            let wanted =
                format!("part {missing} is missing: expected it beside this file, as run.{missing}.mcap");
            assert!(code != 0 && text.contains(&wanted), "{args:?}: {code}: {text}");
        }
        fs::rename(folder.0.join("away"), part(&folder, missing)).expect("moved");
    }
}

/// A later file, and a recording whose first file is none: told of and exported, and no beginning of a replay or a story.
fn later_parts_alone(folder: &Folder, n: usize) {
    let ticks = |args: &[&str]| {
        let (code, info) = json(folder, args);
        (code, info["first_part"].clone(), info["topics"]["/sinew/ticks"]["messages"].as_u64().unwrap_or(0))
    };
    let refused = |file: &str| {
        for args in [
            &["replay", file][..],
            &["why", file, "--at", "1"],
            &["replay", file, "--with", "planner.speed=0.3"],
        ] {
            let (code, text) = folder.sinew(args);
            let wants = format!("{file}: expected the first file of a recording, got its part 2");
            assert!(code != 0 && text.contains(&wants), "{args:?}: {code}: {text}");
        }
    };
    let (code, begins, alone) = ticks(&["log", "info", "run/run.2.mcap", "--json"]);
    assert!(code == 0 && begins == 2 && alone > 0, "{code}, {begins}, {alone}");
    let (_, text) = folder.sinew(&["log", "info", "run/run.2.mcap"]);
    assert!(text.contains("it begins with part 2: what came before is not in it"), "{text}");
    let (code, text) = folder.sinew(&["log", "export", "run/run.2.mcap", "--to", "csv", "--out", "part.csv"]);
    assert!(code == 0 && text.contains("run/run.2.mcap: it begins with part 2"), "{code}: {text}");
    let lines = fs::read_to_string(folder.0.join("part.csv")).expect("lines").lines().count();
    assert_eq!(lines as u64, alone + 1);
    refused("run/run.2.mcap");

    let whole = fs::read(part(folder, 1)).expect("bytes");
    let (_, first, all) = ticks(&["log", "info", "run", "--json"]);
    assert_eq!(first, 1);
    fs::write(part(folder, 1), [&b"X"[..], &whole[1..]].concat()).expect("written");
    let (code, first, later) = ticks(&["log", "info", "run", "--json"]);
    assert!(code != 0 && first == 2 && later >= alone && later < all, "{code}, {first}, {later} of {all}");
    let (_, text) = folder.sinew(&["log", "info", "run"]);
    assert!(text.contains("! at byte 0: run/run.mcap: expected an MCAP file of version 0"), "{text}");
    assert!((2..=n).all(|k| text.contains(&format!("run.{k}.mcap"))), "{text}");
    refused("run/run.mcap");
    fs::write(part(folder, 1), whole).expect("written");
}

#[test]
fn a_recording_whose_files_are_all_full_leaves_out_the_rest_and_counts_it() {
    let (folder, text) = recorded("parts-full", 2);
    assert!(text.contains("the last of 2 files has reached its limit of 1048576 bytes"), "{text}");
    assert!(part(&folder, 2).is_file() && !part(&folder, 3).exists());
    let (code, info) = json(&folder, &["log", "info", "run", "--json"]);
    let left_out = info["left_out"]["/sinew/ticks"].as_str().and_then(|n| n.parse::<u64>().ok());
    assert!(code == 0 && left_out > Some(100), "{info:#}");
}
