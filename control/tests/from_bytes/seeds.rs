//! The rows of the bad-input table (B1 to B15, B22) as inputs, with what must come of each.

use super::Kind;
use control::RefusedWhy;

/// What must come of a seed.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) enum Outlook {
    /// The arm moves.
    Moves,
    /// Nothing is refused, and nothing moves.
    Stands,
    /// Refused where it was asked, by a field that begins so, and nothing moves.
    Refused(&'static str),
    /// Refused by the core.
    Told(RefusedWhy),
}

pub(crate) struct Seed {
    /// The row, and what is special.
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) outlook: Outlook,
}

// The places of odd numbers in `bytes::ODD`.
const NAN: u8 = 0;
const INFINITE: u8 = 1;
const MINUS_INFINITE: u8 = 2;
const SUBNORMAL: u8 = 3;
const HUGE: u8 = 4;
const MINUS_HUGE: u8 = 5;
const TINY: u8 = 6;
const MINUS_ZERO: u8 = 7;
const ZERO: u8 = 8;
const DEGREES: u8 = 9;
/// A part of the scale follows, or eight bytes.
const PART: u8 = 11;
const RAW: u8 = 10;

const USUAL: &[u8] = &[0];
/// An order as [`control::Lease::order`] makes it.
const PLAIN: &[u8] = &[7];
/// Half a second.
const TICKS: &[u8] = &[20, 249, 20, 249];

/// A motion of 0.1 rad in 1.2 s with changes, under an order, and half a second of it.
fn trajectory(config: &[u8], changes: &[&[u8]], order: &[u8]) -> Vec<u8> {
    let knot = [120, 20, 20, 20, 20, 20, 20, 20];
    [&[1], config, &[0, 1], &knot, &[changes.len() as u8], &changes.concat(), order, TICKS].concat()
}

/// A second of a slow wave with changes, under an order, and half a second of it.
fn chunk(config: &[u8], changes: &[&[u8]], order: &[u8]) -> Vec<u8> {
    let shape = [10, 5, 40].repeat(super::N);
    grips(config, changes, &[0], order, shape)
}

/// The same, with what the fingers do.
fn grips(config: &[u8], changes: &[&[u8]], grip: &[u8], order: &[u8], shape: Vec<u8>) -> Vec<u8> {
    let n = &[changes.len() as u8];
    [&[1], config, &[0, 40, 60], shape.as_slice(), n, &changes.concat(), grip, order, TICKS].concat()
}

/// The row of an order: what is configured, changes, times.
type Order = fn(&[u8], &[&[u8]], &[u8]) -> Vec<u8>;

/// The seeds of one target.
pub(crate) fn seeds(kind: Kind) -> Vec<Seed> {
    let (of, points, number) = match kind {
        Kind::Trajectory => (trajectory as Order, "trajectory.points", "trajectory.points[1].q[2]"),
        Kind::Chunk => (chunk as Order, "chunk.points", "chunk.points[1][2]"),
    };
    let mut out = Vec::new();
    let mut add = |name, bytes, outlook| out.push(Seed { name, bytes, outlook });
    let fine = of(USUAL, &[], PLAIN);
    add("what is fine", fine.clone(), Outlook::Moves);
    for (name, odd) in [
        ("B1 NaN", NAN),
        ("B2 infinite", INFINITE),
        ("B3 minus infinite", MINUS_INFINITE),
        ("B6 1e308", HUGE),
        ("B6 -1e308", MINUS_HUGE),
        ("B8 degrees", DEGREES),
    ] {
        add(name, of(USUAL, &[&[1, 2, 1, odd]], PLAIN), Outlook::Refused(number));
    }
    let raw = |field: u8, value: f64| [&[field, RAW], value.to_le_bytes().as_slice()].concat();
    for (name, config, field) in [
        ("B15 kp NaN", vec![2, NAN], "control.kp[0]"),
        ("B15 kp zero", vec![2, ZERO], "control.kp[0]"),
        ("B15 kp 1e9", raw(2, 1e9), "control.kp[0]"),
        ("B15 kd negative", vec![3, PART, 200], "control.kd[0]"),
        ("B15 period NaN", vec![1, NAN], "control.period_s"),
        ("B15 period zero", vec![1, MINUS_ZERO], "control.period_s"),
        ("B15 lease infinite", vec![5, INFINITE], "control.lease_s"),
        ("B15 rest speed subnormal", vec![10, SUBNORMAL], "control.rest_speed"),
        ("B15 tool speed negative", vec![11, PART, 200], "control.tool_speed_m_s"),
    ] {
        add(name, of(&config, &[], PLAIN), Outlook::Refused(field));
    }
    add("B22 stamp i64::MAX", of(USUAL, &[], &[0, 0]), Outlook::Refused("order.stamp"));
    add("B22 stamp i64::MIN", of(USUAL, &[], &[0, 1]), Outlook::Refused("order.stamp"));
    add("B22 from the future", of(USUAL, &[], &[1, 140, 180]), Outlook::Told(RefusedWhy::FromFuture));
    add("B22 over", of(USUAL, &[], &[2, 60, 60, 80]), Outlook::Told(RefusedWhy::Stale));
    add("B22 no end", of(USUAL, &[], &[1, 128, 0]), Outlook::Refused("order.expires"));
    add("B22 end before its beginning", of(USUAL, &[], &[2, 128, 128, 2]), Outlook::Refused("order.expires"));
    add("number zero", of(USUAL, &[], &[3, 0]), Outlook::Told(RefusedWhy::Replayed));
    add("somebody else's lease", of(USUAL, &[], &[4, 200]), Outlook::Told(RefusedWhy::NoLease));
    let twice = [&fine[..fine.len() - TICKS.len()], &[8], TICKS].concat();
    add("F5 twice", twice, Outlook::Told(RefusedWhy::Replayed));
    let then = |ops: &[u8]| [&[1, 0], ops, TICKS].concat();
    let pose = |xyz: [u8; 3], q: &[u8]| then(&[&[6], xyz.as_slice(), q, PLAIN].concat());
    let turned = |q: [u8; 4]| pose([ZERO; 3], &[&[255], q.as_slice()].concat());
    add("B9 quaternion zero", turned([ZERO; 4]), Outlook::Refused("quaternion"));
    add("B9 quaternion NaN", turned([NAN; 4]), Outlook::Refused("quaternion[0]"));
    add("B9 quaternion huge", turned([HUGE; 4]), Outlook::Refused("quaternion"));
    add("B1 pose NaN", pose([NAN, ZERO, ZERO], &[0]), Outlook::Refused("translation[0]"));
    add("B10 pose out of reach", pose([DEGREES, ZERO, ZERO], &[0]), Outlook::Refused("pose"));
    add("B1 twist NaN", then(&[5, 0, NAN, 8, 8, 8, 8, 8, 7]), Outlook::Refused("twist.linear_m_s[0]"));
    add("B1 velocity NaN", then(&[3, 8, 8, 8, NAN, 8, 8, 8, 7]), Outlook::Refused("velocity[3]"));
    add("B11 joints where they are", then(&[4, 8, 8, 8, 8, 8, 8, 8, 7]), Outlook::Stands);
    add("B1 gripper NaN", then(&[7, NAN, 8, 7]), Outlook::Refused("gripper.width_m"));
    add("B1 a ball's radius", then(&[15, 1, 8, 8, 8, NAN, 8, 8, 1, 255]), Outlook::Refused("ball.radius"));
    match kind {
        Kind::Trajectory => {
            for (name, odd) in [("B4 subnormal", SUBNORMAL), ("B6 -0.0", MINUS_ZERO), ("B6 1e-320", TINY)] {
                add(name, of(USUAL, &[&[1, 2, 1, odd]], PLAIN), Outlook::Moves);
            }
            for (name, change) in [
                ("B12 equal times", vec![1, 0, 0, ZERO]),
                ("B12 negative time", vec![1, 0, 0, PART, 200]),
                ("B12 huge time", vec![1, 0, 0, HUGE]),
                ("B12 time NaN", vec![1, 0, 0, NAN]),
                ("B12 a subnormal time", vec![1, 0, 0, TINY]),
                (
                    "B12 subnormal after zero",
                    [&[1, 0, 0, PART, 128], [1, 0, 0, MINUS_ZERO].as_slice()].concat(),
                ),
            ] {
                let n = change.len() / 4;
                let changes: Vec<&[u8]> =
                    if n > 1 { vec![&change[..5], &change[5..]] } else { vec![&change] };
                add(name, of(USUAL, &changes, PLAIN), Outlook::Refused("trajectory.points[1].t"));
            }
            let moving = [1, 2, 2, PART, 40];
            add("ends moving", of(USUAL, &[&moving], PLAIN), Outlook::Refused("trajectory.points[1].dq"));
            let elsewhere = |by: u8| of(USUAL, &[&[0, 2, 5, PART, by]], PLAIN);
            add("B13 starts elsewhere", elsewhere(127), Outlook::Refused("trajectory.points[0].q"));
            add("B13 starts a little elsewhere", elsewhere(60), Outlook::Moves);
            add(
                "B7 three joints",
                of(USUAL, &[&[1, 2, 4, 3]], PLAIN),
                Outlook::Refused("trajectory.points[1].q"),
            );
            add("B14 none", then(&[0, 254, 0, 7]), Outlook::Refused(points));
            add("B14 one, B11", then(&[0, 0, 0, 7]), Outlook::Stands);
            add("B14 too many", then(&[0, 255, 0, 7]), Outlook::Refused(points));
        }
        Kind::Chunk => {
            for (name, odd) in [("period zero", ZERO), ("period NaN", NAN), ("period tiny", TINY)] {
                add(name, of(USUAL, &[&[0, 0, 0, odd]], PLAIN), Outlook::Refused("chunk.period_s"));
            }
            add("B7 three joints", of(USUAL, &[&[1, 2, 3, 3]], PLAIN), Outlook::Refused("chunk.points[1]"));
            add("B14 none", of(USUAL, &[&[0, 0, 4, 0]], PLAIN), Outlook::Refused(points));
            add("B14 one", of(USUAL, &[&[0, 0, 4, 1]], PLAIN), Outlook::Refused(points));
            let too_many = [&[1, 0, 0, 255, 0], [0; 3 * super::N].as_slice(), &[0, 0, 7]].concat();
            add("B14 too many", too_many, Outlook::Refused(points));
            let gripping = |grip: &[u8]| grips(USUAL, &[], grip, PLAIN, [10, 5, 40].repeat(super::N));
            add("fingers that close", gripping(&[1, 3]), Outlook::Moves);
            for (name, grip, field) in [
                ("B1 a width NaN", &[1, 2, 1, NAN][..], "chunk.grip.widths_m[1]"),
                ("B2 a width infinite", &[1, 2, 1, INFINITE], "chunk.grip.widths_m[1]"),
                ("B7 three widths", &[1, 1, 3], "chunk.grip.widths_m"),
                ("B7 no width", &[1, 1, 0], "chunk.grip.widths_m"),
                ("B1 a force NaN", &[1, 0, NAN], "chunk.grip.force_n"),
                ("B6 a force of 1e308", &[1, 0, HUGE], "chunk.grip.force_n"),
            ] {
                add(name, gripping(grip), Outlook::Refused(field));
            }
            let apart = [&fine[..fine.len() - TICKS.len()], &[20, 200], &fine[2..]].concat();
            add("F6 another from where it is by then", apart, Outlook::Moves);
            let late = of(USUAL, &[], &[1, 30, 160]);
            add("F3 made for half a second ago", late, Outlook::Moves);
        }
    }
    out
}
