//! Sentences as people say them, written by hand before any reader was asked: how many are read as
//! meant, and that none is read as something else.
//!
//! Meanings are written in short: "place red cube | in | blue bowl", "pick ball @ in bowl" for the ball
//! in the bowl, tasks parted by ";".

mod natural;

use perception::model::BuiltinModel;
use types::language::{Quantity, Question, Referent, Relation, Superlative, Task, Utterance};
use types::scene::{Color, Shape, Size};

fn relation(words: &str) -> Relation {
    let found = Relation::ALL.iter().copied().find(|r| r.words() == words.trim());
    found.unwrap_or_else(|| panic!("no relation {words:?}"))
}

fn referent(phrase: &str) -> Referent {
    let (head, clause) = match phrase.split_once('@') {
        Some((head, clause)) => (head, Some(clause.trim())),
        None => (phrase, None),
    };
    let mut r = Referent::the();
    for w in head.split_whitespace() {
        if let Some(c) = Color::from_word(w) {
            r.color = Some(c);
        } else if let Some(s) = Shape::from_word(w) {
            r.shape = Some(s);
        } else if let Some(s) = Size::from_word(w) {
            r.size = Some(s);
        } else {
            match w {
                "all" => r.quantity = Quantity::All,
                "any" => r.quantity = Quantity::Any,
                "largest" => r.superlative = Some(Superlative::Largest),
                "smallest" => r.superlative = Some(Superlative::Smallest),
                "leftmost" => r.superlative = Some(Superlative::Leftmost),
                "rightmost" => r.superlative = Some(Superlative::Rightmost),
                "nearest" => r.superlative = Some(Superlative::Nearest),
                "furthest" => r.superlative = Some(Superlative::Furthest),
                "object" => {}
                other => panic!("no word of the short form: {other:?}"),
            }
        }
    }
    r.relation = clause.map(|c| {
        let found = Relation::ALL.iter().copied().find(|r| c.starts_with(&format!("{} ", r.words())));
        let found = found.unwrap_or_else(|| panic!("no relation in {c:?}"));
        (found, Box::new(referent(&c[found.words().len()..])))
    });
    r
}

fn task(text: &str) -> Task {
    let text = text.trim();
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let parts: Vec<&str> = rest.split('|').collect();
    match (verb, parts.as_slice()) {
        ("pick", [o]) => Task::Pick(referent(o)),
        ("place", [o, r, t]) => {
            Task::Place { object: referent(o), relation: relation(r), target: referent(t) }
        }
        ("push", [o, r]) => Task::Push { object: referent(o), relation: relation(r), target: None },
        ("push", [o, r, t]) => {
            Task::Push { object: referent(o), relation: relation(r), target: Some(referent(t)) }
        }
        ("stack", all) => Task::Stack(all.iter().map(|p| referent(p)).collect()),
        ("sort", [o]) => Task::SortByColor(referent(o)),
        ("swap", [a, b]) => Task::Swap(referent(a), referent(b)),
        ("open", _) => Task::OpenGripper,
        ("close", _) => Task::CloseGripper,
        ("home", _) => Task::Home,
        ("look", _) => Task::Look,
        _ => panic!("no task: {text:?}"),
    }
}

/// None: it must end in a question or a refusal.
fn meaning(text: &str) -> Option<Utterance> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let parts: Vec<&str> = rest.split('|').collect();
    let question = match (verb, parts.as_slice()) {
        ("decline", _) => return None,
        ("count", [o]) => Question::Count(referent(o)),
        ("exists", [o]) => Question::Exists(referent(o)),
        ("holds", [o, r, t]) => {
            Question::Holds { object: referent(o), relation: relation(r), target: referent(t) }
        }
        ("color", [o]) => Question::ColorOf(referent(o)),
        ("where", [o]) => Question::Where(referent(o)),
        ("describe", _) => Question::Describe,
        _ => return Some(Utterance::Instruct(text.split(';').map(task).collect())),
    };
    Some(Utterance::Ask(question))
}

/// Reads every row; at least `least` of 100 with a meaning must be read so, and none otherwise.
fn check(what: &str, rows: &[(&str, &str)], least: f64) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets/weights/sinew-vlm.safetensors");
    let model = BuiltinModel::from_bytes(&std::fs::read(path).expect("the weights")).expect("good weights");
    let (mut n, mut right, mut otherwise) = (0, 0, Vec::new());
    for (sentence, meant) in rows {
        let (meant, read) = (meaning(meant), model.reader().read(sentence));
        let declined = matches!(read.utterance, Utterance::Unclear(_) | Utterance::Refuse(_));
        n += usize::from(meant.is_some());
        if meant.as_ref() == Some(&read.utterance) {
            right += 1;
        } else if !declined {
            otherwise.push(format!("{sentence}: {:?}", read.utterance));
        } else if meant.is_some() {
            println!("{what}: asked back at {sentence:?}: {:?} ({:.2})", read.utterance, read.confidence);
        }
    }
    let share = if n == 0 { 100.0 } else { 100.0 * f64::from(right) / n as f64 };
    println!("{what}: {n} with a meaning, {share:.1} % as meant, {} otherwise", otherwise.len());
    assert!(otherwise.is_empty(), "{what}: read otherwise:\n{}", otherwise.join("\n"));
    assert!(share >= least, "{what}: {share:.1} % as meant");
}

#[test]
fn sentences_of_doing_are_read_as_meant() {
    check("doing", natural::DOING, 85.0);
}

#[test]
fn sentences_kept_back_are_read_as_meant() {
    check("kept back", natural::KEPT_BACK, 85.0);
}

#[test]
fn questions_are_read_as_meant() {
    check("questions", natural::QUESTIONS, 85.0);
}

#[test]
fn what_must_not_be_done_ends_in_a_question() {
    check("declined", natural::DECLINED, 0.0);
}
