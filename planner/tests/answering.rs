//! Questions are answered in plain words, and verdicts come from perception.

mod common;

use common::*;
use planner::{Config, Verdict, answer, judge, judge_skill};
use types::language::{Question, Referent, Relation};
use types::plan::{Fact, Outcome, Plan, Skill, Spot};
use types::seams::Planner;
use types::{Color, ObjectId, Scene, Shape, Size, Time};

fn table() -> Scene {
    scene(vec![
        object(1, Size::Small, Color::Red, Shape::Cube, [0.45, -0.20, 0.0]),
        object(2, Size::Large, Color::Red, Shape::Cube, [0.55, -0.08, 0.0]),
        object(3, Size::Large, Color::Blue, Shape::Bowl, [0.55, 0.15, 0.0]),
        object(4, Size::Small, Color::Green, Shape::Ball, [0.56, 0.15, 0.006]),
    ])
}

fn said(question: Question) -> String {
    match answer(&question, &table(), &Config::default()) {
        Outcome::Answer(text) => text,
        other => panic!("expected an answer, got {other:?}"),
    }
}

fn ball() -> Referent {
    the(None, Some(Shape::Ball))
}

fn bowl() -> Referent {
    the(None, Some(Shape::Bowl))
}

#[test]
fn counting_and_existence_are_answered() {
    assert_eq!(said(Question::Count(all(Some(Color::Red), Some(Shape::Cube)))), "2");
    assert_eq!(said(Question::Count(all(Some(Color::Black), None))), "0");
    let in_bowl =
        Referent { relation: Some((Relation::In, Box::new(bowl()))), ..any(None, Some(Shape::Ball)) };
    assert_eq!(said(Question::Exists(in_bowl)), "yes, a small green ball in the large blue bowl");
    let in_tray = the(None, Some(Shape::Tray));
    let in_tray =
        Referent { relation: Some((Relation::In, Box::new(in_tray))), ..any(None, Some(Shape::Ball)) };
    assert_eq!(said(Question::Exists(in_tray)), "no, I see no ball in the tray");
    assert_eq!(
        said(Question::Exists(any(Some(Color::Red), None))),
        "yes, a small red cube and a large red cube"
    );
}

#[test]
fn relations_colours_and_places_are_answered() {
    let holds = |object, relation, target| said(Question::Holds { object, relation, target });
    assert_eq!(holds(ball(), Relation::In, bowl()), "yes, the small green ball is in the large blue bowl");
    let large = the(None, Some(Shape::Cube)).with_size(Size::Large);
    let no = holds(large.clone(), Relation::RightOf, bowl());
    assert!(no.starts_with("no, the large red cube is "), "{no}");
    assert!(holds(large, Relation::LeftOf, bowl()).starts_with("yes"));
    assert_eq!(said(Question::ColorOf(ball())), "the ball is green");
    assert_eq!(said(Question::Where(ball())), "the small green ball is in the large blue bowl");
    let all = said(Question::Describe);
    assert_eq!(all, "I see a small red cube, a large red cube, a large blue bowl and a small green ball.");
}

#[test]
fn an_ambiguous_question_is_asked_back() {
    let outcome = answer(&Question::Where(the(None, Some(Shape::Cube))), &table(), &Config::default());
    assert!(matches!(outcome, Outcome::Clarify { .. }), "{outcome:?}");
}

fn later(mut scene: Scene) -> Scene {
    scene.stamp = Time::from_secs_f64(20.0);
    for o in &mut scene.objects {
        o.seen = scene.stamp;
    }
    scene
}

#[test]
fn a_placed_object_is_judged_by_where_it_is_seen() {
    let before = table();
    let fact = Fact::Stands { object: ObjectId(1), relation: Relation::In, target: ObjectId(3) };
    let mut after = later(before.clone());
    assert!(matches!(judge(&fact, &after, &state(), &before), Verdict::Fails(_)));
    after.objects[0].position.x = 0.53;
    after.objects[0].position.y = 0.16;
    assert_eq!(judge(&fact, &after, &state(), &before), Verdict::Holds);
    after.objects[0].seen = Time::from_secs_f64(10.0);
    assert!(matches!(judge(&fact, &after, &state(), &before), Verdict::Unknown(_)));
    // The track was lost in the hand and began anew.
    after.objects[0].seen = after.stamp;
    after.objects[0].id = ObjectId(77);
    assert_eq!(judge(&fact, &after, &state(), &before), Verdict::Holds);
}

#[test]
fn a_pick_holds_only_with_a_hand_as_wide_as_the_object_and_the_object_gone() {
    let before = table();
    let mut after = later(before.clone());
    let pick = Skill::Pick { object: ObjectId(1) };
    let verdict = |after: &Scene, width| {
        judge_skill(&pick, &before, after, &state_with_width(width), &Config::default())
    };
    assert!(matches!(verdict(&after, 0.034), Verdict::Fails(_)), "it still is where it was");
    after.objects.remove(0);
    assert_eq!(verdict(&after, 0.034), Verdict::Holds);
    assert!(matches!(verdict(&after, 0.0), Verdict::Fails(_)), "F20");
    assert!(matches!(verdict(&after, 0.08), Verdict::Fails(_)));
}

#[test]
fn a_push_is_judged_by_its_end() {
    let before = table();
    let mut after = later(before.clone());
    let push = Skill::Push { object: ObjectId(1), to: [0.45, -0.30] };
    let verdict = |after: &Scene| judge_skill(&push, &before, after, &state(), &Config::default());
    assert!(matches!(verdict(&after), Verdict::Fails(_)));
    after.objects[0].position.y = -0.28;
    assert_eq!(verdict(&after), Verdict::Holds);
}

#[test]
fn replanning_does_what_is_left_with_the_new_names_until_the_budget_is_spent() {
    let before = table();
    let mut planner = planner();
    let red_small = the(Some(Color::Red), Some(Shape::Cube)).with_size(Size::Small);
    let task = place(red_small, Relation::In, bowl());
    let utterance = types::language::Utterance::Instruct(vec![task]);
    let Outcome::Do(plan) = planner.decide(&utterance, &before, &state()) else { panic!("a plan") };
    let mut after = later(before.clone());
    after.objects[0].position.x = 0.40;
    after.objects[0].id = ObjectId(9);
    let outcome = planner.replan(&plan, &after, &state(), &before);
    let spot = Spot::Relative { relation: Relation::In, target: ObjectId(3) };
    let skills = vec![Skill::Pick { object: ObjectId(9) }, Skill::Place { object: ObjectId(9), spot }];
    let fact = Fact::Stands { object: ObjectId(9), relation: Relation::In, target: ObjectId(3) };
    assert_eq!(outcome, Outcome::Do(Plan { skills, goal: vec![fact] }));
    for _ in 0..3 {
        assert!(matches!(planner.replan(&plan, &after, &state(), &before), Outcome::Do(_)));
    }
    let Outcome::Refuse(why) = planner.replan(&plan, &after, &state(), &before) else { panic!("spent") };
    assert!(why.starts_with("I give up after 4 more tries"), "{why}");
}

#[test]
fn what_the_hand_holds_stands_nowhere_though_it_is_not_seen_and_is_put_where_it_was_to_go() {
    let before = table();
    let mut planner = planner();
    let red_small = the(Some(Color::Red), Some(Shape::Cube)).with_size(Size::Small);
    let utterance = types::language::Utterance::Instruct(vec![place(red_small, Relation::In, bowl())]);
    let Outcome::Do(plan) = planner.decide(&utterance, &before, &state()) else { panic!("a plan") };
    // The hand is before it: where it is not looked at in the pictures after the pick.
    let mut after = later(before.clone());
    after.objects[0].seen = before.stamp;
    planner.note_held(Some(ObjectId(1)));
    let outcome = planner.replan(&plan, &after, &state_with_width(0.034), &before);
    let spot = Spot::Relative { relation: Relation::In, target: ObjectId(3) };
    let Outcome::Do(next) = outcome else { panic!("{outcome:?}") };
    assert_eq!(next.skills, [Skill::Place { object: ObjectId(1), spot }]);
    assert_eq!(next.goal, plan.goal);
    // With an empty hand nothing is known of what is not seen: it is looked for.
    planner.note_held(None);
    let outcome = planner.replan(&plan, &after, &state(), &before);
    assert_eq!(outcome, Outcome::Do(Plan { skills: vec![Skill::Look], goal: plan.goal }));
}
