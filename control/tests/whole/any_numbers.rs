//! Whatever numbers stand in what is ordered and in what is told of the surroundings, the arm stays within its limits and
//! comes to rest when it is told to.

use crate::adversarial::{any_number, vector};
use crate::common::{Rig, check_differences, solid_arm};
use control::{Chunk, Compliance, Mode, Motion, Thing, Twist, TwistAxes, World};
use mechanics::GeomShape;
use mechanics::collision::{Attached, Obstacle};
use nalgebra::{Isometry3, Quaternion, UnitQuaternion, Vector3};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::sync::atomic::{AtomicUsize, Ordering};
use types::{JointVector, StopCategory, Time, Transform};

#[derive(Clone, Debug)]
enum Event {
    World { things: Vec<Thing>, held: Option<Attached>, stamp: i64, life: i64 },
    Order(Motion),
    Slow(f64),
    Comply(Compliance),
}

/// Mostly what an arm could take, so that much of it is taken.
fn number(most: f64) -> impl Strategy<Value = f64> {
    prop_oneof![9 => -most..most, 1 => any_number()]
}

fn numbers<const M: usize>(most: f64) -> impl Strategy<Value = [f64; M]> {
    prop::collection::vec(number(most), M).prop_map(|v| v.try_into().expect("as many"))
}

fn joints(most: f64) -> impl Strategy<Value = JointVector> {
    prop_oneof![
        9 => prop::collection::vec(-most..most, crate::common::N)
            .prop_map(|v| JointVector::from_slice(&v).expect("short enough")),
        1 => vector(),
    ]
}

fn axes() -> impl Strategy<Value = TwistAxes> {
    prop_oneof![Just(TwistAxes::World), Just(TwistAxes::Tool)]
}

fn place() -> impl Strategy<Value = Isometry3<f64>> {
    (numbers::<3>(0.9), numbers::<4>(1.0)).prop_map(|(at, [w, i, j, k])| {
        let turned = UnitQuaternion::new_unchecked(Quaternion::new(w, i, j, k));
        Isometry3::from_parts(Vector3::from(at).into(), turned)
    })
}

fn shape() -> impl Strategy<Value = GeomShape> {
    (number(0.2), number(0.2), number(0.2), 0..4_u8).prop_map(|(a, b, c, kind)| match kind {
        0 => GeomShape::Sphere { radius: a },
        1 => GeomShape::Capsule { radius: a, half_length: b },
        2 => GeomShape::Cylinder { radius: a, half_length: b },
        _ => GeomShape::Cuboid { half: Vector3::new(a, b, c) },
    })
}

fn thing() -> impl Strategy<Value = Thing> {
    (shape(), place(), number(0.1), number(1.0)).prop_map(|(shape, at, keep_m, speed_m_s)| {
        let obstacle = Obstacle { name: "thing".into(), shape, world_from_obstacle: at };
        Thing { obstacle, keep_m: keep_m.abs(), speed_m_s: speed_m_s.abs() }
    })
}

fn world() -> impl Strategy<Value = Event> {
    let nanos = || prop_oneof![8 => 0..500_000_000_i64, 1 => any::<i64>()];
    let held =
        prop::option::of((shape(), place()).prop_map(|(shape, at)| Attached { shape, tool_from_shape: at }));
    (prop::collection::vec(thing(), 0..4), held, nanos(), nanos())
        .prop_map(|(things, held, stamp, life)| Event::World { things, held, stamp, life })
}

fn order() -> impl Strategy<Value = Event> {
    let twist = |(linear_m_s, angular_rad_s, axes)| Motion::Twist(Twist { linear_m_s, angular_rad_s, axes });
    // What is no pose is refused before it can be ordered.
    let pose = |(at, wxyz)| Transform::new(at, wxyz).map_or(Motion::Hold, Motion::Pose);
    let chunk = |(points, period_s): (Vec<JointVector>, f64)| {
        Motion::Chunk(Chunk { points, period_s: f64::abs(period_s), grip: None })
    };
    prop_oneof![
        (numbers::<3>(0.5), numbers::<3>(1.5), axes()).prop_map(twist),
        joints(2.0).prop_map(Motion::Velocity),
        joints(2.5).prop_map(Motion::Joints),
        (numbers::<3>(0.8), numbers::<4>(1.0)).prop_map(pose),
        (prop::collection::vec(joints(0.8), 0..12), number(0.08)).prop_map(chunk),
        Just(Motion::Hold),
    ]
    .prop_map(Event::Order)
}

fn comply() -> impl Strategy<Value = Event> {
    (numbers::<3>(3000.0), numbers::<3>(100.0), axes(), numbers::<4>(30.0)).prop_map(
        |(linear, angular, axes, [damping_ratio, most_n, most_nm, posture])| {
            Event::Comply(Compliance::Tool {
                linear_n_m: linear.map(f64::abs),
                angular_nm_rad: angular.map(f64::abs),
                axes,
                damping_ratio: damping_ratio.abs() / 15.0,
                most_n: most_n.abs(),
                most_nm: most_nm.abs(),
                posture_nm_rad: posture.abs(),
            })
        },
    )
}

fn event() -> impl Strategy<Value = (Event, usize)> {
    let event = prop_oneof![
        3 => world(),
        8 => order(),
        1 => number(1.0).prop_map(Event::Slow),
        1 => comply(),
    ];
    (event, 1..80_usize)
}

#[test]
fn no_world_and_no_order_of_whatever_numbers_makes_a_command_that_is_none_or_leaves_a_limit() {
    let (moved, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let config = ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() };
    let cases = config.cases as usize;
    let ran = TestRunner::new(config).run(&prop::collection::vec(event(), 1..24), |events| {
        let mut rig = Rig::active(solid_arm());
        for (event, ticks) in events {
            let now = rig.now;
            let is_taken = match event {
                Event::World { things, held, stamp, life } => {
                    let at = |ns: i64| Time::from_nanos(now.as_nanos().saturating_add(ns));
                    let (stamp, expires) = (at(-stamp.saturating_abs() / 8), at(life));
                    rig.handle.watch(World { stamp, expires, things, held }).is_ok()
                }
                Event::Order(motion) => rig.submit(motion).is_ok(),
                Event::Slow(factor) => {
                    rig.handle.slow(factor);
                    true
                }
                Event::Comply(compliance) => rig.submit(Motion::Comply(compliance)).is_ok(),
            };
            taken.fetch_add(usize::from(is_taken), Ordering::Relaxed);
            rig.ticks(ticks);
        }
        let has_moved = rig.commands.iter().any(|c| c.dq.iter().any(|v| v.abs() > 0.05));
        moved.fetch_add(usize::from(has_moved), Ordering::Relaxed);
        rig.handle.stop(StopCategory::Two);
        rig.ticks(1500);
        prop_assert!(matches!(rig.mode(), Mode::Hold | Mode::Fault { .. }), "{:?}", rig.mode());
        prop_assert!(rig.commands.last().is_some_and(|c| c.dq.iter().all(|v| *v == 0.0)));
        check_differences(&rig.arm, &rig.commands);
        Ok(())
    });
    ran.unwrap_or_else(|e| panic!("{e}"));
    let (moved, taken) = (moved.into_inner(), taken.into_inner());
    assert!(2 * moved > cases && taken > 4 * cases, "{moved} of {cases} moved, {taken} events were taken");
}
