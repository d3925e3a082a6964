//! The wire beside Zenoh alone: one end says, the other hears, over TCP on this machine and shared memory.

use super::BenchOptions;
use super::blocks::{block, ratio};
use super::table::Table;
use crate::commands::CommandError;
use bridge::ros::{self, Image, Picture, Status, to_cdr};
use bridge::wire::topics::{CAMERA, ORDER, STATUS, Topic};
use bridge::wire::{
    Bare, Envelope, Heard, Key, LinkClock, NodeClock, Publisher, Role, Sessions, Settings, Wire,
};
use core::hint::black_box;
use core::time::Duration;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::sync::Arc;
use std::time::Instant;
use types::Time;

/// How long a message may take.
const LIMIT: Duration = Duration::from_secs(2);
/// Commands that are replayed, forged or reordered (SEC2).
const FORGED: usize = 1_000_000;
/// A small message may take so long, µs; and how much longer than by Zenoh alone.
const SMALL_US: f64 = 200.0;
const OVER: f64 = 1.1;
/// A command's proof may cost so much, µs.
const PROOF_US: f64 = 2.0;

/// Both ends of ours under one topic.
struct Ours<M> {
    says: Publisher<M>,
    hears: Heard<M>,
    ends: [Wire; 2],
}

fn other(e: &dyn std::fmt::Display) -> CommandError {
    CommandError::Other(format!("bench: {e}"))
}

fn settings(name: &str) -> Settings {
    Settings { robot: format!("bench-{name}-{}", std::process::id()), multicast: true, ..Settings::default() }
}

impl<M: ros::Message> Ours<M> {
    fn open(name: &str, topic: &Topic, of: &str) -> Result<Self, CommandError> {
        let began = Instant::now();
        let clock: NodeClock = Arc::new(move || Time::ZERO + began.elapsed());
        let says = Wire::open(&settings(name), Role::Robot, clock.clone()).map_err(|e| other(&e))?;
        let hears = Wire::open(&settings(name), Role::Planner, clock).map_err(|e| other(&e))?;
        let (p, h) = (says.publisher(topic, of), hears.hear(topic, of, 4));
        let (p, h) = (p.map_err(|e| other(&e))?, h.map_err(|e| other(&e))?);
        until(|| p.is_heard())?;
        Ok(Self { says: p, hears: h, ends: [says, hears] })
    }

    fn pass(&self, message: &M) -> Result<M, CommandError> {
        self.says.put(message).map_err(|e| other(&e))?;
        self.hears.take_within(LIMIT).ok_or_else(|| other(&"a message was lost"))
    }
}

fn until(is_so: impl Fn() -> bool) -> Result<(), CommandError> {
    let began = Instant::now();
    while !is_so() {
        if began.elapsed() > Duration::from_secs(10) {
            return Err(other(&"the ends do not find each other"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Wall nanoseconds of one pass, the median of a block.
fn passes(length: Duration, mut pass: impl FnMut() -> Result<(), CommandError>) -> Result<f64, CommandError> {
    let began = Instant::now();
    let mut all = Vec::new();
    while began.elapsed() < length {
        let one = Instant::now();
        pass()?;
        all.push(one.elapsed().as_nanos() as f64);
    }
    all.sort_by(f64::total_cmp);
    Ok(all[all.len() / 2])
}

fn compare<M: ros::Message>(
    o: &BenchOptions,
    table: &mut Table,
    (what, topic, of): (&str, &Topic, &str),
    message: &M,
) -> Result<f64, CommandError> {
    let payload = to_cdr(message)?;
    let ours = Ours::open(what, topic, of)?;
    let key = format!("bare-{}/{}{of}", std::process::id(), topic.key);
    let config = settings("bare").zenoh_config().map_err(|e| other(&e))?;
    let bare = Bare::open(&key, topic, &config).map_err(|e| other(&e))?;
    until(|| bare.is_heard())?;
    let length = Duration::from_millis(o.block_ms);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..o.blocks {
        a.push(passes(length, || ours.pass(message).map(|m| _ = black_box(m)))?);
        b.push(passes(length, || {
            bare.pass(payload.clone(), LIMIT).map(|n| _ = black_box(n)).map_err(|e| other(&e))
        })?);
    }
    let r = ratio(&a, &b, o.seed);
    table.ratio(&format!("{what}, {} bytes, wall", payload.len()), "zenoh", &r, OVER);
    Ok(r.ours_ns * 1e-3)
}

/// A status of an arm of seven joints.
pub(crate) fn small(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let joints = || vec![0.1; 7];
    let status = Status {
        mode: "follow".into(),
        cause: "\"Submitted\"".into(),
        known: true,
        q: joints(),
        dq: joints(),
        tau: joints(),
        told_q: joints(),
        told_dq: joints(),
        told_ddq: joints(),
        told_tau: joints(),
        external: joints(),
        ..Status::default()
    };
    let us = compare(o, table, ("status", &STATUS, ""), &status)?;
    table.time("status, from put to taken", us, SMALL_US);
    Ok(())
}

/// A picture with depth.
pub(crate) fn picture(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let sheet = |encoding: &str, bytes: u32| Image {
        width: 320,
        height: 240,
        encoding: encoding.into(),
        step: 320 * bytes,
        data: vec![7; (320 * 240 * bytes) as usize],
        ..Image::default()
    };
    let picture = Picture { colours: sheet("rgb8", 3), depth: vec![sheet("32FC1", 4)], ..Picture::default() };
    let us = compare(o, table, ("picture", &CAMERA, "front"), &picture)?;
    table.time("picture, from put to taken", us, 1000.0);
    Ok(())
}

/// A million commands that are none, and what a proof costs.
pub(crate) fn forged(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let ring = bridge::wire::Keyring::of_master(&[7; 32]);
    let key = ring.get(Role::Planner, Role::Robot).cloned().ok_or_else(|| other(&"no key"))?;
    let now = Time::from_secs_f64(1.0);
    let clock = LinkClock::handshake(now, now, now).ok();
    let mut sessions = Sessions::new(Role::Robot, ring);
    let of = |sender: u64, sequence: u64| Envelope { schema: 1, sender, sequence, sent: now, tag: None };
    let request = of(1, 0).signed(&key, "s", b"");
    let session = sessions.open((Role::Planner, 1), ("s", &request, b""), clock, now)?;
    let mut rng = ChaCha8Rng::seed_from_u64(o.seed);
    let (wrong, payload) = (Key::from_bytes([1; 32]), [9u8; 128]);
    let mut heard = Vec::new();
    let mut taken = 0;
    for n in 1..=1000 {
        let good = of(session, n).signed(&key, ORDER.key, &payload);
        sessions.check(ORDER.key, &good, &payload, now)?;
        heard.push(good);
        for _ in 0..FORGED / 1000 {
            let old = heard[rng.random_range(0..heard.len())];
            let e = match rng.random_range(0..5) {
                0 => old,
                1 => Envelope { sequence: n + 1, ..old },
                2 => of(session, n + 1).signed(&wrong, ORDER.key, &payload),
                3 => of(rng.random(), n + 1).signed(&key, ORDER.key, &payload),
                _ => of(session, n + 1),
            };
            taken += usize::from(sessions.check(ORDER.key, &e, &payload, now).is_ok());
        }
    }
    table.difference(&format!("taken of {FORGED} false commands"), taken as f64, 0.0);
    let mut n = 1000;
    let ns = block(Duration::from_millis(o.block_ms), 1, || {
        n += 1;
        let e = of(session, n).signed(&key, ORDER.key, &payload);
        assert!(sessions.check(ORDER.key, black_box(&e), &payload, now).is_ok(), "a good command is taken");
    });
    // Both ends: one signs, one checks.
    table.time("a command's proof, both ends", 1e-3 * ns, 2.0 * PROOF_US);
    Ok(())
}

/// A thousand seconds of statuses at 1 kHz and pictures at 30 Hz together: what is lost is counted.
pub(crate) fn long(o: &BenchOptions, table: &mut Table) -> Result<(), CommandError> {
    let seconds = (o.blocks as f64 * 50.0).min(1000.0);
    let status: Ours<ros::Report> = Ours::open("long", &STATUS, "")?;
    let camera: Ours<ros::Report> = Ours::open("long-camera", &CAMERA, "front")?;
    let message = |bytes: usize| ros::Report { number: 0, json: "x".repeat(bytes) };
    let (small, large) = (message(500), message(1_000_000));
    let (mut said, mut taken) = ([0u64; 2], [0u64; 2]);
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < seconds {
        let due = [began.elapsed().as_secs_f64() * 1000.0, began.elapsed().as_secs_f64() * 30.0];
        for (i, (end, m)) in [(&status, &small), (&camera, &large)].into_iter().enumerate() {
            while (said[i] as f64) < due[i] {
                end.says.put(m).map_err(|e| other(&e))?;
                said[i] += 1;
            }
            while end.hears.take().is_some() {
                taken[i] += 1;
            }
        }
        std::thread::sleep(Duration::from_micros(300));
    }
    std::thread::sleep(Duration::from_millis(500));
    for (i, end) in [&status, &camera].into_iter().enumerate() {
        while end.hears.take().is_some() {
            taken[i] += 1;
        }
        let health = &end.ends[1].health()[0];
        let what = ["512 B at 1 kHz", "1 MB at 30 Hz"][i];
        let accounted = health.received + health.lost;
        let seen =
            format!("{} said, {} lost, {} replaced, {seconds:.0} s", said[i], health.lost, health.dropped);
        table.note(what, &seen);
        // What came after the last that came nobody could count.
        table.difference(&format!("{what}, lost in silence"), said[i].abs_diff(accounted) as f64, 0.0);
    }
    Ok(())
}
