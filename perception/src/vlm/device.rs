//! Where a model computes, and in which numbers.

use super::error::{Result, VlmError};
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
}

impl Place {
    /// The device itself; a sentence that says what to do where it is not there.
    pub(super) fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::Cpu),
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::new_cuda(0).map_err(|e| VlmError::Backend(format!("no CUDA device: {e}"))),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => {
                let expected = "a build with the feature cuda (scripts/cuda builds one)";
                Err(VlmError::from(Rejection::new("device", expected, "cuda in a build without it")))
            }
        }
    }
}

impl Precision {
    pub(super) fn on(self, place: Place) -> Result<DType> {
        match (self, place) {
            (Self::F32, _) => Ok(DType::F32),
            (Self::F16, _) => Ok(DType::F16),
            (Self::Bf16, Place::Cuda) => Ok(DType::BF16),
            (Self::Bf16, Place::Cpu) => Err(Rejection::new("dtype", "f32 or f16 on the CPU", "bf16").into()),
        }
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
            _ => Err(Rejection::new("dtype", "f32, f16 or bf16", s.to_owned())),
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
        })
    }
}
