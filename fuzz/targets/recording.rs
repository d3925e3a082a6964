//! Recordings of anybody's, read to their end.
#![no_main]

#[path = "../../bridge/tests/from_bytes/mod.rs"]
#[allow(dead_code, reason = "the other half is for the other target")]
mod from_bytes;
mod seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::write_if_asked(|| {
        let (mut all, whole) = (from_bytes::seeds::plain(), from_bytes::seeds::recorded());
        all.extend(from_bytes::seeds::amiss());
        all.push(whole);
        all
    }),
    |bytes: &[u8]| {
        from_bytes::read_file(bytes);
    }
);
