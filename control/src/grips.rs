//! The gripper's part of a chunk: what its fingers shall do while the arm goes along it.
#![forbid(unsafe_code)]

use crate::gripper::Gripper;
use types::{GripperCommand, Rejection};

/// Widths that a learned policy wants, one with each position of its chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct Grips {
    /// How far apart the fingertips shall be, metres: one for each point.
    pub widths_m: Vec<f64>,
    /// The most force per finger, newtons.
    pub force_n: f64,
}

impl Grips {
    /// Checks them for a chunk of `n` points (B1–B7).
    pub(crate) fn check(&self, n: usize, gripper: &Gripper) -> Result<(), Rejection> {
        let Self { widths_m, force_n } = self;
        if widths_m.len() != n {
            let expected = format!("{n} widths, one for each point");
            return Err(Rejection::new("chunk.grip.widths_m", expected, widths_m.len().to_string()));
        }
        for (k, width_m) in widths_m.iter().enumerate() {
            let command = GripperCommand { width_m: *width_m, force_n: *force_n };
            gripper.check(&command).map_err(|why| {
                let field = match &*why.field {
                    "gripper.width_m" => format!("chunk.grip.widths_m[{k}]"),
                    "gripper.force_n" => "chunk.grip.force_n".into(),
                    // There is none.
                    _ => "chunk.grip".into(),
                };
                Rejection::new(field, why.expected.clone(), why.got.clone())
            })?;
        }
        Ok(())
    }

    /// What the fingers are told `place` points along, between two of them straight from one to the other.
    pub(crate) fn at(&self, place: f64) -> GripperCommand {
        let last = self.widths_m.len() - 1;
        let place = place.clamp(0.0, last as f64);
        let k = (place as usize).min(last);
        let (from, to) = (self.widths_m[k], self.widths_m[(k + 1).min(last)]);
        GripperCommand { width_m: from + (place - k as f64) * (to - from), force_n: self.force_n }
    }

    /// All that they are told from `from` to `to` points along, but for what is between two of these widths.
    pub(crate) fn between(&self, from: f64, to: f64) -> impl Iterator<Item = f64> + '_ {
        let n = self.widths_m.len();
        let [first, end] = [from, to].map(|place| (libm::ceil(place.max(0.0)) as usize).min(n));
        let ends = [from, to].map(|place| self.at(place).width_m);
        self.widths_m[first..end.max(first)].iter().copied().chain(ends)
    }
}
