//! A training of the reader as a file.

use super::train::Trained;
use crate::weights::{Array, Arrays};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use std::collections::HashMap;
use types::Rejection;

const KEY: &str = "sinew-reader-step";
/// Largest checkpoint read, bytes.
const MAX_BYTES: usize = 1 << 28;

impl Trained {
    /// As a file: safetensors at f32, the number of steps in its header.
    ///
    /// # Errors
    /// A [`Rejection`] if it cannot be written so.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Rejection> {
        let mut arrays = self.arrays.clone();
        let history = Array { dims: vec![self.history.len()], values: self.history.clone() };
        arrays.insert("history".to_owned(), history);
        let bytes: Vec<(&String, &Array, Vec<u8>)> = arrays
            .iter()
            .map(|(n, a)| (n, a, a.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let refuse =
            |e: safetensors::SafeTensorError| Rejection::new("checkpoint", "safetensors", e.to_string());
        let views = bytes
            .iter()
            .map(|(n, a, b)| Ok((n.as_str(), TensorView::new(Dtype::F32, a.dims.clone(), b)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(refuse)?;
        serialize(views, Some(HashMap::from([(KEY.to_owned(), self.step.to_string())]))).map_err(refuse)
    }

    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// A [`Rejection`] that names what is wrong with it (B30).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() > MAX_BYTES {
            let got = format!("{} bytes", bytes.len());
            return Err(Rejection::new("checkpoint", format!("at most {MAX_BYTES} bytes"), got));
        }
        let refuse = |e: safetensors::SafeTensorError| {
            Rejection::new("checkpoint", "a whole safetensors file without overlaps", e.to_string())
        };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(refuse)?;
        let step = metadata.metadata().as_ref().and_then(|m| m.get(KEY)).and_then(|s| s.parse().ok());
        let step: u64 =
            step.ok_or_else(|| Rejection::new("checkpoint.header", "a number of steps", "none"))?;
        let mut arrays = Arrays::new();
        for (name, view) in SafeTensors::deserialize(bytes).map_err(refuse)?.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(Rejection::new(name, "type F32", format!("{:?}", view.dtype())));
            }
            let values: Vec<f32> =
                view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            let array = Array { dims: view.shape().to_vec(), values };
            array.check(&name, view.shape())?;
            arrays.insert(name, array);
        }
        let history = arrays
            .remove("history")
            .ok_or_else(|| Rejection::new("checkpoint.history", "a tensor", "nothing"))?
            .values;
        if history.len() as u64 != step {
            let got = format!("{} losses", history.len());
            return Err(Rejection::new("checkpoint.history", format!("{step} losses"), got));
        }
        Ok(Self { step, history, arrays })
    }
}
