//! What anybody on the wire may do with commands that are signed.
#![no_main]

#[path = "../../bridge/tests/from_bytes/mod.rs"]
#[allow(dead_code, reason = "the other parts are for the other targets")]
mod from_bytes;
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::write_if_asked(from_bytes::seeds::commands),
    |bytes: &[u8]| {
        from_bytes::commands::commands(bytes);
    }
);
