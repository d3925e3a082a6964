//! Cubes, boxes and cylinders by their top face and sides; balls by their sphere.

use super::body::Body;
use super::cloud::{Cloud, Seen, quantile};
use super::outline::{Evidence, Outline, turned, wrap};
use super::{Explanation, POINT_SIGMA, TABLE_BAND, support_log_likelihood};
use core::f64::consts::PI;
use nalgebra::{Matrix3, Point3, Vector2, Vector3};
use types::{Color, Detection, Shape};

/// Half the thickness of the slab in which a top face's points lie, metres.
const TOP_BAND: f64 = 0.006;
/// Standard deviation of the logarithm of a top face's area when all of it is seen.
const AREA_SIGMA: f64 = 0.15;
/// The same towards smaller areas: part of it may be hidden.
const HIDDEN_AREA_SIGMA: f64 = 0.40;
/// Position uncertainty of what is partly hidden, metres.
const HIDDEN_SIGMA: f64 = 0.008;

/// How far off the ray through the detected centre an object's centre typically is, metres.
const RAY_SIGMA: f64 = 0.005;
/// A top face further from the ray than this belongs to another object, metres.
const WRONG_TOP: f64 = 0.016;

/// Where the ray through the detection's point meets the middle of a body whose surface it enters at
/// the measured depth: half the way through a body of this height.
fn first_guess(cloud: &Cloud<'_>, detection: &Detection, height: f64) -> Option<Point3<f64>> {
    let surface = cloud.median_at(detection.point_px)?;
    let (eye, ray) = cloud.ray(detection.point_px);
    let steep = (-ray.z).max(0.4);
    let inside = surface.at + ray * (0.5 * height / steep);
    // If it seems to stand on the table, it does.
    if (inside.z - 0.5 * height).abs() < 0.010 && ray.z < -0.05 {
        return Some(eye + ray * ((0.5 * height - eye.z) / ray.z));
    }
    Some(inside)
}

/// How a solid lies: the outline seen from above, its height, and the area of the part of its top that
/// is within [`TOP_BAND`] of the highest point.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Pose {
    outline: Outline,
    body: Body,
    area: f64,
    /// Dimensions along its own axes as it lies: z up, x the longer side.
    pub(crate) d: Vector3<f64>,
    /// How much less likely it is to lie so, logarithm.
    pub(crate) penalty: f64,
}

/// How a cube, box or cylinder of the table's dimensions may lie, as it should first.
pub(crate) fn poses(shape: Shape, d: Vector3<f64>) -> Vec<Pose> {
    /// A thing that has fallen over is rarer than one that has not.
    const TIPPED: f64 = -3.0;
    let flat = |x: f64, y: f64, z: f64, penalty: f64| Pose {
        outline: Outline::Rectangle([0.5 * x, 0.5 * y]),
        body: Body::Cuboid(0.5 * Vector3::new(x, y, z)),
        area: x * y,
        d: Vector3::new(x, y, z),
        penalty,
    };
    match shape {
        Shape::Cylinder => {
            let r = 0.5 * d.x;
            let half_length = 0.5 * d.z;
            let body = Body::Standing(r, half_length);
            let upright = Pose { outline: Outline::Disc(r), body, area: PI * r * r, d, penalty: 0.0 };
            // Of a lying one, the top is a strip.
            let half = libm::sqrt(r * r - (r - TOP_BAND) * (r - TOP_BAND));
            let lying = flat(d.z, d.x, d.x, TIPPED);
            let body = Body::Lying(r, half_length);
            vec![upright, Pose { area: 2.0 * half * d.z, body, ..lying }]
        }
        Shape::Box => {
            let end = flat(d.y.max(d.z), d.y.min(d.z), d.x, TIPPED - 1.0);
            vec![flat(d.x, d.y, d.z, 0.0), flat(d.x, d.z, d.y, TIPPED), end]
        }
        _ => vec![flat(d.x, d.y, d.z, 0.0)],
    }
}

/// A solid that lies so.
pub(crate) fn block(
    cloud: &Cloud<'_>,
    detection: &Detection,
    own: &[Point3<f64>],
    pose: &Pose,
) -> Option<Explanation> {
    let Pose { outline, body, area, d, penalty } = *pose;
    let guess = first_guess(cloud, detection, d.z)?;
    let seed = cloud.cell_of(guess + Vector3::z() * (0.5 * d.z))?;
    let color = cloud.median_near(seed)?;
    let mut height = color.at.z;
    if height < TABLE_BAND {
        return None;
    }
    let mut face = cloud.flat_region(seed, height, TOP_BAND, &color);
    for _ in 0..2 {
        height = quantile(cloud.at(&face).iter().map(|p| p.z).collect(), 0.5)?;
        face = cloud.flat_region(seed, height, TOP_BAND, &color);
    }
    // What is of the same colour and height beside it is another object: its top is about the ray.
    let (eye, ray) = cloud.ray(detection.point_px);
    let reach = 0.5 * d.xy().norm() + 0.008;
    let z = height - 0.5 * d.z;
    let expected = eye + ray * ((z - eye.z) / ray.z.min(-0.05));
    let mut top = cloud.at(&face);
    top.retain(|p| (p - expected).xy().norm() < reach);
    let seen = top.len() as f64 * cloud.cell_area(*top.first()?)? / area;
    let painted_below = paint_below(cloud, detection, &color).map(|(_, paint)| paint);
    let is_covered = painted_below.is_some() || seen < 0.3 || height > guess.z + 0.5 * d.z + 0.012;
    if is_covered {
        return covered(cloud, detection, own, pose, painted_below.unwrap_or(color));
    }
    let bottom = (height - d.z + 0.004).max(TABLE_BAND);
    let middle = mean(&top)?;
    let border: Vec<Vector2<f64>> = cloud
        .at(&cloud.sides(&face, bottom, height - TOP_BAND, &color))
        .iter()
        .map(|p| p.xy().coords)
        .filter(|p| (p - middle).norm() < reach)
        .collect();
    let inside: Vec<Vector2<f64>> = top.iter().map(|p| p.xy().coords).collect();
    // The mean of a face that is seen whole is its centre; of a part of it, only about so.
    let centre_sigma = if seen > 0.75 { 0.0015 } else { 0.3 * d.y * (1.0 - seen) };
    let evidence =
        Evidence { inside: &inside, border: &border, centre: middle, centre_sigma, sigma: POINT_SIGMA };
    let placed = evidence.fit(outline);
    let area_error = libm::log(seen);
    let area_sigma = if area_error > 0.0 { AREA_SIGMA } else { HIDDEN_AREA_SIGMA };
    // Far from the ray through the detected centre, it is the top of something else.
    let off = (Point3::new(placed.centre.x, placed.centre.y, z) - eye).cross(&ray).norm();
    if off > WRONG_TOP {
        return covered(cloud, detection, own, pose, painted_below.unwrap_or(color));
    }
    let position = Point3::new(placed.centre.x, placed.centre.y, z);
    let yaw = outline.period().map_or(0.0, |p| wrap(placed.yaw, p));
    Some(Explanation {
        position,
        yaw,
        sigma: if seen > 0.75 { [0.002, 0.002] } else { [0.005, 0.003] },
        log_likelihood: penalty + support_log_likelihood(z - 0.5 * d.z)
            - 0.5 * (area_error / area_sigma).powi(2).min(40.0)
            - 0.5 * (off / RAY_SIGMA).powi(2)
            + body.log_likelihood(own, position, yaw),
    })
}

/// Thickness of a container's floor, metres.
const BASE: f64 = 0.004;
/// Heights at which the underside of something that is covered is looked for, metres: the table, floors,
/// tops of one and two objects.
const UNDERSIDES: [f64; 11] = [0.0, BASE, 0.026, 0.034, 0.038, 0.050, 0.060, 0.068, 0.076, 0.084, 0.100];

/// What is measured on the ray is no further from the centre of a covered object than this, metres.
const STACK: f64 = 0.13;

/// Where the lower part of a box shows another paint than the supposed top, and one that suits the
/// detected colour better: that paint. Then the top belongs to something that lies on the object.
fn paint_below(cloud: &Cloud<'_>, detection: &Detection, top: &Seen) -> Option<(usize, Seen)> {
    let [left, upper, right, lower] = detection.box_px;
    let cell = cloud.cell_at([0.5 * (left + right), lower - 0.2 * (lower - upper)])?;
    let below = cloud.median_near(cell)?;
    let color = Color::ALL[super::argmax(&detection.color)];
    (!below.is_same_paint(top) && below.suits(color) > top.suits(color)).then_some((cell, below))
}

/// Something lies on it, so that its top says nothing: its centre is on the ray, at the height at which
/// the most of its visible sides are where they should be.
fn covered(
    cloud: &Cloud<'_>,
    detection: &Detection,
    own: &[Point3<f64>],
    pose: &Pose,
    paint: Seen,
) -> Option<Explanation> {
    let Pose { outline, body, d, penalty, .. } = *pose;
    let surface = cloud.median_at(detection.point_px)?;
    let (eye, ray) = cloud.ray(detection.point_px);
    if ray.z > -0.05 {
        return None;
    }
    let reach = 0.5 * d.xy().norm() + 0.006;
    let mut best: Option<(f64, Explanation)> = None;
    for underside in UNDERSIDES {
        // What is covered is rarely in a container at the same time.
        let floor = if underside == BASE { 8.0 } else { 0.0 };
        let (low, high) = ((underside + 0.003).max(TABLE_BAND), underside + d.z - 0.003);
        let guess = eye + ray * ((underside + 0.5 * d.z - eye.z) / ray.z);
        if (guess - surface.at).norm() > STACK {
            continue;
        }
        let centre = guess.xy().coords;
        let border: Vec<Vector2<f64>> = cloud
            .points_like(paint)
            .filter(|p| p.z > low && p.z < high)
            .map(|p| p.xy().coords)
            .filter(|p| (p - centre).norm() < reach)
            .collect();
        let evidence =
            Evidence { inside: &[], border: &border, centre, centre_sigma: 0.004, sigma: POINT_SIGMA };
        let placed = evidence.fit(outline);
        let yaw = outline.period().map_or(0.0, |p| wrap(placed.yaw, p));
        let on_it =
            border.iter().filter(|p| outline.distance(turned(*p - placed.centre, yaw)).0.abs() < 0.005);
        // Points that should not be there count against it, half as much.
        let n = on_it.count() as f64;
        let score = n - 0.5 * (border.len() as f64 - n) + 3.0 * support_log_likelihood(underside) - floor;
        if n >= 5.0 && best.as_ref().is_none_or(|(s, _)| score > *s) {
            let position = Point3::new(placed.centre.x, placed.centre.y, guess.z);
            // Never as good an explanation as a top that is seen and fits.
            let log_likelihood = penalty - 10.0
                + 0.3 * support_log_likelihood(underside)
                + (0.05 * score).min(5.0)
                + body.log_likelihood(own, position, yaw);
            let sigma = [HIDDEN_SIGMA, HIDDEN_SIGMA];
            best = Some((score, Explanation { position, yaw, sigma, log_likelihood }));
        }
    }
    best.map(|(_, e)| e)
}

/// A ball of these dimensions: least squares on the distances from its centre, far points weighed down.
pub(crate) fn ball(
    cloud: &Cloud<'_>,
    detection: &Detection,
    own: &[Point3<f64>],
    d: Vector3<f64>,
) -> Option<Explanation> {
    const ROUNDS: usize = 12;
    let radius = 0.5 * d.z;
    let surface = cloud.median_at(detection.point_px)?;
    let (_, ray) = cloud.ray(detection.point_px);
    let guess = surface.at + ray * radius;
    let points: Vec<Point3<f64>> = cloud
        .points()
        .filter(|p| p.z > TABLE_BAND && (p - guess).norm() < radius + 0.008)
        // What faces the camera; the shadowed side of a bowl behind it is none of the ball.
        .filter(|p| (p - guess).dot(&ray) < 0.3 * radius)
        .collect();
    if points.len() < 8 {
        return None;
    }
    let mut centre = guess;
    for _ in 0..ROUNDS {
        // The picture says where across the ray the centre is, to about a pixel.
        let across = Matrix3::identity() - ray * ray.transpose();
        let mut normal = across / (0.004 * 0.004) + Matrix3::identity() * 1.0;
        let mut right = across * (guess - centre) / (0.004 * 0.004);
        for p in &points {
            let out = p - centre;
            let length = out.norm().max(1e-6);
            let error = length - radius;
            let sigmas = (error / POINT_SIGMA).abs();
            let weight = if sigmas > 2.5 { 2.5 / sigmas } else { 1.0 } / (POINT_SIGMA * POINT_SIGMA);
            let n = out / length;
            normal += n * n.transpose() * weight;
            right += n * (error * weight);
        }
        let step = normal.cholesky()?.solve(&right);
        centre += step;
        if step.norm() < 1e-5 {
            break;
        }
    }
    // How many points there should be: the disc that the camera sees.
    let cell = cloud.cell_area(centre)? * (-ray.z).max(0.2);
    let seen = points.len() as f64 * cell / (PI * radius * radius);
    let area_error = libm::log(seen.max(0.05));
    let area_sigma = if area_error > 0.0 { AREA_SIGMA } else { HIDDEN_AREA_SIGMA };
    Some(Explanation {
        position: centre,
        yaw: 0.0,
        sigma: if seen > 0.5 { [0.002, 0.002] } else { [0.005, 0.004] },
        log_likelihood: support_log_likelihood(centre.z - radius)
            - 0.5 * (area_error / area_sigma).powi(2).min(40.0)
            + Body::Sphere(radius).log_likelihood(own, centre, 0.0),
    })
}

/// The points that are likely the object's own: connected and of the paint at its middle (or at its
/// lower part, if something else lies on it), not far from the ray through its centre.
pub(crate) fn own_points(cloud: &Cloud<'_>, detection: &Detection) -> Vec<Point3<f64>> {
    let Some(middle) = cloud.median_at(detection.point_px) else { return Vec::new() };
    let points = match paint_below(cloud, detection, &middle) {
        Some((cell, paint)) => cloud.painted_region(cell, &paint),
        None => cloud.cell_at(detection.point_px).map_or_else(Vec::new, |c| cloud.painted_region(c, &middle)),
    };
    let near = |p: &Point3<f64>| p.z > TABLE_BAND && (p - middle.at).norm() < STACK;
    cloud.at(&points).into_iter().filter(near).collect()
}

fn mean(points: &[Point3<f64>]) -> Option<Vector2<f64>> {
    let sum: Vector2<f64> = points.iter().map(|p| p.xy().coords).sum();
    (!points.is_empty()).then(|| sum / points.len() as f64)
}
