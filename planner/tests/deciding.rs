//! What the planner does with a reading and a scene: plans, questions, refusals.

mod common;

use common::*;
use planner::{TablePlanner, is_another_look};
use types::language::{Quantity, Referent, Relation, Superlative, Task, Utterance};
use types::plan::{Fact, Outcome, Plan, Skill, Spot};
use types::seams::Planner;
use types::{Color, ObjectId, Scene, Shape, Size};

const ID: fn(u32) -> ObjectId = ObjectId;

fn cubes_and_bowl() -> Scene {
    scene(vec![
        object(1, Size::Small, Color::Red, Shape::Cube, [0.45, -0.10, 0.0]),
        object(2, Size::Large, Color::Blue, Shape::Cube, [0.55, -0.18, 0.0]),
        object(3, Size::Large, Color::Blue, Shape::Bowl, [0.55, 0.15, 0.0]),
    ])
}

fn red_cube() -> Referent {
    the(Some(Color::Red), Some(Shape::Cube))
}

fn bowl() -> Referent {
    the(None, Some(Shape::Bowl))
}

fn cube() -> Referent {
    the(None, Some(Shape::Cube))
}

fn relative(relation: Relation, target: u32) -> Spot {
    Spot::Relative { relation, target: ID(target) }
}

fn stands(object: u32, relation: Relation, target: u32) -> Fact {
    Fact::Stands { object: ID(object), relation, target: ID(target) }
}

#[test]
fn putting_the_red_cube_in_the_bowl_is_a_pick_and_a_place_with_its_fact() {
    let plan = plan(&cubes_and_bowl(), &[place(red_cube(), Relation::In, bowl())]);
    let spot = relative(Relation::In, 3);
    assert_eq!(plan.skills, [Skill::Pick { object: ID(1) }, Skill::Place { object: ID(1), spot }]);
    assert_eq!(plan.goal, [stands(1, Relation::In, 3)]);
}

#[test]
fn an_ambiguous_phrase_ends_in_a_question_that_names_the_candidates() {
    let (question, candidates) = question(&cubes_and_bowl(), &[Task::Pick(cube())]);
    assert_eq!(question, "Which cube do you mean: the small red cube or the large blue cube?");
    assert_eq!(candidates, [ID(1), ID(2)]);
}

#[test]
fn twins_are_told_apart_by_where_they_lie() {
    let scene = scene(vec![
        object(1, Size::Small, Color::Red, Shape::Cube, [0.5, 0.1, 0.0]),
        object(2, Size::Small, Color::Red, Shape::Cube, [0.5, -0.1, 0.0]),
    ]);
    let (question, _) = question(&scene, &[Task::Pick(red_cube())]);
    assert_eq!(
        question,
        "Which red cube do you mean: the small red cube on the right or the small red cube on the left?"
    );
}

#[test]
fn what_is_not_there_is_refused_with_what_is_seen_instead() {
    let why = refusal(&cubes_and_bowl(), &[Task::Pick(the(Some(Color::Green), Some(Shape::Ball)))]);
    assert_eq!(why, "I see no green ball; I see a small red cube, a large blue cube and a large blue bowl.");
    let why = refusal(&scene(vec![]), &[Task::Pick(red_cube())]);
    assert_eq!(why, "I see no red cube; I see nothing on the table.");
}

#[test]
fn the_other_phrase_of_a_sentence_can_make_an_ambiguous_one_clear() {
    let blue = the(Some(Color::Blue), Some(Shape::Cube));
    let plan = plan(&cubes_and_bowl(), &[place(cube(), Relation::On, blue)]);
    assert_eq!(plan.goal, [stands(1, Relation::On, 2)]);
    let plan = common::plan(&cubes_and_bowl(), &[place(red_cube(), Relation::On, cube())]);
    assert_eq!(plan.goal, [stands(1, Relation::On, 2)]);
}

#[test]
fn nothing_is_put_into_on_or_beside_itself() {
    let why = refusal(&cubes_and_bowl(), &[place(red_cube(), Relation::On, red_cube())]);
    assert_eq!(why, "I cannot put the small red cube on itself.");
}

#[test]
fn containers_are_not_lifted_and_solids_hold_nothing() {
    let why = refusal(&cubes_and_bowl(), &[Task::Pick(bowl())]);
    assert!(why.contains("too large for my gripper"), "{why}");
    let blue = the(Some(Color::Blue), Some(Shape::Cube));
    let why = refusal(&cubes_and_bowl(), &[place(red_cube(), Relation::In, blue)]);
    assert!(why.contains("bowls and trays"), "{why}");
    let why = refusal(&cubes_and_bowl(), &[place(red_cube(), Relation::On, bowl())]);
    assert!(why.contains("open at the top"), "{why}");
}

#[test]
fn a_ball_is_never_a_support_and_a_narrow_top_carries_nothing_wide() {
    let scene = scene(vec![
        object(1, Size::Small, Color::Red, Shape::Cube, [0.45, -0.10, 0.0]),
        object(2, Size::Large, Color::Green, Shape::Ball, [0.55, 0.1, 0.0]),
    ]);
    let ball = the(None, Some(Shape::Ball));
    let why = refusal(&scene, &[place(red_cube(), Relation::On, ball.clone())]);
    assert!(why.contains("nothing stays on a ball"), "{why}");
    let why = refusal(&scene, &[Task::Stack(vec![ball, red_cube()])]);
    assert!(why.contains("nothing stays on a ball"), "{why}");
}

#[test]
fn a_gripper_that_does_not_open_far_enough_says_so() {
    let mut wide = object(1, Size::Large, Color::Red, Shape::Cube, [0.45, -0.10, 0.0]);
    wide.dimensions.x = 0.09;
    wide.dimensions.y = 0.09;
    let why = refusal(&scene(vec![wide]), &[Task::Pick(red_cube())]);
    assert_eq!(why, "I cannot lift the large red cube: it is 90 mm wide, and my gripper opens to 80 mm.");
}

#[test]
fn an_object_out_of_reach_is_refused_per_robot() {
    let far = scene(vec![object(1, Size::Small, Color::Red, Shape::Cube, [0.68, 0.30, 0.0])]);
    let utterance = Utterance::Instruct(vec![Task::Pick(red_cube())]);
    let outcome = planner().decide(&utterance, &far, &state());
    assert!(matches!(outcome, Outcome::Do(_)), "{outcome:?}");
    let mut small = TablePlanner::for_profile(&so101_profile(), planner::Config::default()).expect("valid");
    let Outcome::Refuse(why) = small.decide(&utterance, &far, &state()) else { panic!("out of reach") };
    assert!(why.contains("I cannot reach the small red cube"), "{why}");
    // At the very edge it may be measured a few millimetres outside.
    let edge = |x: f64| scene(vec![object(1, Size::Small, Color::Red, Shape::Cube, [x, 0.02, 0.0])]);
    let x1 = so101_profile().reach_m[1];
    let outcome = small.decide(&utterance, &edge(x1 + 0.003), &state());
    assert!(matches!(outcome, Outcome::Do(_)), "{outcome:?}");
    assert!(matches!(small.decide(&utterance, &edge(x1 + 0.01), &state()), Outcome::Refuse(_)));
}

#[test]
fn what_something_stands_on_is_not_moved() {
    let scene = scene(vec![
        object(1, Size::Large, Color::Red, Shape::Cube, [0.5, 0.0, 0.0]),
        object(2, Size::Small, Color::Blue, Shape::Cube, [0.5, 0.0, 0.05]),
    ]);
    let why = refusal(&scene, &[Task::Pick(red_cube())]);
    assert_eq!(why, "I cannot move the large red cube: the small blue cube stands on it.");
}

#[test]
fn what_is_so_already_moves_nothing() {
    let scene = scene(vec![
        object(1, Size::Small, Color::Red, Shape::Cube, [0.55, 0.15, 0.006]),
        object(3, Size::Large, Color::Blue, Shape::Bowl, [0.55, 0.15, 0.0]),
    ]);
    let outcome = decide(&scene, &[place(red_cube(), Relation::In, bowl())]);
    assert_eq!(
        outcome,
        Outcome::AlreadyDone("The small red cube is already in the large blue bowl.".to_owned())
    );
}

#[test]
fn all_are_put_one_after_the_other_without_those_that_are_there() {
    let mut scene = cubes_and_bowl();
    scene.objects.push(object(4, Size::Small, Color::Green, Shape::Cube, [0.55, 0.15, 0.006]));
    let plan = plan(&scene, &[place(all(None, Some(Shape::Cube)), Relation::In, bowl())]);
    let picked: Vec<_> = plan
        .skills
        .iter()
        .filter_map(|s| if let Skill::Pick { object } = s { Some(object.0) } else { None })
        .collect();
    assert_eq!(plan.skills.len(), 4);
    assert_eq!(picked, [1, 2]);
    assert_eq!(plan.goal.len(), 3);
    let everything = common::plan(&scene, &[place(all(None, None), Relation::In, bowl())]);
    assert_eq!(everything.skills.len(), 4, "the bowl itself is not meant");
}

#[test]
fn a_stack_of_free_order_has_the_largest_below_and_a_ball_on_top() {
    let scene = scene(vec![
        object(1, Size::Small, Color::Red, Shape::Ball, [0.45, -0.10, 0.0]),
        object(2, Size::Small, Color::Blue, Shape::Cube, [0.55, -0.18, 0.0]),
        object(3, Size::Large, Color::Green, Shape::Cube, [0.55, 0.15, 0.0]),
    ]);
    let plan = plan(&scene, &[Task::Stack(vec![all(None, None)])]);
    assert_eq!(plan.goal, [stands(2, Relation::On, 3), stands(1, Relation::On, 2)]);
    let named = [the(Some(Color::Blue), None), the(Some(Color::Green), None)];
    let plan = common::plan(&scene, &[Task::Stack(named.to_vec())]);
    assert_eq!(plan.goal, [stands(3, Relation::On, 2)], "the first is the lowest");
}

#[test]
fn a_stack_that_stands_the_wrong_way_round_is_taken_apart_first() {
    let scene = scene(vec![
        object(1, Size::Large, Color::Red, Shape::Cube, [0.5, 0.0, 0.0]),
        object(2, Size::Large, Color::Blue, Shape::Cube, [0.5, 0.0, 0.05]),
    ]);
    let chain = vec![the(Some(Color::Blue), None), the(Some(Color::Red), None)];
    let plan = plan(&scene, &[Task::Stack(chain)]);
    assert_eq!(plan.skills.len(), 4);
    assert!(matches!(plan.skills[1], Skill::Place { object: ObjectId(2), spot: Spot::Table(_) }));
    assert_eq!(plan.skills[3], Skill::Place { object: ID(1), spot: relative(Relation::On, 2) });
    assert_eq!(plan.goal, [stands(1, Relation::On, 2)]);
}

#[test]
fn too_high_a_stack_is_refused() {
    let objects = (0..5)
        .map(|i| object(i, Size::Small, Color::Red, Shape::Cube, [0.45, -0.2 + 0.1 * f64::from(i), 0.0]))
        .collect();
    let why = refusal(&scene(objects), &[Task::Stack(vec![all(None, Some(Shape::Cube))])]);
    assert_eq!(why, "I stack at most 3 things, and that would be 5.");
}

#[test]
fn sorting_puts_each_into_the_container_of_its_colour_and_refuses_without_one() {
    let mut scene = cubes_and_bowl();
    scene.objects.push(object(4, Size::Large, Color::Red, Shape::Tray, [0.45, 0.2, 0.0]));
    scene.objects[2].position.x = 0.65;
    scene.objects[2].position.y = -0.05;
    let plan = plan(&scene, &[Task::SortByColor(all(None, Some(Shape::Cube)))]);
    let mut goal = plan.goal;
    goal.sort_by_key(|f| if let Fact::Stands { object, .. } = f { object.0 } else { 0 });
    assert_eq!(goal, [stands(1, Relation::In, 4), stands(2, Relation::In, 3)]);
    let only = common::scene(vec![object(1, Size::Small, Color::Green, Shape::Cube, [0.45, -0.10, 0.0])]);
    let why = refusal(&only, &[Task::SortByColor(all(None, None))]);
    assert_eq!(why, "There is no bowl or tray of the same colour for the small green cube.");
}

#[test]
fn a_swap_goes_over_a_third_place_and_ends_with_both_exchanged() {
    let scene = cubes_and_bowl();
    let plan = plan(&scene, &[Task::Swap(red_cube(), the(Some(Color::Blue), Some(Shape::Cube)))]);
    assert_eq!(plan.skills.len(), 6);
    let Skill::Place { spot: Spot::Table(aside), .. } = plan.skills[1] else { panic!("{plan:?}") };
    assert!(scene.objects.iter().all(|o| (o.position.x - aside[0]).hypot(o.position.y - aside[1]) > 0.07));
    let at = |object: u32, point: [f64; 2]| Fact::At { object: ID(object), point, tolerance_m: 0.04 };
    assert_eq!(plan.goal, [at(2, [0.45, -0.10]), at(1, [0.55, -0.18])]);
}

#[test]
fn a_push_slides_to_the_side_and_goes_round_what_is_in_the_way() {
    let mut scene = cubes_and_bowl();
    scene.objects[1].position.y = 0.28;
    let push = |relation, target| Task::Push { object: red_cube(), relation, target };
    let straight = plan(&scene, &[push(Relation::LeftOf, None)]);
    assert_eq!(straight.skills.len(), 1);
    let Skill::Push { to, .. } = straight.skills[0] else { panic!("a push") };
    assert!((to[0] - 0.45).abs() < 1e-9 && (to[1] + 0.20).abs() < 1e-9, "{to:?}");
    assert!(matches!(straight.goal[0], Fact::At { .. }));
    let beside = plan(&scene, &[push(Relation::InFrontOf, Some(bowl()))]);
    assert_eq!(beside.goal, [stands(1, Relation::InFrontOf, 3)]);
    assert!(beside.skills.iter().all(|s| matches!(s, Skill::Push { .. })));
    let behind_blocked = common::refusal(
        &scene,
        &[Task::Push { object: red_cube(), relation: Relation::In, target: Some(bowl()) }],
    );
    assert!(behind_blocked.contains("only slides"), "{behind_blocked}");
}

#[test]
fn a_push_that_is_blocked_ahead_goes_less_far_or_at_a_slant_and_is_refused_only_before_a_wall() {
    let red = object(1, Size::Small, Color::Red, Shape::Cube, [0.50, 0.0, 0.0]);
    let push = [Task::Push { object: red_cube(), relation: Relation::LeftOf, target: None }];
    // Left is towards −y; the blue one's near side is so far from the red one's.
    let with = |gaps: &[(f64, f64)]| {
        let blue = gaps.iter().enumerate().map(|(i, (x, gap))| {
            let at = [*x, -0.017 - gap - 0.025, 0.0];
            object(2 + i as u32, Size::Large, Color::Blue, Shape::Cube, at)
        });
        scene(blue.chain([red.clone()]).collect())
    };
    let end = |scene: &Scene| {
        let plan = plan(scene, &push);
        let Skill::Push { to, .. } = plan.skills[0] else { panic!("{plan:?}") };
        assert_eq!(plan.skills.len(), 1);
        to
    };
    let short = end(&with(&[(0.50, 0.08)]));
    assert!((short[0] - 0.50).abs() < 1e-9 && (-0.08..-0.055).contains(&short[1]), "{short:?}");
    let slanted = end(&with(&[(0.54, 0.03)]));
    assert!(slanted[1] < -0.06 && slanted[0] < 0.49 && 0.50 - slanted[0] < 0.8 * -slanted[1], "{slanted:?}");
    let wall: Vec<_> = [0.35, 0.40, 0.45, 0.50, 0.55, 0.60, 0.65].map(|x| (x, 0.03)).to_vec();
    assert!(refusal(&with(&wall), &push).contains("something is in the way"));
}

#[test]
fn a_bowl_may_be_pushed_with_what_is_in_it() {
    let scene = scene(vec![
        object(1, Size::Small, Color::Red, Shape::Cube, [0.55, 0.05, 0.006]),
        object(3, Size::Small, Color::Blue, Shape::Bowl, [0.55, 0.05, 0.0]),
    ]);
    let push = Task::Push { object: bowl(), relation: Relation::RightOf, target: None };
    assert_eq!(plan(&scene, &[push]).skills.len(), 1);
    let push = Task::Push { object: red_cube(), relation: Relation::RightOf, target: None };
    assert!(refusal(&scene, &[push]).contains("in or on the small blue bowl"));
}

#[test]
fn later_tasks_see_the_scene_as_it_will_be() {
    let tasks = [
        place(red_cube(), Relation::In, bowl()),
        place(the(Some(Color::Blue), Some(Shape::Cube)), Relation::LeftOf, bowl()),
        place(
            Referent { relation: Some((Relation::In, Box::new(bowl()))), ..cube() },
            Relation::On,
            the(Some(Color::Blue), Some(Shape::Cube)),
        ),
    ];
    let plan = plan(&cubes_and_bowl(), &tasks);
    assert_eq!(plan.skills.len(), 6);
    assert_eq!(plan.goal, [stands(2, Relation::LeftOf, 3), stands(1, Relation::On, 2)]);
}

#[test]
fn what_the_hand_holds_is_placed_without_a_pick_and_never_forgotten() {
    let mut planner = planner();
    planner.note_held(Some(ID(1)));
    let scene = cubes_and_bowl();
    let held = state_with_width(0.034);
    let utterance = Utterance::Instruct(vec![place(red_cube(), Relation::In, bowl())]);
    let Outcome::Do(plan) = planner.decide(&utterance, &scene, &held) else { panic!("a plan") };
    assert_eq!(plan.skills.len(), 1);
    let utterance = Utterance::Instruct(vec![Task::Pick(the(Some(Color::Blue), Some(Shape::Cube)))]);
    let outcome = planner.decide(&utterance, &scene, &held);
    assert!(
        matches!(&outcome, Outcome::Clarify { question, .. } if question.starts_with("I hold the small red cube")),
        "{outcome:?}"
    );
    // F20: the fingers are closed, so it was lost.
    assert!(matches!(planner.decide(&utterance, &scene, &state_with_width(0.001)), Outcome::Do(_)));
}

#[test]
fn an_uncertain_object_is_looked_at_again_and_then_asked_about() {
    let mut scene = cubes_and_bowl();
    scene.objects[0].covariance *= 1e3;
    let utterance = Utterance::Instruct(vec![Task::Pick(red_cube())]);
    let mut planner = planner();
    for _ in 0..2 {
        let outcome = planner.decide(&utterance, &scene, &state());
        assert!(is_another_look(&utterance, &outcome), "{outcome:?}");
    }
    let outcome = planner.decide(&utterance, &scene, &state());
    assert!(matches!(outcome, Outcome::Clarify { .. }), "{outcome:?}");
    let mut doubtful = cubes_and_bowl();
    doubtful.objects[0].color = [0.45, 0.0, 0.0, 0.0, 0.55, 0.0, 0.0, 0.0];
    let outcome = planner.decide(&utterance, &doubtful, &state());
    assert!(is_another_look(&utterance, &outcome), "{outcome:?}");
}

#[test]
fn superlatives_need_a_clear_winner() {
    let superlative = |s| Referent { superlative: Some(s), ..cube() };
    let picked = |p: Plan| p.skills[0];
    let scene = cubes_and_bowl();
    let largest = plan(&scene, &[Task::Pick(superlative(Superlative::Largest))]);
    assert_eq!(picked(largest), Skill::Pick { object: ID(2) });
    let nearest = plan(&scene, &[Task::Pick(superlative(Superlative::Furthest))]);
    assert_eq!(picked(nearest), Skill::Pick { object: ID(1) });
    let twins = common::scene(vec![
        object(1, Size::Small, Color::Red, Shape::Cube, [0.45, -0.1, 0.0]),
        object(2, Size::Small, Color::Green, Shape::Cube, [0.45, 0.1, 0.0]),
    ]);
    let (question, _) = question(&twins, &[Task::Pick(superlative(Superlative::Smallest))]);
    assert!(question.starts_with("Which smallest cube do you mean"), "{question}");
}

#[test]
fn any_takes_one_that_works() {
    let scene = scene(vec![
        object(1, Size::Large, Color::Red, Shape::Cube, [0.5, 0.0, 0.0]),
        object(2, Size::Small, Color::Blue, Shape::Ball, [0.5, 0.0, 0.05]),
        object(3, Size::Small, Color::Green, Shape::Cube, [0.5, 0.2, 0.0]),
    ]);
    let plan = plan(&scene, &[Task::Pick(any(None, Some(Shape::Cube)))]);
    assert_eq!(plan.skills, [Skill::Pick { object: ID(3) }]);
}

#[test]
fn readings_that_are_no_instructions_move_nothing() {
    let mut p = planner();
    let scene = cubes_and_bowl();
    for utterance in [
        Utterance::Empty,
        Utterance::Instruct(vec![]),
        Utterance::Unclear("What do you mean by frobnicate?".to_owned()),
        Utterance::Refuse("I will not do that.".to_owned()),
    ] {
        let outcome = p.decide(&utterance, &scene, &state());
        assert!(matches!(outcome, Outcome::Clarify { .. } | Outcome::Refuse(_)), "{outcome:?}");
    }
    let quantity = Task::Pick(cube().with_quantity(Quantity::All));
    assert!(refusal(&scene, &[quantity]).contains("one thing at a time"));
}

#[test]
fn the_same_scene_and_reading_give_the_same_plan() {
    let scene = cubes_and_bowl();
    let tasks = [Task::Swap(red_cube(), the(Some(Color::Blue), Some(Shape::Cube)))];
    assert_eq!(decide(&scene, &tasks), decide(&scene, &tasks));
}
