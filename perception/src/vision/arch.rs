//! The shape of the net: which layers there are, and how a picture flows through them.
//!
//! A stack of residual blocks down to a sixteenth of the picture's side, joined back up to a quarter
//! (feature pyramid, Lin et al., 2017); every quarter-size cell then answers for four half-size cells.
//! Containers and the things that may lie in them have a map each, since a ball in a bowl and the bowl
//! have their centres at one pixel.

use super::conv::Geometry;
use super::relief;
use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use types::{Color, Rejection, Shape, Size};

/// Width of the picture the net sees, pixels; other pictures are fitted into it.
pub const INPUT_WIDTH: usize = 256;
/// Height of the picture the net sees, pixels.
pub const INPUT_HEIGHT: usize = 192;
/// Red, green, blue; height, scale and where depth is known; column and row.
pub(crate) const INPUT_CHANNELS: usize = COLORS + relief::PLANES + 2;
/// Planes of colour.
pub(crate) const COLORS: usize = 3;
/// Side of an output cell, pixels of the net's input.
pub(crate) const STRIDE: usize = 2;
/// Things, and containers.
pub(crate) const GROUPS: usize = 2;

/// Where each answer of a cell stands among the [`field::COUNT`] numbers of one group.
pub(crate) mod field {
    use super::{Color, Shape, Size};
    /// Logit of "an object of this group has its centre here".
    pub(crate) const HEAT: usize = 0;
    /// From the cell's centre to the object's, in cells: x, y.
    pub(crate) const OFFSET: usize = 1;
    /// From the cell's centre to the box's left, top, right, bottom, in units of [`super::BOX_UNIT`].
    pub(crate) const BOX: usize = 3;
    /// Logits of the colours.
    pub(crate) const COLOR: usize = 7;
    /// Logits of the shapes.
    pub(crate) const SHAPE: usize = COLOR + Color::ALL.len();
    /// Logits of the sizes.
    pub(crate) const SIZE: usize = SHAPE + Shape::ALL.len();
    /// How many there are.
    pub(crate) const COUNT: usize = SIZE + Size::ALL.len();
}

/// Pixels per unit of a box's regression, so that its numbers are about one.
pub(crate) const BOX_UNIT: f32 = 16.0;
/// Channels of the last layer: every field of every group, for the four half-size cells.
pub(crate) const OUTPUT_CHANNELS: usize = GROUPS * field::COUNT * 4;

/// Which of the groups a shape belongs to.
pub(crate) fn group(shape: Shape) -> usize {
    usize::from(shape.is_container())
}

/// Channels at each scale; all that is free in the shape of the net.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arch {
    /// At half the picture's side.
    pub half: usize,
    /// At a quarter.
    pub quarter: usize,
    /// At an eighth.
    pub eighth: usize,
    /// At a sixteenth.
    pub sixteenth: usize,
    /// On the way back up, and in the head.
    pub neck: usize,
}

impl Default for Arch {
    fn default() -> Self {
        Self { half: 16, quarter: 32, eighth: 64, sixteenth: 96, neck: 48 }
    }
}

/// One convolution with what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    pub(crate) name: &'static str,
    pub(crate) c_in: usize,
    pub(crate) c_out: usize,
    pub(crate) geometry: Geometry,
    /// Normalised in training (and then folded into weight and bias); the last layer is not.
    pub(crate) norm: bool,
    pub(crate) relu: bool,
}

impl Layer {
    /// A convolution that is normalised and rectified.
    pub(crate) fn conv(name: &'static str, c_in: usize, c_out: usize, kernel: usize, stride: usize) -> Self {
        let geometry = Geometry { kernel, stride, dilation: 1 };
        Self { name, c_in, c_out, geometry, norm: true, relu: true }
    }

    /// Shape of the weights: output, input, row, column.
    pub(crate) fn weight_dims(&self) -> [usize; 4] {
        [self.c_out, self.c_in, self.geometry.kernel, self.geometry.kernel]
    }
}

impl Arch {
    /// Every layer in the order of the forward pass.
    pub(crate) fn layers(&self) -> Vec<Layer> {
        let conv = Layer::conv;
        let wide = |mut layer: Layer| {
            layer.geometry.dilation = 2;
            layer
        };
        let linear = |mut layer: Layer| {
            layer.relu = false;
            layer
        };
        let (h, q, e, s, n) = (self.half, self.quarter, self.eighth, self.sixteenth, self.neck);
        vec![
            conv("stem", INPUT_CHANNELS, h, 3, 2),
            conv("quarter.down", h, q, 3, 2),
            conv("quarter.a.0", q, q, 3, 1),
            conv("quarter.a.1", q, q, 3, 1),
            conv("eighth.down", q, e, 3, 2),
            conv("eighth.a.0", e, e, 3, 1),
            conv("eighth.a.1", e, e, 3, 1),
            conv("eighth.b.0", e, e, 3, 1),
            conv("eighth.b.1", e, e, 3, 1),
            conv("sixteenth.down", e, s, 3, 2),
            conv("sixteenth.a.0", s, s, 3, 1),
            wide(conv("sixteenth.a.1", s, s, 3, 1)),
            conv("sixteenth.b.0", s, s, 3, 1),
            wide(conv("sixteenth.b.1", s, s, 3, 1)),
            linear(conv("neck.sixteenth", s, n, 1, 1)),
            linear(conv("neck.eighth", e, n, 1, 1)),
            conv("neck.eighth.mix", n, n, 3, 1),
            linear(conv("neck.eighth.up", n, n, 1, 1)),
            linear(conv("neck.quarter", q, n, 1, 1)),
            conv("neck.quarter.mix", n, n, 3, 1),
            conv("head.mix", n, n, 3, 1),
            Layer { norm: false, ..linear(conv("head.out", n, OUTPUT_CHANNELS, 1, 1)) },
        ]
    }

    /// Refuses channels that nobody would train: a file may claim anything.
    ///
    /// # Errors
    /// A [`Rejection`] naming the scale.
    pub fn check(&self) -> Result<(), Rejection> {
        for (scale, c) in [
            ("half", self.half),
            ("quarter", self.quarter),
            ("eighth", self.eighth),
            ("sixteenth", self.sixteenth),
            ("neck", self.neck),
        ] {
            if !(1..=1024).contains(&c) {
                return Err(Rejection::new(format!("arch.{scale}"), "1 to 1024 channels", c.to_string()));
            }
        }
        Ok(())
    }

    /// Number of weights and biases once normalisation is folded in.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        self.layers().iter().map(|l| l.weight_dims().iter().product::<usize>() + l.c_out).sum()
    }
}

/// What runs the layers: the training pass or the folded net.
pub(crate) trait Pass {
    /// Runs the layer of this name.
    fn layer(&mut self, name: &str, x: &Tensor) -> candle_core::Result<Tensor>;
    /// The sum of two, negative values made zero.
    fn rectified_sum(&mut self, a: &Tensor, b: &Tensor) -> candle_core::Result<Tensor>;
    /// Doubles the sides.
    fn double(&mut self, x: &Tensor) -> candle_core::Result<Tensor>;
}

/// The flow: `x` is b × [`INPUT_CHANNELS`] × h × w (h, w multiples of 16), the answer b × [`OUTPUT_CHANNELS`] × h/4 × w/4.
pub(crate) fn forward(pass: &mut dyn Pass, x: &Tensor) -> candle_core::Result<Tensor> {
    let half = pass.layer("stem", x)?;
    let quarter = pass.layer("quarter.down", &half)?;
    let quarter = residual(pass, ["quarter.a.0", "quarter.a.1"], &quarter)?;
    let eighth = pass.layer("eighth.down", &quarter)?;
    let eighth = residual(pass, ["eighth.a.0", "eighth.a.1"], &eighth)?;
    let eighth = residual(pass, ["eighth.b.0", "eighth.b.1"], &eighth)?;
    let low = pass.layer("sixteenth.down", &eighth)?;
    let low = residual(pass, ["sixteenth.a.0", "sixteenth.a.1"], &low)?;
    let low = residual(pass, ["sixteenth.b.0", "sixteenth.b.1"], &low)?;
    let up = pass.layer("neck.sixteenth", &low)?;
    let (up, side) = (pass.double(&up)?, pass.layer("neck.eighth", &eighth)?);
    let joined = pass.rectified_sum(&up, &side)?;
    let joined = pass.layer("neck.eighth.mix", &joined)?;
    let up = pass.layer("neck.eighth.up", &joined)?;
    let (up, side) = (pass.double(&up)?, pass.layer("neck.quarter", &quarter)?);
    let joined = pass.rectified_sum(&up, &side)?;
    let joined = pass.layer("neck.quarter.mix", &joined)?;
    let head = pass.layer("head.mix", &joined)?;
    pass.layer("head.out", &head)
}

/// What a pair of layers adds to its input (He et al., 2016).
pub(crate) fn residual(
    pass: &mut dyn Pass,
    [first, second]: [&str; 2],
    x: &Tensor,
) -> candle_core::Result<Tensor> {
    let inner = pass.layer(first, x)?;
    x + pass.layer(second, &inner)?
}
