//! Skills to motion, over random tables: found, within limits, free of contact, the same every time.

mod common;
#[path = "common/arm.rs"]
mod robot;

use common::scene;
use mechanics::ik::Wanted;
use planner::{Config, Expect, Motion, PlanFailure, Prepared, Step, TablePlanner};
use robot::{arm, at, at_home, check, table};
use types::language::{Referent, Relation, Task, Utterance};
use types::plan::{Outcome, Skill, Spot};
use types::seams::Planner;
use types::{Color, JointState, ObjectId, Scene, Shape, Size};

const AREA: [f64; 4] = [0.40, 0.65, -0.26, 0.26];

fn motion(name: &str) -> Motion {
    Motion::new(arm(name), Config::default()).expect("the default is valid")
}

fn after(prepared: &Prepared, start: &JointState) -> JointState {
    let q = prepared.steps.iter().rev().find_map(|s| match s {
        Step::Move { trajectory, .. } => Some(*trajectory.end()),
        Step::Gripper { .. } => None,
    });
    let width = prepared.held.as_ref().map_or(0.05, |h| h.width_m);
    at(q.unwrap_or(start.q), width)
}

/// Success of one kind of skill over random tables; reasons of failures are printed.
struct Tally {
    done: usize,
    all: usize,
    seconds: f64,
}

impl Tally {
    const NONE: Self = Self { done: 0, all: 0, seconds: 0.0 };

    fn prepare(
        &mut self,
        motion: &mut Motion,
        skill: &Skill,
        scene: &Scene,
        state: &JointState,
        held: Option<&planner::Held>,
    ) -> Option<Prepared> {
        self.all += 1;
        match motion.prepare(skill, scene, state, held) {
            Ok(prepared) => {
                self.done += 1;
                Some(prepared)
            }
            Err(e) => {
                println!("{}: {e}", skill.name());
                None
            }
        }
    }

    fn report(&self, name: &str) {
        let each = self.seconds / self.done.max(1) as f64;
        println!("{name}: {}/{} planned, {each:.1} s each", self.done, self.all);
    }
}

#[test]
fn objects_are_picked_and_placed_beside_others_and_in_containers_on_random_tables() {
    let arm = arm("panda");
    let mut motion = motion("panda");
    let (mut picks, mut places) = (Tally::NONE, Tally::NONE);
    let solids = [Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box];
    for seed in 0..40 {
        let container = if seed % 2 == 0 { Shape::Bowl } else { Shape::Tray };
        let scene = table(seed, &[solids[seed as usize % 4], container], 4, AREA);
        let start = at_home(&arm);
        let pick = Skill::Pick { object: ObjectId(0) };
        let Some(picked) = picks.prepare(&mut motion, &pick, &scene, &start, None) else { continue };
        picks.seconds += check(&arm, &picked, &start, &scene, &[ObjectId(0)]);
        let relation = if seed % 3 == 0 { Relation::NextTo } else { Relation::In };
        let spot = Spot::Relative { relation, target: ObjectId(1) };
        let place = Skill::Place { object: ObjectId(0), spot };
        let holding = after(&picked, &start);
        let held = picked.held.as_ref();
        let Some(placed) = places.prepare(&mut motion, &place, &scene, &holding, held) else { continue };
        places.seconds += check(&arm, &placed, &holding, &scene, &[ObjectId(0)]);
        assert!(placed.held.is_none());
    }
    picks.report("pick");
    places.report("place");
    assert!(picks.done * 100 >= picks.all * 98 && places.done * 100 >= places.all * 98);
}

#[test]
fn whatever_push_is_decided_on_random_tables_gets_its_motion() {
    let arm = arm("panda");
    let mut motion = motion("panda");
    let mut planner = TablePlanner::new(arm.clone(), Config::default()).expect("valid");
    let mut pushes = Tally::NONE;
    for seed in 100..140 {
        let shape = Shape::ALL[seed as usize % 6];
        let scene = table(seed, &[shape], 4, AREA);
        let relation = Relation::ALL[2 + seed as usize % 4];
        let o = &scene.objects[0];
        let object = Referent {
            size: Some(o.most_likely_size()),
            ..common::the(Some(o.most_likely_color()), Some(shape))
        };
        let task = Task::Push { object, relation, target: None };
        let start = at_home(&arm);
        let Outcome::Do(plan) = planner.decide(&Utterance::Instruct(vec![task]), &scene, &start) else {
            continue;
        };
        if let Some(pushed) = pushes.prepare(&mut motion, &plan.skills[0], &scene, &start, None) {
            pushes.seconds += check(&arm, &pushed, &start, &scene, &[ObjectId(0)]);
        }
    }
    pushes.report("push");
    assert!(pushes.all >= 20 && pushes.done * 100 >= pushes.all * 95);
}

#[test]
fn three_are_stacked_and_the_second_layer_of_a_bowl_is_dropped_in() {
    let arm = arm("panda");
    let mut motion = motion("panda");
    let mut scene = scene(vec![
        common::object(1, Size::Large, Color::Red, Shape::Cube, [0.5, -0.15, 0.0]),
        common::object(2, Size::Large, Color::Blue, Shape::Cube, [0.5, 0.0, 0.0]),
        common::object(3, Size::Small, Color::Green, Shape::Cube, [0.5, 0.15, 0.0]),
    ]);
    for (object, below) in [(2, 1), (3, 2)] {
        let start = at_home(&arm);
        let pick = Skill::Pick { object: ObjectId(object) };
        let picked = motion.prepare(&pick, &scene, &start, None).expect("a pick");
        let spot = Spot::Relative { relation: Relation::On, target: ObjectId(below) };
        let place = Skill::Place { object: ObjectId(object), spot };
        let holding = after(&picked, &start);
        let placed = motion.prepare(&place, &scene, &holding, picked.held.as_ref()).expect("a place");
        check(&arm, &placed, &holding, &scene, &[ObjectId(object)]);
        let top = scene.get(ObjectId(below)).expect("there").top();
        let target = scene.get(ObjectId(below)).expect("there").position;
        let o = scene.objects.iter_mut().find(|o| o.id == ObjectId(object)).expect("there");
        o.position = nalgebra::Point3::new(target.x, target.y, top + 0.5 * o.dimensions.z);
    }
}

#[test]
fn the_same_input_plans_the_same_bytes() {
    let arm = arm("panda");
    let scene = table(7, &[Shape::Box, Shape::Bowl], 5, AREA);
    let pick = Skill::Pick { object: ObjectId(0) };
    let first = motion("panda").prepare(&pick, &scene, &at_home(&arm), None);
    let mut again = motion("panda");
    let _ = again.prepare(&Skill::Push { object: ObjectId(2), to: [0.5, 0.0] }, &scene, &at_home(&arm), None);
    assert_eq!(first, again.prepare(&pick, &scene, &at_home(&arm), None));
}

#[test]
fn what_is_out_of_reach_too_wide_or_gone_is_said() {
    let arm = arm("panda");
    let mut motion = motion("panda");
    let mut scene = scene(vec![
        common::object(1, Size::Large, Color::Red, Shape::Cube, [1.2, 0.0, 0.0]),
        common::object(2, Size::Large, Color::Blue, Shape::Bowl, [0.5, 0.2, 0.0]),
    ]);
    let mut failure = |skill: Skill, scene: &Scene| {
        motion.prepare(&skill, scene, &at_home(&arm), None).expect_err("must fail").to_string()
    };
    let why = failure(Skill::Pick { object: ObjectId(1) }, &scene);
    assert!(why.contains("grasp the large red cube: out of reach by"), "{why}");
    let why = failure(Skill::Pick { object: ObjectId(2) }, &scene);
    assert!(why.contains("the gripper opens to 80 mm"), "{why}");
    let why = failure(Skill::Pick { object: ObjectId(9) }, &scene);
    assert!(why.contains("not in the scene"), "{why}");
    let why = failure(Skill::Place { object: ObjectId(1), spot: Spot::Table([0.5, 0.0]) }, &scene);
    assert!(why.contains("does not hold"), "{why}");
    scene.objects[0].position.x = f64::NAN;
    assert!(!failure(Skill::Pick { object: ObjectId(1) }, &scene).is_empty(), "B1");
}

#[test]
fn a_cube_walled_in_on_all_sides_is_not_grasped() {
    let arm = arm("panda");
    let mut motion = motion("panda");
    let mut objects = vec![common::object(0, Size::Large, Color::Red, Shape::Cube, [0.5, 0.0, 0.0])];
    for (i, (dx, dy)) in [(0.055, 0.0), (-0.055, 0.0), (0.0, 0.055), (0.0, -0.055)].into_iter().enumerate() {
        let at = [0.5 + dx, dy, 0.0];
        objects.push(common::object(1 + i as u32, Size::Large, Color::Blue, Shape::Cube, at));
    }
    let pick = Skill::Pick { object: ObjectId(0) };
    let failure = motion.prepare(&pick, &scene(objects), &at_home(&arm), None).expect_err("walled in");
    assert!(
        matches!(&failure, PlanFailure::Collision { second, .. } if second == "the large blue cube"),
        "{failure}"
    );
}

#[test]
fn the_gripper_and_parking_are_steps_too() {
    let arm = arm("panda");
    let mut motion = motion("panda");
    let scene = scene(vec![common::object(0, Size::Large, Color::Red, Shape::Cube, [0.5, 0.0, 0.0])]);
    let home = at_home(&arm);
    let closed = motion.prepare(&Skill::CloseGripper, &scene, &home, None).expect("closing");
    assert!(matches!(closed.steps[..], [Step::Gripper { expect: Expect::Empty, .. }]));
    assert!(motion.prepare(&Skill::Home, &scene, &home, None).expect("there").steps.is_empty());
    let parked = motion.clear_to_park(&home, &scene, None).expect("a clear way");
    assert!(parked.last().expect("one").0.end().max_abs_diff(&arm.park()) < 1e-6);
}

#[test]
fn a_pose_is_reached_from_the_pose_alone_clear_of_what_stands_there() {
    let arm = arm("panda");
    let scene = table(3, &[Shape::Box, Shape::Bowl], 4, AREA);
    let home = at_home(&arm);
    let mut data = mechanics::ArmData::new(&arm);
    let there = types::JointVector::from_slice(&[1.2, 0.3, -0.4, -1.9, 0.5, 2.4, -0.8]).expect("seven");
    let target = mechanics::tool_pose(&arm, &mut data, &there);
    let first = motion("panda").reach(&target, Wanted::Pose, &home, &scene).expect("it is in reach");
    check(&arm, &first, &home, &scene, &[]);
    let tool = mechanics::tool_pose(&arm, &mut data, &after(&first, &home).q);
    assert!((tool.origin() - target.origin()).norm() < 1e-3);
    assert!(tool.isometry().rotation.angle_to(&target.isometry().rotation) < 2e-3);
    let again = motion("panda").reach(&target, Wanted::Pose, &home, &scene).expect("the same");
    assert_eq!(first, again);
}

#[test]
fn a_way_along_the_end_of_a_joints_range_is_as_slow_as_it_has_to_be_there() {
    let (scene, strong) = (scene(Vec::new()), arm("panda"));
    let mut profile = strong.profile().clone();
    profile.near_end_slope = vec![0.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0];
    profile.near_end_offset = vec![0.3; 7];
    let slow = std::sync::Arc::new(mechanics::Arm::new(strong.model().clone(), profile).expect("they fit"));
    let mut there = strong.home();
    there[5] = strong.limits()[5].upper - 0.05;
    let target = mechanics::tool_pose(&strong, &mut mechanics::ArmData::new(&strong), &there);
    let haste = |arm: &std::sync::Arc<mechanics::Arm>| {
        let mut motion = Motion::new(arm.clone(), Config::default()).expect("the default is valid");
        let prepared = motion.reach(&target, Wanted::Pose, &at_home(arm), &scene).expect("in reach");
        let mut most = 0.0_f64;
        for step in &prepared.steps {
            let Step::Move { trajectory, .. } = step else { continue };
            for k in 0..=(trajectory.duration() * 500.0) as usize {
                let p = trajectory.sample(0.002 * k as f64);
                let l = &slow.limits()[5];
                most = most.max(p.dq[5].abs() / l.fastest(p.q[5], p.dq[5]));
            }
        }
        most
    };
    assert!(haste(&strong) > 1.5, "the other arm goes there too fast: {}", haste(&strong));
    assert!(haste(&slow) <= 1.001, "{}", haste(&slow));
}

#[test]
fn a_pose_out_of_reach_or_in_the_table_is_refused_with_the_reason() {
    let (arm, scene) = (arm("panda"), scene(Vec::new()));
    let reach = |z: f64, x: f64| {
        let target = planner::pointing_down(nalgebra::Point3::new(x, 0.0, z), 0.0);
        motion("panda").reach(&target, Wanted::Pose, &at_home(&arm), &scene).expect_err("no way")
    };
    let far = reach(0.3, 1.5);
    assert!(matches!(far, PlanFailure::Unreachable { by_m, .. } if by_m > 0.4), "{far}");
    let deep = reach(-0.05, 0.5);
    assert!(matches!(&deep, PlanFailure::Collision { second, .. } if second == "the table"), "{deep}");
}

#[derive(Debug)]
struct Impatient(std::sync::Arc<std::sync::atomic::AtomicU64>);

impl planner::Patience for Impatient {
    fn begin(&mut self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn goes_on(&mut self) -> bool {
        false
    }
}

#[test]
fn without_patience_a_skill_is_planned_from_first_answers_or_refused_for_want_of_time() {
    let (arm, scene) = (arm("panda"), scene(Vec::new()));
    let mut motion = motion("panda");
    let questions = std::sync::Arc::default();
    motion.set_patience(Box::new(Impatient(std::sync::Arc::clone(&questions))));
    let mut reach = |x: f64| {
        let target = planner::pointing_down(nalgebra::Point3::new(x, 0.0, 0.3), 0.0);
        motion.reach(&target, Wanted::Pose, &at_home(&arm), &scene)
    };
    let near = reach(0.5).expect("from home the first start finds it");
    check(&arm, &near, &at_home(&arm), &scene, &[]);
    let far = reach(1.5).expect_err("too far");
    assert!(matches!(far, PlanFailure::Late { .. }) && far.to_string().contains("in the time"), "{far}");
    assert!(questions.load(std::sync::atomic::Ordering::Relaxed) > 1, "every question begins anew");
}

#[test]
fn an_arm_that_stands_close_to_itself_steps_aside_and_goes_home() {
    use rand::{Rng, SeedableRng};
    let arm = arm("panda");
    let (mut motion, config) = (motion("panda"), Config::default());
    let mut checker = mechanics::collision::Checker::new(&arm);
    let mut data = mechanics::ArmData::new(&arm);
    let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let (mut n, mut home) = (0, 0);
    while n < 20 {
        let q = types::JointVector::from_fn(7, |j| {
            let l = &arm.limits()[j];
            rng.random_range(l.lower..l.upper)
        });
        let near = checker.distance(&arm, &mut data, &q, 0.05).distance;
        let tool = mechanics::tool_pose(&arm, &mut data, &q).origin();
        // High above the table only the arm itself is near.
        if !(0.0005..config.free_margin_m).contains(&near) || tool.z < 0.4 {
            continue;
        }
        n += 1;
        match motion.prepare(&Skill::Home, &scene(vec![]), &at(q, 0.05), None) {
            Ok(_) => home += 1,
            Err(e) => println!("{e}"),
        }
    }
    assert!(home >= 18, "{home} of {n}");
}
