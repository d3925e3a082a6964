//! What the detector learns from: pictures whose objects are known.

use super::lesson::Prepared;
use crate::vision::arch::{COLORS, group};
use crate::vision::input::{self, Fit};
use crate::vision::relief;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use types::{Color, Image, Rejection, Shape, Size};

/// One object of a training picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// Its box in pixels: left, top, right, bottom; pixel centres at +0.5.
    pub box_px: [f32; 4],
    /// Projection of its centre, pixels.
    pub center_px: [f32; 2],
    /// What it is.
    pub shape: Shape,
    /// How large.
    pub size: Size,
    /// Its colour.
    pub color: Color,
}

/// A picture and what is in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The picture, with or without depth.
    pub image: Image,
    /// Every object that can be seen.
    pub objects: Vec<Label>,
}

impl Sample {
    /// # Errors
    /// A [`Rejection`] for a label that is not finite.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        for (i, label) in self.objects.iter().enumerate() {
            let numbers = label.box_px.iter().chain(&label.center_px);
            if let Some(v) = numbers.into_iter().find(|v| !v.is_finite()) {
                return Err(Rejection::new(format!("sample.objects[{i}]"), "finite pixels", v.to_string()));
            }
        }
        Ok(())
    }
}

/// An object in the coordinates of the net's input.
pub(crate) struct Target {
    pub(crate) group: usize,
    pub(crate) box_px: [f32; 4],
    pub(crate) center_px: [f32; 2],
    pub(crate) classes: [usize; 3],
}

/// Share of training pictures whose depth is taken away: a photograph has none.
const WITHOUT_DEPTH: f64 = 0.08;

/// Fits a sample into the net's input and changes it a little, by `seed` alone: mirrored or not (no
/// label knows left from right), its colours scaled by a few per cent as if under another lamp, now and
/// then without depth.
///
/// # Errors
/// A [`Rejection`] for a label that is not finite.
pub(crate) fn prepare(
    sample: &Sample,
    target: (usize, usize),
    seed: u64,
) -> Result<Prepared<Target>, Rejection> {
    let (mut x, fit) = input::prepare(&sample.image, target);
    let mut targets = Vec::with_capacity(sample.objects.len());
    sample.check()?;
    for label in &sample.objects {
        targets.push(place(label, fit));
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let plane = target.0 * target.1;
    for channel in x[..COLORS * plane].chunks_mut(plane) {
        let gain = rng.random_range(0.94..1.06f32);
        channel.iter_mut().for_each(|v| *v *= gain);
    }
    if rng.random_bool(WITHOUT_DEPTH) {
        x[COLORS * plane..(COLORS + relief::PLANES) * plane].fill(0.0);
    }
    if rng.random_bool(0.5) {
        mirror(&mut x, &mut targets, target);
    }
    Ok(Prepared { x, targets })
}

fn place(label: &Label, fit: Fit) -> Target {
    let [l, t, r, b] = label.box_px;
    let ([l, t], [r, b]) = (fit.apply([l, t]), fit.apply([r, b]));
    Target {
        group: group(label.shape),
        box_px: [l, t, r, b],
        center_px: fit.apply(label.center_px),
        classes: [label.color.index(), label.shape.index(), label.size.index()],
    }
}

fn mirror(x: &mut [f32], targets: &mut [Target], size: (usize, usize)) {
    input::mirror(x, size);
    let side = size.0 as f32;
    for t in targets {
        t.box_px = [side - t.box_px[2], t.box_px[1], side - t.box_px[0], t.box_px[3]];
        t.center_px[0] = side - t.center_px[0];
    }
}
