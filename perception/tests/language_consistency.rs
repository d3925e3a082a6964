//! What the words literally say wins over the labels: sentences with labels as a network might give
//! them, wrong ones that must end in a question, and right ones that must not.
//!
//! A label stands behind its word: `/v` the verb, `/o` object, `/c` clause of the object, `/t` target,
//! `/d` clause of the target, a `+` more for a further object; `s` more for a superlative, `y` for a
//! layer. Words without one are filling.

use perception::language::decode::decode;
use perception::language::lexicon;
use perception::language::tags::{Mark, Meaning, Role, Tagged};
use types::language::Utterance;

/// The first meaning that a word may have with this label.
fn meaning(word: &str, label: &str) -> Meaning {
    let entry = lexicon::entry(word).unwrap_or_else(|| panic!("no word of the lexicon: {word}"));
    let fits = |m: &&Meaning| match m {
        Meaning::Verb(_) | Meaning::Ask(_) => label.starts_with('v'),
        Meaning::Superlative(_) => label.contains('s') || entry.meanings.len() == 1,
        Meaning::Layer(_) => label.contains('y'),
        Meaning::None => false,
        _ => !label.starts_with('v') && !label.contains(['s', 'y']),
    };
    *entry.meanings.iter().find(fits).unwrap_or_else(|| panic!("{word} cannot be /{label}"))
}

fn tagged(sentence: &str) -> Vec<Tagged> {
    let mut words: Vec<Tagged> = Vec::new();
    let mut begun = false;
    for part in sentence.split(' ') {
        let Some((word, label)) = part.split_once('/') else {
            words.push(Tagged::filler(part));
            continue;
        };
        let role = match &label[..1] {
            "v" => Role::Verb,
            "o" => Role::Object,
            "c" => Role::ObjectClause,
            "t" => Role::Target,
            _ => Role::TargetClause,
        };
        let mark = match (begun, label.ends_with('+')) {
            (false, _) => Mark::Task,
            (true, true) => Mark::Object,
            _ => Mark::None,
        };
        begun = true;
        words.push(Tagged { word: word.to_owned(), meaning: meaning(word, label), role, mark });
    }
    words
}

/// `good`: the labels agree with the words.
fn check(rows: &[&str], good: bool) {
    for row in rows {
        let read = decode(&tagged(row));
        assert_eq!(read.is_ok(), good, "{row}: {read:?}");
        if let Err(question) = read {
            assert!(question.ends_with('?'), "{question}");
        }
    }
}

#[test]
fn labels_that_agree_with_the_words_are_a_reading() {
    check(
        &[
            "put/v the/o red/o cube/o on top/t of the/t box/t",
            "put/v the/o cube/o onto/t the/t box/t",
            "put/v the/o cube/o to the left/t of the/t tray/t",
            "push/v the/o cube/o to the left/t",
            "push/v the/o cube/o to the left/t hand side",
            "pick/v up the/o cube/o on the left/os",
            "pick/v up the/o ball/o closest/o to me",
            "pick/v up the/o biggest/o of all the cubes/o",
            "put/v the/o ball/o next/t to the/t bowl/t",
            "in/t the/t bowl/t put/v the/o ball/o",
            "the/o cube/o should/v go in/t the/t bowl/t",
            "the/o cube/o should be placed/v in/t the/t bowl/t",
            "take/v the/o ball/o from/c the/c bowl/c",
            "swap/v the/o ball/o with the/o+ box/o",
            "stack/v the/o ball/o and the/o+ box/o",
            "sort/v the/o cubes/o by color",
            "how many/v balls/o are in/c the/c bowl/c",
        ],
        true,
    );
}

#[test]
fn a_direction_is_no_place_and_a_way_out_is_no_target() {
    check(
        &[
            "pick/v up the/o cube/o onto/c the/c box/c",
            "pick/v up the/o cube/o into/c the/c bowl/c",
            "move/v the/o ball/o from/t the/t tray/t",
            "put/v the/o ball/o off/t the/t tray/t",
            "put/v the/o ball/o with/t the/t bowl/t",
        ],
        false,
    );
}

#[test]
fn a_relation_of_two_words_is_read_whole() {
    check(
        &[
            "put/v the/o ball/o next to/t the/t bowl/t",
            "put/v the/o ball/o on to/t the/t bowl/t",
            "put/v the/o ball/o on top of the box near/t the/t tray/t",
            "push/v the/o ball/o away/t from the/t bowl/t",
            "push/v the/o ball/o in front/t of you",
            "push/v the/o cube/o behind/t",
        ],
        false,
    );
}

#[test]
fn left_and_right_need_of_for_an_object_and_none_for_a_side() {
    check(
        &[
            "put/v the/o ball/o left/t the/t tray/t",
            "push/v the/o cube/o to the left/t of me",
            "pick/v up the/o left/os of the/o cube/o",
            "put/v the/o ball/o next/t to the/t bowl/t on the left/ts",
            "pick/v up the/o ball/o left/c the/c tray/c",
        ],
        false,
    );
}

#[test]
fn a_preposition_that_was_said_is_not_dropped() {
    check(
        &[
            "pick/v up the/o ball/o on the/o+ tray/o",
            "put/v the/o ball/o around the/t bowl/t",
            "pick/v up the/o ball/o and in the/o+ box/o",
            "push/v from the/o ball/o to the left/t",
        ],
        false,
    );
}

#[test]
fn phrases_stand_in_one_piece_behind_their_relation() {
    check(
        &[
            "put/v the/o ball/o the/t bowl/t in/t",
            "in/t the/t bowl/t put/v the/o ball/o the/t tray/t",
            "put/v the/o ball/o in/t the/t bowl/t red/o",
            "pick/v up the/o left/c of the/c tray/c ball/o",
            "pick/v up the/o ball/o and the/o red/o",
            "put/v the/o ball/o into/t the/t bowl/t in/t the/t red/t bowl/t",
        ],
        false,
    );
}

#[test]
fn quantities_ordinals_and_numbers_are_not_dropped() {
    check(
        &[
            "pick/v up every red/o cube/o",
            "put/v all the/o red/o things/o in/t the/t bowl/t",
            "pick/v up the first cube/o",
            "pick/v up the next cube/o",
            "pick/v up the/o two biggest/o cubes/o",
            "pick/v up the/o biggest/o cubes/o",
            "put/v the top cube/o in/t the/t bowl/t",
        ],
        false,
    );
}

#[test]
fn near_and_far_are_said_of_the_viewer_alone() {
    check(
        &["pick/v up the/o ball/o closest/o to the bowl", "pick/v up the/o ball/o nearest/o to you"],
        false,
    );
}

#[test]
fn statements_and_questions_move_nothing() {
    check(
        &[
            "i put/v the/o ball/o in/t the/t bowl/t",
            "the/o ball/o was put/v in/t the/t bowl/t",
            "put/v the rest/v of the/o cubes/o in/t the/t bowl/t",
            "you moved/v the/o ball/o behind/t the/t bowl/t",
            "is the/o ball/o put/v in/t the/t bowl/t",
            "tell me if the/o ball/o goes/v in/t the/t bowl/t",
            "the/o ball/o pushed/v to the left/t",
        ],
        false,
    );
}

#[test]
fn only_colour_sorts_and_only_towers_have_layers() {
    check(
        &[
            "sort/v the/o cubes/o",
            "pick/v up the/o bottom/oy cube/o",
            "put/v the/o middle/oy cube/o in/t the/t bowl/t",
        ],
        false,
    );
}

#[test]
fn a_task_is_not_lost_between_two_objects() {
    check(
        &[
            "hold the/o ball/o and push/v the/o+ cube/o to the left/t",
            "stack the/o ball/o and pick/v the/o+ box/o",
            "stack/v the/o ball/o and the/o+ box/o and the/o+ cube/o should be stacked/v",
        ],
        false,
    );
}

#[test]
fn where_a_thing_stands_is_not_where_it_shall_go() {
    check(
        &[
            "lift/v the/o ball/o standing behind/t the/t tray/t",
            "lift/v the/o ball/o behind/t the/t tray/t",
            "take/v the/o ball/o in/t the/t bowl/t",
            "lift/v the/o ball/o to the left/t of the/t bowl/t",
            "is/v the/o ball/o sitting behind/t the/t tray/t left/d of the/d box/d",
            "put/v the/o ball/o that is in/t the/t bowl/t",
            "push/v the/o ball/o which is left/t of the/t bowl/t",
        ],
        false,
    );
    check(
        &[
            "lift/v the/o ball/o onto/t the/t tray/t",
            "put/v the/o ball/o so that it is in/t the/t bowl/t",
            "take/v the/o ball/o to/t the/t bowl/t",
        ],
        true,
    );
}

#[test]
fn no_label_at_all_is_no_reading() {
    assert!(!matches!(decode(&tagged("the ball in the bowl")), Ok(Utterance::Instruct(_))));
}
