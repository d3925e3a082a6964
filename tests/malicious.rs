//! SEC3: no code out of data. Files of somebody who wants something run, put before every reader of the program: pickles,
//! libraries, templates, names of files that are commands. What the program starts and opens meanwhile is watched from
//! before the C library, and so is what every payload would leave.

mod scripted;

use scripted::Folder;
use scripted::nodes::text;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Told of every program that is started and every library that is opened.
const WATCH: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static void tell(const char *what, const char *of) { dprintf(2, "WATCHED %s %s\n", what, of ? of : ""); }
void *dlopen(const char *f, int how) { tell("dlopen", f); return NEXT(dlopen)(f, how); }
int execve(const char *f, char *const a[], char *const e[]) { tell("execve", f); return NEXT(execve)(f, a, e); }
int execv(const char *f, char *const a[]) { tell("execv", f); return NEXT(execv)(f, a); }
int execvp(const char *f, char *const a[]) { tell("execvp", f); return NEXT(execvp)(f, a); }
int system(const char *c) { tell("system", c); return NEXT(system)(c); }
FILE *popen(const char *c, const char *how) { tell("popen", c); return NEXT(popen)(c, how); }
int posix_spawn(pid_t *p, const char *f, const posix_spawn_file_actions_t *x, const posix_spawnattr_t *y,
                char *const a[], char *const e[]) { tell("posix_spawn", f); return NEXT(posix_spawn)(p, f, x, y, a, e); }
int posix_spawnp(pid_t *p, const char *f, const posix_spawn_file_actions_t *x, const posix_spawnattr_t *y,
                 char *const a[], char *const e[]) { tell("posix_spawnp", f); return NEXT(posix_spawnp)(p, f, x, y, a, e); }
__attribute__((constructor)) static void began(void) { tell("began", ""); }
"#;

/// A library that leaves its mark when it is opened.
const LIBRARY: &str = r#"
#include <fcntl.h>
__attribute__((constructor)) static void mark(void) { creat("owned", 0600); }
"#;

/// Python's `os.system("touch owned")` as a pickle.
const PICKLE: &[u8] = b"cposix\nsystem\n(S'touch owned'\ntR.";

fn built(source: &str, to: &Path) {
    let file = to.with_extension("c");
    fs::write(&file, source).expect("written");
    let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(to).arg(&file).status();
    assert!(built.expect("the C compiler that links Rust programs").success());
}

/// The corpus, in a folder.
fn corpus(folder: &Path) {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, bytes).expect("written");
    };
    built(LIBRARY, &folder.join("evil.so"));
    let library = fs::read(folder.join("evil.so")).expect("it is built");
    // Models: a pickle in the place of weights, under its own name and under that of safetensors; code that a
    // configuration names; a template that reaches for the system.
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("perception/tests/vlm/data/qwen3-vl");
    for model in ["pickled", "disguised", "remote-code", "library", "globals", "include"] {
        for entry in fs::read_dir(&fixture).expect("the tiny checkpoint") {
            let path = entry.expect("a file").path();
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            write(&format!("{model}/{name}"), &fs::read(&path).expect("read"));
        }
    }
    fs::remove_file(folder.join("pickled/model.safetensors")).expect("removed");
    write("pickled/pytorch_model.bin", PICKLE);
    write(
        "pickled/pytorch_model.bin.index.json",
        br#"{"weight_map": {"lm_head.weight": "pytorch_model.bin"}}"#,
    );
    write("disguised/model.safetensors", PICKLE);
    write("library/model.safetensors", &library);
    let config = fs::read_to_string(fixture.join("config.json")).expect("text");
    let code = r#"{"auto_map": {"AutoModel": "modeling.Evil"}, "trust_remote_code": true, "#;
    let config = config.replacen('{', code, 1).replace("\"qwen3_vl\"", "\"evil\"");
    write("remote-code/config.json", config.as_bytes());
    write("remote-code/modeling.py", b"import os\nos.system('touch owned')\n");
    write(
        "globals/chat_template.jinja",
        b"{{ cycler.__init__.__globals__.os.popen('touch owned').read() }}{{ ''.__class__.__mro__[1].__subclasses__() }}",
    );
    write("include/chat_template.jinja", b"{% include '/etc/passwd' %}");
    // Robots, scenes, settings.
    write(
        "entity.urdf",
        br#"<!DOCTYPE robot [<!ENTITY x SYSTEM "expect://touch owned">]><robot name="&x;"><link name="a"/></robot>"#,
    );
    write(
        "mesh.urdf",
        br#"<robot name="r"><link name="a"><collision><geometry><mesh filename="|touch owned"/></geometry></collision></link><link name="b"><inertial><mass value="1"/><inertia ixx="1" iyy="1" izz="1" ixy="0" ixz="0" iyz="0"/></inertial></link><joint name="j" type="revolute"><parent link="a"/><child link="b"/><axis xyz="0 0 1"/><limit lower="-1" upper="1" effort="9" velocity="1"/></joint></robot>"#,
    );
    write(
        "plugin.xml",
        br#"<mujoco><extension><plugin plugin="./evil.so"/></extension><include file="|touch owned"/><worldbody/></mujoco>"#,
    );
    write("profile.toml", b"name = \"$(touch owned)\"\nmodel = \"|touch owned\"\nhome = []\n");
    write("model.toml", b"[perception]\nmodel = \"./evil.so\"\n");
    write("weights.toml", b"[perception]\nweights = \"disguised/model.safetensors\"\n");
    write("named.toml", b"[zenoh]\nrobot = \"$(touch owned)\"\n");
    write("scene.toml", b"sentence = \"$(touch owned)\"\nplugin = \"./evil.so\"\n");
    // Pictures, questions, recordings, datasets.
    write("pickle.png", PICKLE);
    write(
        "delegate.jpg",
        b"push graphic-context\nimage over 0,0 0,0 'https://x\";touch owned\"'\npop graphic-context\n",
    );
    write("batch.jsonl", br#"{"text": "what?", "images": ["|touch owned"]}"#);
    write("pickle.mcap", PICKLE);
    write("set/meta/info.json", br#"{"codebase_version": "v3.0", "fps": 10, "total_episodes": 1, "total_frames": 1, "data_path": "data/chunk-000/file-000.parquet", "video_path": "|touch owned", "features": {"observation.state": {"dtype": "float32", "shape": [1]}, "action": {"dtype": "float32", "shape": [1]}, "observation.images.a": {"dtype": "video", "shape": [4, 4, 3]}}}"#);
    write("set/data/chunk-000/file-000.parquet", PICKLE);
    write("set/meta/tasks.parquet", PICKLE);
    write("set/meta/episodes/chunk-000/file-000.parquet", PICKLE);
    // Keys whose rules are settings of Zenoh's that would open a library.
    write("keys.toml", b"[zenoh]\nkeys = \"keys/operator\"\n");
}

/// Each file before its reader.
const PUT: [&[&str]; 21] = [
    &["ask", "what is this?", "--model", "pickled"],
    &["ask", "what is this?", "--model", "disguised"],
    &["ask", "what is this?", "--model", "remote-code"],
    &["ask", "what is this?", "--model", "library"],
    &["ask", "what is this?", "--model", "globals", "--max-tokens", "4"],
    &["ask", "what is this?", "--model", "include", "--max-tokens", "4"],
    &["ask", "what is this?", "--model", "evil.so"],
    &["ask", "what is this?", "--image", "pickle.png"],
    &["ask", "what is this?", "--image", "delegate.jpg"],
    &["ask", "what is this?", "--image", "|touch owned"],
    &["eval", "reach", "--robot", "entity.urdf", "--episodes", "1"],
    &["eval", "reach", "--robot", "mesh.urdf", "--episodes", "1"],
    &["eval", "reach", "--robot", "plugin.xml", "--episodes", "1"],
    &["eval", "reach", "--robot", "profile.toml", "--episodes", "1"],
    &["run", "go home", "--lockstep", "--config", "model.toml"],
    &["run", "go home", "--lockstep", "--config", "weights.toml"],
    &["ls", "--config", "named.toml"],
    &["eval", "scene.toml", "--episodes", "1"],
    &["replay", "pickle.mcap"],
    &["log", "import", "set", "--out", "recordings"],
    &["ls", "--config", "keys.toml"],
];

#[test]
fn sec3_no_file_of_a_malicious_corpus_is_run_started_or_opened_as_code_by_any_reader() {
    let folder = Folder::new("malicious", "");
    corpus(&folder.0);
    assert_eq!(folder.sinew(&["keys", "keys"]).0, 0);
    let rules = folder.0.join("keys/operator/access.json");
    let plugin = r#"{"enabled": true, "plugins_loading": {"enabled": true, "search_dirs": ["."]},
        "plugins": {"evil": {"__path__": "./evil.so", "__required__": true}}}"#;
    fs::write(rules, plugin).expect("written");
    let watch: PathBuf = folder.0.join("watch.so");
    built(WATCH, &watch);
    let watched =
        |command: &mut Command| text(command.env("LD_PRELOAD", &watch).output().expect("it starts"));
    // What is watched for is seen where it happens.
    let (_, _, seen) = watched(Command::new("sh").args(["-c", "/bin/true; :"]));
    assert!(seen.contains("WATCHED execve /bin/true"), "{seen}");
    for args in PUT {
        let (code, out, err) = watched(&mut folder.command(args));
        println!("{args:?}: {code}: {}", err.lines().last().unwrap_or_default());
        assert!(err.contains("WATCHED began"), "{args:?}: {err}");
        let deeds = err.lines().filter(|l| l.starts_with("WATCHED ") && !l.contains("began"));
        assert_eq!(deeds.collect::<Vec<_>>(), Vec::<&str>::new(), "{args:?}");
        assert!(!folder.0.join("owned").exists(), "{args:?} was run");
        // A mesh that is none is passed over; everything else is refused.
        let is_refused = matches!(code, 1..=4) || args.contains(&"mesh.urdf");
        assert!(is_refused && !err.contains("panicked"), "{args:?}: {code}: {out}{err}");
    }
    let (code, out, err) =
        watched(&mut folder.command(&["ask", "--model", "pickled", "--batch", "batch.jsonl"]));
    assert!(matches!(code, 1..=4) && !folder.0.join("owned").exists(), "{out}{err}");
}

/// What would run code that comes as data: pickles, other languages, libraries by name.
const RUNS_CODE: [&str; 10] =
    ["serde-pickle", "pickled", "pyo3", "mlua", "rlua", "rhai", "deno_core", "wasmtime", "wasmer", "tch"];

#[test]
fn sec3_nothing_in_the_tree_reads_pickles_and_no_source_opens_a_library() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("the lock");
    for name in RUNS_CODE {
        assert!(!lock.contains(&format!("name = \"{name}\"")), "{name} is in the tree");
    }
    let mut open = vec![root.join("src")];
    for part in ["types", "mechanics", "perception", "planner", "control", "bridge", "sim"] {
        open.push(root.join(part).join("src"));
    }
    let mut n = 0;
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(&folder).expect("a folder").map(|e| e.expect("an entry").path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                n += 1;
                let source = fs::read_to_string(&path).expect("text");
                for word in
                    ["libloading", "dlopen", "serde_pickle", "LD_PRELOAD", "\"sh\"", "\"bash\"", "\"-c\""]
                {
                    assert!(!source.contains(word), "{} has {word}", path.display());
                }
            }
        }
    }
    assert!(n > 200, "only {n} files were looked at");
}
