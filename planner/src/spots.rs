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

/// How far beyond the reach area things may lie that are there already: the area is for laying things
/// out, and measuring is not exact; inverse kinematics has the last word. Metres.
pub(crate) const REACH_SLACK_M: f64 = 0.03;
/// How many candidates are handed on.
const MAX_SPOTS: usize = 10;
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

/// The part of the table that the arm reaches and the planner uses: world x from, to, y from, to.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Area(pub [f64; 4]);

impl Area {
    /// Whether the point lies inside by `margin` metres.
    #[must_use]
    pub fn contains(&self, p: Point2<f64>, margin: f64) -> bool {
        self.beyond(p) <= -margin
    }

    /// How far the point lies outside, metres; negative inside.
    #[must_use]
    pub fn beyond(&self, p: Point2<f64>) -> f64 {
        let [x0, x1, y0, y1] = self.0;
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
                _ => beside(object, relation, target, scene, area, config),
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
pub(crate) fn choose(mut costed: Vec<(f64, PlaceSpot)>) -> Vec<PlaceSpot> {
    costed.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out: Vec<PlaceSpot> = Vec::new();
    for (_, spot) in costed {
        if out.iter().all(|s| (s.centre - spot.centre).norm() >= APART_M) {
            out.push(spot);
            if out.len() == MAX_SPOTS {
                break;
            }
        }
    }
    out
}

/// Places beside `target` on the table.
///
/// # Errors
/// [`NoSpot`] when every candidate is taken or out of reach.
pub(crate) fn beside(
    object: &TrackedObject,
    relation: Relation,
    target: &TrackedObject,
    scene: &Scene,
    area: Area,
    config: &Config,
) -> Result<Vec<PlaceSpot>, NoSpot> {
    const SIDES: [Relation; 4] = [Relation::LeftOf, Relation::RightOf, Relation::InFrontOf, Relation::Behind];
    let sides: Vec<Relation> = if relation == Relation::NextTo { SIDES.to_vec() } else { vec![relation] };
    let radius = turning_radius(object);
    let outline = Footprint::of(target);
    let mut costed = Vec::new();
    for direction in sides.iter().filter_map(|s| s.direction()) {
        let along = Vector2::from(direction);
        let across = Vector2::new(-along.y, along.x);
        let touching = outline.extent(centre(target), along) + radius;
        for gap_step in 0..16 {
            let gap = 0.015 + 0.01 * f64::from(gap_step);
            for side_step in -6..=6 {
                let side = 0.02 * f64::from(side_step);
                let point = centre(target) + along * (touching + gap) + across * side;
                let disc = Footprint::disc(point, radius);
                let there = moved(object, point, 0.0);
                let free = clearance(&disc, scene, &[object.id]);
                if !area.contains(point, 0.0)
                    || free < config.clearance_m
                    || !sides.iter().any(|s| holds(&there, *s, target))
                    || !holds(&there, relation, target)
                {
                    continue;
                }
                let tight = (config.beside_gap_m - free).max(0.0);
                let cost = (gap - config.beside_gap_m).abs() + 0.6 * side.abs() + 2.0 * tight;
                costed.push((cost, PlaceSpot { centre: point, bottom_m: 0.0, yaws: Vec::new() }));
            }
        }
    }
    let found = choose(costed);
    if found.is_empty() {
        let place = format!("{} {}", relation.words(), the(target));
        return Err(NoSpot(format!("there is no free place within reach {place}")));
    }
    Ok(found)
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
            if offset.norm() > 0.5 * config.at_tolerance_m + 1e-9
                || !area.contains(point, -0.005)
                || free < 0.004
            {
                continue;
            }
            let tight = (config.clearance_m - free).max(0.0);
            let spot = PlaceSpot { centre: point, bottom_m: 0.0, yaws: Vec::new() };
            costed.push((offset.norm() + 4.0 * tight, spot));
        }
    }
    let found = choose(costed);
    if found.is_empty() {
        let why = if area.contains(wanted, -0.005) { "is taken" } else { "is out of my reach" };
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
    let [x0, x1, y0, y1] = area.0;
    let n = |from: f64, to: f64| ((to - from) / 0.02).clamp(0.0, 500.0) as usize;
    for room in [1.6 * config.beside_gap_m, config.beside_gap_m, config.clearance_m] {
        let mut best: Option<(f64, Point2<f64>)> = None;
        for i in 0..=n(x0, x1) {
            for j in 0..=n(y0, y1) {
                let point = Point2::new(x0 + 0.02 * i as f64, y0 + 0.02 * j as f64);
                let disc = Footprint::disc(point, radius);
                let distance = (point - near).norm();
                if area.contains(point, 0.01)
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
