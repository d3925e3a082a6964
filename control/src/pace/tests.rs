use super::*;
use types::Trajectory;

fn limits(velocity: f64, acceleration: f64, jerk: f64) -> JointLimits {
    JointLimits {
        lower: -2.0,
        upper: 2.0,
        velocity,
        acceleration,
        jerk,
        torque: 10.0,
        torque_rate: 1000.0,
        near_end: Default::default(),
    }
}

/// Fast enough for everything here.
fn quick() -> JointLimits {
    limits(100.0, 1000.0, 1e5)
}

/// Nothing but limits to keep.
fn within(limits: &[JointLimits], most: f64) -> Bounds<'_> {
    Bounds { limits, strains: &[], most }
}

fn point(t: f64, q: [f64; 2], dq: [f64; 2], ddq: [f64; 2]) -> TrajectoryPoint {
    let two = |v: [f64; 2]| JointVector::from_fn(2, |i| v[i]);
    TrajectoryPoint { t, q: two(q), dq: two(dq), ddq: two(ddq) }
}

fn course(points: Vec<TrajectoryPoint>) -> Course {
    let wide = [JointLimits { lower: -1e3, upper: 1e3, ..limits(1e3, 1e5, 1e7) }; 2];
    let start = points[0].q;
    Course::of_trajectory(&Trajectory::new(points, &wide, &start).expect("valid"))
}

/// The second joint goes by `by` from rest to rest, in a second: at most 1.875 of it per second, 5.7735 per second
/// squared and 60 per second cubed.
fn step_by(by: f64) -> Course {
    course(vec![point(0.0, [0.0; 2], [0.0; 2], [0.0; 2]), point(1.0, [0.0, by], [0.0; 2], [0.0; 2])])
}

/// A pace with bounds that do not depend on it.
fn even(nominal: f64, g: f64, h: f64) -> Pace {
    let mut pace = Pace::at(nominal, None);
    pace.h = [h; CELLS];
    pace.finish(&[g; CELLS]);
    pace
}

fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + b.abs())
}

#[test]
fn a_path_is_looked_at_between_its_knots_with_all_its_derivatives() {
    let p = |t: f64| 1.0 + t * (2.0 + t * (3.0 + t * (4.0 + t * (5.0 + t * 6.0))));
    let dp = |t: f64| 2.0 + t * (6.0 + t * (12.0 + t * (20.0 + t * 30.0)));
    let ddp = |t: f64| 6.0 + t * (24.0 + t * (60.0 + t * 120.0));
    let dddp = |t: f64| 24.0 + t * (120.0 + t * 360.0);
    // Every two milliseconds, but four times at least and 64 times at most.
    let knots = [0.0, 0.001, 0.021, 0.421];
    let mirrored = |v: f64| [v, -v];
    let points: Vec<_> =
        knots.iter().map(|t| point(*t, mirrored(p(*t)), mirrored(dp(*t)), mirrored(ddp(*t)))).collect();
    let mut n = [[0usize; 2]; 3];
    for_each_sample(&points, &[quick(); 2], |segment, joint, d, q| {
        let looks = [4.0, 10.0, 64.0][segment];
        let (a, b) = (knots[segment], knots[segment + 1]);
        let t = a + (b - a) * n[segment][joint] as f64 / looks;
        n[segment][joint] += 1;
        let sign = if joint == 0 { 1.0 } else { -1.0 };
        let off = [q - sign * p(t), d.first - dp(t), d.second - ddp(t), d.third - dddp(t)];
        let slack = [1e-9, 1e-9, 1e-7, 1e-3];
        assert!((0..4).all(|k| off[k].abs() < slack[k]), "segment {segment}, joint {joint}, {t}: {off:?}");
        Ok(())
    })
    .expect("nothing is refused");
    assert_eq!(n, [[5; 2], [11; 2], [65; 2]]);
}

#[test]
fn a_path_from_rest_runs_as_fast_as_its_shares_of_the_limits_let_it() {
    use LimitKind::{Acceleration, Jerk, ToolSpeed, Velocity};
    let q = quick();
    for (by, l, most, nominal, slowed_by) in [
        (1.0, q, 1.0, 1.0, None),
        (1.2, limits(2.0, 1000.0, 1e5), 1.0, 2.0 / 2.25, Some((Some(1), Velocity))),
        // A thousandth beyond a limit is no word worth.
        (1.0, limits(1.875 / 1.0005, 1000.0, 1e5), 1.0, 1.0 / 1.0005, None),
        (1.0, limits(1.875 / 1.002, 1000.0, 1e5), 1.0, 1.0 / 1.002, Some((Some(1), Velocity))),
        (1.0, limits(100.0, 5.0, 1e5), 1.0, (0.96 * 5.0 / 5.7735_f64).sqrt(), Some((Some(1), Acceleration))),
        (1.0, limits(100.0, 5.9, 1e5), 1.0, (0.96 * 5.9 / 5.7735_f64).sqrt(), None),
        (1.0, limits(100.0, 1000.0, 50.0), 1.0, (0.94 * 50.0 / 60.0_f64).cbrt(), Some((Some(1), Jerk))),
        (1.0, limits(100.0, 1000.0, 61.0), 1.0, (0.94 * 61.0 / 60.0_f64).cbrt(), None),
        (1.0, q, 0.7, 0.7, Some((None, ToolSpeed))),
        (1.2, limits(2.0, 1000.0, 1e5), 0.95, 2.0 / 2.25, Some((Some(1), Velocity))),
        (1.2, limits(2.0, 1000.0, 1e5), 0.8, 0.8, Some((None, ToolSpeed))),
        // Half of its speed and no less.
        (1.0, limits(0.9375, 1000.0, 1e5), 1.0, 0.5, Some((Some(1), Velocity))),
        (1.0, limits(0.94, 1000.0, 1e5), 1.0, 0.94 / 1.875, Some((Some(1), Velocity))),
    ] {
        let pace = Pace::from_rest(&step_by(by), &within(&[quick(), l], most)).expect("fast enough");
        assert!((pace.nominal / nominal - 1.0).abs() < 1e-3, "{} for {nominal}, {l:?}", pace.nominal);
        assert_eq!(pace.slowed_by, slowed_by, "{l:?}");
    }
    let refused = |course: &Course, l: &[JointLimits]| {
        Pace::from_rest(course, &within(l, 1.0)).expect_err("no pace").field
    };
    assert_eq!(refused(&step_by(1.0), &[q, limits(0.93, 1000.0, 1e5)]), "trajectory.points[0]");
    assert_eq!(refused(&step_by(1.0), &[q; 3]), "trajectory.points[0].q");
    let rest = point(0.0, [0.0; 2], [0.0; 2], [0.0; 2]);
    for (dq, ddq) in [([0.0, 0.1], [0.0; 2]), ([0.0; 2], [0.1, 0.0])] {
        let moving = course(vec![
            TrajectoryPoint { t: 0.0, ..point(0.0, [0.0; 2], dq, ddq) },
            TrajectoryPoint { t: 1.0, ..rest },
        ]);
        assert_eq!(refused(&moving, &[q; 2]), "trajectory.points[0].dq");
    }
    // Between its knots it goes 5/16 beyond the second; a millionth of a range of three is let be.
    let l = JointLimits { lower: -1.0, ..q };
    for (to, fits) in [
        (1.687_5 + 2.9e-6, true),
        (1.687_5 + 3.1e-6, false),
        (1.7, false),
        (-0.687_5 - 2.9e-6, true),
        (-0.687_5 - 3.1e-6, false),
        (-0.7, false),
    ] {
        let v = f64::signum(to);
        let bulge = course(vec![
            rest,
            point(2.0, [0.0, to], [0.0, v], [0.0; 2]),
            point(3.0, [0.0, to], [0.0, -v], [0.0; 2]),
            point(5.0, [0.0; 2], [0.0; 2], [0.0; 2]),
        ]);
        match Pace::from_rest(&bulge, &within(&[l; 2], 1.0)) {
            Ok(_) => assert!(fits, "{to}"),
            Err(e) => assert!(!fits && e.field == "trajectory.points[1].q[1]", "{to}: {e}"),
        }
    }
}

#[test]
fn what_a_point_leaves_for_a_change_of_pace_is_what_the_limits_say() {
    let l = limits(2.0, 10.0, 100.0);
    let d = Derivatives { way: 1.0, first: 2.0, second: 1.0, third: 4.0 };
    // |q'' r² + q' ṙ| ≤ 10; |q''' r³| and two halves, |3 q'' r ṙ| and |q' r̈|, ≤ 100 together; nine tenths of that.
    let mut pace = Pace::at(0.8, None);
    let mut g = [STEEPEST; CELLS];
    pace.tighten(&mut g, &l, d);
    for (i, r) in [(0, 0.025), (15, 0.4), (31, 0.8)] {
        assert!(is_near(g[i], 0.9 * (10.0 - r * r) / 2.0), "{r}: {}", g[i]);
        assert!(is_near(pace.h[i], 0.9 * 0.5 * (100.0 - 4.0 * r * r * r) / 2.0), "{r}: {}", pace.h[i]);
    }
    // Where it bends, the jerk; and what was there before, if that is less.
    pace.tighten(&mut g, &limits(2.0, 10.0, 10.0), d);
    assert!(is_near(g[31], 0.9 * 0.5 * (10.0 - 2.048) / 2.4), "{}", g[31]);
    assert!(is_near(g[0], 0.9 * (10.0 - 0.000_625) / 2.0), "{}", g[0]);
    assert!(is_near(pace.h[31], 0.9 * 0.5 * (10.0 - 2.048) / 2.0), "{}", pace.h[31]);
    let before = (g, pace.h);
    pace.tighten(&mut g, &l, Derivatives { way: 1.0, first: 0.0, second: 0.0, third: 0.0 });
    assert_eq!((g, pace.h), before, "what stands bounds nothing");
    let mut free = [STEEPEST; CELLS];
    let mut pace = Pace::at(0.8, None);
    pace.tighten(&mut free, &l, Derivatives { way: 1.0, first: 0.0, second: 0.0, third: 0.0 });
    assert_eq!((free, pace.h), ([STEEPEST; CELLS], [SHARPEST; CELLS]));
}

#[test]
fn a_path_from_rest_leaves_room_for_the_blend_onto_its_start() {
    // Half of every limit is the blend's; of the other half nine tenths are for changing the pace.
    let l = limits(2.0, 10.0, 1000.0);
    let pace = Pace::from_rest(&step_by(1e-6), &within(&[l; 2], 1.0)).expect("fine");
    assert!(is_near(pace.h[31], 0.9 * 0.5 * 500.0 / 1.0), "{}", pace.h[31]);
    assert!(is_near(pace.falling2[32], (0.9f64 * 5.0 / 1.0).powi(2)), "{}", pace.falling2[32]);
}

#[test]
fn the_curves_keep_below_their_bounds_and_are_no_steeper_than_can_be_followed() {
    // Cells of 0.02, in which the square may change by 2 · 0.8 · 0.02 · h.
    let mut pace = Pace::at(0.64, None);
    pace.h = [1.0; CELLS];
    (pace.h[0], pace.h[31]) = (2.0, 4.0);
    let mut g = [0.5; CELLS];
    g[16] = 0.1;
    pace.integrate(&g);
    for (i, falling) in
        [(0, 0.0), (1, 0.064), (2, 0.096), (6, 0.224), (7, 0.25), (15, 0.25), (16, 0.01), (17, 0.01)]
    {
        assert!(is_near(pace.falling2[i], falling), "falling {i}: {}", pace.falling2[i]);
    }
    assert!(is_near(pace.falling2[18], 0.042) && is_near(pace.falling2[32], 0.25));
    for (i, rising) in
        [(32, 0.0), (31, 0.128), (30, 0.16), (27, 0.25), (18, 0.25), (17, 0.01), (16, 0.01), (15, 0.042)]
    {
        assert!(is_near(pace.rising2[i], rising), "rising {i}: {}", pace.rising2[i]);
    }
    assert!(is_near(pace.rising2[0], 0.25));
    // Between two nodes the squares are interpolated; beyond the ends they stay.
    for (r, square) in
        [(-1.0, 0.0), (0.0, 0.0), (0.01, 0.032), (0.03, 0.08), (0.35, 0.026), (0.64, 0.25), (2.0, 0.25)]
    {
        assert!(is_near(pace.greatest(&pace.falling2, r), f64::sqrt(square)), "{r}");
    }
    for (r, h) in
        [(-1.0, 2.0), (0.019, 2.0), (0.021, 1.0), (0.619, 1.0), (0.621, 4.0), (0.64, 4.0), (5.0, 4.0)]
    {
        assert_eq!(pace.h(r), h, "{r}");
    }
}

#[test]
fn a_stop_takes_as_long_as_its_bounds_let_it_and_the_same_way_up_again() {
    let pace = even(1.0, 5.0, 100.0);
    // ṙ to 5 within 0.05 s; as it is down to r = 25/160; then by 80 down to nothing.
    let (up, over, end) = (5.0 / 100.0, (1.0 - 0.125 - 25.0 / 160.0) / 5.0, 5.0 / 80.0);
    let way = pace.longest_stop();
    let seconds = up + over + end;
    assert!((way.seconds / seconds - 1.0).abs() < 0.06, "{} s, not {seconds} s", way.seconds);
    let s = (up - 100.0 * up * up * up / 6.0)
        + over * 0.5 * (0.875 + 25.0 / 160.0)
        + 80.0 * end * end * end / 6.0;
    assert!((way.s / s - 1.0).abs() < 0.06, "{}, not {s}", way.s);
    for (from, to) in [(1.0, 0.0), (0.0, 1.0), (1.0, 0.4), (0.3, 0.6)] {
        let mut running = Running { r: from, rate: 0.0 };
        let (mut t, mut most) = (0.0, 0.0f64);
        while running != (Running { r: to, rate: 0.0 }) && t < 2.0 {
            let before = running;
            let passed = running.step(&pace, to, 0.001);
            t += 0.001;
            let bend = (running.rate - before.rate) / 0.001;
            assert!(bend.abs() <= 100.0 * (1.0 + 1e-9), "{bend}");
            assert!((running.r - before.r - 0.000_5 * (running.rate + before.rate)).abs() < 1e-12);
            let mean = before.r + 0.000_5 * before.rate + 1e-6 * bend / 6.0;
            assert!((passed - 0.001 * mean).abs() < 1e-12, "{passed}");
            assert!(running.r >= from.min(to) - 1e-9 && running.r <= from.max(to) + 1e-9, "{running:?}");
            most = most.max(running.rate.abs());
        }
        assert!(most <= 5.0 * (1.0 + 1e-9), "{most}");
        let way: f64 = f64::abs(to - from);
        // Where it is not as fast as it may be, it speeds up by 100 and slows down by 80.
        let top = (way * 2.0 / (1.0 / 100.0 + 1.0 / 80.0)).sqrt().min(5.0);
        let expected = top / 100.0 + top / 80.0 + (way - 0.5 * top * top * (1.0 / 100.0 + 1.0 / 80.0)) / top;
        assert!((t / expected - 1.0).abs() < 0.08, "{from} to {to}: {t} s, not {expected} s");
    }
}

#[test]
fn two_steps_end_exactly_where_they_shall_when_they_can() {
    let pace = even(1.0, 5.0, 100.0);
    // ((pace, its rate), after one tick, path time that passed): to 0.5 without a rate after two.
    for ((r, rate), (r1, rate1), bend) in [
        ((0.500_01, 0.0), (0.500_005, -0.01), -10.0),
        ((0.499_99, 0.0), (0.499_995, 0.01), 10.0),
        ((0.500_01, 0.004), (0.500_006, -0.012), -16.0),
        ((0.500_05, 0.0), (0.500_025, -0.05), -50.0),
        ((0.500_115, -0.04), (0.500_047_5, -0.095), -55.0),
    ] {
        let mut running = Running { r, rate };
        let passed = running.step(&pace, 0.5, 0.001);
        assert!((running.r - r1).abs() < 1e-12 && (running.rate - rate1).abs() < 1e-9, "{running:?}");
        let expected = 0.001 * (r + 0.000_5 * rate + 1e-6 * bend / 6.0);
        assert!((passed - expected).abs() < 1e-15, "{passed}");
        running.step(&pace, 0.5, 0.001);
        assert_eq!(running, Running { r: 0.5, rate: 0.0 });
    }
    // Standing for an instant is not being there.
    let mut running = Running { r: 0.3, rate: -0.1 };
    running.step(&pace, 0.5, 0.001);
    assert!((running.r - 0.299_95).abs() < 1e-12 && running.rate.abs() < 1e-9, "{running:?}");
    // Time that ran backwards would be none.
    assert_eq!(Running { r: -1.0, rate: 0.0 }.step(&pace, 0.5, 0.001), 0.0);
    // What the greater of both paces allows counts.
    let mut pace = even(1.0, 5.0, 100.0);
    pace.h[16..].fill(10.0);
    for (from, to, h) in [(0.1, 1.0, 10.0), (0.1, 0.4, 100.0), (0.9, 0.1, 10.0), (0.4, 0.1, 100.0)] {
        let mut running = Running { r: from, rate: 0.0 };
        running.step(&pace, to, 0.001);
        assert!((running.rate.abs() - 0.001 * h).abs() < 1e-12, "{from} to {to}: {running:?}");
    }
}

#[test]
fn a_pace_that_is_reached_is_kept_as_any_other_step_would_keep_it() {
    let dt = 0.001;
    for nominal in [1.0, 0.83, 0.5] {
        let pace = even(nominal, 5.0, 100.0);
        for part in [0.0, 0.1, 1.0 / 3.0, 0.7, 1.0] {
            let before = Running { r: part * nominal, rate: 0.0 };
            let bend = before.towards(&pace, before.r, pace.h(before.r), dt);
            let advanced = dt * (before.r + dt * (0.5 * before.rate + dt * bend / 6.0));
            let mut running = before;
            assert_eq!(running.step(&pace, before.r, dt).to_bits(), advanced.to_bits());
            assert_eq!(running, before);
            assert_eq!(before.r + dt * (before.rate + 0.5 * dt * bend), before.r);
        }
    }
}

#[test]
fn the_part_of_the_pace_whose_stop_fits_keeps_a_tenth_to_spare() {
    let pace = even(0.8, 5.0, 100.0);
    for k in 1..=STOPS {
        let part = k as f64 / STOPS as f64;
        let s = pace.stop_from(0.8 * part).s;
        let fits = pace.part_within(s / 0.9 * (1.0 + 1e-9), 0.0);
        assert!((fits - part).abs() < 1e-6, "{part}: {fits}");
        let before = if k == 1 { 0.0 } else { pace.stops[k - 1].s };
        let between = pace.part_within(0.5 * (before + s) / 0.9, 0.0);
        assert!((between - (part - 0.5 / STOPS as f64)).abs() < 1e-6, "{part}: {between}");
    }
    assert_eq!(
        (pace.part_within(-0.1, 0.0), pace.part_within(0.0, 0.0), pace.part_within(1e9, 0.0)),
        (0.0, 0.0, 1.0)
    );
    assert_eq!(pace.longest_stop().seconds, pace.stop_from(0.8).seconds);
}

#[test]
fn a_motion_may_go_over_to_a_pace_that_can_still_be_held_and_stopped_from() {
    let mut pace = even(0.5, 5.0, 100.0);
    let at = |r, rate| Running { r, rate };
    (pace.falling2, pace.rising2) = ([4.0; CELLS + 1], [9.0; CELLS + 1]);
    for (running, fits) in [
        (at(0.5, 0.0), true),
        (at(0.5 * (1.0 + 1e-6), 0.0), false),
        (at(0.2, -1.89), true),
        (at(0.2, -1.91), false),
        (at(0.2, 2.84), true),
        (at(0.2, 2.86), false),
    ] {
        assert_eq!(pace.admits(&running), fits, "{running:?}");
    }
    pace.rising2 = [0.0; CELLS + 1];
    assert!(pace.admits(&at(0.5, 0.0)), "what does not change its pace needs no room for it");
}

#[test]
fn a_path_that_takes_over_leaves_a_quarter_of_every_limit_to_the_blend_or_up_to_its_cap() {
    let l = limits(2.0, 10.0, 1000.0);
    // 0.9375, 2.8868 and 30 are used of them.
    let (pace, caps) = Pace::joining("chunk", &step_by(0.5), &within(&[l; 2], 1.0)).expect("fine");
    assert_eq!((pace.nominal, pace.slowed_by), (1.0, None));
    let near = |cap: f64, expected: f64| (cap / expected - 1.0).abs() < 1e-3;
    for (cap, still, moving) in [(0, 0.5, 1.4375), (1, 2.5, 5.3868), (2, 250.0, 280.0)] {
        assert!(near(caps[cap][0], still) && near(caps[cap][1], moving), "{:?}", caps[cap]);
    }
    assert!(near(pace.h[31], 0.9 * 0.5 * (1000.0 - 280.0) / 1.4375), "{}", pace.h[31]);
    // Slowed to 0.85 of its speed limit, beside which nearly nothing is left.
    let (pace, caps) =
        Pace::joining("chunk", &step_by(0.5), &within(&[l, limits(1.0, 10.0, 1000.0)], 1.0)).expect("fine");
    let r: f64 = 0.85 / 0.9375;
    assert!(near(pace.nominal, r));
    assert!(near(caps[0][1], 0.95 / r), "{:?}", caps[0]);
    assert!(near(caps[1][1], 2.8868 + 2.5 / (r * r)) && near(caps[2][1], 30.0 + 250.0 / (r * r * r)));
    for (l, share) in
        [(limits(100.0, 4.0, 1e5), 0.6 * 4.0 / 2.8868_f64), (limits(100.0, 1000.0, 40.0), 0.5 * 40.0 / 30.0)]
    {
        let (pace, _) = Pace::joining("chunk", &step_by(0.5), &within(&[l; 2], 1.0)).expect("fine");
        let expected = if l.jerk > 1e3 { share.sqrt() } else { share.cbrt() };
        assert!(near(pace.nominal, expected), "{}", pace.nominal);
    }
    let refused = Pace::joining("chunk", &step_by(0.5), &within(&[limits(0.5, 10.0, 1000.0); 2], 1.0))
        .expect_err("slow");
    assert_eq!(refused.field, "chunk.points[0]");
}

#[test]
fn what_begins_with_a_motion_can_only_take_over_from_one() {
    let l = limits(2.0, 10.0, 1000.0);
    let still = Paces::of_trajectory(&step_by(1.0), &within(&[l; 2], 1.0)).expect("fine");
    let joining = still.joining.as_ref().expect("room for a blend").0.nominal;
    assert!((joining - 1.7 / 1.875).abs() < 1e-3 && still.own.nominal == 1.0 && still.slowest() == joining);
    let moving =
        course(vec![point(0.0, [0.0; 2], [0.0, 0.5], [0.0; 2]), point(1.0, [0.0, 0.25], [0.0; 2], [0.0; 2])]);
    let paces = Paces::of_trajectory(&moving, &within(&[l; 2], 1.0)).expect("fine");
    let (joining, _) = paces.joining.as_ref().expect("its only way");
    assert!(paces.own.nominal == joining.nominal && paces.own.h == joining.h);
    // From rest it runs, but there is no room to take over: it would have to run at less than half its speed.
    let full =
        Paces::of_trajectory(&step_by(1.0), &within(&[limits(1.0, 1000.0, 1e5); 2], 1.0)).expect("from rest");
    assert!(full.joining.is_none() && full.slowest() == full.own.nominal);
}

#[test]
fn what_the_motors_can_give_slows_a_path_and_how_fast_its_pace_changes() {
    let arm = crate::common::arm();
    let n = crate::common::N;
    let home = arm.home();
    let to = JointVector::from_fn(n, |j| home[j] + if j == 1 { 0.5 } else { 0.0 });
    let zero = JointVector::zeros(n);
    let at = |t, q| TrajectoryPoint { t, q, dq: zero, ddq: zero };
    let path = Trajectory::new(vec![at(0.0, home), at(1.0, to)], arm.limits(), &home).expect("valid");
    let course = Course::of_trajectory(&path);
    let strains = Strain::along(&course, &arm, core::iter::empty(), 0.04);
    assert_eq!(strains.len(), 401);
    let asked = strains.iter().fold(0.0f64, |m, s| m.max(s.greatest(1, 1.0)));
    let rest = strains.iter().fold(0.0f64, |m, s| m.max(s.steady(1, 0.0).abs()));
    let pace = |torque: f64| {
        let mut limits = arm.limits().to_vec();
        limits[1].torque = torque;
        let torques = strain::torques(&Bounds { limits: &limits, strains: &strains, most: 1.0 });
        Pace::from_rest(&course, &Bounds { limits: &limits, strains: &strains, most: 1.0 }).map(|pace| {
            let least = pace.falling2[CELLS].min(pace.rising2[CELLS / 2]);
            assert!(strains.iter().all(|s| pace.is_borne(s, &torques)), "{torque}");
            (pace.nominal, pace.slowed_by, least)
        })
    };
    let (nominal, slowed, wide) = pace(100.0).expect("strong");
    assert_eq!((nominal, slowed), (1.0, None));
    // Just enough, and no word; then less than it asks.
    let (nominal, slowed, narrow) = pace(asked / 0.959).expect("fine");
    assert_eq!((nominal, slowed), (1.0, None));
    assert!(narrow < 0.6 * wide, "{narrow}, {wide}");
    let (nominal, slowed, _) = pace(asked / 0.97).expect("fine");
    assert!((0.9..1.0).contains(&nominal), "{nominal}");
    assert_eq!(slowed, None);
    let (nominal, slowed, _) = pace(0.8 * asked + 0.2 * rest).expect("slower");
    assert!((0.5..0.95).contains(&nominal), "{nominal}");
    assert_eq!(slowed, Some((Some(1), LimitKind::Torque)));
    let why = pace(0.5 * rest).expect_err("nothing to hold it with");
    assert!(why.field.starts_with("trajectory at ") && why.expected.contains("joint 1"), "{why}");
}
