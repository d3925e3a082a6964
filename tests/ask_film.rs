//! `sinew ask --video`, as a person runs it, on the tiny random checkpoints of perception's tests.

use bridge::Canvas;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/perception/tests/vlm/data");

fn ask(args: &[&str]) -> Output {
    ask_with("", args)
}

fn ask_with(ffmpeg: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sinew"));
    // Whoever runs this may have an ffmpeg; these tests say which.
    command.env("PATH", "").env("SINEW_FFMPEG", ffmpeg);
    command.arg("ask").args(args).output().expect("the program starts")
}

fn refused(args: &[&str]) -> String {
    let out = ask(args);
    assert_eq!(out.status.code(), Some(2), "{out:?}");
    assert!(out.stdout.is_empty(), "{out:?}");
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// A new folder; its name is the test's own.
fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("sinew-ask-film-{}-{name}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("a folder");
    path
}

/// One of the pictures of the fixtures' film, a binary PPM of 80 × 60 pixels.
fn frame(i: usize) -> Canvas {
    let all = std::fs::read(format!("{DATA}/frame{i}.ppm")).expect("read");
    let head = b"P6\n80 60\n255\n";
    assert!(all.starts_with(head), "another head");
    Canvas::from_rgb(80, 60, all[head.len()..].to_vec())
}

fn write(folder: &Path, name: &str, canvas: &Canvas) {
    bridge::files::write_png(&folder.join(name), canvas).expect("written");
}

/// The film of the fixtures as numbered pictures: `per_s` of the numbers are a second.
fn film(name: &str, seconds: &[f64], per_s: f64) -> PathBuf {
    let path = folder(name);
    for (i, s) in seconds.iter().enumerate() {
        write(&path, &format!("shot-{:03}.png", 7 + (s * per_s).round() as u64), &frame(i));
    }
    path
}

#[test]
fn a_folder_of_numbered_pictures_is_answered_as_the_reference_answers_the_film() {
    for (layout, expected) in [
        ("qwen3-vl", "expected.json"),
        ("qwen3-vl-4", "expected.json"),
        ("qwen2_5-vl", "qwen2_5-vl-expected/expected.json"),
        ("qwen2_5-vl-4", "qwen2_5-vl-expected/expected.json"),
        ("smolvlm", "smolvlm-expected/expected.json"),
        ("smolvlm-4", "smolvlm-expected/expected.json"),
    ] {
        let expected = std::fs::read(format!("{DATA}/{expected}")).expect("read");
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        let case = &expected[layout]["video"];
        let seconds: Vec<f64> =
            case["seconds"].as_array().expect("times").iter().filter_map(Value::as_f64).collect();
        let path = film(layout, &seconds, 8.0);
        let (dir, video) = (format!("{DATA}/{layout}"), path.display().to_string());
        let sentence = case["sentence"].as_str().expect("a sentence");
        let args = ["--model", &dir, "--video", &video, "--fps", "8", sentence, "--greedy"];
        let how = "--dtype f32 --device cpu --max-tokens 64 --logits 400 --json".split(' ');
        let out = ask(&args.into_iter().chain(how).collect::<Vec<_>>());
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        let text = String::from_utf8(out.stdout).expect("text");
        assert_eq!(text.lines().count(), 1, "{text}");
        let said: Value = serde_json::from_str(&text).expect("JSON");
        for key in ["prompt_ids", "ids", "text"] {
            assert_eq!(said[key], case[key], "{layout} {key}");
        }
        let logits = said["logits"].as_array().expect("logits");
        assert_eq!(logits.len(), 400);
        for (i, (ours, theirs)) in logits.iter().zip(case["logits"].as_array().expect("logits")).enumerate() {
            let (ours, theirs) = (ours.as_f64().expect("a number"), theirs.as_f64().expect("a number"));
            assert!((ours - theirs).abs() <= 1e-4, "{layout}: token {i}: {ours}, the reference {theirs}");
        }
        let timings = said["timings"].as_object().expect("timings");
        assert!(timings.len() >= 4 && timings.values().all(|t| t.as_f64() > Some(0.0)), "{timings:?}");
        // Its numbers at another pace are another film, for whom times are words.
        let args =
            ["--model", &dir, "--video", &video, "--fps", "4", sentence, "--max-tokens", "1", "--json"];
        let slower: Value = serde_json::from_slice(&ask(&args).stdout).expect("JSON");
        if !layout.starts_with("qwen2_5") {
            assert_ne!(slower["prompt_ids"], said["prompt_ids"], "{layout}");
        }
        std::fs::remove_dir_all(path).expect("removed");
    }
}

#[test]
fn what_is_no_film_is_a_sentence_and_exit_code_two() {
    let dir = format!("{DATA}/qwen3-vl");
    let said = |path: &Path, more: &[&str]| {
        let video = path.display().to_string();
        let e = refused(&[&["--model", &dir, "--video", &video, "what happens?"], more].concat());
        e.replace(&video, "FILM")
    };
    let fps = ["--fps", "2"];
    let empty = folder("empty");
    assert!(
        said(&empty, &fps).contains("--video: expected 2 to 768 pictures, got 0"),
        "{}",
        said(&empty, &fps)
    );
    write(&empty, "1.png", &frame(0));
    assert!(said(&empty, &fps).contains("got 1 in FILM"), "one picture is no film");
    write(&empty, "2.png", &Canvas::new(8, 60, [0; 3]));
    let e = said(&empty, &fps);
    assert!(e.contains("2.png") && e.contains("80 × 60") && e.contains("8 × 60"), "{e}");
    write(&empty, "2.png", &frame(1));
    assert!(said(&empty, &[]).contains("--fps"), "a folder does not say how fast it is");
    for bad in ["0", "-1", "nan", "1e9"] {
        assert!(said(&empty, &[&format!("--fps={bad}")]).contains("--fps"), "{bad}");
    }
    std::fs::write(empty.join("notes.txt"), "no picture").expect("written");
    let e = said(&empty, &fps);
    assert!(e.contains("notes.txt") && e.contains("numbered"), "{e}");
    // A film of another kind takes ffmpeg, which is not to be found here.
    let e = said(&empty.join("notes.txt"), &[]);
    assert!(e.contains("--video") && e.contains("ffmpeg") && e.contains("FILM"), "{e}");
    assert!(said(Path::new("/nowhere/film.mp4"), &[]).contains("--video"));
    if cfg!(unix) {
        let e = said(Path::new("/dev/null"), &[]);
        assert!(e.contains("--video: expected a folder of pictures, or a film"), "{e}");
    }
    // All that before a model is looked for.
    for (video, fps, says) in
        [(&empty, "0", "--fps"), (&empty, "2", "notes.txt"), (&empty.join("x.mp4"), "2", "--video")]
    {
        let video = video.display().to_string();
        let e = refused(&["--model", "/nowhere", "--video", &video, "--fps", fps, "what happens?"]);
        assert!(e.contains(says) && !e.contains("config.json"), "{e}");
    }
    std::fs::remove_dir_all(empty).expect("removed");
}

#[test]
fn who_takes_no_films_says_so_by_family_and_flag() {
    let path = film("refused", &[0.0, 1.0], 8.0);
    let video = path.display().to_string();
    let dir = format!("{DATA}/paligemma");
    let e = refused(&["--model", &dir, "--video", &video, "--fps", "8", "what?"]);
    assert!(e.contains("--video") && e.contains("PaliGemma 2") && e.contains("pictures alone"), "{e}");
    let dir = format!("{DATA}/qwen3-vl");
    for more in [&["--role", "read"][..], &["--batch", "q.jsonl"]] {
        let args = [&["--model", &dir, "--video", &video, "what?"], more].concat();
        assert!(refused(&args).contains("cannot be used with"), "{more:?}");
    }
    assert!(refused(&["--video", &video, "what?"]).contains("--model"));
    assert!(refused(&["--model", &dir, "--fps", "8", "what?"]).contains("--video"));
    std::fs::remove_dir_all(path).expect("removed");
}

/// A program that says what ffmpeg says of a film of ten of the fixtures' pictures, eight a second.
#[cfg(unix)]
fn stand_in(folder: &Path) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let mut pictures = Vec::new();
    let mut times = "#software: stand-in\n#tb 0: 1/800\n#media_type 0: video\n".to_owned();
    for i in 0..10 {
        pictures.extend(std::fs::read(format!("{DATA}/frame{}.ppm", i / 2)).expect("read"));
        times += &format!("0, {0}, {0}, 100, 14400, 0x00000000\n", 100 * i);
    }
    std::fs::write(folder.join("pictures"), pictures).expect("written");
    std::fs::write(folder.join("times"), times).expect("written");
    let script = format!(
        "#!/bin/sh\nPATH=/usr/bin:/bin\ncase \"$*\" in\n*-encoders*) echo ' V..... none none'; exit ;;\n\
         *'-format_whitelist mov,'*' -i '*) ;;\n\
         *) echo 'a list of files would do' >&2; exit 1 ;;\nesac\ncase \"$*\" in\n\
         *spoilt*framecrc*) cat '{0}/times'; echo 'error while decoding MB 3 7' >&2 ;;\n\
         *torn*) echo 'torn.mp4: moov atom not found' >&2; exit 1 ;;\n\
         *framecrc*) cat '{0}/times' ;;\n*) cat '{0}/pictures' ;;\nesac\n",
        folder.display()
    );
    let program = folder.join("ffmpeg");
    std::fs::write(&program, script).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("may be started");
    program.display().to_string()
}

#[cfg(unix)]
#[test]
fn of_a_film_file_a_model_is_shown_the_pictures_that_its_settings_or_fps_choose() {
    let folder = folder("file");
    let program = stand_in(&folder);
    let [whole, torn, spoilt] = ["film.mp4", "torn.mp4", "spoilt.mp4"].map(|name| folder.join(name));
    [&whole, &torn, &spoilt].iter().for_each(|p| std::fs::write(p, "a film").expect("written"));
    let asked = |layout: &str, video: &Path, more: &[&str]| {
        let (dir, video) = (format!("{DATA}/{layout}"), video.display().to_string());
        let args = [
            "--model",
            &dir,
            "--video",
            &video,
            "what happens?",
            "--logits",
            "50",
            "--max-tokens",
            "1",
            "--json",
        ];
        ask_with(&program, &[&args[..], more].concat())
    };
    let prompt = |out: Output| -> Value {
        assert_eq!(out.status.code(), Some(0), "{out:?}");
        let said: Value = serde_json::from_slice(&out.stdout).expect("JSON");
        assert_eq!(said["logits"].as_array().map(Vec::len), Some(50));
        serde_json::json!([said["prompt_ids"], said["logits"]])
    };
    // Two a second of ten at eight a second are four at the least for Qwen3-VL: 0, 3, 6, 9. Those of Qwen2.5-VL, which
    // says nothing of films, are all ten, and with --fps at equal steps: 0, 2, 5, 7. SmolVLM2's ends are the film's.
    for (layout, more, numbers) in [
        ("qwen3-vl", &[][..], &[0_usize, 3, 6, 9][..]),
        ("qwen2_5-vl", &[], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("qwen2_5-vl", &["--fps", "4"], &[0, 2, 5, 7]),
        ("smolvlm", &["--fps", "3"], &[0, 3, 6, 9]),
    ] {
        let same = folder.join(format!("{layout}-{}", more.len()));
        std::fs::create_dir_all(&same).expect("a folder");
        numbers.iter().for_each(|n| write(&same, &format!("{n}.png"), &frame(n / 2)));
        let shown = prompt(asked(layout, &whole, more));
        assert_eq!(shown, prompt(asked(layout, &same, &["--fps", "8"])), "{layout} {more:?}");
    }
    // What cannot be opened, and what ends well with words on pictures that are not what they were.
    for (film, says) in [(&torn, "moov atom"), (&spoilt, "error while decoding MB 3 7")] {
        let out = asked("qwen3-vl", film, &[]);
        let e = String::from_utf8_lossy(&out.stderr);
        let name = film.display().to_string();
        assert!(out.status.code() == Some(1) && e.contains(&name) && e.contains(says), "{out:?}");
        assert!(out.stdout.is_empty(), "{out:?}");
    }
    std::fs::remove_dir_all(folder).expect("removed");
}
