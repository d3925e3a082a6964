//! I8: the core allocates nothing, in any mode and over any edge.
#![allow(unsafe_code, reason = "a global allocator that counts is an unsafe trait")]

mod common;

use common::{N, Rig, TICK, reach, solid_arm};
use control::{Chunk, Compliance, Config, Grips, Mode, Motion, Payload, Thing, Twist, TwistAxes, World};
use mechanics::GeomShape;
use mechanics::collision::Obstacle;
use nalgebra::Isometry3;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;
use types::seams::Controller;
use types::{GripperCommand, JointState, JointVector, StopCategory};

const YIELDING: Compliance = Compliance::Tool {
    linear_n_m: [500.0; 3],
    angular_nm_rad: [30.0; 3],
    axes: TwistAxes::Tool,
    damping_ratio: 1.0,
    most_n: 30.0,
    most_nm: 5.0,
    posture_nm_rad: 5.0,
};

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    // A thread that is ending has neither cell; it is not one that is watched.
    let _ = WATCHED.try_with(|w| {
        if w.get() {
            COUNT.with(|c| c.set(c.get() + 1));
        }
    });
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as required of the caller.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        count();
        // SAFETY: as required of the caller.
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as required of the caller.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Ticks `n` times, counting allocations and frees within `tick` alone.
fn watched(rig: &mut Rig, n: usize, step: Duration, change: impl Fn(&mut JointState) -> bool) {
    for _ in 0..n {
        rig.now = rig.now + step;
        rig.keep_alive();
        let mut state = JointState { stamp: rig.now, ..rig.state };
        let given = change(&mut state);
        WATCHED.set(true);
        let command = rig.core.tick(rig.now, given.then_some(&state));
        core::hint::black_box(rig.core.ending());
        WATCHED.set(false);
        if command.enabled {
            rig.state.q = command.q;
            rig.state.dq = command.dq;
        } else {
            rig.state.dq = JointVector::zeros(N);
        }
        rig.take_reports();
        rig.reports.clear();
    }
}

#[test]
fn no_tick_allocates_or_frees_in_any_mode_or_over_any_edge() {
    let arm = solid_arm();
    // Ticks are recorded, and nobody takes them: with room for them, and without.
    let mut rig = Rig::with(arm.clone(), Config { coast_s: 0.05, ..Config::default() }).recorded();
    let ball = |x: f64, speed_m_s: f64| Thing {
        obstacle: Obstacle {
            name: "ball".into(),
            shape: GeomShape::Sphere { radius: 0.1 },
            world_from_obstacle: Isometry3::translation(x, 0.0, 0.6),
        },
        keep_m: 0.05,
        speed_m_s,
    };
    let fine = |_: &mut JointState| true;
    let mut modes = vec![];
    watched(&mut rig, 5, TICK, fine);
    modes.push(rig.mode());
    rig.handle.activate(rig.now).expect("sent");
    watched(&mut rig, 5, TICK, fine);
    modes.push(rig.mode());
    watched(&mut rig, 2500, TICK, fine);
    modes.push(rig.mode());
    for kind in 0..7 {
        rig.alive = true;
        let here = rig.hold_q();
        let by = if kind % 2 == 0 { 0.4 } else { -0.4 };
        // Far, coming, in the way; and gone again before the motion is to end.
        for things in [vec![ball(3.0, 0.0), ball(4.0, 1.0)], vec![ball(0.3, 0.0)], vec![]] {
            let world = World { stamp: rig.now, expires: rig.now + 1000 * TICK, things, held: None };
            rig.handle.watch(world).expect("a world");
            let _ = rig.handle.carry(rig.now, Payload { mass_kg: 0.1, center_m: [0.0, 0.0, 0.02] });
            watched(&mut rig, 10, TICK, fine);
            rig.follow(reach(&arm, &here, 0.5 * by, 1.0));
            watched(&mut rig, 100, TICK, fine);
            rig.handle.stop(StopCategory::Two);
            watched(&mut rig, 300, TICK, fine);
        }
        // Steered: towards what is in the way, and from there to a target.
        for things in [vec![ball(0.7, 0.0)], vec![]] {
            let world = World { stamp: rig.now, expires: rig.now + 2500 * TICK, things, held: None };
            rig.handle.watch(world).expect("a world");
            for _ in 0..4 {
                let twist = Twist {
                    linear_m_s: [0.1, by, 0.0],
                    angular_rad_s: [0.1, 0.0, by],
                    axes: TwistAxes::Tool,
                };
                rig.submit(Motion::Twist(twist)).expect("fine");
                watched(&mut rig, 50, TICK, fine);
            }
        }
        modes.push(rig.mode());
        rig.submit(Motion::Joints(here)).expect("fine");
        watched(&mut rig, 1500, TICK, fine);
        // As a spring of the tool, and stiff again.
        for compliance in [YIELDING, Compliance::Stiff] {
            rig.submit(Motion::Comply(compliance)).expect("fine");
            watched(&mut rig, 400, TICK, fine);
        }
        // Chunks: from rest, one into the next, one that cannot take over, and until they run dry.
        let here = rig.hold_q();
        for far in [0.0, 0.02, 2.0] {
            let on = |k: usize| JointVector::from_fn(N, |j| here[j] + far + 0.25 * by * k as f64 / 30.0);
            let widths_m = (0..20).map(|k| 0.04 - 0.001 * f64::from(k)).collect();
            let grip = Some(Grips { widths_m, force_n: 20.0 });
            let chunk = Chunk { points: (0..20).map(on).collect(), period_s: 1.0 / 30.0, grip };
            let _ = rig.submit(Motion::Chunk(chunk));
            watched(&mut rig, 150, TICK, fine);
        }
        modes.push(rig.mode());
        watched(&mut rig, 800, TICK, fine);
        rig.handle.stop(StopCategory::Two);
        watched(&mut rig, 20, TICK, fine);
        let here = rig.hold_q();
        let world = World { stamp: rig.now, expires: rig.now + 10_000 * TICK, things: vec![], held: None };
        rig.handle.watch(world).expect("a world");
        rig.follow(reach(&arm, &here, by, 1.0));
        rig.follow(reach(&arm, &here, by, 1.0));
        rig.submit(Motion::Grip(GripperCommand { width_m: 0.01 * f64::from(kind), force_n: 5.0 }))
            .expect("fine");
        watched(&mut rig, 300, TICK, fine);
        modes.push(rig.mode());
        rig.handle.slow(0.5);
        match kind {
            0 => watched(&mut rig, 2500, TICK, fine),
            1 => rig.handle.stop(StopCategory::Two),
            2 => rig.alive = false,
            3 => watched(&mut rig, 30, TICK, |_| false),
            4 => watched(&mut rig, 9, Duration::from_millis(40), fine),
            5 => watched(&mut rig, 1, TICK, |s| {
                s.q[0] = f64::NAN;
                true
            }),
            _ => rig.handle.stop(StopCategory::One),
        }
        watched(&mut rig, 100, TICK, fine);
        modes.push(rig.mode());
        watched(&mut rig, 1500, TICK, fine);
        modes.push(rig.mode());
        rig.handle.slow(1.0);
        rig.handle.reset(rig.now).expect("sent");
        watched(&mut rig, 2, TICK, fine);
        rig.handle.activate(rig.now).expect("sent");
        watched(&mut rig, 2500, TICK, fine);
        assert_eq!(rig.mode(), Mode::Hold, "kind {kind}");
    }
    rig.handle.stop(StopCategory::Zero);
    watched(&mut rig, 2, TICK, fine);
    modes.push(rig.mode());
    for mode in [
        Mode::Disarmed,
        Mode::Proving,
        Mode::Hold,
        Mode::Follow,
        Mode::Servo,
        Mode::Stopping(StopCategory::Two),
        Mode::Stopping(StopCategory::One),
        Mode::Fault { powered: true },
        Mode::Fault { powered: false },
    ] {
        assert!(modes.contains(&mode), "{mode:?} was not visited: {modes:?}");
    }
    assert_eq!(COUNT.get(), 0, "I8");
}
