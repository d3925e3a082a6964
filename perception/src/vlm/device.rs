//! Where a model computes, and in which numbers.

use super::error::Result;
#[cfg(not(feature = "cuda"))]
use super::error::VlmError;
use candle_core::quantized::GgmlDType;
use candle_core::{DType, Device};
use core::fmt;
use core::str::FromStr;
use types::Rejection;

/// Where a model computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this machine's processor.
    Cpu,
    /// On the first NVIDIA GPU.
    Cuda,
}

/// In which numbers a model computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    F32,
    /// 16 bits (IEEE 754 binary16).
    F16,
    /// 16 bits with the range of 32, on a GPU alone.
    Bf16,
    /// 32 bits, with weights in blocks of 32 of 8 bits (GGML's Q8_0).
    Q8,
    /// 32 bits, with the language model's weights in blocks of 4 bits (GGML's Q4_K; Q4_0 where rows are no multiple
    /// of 256), all others as in [`Self::Q8`].
    Q4,
}

/// What a precision means for a model that is being loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Of what is computed, and of weights that are not quantised.
    pub(super) dtype: DType,
    pub(super) blocks: Option<Blocks>,
}

/// How matrices are quantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocks {
    Eight,
    Four,
}

impl Blocks {
    /// Of a matrix with rows of `n_in`; `None`: it stays as it is. What is `finer` keeps eight bits.
    pub(super) fn of(self, n_in: usize, is_finer: bool) -> Option<GgmlDType> {
        let fits = |kind: &GgmlDType| n_in.is_multiple_of(kind.block_size());
        let kinds: &[GgmlDType] = match self {
            Self::Four if !is_finer => &[GgmlDType::Q4K, GgmlDType::Q4_0],
            _ => &[GgmlDType::Q8_0],
        };
        kinds.iter().copied().find(fits)
    }
}

impl Place {
    /// The device itself; a sentence that says what to do where it is not there.
    pub(super) fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            #[cfg(feature = "cuda")]
            Self::Cuda => super::gpu::open(),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => {
                let expected = "a build with the feature cuda (scripts/cuda builds one)";
                Err(VlmError::from(Rejection::new("device", expected, "cuda in a build without it")))
            }
        }
    }
}

impl Precision {
    pub(super) fn on(self, place: Place) -> Result<Numbers> {
        let (dtype, blocks) = match (self, place) {
            (Self::F32, _) => (DType::F32, None),
            (Self::F16, _) => (DType::F16, None),
            (Self::Bf16, Place::Cuda) => (DType::BF16, None),
            (Self::Bf16, Place::Cpu) => {
                return Err(Rejection::new("dtype", "f32, f16, q8 or q4 on the CPU", "bf16").into());
            }
            (Self::Q8, _) => (DType::F32, Some(Blocks::Eight)),
            (Self::Q4, _) => (DType::F32, Some(Blocks::Four)),
        };
        Ok(Numbers { dtype, blocks })
    }
}

impl FromStr for Place {
    type Err = Rejection;

    fn from_str(s: &str) -> core::result::Result<Self, Rejection> {
        match s {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda),
            _ => Err(Rejection::new("device", "cpu or cuda", s.to_owned())),
        }
    }
}

impl FromStr for Precision {
    type Err = Rejection;

    fn from_str(s: &str) -> core::result::Result<Self, Rejection> {
        match s {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            "bf16" => Ok(Self::Bf16),
            "q8" => Ok(Self::Q8),
            "q4" => Ok(Self::Q4),
            _ => Err(Rejection::new("dtype", "f32, f16, bf16, q8 or q4", s.to_owned())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8 => "q8",
            Self::Q4 => "q4",
        })
    }
}
