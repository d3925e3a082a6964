//! What is in the picture and is none of the things that are known: somebody's hand, or whatever else nobody spoke of.
//!
//! Points of a picture with depth are compared with what is known: the arm (told by the caller, perception knows no
//! kinematics), the tracked objects, and what was there when the table was looked at. What is left, and is no single
//! stray point, is covered with balls, which is what a safety filter takes.

use nalgebra::{Point3, Vector3};
use std::collections::{BTreeMap, HashSet};
use types::{Image, Scene, TrackedObject};

/// Every so many pixels a point is taken, along both sides.
const STEP_PX: usize = 2;
/// Lower than this it is the table, and higher than this nothing is looked for; metres.
const HEIGHTS_M: [f64; 2] = [0.03, 1.5];
/// Farther from the camera than this nothing is looked for, metres.
const FARTHEST_M: f64 = 2.5;
/// Side of the cells that what stands there is remembered in, metres.
const CELL_M: f64 = 0.02;
/// So near to a tracked object a point belongs to it, metres.
const OBJECT_M: f64 = 0.03;
/// Fewer points than this, next to each other, are noise.
const LEAST_POINTS: usize = 12;
/// Points within this of each other belong together, metres: side of the cells that are looked at.
const TOGETHER_M: f64 = 0.03;
/// Side of the cells that get a ball each, metres; twice as large until there are few enough of them.
const BALL_CELL_M: f64 = 0.08;
const MOST_BALLS: usize = 40;
/// A camera sees the near side alone: balls reach so much farther and lie so much deeper, metres.
const DEEPER_M: f64 = 0.03;

/// A ball around some of what nobody knows. World frame, metres.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Intruder {
    /// Its middle.
    pub center: Point3<f64>,
    /// Its radius.
    pub radius_m: f64,
}

/// Tells whether a point (world, metres) is the arm's, or of what it holds.
pub type IsArm<'a> = &'a mut dyn FnMut(&Point3<f64>) -> bool;

/// What was there when the table was looked at.
#[derive(Clone, Debug, Default)]
pub struct Background {
    cells: HashSet<[i32; 3]>,
}

impl Background {
    /// Takes what a picture shows, but for the arm, for what belongs there, in place of what was taken before.
    /// Returns balls around what of it is no tracked object: things that stand there and that nobody knows.
    pub fn learn(&mut self, image: &Image, scene: &Scene, is_arm: IsArm<'_>) -> Vec<Intruder> {
        let points: Vec<Point3<f64>> = points(image).filter(|p| !is_arm(p)).collect();
        self.cells = points.iter().map(|p| cell(p, CELL_M)).collect();
        balls(points.into_iter().filter(|p| !is_object(p, scene)), image)
    }

    /// Balls around what a picture shows and was not there, is no tracked object, not the arm, and not what it works
    /// on just now. Where that is seen it belongs from now on: what was pushed or put down stays there.
    pub fn intruders(
        &mut self,
        image: &Image,
        scene: &Scene,
        is_arm: IsArm<'_>,
        is_work: impl Fn(&Point3<f64>) -> bool,
    ) -> Vec<Intruder> {
        let is_new = |p: &Point3<f64>| !self.was_there(p) && !is_object(p, scene) && !is_arm(p);
        let (work, new): (Vec<_>, Vec<_>) = points(image).filter(is_new).partition(is_work);
        self.cells.extend(work.iter().map(|p| cell(p, CELL_M)));
        balls(new.into_iter(), image)
    }

    /// Whether something was within about a cell of the point.
    fn was_there(&self, point: &Point3<f64>) -> bool {
        let at = cell(point, CELL_M);
        around(at).any(|c| self.cells.contains(&c))
    }
}

/// Points above the table, near enough to matter.
fn points(image: &Image) -> impl Iterator<Item = Point3<f64>> + '_ {
    let (width, height) = image.size();
    let eye = image.world_from_optical.origin();
    let pixels = (0..height)
        .step_by(STEP_PX)
        .flat_map(move |row| (0..width).step_by(STEP_PX).map(move |col| (col, row)));
    pixels.filter_map(|(col, row)| image.point_in_world(col, row)).filter(move |p| {
        (HEIGHTS_M[0]..HEIGHTS_M[1]).contains(&p.z) && (p - eye).norm_squared() < FARTHEST_M * FARTHEST_M
    })
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

/// Points next to each other, if they are more than noise, covered with balls.
fn balls(points: impl Iterator<Item = Point3<f64>>, image: &Image) -> Vec<Intruder> {
    let mut cells: BTreeMap<[i32; 3], Vec<Point3<f64>>> = BTreeMap::new();
    for p in points {
        cells.entry(cell(&p, TOGETHER_M)).or_default().push(p);
    }
    let mut kept: Vec<Point3<f64>> = Vec::new();
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
            kept.extend(group);
        }
    }
    let eye = image.world_from_optical.origin();
    let mut side_m = BALL_CELL_M;
    loop {
        let mut cells: BTreeMap<[i32; 3], Vec<Point3<f64>>> = BTreeMap::new();
        for p in &kept {
            cells.entry(cell(p, side_m)).or_default().push(*p);
        }
        if cells.len() <= MOST_BALLS {
            return cells.values().map(|points| ball(points, &eye)).collect();
        }
        side_m *= 2.0;
    }
}

/// The ball around some points that `eye` sees.
fn ball(points: &[Point3<f64>], eye: &Point3<f64>) -> Intruder {
    let sum: Vector3<f64> = points.iter().map(|p| p.coords).sum();
    let middle = Point3::from(sum / points.len() as f64);
    let spread = points.iter().map(|p| (p - middle).norm()).fold(0.0, f64::max);
    let deeper = (middle - eye).try_normalize(1e-9).map_or_else(Vector3::zeros, |ray| DEEPER_M * ray);
    Intruder { center: middle + deeper, radius_m: spread + DEEPER_M }
}
