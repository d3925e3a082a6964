//! What the fuzz targets do with anything is done here with every row of the bad-input table (B1 to B15, B22),
//! and with some bytes of a fixed seed.

use crate::from_bytes::seeds::{Outlook, seeds};
use crate::from_bytes::{Kind, drive};
use control::Report;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn check(kind: Kind) {
    for seed in seeds(kind) {
        let name = seed.name;
        let outcome = drive(kind, &seed.bytes);
        match seed.outlook {
            Outlook::Moves => assert!(outcome.has_moved, "{kind:?}, {name}: {outcome:?}"),
            Outlook::Stands => {
                assert!(!outcome.has_moved && outcome.refused.is_empty(), "{kind:?}, {name}: {outcome:?}");
                let refused = |r: &Report| matches!(r, Report::Refused { .. });
                assert!(!outcome.reports.iter().any(refused), "{kind:?}, {name}: {outcome:?}");
            }
            Outlook::Refused(field) => {
                let first =
                    outcome.refused.first().unwrap_or_else(|| panic!("{kind:?}, {name}: {outcome:?}"));
                assert!(first.field.starts_with(field), "{kind:?}, {name}: {first}");
                assert!(!outcome.has_moved, "{kind:?}, {name}");
            }
            Outlook::Told(why) => {
                let told = |r: &Report| matches!(r, Report::Refused { why: w, .. } if *w == why);
                assert!(outcome.reports.iter().any(told), "{kind:?}, {name}: {outcome:?}");
            }
        }
    }
}

#[test]
fn every_bad_trajectory_of_the_table_is_refused_by_its_field_and_moves_nothing() {
    check(Kind::Trajectory);
}

#[test]
fn every_bad_chunk_of_the_table_is_refused_by_its_field_and_moves_nothing() {
    check(Kind::Chunk);
}

#[test]
fn no_bytes_make_a_command_that_is_none_or_leaves_a_limit() {
    let mut rng = ChaCha8Rng::seed_from_u64(14);
    for kind in [Kind::Trajectory, Kind::Chunk] {
        for _ in 0..40 {
            let mut bytes = [0; 300];
            rng.fill_bytes(&mut bytes);
            drive(kind, &bytes);
        }
    }
}
