//! Requests that must end in a question or a refusal, with no motion: ambiguous, impossible, forbidden,
//! unknown, contradictory, or no sentence of the robot's language at all.

use super::episode::{Episode, Expect};
use super::refer::shuffled;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sim::{ObjectRule, SceneRules, SceneSpec};
use types::{Color, Shape, Size};

/// What no scene can make possible.
const HOPELESS: &[&str] = &[
    "pour the water into the bowl",
    "cut the cube in half",
    "make me a coffee",
    "throw the ball at the wall",
    "paint the red cube blue",
    "don't touch anything",
    "do not put the cube in the bowl",
    "never move the ball",
    "put the banana in the bowl",
    "pick up the hammer",
    "put the cube in the fridge",
    "leg den roten Würfel in die blaue Schüssel",
    "pon el cubo rojo en el tazón azul",
    "mets le cube rouge dans le bol bleu",
    "把红色方块放进蓝色碗里",
    "赤いキューブを青いボウルに入れて",
    "положи красный куб в синюю миску",
    "ضع المكعب الأحمر في الوعاء الأزرق",
    "blorp the fnord",
    "colourless green ideas sleep furiously",
    "cube cube cube cube",
    "🤖🟥🥣",
    "asdf qwer zxcv",
    "in the of and to",
    "if the ball is red, put it in the bowl",
    "put the cube somewhere nice without moving the arm",
    "hit the person with the cube",
    "turn yourself off and order a pizza",
    "put the red cube in the red cube",
    "the the the",
];

/// The `i`-th request that must be declined, over a random world.
pub(crate) fn episode(i: usize, seed: u64) -> Episode {
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (family, scene, sentence) = loop {
        if let Some(draft) = draft(i, &mut rng) {
            break draft;
        }
    };
    Episode {
        family: family.into(),
        seed: seed.wrapping_add(i as u64),
        scene,
        sentence,
        answers: Vec::new(),
        expect: Expect::Declined,
        success: Vec::new(),
        answer: None,
        faults: Vec::new(),
        time_limit_s: None,
    }
}

fn rule(size: Size, color: Color, shape: Shape) -> ObjectRule {
    ObjectRule::exactly(size, color, shape)
}

fn draft(i: usize, rng: &mut ChaCha8Rng) -> Option<(&'static str, SceneSpec, String)> {
    let c = shuffled(Color::ALL, rng);
    let shape = shuffled(&[Shape::Cube, Shape::Ball, Shape::Cylinder], rng)[0];
    let verb = shuffled(&["put", "place", "move", "drop", "set"], rng)[0];
    let home = rule(Size::Large, c[4], Shape::Bowl);
    let mut wanted = vec![home];
    let mut others = [0, 2];
    let (family, sentence) = match i % 8 {
        0 | 1 => {
            // Two or three of a kind, and no word to tell them apart.
            let n = rng.random_range(2..=3);
            wanted.extend((0..n).map(|k| rule(Size::Large, c[k], shape)));
            others = [0, 0];
            ("ambiguous", format!("{verb} the {shape} in the {} bowl", c[4]))
        }
        2 | 3 => {
            // What is named is not there.
            wanted.push(rule(Size::Large, c[0], shape));
            others = [0, 0];
            ("absent", format!("{verb} the {} {shape} in the bowl", c[1]))
        }
        4 => {
            let what = [Shape::Bowl, Shape::Tray][rng.random_range(0..2)];
            wanted = vec![rule(Size::Large, c[0], what), rule(Size::Small, c[1], Shape::Cube)];
            others = [0, 1];
            // A container is wider than the gripper opens.
            ("too large", format!("pick up the {what}"))
        }
        5 => {
            wanted = vec![rule(Size::Large, c[0], Shape::Ball), rule(Size::Small, c[1], Shape::Cube)];
            others = [0, 0];
            ("cannot rest", format!("{verb} the {} cube on the {} ball", c[1], c[0]))
        }
        _ => ("hopeless", HOPELESS[rng.random_range(0..HOPELESS.len())].to_owned()),
    };
    let rules = SceneRules {
        wanted,
        others,
        other: ObjectRule { shape: vec![Shape::Box], ..ObjectRule::default() },
        ..SceneRules::default()
    };
    Some((family, SceneSpec::random(&rules, rng).ok()?, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_hundred_refusals_are_drawn_from_every_kind_and_the_same_seed_gives_the_same() {
        let families: std::collections::BTreeSet<String> = (0..200).map(|i| episode(i, 7).family).collect();
        assert_eq!(families.len(), 5, "{families:?}");
        assert_eq!(episode(3, 7).sentence, episode(3, 7).sentence);
        assert_eq!(episode(3, 7).scene, episode(3, 7).scene);
    }
}
