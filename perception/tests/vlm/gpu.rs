//! The same checkpoints on a GPU: what the CPU is held to there, and the step of one token (`gpu/`) beside candle's way.

use crate::batch;
use crate::fixture::{FAMILIES, folder, ids, media, numbers, sentence};
use crate::parity::{GREEDY, answer, check_reference, prompt, relative_difference};
use perception::vlm::{Answering, Choice, Grammar, Place, Precision, Prompt, Vlm};
use serde_json::json;

fn load(layout: &str, precision: Precision) -> Vlm {
    Vlm::load(&folder(layout), Place::Cuda, precision, &mut |_, _| ()).expect("the fixture loads on a GPU")
}

#[test]
fn logits_and_sixty_four_greedy_tokens_are_those_of_the_reference_recorded_or_not() {
    for family in FAMILIES {
        let expected = family.expected();
        for layout in family.layouts {
            let mut vlm = load(layout, Precision::F32);
            for name in family.cases {
                for is_recorded in [true, false] {
                    let has_step = vlm.record_steps(is_recorded);
                    let what = format!("{layout} {name}, step {has_step}, recorded {is_recorded}");
                    check_reference(&mut vlm, &expected[layout][name], &what);
                }
            }
        }
    }
}

#[test]
fn a_batch_on_a_gpu_is_the_references_padded_one() {
    for family in FAMILIES {
        let expected = family.expected();
        for layout in family.layouts {
            let mut vlm = load(layout, Precision::F32);
            batch::check_reference(&mut vlm, &expected[layout], layout);
            // The recorded step goes on in the model's own cache.
            check_reference(&mut vlm, &expected[layout]["one"], layout);
        }
    }
}

#[test]
fn whole_logits_of_a_step_are_those_of_which_it_names_the_likeliest() {
    for family in FAMILIES {
        let (layout, expected) = (family.layouts[0], family.expected());
        let mut vlm = load(layout, Precision::F32);
        let case = &expected[layout]["one"];
        let prompt = prompt(&vlm, case);
        let choice = Choice::Random { temperature: 0.01, top_p: 1e-6, seed: 0 };
        let how = Answering { choice, ..GREEDY };
        let said = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer");
        assert_eq!(said.ids, ids(&case["ids"]), "{layout}");
        let grammar = Grammar::new(json!({ "enum": ["the red cube", "the blue bowl"] })).expect("bounded");
        let how = Answering { grammar: Some(&grammar), ..GREEDY };
        let said = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer");
        assert!(said.is_complete && grammar.check(&said.text).is_ok(), "{layout}: {}", said.text);
    }
}

#[test]
fn few_bits_stay_close_on_a_gpu_too() {
    for family in FAMILIES {
        let (layout, expected) = (family.layouts[0], family.expected());
        for (precision, most) in
            [(Precision::Bf16, 0.06), (Precision::F16, 0.02), (Precision::Q8, 0.1), (Precision::Q4, 0.6)]
        {
            // A token of a mixture may go to another expert by a hair.
            let most = if layout == "qwen3-vl-moe" { 1.0 } else { most };
            let mut vlm = load(layout, precision);
            for name in family.cases {
                let case = &expected[layout][name];
                let prompt = prompt(&vlm, case);
                vlm.reset();
                let said = answer(&mut vlm, &prompt);
                let off = relative_difference(&said.first_logits, &numbers(&case["logits"]));
                println!("{layout} {name}: {precision} logits differ by {:.2} %", 100.0 * off);
                assert!(off <= most, "{layout} {name}: {precision} logits differ by {off}");
            }
        }
    }
}

#[test]
fn what_the_step_put_into_the_cache_is_what_the_whole_prompt_puts_there() {
    for (precision, most) in [(Precision::F32, 1e-4), (Precision::Bf16, 0.06)] {
        let family = &FAMILIES[0];
        let layout = family.layouts[0];
        let case = &family.expected()[layout]["text"];
        let mut vlm = load(layout, precision);
        assert!(vlm.record_steps(true), "Qwen3-VL has a step");
        let asked = prompt(&vlm, case);
        // Beyond the first memory of the cache: recorded anew.
        let how = Answering { max_tokens: 300, ..GREEDY };
        let said = vlm.answer(&asked, &how, &|| true, &mut |_| ()).expect("an answer");
        let longer: Vec<u32> = asked.ids().iter().chain(&said.ids).copied().collect();
        let longer = Prompt::of_tokens(&longer);
        let one = Answering { max_tokens: 1, ..GREEDY };
        let next = |vlm: &mut Vlm| vlm.answer(&longer, &one, &|| true, &mut |_| ()).expect("an answer");
        let after = next(&mut vlm);
        assert!(after.reused + 2 >= longer.ids().len(), "{} of {}", after.reused, longer.ids().len());
        vlm.reset();
        let fresh = next(&mut vlm);
        let off = relative_difference(&after.first_logits, &fresh.first_logits);
        println!("{precision}: {off:.2e} of the spread after 300 tokens");
        assert!(off <= most, "{precision}: off by {off} after 300 tokens");
    }
}

#[test]
fn pictures_are_seen_in_the_numbers_that_a_gpu_is_meant_for() {
    let family = &FAMILIES[0];
    let layout = family.layouts[0];
    let case = &family.expected()[layout]["several"];
    let mut vlm = load(layout, Precision::Bf16);
    let prompt = vlm.prompt(&media(case), sentence(case)).expect("a prompt");
    let said = answer(&mut vlm, &prompt);
    assert_eq!(said.ids.len(), 64);
}

#[test]
fn memory_is_read_at_the_pace_of_a_gpu() {
    let mut vlm = load(FAMILIES[0].layouts[0], Precision::Bf16);
    assert!(vlm.gpu_bandwidth().expect("memory is read").expect("of a GPU") > 1e11);
}
