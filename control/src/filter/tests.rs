use super::*;
use crate::brake::Brake;
use crate::common::{N, Rig, WIDTH, arm, reach, solid_arm};
use crate::course::Course;
use crate::pace::{Bounds, Paces};
use crate::path::Reference;
use crate::profile::Profile;
use crate::report::MotionId;
use crate::servo::STOP;
use crate::world::{HELD_REACH_M, NO_NEARER_M, Thing, World};
use mechanics::collision::Obstacle;
use mechanics::{GeomShape, tool_pose};
use nalgebra::Isometry3;

pub(super) const WIDE: Fingers = Fingers::at(0.5 * WIDTH);

pub(super) fn at(s: f64) -> Time {
    Time::from_secs_f64(s)
}

pub(super) fn filter(arm: &Arm) -> Filter {
    let body = Checker::new(arm);
    let reaches = body.joint_reaches(arm, HELD_REACH_M);
    Filter::new(arm, body, reaches, (0.001, 0.0))
}

/// A ball of a tenth of a metre where the tool is when every joint has gone by `by` from home.
pub(super) fn ball(arm: &Arm, by: f64, keep_m: f64, speed_m_s: f64) -> Thing {
    let q = JointVector::from_fn(N, |i| arm.home()[i] + by);
    let there = tool_pose(arm, &mut ArmData::new(arm), &q).isometry().translation;
    let obstacle = Obstacle {
        name: "ball".into(),
        shape: GeomShape::Sphere { radius: 0.05 },
        world_from_obstacle: Isometry3::from(there),
    };
    Thing { obstacle, keep_m, speed_m_s }
}

/// From the first second on, for ten.
pub(super) fn world(arm: &Arm, things: Vec<Thing>, id: u64) -> Box<Surroundings> {
    let n = things.len();
    let world = World { stamp: at(1.0), expires: at(11.0), things, held: None };
    Box::new(Surroundings::new(world, Checker::new(arm), id, vec![None; n], 0).expect("a world"))
}

/// Every joint by `by` from home, in so many seconds, at its own pace.
pub(super) fn job(arm: &Arm, by: f64, seconds: f64) -> Job {
    let home = arm.home();
    let course = Course::of_trajectory(&reach(arm, &home, by, seconds));
    let paces = Paces::of_trajectory(&course, &Bounds { limits: arm.limits(), strains: &[], most: 1.0 })
        .expect("fast enough");
    let mut checker = Checker::new(arm);
    let reaches = checker.joint_reaches(arm, HELD_REACH_M);
    let profile = Profile::new("trajectory", &course, paces.slowest(), &reaches, arm, &mut checker, WIDE);
    let mut job = Job::new(MotionId(1), course, paces, profile.expect("clear of itself"));
    job.begin(&home, 1.0, arm.limits(), (10.0, 1.0));
    job
}

/// Room, by a checker of its own.
pub(super) struct Judge(Checker, Vec<f64>, ArmData);

impl Judge {
    pub(super) fn new(arm: &Arm, things: &[Thing]) -> Self {
        let mut checker = Checker::new(arm);
        checker.set_obstacles(things.iter().map(|t| t.obstacle.clone()).collect()).expect("things");
        Self(checker, things.iter().map(|t| t.keep_m).collect(), ArmData::new(arm))
    }

    pub(super) fn room(&mut self, arm: &Arm, q: &JointVector) -> f64 {
        self.0.room(arm, &mut self.2, q, WIDE.now(), &[], 1.0);
        self.1.iter().enumerate().map(|(k, keep)| self.0.distance_to(k, 1.0) - keep).fold(1.0, f64::min)
    }
}

#[test]
fn the_frontier_comes_up_to_where_something_stands_and_never_beyond() {
    let arm = solid_arm();
    for keep_m in [0.02, 0.1] {
        let (mut filter, mut job) = (filter(&arm), job(&arm, 0.8, 2.0));
        assert_eq!(filter.frontier(&arm, at(1.0), &mut job, WIDE), (job.end(), None), "nothing is known");
        let things = vec![ball(&arm, 0.4, keep_m, 0.0)];
        let mut judge = Judge::new(&arm, &things);
        let met = (0..20_000).map(|k| 1e-4 * f64::from(k)).find(|s| judge.room(&arm, &job.q_at(*s)) <= 0.0);
        let met = met.expect("in its way");
        assert!(filter.replace(world(&arm, things.clone(), 1)).is_none());
        filter.begin(&arm, &job, WIDE, true);
        let (mut last, mut looks) = (f64::NEG_INFINITY, 0);
        loop {
            let (s, near) = filter.frontier(&arm, at(1.1), &mut job, WIDE);
            assert!(s >= last && s < met, "{s} of {met}");
            (last, looks) = (s, looks + 1);
            if let Some(near) = near {
                assert!(!near.is_moving && near.room <= LEAST_ROOM_M && near.room > 0.0, "{near:?}");
                break;
            }
            assert!(looks < 50, "{s} of {met}");
        }
        // Half a millimetre of room is none; where the arm meets it, it moves by more than half a metre a second.
        assert!(met - last < 2e-3, "{last} of {met}");
        // What was proven holds until the world is over, and not at its end.
        assert_eq!(filter.frontier(&arm, at(10.999), &mut job, WIDE).0, last);
        assert_eq!(filter.frontier(&arm, at(11.0), &mut job, WIDE), (job.s(), None));
        assert!(filter.is_new);
    }
}

#[test]
fn a_tick_looks_at_about_so_many_things_and_every_look_goes_as_far_as_its_room_allows() {
    let arm = solid_arm();
    let job = job(&arm, 0.8, 2.0);
    let things = vec![ball(&arm, 0.4, 0.02, 0.0); 3];
    let mut filter = filter(&arm);
    let mut world = world(&arm, things.clone(), 1);
    let mut grown_to = Time::ZERO;
    let mut judge = Judge::new(&arm, &things);
    let mut by_hand = |n: usize| {
        (0..n).fold(0.0, |s, _| job.after_moving(s, judge.room(&arm, &job.q_at(s)).min(FARTHEST_M)))
    };
    // Fifteen for each: twelve for kinematics, and three.
    for (budget, n) in [(0, 0), (1, 1), (15, 1), (16, 2), (30, 2), (31, 3)] {
        let data = &mut filter.data;
        let mut look = Look {
            world: &mut world,
            data,
            grown_to: &mut grown_to,
            arm: &arm,
            fingers: WIDE,
            travel: 0.5,
            goal: job.end(),
        };
        let mut proof = look.begin(at(1.0), &job, 0.05, 0.3);
        assert_eq!((proof.s, proof.until, proof.end), (0.0, at(11.0), None));
        look.extend(&mut proof, &job, budget);
        assert!((proof.s - by_hand(n)).abs() < 1e-9 && proof.end.is_none(), "{budget}: {}", proof.s);
        // No farther than is of interest.
        look.goal = 1e-3;
        let mut proof = look.begin(at(1.0), &job, 0.05, 0.3);
        look.extend(&mut proof, &job, 1000);
        assert!((proof.s - by_hand(1)).abs() < 1e-9);
    }
    assert_eq!(grown_to, Time::ZERO, "nothing moves");
}

#[test]
fn what_moves_is_where_it_may_be_when_the_arm_has_stopped_and_holds_for_a_short_while() {
    let arm = solid_arm();
    let (mut filter, mut job) = (filter(&arm), job(&arm, 0.8, 2.0));
    // Far away: its way is clear as far as the arm gets.
    let far = Thing { keep_m: 0.1, speed_m_s: 1.6, ..ball(&arm, 0.4, 0.0, 0.0) };
    let obstacle =
        Obstacle { world_from_obstacle: Isometry3::translation(5.0, 0.0, 0.0), ..far.obstacle.clone() };
    filter.replace(world(&arm, vec![Thing { obstacle, ..far.clone() }], 1));
    filter.begin(&arm, &job, WIDE, true);
    filter.is_news = false;
    let longest = job.pace.longest_stop();
    let goal = 2.0 * (WINDOW_S + longest.s);
    assert!(goal < 0.5 * job.end());
    let (s, near) = filter.frontier(&arm, at(1.2), &mut job, WIDE);
    assert!(s >= goal && near.is_none() && s < job.end(), "{s}: {goal}");
    let stop_s = longest.seconds + RISING_S;
    let begun = filter.growing.until;
    assert!((begun.secs_since(at(1.2)) - WINDOW_S).abs() < 1e-8);
    assert!((filter.grown_to.secs_since(begun) - stop_s).abs() < 1e-8);
    let grown = |filter: &Filter| filter.world.as_ref().expect("told").keep[0].distance_m;
    let expected = 0.1 + 1.6 * (0.2 + WINDOW_S + stop_s);
    assert!((grown(&filter) - expected).abs() < 1e-6, "{} m, not {expected} m", grown(&filter));
    // Half of its time is left: nothing new; then a new one grows, and what was proven holds to its end.
    filter.frontier(&arm, at(1.2249), &mut job, WIDE);
    assert_eq!(filter.growing.until, begun);
    filter.frontier(&arm, at(1.2251), &mut job, WIDE);
    assert!(filter.growing.until > begun);
    // One that may be anywhere ends the way at once, and is known to move.
    let mut here = filter_with(&arm, vec![ball(&arm, 0.4, 0.1, 4.0)]);
    let (s, near) = here.frontier(&arm, at(1.5), &mut job, WIDE);
    assert!(s == 0.0 && near.is_some_and(|n| n.is_moving && n.room < 0.0), "{s}: {near:?}");
}

pub(super) fn filter_with(arm: &Arm, things: Vec<Thing>) -> Filter {
    let mut filter = filter(arm);
    filter.replace(world(arm, things, 1));
    filter.is_news = false;
    filter
}

#[test]
fn what_was_proven_holds_in_a_new_world_only_if_nothing_but_its_times_is_new_and_nothing_moves() {
    let arm = solid_arm();
    for (speed, id, keeps) in [(0.0, 1, true), (0.0, 2, false), (1.6, 1, false)] {
        let mut filter = filter_with(&arm, vec![ball(&arm, 0.4, 0.02, speed)]);
        assert!(filter.is_news(at(1.0)) && filter.is_news(at(1.001)) && !filter.is_news(at(0.999)));
        let proof = Proof { s: 0.7, until: at(2.0), ..Proof::none() };
        (filter.proven, filter.growing, filter.is_new) = (proof, proof, false);
        let mut next = world(&arm, vec![ball(&arm, 0.4, 0.02, speed)], id);
        next.expires = at(20.0);
        assert!(filter.replace(next).is_some());
        assert_eq!((filter.is_new, filter.is_news), (!keeps, !keeps), "{speed}, {id}");
        let expected = if keeps { (0.7, at(20.0)) } else { (f64::NEG_INFINITY, Time::ZERO) };
        assert_eq!((filter.proven.s, filter.proven.until), expected, "{speed}, {id}");
        assert_eq!(filter.growing.until, if keeps { at(20.0) } else { at(2.0) });
    }
    let filter = filter(&arm);
    assert!(filter.is_news(Time::ZERO) && filter.trust(at(5.0)) == 1.0, "nothing is known");
}

#[test]
fn a_motion_that_is_looked_at_in_vain_leaves_everything_as_it_was() {
    let arm = solid_arm();
    let mut filter = filter_with(&arm, vec![ball(&arm, 0.4, 0.1, 1.0)]);
    let proof = |s: f64| Proof { s, until: at(2.0), ..Proof::none() };
    (filter.proven, filter.growing, filter.grown_to) = (proof(0.5), proof(0.6), at(1.5));
    (filter.is_new, filter.is_news, filter.restricting, filter.somebody) = (false, true, true, true);
    filter.world.as_mut().expect("told").grow_to(at(1.5));
    let known = filter.known();
    let job = job(&arm, 0.8, 2.0);
    filter.begin(&arm, &job, WIDE, true);
    assert!(filter.is_new && !filter.is_news && !filter.restricting && !filter.somebody);
    assert_eq!(filter.proven.s, f64::NEG_INFINITY);
    filter.world.as_mut().expect("told").grow_to(at(9.0));
    filter.go_back_to(known);
    assert_eq!((filter.proven.s, filter.growing.s, filter.grown_to), (0.5, 0.6, at(1.5)));
    assert_eq!(
        [filter.is_new, filter.is_news, filter.restricting, filter.somebody],
        [false, true, true, true]
    );
    assert!((filter.world.as_ref().expect("told").keep[0].distance_m - 0.6).abs() < 1e-9);
}

#[test]
fn a_path_is_admitted_if_there_is_a_stop_on_it_before_what_stands_in_its_way() {
    let arm = solid_arm();
    for (by, fits) in [(0.4, true), (0.05, false)] {
        let (mut filter, mut job) = (filter_with(&arm, vec![ball(&arm, by, 0.02, 0.0)]), job(&arm, 0.8, 2.0));
        filter.restricting = true;
        assert_eq!(filter.admits(&arm, at(1.1), &mut job, WIDE, true), fits, "{by}");
        assert_eq!(filter.restricting, !fits, "it begins anew, or nothing has changed");
    }
    let (mut alone, mut job) = (filter(&arm), job(&arm, 0.8, 2.0));
    assert!(alone.admits(&arm, at(1.1), &mut job, WIDE, true), "nothing is known");
    let mut over = filter_with(&arm, vec![ball(&arm, 0.4, 0.02, 0.0)]);
    assert!(!over.admits(&arm, at(11.0), &mut job, WIDE, true), "nothing is known any more");
}

#[test]
fn what_is_in_the_way_is_told_once_until_it_is_over_and_who_moves_too() {
    let mut rig = Rig::active(arm());
    let stands = Near { room: 0.01, is_moving: false };
    let moves = Near { room: -0.02, is_moving: true };
    let restricted = |limit, requested, applied, margin| Report::Intervention {
        joint: None,
        limit,
        requested,
        applied,
        margin,
    };
    let somebody = Report::Fault { fault: F42PersonTooNear, latched: false };
    use LimitKind::{Separation, WorldAge};
    for (asked, applied, trust, near, told) in [
        (Some(1.0), 0.99, 1.0, Some(stands), vec![]),
        (Some(1.0), 0.98, 1.0, Some(stands), vec![restricted(Separation, 1.0, 0.98, 0.01)]),
        (Some(1.0), 0.5, 1.0, Some(stands), vec![]),
        (Some(1.0), 0.5, 1.0, Some(moves), vec![somebody]),
        (Some(1.0), 0.5, 1.0, Some(stands), vec![]),
        (Some(1.0), 0.5, 1.0, Some(moves), vec![]),
        (Some(0.5), 0.5, 0.4, None, vec![]),
        (Some(0.5), 0.3, 0.6, None, vec![restricted(WorldAge, 0.5, 0.3, 0.0)]),
        (Some(0.5), 0.3, 1.0, Some(moves), vec![somebody]),
        (None, 0.0, 1.0, Some(moves), vec![]),
        (Some(0.5), 0.0, 1.0, Some(moves), vec![restricted(Separation, 0.5, 0.0, -0.02), somebody]),
        (Some(1.0), 1.0, 1.0, Some(moves), vec![]),
    ] {
        rig.reports.clear();
        rig.core.tell_restriction(asked, applied, trust, near);
        rig.take_reports();
        assert_eq!(rig.reports, told, "{asked:?}, {applied}, {trust}, {near:?}");
    }
    rig.core.filter.is_surprised = true;
    rig.reports.clear();
    rig.core.tell_restriction(None, 0.0, 1.0, None);
    rig.core.tell_restriction(None, 0.0, 1.0, None);
    rig.take_reports();
    assert_eq!(rig.reports, [Report::Fault { fault: F43ObstacleTooNear, latched: false }]);
}

/// The first joint at this place and speed, what it wishes, and what it is given of that.
fn part(q: f64, dq: f64, wish: f64) -> f64 {
    let arm = arm();
    let mut last = Reference::at_rest(arm.home());
    (last.q[0], last.dq[0]) = (q, dq);
    let wish = JointVector::from_fn(N, |i| if i == 0 { wish } else { 0.0 });
    filter(&arm).part_of_wish(&arm, at(1.0), &last, (&wish, STOP, arm.limits().into()), WIDE).0
}

#[test]
fn so_much_of_a_wish_is_given_that_a_stop_ends_within_the_joints_range() {
    assert_eq!(part(2.8, 0.0, 0.0), 1.0, "nothing is wished");
    assert_eq!(part(0.0, 0.0, 2.0), 1.0);
    // 15 and 7500 are its limits, of which a stop uses 0.6: it takes √(6 v p / 4500) or 1.5 v p / 9 seconds, and half of
    // its speed times these; three ticks until it begins; 0.85 of what is clear may be used.
    for (way, wish, dq) in [
        (0.3, 2.0, 0.0),
        (0.3, -2.0, 0.0),
        (0.1, 1.0, 0.0),
        (0.02, 0.5, 0.0),
        (1e-3, 0.1, 0.0),
        (0.05, 0.5, 1.5),
    ] {
        let q = if wish > 0.0 { 2.8 - way } else { -2.8 + way };
        let p = part(q, dq, wish);
        let fastest = f64::max(wish.abs(), dq);
        let stop_s = f64::max((6.0 * fastest * p / 4500.0).sqrt(), 1.5 * fastest * p / 9.0);
        let (takes, may) = (p * (0.5 * stop_s + 0.003), 0.85 * way / wish.abs());
        assert!(p > 0.02 && p < 1.0, "{way}: {p}");
        assert!(takes <= may && takes > 0.999 * may, "{way} at {wish}: {p} takes {takes} s of {may} s");
    }
    // Less than a fiftieth is nothing; nor is anything given where it stands at the end or beyond, but away from there.
    for (q, wish, given) in [
        (2.8 - 1e-5, 1.0, 0.0),
        (2.8, 1.0, 0.0),
        (2.9, 1.0, 0.0),
        (2.8, -1.0, 1.0),
        (-2.8, 1.0, 1.0),
        (-2.8, -1.0, 0.0),
    ] {
        assert_eq!(part(q, 0.0, wish), given, "{q}, {wish}");
    }
    // Just enough is enough: 0.5 · 1.5 · 2 / 9 + 0.003 of 0.85 of it.
    let enough = 2.0 * (0.5 * 3.0 / 9.0 + 0.003) / 0.85;
    assert!(part(2.8 - 1.0001 * enough, 0.0, 2.0) == 1.0 && part(2.8 - 0.9999 * enough, 0.0, 2.0) < 1.0);
}

#[test]
fn of_a_wish_towards_something_as_much_is_given_as_stops_before_it_and_away_from_it_all() {
    let arm = solid_arm();
    let mut filter = filter_with(&arm, vec![ball(&arm, 0.4, 0.02, 0.0)]);
    let towards = |v: f64| JointVector::from_fn(N, |_| v);
    let mut last_part = f64::INFINITY;
    for by in [0.0, 0.15, 0.25] {
        let last = Reference::at_rest(JointVector::from_fn(N, |i| arm.home()[i] + by));
        let mut given = |v: f64, now: f64| {
            filter.part_of_wish(&arm, at(now), &last, (&towards(v), STOP, arm.limits().into()), WIDE)
        };
        let (part, near) = given(1.0, 1.1);
        assert!(part < last_part && part < 1.0 || by == 0.0, "{by}: {part}");
        if part < 1.0 {
            let stop = Brake::new(Reference { dq: towards(part), ..last }, arm.limits(), STOP);
            let room = Judge::new(&arm, &[ball(&arm, 0.4, 0.02, 0.0)]).room(&arm, &stop.after(10.0).q);
            assert!(room > 0.0, "{by}: a stop ends {room} m away");
            assert!(near.is_some_and(|n| !n.is_moving), "{by}: {near:?}");
        }
        assert_eq!(given(-0.3, 1.1), (1.0, None), "{by}: away");
        assert_eq!(given(1.0, 11.0), (0.0, None), "{by}: nothing is known any more");
        last_part = part;
    }
}

#[test]
fn a_stop_keeps_clear_if_all_of_it_lies_within_the_joints_ranges_and_speeds() {
    let arm = arm();
    let mut filter = filter(&arm);
    let mut keeps = |q: f64, dq: f64, ddq: f64| {
        let mut from = Reference::at_rest(arm.home());
        (from.q[0], from.dq[0], from.ddq[0]) = (q, dq, ddq);
        let stop = Brake::new(from, arm.limits(), STOP);
        filter.keeps_clear(&arm, at(1.0), at(1.0 + stop.left()), &stop, WIDE)
    };
    let stop = |dq: f64, ddq: f64| {
        let mut from = Reference::at_rest(JointVector::zeros(N));
        (from.dq[0], from.ddq[0]) = (dq, ddq);
        Brake::new(from, arm.limits(), STOP)
    };
    for dq in [1.0, -1.0] {
        let way = stop(dq, 0.0).after(10.0).q[0].abs();
        for (beyond, fits) in [(-1e-6, true), (1e-6, false)] {
            assert_eq!(keeps(dq * (2.8 - way + beyond), dq, 0.0), fits, "{dq}");
        }
    }
    // It swings back: its end is within the range, what lies between need not be.
    let swing = stop(-0.005, 9.0);
    let deepest = (1..=10).map(|k| swing.after(0.1 * f64::from(k) * swing.left()).q[0]).fold(0.0, f64::min);
    assert!(deepest < -5e-7 && swing.after(10.0).q[0] > 0.0, "{deepest}");
    for (beyond, fits) in [(-1e-8, true), (1e-8, false)] {
        assert_eq!(keeps(-2.8 - deepest - beyond, -0.005, 9.0), fits);
    }
    // Faster than it may be on the way: what it still speeds up by counts.
    assert!(keeps(0.0, 2.17, 0.0) && !keeps(0.0, 2.18, 0.0) && !keeps(0.0, 2.17, 2.0));
}

#[test]
fn a_stop_keeps_clear_if_nothing_is_in_its_way_until_it_rests() {
    let arm = solid_arm();
    let stop = |by: f64| {
        let from = Reference::at_rest(JointVector::from_fn(N, |i| arm.home()[i] + by));
        Brake::new(Reference { dq: JointVector::from_fn(N, |_| 0.8), ..from }, arm.limits(), STOP)
    };
    let mut judge = Judge::new(&arm, &[ball(&arm, 0.4, 0.02, 0.0)]);
    let (mut kept, mut not) = (0, 0);
    for k in 0..60 {
        let stop = stop(0.005 * f64::from(k) - 0.05);
        let room = judge.room(&arm, &stop.after(10.0).q);
        let mut filter = filter_with(&arm, vec![ball(&arm, 0.4, 0.02, 0.0)]);
        let until = at(1.1 + stop.left());
        filter.is_news = true;
        let is_clear = filter.keeps_clear(&arm, at(1.1), until, &stop, WIDE);
        assert!(!is_clear || room > 0.0, "{k}: {room} m");
        assert!(is_clear || room < 0.08, "{k}: {room} m");
        assert_eq!((filter.is_news, filter.is_surprised), (false, !is_clear));
        (kept, not) = (kept + usize::from(is_clear), not + usize::from(!is_clear));
        assert!(!filter.keeps_clear(&arm, at(11.0), until, &stop, WIDE), "nothing is known any more");
    }
    assert!(kept > 10 && not > 10, "{kept}, {not}");
    // What moves is taken to be where it may be by then.
    let stop = stop(-0.3);
    let places = (0..=200).map(|k| stop.after(5e-3 * f64::from(k) * stop.left()).q);
    let least = places.map(|q| judge.room(&arm, &q)).fold(1.0, f64::min);
    let met = 1.0 + least / 0.5;
    for (until, fits) in [(1.1, true), (1.6, true), (met, false), (met + 0.2, false)] {
        let mut filter = filter_with(&arm, vec![ball(&arm, 0.4, 0.02, 0.5)]);
        assert_eq!(filter.keeps_clear(&arm, at(1.1), at(until), &stop, WIDE), fits, "{until}");
    }
}

#[test]
fn what_was_seen_where_a_step_begins_is_enough_for_a_slower_stop_that_ends_in_time() {
    let arm = solid_arm();
    let last = Reference::at_rest(arm.home());
    let wish = JointVector::from_fn(N, |_| 0.1);
    let stop = |v: f64| {
        let dq = JointVector::from_fn(N, |_| v);
        Brake::new(Reference { dq, ..last }, arm.limits(), STOP)
    };
    let things = || vec![ball(&arm, 0.9, 0.02, 0.0)];
    for v in [0.05, 0.5] {
        let mut filter = filter_with(&arm, things());
        filter.part_of_wish(&arm, at(1.1), &last, (&wish, STOP, arm.limits().into()), WIDE);
        assert!(filter.seen.n > 0);
        filter.is_news = true;
        let stop = stop(v);
        assert!(filter.keeps_clear(&arm, at(1.1), at(1.1 + stop.left()), &stop, WIDE));
        assert!(!filter.is_news && !filter.is_surprised);
    }
    // It is of this step alone; and nobody looks again at what nothing was seen of.
    let mut filter = filter_with(&arm, things());
    filter.part_of_wish(&arm, at(1.1), &last, (&wish, STOP, arm.limits().into()), WIDE);
    assert!(filter.seen.n > 0);
    assert_eq!(
        filter.part_of_wish(&arm, at(1.1), &last, (&JointVector::zeros(N), STOP, arm.limits().into()), WIDE),
        (1.0, None)
    );
    assert_eq!(filter.seen.n, 0);
}

#[test]
fn what_is_too_near_when_a_steered_motion_begins_may_be_left_and_not_be_come_nearer_to() {
    let arm = solid_arm();
    let home = arm.home();
    let room = Judge::new(&arm, &[ball(&arm, 0.2, 0.0, 0.0)]).room(&arm, &home);
    for anew in [true, false] {
        let mut filter = filter_with(&arm, vec![ball(&arm, 0.2, 0.3, 0.0)]);
        filter.begin_free(&arm, &home, WIDE, anew);
        let keep = filter.world.as_ref().expect("told").keep[0].distance_m;
        let expected = if anew { room - NO_NEARER_M } else { 0.3 };
        assert!((keep - expected).abs() < 1e-9, "{keep} m, not {expected} m");
        assert!(filter.is_new && !filter.is_news);
    }
    let mut filter = filter_with(&arm, vec![]);
    filter.is_news = true;
    filter.stands();
    assert!(!filter.is_news, "what is new is nothing to an arm that stands");
}

#[test]
fn a_step_is_taken_only_if_the_arm_also_stops_in_time_after_it_has_coasted() {
    let arm = solid_arm();
    let (period, coast) = (0.001, 0.03);
    let way = || {
        let mut job = job(&arm, 0.8, 2.0);
        (0..900).for_each(|_| job.step(1.0, period));
        job
    };
    // The shortest ways on which the arm may take the step, with and without coasting after it.
    let takes = |last: f64, coast: f64| way().step_if_it_stops(1.0, period, last, (period, coast));
    let shortest = |coast: f64| {
        let (mut no, mut yes) = (way().s(), way().end());
        while yes - no > 1e-6 {
            let middle = 0.5 * (no + yes);
            *if takes(middle, coast) { &mut yes } else { &mut no } = middle;
        }
        yes
    };
    let (stopping, coasting) = (shortest(0.0), shortest(coast));
    let way_of_coasting = coast * way().speed_factor();
    assert!((coasting - stopping - way_of_coasting).abs() < 0.1 * way_of_coasting, "{stopping}, {coasting}");
    // Where there is no way for it nothing has changed.
    let mut job = way();
    let before = (job.s(), job.running());
    assert!(!job.step_if_it_stops(1.0, period, 0.5 * (stopping + coasting), (period, coast)));
    assert_eq!((job.s(), job.running()), before);
    assert!(job.step_if_it_stops(1.0, period, coasting, (period, coast)) && job.s() > before.0);
}
