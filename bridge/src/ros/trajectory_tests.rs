//! Joints and paths of others, and ours for them.

use super::*;

const START: [f64; 2] = [0.1, -0.2];

fn names() -> Vec<String> {
    ["a", "b"].map(str::to_owned).to_vec()
}

fn limits() -> Vec<JointLimits> {
    let one = JointLimits {
        lower: -2.0,
        upper: 2.0,
        velocity: 2.0,
        acceleration: 10.0,
        jerk: 100.0,
        torque: 50.0,
        torque_rate: 500.0,
        near_end: Default::default(),
    };
    vec![one; 2]
}

fn of(numbers: [f64; 2]) -> JointVector {
    JointVector::from_slice(&numbers).expect("two joints")
}

fn point(t: f64, positions: &[f64], velocities: &[f64], accelerations: &[f64]) -> JointTrajectoryPoint {
    JointTrajectoryPoint {
        positions: positions.to_vec(),
        velocities: velocities.to_vec(),
        accelerations: accelerations.to_vec(),
        effort: Vec::new(),
        time_from_start: Duration::from_secs(t),
    }
}

/// For the joints b and a, in that order.
fn path(points: Vec<JointTrajectoryPoint>) -> JointTrajectory {
    JointTrajectory { header: Header::default(), joint_names: vec!["b".into(), "a".into()], points }
}

fn timed(path: &JointTrajectory) -> Result<Trajectory, Rejection> {
    path.timed(&names(), &limits(), &of(START))
}

#[test]
fn a_checked_path_comes_back_as_it_was() {
    let (still, half) = (of([0.0; 2]), of([0.3, -0.1]));
    let at = |t, q, dq| TrajectoryPoint { t, q, dq, ddq: still };
    let points =
        vec![at(0.0, of(START), still), at(0.5, of([0.2, -0.2]), half), at(1.0, of([0.3, -0.3]), still)];
    let ours = Trajectory::new(points, &limits(), &of(START)).expect("a path");
    let message = JointTrajectory::new(&ours, &names());
    assert_eq!(message.begins(), None);
    assert_eq!(timed(&message), Ok(ours));
}

#[test]
fn a_path_of_positions_alone_starts_where_the_arm_is_and_passes_every_point_without_overshoot() {
    let path = path(vec![
        point(1.0, &[-0.1, 0.3], &[], &[]),
        point(2.0, &[0.1, 0.2], &[], &[]),
        point(3.0, &[0.2, 0.5], &[], &[]),
    ]);
    let path = timed(&path).expect("a path");
    assert_eq!(path.points()[0].q, of(START));
    for (t, q) in [(1.0, [0.3, -0.1]), (2.0, [0.2, 0.1]), (3.0, [0.5, 0.2])] {
        assert!(path.sample(t).q.max_abs_diff(&of(q)) < 1e-12, "{t}");
    }
    // Joint a turns round at 1 s and at 2 s, joint b goes on.
    assert_eq!(path.sample(1.0).dq[0], 0.0);
    assert_eq!(path.sample(2.0).dq[0], 0.0);
    assert!((path.sample(1.0).dq[1] - 0.15).abs() < 1e-12);
    for i in 0..300 {
        let q = path.sample(0.01 * f64::from(i)).q;
        assert!((0.1 - 0.03..=0.5 + 0.03).contains(&q[0]), "{i}: {q:?}");
    }
}

#[test]
fn a_path_with_velocities_is_the_cubic_between_them_at_its_points() {
    // A cubic with the velocity 3 t² − 3 t³ is met by both halves: its accelerations come out.
    let (q, v) = (|t: f64| t.powi(3) - 0.75 * t.powi(4), |t: f64| 3.0 * t * t - 3.0 * t.powi(3));
    let at = |t: f64| point(t, &[-0.2 + q(t), 0.1], &[v(t), 0.0], &[]);
    let path = timed(&path(vec![at(0.0), at(0.499), at(0.5), at(0.501), at(1.0)])).expect("a path");
    let middle = path.points()[2];
    assert!((middle.ddq[1] - (6.0 * 0.5 - 9.0 * 0.25)).abs() < 1e-2, "{middle:?}");
}

#[test]
fn what_does_not_fit_is_refused_by_its_field_and_told_as_a_controller_would() {
    let good = path(vec![point(1.0, &[-0.1, 0.3], &[0.0, 0.0], &[])]);
    assert!(timed(&good).is_ok());
    let refused = |spoil: &dyn Fn(&mut JointTrajectory)| {
        let mut path = good.clone();
        spoil(&mut path);
        timed(&path).expect_err("it does not fit")
    };
    for names in [vec!["a"], vec!["a", "a"], vec!["a", "b", "c"], vec!["a", "c"], vec![]] {
        let why = refused(&|p| p.joint_names = names.iter().map(|n| (*n).to_owned()).collect());
        assert_eq!(why.field, "trajectory.joint_names", "B7");
        assert_eq!(FollowJointTrajectoryResult::refused(&why).error_code, follow::INVALID_JOINTS);
    }
    for (field, spoil) in [
        ("trajectory.points", &(|p: &mut JointTrajectory| p.points.clear()) as &dyn Fn(&mut JointTrajectory)),
        ("trajectory.points[0].positions", &|p| p.points[0].positions.push(0.0)),
        ("trajectory.points[0].velocities", &|p| p.points[0].velocities.truncate(1)),
        ("trajectory.points[0].accelerations", &|p| p.points[0].accelerations = vec![0.0; 3]),
        ("trajectory.points[1].time_from_start", &|p| p.points.push(p.points[0].clone())),
        ("trajectory.points[1].q[1]", &|p| p.points[0].positions[0] = f64::NAN),
        ("trajectory.points[1].q[0]", &|p| p.points[0].positions[1] = 90.0),
        ("trajectory.points[1].dq", &|p| p.points[0].velocities[0] = 0.5),
        // It would begin elsewhere than where the arm is.
        ("trajectory.points", &|p| p.points[0].time_from_start = Duration::default()),
        ("trajectory.points[0].q", &|p| {
            p.points.insert(0, p.points[0].clone());
            p.points[0].time_from_start = Duration::default();
        }),
        ("trajectory.points[0].time_from_start", &|p| p.points[0].time_from_start.nanosec = 4_000_000_000),
        ("trajectory.points[0].effort", &|p| p.points[0].effort = vec![1.0, 0.0]),
        ("trajectory.points[1].time_from_start", &|p| {
            p.points.push(point(-1.0, &[0.0, 0.0], &[], &[]));
        }),
    ] {
        let why = refused(spoil);
        assert_eq!(why.field, field, "{why}");
        assert_eq!(FollowJointTrajectoryResult::refused(&why).error_code, follow::INVALID_GOAL);
    }
    let many = refused(&|p| p.points = vec![p.points[0].clone(); MAX_POINTS + 1]);
    assert_eq!(many.field, "trajectory.points", "B14");
}

#[test]
fn joints_of_others_are_read_in_the_order_of_the_arm_and_what_is_missing_is_named() {
    let theirs = JointState {
        header: Header { stamp: Time { sec: 3, nanosec: 5 }, frame_id: String::new() },
        name: ["finger", "b", "a"].map(str::to_owned).to_vec(),
        position: vec![0.04, 0.2, 0.1],
        velocity: vec![0.0, 2.0, 1.0],
        effort: Vec::new(),
    };
    let read = theirs.of_arm(&names()).expect("both are there");
    assert_eq!((read.q, read.dq, read.tau), (of([0.1, 0.2]), of([1.0, 2.0]), of([0.0; 2])));
    assert_eq!(read.stamp.as_nanos(), 3_000_000_005);
    let again = JointState::new(&read, &names()).of_arm(&names()).expect("ours");
    assert_eq!(again, read);
    let refused = |spoil: &dyn Fn(&mut JointState)| {
        let mut state = theirs.clone();
        spoil(&mut state);
        state.of_arm(&names()).expect_err("it does not fit").field
    };
    assert_eq!(refused(&|s| s.name[1] = "c".into()), "joint_state.name");
    assert_eq!(refused(&|s| s.name[0] = "a".into()), "joint_state.name");
    assert_eq!(refused(&|s| s.velocity.clear()), "joint_state.velocity");
    assert_eq!(refused(&|s| s.position[2] = f64::INFINITY), "joint_state.position");
    assert_eq!(refused(&|s| s.effort = vec![0.0]), "joint_state.effort");
}
