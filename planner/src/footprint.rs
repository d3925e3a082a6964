//! What an object covers of the table, and gaps between such areas.

use nalgebra::{Point2, Vector2};
use types::{Shape, TrackedObject};

/// A convex area of the table: a disc (one corner and a radius) or a turned rectangle. Metres.
#[derive(Clone, Debug, PartialEq)]
pub struct Footprint {
    corners: Vec<Point2<f64>>,
    radius: f64,
}

/// Whether a shape looks the same from above however it is turned.
#[must_use]
pub(crate) fn is_round(shape: Shape) -> bool {
    matches!(shape, Shape::Ball | Shape::Cylinder | Shape::Bowl)
}

/// The object's centre on the table.
#[must_use]
pub(crate) fn centre(object: &TrackedObject) -> Point2<f64> {
    Point2::new(object.position.x, object.position.y)
}

/// The object's shorter horizontal side, metres: what the gripper must embrace.
#[must_use]
pub fn narrow_side(object: &TrackedObject) -> f64 {
    if is_round(object.most_likely_shape()) {
        object.dimensions.x.max(object.dimensions.y)
    } else {
        object.dimensions.x.min(object.dimensions.y)
    }
}

/// Height of the object's underside above the table, metres.
#[must_use]
pub(crate) fn bottom(object: &TrackedObject) -> f64 {
    object.position.z - 0.5 * object.dimensions.z
}

impl Footprint {
    /// What `object` covers.
    #[must_use]
    pub fn of(object: &TrackedObject) -> Self {
        Self::at(object, centre(object), object.yaw)
    }

    /// What `object` would cover if its centre were at `centre` and it were turned to `yaw`.
    #[must_use]
    pub fn at(object: &TrackedObject, centre: Point2<f64>, yaw: f64) -> Self {
        let d = object.dimensions;
        if is_round(object.most_likely_shape()) {
            return Self::disc(centre, 0.5 * d.x.max(d.y));
        }
        Self::rectangle(centre, yaw, 0.5 * d.x, 0.5 * d.y)
    }

    /// A disc.
    #[must_use]
    pub fn disc(centre: Point2<f64>, radius: f64) -> Self {
        Self { corners: vec![centre], radius }
    }

    /// A rectangle of half sides `half_x`, `half_y`, turned by `yaw`.
    #[must_use]
    pub fn rectangle(centre: Point2<f64>, yaw: f64, half_x: f64, half_y: f64) -> Self {
        let (s, c) = libm::sincos(yaw);
        let (u, v) = (Vector2::new(c, s) * half_x, Vector2::new(-s, c) * half_y);
        Self { corners: vec![centre + u + v, centre - u + v, centre - u - v, centre + u - v], radius: 0.0 }
    }

    /// How far the area reaches from `from` along the unit direction `along`, metres.
    #[must_use]
    pub fn extent(&self, from: Point2<f64>, along: Vector2<f64>) -> f64 {
        self.corners.iter().map(|c| (c - from).dot(&along)).fold(f64::NEG_INFINITY, f64::max) + self.radius
    }

    /// Signed gap to another area, metres; negative is the depth of overlap.
    #[must_use]
    pub fn gap(&self, other: &Self) -> f64 {
        // Separating axes: for convex areas the largest separation over all edge normals is the gap
        // when an edge is closest, and its negative the overlap; corner against corner is added below.
        let mut separation = f64::NEG_INFINITY;
        for (a, b) in [(self, other), (other, self)] {
            for (i, corner) in a.corners.iter().enumerate() {
                if a.corners.len() < 2 {
                    continue;
                }
                let edge = a.corners[(i + 1) % a.corners.len()] - corner;
                let normal = Vector2::new(edge.y, -edge.x);
                let Some(normal) = normal.try_normalize(1e-12) else { continue };
                let nearest =
                    b.corners.iter().map(|p| (p - corner).dot(&normal)).fold(f64::INFINITY, f64::min);
                separation = separation.max(nearest);
            }
        }
        if separation <= 0.0 && separation.is_finite() {
            return separation - self.radius - other.radius;
        }
        let mut nearest = f64::INFINITY;
        for (a, b) in [(self, other), (other, self)] {
            for p in &a.corners {
                for (i, q) in b.corners.iter().enumerate() {
                    let r = b.corners[(i + 1) % b.corners.len()];
                    nearest = nearest.min(distance_to_segment(*p, *q, r));
                }
            }
        }
        nearest - self.radius - other.radius
    }

    /// How far the whole area lies inside `room`, metres; negative when it sticks out.
    #[must_use]
    pub fn margin_within(&self, room: &Self) -> f64 {
        self.corners.iter().map(|c| room.depth(*c)).fold(f64::INFINITY, f64::min) - self.radius
    }

    /// Depth of a point inside the area, metres; negative is the distance outside.
    #[must_use]
    pub fn depth(&self, point: Point2<f64>) -> f64 {
        -self.gap(&Self::disc(point, 0.0))
    }
}

fn distance_to_segment(p: Point2<f64>, a: Point2<f64>, b: Point2<f64>) -> f64 {
    let ab = b - a;
    let len2 = ab.norm_squared();
    let t = if len2 > 0.0 { ((p - a).dot(&ab) / len2).clamp(0.0, 1.0) } else { 0.0 };
    (p - (a + ab * t)).norm()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_between_discs_and_rectangles_are_exact_and_overlap_is_negative() {
        let p = Point2::new;
        let a = Footprint::disc(p(0.0, 0.0), 0.1);
        let b = Footprint::disc(p(0.3, 0.4), 0.1);
        assert!((a.gap(&b) - 0.3).abs() < 1e-12);
        assert!((a.gap(&Footprint::disc(p(0.1, 0.0), 0.1)) + 0.1).abs() < 1e-12);
        let r = Footprint::rectangle(p(0.0, 0.0), 0.0, 0.2, 0.1);
        let s = Footprint::rectangle(p(0.5, 0.4), 0.0, 0.2, 0.1);
        let corner = libm::hypot(0.1, 0.2);
        assert!((r.gap(&s) - corner).abs() < 1e-12, "{}", r.gap(&s));
        assert!((r.gap(&Footprint::disc(p(0.0, 0.25), 0.05)) - 0.1).abs() < 1e-12);
        assert!(r.gap(&Footprint::disc(p(0.0, 0.12), 0.05)) < 0.0);
        let t = Footprint::rectangle(p(0.35, 0.0), 0.0, 0.2, 0.1);
        assert!((r.gap(&t) + 0.05).abs() < 1e-12);
        let turned = Footprint::rectangle(p(0.0, 0.0), core::f64::consts::FRAC_PI_4, 0.1, 0.1);
        assert!((turned.extent(p(0.0, 0.0), Vector2::x()) - 0.1 * 2.0_f64.sqrt()).abs() < 1e-12);
        assert!((r.depth(p(0.0, 0.0)) - 0.1).abs() < 1e-12);
        assert!((r.depth(p(0.0, 0.3)) + 0.2).abs() < 1e-12);
    }
}
