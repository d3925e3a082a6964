//! A picture in memory that can be drawn upon.

use crate::font;
use types::{Detection, Image};

/// A colour: red, green, blue, 0 to 255.
pub type Rgb = [u8; 3];

/// Red, green, blue bytes, row by row, origin at the top left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canvas {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    /// A canvas of one colour.
    #[must_use]
    pub fn new(width: usize, height: usize, color: Rgb) -> Self {
        Self { width, height, rgb: color.repeat(width * height) }
    }

    /// A copy of a camera's picture.
    #[must_use]
    pub fn from_image(image: &Image) -> Self {
        let (width, height) = image.size();
        Self { width, height, rgb: image.rgb.to_vec() }
    }

    /// From raw bytes, `height × width × 3`; a buffer that is too short is filled up with black.
    #[must_use]
    pub fn from_rgb(width: usize, height: usize, mut rgb: Vec<u8>) -> Self {
        rgb.resize(width * height * 3, 0);
        Self { width, height, rgb }
    }

    /// Width in pixels.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes, `height × width × 3`.
    #[must_use]
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// Sets one pixel; outside the canvas nothing happens.
    pub fn set(&mut self, x: i64, y: i64, color: Rgb) {
        if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y))
            && x < self.width
            && y < self.height
        {
            let at = 3 * (y * self.width + x);
            self.rgb[at..at + 3].copy_from_slice(&color);
        }
    }

    /// A filled rectangle; right and bottom are outside.
    pub fn fill(&mut self, [x0, y0, x1, y1]: [i64; 4], color: Rgb) {
        for y in y0.max(0)..y1.min(self.height as i64) {
            for x in x0.max(0)..x1.min(self.width as i64) {
                self.set(x, y, color);
            }
        }
    }

    /// Another canvas with its top left corner at (x, y); what is outside is left out.
    pub fn put(&mut self, x: i64, y: i64, other: &Self) {
        for (row, line) in other.rgb.chunks_exact(3 * other.width.max(1)).enumerate() {
            for (column, color) in line.as_chunks::<3>().0.iter().enumerate() {
                self.set(x + column as i64, y + row as i64, *color);
            }
        }
    }

    /// A line of one pixel's width (Bresenham, 1965), in dashes of `dash` pixels unless zero.
    pub fn line(&mut self, (x0, y0): (i64, i64), (x1, y1): (i64, i64), color: Rgb, dash: i64) {
        let bound = 4 * (self.width + self.height) as i64;
        let clamp = |v: i64| v.clamp(-bound, bound);
        let (mut x, mut y, x1, y1) = (clamp(x0), clamp(y0), clamp(x1), clamp(y1));
        let (dx, dy) = ((x1 - x).abs(), -(y1 - y).abs());
        let (sx, sy) = (if x < x1 { 1 } else { -1 }, if y < y1 { 1 } else { -1 });
        let mut err = dx + dy;
        let mut n = 0;
        loop {
            if dash == 0 || (n / dash) % 2 == 0 {
                self.set(x, y, color);
            }
            n += 1;
            if x == x1 && y == y1 {
                return;
            }
            let e2 = 2 * err;
            if e2 >= dy {
                err += dy;
                x += sx;
            }
            if e2 <= dx {
                err += dx;
                y += sy;
            }
        }
    }

    /// The outline of a rectangle.
    pub fn outline(&mut self, [x0, y0, x1, y1]: [i64; 4], color: Rgb) {
        self.line((x0, y0), (x1, y0), color, 0);
        self.line((x1, y0), (x1, y1), color, 0);
        self.line((x1, y1), (x0, y1), color, 0);
        self.line((x0, y1), (x0, y0), color, 0);
    }

    /// A cross in a square, nine pixels wide: "here".
    pub fn cross(&mut self, x: i64, y: i64, color: Rgb) {
        self.outline([x - 5, y - 5, x + 5, y + 5], [0, 0, 0]);
        self.outline([x - 4, y - 4, x + 4, y + 4], color);
        self.line((x - 4, y), (x + 4, y), color, 0);
        self.line((x, y - 4), (x, y + 4), color, 0);
    }

    /// Text with its top left corner at (x, y); every character is `6 · scale` by `8 · scale` pixels.
    pub fn text(&mut self, x: i64, y: i64, text: &str, color: Rgb, scale: i64) {
        for (i, c) in text.chars().enumerate() {
            let left = x + 6 * scale * i as i64;
            for (col, bits) in font::glyph(c).iter().enumerate() {
                for row in 0..7i64 {
                    if bits >> row & 1 == 1 {
                        let (px, py) = (left + scale * col as i64, y + scale * row);
                        self.fill([px, py, px + scale, py + scale], color);
                    }
                }
            }
        }
    }

    /// Width in pixels that [`Canvas::text`] takes.
    #[must_use]
    pub fn text_width(text: &str, scale: i64) -> i64 {
        6 * scale * text.chars().count() as i64
    }

    /// Every pixel `factor` times as wide and high.
    #[must_use]
    pub fn enlarged(&self, factor: usize) -> Self {
        let mut out = Self::new(self.width * factor, self.height * factor, [0; 3]);
        for y in 0..out.height {
            for x in 0..out.width {
                let from = 3 * ((y / factor) * self.width + x / factor);
                let to = 3 * (y * out.width + x);
                out.rgb[to..to + 3].copy_from_slice(&self.rgb[from..from + 3]);
            }
        }
        out
    }

    /// A model's detections: box, point, and what it takes each for. Drawn at `factor` times the size
    /// so that the words stay readable.
    #[must_use]
    pub fn with_detections(&self, detections: &[Detection], chosen: &[usize], factor: usize) -> Self {
        let mut out = self.enlarged(factor);
        let f = factor as f32;
        for (i, d) in detections.iter().enumerate() {
            let is_chosen = chosen.contains(&i);
            let color = if is_chosen { [255, 40, 200] } else { [30, 230, 60] };
            let b = d.box_px.map(|v| (v * f) as i64);
            out.outline(b, color);
            if is_chosen {
                out.outline([b[0] - 1, b[1] - 1, b[2] + 1, b[3] + 1], color);
            }
            let (px, py) = ((d.point_px[0] * f) as i64, (d.point_px[1] * f) as i64);
            out.line((px - 3, py), (px + 3, py), color, 0);
            out.line((px, py - 3), (px, py + 3), color, 0);
            let label = format!("{} {:.0}%", describe(d), 100.0 * d.score);
            let w = Self::text_width(&label, 1);
            let x = b[0].clamp(0, (out.width as i64 - w).max(0));
            let y = if b[1] >= 10 { b[1] - 10 } else { b[3] + 2 };
            out.fill([x - 1, y - 1, x + w, y + 8], [0, 0, 0]);
            out.text(x, y, &label, color, 1);
        }
        out
    }
}

/// "small red cube": the most probable attributes of a detection.
#[must_use]
pub fn describe(d: &Detection) -> String {
    fn best(p: &[f32]) -> usize {
        (0..p.len()).fold(0, |b, i| if p[i] > p[b] { i } else { b })
    }
    format!(
        "{} {} {}",
        types::Size::ALL[best(&d.size)],
        types::Color::ALL[best(&d.color)],
        types::Shape::ALL[best(&d.shape)]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_outside_the_canvas_changes_nothing_and_never_panics() {
        let mut c = Canvas::new(4, 4, [9; 3]);
        c.set(-1, 2, [0; 3]);
        c.fill([10, 10, 20, 20], [0; 3]);
        c.text(100, 100, "x", [0; 3], 3);
        c.line((i64::MIN / 2, 50), (i64::MAX / 2, 50), [0; 3], 0);
        c.put(4, -2, &Canvas::new(3, 3, [0; 3]));
        assert_eq!(c, Canvas::new(4, 4, [9; 3]));
    }

    #[test]
    fn a_canvas_that_is_put_upon_another_covers_what_is_below_it_and_no_more() {
        let mut c = Canvas::new(4, 3, [9; 3]);
        c.put(2, 1, &Canvas::new(3, 1, [1, 2, 3]));
        let of = |x: usize, y: usize| &c.rgb()[3 * (4 * y + x)..][..3];
        assert_eq!(
            (of(1, 1), of(2, 1), of(3, 1), of(3, 2)),
            (&[9; 3][..], &[1, 2, 3][..], &[1, 2, 3][..], &[9; 3][..])
        );
    }

    #[test]
    fn text_leaves_ink_for_every_printable_character_but_the_space() {
        for c in ' '..='~' {
            let mut canvas = Canvas::new(6, 8, [0; 3]);
            canvas.text(0, 0, &c.to_string(), [255; 3], 1);
            assert_eq!(canvas.rgb().iter().any(|v| *v > 0), c != ' ', "{c:?}");
        }
    }
}
