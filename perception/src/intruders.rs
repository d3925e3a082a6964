//! What is in the picture and is none of the things that are known: somebody's hand, or whatever else nobody spoke of.
//!
//! Points of a picture with depth are compared with what is known: the arm (told by the caller, perception knows no
//! kinematics), the tracked objects, and what stood there when the table was looked at. What is left, and is no single
//! stray point, is covered with balls, which is what a safety filter takes. Nobody is forgotten for being hidden: a
//! ball goes only when the picture shows what is behind it, or after a while.

use nalgebra::{Point3, Vector3};
use std::collections::{BTreeMap, HashSet};
use types::{Image, Scene, Time, TrackedObject};

/// Every so many pixels a point is taken, along both sides.
const STEP_PX: usize = 2;
/// Lower than this it is the table, and higher than this nothing is looked for; metres.
const HEIGHTS_M: [f64; 2] = [0.015, 1.5];
/// Side of the cells that what stands there is remembered in, metres.
const CELL_M: f64 = 0.02;
/// So near to a tracked object a point belongs to it, metres.
const OBJECT_M: f64 = 0.03;
/// Fewer points than this, next to each other, are noise.
const LEAST_POINTS: usize = 10;
/// Points within this of each other belong together, metres: side of the cells that are looked at.
const TOGETHER_M: f64 = 0.03;
/// Side of the cells that get a ball each, metres; twice as large until there are few enough of them.
const BALL_CELL_M: f64 = 0.06;
/// The most balls that are given.
pub const MOST_BALLS: usize = 40;
/// A camera sees the near side alone: balls reach so much farther and lie so much deeper, metres.
const DEEPER_M: f64 = 0.03;
/// Somebody who was so near to what the arm seems to work on may be it, metres.
const BESIDE_M: f64 = 0.3;
/// Who is hidden, by the arm or because they left the picture at its side, is kept in mind for so long, seconds.
const HIDDEN_S: f64 = 3.0;
/// What has kept to its cells for so long stands, seconds.
const STANDS_S: f64 = 12.0;

/// A ball around some of what nobody knows. World frame, metres.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Intruder {
    /// Its middle.
    pub center: Point3<f64>,
    /// Its radius.
    pub radius_m: f64,
    /// When it was seen there.
    pub seen: Time,
}

/// What a picture is compared with, besides what was learned.
pub struct Known<'a> {
    /// The tracked objects, without what the hand holds.
    pub scene: &'a Scene,
    /// Whether a point (world, metres) is the arm's, or of what it holds.
    pub is_arm: &'a dyn Fn(&Point3<f64>) -> bool,
    /// Whether it is where the arm's hand works: what it pushes, drops and puts down moves there.
    pub is_work: &'a dyn Fn(&Point3<f64>) -> bool,
    /// Whether it is within the arm's reach, or about to be.
    pub matters: &'a dyn Fn(&Point3<f64>) -> bool,
}

/// What was there when the table was looked at, and who has come since.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// What stands there.
    cells: HashSet<[i32; 3]>,
    /// What the hand seemed to work on in the picture before; only what is so twice stays where it was put.
    worked: HashSet<[i32; 3]>,
    intruders: Vec<Intruder>,
    /// The cells of who is in the picture, and since when they have kept to them.
    still: Option<(HashSet<[i32; 3]>, Time)>,
}

impl Watch {
    /// Takes what a picture shows, but for the arm, the tracked objects, and who has come since the last look, for
    /// what stands there, in place of what was taken before. Returns balls around it: nobody knows what it is.
    pub fn learn(&mut self, image: &Image, known: &Known<'_>) -> Vec<Intruder> {
        let come = if self.intruders.is_empty() { Vec::new() } else { self.new_points(image, known) };
        let come: HashSet<[i32; 3]> = come.iter().map(|p| cell(p, CELL_M)).collect();
        let is_come = |p: &Point3<f64>| around(cell(p, CELL_M)).any(|c| come.contains(&c));
        let stands = |p: &Point3<f64>| !(known.is_arm)(p) && !is_object(p, known.scene) && !is_come(p);
        let points: Vec<Point3<f64>> = points(image, known).filter(stands).collect();
        self.cells = points.iter().map(|p| cell(p, CELL_M)).collect();
        self.worked.clear();
        self.watch(image, known);
        balls(groups(points.into_iter()).concat(), image)
    }

    /// Takes in a picture from under way.
    pub fn watch(&mut self, image: &Image, known: &Known<'_>) {
        let (mut come, mut worked) = (Vec::new(), HashSet::new());
        for group in groups(self.new_points(image, known).into_iter()) {
            let beside = |p: &Point3<f64>| {
                self.intruders.iter().any(|i| (i.center - p).norm() < i.radius_m + BESIDE_M)
            };
            if group.iter().all(|p| (known.is_work)(p)) && !group.iter().any(beside) {
                worked.extend(group.iter().map(|p| cell(p, CELL_M)));
            } else {
                come.extend(group);
            }
        }
        self.cells.extend(worked.iter().filter(|c| around(**c).any(|c| self.worked.contains(&c))));
        self.worked = worked;
        self.judge_stillness(&come, image.stamp);
        let hidden = |i: &Intruder| image.stamp.secs_since(i.seen) < HIDDEN_S && !is_seen_through(i, image);
        let mut all = balls(come, image);
        let covered =
            |i: &Intruder, by: &[Intruder]| by.iter().any(|b| (b.center - i.center).norm() < b.radius_m);
        let kept: Vec<Intruder> =
            self.intruders.iter().filter(|i| hidden(i) && !covered(i, &all)).copied().collect();
        all.extend(kept);
        // The newest first: there is an end to how many can be told.
        all.truncate(MOST_BALLS);
        self.intruders = all;
    }

    /// Who is there that was not there in the last look.
    #[must_use]
    pub fn intruders(&self) -> &[Intruder] {
        &self.intruders
    }

    /// When everybody in the picture has not moved for some seconds, they are things that somebody left there: they
    /// stand there from now on, and balls around them are returned.
    pub fn accept_what_stands(&mut self, now: Time) -> Option<Vec<Intruder>> {
        let (cells, _) = self.still.take_if(|(_, since)| now.secs_since(*since) >= STANDS_S)?;
        self.cells.extend(cells);
        // Who is hidden just now does not stand: nobody sees what they do.
        let newest = self.intruders.iter().map(|i| i.seen).max();
        let (stands, hidden) = self.intruders.iter().partition(|i| Some(i.seen) == newest);
        self.intruders = hidden;
        Some(stands)
    }

    /// Points that were not there, belong to no tracked object and not to the arm.
    fn new_points(&self, image: &Image, known: &Known<'_>) -> Vec<Point3<f64>> {
        let is_new = |p: &Point3<f64>| !self.was_there(p) && !is_object(p, known.scene) && !(known.is_arm)(p);
        points(image, known).filter(is_new).collect()
    }

    /// Whether something was within about a cell of the point.
    fn was_there(&self, point: &Point3<f64>) -> bool {
        around(cell(point, CELL_M)).any(|c| self.cells.contains(&c))
    }

    fn judge_stillness(&mut self, come: &[Point3<f64>], now: Time) {
        let cells: HashSet<[i32; 3]> = come.iter().map(|p| cell(p, CELL_M)).collect();
        let within = |a: &HashSet<[i32; 3]>, b: &HashSet<[i32; 3]>| {
            a.iter().all(|at| around(*at).any(|c| b.contains(&c)))
        };
        self.still = match self.still.take() {
            _ if cells.is_empty() => None,
            Some((before, since)) if within(&cells, &before) && within(&before, &cells) => {
                Some((before, since))
            }
            _ => Some((cells, now)),
        };
    }
}

/// Whether the picture shows what is behind a ball: then it is not there any more.
fn is_seen_through(ball: &Intruder, image: &Image) -> bool {
    let optical_from_world = image.world_from_optical.inverse();
    let center = optical_from_world.point(ball.center);
    let (width, height) = image.size();
    let looks = [[0.0, 0.0], [0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]];
    let mut shown = 0;
    for [x, y] in looks {
        let at = center + Vector3::new(x, y, 0.0) * ball.radius_m;
        let Some((u, v)) = image.intrinsics.project(at) else { continue };
        if !(u >= 0.0 && v >= 0.0 && u < width as f64 && v < height as f64) {
            continue;
        }
        let Some(depth) = image.depth.as_ref().and_then(|d| d.get(v as usize * width + u as usize)) else {
            continue;
        };
        let depth = f64::from(*depth);
        if depth > 0.0 && depth < center.z + 0.5 * ball.radius_m {
            return false;
        }
        shown += usize::from(depth > 0.0);
    }
    shown >= 3
}

/// Points above the table, near enough to matter.
fn points<'a>(image: &'a Image, known: &'a Known<'_>) -> impl Iterator<Item = Point3<f64>> + 'a {
    let (width, height) = image.size();
    let pixels = (0..height)
        .step_by(STEP_PX)
        .flat_map(move |row| (0..width).step_by(STEP_PX).map(move |col| (col, row)));
    pixels
        .filter_map(|(col, row)| image.point_in_world(col, row))
        .filter(|p| (HEIGHTS_M[0]..HEIGHTS_M[1]).contains(&p.z) && (known.matters)(p))
}

/// Whether a point belongs to a tracked object.
fn is_object(point: &Point3<f64>, scene: &Scene) -> bool {
    scene.objects.iter().any(|o| is_part_of(point, o))
}

fn is_part_of(point: &Point3<f64>, object: &TrackedObject) -> bool {
    let from_center = point - object.position;
    let (sin, cos) = (libm::sin(object.yaw), libm::cos(object.yaw));
    let along = Vector3::new(
        cos * from_center.x + sin * from_center.y,
        cos * from_center.y - sin * from_center.x,
        from_center.z,
    );
    along.iter().zip(object.dimensions.iter()).all(|(x, side)| x.abs() <= 0.5 * side + OBJECT_M)
}

fn cell(point: &Point3<f64>, side_m: f64) -> [i32; 3] {
    let index = |v: f64| libm::floor(v / side_m) as i32;
    [index(point.x), index(point.y), index(point.z)]
}

/// A cell and its 26 neighbours.
fn around([x, y, z]: [i32; 3]) -> impl Iterator<Item = [i32; 3]> {
    let near = |v: i32| [v - 1, v, v + 1];
    near(x).into_iter().flat_map(move |x| near(y).into_iter().flat_map(move |y| near(z).map(|z| [x, y, z])))
}

/// Points next to each other, if they are more than noise.
fn groups(points: impl Iterator<Item = Point3<f64>>) -> Vec<Vec<Point3<f64>>> {
    let mut cells: BTreeMap<[i32; 3], Vec<Point3<f64>>> = BTreeMap::new();
    for p in points {
        cells.entry(cell(&p, TOGETHER_M)).or_default().push(p);
    }
    let mut out = Vec::new();
    while let Some((first, points)) = cells.pop_first() {
        let (mut group, mut border) = (points, vec![first]);
        while let Some(at) = border.pop() {
            for next in around(at) {
                if let Some(more) = cells.remove(&next) {
                    group.extend(more);
                    border.push(next);
                }
            }
        }
        if group.len() >= LEAST_POINTS {
            out.push(group);
        }
    }
    out
}

/// Covers points with balls.
fn balls(points: Vec<Point3<f64>>, image: &Image) -> Vec<Intruder> {
    let mut side_m = BALL_CELL_M;
    loop {
        let mut cells: BTreeMap<[i32; 3], Vec<Point3<f64>>> = BTreeMap::new();
        for p in &points {
            cells.entry(cell(p, side_m)).or_default().push(*p);
        }
        if cells.len() <= MOST_BALLS {
            return cells.values().map(|points| ball(points, image)).collect();
        }
        side_m *= 2.0;
    }
}

/// The ball around some points that the camera sees.
fn ball(points: &[Point3<f64>], image: &Image) -> Intruder {
    let eye = image.world_from_optical.origin();
    let sum: Vector3<f64> = points.iter().map(|p| p.coords).sum();
    let middle = Point3::from(sum / points.len() as f64);
    let spread = points.iter().map(|p| (p - middle).norm()).fold(0.0, f64::max);
    let deeper = (middle - eye).try_normalize(1e-9).map_or_else(Vector3::zeros, |ray| DEEPER_M * ray);
    Intruder { center: middle + deeper, radius_m: spread + DEEPER_M, seen: image.stamp }
}
