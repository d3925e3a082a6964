//! An arm of sticks for the collision tests.

use mechanics::{Arm, Body, Geom, GeomShape, Joint, JointKind, Model};
use nalgebra::{Isometry3, Matrix3, Translation3, UnitQuaternion, Vector3};
use types::{GripperProfile, JointLimits, RobotProfile};

fn body(
    name: &str,
    parent: Option<usize>,
    xyz: [f64; 3],
    joint_idx: Option<usize>,
    geoms: Vec<Geom>,
) -> Body {
    Body {
        name: name.into(),
        parent,
        parent_from_body: Isometry3::translation(xyz[0], xyz[1], xyz[2]),
        joint_idx,
        mass: 1.0,
        com: Vector3::zeros(),
        inertia: Matrix3::identity() * 0.01,
        geoms,
    }
}

/// A capsule of radius 0.03 along x from the origin.
fn stick(name: &str, length: f64) -> Geom {
    let half_length = 0.5 * length;
    let along_x = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), core::f64::consts::FRAC_PI_2);
    Geom {
        name: name.into(),
        shape: GeomShape::Capsule { radius: 0.03, half_length },
        body_from_geom: Isometry3::from_parts(Translation3::new(half_length, 0.0, 0.0), along_x),
        collides: true,
        visible: true,
        rgb: [0.5; 3],
    }
}

fn joint(name: &str, body_idx: usize, axis: Vector3<f64>) -> Joint {
    let limits = JointLimits {
        lower: -3.0,
        upper: 3.0,
        velocity: 2.0,
        acceleration: 10.0,
        jerk: 1000.0,
        torque: 50.0,
        torque_rate: 1000.0,
        near_end: Default::default(),
    };
    let axis = nalgebra::Unit::new_normalize(axis);
    Joint {
        name: name.into(),
        kind: JointKind::Revolute,
        body_idx,
        axis,
        limits,
        damping: 0.0,
        armature: 0.0,
        mimic: None,
    }
}

/// A vertical axis at 0.3 m, then links of 0.4 m and 0.3 m, and a hand of 0.07 m fixed to the last;
/// stretched along +x at zero, the tool at 0.8 m pointing along +x.
pub(crate) fn stick_arm() -> Arm {
    let column = Geom {
        name: "column".into(),
        shape: GeomShape::Cylinder { radius: 0.04, half_length: 0.13 },
        body_from_geom: Isometry3::translation(0.0, 0.0, 0.12),
        ..stick("column", 0.1)
    };
    let model = Model {
        name: "sticks".into(),
        bodies: vec![
            body("base", None, [0.0; 3], None, vec![column]),
            body("turret", Some(0), [0.0, 0.0, 0.3], Some(0), vec![]),
            body("upper_arm", Some(1), [0.0; 3], Some(1), vec![stick("upper_arm", 0.4)]),
            body("forearm", Some(2), [0.4, 0.0, 0.0], Some(2), vec![stick("forearm", 0.25)]),
            body("hand", Some(3), [0.3, 0.0, 0.0], None, vec![stick("hand", 0.07)]),
        ],
        joints: vec![
            joint("turn", 1, Vector3::z()),
            joint("lift", 2, Vector3::y()),
            joint("bend", 3, Vector3::y()),
        ],
        warnings: Vec::new(),
    };
    let profile = RobotProfile {
        name: "sticks".into(),
        model: "sticks".into(),
        joints: Vec::new(),
        base_xyz_m: [0.0; 3],
        base_yaw_rad: 0.0,
        tool_link: "hand".into(),
        tool_xyz_m: [0.1, 0.0, 0.0],
        tool_rpy_rad: [0.0, core::f64::consts::FRAC_PI_2, 0.0],
        velocity: Vec::new(),
        acceleration: Vec::new(),
        jerk: Vec::new(),
        torque: Vec::new(),
        torque_rate: Vec::new(),
        near_end_slope: Vec::new(),
        near_end_offset: Vec::new(),
        home: vec![0.0; 3],
        park: Vec::new(),
        kp: Vec::new(),
        kd: Vec::new(),
        reach_m: [0.3, 0.7, -0.3, 0.3],
        gripper: GripperProfile {
            joints: Vec::new(),
            closed: Vec::new(),
            open: Vec::new(),
            width_m: 0.0,
            force_n: 0.0,
            speed_m_s: 0.0,
            acceleration_m_s2: 0.0,
            jerk_m_s3: 0.0,
            force_rate_n_s: 0.0,
            late_s: 0.0,
            center_shift: 0.0,
            finger_depth_m: 0.0,
        },
        drive: types::Drive::Torque,
        overrun_ms: 20.0,
        contact_share: 0.15,
        brakes: false,
    };
    Arm::new(model, profile).expect("an arm of sticks")
}
