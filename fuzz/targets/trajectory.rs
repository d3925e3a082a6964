//! Trajectories of anybody's, among everything else that can be ordered.
#![no_main]

#[path = "../../control/tests/common/mod.rs"]
mod common;
#[path = "../../control/tests/from_bytes/mod.rs"]
mod from_bytes;
mod seeds;

use from_bytes::Kind;

libfuzzer_sys::fuzz_target!(
    init: seeds::write_if_asked(|| from_bytes::seeds::seeds(Kind::Trajectory).into_iter().map(|s| s.bytes).collect()),
    |bytes: &[u8]| {
        from_bytes::drive(Kind::Trajectory, bytes);
    }
);
