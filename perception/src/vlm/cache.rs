//! Keys and values of the tokens seen so far, in memory that is as large as the conversation needs.

use super::error::Result;
use candle_core::{DType, Device, Tensor};

/// Capacity grows in steps of so many tokens.
const STEP: usize = 256;

/// Per layer keys and values, each (heads, capacity, d), of which the first `len` tokens count.
#[derive(Debug)]
pub(super) struct Cache {
    layers: Vec<(Tensor, Tensor)>,
    n_layers: usize,
    heads: usize,
    d: usize,
    len: usize,
    capacity: usize,
    device: Device,
    dtype: DType,
}

impl Cache {
    /// An empty one; it takes no memory before [`Cache::reserve`].
    pub(super) fn new(n_layers: usize, heads: usize, d: usize, device: &Device, dtype: DType) -> Self {
        Self { layers: Vec::new(), n_layers, heads, d, len: 0, capacity: 0, device: device.clone(), dtype }
    }

    /// Tokens in it.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Room for `n` tokens in all; what is in it stays.
    pub(super) fn reserve(&mut self, n: usize) -> Result<()> {
        if n <= self.capacity {
            return Ok(());
        }
        let capacity = n.next_multiple_of(STEP);
        self.layers = self.grown(self.len, capacity)?;
        self.capacity = capacity;
        Ok(())
    }

    /// Another one with room for just `room` tokens, which knows the first `n` of this one's.
    pub(super) fn branch(&self, n: usize, room: usize) -> Result<Self> {
        let mut branch = Self::new(self.n_layers, self.heads, self.d, &self.device, self.dtype);
        let n = n.min(self.len).min(room);
        branch.layers = self.grown(n, room)?;
        (branch.len, branch.capacity) = (n, room);
        Ok(branch)
    }

    /// Bytes that the keys and values of one token take in all layers.
    pub(super) fn bytes_per_token(&self) -> usize {
        2 * self.n_layers * self.heads * self.d * self.dtype.size_in_bytes()
    }

    /// The first `n` tokens of all layers in memory for `capacity`.
    fn grown(&self, n: usize, capacity: usize) -> Result<Vec<(Tensor, Tensor)>> {
        let copied = |old: Option<&Tensor>| -> Result<Tensor> {
            let grown = Tensor::zeros((self.heads, capacity, self.d), self.dtype, &self.device)?;
            if let (Some(old), true) = (old, n > 0) {
                grown.slice_set(&old.narrow(1, 0, n)?.contiguous()?, 1, 0)?;
            }
            Ok(grown)
        };
        let both = |i: usize| {
            let old = self.layers.get(i);
            Ok((copied(old.map(|(k, _)| k))?, copied(old.map(|(_, v)| v))?))
        };
        (0..self.n_layers).map(both).collect()
    }

    /// Writes the keys and values of the next tokens of one layer, and gives that layer's whole. The tokens
    /// count once every layer has written and [`Cache::advance`] was called.
    pub(super) fn append(&self, layer: usize, k_gtd: &Tensor, v_gtd: &Tensor) -> Result<(Tensor, Tensor)> {
        let (k, v) = &self.layers[layer];
        let end = self.len + k_gtd.dim(1)?;
        k.slice_set(&k_gtd.contiguous()?, 1, self.len)?;
        v.slice_set(&v_gtd.contiguous()?, 1, self.len)?;
        Ok((k.narrow(1, 0, end)?, v.narrow(1, 0, end)?))
    }

    /// Keys and values of one layer with all their room.
    #[cfg(feature = "cuda")]
    pub(super) fn layer(&self, layer: usize) -> (&Tensor, &Tensor) {
        let (k, v) = &self.layers[layer];
        (k, v)
    }

    /// Tokens for which it has memory: as long as this is the same, it is the same memory.
    #[cfg(feature = "cuda")]
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn advance(&mut self, n: usize) {
        self.len += n;
    }

    /// Forgets all but the first `n` tokens; the memory stays.
    pub(super) fn truncate(&mut self, n: usize) {
        self.len = self.len.min(n);
    }
}
