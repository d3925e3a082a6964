//! What the fuzz target does with anything is done here with every row of the bad-input table about robot files
//! (B15 to B17, and B1 to B9 in them), and with changed bytes of a fixed seed.

mod file_from_bytes;

use file_from_bytes::seeds::seeds;
use file_from_bytes::{Kind, read};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[test]
fn every_bad_file_of_the_table_is_refused_with_its_reason_and_the_good_ones_are_read() {
    for seed in seeds() {
        let (kind, strict, text) =
            Kind::of(&seed.bytes()).map(|(k, s, t)| (k, s, t.to_owned())).expect("text");
        let read = read(kind, strict, &text);
        match seed.refused {
            Some(says) => {
                let e = read.expect_err(seed.name);
                assert!(e.contains(says), "{kind:?}, {}: {e}", seed.name);
            }
            None => assert_eq!(read, Ok(()), "{kind:?}, {}", seed.name),
        }
    }
}

#[test]
fn no_bytes_make_a_reader_panic_or_an_arm_of_numbers_that_are_none() {
    let seeds = seeds();
    let mut rng = ChaCha8Rng::seed_from_u64(16);
    for _ in 0..4000 {
        let mut bytes = seeds[rng.random_range(0..seeds.len())].bytes();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..3) {
                0 => bytes[at] = rng.random(),
                1 => bytes.truncate(at + 1),
                _ => {
                    let from = rng.random_range(0..bytes.len());
                    let piece: Vec<u8> = bytes[from..].iter().take(30).copied().collect();
                    bytes.splice(at..at, piece);
                }
            }
        }
        if let Some((kind, strict, text)) = Kind::of(&bytes) {
            // Whether it is read does not matter here.
            let _ = read(kind, strict, text);
        }
    }
}
