//! The grammar says what it means, in words the lexicon knows, in two sets that share no pattern.

use perception::language::decode::decode;
use perception::language::grammar::{self, Split};
use perception::language::lexicon;
use perception::language::tags::Meaning;
use perception::language::text;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use types::language::{Referent, Task, Utterance};
use types::scene::{Color, Shape};

#[test]
fn the_labels_of_every_sentence_spell_its_meaning() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut wrong = Vec::new();
    for i in 0..30_000 {
        let split = if i % 3 == 0 { Split::Suite } else { Split::Train };
        let (words, utterance) = grammar::tagged(split, &mut rng);
        let got = decode(&words);
        if got.as_ref() != Ok(&utterance) {
            let said: Vec<&str> = words.iter().map(|w| w.word.as_str()).collect();
            wrong.push(format!("{}\n  meant {utterance:?}\n  read {got:?}", said.join(" ")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of 30000 wrong, such as\n{}",
        wrong.len(),
        wrong[..wrong.len().min(12)].join("\n")
    );
}

#[test]
fn every_word_of_the_grammar_is_in_the_lexicon_with_its_meaning() {
    let mut rng = ChaCha8Rng::seed_from_u64(12);
    let mut bad = BTreeSet::new();
    for _ in 0..30_000 {
        let (words, _) = grammar::tagged(Split::Train, &mut rng);
        for w in &words {
            if !lexicon::entry(&w.word).is_some_and(|e| e.meanings.contains(&w.meaning)) {
                bad.insert(format!("{} as {:?}", w.word, w.meaning));
            }
        }
    }
    assert!(bad.is_empty(), "not licensed: {bad:#?}");
}

#[test]
fn a_typed_sentence_is_split_into_the_words_it_was_made_of() {
    let mut rng = ChaCha8Rng::seed_from_u64(13);
    for _ in 0..3_000 {
        let (words, _) = grammar::tagged(Split::Suite, &mut rng);
        let typed = words.iter().map(|w| w.word.as_str()).collect::<Vec<_>>().join(" ");
        let plain = |ws: Vec<String>| ws.into_iter().filter(|w| w != ",").collect::<Vec<_>>();
        let back = plain(text::tokens(&typed).expect("a sentence of the grammar is a sentence"));
        assert_eq!(back, plain(words.iter().map(|w| w.word.clone()).collect()));
    }
}

#[test]
fn suite_and_training_share_no_pattern_and_no_sentence() {
    let mut rng = ChaCha8Rng::seed_from_u64(14);
    let mut patterns = [BTreeSet::new(), BTreeSet::new()];
    for i in 0..20_000 {
        let k = i % 2;
        let split = [Split::Train, Split::Suite][k];
        let (words, _) = grammar::tagged(split, &mut rng);
        let said: Vec<&str> = words.iter().map(|w| w.word.as_str()).collect();
        assert_eq!(grammar::split_of(&said), split);
        patterns[k].insert(grammar::pattern(&said));
    }
    assert!(
        patterns[0].len() > 4_000 && patterns[1].len() > 2_000,
        "{} {}",
        patterns[0].len(),
        patterns[1].len()
    );
    assert!(patterns[0].is_disjoint(&patterns[1]));
}

#[test]
fn a_sentence_of_either_set_is_known_by_its_typed_words() {
    let mut rng = ChaCha8Rng::seed_from_u64(15);
    for _ in 0..3_000 {
        let (typed, _) = grammar::sentence(Split::Suite, &mut rng);
        let words = text::tokens(&typed).expect("a sentence of the grammar is a sentence");
        assert_eq!(grammar::split_of(&words), Split::Suite, "{typed}");
    }
}

#[test]
fn a_given_task_is_worded_in_many_ways() {
    let mut rng = ChaCha8Rng::seed_from_u64(16);
    let object = Referent::the().with_color(Color::Red).with_shape(Shape::Cube);
    let target = Referent::the().with_color(Color::Blue).with_shape(Shape::Bowl);
    let relation = types::language::Relation::In;
    let tasks = Utterance::Instruct(vec![Task::Place { object, relation, target }]);
    let many: BTreeSet<String> = (0..100).map(|_| grammar::word(&tasks, Split::Suite, &mut rng)).collect();
    assert!(many.len() > 60, "{} wordings", many.len());
    for task in [Task::Home, Task::Look, Task::OpenGripper, Task::CloseGripper] {
        let one = grammar::word(&Utterance::Instruct(vec![task]), Split::Suite, &mut rng);
        assert!(!one.is_empty());
    }
}

#[test]
fn the_same_seed_words_the_same_sentences() {
    let many = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..50).map(|_| grammar::sentence(Split::Train, &mut rng).0).collect::<Vec<_>>()
    };
    assert_eq!(many(7), many(7));
    assert_ne!(many(7), many(8));
}

#[test]
fn words_that_name_attributes_are_never_mere_filling() {
    for word in ["red", "cube", "largest", "small", "bowl", "left", "behind", "leftmost", "purple", "into"] {
        let e = lexicon::entry(word).expect("a word of the lexicon");
        assert!(!e.meanings.contains(&Meaning::None), "{word}");
    }
}
