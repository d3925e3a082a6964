//! Lines that break, servers that are busy, silent or careless, bytes that are wrong.

use super::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

#[test]
fn a_line_that_breaks_goes_on_where_it_was_and_no_byte_comes_twice() {
    let cache = Cache::new("break");
    let (url, log) = weights_by(|n| if n < 3 { Act::Cut(100_000) } else { Act::Serve });
    let (fetched, told) = fetch_told(&cache.hub(&url));
    assert_eq!(fetched.expect("fetched").n_fetched as usize, N + 3000 + 22);
    assert_eq!(ranges(&log), [None, Some(100_000), Some(200_000), Some(300_000)]);
    assert_eq!(asked(&log, "model.safetensors").iter().map(|s| s.n_sent).sum::<usize>(), N);
    assert_eq!(cache.read("model.safetensors"), Some(noise(N, 3)));
    assert_eq!(told.len(), 3, "{told:?}");
}

#[test]
fn what_a_process_has_left_is_used_by_the_next_after_it_was_added_up() {
    let cache = Cache::new("restart");
    let (url, log) =
        weights_by(|n| if n == 0 { Act::Stall(150_000, Duration::from_secs(1)) } else { Act::Serve });
    let goes_on = AtomicBool::new(true);
    let mut tell = |t: Told<'_>| {
        if matches!(t, Told::Bytes { file: "model.safetensors", done: 150_000, .. }) {
            goes_on.store(false, Ordering::Relaxed);
        }
    };
    let hub = cache.hub(&url);
    let e = hub.fetch(&name("tiny/model"), &WANTED, &mut tell, &|| goes_on.load(Ordering::Relaxed));
    assert!(matches!(e, Err(HubError::Cancelled)), "{e:?}");
    assert_eq!(cache.all(), ["config.json", "model.safetensors.part", "tokenizer.json"]);
    assert_eq!(hub.find(&name("tiny/model")), None, "not complete");
    let fetched = fetch(&cache.hub(&url)).expect("fetched");
    assert_eq!(ranges(&log), [None, Some(150_000)]);
    assert_eq!(fetched.n_fetched as usize, N - 150_000);
    assert_eq!(cache.read("model.safetensors"), Some(noise(N, 3)));
    // What was left is longer than the file, or something else: it is found out, and fetched anew.
    for left in [vec![1; N + 1], vec![1; 1000]] {
        let path = cache.folder();
        std::fs::remove_file(path.join("model.safetensors")).expect("removed");
        std::fs::write(path.join("model.safetensors.part"), left).expect("written");
        fetch(&cache.hub(&url)).expect("fetched");
        assert_eq!(cache.read("model.safetensors"), Some(noise(N, 3)));
    }
    assert_eq!(ranges(&log)[2..], [None, Some(1000), None]);
}

#[test]
fn a_turned_byte_never_stands_under_the_files_name() {
    for (file, expected) in [("model.safetensors", "SHA-256"), ("config.json", "git blob")] {
        let cache = Cache::new(&format!("turned-{file}"));
        let all = files();
        let (url, log) =
            scripted::hub::hub(
                listing(&all),
                all,
                move |what, _| {
                    if what == file { Act::Turned(7) } else { Act::Serve }
                },
            );
        let (fetched, told) = fetch_told(&cache.hub(&url));
        let e = fetched.expect_err("refused");
        assert!(matches!(e, HubError::Spoilt { .. }), "{e}");
        assert!(e.to_string().contains(file) && e.to_string().contains(expected), "{e}");
        assert_eq!((asked(&log, file).len(), told.len()), (2, 1), "{told:?}");
        assert!(
            !cache.all().iter().any(|f| f.starts_with(file) || f == "manifest.json"),
            "{:?}",
            cache.all()
        );
    }
    let cache = Cache::new("turned-once");
    let (url, _log) = weights_by(|n| if n == 0 { Act::Turned(N - 1) } else { Act::Serve });
    fetch(&cache.hub(&url)).expect("the second time it was right");
    assert_eq!(cache.read("model.safetensors"), Some(noise(N, 3)));
}

#[test]
fn a_server_without_ranges_or_with_another_one_costs_that_file_anew() {
    let cache = Cache::new("whole");
    let (url, log) = weights_by(|n| if n == 0 { Act::Cut(100_000) } else { Act::Whole });
    assert_eq!(fetch(&cache.hub(&url)).expect("fetched").n_fetched as usize, N + 100_000 + 3000 + 22);
    assert_eq!(ranges(&log), [None, Some(100_000)]);
    assert_eq!(cache.read("model.safetensors"), Some(noise(N, 3)));
    for odd in [
        Act::Status(416, String::new()),
        Act::Status(206, "content-range: bytes 5-9/400000\r\n".into()),
        Act::Status(206, String::new()),
    ] {
        let cache = Cache::new("odd-range");
        let (url, log) = weights_by(move |n| match n {
            0 => Act::Cut(100_000),
            1 => odd.clone(),
            _ => Act::Serve,
        });
        fetch(&cache.hub(&url)).expect("fetched");
        assert_eq!(ranges(&log), [None, Some(100_000), None]);
        assert_eq!(cache.read("model.safetensors"), Some(noise(N, 3)));
    }
}

#[test]
fn a_busy_server_is_asked_again_when_it_says_but_not_in_an_hour() {
    let cache = Cache::new("busy");
    let all = files();
    let (url, log) = scripted::hub::hub(listing(&all), all, |what, n| match (what, n) {
        ("main", 0) => Act::Status(503, String::new()),
        ("model.safetensors", 0) => Act::Status(429, "retry-after: 1\r\n".into()),
        ("model.safetensors", 1) => Act::Status(500, String::new()),
        _ => Act::Serve,
    });
    let begun = Instant::now();
    let (fetched, told) = fetch_told(&cache.hub(&url));
    fetched.expect("fetched");
    assert!(begun.elapsed() >= Duration::from_secs(1), "it waited as it was told");
    assert_eq!((told.len(), ranges(&log).len()), (3, 3), "{told:?}");
    let cache = Cache::new("too-busy");
    let (url, log) = weights_by(|_| Act::Status(429, "retry-after: 3600\r\n".into()));
    let e = fetch(&cache.hub(&url)).expect_err("an hour").to_string();
    assert!(e.contains("model.safetensors: status 429") && e.contains("3600 s"), "{e}");
    assert_eq!(ranges(&log).len(), 1);
    let cache = Cache::new("never");
    let (url, log) = weights_by(|_| Act::Status(502, String::new()));
    let e = fetch(&cache.hub(&url)).expect_err("never").to_string();
    assert!(e.contains("6 tries brought nothing new, the last: status 502"), "{e}");
    assert_eq!(ranges(&log).len(), 6);
}

#[test]
fn a_silent_server_is_left_and_one_that_was_silent_for_a_while_goes_on() {
    let cache = Cache::new("silent");
    let (url, log) =
        weights_by(|n| if n == 0 { Act::Stall(100_000, Duration::from_secs(3)) } else { Act::Serve });
    let begun = Instant::now();
    let (fetched, told) = fetch_told(&cache.hub(&url));
    fetched.expect("fetched");
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    assert_eq!(told, ["model.safetensors: no bytes for 400ms"]);
    assert_eq!(ranges(&log), [None, Some(100_000)]);
    let cache = Cache::new("silent-for-ever");
    let (url, log) = weights_by(|_| Act::Stall(1, Duration::from_secs(9)));
    let begun = Instant::now();
    let e = fetch(&cache.hub(&url)).expect_err("silent").to_string();
    assert!(e.contains("6 tries brought nothing new, the last: no bytes for 400ms"), "{e}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(ranges(&log), [None, Some(1), Some(2), Some(3), Some(4), Some(5)]);
}

#[test]
fn an_address_elsewhere_that_has_run_out_is_asked_for_anew() {
    let cache = Cache::new("run-out");
    let all = files();
    let (elsewhere, there) = scripted::hub::hub(json!({}), all, |_, n| match n {
        0 => Act::Cut(100_000),
        1 => Act::Status(403, String::new()),
        _ => Act::Serve,
    });
    let (url, log) = weights_by(move |_| Act::Redirect(format!("{elsewhere}/signed/model.safetensors")));
    fetch(&cache.hub(&url)).expect("fetched");
    assert_eq!(ranges(&log), [None, Some(100_000), Some(100_000)]);
    assert_eq!(ranges(&there), [None, Some(100_000), Some(100_000)]);
}
