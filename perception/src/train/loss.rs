//! How wrong the output of a batch is, and in which direction it gets better.
//!
//! Heat: the focal loss of "Objects as Points" (Zhou et al., 2019): α = 2, β = 4. Boxes and offsets:
//! absolute difference. Attributes: cross-entropy. The latter three are asked of every cell near an
//! object's centre, weighted by its target heat, so that a peak one cell off still answers right.

use super::sample::Target;
use crate::vision::arch::{BOX_UNIT, GROUPS, STRIDE, field};
use crate::vision::decode::position;
use serde::{Deserialize, Serialize};

/// The parts of the loss, each a mean over objects or cells of the batch.
#[derive(Copy, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parts {
    /// Where objects are.
    pub heat: f32,
    /// Their boxes and exact centres.
    pub boxes: f32,
    /// Colour.
    pub color: f32,
    /// Shape.
    pub shape: f32,
    /// Size.
    pub size: f32,
}

impl Parts {
    /// What is minimised.
    #[must_use]
    pub fn total(&self) -> f32 {
        self.heat + self.boxes + self.color + self.shape + self.size
    }

    pub(crate) fn to_array(self) -> [f32; 5] {
        [self.heat, self.boxes, self.color, self.shape, self.size]
    }

    pub(crate) fn from_array([heat, boxes, color, shape, size]: [f32; 5]) -> Self {
        Self { heat, boxes, color, shape, size }
    }
}

const BOX_WEIGHT: f32 = 2.0;
const OFFSET_WEIGHT: f32 = 0.3;
const CLASS_WEIGHT: f32 = 1.0;
/// Cells with less target heat than this are asked for nothing but heat.
const NEAR: f32 = 0.4;

/// Target heat of every cell of one group, and whose it is.
struct Heat {
    value: Vec<f32>,
    owner: Vec<usize>,
}

/// A bump around every centre, as wide as the object is large ("Objects as Points").
fn heat(targets: &[Target], group: usize, (width, height): (usize, usize)) -> Heat {
    let mut map = Heat { value: vec![0.0; width * height], owner: vec![usize::MAX; width * height] };
    for (i, t) in targets.iter().enumerate().filter(|(_, t)| t.group == group) {
        let [cx, cy] = t.center_px.map(|p| p / STRIDE as f32);
        // Cell of the centre; an object whose centre is outside the picture has no peak.
        if !(cx >= 0.0 && cy >= 0.0 && cx < width as f32 && cy < height as f32) {
            continue;
        }
        let (px, py) = (cx as usize, cy as usize);
        let area = (t.box_px[2] - t.box_px[0]).max(1.0) * (t.box_px[3] - t.box_px[1]).max(1.0);
        let sigma = (0.12 * area.sqrt() / STRIDE as f32 + 0.3).clamp(0.8, 2.5);
        let reach = (3.0 * sigma) as usize + 1;
        for y in py.saturating_sub(reach)..(py + reach + 1).min(height) {
            for x in px.saturating_sub(reach)..(px + reach + 1).min(width) {
                let (dx, dy) = (x as f32 - px as f32, y as f32 - py as f32);
                let v = libm::expf(-(dx * dx + dy * dy) / (2.0 * sigma * sigma));
                if v > map.value[y * width + x] {
                    map.value[y * width + x] = v;
                    map.owner[y * width + x] = i;
                }
            }
        }
    }
    map
}

/// Loss of a batch and its gradient by every output. `output`: per picture, all channels × a quarter
/// of the input's sides; `cells`: half of the input's sides.
pub(crate) fn batch(output: &[f32], targets: &[&[Target]], cells: (usize, usize)) -> (Parts, Vec<f32>) {
    let per_picture = output.len() / targets.len().max(1);
    let maps: Vec<[Heat; GROUPS]> =
        targets.iter().map(|t| core::array::from_fn(|g| heat(t, g, cells))).collect();
    let all = || maps.iter().flatten().flat_map(|m| m.value.iter().copied());
    let n_peaks = all().filter(|v| *v >= 1.0).count().max(1) as f32;
    let near = all().filter(|v| *v > NEAR).sum::<f32>().max(1.0);
    let mut parts = Parts::default();
    let mut grad = vec![0.0f32; output.len()];
    for (i, groups) in maps.iter().enumerate() {
        let range = i * per_picture..(i + 1) * per_picture;
        let (from, to) = (&output[range.clone()], &mut grad[range]);
        for (g, map) in groups.iter().enumerate() {
            for y in 0..cells.1 {
                for x in 0..cells.0 {
                    let k = y * cells.0 + x;
                    let at = |field: usize| position(cells, g, field, (x, y));
                    let (l, d) = focal(from[at(field::HEAT)], map.value[k]);
                    parts.heat += l / n_peaks;
                    to[at(field::HEAT)] = d / n_peaks;
                    if map.value[k] > NEAR && map.owner[k] != usize::MAX {
                        let weight = map.value[k] / near;
                        cell(&targets[i][map.owner[k]], (x, y), weight, at, from, to, &mut parts);
                    }
                }
            }
        }
    }
    (parts, grad)
}

/// Box, offset and attributes of one cell.
fn cell(
    target: &Target,
    (x, y): (usize, usize),
    weight: f32,
    at: impl Fn(usize) -> usize,
    from: &[f32],
    to: &mut [f32],
    parts: &mut Parts,
) {
    let centre = [x, y].map(|c| (c as f32 + 0.5) * STRIDE as f32);
    let b = &target.box_px;
    let sides = [centre[0] - b[0], centre[1] - b[1], b[2] - centre[0], b[3] - centre[1]];
    let offset = [0, 1].map(|i| (target.center_px[i] - centre[i]) / STRIDE as f32);
    let mut regress = |field: usize, want: f32, weight: f32| {
        let error = from[at(field)] - want;
        parts.boxes += weight * error.abs();
        to[at(field)] = weight * if error == 0.0 { 0.0 } else { error.signum() };
    };
    for (i, side) in sides.iter().enumerate() {
        regress(field::BOX + i, side / BOX_UNIT, BOX_WEIGHT * weight);
    }
    for (i, o) in offset.iter().enumerate() {
        regress(field::OFFSET + i, *o, OFFSET_WEIGHT * weight);
    }
    let heads = [
        (field::COLOR, field::SHAPE - field::COLOR, &mut parts.color),
        (field::SHAPE, field::SIZE - field::SHAPE, &mut parts.shape),
        (field::SIZE, field::COUNT - field::SIZE, &mut parts.size),
    ];
    for ((first, n, part), class) in heads.into_iter().zip(target.classes) {
        let weight = CLASS_WEIGHT * weight;
        let logits: Vec<f32> = (0..n).map(|k| from[at(first + k)]).collect();
        *part += weight * cross_entropy(&logits, class, |k, slope| to[at(first + k)] = weight * slope);
    }
}

/// The cross-entropy of logits against a class; hands its slope by each logit to `slope`.
pub(crate) fn cross_entropy(logits: &[f32], class: usize, mut slope: impl FnMut(usize, f32)) -> f32 {
    let top = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let sum: f32 = logits.iter().map(|l| libm::expf(l - top)).sum();
    for (k, l) in logits.iter().enumerate() {
        slope(k, libm::expf(l - top) / sum - if k == class { 1.0 } else { 0.0 });
    }
    libm::logf(sum) + top - logits[class]
}

/// The focal loss of one logit for a target in [0, 1], and its derivative.
fn focal(logit: f32, target: f32) -> (f32, f32) {
    let p = 1.0 / (1.0 + libm::expf(-logit));
    // log p and log (1 − p), exact for large logits too.
    let softplus = libm::log1pf(libm::expf(-logit.abs()));
    let (log_p, log_q) = (logit.min(0.0) - softplus, -logit.max(0.0) - softplus);
    let q = 1.0 - p;
    if target >= 1.0 {
        (-q * q * log_p, 2.0 * p * q * q * log_p - q * q * q)
    } else {
        let far = (1.0 - target).powi(4);
        (-far * p * p * log_q, far * (p * p * p - 2.0 * p * p * q * log_q))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_of_the_loss_is_its_slope() {
        let cells = (8, 6);
        let objects = [
            Target { group: 0, box_px: [2.0, 2.0, 10.0, 9.0], center_px: [6.2, 5.1], classes: [1, 0, 1] },
            Target { group: 1, box_px: [1.0, 1.0, 15.0, 11.0], center_px: [7.0, 6.0], classes: [3, 4, 0] },
        ];
        let n = GROUPS * field::COUNT * cells.0 * cells.1;
        let output: Vec<f32> = (0..n).map(|i| libm::sinf(i as f32 * 0.7)).collect();
        let (_, grad) = batch(&output, &[&objects], cells);
        assert!(grad.iter().filter(|g| **g != 0.0).count() > 100);
        for k in (0..n).step_by(7) {
            let shifted = |by: f32| {
                let mut o = output.clone();
                o[k] += by;
                batch(&o, &[&objects], cells).0.total()
            };
            let slope = (shifted(5e-3) - shifted(-5e-3)) / 1e-2;
            assert!((slope - grad[k]).abs() < 3e-3, "output {k}: slope {slope}, gradient {}", grad[k]);
        }
    }

    #[test]
    fn a_picture_without_objects_only_asks_for_no_heat() {
        let output = vec![0.0; GROUPS * field::COUNT * 48];
        let (parts, grad) = batch(&output, &[&[]], (8, 6));
        assert!(parts.heat > 0.0 && parts.boxes == 0.0 && parts.color == 0.0);
        assert_eq!(grad.iter().filter(|g| **g != 0.0).count(), GROUPS * 48);
    }
}
