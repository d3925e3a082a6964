//! Positions along time, height and width, and the angles by which they turn queries and keys.

use super::error::Result;
use candle_core::{DType, Device, Tensor};

/// Where a token stands: time, height, width; three times the same number for text.
pub(super) type Position = [u32; 3];

/// One angle per pair of channels: position along its axis times its frequency.
#[derive(Clone, Debug)]
pub(super) struct Rope {
    /// Radians per step of position.
    frequencies: Vec<f32>,
    /// Which part of a [`Position`] each follows.
    axes: Vec<usize>,
}

/// θ^(−2i/n) for i below n/2 (Su et al. 2021), rounded as 32-bit numbers are.
fn frequencies(n: usize, theta: f64) -> impl Iterator<Item = f32> {
    (0..n).step_by(2).map(move |i| 1.0 / libm::powf(theta as f32, i as f32 / n as f32))
}

impl Rope {
    /// Height and width take turns with time from the lowest pair of channels on, for as many turns as their
    /// `sections` say; what is left follows time (Qwen3-VL's interleaved mRoPE).
    pub(super) fn interleaved(head_dim: usize, theta: f64, sections: [usize; 3]) -> Self {
        let frequencies: Vec<f32> = frequencies(head_dim, theta).collect();
        let axis = |i: usize| match i % 3 {
            axis @ (1 | 2) if i < 3 * sections[axis] => axis,
            _ => 0,
        };
        Self { axes: (0..frequencies.len()).map(axis).collect(), frequencies }
    }

    /// All pairs follow one number, as text alone has it.
    pub(super) fn plain(head_dim: usize, theta: f64) -> Self {
        let frequencies: Vec<f32> = frequencies(head_dim, theta).collect();
        Self { axes: vec![0; frequencies.len()], frequencies }
    }

    /// Time, height and width follow one another from the lowest pair of channels on, for as many pairs as their
    /// `sections` say (Qwen2-VL's mRoPE).
    pub(super) fn sectioned(head_dim: usize, theta: f64, sections: [usize; 3]) -> Self {
        let axes = (0..3).flat_map(|axis| core::iter::repeat_n(axis, sections[axis])).collect();
        Self { frequencies: frequencies(head_dim, theta).collect(), axes }
    }

    /// The first half of the pairs follows height, the second width (of vision towers).
    pub(super) fn height_then_width(head_dim: usize, theta: f64) -> Self {
        let half: Vec<f32> = frequencies(head_dim / 2, theta).collect();
        let n = half.len();
        Self { frequencies: [half.clone(), half].concat(), axes: [vec![1; n], vec![2; n]].concat() }
    }

    /// Cosines, then sines, of a token of text.
    #[cfg(feature = "cuda")]
    pub(super) fn turn(&self, position: u32) -> Vec<f32> {
        let angles = || self.frequencies.iter().map(|f| f64::from(position as f32 * f));
        angles().map(|a| libm::cos(a) as f32).chain(angles().map(|a| libm::sin(a) as f32)).collect()
    }

    /// Cosines and sines, each (tokens, head_dim / 2).
    pub(super) fn table(
        &self,
        positions: &[Position],
        dtype: DType,
        device: &Device,
    ) -> Result<(Tensor, Tensor)> {
        let angles: Vec<f64> = positions
            .iter()
            .flat_map(|p| self.frequencies.iter().zip(&self.axes).map(|(f, a)| f64::from(p[*a] as f32 * f)))
            .collect();
        let dims = (positions.len(), self.frequencies.len());
        let of = |f: fn(f64) -> f64| -> Result<Tensor> {
            let values: Vec<f32> = angles.iter().map(|a| f(*a) as f32).collect();
            Ok(Tensor::from_vec(values, dims, device)?.to_dtype(dtype)?)
        };
        Ok((of(libm::cos)?, of(libm::sin)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_axes_take_turns_and_the_rest_is_time() {
        let rope = Rope::interleaved(24, 1e4, [5, 4, 3]);
        assert_eq!(rope.axes, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 0]);
        let published = Rope::interleaved(128, 5e6, [24, 20, 20]);
        let count = |axis| published.axes.iter().filter(|a| **a == axis).count();
        assert_eq!([count(0), count(1), count(2)], [24, 20, 20]);
    }

    #[test]
    fn sectioned_axes_follow_one_another() {
        assert_eq!(Rope::sectioned(16, 1e4, [2, 3, 3]).axes, [0, 0, 1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn text_turns_by_position_times_frequency() {
        let rope = Rope::interleaved(4, 100.0, [2, 0, 0]);
        let (cos, sin) = rope.table(&[[0; 3], [3; 3]], DType::F32, &Device::Cpu).expect("a table");
        let cos: Vec<Vec<f32>> = cos.to_vec2().expect("numbers");
        let sin: Vec<Vec<f32>> = sin.to_vec2().expect("numbers");
        assert_eq!((cos[0].as_slice(), sin[0].as_slice()), ([1.0, 1.0].as_slice(), [0.0, 0.0].as_slice()));
        assert!((cos[1][0] - 3f32.cos()).abs() < 1e-6 && (sin[1][1] - 0.3f32.sin()).abs() < 1e-6);
    }
}
