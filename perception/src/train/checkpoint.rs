//! Where a training stands: everything to go on from, in one file.

use super::loss::Parts;
use crate::vision::{Arch, Closer, Net};
use crate::weights::{Array, Arrays};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use types::Rejection;

const KEY: &str = "sinew-training";
/// Largest checkpoint read, bytes.
const MAX_BYTES: usize = 1 << 30;

/// What identifies a training: with the same plan, the same samples and the same number of threads,
/// the weights come out the same to the bit on one machine.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Which net.
    pub subject: Subject,
    /// Seed of the first weights and of the augmentation.
    pub seed: u64,
    /// Number of steps from beginning to end: the learning rate's course depends on it.
    pub steps: u64,
    /// Pictures per step.
    pub batch: usize,
    /// Highest learning rate.
    pub rate: f32,
    /// Weight decay per step and unit of learning rate.
    pub decay: f32,
}

/// Which net learns.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Subject {
    /// The detector.
    Detector {
        /// Channels of the net.
        arch: Arch,
        /// Size of the net's input while training, pixels: width, height; multiples of 16.
        input: (usize, usize),
    },
    /// The closer look at what the detector proposes.
    Closer,
}

/// A training at one step: the plan, all numbers, and the losses so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What is being done.
    pub plan: Plan,
    /// Steps done.
    pub step: u64,
    /// Loss of every step done.
    pub history: Vec<Parts>,
    pub(crate) arrays: Arrays,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    plan: Plan,
    step: u64,
}

impl Checkpoint {
    /// As a file: safetensors at f32.
    ///
    /// # Errors
    /// A [`Rejection`] if it cannot be written so.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Rejection> {
        let mut arrays = self.arrays.clone();
        let losses: Vec<f32> = self.history.iter().flat_map(|p| p.to_array()).collect();
        arrays.insert("history".to_owned(), Array { dims: vec![self.history.len(), 5], values: losses });
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
        let header = serde_json::to_string(&Header { plan: self.plan, step: self.step })
            .map_err(|e| Rejection::new("checkpoint", "JSON", e.to_string()))?;
        serialize(views, Some(HashMap::from([(KEY.to_owned(), header)]))).map_err(refuse)
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
        let json = metadata.metadata().as_ref().and_then(|m| m.get(KEY));
        let json = json.ok_or_else(|| Rejection::new("checkpoint.header", "a training's plan", "none"))?;
        let header: Header = serde_json::from_str(json)
            .map_err(|e| Rejection::new("checkpoint.header", "a training's plan", e.to_string()))?;
        header.plan.check()?;
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
        let losses = arrays
            .remove("history")
            .ok_or_else(|| Rejection::new("checkpoint.history", "a tensor", "nothing"))?;
        let history: Vec<Parts> =
            losses.values.as_chunks::<5>().0.iter().map(|p| Parts::from_array(*p)).collect();
        if history.len() as u64 != header.step {
            let got = format!("{} losses", history.len());
            return Err(Rejection::new("checkpoint.history", format!("{} losses", header.step), got));
        }
        Ok(Self { plan: header.plan, step: header.step, history, arrays })
    }

    /// The detector as it stands, ready for use.
    ///
    /// # Errors
    /// A [`Rejection`] when another net was trained, or the arrays do not fit the plan.
    pub fn net(&self) -> Result<Net, Rejection> {
        match self.plan.subject {
            Subject::Detector { arch, .. } => Net::new(arch, self.folded()?),
            Subject::Closer => Err(Rejection::new("plan.subject", "detector", "closer")),
        }
    }

    /// The closer look as it stands, ready for use.
    ///
    /// # Errors
    /// A [`Rejection`] when another net was trained, or the arrays do not fit the plan.
    pub fn closer(&self) -> Result<Closer, Rejection> {
        match self.plan.subject {
            Subject::Closer => Closer::new(self.folded()?),
            Subject::Detector { .. } => Err(Rejection::new("plan.subject", "closer", "detector")),
        }
    }

    fn folded(&self) -> Result<Arrays, Rejection> {
        let tensors = super::parameters(self)?.fold();
        tensors.map_err(|e| Rejection::new("checkpoint", "tensors that fit", e.to_string()))
    }

    /// A number that tells weights apart: see [`crate::weights::fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        crate::weights::fingerprint(&self.arrays)
    }
}

impl Plan {
    /// # Errors
    /// A [`Rejection`] for a size or rate that cannot be trained with.
    pub fn check(&self) -> Result<(), Rejection> {
        if let Subject::Detector { arch, input } = self.subject {
            arch.check()?;
            for (name, side) in [("plan.input.0", input.0), ("plan.input.1", input.1)] {
                if side == 0 || side % 16 != 0 || side > 2048 {
                    return Err(Rejection::new(name, "a multiple of 16 up to 2048 px", side.to_string()));
                }
            }
        }
        if !(1..=4096).contains(&self.batch) {
            return Err(Rejection::new("plan.batch", "1 to 4096 pictures", self.batch.to_string()));
        }
        Rejection::positive("plan.rate", f64::from(self.rate))?;
        Rejection::finite("plan.decay", f64::from(self.decay))?;
        Ok(())
    }
}
