//! What may be asked for now is what would be begun, and nothing else.

mod common;

use common::{object, panda_profile, place, planner, scene, state, state_with_width, the};
use planner::{Config, TablePlanner};
use types::language::{Referent, Relation, Task, Utterance};
use types::plan::Outcome;
use types::seams::Planner;
use types::{Color, ObjectId, Scene, Shape, Size, TaskKind};

const KINDS: [(Color, Shape); 5] = [
    (Color::Red, Shape::Cube),
    (Color::Green, Shape::Ball),
    (Color::Blue, Shape::Bowl),
    (Color::Red, Shape::Bowl),
    (Color::Yellow, Shape::Cylinder),
];

/// Things of these kinds, of which no two look alike, on places that a number draws.
fn drawn(mut n: u64) -> Scene {
    let mut next = |below: u64| {
        n = n.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (n >> 33) % below
    };
    let mut objects = Vec::new();
    for (i, (color, shape)) in KINDS.into_iter().enumerate() {
        if next(3) == 0 {
            continue;
        }
        let (x, y) = (0.36 + 0.08 * next(5) as f64, -0.30 + 0.12 * i as f64 + 0.02 * next(3) as f64);
        objects.push(object(i as u32, Size::Small, color, shape, [x, y, 0.0]));
    }
    scene(objects)
}

fn phrase((color, shape): (Color, Shape)) -> Referent {
    the(Some(color), Some(shape))
}

/// Every task about one or two of the things.
fn tasks() -> Vec<Task> {
    let mut tasks = vec![Task::OpenGripper, Task::CloseGripper, Task::Home, Task::Look];
    for a in KINDS {
        tasks.extend([Task::Pick(phrase(a)), Task::SortByColor(phrase(a))]);
        tasks.extend(Relation::ALL.iter().map(|r| Task::Push {
            object: phrase(a),
            relation: *r,
            target: None,
        }));
        for b in KINDS.into_iter().filter(|b| *b != a) {
            tasks.extend([Task::Stack(vec![phrase(a), phrase(b)]), Task::Swap(phrase(a), phrase(b))]);
            tasks.extend(Relation::ALL.iter().flat_map(|r| {
                let target = Some(phrase(b));
                [place(phrase(a), *r, phrase(b)), Task::Push { object: phrase(a), relation: *r, target }]
            }));
        }
    }
    tasks
}

#[test]
fn a_kind_is_offered_exactly_when_some_task_of_it_would_be_begun() {
    let (mut offered, mut not_offered) = (0, 0);
    for n in 0..10 {
        let scene = drawn(n);
        for held in [None, scene.objects.first().map(|o| o.id)] {
            let state = if held.is_some() { state_with_width(0.03) } else { state() };
            let decide = |task: &Task| {
                let mut planner = planner();
                planner.note_held(held);
                planner.decide(&Utterance::Instruct(vec![task.clone()]), &scene, &state)
            };
            let mut planner = planner();
            planner.note_held(held);
            let offer = planner.offer(&scene, &state);
            let begun: Vec<TaskKind> = tasks()
                .iter()
                .filter(|task| matches!(decide(task), Outcome::Do(_)))
                .map(TaskKind::of)
                .collect();
            for kind in TaskKind::all() {
                assert_eq!(offer.has(kind), begun.contains(&kind), "scene {n}, held {held:?}: {kind:?}");
                if offer.has(kind) { offered += 1 } else { not_offered += 1 }
            }
        }
    }
    assert!(offered > 100 && not_offered > 100, "{offered} and {not_offered}");
}

#[test]
fn without_a_gripper_nothing_that_needs_one_is_offered_or_done() {
    let mut profile = panda_profile();
    profile.gripper.joints.clear();
    let mut planner = TablePlanner::for_profile(&profile, Config::default()).expect("valid");
    let scene = scene(vec![
        object(0, Size::Small, Color::Red, Shape::Cube, [0.5, 0.1, 0.0]),
        object(1, Size::Large, Color::Red, Shape::Bowl, [0.5, -0.1, 0.0]),
    ]);
    let offer = planner.offer(&scene, &state());
    for kind in
        [TaskKind::Pick, TaskKind::Stack, TaskKind::SortByColor, TaskKind::Swap, TaskKind::OpenGripper]
    {
        assert!(!offer.has(kind), "{kind:?}");
    }
    assert!(offer.relations(TaskKind::Place).is_empty() && offer.has(TaskKind::Home));
    for task in [Task::OpenGripper, Task::CloseGripper] {
        let outcome = planner.decide(&Utterance::Instruct(vec![task]), &scene, &state());
        assert!(matches!(&outcome, Outcome::Refuse(why) if why.contains("no gripper")), "{outcome:?}");
    }
}

#[test]
fn an_empty_table_and_a_full_hand_offer_less() {
    let offer = planner().offer(&scene(Vec::new()), &state());
    use TaskKind::{CloseGripper, Home, Look, OpenGripper};
    assert_eq!(offer.kinds(), [OpenGripper, CloseGripper, Home, Look]);
    let scene = scene(vec![
        object(0, Size::Small, Color::Red, Shape::Cube, [0.5, 0.1, 0.0]),
        object(1, Size::Small, Color::Green, Shape::Cube, [0.5, -0.1, 0.0]),
    ]);
    let free = planner().offer(&scene, &state());
    assert!(free.has(TaskKind::Pick) && free.has(TaskKind::Place(Relation::On)));
    assert!(!free.has(TaskKind::Place(Relation::In)) && !free.has(TaskKind::PushBeside(Relation::On)));
    let mut full = planner();
    full.note_held(Some(ObjectId(0)));
    let full = full.offer(&scene, &state_with_width(0.04));
    assert!(!full.has(TaskKind::Pick) && full.has(TaskKind::Place(Relation::On)));
    assert!(!full.has(TaskKind::CloseGripper) && full.relations(TaskKind::PushAlong).is_empty());
}
