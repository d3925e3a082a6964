use super::super::tests::{Judge, WIDE, at, ball, filter, filter_with, job};
use super::*;
use crate::common::{N, solid_arm};
use crate::servo::STOP;
use crate::world::Thing;
use mechanics::collision::Checker;
use mechanics::{ArmData, GeomShape};
use nalgebra::Vector3;

fn joints(f: impl FnMut(usize) -> f64) -> JointVector {
    JointVector::from_fn(N, f)
}

#[test]
fn what_is_seen_where_a_step_begins_holds_for_all_that_the_wish_and_the_motion_need() {
    let arm = solid_arm();
    let mut filter = filter_with(&arm, vec![ball(&arm, 1.5, 0.01, 0.1)]);
    let mut last = Reference::at_rest(arm.home());
    last.dq[4] = -0.3;
    let wish = joints(|i| 0.02 * (i as f64 - 2.0));
    let (part, near) = filter.part_of_wish(&arm, at(1.1), &last, (&wish, STOP, arm.limits().into()), WIDE);
    assert_eq!((part, near), (1.0, None));
    assert_eq!(filter.seen.n, 1, "nothing is near");
    let seen = filter.seen.places[0];
    // A twentieth and two hundredths faster than is wished or is, for every joint as far as it reaches.
    let fastest = |i: usize| wish[i].abs().max(last.dq[i].abs());
    let speeds = joints(|i| (1.05 * fastest(i) + 0.02) * filter.reaches[i]);
    // A stop takes √(6 v / 0.6 J) or 1.5 v / 0.6 A.
    let longest = |f: &dyn Fn(usize) -> f64| (0..N).map(f).fold(0.0, f64::max);
    let by_jerk = longest(&|i| (6.0 * fastest(i) / (0.6 * arm.limits()[i].jerk)).sqrt());
    let stop_s = by_jerk.max(longest(&|i| 1.5 * fastest(i) / (0.6 * arm.limits()[i].acceleration)));
    assert!((seen.until.secs_since(at(1.1)) - stop_s - 0.05).abs() < 1e-8);
    let grown = filter.world.as_ref().expect("told").keep[0].distance_m;
    assert!((grown - 0.01 - 0.1 * (0.1 + stop_s + 0.05)).abs() < 1e-8, "{grown}");
    // In the open it is looked as far ahead as a stop and a third and five ticks: farther nothing is of interest.
    let ahead = 1.3 * stop_s + 0.005;
    let ways = joints(|i| ahead * speeds[i]);
    assert!(seen.ways.max_abs_diff(&ways) < 1e-9, "{:?}, not {ways:?}", seen.ways);
    assert_eq!(seen.q, last.q);
}

#[test]
fn what_was_seen_is_enough_only_for_what_goes_no_farther_and_ends_no_later() {
    let arm = solid_arm();
    let last = Reference::at_rest(joints(|i| arm.home()[i] + 0.38));
    let stop = Brake::new(Reference { dq: joints(|_| 0.2), ..last }, arm.limits(), STOP);
    let until = 1.1 + 0.5 * stop.left();
    for others in [0, 1] {
        let keeps = |off: f64, seen_until: f64, more: f64| {
            // Looked at again it does not keep clear.
            let mut filter = filter_with(&arm, vec![ball(&arm, 0.4, 0.02, 0.0)]);
            let mut ways = joints(|i| (stop.way_left(i, 0.0) + 0.01) * filter.reaches[i]);
            ways[5] += more;
            let q = joints(|i| last.q[i] + if i % 2 == 0 { off } else { -off });
            for _ in 0..others {
                filter.seen.note(&last.q, (&JointVector::zeros(N), 1.0), at(9.0));
            }
            filter.seen.note(&q, (&ways, 1.0), at(seen_until));
            filter.is_news = true;
            let is_clear = filter.keeps_clear(&arm, at(1.1), at(until), &stop, WIDE);
            assert!(filter.seen.n > others, "another stop of the same step may need it");
            assert!(!filter.is_news && filter.is_surprised != is_clear);
            is_clear
        };
        assert!(keeps(0.01 - 1e-9, until, 0.0) && keeps(0.0, until, 0.0));
        assert!(!keeps(0.01 + 1e-9, until, 0.0), "so far off all the way is too far");
        assert!(!keeps(0.0, until - 1e-6, 0.0), "what moves may have come nearer");
        assert!(!keeps(0.01 - 1e-9, until, -1e-6) && keeps(0.01 - 1e-9, until, 1e-6), "farther by a joint");
    }
}

#[test]
fn of_what_is_no_number_nothing_was_seen_and_a_joint_that_stays_takes_no_room() {
    let (q, ways, reaches) = (joints(|_| 0.3), joints(|i| 0.1 * i as f64), joints(|_| 1.0));
    let mut seen = Seen::nothing(N);
    assert_eq!(seen.part(&q, &ways, at(1.0), &reaches), 0.0, "nothing yet");
    seen.note(&q, (&ways, 2.0), at(1.0));
    assert!((seen.part(&q, &ways, at(1.0), &reaches) - 2.0).abs() < 1e-12);
    for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for joint in 0..N {
            let spoilt = |of: &JointVector| joints(|i| if i == joint { none } else { of[i] });
            assert_eq!(seen.part(&spoilt(&q), &ways, at(1.0), &reaches), 0.0, "{none} at joint {joint}");
            if none != f64::NEG_INFINITY {
                assert_eq!(seen.part(&q, &spoilt(&ways), at(1.0), &reaches), 0.0, "{none} at joint {joint}");
            }
        }
    }
}

/// Balls in the ways of an arm near its home, one of which moves.
fn crowd(arm: &Arm) -> Vec<Thing> {
    [(0.4, 0.02, 0.0), (-0.45, 0.03, 0.0), (0.6, 0.01, 0.0), (0.9, 0.02, 0.3)]
        .map(|(by, keep_m, speed)| ball(arm, by, keep_m, speed))
        .into()
}

/// The same as they may be at `until`.
fn grown(things: &[Thing], until: Time) -> Vec<Thing> {
    let age = until.secs_since(at(1.0));
    things.iter().map(|t| Thing { keep_m: t.keep_m + age * t.speed_m_s, ..t.clone() }).collect()
}

#[test]
fn wherever_joints_may_go_around_what_was_seen_there_is_room_and_stops_are_judged_as_by_looks_alone() {
    let arm = solid_arm();
    let things = crowd(&arm);
    let mut draw = {
        let mut state = 7u64;
        move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        }
    };
    let (mut seen, mut spared, mut clear) = (0, 0, 0);
    for _ in 0..150 {
        let by = 0.4 * draw();
        let mut last = Reference::at_rest(joints(|i| arm.home()[i] + by + 0.02 * draw()));
        let wish = joints(|_| 0.4 * draw());
        last.dq = joints(|i| 0.8 * wish[i]);
        last.ddq = joints(|_| draw());
        let mut filter = filter_with(&arm, things.clone());
        filter.coast = 0.05;
        let asked = (&wish, STOP, arm.limits().into());
        filter.part_of_wish(&arm, at(1.1), &last, asked, WIDE);
        let by_wish = filter.seen.n;
        for stop in [Brake::new(last, arm.limits(), STOP), Brake::coasting(last, arm.limits(), STOP, 0.05)] {
            let (until, before) = (at(1.1 + stop.left()), filter.seen.n);
            let is_clear = filter.keeps_clear(&arm, at(1.1), until, &stop, WIDE);
            let alone = filter_with(&arm, things.clone()).keeps_clear(&arm, at(1.1), until, &stop, WIDE);
            // What was seen spares looks; it may know more than they find in time, and never less.
            assert!(is_clear || !alone);
            let mut judge = Judge::new(&arm, &grown(&things, until));
            let places = (0..=60).map(|k| stop.after(f64::from(k) / 60.0 * stop.left()).q);
            let least = places.map(|q| judge.room(&arm, &q)).fold(1.0, f64::min);
            assert!(!is_clear || least > LEAST_ROOM_M - 1e-5, "{least}");
            spared += usize::from(is_clear && filter.seen.n == before && by_wish > 0);
            clear += usize::from(is_clear);
        }
        for place in &filter.seen.places[..filter.seen.n] {
            let mut judge = Judge::new(&arm, &grown(&things, place.until));
            for _ in 0..4 {
                let corner = joints(|i| place.q[i] + draw().signum() * place.ways[i] / filter.reaches[i]);
                let room = judge.room(&arm, &corner);
                assert!(room > LEAST_ROOM_M - 1e-5, "{room} m");
                seen += 1;
            }
        }
    }
    assert!(seen > 800 && spared > 50 && clear > 100, "{seen}, {spared}, {clear}");
}

#[test]
fn all_of_a_way_that_is_looked_at_in_leaps_is_clear_as_far_as_it_is_said_to_be() {
    let arm = solid_arm();
    // Beads, past which a leap would easily lead.
    let mut things = crowd(&arm);
    things.extend((0..30).map(|k| {
        let mut bead = ball(&arm, 0.03 * f64::from(k) - 0.45, 0.001, 0.0);
        bead.obstacle.shape = GeomShape::Sphere { radius: 0.004 };
        let off = |by: f64| 0.12 * f64::sin(by * f64::from(k + 1));
        bead.obstacle.world_from_obstacle.translation.vector += Vector3::new(off(2.3), off(1.1), off(3.7));
        bead
    }));
    let (mut stopped, mut open) = (0, 0);
    for k in 1..400 {
        let by = 0.4 * f64::sin(f64::from(k));
        let last = Reference::at_rest(joints(|i| arm.home()[i] + by));
        let wish = joints(|i| 1.6 * f64::sin(1.3 * f64::from(k) * (i as f64 + 1.0)));
        let mut filter = filter_with(&arm, things.clone());
        let asked = (&wish, STOP, arm.limits().into());
        let (part, _) = filter.part_of_wish(&arm, at(1.1), &last, asked, WIDE);
        if part == 0.0 {
            continue;
        }
        // What a stop from that part of the wish takes, as in the filter, in wish time.
        let by_jerk =
            (0..N).map(|i| 6.0 * wish[i].abs() / (STOP.0 * arm.limits()[i].jerk)).fold(0.0, f64::max);
        let by_acceleration =
            (0..N).map(|i| 1.5 * wish[i].abs() / (STOP.0 * arm.limits()[i].acceleration)).fold(0.0, f64::max);
        let stop_s = libm::sqrt(by_jerk * part).max(by_acceleration * part);
        let takes = part * (0.5 * stop_s + 3.0 * 0.001) / STOP_SHARE;
        let until = at(1.1 + stop_s);
        let mut judge = Judge::new(&arm, &grown(&things, until));
        for s in 0..=200 {
            let q = joints(|i| last.q[i] + f64::from(s) / 200.0 * takes * wish[i]);
            let room = judge.room(&arm, &q);
            assert!(room > LEAST_ROOM_M - 1e-5, "wish {k}: {room} m at {s} of 200");
            // Not by chance: it lies around a place that was seen.
            let is_around = |place: &Place| {
                (0..N).all(|i| (q[i] - place.q[i]).abs() * filter.reaches[i] <= place.ways[i] + 1e-9)
            };
            let places = &filter.seen.places[..filter.seen.n];
            assert!(places.iter().any(is_around), "wish {k}: nobody looked at {s} of 200");
        }
        (stopped, open) = (stopped + usize::from(part < 1.0), open + usize::from(part == 1.0));
    }
    assert!(stopped > 80 && open > 3, "{stopped}, {open}");
}

#[test]
fn right_before_something_nothing_is_given_towards_it_and_most_of_a_wish_away_from_it() {
    let arm = solid_arm();
    let things = vec![ball(&arm, 0.4, 0.02, 0.0)];
    let mut judge = Judge::new(&arm, &things);
    let there = |by: f64| joints(|i| arm.home()[i] + by);
    let mut at_room = |room_m: f64| {
        let by = (0..40_000).map(|k| 1e-5 * f64::from(k)).find(|by| judge.room(&arm, &there(*by)) < room_m);
        let last = Reference::at_rest(there(by.expect("in its way")));
        (last, judge.room(&arm, &last.q))
    };
    // Where it may not come any nearer, and by a hair before that.
    for most in [1.2e-3, 2.0e-3, 2.02e-3, 2.1e-3, 2.3e-3, 2.6e-3] {
        let (last, room) = at_room(most);
        assert!(room > LEAST_ROOM_M && room > most - 1e-4, "{room}");
        for v in [0.2, -0.2] {
            let mut filter = filter_with(&arm, things.clone());
            let (part, near) =
                filter.part_of_wish(&arm, at(1.1), &last, (&joints(|_| v), STOP, arm.limits().into()), WIDE);
            assert!(if v > 0.0 { part < 0.3 } else { part > 0.5 }, "{v} at {room} m: {part}");
            if room < APPROACH_M {
                assert!(v < 0.0 || filter.seen.n == 0, "nothing is clear for a while");
            }
            if v > 0.0 && room < APPROACH_M {
                let near = near.expect("in its way");
                assert!(part == 0.0 && (near.room - room).abs() < 1e-9 && !near.is_moving, "{near:?}");
            }
        }
    }
}

#[test]
fn beside_something_a_wish_that_leads_slowly_away_from_it_is_never_stuck() {
    let arm = solid_arm();
    let things = vec![ball(&arm, 0.4, 0.02, 0.0)];
    let mut judge = Judge::new(&arm, &things);
    let mut tried = 0;
    for most in [1.2e-3, 2.0e-3, 2.001e-3, 2.02e-3, 2.1e-3, 2.3e-3] {
        let there = |by: f64| joints(|i| arm.home()[i] + by);
        let by = (0..400_000).map(|k| 1e-6 * f64::from(k)).find(|by| judge.room(&arm, &there(*by)) < most);
        let last = Reference::at_rest(there(by.expect("in its way")));
        let room = judge.room(&arm, &last.q);
        for k in 0..200 {
            let wish = joints(|i| 0.2 * f64::sin(1.7 * f64::from(k) * (i as f64 + 1.3)));
            let after = |s: f64| joints(|i| last.q[i] + s * wish[i]);
            let grows = (judge.room(&arm, &after(1e-3)) - room) / 1e-3;
            // Away all along, and that by less than a fifth as fast as the arm might move.
            let mut filter = filter_with(&arm, things.clone());
            let fastest: f64 = (0..N).map(|i| wish[i].abs() * filter.reaches[i]).sum();
            let is_away = (1..=40).all(|s| {
                judge.room(&arm, &after(1e-2 * f64::from(s))) > room + 0.5e-2 * grows * f64::from(s)
            });
            if !is_away || grows < 0.02 * fastest || grows > 0.2 * fastest {
                continue;
            }
            tried += 1;
            let asked = (&wish, STOP, arm.limits().into());
            let (part, _) = filter.part_of_wish(&arm, at(1.1), &last, asked, WIDE);
            assert!(part > 0.0, "wish {k} at {room} m, away by {grows} of {fastest} m/s: {part}");
        }
    }
    assert!(tried > 30, "{tried}");
}

#[test]
fn an_arm_that_is_nearer_to_itself_than_it_shall_be_may_leave_and_not_come_nearer() {
    let arm = solid_arm();
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let far = OwnRoom { room_m: 0.1, clear_s: 1.0 };
    // Folded at two of its elbows.
    let folded = |by: f64| joints(|i| if i == 3 || i == 5 { by } else { arm.home()[i] });
    let mut room = |by: f64| {
        checker.room(&arm, &mut data, &folded(by), WIDE.now(), &[], 0.0);
        checker.own_room(&JointVector::zeros(N), 0.0, far).room_m
    };
    let find = |most: f64, room: &mut dyn FnMut(f64) -> f64| {
        (0..28_000).map(|k| 1e-4 * f64::from(k)).find(|by| room(*by) < most).expect("it can touch itself")
    };
    let (near, less) = (find(1e-3, &mut room), find(1.8e-3, &mut room));
    let (near_m, less_m, open_m) = (room(near), room(less), room(0.1));
    assert!(near_m < less_m && less_m < OWN_KEEP_M && open_m > 0.01, "{near_m}, {less_m}, {open_m}");
    let mut filter = filter(&arm);
    let mut keeps = |by: f64, anew: bool, expected: f64| {
        filter.begin_free(&arm, &folded(by), WIDE, anew);
        assert!((filter.own_keep - expected).abs() < 1e-9, "{by}: {} m, not {expected} m", filter.own_keep);
    };
    keeps(near, false, OWN_KEEP_M);
    keeps(near, true, near_m - NO_NEARER_M);
    keeps(less, false, less_m - NO_NEARER_M);
    keeps(near, true, less_m - NO_NEARER_M);
    keeps(0.1, false, OWN_KEEP_M);
    keeps(0.1, true, OWN_KEEP_M);
}

#[test]
fn room_is_what_is_left_to_things_and_to_the_arm_itself_as_far_as_it_is_of_interest() {
    let arm = solid_arm();
    let home = arm.home();
    // In the open: twice the distance that it is brought up to things, or as far as it gets within the horizon.
    let mut open = filter(&arm);
    let near = open.near(&arm, &home, (&JointVector::zeros(N), 0.5), WIDE, 0.001, None);
    assert!((near.room.room - 0.004).abs() < 1e-12 && near.is_free && !near.room.is_moving);
    assert_eq!(near.clear_s, 0.5);
    let speeds = joints(|_| 0.2 / N as f64);
    let near = open.near(&arm, &home, (&speeds, 0.5), WIDE, 0.002, None);
    assert!((near.room.room - 0.006).abs() < 1e-12, "of itself no more is looked at: {}", near.room.room);
    assert!((near.clear_s - 0.5).abs() < 1e-9, "{}", near.clear_s);
    // To itself: less what it is to keep, and the floor, which counts as room.
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let folded = |by: f64| joints(|i| if i == 3 || i == 5 { by } else { home[i] });
    let mut own = |by: f64| {
        checker.room(&arm, &mut data, &folded(by), WIDE.now(), &[], 0.0);
        checker.own_room(&JointVector::zeros(N), 0.0, OwnRoom { room_m: 0.1, clear_s: 1.0 }).room_m
    };
    for (most, floor, is_free) in [(3.5e-3, 1e-3, true), (2.4e-3, 1e-3, false), (2.4e-3, 1e-4, true)] {
        let by = (0..28_000).map(|k| 1e-4 * f64::from(k)).find(|by| own(*by) < most).expect("it can fold");
        let near = open.near(&arm, &folded(by), (&JointVector::zeros(N), 0.5), WIDE, floor, None);
        let expected = (own(by) - OWN_KEEP_M).min(0.004);
        assert!((near.room.room - expected).abs() < 1e-9, "{most}: {} m, not {expected} m", near.room.room);
        assert_eq!((near.is_free, near.room.is_moving), (is_free, false), "{most}");
        // What moves is what is near only if it is nearer than that.
        for (off, is_moving) in [(-1e-5, true), (1e-5, false)] {
            let mut world = filter_with(&arm, vec![ball(&arm, 0.6, 0.0, 1.0)]);
            let mut judge = Judge::new(&arm, &[ball(&arm, 0.6, 0.0, 1.0)]);
            let keep = judge.room(&arm, &folded(by)) - expected - off;
            world.world.as_mut().expect("told").keep[0].distance_m = keep;
            let near = world.near(&arm, &folded(by), (&JointVector::zeros(N), 0.5), WIDE, floor, None);
            assert_eq!(near.room.is_moving, is_moving, "{most}, {off}");
        }
    }
    // Neither of what stands nor of what moves is anything near.
    let mut far = filter_with(&arm, vec![ball(&arm, 1.5, 0.0, 1.0), ball(&arm, 1.5, 0.0, 0.0)]);
    assert!(!far.near(&arm, &home, (&JointVector::zeros(N), 0.5), WIDE, 0.001, None).room.is_moving);
}

#[test]
fn the_way_onto_a_path_is_clear_if_the_arm_keeps_clear_of_itself_all_along() {
    let arm = solid_arm();
    let (mut checker, mut data) = (Checker::new(&arm), ArmData::new(&arm));
    let mut job = job(&arm, 0.2, 2.0);
    assert!(filter(&arm).blend_is_clear(&arm, &job, WIDE), "there is none");
    let near = joints(|i| arm.home()[i] + 0.015);
    job.begin(&near, 1.0, arm.limits(), (10.0, 1.0));
    assert!(job.s() < 0.0 && filter(&arm).blend_is_clear(&arm, &job, WIDE));
    // From where it is folded into itself.
    let folded = |by: f64| joints(|i| if i == 3 || i == 5 { by } else { arm.home()[i] });
    let by = (0..28_000).map(|k| 1e-4 * f64::from(k)).find(|by| {
        checker.room(&arm, &mut data, &folded(*by), WIDE.now(), &[], 0.0);
        checker.own_room(&JointVector::zeros(N), 0.0, OwnRoom { room_m: 0.1, clear_s: 1.0 }).room_m < 0.0
    });
    job.begin(&folded(by.expect("it can fold")), 1.0, arm.limits(), (10.0, 1.0));
    assert!(!filter(&arm).blend_is_clear(&arm, &job, WIDE));
}

#[test]
fn what_a_path_has_left_behind_is_forgiven_no_more_than_where_the_arm_is() {
    let arm = solid_arm();
    let things = vec![ball(&arm, 0.2, 0.3, 0.0)];
    let mut judge = Judge::new(&arm, &[ball(&arm, 0.2, 0.0, 0.0)]);
    let (mut filter, mut job) = (filter_with(&arm, things), job(&arm, -0.8, 2.0));
    filter.begin(&arm, &job, WIDE, true);
    let keep = |filter: &Filter| filter.world.as_ref().expect("told").keep[0].distance_m;
    let at_first = judge.room(&arm, &arm.home());
    assert!((keep(&filter) - at_first + NO_NEARER_M).abs() < 1e-9);
    for _ in 0..500 {
        job.step(1.0, 0.001);
    }
    filter.frontier(&arm, at(1.1), &mut job, WIDE);
    let here = judge.room(&arm, &job.q_at(job.s()));
    assert!(here > at_first + 1e-3 && here < 0.29, "{here} after {at_first}");
    assert!((keep(&filter) - here + NO_NEARER_M).abs() < 1e-9, "{} m, not {here} m", keep(&filter));
}
