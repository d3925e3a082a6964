//! Solids as distance fields: how well measured points lie on the surface of a supposed body.

use super::POINT_SIGMA;
use nalgebra::{Point3, Vector3};

/// A solid about its own centre, metres.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// Half sides.
    Cuboid(Vector3<f64>),
    /// Radius and half the length of one that stands.
    Standing(f64, f64),
    /// Radius and half the length of one that lies along its own x.
    Lying(f64, f64),
    /// Radius.
    Sphere(f64),
}

/// Points this many standard deviations off count no further.
const WORST: f64 = 3.0;
/// So many points are taken to be independent at most: what is wrong with one is with its neighbours.
const MOST_INDEPENDENT: f64 = 40.0;

impl Body {
    /// Signed distance of a point (in the body's own axes) from the surface, positive outside.
    pub(crate) fn distance(self, p: Vector3<f64>) -> f64 {
        let round = |radial: f64, along: f64, r: f64, half: f64| {
            let (a, b) = (radial - r, along.abs() - half);
            if a > 0.0 && b > 0.0 { libm::hypot(a, b) } else { a.max(b) }
        };
        match self {
            Self::Cuboid(half) => {
                let q = p.abs() - half;
                if q.max() <= 0.0 { q.max() } else { q.map(|v| v.max(0.0)).norm() }
            }
            Self::Standing(r, half) => round(p.xy().norm(), p.z, r, half),
            Self::Lying(r, half) => round(libm::hypot(p.y, p.z), p.x, r, half),
            Self::Sphere(r) => p.norm() - r,
        }
    }

    /// Logarithm of how likely the points are if the body's centre is here and it is turned so; zero
    /// when they are no further off than their noise.
    pub(crate) fn log_likelihood(self, points: &[Point3<f64>], centre: Point3<f64>, yaw: f64) -> f64 {
        if points.is_empty() {
            return 0.0;
        }
        let (sin, cos) = (libm::sin(yaw), libm::cos(yaw));
        let n = points.len() as f64;
        let squares = points.iter().map(|p| {
            let d = p - centre;
            let own = Vector3::new(cos * d.x + sin * d.y, cos * d.y - sin * d.x, d.z);
            (self.distance(own) / POINT_SIGMA).abs().min(WORST).powi(2)
        });
        let mean = squares.sum::<f64>() / n;
        -0.5 * n.min(MOST_INDEPENDENT) * (mean - 0.8).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distances_are_zero_on_the_surface_and_grow_by_a_metre_per_metre() {
        let at = |body: Body, p: [f64; 3], want: f64| {
            let d = body.distance(Vector3::from(p));
            assert!((d - want).abs() < 1e-12, "{body:?} {p:?}: {d}, not {want}");
        };
        let cuboid = Body::Cuboid(Vector3::new(0.03, 0.02, 0.01));
        at(cuboid, [0.0, 0.0, 0.01], 0.0);
        at(cuboid, [0.033, 0.024, 0.0], 0.005);
        at(cuboid, [0.0, 0.0, 0.004], -0.006);
        at(Body::Standing(0.02, 0.03), [0.02, 0.0, 0.01], 0.0);
        at(Body::Standing(0.02, 0.03), [0.023, 0.0, 0.034], 0.005);
        at(Body::Lying(0.02, 0.03), [0.01, 0.0, 0.02], 0.0);
        at(Body::Sphere(0.02), [0.0, 0.03, 0.0], 0.01);
    }
}
