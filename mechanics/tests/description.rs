//! An arm written as URDF and read again is the same arm.

use mechanics::{Data, GeomShape, Model, description, mjcf, urdf};
use std::path::Path;

fn built_in(name: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../assets/robots/{name}.xml"));
    mjcf::parse(&std::fs::read_to_string(path).expect("it is there"), name, None, true).expect("an arm")
}

fn again(model: &Model) -> Model {
    urdf::parse(&description::urdf(model, &nalgebra::Isometry3::identity()), "written.urdf", None, true)
        .expect("what was written is a URDF")
}

/// Poses of all bodies in the world of the file, by name, at a pose of the joints that are named so.
fn poses(model: &Model, at: &[(String, f64)]) -> Vec<(String, nalgebra::Isometry3<f64>)> {
    let mut q = vec![0.0; model.joints.len()];
    for (name, value) in at {
        q[model.joint_idx(name).expect("it has that joint")] = *value;
    }
    let mut data = Data::new(model);
    mechanics::kinematics::forward(model, &mut data, &q);
    let pose = |(b, body): (usize, &mechanics::Body)| (body.name.clone(), data.body_pose(b));
    model.bodies.iter().enumerate().map(pose).collect()
}

#[test]
fn kinematics_masses_limits_and_names_are_the_same_after_writing_and_reading() {
    for name in ["panda", "so101"] {
        let (before, after) = (built_in(name), again(&built_in(name)));
        assert_eq!(after.bodies.len(), before.bodies.len());
        assert_eq!(after.joints.len(), before.joints.len());
        for j in &before.joints {
            let written = &after.joints[after.joint_idx(&j.name).expect("the same names")];
            let (a, b) = (&j.limits, &written.limits);
            assert_eq!((a.lower, a.upper, a.velocity, a.torque), (b.lower, b.upper, b.velocity, b.torque));
            assert_eq!(
                (j.kind, j.damping, j.mimic.is_some()),
                (written.kind, written.damping, written.mimic.is_some())
            );
        }
        for body in &before.bodies {
            let written = &after.bodies[after.body_idx(&body.name).expect("the same names")];
            assert!((body.mass - written.mass).abs() < 1e-12 && (body.com - written.com).norm() < 1e-12);
            assert!((body.inertia - written.inertia).norm() < 1e-12, "{name} {}", body.name);
            let collides = |b: &mechanics::Body| b.geoms.iter().filter(|g| g.collides).count();
            assert!(collides(written) >= collides(body), "{name} {}", body.name);
        }
        for k in 0..20 {
            let at: Vec<(String, f64)> = before
                .joints
                .iter()
                .enumerate()
                .map(|(j, joint)| {
                    let l = &joint.limits;
                    let share = 0.5 + 0.5 * (1.0 + 0.7 * f64::from(k) + 2.1 * j as f64).sin();
                    (joint.name.clone(), l.lower + share * (l.upper - l.lower))
                })
                .collect();
            for (body, pose) in poses(&before, &at) {
                let (_, written) =
                    poses(&after, &at).into_iter().find(|(b, _)| *b == body).expect("it is there");
                let off = pose.inv_mul(&written);
                assert!(
                    off.translation.vector.norm() < 1e-9 && off.rotation.angle() < 1e-7,
                    "{name} {body}: {off}"
                );
            }
        }
    }
}

#[test]
fn names_that_are_no_xml_are_written_as_xml_and_a_hull_is_within_its_box() {
    let mut model = built_in("so101");
    model.bodies[1].name = "a \"<&>\" b".into();
    // An arm that names no world stands on one.
    model.bodies[0].name = "base".into();
    let points = [[0.1, -0.2, 0.3], [0.3, 0.1, 0.4], [0.0, 0.0, 0.1]].map(nalgebra::Point3::from).to_vec();
    let geom = &mut model.bodies[1].geoms[0];
    (geom.collides, geom.shape) =
        (true, GeomShape::Hull { points: points.clone(), triangles: vec![[0, 1, 2]] });
    let pose = geom.body_from_geom;
    let after = again(&model);
    assert_eq!((after.bodies[0].name.as_str(), after.bodies[1].name.as_str()), ("world", "base"));
    let body = &after.bodies[after.body_idx("a \"<&>\" b").expect("the same name")];
    let holds = |p: &nalgebra::Point3<f64>| {
        body.geoms.iter().any(|g| match &g.shape {
            GeomShape::Cuboid { half } => {
                let at = g.body_from_geom.inverse_transform_point(&(pose * p));
                (0..3).all(|k| at[k].abs() <= half[k] + 1e-9)
            }
            _ => false,
        })
    };
    assert!(points.iter().all(holds));
}

#[test]
fn an_arm_that_stands_elsewhere_is_written_there() {
    let world_from_base =
        nalgebra::Isometry3::new(nalgebra::Vector3::new(0.3, -0.2, 0.5), [0.1, 0.2, 0.9].into());
    for name in ["panda", "so101"] {
        let before = built_in(name);
        let written = description::urdf(&before, &world_from_base);
        let after = urdf::parse(&written, "written.urdf", None, true).expect("a URDF");
        let there = poses(&after, &[]);
        for (body, pose) in poses(&before, &[]).into_iter().filter(|(b, _)| b != "world") {
            let (_, written) = there.iter().find(|(b, _)| *b == body).expect("it is there");
            let off = (world_from_base * pose).inv_mul(written);
            assert!(
                off.translation.vector.norm() < 1e-9 && off.rotation.angle() < 1e-7,
                "{name} {body}: {off}"
            );
        }
    }
}
