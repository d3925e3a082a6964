//! Scenes made by hand, for tests.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use nalgebra::{Matrix3, Point3};
use planner::{Config, TablePlanner};
use types::language::{Quantity, Referent, Relation, Task, Utterance};
use types::plan::{Outcome, Plan};
use types::seams::Planner;
use types::{
    Color, GripperProfile, GripperState, JointState, JointVector, ObjectId, RobotProfile, Scene, Shape, Size,
    Time, TrackedObject,
};

/// An object that was seen well. `z` is the height of its underside.
pub fn object(id: u32, size: Size, color: Color, shape: Shape, xyz: [f64; 3]) -> TrackedObject {
    let mut o = TrackedObject {
        id: ObjectId(id),
        color: [0.01; 8],
        shape: [0.01; 6],
        size: [0.05; 2],
        position: Point3::new(xyz[0], xyz[1], xyz[2] + 0.5 * shape.dimensions(size).z),
        yaw: 0.0,
        dimensions: shape.dimensions(size),
        covariance: Matrix3::identity() * 4e-6,
        seen: Time::from_secs_f64(10.0),
        n_seen: 5,
    };
    o.color[color.index()] = 0.93;
    o.shape[shape.index()] = 0.95;
    o.size[size.index()] = 0.95;
    o
}

/// A scene of these objects, seen just now.
pub fn scene(objects: Vec<TrackedObject>) -> Scene {
    Scene { stamp: Time::from_secs_f64(10.0), objects }
}

/// A profile with the reach and gripper of the seven-joint arm.
pub fn panda_profile() -> RobotProfile {
    profile([0.32, 0.72, -0.34, 0.34], 0.08)
}

/// A profile with the reach and gripper of the small five-joint arm.
pub fn so101_profile() -> RobotProfile {
    profile([0.38, 0.60, -0.20, 0.20], 0.065)
}

fn profile(reach_m: [f64; 4], width_m: f64) -> RobotProfile {
    RobotProfile {
        name: "arm".to_owned(),
        model: "arm.xml".to_owned(),
        joints: Vec::new(),
        base_xyz_m: [0.0; 3],
        base_yaw_rad: 0.0,
        tool_link: String::new(),
        tool_xyz_m: [0.0; 3],
        tool_rpy_rad: [0.0; 3],
        velocity: Vec::new(),
        acceleration: Vec::new(),
        jerk: Vec::new(),
        torque: Vec::new(),
        torque_rate: Vec::new(),
        near_end_slope: Vec::new(),
        near_end_offset: Vec::new(),
        home: vec![0.0; 7],
        park: Vec::new(),
        kp: Vec::new(),
        kd: Vec::new(),
        reach_m,
        gripper: GripperProfile {
            joints: vec!["finger".to_owned()],
            closed: vec![0.0],
            open: vec![0.04],
            width_m,
            force_n: 40.0,
            speed_m_s: 0.1,
            acceleration_m_s2: 0.0,
            jerk_m_s3: 0.0,
            force_rate_n_s: 0.0,
            late_s: 0.0,
            center_shift: 0.0,
            finger_depth_m: 0.01,
        },
        drive: types::Drive::Torque,
        overrun_ms: 20.0,
        contact_share: 0.15,
        brakes: false,
    }
}

pub fn planner() -> TablePlanner {
    TablePlanner::for_profile(&panda_profile(), Config::default()).expect("the default is valid")
}

pub fn state_with_width(width_m: f64) -> JointState {
    let zero = JointVector::zeros(7);
    let gripper = GripperState { width_m, speed_m_s: 0.0, force_n: 0.0 };
    JointState { stamp: Time::from_secs_f64(10.0), q: zero, dq: zero, tau: zero, gripper }
}

pub fn state() -> JointState {
    state_with_width(0.08)
}

/// "the red cube"; `None` for "object".
pub fn the(color: Option<Color>, shape: Option<Shape>) -> Referent {
    Referent { color, shape, ..Referent::the() }
}

pub fn all(color: Option<Color>, shape: Option<Shape>) -> Referent {
    the(color, shape).with_quantity(Quantity::All)
}

pub fn any(color: Option<Color>, shape: Option<Shape>) -> Referent {
    the(color, shape).with_quantity(Quantity::Any)
}

pub fn place(object: Referent, relation: Relation, target: Referent) -> Task {
    Task::Place { object, relation, target }
}

pub fn decide(scene: &Scene, tasks: &[Task]) -> Outcome {
    planner().decide(&Utterance::Instruct(tasks.to_vec()), scene, &state())
}

pub fn plan(scene: &Scene, tasks: &[Task]) -> Plan {
    match decide(scene, tasks) {
        Outcome::Do(plan) => plan,
        other => panic!("expected a plan, got {other:?}"),
    }
}

pub fn refusal(scene: &Scene, tasks: &[Task]) -> String {
    match decide(scene, tasks) {
        Outcome::Refuse(why) => why,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub fn question(scene: &Scene, tasks: &[Task]) -> (String, Vec<ObjectId>) {
    match decide(scene, tasks) {
        Outcome::Clarify { question, candidates } => (question, candidates),
        other => panic!("expected a question, got {other:?}"),
    }
}
