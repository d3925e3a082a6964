//! Convex solids and the signed distance of two of them.
//!
//! A solid is a core (point, segment, cylinder, cuboid or the corners of a hull) and a radius about
//! it, so that balls and capsules are exact as long as their cores do not meet. Two segments are
//! compared in closed form, everything else by GJK and, where cores overlap, EPA. Distances are good to
//! a micrometre, depths of overlapping round cores to some ten.

use super::cover::Outline;
use super::epa;
use super::gjk::{self, Difference, Found, Seed, Support};
use crate::model::GeomShape;
use nalgebra::{Isometry3, Point3, Vector3};
use types::Rejection;

/// The largest size that is no mistake, metres.
const LARGEST_M: f64 = 1e3;

#[derive(Clone, Debug, PartialEq)]
enum Core {
    Point,
    Segment { half_length: f64 },
    Cylinder { radius: f64, half_length: f64 },
    Cuboid { half: Vector3<f64> },
    Points { points: Vec<Point3<f64>> },
}

/// A convex solid, ready for queries.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Solid {
    core: Core,
    /// Rounding about the core, metres.
    radius: f64,
    /// Middle of its bounds in its own frame.
    pub(super) center: Point3<f64>,
    /// Half the sides of the box about `center` that it fits in.
    half: Vector3<f64>,
    /// Radius of the ball about `center` that it fits in.
    pub(super) reach: f64,
}

/// How far two solids are apart.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Separation {
    /// Signed distance, metres; negative is depth of penetration.
    pub distance: f64,
    /// The nearest (or deepest) point of the first, in the frame that the poses were given in.
    pub point_on_first: Point3<f64>,
    /// The nearest (or deepest) point of the second.
    pub point_on_second: Point3<f64>,
}

impl Support for Core {
    fn support(&self, d: &Vector3<f64>) -> Vector3<f64> {
        match self {
            Self::Point => Vector3::zeros(),
            Self::Segment { half_length } => Vector3::new(0.0, 0.0, half_length.copysign(d.z)),
            Self::Cylinder { radius, half_length } => {
                let across = (d.x * d.x + d.y * d.y).sqrt();
                let k = if across > 0.0 { radius / across } else { 0.0 };
                Vector3::new(k * d.x, k * d.y, half_length.copysign(d.z))
            }
            Self::Cuboid { half } => {
                Vector3::new(half.x.copysign(d.x), half.y.copysign(d.y), half.z.copysign(d.z))
            }
            Self::Points { points } => {
                let mut best = (f64::NEG_INFINITY, Vector3::zeros());
                for p in points {
                    let along = p.coords.dot(d);
                    if along > best.0 {
                        best = (along, p.coords);
                    }
                }
                best.1
            }
        }
    }
}

impl Solid {
    /// Prepares a shape.
    ///
    /// # Errors
    /// A [`Rejection`] of `field` for a size that is negative, not finite or beyond a kilometre, and
    /// for a hull without corners.
    pub(super) fn new(field: &str, shape: &GeomShape) -> Result<Self, Rejection> {
        let size = |what: &str, v: f64| {
            if v.is_finite() && (0.0..=LARGEST_M).contains(&v) {
                Ok(v)
            } else {
                let expected = format!("0 to {LARGEST_M} m");
                Err(Rejection::new(format!("{field}.{what}"), expected, v.to_string()))
            }
        };
        let origin = Point3::origin();
        Ok(match shape {
            GeomShape::Sphere { radius } => {
                let r = size("radius", *radius)?;
                Self { core: Core::Point, radius: r, center: origin, half: Vector3::repeat(r), reach: r }
            }
            GeomShape::Capsule { radius, half_length } => {
                let (r, l) = (size("radius", *radius)?, size("half_length", *half_length)?);
                let half = Vector3::new(r, r, l + r);
                let core = Core::Segment { half_length: l };
                Self { core, radius: r, center: origin, half, reach: l + r }
            }
            GeomShape::Cylinder { radius, half_length } => {
                let (r, l) = (size("radius", *radius)?, size("half_length", *half_length)?);
                let core = Core::Cylinder { radius: r, half_length: l };
                Self {
                    core,
                    radius: 0.0,
                    center: origin,
                    half: Vector3::new(r, r, l),
                    reach: libm::hypot(r, l),
                }
            }
            GeomShape::Cuboid { half } => {
                for v in half {
                    size("half", *v)?;
                }
                let core = Core::Cuboid { half: *half };
                Self { core, radius: 0.0, center: origin, half: *half, reach: half.norm() }
            }
            GeomShape::Hull { points, .. } => {
                let Some(first) = points.first() else {
                    return Err(Rejection::new(format!("{field}.points"), "at least one corner", "none"));
                };
                for p in points {
                    for v in &p.coords {
                        size("points", v.abs())?;
                    }
                }
                let (lo, hi) = points.iter().fold((*first, *first), |(lo, hi), p| (lo.inf(p), hi.sup(p)));
                let center = nalgebra::center(&lo, &hi);
                let reach = points.iter().fold(0.0f64, |m, p| m.max((p - center).norm()));
                let points = points.clone();
                Self { core: Core::Points { points }, radius: 0.0, center, half: (hi - lo) * 0.5, reach }
            }
        })
    }

    /// What is known of its form without its corners.
    pub(super) fn outline(&self) -> Outline {
        match &self.core {
            Core::Point => Outline::Round { radius: self.radius, half_length: 0.0 },
            Core::Segment { half_length } => {
                Outline::Round { radius: self.radius, half_length: *half_length }
            }
            Core::Cylinder { radius, half_length } => {
                Outline::Cylinder { radius: *radius, half_length: *half_length }
            }
            Core::Cuboid { half } => Outline::Cuboid { half: *half },
            Core::Points { .. } => Outline::Within { center: self.center, half: self.half },
        }
    }

    /// Distance of a point from the box of the solid, which stands at `pose`; zero inside.
    pub(super) fn box_distance(&self, pose: &Isometry3<f64>, point: &Point3<f64>) -> f64 {
        let local = pose.inverse_transform_point(point) - self.center;
        (local.abs() - self.half).map(|v| v.max(0.0)).norm()
    }
}

/// Whether bounds alone show that two solids are more than `beyond` apart; `centers` are those of
/// their bounds in the common frame.
pub(super) fn far_apart(
    (a, a_pose, a_center): (&Solid, &Isometry3<f64>, &Point3<f64>),
    (b, b_pose, b_center): (&Solid, &Isometry3<f64>, &Point3<f64>),
    beyond: f64,
) -> bool {
    // Bounds say nothing of how deep two solids are in each other.
    let beyond = beyond.max(0.0);
    let between = a.reach + b.reach + beyond;
    if (a_center - b_center).norm_squared() > between * between {
        return true;
    }
    b.box_distance(b_pose, a_center) > a.reach + beyond || a.box_distance(a_pose, b_center) > b.reach + beyond
}

/// What a comparison of two solids finds.
#[derive(Copy, Clone, Debug)]
pub(super) enum Gap {
    /// They are farther apart than was asked for, and at least so far, metres.
    Beyond(f64),
    /// Their signed distance, metres.
    Of(f64),
}

/// A solid, its pose, and the middle of its bounds in the common frame.
pub(super) type Part<'a> = (&'a Solid, &'a Isometry3<f64>, &'a Point3<f64>);

/// How far apart two solids are, where it is not more than `beyond`; bounds are looked at first.
pub(super) fn gap(a: Part<'_>, b: Part<'_>, beyond: f64) -> Gap {
    gap_again(a, b, beyond, None)
}

/// The same of two that were compared before, from where that has ended; and keeps where this has.
pub(super) fn gap_again(
    (a, a_pose, a_center): Part<'_>,
    (b, b_pose, b_center): Part<'_>,
    beyond: f64,
    seed: Option<&mut Seed>,
) -> Gap {
    // Bounds say nothing of how deep two solids are in each other.
    let least = beyond.max(0.0);
    let balls = (a_center - b_center).norm() - a.reach - b.reach;
    if balls > least {
        return Gap::Beyond(balls);
    }
    let of_b = b.box_distance(b_pose, a_center) - a.reach;
    if of_b > least {
        return Gap::Beyond(of_b);
    }
    let of_a = a.box_distance(a_pose, b_center) - b.reach;
    if of_a > least {
        return Gap::Beyond(of_a);
    }
    match separation_or_bound((a, a_pose), (b, b_pose), beyond, seed) {
        Ok(s) => Gap::Of(s.distance),
        Err(bound) => Gap::Beyond(bound),
    }
}

/// Signed distance of two solids, and where; `None` when it is more than `beyond`. Poses must be finite.
pub(super) fn separation(
    a: &Solid,
    a_pose: &Isometry3<f64>,
    b: &Solid,
    b_pose: &Isometry3<f64>,
    beyond: f64,
) -> Option<Separation> {
    separation_or_bound((a, a_pose), (b, b_pose), beyond, None).ok()
}

/// The same; where it is more, a bound of how much.
fn separation_or_bound(
    (a, a_pose): (&Solid, &Isometry3<f64>),
    (b, b_pose): (&Solid, &Isometry3<f64>),
    beyond: f64,
    seed: Option<&mut Seed>,
) -> Result<Separation, f64> {
    let radii = a.radius + b.radius;
    let (pa, pb, normal, core_distance) = match (segment_of(&a.core), segment_of(&b.core)) {
        (Some(la), Some(lb)) => segments(a_pose, la, b_pose, lb),
        _ => cores((&a.core, a_pose), (&b.core, b_pose), beyond + radii, seed)
            .map_err(|bound| bound - radii)?,
    };
    let distance = core_distance - radii;
    if distance > beyond {
        return Err(distance);
    }
    Ok(Separation {
        distance,
        point_on_first: pa + normal * a.radius,
        point_on_second: pb - normal * b.radius,
    })
}

/// Whether two solids have no more than `margin` (zero or more) between them, as [`separation`] finds it; how
/// deep they are in each other is not looked for.
pub(super) fn is_within(
    (a, a_pose): (&Solid, &Isometry3<f64>),
    (b, b_pose): (&Solid, &Isometry3<f64>),
    margin: f64,
) -> bool {
    let radii = a.radius + b.radius;
    let core_distance = match (segment_of(&a.core), segment_of(&b.core)) {
        (Some(la), Some(lb)) => segments(a_pose, la, b_pose, lb).3,
        _ => {
            let a_from_b = a_pose.inv_mul(b_pose);
            let difference = Difference { a: &a.core, b: &b.core, a_from_b: &a_from_b };
            match gjk::distance(&difference, margin + radii, &mut difference.first()) {
                Found::Beyond(_) => return false,
                Found::Apart(pa, pb) => (pb - pa).norm(),
                Found::Meeting => return true,
            }
        }
    };
    core_distance - radii - margin < f64::MIN_POSITIVE
}

fn segment_of(core: &Core) -> Option<f64> {
    match core {
        Core::Point => Some(0.0),
        Core::Segment { half_length } => Some(*half_length),
        _ => None,
    }
}

type Nearest = (Point3<f64>, Point3<f64>, Vector3<f64>, f64);

/// Nearest points of two segments along z (Ericson, Real-Time Collision Detection, 2005, 5.1.9).
fn segments(a_pose: &Isometry3<f64>, a_half: f64, b_pose: &Isometry3<f64>, b_half: f64) -> Nearest {
    let (u, v) = (a_pose.rotation * Vector3::z(), b_pose.rotation * Vector3::z());
    let (p, q) = (Point3::from(a_pose.translation.vector), Point3::from(b_pose.translation.vector));
    let r = p - q;
    let (along, c, f) = (u.dot(&v), u.dot(&r), v.dot(&r));
    let slant = 1.0 - along * along;
    let mut s = if slant > 1e-12 { ((along * f - c) / slant).clamp(-a_half, a_half) } else { 0.0 };
    let t = (along * s + f).clamp(-b_half, b_half);
    s = (along * t - c).clamp(-a_half, a_half);
    let (pa, pb) = (p + u * s, q + v * t);
    let gap = pb - pa;
    let distance = gap.norm();
    let normal = if distance > 1e-12 {
        gap / distance
    } else {
        // The cores cross: away along whatever is square to both.
        u.cross(&v).try_normalize(1e-9).unwrap_or_else(Vector3::x)
    };
    (pa, pb, normal, distance)
}

/// Nearest points of two cores, or deepest ones; where they are more than `beyond` apart, a bound of how far.
fn cores(
    (a, a_pose): (&Core, &Isometry3<f64>),
    (b, b_pose): (&Core, &Isometry3<f64>),
    beyond: f64,
    seed: Option<&mut Seed>,
) -> Result<Nearest, f64> {
    let a_from_b = a_pose.inv_mul(b_pose);
    let difference = Difference { a, b, a_from_b: &a_from_b };
    let mut simplex = seed.as_deref().map_or_else(|| difference.first(), |seed| difference.again(seed));
    let found = match seed {
        Some(seed) => gjk::distance_again(&difference, beyond.max(0.0), seed, &mut simplex),
        None => gjk::distance(&difference, beyond.max(0.0), &mut simplex),
    };
    let (pa, pb, n, distance) = match found {
        Found::Beyond(bound) => return Err(bound),
        Found::Apart(pa, pb) => {
            let gap = pb - pa;
            let distance = gap.norm();
            (pa, pb, gap / distance, distance)
        }
        Found::Meeting => {
            let d = epa::depth(&difference, &simplex);
            (d.on_a, d.on_b, d.normal, -d.depth)
        }
    };
    let (pa, pb) = (a_pose * Point3::from(pa), a_pose * Point3::from(pb));
    Ok((pa, pb, a_pose.rotation * n, distance))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// Along walks in small steps and leaps, apart, touching and in each other: from where the last comparison has ended
    /// comes what comes from nowhere, as good as distances are, and never more than there is.
    #[test]
    fn a_comparison_that_goes_on_finds_what_one_finds_that_begins() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let mut found = [0; 3];
        for round in 0..300 {
            let mut solid = |kind: u32| {
                let mut size = || rng.random_range(0.01..0.2);
                let shape = match kind {
                    0 => GeomShape::Cuboid { half: Vector3::new(size(), size(), size()) },
                    1 => GeomShape::Cylinder { radius: size(), half_length: size() },
                    2 => GeomShape::Capsule { radius: size(), half_length: size() },
                    _ => GeomShape::Cuboid { half: Vector3::new(size(), 0.0, 1e-4) },
                };
                Solid::new("solid", &shape).expect("a solid")
            };
            let (a, b) = (solid(round % 4), solid(round / 4 % 4));
            let mut seed = Seed::NONE;
            let (mut at, mut turn) = (Vector3::new(0.3, 0.1, 0.0), Vector3::zeros());
            for k in 0..200 {
                let step = if k % 40 == 0 { 0.3 } else { 2e-3 };
                at += Vector3::from_fn(|_, _| rng.random_range(-step..step)) - 0.01 * at;
                turn += Vector3::from_fn(|_, _| rng.random_range(-step..step));
                let (a_pose, b_pose) = (Isometry3::identity(), Isometry3::new(at, turn));
                let (a_center, b_center) = (a.center, b_pose * b.center);
                let (this, that) = ((&a, &a_pose, &a_center), (&b, &b_pose, &b_center));
                let truth = separation(&a, &a_pose, &b, &b_pose, f64::MAX).expect("a distance").distance;
                let beyond = if k % 3 == 0 { rng.random_range(0.0..0.1) } else { 10.0 };
                match gap_again(this, that, beyond, Some(&mut seed)) {
                    Gap::Of(distance) if truth > 0.0 => {
                        assert!((distance - truth).abs() < 1e-6, "{round}, {k}: {distance}, not {truth}");
                        found[0] += 1;
                    }
                    // What meets is looked at as if nothing was known.
                    Gap::Of(distance) => {
                        assert!((distance - truth).abs() < 1e-5, "{round}, {k}: {distance}, not {truth}");
                        found[1] += 1;
                    }
                    Gap::Beyond(bound) => {
                        assert!(
                            bound <= truth + 1e-7 && truth > beyond - 1e-7,
                            "{round}, {k}: {bound}, {truth}"
                        );
                        found[2] += 1;
                    }
                }
            }
        }
        assert!(found.iter().all(|n| *n > 1000), "{found:?}");
    }
}
