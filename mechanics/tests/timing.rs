//! Timing: every limit holds between the knots, and the motion is fast.

use mechanics::timing::{self, Scale, TimingError, scalar};
use proptest::prelude::*;
use types::motion::TrajectoryPoint;
use types::{JointLimits, JointVector, Trajectory};

fn limit(velocity: f64, acceleration: f64, jerk: f64) -> JointLimits {
    JointLimits {
        lower: -10.0,
        upper: 10.0,
        velocity,
        acceleration,
        jerk,
        torque: 100.0,
        torque_rate: 1000.0,
        near_end: Default::default(),
    }
}

fn arm() -> Vec<JointLimits> {
    let acceleration = [15.0, 7.5, 10.0, 12.5, 15.0, 20.0, 20.0];
    let velocity = [2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61];
    (0..7).map(|j| limit(velocity[j], acceleration[j], 500.0 * acceleration[j])).collect()
}

fn vector(values: &[f64]) -> JointVector {
    JointVector::from_slice(values).expect("few joints")
}

/// The largest shares of the limits used when sampled every `dt`: velocity, acceleration, jerk.
fn shares(points: Vec<TrajectoryPoint>, limits: &[JointLimits], scale: Scale, dt: f64) -> [f64; 3] {
    let start = points[0].q;
    let trajectory = Trajectory::new(points, limits, &start).expect("a trajectory that is accepted");
    let n = (trajectory.duration() / dt) as usize + 2;
    let mut last = trajectory.sample(0.0);
    let mut top = [0.0f64; 3];
    for i in 0..=n {
        let now = trajectory.sample(i as f64 * dt);
        for (j, l) in limits.iter().enumerate() {
            assert!(now.q[j].is_finite());
            top[0] = top[0].max(now.dq[j].abs() / (l.velocity * scale.velocity));
            top[1] = top[1].max(now.ddq[j].abs() / (l.acceleration * scale.acceleration));
            top[2] = top[2].max((now.ddq[j] - last.ddq[j]).abs() / dt / (l.jerk * scale.jerk));
        }
        last = now;
    }
    top
}

fn within_limits(points: Vec<TrajectoryPoint>, limits: &[JointLimits], scale: Scale) {
    let [v, a, j] = shares(points, limits, scale, 0.001);
    assert!(v <= 1.0 && a <= 1.0 && j <= 1.05, "velocity {v}, acceleration {a}, jerk {j}");
}

/// How far the motion leaves the polyline, largest joint difference.
fn off_polyline(q: &JointVector, path: &[JointVector]) -> f64 {
    let mut best = path.iter().fold(f64::INFINITY, |m, p| m.min(p.max_abs_diff(q)));
    for w in path.windows(2) {
        let n = 200;
        for k in 0..=n {
            let x = f64::from(k) / f64::from(n);
            let p = JointVector::from_fn(q.len(), |j| w[0][j] + x * (w[1][j] - w[0][j]));
            best = best.min(p.max_abs_diff(q));
        }
    }
    best
}

fn path_of(n_joints: usize, n_points: usize, size: f64) -> impl Strategy<Value = Vec<JointVector>> {
    proptest::collection::vec(proptest::collection::vec(-size..size, n_joints), 1..n_points)
        .prop_map(|rows| rows.iter().map(|r| vector(r)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_path_keeps_every_limit_between_its_knots(
        path in path_of(4, 9, 2.5),
        raw in proptest::collection::vec((0.05..4.0f64, 0.2..30.0f64, 1.0..9000.0f64), 4),
        scale in (0.05..1.0f64, 0.05..1.0f64, 0.05..1.0f64),
    ) {
        let limits: Vec<_> = raw.iter().map(|(v, a, j)| limit(*v, *a, *j)).collect();
        let scale = Scale { velocity: scale.0, acceleration: scale.1, jerk: scale.2 };
        let points = timing::time_path(&path, &limits, scale).expect("a path that can be timed");
        prop_assert_eq!(points[0].q, path[0]);
        prop_assert_eq!(points[points.len() - 1].q, path[path.len() - 1]);
        within_limits(points, &limits, scale);
    }

    #[test]
    fn a_dense_or_jittering_path_keeps_every_limit(
        path in path_of(3, 200, 1.0),
        step in prop_oneof![Just(1e-9), Just(1e-7), Just(1e-5), Just(1e-3), Just(1e-2)],
        drift in -1.0..1.0f64,
    ) {
        let limits = vec![limit(2.0, 10.0, 5000.0); 3];
        let path: Vec<_> = path.iter().enumerate()
            .map(|(i, q)| JointVector::from_fn(3, |j| step * (q[j] + drift * i as f64)))
            .collect();
        let points = timing::time_path(&path, &limits, Scale::FULL).expect("a path that can be timed");
        within_limits(points, &limits, Scale::FULL);
    }

    #[test]
    fn the_motion_stays_as_near_to_the_polyline_as_it_says(path in path_of(3, 6, 1.5), tolerance in 0.0..0.2f64) {
        let limits = vec![limit(2.0, 10.0, 5000.0), limit(1.0, 5.0, 500.0), limit(3.0, 3.0, 50.0)];
        let timed = timing::time_path_with(&path, &limits, Scale::FULL, tolerance).expect("a timed path");
        prop_assert!(timed.deviation <= tolerance + 1e-12);
        for p in timed.points.iter().step_by(3) {
            // The polyline is compared at points of it, which lie this far apart at the most.
            let grain = 3.0 / 200.0;
            prop_assert!(off_polyline(&p.q, &path) <= timed.deviation + grain);
        }
    }

    #[test]
    fn a_scalar_stop_ends_at_rest(v in -3.0..3.0f64, a in -20.0..20.0f64) {
        let bounds = scalar::Bounds { velocity: 3.0, acceleration: 10.0, jerk: 500.0 };
        let stop = scalar::stop(v, a, &bounds);
        let mut end = [0.0, v, a];
        for p in stop.phases() {
            prop_assert!((p.v - end[1]).abs() < 1e-9 && (p.a - end[2]).abs() < 1e-9);
            prop_assert!(p.jerk.abs() <= 500.0 && p.a.abs() <= a.abs().max(10.0) + 1e-9);
            end = p.at(p.duration);
        }
        prop_assert!(end[1].abs() < 1e-9 && end[2].abs() < 1e-9, "{:?}", end);
        // Not slower than taking the acceleration away, braking in full, and letting go once more.
        prop_assert!(stop.duration() <= (v.abs() + 2.0) / 10.0 + 0.15);
    }

    #[test]
    fn a_double_s_covers_its_length_within_its_bounds(
        length in 1e-6..3.0f64, from in 0.0..1.0f64, to in 0.0..1.0f64,
        a in 0.5..30.0f64, j in 5.0..8000.0f64,
    ) {
        let bounds = scalar::Bounds { velocity: 1.0, acceleration: a, jerk: j };
        let to = to.min(scalar::reach(from, length, &bounds));
        let from = from.min(scalar::reach(to, length, &bounds));
        let profile = scalar::double_s(length, from, to, &bounds);
        let last = profile.phases().last().expect("some length");
        let end = last.at(last.duration);
        prop_assert!((end[0] - length).abs() < 1e-9 && (end[1] - to).abs() < 1e-9 && end[2].abs() < 1e-6);
        for p in profile.phases() {
            prop_assert!(p.v <= 1.0 + 1e-9 && p.v >= -1e-9 && p.a.abs() <= a * (1.0 + 1e-9));
        }
    }
}

/// Found by chance: phases shorter than knots may stand apart, so one quintic spans a jump of jerk
/// and its acceleration is largest between the eighths of its time.
#[test]
fn a_jerk_that_rises_within_a_knot_keeps_the_acceleration() {
    let path = [
        vector(&[-2.4588676375337544, 0.0, 0.0, -2.251216784739921]),
        vector(&[-1.5416504041370556, 0.0, 0.0, 2.3401006874846377]),
    ];
    let jerk = [1232.2660177869193, 1.0, 1.0, 6762.130419589439];
    let limits = jerk.map(|j| limit(0.05, 0.2, j));
    let scale = Scale { velocity: 0.05, acceleration: 0.05, jerk: 0.05 };
    let points = timing::time_path(&path, &limits, scale).expect("a path that can be timed");
    within_limits(points, &limits, scale);
}

/// The double-S over a length from rest to rest in closed form (Biagiotti and Melchiorri, 2008, 3.4.1).
fn optimum(length: f64, v: f64, a: f64, j: f64) -> f64 {
    let ramp = |v: f64| if v * j >= a * a { v / a + a / j } else { 2.0 * (v / j).sqrt() };
    if v * ramp(v) <= length {
        return length / v + ramp(v);
    }
    let flat = 0.5 * a * (-a / j + ((a / j).powi(2) + 4.0 * length / a).sqrt());
    if flat * j >= a * a { 2.0 * (flat / a + a / j) } else { 4.0 * (length / (2.0 * j)).cbrt() }
}

#[test]
fn a_straight_move_is_as_fast_as_the_analytic_optimum() {
    for (length, v, a, j) in
        [(1.0, 2.175, 15.0, 7500.0), (1.0, 0.5, 2.0, 20.0), (0.01, 2.0, 5.0, 100.0), (2.0, 1.0, 20.0, 50.0)]
    {
        let limits = [limit(v, a, j)];
        let points =
            timing::time_line(&vector(&[0.0]), &vector(&[length]), &limits, Scale::FULL).expect("timed");
        let seconds = points[points.len() - 1].t;
        let best = optimum(length, v, a, j);
        assert!((seconds / best - 1.0).abs() < 1e-4, "{seconds} s, best {best} s");
    }
}

#[test]
fn a_path_of_five_waypoints_does_not_stop_at_its_corners() {
    let path: Vec<_> =
        [[0.0, 0.0, 0.0], [0.5, 0.1, 0.3], [0.6, 0.7, 0.2], [0.2, 0.9, -0.4], [0.0, 0.3, -0.5]]
            .iter()
            .map(|q| vector(q))
            .collect();
    let limits = vec![limit(2.0, 10.0, 5000.0); 3];
    let smooth = timing::time_path(&path, &limits, Scale::FULL).expect("timed");
    let stopping = timing::time_path_with(&path, &limits, Scale::FULL, 0.0).expect("timed").points;
    let duration = |p: &[TrajectoryPoint]| p[p.len() - 1].t;
    let wide = timing::time_path_with(&path, &limits, Scale::FULL, 0.1).expect("timed").points;
    let (smooth_s, stopping_s, wide_s) = (duration(&smooth), duration(&stopping), duration(&wide));
    assert!(smooth_s < 0.85 * stopping_s && wide_s < 0.75 * stopping_s, "{smooth_s} {stopping_s} {wide_s}");
    let inner = &smooth[5..smooth.len() - 5];
    let slowest =
        inner.iter().map(|p| p.dq.iter().fold(0.0f64, |m, v| m.max(v.abs()))).fold(f64::INFINITY, f64::min);
    assert!(slowest > 0.3, "slowest {slowest} rad/s");
}

#[test]
fn a_densely_sampled_curve_is_nearly_as_fast_as_its_coarse_one() {
    let limits = arm();
    let arc = |n: usize| -> Vec<JointVector> {
        (0..=n)
            .map(|i| {
                let x = i as f64 / n as f64;
                JointVector::from_fn(7, |j| 0.6 * libm::sin(2.0 * x + j as f64) + 0.4 * x)
            })
            .collect()
    };
    let seconds = |path: &[JointVector]| {
        let points = timing::time_path(path, &limits, Scale::FULL).expect("timed");
        let t = points[points.len() - 1].t;
        within_limits(points, &limits, Scale::FULL);
        t
    };
    let (coarse, dense) = (seconds(&arc(8)), seconds(&arc(3000)));
    let straight = timing::time_line(&arc(1)[0], &arc(1)[1], &limits, Scale::FULL).expect("timed");
    println!("coarse {coarse:.3} s, dense {dense:.3} s, straight {:.3} s", straight[straight.len() - 1].t);
    assert!(dense < 1.5 * coarse, "dense {dense} s, coarse {coarse} s");
}

#[test]
fn equal_start_and_end_is_success_without_motion() {
    let q = vector(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    for n in [1, 2, 50] {
        let timed = timing::time_path_with(&vec![q; n], &arm(), Scale::FULL, 0.02).expect("B11");
        assert_eq!(timed.points.len(), 1, "B11");
        assert_eq!(timed.points[0].q, q);
        assert!(Trajectory::new(timed.points, &arm(), &q).is_ok());
    }
}

#[test]
fn a_path_that_cannot_be_is_refused_by_name() {
    let good = vector(&[0.0; 7]);
    let refused = |path: &[JointVector], scale: Scale| match timing::time_path(path, &arm(), scale) {
        Err(TimingError::Input(r)) => r.field.into_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!(timing::time_path(&[], &arm(), Scale::FULL), Err(TimingError::Empty));
    assert_eq!(refused(&[good, vector(&[0.0; 6])], Scale::FULL), "path[1]", "B7");
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308] {
        let mut q = good;
        q[3] = bad;
        assert_eq!(refused(&[good, q], Scale::FULL), "path[1][3]", "B1 to B6");
    }
    for bad in [0.0, -1.0, 1.5, f64::NAN] {
        assert_eq!(refused(&[good], Scale { jerk: bad, ..Scale::FULL }), "scale.jerk");
    }
    let slow = [limit(1e-6, 1.0, 1.0)];
    let too_long = timing::time_line(&vector(&[0.0]), &vector(&[1.0]), &slow, Scale::FULL);
    assert!(matches!(too_long, Err(TimingError::TooLong { .. })), "{too_long:?}");
}

#[test]
fn a_slow_motion_of_many_minutes_has_no_more_knots_than_a_trajectory_may() {
    let slow = [limit(1e-3, 1.0, 10.0)];
    let points = timing::time_line(&vector(&[0.0]), &vector(&[3.0]), &slow, Scale::FULL).expect("50 minutes");
    assert!(points.len() < types::motion::MAX_POINTS);
    let start = points[0].q;
    assert!(Trajectory::new(points, &slow, &start).is_ok());
}
