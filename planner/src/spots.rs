//! Free places: beside an object, in a container, on a top, anywhere on the table. Deterministic:
//! grids of candidates in a fixed order, the cheapest first, the first of equals.

use crate::config::Config;
use crate::footprint::{Footprint, centre, is_round, narrow_side};
use crate::relations::holds;
use crate::tops::{inside, on_top};
use crate::words::the;
use nalgebra::{Point2, Vector2};
use types::language::Relation;
use types::plan::Spot;
use types::{ObjectId, Scene, Shape, TrackedObject};

/// How many candidates are handed on.
const MAX_SPOTS: usize = 10;
/// How many of them for pushes, which need a free lane too.
const MANY_SPOTS: usize = 60;
/// How far apart two candidates that are handed on lie at least, metres.
const APART_M: f64 = 0.012;

/// A place where an object can be put down.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceSpot {
    /// Where its centre shall lie on the table, world x and y.
    pub centre: Point2<f64>,
    /// Height of its underside when it rests there, metres.
    pub bottom_m: f64,
    /// How it shall be turned about the world's z, radians, best first; empty: however it is.
    pub yaws: Vec<f64>,
}

/// Why there is no place, as the end of a sentence: "there is no room left of the tray".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoSpot(pub String);

/// How far beyond the reach area of the profile the arm's own reach is asked: the area is for laying
/// things out, and it is cut with care. Metres.
pub(crate) const REACH_SLACK_M: f64 = 0.05;

/// What lies at the edge of the rectangle may be measured this far outside it, metres.
const MEASURED_M: f64 = 0.005;

/// Where objects may lie so that the arm reaches them. Inside the profile's rectangle everywhere;
/// up to [`REACH_SLACK_M`] outside it where the arm reaches that far from its base.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Area {
    /// World x from, to, y from, to, metres.
    pub rectangle: [f64; 4],
    /// The base on the table, and the nearest and farthest distance from it, metres; `None` when only
    /// the rectangle is known.
    pub ring: Option<(Point2<f64>, [f64; 2])>,
}

impl Area {
    /// Only what the profile says.
    #[must_use]
    pub fn of_rectangle(rectangle: [f64; 4]) -> Self {
        Self { rectangle, ring: None }
    }

    /// Whether the arm reaches an object there.
    #[must_use]
    pub fn contains(&self, p: Point2<f64>) -> bool {
        self.beyond(p) <= MEASURED_M
            || self.beyond(p) <= REACH_SLACK_M
                && self.ring.is_some_and(|(base, [near, far])| {
                    let r = (p - base).norm();
                    r >= near && r <= far
                })
    }

    /// How far the point lies outside the rectangle, metres; negative inside.
    #[must_use]
    pub fn beyond(&self, p: Point2<f64>) -> f64 {
        let [x0, x1, y0, y1] = self.rectangle;
        (x0 - p.x).max(p.x - x1).max(y0 - p.y).max(p.y - y1)
    }
}

/// Places for `object` at `spot`, best first; never empty.
///
/// # Errors
/// [`NoSpot`] saying why there is none.
pub fn place_spots(
    object: &TrackedObject,
    spot: &Spot,
    scene: &Scene,
    area: Area,
    config: &Config,
) -> Result<Vec<PlaceSpot>, NoSpot> {
    match *spot {
        Spot::Table(point) => at(object, Point2::from(point), scene, area, config),
        Spot::Relative { relation, target } => {
            let Some(target) = scene.get(target) else {
                return Err(NoSpot("I no longer see where it shall go".to_owned()));
            };
            match relation {
                Relation::In => inside(object, target, scene, area),
                Relation::On if target.most_likely_shape() == Shape::Tray => {
                    inside(object, target, scene, area)
                }
                Relation::On => on_top(object, target, scene, area),
                _ => costed_beside(object, relation, target, scene, area, config).map(choose),
            }
        }
    }
}

/// Radius of the disc that `object` covers however it is turned, metres.
#[must_use]
pub(crate) fn turning_radius(object: &TrackedObject) -> f64 {
    if is_round(object.most_likely_shape()) {
        0.5 * narrow_side(object)
    } else {
        0.5 * libm::hypot(object.dimensions.x, object.dimensions.y)
    }
}

/// Smallest gap of a disc to every object of the scene but those in `ignored`; infinite when alone.
#[must_use]
pub(crate) fn clearance(disc: &Footprint, scene: &Scene, ignored: &[ObjectId]) -> f64 {
    let others = scene.objects.iter().filter(|o| !ignored.contains(&o.id));
    others.map(|o| disc.gap(&Footprint::of(o))).fold(f64::INFINITY, f64::min)
}

/// `object` as it would be tracked with its centre at `at` and its underside at `bottom_m`.
#[must_use]
pub(crate) fn moved(object: &TrackedObject, at: Point2<f64>, bottom_m: f64) -> TrackedObject {
    let mut out = object.clone();
    out.position = nalgebra::Point3::new(at.x, at.y, bottom_m + 0.5 * object.dimensions.z);
    out
}

/// Candidates with their costs to at most [`MAX_SPOTS`] places, cheapest first, [`APART_M`] apart.
pub(crate) fn choose(costed: Vec<(f64, PlaceSpot)>) -> Vec<PlaceSpot> {
    choose_some(costed, MAX_SPOTS, APART_M)
}

fn choose_some(mut costed: Vec<(f64, PlaceSpot)>, most: usize, apart_m: f64) -> Vec<PlaceSpot> {
    costed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out: Vec<PlaceSpot> = Vec::new();
    for (_, spot) in costed {
        if out.iter().all(|s| (s.centre - spot.centre).norm() >= apart_m) {
            out.push(spot);
            if out.len() == most {
                break;
            }
        }
    }
    out
}

/// Places beside `target` on the table, where things may be pushed to.
pub(crate) fn beside_many(
    object: &TrackedObject,
    relation: Relation,
    target: &TrackedObject,
    scene: &Scene,
    area: Area,
    config: &Config,
) -> Result<Vec<PlaceSpot>, NoSpot> {
    let costed = costed_beside(object, relation, target, scene, area, config)?;
    Ok(choose_some(costed, MANY_SPOTS, 2.0 * APART_M))
}

/// Every free place beside `target` on the table, with what speaks against it.
fn costed_beside(
    object: &TrackedObject,
    relation: Relation,
    target: &TrackedObject,
    scene: &Scene,
    area: Area,
    config: &Config,
) -> Result<Vec<(f64, PlaceSpot)>, NoSpot> {
    const SIDES: [Relation; 4] = [Relation::LeftOf, Relation::RightOf, Relation::InFrontOf, Relation::Behind];
    let sides: Vec<Relation> = if relation == Relation::NextTo { SIDES.to_vec() } else { vec![relation] };
    let radius = turning_radius(object);
    let outline = Footprint::of(target);
    let mut costed = Vec::new();
    for direction in sides.iter().filter_map(|s| s.direction()) {
        let along = Vector2::from(direction);
        let across = Vector2::new(-along.y, along.x);
        let touching = outline.extent(centre(target), along) + radius;
        for gap_step in 0..22 {
            let gap = 0.015 + 0.01 * f64::from(gap_step);
            for side_step in -6..=6 {
                let side = 0.02 * f64::from(side_step);
                let point = centre(target) + along * (touching + gap) + across * side;
                let disc = Footprint::disc(point, radius);
                let there = moved(object, point, 0.0);
                let free = clearance(&disc, scene, &[object.id]);
                if !area.contains(point)
                    || free < config.clearance_m
                    || !sides.iter().any(|s| holds(&there, *s, target))
                    || !holds(&there, relation, target)
                {
                    continue;
                }
                let tight = (config.beside_gap_m - free).max(0.0);
                let outside = area.beyond(point).max(0.0);
                let cost = (gap - config.beside_gap_m).abs() + 0.6 * side.abs() + 2.0 * (tight + outside);
                costed.push((cost, PlaceSpot { centre: point, bottom_m: 0.0, yaws: Vec::new() }));
            }
        }
    }
    if costed.is_empty() {
        let place = format!("{} {}", relation.words(), the(target));
        return Err(NoSpot(format!("there is no free place within reach {place}")));
    }
    Ok(costed)
}

/// Places around a wanted point of the table, within half the tolerance that is judged afterwards.
fn at(
    object: &TrackedObject,
    wanted: Point2<f64>,
    scene: &Scene,
    area: Area,
    config: &Config,
) -> Result<Vec<PlaceSpot>, NoSpot> {
    let radius = turning_radius(object);
    let step = 0.25 * config.at_tolerance_m;
    let mut costed = Vec::new();
    for i in -2..=2 {
        for j in -2..=2 {
            let offset = Vector2::new(f64::from(i), f64::from(j)) * step;
            let point = wanted + offset;
            let free = clearance(&Footprint::disc(point, radius), scene, &[object.id]);
            if offset.norm() > 0.5 * config.at_tolerance_m + 1e-9 || !area.contains(point) || free < 0.004 {
                continue;
            }
            let tight = (config.clearance_m - free).max(0.0);
            let spot = PlaceSpot { centre: point, bottom_m: 0.0, yaws: Vec::new() };
            costed.push((offset.norm() + 4.0 * tight, spot));
        }
    }
    let found = choose(costed);
    if found.is_empty() {
        let why = if area.contains(wanted) { "is taken" } else { "is out of my reach" };
        return Err(NoSpot(format!("the place at x {:.2} m, y {:.2} m {why}", wanted.x, wanted.y)));
    }
    Ok(found)
}

/// A free place on the table as near to `near` as can be, with room for the gripper around it; the
/// outlines in `reserved` stay free too.
///
/// # Errors
/// [`NoSpot`] when the table is full.
pub(crate) fn free(
    object: &TrackedObject,
    near: Point2<f64>,
    scene: &Scene,
    reserved: &[Footprint],
    area: Area,
    config: &Config,
) -> Result<Point2<f64>, NoSpot> {
    let radius = turning_radius(object);
    let [x0, x1, y0, y1] = area.rectangle;
    let n = |from: f64, to: f64| ((to - from) / 0.02).clamp(0.0, 500.0) as usize;
    for room in [1.6 * config.beside_gap_m, config.beside_gap_m, config.clearance_m] {
        let mut best: Option<(f64, Point2<f64>)> = None;
        for i in 0..=n(x0, x1) {
            for j in 0..=n(y0, y1) {
                let point = Point2::new(x0 + 0.02 * i as f64, y0 + 0.02 * j as f64);
                let disc = Footprint::disc(point, radius);
                let distance = (point - near).norm();
                if area.beyond(point) <= -0.01
                    && best.is_none_or(|(d, _)| distance < d)
                    && clearance(&disc, scene, &[object.id]) >= room
                    && reserved.iter().all(|r| disc.gap(r) >= room)
                {
                    best = Some((distance, point));
                }
            }
        }
        if let Some((_, point)) = best {
            return Ok(point);
        }
    }
    Err(NoSpot(format!("there is no free place on the table for {}", the(object))))
}
