//! Objects over cameras and pictures: who is who, where, and whether still there.
//!
//! The world is taken to be still: an object is where it was last measured until a picture shows
//! otherwise. A measurement joins the track that it fits best by place and looks; what no picture
//! confirms although it should be in plain view is forgotten after two pictures.

mod matching;

use crate::lift::{Lifted, lift};
use matching::{Observation, Pair};
use nalgebra::{Matrix3, Point3, Vector3};
use types::{Color, Detection, Image, ObjectId, Scene, Shape, Size, Time, TrackedObject};

/// What a track keeps of its old opinion about attributes with every sure look; with an unsure one it loses less.
const FORGETTING: f32 = 0.85;
/// An attribute is never less probable than this in one picture.
const LEAST_PROBABILITY: f32 = 0.01;
/// A place can never be known better than this (calibration, wall thickness), metres.
const FLOOR_SIGMA: f64 = 0.0012;
/// What a still object may creep between two pictures, metres.
const CREEP_SIGMA: f64 = 0.0008;
/// Beyond this distance an object was moved: the old place says nothing any more, metres.
const MOVED: f64 = 0.018;
/// A measurement with this many times the standard deviation does not move what is known better.
const LESS_SURE: f64 = 2.0;
/// Growth of the uncertainty of an unseen object, metres per root of a second.
const AGE_SIGMA: f64 = 0.0005;
/// A track that was seen once with less than this score is not yet believed in.
const SURE_SCORE: f32 = 0.5;
/// Pictures in a row that show the place of a track empty before it is forgotten.
const GONE_AFTER: u32 = 2;
/// Pictures in a row in which something of its height stands there but was not recognised before it is
/// forgotten; what was recognised in a few pictures before deserves more patience than a passing mistake.
const UNRECOGNISED_AFTER: u32 = 6;
const WELL_KNOWN_UNRECOGNISED_AFTER: u32 = 24;
const WELL_KNOWN: u32 = 8;

/// From this height of its lower side on an object must stand on another one, metres ...
const FLOATING: f64 = 0.12;
/// ... unless it was seen with at least this score: then somebody holds it. Never while the robot itself
/// holds something: then that is what floats, taken for something else.
const HELD_SCORE: f32 = 0.9;
/// How far beside it, and how far below its lower side, the top of what carries it may be, metres.
const SUPPORT_REACH: f64 = 0.06;
const SUPPORT_GAP: f64 = 0.04;
/// How far the lower side of what stands on something may seem from its top, metres.
const STANDS_GAP: f64 = 0.02;
/// Two solids that are nearer than this share of what would let them touch stick in each other.
const DEEP: f64 = 0.8;
/// How deep it may seem to be in it, in heights of the lower one.
const SUNK: f64 = 0.7;

/// One believed object with what only the tracker needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) object: TrackedObject,
    log_color: [f32; 8],
    log_shape: [f32; 6],
    log_size: [f32; 2],
    best_score: f32,
    empty: u32,
    unrecognised: u32,
    /// The robot put it here, and no picture has recognised it since.
    expected: bool,
}

/// Fuses what all cameras see into one scene; ids stay with their objects.
#[derive(Clone, Debug, Default)]
pub struct Tracker {
    tracks: Vec<Track>,
    next_id: u32,
    held: Option<ObjectId>,
    stamp: Time,
}

impl Tracker {
    /// A tracker that believes in nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in one picture and what was detected in it.
    pub fn update(&mut self, image: &Image, detections: &[Detection]) {
        self.stamp = self.stamp.max(image.stamp);
        let mut observations: Vec<Observation> = detections
            .iter()
            .filter_map(|d| lift(image, d).map(|lifted| Observation { lifted, score: d.score }))
            .collect();
        self.drop_floating(&mut observations);
        let covered: Vec<bool> = (0..self.tracks.len()).map(|i| self.is_covered(i)).collect();
        let pairs = matching::assign(&self.tracks, &observations, self.held);
        let mut seen_tracks = vec![false; self.tracks.len()];
        let mut used = vec![false; observations.len()];
        for Pair { track, observation } in pairs {
            seen_tracks[track] = true;
            used[observation] = true;
            let (known, new) = (&self.tracks[track], &observations[observation]);
            if covered[track] || known.is_as_expected(new, image) || known.knows_better(new, image) {
                self.tracks[track].is_there(image.stamp);
            } else {
                self.tracks[track].confirm(&observations[observation], image.stamp);
            }
        }
        for (i, seen) in seen_tracks.iter().enumerate() {
            if !seen && !covered[i] && Some(self.tracks[i].object.id) != self.held {
                self.tracks[i].miss(image, detections);
            }
        }
        let missing: Vec<ObjectId> = self
            .tracks
            .iter()
            .zip(&seen_tracks)
            .filter(|(_, seen)| !**seen)
            .map(|(t, _)| t.object.id)
            .collect();
        self.tracks.retain(|t| t.empty < GONE_AFTER && t.unrecognised < t.patience());
        for (observation, used) in observations.iter().zip(used) {
            if !used && !self.is_part_of_another(observation, image, &missing) {
                let id = ObjectId(self.next_id);
                self.next_id += 1;
                self.tracks.push(Track::new(id, observation, image.stamp));
            }
        }
        self.merge();
        self.believe_in_supports();
    }

    /// Whether a measurement that fits no track is only a bad one of a solid of its colour that the picture
    /// does not show gone: it would stick deep in it, or it is unsure, near it, and the picture shows
    /// nothing else that is this solid. So look things seen twice, cut off, or together with what they
    /// stand on.
    fn is_part_of_another(&self, observation: &Observation, image: &Image, missing: &[ObjectId]) -> bool {
        let new = &observation.lifted;
        let color = Color::ALL[crate::lift::argmax(&new.color)];
        let side = |d: &Vector3<f64>| d.x.min(d.y);
        let sigma = |c: &Matrix3<f64>| c[(0, 0)].sqrt();
        self.tracks.iter().any(|t| {
            let (o, d) = (&t.object, new.position - t.object.position);
            let sticks = d.xy().norm() < DEEP * 0.5 * (side(&o.dimensions) + side(&new.dimensions))
                && d.z.abs() < DEEP * 0.5 * (o.dimensions.z + new.dimensions.z);
            let missing =
                missing.contains(&o.id) && sigma(&new.covariance) > LESS_SURE * sigma(&o.covariance);
            !o.most_likely_shape().is_container()
                && Some(o.id) != self.held
                && o.most_likely_color() == color
                && (sticks || (missing && d.norm() < matching::GATE))
                && matching::look(o, image, &[]) != matching::Look::Empty
        })
    }

    /// Whether another object stands on this one: then hardly anything of it can be seen, and it stays
    /// what and where it was before it was covered.
    fn is_covered(&self, i: usize) -> bool {
        (0..self.tracks.len()).any(|j| Some(self.tracks[j].object.id) != self.held && self.stands_on(j, i))
    }

    /// Whether track `above` stands on track `below`, by their places alone; in a container is not on it.
    /// What seems to be inside another solid stands on it: a height is more easily mistaken than a place.
    fn stands_on(&self, above: usize, below: usize) -> bool {
        let (a, b) = (&self.tracks[above].object, &self.tracks[below].object);
        let gap = (a.position.z - 0.5 * a.dimensions.z) - (b.position.z + 0.5 * b.dimensions.z);
        let reach = 0.5 * b.dimensions.x.min(b.dimensions.y);
        above != below
            && !b.most_likely_shape().is_container()
            && (-SUNK * b.dimensions.z..STANDS_GAP).contains(&gap)
            && (a.position - b.position).xy().norm() < reach
    }

    /// What carries something that was just seen must be there itself; and solids do not sink into each
    /// other: what stands on something stands on its top.
    fn believe_in_supports(&mut self) {
        // Towers are at most a few objects high: the news reaches the lowest within as many rounds.
        for _ in 0..4 {
            for above in 0..self.tracks.len() {
                for below in 0..self.tracks.len() {
                    if !self.stands_on(above, below) {
                        continue;
                    }
                    let seen = self.tracks[above].object.seen;
                    if seen > self.tracks[below].object.seen {
                        self.tracks[below].is_there(seen);
                    }
                    let top = self.tracks[below].object.top();
                    let object = &mut self.tracks[above].object;
                    object.position.z = top + 0.5 * object.dimensions.z;
                }
            }
        }
    }

    /// Things do not float: what is seen high above the table with nothing below it that stands there, and
    /// not clearly, is part of the robot.
    fn drop_floating(&self, observations: &mut Vec<Observation>) {
        let top = |p: &Point3<f64>, d: &Vector3<f64>| (p.x, p.y, p.z + 0.5 * d.z);
        let standing = self.tracks.iter().filter(|t| Some(t.object.id) != self.held);
        let mut tops: Vec<(f64, f64, f64)> =
            standing.map(|t| top(&t.object.position, &t.object.dimensions)).collect();
        let mut open = core::mem::take(observations);
        // Upwards from what needs nothing below it, so that two that float do not carry each other.
        loop {
            let carried = |o: &mut Observation| {
                let (p, d) = (&o.lifted.position, &o.lifted.dimensions);
                let bottom = p.z - 0.5 * d.z;
                bottom < FLOATING
                    || (o.score >= HELD_SCORE && self.held.is_none())
                    || tops.iter().any(|(x, y, top)| {
                        libm::hypot(x - p.x, y - p.y) < SUPPORT_REACH && (top - bottom).abs() < SUPPORT_GAP
                    })
            };
            let found: Vec<Observation> = open.extract_if(.., carried).collect();
            if found.is_empty() {
                return;
            }
            tops.extend(found.iter().map(|o| top(&o.lifted.position, &o.lifted.dimensions)));
            observations.extend(found);
        }
    }

    /// What is believed at `now`: places grow less sure with the time since they were last seen.
    #[must_use]
    pub fn scene(&self, now: Time) -> Scene {
        let believed = self.tracks.iter().filter(|t| t.best_score >= SURE_SCORE || t.object.n_seen > 1);
        let objects = believed.map(|t| {
            let mut o = t.object.clone();
            let age = now.secs_since(o.seen).clamp(0.0, 1e4);
            o.covariance += Matrix3::identity() * (AGE_SIGMA * AGE_SIGMA * age);
            o
        });
        Scene { stamp: self.stamp, objects: objects.collect() }
    }

    /// Tells which object is in the hand: it is not forgotten while no picture shows it, and a picture
    /// that shows it elsewhere moves it.
    pub fn set_held(&mut self, held: Option<ObjectId>) {
        self.held = held;
    }

    /// Tells that the robot has put an object down with its centre at `to` (world, metres): it keeps its
    /// name there. Returns whether there is such an object.
    pub fn expect_moved(&mut self, id: ObjectId, to: Point3<f64>) -> bool {
        /// The hand may have let it go a little off, metres.
        const PLACED_SIGMA: f64 = 0.015;
        let Some(track) = self.tracks.iter_mut().find(|t| t.object.id == id) else { return false };
        if !to.coords.iter().all(|v| v.is_finite()) {
            return false;
        }
        track.object.position = to;
        track.object.covariance = Matrix3::identity() * (PLACED_SIGMA * PLACED_SIGMA);
        track.empty = 0;
        track.unrecognised = 0;
        track.expected = true;
        true
    }

    /// Forgets an object. Returns whether there was one of this name.
    pub fn remove(&mut self, id: ObjectId) -> bool {
        let before = self.tracks.len();
        self.tracks.retain(|t| t.object.id != id);
        self.tracks.len() < before
    }

    /// Two tracks of one kind in one place are one object; the older name stays.
    fn merge(&mut self) {
        let mut i = 0;
        while i < self.tracks.len() {
            let mut j = i + 1;
            while j < self.tracks.len() {
                if self.tracks[i].object.is_same_place(&self.tracks[j].object) {
                    let younger = self.tracks.remove(j);
                    let older = &mut self.tracks[i];
                    if younger.object.seen > older.object.seen {
                        let id = older.object.id;
                        *older = younger;
                        older.object.id = id;
                    }
                } else {
                    j += 1;
                }
            }
            i += 1;
        }
    }
}

/// Whether two objects cannot both be where they are said to be.
trait SamePlace {
    fn is_same_place(&self, other: &Self) -> bool;
}

impl SamePlace for TrackedObject {
    fn is_same_place(&self, other: &Self) -> bool {
        let one_group = self.most_likely_shape().is_container() == other.most_likely_shape().is_container();
        let d = self.position - other.position;
        let flat = 0.45 * self.dimensions.y.min(other.dimensions.y);
        let tall = 0.45 * self.dimensions.z.min(other.dimensions.z);
        one_group && d.xy().norm() < flat && d.z.abs() < tall
    }
}

impl Track {
    fn new(id: ObjectId, observation: &Observation, stamp: Time) -> Self {
        let Lifted { position, yaw, dimensions, covariance, .. } = observation.lifted;
        let (color, shape, size) = observation.looks();
        let object = TrackedObject {
            id,
            color,
            shape,
            size,
            position,
            yaw,
            dimensions,
            covariance,
            seen: stamp,
            n_seen: 1,
        };
        let log = |p: f32| libm::logf(p.max(LEAST_PROBABILITY));
        Self {
            object,
            log_color: color.map(log),
            log_shape: shape.map(log),
            log_size: size.map(log),
            best_score: observation.sure(),
            empty: 0,
            unrecognised: 0,
            expected: false,
        }
    }

    /// Joins a measurement to what was known.
    fn confirm(&mut self, observation: &Observation, stamp: Time) {
        let new = &observation.lifted;
        self.empty = 0;
        self.unrecognised = 0;
        self.expected = false;
        self.best_score = self.best_score.max(observation.sure());
        let (color, shape, size) = observation.looks();
        self.object.color = fuse(&mut self.log_color, &color, observation.sure());
        self.object.shape = fuse(&mut self.log_shape, &shape, observation.sure());
        self.object.size = fuse(&mut self.log_size, &size, observation.sure());
        let o = &mut self.object;
        let moved = (new.position - o.position).norm() > MOVED.max(3.0 * o.covariance[(0, 0)].sqrt());
        let prior = o.covariance + Matrix3::identity() * (CREEP_SIGMA * CREEP_SIGMA);
        let gain = (prior + new.covariance).try_inverse().map(|inverse| prior * inverse);
        match gain {
            Some(gain) if !moved => {
                o.position += gain * (new.position - o.position);
                o.covariance = (Matrix3::identity() - gain) * prior;
            }
            _ => {
                o.position = new.position;
                o.covariance = new.covariance;
            }
        }
        for i in 0..3 {
            o.covariance[(i, i)] = o.covariance[(i, i)].max(FLOOR_SIGMA * FLOOR_SIGMA);
        }
        let (shape, size) = (o.most_likely_shape(), o.most_likely_size());
        o.dimensions = dimensions(shape, size, new);
        let gain = if moved { 1.0 } else { yaw_gain(o.n_seen, new) };
        o.yaw = blend_yaw(o.yaw, new.yaw, &o.dimensions, shape, gain);
        o.seen = o.seen.max(stamp);
        o.n_seen = o.n_seen.saturating_add(1);
    }

    /// Whether it stands where the robot put it, although what was recognised seems elsewhere: the depths
    /// over its top say so, and a half-hidden thing is easily measured a little off.
    fn is_as_expected(&self, observation: &Observation, image: &Image) -> bool {
        let off = (observation.lifted.position - self.object.position).norm();
        let half_hidden = (0.01..0.03).contains(&off);
        self.expected && half_hidden && matching::look(&self.object, image, &[]) == matching::Look::Something
    }

    /// Whether a measurement elsewhere is too unsure to say that it was moved: what a picture shows cut off
    /// or half hidden is placed less surely than what was seen whole, and where it was does not look empty.
    fn knows_better(&self, observation: &Observation, image: &Image) -> bool {
        let (old, new) = (&self.object, &observation.lifted);
        let sigma = |c: &Matrix3<f64>| c[(0, 0)].sqrt();
        let off = (new.position - old.position).norm();
        sigma(&new.covariance) > LESS_SURE * sigma(&old.covariance)
            && off > sigma(&new.covariance)
            && matching::look(old, image, &[]) != matching::Look::Empty
    }

    /// Pictures in a row that may fail to recognise it.
    fn patience(&self) -> u32 {
        if self.object.n_seen < WELL_KNOWN { UNRECOGNISED_AFTER } else { WELL_KNOWN_UNRECOGNISED_AFTER }
    }

    /// It is there, and nothing more is known than before.
    fn is_there(&mut self, stamp: Time) {
        self.empty = 0;
        self.unrecognised = 0;
        self.object.seen = self.object.seen.max(stamp);
    }

    /// Judges a picture in which this track was not found.
    fn miss(&mut self, image: &Image, detections: &[Detection]) {
        match matching::look(&self.object, image, detections) {
            matching::Look::Unknown => {}
            matching::Look::Empty => {
                self.empty += 1;
                self.expected = false;
            }
            // Where the robot put it, something of its height stands: a black box in a black bowl is hard to
            // recognise, and need not be.
            matching::Look::Something if self.expected => {
                self.empty = 0;
                self.object.seen = self.object.seen.max(image.stamp);
            }
            matching::Look::Something => {
                self.empty = 0;
                self.unrecognised += 1;
            }
        }
    }
}

/// Bayes in the logarithm, with forgetting as far as the look is sure, 0 to 1; returns the probabilities.
fn fuse<const N: usize>(log: &mut [f32; N], new: &[f32; N], sure: f32) -> [f32; N] {
    let keep = 1.0 - (1.0 - FORGETTING) * sure;
    for (l, p) in log.iter_mut().zip(new) {
        let p = if p.is_finite() { p.clamp(LEAST_PROBABILITY, 1.0) } else { 1.0 / N as f32 };
        *l = keep * *l + libm::logf(p);
    }
    let top = log.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    // Or looks that forget nothing would sink all of them without end.
    *log = log.map(|l| l - top);
    let powers = log.map(libm::expf);
    let sum: f32 = powers.iter().sum();
    powers.map(|p| p / sum)
}

/// How far the yaw follows a new measurement: a partly hidden object says little about its turn.
fn yaw_gain(n_seen: u32, new: &Lifted) -> f64 {
    let good = new.covariance[(0, 0)] < 0.004 * 0.004;
    if good { (1.0 / f64::from(n_seen.clamp(1, 4) + 1)).max(0.25) } else { 0.05 }
}

/// The angle between two that look alike after a period.
fn blend_yaw(old: f64, new: f64, d: &Vector3<f64>, shape: Shape, gain: f64) -> f64 {
    use core::f64::consts::PI;
    let is_square = (d.x - d.y).abs() < 1e-6;
    let period = match shape {
        Shape::Ball | Shape::Bowl => return 0.0,
        Shape::Cylinder if is_square => return 0.0,
        _ if is_square => 0.5 * PI,
        _ => PI,
    };
    let wrap = |a: f64| a - period * libm::floor(a / period + 0.5);
    let difference = wrap(new - old);
    // More than 25° off is no noise: it was turned.
    let gain = if difference.abs() > 0.44 { gain.max(0.6) } else { gain };
    wrap(old + gain * difference)
}

/// The measured dimensions where they are the table's for what it is taken to be, in whichever order it
/// lies; if the picture disagrees on what it is, the table's.
fn dimensions(shape: Shape, size: Size, new: &Lifted) -> Vector3<f64> {
    let sorted = |d: &Vector3<f64>| {
        let mut d = [d.x, d.y, d.z];
        d.sort_by(f64::total_cmp);
        Vector3::from(d)
    };
    let table = shape.dimensions(size);
    if (sorted(&table) - sorted(&new.dimensions)).norm() < 1e-9 { new.dimensions } else { table }
}
