//! The eight colours: their plain tones, and their families in hue, saturation and value.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::Color;

/// The plain tone of a colour, sRGB, 0 to 1.
#[must_use]
pub fn rgb(color: Color) -> [f32; 3] {
    match color {
        Color::Red => [0.80, 0.09, 0.10],
        Color::Green => [0.12, 0.58, 0.18],
        Color::Blue => [0.10, 0.28, 0.82],
        Color::Yellow => [0.96, 0.82, 0.10],
        Color::Orange => [0.97, 0.48, 0.05],
        Color::Purple => [0.48, 0.15, 0.62],
        Color::White => [0.92, 0.92, 0.91],
        Color::Black => [0.08, 0.08, 0.085],
    }
}

/// Hue in degrees, saturation and value, each from and to: every tone that a person calls by the
/// colour's name, with gaps between the families.
fn family(color: Color) -> [[f32; 2]; 3] {
    match color {
        Color::Red => [[-10.0, 5.0], [0.80, 1.00], [0.55, 0.86]],
        Color::Orange => [[22.0, 31.0], [0.86, 1.00], [0.86, 1.00]],
        Color::Yellow => [[47.0, 57.0], [0.72, 1.00], [0.84, 1.00]],
        Color::Green => [[100.0, 146.0], [0.55, 1.00], [0.36, 0.72]],
        Color::Blue => [[207.0, 232.0], [0.68, 1.00], [0.50, 0.92]],
        Color::Purple => [[272.0, 296.0], [0.50, 0.88], [0.38, 0.70]],
        Color::White => [[0.0, 360.0], [0.00, 0.05], [0.86, 0.99]],
        Color::Black => [[0.0, 360.0], [0.00, 0.20], [0.04, 0.13]],
    }
}

/// A tone of a colour: plain at `spread` 0, anywhere in its family at 1.
#[must_use]
pub fn tone(color: Color, spread: f32, seed: u64, idx: u64) -> [f32; 3] {
    let plain = rgb(color);
    if spread <= 0.0 {
        return plain;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(idx);
    let [h, s, v] = family(color).map(|[a, b]| a + (b - a) * rng.random::<f32>());
    let far = from_hsv(h, s, v);
    core::array::from_fn(|i| plain[i] + (far[i] - plain[i]) * spread.min(1.0))
}

/// Hue in degrees (any), saturation and value in 0 to 1, to sRGB (Smith, "Color gamut transform
/// pairs", 1978).
#[must_use]
pub fn from_hsv(hue: f32, saturation: f32, value: f32) -> [f32; 3] {
    let channel = |n: f32| {
        let k = n + hue / 60.0;
        let k = k - 6.0 * libm::floorf(k / 6.0);
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
        (0..3).map(|i| (a[i] - b[i]) * (a[i] - b[i])).sum::<f32>().sqrt()
    }

    #[test]
    fn any_tone_of_a_colour_is_nearer_to_its_own_family_than_to_any_other() {
        let tones = |c: Color| (0..400).map(move |i| tone(c, 1.0, 7, i)).chain([rgb(c)]).collect::<Vec<_>>();
        for &a in Color::ALL {
            for &b in Color::ALL.iter().filter(|b| **b != a) {
                let gap = tones(a)
                    .iter()
                    .flat_map(|x| tones(b).into_iter().map(|y| distance(*x, y)))
                    .fold(f32::MAX, f32::min);
                assert!(gap > 0.12, "{a} and {b} come as near as {gap}");
            }
        }
    }

    #[test]
    fn hue_saturation_and_value_give_the_pure_colours() {
        assert_eq!(from_hsv(0.0, 1.0, 1.0), [1.0, 0.0, 0.0]);
        assert_eq!(from_hsv(-240.0, 1.0, 0.5), [0.0, 0.5, 0.0]);
        assert_eq!(from_hsv(240.0, 0.5, 1.0), [0.5, 0.5, 1.0]);
        assert_eq!(from_hsv(77.0, 0.0, 0.3), [0.3; 3]);
    }
}
