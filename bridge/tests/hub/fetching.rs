//! What comes, and what is not asked for again.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn what_is_wanted_is_fetched_once_and_then_used_without_the_hub() {
    let cache = Cache::new("plain");
    let (url, log) = weights_by(|_| Act::Serve);
    let hub = cache.hub(&url);
    assert_eq!(hub.find(&name("tiny/model")), None);
    let mut told = Vec::new();
    let mut tell = |t: Told<'_>| told.push(format!("{t:?}"));
    let first = hub.fetch(&name("tiny/model"), &WANTED, &mut tell, &|| true).expect("fetched");
    assert_eq!((&first.folder, first.commit.as_str()), (&cache.folder(), COMMIT));
    let all = files();
    for file in &all[3..] {
        assert_eq!(cache.read(&file.name).as_ref(), Some(&file.bytes), "{}", file.name);
    }
    assert_eq!(cache.all(), ["config.json", "manifest.json", "model.safetensors", "tokenizer.json"]);
    let bytes: usize = all[3..].iter().map(|f| f.bytes.len()).sum();
    assert_eq!(first.n_fetched, bytes as u64);
    let found = format!("Found {{ commit: {COMMIT:?}, n_files: 3, bytes: {bytes} }}");
    assert!(told.contains(&found), "{told:?}");
    let last = told.iter().rfind(|t| t.starts_with("Bytes")).expect("progress");
    assert!(last.ends_with(&format!("done_in_all: {bytes}, in_all: {bytes} }}")), "{last}");
    assert_eq!(log.lock().expect("the log").len(), 4, "the list and three files");
    // Nobody is there any more.
    let gone = cache.hub("http://127.0.0.1:1");
    let second = fetch(&gone).expect("it stands");
    assert_eq!(second, Fetched { n_fetched: 0, ..first });
    let by_commit = gone.fetch(&name(&format!("tiny/model@{COMMIT}")), &WANTED, &mut |_| (), &|| true);
    assert_eq!(by_commit.expect("the same").folder, cache.folder());
    let other = gone.fetch(&name("tiny/model@other"), &WANTED, &mut |_| (), &|| true);
    assert!(other.is_err(), "another revision is not known to be there");
}

#[test]
fn shards_are_those_of_the_index_and_no_others() {
    let cache = Cache::new("shards");
    let index =
        json!({ "weight_map": { "a": "model-1.safetensors", "b": "model-2.safetensors" } }).to_string();
    let mut all = files();
    all.extend([
        File::new(INDEX, index.into_bytes()),
        File::new("model-1.safetensors", noise(5000, 4)),
        File::new("model-2.safetensors", noise(6000, 5)),
        File::new("consolidated.safetensors", noise(7000, 6)),
    ]);
    let (url, log) = scripted::hub::hub(listing(&all), all, |_, _| Act::Serve);
    let fetched = fetch(&cache.hub(&url)).expect("fetched");
    let expected = [
        "config.json",
        "manifest.json",
        "model-1.safetensors",
        "model-2.safetensors",
        INDEX,
        "tokenizer.json",
    ];
    assert_eq!(cache.all(), expected);
    assert_eq!(asked(&log, INDEX).len(), 1);
    assert_eq!(fetched.files.len(), 5);
}

#[test]
fn a_second_name_of_a_commit_costs_no_file_and_a_lost_file_costs_that_one_alone() {
    let cache = Cache::new("names");
    let (url, log) = weights_by(|_| Act::Serve);
    let hub = cache.hub(&url);
    fetch(&hub).expect("fetched");
    let tag = hub.fetch(&name("tiny/model@v1.0"), &WANTED, &mut |_| (), &|| true).expect("the same commit");
    assert_eq!((tag.folder, tag.n_fetched), (cache.folder(), 0));
    assert_eq!(log.lock().expect("the log").len(), 5, "only the list again");
    let gone = cache.hub("http://127.0.0.1:1");
    for revision in ["v1.0", "main"] {
        assert!(gone.find(&name(&format!("tiny/model@{revision}"))).is_some(), "{revision}");
    }
    std::fs::remove_file(cache.folder().join("tokenizer.json")).expect("removed");
    assert_eq!(gone.find(&name("tiny/model")), None);
    assert_eq!(fetch(&hub).expect("whole again").n_fetched, 3000);
    assert!(gone.find(&name("tiny/model@v1.0")).is_some(), "its other name is not forgotten");
    assert_eq!((asked(&log, "tokenizer.json").len(), ranges(&log).len()), (2, 1));
    // Of the same length, and another: seen as soon as anything is fetched.
    let path = cache.folder();
    std::fs::write(path.join("tokenizer.json"), vec![0; 3000]).expect("written");
    std::fs::remove_file(path.join("config.json")).expect("removed");
    fetch(&hub).expect("whole again");
    assert_eq!(cache.read("tokenizer.json"), Some(noise(3000, 2)));
}

#[test]
fn two_at_once_fetch_every_file_once() {
    let cache = Cache::new("two");
    let (url, log) = weights_by(|_| Act::Stall(N, Duration::from_millis(300)));
    let waited = AtomicUsize::new(0);
    let one = || {
        let hub = cache.hub(&url);
        let mut tell = |t: Told<'_>| {
            waited.fetch_add(usize::from(t == Told::Waits), Ordering::Relaxed);
        };
        hub.fetch(&name("tiny/model"), &WANTED, &mut tell, &|| true).expect("fetched")
    };
    let (a, b) = std::thread::scope(|s| {
        let other = s.spawn(one);
        (one(), other.join().expect("no panic"))
    });
    assert_eq!(a.folder, b.folder);
    assert_eq!(a.n_fetched.min(b.n_fetched), 0);
    assert_eq!(log.lock().expect("the log").len(), 4);
    assert_eq!(waited.load(Ordering::Relaxed), 1);
}

#[test]
fn the_key_goes_to_the_hub_and_never_to_where_it_redirects() {
    let cache = Cache::new("key");
    let all = files();
    let (elsewhere, there) = scripted::hub::hub(json!({}), all.clone(), |_, _| Act::Serve);
    let port = elsewhere.rsplit(':').next().expect("a port").to_owned();
    let (url, log) = scripted::hub::hub(listing(&all), all, move |what, n| match (what, n) {
        ("model.safetensors", _) => Act::Redirect(format!("http://localhost:{port}/x/model.safetensors")),
        ("config.json", 0) => Act::Redirect("/moved/config.json".into()),
        _ => Act::Serve,
    });
    let hub = cache.hub_with(&url, Some("hf_secret"));
    assert!(fetch(&hub).is_ok());
    assert_eq!(cache.read("model.safetensors"), Some(noise(N, 3)));
    let of_hub = log.lock().expect("the log").clone();
    assert_eq!(of_hub.len(), 5);
    assert!(of_hub.iter().all(|s| s.key.as_deref() == Some("Bearer hf_secret")), "{of_hub:?}");
    let of_other = there.lock().expect("the log").clone();
    assert_eq!((of_other.len(), of_other[0].key.as_deref()), (1, None));
    assert!(!format!("{hub:?}").contains("secret"));
}
