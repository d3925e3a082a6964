//! What the closer look learns from: what the detector proposes in pictures whose objects are known.

use super::TrainError;
use super::lesson::{Lesson, Prepared};
use super::loss::{Parts, cross_entropy};
use super::sample::{Label, Sample};
use crate::vision::arch::{Pass, group};
use crate::vision::closer::{self, POINT_UNIT, crop, field};
use crate::vision::decode::overlap;
use crate::vision::{CANDIDATE, Net};
use candle_core::Tensor;
use core::sync::atomic::AtomicBool;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::Detection;

/// A candidate overlaps an object by at least this (intersection over union) to be it.
const SAME: f32 = 0.4;
/// One that overlaps every object by less is none; in between nobody can say.
const NONE: f32 = 0.1;
/// How much the place of the middle counts beside what it is.
const POINT_WEIGHT: f32 = 0.3;
/// How far the edges of a candidate's box are moved, in sides of the box: the detector errs by more on
/// pictures that it was not trained on.
const JITTER: f32 = 0.06;

/// The truth about one candidate.
pub(crate) enum Candidate {
    /// No object.
    Nothing,
    /// The object: its middle from that of the square, in cells, and colour, shape, size.
    Object { point: [f32; 2], classes: [usize; 3] },
}

/// The lesson of the closer look.
pub(crate) struct LookingCloser<'a> {
    /// Who proposes.
    pub(crate) detector: &'a Net,
}

impl Lesson for LookingCloser<'_> {
    type Target = Candidate;

    fn input(&self) -> (usize, usize, usize) {
        (crop::CHANNELS, crop::SIDE, crop::SIDE)
    }

    fn prepare(&self, sample: &Sample, seed: u64) -> Result<Prepared<Candidate>, TrainError> {
        sample.check()?;
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let stop = AtomicBool::new(false);
        let proposed = self.detector.propose(&sample.image, CANDIDATE, &stop);
        let proposed = proposed.map_err(|e| candle_core::Error::Msg(e.to_string()))?;
        let exposure = crop::exposure(&sample.image);
        let (mut x, mut targets) = (Vec::new(), Vec::new());
        for mut candidate in proposed {
            let Some(label) = whose(&candidate, &sample.objects) else { continue };
            shake(&mut candidate.box_px, &mut rng);
            let Some((mut input, window)) = crop::look(&sample.image, &candidate, exposure) else { continue };
            let plane = crop::SIDE * crop::SIDE;
            for channel in input[..3 * plane].chunks_mut(plane) {
                let gain = rng.random_range(0.94..1.06f32);
                channel.iter_mut().for_each(|v| *v *= gain);
            }
            let mirrored = rng.random_bool(0.5);
            if mirrored {
                crop::mirror(&mut input);
            }
            x.extend(input);
            targets.push(label.map_or(Candidate::Nothing, |l| {
                let [u, v] = window.apply(l.center_px);
                Candidate::Object {
                    point: [if mirrored { -u } else { u }, v],
                    classes: [l.color.index(), l.shape.index(), l.size.index()],
                }
            }));
        }
        Ok(Prepared { x, targets })
    }

    fn forward(&self, pass: &mut dyn Pass, x: &Tensor) -> candle_core::Result<Tensor> {
        closer::forward(pass, x)
    }

    fn loss(&self, output: &[f32], targets: &[&[Candidate]]) -> (Parts, Vec<f32>) {
        let all = targets.iter().copied().flatten();
        let n = all.clone().count().max(1) as f32;
        let n_objects = all.clone().filter(|c| matches!(c, Candidate::Object { .. })).count().max(1) as f32;
        let mut parts = Parts::default();
        let mut grad = vec![0.0f32; output.len()];
        for ((from, to), candidate) in
            output.chunks_exact(field::COUNT).zip(grad.chunks_exact_mut(field::COUNT)).zip(all)
        {
            let is_object = matches!(candidate, Candidate::Object { .. });
            // One logit is two, of which the other is zero.
            let logits = [0.0, from[field::OBJECT]];
            parts.heat += cross_entropy(&logits, usize::from(is_object), |k, slope| {
                if k == 1 {
                    to[field::OBJECT] = slope / n;
                }
            }) / n;
            let Candidate::Object { point, classes } = candidate else { continue };
            for (i, want) in point.iter().enumerate() {
                let error = from[field::POINT + i] - want / POINT_UNIT;
                parts.boxes += POINT_WEIGHT * error.abs() / n_objects;
                to[field::POINT + i] =
                    POINT_WEIGHT * if error == 0.0 { 0.0 } else { error.signum() } / n_objects;
            }
            let heads = [
                (field::COLOR..field::SHAPE, &mut parts.color),
                (field::SHAPE..field::SIZE, &mut parts.shape),
                (field::SIZE..field::COUNT, &mut parts.size),
            ];
            for ((range, part), class) in heads.into_iter().zip(classes) {
                let to = &mut to[range.clone()];
                *part +=
                    cross_entropy(&from[range], *class, |k, slope| to[k] = slope / n_objects) / n_objects;
            }
        }
        (parts, grad)
    }
}

/// Which object a candidate is: `Some(None)` for none, `None` where nobody can say.
fn whose<'a>(candidate: &Detection, objects: &'a [Label]) -> Option<Option<&'a Label>> {
    let of_group = usize::from(crop::is_container(candidate));
    let best = objects
        .iter()
        .filter(|o| group(o.shape) == of_group)
        .map(|o| (overlap(&o.box_px, &candidate.box_px), o))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match best {
        Some((share, o)) if share >= SAME => Some(Some(o)),
        Some((share, _)) if share >= NONE => None,
        _ => Some(None),
    }
}

fn shake(box_px: &mut [f32; 4], rng: &mut ChaCha8Rng) {
    let (w, h) = (box_px[2] - box_px[0], box_px[3] - box_px[1]);
    for (edge, side) in box_px.iter_mut().zip([w, h, w, h]) {
        *edge += side * rng.random_range(-JITTER..JITTER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{Color, Shape, Size};

    #[test]
    fn the_gradient_of_the_loss_is_its_slope() {
        let objects = [
            Candidate::Object { point: [1.3, -2.0], classes: [1, 0, 1] },
            Candidate::Nothing,
            Candidate::Object { point: [0.0, 5.0], classes: [7, 4, 0] },
        ];
        let arch = crate::vision::Arch { half: 1, quarter: 1, eighth: 1, sixteenth: 1, neck: 1 };
        let plan = crate::train::Plan {
            subject: crate::train::Subject::Detector { arch, input: (16, 16) },
            ..crate::train::Plan::default()
        };
        let detector = plan.begin().expect("a plan").net().expect("a net");
        let lesson = LookingCloser { detector: &detector };
        let output: Vec<f32> = (0..3 * field::COUNT).map(|i| libm::sinf(i as f32 * 0.7)).collect();
        let (_, grad) = lesson.loss(&output, &[&objects[..2], &objects[2..]]);
        for k in 0..output.len() {
            let shifted = |by: f32| {
                let mut o = output.clone();
                o[k] += by;
                lesson.loss(&o, &[&objects[..2], &objects[2..]]).0.total()
            };
            let slope = (shifted(5e-3) - shifted(-5e-3)) / 1e-2;
            assert!((slope - grad[k]).abs() < 3e-3, "output {k}: slope {slope}, gradient {}", grad[k]);
        }
    }

    #[test]
    fn a_candidate_is_the_object_of_its_own_group_that_it_covers_or_none_or_nobody_can_say() {
        let at = |left: f32, shape: Shape| Label {
            box_px: [left, 0.0, left + 20.0, 20.0],
            center_px: [left + 10.0, 10.0],
            shape,
            size: Size::Small,
            color: Color::Red,
        };
        let objects = [at(0.0, Shape::Cube), at(2.0, Shape::Bowl), at(100.0, Shape::Ball)];
        let candidate = |left: f32, shape: Shape| {
            let mut d = Detection {
                score: 0.5,
                box_px: [left, 0.0, left + 20.0, 20.0],
                point_px: [left + 10.0, 10.0],
                color: [0.125; 8],
                shape: [0.0; 6],
                size: [0.5; 2],
            };
            d.shape[shape.index()] = 1.0;
            d
        };
        let shape = |d: &Detection| whose(d, &objects).map(|o| o.map(|l| l.shape));
        assert_eq!(shape(&candidate(1.0, Shape::Cylinder)), Some(Some(Shape::Cube)));
        assert_eq!(shape(&candidate(1.0, Shape::Tray)), Some(Some(Shape::Bowl)));
        assert_eq!(shape(&candidate(50.0, Shape::Ball)), Some(None));
        assert_eq!(shape(&candidate(112.0, Shape::Ball)), None);
    }
}
