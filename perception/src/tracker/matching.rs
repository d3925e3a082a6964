//! Which measurement belongs to which track, and what a picture says about a track it did not show.

use super::Track;
use crate::lift::Lifted;
use nalgebra::{Point3, Vector3};
use types::{Detection, Image, ObjectId, Shape, TrackedObject};

/// One lifted detection.
pub(crate) struct Observation {
    pub(crate) lifted: Lifted,
    pub(crate) score: f32,
}

impl Observation {
    /// The probabilities of its colours, shapes and sizes. As far as it is unsure that this is an object at all, nothing
    /// is known of its looks: what is half out of the picture must not outweigh what was seen whole.
    pub(crate) fn looks(&self) -> ([f32; 8], [f32; 6], [f32; 2]) {
        (
            self.believed(&self.lifted.color),
            self.believed(&self.lifted.shape),
            self.believed(&self.lifted.size),
        )
    }

    /// How sure it is that this is an object, 0 to 1; a score that is no number says nothing.
    pub(crate) fn sure(&self) -> f32 {
        if self.score.is_finite() { self.score.clamp(0.0, 1.0) } else { 0.0 }
    }

    fn believed<const N: usize>(&self, seen: &[f32; N]) -> [f32; N] {
        let sure = self.sure();
        seen.map(|p| sure * p + (1.0 - sure) / N as f32)
    }
}

/// A track and the measurement that continues it, by index.
pub(crate) struct Pair {
    pub(crate) track: usize,
    pub(crate) observation: usize,
}

/// Distance at which place alone speaks against a match as much as a standard deviation, metres.
const PLACE_SIGMA: f64 = 0.015;
/// Farther apart than this, two things are never the same, metres.
pub(crate) const GATE: f64 = 0.07;
/// Costs above this are no match.
const WORST: f64 = 16.0;

/// Greedy assignment by least cost; what is held may have gone anywhere but where another thing stands.
pub(crate) fn assign(tracks: &[Track], observations: &[Observation], held: Option<ObjectId>) -> Vec<Pair> {
    let mut costs: Vec<(f64, usize, usize)> = Vec::new();
    for (t, track) in tracks.iter().enumerate() {
        let is_held = Some(track.object.id) == held;
        for (o, observation) in observations.iter().enumerate() {
            let taken = |t: &Track| Some(t.object.id) != held && is_at(&t.object, &observation.lifted);
            if is_held && tracks.iter().any(taken) {
                continue;
            }
            if let Some(cost) = cost(track, &observation.lifted, is_held) {
                costs.push((cost, t, o));
            }
        }
    }
    costs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut taken = (vec![false; tracks.len()], vec![false; observations.len()]);
    let mut pairs = Vec::new();
    for (_, track, observation) in costs {
        if !taken.0[track] && !taken.1[observation] {
            taken.0[track] = true;
            taken.1[observation] = true;
            pairs.push(Pair { track, observation });
        }
    }
    pairs
}

/// Whether a measurement is where a solid stands, so that nothing else can be there.
fn is_at(track: &TrackedObject, new: &Lifted) -> bool {
    let d = track.dimensions;
    let off = new.position - track.position;
    !track.most_likely_shape().is_container()
        && off.xy().norm() < 0.5 * d.x.min(d.y)
        && off.z.abs() < 0.5 * d.z
}

fn cost(track: &Track, new: &Lifted, is_held: bool) -> Option<f64> {
    let (sure, track) = (track.best_score, &track.object);
    let looks = -2.0
        * (agreement(&seen(&track.color, sure), &new.color)
            + agreement(&seen(&track.shape, sure), &new.shape))
        - agreement(&seen(&track.size, sure), &new.size);
    let distance = (track.position - new.position).norm();
    // The held object has no place of its own: only when nothing else fits does it get what looks so, and
    // nothing that contradicts its colour or shape.
    let place = if is_held {
        8.0
    } else if distance > GATE {
        return None;
    } else {
        let spread = PLACE_SIGMA * PLACE_SIGMA + track.covariance[(0, 0)];
        distance * distance / spread
    };
    let cost = place.min(12.0) + looks;
    (cost < WORST).then_some(cost)
}

/// What was seen of what is believed: without the even share that stands for never having been sure. A thing that was seen
/// badly would else go with any other.
fn seen<const N: usize>(believed: &[f32; N], sure: f32) -> [f32; N] {
    let even = (1.0 - sure) / N as f32;
    let left = believed.map(|p| (p - even).max(0.0));
    let sum: f32 = left.iter().sum();
    if sum > 1e-6 { left.map(|p| p / sum) } else { *believed }
}

/// Logarithm of the probability that two opinions are about the same class.
fn agreement(a: &[f32], b: &[f32]) -> f64 {
    let same: f64 = a.iter().zip(b).map(|(p, q)| f64::from(p * q)).sum();
    libm::log(same.max(0.01))
}

/// What a picture shows where a track should be.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Outside the picture, hidden, or no depth: no judgement.
    Unknown,
    /// One can see through where it should be.
    Empty,
    /// Something is at its surface.
    Something,
}

/// Depth may differ by this much from what is expected, metres.
const DEPTH_BAND: f64 = 0.015;
/// This near to the picture's edge nothing is judged, in widths of the picture.
const EDGE: f64 = 0.016;
/// A detection this near to where an object should be says that something is there, in widths too.
const NEAR: f64 = 0.012;

/// Compares the depths over an object's top with the measured ones.
pub(crate) fn look(object: &TrackedObject, image: &Image, detections: &[Detection]) -> Look {
    let Some(depth) = image.depth.as_ref() else { return Look::Unknown };
    let (w, h) = image.size();
    let (edge, near_px) = (EDGE * w as f64, NEAR * w as f64);
    let optical_from_world = image.world_from_optical.inverse();
    let (mut empty, mut hidden, mut there) = (0, 0, 0);
    for point in surface(object) {
        let p = optical_from_world.point(point);
        let Some((u, v)) = image.intrinsics.project(p) else { return Look::Unknown };
        let inside = u > edge && v > edge && u < w as f64 - edge && v < h as f64 - edge;
        if !inside {
            return Look::Unknown;
        }
        let z = f64::from(depth[v as usize * w + u as usize]);
        if z <= 0.0 {
            continue;
        }
        match z - p.z {
            d if d > DEPTH_BAND => empty += 1,
            d if d < -DEPTH_BAND => hidden += 1,
            _ => there += 1,
        }
    }
    // A detection on the spot that could not be lifted or matched still says that something is there.
    let near = optical_from_world.point(object.position);
    let detected = image.intrinsics.project(near).is_some_and(|(u, v)| {
        let close =
            |d: &Detection| libm::hypot(f64::from(d.point_px[0]) - u, f64::from(d.point_px[1]) - v) < near_px;
        detections.iter().any(close)
    });
    if empty > hidden + there && !detected {
        Look::Empty
    } else if there > hidden && there > 0 {
        Look::Something
    } else {
        Look::Unknown
    }
}

/// Points of its surface that a camera above sees.
fn surface(object: &TrackedObject) -> Vec<Point3<f64>> {
    let d = object.dimensions;
    let top = object.position + Vector3::z() * (0.5 * d.z);
    let (sin, cos) = (libm::sin(object.yaw), libm::cos(object.yaw));
    let at = |x: f64, y: f64| top + Vector3::new(cos * x - sin * y, sin * x + cos * y, 0.0);
    match object.most_likely_shape() {
        Shape::Ball => vec![top],
        Shape::Bowl => (0..8)
            .map(|i| f64::from(i) * core::f64::consts::FRAC_PI_4)
            .map(|a| at((0.5 * d.x - 0.003) * libm::cos(a), (0.5 * d.y - 0.003) * libm::sin(a)))
            .collect(),
        Shape::Tray => {
            let (a, b) = (0.5 * d.x - 0.003, 0.5 * d.y - 0.003);
            vec![at(a, 0.0), at(-a, 0.0), at(0.0, b), at(0.0, -b), at(a, b), at(-a, -b), at(a, -b), at(-a, b)]
        }
        Shape::Cube | Shape::Box | Shape::Cylinder => {
            let (a, b) = (0.25 * d.x, 0.25 * d.y);
            vec![top, at(a, 0.0), at(-a, 0.0), at(0.0, b), at(0.0, -b)]
        }
    }
}
