use super::*;
use crate::common::{N, arm};
use nalgebra::DMatrix;

fn all(v: f64) -> JointVector {
    JointVector::from_fn(N, |_| v)
}

fn joints(stiffness: f64, damping_ratio: f64, most: f64) -> Compliance {
    Compliance::Joints { stiffness: all(stiffness), damping_ratio, most: all(most) }
}

/// Stiffness along and about an axis, of the posture; damping; greatest force and moment.
fn tool(axes: TwistAxes, k: [f64; 3], damping_ratio: f64, most: [f64; 2]) -> Compliance {
    Compliance::Tool {
        linear_n_m: [k[0], 1.5 * k[0], 2.0 * k[0]],
        angular_nm_rad: [k[1], 2.0 * k[1], 3.0 * k[1]],
        axes,
        damping_ratio,
        most_n: most[0],
        most_nm: most[1],
        posture_nm_rad: k[2],
    }
}

#[test]
fn every_number_of_a_compliance_is_taken_up_to_its_limits_and_no_farther() {
    let refused = |c: Compliance| c.check(N).err().map(|e| e.field);
    assert_eq!(refused(Compliance::Stiff), None);
    assert_eq!((refused(joints(0.0, 0.1, 1e-3)), refused(joints(1e5, 2.0, 1e4))), (None, None));
    let one = |j: usize, v: f64, other: f64| JointVector::from_fn(N, |i| if i == j { v } else { other });
    for bad in [-1e-9, 1.001e5, f64::NAN] {
        let c = Compliance::Joints { stiffness: one(6, bad, 1.0), damping_ratio: 1.0, most: all(1.0) };
        assert_eq!(refused(c).as_deref(), Some("compliance.stiffness[6]"), "{bad}");
    }
    for bad in [0.9e-3, 1.001e4, f64::INFINITY] {
        let c = Compliance::Joints { stiffness: all(1.0), damping_ratio: 1.0, most: one(2, bad, 1.0) };
        assert_eq!(refused(c).as_deref(), Some("compliance.most[2]"), "{bad}");
    }
    for bad in [0.099, 2.001] {
        assert_eq!(refused(joints(1.0, bad, 1.0)).as_deref(), Some("compliance.damping_ratio"));
        let c = tool(TwistAxes::World, [1.0; 3], bad, [1.0; 2]);
        assert_eq!(refused(c).as_deref(), Some("compliance.damping_ratio"));
    }
    for c in [[0.0, 0.0, 0.0], [5e4, 3e4, 1e5]] {
        assert_eq!(refused(tool(TwistAxes::Tool, c, 1.0, [1e-3, 1e4])), None);
    }
    for (k, most, field) in [
        ([5.1e4, 1.0, 1.0], [1.0, 1.0], "compliance.linear_n_m[2]"),
        ([1.0, 3.4e4, 1.0], [1.0, 1.0], "compliance.angular_nm_rad[2]"),
        ([1.0, 1.0, 1.1e5], [1.0, 1.0], "compliance.posture_nm_rad"),
        ([1.0, 1.0, -0.1], [1.0, 1.0], "compliance.posture_nm_rad"),
        ([1.0, 1.0, 1.0], [0.0, 1.0], "compliance.most_n"),
        ([1.0, 1.0, 1.0], [1.0, 1.1e4], "compliance.most_nm"),
    ] {
        assert_eq!(refused(tool(TwistAxes::World, k, 1.0, most)).as_deref(), Some(field));
    }
}

#[test]
fn from_one_compliance_to_another_it_goes_smoothly_within_three_tenths_of_a_second() {
    let (a, b) = (joints(10.0, 1.0, 5.0), joints(20.0, 1.0, 5.0));
    let mut springs = Springs::new(&arm());
    let is = |springs: &Springs, stiff: f64, yields: bool| {
        assert!((springs.stiff_part() - stiff).abs() < 1e-12, "{}", springs.stiff_part());
        assert_eq!(springs.yields(), yields);
    };
    springs.step(1.0);
    is(&springs, 1.0, false);
    springs.go(a);
    is(&springs, 1.0, true);
    // A quarter of the time is 3 / 16 - 2 / 64 of the way.
    springs.step(0.075);
    is(&springs, 1.0 - 0.156_25, true);
    springs.go(a);
    is(&springs, 1.0 - 0.156_25, true);
    springs.step(0.15);
    is(&springs, 0.156_25, true);
    springs.step(0.075);
    is(&springs, 0.0, true);
    springs.go(Compliance::Stiff);
    is(&springs, 0.0, true);
    springs.step(0.15);
    is(&springs, 0.5, true);
    springs.step(0.2);
    is(&springs, 1.0, false);
    // Turned round before half of the way it has not left yet; after that it has arrived.
    springs.go(a);
    springs.step(0.12);
    springs.go(b);
    assert_eq!((springs.from, springs.to, springs.part), (Compliance::Stiff, b, 0.0));
    springs.step(0.15);
    springs.go(a);
    assert_eq!((springs.from, springs.to, springs.part), (b, a, 0.0));
    springs.reset();
    is(&springs, 1.0, false);
}

/// Where the arm shall be and how fast, and where it is: not far away.
fn places() -> (Reference, JointVector, JointVector) {
    let q = JointVector::from_fn(N, |i| 0.3 + 0.2 * libm::sin(2.0 * i as f64));
    let shall = Reference {
        q: JointVector::from_fn(N, |i| q[i] + 0.02 * libm::cos(3.0 * i as f64)),
        dq: JointVector::from_fn(N, |i| 0.1 * libm::sin(i as f64)),
        ddq: all(0.0),
    };
    (shall, q, JointVector::from_fn(N, |i| 0.05 * libm::cos(5.0 * i as f64)))
}

fn torque(springs: &mut Springs, period: f64) -> JointVector {
    let (shall, q, dq) = places();
    springs.torque(&arm(), &shall, &Seen { q: &q, dq: &dq, width_m: 0.04, period })
}

/// Of this compliance alone, gone over to long ago.
fn settled(c: Compliance, period: f64) -> JointVector {
    let mut springs = Springs::new(&arm());
    springs.go(c);
    springs.step(1.0);
    torque(&mut springs, period)
}

#[test]
fn a_joints_spring_is_as_stiff_and_as_damped_as_was_asked_or_as_the_loop_can_hold() {
    let (shall, q, dq) = places();
    let arm = arm();
    let mass = mass_matrix::<MAX_JOINTS>(&arm, &mut ArmData::new(&arm), &q, 0.04);
    for (k, ratio, most, period) in [(50.0, 0.7, 100.0, 1e-3), (50.0, 0.7, 0.5, 1e-3), (1e4, 1.2, 1e4, 5e-3)]
    {
        let tau = settled(joints(k, ratio, most), period);
        for i in 0..N {
            // A swing of 0.15 rad per tick is the fastest that is held steady.
            let k = k.min(mass[(i, i)] * (0.15 / period) * (0.15 / period));
            let damped = 2.0 * ratio * (k * mass[(i, i)]).sqrt() * (shall.dq[i] - dq[i]);
            let expected = (k * (shall.q[i] - q[i])).clamp(-most, most) + damped;
            assert!((tau[i] - expected).abs() < 1e-9, "joint {i}: {} N·m, not {expected}", tau[i]);
        }
    }
    // On the way from one to another both count, by their parts; stiff is none.
    let (a, b) = (joints(50.0, 0.7, 100.0), joints(20.0, 1.0, 100.0));
    let mut springs = Springs::new(&arm);
    springs.go(a);
    springs.step(0.075);
    let part = torque(&mut springs, 1e-3);
    springs.step(1.0);
    springs.go(b);
    springs.step(0.075);
    let (both, whole, other) = (torque(&mut springs, 1e-3), settled(a, 1e-3), settled(b, 1e-3));
    for i in 0..N {
        assert!((part[i] - 0.156_25 * whole[i]).abs() < 1e-9);
        assert!((both[i] - 0.843_75 * whole[i] - 0.156_25 * other[i]).abs() < 1e-9);
    }
}

/// A function of a symmetric matrix.
fn of(m: &DMatrix<f64>, f: impl Fn(f64) -> f64) -> DMatrix<f64> {
    let e = m.clone().symmetric_eigen();
    &e.eigenvectors * DMatrix::from_diagonal(&e.eigenvalues.map(f)) * e.eigenvectors.transpose()
}

/// The same by roots of matrices instead of double diagonalisation: with W = √A K √A the spring is √A⁻¹ W √A⁻¹ and
/// the damper 2 ζ √A⁻¹ √W √A⁻¹, the one that meets D A D = 4 ζ² K; what holds the posture must not move the tool.
fn by_roots(c: &Compliance, period: f64) -> Vec<f64> {
    let Compliance::Tool { linear_n_m, angular_nm_rad, axes, damping_ratio, most_n, most_nm, posture_nm_rad } =
        c
    else {
        panic!("a tool's spring")
    };
    let (arm, (shall, q, dq)) = (arm(), places());
    let mut data = ArmData::new(&arm);
    let mass = mass_matrix::<MAX_JOINTS>(&arm, &mut data, &q, 0.04);
    let mut jacobian = Jacobian::zeros(N);
    tool_jacobian(&arm, &mut data, &q, &mut jacobian);
    let j = DMatrix::from_fn(6, N, |a, i| jacobian[(a, i)]);
    let mass = DMatrix::from_fn(N, N, |a, b| mass[(a, b)]);
    let inverse = mass.clone().try_inverse().expect("a mass");
    let a = &j * &inverse * j.transpose() + DMatrix::identity(6, 6) * 1e-3;
    let to = *tool_pose(&arm, &mut data, &shall.q).isometry();
    let is = *tool_pose(&arm, &mut data, &q).isometry();
    let turn = match axes {
        TwistAxes::World => Matrix3::identity(),
        TwistAxes::Tool => to.rotation.to_rotation_matrix().into_inner(),
    };
    let mut k = DMatrix::zeros(6, 6);
    for (at, values) in [(0, linear_n_m), (3, angular_nm_rad)] {
        let block = turn * Matrix3::from_diagonal(&Vector3::from(*values)) * turn.transpose();
        k.view_mut((at, at), (3, 3)).copy_from(&block);
    }
    let fastest = 0.15 / period;
    let (root, back) = (of(&a, f64::sqrt), of(&a, |v| 1.0 / v.sqrt()));
    let w = &root * k * &root;
    let omega = |w2: f64| w2.max(0.0).sqrt().min(fastest);
    let spring = &back * of(&w, |w2| omega(w2).powi(2)) * &back;
    let damper = &back * of(&w, |w2| 2.0 * damping_ratio * omega(w2)) * &back;
    let off = to.translation.vector - is.translation.vector;
    let about = (to.rotation * is.rotation.inverse()).scaled_axis();
    let x = DMatrix::from_column_slice(6, 1, &[off.x, off.y, off.z, about.x, about.y, about.z]);
    let slip = DMatrix::from_fn(N, 1, |i, _| shall.dq[i] - dq[i]);
    let mut pressed = spring * x;
    for (at, most) in [(0, *most_n), (3, *most_nm)] {
        let size = (0..3).map(|i| pressed[at + i] * pressed[at + i]).sum::<f64>().sqrt();
        if size > most {
            (0..3).for_each(|i| pressed[at + i] *= most / size);
        }
    }
    let posture = DMatrix::from_fn(N, 1, |i, _| {
        let w = (posture_nm_rad / mass[(i, i)]).sqrt().min(fastest);
        mass[(i, i)] * (w * w * (shall.q[i] - q[i]) + (2.0 * damping_ratio * w).max(4.0) * slip[i])
    });
    let moving = a.try_inverse().expect("mobile") * &j * inverse * &posture;
    let tau = j.transpose() * (pressed + damper * (&j * slip) - moving) + posture;
    tau.iter().copied().collect()
}

#[test]
fn a_tools_spring_pulls_by_its_stiffness_is_damped_in_its_modes_and_leaves_the_posture_to_the_rest() {
    use TwistAxes::{Tool, World};
    for (c, period) in [
        (tool(World, [400.0, 20.0, 0.0], 0.7, [1e4, 1e4]), 1e-3),
        (tool(Tool, [400.0, 20.0, 0.0], 0.7, [1e4, 1e4]), 1e-3),
        (tool(Tool, [400.0, 20.0, 30.0], 1.3, [1e4, 1e4]), 1e-3),
        (tool(World, [400.0, 20.0, 5.0], 0.7, [2.0, 1e4]), 1e-3),
        (tool(World, [400.0, 20.0, 5.0], 0.7, [1e4, 0.1]), 1e-3),
        (tool(World, [1e4, 1e3, 1e4], 0.7, [1e4, 1e4]), 1e-2),
        (tool(World, [0.0, 0.0, 0.0], 0.7, [1e4, 1e4]), 1e-3),
    ] {
        let (tau, expected) = (settled(c, period), by_roots(&c, period));
        for i in 0..N {
            let off = (tau[i] - expected[i]).abs();
            assert!(
                off < 1e-6 * (1.0 + expected[i].abs()),
                "{c:?}: joint {i}: {} N·m, not {}",
                tau[i],
                expected[i]
            );
        }
    }
}

#[test]
fn a_force_at_the_tool_is_seen_in_the_torques_that_it_makes() {
    let (arm, (_, q, _)) = (arm(), places());
    let mut jacobian = Jacobian::zeros(N);
    tool_jacobian(&arm, &mut ArmData::new(&arm), &q, &mut jacobian);
    let j = DMatrix::from_fn(6, N, |a, i| jacobian[(a, i)]);
    for axis in 0..6 {
        let force = DMatrix::from_fn(6, 1, |a, _| if a == axis { 10.0 } else { 0.0 });
        let tau = j.transpose() * &force;
        let external = JointVector::from_fn(N, |i| tau[i]);
        let seen = Springs::new(&arm).wrench(&arm, &q, &external);
        // Kept finite by a ten-thousandth on the diagonal.
        let damped = &j * j.transpose() + DMatrix::identity(6, 6) * 1e-4;
        let expected = damped.try_inverse().expect("regular") * &j * tau;
        for a in 0..6 {
            assert!((seen[a] - expected[a]).abs() < 1e-6, "{axis}: {seen:?}, not {expected:?}");
        }
    }
}
