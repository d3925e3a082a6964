//! Making pictures smaller or larger, to the bit as torchvision 0.29 does it to bytes: bicubic (a = −0.5) or Lanczos,
//! antialiased, first along rows and then along columns, weights as 16-bit fixed-point numbers, and bytes
//! in between.

use super::picture::{Pixels, check_sides};
use types::Rejection;

/// What one output pixel takes: from which input pixel on, and how much of each.
struct Taps {
    begin: usize,
    weights: Vec<i32>,
}

/// By what the pixels nearby are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    Cubic,
    Lanczos,
}

impl Filter {
    /// How far it reaches, in pixels of the larger step.
    fn support(self) -> f64 {
        match self {
            Self::Cubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        match self {
            Self::Cubic => cubic(x),
            Self::Lanczos => lanczos(x),
        }
    }
}

/// sinc(x) sinc(x / 3), within three of zero (Lanczos; Duchon 1979).
fn lanczos(x: f64) -> f64 {
    let sinc = |x: f64| {
        let x = core::f64::consts::PI * x;
        if x == 0.0 { 1.0 } else { libm::sin(x) / x }
    };
    if (-3.0..3.0).contains(&x) { sinc(x) * sinc(x / 3.0) } else { 0.0 }
}

/// Keys' cubic convolution (1981) with a = −0.5.
fn cubic(x: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

/// The taps of every output pixel, and by how many bits the weights are shifted up: as many as keep the
/// largest below 2¹⁵.
fn taps(n_in: usize, n_out: usize, filter: Filter) -> (Vec<Taps>, u32) {
    let scale = n_in as f64 / n_out as f64;
    // Wider where the picture shrinks: that is the antialiasing.
    let stretch = scale.max(1.0);
    let support = filter.support() * stretch;
    let real: Vec<(usize, Vec<f64>)> = (0..n_out)
        .map(|i| {
            let center = scale * (i as f64 + 0.5);
            let begin = (center - support + 0.5).max(0.0) as usize;
            let end = ((center + support + 0.5) as usize).min(n_in);
            let raw = |j: usize| filter.weight((j as f64 - center + 0.5) / stretch);
            let weights: Vec<f64> = (begin..end).map(raw).collect();
            let total: f64 = weights.iter().sum();
            (begin, weights.iter().map(|w| w / total).collect())
        })
        .collect();
    let largest = real.iter().flat_map(|(_, w)| w).fold(0.0_f64, |m, w| m.max(*w));
    let fits = |bits: &u32| ((0.5 + largest * f64::from(1u32 << (bits + 1))) as i64) < (1 << 15);
    let bits = (0..22).take_while(fits).count() as u32;
    let fixed = |w: f64| (w * f64::from(1u32 << bits)).round() as i32;
    let taps = |(begin, weights): (usize, Vec<f64>)| Taps {
        begin,
        weights: weights.into_iter().map(fixed).collect(),
    };
    (real.into_iter().map(taps).collect(), bits)
}

/// The picture with another number of pixels.
///
/// # Errors
/// As [`Pixels::new`].
pub(super) fn resize(
    picture: &Pixels,
    width: usize,
    height: usize,
    filter: Filter,
) -> Result<Pixels, Rejection> {
    check_sides(width, height)?;
    let (w, h) = (picture.width(), picture.height());
    let mut rgb = picture.rgb().to_vec();
    if width != w {
        let (taps, bits) = taps(w, width, filter);
        let mut out = Vec::with_capacity(3 * width * h);
        for row in rgb.chunks_exact(3 * w) {
            for tap in &taps {
                let pixels = &row[3 * tap.begin..];
                out.extend([0, 1, 2].map(|c| weighed(&tap.weights, bits, |j| pixels[3 * j + c])));
            }
        }
        rgb = out;
    }
    if height != h {
        let (taps, bits) = taps(h, height, filter);
        let stride = 3 * width;
        let mut out = Vec::with_capacity(stride * height);
        for tap in &taps {
            let rows = &rgb[stride * tap.begin..];
            out.extend((0..stride).map(|x| weighed(&tap.weights, bits, |j| rows[stride * j + x])));
        }
        rgb = out;
    }
    Pixels::new(width, height, rgb)
}

fn weighed(weights: &[i32], bits: u32, value: impl Fn(usize) -> u8) -> u8 {
    let half = if bits == 0 { 0 } else { 1 << (bits - 1) };
    let sum = weights.iter().enumerate().fold(half, |sum, (j, w)| sum + w * i32::from(value(j)));
    (sum >> bits).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_picture_stays_plain_and_the_same_size_changes_nothing() {
        let plain = Pixels::new(37, 20, [9, 130, 255].repeat(37 * 20)).expect("a picture");
        let sizes = [(12, 7), (90, 64), (37, 5), (1, 1)];
        let both = sizes.iter().flat_map(|size| [Filter::Cubic, Filter::Lanczos].map(|f| (*size, f)));
        for ((w, h), filter) in both {
            let other = resize(&plain, w, h, filter).expect("resized");
            assert_eq!((other.width(), other.height()), (w, h));
            assert!(
                other.rgb().chunks(3).all(|p| p.iter().zip([9, 130, 255]).all(|(a, b)| a.abs_diff(b) <= 1))
            );
        }
        // Nothing is computed for sides that no picture may have: this would be 6 GB.
        for (w, h) in [(53_000, 40_000), (8193, 1), (1, 8193), (0, 1)] {
            let e = resize(&plain, w, h, Filter::Cubic).expect_err("too large").to_string();
            assert!(e.contains(&format!("{w} × {h}")), "{e}");
        }
        let ramp = Pixels::new(4, 3, (0..36).collect()).expect("a picture");
        assert_eq!(resize(&ramp, 4, 3, Filter::Cubic).expect("the same"), ramp);
    }
}
