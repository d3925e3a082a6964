//! Whole sentences over random tables: decided, every skill planned in turn as if the ones before had
//! gone well, all goals true in the end.

mod common;
#[path = "common/arm.rs"]
mod robot;

use common::{all, place, the};
use mechanics::{Arm, ArmData, tool_pose};
use planner::{Config, Held, Motion, Prepared, Step, TablePlanner, Verdict, judge};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use robot::{arm, at, at_home, check_within, table};
use types::language::{Referent, Relation, Task, Utterance};
use types::plan::{Outcome, Skill, Spot};
use types::seams::Planner;
use types::{JointState, ObjectId, Scene, Shape, TrackedObject};

const AREA: [f64; 4] = [0.38, 0.66, -0.27, 0.27];

/// "the small red cube", as precise as can be.
fn named(o: &TrackedObject) -> Referent {
    Referent {
        size: Some(o.most_likely_size()),
        ..the(Some(o.most_likely_color()), Some(o.most_likely_shape()))
    }
}

/// The scene and the arm after a skill that went well: what was held is where the tool let it go.
fn advance(
    arm: &Arm,
    prepared: &Prepared,
    skill: &Skill,
    held: Option<&Held>,
    scene: &mut Scene,
    state: &JointState,
) -> JointState {
    let mut data = ArmData::new(arm);
    let mut q = state.q;
    for step in &prepared.steps {
        match step {
            Step::Move { trajectory, .. } => q = *trajectory.end(),
            Step::Gripper { .. } => {
                if let (Skill::Place { object, .. }, Some(held)) = (skill, held) {
                    let at = tool_pose(arm, &mut data, &q).isometry() * held.tool_from_object;
                    let o = scene.objects.iter_mut().find(|o| o.id == *object).expect("tracked");
                    o.position = at.translation.vector.into();
                    let x = at.rotation * nalgebra::Vector3::x();
                    o.yaw = x.y.atan2(x.x);
                    if let Skill::Place { spot: Spot::Relative { relation: Relation::In, .. }, .. } = skill {
                        // A heap slides apart.
                        o.position.z = 0.004 + 0.5 * o.dimensions.z;
                    }
                }
            }
        }
    }
    if let Skill::Push { object, to } = skill {
        let o = scene.objects.iter_mut().find(|o| o.id == *object).expect("tracked");
        (o.position.x, o.position.y) = (to[0], to[1]);
    }
    at(q, prepared.held.as_ref().map_or(0.06, |h| h.width_m))
}

/// The scene as a camera would measure it: places off by up to `noise_m` along each axis, and turned by
/// up to a tenth of a radian per 5 mm of that.
fn measured(scene: &Scene, noise_m: f64, rng: &mut ChaCha8Rng) -> Scene {
    let mut out = scene.clone();
    if noise_m > 0.0 {
        for o in &mut out.objects {
            for i in 0..3 {
                o.position[i] += rng.random_range(-noise_m..noise_m);
            }
            o.yaw += rng.random_range(-1.0..1.0) * 20.0 * noise_m;
        }
    }
    out
}

/// Carries a sentence out; how many seconds it takes, or why it does not work.
fn carry_out(
    motion: &mut Motion,
    arm: &std::sync::Arc<Arm>,
    scene: &Scene,
    tasks: &[Task],
    noise_m: f64,
) -> Result<f64, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut planner = TablePlanner::new(arm.clone(), Config::default()).expect("valid");
    let mut state = at_home(arm);
    let plan = match planner.decide(
        &Utterance::Instruct(tasks.to_vec()),
        &measured(scene, noise_m, &mut rng),
        &state,
    ) {
        Outcome::Do(plan) => plan,
        Outcome::AlreadyDone(_) => return Ok(0.0),
        other => return Err(format!("{other:?}")),
    };
    let mut now = scene.clone();
    let mut held: Option<Held> = None;
    let mut seconds = 0.0;
    for skill in &plan.skills {
        let prepared = motion
            .prepare(skill, &measured(&now, noise_m, &mut rng), &state, held.as_ref())
            .map_err(|e| format!("{}: {e}", skill.name()))?;
        let touched = match skill {
            Skill::Pick { object } | Skill::Place { object, .. } | Skill::Push { object, .. } => {
                vec![*object]
            }
            _ => vec![],
        };
        seconds += check_within(arm, &prepared, &state, &now, &touched, noise_m)?;
        if std::env::var("SINEW_BREAKDOWN").is_ok() {
            println!("{}: {}", skill.name(), robot::breakdown(&prepared));
        }
        state = advance(arm, &prepared, skill, held.as_ref(), &mut now, &state);
        held = prepared.held;
    }
    if std::env::var("SINEW_BREAKDOWN").is_ok() {
        println!("{seconds:.1} s for {} skills", plan.skills.len());
    }
    for fact in &plan.goal {
        let verdict = judge(fact, &now, &state, scene);
        if verdict != Verdict::Holds {
            return Err(format!("{fact:?}: {verdict:?}"));
        }
    }
    Ok(seconds)
}

type Family = (&'static str, Vec<Shape>, fn(&Scene) -> Vec<Task>);

fn families() -> Vec<Family> {
    use Relation::{Behind, In, InFrontOf, LeftOf, NextTo, On, RightOf};
    use Shape::{Ball, Bowl, Box, Cube, Cylinder, Tray};
    fn o(scene: &Scene, id: u32) -> Referent {
        named(scene.get(ObjectId(id)).expect("there"))
    }
    vec![
        ("put in", vec![Cube, Bowl], |s| vec![place(o(s, 0), In, o(s, 1))]),
        ("put a box in", vec![Box, Bowl], |s| vec![place(o(s, 0), In, o(s, 1))]),
        ("put on", vec![Cylinder, Cube], |s| vec![place(o(s, 0), On, o(s, 1))]),
        ("put on a tray", vec![Ball, Tray], |s| vec![place(o(s, 0), On, o(s, 1))]),
        ("stack three", vec![Cube, Cube, Box], |s| vec![Task::Stack(vec![o(s, 2), o(s, 0), o(s, 1)])]),
        ("left and right", vec![Cube, Ball, Bowl], |s| {
            vec![place(o(s, 0), LeftOf, o(s, 2)), place(o(s, 1), RightOf, o(s, 2))]
        }),
        ("front and behind", vec![Cylinder, Cube, Tray], |s| {
            vec![place(o(s, 0), InFrontOf, o(s, 2)), place(o(s, 1), Behind, o(s, 2))]
        }),
        ("next to", vec![Box, Cylinder], |s| vec![place(o(s, 0), NextTo, o(s, 1))]),
        ("push to", vec![Cube, Bowl], |s| {
            vec![Task::Push { object: o(s, 0), relation: LeftOf, target: Some(o(s, 1)) }]
        }),
        ("all in", vec![Ball, Ball, Cube, Bowl], |s| vec![place(all(None, Some(Ball)), In, o(s, 3))]),
        ("swap", vec![Cube, Cylinder], |s| vec![Task::Swap(o(s, 0), o(s, 1))]),
    ]
}

/// Tables per family; more on demand.
fn n_tables() -> u64 {
    std::env::var("SINEW_TABLES").ok().and_then(|v| v.parse().ok()).unwrap_or(6)
}

#[test]
fn whole_sentences_are_carried_out_on_cluttered_tables() {
    let arm = arm("panda");
    let mut motion = Motion::new(arm.clone(), Config::default()).expect("valid");
    let n = n_tables();
    let (mut done, mut tried) = (0, 0);
    for (k, (family, wanted, tasks)) in families().into_iter().enumerate() {
        let (mut works, mut asked, mut seconds) = (0, 0, 0.0);
        for seed in 0..n {
            let scene = table(1000 * k as u64 + seed, &wanted, 3 + seed as usize % 4, AREA);
            // Every other table is measured as badly as a camera may.
            let noise_m = if seed % 2 == 0 { 0.0 } else { 0.005 };
            match carry_out(&mut motion, &arm, &scene, &tasks(&scene), noise_m) {
                Ok(s) => {
                    works += 1;
                    seconds += s;
                }
                // Twins by chance: the question is right.
                Err(why) if why.starts_with("Clarify") => asked += 1,
                // The target was laid at the edge of the reach: so is that.
                Err(why) if why.contains("no free place within reach") || why.contains("is full") => {
                    asked += 1
                }
                Err(why) => {
                    println!("{family}, table {seed}: {why}");
                    for o in &scene.objects {
                        println!(
                            "    {} {:.3} {:.3} yaw {:.2}",
                            o.describe(),
                            o.position.x,
                            o.position.y,
                            o.yaw
                        );
                    }
                }
            }
        }
        println!("{family}: {works} of {}, {:.1} s each", n - asked, seconds / works.max(1) as f64);
        done += works;
        tried += n - asked;
    }
    println!("{done} of {tried}");
    assert!(done * 100 >= tried * 95);
}

#[test]
fn the_small_arm_puts_a_cube_in_a_bowl_on_another_and_beside() {
    let arm = arm("so101");
    let mut motion = Motion::new(arm.clone(), Config::default()).expect("valid");
    let [x0, x1, y0, y1] = arm.profile().reach_m;
    let (mut works, mut tried) = (0, 0);
    for seed in 0..n_tables() {
        let scene = table(5000 + seed, &[Shape::Cube, Shape::Bowl], 1, [x0, x1, y0, y1]);
        let o = |id: u32| named(scene.get(ObjectId(id)).expect("there"));
        for tasks in [
            vec![place(o(0), Relation::In, o(1))],
            vec![place(o(0), Relation::NextTo, o(2))],
            vec![Task::Push { object: o(0), relation: Relation::LeftOf, target: None }],
        ] {
            match carry_out(&mut motion, &arm, &scene, &tasks, 0.0) {
                Ok(_) => works += 1,
                Err(why) if why.starts_with("Clarify") || why.starts_with("Refuse") => continue,
                Err(why) => println!("table {seed}: {why}"),
            }
            tried += 1;
        }
    }
    println!("{works} of {tried}");
    assert!(works * 100 >= tried * 90);
}
