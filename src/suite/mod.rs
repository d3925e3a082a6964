//! Worlds and sentences to be measured by: scenario files, and the `tabletop` suite.

pub(crate) mod episode;
pub(crate) mod families;
pub(crate) mod predicate;
pub(crate) mod reach;
pub(crate) mod refer;
pub(crate) mod refusals;
pub(crate) mod scenario;
pub(crate) mod signs;
pub(crate) mod stats;

use episode::{Episode, Expect};
use families::FAMILIES;
use perception::language::grammar::{self, Split};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use types::language::{Task, Utterance};

/// Tells the suite's random numbers from those of training, which can never be the same stream.
const STREAM: u64 = 0x5017_e000;

/// The `i`-th episode of the `tabletop` suite: families in turn, or one family only.
pub(crate) fn tabletop(i: usize, seed: u64, only: Option<&str>) -> Option<Episode> {
    drawn(i, seed, only).map(|(episode, _)| episode)
}

/// The same with what its sentence means.
pub(crate) fn drawn(i: usize, seed: u64, only: Option<&str>) -> Option<(Episode, Vec<Task>)> {
    let chosen: Vec<_> = FAMILIES.iter().filter(|f| only.is_none_or(|name| name == f.0)).collect();
    let (family, draw) = **chosen.get(i % chosen.len().max(1))?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    rng.set_stream(STREAM);
    // A draw fails when its objects find no room, or have no name of their own.
    let (scene, tasks, success) = (0..200).find_map(|_| draw(&mut rng))?;
    let sentence = grammar::word(&Utterance::Instruct(tasks.clone()), Split::Suite, &mut rng);
    let episode = Episode {
        family: family.into(),
        seed: seed.wrapping_add(i as u64),
        scene,
        sentence,
        answers: Vec::new(),
        expect: Expect::Done,
        success,
        answer: None,
        faults: Vec::new(),
        time_limit_s: None,
    };
    Some((episode, tasks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_drawn_with_names_that_the_scene_has_and_the_same_seed_gives_the_same() {
        for i in 0..3 * FAMILIES.len() {
            let e = tabletop(i, 11, None).expect("an episode");
            assert_eq!(e.family, FAMILIES[i % FAMILIES.len()].0);
            assert!(!e.sentence.is_empty() && !e.success.is_empty());
            for name in e.success.iter().flat_map(predicate::Predicate::names) {
                assert!(e.scene.get(name).is_some(), "{name} in {}", e.family);
            }
            let again = tabletop(i, 11, None).expect("an episode");
            assert_eq!((e.scene, e.sentence), (again.scene, again.sentence));
        }
        assert!(tabletop(0, 1, Some("no such family")).is_none());
    }
}
