//! A detection to an object in the world: depth and lens give points, the table of dimensions gives the
//! shape to look for among them.
//!
//! Solids are placed by their top face (a flat region of the object's colour around where the middle of
//! its top must be) and the side faces that hang from it, balls by their sphere, containers by their rim.
//! Which shape and which of the two sizes it is, depth often says more surely than the picture; both are
//! weighed together.

mod body;
mod cloud;
mod container;
mod outline;
mod solid;

use cloud::Cloud;
use nalgebra::{Matrix3, Point3, Vector3};
use types::{Detection, Image, Shape, Size};

/// An object in the world as one picture shows it. Metres, radians.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifted {
    /// Centre of its bounding box.
    pub position: Point3<f64>,
    /// Rotation of its longer side about the world's z: in [−π/2, π/2), for a cube in [−π/4, π/4), zero
    /// for what is round.
    pub yaw: f64,
    /// Outer dimensions along its own x, y, z (z up): the table's, turned if it has fallen over.
    pub dimensions: Vector3<f64>,
    /// Covariance of `position`, m².
    pub covariance: Matrix3<f64>,
    /// Probability of each colour.
    pub color: [f32; 8],
    /// Probability of each shape, the measured surface taken in.
    pub shape: [f32; 6],
    /// Probability of each size, the measured extents taken in.
    pub size: [f32; 2],
}

/// By how much a box is widened before points are taken from it, in widths of the picture.
const MARGIN: f32 = 0.012;
/// Points below this height are table, metres.
pub(crate) const TABLE_BAND: f64 = 0.006;
/// Standard deviation of a measured distance, metres: two millimetres of depth noise and half a pixel.
pub(crate) const POINT_SIGMA: f64 = 0.003;

/// One shape's and size's explanation of the points.
#[derive(Clone, Debug)]
pub(crate) struct Explanation {
    pub(crate) position: Point3<f64>,
    pub(crate) yaw: f64,
    /// Standard deviation of the position in the plane and along z, metres.
    pub(crate) sigma: [f64; 2],
    /// Logarithm of how likely the points are, up to a constant common to all shapes and sizes.
    pub(crate) log_likelihood: f64,
}

/// Places a detection in the world; `None` when there is no usable depth (B28), the box is outside the
/// picture, or the points look like no object of the detected shape.
#[must_use]
pub fn lift(image: &Image, detection: &Detection) -> Option<Lifted> {
    let numbers = detection.box_px.iter().chain(&detection.point_px);
    if !numbers.into_iter().all(|v| v.is_finite()) {
        return None;
    }
    let cloud = Cloud::new(image, detection.box_px, MARGIN * image.size().0 as f32)?;
    let is_container = Shape::ALL[argmax(&detection.shape)].is_container();
    let own = solid::own_points(&cloud, detection);
    let mut found: Vec<Hypothesis> = Vec::new();
    for shape in Shape::ALL.iter().copied().filter(|s| s.is_container() == is_container) {
        let p_shape = f64::from(detection.shape[shape.index()]);
        if p_shape < UNTHINKABLE {
            continue;
        }
        for size in Size::ALL.iter().copied() {
            let explained = explain(&cloud, detection, &own, shape, shape.dimensions(size));
            let Some((explanation, dimensions)) = explained else { continue };
            // The picture's own opinion never weighs more than two hundred to one.
            let prior = |p: f64| libm::log(p.clamp(0.005, 0.995));
            let opinion = prior(p_shape) + prior(f64::from(detection.size[size.index()]));
            let score = opinion + MEASURED * explanation.log_likelihood;
            found.push(Hypothesis { shape, size, score, explanation, dimensions });
        }
    }
    let best = found.iter().max_by(|a, b| a.score.total_cmp(&b.score))?;
    let (mut shape, mut size) = ([0.0f32; 6], [0.0f32; 2]);
    for h in &found {
        let p = libm::exp(h.score - best.score) as f32;
        shape[h.shape.index()] += p;
        if h.shape == best.shape {
            size[h.size.index()] += p;
        }
    }
    let cut_off = is_cut_off(image, detection);
    let [xy, z] = best.explanation.sigma.map(|s| if cut_off { s.max(CUT_OFF_SIGMA) } else { s });
    Some(Lifted {
        position: best.explanation.position,
        yaw: best.explanation.yaw,
        dimensions: best.dimensions,
        covariance: Matrix3::from_diagonal(&Vector3::new(xy * xy, xy * xy, z * z)),
        color: detection.color,
        shape: unsure(shape),
        size: unsure(size),
    })
}

/// What a detection might be, and how well that explains picture and points together.
struct Hypothesis {
    shape: Shape,
    size: Size,
    score: f64,
    explanation: Explanation,
    dimensions: Vector3<f64>,
}

/// How much the measured surface counts beside the picture's opinion, which has seen the same depths: on
/// what is partly hidden it errs more often than the picture does.
const MEASURED: f64 = 0.3;

/// Position uncertainty of what the picture's edge cuts off, however well the rest fits, metres.
const CUT_OFF_SIGMA: f64 = 0.008;

/// Whether the detection's box ends at the picture's edge: within 0.01 of its width.
fn is_cut_off(image: &Image, detection: &Detection) -> bool {
    let (w, h) = image.size();
    let near = 0.01 * w as f32;
    let [left, upper, right, lower] = detection.box_px;
    left < near || upper < near || right > w as f32 - near || lower > h as f32 - near
}

/// A shape that the picture holds for less probable than this is not tried.
const UNTHINKABLE: f64 = 0.008;

/// Makes probabilities of weights, none quite zero or one, so that a later picture can still speak.
fn unsure<const N: usize>(weights: [f32; N]) -> [f32; N] {
    const LEAST: f32 = 0.005;
    let sum: f32 = weights.iter().sum();
    weights.map(|w| w / sum * (1.0 - LEAST * N as f32) + LEAST)
}

/// The best explanation of the points by one size of a shape, and the dimensions as it lies.
fn explain(
    cloud: &Cloud<'_>,
    detection: &Detection,
    own: &[Point3<f64>],
    shape: Shape,
    d: Vector3<f64>,
) -> Option<(Explanation, Vector3<f64>)> {
    /// With a better explanation than this nobody asks whether it has fallen over.
    const GOOD: f64 = -5.0;
    match shape {
        Shape::Ball => solid::ball(cloud, detection, own, d).map(|e| (e, d)),
        Shape::Bowl | Shape::Tray => container::rim(cloud, detection, shape, d).map(|e| (e, d)),
        Shape::Cube | Shape::Box | Shape::Cylinder => {
            let mut best: Option<(Explanation, Vector3<f64>)> = None;
            for pose in solid::poses(shape, d) {
                if let Some(e) = solid::block(cloud, detection, own, &pose)
                    && best.as_ref().is_none_or(|(b, _)| e.log_likelihood > b.log_likelihood)
                {
                    best = Some((e, pose.d));
                }
                if best.as_ref().is_some_and(|(b, _)| b.log_likelihood > GOOD) {
                    break;
                }
            }
            best
        }
    }
}

/// Index of the largest number (of the first one of equals).
pub(crate) fn argmax(p: &[f32]) -> usize {
    (0..p.len()).fold(0, |best, i| if p[i] > p[best] { i } else { best })
}

/// How likely it is that something has its underside at this height, metres: on the table or on a
/// container's floor most likely, on top of another object less so, inside the table not at all.
pub(crate) fn support_log_likelihood(underside: f64) -> f64 {
    /// Heights of the floors and tops that things rest on, with what they cost.
    const SUPPORTS: [(f64, f64); 9] = [
        (0.0, 0.0),
        (0.004, -0.5),
        (0.026, -2.0),
        (0.034, -2.0),
        (0.038, -2.0),
        (0.050, -2.0),
        (0.052, -2.0),
        (0.068, -3.0),
        (0.076, -3.0),
    ];
    const SIGMA: f64 = 0.003;
    let near = |(height, cost): &(f64, f64)| {
        let z = (underside - height) / SIGMA;
        cost - 0.5 * z * z
    };
    // Higher stacks end anywhere.
    let anywhere: f64 = if underside > -2.0 * SIGMA { -6.0 } else { -20.0 };
    SUPPORTS.iter().map(near).fold(anywhere, f64::max)
}
