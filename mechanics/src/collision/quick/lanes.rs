//! Eight numbers at once, one per pose that is looked at, in single precision.

use core::f32::consts::FRAC_2_PI;
use core::ops::{Add, Mul, Sub};

/// How many.
pub(in crate::collision) const N: usize = 8;
/// Angles beyond this lose too many bits below, rad.
pub(super) const FAR: f64 = 20.0;
/// Adding and taking it away rounds to a whole number: 1.5 · 2²³.
const ROUND: f32 = 12_582_912.0;
/// π/2 in two parts of few bits, so that small multiples are exact, and a rest (Cody and Waite, 1980).
const HALF_PI: [f32; 3] = [1.570_312_5, 4.837_513e-4, 7.549_79e-8];

/// Eight numbers in memory.
#[derive(Copy, Clone, Debug, Default)]
#[repr(align(32))]
pub(super) struct Packed(pub(super) [f32; N]);

/// Eight points in memory: x, y, z.
pub(super) type PackedPoints = [Packed; 3];

/// What computes with eight numbers at once; see [`super::eight`].
pub(super) trait Eight: Copy {
    type V: Copy;
    fn load(self, v: &Packed) -> Self::V;
    fn store(self, v: Self::V) -> Packed;
    fn all(self, v: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a · b + c`, rounded once or twice.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// How far the size of each is above the other's; zero where it is not.
    fn beyond(self, a: Self::V, most: Self::V) -> Self::V;
    fn sqrt(self, a: Self::V) -> Self::V;
    /// One bit for each of `a` that is at most its `most`.
    fn up_to(self, a: Self::V, most: Self::V) -> u8;
}

/// Eight numbers, and what computes with them.
#[derive(Copy, Clone)]
pub(super) struct Lanes<E: Eight>(pub(super) E, pub(super) E::V);

/// Eight points.
#[derive(Copy, Clone)]
pub(super) struct Points<E: Eight> {
    pub(super) x: Lanes<E>,
    pub(super) y: Lanes<E>,
    pub(super) z: Lanes<E>,
}

impl<E: Eight> Lanes<E> {
    #[inline(always)]
    pub(super) fn load(e: E, v: &Packed) -> Self {
        Self(e, e.load(v))
    }

    #[inline(always)]
    pub(super) fn all(e: E, v: f32) -> Self {
        Self(e, e.all(v))
    }

    #[inline(always)]
    pub(super) fn store(self) -> Packed {
        self.0.store(self.1)
    }

    #[inline(always)]
    pub(super) fn mul_add(self, factor: Self, plus: Self) -> Self {
        Self(self.0, self.0.mul_add(self.1, factor.1, plus.1))
    }

    #[inline(always)]
    pub(super) fn beyond(self, most: Self) -> Self {
        Self(self.0, self.0.beyond(self.1, most.1))
    }

    #[inline(always)]
    pub(super) fn sqrt(self) -> Self {
        Self(self.0, self.0.sqrt(self.1))
    }

    /// One bit for each that is at most `most`.
    #[inline(always)]
    pub(super) fn up_to(self, most: f32) -> u8 {
        self.0.up_to(self.1, self.0.all(most))
    }
}

impl<E: Eight> Add for Lanes<E> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0, self.0.add(self.1, other.1))
    }
}

impl<E: Eight> Sub for Lanes<E> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0, self.0.sub(self.1, other.1))
    }
}

impl<E: Eight> Mul for Lanes<E> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0, self.0.mul(self.1, other.1))
    }
}

impl<E: Eight> Points<E> {
    #[inline(always)]
    pub(super) fn all(e: E, p: [f32; 3]) -> Self {
        Self { x: Lanes::all(e, p[0]), y: Lanes::all(e, p[1]), z: Lanes::all(e, p[2]) }
    }

    #[inline(always)]
    pub(super) fn load(e: E, p: &PackedPoints) -> Self {
        Self { x: Lanes::load(e, &p[0]), y: Lanes::load(e, &p[1]), z: Lanes::load(e, &p[2]) }
    }

    #[inline(always)]
    pub(super) fn store(self) -> PackedPoints {
        [self.x.store(), self.y.store(), self.z.store()]
    }

    /// Squared lengths.
    #[inline(always)]
    pub(super) fn square(self) -> Lanes<E> {
        self.x.mul_add(self.x, self.y.mul_add(self.y, self.z * self.z))
    }

    /// Squared distance from the other's.
    #[inline(always)]
    pub(super) fn square_to(&self, other: &Self) -> Lanes<E> {
        Self { x: self.x - other.x, y: self.y - other.y, z: self.z - other.z }.square()
    }

    /// A point between them, and how far from it the farthest is.
    #[inline(always)]
    pub(super) fn ball(&self, e: E) -> (Self, f32) {
        let (x, y, z) = (self.x.store(), self.y.store(), self.z.store());
        let center = [x, y, z].map(|v| v.0.iter().sum::<f32>() / N as f32);
        let center = Self::all(e, center);
        let squares = self.square_to(&center).store();
        (center, squares.0.iter().fold(0.0f32, |m, v| if *v > m { *v } else { m }).sqrt())
    }
}

/// Sine and cosine of angles up to [`FAR`], each within 3e-7.
#[inline(always)]
pub(super) fn sin_cos(angles: &Packed) -> (Packed, Packed) {
    let (mut sin, mut cos) = ([0.0; N], [0.0; N]);
    for i in 0..N {
        let x = angles.0[i];
        let turns = x * FRAC_2_PI + ROUND;
        let quadrant = turns.to_bits();
        let k = turns - ROUND;
        let r = ((x - k * HALF_PI[0]) - k * HALF_PI[1]) - k * HALF_PI[2];
        let z = r * r;
        let small_sin =
            r + r * z * (-1.0 / 6.0 + z * (1.0 / 120.0 + z * (-1.0 / 5040.0 + z * (1.0 / 362_880.0))));
        let small_cos = 1.0 - z * (0.5 - z * (1.0 / 24.0 - z * (1.0 / 720.0 - z * (1.0 / 40_320.0))));
        // An odd quadrant swaps them; bit 1 (of it, and of the next one) is the sign.
        let swap = (quadrant & 1).wrapping_neg();
        let (sb, cb) = (small_sin.to_bits(), small_cos.to_bits());
        let mixed = (sb ^ cb) & swap;
        sin[i] = f32::from_bits(sb ^ mixed ^ ((quadrant & 2) << 30));
        cos[i] = f32::from_bits(cb ^ mixed ^ ((quadrant.wrapping_add(1) & 2) << 30));
    }
    (Packed(sin), Packed(cos))
}

#[cfg(test)]
mod tests {
    use super::super::eight::{Widest, Work};
    use super::*;

    #[test]
    fn sine_and_cosine_are_good_to_single_precision_up_to_twenty_rad() {
        for i in -20_000..20_000 {
            let x = 1e-3 * i as f32;
            let (s, c) = sin_cos(&Packed([x; N]));
            let (ws, wc) = libm::sincos(f64::from(x));
            let worst = (f64::from(s.0[0]) - ws).abs().max((f64::from(c.0[7]) - wc).abs());
            assert!(worst < 3e-7, "{x}: {worst:e}");
        }
    }

    struct Check {
        v: Packed,
        points: PackedPoints,
    }

    impl Work for Check {
        type Output = ();
        fn with<E: Eight>(self, e: E) {
            let v = Lanes::load(e, &self.v);
            assert_eq!((v.up_to(0.2), v.up_to(-3.0)), (0b0010_0101, 0));
            let (center, radius) = Points::load(e, &self.points).ball(e);
            assert_eq!((center.x.store().0[3], radius), (4.5, 3.5));
            let two = Lanes::all(e, 2.0);
            let sum = (two * v + v - two).beyond(two).store();
            assert_eq!((sum.0[0], sum.0[2], sum.0[4]), (0.0, 6.0, 23.0));
            assert_eq!(two.mul_add(two, two).sqrt().store().0[5], 6.0f32.sqrt());
        }
    }

    #[test]
    fn bits_tell_which_are_small_enough_and_a_ball_holds_every_point() {
        let v = Packed([0.1, 0.5, -2.0, 0.3, 9.0, 0.2, 0.21, f32::NAN]);
        let x = Packed([1., 2., 3., 4., 5., 6., 7., 8.]);
        let points = [x, Packed([2.0; N]), Packed([-1.0; N])];
        Widest::Plain.dispatch(Check { v, points });
        Widest::new().dispatch(Check { v, points });
    }
}
