//! What is carried counts, and the centre of mass is where gravity says it is.

use mechanics::{Data, Model, Payload, dynamics, load};
use nalgebra::{Isometry3, Matrix3, Point3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

const ROBOTS: [&str; 2] = ["panda", "so101"];

fn model(name: &str) -> Model {
    let file = format!("{}/../assets/robots/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    load(Path::new(&file)).expect("a robot")
}

fn random_q(model: &Model, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let within = |l: types::JointLimits| rng.random_range(l.lower.max(-3.0)..l.upper.min(3.0));
    model.joints.iter().map(|j| j.limits).map(within).collect()
}

fn payload() -> Payload {
    Payload {
        mass: 0.7,
        com: Vector3::new(0.02, -0.03, 0.11),
        inertia: Matrix3::from_diagonal(&Vector3::new(1e-3, 2e-3, 1.5e-3)),
    }
}

/// The same model with the payload as a body of its own, turned and put where the payload is.
fn with_body(model: &Model, carrier: usize, p: &Payload) -> Model {
    let mut built = model.clone();
    let turn = UnitQuaternion::from_euler_angles(0.4, -0.7, 1.1);
    let mut body = built.bodies[carrier].clone();
    body.name = "payload".into();
    body.parent = Some(carrier);
    body.joint_idx = None;
    body.parent_from_body = Isometry3::from_parts(Translation3::from(p.com), turn);
    body.mass = p.mass;
    body.com = Vector3::zeros();
    let r = turn.to_rotation_matrix();
    body.inertia = r.matrix().transpose() * p.inertia * r.matrix();
    built.bodies.push(body);
    built
}

#[test]
fn what_a_body_carries_weighs_and_resists_as_a_body_of_its_own_would() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for name in ROBOTS {
        let model = model(name);
        let n = model.joints.len();
        for carrier in [model.bodies.len() - 1, model.joints[2].body_idx, 0] {
            let built = with_body(&model, carrier, &payload());
            let (mut carrying, mut body) = (Data::new(&model), Data::new(&built));
            carrying.set_payload(carrier, Some(&payload())).expect("a payload");
            for _ in 0..20 {
                let q = random_q(&model, &mut rng);
                let dq: Vec<f64> = (0..n).map(|_| rng.random_range(-2.0..2.0)).collect();
                let (mut a, mut b) = (vec![0.0; n], vec![0.0; n]);
                let g = &dynamics::GRAVITY;
                dynamics::rnea(&model, &mut carrying, &q, &dq, &dq, g, &mut a);
                dynamics::rnea(&built, &mut body, &q, &dq, &dq, g, &mut b);
                assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-11), "{name}: {a:?} {b:?}");
                dynamics::crba(&model, &mut carrying, &q);
                dynamics::crba(&built, &mut body, &q);
                assert!((carrying.mass_matrix() - body.mass_matrix()).amax() < 1e-12, "{name}");
                let tau = a.clone();
                assert!(dynamics::forward(&model, &mut carrying, &q, &dq, &tau, g, &mut a));
                assert!(a.iter().zip(&dq).all(|(a, dq)| (a - dq).abs() < 1e-7), "{name}: back again");
            }
            carrying.set_payload(carrier, None).expect("nothing");
            let (q, zero) = (random_q(&model, &mut rng), vec![0.0; n]);
            let (mut a, mut b) = (zero.clone(), zero.clone());
            dynamics::gravity(&model, &mut carrying, &q, &dynamics::GRAVITY, &mut a);
            dynamics::gravity(&model, &mut Data::new(&model), &q, &dynamics::GRAVITY, &mut b);
            assert_eq!(a, b, "{name}: put down, it weighs nothing");
        }
    }
}

#[test]
fn a_payload_that_is_none_is_refused_by_name_and_the_old_one_stays() {
    let model = model("panda");
    let mut data = Data::new(&model);
    let hand = model.bodies.len() - 1;
    data.set_payload(hand, Some(&payload())).expect("a payload");
    let before = dynamics::center_of_mass(&model, &mut data, &vec![0.0; model.joints.len()]);
    let mut nan = payload();
    nan.inertia[(1, 2)] = f64::NAN;
    for (bad, field) in [
        (Payload { mass: -0.1, ..payload() }, "payload.mass"),
        (Payload { mass: f64::INFINITY, ..payload() }, "payload.mass"),
        (Payload { com: Vector3::new(0.0, f64::NAN, 0.0), ..payload() }, "payload.com"),
        (nan, "payload.inertia"),
        (Payload { inertia: Matrix3::from_diagonal_element(-1e-3), ..payload() }, "payload.inertia"),
        (
            Payload { inertia: Matrix3::new(1.0, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), ..payload() },
            "payload.inertia",
        ),
        (
            Payload { inertia: Matrix3::from_diagonal(&Vector3::new(1.0, 1.0, 9.0)), ..payload() },
            "payload.inertia",
        ),
    ] {
        assert_eq!(data.set_payload(hand, Some(&bad)).expect_err("bad").field, field);
    }
    assert_eq!(dynamics::center_of_mass(&model, &mut data, &vec![0.0; model.joints.len()]), before);
    let point = Payload { inertia: Matrix3::zeros(), ..payload() };
    data.set_payload(hand, Some(&point)).expect("a point mass");
}

#[test]
fn the_centre_of_mass_falls_as_fast_as_gravity_works() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for name in ROBOTS {
        let model = model(name);
        let n = model.joints.len();
        let mut data = Data::new(&model);
        data.set_payload(model.bodies.len() - 1, Some(&payload())).expect("a payload");
        let bodies: f64 = model.bodies.iter().filter(|b| moves(&model, b)).map(|b| b.mass).sum();
        for _ in 0..20 {
            let q = random_q(&model, &mut rng);
            let mut tau = vec![0.0; n];
            dynamics::gravity(&model, &mut data, &q, &dynamics::GRAVITY, &mut tau);
            for j in 0..n {
                let mut height = |by: f64| {
                    let mut q = q.clone();
                    q[j] += by;
                    let (mass, com) = dynamics::center_of_mass(&model, &mut data, &q);
                    assert!((mass - bodies - 0.7).abs() < 1e-12, "{name}: {mass} kg");
                    mass * 9.81 * com.z
                };
                let slope = (height(1e-5) - height(-1e-5)) / 2e-5;
                assert!((slope - tau[j]).abs() < 1e-6, "{name} {j}: {slope} and {}", tau[j]);
            }
        }
    }
    let nothing = Model { name: "nothing".into(), bodies: vec![], joints: vec![], warnings: vec![] };
    let (mass, com) = dynamics::center_of_mass(&nothing, &mut Data::new(&nothing), &[]);
    assert_eq!((mass, com), (0.0, Point3::origin()));
}

fn moves(model: &Model, body: &mechanics::Body) -> bool {
    let mut at = Some(body);
    while let Some(b) = at {
        if b.joint_idx.is_some() {
            return true;
        }
        at = b.parent.map(|p| &model.bodies[p]);
    }
    false
}

#[test]
fn joints_of_any_axis_and_kind_compose_as_their_motions_do() {
    // Against poses multiplied out one by one, for axes in every direction.
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..200 {
        let mut model = model("so101");
        for joint in &mut model.joints {
            let mut one = || rng.random_range(-1.0..1.0f64);
            let mut v = Vector3::new(one(), one(), one());
            match rng.random_range(0..4) {
                0 => v = Vector3::ith(rng.random_range(0..3), 1.0),
                1 => v = -Vector3::ith(rng.random_range(0..3), 1.0),
                _ => {}
            }
            joint.axis = nalgebra::Unit::new_normalize(v);
            if rng.random_bool(0.3) {
                joint.kind = mechanics::JointKind::Prismatic;
            }
        }
        let q: Vec<f64> = model.joints.iter().map(|_| rng.random_range(-3.0..3.0)).collect();
        let mut data = Data::new(&model);
        mechanics::kinematics::forward(&model, &mut data, &q);
        let mut poses: Vec<Isometry3<f64>> = Vec::new();
        for (i, body) in model.bodies.iter().enumerate() {
            let parent = body.parent.map_or_else(Isometry3::identity, |p| poses[p]);
            let motion = body.joint_idx.map_or_else(Isometry3::identity, |j| {
                let joint = &model.joints[j];
                mechanics::kinematics::joint_motion(joint.kind, &joint.axis, q[j])
            });
            poses.push(parent * body.parent_from_body * motion);
            let off = poses[i].inverse() * data.body_pose(i);
            assert!(off.translation.vector.norm() < 1e-12, "{}", body.name);
            assert!(off.rotation.angle() < 1e-7, "{}", body.name);
        }
    }
}
