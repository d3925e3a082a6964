//! What is known of each column of a dataset: least, most, mean, spread, and shares.

use serde_json::{Map, Value, json};

/// The shares that are told, with their names.
const SHARES: [(&str, f64); 5] = [("q01", 0.01), ("q10", 0.1), ("q50", 0.5), ("q90", 0.9), ("q99", 0.99)];
/// Names of what is told of each column, in order; how many frames it is of is told besides, as `count`.
pub(super) const TOLD: [&str; 9] = ["min", "max", "mean", "std", "q01", "q10", "q50", "q90", "q99"];
/// Every so many pixels of a row, and every so many rows, one counts.
const STRIDE: usize = 4;

/// One column's figures: for each of [`TOLD`] a number per entry of a row.
pub(super) struct Figures {
    pub(super) told: [Vec<f64>; 9],
    pub(super) frames: u64,
    pub(super) is_picture: bool,
}

impl Figures {
    /// As `meta/stats.json` has it.
    pub(super) fn json(&self) -> Value {
        let mut map = Map::new();
        for (name, values) in TOLD.iter().zip(&self.told) {
            let value = if self.is_picture {
                // Channels, rows, columns.
                Value::from_iter(values.iter().map(|v| json!([[v]])))
            } else {
                json!(values)
            };
            map.insert((*name).to_owned(), value);
        }
        map.insert("count".into(), json!([self.frames]));
        Value::Object(map)
    }
}

/// Numbers of one column, row after row.
#[derive(Clone, Debug, Default)]
pub(super) struct Column {
    in_row: usize,
    values: Vec<f32>,
}

impl Column {
    pub(super) fn new(in_row: usize) -> Self {
        Self { in_row, values: Vec::new() }
    }

    pub(super) fn take(&mut self, row: &[f32]) {
        self.values.extend_from_slice(row);
    }

    /// Of the rows from this one on.
    pub(super) fn figures(&self, from: usize) -> Figures {
        let rows = self.values.get(from * self.in_row..).unwrap_or_default();
        let frames = rows.len() / self.in_row.max(1);
        let mut told: [Vec<f64>; 9] = Default::default();
        for j in 0..self.in_row {
            let mut sorted: Vec<f64> =
                rows.iter().skip(j).step_by(self.in_row).map(|v| f64::from(*v)).collect();
            let n = sorted.len().max(1) as f64;
            let mean = sorted.iter().sum::<f64>() / n;
            let variance = sorted.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
            sorted.sort_by(f64::total_cmp);
            let at = |share: f64| {
                let last = sorted.len().saturating_sub(1);
                let place = share * last as f64;
                let low = sorted.get(place as usize).copied().unwrap_or(0.0);
                let high = sorted.get((place as usize + 1).min(last)).copied().unwrap_or(0.0);
                low + (high - low) * place.fract()
            };
            let four = [at(0.0), at(1.0), mean, variance.sqrt()];
            for (to, v) in told.iter_mut().zip(four.into_iter().chain(SHARES.map(|(_, s)| at(s)))) {
                to.push(v);
            }
        }
        Figures { told, frames: frames as u64, is_picture: false }
    }
}

/// How often each level of each channel was seen.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    counts: [[u64; 256]; 3],
    frames: u64,
}

impl Default for Levels {
    fn default() -> Self {
        Self { counts: [[0; 256]; 3], frames: 0 }
    }
}

impl Levels {
    /// Takes in a picture, red, green and blue bytes row by row; of its pixels a part.
    pub(super) fn take(&mut self, rgb: &[u8], width: usize) {
        self.frames += 1;
        for row in rgb.chunks_exact(3 * width.max(1)).step_by(STRIDE) {
            for pixel in row.chunks_exact(3).step_by(STRIDE) {
                for (counts, v) in self.counts.iter_mut().zip(pixel) {
                    counts[usize::from(*v)] += 1;
                }
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        for (to, from) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *to += from;
        }
    }

    /// Levels as parts of the greatest, 0 to 1.
    pub(super) fn figures(&self) -> Figures {
        let mut told: [Vec<f64>; 9] = Default::default();
        for counts in &self.counts {
            let n = counts.iter().sum::<u64>().max(1);
            let level = |i: usize| i as f64 / 255.0;
            let weighted = |f: &dyn Fn(f64) -> f64| {
                counts.iter().enumerate().map(|(i, c)| f(level(i)) * *c as f64).sum::<f64>() / n as f64
            };
            let mean = weighted(&|v| v);
            let variance = weighted(&|v| (v - mean) * (v - mean));
            let at = |share: f64| {
                let wanted = ((share * n as f64).ceil() as u64).max(1);
                let mut seen = 0;
                let found = counts.iter().position(|c| {
                    seen += c;
                    seen >= wanted
                });
                found.map_or(0.0, level)
            };
            let four = [at(0.0), at(1.0), mean, variance.sqrt()];
            for (to, v) in told.iter_mut().zip(four.into_iter().chain(SHARES.map(|(_, s)| at(s)))) {
                to.push(v);
            }
        }
        Figures { told, frames: self.frames, is_picture: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_known_numbers_and_levels_are_those_done_by_hand() {
        let mut column = Column::new(2);
        column.take(&[100.0, 0.0]);
        for k in 0..=4_u8 {
            column.take(&[f32::from(k), 7.0]);
        }
        let f = column.figures(1);
        assert_eq!(f.frames, 5);
        let [min, max, mean, std, q01, q10, q50, q90, q99] = f.told;
        assert_eq!((min, max, mean), (vec![0.0, 7.0], vec![4.0, 7.0], vec![2.0, 7.0]));
        assert_eq!((std[0], std[1], q50[0]), (2.0_f64.sqrt(), 0.0, 2.0));
        assert!((q01[0] - 0.04).abs() < 1e-12 && (q10[0] - 0.4).abs() < 1e-12);
        assert!((q90[0] - 3.6).abs() < 1e-12 && (q99[0] - 3.96).abs() < 1e-12);

        // Half black, half of them white in red alone.
        let mut rgb = vec![0; 3 * 64];
        (0..32).for_each(|i| rgb[3 * i] = 255);
        let mut levels = Levels::default();
        levels.take(&rgb, 8);
        levels.add(&levels.clone());
        let f = levels.figures();
        assert_eq!((f.frames, f.told[2].clone()), (2, vec![0.5, 0.0, 0.0]));
        assert_eq!((f.told[3][0], f.told[1].clone()), (0.5, vec![1.0, 0.0, 0.0]));
        assert_eq!(f.json()["mean"], serde_json::json!([[[0.5]], [[0.0]], [[0.0]]]));
    }
}
