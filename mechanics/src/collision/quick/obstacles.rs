//! Obstacles in single precision: how far points are from them, eight points from one or one from eight.

use super::super::cover::Outline;
use super::super::solid::Solid;
use super::lanes::{Eight, Lanes, N, Packed, PackedPoints, Points};
use super::middle;
use nalgebra::{Isometry3, Point3};

/// Where the middle of no obstacle is, metres: its square is a number yet.
const NOWHERE: f32 = 1e18;

/// An obstacle as a rounded box, or a cylinder, in the frame of the base.
#[derive(Copy, Clone, Debug)]
pub(super) struct Flat {
    /// The axes of its frame.
    axes: [[f32; 3]; 3],
    /// Its middle along them.
    at: [f32; 3],
    /// Half its sides; of a cylinder, its radius twice.
    half: [f32; 3],
    is_cylinder: bool,
    /// Rounding about it, metres.
    pub(super) radius: f32,
    /// What rounding of numbers may make of a distance from it, metres.
    pub(super) slack: f32,
    /// The ball that it is in, slack and all.
    center: [f32; 3],
    reach: f32,
    /// Whether what is at no distance from the box touches it; false for what is only somewhere in there.
    pub(super) is_filled: bool,
}

impl Flat {
    /// `slack_of`: the largest error of a distance, from how far off its origin an obstacle reaches, metres.
    pub(super) fn new(
        solid: &Solid,
        base_from_solid: &Isometry3<f64>,
        slack_of: impl Fn(f64) -> f64,
    ) -> Self {
        let outline = solid.outline();
        let (center, half, radius) = match outline {
            Outline::Round { radius, half_length } => (None, [0.0, 0.0, half_length], radius),
            Outline::Cylinder { radius, half_length } => (None, [radius, radius, half_length], 0.0),
            Outline::Cuboid { half } => (None, half.into(), 0.0),
            Outline::Within { center, half } => (Some(center), half.into(), 0.0),
        };
        let slack = slack_of((base_from_solid * solid.center).coords.norm() + solid.reach);
        let turn = base_from_solid.rotation.to_rotation_matrix();
        let center = base_from_solid * center.unwrap_or_default();
        let at = turn.inverse_transform_vector(&center.coords);
        let single = |v: [f64; 3]| v.map(|v| v as f32);
        Self {
            axes: [0, 1, 2].map(|i| single(turn.matrix().column(i).into_owned().into())),
            at: single(at.into()),
            half: single(half),
            is_cylinder: matches!(outline, Outline::Cylinder { .. }),
            radius: radius as f32,
            center: single(center.coords.into()),
            reach: (solid.reach + 2.0 * slack) as f32,
            slack: slack as f32,
            is_filled: !matches!(outline, Outline::Within { .. }),
        }
    }

    /// Squared distances of eight points from the box or cylinder without its rounding.
    #[inline(always)]
    pub(super) fn square_to<E: Eight>(&self, e: E, p: &Points<E>) -> Lanes<E> {
        let [a, b, c] = self.half;
        let (x, y) = (self.along(e, 0, p), self.along(e, 1, p));
        let z = self.along(e, 2, p).beyond(Lanes::all(e, c));
        if self.is_cylinder {
            let across = x.mul_add(x, y * y).sqrt().beyond(Lanes::all(e, a));
            across.mul_add(across, z * z)
        } else {
            Points { x: x.beyond(Lanes::all(e, a)), y: y.beyond(Lanes::all(e, b)), z }.square()
        }
    }

    /// Along one of its axes, from its middle.
    #[inline(always)]
    fn along<E: Eight>(&self, e: E, i: usize, p: &Points<E>) -> Lanes<E> {
        let [x, y, z] = self.axes[i];
        let z = p.z.mul_add(Lanes::all(e, z), Lanes::all(e, -self.at[i]));
        p.x.mul_add(Lanes::all(e, x), p.y.mul_add(Lanes::all(e, y), z))
    }
}

/// Obstacles in rows of eight that stand close together, and the balls about eight rows at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// Middles and radii.
    balls: Vec<(PackedPoints, Packed)>,
    order: Vec<usize>,
}

impl Rows {
    /// Takes over other obstacles.
    pub(super) fn fill(&mut self, obstacles: &[Flat]) {
        self.order.clear();
        self.order.extend(0..obstacles.len());
        sort(&mut self.order, obstacles);
        self.rows.clear();
        self.rows.extend(self.order.chunks(N).map(|of| Row::new(of, obstacles)));
        self.balls.clear();
        for rows in self.order.chunks(N * N) {
            let (mut at, mut radius) = ([Packed([NOWHERE; N]); 3], Packed::default());
            for (lane, row) in rows.chunks(N).enumerate() {
                let center = middle(row.iter().map(|k| Point3::from(obstacles[*k].center.map(f64::from))));
                let reach = |k: &usize| {
                    let o = &obstacles[*k];
                    (Point3::from(o.center.map(f64::from)) - center).norm() + f64::from(o.reach)
                };
                radius.0[lane] = (row.iter().map(reach).fold(0.0, f64::max) * (1.0 + 1e-5)) as f32;
                at.iter_mut().zip(center.iter()).for_each(|(at, c)| at.0[lane] = *c as f32);
            }
            self.balls.push((at, radius));
        }
    }

    /// How many eights of rows there are.
    pub(super) fn n_eights(&self) -> usize {
        self.balls.len()
    }

    /// One bit for each of eight rows that may be within `reach` of a point.
    #[inline(always)]
    pub(super) fn near<E: Eight>(&self, e: E, eight: usize, p: &Points<E>, reach: f32) -> u8 {
        let (at, radius) = &self.balls[eight];
        let most = Lanes::load(e, radius) + Lanes::all(e, reach);
        (p.square_to(&Points::load(e, at)) - most * most).up_to(0.0)
    }
}

/// Puts those that stand close together next to each other.
fn sort(order: &mut [usize], obstacles: &[Flat]) {
    if order.len() <= N {
        return;
    }
    let extent = |axis: usize| {
        let of = order.iter().map(|k| obstacles[*k].center[axis]);
        let (low, high) = of.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
        high - low
    };
    let axis = if extent(0) >= extent(1).max(extent(2)) { 0 } else { 1 + usize::from(extent(2) > extent(1)) };
    let half = order.len().div_ceil(2).next_multiple_of(N);
    order.sort_unstable_by(|a, b| {
        obstacles[*a].center[axis].total_cmp(&obstacles[*b].center[axis]).then(a.cmp(b))
    });
    let (low, high) = order.split_at_mut(half.min(order.len()));
    sort(low, obstacles);
    sort(high, obstacles);
}

/// Eight obstacles side by side, a cylinder as the box about it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    axes: [[Packed; 3]; 3],
    /// Their middles along them, negative.
    back: [Packed; 3],
    half: [Packed; 3],
    /// Rounding and slack; nothing is within it where no obstacle is.
    reach: Packed,
    /// The balls that they are in.
    centers: PackedPoints,
    reaches: Packed,
    pub(super) idx: [usize; N],
}

impl Row {
    /// At most eight of them.
    fn new(which: &[usize], obstacles: &[Flat]) -> Self {
        let of = |f: &dyn Fn(&Flat) -> f32, nothing: f32| {
            Packed(core::array::from_fn(|i| which.get(i).map_or(nothing, |k| f(&obstacles[*k]))))
        };
        let three = |f: &dyn Fn(&Flat, usize) -> f32| [0, 1, 2].map(|i| of(&|o| f(o, i), 0.0));
        Self {
            axes: [0, 1, 2].map(|i| three(&|o, j| o.axes[i][j])),
            back: three(&|o, i| -o.at[i]),
            half: three(&|o, i| o.half[i]),
            reach: of(&|o| o.radius + o.slack, f32::NEG_INFINITY),
            centers: [0, 1, 2].map(|i| of(&|o| o.center[i], NOWHERE)),
            reaches: of(&|o| o.reach, 0.0),
            idx: core::array::from_fn(|i| which.get(i).copied().unwrap_or(usize::MAX)),
        }
    }

    /// One bit for each that may be within `reach` of a point.
    #[inline(always)]
    pub(super) fn near<E: Eight>(&self, e: E, p: &Points<E>, reach: f32) -> u8 {
        let most = Lanes::load(e, &self.reaches) + Lanes::all(e, reach);
        if (p.square_to(&Points::load(e, &self.centers)) - most * most).up_to(0.0) == 0 {
            return 0;
        }
        let (x, y, z) = (self.beyond(e, 0, p), self.beyond(e, 1, p), self.beyond(e, 2, p));
        (Points { x, y, z }.square().sqrt() - Lanes::load(e, &self.reach)).up_to(reach)
    }

    /// How far outside a point is along one of the axes.
    #[inline(always)]
    fn beyond<E: Eight>(&self, e: E, i: usize, p: &Points<E>) -> Lanes<E> {
        let [x, y, z] = &self.axes[i];
        let z = p.z.mul_add(Lanes::load(e, z), Lanes::load(e, &self.back[i]));
        let along = p.x.mul_add(Lanes::load(e, x), p.y.mul_add(Lanes::load(e, y), z));
        along.beyond(Lanes::load(e, &self.half[i]))
    }
}

#[cfg(test)]
mod tests {
    use super::super::eight::Plain;
    use super::*;
    use crate::collision::signed_distance;
    use crate::model::GeomShape;
    use nalgebra::{Translation3, UnitQuaternion, Vector3};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn points_are_as_far_from_flat_obstacles_as_from_the_solids_and_rows_pass_over_none() {
        let shapes = [
            GeomShape::Sphere { radius: 0.1 },
            GeomShape::Capsule { radius: 0.05, half_length: 0.2 },
            GeomShape::Cylinder { radius: 0.1, half_length: 0.05 },
            GeomShape::Cuboid { half: Vector3::new(0.1, 0.2, 0.05) },
        ];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for shape in shapes {
            for _ in 0..2000 {
                let mut at = |by: f64| Vector3::from_fn(|_, _| rng.random_range(-by..by));
                let (place, turn, p) = (at(0.5), at(2.0), at(0.8));
                let pose =
                    Isometry3::from_parts(Translation3::from(place), UnitQuaternion::from_scaled_axis(turn));
                let solid = Solid::new("a", &shape).expect("a shape that can be");
                let flat = Flat::new(&solid, &pose, |_| 1e-6);
                let point = p.map(|v| v as f32).into();
                let square = flat.square_to(Plain, &Points::all(Plain, point)).store().0[3];
                let ball = Isometry3::from(Point3::from(p));
                let s = signed_distance(&shape, &pose, &GeomShape::Sphere { radius: 0.0 }, &ball);
                let expected = s.expect("a distance").distance;
                let found = f64::from(square.sqrt() - flat.radius);
                if expected > 1e-6 {
                    assert!((found - expected).abs() < 3e-6, "{shape:?}: {found} {expected}");
                } else {
                    assert!(found < 2e-6, "{shape:?}: {found} {expected}");
                }
                let mut rows = Rows::default();
                rows.fill(&[flat, flat]);
                let (p, reach) = (Points::all(Plain, point), expected.max(0.0) as f32 + 3e-6);
                let near = (rows.near(Plain, 0, &p, reach), rows.rows[0].near(Plain, &p, reach));
                assert_eq!((near, rows.rows[0].idx[1]), ((1, 3), 1), "{shape:?}");
            }
        }
    }
}
