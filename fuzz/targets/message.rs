//! Messages of anybody's, read as every type that there is on the wire and in recordings.
#![no_main]

#[path = "../../bridge/tests/from_bytes/mod.rs"]
#[allow(dead_code, reason = "the other half is for the other target")]
mod from_bytes;
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::write_if_asked(from_bytes::seeds::messages),
    |bytes: &[u8]| {
        from_bytes::read_message(bytes);
    }
);
