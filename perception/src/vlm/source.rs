//! Where a model's tensors come from: a checkpoint, or the check of one. A model is built by asking
//! for its tensors by name and shape, so that one description serves both.

use super::checkpoint::Checkpoint;
use super::device::Numbers;
use super::digest::Digest;
use super::error::Result;
use super::layers::Weight;
use candle_core::{DType, Device, Tensor};
use core::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use types::Rejection;

/// Parts of names of what suffers most from coarse weights: vision towers, the way from there to words, words.
const FINER: [&str; 7] = [
    "visual.",
    "vision_model.",
    "vision_tower.",
    "connector.",
    "multi_modal_projector.",
    "embed_tokens.",
    "lm_head.",
];

enum Kind<'a> {
    /// Checks name and shape; gives tensors without content.
    Check(&'a Checkpoint),
    Load(&'a Checkpoint, RefCell<&'a mut dyn FnMut(u64, u64)>),
}

/// Gives tensors by name and shape.
pub(super) struct Source<'a> {
    kind: Kind<'a>,
    device: Device,
    numbers: Numbers,
    asked: RefCell<BTreeSet<String>>,
    /// Bytes, in the files' own types.
    loaded: Cell<u64>,
}

impl<'a> Source<'a> {
    fn new(kind: Kind<'a>, device: &Device, numbers: Numbers) -> Self {
        Self { kind, device: device.clone(), numbers, asked: RefCell::default(), loaded: Cell::new(0) }
    }

    pub(super) fn check(checkpoint: &'a Checkpoint) -> Self {
        let numbers = Numbers { dtype: DType::F32, blocks: None };
        Self::new(Kind::Check(checkpoint), &Device::Cpu, numbers)
    }

    /// `progress` is told bytes loaded and bytes in all, in the files' own types.
    pub(super) fn load(
        checkpoint: &'a Checkpoint,
        device: &Device,
        numbers: Numbers,
        progress: &'a mut dyn FnMut(u64, u64),
    ) -> Self {
        Self::new(Kind::Load(checkpoint, RefCell::new(progress)), device, numbers)
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn dtype(&self) -> DType {
        self.numbers.dtype
    }

    /// Whether the checkpoint has a tensor `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        let (Kind::Check(checkpoint) | Kind::Load(checkpoint, _)) = &self.kind;
        checkpoint.has(name)
    }

    /// The tensor `name`, whose shape must be `dims`.
    pub(super) fn get(&self, name: &str, dims: &[usize]) -> Result<Tensor> {
        self.get_on(name, dims, &self.device)
    }

    fn get_on(&self, name: &str, dims: &[usize], device: &Device) -> Result<Tensor> {
        self.asked.borrow_mut().insert(name.to_owned());
        match &self.kind {
            Kind::Check(checkpoint) => {
                checkpoint.check(name, dims)?;
                Ok(Tensor::zeros((0, 0), DType::F32, device)?)
            }
            Kind::Load(checkpoint, progress) => {
                let tensor = checkpoint.load(name, dims, device, self.dtype())?;
                self.loaded.set(self.loaded.get() + checkpoint.bytes_of(name));
                progress.borrow_mut()(self.loaded.get(), checkpoint.bytes());
                Ok(tensor)
            }
        }
    }

    /// The tensor `name` as a matrix: all axes but the first as one.
    pub(super) fn matrix(&self, name: &str, dims: &[usize]) -> Result<Tensor> {
        Ok(self.get(name, dims)?.flatten_from(1)?)
    }

    /// Several matrices of `n_in` columns, one above the other: one product in place of several. Quantised where
    /// that is wanted.
    pub(super) fn weight(&self, names: &[(String, usize)], n_in: usize) -> Result<Weight> {
        let is_finer = names.iter().any(|(name, _)| FINER.iter().any(|part| name.contains(part)));
        let kind = self.numbers.blocks.and_then(|blocks| blocks.of(n_in, is_finer));
        // What is to be quantised need not be where it will be used.
        let device = if kind.is_some() { &Device::Cpu } else { &self.device };
        let parts = names.iter().map(|(name, n_out)| self.get_on(name, &[*n_out, n_in], device));
        let parts = parts.collect::<Result<Vec<Tensor>>>()?;
        let whole = match parts.as_slice() {
            [one] => one.clone(),
            _ => Tensor::cat(&parts, 0)?,
        };
        match (kind, &self.kind) {
            (Some(kind), Kind::Load(..)) => Weight::quantised(&whole, kind, &self.device),
            _ => Ok(Weight::from(whole)),
        }
    }

    /// Whether the tensor `name` has this shape.
    pub(super) fn fits(&self, name: &str, dims: &[usize]) -> bool {
        let (Kind::Check(checkpoint) | Kind::Load(checkpoint, _)) = &self.kind;
        checkpoint.check(name, dims).is_ok()
    }

    /// The matrices of several layers that lie in one tensor, each (out, in), or (in, out) when it `is_turned`.
    /// Quantised where that is wanted.
    pub(super) fn experts(
        &self,
        name: &str,
        [n, n_in, n_out]: [usize; 3],
        is_turned: bool,
    ) -> Result<Vec<Weight>> {
        let dims = if is_turned { [n, n_in, n_out] } else { [n, n_out, n_in] };
        let kind = self.numbers.blocks.and_then(|blocks| blocks.of(n_in, false));
        let device = if kind.is_some() { &Device::Cpu } else { &self.device };
        let all = self.get_on(name, &dims, device)?;
        if matches!(self.kind, Kind::Check(_)) {
            return Ok(Vec::new());
        }
        let one = |i| {
            let w = all.get(i)?;
            let w_oi = if is_turned { w.t()?.contiguous()? } else { w.contiguous()? };
            match kind {
                Some(kind) => Weight::quantised(&w_oi, kind, &self.device),
                None => Ok(Weight::from(w_oi)),
            }
        };
        (0..n).map(one).collect()
    }

    /// Several vectors, one after the other.
    pub(super) fn joined(&self, names: &[(String, usize)]) -> Result<Tensor> {
        let parts: Result<Vec<Tensor>> = names.iter().map(|(name, n)| self.get(name, &[*n])).collect();
        Ok(Tensor::cat(&parts?, 0)?)
    }

    /// After a model was built: refuses tensors of the checkpoint that the model did not ask for (but those
    /// that `is_spare`), and those that are not finite. The hash of what it asked for, by name.
    pub(super) fn finish(&self, is_spare: &dyn Fn(&str) -> bool) -> Result<String> {
        let mut digest = Digest::new();
        let Kind::Check(checkpoint) = &self.kind else { return Ok(digest.text()) };
        let asked = self.asked.borrow();
        if let Some(name) = checkpoint.names().find(|n| !asked.contains(*n) && !is_spare(n)) {
            return Err(Rejection::new(name.to_owned(), "no such tensor in this model", "one").into());
        }
        asked.iter().try_for_each(|name| checkpoint.check_finite(name, &mut digest))?;
        Ok(digest.text())
    }
}
