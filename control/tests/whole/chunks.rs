//! Action chunks of a learned policy: late, early, contradictory, twice, or not at all (F3 to F6).

use crate::common::{FRANKA, N, Rig, arm, check_differences};
use control::{Chunk, Groups, Lease, Mode, Motion, Order, Owner, RefusedWhy, Report, Request, World};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;
use types::{Fault, JointVector, StopCategory, Time};

const PERIOD_S: f64 = 1.0 / 30.0;

/// What the policy of these tests wants: a way that goes on in every joint, fast and slow.
fn way(home: &JointVector, phase: f64) -> JointVector {
    JointVector::from_fn(N, |j| {
        home[j] + 0.15 * phase + 0.06 * libm::sin(1.9 * phase + 0.3 * j as f64)
            - 0.06 * libm::sin(0.3 * j as f64)
    })
}

/// Where on its way the arm is: the way's sum grows steadily.
fn phase_of(home: &JointVector, q: &JointVector) -> f64 {
    let sum = |q: &JointVector| q.iter().sum::<f64>();
    let (mut low, mut high) = (-1.0, 60.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if sum(&way(home, middle)) < sum(q) { low = middle } else { high = middle }
    }
    low
}

fn chunk(home: &JointVector, phase: f64, n: usize) -> Chunk {
    Chunk {
        points: (0..n).map(|k| way(home, phase + PERIOD_S * k as f64)).collect(),
        period_s: PERIOD_S,
        grip: None,
    }
}

fn refused(rig: &Rig, why: RefusedWhy) -> usize {
    let is_it =
        |r: &&Report| matches!(r, Report::Refused { request: Request::Chunk, why: w, .. } if *w == why);
    rig.reports.iter().filter(is_it).count()
}

fn fastest(rig: &Rig) -> f64 {
    rig.commands.last().expect("some").dq.iter().fold(0.0, |m: f64, v| m.max(v.abs()))
}

/// A chunk for the world at `stamp`, good for two seconds.
fn order(lease: &mut Lease, stamp: Time, chunk: Chunk) -> Order {
    let order = lease.order(stamp, Motion::Chunk(chunk));
    Order { expires: stamp + Duration::from_secs(2), ..order }
}

/// Ticks while the policy says that it is alive.
fn tick(rig: &mut Rig, lease: &Lease) {
    rig.handle.keep_alive(lease, rig.now);
    rig.tick();
}

#[test]
fn with_any_inference_delay_below_the_horizon_chunks_hand_over_without_pause_or_jerk() {
    let arm = arm();
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    for delay_ms in [0u64, 50, 100, 200, 400, 600, 800] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::Arm, None).expect("sent");
        // Chunks of 2.7 s; the next picture is taken when the last answer came.
        let mut under_way: Option<(Time, f64, Time)> = None;
        let (mut pauses, mut worst) = (0, 0.0f64);
        for ms in 0..6000 {
            let now = rig.now;
            match under_way {
                None => {
                    let seen = phase_of(&home, &rig.hold_q());
                    let late = delay_ms as f64 * rng.random_range(0.7..1.3);
                    under_way = Some((now, seen, now + Duration::from_micros((1e3 * late) as u64)));
                }
                Some((stamp, seen, answers)) if now >= answers => {
                    let answer = order(&mut lease, stamp, chunk(&home, seen, 80));
                    rig.handle.submit(answer).expect("a chunk");
                    under_way = None;
                }
                _ => {}
            }
            tick(&mut rig, &lease);
            let q = rig.hold_q();
            worst = worst.max(way(&home, phase_of(&home, &q)).max_abs_diff(&q));
            pauses += usize::from(ms > 1500 && fastest(&rig) < 0.02);
        }
        println!(
            "delay {delay_ms} ms: {} phases, {worst:.4} rad off the way",
            phase_of(&home, &rig.hold_q())
        );
        assert_eq!(pauses, 0, "{delay_ms} ms: no pause while the delay is below the horizon");
        assert!(!rig.has(|r| matches!(r, Report::Fault { .. })), "{:?}", rig.reports);
        // While it sets out, one that came soon after may wait too long.
        assert!(refused(&rig, RefusedWhy::Replaced) <= 2, "{:?}", rig.reports);
        assert!(!rig.has(|r| matches!(r, Report::Refused { why, .. } if *why != RefusedWhy::Replaced)));
        assert!(worst < 0.03, "{delay_ms} ms: {worst} rad off the way");
        assert!(phase_of(&home, &rig.hold_q()) > 4.0);
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn f4_when_the_chunks_run_dry_the_arm_stops_along_its_path_and_goes_on_with_the_next() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::Arm, None).expect("sent");
    let first = order(&mut lease, rig.now, chunk(&home, 0.0, 30));
    rig.handle.submit(first).expect("a chunk");
    for ms in 0..2000 {
        tick(&mut rig, &lease);
        let q = rig.hold_q();
        // At first it goes over from rest.
        let off = way(&home, phase_of(&home, &q)).max_abs_diff(&q);
        assert!(off < if ms < 600 { 0.02 } else { 1e-3 }, "F4: along its path: {off}");
    }
    assert_eq!(fastest(&rig), 0.0);
    let dry = |r: &&Report| matches!(r, Report::Fault { fault: Fault::F4ChunksDry, latched: false });
    assert_eq!(rig.reports.iter().filter(dry).count(), 1, "{:?}", rig.reports);
    assert_eq!(rig.mode(), Mode::Follow, "it waits");
    let seen = phase_of(&home, &rig.hold_q());
    assert!(seen > 0.85, "it went to the end of what it knew: {seen}");
    let next = order(&mut lease, rig.now, chunk(&home, seen, 30));
    rig.handle.submit(next).expect("a chunk");
    for _ in 0..500 {
        tick(&mut rig, &lease);
    }
    assert!(phase_of(&home, &rig.hold_q()) > seen + 0.2, "it goes on");
    // F1: whose owner is killed stops within the streams' deadline, and latches.
    let n = rig.until(Mode::Stopping(StopCategory::Two));
    assert!((99..=102).contains(&n), "F1: {n} ms");
    rig.until(Mode::Fault { powered: true });
    check_differences(&arm, &rig.commands);
}

#[test]
fn a_path_that_is_known_for_long_is_not_dry_however_slowly_it_is_run() {
    let arm = arm();
    let mut rig = Rig::active(arm);
    let home = rig.hold_q();
    let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::Arm, None).expect("sent");
    rig.handle.slow(0.5);
    // The world grows old meanwhile.
    let expires = rig.now + Duration::from_secs(1);
    rig.handle.watch(World { stamp: rig.now, expires, things: vec![], held: None }).expect("a world");
    let first = order(&mut lease, rig.now, chunk(&home, 0.0, 60));
    rig.handle.submit(first).expect("a chunk");
    for _ in 0..800 {
        tick(&mut rig, &lease);
    }
    let factor = rig.handle.status().speed_factor;
    assert!((0.2..0.4).contains(&factor), "{factor}");
    assert!(!rig.has(|r| matches!(r, Report::Fault { .. })), "{:?}", rig.reports);
}

#[test]
fn f3_f5_chunks_that_are_late_or_come_twice_or_out_of_order_are_refused() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::Arm, None).expect("sent");
    let first = order(&mut lease, rig.now, chunk(&home, 0.0, 45));
    rig.handle.submit(first.clone()).expect("a chunk");
    for _ in 0..300 {
        tick(&mut rig, &lease);
    }
    let seen = phase_of(&home, &rig.hold_q());
    let expired = order(&mut lease, rig.now, chunk(&home, seen, 45));
    let stamp = expired.stamp;
    let short = Order { expires: stamp + Duration::from_millis(50), ..expired };
    let late = order(&mut lease, stamp, chunk(&home, seen, 3));
    let newest = order(&mut lease, stamp, chunk(&home, seen, 45));
    for _ in 0..100 {
        tick(&mut rig, &lease);
    }
    rig.handle.submit(short).expect("well-formed");
    tick(&mut rig, &lease);
    assert_eq!(refused(&rig, RefusedWhy::Stale), 1, "F3: after its window");
    rig.handle.submit(late.clone()).expect("well-formed");
    tick(&mut rig, &lease);
    assert_eq!(refused(&rig, RefusedWhy::Stale), 2, "F3: all of it is over");
    rig.handle.submit(newest).expect("a chunk");
    tick(&mut rig, &lease);
    rig.handle.submit(late).expect("well-formed");
    rig.handle.submit(first).expect("well-formed");
    tick(&mut rig, &lease);
    assert_eq!(refused(&rig, RefusedWhy::Replayed), 2, "F5");
    assert_eq!(rig.mode(), Mode::Follow, "what was valid goes on");
    check_differences(&arm, &rig.commands);
}

#[test]
fn f6_chunks_that_disagree_are_blended_within_limits_or_refused() {
    let arm = arm();
    for (off, n) in [(0.05, 48), (0.2, 48), (0.5, 60), (0.5, 8), (-0.5, 60)] {
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::Arm, None).expect("sent");
        let first = order(&mut lease, rig.now, chunk(&home, 0.0, 60));
        rig.handle.submit(first).expect("a chunk");
        for _ in 0..400 {
            tick(&mut rig, &lease);
        }
        let seen = phase_of(&home, &rig.hold_q());
        let mut other = chunk(&home, seen, n);
        for p in &mut other.points {
            *p = JointVector::from_fn(N, |j| p[j] + off);
        }
        let second = order(&mut lease, rig.now, other.clone());
        let id = rig.handle.submit(Order { expires: rig.now + Duration::from_millis(300), ..second });
        let id = id.expect("well-formed");
        for _ in 0..2500 {
            tick(&mut rig, &lease);
        }
        // A short one is over before it can be reached.
        let refused = refused(&rig, RefusedWhy::TooFar) + refused(&rig, RefusedWhy::Stale);
        let taken = rig.has(|r| *r == Report::Started(id));
        assert_eq!(usize::from(taken) + refused, 1, "F6: {off} rad: {:?}", rig.reports);
        assert_eq!(taken, n > 8, "{off} rad in {n} points: {:?}", rig.reports);
        if taken {
            let end = other.points[n - 1].max_abs_diff(&rig.hold_q());
            assert!(end < 0.05, "F6: {end} rad from where the second leads");
        }
        check_differences(&arm, &rig.commands);
    }
}

#[test]
fn a_chunk_takes_over_from_a_velocity_and_a_velocity_from_a_chunk() {
    let arm = arm();
    let mut rig = Rig::active(arm.clone());
    let home = rig.hold_q();
    let mut lease = rig.handle.claim(rig.now, Owner::Policy, Groups::Arm, None).expect("sent");
    let push = Motion::Velocity(JointVector::from_fn(N, |_| 0.3));
    for _ in 0..3 {
        for _ in 0..30 {
            rig.handle.submit(lease.order(rig.now, push.clone())).expect("fine");
            tick(&mut rig, &lease);
        }
        let seen = phase_of(&home, &rig.hold_q());
        let next = order(&mut lease, rig.now, chunk(&home, seen, 48));
        rig.handle.submit(next).expect("a chunk");
        for _ in 0..200 {
            tick(&mut rig, &lease);
        }
        assert_eq!(rig.mode(), Mode::Follow, "{:?}", rig.reports);
    }
    check_differences(&arm, &rig.commands);
}

#[test]
fn what_is_no_chunk_is_refused_by_name() {
    let arm = arm();
    let mut rig = Rig::active(arm);
    let home = rig.hold_q();
    let good = chunk(&home, 0.0, 10);
    let with = |change: &dyn Fn(&mut Chunk)| {
        let mut chunk = good.clone();
        change(&mut chunk);
        Motion::Chunk(chunk)
    };
    for (motion, field) in [
        (with(&|c| c.points.clear()), "chunk.points"),
        (with(&|c| c.points.truncate(1)), "chunk.points"),
        (with(&|c| c.points = vec![c.points[0]; 1001]), "chunk.points"),
        (with(&|c| c.period_s = 0.0), "chunk.period_s"),
        (with(&|c| c.period_s = f64::NAN), "chunk.period_s"),
        (with(&|c| c.points[4][2] = f64::NAN), "chunk.points[4][2]"),
        (with(&|c| c.points[4][2] = 1e308), "chunk.points[4][2]"),
        (with(&|c| c.points[4] = JointVector::zeros(3)), "chunk.points[4]"),
        (with(&|c| c.points[5][1] += 1.5), "chunk.points[4]"),
    ] {
        let refused = rig.submit(motion).expect_err(field);
        assert!(refused.field.starts_with(field.trim_end_matches("[4]")), "{field}: {refused}");
    }
    let degrees = with(&|c| c.points[0][0] = 90.0);
    assert!(rig.submit(degrees).expect_err("B8").expected.contains("degrees"));
    rig.ticks(20);
    assert_eq!(rig.mode(), Mode::Hold);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// I2: whatever chunks come, whenever, what leaves is continuous and within limits.
    #[test]
    fn whatever_chunks_come_the_arm_keeps_its_limits(
        chunks in prop::collection::vec(
            (prop::collection::vec(-1.0..1.0f64, 2 * N), 2..60usize, 0.01..0.1f64, 0.0..1.0f64, 1..500usize, 0..600u64),
            1..10),
        slow in 0.2..1.0f64,
    ) {
        let arm = arm();
        let mut rig = Rig::active(arm.clone());
        let home = rig.hold_q();
        let mut lease: Option<Lease> = None;
        rig.handle.slow(slow);
        for (shape, n, period_s, size, ms, age) in chunks {
            let mine = match &mut lease {
                Some(mine) => mine,
                None => lease.insert(rig.handle.claim(rig.now, Owner::Policy, Groups::Arm, None).expect("sent")),
            };
            let at = |k: usize, j: usize| {
                let t = k as f64 * period_s;
                let wave = libm::sin(3.0 * shape[j] * t + shape[N + j]);
                let noise = 2e-4 * libm::sin(37.0 * (k * N + j) as f64);
                (home[j] + size * FRANKA[j][0] * 0.2 * wave + noise).clamp(-2.8, 2.8)
            };
            let points = (0..n).map(|k| JointVector::from_fn(N, |j| at(k, j))).collect();
            let stamp = Time::from_nanos((rig.now.as_nanos() - age as i64 * 1_000_000).max(0));
            let _ = rig.handle.submit(order(mine, stamp, Chunk { points, period_s, grip: None }));
            for _ in 0..ms {
                if let Some(lease) = &lease {
                    rig.handle.keep_alive(lease, rig.now);
                }
                rig.tick();
                let lost = lease.as_ref().is_some_and(|l| rig.has(|r| *r == Report::Lost(l.id())));
                if lost {
                    lease = None;
                }
            }
        }
        rig.ticks(1500);
        prop_assert!(fastest(&rig) == 0.0);
        prop_assert!(!rig.has(|r| matches!(r, Report::Stopped { cause: control::Cause::Limit, .. })), "{:?}", rig.reports);
        check_differences(&arm, &rig.commands);
    }
}
