//! A picture of any size to what the net sees, and the way back.

use super::arch::{COLORS, INPUT_CHANNELS};
use super::relief;
use types::Image;

/// How a picture was fitted into the net's input: centred, its aspect kept.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Fit {
    /// Pixels of the input per pixel of the picture.
    pub(crate) scale: f32,
    /// Where the picture's left edge is in the input, pixels.
    pub(crate) left: f32,
    /// Where its top edge is.
    pub(crate) top: f32,
}

impl Fit {
    /// Fits a picture of `w` × `h` pixels into `width` × `height`.
    pub(crate) fn new((w, h): (usize, usize), (width, height): (usize, usize)) -> Self {
        let scale = (width as f32 / w.max(1) as f32).min(height as f32 / h.max(1) as f32);
        Self {
            scale,
            left: 0.5 * (width as f32 - scale * w as f32),
            top: 0.5 * (height as f32 - scale * h as f32),
        }
    }

    /// A point of the picture, in the input.
    pub(crate) fn apply(self, [x, y]: [f32; 2]) -> [f32; 2] {
        [x * self.scale + self.left, y * self.scale + self.top]
    }

    /// A point of the input, in the picture.
    pub(crate) fn undo(self, [x, y]: [f32; 2]) -> [f32; 2] {
        [(x - self.left) / self.scale, (y - self.top) / self.scale]
    }
}

/// The net's input ([`INPUT_CHANNELS`] × height × width): red, green, blue about zero whatever the
/// exposure; what depth says ([`relief`]); the column and row from −1 to 1.
pub(crate) fn prepare(image: &Image, target: (usize, usize)) -> (Vec<f32>, Fit) {
    let (rgb, (w, h), (width, height)) = (&*image.rgb, image.size(), target);
    let fit = Fit::new((w, h), target);
    let plane = width * height;
    let mut out = vec![0.0f32; INPUT_CHANNELS * plane];
    let mut inside = 0usize;
    let mut sum = 0.0f64;
    let mut known = vec![false; plane];
    let columns: Vec<Taps> = (0..width).map(|x| Taps::under(x, fit.left, fit.scale, w)).collect();
    let mut line = vec![0.0f32; COLORS * w];
    for y in 0..height {
        let rows = Taps::under(y, fit.top, fit.scale, h);
        if rows.is_outside {
            continue;
        }
        // The rows under this one, averaged; then the columns under each pixel.
        line.fill(0.0);
        for (row, share) in (rows.first..).zip(&rows.shares) {
            let from = &rgb[COLORS * row * w..COLORS * (row + 1) * w];
            line.iter_mut().zip(from).for_each(|(l, v)| *l += share / 255.0 * f32::from(*v));
        }
        for (x, columns) in columns.iter().enumerate().filter(|(_, c)| !c.is_outside) {
            let at = y * width + x;
            let mut color = [0.0f32; COLORS];
            for (pixel, share) in line[COLORS * columns.first..].chunks_exact(COLORS).zip(&columns.shares) {
                (0..COLORS).for_each(|c| color[c] += share * pixel[c]);
            }
            known[at] = true;
            inside += 1;
            sum += f64::from(color[0] + color[1] + color[2]);
            for (c, v) in color.iter().enumerate() {
                out[c * plane + at] = *v;
            }
        }
    }
    let relief = COLORS * plane..(COLORS + relief::PLANES) * plane;
    relief::fill(image, fit, target, &mut out[relief]);
    // Exposure: the mean brightness becomes 0.4, within what a dim room or a bright lamp would need.
    let mean = (sum / (3.0 * inside.max(1) as f64)) as f32;
    let gain = (0.4 / mean.max(1e-3)).clamp(0.4, 4.0);
    for at in 0..plane {
        for c in 0..COLORS {
            let v = &mut out[c * plane + at];
            // The border around a fitted picture is the mean itself.
            *v = if known[at] { ((*v * gain).min(1.5) - 0.4) * 3.0 } else { 0.0 };
        }
        let column = COLORS + relief::PLANES;
        out[column * plane + at] = ((at % width) as f32 + 0.5) / width as f32 * 2.0 - 1.0;
        out[(column + 1) * plane + at] = ((at / width) as f32 + 0.5) / height as f32 * 2.0 - 1.0;
    }
    (out, fit)
}

/// Swaps left and right in everything that was seen; the coordinates stay as they are.
pub(crate) fn mirror(x: &mut [f32], (width, height): (usize, usize)) {
    let seen = (COLORS + relief::PLANES) * width * height;
    x[..seen].chunks_mut(width).for_each(<[f32]>::reverse);
}

fn pixel(rgb: &[u8], w: usize, x: usize, y: usize) -> [f32; 3] {
    let at = 3 * (y * w + x);
    [0, 1, 2].map(|c| f32::from(rgb[at + c]) / 255.0)
}

/// The pixels of one axis of a picture that lie under a pixel of the input, and the share of each: what
/// each covers of it where the picture is the finer one, else between the two nearest.
struct Taps {
    first: usize,
    shares: Vec<f32>,
    is_outside: bool,
}

impl Taps {
    fn under(at: usize, border: f32, scale: f32, n: usize) -> Self {
        let (middle, half) = ((at as f32 + 0.5 - border) / scale, 0.5 / scale);
        let is_outside = !(middle >= 0.0 && middle < n as f32);
        let (low, high) = if half >= 0.5 {
            ((middle - half).max(0.0), (middle + half).min(n as f32))
        } else {
            let low = (middle - 0.5).clamp(0.0, (n - 1) as f32);
            (low, low + 1.0)
        };
        let first = (low.max(0.0) as usize).min(n - 1);
        let last = ((high.max(0.0) - 1e-4) as usize).clamp(first, n - 1);
        let covered = (first..=last).map(|i| (high.min(i as f32 + 1.0) - low.max(i as f32)).max(1e-6));
        let sum: f32 = covered.clone().sum();
        Self { first, shares: covered.map(|c| c / sum).collect(), is_outside }
    }
}

/// Colour at a point, edges repeated.
pub(crate) fn bilinear(rgb: &[u8], (w, h): (usize, usize), x: f32, y: f32) -> [f32; 3] {
    let split = |v: f32, n: usize| {
        let v = (v - 0.5).clamp(0.0, (n - 1) as f32);
        let low = (v as usize).min(n - 1);
        (low, (low + 1).min(n - 1), v - low as f32)
    };
    let ((x0, x1, fx), (y0, y1, fy)) = (split(x, w), split(y, h));
    let corners =
        [pixel(rgb, w, x0, y0), pixel(rgb, w, x1, y0), pixel(rgb, w, x0, y1), pixel(rgb, w, x1, y1)];
    [0, 1, 2].map(|c| {
        let upper = corners[0][c] * (1.0 - fx) + corners[1][c] * fx;
        let lower = corners[2][c] * (1.0 - fx) + corners[3][c] * fx;
        upper * (1.0 - fy) + lower * fy
    })
}
