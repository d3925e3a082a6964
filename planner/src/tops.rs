//! Places in containers and on top of other objects.

use crate::footprint::{Footprint, bottom, centre, is_round, narrow_side};
use crate::relations::upon;
use crate::resolve::volume;
use crate::spots::{Area, NoSpot, PlaceSpot, choose, turning_radius};
use crate::words::{the, the_id};
use nalgebra::Vector2;
use types::{Scene, Shape, TrackedObject};

/// How thick the walls of bowls and trays are believed to be, metres.
pub(crate) const WALL_M: f64 = 0.007;
/// How thick their floors are believed to be, metres.
pub(crate) const FLOOR_M: f64 = 0.004;
/// How much wider a bowl is believed to become per height.
pub(crate) const BOWL_LEAN: f64 = 0.31;
/// How far things may be heaped above the rim, metres.
const HEAP_M: f64 = 0.022;
/// How far above the rim things are let go at most, onto others, metres.
const HIGHEST_M: f64 = 0.065;
/// How much of the room up to there things may fill.
const MOST_FILLED: f64 = 0.5;

/// The area inside a container, at its rim and on its floor.
fn inner(container: &TrackedObject) -> (Footprint, Footprint) {
    let d = container.dimensions;
    if is_round(container.most_likely_shape()) {
        let rim = 0.5 * d.x.max(d.y) - WALL_M;
        let disc = |radius: f64| Footprint::disc(centre(container), radius.max(0.0));
        return (disc(rim), disc(rim - BOWL_LEAN * d.z));
    }
    let half = |v: f64| (0.5 * v - WALL_M).max(0.0);
    let area = Footprint::rectangle(centre(container), container.yaw, half(d.x), half(d.y));
    (area.clone(), area)
}

/// What a container's rim encloses, m².
fn rim_area(container: &TrackedObject) -> f64 {
    let d = container.dimensions;
    let (x, y) = (d.x - 2.0 * WALL_M, d.y - 2.0 * WALL_M);
    if is_round(container.most_likely_shape()) { core::f64::consts::FRAC_PI_4 * x * y } else { x * y }
}

/// Places on the floor of a container, or above what lies in it already.
pub(crate) fn inside(
    object: &TrackedObject,
    container: &TrackedObject,
    scene: &Scene,
    area: Area,
) -> Result<Vec<PlaceSpot>, NoSpot> {
    if !container.most_likely_shape().is_container() {
        return Err(NoSpot(format!("{} is not a container", the(container))));
    }
    let (rim, floor_area) = inner(container);
    let aligned = !is_round(object.most_likely_shape()) && !is_round(container.most_likely_shape());
    let yaws =
        if aligned { vec![container.yaw, container.yaw + core::f64::consts::FRAC_PI_2] } else { Vec::new() };
    let contents: Vec<(Footprint, f64)> = upon(scene, container.id)
        .into_iter()
        .filter(|o| o.id != object.id)
        .map(|o| (Footprint::of(o), o.top()))
        .collect();
    let (sin, cos) = libm::sincos(container.yaw);
    let (u, v) = (Vector2::new(cos, sin), Vector2::new(-sin, cos));
    // Things go in from one end, so that more can follow: of a tray along its length, of a bowl from
    // behind, where its rim does not hide them.
    let anchor = if is_round(container.most_likely_shape()) {
        let spare = (floor_area.depth(centre(container)) - turning_radius(object) - 0.012).max(0.0);
        centre(container) - Vector2::x() * spare.min(0.14 * container.dimensions.x)
    } else {
        centre(container) - u * (0.2 * container.dimensions.x)
    };
    let floor = bottom(container).max(0.0) + FLOOR_M;
    let room = rim_area(container) * (container.dimensions.z + HEAP_M);
    let filled: f64 = upon(scene, container.id).into_iter().filter(|o| o.id != object.id).map(volume).sum();
    if filled + volume(object) > MOST_FILLED * room {
        return Err(NoSpot(format!("{} is full", the(container))));
    }
    let mut costed = Vec::new();
    for i in -12..=12 {
        for j in -12..=12 {
            let point = centre(container) + u * (0.01 * f64::from(i)) + v * (0.01 * f64::from(j));
            let tries: Vec<Option<f64>> =
                if yaws.is_empty() { vec![None] } else { yaws.iter().copied().map(Some).collect() };
            for yaw in tries {
                let outline = match yaw {
                    Some(yaw) => Footprint::at(object, point, yaw),
                    None => Footprint::disc(point, turning_radius(object)),
                };
                let wall = outline.margin_within(&floor_area);
                if outline.margin_within(&rim) < 0.0 || !area.contains(point) {
                    continue;
                }
                let gap = contents.iter().map(|(f, _)| f.gap(&outline)).fold(f64::INFINITY, f64::min);
                // Where it cannot lie on the floor it is let go above what is there.
                let below = contents.iter().filter(|(f, _)| f.gap(&outline) < 0.004).map(|(_, top)| *top);
                // What is wider than a bowl's floor rests on its leaning wall.
                let lying = floor + (-wall).max(0.0) / BOWL_LEAN;
                let bottom_m = below.fold(lying, f64::max);
                if bottom_m > container.top() + HIGHEST_M {
                    continue;
                }
                let cost = 3.0 * (0.03 - gap).clamp(0.0, 0.05)
                    + 2.0 * (0.03 - wall).max(0.0)
                    + 0.2 * (point - anchor).norm()
                    + 10.0 * (bottom_m - floor);
                costed.push((cost, PlaceSpot { centre: point, bottom_m, yaws: yaw.into_iter().collect() }));
            }
        }
    }
    let found = choose(costed);
    if found.is_empty() {
        if !area.contains(centre(container)) {
            return Err(NoSpot(format!("{} is out of my reach", the(container))));
        }
        return Err(NoSpot(format!("{} is too small for {}", the(container), the(object))));
    }
    Ok(found)
}

/// The place on top of another object.
pub(crate) fn on_top(
    object: &TrackedObject,
    target: &TrackedObject,
    scene: &Scene,
    area: Area,
) -> Result<Vec<PlaceSpot>, NoSpot> {
    if let Some(why) = no_support(object, target) {
        return Err(NoSpot(why));
    }
    if let Some(other) = upon(scene, target.id).into_iter().find(|o| o.id != object.id) {
        return Err(NoSpot(format!("{} is already on {}", the(other), the_id(scene, target.id))));
    }
    if !area.contains(centre(target)) {
        return Err(NoSpot(format!("{} is out of my reach", the(target))));
    }
    let yaws = if is_round(object.most_likely_shape()) || is_round(target.most_likely_shape()) {
        Vec::new()
    } else {
        vec![target.yaw, target.yaw + core::f64::consts::FRAC_PI_2]
    };
    Ok(vec![PlaceSpot { centre: centre(target), bottom_m: target.top(), yaws }])
}

/// Why nothing like `object` can stand on `target`; `None` when it can.
#[must_use]
pub(crate) fn no_support(object: &TrackedObject, target: &TrackedObject) -> Option<String> {
    match target.most_likely_shape() {
        Shape::Ball => Some(format!("nothing stays on a ball, and {} is one", the(target))),
        Shape::Bowl => Some(format!("{} is open at the top; I can put things into it", the(target))),
        Shape::Tray => None,
        Shape::Cube | Shape::Cylinder | Shape::Box => {
            let (top, base) = (narrow_side(target), narrow_side(object));
            (top < 0.025 || top < 0.55 * base)
                .then(|| format!("the top of {} is too narrow for {}", the(target), the(object)))
        }
    }
}
