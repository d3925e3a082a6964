//! Kinematics and dynamics against each other, against finite differences and against figures that
//! were published.

use mechanics::{
    Arm, ArmData, Data, Jacobian, Model, dynamics, inverse_dynamics, kinematics, tool_jacobian, tool_pose,
};
use nalgebra::{DMatrix, DVector, Isometry3, Point3, Translation3, UnitQuaternion, Vector3};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
use std::path::Path;
use types::{JointVector, RobotProfile};

const ROBOTS: [&str; 2] = ["panda", "so101"];

fn arm(name: &str) -> Arm {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/robots");
    let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).expect("a profile");
    let profile: RobotProfile = toml::from_str(&text).expect("a profile that parses");
    let model = mechanics::load_from(&folder.join(&profile.model), Some(&folder), true).expect("a model");
    assert!(model.warnings.is_empty(), "{:?}", model.warnings);
    Arm::new(model, profile).expect("an arm")
}

fn random(n: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n).map(|_| rng.random::<f64>() * 2.0 - 1.0).collect()
}

fn random_q(model: &Model, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let between = |l: &types::JointLimits, t: f64| l.lower + (l.upper - l.lower) * t;
    model.joints.iter().map(|j| between(&j.limits, rng.random())).collect()
}

fn rnea(model: &Model, data: &mut Data, q: &[f64], dq: &[f64], ddq: &[f64]) -> DVector<f64> {
    let mut tau = vec![0.0; q.len()];
    dynamics::rnea(model, data, q, dq, ddq, &dynamics::GRAVITY, &mut tau);
    DVector::from_vec(tau)
}

/// One step of Craig's Denavit–Hartenberg convention: a, alpha before; d, theta after.
fn craig(a: f64, alpha: f64, d: f64, theta: f64) -> Isometry3<f64> {
    Isometry3::translation(a, 0.0, 0.0)
        * Isometry3::rotation(Vector3::x() * alpha)
        * Isometry3::translation(0.0, 0.0, d)
        * Isometry3::rotation(Vector3::z() * theta)
}

#[test]
fn the_panda_stands_where_its_published_parameters_put_it() {
    let arm = arm("panda");
    assert_eq!(arm.n_joints(), 7);
    let mut data = ArmData::new(&arm);
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..100 {
        let q: Vec<f64> =
            arm.limits().iter().map(|l| l.lower + (l.upper - l.lower) * rng.random::<f64>()).collect();
        let rows = [
            (0.0, 0.0, 0.333),
            (0.0, -FRAC_PI_2, 0.0),
            (0.0, FRAC_PI_2, 0.316),
            (0.0825, FRAC_PI_2, 0.0),
            (-0.0825, -FRAC_PI_2, 0.384),
            (0.0, FRAC_PI_2, 0.0),
            (0.088, FRAC_PI_2, 0.0),
        ];
        let flange = rows
            .iter()
            .zip(&q)
            .fold(Isometry3::identity(), |t, ((a, alpha, d), q)| t * craig(*a, *alpha, *d, *q))
            * Isometry3::translation(0.0, 0.0, 0.107);
        let expected = flange * craig(0.0, 0.0, 0.0, -FRAC_PI_4) * Isometry3::translation(0.0, 0.0, 0.1034);
        let got = tool_pose(&arm, &mut data, &q);
        assert!((got.origin().coords - expected.translation.vector).norm() < 1e-12);
        assert!(got.isometry().rotation.angle_to(&expected.rotation) < 1e-7);
    }
    // The maker's ready pose.
    let ready = [0.0, -FRAC_PI_4, 0.0, -3.0 * FRAC_PI_4, 0.0, FRAC_PI_2, FRAC_PI_4];
    let tool = tool_pose(&arm, &mut data, &ready);
    assert!((tool.origin() - Point3::new(0.3069, 0.0, 0.4869)).norm() < 2e-4, "{}", tool.origin());
    assert!((tool.vector(Vector3::z()) + Vector3::z()).norm() < 1e-9, "the hand points down");
    assert!((tool.vector(Vector3::y()) + Vector3::y()).norm() < 1e-9, "the fingers move sideways");
}

#[test]
fn both_arms_wait_behind_the_objects_with_the_tool_above_the_table() {
    for (name, x, z) in [("panda", 0.28..0.31, 0.5..0.6), ("so101", 0.42..0.48, 0.18..0.3)] {
        let arm = arm(name);
        let mut data = ArmData::new(&arm);
        let at = tool_pose(&arm, &mut data, &arm.home()).origin();
        assert!(x.contains(&at.x) && z.contains(&at.z) && at.y.abs() < 0.01, "{name} {at}");
        let at = tool_pose(&arm, &mut data, &arm.park()).origin();
        assert!(at.x < x.end && at.z > 0.15, "{name} {at}");
    }
}

#[test]
fn the_arm_stretched_out_has_the_published_length_of_the_so101() {
    let arm = arm("so101");
    let mut data = ArmData::new(&arm);
    // All joints at zero: where the published description has its gripper frame.
    let tool = tool_pose(&arm, &mut data, &[0.0; 5]);
    let gripper = data.data.body_pose(arm.tool_body_idx());
    let published = gripper * Point3::new(-0.0079, -0.000218121, -0.0981274);
    assert!((published - Point3::new(0.39136, 0.0, 0.22647)).norm() < 1e-4, "{published}");
    assert!((tool.vector(Vector3::z()) - Vector3::x()).norm() < 1e-3, "the gripper looks ahead");
}

#[test]
fn inverse_dynamics_is_the_mass_matrix_times_acceleration_plus_bias() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for name in ROBOTS {
        let arm = arm(name);
        let mut model = arm.model().clone();
        // Some files give a frame inertia but no mass; both algorithms must see it.
        model.bodies[arm.tool_body_idx()].mass = 0.0;
        let (model, n) = (&model, model.joints.len());
        let mut data = Data::new(model);
        for _ in 0..200 {
            let (q, dq, ddq) = (random_q(model, &mut rng), random(n, &mut rng), random(n, &mut rng));
            let bias = rnea(model, &mut data, &q, &dq, &vec![0.0; n]);
            let tau = rnea(model, &mut data, &q, &dq, &ddq);
            dynamics::crba(model, &mut data, &q);
            let m: DMatrix<f64> = data.mass_matrix().clone();
            assert!((&m * DVector::from_vec(ddq.clone()) + bias - &tau).norm() < 1e-11, "{name}");
            assert!((&m - m.transpose()).norm() == 0.0);
            assert!(m.symmetric_eigenvalues().min() > 0.0, "{name}: positive definite");
            let mut back = vec![0.0; n];
            assert!(dynamics::forward(
                model,
                &mut data,
                &q,
                &dq,
                tau.as_slice(),
                &dynamics::GRAVITY,
                &mut back
            ));
            assert!((DVector::from_vec(back) - DVector::from_vec(ddq)).norm() < 1e-8, "{name}");
        }
    }
}

#[test]
fn gravity_is_the_slope_of_potential_energy() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for name in ROBOTS {
        let arm = arm(name);
        let (model, n) = (arm.model(), arm.model().joints.len());
        let mut data = Data::new(model);
        let mut energy = |q: &[f64]| -> f64 {
            kinematics::forward(model, &mut data, q);
            let height = |i: usize, com: &Vector3<f64>| (data.body_pose(i) * Point3::from(*com)).z;
            model.bodies.iter().enumerate().map(|(i, b)| 9.81 * b.mass * height(i, &b.com)).sum()
        };
        for _ in 0..50 {
            let q = random_q(model, &mut rng);
            let mut tau = vec![0.0; n];
            dynamics::gravity(model, &mut Data::new(model), &q, &dynamics::GRAVITY, &mut tau);
            for j in 0..n {
                let (mut up, mut down) = (q.clone(), q.clone());
                up[j] += 1e-5;
                down[j] -= 1e-5;
                let slope = (energy(&up) - energy(&down)) / 2e-5;
                assert!((slope - tau[j]).abs() < 1e-6, "{name} joint {j}: {slope} and {}", tau[j]);
            }
        }
    }
}

#[test]
fn power_in_is_the_rate_of_kinetic_energy() {
    // Bias forces hold no energy of their own: the torque without gravity and damping, times speed,
    // is the rate of ½ dqᵀ M dq. This sees a wrong Coriolis term, which M·ddq + bias does not.
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for name in ROBOTS {
        let arm = arm(name);
        let (model, n) = (arm.model(), arm.model().joints.len());
        let mut data = Data::new(model);
        let mut kinetic = |q: &[f64], dq: &[f64]| {
            dynamics::crba(model, &mut data, q);
            let v = DVector::from_column_slice(dq);
            0.5 * v.dot(&(data.mass_matrix() * &v))
        };
        for _ in 0..50 {
            let (q, dq, ddq) = (random_q(model, &mut rng), random(n, &mut rng), random(n, &mut rng));
            let at = |t: f64| -> (Vec<f64>, Vec<f64>) {
                let q = (0..n).map(|i| q[i] + t * dq[i] + 0.5 * t * t * ddq[i]).collect();
                (q, (0..n).map(|i| dq[i] + t * ddq[i]).collect())
            };
            let ((q1, v1), (q0, v0)) = (at(1e-5), at(-1e-5));
            let rate = (kinetic(&q1, &v1) - kinetic(&q0, &v0)) / 2e-5;
            let mut tau = vec![0.0; n];
            dynamics::rnea(model, &mut Data::new(model), &q, &dq, &ddq, &Vector3::zeros(), &mut tau);
            let power: f64 = (0..n).map(|i| (tau[i] - model.joints[i].damping * dq[i]) * dq[i]).sum();
            assert!((rate - power).abs() < 1e-6 * (1.0 + power.abs()), "{name}: {rate} and {power}");
        }
    }
}

#[test]
fn the_tool_jacobian_is_the_slope_of_the_tool_pose() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    for name in ROBOTS {
        let arm = arm(name);
        let n = arm.n_joints();
        let (mut data, mut jacobian) = (ArmData::new(&arm), Jacobian::zeros(n));
        for _ in 0..50 {
            let all = random_q(arm.model(), &mut rng);
            let q: Vec<f64> = arm.arm_joint_idx().iter().map(|j| all[*j]).collect();
            tool_jacobian(&arm, &mut data, &q, &mut jacobian);
            for j in 0..n {
                let (mut up, mut down) = (q.clone(), q.clone());
                up[j] += 1e-6;
                down[j] -= 1e-6;
                let (a, b) = (tool_pose(&arm, &mut data, &up), tool_pose(&arm, &mut data, &down));
                let linear = (a.origin() - b.origin()) / 2e-6;
                let angular = (a.isometry().rotation * b.isometry().rotation.inverse()).scaled_axis() / 2e-6;
                assert!((jacobian.fixed_view::<3, 1>(0, j) - linear).norm() < 1e-7, "{name} {j}");
                assert!((jacobian.fixed_view::<3, 1>(3, j) - angular).norm() < 1e-7, "{name} {j}");
            }
        }
    }
}

#[test]
fn an_arm_moved_in_the_world_moves_its_tool_and_keeps_its_gravity() {
    let here = arm("panda");
    let mut profile = here.profile().clone();
    profile.base_xyz_m = [0.3, -0.2, 0.1];
    profile.base_yaw_rad = 0.7;
    let there = Arm::new(here.model().clone(), profile).expect("an arm");
    let q = here.home();
    let (mut a, mut b) = (ArmData::new(&here), ArmData::new(&there));
    let base = Isometry3::from_parts(
        Translation3::new(0.3, -0.2, 0.1),
        UnitQuaternion::from_axis_angle(&Vector3::z_axis(), 0.7),
    );
    let moved = base * tool_pose(&here, &mut a, &q).isometry();
    assert!((moved.translation.vector - tool_pose(&there, &mut b, &q).origin().coords).norm() < 1e-12);
    let zero = JointVector::zeros(7);
    let (mut tau_a, mut tau_b) = (zero, zero);
    inverse_dynamics(&here, &mut a, &q, &zero, &zero, 0.02, &mut tau_a);
    inverse_dynamics(&there, &mut b, &q, &zero, &zero, 0.02, &mut tau_b);
    assert!(tau_a.max_abs_diff(&tau_b) < 1e-10);
    assert!(tau_a[3].abs() > 5.0, "the elbow carries weight: {tau_a:?}");
}

#[test]
fn the_width_of_the_gripper_is_a_function_of_its_joints_and_back() {
    for name in ROBOTS {
        let arm = arm(name);
        let mut full = vec![0.0; arm.model().joints.len()];
        let widest = arm.profile().gripper.width_m;
        for part in [0.0, 0.3, 1.0] {
            arm.full_q(&arm.home(), part * widest, &mut full);
            assert!((arm.width_from_joints(&full) - part * widest).abs() < 1e-12, "{name}");
        }
        for (asked, got) in [(-1.0, 0.0), (1.0, widest)] {
            arm.full_q(&arm.home(), asked, &mut full);
            assert!((arm.width_from_joints(&full) - got).abs() < 1e-12, "{name}: widths are clamped");
        }
    }
}
