//! Our vision-language models against the reference implementation, on tiny random checkpoints.

use crate::fixture::{
    FAMILIES, Family, folder, ids, largest_difference, load, media, numbers, picture, sentence,
};
use crate::refusals::Copy;
use perception::vlm::{Answering, Choice, Generated, Medium, Place, Precision, Prompt, Vlm};
use serde_json::Value;

pub(crate) const GREEDY: Answering<'_> =
    Answering { choice: Choice::Greedy, max_tokens: 64, stops_at_end: false, grammar: None };

pub(crate) fn prompt(vlm: &Vlm, case: &Value) -> Prompt {
    vlm.prompt(&media(case), sentence(case)).expect("a prompt")
}

pub(crate) fn answer(vlm: &mut Vlm, prompt: &Prompt) -> Generated {
    vlm.answer(prompt, &GREEDY, &|| true, &mut |_| ()).expect("an answer")
}

#[test]
fn pictures_become_the_same_levels_in_the_same_order() {
    for family in FAMILIES {
        let (vlm, expected) = (load(family.layouts[0]), family.expected());
        for name in family.pictures {
            let prompt = vlm.prompt(&[Medium::Picture(picture(name))], "x").expect("a prompt");
            check_levels(&family, &expected, name, &prompt);
            let (n, (grid, _)) = (prompt.pictures().count(), prompt.pictures().next().expect("a picture"));
            let want: Vec<u32> = ids(&expected["grids"][name]);
            assert_eq!([n as u32, grid[0] as u32, grid[1] as u32], want[..], "{name}");
        }
        if family.has_films() {
            let case = &expected[family.layouts[0]]["video"];
            check_levels(&family, &expected, "video", &prompt(&vlm, case));
        }
    }
}

/// Every value is that of the reference's level, to the last bit but one. Colours take turns, a patch's plane after
/// the other.
fn check_levels(family: &Family, expected: &Value, name: &str, prompt: &Prompt) {
    let three = |key: &str| expected.get(key).map_or(vec![0.5; 3], numbers);
    let (mean, deviation) = (three("mean"), three("deviation"));
    let levels = family.levels(name);
    let mut left = levels.as_slice();
    for (grid, values) in prompt.pictures() {
        let plane = values.len() / (grid[0] * grid[1]) / 3;
        let (here, rest) = left.split_at(values.len());
        left = rest;
        for (i, (value, level)) in values.iter().zip(here).enumerate() {
            let c = i / plane % 3;
            let want = (f32::from(*level) / 255.0 - mean[c]) / deviation[c];
            assert!((value - want).abs() < 1e-6, "{name}: value {i} is {value}, level {level} wants {want}");
        }
    }
    assert!(left.is_empty(), "{name}: {} values too few", left.len());
}

/// Asks a case from nothing: prompt, first logits, tokens and text are the reference's.
pub(crate) fn check_reference(vlm: &mut Vlm, case: &Value, what: &str) {
    let prompt = prompt(vlm, case);
    assert_eq!(prompt.ids(), ids(&case["prompt_ids"]), "{what}");
    vlm.reset();
    let said = answer(vlm, &prompt);
    let off = largest_difference(&said.first_logits, &numbers(&case["logits"]));
    println!("{what}: logits differ by {off:.2e} at most");
    assert!(off <= 1e-4, "{what}: logits differ by {off}");
    assert_eq!(said.ids, ids(&case["ids"]), "{what}");
    assert_eq!(said.text, case["text"].as_str().expect("text"), "{what}");
    assert_eq!(said.reused, 0, "{what}");
}

#[test]
fn prompts_logits_and_sixty_four_greedy_tokens_are_those_of_the_reference() {
    for family in FAMILIES {
        let expected = family.expected();
        for layout in family.layouts {
            let mut vlm = load(layout);
            for name in family.cases {
                check_reference(&mut vlm, &expected[layout][name], &format!("{layout} {name}"));
            }
        }
    }
}

#[test]
fn what_a_prompt_shares_with_the_last_one_is_reused_and_changes_nothing() {
    for family in FAMILIES {
        let (layout, expected) = (family.layouts[0], family.expected());
        let mut vlm = load(layout);
        let cases = &expected[layout];
        let (several, again) = (prompt(&vlm, &cases["several"]), prompt(&vlm, &cases["again"]));
        answer(&mut vlm, &several);
        // Two pictures are the same, the third is another one.
        let least = if family.sees_on { 0..1 } else { 16..usize::MAX };
        let shared = several.ids().iter().zip(again.ids()).take_while(|(a, b)| a == b).count();
        let said = answer(&mut vlm, &again);
        assert!(
            least.contains(&said.reused) && said.reused < shared,
            "{layout}: {} of {shared}",
            said.reused
        );
        assert_eq!(said.ids, ids(&cases["again"]["ids"]));
        assert!(largest_difference(&said.first_logits, &numbers(&cases["again"]["logits"])) <= 1e-4);
        // The same once more: all but the last token.
        let said = answer(&mut vlm, &again);
        assert_eq!(said.reused, again.ids().len() - 1);
        assert_eq!(said.ids, ids(&cases["again"]["ids"]));
        assert!(largest_difference(&said.first_logits, &numbers(&cases["again"]["logits"])) <= 1e-4);
        // Something else altogether, and back.
        let text = prompt(&vlm, &cases["text"]);
        assert_eq!(answer(&mut vlm, &text).ids, ids(&cases["text"]["ids"]));
        assert_eq!(answer(&mut vlm, &several).ids, ids(&cases["several"]["ids"]));
        if !family.has_films() {
            continue;
        }
        // A film at another pace is another film; then the first one's answer again.
        let film = prompt(&vlm, &cases["video"]);
        answer(&mut vlm, &film);
        let mut slower = media(&cases["video"]);
        if let [Medium::Film { seconds, .. }] = slower.as_mut_slice() {
            seconds.iter_mut().for_each(|s| *s *= 8.0);
        }
        let slower = vlm.prompt(&slower, sentence(&cases["video"])).expect("a prompt");
        let fresh = answer(&mut load(layout), &slower);
        let said = answer(&mut vlm, &slower);
        assert!(said.reused < slower.ids().len() - 15, "{layout}: {}", said.reused);
        assert!(largest_difference(&said.first_logits, &fresh.first_logits) <= 1e-4, "{layout}");
        assert_eq!(answer(&mut vlm, &film).ids, ids(&cases["video"]["ids"]));
    }
}

#[test]
fn half_precision_stays_close_to_full() {
    for family in FAMILIES {
        let expected = family.expected();
        for layout in family.layouts {
            let mut vlm =
                Vlm::load(&folder(layout), Place::Cpu, Precision::F16, &mut |_, _| ()).expect("loads");
            for name in family.cases {
                let case = &expected[layout][name];
                let prompt = prompt(&vlm, case);
                vlm.reset();
                let one = Answering { max_tokens: 1, ..GREEDY };
                let said = vlm.answer(&prompt, &one, &|| true, &mut |_| ()).expect("an answer");
                let off = largest_difference(&said.first_logits, &numbers(&case["logits"]));
                println!("{layout} {name}: f16 logits differ by {off:.2e} at most");
                assert!(off > 0.0 && off <= 0.1, "{layout} {name}: f16 logits differ by {off}");
            }
        }
    }
}

/// Root of the mean squared difference, as a share of how far the second ones spread about their mean.
pub(crate) fn relative_difference(a: &[f32], b: &[f32]) -> f32 {
    let n = b.len() as f32;
    let mean = b.iter().sum::<f32>() / n;
    let off: f32 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
    let spread: f32 = b.iter().map(|b| (b - mean) * (b - mean)).sum();
    (off / spread).sqrt()
}

#[test]
fn weights_of_eight_and_four_bits_stay_close_to_full_and_what_is_reused_changes_nothing() {
    for family in FAMILIES {
        let (layout, expected) = (family.layouts[0], family.expected());
        for (precision, most) in [(Precision::Q8, 0.06), (Precision::Q4, 0.6)] {
            let mut vlm = Vlm::load(&folder(layout), Place::Cpu, precision, &mut |_, _| ()).expect("loads");
            for name in family.cases {
                let case = &expected[layout][name];
                let prompt = prompt(&vlm, case);
                vlm.reset();
                let said = answer(&mut vlm, &prompt);
                let off = relative_difference(&said.first_logits, &numbers(&case["logits"]));
                println!(
                    "{layout} {name}: {precision} logits differ by {:.2} % of their spread",
                    100.0 * off
                );
                // In a mixture a token may go to another expert by a hair; of the text alone none does.
                if layout == "qwen3-vl-moe" && (name != "text" || precision == Precision::Q4) {
                    continue;
                }
                // No row of the tiny SmolVLM's language model can be cut into blocks.
                let least = if layout == "smolvlm" { 0.0 } else { 0.01 };
                assert!(off >= least && off <= most, "{layout} {name}: {precision} logits differ by {off}");
                // One token is computed anew, by itself.
                let again = answer(&mut vlm, &prompt);
                assert_eq!(again.reused, prompt.ids().len() - 1);
                let moved = relative_difference(&again.first_logits, &said.first_logits);
                assert!(
                    moved <= if layout == "qwen3-vl-moe" { 0.03 } else { 1e-5 },
                    "{layout} {name}: {precision} moved by {moved}"
                );
            }
        }
    }
}

#[test]
fn seeded_answers_repeat_and_cancelling_leaves_the_model_usable() {
    let expected = FAMILIES[0].expected();
    let mut vlm = load("qwen3-vl");
    let case = &expected["qwen3-vl"]["one"];
    let prompt = prompt(&vlm, case);
    let drawn = |vlm: &mut Vlm, seed| {
        let how = Answering { choice: Choice::Random { temperature: 1.0, top_p: 0.9, seed }, ..GREEDY };
        vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer").ids
    };
    let first = drawn(&mut vlm, 5);
    assert_eq!(first, drawn(&mut vlm, 5));
    assert_ne!(first, drawn(&mut vlm, 6));
    let mut told = 0;
    for allowed in [0, 2, 5, 9, 20] {
        let asked = std::cell::Cell::new(0);
        let goes_on = || {
            asked.set(asked.get() + 1);
            asked.get() <= allowed
        };
        vlm.reset();
        let e = vlm.answer(&prompt, &GREEDY, &goes_on, &mut |_| told += 1).expect_err("cancelled");
        assert!(matches!(e, perception::vlm::VlmError::Cancelled), "{e}");
        assert_eq!(answer(&mut vlm, &prompt).ids, ids(&case["ids"]));
    }
    assert!(told > 0);
}

#[test]
fn the_models_own_end_token_ends_the_answer_when_it_is_let() {
    // Seven of 416 tokens end an answer, so that a short one has one of them.
    let ends: Vec<u32> = (391..398).collect();
    let copy = Copy::of("qwen3-vl", "ends");
    copy.json("generation_config.json", |json| json["eos_token_id"] = ends.clone().into());
    let mut vlm = Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("loads");
    let prompt = vlm.prompt(&[], "where?").expect("a prompt");
    let long = Answering {
        choice: Choice::Random { temperature: 1.5, top_p: 1.0, seed: 1 },
        max_tokens: 300,
        stops_at_end: false,
        grammar: None,
    };
    let whole = vlm.answer(&prompt, &long, &|| true, &mut |_| ()).expect("an answer").ids;
    let at = whole.iter().position(|id| ends.contains(id)).expect("an end among so many random tokens");
    let how = Answering { stops_at_end: true, ..long };
    let short = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer").ids;
    assert_eq!(short, whole[..at]);
    let too_long = Answering { max_tokens: 3000, ..long };
    let e = vlm.answer(&prompt, &too_long, &|| true, &mut |_| ()).expect_err("refused").to_string();
    assert!(e.contains("max_tokens"), "{e}");
}
