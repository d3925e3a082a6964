//! Line plots: a column of panels over one horizontal axis.

use crate::canvas::{Canvas, Rgb};

/// One line of a panel.
#[derive(Clone, Debug)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Points (x, y), x rising.
    pub points: Vec<(f64, f64)>,
}

/// One diagram.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What is drawn, with its unit.
    pub title: String,
    /// Lowest and highest y; `None` to fit the data.
    pub range: Option<(f64, f64)>,
    /// Horizontal lines in red: limits.
    pub limits: Vec<f64>,
    /// The lines.
    pub series: Vec<Series>,
}

/// Panels over one horizontal axis.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Above everything.
    pub title: String,
    /// The horizontal axis, with its unit.
    pub x_label: String,
    /// From top to bottom.
    pub panels: Vec<Panel>,
}

const PALETTE: [Rgb; 8] = [
    [31, 119, 180],
    [255, 127, 14],
    [44, 160, 44],
    [148, 103, 189],
    [140, 86, 75],
    [227, 119, 194],
    [23, 150, 170],
    [100, 100, 100],
];
const INK: Rgb = [40, 40, 40];
const GRID: Rgb = [225, 225, 225];
const LIMIT: Rgb = [214, 39, 40];
const LEFT: i64 = 70;
const PANEL_HEIGHT: i64 = 190;
/// Above and below the data, where it decides the range: a share of it.
const ROOM: f64 = 0.05;

impl Plot {
    /// Draws the plot, `width` pixels wide.
    #[must_use]
    pub fn draw(&self, width: usize) -> Canvas {
        let height = 30 + PANEL_HEIGHT * self.panels.len() as i64 + 30;
        let mut canvas = Canvas::new(width, height as usize, [255; 3]);
        canvas.text(LEFT, 8, &self.title, INK, 2);
        let xs = self.panels.iter().flat_map(|p| &p.series).flat_map(|s| &s.points).map(|p| p.0);
        let (x0, x1) = bounds(xs);
        let right = width as i64 - 110;
        for (i, panel) in self.panels.iter().enumerate() {
            let top = 34 + PANEL_HEIGHT * i as i64 + 14;
            let area = [LEFT, top, right, top + PANEL_HEIGHT - 34];
            draw_panel(&mut canvas, panel, area, (x0, x1));
        }
        let bottom = 34 + PANEL_HEIGHT * self.panels.len() as i64 - 16;
        for v in marks(x0, x1, 10) {
            let x = LEFT + ((v - x0) / (x1 - x0) * (right - LEFT) as f64) as i64;
            let label = number(v);
            canvas.text(x - Canvas::text_width(&label, 1) / 2, bottom, &label, INK, 1);
        }
        canvas.text((LEFT + right) / 2 - 30, bottom + 14, &self.x_label, INK, 1);
        canvas
    }
}

fn draw_panel(canvas: &mut Canvas, panel: &Panel, area: [i64; 4], (x0, x1): (f64, f64)) {
    let [left, top, right, bottom] = area;
    let ys = panel.series.iter().flat_map(|s| &s.points).map(|p| p.1);
    let (y0, y1) = panel.range.unwrap_or_else(|| {
        let (lo, hi) = bounds(ys.chain(panel.limits.iter().copied()));
        let room = ROOM * (hi - lo);
        (lo - room, hi + room)
    });
    let to_px = |(x, y): (f64, f64)| {
        (
            left + ((x - x0) / (x1 - x0) * (right - left) as f64) as i64,
            bottom - ((y - y0) / (y1 - y0) * (bottom - top) as f64).clamp(-1e4, 1e4) as i64,
        )
    };
    canvas.text(left, top - 11, &panel.title, INK, 1);
    for v in marks(y0, y1, 6) {
        let (_, y) = to_px((x0, v));
        canvas.line((left, y), (right, y), GRID, 0);
        let label = number(v);
        canvas.text(left - 4 - Canvas::text_width(&label, 1), y - 3, &label, INK, 1);
    }
    for limit in &panel.limits {
        let (_, y) = to_px((x0, *limit));
        canvas.line((left, y), (right, y), LIMIT, 5);
    }
    for (i, series) in panel.series.iter().enumerate() {
        let color = PALETTE[i % PALETTE.len()];
        let finite = |p: &&(f64, f64)| p.0.is_finite() && p.1.is_finite();
        let pixels: Vec<_> = series.points.iter().filter(finite).map(|p| to_px(*p)).collect();
        for pair in pixels.windows(2) {
            canvas.line(pair[0], pair[1], color, 0);
        }
        let y = top + 11 * i as i64;
        canvas.fill([right + 8, y + 2, right + 18, y + 5], color);
        canvas.text(right + 22, y, &series.name, INK, 1);
    }
    canvas.outline(area, INK);
}

/// Lowest and highest finite value, a little apart in any case.
fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (lo, hi) = values
        .filter(|v| v.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if lo > hi {
        (0.0, 1.0)
    } else if hi - lo < 1e-9 {
        (lo - 0.5, hi + 0.5)
    } else {
        (lo, hi)
    }
}

/// Round numbers between two others, at most `most` of them and one.
fn marks(lo: f64, hi: f64, most: u8) -> Vec<f64> {
    let rough = (hi - lo) / f64::from(most);
    let tens = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * tens).find(|s| *s >= rough).unwrap_or(rough);
    let (first, last) = ((lo / step).ceil(), (hi / step).floor());
    if !(first.is_finite() && last - first <= f64::from(most)) {
        // Numbers beyond what can be told apart.
        return vec![lo, hi];
    }
    (0..=(last - first) as i64).map(|k| (first + k as f64) * step).collect()
}

/// As few digits as tell it from its neighbours.
fn number(v: f64) -> String {
    let text = format!("{v:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text {
        "-0" | "0" if v.abs() > 1e-9 => format!("{v:.0e}"),
        "-0" => "0".to_owned(),
        _ if v.abs() >= 1e7 => format!("{v:.1e}"),
        text => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_of_nothing_of_one_point_or_of_numbers_that_are_none_is_still_a_picture() {
        for points in [vec![], vec![(1.0, 1.0)], vec![(0.0, f64::NAN), (f64::INFINITY, 2.0)]] {
            let series = vec![Series { name: "a".into(), points }];
            let panel = Panel { title: "t".into(), range: None, limits: vec![1.0], series };
            let plot = Plot { title: "p".into(), x_label: "s".into(), panels: vec![panel] };
            assert_eq!(plot.draw(640).width(), 640);
        }
    }

    #[test]
    fn marks_are_round_few_and_between_the_ends() {
        let words = |lo, hi| marks(lo, hi, 6).into_iter().map(number).collect::<Vec<_>>().join(" ");
        assert_eq!(words(0.003, 13.08), "5 10");
        assert_eq!(words(-0.19, 0.006), "-0.15 -0.1 -0.05 0");
        assert_eq!(words(-1.1, 1.1), "-1 -0.5 0 0.5 1");
        assert_eq!(words(995.0, 1004.0), "996 998 1000 1002 1004");
        for (lo, hi) in [(-0.5, 0.5), (0.0, 1e-7), (-3e9, 4e9), (1e15, 1e15 + 1.0), (12.0, 12.7)] {
            let marks = marks(lo, hi, 6);
            assert!((2..=7).contains(&marks.len()), "{lo} to {hi}: {marks:?}");
            assert!(marks.iter().all(|v| *v >= lo - 1e-9 && *v <= hi + 1e-9), "{lo} to {hi}: {marks:?}");
        }
    }
}
