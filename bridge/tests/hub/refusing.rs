//! What is refused, in which words, and that nothing of it is left.

use super::*;

fn refused(
    name: &str,
    script: impl FnMut(&str, usize) -> Act + Send + 'static,
    key: Option<&str>,
) -> (String, usize) {
    let cache = Cache::new(name);
    let all = files();
    let (url, log) = scripted::hub::hub(listing(&all), all, script);
    let e = fetch(&cache.hub_with(&url, key)).expect_err("refused").to_string();
    assert!(cache.all().iter().all(|f| f != "manifest.json"), "{:?}", cache.all());
    let n = log.lock().expect("the log").len();
    (e, n)
}

#[test]
fn what_is_not_there_or_not_for_everybody_is_said_at_once_and_how_to_show_a_key() {
    let at = |file: &'static str, status: u16, said: &'static str| {
        let headers = if said.is_empty() { String::new() } else { format!("x-error-message: {said}\r\n") };
        move |what: &str, _: usize| {
            if what == file { Act::Status(status, headers.clone()) } else { Act::Serve }
        }
    };
    let (e, n) = refused("unknown", at("main", 404, "Repository not found"), None);
    assert_eq!(e, "127.0.0.1: tiny/model at revision main: status 404 Repository not found: not there");
    assert_eq!(n, 1);
    let (e, n) = refused("locked", at("main", 401, ""), None);
    assert!(e.contains("status 401") && e.contains("hub.key_env in robot.toml"), "{e}");
    assert_eq!(n, 1);
    // The list is for everybody, and the weights are not.
    let (e, n) = refused("gated", at("model.safetensors", 403, "gated for hf_secret"), Some("hf_secret"));
    assert!(
        e.contains("model.safetensors: status 403 gated for …") && e.contains("the key in MY_KEY"),
        "{e}"
    );
    assert!(!e.contains("secret"), "{e}");
    assert_eq!(n, 4);
    let (e, _) = refused("circle", |_, _| Act::Redirect("/again".into()), None);
    assert!(e.contains("more than 5 redirects"), "{e}");
    let (e, n) = refused("nowhere", |_, _| Act::Redirect("http://example.com/x".into()), None);
    assert!(e.contains("a redirect to where nothing is fetched from: http://example.com/x"), "{e}");
    assert_eq!(n, 1);
    let cache = Cache::new("nobody");
    let e = fetch(&cache.hub("http://127.0.0.1:1")).expect_err("nobody there").to_string();
    assert!(e.contains("tiny/model at revision main: 6 tries brought nothing new"), "{e}");
}

#[test]
fn files_of_another_length_than_the_list_says_are_refused_by_name() {
    let whole = |more: usize| {
        move |what: &str, _: usize| match what {
            "model.safetensors" => Act::Other(noise(more, 3)),
            _ => Act::Serve,
        }
    };
    let (e, _) = refused("longer", whole(N + 1), None);
    assert!(
        e.contains("tiny/model model.safetensors: expected 400000 bytes, as the hub lists it, got more"),
        "{e}"
    );
    let (e, _) = refused("shorter", whole(1000), None);
    assert!(e.contains("nothing new, the last: the line ended at byte 1000 of 400000"), "{e}");
    // A part is of another whole.
    let (e, _) = refused(
        "other-whole",
        |what, n| match (what, n) {
            ("model.safetensors", 0) => Act::Cut(100_000),
            ("model.safetensors", _) => Act::Status(206, "content-range: bytes 100000-1/500000\r\n".into()),
            _ => Act::Serve,
        },
        None,
    );
    assert!(e.contains("model.safetensors: expected 400000 bytes, as the hub lists it, got 500000"), "{e}");
    // It says so itself.
    let cache = Cache::new("cut-off");
    let mut all = files();
    let list = listing(&all);
    all[5].bytes.truncate(1000);
    let (url, log) = scripted::hub::hub(list, all, |_, _| Act::Serve);
    let e = fetch(&cache.hub(&url)).expect_err("cut off").to_string();
    assert!(e.contains("model.safetensors: expected 400000 bytes, as the hub lists it, got 1000"), "{e}");
    assert_eq!((ranges(&log).len(), cache.read("model.safetensors")), (1, None));
}

#[test]
fn a_model_that_nobody_can_use_is_seen_before_its_weights_come() {
    let cache = Cache::new("unfit");
    let (url, log) = weights_by(|_| Act::Serve);
    let check = |dir: &Path| {
        assert!(dir.join("config.json").is_file() && dir.join("tokenizer.json").is_file());
        Err("of no use here".to_owned())
    };
    let wanted = Wanted { check: &check, ..WANTED };
    let e = cache.hub(&url).fetch(&name("tiny/model"), &wanted, &mut |_| (), &|| true).expect_err("unfit");
    assert_eq!(e.to_string(), "tiny/model: of no use here");
    assert_eq!((ranges(&log).len(), cache.hub(&url).find(&name("tiny/model"))), (0, None));
}

#[test]
fn names_that_climb_out_leave_nothing_anywhere() {
    let index = json!({ "weight_map": { "a": "../../../climbed.safetensors" } }).to_string().into_bytes();
    for (case, more) in [
        ("list", File::new("../../climbed.json", vec![1])),
        ("absolute", File::new("/climbed.json", vec![1])),
        ("index", File::new(INDEX, index)),
    ] {
        let cache = Cache::new(&format!("climb-{case}"));
        let mut all = files();
        all.push(more);
        let (url, _log) = scripted::hub::hub(listing(&all), all, |_, _| Act::Serve);
        let e = fetch(&cache.hub(&url)).expect_err("refused");
        assert!(matches!(e, HubError::Refused(_)) && e.to_string().contains("climbed"), "{e}");
        assert!(cache.all().iter().all(|f| f == INDEX), "{:?}", cache.all());
    }
}

#[test]
fn lists_without_end_or_sense_are_refused_and_a_disk_without_room_is_seen_before() {
    for (case, body) in
        [("long", vec![b' '; 9 << 20]), ("html", b"<html>".to_vec()), ("bytes", vec![0xff; 100])]
    {
        let (e, _) = refused(case, move |_, _| Act::Other(body.clone()), None);
        assert!(e.contains("tiny/model"), "{e}");
    }
    let cache = Cache::new("room");
    std::fs::create_dir_all(&cache.0).expect("a folder");
    let stat = rustix::fs::statvfs(&cache.0).expect("a file system");
    let all = files();
    let mut list = listing(&all);
    // A thousandth of the disk more than is free.
    let need = stat.f_frsize * (stat.f_bavail + stat.f_blocks / 1000 + 1);
    list["siblings"][5]["lfs"]["size"] = json!(need);
    let (url, log) = scripted::hub::hub(list, all, |_, _| Act::Serve);
    let e = fetch(&cache.hub(&url)).expect_err("no room");
    assert!(matches!(e, HubError::Full { .. }), "{e}");
    assert_eq!(log.lock().expect("the log").len(), 1, "no file was asked for");
}
