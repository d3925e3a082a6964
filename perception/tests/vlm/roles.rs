//! Every role asked of random weights: whatever they want, each answer ends by itself and is one that the program can use.

use crate::refusals::Copy;
use perception::roles::{Given, Measure, Role, accepted, detections, request, spots, utterance};
use perception::vlm::{Answering, Choice, Grammar, Place, Precision, Vlm};
use serde_json::Value;
use std::collections::BTreeSet;
use types::language::{Relation, Utterance};
use types::seams::Wording;
use types::{Offer, TaskKind};

/// As a model of the kind that tells pixels has it.
const SHOWN: Measure = Measure::Pixels { width: 644, height: 476 };
/// More than the longest answer of any role.
const ROOM: usize = 1 << 15;

/// The tiny random Qwen3-VL, attending to more than any answer takes.
fn roomy(copy: &Copy) -> Vlm {
    copy.json("config.json", |json| json["text_config"]["max_position_embeddings"] = ROOM.into());
    Vlm::load(&copy.0, Place::Cpu, Precision::F32, &mut |_, _| ()).expect("the fixture loads")
}

/// What is asked for, and what may come of it.
enum Asked {
    Read(Offer),
    Worded(Wording),
    Other(Role),
}

/// Every role, reading with several offers.
fn all() -> Vec<Asked> {
    let some =
        |k: &TaskKind| matches!(k, TaskKind::Place(Relation::On) | TaskKind::PushAlong(_) | TaskKind::Home);
    let facts = ["I was told: \"put it there\"", "I cannot reach the red cube."].map(str::to_owned).to_vec();
    let options = ["the red cube", "the blue one"].map(str::to_owned).to_vec();
    let mut all = vec![
        Asked::Read(Offer::everything()),
        Asked::Read(Offer::of(some)),
        Asked::Read(Offer::of(|_| false)),
        Asked::Worded(Wording::Explain { facts }),
        Asked::Worded(Wording::Ask { question: "Which one?".into(), options }),
    ];
    let is_other = |role: &Role| !matches!(role, Role::Read | Role::Explain | Role::Ask);
    all.extend(Role::ALL.into_iter().filter(is_other).map(Asked::Other));
    all
}

impl Asked {
    fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Worded(Wording::Explain { .. }) => "explain",
            Self::Worded(Wording::Ask { .. }) => "ask",
            Self::Other(role) => role.name(),
        }
    }

    fn request(&self) -> (String, Grammar) {
        match self {
            Self::Read(offer) => {
                let (role, given) = (Role::Read, Given { offer: offer.clone(), ..Given::default() });
                let grammar = role.grammar_given(&given).expect("bounded");
                (role.prompt_given("put it there", &given), grammar)
            }
            Self::Worded(wording) => request(wording).expect("facts"),
            Self::Other(Role::Point) => {
                let given = Given::from(SHOWN);
                let grammar = Role::Point.grammar_given(&given).expect("bounded");
                (Role::Point.prompt_given("the red cubes", &given), grammar)
            }
            Self::Other(role) => (role.prompt("the red cubes"), role.grammar().expect("bounded")),
        }
    }

    /// Becomes what the program takes an answer for.
    fn check(&self, text: &str, grammar: &Grammar) {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let within = |key: &str, most: usize| {
            let said = value[key].as_str().unwrap_or_else(|| panic!("{key}: {text}"));
            assert!((1..=most).contains(&said.chars().count()) && !said.trim().is_empty(), "{key}: {text}");
        };
        match self {
            Self::Read(offer) => match utterance(text).unwrap_or_else(|e| panic!("{e}: {text}")) {
                Utterance::Instruct(tasks) => {
                    assert!((1..=6).contains(&tasks.len()), "{text}");
                    assert!(tasks.iter().all(|t| offer.has(TaskKind::of(t))), "not offered: {text}");
                }
                Utterance::Ask(_) => {}
                Utterance::Unclear(_) => within("ask_back", 120),
                Utterance::Refuse(_) => within("refuse", 120),
                Utterance::Empty => panic!("nothing: {text}"),
            },
            Self::Worded(wording) => {
                within(if matches!(wording, Wording::Ask { .. }) { "question" } else { "text" }, 240);
                assert_eq!(grammar.check(text), Ok(()), "{text}");
                // It may be refused for what it says, and for nothing else.
                let refused = accepted(wording, text).err();
                assert!(refused.is_none_or(|e| e.expected != "the JSON of its role"), "{text}");
            }
            Self::Other(Role::Look) => {
                let sides = [640, 480];
                detections(text, sides, Measure::Thousandths).unwrap_or_else(|e| panic!("{e}: {text}"));
                let found = value.as_array().unwrap_or_else(|| panic!("{text}"));
                let label = |f: &Value| f["label"].as_str().map_or(0, |l| l.chars().count());
                assert!(found.len() <= 24 && found.iter().all(|f| (1..=40).contains(&label(f))), "{text}");
            }
            Self::Other(Role::Point) => {
                let found = spots(text, [640, 480], SHOWN).unwrap_or_else(|e| panic!("{e}: {text}"));
                let is_in = |p: [f32; 2]| (0.0..=640.0).contains(&p[0]) && (0.0..=480.0).contains(&p[1]);
                assert!(found.iter().all(|s| s.box_px.is_none() && is_in(s.point_px)), "{text}");
            }
            Self::Other(role) => {
                assert_eq!(role.check(text, Measure::Thousandths), Ok(()), "{text}");
                match role {
                    Role::Count => assert!(value["count"].as_u64().is_some_and(|n| n < 100), "{text}"),
                    Role::Judge => {
                        assert!(value["answer"].is_boolean(), "{text}");
                        within("reason", 200);
                    }
                    _ => within("text", 200),
                }
            }
        }
    }
}

#[test]
fn whatever_random_weights_want_every_role_is_answered_to_the_end_by_what_the_program_can_use() {
    // 10,000 with SINEW_GENERATIONS=10000: see the README.
    let n: usize = std::env::var("SINEW_GENERATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let copy = Copy::of("qwen3-vl", "roles");
    let mut vlm = roomy(&copy);
    let (all, begun) = (all(), std::time::Instant::now());
    let mut seed = 0;
    for (i, asked) in all.iter().enumerate() {
        let (text, grammar) = asked.request();
        let prompt = vlm.prompt(&[], &text).expect("a prompt");
        let max_tokens = vlm.most_tokens(&prompt, &grammar);
        assert_eq!(max_tokens, grammar.most_bytes(), "{}: nothing is cut off", asked.name());
        let share = (n * (i + 1)) / all.len() - (n * i) / all.len();
        let (mut longest, mut different) = (0, BTreeSet::new());
        for _ in 0..share {
            seed += 1;
            // From nearly what the weights want to nearly any token that may come.
            let temperature = [0.5, 1.5, 20.0][seed % 3];
            let choice = Choice::Random { temperature, top_p: 1.0, seed: seed as u64 };
            let how = Answering { choice, max_tokens, stops_at_end: true, grammar: Some(&grammar) };
            let said = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer");
            assert!(said.is_complete, "{} {seed}: it ends: {}", asked.name(), said.text);
            asked.check(&said.text, &grammar);
            longest = longest.max(said.ids.len());
            different.insert(said.text);
        }
        let (name, n, most) = (asked.name(), different.len(), grammar.most_bytes());
        println!("{name}: {share} answers, {n} different, {longest} tokens at most, of {most}");
        assert!(n >= (share / 3).min(30), "{name}: the weights choose among what is allowed");
    }
    println!("{seed} answers in {:.0} s", begun.elapsed().as_secs_f64());
}

#[test]
fn an_answer_that_takes_more_memory_than_was_taken_for_it_at_first_is_the_same() {
    let copy = Copy::of("qwen3-vl", "growing");
    let mut vlm = roomy(&copy);
    let prompt = vlm.prompt(&[], "what?").expect("a prompt");
    // Longer than any role's was seen to be.
    let choice = Choice::Random { temperature: 1.0, top_p: 1.0, seed: 1 };
    let how = Answering { choice, max_tokens: 2100, stops_at_end: false, grammar: None };
    let growing = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer");
    // Now it has all the memory from the beginning on.
    vlm.reset();
    let again = vlm.answer(&prompt, &how, &|| true, &mut |_| ()).expect("an answer");
    assert_eq!((growing.ids.len(), growing.reused, again.reused), (2100, 0, 0));
    assert_eq!(growing.ids, again.ids);
}
