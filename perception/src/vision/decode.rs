//! The net's output maps to a list of objects.

use super::arch::{BOX_UNIT, GROUPS, STRIDE, field};
use super::input::Fit;
use types::Detection;

/// At most so many objects in one picture.
const MAX_DETECTIONS: usize = 64;
/// Two boxes of one group that overlap by more than this (intersection over union) are one object.
const SAME_OVERLAP: f32 = 0.6;
/// So are two whose centres are closer than this, pixels of the input.
const SAME_DISTANCE: f32 = 2.6;

/// The output of one picture: every field of every half-size cell.
pub(crate) struct Maps<'a> {
    /// Channels × quarter height × quarter width.
    pub(crate) values: &'a [f32],
    /// Cells per row, at half size.
    pub(crate) width: usize,
    /// Rows of cells, at half size.
    pub(crate) height: usize,
}

/// Where a field of a cell stands in the output of one picture: the four half-size cells of a
/// quarter-size cell are four channels of the last layer.
pub(crate) fn position(
    (width, height): (usize, usize),
    group: usize,
    field: usize,
    (x, y): (usize, usize),
) -> usize {
    let channel = (group * field::COUNT + field) * 4 + (y % 2) * 2 + x % 2;
    (channel * (height / 2) + y / 2) * (width / 2) + x / 2
}

impl Maps<'_> {
    fn get(&self, group: usize, field: usize, cell: (usize, usize)) -> f32 {
        self.values[position((self.width, self.height), group, field, cell)]
    }

    fn softmax<const N: usize>(&self, group: usize, field: usize, cell: (usize, usize)) -> [f32; N] {
        let logits: [f32; N] = core::array::from_fn(|i| self.get(group, field + i, cell));
        let top = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let powers = logits.map(|l| libm::expf(l - top));
        let sum: f32 = powers.iter().sum();
        powers.map(|p| p / sum)
    }

    /// Whether a cell's heat is not less than that of its eight neighbours.
    fn is_peak(&self, group: usize, (x, y): (usize, usize), heat: f32) -> bool {
        for ny in y.saturating_sub(1)..(y + 2).min(self.height) {
            for nx in x.saturating_sub(1)..(x + 2).min(self.width) {
                let other = self.get(group, field::HEAT, (nx, ny));
                // Of two equal neighbours the first one is the peak.
                if other > heat || (other == heat && (ny, nx) < (y, x)) {
                    return false;
                }
            }
        }
        true
    }

    fn detection(&self, group: usize, cell: (usize, usize), heat: f32, fit: Fit) -> Detection {
        let centre = [cell.0, cell.1].map(|c| (c as f32 + 0.5) * STRIDE as f32);
        let offset = |axis: usize| self.get(group, field::OFFSET + axis, cell) * STRIDE as f32;
        let side = |i: usize| self.get(group, field::BOX + i, cell) * BOX_UNIT;
        let low = fit.undo([centre[0] - side(0), centre[1] - side(1)]);
        let high = fit.undo([centre[0] + side(2), centre[1] + side(3)]);
        Detection {
            score: 1.0 / (1.0 + libm::expf(-heat)),
            box_px: [low[0], low[1], high[0].max(low[0]), high[1].max(low[1])],
            point_px: fit.undo([centre[0] + offset(0), centre[1] + offset(1)]),
            color: self.softmax(group, field::COLOR, cell),
            shape: self.softmax(group, field::SHAPE, cell),
            size: self.softmax(group, field::SIZE, cell),
        }
    }

    /// Every object with at least this score, best first.
    pub(crate) fn detections(&self, threshold: f32, fit: Fit) -> Vec<Detection> {
        let least = libm::logf(threshold / (1.0 - threshold));
        let mut found: Vec<(usize, Detection)> = Vec::new();
        for group in 0..GROUPS {
            for y in 0..self.height {
                for x in 0..self.width {
                    let heat = self.get(group, field::HEAT, (x, y));
                    if heat >= least && self.is_peak(group, (x, y), heat) {
                        found.push((group, self.detection(group, (x, y), heat, fit)));
                    }
                }
            }
        }
        // A stable sort: equal scores stay in the order of the cells.
        found.sort_by(|a, b| b.1.score.total_cmp(&a.1.score));
        let near = SAME_DISTANCE / fit.scale;
        let mut kept: Vec<(usize, Detection)> = Vec::new();
        for (group, d) in found {
            if kept.len() == MAX_DETECTIONS {
                break;
            }
            let same = |other: &Detection| {
                overlap(&d.box_px, &other.box_px) > SAME_OVERLAP
                    || libm::hypotf(d.point_px[0] - other.point_px[0], d.point_px[1] - other.point_px[1])
                        < near
            };
            if !kept.iter().any(|(g, other)| *g == group && same(other)) {
                kept.push((group, d));
            }
        }
        kept.into_iter().map(|(_, d)| d).collect()
    }
}

/// Intersection over union of two boxes (left, top, right, bottom).
pub(crate) fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let w = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let h = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let area = |r: &[f32; 4]| (r[2] - r[0]).max(0.0) * (r[3] - r[1]).max(0.0);
    let union = area(a) + area(b) - w * h;
    if union > 0.0 { w * h / union } else { 0.0 }
}
