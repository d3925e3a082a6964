//! Rows about what is ordered of the loop, and what it is told.

use super::names;
use crate::faults::trial::Trial;
use bridge::ros;
use control::{Chunk, Compliance, Mode, Motion, Payload, Report, Thing, Twist, TwistAxes, World};
use core::time::Duration;
use mechanics::GeomShape;
use mechanics::collision::Obstacle;
use nalgebra::Isometry3;
use rand::Rng;
use sim::RobotFault;
use types::motion::TrajectoryPoint;
use types::{Fault, GripperCommand, JointVector, Tool, Trajectory, Transform};

/// Smaller than this is nothing, rad and rad/s.
const NOTHING: f64 = 1e-9;

/// One of `0..n`.
pub(super) fn one(t: &mut Trial, n: usize) -> usize {
    t.rng().random_range(0..n)
}

/// The same with one number changed.
pub(super) fn with(mut v: JointVector, at: usize, x: f64) -> JointVector {
    v[at] = x;
    v
}

fn twist(numbers: [f64; 6]) -> Motion {
    let [a, b, c, d, e, f] = numbers;
    Motion::Twist(Twist { linear_m_s: [a, b, c], angular_rad_s: [d, e, f], axes: TwistAxes::World })
}

/// A slow way of several points from where the arm is told to be, at rest at each.
pub(super) fn slow_way(t: &mut Trial) -> Vec<TrajectoryPoint> {
    let (here, away) = (t.commanded(), t.away(0.01));
    let still = JointVector::zeros(here.len());
    let at = |k: usize| JointVector::from_fn(here.len(), |j| here[j] + k as f64 * away[j]);
    (0..4).map(|k| TrajectoryPoint { t: k as f64, q: at(k), dq: still, ddq: still }).collect()
}

/// Makes a trajectory of it, and orders it.
pub(super) fn follow(t: &mut Trial, points: Vec<TrajectoryPoint>) -> Result<(), String> {
    let start = t.commanded();
    let trajectory = Trajectory::new(points, t.limits(), &start).map_err(|e| e.to_string())?;
    t.give(Motion::Follow(Box::new(trajectory)))
}

pub(super) fn chunk(t: &mut Trial, points: Vec<JointVector>) -> Result<(), String> {
    t.give(Motion::Chunk(Chunk { points, period_s: 0.033, grip: None }))
}

/// Puts a number that is none, or none that can be, into everything that the loop is ordered or told; each is refused by
/// its name.
fn everywhere(t: &mut Trial, v: f64) -> Result<(), String> {
    let (q, n) = (t.commanded(), t.limits().len());
    let still = JointVector::zeros(n);
    let (j, k, six, three) = (one(t, n), one(t, 4), one(t, 6), one(t, 3));

    let came = t.give(Motion::Joints(with(q, j, v)));
    t.refuses(came, &format!("joints[{j}]"))?;
    let came = t.give(Motion::Velocity(with(still, j, v)));
    t.refuses(came, &format!("velocity[{j}]"))?;
    let mut numbers = [0.0; 6];
    numbers[six] = v;
    let came = t.give(twist(numbers));
    let field = if six < 3 { "linear_m_s" } else { "angular_rad_s" };
    t.refuses(came, &format!("twist.{field}[{}]", six % 3))?;

    for field in ["t", "q", "dq", "ddq"] {
        let mut points = slow_way(t);
        let p = &mut points[k];
        let name = if field == "t" { format!("points[{k}].t") } else { format!("points[{k}].{field}[{j}]") };
        match field {
            "t" => p.t = v,
            "q" => p.q[j] = v,
            "dq" => p.dq[j] = v,
            _ => p.ddq[j] = v,
        }
        let came = follow(t, points);
        t.refuses(came, &format!("trajectory.{name}"))?;
    }
    let mut points = vec![q; 4];
    points[k][j] = v;
    let came = chunk(t, points);
    t.refuses(came, &format!("chunk.points[{k}][{j}]"))?;
    let came = t.give(Motion::Chunk(Chunk { points: vec![q; 4], period_s: v, grip: None }));
    t.refuses(came, "chunk.period_s")?;

    pose(t, v, three)?;
    springs(t, v, j, three)?;
    around(t, v, three)?;
    // What the robot itself is told must be numbers; how large they are its motors say.
    if !v.is_finite() {
        let field = ["q", "dq", "ddq", "tau"][k];
        let came = t.tell_robot(|c| match field {
            "q" => c.q[j] = v,
            "dq" => c.dq[j] = v,
            "ddq" => c.ddq[j] = v,
            _ => c.tau[j] = v,
        });
        t.refuses(came, &format!("command.{field}[{j}]"))?;
    }
    Ok(())
}

/// A pose with such a number, checked or not.
fn pose(t: &mut Trial, v: f64, axis: usize) -> Result<(), String> {
    let mut xyz = [0.4, 0.0, 0.3];
    xyz[axis] = v;
    let made = Transform::<types::World, Tool>::new(xyz, [0.0, 1.0, 0.0, 0.0]);
    let came = made.map_err(|e| e.to_string()).and_then(|pose| t.give(Motion::Pose(pose)));
    t.refuses(came, if v.is_finite() { "pose" } else { "translation" })?;
    let mut wxyz = [0.0, 1.0, 0.0, 0.0];
    wxyz[axis] = v;
    let made = Transform::<types::World, Tool>::new([0.4, 0.0, 0.3], wxyz);
    t.refuses(made.map(|_| ()).map_err(|e| e.to_string()), "quaternion")?;
    let there = Isometry3::translation(xyz[0], xyz[1], xyz[2]);
    let came = t.give(Motion::Pose(Transform::from_isometry(there)));
    t.refuses(came, "pose")
}

/// A gripper, a spring, a load with such a number.
fn springs(t: &mut Trial, v: f64, j: usize, axis: usize) -> Result<(), String> {
    let n = t.limits().len();
    if !t.arm().profile().gripper.joints.is_empty() {
        let command = GripperCommand { width_m: 0.02, force_n: 1.0 };
        let came = t.give(Motion::Grip(GripperCommand { width_m: v, ..command }));
        t.refuses(came, "gripper.width_m")?;
        let came = t.give(Motion::Grip(GripperCommand { force_n: v, ..command }));
        t.refuses(came, "gripper.force_n")?;
    }
    let soft = JointVector::from_fn(n, |_| 100.0);
    let spring = |stiffness, most, damping_ratio| {
        Motion::Comply(Compliance::Joints { stiffness, damping_ratio, most })
    };
    let came = t.give(spring(with(soft, j, v), soft, 1.0));
    t.refuses(came, &format!("compliance.stiffness[{j}]"))?;
    let came = t.give(spring(soft, with(soft, j, v), 1.0));
    t.refuses(came, &format!("compliance.most[{j}]"))?;
    let came = t.give(spring(soft, soft, v));
    t.refuses(came, "compliance.damping_ratio")?;
    let came = t.carry(Payload { mass_kg: v, center_m: [0.0; 3] });
    t.refuses(came, "payload.mass_kg")?;
    let mut center_m = [0.0; 3];
    center_m[axis] = v;
    let came = t.carry(Payload { mass_kg: 0.1, center_m });
    t.refuses(came, "payload.center_m")
}

/// A thing far from the arm.
fn thing() -> Thing {
    let obstacle = Obstacle {
        name: "ball".into(),
        shape: GeomShape::Sphere { radius: 0.1 },
        world_from_obstacle: Isometry3::translation(0.0, 0.0, 9.0),
    };
    Thing { obstacle, keep_m: 0.1, speed_m_s: 0.0 }
}

/// A world with such a thing.
fn surround(t: &mut Trial, thing: Thing) -> Result<(), String> {
    let stamp = t.now();
    t.surround(World { stamp, expires: stamp + Duration::from_secs(1), things: vec![thing], held: None })
}

/// A world with such a number.
fn around(t: &mut Trial, v: f64, axis: usize) -> Result<(), String> {
    let came = surround(t, Thing { keep_m: v, ..thing() });
    t.refuses(came, "world.things[0].keep_m")?;
    let came = surround(t, Thing { speed_m_s: v, ..thing() });
    t.refuses(came, "world.things[0].speed_m_s")?;
    let mut ball = thing();
    ball.obstacle.shape = GeomShape::Sphere { radius: v };
    let came = surround(t, ball);
    t.refuses(came, "ball.radius")?;
    if v.is_finite() {
        return Ok(());
    }
    let mut ball = thing();
    ball.obstacle.world_from_obstacle.translation.vector[axis] = v;
    let came = surround(t, ball);
    t.refuses(came, "ball.pose")
}

pub(super) fn b1(t: &mut Trial) -> Result<(), String> {
    everywhere(t, f64::NAN)
}

pub(super) fn b2(t: &mut Trial) -> Result<(), String> {
    everywhere(t, f64::INFINITY)
}

pub(super) fn b3(t: &mut Trial) -> Result<(), String> {
    everywhere(t, f64::NEG_INFINITY)
}

/// Puts a number that is as good as zero where a zero may stand, which is taken and moves nothing, and where none may,
/// which is refused.
fn as_zero(t: &mut Trial, v: f64) -> Result<(), String> {
    let n = t.limits().len();
    let still = JointVector::zeros(n);
    let (j, six) = (one(t, n), one(t, 6));
    // A load is taken up at rest.
    t.carry(Payload { mass_kg: v, center_m: [v; 3] })?;
    stays(t, 0.01, NOTHING)?;
    let mut numbers = [0.0; 6];
    numbers[six] = v;
    t.give(twist(numbers))?;
    stays(t, 0.09, NOTHING)?;
    t.give(Motion::Velocity(with(still, j, v)))?;
    stays(t, 0.1, NOTHING)?;
    // Nobody steers any longer.
    t.waits()?;
    let q = t.commanded();
    let at_rest = TrajectoryPoint { t: v, q, dq: with(still, j, v), ddq: with(still, j, v) };
    follow(t, vec![at_rest])?;
    stays(t, 0.1, NOTHING)?;
    if t.has(|r| matches!(r, Report::Refused { .. })) {
        return Err(format!("{v:e} was refused by the loop"));
    }
    // A path over no time is none, nor is a period; nothing is pressed with no force.
    let mut points = slow_way(t);
    points[0].t = 0.0;
    points[1].t = v;
    names(follow(t, points), "trajectory.points[1].t")?;
    names(t.give(Motion::Chunk(Chunk { points: vec![q; 4], period_s: v, grip: None })), "chunk.period_s")?;
    let soft = JointVector::from_fn(n, |_| 100.0);
    let spring = Compliance::Joints { stiffness: soft, damping_ratio: 1.0, most: with(soft, j, v) };
    names(t.give(Motion::Comply(spring)), &format!("compliance.most[{j}]"))?;
    stays(t, 0.1, NOTHING)
}

/// The arm is told to be where it was told to be for so long.
pub(super) fn stays(t: &mut Trial, seconds: f64, most: f64) -> Result<(), String> {
    let before = t.commanded();
    for _ in 0..(1e3 * seconds) as usize {
        t.run_s(0.001)?;
        let command = t.handle().status().command;
        let off = command.q.max_abs_diff(&before).max(command.dq.iter().fold(0.0, |m, v| m.max(v.abs())));
        if off > most || off.is_nan() {
            return Err(format!("the arm moves by {off:e}"));
        }
    }
    Ok(())
}

pub(super) fn b4(t: &mut Trial) -> Result<(), String> {
    t.waits()?;
    let tiny = t.rng().random_range(1..1 << 52);
    let v = f64::from_bits(tiny);
    as_zero(t, v)?;
    t.waits()?;
    // A negative one is as good as zero where it has a sign.
    t.give(Motion::Velocity(JointVector::from_fn(t.limits().len(), |_| -v)))?;
    stays(t, 0.1, NOTHING)
}

pub(super) fn b5(t: &mut Trial) -> Result<(), String> {
    // From elsewhere, before it is a state here.
    let names_of: Vec<String> = t.arm().profile().joints.clone();
    let n = names_of.len();
    let state = t.handle().status().measured.ok_or("no state")?;
    let mut said = ros::JointState::new(&state, &names_of);
    let (j, field) = (one(t, n), one(t, 3));
    let (list, name) = match field {
        0 => (&mut said.position, "joint_state.position"),
        1 => (&mut said.velocity, "joint_state.velocity"),
        _ => (&mut said.effort, "joint_state.effort"),
    };
    list[j] = f64::NAN;
    names(said.of_arm(&names_of), name)?;
    // And from its own robot.
    t.break_now(RobotFault::Nan(j), None)?;
    t.run_s(0.6)?;
    t.told(Fault::F12EncoderInvalid, 0.001)?;
    t.ends_in(Mode::Fault { powered: false })
}

pub(super) fn b6(t: &mut Trial) -> Result<(), String> {
    let sign = if t.rng().random() { 1.0 } else { -1.0 };
    everywhere(t, sign * 1e308)?;
    t.run_s(0.1)?;
    t.keeps_going()?;
    t.waits()?;
    everywhere(t, sign * 1e308)?;
    stays(t, 0.1, 0.0)?;
    for v in [1e-320, -0.0] {
        as_zero(t, v)?;
        t.waits()?;
    }
    Ok(())
}

pub(super) fn b7(t: &mut Trial) -> Result<(), String> {
    let (q, n) = (t.commanded(), t.limits().len());
    for wrong in [0, one(t, n), n + 1] {
        let other = JointVector::from_fn(wrong, |j| if j < n { q[j] } else { 0.0 });
        let k = one(t, 4);
        let came = t.give(Motion::Joints(other));
        t.refuses(came, "joints: expected")?;
        let came = t.give(Motion::Velocity(JointVector::zeros(wrong)));
        t.refuses(came, "velocity: expected")?;
        let mut points = slow_way(t);
        points[k].q = other;
        let came = follow(t, points);
        t.refuses(came, &format!("trajectory.points[{k}].q"))?;
        let mut points = vec![q; 4];
        points[k] = other;
        let came = chunk(t, points);
        t.refuses(came, &format!("chunk.points[{k}]"))?;
        let came = t.tell_robot(|c| c.tau = JointVector::zeros(wrong));
        t.refuses(came, "command.tau")?;
    }
    // By their names: one is missing, one stands there twice, one is of nobody.
    let arm = t.arm().profile().joints.clone();
    let (limits, start) = (t.limits().to_vec(), q);
    let way = Trajectory::new(slow_way(t), &limits, &start).map_err(|e| e.to_string())?;
    let j = one(t, n);
    let spoil = |change: &dyn Fn(&mut Vec<String>)| {
        let mut said = ros::JointTrajectory::new(&way, &arm);
        change(&mut said.joint_names);
        said.timed(&arm, &limits, &start)
    };
    names(spoil(&|all| _ = all.remove(j)), "trajectory.joint_names")?;
    names(spoil(&|all| all.push(arm[j].clone())), "trajectory.joint_names")?;
    names(spoil(&|all| all[j] = "wing".into()), "trajectory.joint_names")?;
    spoil(&|_| ()).map(|_| ()).map_err(|e| format!("as it was: {e}"))
}

pub(super) fn b8(t: &mut Trial) -> Result<(), String> {
    let (q, n) = (t.commanded(), t.limits().len());
    let (j, k) = (one(t, n), one(t, 4));
    let most = t.limits()[j].lower.abs().max(t.limits()[j].upper.abs());
    let degrees = most * t.rng().random_range(10.01..57.3) * if t.rng().random() { 1.0 } else { -1.0 };
    let asks = |came: Result<(), String>, field: &str| {
        names(came.clone(), field).and_then(|()| names(came, "is this in degrees?"))
    };
    let came = t.give(Motion::Joints(with(q, j, degrees)));
    asks(came, &format!("joints[{j}]"))?;
    let mut points = slow_way(t);
    points[k].q[j] = degrees;
    let came = follow(t, points);
    asks(came, &format!("trajectory.points[{k}].q[{j}]"))?;
    let mut points = vec![q; 4];
    points[k][j] = degrees;
    let came = chunk(t, points);
    asks(came, &format!("chunk.points[{k}][{j}]"))?;
    let quick = t.limits()[j].velocity * t.rng().random_range(10.01..57.3);
    let came = t.give(Motion::Velocity(with(JointVector::zeros(n), j, quick)));
    asks(came, &format!("velocity[{j}]"))
}
