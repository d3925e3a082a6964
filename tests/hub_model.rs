//! Models by their name on a hub, as a person uses them: the tiny random checkpoints of perception's tests, from a hub
//! that a script plays.

mod scripted;

use scripted::Folder;
use scripted::http::hub::{Act, COMMIT, File, Log, files_of, hub, listing};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

/// A hub that nobody is at.
const NOBODY: &str = "http://127.0.0.1:1";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("perception/tests/vlm/data").join(name)
}

/// A published folder, with what else repositories hold.
fn repository(layout: &str) -> Vec<File> {
    let mut files = files_of(&data(layout));
    files.push(File::new("README.md", b"words".to_vec()));
    files.push(File::new("modeling.py", b"raise SystemExit(1)".to_vec()));
    files.push(File::new("consolidated.safetensors", vec![7; 1000]));
    files
}

fn serves(layout: &str) -> (String, Log) {
    let files = repository(layout);
    hub(listing(&files), files, |_, _| Act::Serve)
}

fn config(url: &str) -> String {
    format!("[hub]\nurl = \"{url}\"\n")
}

fn set(folder: &Folder, config: &str) {
    fs::write(folder.0.join("robot.toml"), config).expect("written");
}

fn said(out: Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// What a model says: prompt, answer, text, logits.
fn answer(folder: &Folder, model: &str) -> [Value; 4] {
    let picture = data("fits.png").display().to_string();
    let mut args = vec!["ask", "what is this?", "--model", model, "--image", &picture];
    args.extend(["--greedy", "--max-tokens", "12", "--logits", "50", "--json"]);
    let (code, out, err) = said(folder.command(&args).output().expect("it starts"));
    assert_eq!(code, 0, "{model}: {err}");
    let said: Value = serde_json::from_str(&out).expect("JSON");
    ["prompt_ids", "ids", "text", "logits"].map(|key| said[key].clone())
}

#[test]
fn a_model_from_a_hub_says_what_it_says_from_its_folder_and_then_without_the_hub() {
    let layouts = ["qwen3-vl", "qwen3-vl-4", "qwen2_5-vl", "qwen2_5-vl-4", "smolvlm", "smolvlm-4"];
    for layout in layouts.into_iter().chain(["paligemma", "paligemma-4"]) {
        let (url, log) = serves(layout);
        let folder = Folder::new(&format!("hub-{layout}"), &config(&url));
        let from_folder = answer(&folder, &data(layout).display().to_string());
        assert_eq!(log.lock().expect("the log").len(), 0, "a folder asks nobody");
        let name = format!("hub:tiny/{layout}");
        assert_eq!(answer(&folder, &name), from_folder, "{layout}");
        let asked: Vec<String> = log.lock().expect("the log").iter().map(|s| s.what.clone()).collect();
        let unwanted = ["README.md", "modeling.py", "consolidated.safetensors"];
        assert!(asked.len() >= 6 && !asked.iter().any(|a| unwanted.contains(&a.as_str())), "{asked:?}");
        // Everything that the tests' folders hold is there for the model.
        let kept = folder.0.join(format!("models/tiny--{layout}")).join(COMMIT);
        for file in files_of(&data(layout)) {
            assert_eq!(
                fs::read(kept.join(&file.name)).ok().as_ref(),
                Some(&file.bytes),
                "{layout} {}",
                file.name
            );
        }
        // The hub is gone; a key that is not there is not missed.
        set(&folder, &format!("{}key_env = \"SINEW_NO_SUCH_KEY\"\n", config(NOBODY)));
        assert_eq!(answer(&folder, &name), from_folder, "{layout}, offline");
        assert_eq!(log.lock().expect("the log").len(), asked.len());
    }
}

#[test]
fn fetching_ahead_prints_the_folder_and_goes_on_after_the_process_was_killed() {
    let files = repository("qwen3-vl");
    let half = files.iter().find(|f| f.name == "model.safetensors").expect("weights").bytes.len() / 2;
    let (url, log) = hub(listing(&files), files, move |what, n| match (what, n) {
        ("model.safetensors", 0) => Act::Stall(half, Duration::from_secs(60)),
        _ => Act::Serve,
    });
    let folder = Folder::new("hub-killed", &config(&url));
    let mut child =
        folder.command(&["fetch", "tiny/qwen3-vl"]).stderr(Stdio::null()).spawn().expect("it starts");
    let kept = folder.0.join("models/tiny--qwen3-vl").join(COMMIT);
    let part = kept.join("model.safetensors.part");
    let begun = Instant::now();
    while fs::metadata(&part).map_or(0, |m| m.len()) < half as u64 {
        assert!(begun.elapsed() < Duration::from_secs(30), "half of it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert!(!kept.join("manifest.json").exists());
    let (code, out, err) =
        said(folder.command(&["fetch", "hub:tiny/qwen3-vl@main"]).output().expect("it starts"));
    assert_eq!((code, out.trim()), (0, kept.display().to_string().as_str()), "{err}");
    assert!(err.contains("model.safetensors") && err.contains("checked"), "{err}");
    let ranges: Vec<Option<usize>> = log
        .lock()
        .expect("the log")
        .iter()
        .filter(|s| s.what == "model.safetensors")
        .map(|s| s.from)
        .collect();
    assert_eq!(ranges, [None, Some(half)]);
    let (code, out, err) =
        said(folder.command(&["fetch", "tiny/qwen3-vl", "--json"]).output().expect("it starts"));
    assert_eq!((code, err.as_str()), (0, ""), "nothing to do and nothing to say");
    let said: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&said["model"], &said["commit"]), (&"tiny/qwen3-vl".into(), &COMMIT.into()));
    assert_eq!((&said["fetched_bytes"], &said["folder"]), (&0.into(), &kept.display().to_string().into()));
}

#[test]
fn models_are_kept_where_the_environment_says() {
    let (url, _log) = serves("smolvlm");
    let folder = Folder::new("hub-kept", &config(&url));
    let root = folder.0.clone();
    let [home, cache] = ["home", "cache"].map(|n| root.join(n));
    for (xdg, below) in [
        (cache.clone(), cache.join("sinew/models")),
        // No folder, and a relative one, which does not count.
        (PathBuf::new(), home.join(".cache/sinew/models")),
        ("cache".into(), home.join(".cache/sinew/models")),
    ] {
        let mut command = folder.command(&["fetch", "tiny/model"]);
        command.env_remove("SINEW_MODELS").env("HOME", &home).env("XDG_CACHE_HOME", &xdg);
        let (code, out, err) = said(command.output().expect("it starts"));
        let kept = below.join("tiny--model").join(COMMIT);
        assert_eq!((code, out.trim()), (0, kept.display().to_string().as_str()), "{xdg:?}: {err}");
    }
}

#[test]
fn a_configured_model_is_fetched_on_first_use() {
    let (url, log) = serves("qwen3-vl");
    let config = |url: &str| {
        format!("{}[perception]\nmodel = \"hub:tiny/qwen3-vl\"\nanswer_limit_s = 120.0\n", config(url))
    };
    let folder = Folder::new("hub-config", &config(&url));
    let run = ["run", "pray relocate the maroon thingamajig", "--lockstep", "--seed", "3"];
    let (code, text) = folder.sinew(&run);
    // What random weights say may be a question about the table, which is answered.
    assert!([0, 3, 4].contains(&code), "{code}: {text}");
    let n = log.lock().expect("the log").len();
    assert!(n >= 6, "{n}");
    set(&folder, &config(NOBODY));
    let (again, text) = folder.sinew(&run);
    assert_eq!(again, code, "{text}");
    let calls = |n: usize| folder.events(n).lines().filter(|l| l.contains("\"model-call\"")).count();
    assert!(calls(1) > 0 && calls(1) == calls(2));
}

#[test]
fn a_hub_over_https_is_asked_through_the_proxy_of_the_environment_which_is_shown_no_key() {
    let (sender, seen) = std::sync::mpsc::channel();
    let proxy = scripted::http::serve(move |request, _| sender.send(request.head).is_ok());
    let folder =
        Folder::new("hub-proxy", &format!("{}key_env = \"SINEW_TEST_KEY\"\n", config("https://hub.example")));
    let mut command = folder.command(&["fetch", "tiny/model"]);
    for name in ["ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.env("HTTPS_PROXY", proxy).env("SINEW_TEST_KEY", "hf_secret").stderr(Stdio::null());
    let mut child = command.spawn().expect("it starts");
    let head = seen.recv_timeout(Duration::from_secs(30));
    child.kill().expect("killed");
    child.wait().expect("gone");
    let head = head.expect("a request");
    assert!(head.starts_with("CONNECT hub.example:443 ") && !head.contains("secret"), "{head}");
}

#[test]
fn what_cannot_be_fetched_is_a_sentence_and_an_exit_code() {
    let (url, log) = serves("qwen3-vl");
    let folder = Folder::new("hub-refused", &config(&url));
    for (args, field) in [
        (&["ask", "hello", "--model", "hub:tiny"][..], "--model: expected owner/name or owner/name@revision"),
        (&["ask", "hello", "--model", "hub:../x"], "--model: expected owner/name"),
        (&["fetch", "tiny/model/x"], "model: expected owner/name"),
        (&["fetch", "tiny/model@../x"], "model: expected owner/name"),
    ] {
        let (code, text) = folder.sinew(args);
        assert!(code == 2 && text.contains(field), "{code}: {text}");
    }
    assert_eq!(log.lock().expect("the log").len(), 0);
    for (config, field) in [
        (config("http://example.com"), "hub.url: expected https"),
        (config("huggingface.co"), "hub.url: expected an address as https://host"),
        (format!("{}key_env = \"SINEW_NO_SUCH_KEY\"\n", config(&url)), "SINEW_NO_SUCH_KEY: expected a key"),
        ("[perception]\nmodel = \"hub:x\"\n".to_owned(), "perception.model: expected owner/name"),
    ] {
        set(&folder, &config);
        let (code, text) = folder.sinew(&["fetch", "tiny/model"]);
        let (code, text) =
            if config.contains("perception") { folder.sinew(&["run", "hello"]) } else { (code, text) };
        assert!(code == 2 && text.contains(field), "{code}: {text}");
    }
    let none = hub(Value::Null, Vec::new(), |_, _| Act::Status(404, String::new())).0;
    set(&folder, &config(&none));
    let (code, text) = folder.sinew(&["fetch", "tiny/model"]);
    assert!(code == 1 && text.contains("tiny/model at revision main: status 404"), "{code}: {text}");
    // A family that nobody knows here: its weights are not asked for.
    let mut files = repository("qwen3-vl");
    let settings = files.iter_mut().find(|f| f.name == "config.json").expect("settings");
    settings.bytes = b"{\"model_type\": \"llama\"}".to_vec();
    let (url, log) = hub(listing(&files), files, |_, _| Act::Serve);
    set(&folder, &config(&url));
    let (code, text) = folder.sinew(&["fetch", "tiny/llama"]);
    assert!(code == 2 && text.contains("tiny/llama: config.json model_type: expected"), "{code}: {text}");
    assert!(!log.lock().expect("the log").iter().any(|s| s.what.ends_with(".safetensors")));
    let mut here = folder.command(&["fetch", "a/b"]);
    let (code, _, text) = said(here.env("SINEW_MODELS", "models").output().expect("it starts"));
    assert!(code == 2 && text.contains("SINEW_MODELS: expected an absolute path"), "{code}: {text}");
}
