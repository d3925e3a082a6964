//! Utterances at random, as the training and the tests of the reader need them.

use super::build::{chance, pick};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use types::language::{Quantity, Question, Referent, Relation, Superlative, Task, Utterance};
use types::scene::{Color, Shape, Size};

const SIDES: [Relation; 4] = [Relation::LeftOf, Relation::RightOf, Relation::InFrontOf, Relation::Behind];
const MOVABLE: [Shape; 4] = [Shape::Cube, Shape::Ball, Shape::Cylinder, Shape::Box];
const CONTAINERS: [Shape; 2] = [Shape::Bowl, Shape::Tray];
const SUPERLATIVES: [Superlative; 6] = [
    Superlative::Largest,
    Superlative::Smallest,
    Superlative::Leftmost,
    Superlative::Rightmost,
    Superlative::Nearest,
    Superlative::Furthest,
];

/// A phrase without a clause.
fn plain(rng: &mut ChaCha8Rng, shapes: &[Shape]) -> Referent {
    let mut r = Referent::the();
    if chance(rng, 0.9) {
        r.shape = Some(pick(rng, shapes));
    }
    if chance(rng, 0.68) || r.shape.is_none() {
        r.color = Some(pick(rng, Color::ALL));
    }
    if chance(rng, 0.22) {
        r.size = Some(pick(rng, Size::ALL));
    }
    if chance(rng, 0.09) {
        r.superlative = Some(pick(rng, &SUPERLATIVES));
        r.size = None;
    }
    r
}

fn related(rng: &mut ChaCha8Rng) -> (Relation, Box<Referent>) {
    let relation = pick(rng, Relation::ALL);
    let shapes: &[Shape] = match relation {
        Relation::In => &CONTAINERS,
        Relation::On => &MOVABLE,
        _ => Shape::ALL,
    };
    let mut other = plain(rng, shapes);
    if chance(rng, 0.08) {
        other.quantity = Quantity::Any;
        other.superlative = None;
    }
    (relation, Box::new(other))
}

/// A phrase with any quantity and perhaps a clause.
fn phrase(rng: &mut ChaCha8Rng, shapes: &[Shape], clause: f64) -> Referent {
    let mut r = plain(rng, shapes);
    if r.superlative.is_none() {
        r.quantity = match rng.random_range(0..20) {
            0..14 => Quantity::The,
            14..16 => Quantity::Any,
            _ => Quantity::All,
        };
    }
    if r.quantity == Quantity::All && chance(rng, 0.08) {
        r = Referent::the().with_quantity(Quantity::All);
    }
    if chance(rng, clause) {
        r.relation = Some(related(rng));
    }
    r
}

/// Another phrase than `not`.
fn target(rng: &mut ChaCha8Rng, shapes: &[Shape], clause: f64, not: &Referent) -> Referent {
    loop {
        let mut r = phrase(rng, shapes, clause);
        if r.quantity == Quantity::All {
            r.quantity = Quantity::The;
        }
        let empty = r.shape.is_none() && r.color.is_none() && r.superlative.is_none();
        if !empty && r.clone().with_quantity(not.quantity) != *not {
            return r;
        }
    }
}

fn task(rng: &mut ChaCha8Rng, clause: f64) -> Task {
    let everything = Shape::ALL;
    match rng.random_range(0..100) {
        0..12 => Task::Pick(phrase(rng, everything, clause + 0.05)),
        12..48 => {
            let kinds: &[Shape] = if chance(rng, 0.85) { &MOVABLE } else { everything };
            let object = phrase(rng, kinds, clause);
            let relation = pick(
                rng,
                &[
                    Relation::In,
                    Relation::In,
                    Relation::In,
                    Relation::On,
                    Relation::On,
                    Relation::LeftOf,
                    Relation::RightOf,
                    Relation::InFrontOf,
                    Relation::Behind,
                    Relation::NextTo,
                ],
            );
            let shapes: &[Shape] =
                if relation == Relation::In && chance(rng, 0.9) { &CONTAINERS } else { everything };
            let t = target(rng, shapes, clause * 0.7, &object);
            Task::Place { object, relation, target: t }
        }
        48..60 => {
            if chance(rng, 0.2) {
                let mut r = plain(rng, &MOVABLE).with_quantity(Quantity::All);
                r.superlative = None;
                return Task::Stack(vec![r]);
            }
            let n = pick(rng, &[2, 2, 3, 3, 4]);
            let same = chance(rng, 0.4).then(|| pick(rng, &MOVABLE));
            let mut all: Vec<Referent> = Vec::new();
            while all.len() < n {
                let mut r = plain(rng, &MOVABLE);
                if let Some(s) = same {
                    r = Referent::the().with_shape(s).with_color(pick(rng, Color::ALL));
                }
                if n == 2 && chance(rng, clause * 0.6) {
                    r.relation = Some(related(rng));
                }
                if !all.contains(&r) {
                    all.push(r);
                }
            }
            Task::Stack(all)
        }
        60..72 => {
            let object = phrase(rng, &MOVABLE, clause * 0.8);
            if chance(rng, 0.55) {
                return Task::Push { object, relation: pick(rng, &SIDES), target: None };
            }
            let relation = if chance(rng, 0.4) { Relation::NextTo } else { pick(rng, &SIDES) };
            let to = target(rng, everything, clause * 0.5, &object);
            Task::Push { object, relation, target: Some(to) }
        }
        72..80 => {
            let mut r = phrase(rng, &MOVABLE, clause * 0.5).with_quantity(Quantity::All);
            r.superlative = None;
            if chance(rng, 0.6) {
                r.color = None;
            }
            Task::SortByColor(r)
        }
        80..87 => {
            let mut a = phrase(rng, everything, clause * 0.7);
            a.quantity = Quantity::The;
            if a.shape.is_none() && a.color.is_none() && a.superlative.is_none() {
                a.color = Some(pick(rng, Color::ALL));
            }
            let mut b = target(rng, everything, clause * 0.7, &a);
            b.quantity = Quantity::The;
            if a == b {
                return Task::Look;
            }
            Task::Swap(a, b)
        }
        87..90 => Task::OpenGripper,
        90..93 => Task::CloseGripper,
        93..97 => Task::Home,
        _ => Task::Look,
    }
}

fn question(rng: &mut ChaCha8Rng) -> Question {
    let of = |rng: &mut ChaCha8Rng, clause: f64, q: Quantity| {
        let mut r = plain(rng, Shape::ALL).with_quantity(q);
        if q == Quantity::Any && chance(rng, 0.12) {
            r = Referent::the().with_quantity(q);
        }
        if q != Quantity::The {
            r.superlative = None;
        }
        if chance(rng, clause) {
            r.relation = Some(related(rng));
        }
        r
    };
    match rng.random_range(0..10) {
        0..2 => {
            let mut r = of(rng, 0.35, Quantity::All);
            if chance(rng, 0.3) {
                r.color = None;
            }
            Question::Count(r)
        }
        2..4 => Question::Exists(of(rng, 0.4, Quantity::Any)),
        4..6 => {
            let (relation, target) = related(rng);
            let q = if chance(rng, 0.15) { Quantity::All } else { Quantity::The };
            let clause = if q == Quantity::The { 0.08 } else { 0.0 };
            Question::Holds {
                object: of(rng, clause, q),
                relation,
                target: target.with_quantity(Quantity::The),
            }
        }
        6..8 => {
            let mut r = of(rng, 0.35, Quantity::The);
            r.color = None;
            Question::ColorOf(r)
        }
        8 => Question::Where(of(rng, 0.25, Quantity::The)),
        _ => Question::Describe,
    }
}

/// Something to do or to answer.
pub(super) fn utterance(rng: &mut ChaCha8Rng) -> Utterance {
    if chance(rng, 0.22) {
        return Utterance::Ask(question(rng));
    }
    let n = pick(rng, &[1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4]);
    let clause = if n == 1 { 0.25 } else { 0.08 };
    let mut tasks: Vec<Task> = Vec::new();
    while tasks.len() < n {
        let mut next = task(rng, clause);
        if let Some(before) = tasks.last() {
            while matches!(before, Task::Place { .. })
                && !matches!(next, Task::Place { .. })
                && chance(rng, 0.3)
            {
                next = task(rng, clause);
            }
            follow(rng, before, &mut next);
        }
        if tasks.last() != Some(&next) {
            tasks.push(next);
        }
    }
    Utterance::Instruct(tasks)
}

/// Whether two phrases differ in their quantity alone, if at all.
fn alike(a: &Referent, b: &Referent) -> bool {
    a.clone().with_quantity(b.quantity) == *b
}

/// Now and then the next task speaks of the same object, or goes to the same place.
fn follow(rng: &mut ChaCha8Rng, before: &Task, next: &mut Task) {
    if let (
        Task::Place { object: a, relation: r1, target: t1 },
        Task::Place { object: b, relation: r2, target: t2 },
    ) = (before, &mut *next)
        && chance(rng, 0.4)
    {
        let mut other = b.clone();
        if chance(rng, 0.5) && a.color.is_some() && a.relation.is_none() && b.color != a.color {
            other = Referent { color: b.color.or(Some(Color::Red)), ..a.clone() };
        }
        if other != *a && !alike(&other, t1) {
            (*r2, *t2, *b) = (*r1, t1.clone(), other);
        }
        return;
    }
    let said = match before {
        Task::Pick(r) | Task::Place { object: r, .. } | Task::Push { object: r, .. } => r.clone(),
        _ => return,
    };
    if chance(rng, 0.2) {
        match next {
            Task::Push { object, target, .. } if target.as_ref().is_none_or(|t| !alike(t, &said)) => {
                *object = said
            }
            Task::Place { object, target, .. } if !alike(target, &said) => *object = said,
            _ => {}
        }
    }
}
