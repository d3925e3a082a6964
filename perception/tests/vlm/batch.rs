//! Several prompts answered together: what the reference says of them as one padded batch, and what each is answered
//! alone.

use crate::fixture::{FAMILIES, folder, ids, largest_difference, load, numbers};
use crate::parity::{GREEDY, answer, prompt};
use crate::refusals::Copy;
use perception::vlm::{
    Answering, Choice, Generated, Grammar, MOST_PROMPTS, Place, Precision, Prompt, Vlm, VlmError,
};
use serde_json::{Value, json};
use std::cell::Cell;

fn answer_all(vlm: &mut Vlm, asked: &[(&Prompt, Answering<'_>)]) -> Vec<Generated> {
    let mut told: Vec<Vec<u32>> = vec![Vec::new(); asked.len()];
    let said = vlm.answer_all(asked, &|| true, &mut |i, id| told[i].push(id)).expect("answers");
    assert_eq!(said.len(), asked.len());
    for (said, told) in said.iter().zip(told) {
        assert_eq!(said.ids, told);
    }
    said
}

/// Each of them alone, from nothing.
fn one_by_one(vlm: &mut Vlm, asked: &[(&Prompt, Answering<'_>)]) -> Vec<Generated> {
    let one = |(prompt, how): &(&Prompt, Answering<'_>)| {
        vlm.reset();
        vlm.answer(prompt, how, &|| true, &mut |_| ()).expect("an answer")
    };
    asked.iter().map(one).collect()
}

fn check_same(together: &[Generated], alone: &[Generated], what: &str) {
    for (i, (ours, theirs)) in together.iter().zip(alone).enumerate() {
        assert_eq!(ours.ids, theirs.ids, "{what}: answer {i}");
        assert_eq!((&ours.text, ours.is_complete), (&theirs.text, theirs.is_complete), "{what}: answer {i}");
        let off = largest_difference(&ours.first_logits, &theirs.first_logits);
        assert!(off <= 1e-4, "{what}: logits of answer {i} differ by {off}");
    }
}

/// Asks the cases of the reference's padded batch together: first logits and tokens are the reference's.
pub(crate) fn check_reference(vlm: &mut Vlm, cases: &Value, what: &str) {
    let batch = &cases["batch"];
    let names = batch["cases"].as_array().expect("names");
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    assert!(names.len() >= 3, "{what}: {names:?}");
    let prompts: Vec<Prompt> = names.iter().map(|n| prompt(vlm, &cases[n])).collect();
    let asked: Vec<_> = prompts.iter().map(|p| (p, GREEDY)).collect();
    for (i, said) in answer_all(vlm, &asked).iter().enumerate() {
        let off = largest_difference(&said.first_logits, &numbers(&batch["logits"][i]));
        println!("{what}, {} in a batch: logits differ by {off:.2e} at most", names[i]);
        assert!(off <= 1e-4, "{what} {}: logits differ by {off}", names[i]);
        assert_eq!(said.ids, ids(&batch["ids"][i]), "{what} {}", names[i]);
    }
}

#[test]
fn logits_and_sixty_four_greedy_tokens_of_a_batch_are_those_of_the_references_padded_one() {
    for family in FAMILIES {
        let expected = family.expected();
        for layout in family.layouts {
            check_reference(&mut load(layout), &expected[layout], layout);
        }
    }
}

#[test]
fn an_answer_in_a_batch_is_the_answer_alone_whatever_the_others_do() {
    let schema =
        json!({ "type": "array", "maxItems": 4, "items": { "enum": ["the red cube", "the blue bowl", 7] } });
    let grammar = Grammar::new(schema).expect("bounded");
    for family in FAMILIES {
        let expected = family.expected();
        for layout in family.layouts {
            let mut vlm = load(layout);
            let prompts = family.cases.map(|name| prompt(&vlm, &expected[layout][name]));
            let drawn = |seed| Answering {
                choice: Choice::Random { temperature: 0.8, top_p: 0.9, seed },
                max_tokens: 20,
                ..GREEDY
            };
            let held = |how: Answering<'static>| Answering { grammar: Some(&grammar), max_tokens: 60, ..how };
            let hows =
                [GREEDY, held(GREEDY), drawn(1), held(drawn(2)), Answering { max_tokens: 1, ..GREEDY }];
            // Every prompt once, some of them again in another way: they end at different steps.
            let mut asked: Vec<(&Prompt, Answering<'_>)> = prompts.iter().zip(hows).collect();
            asked.extend(prompts.iter().rev().zip(hows).take(3));
            let together = answer_all(&mut vlm, &asked);
            check_same(&together, &one_by_one(&mut vlm, &asked), layout);
            assert!(together[1].is_complete && grammar.check(&together[1].text).is_ok(), "{layout}");
            let lengths: std::collections::BTreeSet<usize> = together.iter().map(|a| a.ids.len()).collect();
            assert!(lengths.len() >= 4, "{layout}: {lengths:?}");
        }
    }
}

#[test]
fn what_prompts_of_a_batch_share_is_read_once_and_what_the_model_knows_stays() {
    for family in FAMILIES {
        let (layout, expected) = (family.layouts[0], family.expected());
        let mut vlm = load(layout);
        let [several, again, text, one] =
            ["several", "again", "text", "one"].map(|name| prompt(&vlm, &expected[layout][name]));
        answer(&mut vlm, &one);
        let short = Answering { max_tokens: 8, ..GREEDY };
        let asked = [(&several, short), (&text, short), (&again, GREEDY), (&one, short), (&several, GREEDY)];
        let said = answer_all(&mut vlm, &asked);
        // Two pictures of `several`, all of `one` from before and all of `several`, but for their last tokens.
        let some = if family.sees_on { 0..1 } else { 16..several.ids().len() };
        assert!(some.contains(&said[2].reused), "{layout}: {}", said[2].reused);
        assert_eq!(said[3].reused, one.ids().len() - 1, "{layout}");
        assert_eq!(said[4].reused, several.ids().len() - 1, "{layout}");
        // As if there had been no batch.
        assert_eq!(answer(&mut vlm, &one).reused, one.ids().len() - 1, "{layout}");
        check_same(&said, &one_by_one(&mut vlm, &asked), layout);
    }
}

#[test]
fn end_tokens_end_each_answer_of_a_batch_at_its_own_step() {
    let copy = Copy::of("qwen3-vl", "batch-ends");
    let ends: Vec<u32> = (391..398).collect();
    copy.json("generation_config.json", |json| json["eos_token_id"] = ends.clone().into());
    let mut vlm = Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("loads");
    let prompts = ["where?", "what do you see?"].map(|words| vlm.prompt(&[], words).expect("a prompt"));
    let how = |seed| Answering {
        choice: Choice::Random { temperature: 1.5, top_p: 1.0, seed },
        max_tokens: 200,
        stops_at_end: true,
        grammar: None,
    };
    let asked: Vec<_> = (0..8).map(|seed| (&prompts[seed as usize % 2], how(seed))).collect();
    let together = answer_all(&mut vlm, &asked);
    check_same(&together, &one_by_one(&mut vlm, &asked), "ends");
    assert!(together.iter().all(|said| !said.ids.iter().any(|id| ends.contains(id))));
    let lengths: std::collections::BTreeSet<usize> = together.iter().map(|a| a.ids.len()).collect();
    assert!(lengths.len() >= 5 && lengths.last() < Some(&200), "{lengths:?}");
}

#[test]
fn weights_of_few_bits_answer_in_a_batch_as_close_as_alone() {
    for family in FAMILIES {
        let (layout, expected) = (family.layouts[0], family.expected());
        for precision in [Precision::F16, Precision::Q8, Precision::Q4] {
            let mut vlm = Vlm::load(&folder(layout), Place::Cpu, precision, &mut |_, _| ()).expect("loads");
            let prompts = family.cases.map(|name| prompt(&vlm, &expected[layout][name]));
            let two = Answering { max_tokens: 2, ..GREEDY };
            let asked: Vec<_> = prompts.iter().map(|p| (p, two)).collect();
            let (together, alone) = (answer_all(&mut vlm, &asked), one_by_one(&mut vlm, &asked));
            // The first token comes of a prompt read by itself; the second may hang on a hair in so few bits.
            for (ours, theirs) in together.iter().zip(&alone) {
                assert_eq!(ours.ids[0], theirs.ids[0], "{layout} {precision}");
            }
            let same = together.iter().zip(&alone).filter(|(ours, theirs)| ours.ids == theirs.ids).count();
            assert!(same >= 4, "{layout} {precision}: {same} of 5 second tokens are the same");
        }
    }
}

#[test]
fn a_batch_that_cannot_be_answered_is_refused_by_name_and_leaves_the_model_usable() {
    let expected = FAMILIES[0].expected();
    let cases = &expected["qwen3-vl"];
    let mut vlm = load("qwen3-vl");
    let [text, one] = ["text", "one"].map(|name| prompt(&vlm, &cases[name]));
    let refused = |vlm: &mut Vlm, asked: &[(&Prompt, Answering<'_>)]| {
        let computed = Cell::new(0);
        let goes_on = || {
            computed.set(computed.get() + 1);
            true
        };
        let e = vlm.answer_all(asked, &goes_on, &mut |_, _| ()).expect_err("refused");
        assert!(matches!(e, VlmError::Refused(_)) && computed.get() == 0, "{e}");
        e.to_string()
    };
    let e = refused(&mut vlm, &[]);
    assert!(e.contains("batch") && e.contains("1 to 64") && e.contains('0'), "{e}");
    let e = refused(&mut vlm, &vec![(&text, GREEDY); MOST_PROMPTS + 1]);
    assert!(e.contains("batch") && e.contains("1 to 64") && e.contains("65"), "{e}");
    let (none, empty) = (Answering { max_tokens: 0, ..GREEDY }, Prompt::of_tokens(&[]));
    let e = refused(&mut vlm, &[(&text, GREEDY), (&one, none)]);
    assert!(e.contains("batch[1].max_tokens"), "{e}");
    assert!(refused(&mut vlm, &[(&empty, GREEDY)]).contains("batch[0].max_tokens"));
    let hot = Answering { choice: Choice::Random { temperature: -1.0, top_p: 1.0, seed: 0 }, ..GREEDY };
    let e = refused(&mut vlm, &[(&text, GREEDY), (&one, GREEDY), (&text, hot)]);
    assert!(e.contains("batch[2].temperature"), "{e}");

    // The caller may give up while a picture is seen, a prompt is read, or answers are made.
    answer(&mut vlm, &text);
    let mut told = 0;
    for allowed in [0, 2, 4, 6, 8, 10, 15, 40] {
        let asked = Cell::new(0);
        let goes_on = || {
            asked.set(asked.get() + 1);
            asked.get() <= allowed
        };
        let e = vlm.answer_all(&[(&one, GREEDY), (&text, GREEDY)], &goes_on, &mut |_, _| told += 1);
        assert!(matches!(e, Err(VlmError::Cancelled)), "{e:?}");
        let said = answer(&mut vlm, &text);
        assert_eq!(said.ids, ids(&cases["text"]["ids"]));
        assert_eq!(said.reused, text.ids().len() - 1);
    }
    assert!(told > 2);
    let said = answer_all(&mut vlm, &[(&one, GREEDY), (&text, GREEDY)]);
    assert_eq!(said[0].ids, ids(&cases["one"]["ids"]));
}
