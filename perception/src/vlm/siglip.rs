//! The vision tower of SigLIP (Zhai et al. 2023): patches with learned positions on a square, each of which sees all.

use super::error::{Result, VlmError};
use super::layers::{LayerNorm, Linear};
use super::patches::{Patches, merged_order};
use super::settings::Node;
use super::source::Source;
use super::vision::{BlockSize, VisionBlock};
use candle_core::Tensor;

/// Sizes of a [`Siglip`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SiglipConfig {
    pub(super) block: BlockSize,
    pub(super) layers: usize,
    pub(super) epsilon: f64,
    /// Side of a patch, pixels.
    pub(super) patch: usize,
    /// Learned positions along each side of the square.
    pub(super) side: usize,
}

impl SiglipConfig {
    /// From `vision_config`. Files leave out what was the default when they were written: `default` counts there.
    pub(super) fn new(vision: &Node<'_>, default: Self) -> Result<Self> {
        vision.only("hidden_act", "gelu_pytorch_tanh")?;
        let size = |key: &str, default, most| vision.get(key).map_or(Ok(default), |n| n.size(1..=most));
        let block = BlockSize {
            n: size("hidden_size", default.block.n, 65_536)?,
            inner: size("intermediate_size", default.block.inner, 1 << 20)?,
            heads: size("num_attention_heads", default.block.heads, 1024)?,
        };
        if !block.n.is_multiple_of(block.heads) {
            let node = vision.get("hidden_size").map_or_else(|| vision.need("num_attention_heads"), Ok)?;
            return Err(node.refuse(format!("a multiple of {} heads", block.heads)));
        }
        vision.get("num_channels").map_or(Ok(3), |n| n.size(3..=3))?;
        let image_size = size("image_size", default.side * default.patch, 8192)?;
        let patch = size("patch_size", default.patch, 64)?;
        if image_size < patch {
            return Err(vision.need("image_size")?.refuse(format!("{patch} pixels, one patch, or more")));
        }
        Ok(Self {
            block,
            layers: size("num_hidden_layers", default.layers, 1024)?,
            epsilon: vision.get("layer_norm_eps").map_or(Ok(default.epsilon), |n| n.number(0.0..=1.0))?,
            patch,
            side: image_size / patch,
        })
    }
}

/// The tower.
pub(super) struct Siglip {
    side: usize,
    patch_embedding: Linear,
    positions: Tensor,
    blocks: Vec<VisionBlock>,
    norm: LayerNorm,
}

impl Siglip {
    /// Tensors `name.embeddings.…`, `name.encoder.layers.…` and `name.post_layernorm`.
    pub(super) fn new(source: &Source<'_>, name: &str, c: &SiglipConfig) -> Result<Self> {
        let n = c.block.n;
        let patches = format!("{name}.embeddings.patch_embedding");
        // A convolution whose steps are its width is a product with every patch.
        let weight = source.matrix(&format!("{patches}.weight"), &[n, 3, c.patch, c.patch])?;
        let bias = source.get(&format!("{patches}.bias"), &[n])?;
        let positions = format!("{name}.embeddings.position_embedding.weight");
        let block =
            |i| VisionBlock::siglip(source, &format!("{name}.encoder.layers.{i}"), c.block, c.epsilon);
        Ok(Self {
            side: c.side,
            patch_embedding: Linear::from_parts(weight, Some(bias)),
            positions: source.get(&positions, &[c.side * c.side, n])?,
            blocks: (0..c.layers).map(block).collect::<Result<_>>()?,
            norm: LayerNorm::new(source, &format!("{name}.post_layernorm"), n, c.epsilon)?,
        })
    }

    /// What becomes of a picture's patches, (patches, channels); `merge` × `merge` neighbours follow one another. Gives
    /// up between layers when `goes_on` says so.
    pub(super) fn see(&self, patches: &Patches, merge: usize, goes_on: &dyn Fn() -> bool) -> Result<Tensor> {
        let (device, dtype) = (self.positions.device(), self.positions.dtype());
        // The learned position of the same part of the picture.
        let [h, w] = patches.grid;
        let place = |(y, x): (usize, usize)| (y * self.side / h * self.side + x * self.side / w) as u32;
        let places: Vec<u32> = merged_order(patches.grid, merge).map(place).collect();
        let n = places.len();
        let positions = self.positions.index_select(&Tensor::from_vec(places, n, device)?, 0)?;
        let mut x = (self.patch_embedding.forward(&patches.tensor(device, dtype)?)? + positions)?;
        for block in &self.blocks {
            if !goes_on() {
                return Err(VlmError::Cancelled);
            }
            x = block.forward(&x, None, &[(1, n)])?;
        }
        self.norm.forward(&x)
    }
}
