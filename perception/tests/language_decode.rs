//! From labels to meaning: whatever a network may label, what it spells is checked by rules.

use perception::language::decode::decode;
use perception::language::tags::{Mark, Meaning as M, Role as R, Tagged, Verb};
use types::language::{Quantity, Relation, Task, Utterance};
use types::scene::{Color, Shape};

const THE: M = M::Quantity(Quantity::The);
const CUBE: M = M::Shape(Shape::Cube);
const BALL: M = M::Shape(Shape::Ball);
const BOWL: M = M::Shape(Shape::Bowl);
const RED: M = M::Color(Color::Red);

fn w(word: &str, meaning: M, role: R) -> Tagged {
    Tagged { word: word.to_owned(), meaning, role, mark: Mark::None }
}

fn verb(word: &str, v: Verb) -> Tagged {
    Tagged { mark: Mark::Task, ..w(word, M::Verb(v), R::Verb) }
}

fn object(noun: (&str, M)) -> [Tagged; 2] {
    [w("the", THE, R::Object), w(noun.0, noun.1, R::Object)]
}

fn to(word: &str, r: Relation, noun: (&str, M), role: R) -> [Tagged; 3] {
    [w(word, M::Relation(r), role), w("the", THE, role), w(noun.0, noun.1, role)]
}

fn asks(words: &[Tagged]) -> String {
    let why = decode(words).expect_err("a question");
    assert!(why.ends_with('?') || why.ends_with('.'), "{why}");
    why
}

fn tasks(words: &[Tagged]) -> Vec<Task> {
    match decode(words) {
        Ok(Utterance::Instruct(tasks)) => tasks,
        other => panic!("{other:?}"),
    }
}

#[test]
fn nothing_is_put_on_itself_b26() {
    let mut words = vec![verb("put", Verb::Place)];
    words.extend(object(("cube", CUBE)));
    words.extend(to("on", Relation::On, ("block", CUBE), R::Target));
    assert!(asks(&words).contains("itself"));
}

#[test]
fn two_colours_of_one_object_are_a_question_b26() {
    let words = [
        verb("pick", Verb::Pick),
        w("the", THE, R::Object),
        w("red", RED, R::Object),
        w("green", M::Color(Color::Green), R::Object),
        w("cube", CUBE, R::Object),
    ];
    assert!(asks(&words).contains("green"));
}

#[test]
fn an_attribute_that_belongs_to_nothing_is_a_question() {
    let mut words = vec![verb("pick", Verb::Pick)];
    words.extend(object(("cube", CUBE)));
    words.push(w("red", RED, R::None));
    assert!(asks(&words).contains("red"));
}

#[test]
fn a_phrase_is_never_split_behind_its_adjective() {
    let mut words = vec![verb("stack", Verb::Stack)];
    words.extend([w("the", THE, R::Object), w("red", RED, R::Object)]);
    words.push(Tagged { mark: Mark::Object, ..w("cube", CUBE, R::Object) });
    assert!(asks(&words).contains("cube"));
}

#[test]
fn what_english_leaves_open_is_a_question_and_that_is_settles_it() {
    let mut words = vec![verb("put", Verb::Place)];
    words.extend(object(("ball", BALL)));
    words.extend(to("in", Relation::In, ("bowl", BOWL), R::Target));
    let behind = to("behind", Relation::Behind, ("cube", CUBE), R::TargetClause);
    let open: Vec<Tagged> = words.iter().cloned().chain(behind.clone()).collect();
    assert!(asks(&open).contains("two ways"));
    let settled: Vec<Tagged> = words
        .into_iter()
        .chain([w("that", M::None, R::None), w("is", M::None, R::None)])
        .chain(behind)
        .collect();
    assert_eq!(tasks(&settled).len(), 1);
}

#[test]
fn to_move_without_a_target_is_to_push() {
    let mut words = vec![verb("move", Verb::Place)];
    words.extend(object(("ball", BALL)));
    words.push(w("left", M::Relation(Relation::LeftOf), R::Target));
    assert!(matches!(tasks(&words)[..], [Task::Push { relation: Relation::LeftOf, target: None, .. }]));
    words[0] = verb("put", Verb::Place);
    assert!(asks(&words).contains("left of"));
}

#[test]
fn two_objects_of_one_verb_are_two_tasks() {
    let mut words = vec![verb("put", Verb::Place)];
    words.extend(object(("cube", CUBE)));
    words.push(w("and", M::None, R::None));
    let [mut article, noun] = object(("ball", BALL));
    article.mark = Mark::Object;
    words.extend([article, noun]);
    words.extend(to("in", Relation::In, ("bowl", BOWL), R::Target));
    assert_eq!(tasks(&words).len(), 2);
}

#[test]
fn it_without_anything_before_is_a_question() {
    let mut words = vec![verb("put", Verb::Place), w("it", M::It, R::Object)];
    words.extend(to("in", Relation::In, ("bowl", BOWL), R::Target));
    assert!(asks(&words).contains("it"));
}

#[test]
fn several_targets_are_a_question() {
    let mut words = vec![verb("put", Verb::Place)];
    words.extend(object(("ball", BALL)));
    words.extend(to("in", Relation::In, ("bowls", BOWL), R::Target));
    assert!(asks(&words).contains("several places"));
}

#[test]
fn labels_at_random_never_panic_and_never_move_what_was_not_named() {
    use rand::{Rng, SeedableRng};
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(21);
    let meanings = M::all();
    for _ in 0..20_000 {
        let n = rng.random_range(0..12);
        let words: Vec<Tagged> = (0..n)
            .map(|_| Tagged {
                word: ["red", "cube", "the", "left"][rng.random_range(0..4)].to_owned(),
                meaning: meanings[rng.random_range(0..meanings.len())],
                role: R::ALL[rng.random_range(0..R::ALL.len())],
                mark: Mark::ALL[rng.random_range(0..Mark::ALL.len())],
            })
            .collect();
        if let Ok(Utterance::Instruct(tasks)) = decode(&words) {
            assert!(!tasks.is_empty() && words.iter().any(|t| t.role == R::Verb), "{words:?}");
        }
    }
}
