//! Bowls and trays by their rim, which is seen all round whatever lies inside.

use super::cloud::{Cloud, quantile};
use super::outline::{Evidence, Outline, turned, wrap};
use super::{Explanation, POINT_SIGMA, TABLE_BAND};
use nalgebra::{Point3, Vector2, Vector3};
use types::{Detection, Shape};

/// Half the thickness of the slab in which a rim's points lie, metres.
const RIM_BAND: f64 = 0.006;
/// How far the middle of the visible rim lies inside the outer outline, metres: half a wall.
const RIM_INSET: f64 = 0.0025;
/// Points further from the expected rim than this are contents or neighbours, metres.
const REACH: f64 = 0.016;
/// The rim is looked for at so many places along it.
const SAMPLES: usize = 48;

/// What a place where no rim is seen costs: less than independent places would, since what hides one
/// hides its neighbours.
const MISSING: f64 = 0.35;

/// A bowl or tray of these dimensions.
pub(crate) fn rim(
    cloud: &Cloud<'_>,
    detection: &Detection,
    shape: Shape,
    d: Vector3<f64>,
) -> Option<Explanation> {
    let outline = match shape {
        Shape::Bowl => Outline::Disc(0.5 * d.x - RIM_INSET),
        _ => Outline::Rectangle([0.5 * d.x - RIM_INSET, 0.5 * d.y - RIM_INSET]),
    };
    let (eye, ray) = cloud.ray(detection.point_px);
    if ray.z > -0.05 {
        return None;
    }
    // First on the table; then at the height its rim is found at.
    let mut underside = 0.0;
    let mut found = None;
    for _ in 0..2 {
        let centre = eye + ray * ((underside + 0.5 * d.z - eye.z) / ray.z);
        let height = underside + d.z;
        let points = near_rim(cloud, outline, centre.xy().coords, height, found.as_ref());
        if points.len() < 12 {
            return None;
        }
        let measured = rim_height(&points, height);
        let border: Vec<Vector2<f64>> =
            points.iter().filter(|p| (p.z - measured).abs() < RIM_BAND).map(|p| p.xy().coords).collect();
        let start = found.map_or(centre.xy().coords, |(e, _): (Explanation, f64)| e.position.xy().coords);
        let evidence =
            Evidence { inside: &[], border: &border, centre: start, centre_sigma: 0.01, sigma: POINT_SIGMA };
        let placed = evidence.fit(outline);
        let yaw = outline.period().map_or(0.0, |p| wrap(placed.yaw, p));
        let (covered, error) = coverage(&border, outline, placed.centre, yaw);
        underside = (measured - d.z).max(0.0);
        let missing = (1.0 - covered) * SAMPLES as f64;
        let position = Point3::new(placed.centre.x, placed.centre.y, measured - 0.5 * d.z);
        let height_error = ((measured - d.z) / 0.003).powi(2).min(12.0);
        found = Some((
            Explanation {
                position,
                yaw,
                sigma: if covered > 0.5 { [0.003, 0.003] } else { [0.008, 0.004] },
                log_likelihood: -MISSING * missing - 0.5 * height_error - 0.5 * (error / 0.0025).powi(2),
            },
            covered,
        ));
    }
    found.filter(|(_, covered)| *covered > 0.25).map(|(e, _)| e)
}

/// Points about where the rim should be, at its height or a little under.
fn near_rim(
    cloud: &Cloud<'_>,
    outline: Outline,
    centre: Vector2<f64>,
    height: f64,
    found: Option<&(Explanation, f64)>,
) -> Vec<Point3<f64>> {
    let (centre, yaw) = found.map_or((centre, None), |(e, _)| (e.position.xy().coords, Some(e.yaw)));
    let round = |p: Vector2<f64>| match (outline, yaw) {
        (Outline::Disc(_), _) => outline.distance(p - centre).0.abs() < REACH,
        (Outline::Rectangle(_), Some(yaw)) => outline.distance(turned(p - centre, yaw)).0.abs() < REACH,
        // Without a yaw, anything between the inner and the outer circle may be rim.
        (Outline::Rectangle([a, b]), None) => {
            let r = (p - centre).norm();
            r > b - REACH && r < libm::hypot(a, b) + REACH
        }
    };
    cloud
        .points()
        .filter(|p| p.z > TABLE_BAND && (p.z - height).abs() < 0.012 && round(p.xy().coords))
        .collect()
}

/// Height of the rim: the densest slab near the expected height, then its median.
fn rim_height(points: &[Point3<f64>], expected: f64) -> f64 {
    let count = |z: f64| points.iter().filter(|p| (p.z - z).abs() < 0.004).count();
    let best = (-6..=6)
        .map(|i| expected + 0.0015 * f64::from(i))
        .max_by(|a, b| {
            // Of two equal slabs, the one nearer to what is expected.
            count(*a).cmp(&count(*b)).then((b - expected).abs().total_cmp(&(a - expected).abs()))
        })
        .unwrap_or(expected);
    let slab = points.iter().map(|p| p.z).filter(|z| (z - best).abs() < 0.005).collect();
    quantile(slab, 0.5).unwrap_or(expected)
}

/// What share of the rim is seen, and the median distance of its points from it.
fn coverage(border: &[Vector2<f64>], outline: Outline, centre: Vector2<f64>, yaw: f64) -> (f64, f64) {
    let own: Vec<Vector2<f64>> = border.iter().map(|p| turned(p - centre, yaw)).collect();
    let on_it = |p: &Vector2<f64>| outline.distance(*p).0.abs() < 0.007;
    let errors = own.iter().filter(|p| on_it(p)).map(|p| outline.distance(*p).0.abs()).collect();
    let places = outline.perimeter(SAMPLES);
    let seen = places.iter().filter(|at| own.iter().any(|p| (p - *at).norm() < 0.008));
    (seen.count() as f64 / SAMPLES as f64, quantile(errors, 0.5).unwrap_or(1.0))
}
