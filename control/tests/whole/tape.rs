//! What a tick consumed is enough to do it again, to the bit (I9).

use crate::common::{N, Rig, TICK, arm, solid_arm};
use crate::from_bytes::{Kind, drive_rig};
use control::{Config, Mode, Motion, Watchdog};
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::{JointState, JointVector, StopCategory};

#[test]
fn whatever_was_asked_and_read_the_recorded_ticks_come_to_the_same_commands_again() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut ticks = 0;
    for kind in [Kind::Trajectory, Kind::Chunk] {
        for _ in 0..40 {
            let mut bytes = [0; 300];
            rng.fill_bytes(&mut bytes);
            let (_, first) = drive_rig(kind, &bytes, Rig::recorded);
            let (_, again) = drive_rig(kind, &bytes, |rig| {
                let mut rig = rig.recorded();
                rig.repeats = first.iter().copied().collect();
                rig
            });
            assert_eq!(first, again);
            ticks += first.len();
        }
    }
    assert!(ticks > 20_000, "only {ticks}");
}

/// One thing that somebody does between two ticks.
fn act(rig: &mut Rig, what: usize, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    match what {
        0 => {
            let q = rig.arm.home();
            let to = JointVector::from_fn(N, |i| q[i] + rng.random_range(-0.3..0.3));
            let _ = rig.submit(Motion::Joints(to));
        }
        1 => {
            let _ = rig.submit(Motion::Velocity(JointVector::from_fn(N, |_| rng.random_range(-0.5..0.5))));
        }
        2 => {
            let _ = rig.submit(Motion::Hold);
        }
        3 => {
            let width_m = rng.random_range(0.0..0.08);
            let _ = rig.submit(Motion::Grip(types::GripperCommand { width_m, force_n: 10.0 }));
        }
        4 => {
            let _ = rig.handle.activate(rig.now);
        }
        _ => {
            let _ = rig.handle.reset(rig.now);
        }
    }
}

#[test]
fn requests_that_come_early_to_a_repeated_core_wait_for_the_tick_that_took_them() {
    let mut rng = ChaCha8Rng::seed_from_u64(10);
    let mut rig = Rig::with(arm(), Config::default()).recorded();
    let mut twin = Rig::with(arm(), Config::default());
    let mut commands = vec![];
    for k in 0..6000 {
        let asked =
            if k == 10 { Some(4) } else { (rng.random_range(0..60) == 0).then(|| rng.random_range(0..6)) };
        if let Some(what) = asked {
            for r in [&mut rig, &mut twin] {
                r.now = rig_time(k);
                act(r, what, k as u64);
            }
        }
        // What goes through no inbox.
        match rng.random_range(0..800) {
            0 => rig.handle.stop(StopCategory::Two),
            1 => rig.handle.slow(rng.random_range(0.1..1.0)),
            _ => {}
        }
        rig.alive = k % 1500 < 1200;
        let state = JointState { stamp: rig.now + TICK, ..rig.state };
        let command = rig.tick_with((rng.random_range(0..100) > 0).then_some(state));
        commands.push(command);
        // The twin's core is thirty ticks behind, at times.
        let is_behind = k % 64 < 30;
        if !is_behind {
            repeat_up_to(&mut twin, &rig, &commands);
        }
        let lost = rig.lease.is_none();
        if lost {
            // Both hear of it before they ask again.
            repeat_up_to(&mut twin, &rig, &commands);
            twin.take_reports();
            twin.lease = None;
        }
    }
    repeat_up_to(&mut twin, &rig, &commands);
    assert_eq!(twin.core.ticks(), rig.core.ticks());
    let moved = commands.iter().filter(|c| c.dq.iter().any(|v| *v != 0.0)).count();
    assert!(moved > 1000, "only {moved} moved");
}

fn rig_time(k: usize) -> types::Time {
    types::Time::from_secs_f64(1.0) + TICK * k as u32
}

fn repeat_up_to(twin: &mut Rig, rig: &Rig, commands: &[types::JointCommand]) {
    for record in &rig.records[twin.core.ticks() as usize..] {
        let command = twin.core.repeat(record);
        assert_eq!(command, commands[record.tick as usize - 1], "tick {}", record.tick);
    }
}

#[test]
fn a_watchdog_that_falls_silent_does_so_again_and_a_full_tape_counts_what_it_drops() {
    let page = Watchdog::private(0.005).expect("a page");
    let mut rig = Rig::with(solid_arm(), Config::default()).recorded();
    rig.core = rig.core.with_watchdog(page.pulse());
    let guard = page.guard();
    for _ in 0..20 {
        guard.look(rig.now);
        rig.tick();
    }
    rig.handle.activate(rig.now).expect("sent");
    let mut silent = 0;
    for _ in 0..4000 {
        if rig.mode() != Mode::Hold {
            guard.look(rig.now);
        } else {
            silent += 1;
        }
        rig.tick();
        if silent > 0 && !rig.commands.last().is_some_and(|c| c.enabled) {
            break;
        }
    }
    assert!(silent > 3 && !rig.core.is_enabled(), "F33: it held for {silent} ticks");
    let other = Watchdog::private(0.005).expect("a page");
    let mut twin = Rig::with(solid_arm(), Config::default());
    twin.core = twin.core.with_watchdog(other.pulse());
    for record in rig.records.clone() {
        if record.heard.requests > 0 {
            let asked = types::Time::from_nanos(record.now.as_nanos() - 1_000_000);
            twin.handle.activate(asked).expect("sent");
        }
        assert_eq!(twin.core.repeat(&record), record.command, "tick {}", record.tick);
    }

    let mut rig = Rig::new(arm());
    let (core, tape) = rig.core.with_tape();
    rig.core = core;
    rig.ticks(5000);
    assert_eq!(tape.dropped(), 5000 - 4096);
}
