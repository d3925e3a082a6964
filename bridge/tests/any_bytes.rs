//! Files and messages of anybody's bytes are read, or refused by name; no length that they claim is believed (B7, B19,
//! B20, B34).

mod from_bytes;

use from_bytes::{commands::commands, read_file, read_message, seeds};
use rand::{Rng as _, SeedableRng as _};

#[test]
fn a_file_that_is_whole_is_read_however_it_was_written() {
    for (k, bytes) in seeds::plain().iter().enumerate() {
        let read = read_file(bytes).expect("a recording");
        assert!(read.messages == 1 && read.is_complete, "{k}: {} messages, {:?}", read.messages, read.flaws);
        assert_eq!(read.flaws, [], "{k}");
    }
    let read = read_file(&seeds::recorded()).expect("a recording");
    assert!(read.messages == 3 && read.flaws.is_empty() && read.is_complete);
}

#[test]
fn a_file_with_something_amiss_says_so_and_nothing_is_allocated_for_what_is_not_there() {
    for (k, bytes) in seeds::amiss().iter().enumerate() {
        if let Some(read) = read_file(bytes) {
            assert!(!read.flaws.is_empty() || !read.is_complete, "B34: file {k}: {} messages", read.messages);
        }
    }
}

#[test]
fn every_file_cut_short_or_with_one_byte_turned_is_read_to_some_end() {
    for bytes in seeds::plain().into_iter().chain([seeds::recorded()]) {
        for n in 0..bytes.len() {
            let read = read_file(&bytes[..n]);
            assert!(read.is_none_or(|r| !r.is_complete || n + 8 >= bytes.len()), "B34: {n} bytes");
        }
        for n in 0..bytes.len() {
            for turn in [1, 0x10, 0x80, 0xff] {
                let mut spoilt = bytes.clone();
                spoilt[n] ^= turn;
                let _ = read_file(&spoilt);
            }
        }
    }
}

#[test]
fn a_message_of_any_bytes_is_one_of_its_type_or_refused_whatever_lengths_it_claims() {
    let all = seeds::messages();
    assert!(all[..7].iter().all(|m| read_message(m) > 0), "those are messages");
    for bytes in &all {
        read_message(bytes);
        for n in 0..bytes.len() {
            read_message(&bytes[..n]);
            for turn in [1, 0x80, 0xff] {
                let mut spoilt = bytes.clone();
                spoilt[n] ^= turn;
                read_message(&spoilt);
            }
        }
    }
}

#[test]
fn of_what_anybody_does_with_commands_only_what_its_owner_said_counts_and_that_once() {
    let taken: Vec<usize> = seeds::commands().iter().map(|c| commands(c)).collect();
    // Of an envelope's own bytes most are naught, which is to say something.
    assert_eq!(taken, [3, 2, 1, 1, 8, 8]);
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let some: usize = (0..300)
        .map(|_| {
            let mut bytes = vec![0u8; rng.random_range(0..400)];
            rng.fill(&mut bytes[..]);
            commands(&bytes)
        })
        .sum();
    assert!(some > 300, "{some} were taken");
}
