//! Balls that cover a solid, each with a smaller one about the same middle that lies within the solid: what is
//! farther from all of them than their radius is off the solid, what is nearer to one than its inner radius
//! touches it.

use super::solid::Solid;
use nalgebra::{Point3, Vector3};

/// How far balls may stick out of round solids, metres.
const STICKS_OUT_M: f64 = 0.004;
/// Boxes are cut into cells of about this half side, or their own if that is larger, metres.
const CELL_M: f64 = 0.02;
/// Most pieces along one side.
const MOST: usize = 12;

/// Two balls about the same middle.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Ball {
    /// In the frame of the solid.
    pub(super) center: Point3<f64>,
    /// What is within it may belong to the solid, metres.
    pub(super) outer: f64,
    /// What is within it belongs to the solid, metres; none below zero.
    pub(super) inner: f64,
}

/// What a solid looks like to [`cover`]: all are centred on their frame but hulls.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) enum Outline {
    /// A segment of this half length along z (zero: a point), rounded.
    Round { radius: f64, half_length: f64 },
    /// A cylinder along z.
    Cylinder { radius: f64, half_length: f64 },
    /// A box.
    Cuboid { half: Vector3<f64> },
    /// Somewhere in a box.
    Within { center: Point3<f64>, half: Vector3<f64> },
}

/// The balls of a solid.
pub(super) fn cover(solid: &Solid) -> Vec<Ball> {
    match solid.outline() {
        Outline::Round { radius, half_length } => {
            let n = if half_length > 0.0 { 1 + pieces(half_length, slab(radius)) } else { 1 };
            let step = half_length / (n - 1).max(1) as f64;
            let ball = |i: usize| Ball {
                center: Point3::new(0.0, 0.0, step * (2.0 * i as f64 - (n - 1) as f64)),
                outer: if n > 1 { libm::hypot(radius, step) } else { radius },
                inner: radius,
            };
            (0..n).map(ball).collect()
        }
        Outline::Cylinder { radius, half_length } => {
            let n = pieces(half_length, slab(radius));
            let step = half_length / n as f64;
            let ball = |i: usize| {
                let z = step * (2.0 * i as f64 - (n - 1) as f64);
                let inner = radius.min(half_length - z.abs());
                Ball { center: Point3::new(0.0, 0.0, z), outer: libm::hypot(radius, step), inner }
            };
            (0..n).map(ball).collect()
        }
        Outline::Cuboid { half } => cells(&half)
            .map(|(at, cell)| Ball {
                center: Point3::from(at),
                outer: cell.norm(),
                inner: (half - at.abs()).min(),
            })
            .collect(),
        Outline::Within { center, half } => cells(&half)
            .map(|(at, cell)| Ball { center: center + at, outer: cell.norm(), inner: f64::NEG_INFINITY })
            .collect(),
    }
}

/// Half the length of what a ball covers of a round solid.
fn slab(radius: f64) -> f64 {
    (STICKS_OUT_M * (2.0 * radius + STICKS_OUT_M)).sqrt()
}

fn pieces(half_length: f64, half_piece: f64) -> usize {
    ((half_length / half_piece).ceil() as usize).clamp(1, MOST)
}

/// Middles and half sides of the cells of a box.
fn cells(half: &Vector3<f64>) -> impl Iterator<Item = (Vector3<f64>, Vector3<f64>)> {
    let aim = half.min().max(CELL_M);
    let n = half.map(|h| pieces(h, aim));
    let cell = half.zip_map(&n, |h, n| h / n as f64);
    let all = (0..n.x).flat_map(move |i| (0..n.y).flat_map(move |j| (0..n.z).map(move |k| [i, j, k])));
    all.map(move |at| (Vector3::from_fn(|r, _| cell[r] * (2.0 * at[r] as f64 - (n[r] - 1) as f64)), cell))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::GeomShape;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    fn is_in(shape: &GeomShape, p: &Vector3<f64>) -> bool {
        match shape {
            GeomShape::Sphere { radius } => p.norm() <= *radius,
            GeomShape::Capsule { radius, half_length } => {
                (p - Vector3::new(0.0, 0.0, p.z.clamp(-half_length, *half_length))).norm() <= *radius
            }
            GeomShape::Cylinder { radius, half_length } => {
                p.x.hypot(p.y) <= *radius && p.z.abs() <= *half_length
            }
            GeomShape::Cuboid { half } => (0..3).all(|i| p[i].abs() <= half[i]),
            GeomShape::Hull { points, .. } => {
                let (low, high) = (points[0], points[points.len() - 1]);
                (0..3).all(|i| (low[i]..=high[i]).contains(&p[i]))
            }
        }
    }

    #[test]
    fn every_point_of_a_solid_is_in_a_ball_and_every_point_of_an_inner_ball_in_the_solid() {
        let corner = |i: u32| {
            let side = |bit: u32| f64::from(u8::from(i & bit != 0));
            Point3::new(0.1 + 0.2 * side(1), -0.05 * (1.0 - side(2)), 0.3 * side(4))
        };
        let shapes = [
            GeomShape::Sphere { radius: 0.05 },
            GeomShape::Capsule { radius: 0.057, half_length: 0.08 },
            GeomShape::Capsule { radius: 0.03, half_length: 0.0 },
            GeomShape::Cylinder { radius: 0.05, half_length: 0.13 },
            GeomShape::Cylinder { radius: 0.2, half_length: 0.01 },
            GeomShape::Cuboid { half: Vector3::new(0.03, 0.1, 0.04) },
            GeomShape::Cuboid { half: Vector3::new(0.002, 0.3, 0.3) },
            GeomShape::Hull { points: (0..8).map(corner).collect(), triangles: Vec::new() },
        ];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for shape in shapes {
            let solid = Solid::new("a", &shape).expect("a shape that can be");
            let balls = cover(&solid);
            let mut n_inside = 0;
            for _ in 0..20_000 {
                let p = Vector3::from_fn(|_, _| rng.random_range(-0.32..0.32));
                let touches = |b: &Ball, r: f64| (p - b.center.coords).norm() <= r;
                if is_in(&shape, &p) {
                    n_inside += 1;
                    assert!(balls.iter().any(|b| touches(b, b.outer + 1e-12)), "{shape:?}: {p:?}");
                } else {
                    assert!(!balls.iter().any(|b| touches(b, b.inner - 1e-12)), "{shape:?}: {p:?}");
                }
            }
            assert!(n_inside > 3, "{shape:?}");
        }
    }
}
