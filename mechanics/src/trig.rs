//! Sine and cosine of many angles at once, without branches, so that the compiler makes vector code of
//! it; the same bits on every machine.

use core::f64::consts::FRAC_2_PI;

/// Beyond this the reduction below loses bits, rad; no joint turns so far.
const FAR: f64 = 1e5;
/// Adding and taking it away rounds to a whole number: 1.5 · 2⁵².
const ROUND: f64 = 6_755_399_441_055_744.0;
/// π/2 in three parts of 33 bits and a rest: the first products are exact (Cody and Waite, 1980).
const HALF_PI: [f64; 3] = [
    f64::from_bits(0x3ff9_21fb_5440_0000),
    f64::from_bits(0x3dd0_b461_1a60_0000),
    f64::from_bits(0x3ba3_198a_2e03_7073),
];
/// Taylor coefficients of sin r = r + r³ (…), |r| ≤ π/4: the error is below 1e-17.
const SIN: [f64; 7] = [
    -1.0 / 6.0,
    1.0 / 120.0,
    -1.0 / 5_040.0,
    1.0 / 362_880.0,
    -1.0 / 39_916_800.0,
    1.0 / 6_227_020_800.0,
    -1.0 / 1_307_674_368_000.0,
];
/// The same of cos r = 1 − r²/2 + r⁴ (…).
const COS: [f64; 7] = [
    1.0 / 24.0,
    -1.0 / 720.0,
    1.0 / 40_320.0,
    -1.0 / 3_628_800.0,
    1.0 / 479_001_600.0,
    -1.0 / 87_178_291_200.0,
    1.0 / 20_922_789_888_000.0,
];

/// Writes sine and cosine of every angle (rad), each within 2.3e-16.
///
/// # Panics
/// When an output is shorter than `angles`.
#[inline(always)]
pub(crate) fn sin_cos(angles: &[f64], sin: &mut [f64], cos: &mut [f64]) {
    let (sin, cos) = (&mut sin[..angles.len()], &mut cos[..angles.len()]);
    let mut far = 0u64;
    for ((x, s), c) in angles.iter().zip(sin.iter_mut()).zip(cos.iter_mut()) {
        let turns = x * FRAC_2_PI + ROUND;
        let quadrant = turns.to_bits();
        let k = turns - ROUND;
        let r = ((x - k * HALF_PI[0]) - k * HALF_PI[1]) - k * HALF_PI[2];
        let z = r * r;
        let power =
            |c: &[f64; 7]| c[0] + z * (c[1] + z * (c[2] + z * (c[3] + z * (c[4] + z * (c[5] + z * c[6])))));
        let small_sin = r + r * z * power(&SIN);
        let half = 0.5 * z;
        let w = 1.0 - half;
        let small_cos = w + (((1.0 - w) - half) + z * z * power(&COS));
        // An odd quadrant swaps them; bit 1 (of it, and of the next one) is the sign.
        let swap = (quadrant & 1).wrapping_neg();
        let (sb, cb) = (small_sin.to_bits(), small_cos.to_bits());
        let mixed = (sb ^ cb) & swap;
        *s = f64::from_bits(sb ^ mixed ^ ((quadrant & 2) << 62));
        *c = f64::from_bits(cb ^ mixed ^ ((quadrant.wrapping_add(1) & 2) << 62));
        // What is no number is far too.
        far |= u64::from(x.is_nan() | (x.abs() > FAR));
    }
    if far != 0 {
        for ((x, s), c) in angles.iter().zip(sin).zip(cos) {
            (*s, *c) = libm::sincos(*x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_agree_with_the_library_to_the_last_bit_or_so_at_any_angle() {
        let mut angles: Vec<f64> = (-40_000..40_000).map(|i| f64::from(i) * 1.7e-3).collect();
        angles.extend((-900..900).map(|i| f64::from(i) * core::f64::consts::FRAC_PI_4));
        angles.extend((0..1000).map(|i| f64::from(i) * 97.3 - 4e4));
        angles.extend([0.0, -0.0, 1e-300, 5e-9, 9.99e4, 1e5]);
        let (mut sin, mut cos) = (vec![0.0; angles.len()], vec![0.0; angles.len()]);
        sin_cos(&angles, &mut sin, &mut cos);
        for (x, (s, c)) in angles.iter().zip(sin.iter().zip(&cos)) {
            let (ws, wc) = libm::sincos(*x);
            assert!((s - ws).abs() < 2.3e-16 && (c - wc).abs() < 2.3e-16, "{x}: {s} {ws}, {c} {wc}");
        }
        let far = [1e6, -3e12, f64::MAX, f64::NAN, f64::INFINITY, 0.3];
        let (mut sin, mut cos) = ([0.0; 6], [0.0; 6]);
        sin_cos(&far, &mut sin, &mut cos);
        assert_eq!((sin[1], cos[1]), libm::sincos(-3e12));
        assert!(sin[3].is_nan() && cos[4].is_nan() && sin[5] == libm::sin(0.3));
    }
}
