//! Robot files and configurations of anybody's: URDF, MJCF, a robot's profile, `robot.toml`.
#![no_main]

#[path = "../../src/config.rs"]
#[allow(dead_code, reason = "most of it is for the program")]
mod config;
#[path = "../../mechanics/tests/file_from_bytes/mod.rs"]
mod file_from_bytes;
mod seeds;
#[path = "../../src/suggest.rs"]
mod suggest;

use file_from_bytes::{Kind, read};

libfuzzer_sys::fuzz_target!(
    init: seeds::write_if_asked(|| {
        file_from_bytes::seeds::seeds().iter().map(file_from_bytes::seeds::Seed::bytes).collect()
    }),
    |bytes: &[u8]| match Kind::of(bytes) {
        Some((Kind::Config, _, text)) => {
            if let Ok(config) = config::Config::parse(text, "any") {
                assert_eq!(config::Config::parse(&config.to_toml(), "again").expect("what was read"), config);
            }
        }
        Some((kind, strict, text)) => {
            // Whether it is read does not matter here.
            let _ = read(kind, strict, text);
        }
        None => {}
    }
);
