//! What NVIDIA GPUs do by kernels of our own: the step of one token (`step`), and what stands between the products of
//! a prompt (`prompt`). Kernels are compiled where they run, by NVRTC; they serve bfloat16 and 32 bits, and
//! everything else goes candle's way, an operation at a time.
#![allow(
    unsafe_code,
    reason = "kernels are launched with addresses, each over memory that its caller has sized"
)]

mod prompt;
mod read;
mod step;

pub(super) use prompt::{gate, serves, soften, turn};
pub(super) use read::bandwidth;
pub(super) use step::{Given, LayerWeights, Step, Wanted, Weights};

use super::error::{Result, VlmError};
use candle_core::cuda_backend::CudaStorageSlice;
use candle_core::cuda_backend::cudarc::driver::sys::{
    CUmemPool_attribute, cuDeviceGetDefaultMemPool, cuMemPoolSetAttribute,
};
use candle_core::cuda_backend::cudarc::driver::{CudaStream, DevicePtr as _};
use candle_core::cuda_backend::cudarc::nvrtc::{CompileOptions, Ptx, compile_ptx_with_opts};
use candle_core::{CudaDevice, DType, Device, Storage, Tensor};

fn failed(e: impl core::fmt::Display) -> VlmError {
    VlmError::Backend(format!("GPU: {e}"))
}

/// The first GPU, with one stream for everything, whichever thread asks.
pub(super) fn open() -> Result<Device> {
    let device = Device::new_cuda_with_stream(0);
    let device = device.map_err(|e| VlmError::Backend(format!("no CUDA device: {e}")))?;
    let cuda = device.as_cuda_device()?;
    // Events for other streams would cost more than small kernels do.
    // SAFETY: everything of this device goes through its one stream.
    unsafe { cuda.disable_event_tracking() };
    // Memory that was given back is kept for the next asking, not handed to the system at every wait.
    let mut pool = core::ptr::null_mut();
    let mut most = u64::MAX;
    let stream = cuda.cuda_stream();
    // SAFETY: the device is this context's, the pool is the device's, and the attribute is of 64 bits.
    unsafe {
        cuDeviceGetDefaultMemPool(&raw mut pool, stream.context().cu_device()).result().map_err(failed)?;
        let threshold = CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        cuMemPoolSetAttribute(pool, threshold, (&raw mut most).cast()).result().map_err(failed)?;
    }
    Ok(device)
}

/// Compiles for this GPU, in these numbers.
fn compile(source: &str, mut options: Vec<String>, dtype: DType, device: &CudaDevice) -> Result<Ptx> {
    let stream = device.cuda_stream();
    let (major, minor) = stream.context().compute_capability().map_err(failed)?;
    options.push(format!("--gpu-architecture=compute_{major}{minor}"));
    if dtype == DType::F32 {
        options.push("-DWIDE".to_owned());
    }
    compile_ptx_with_opts(source, CompileOptions { options, ..CompileOptions::default() }).map_err(failed)
}

/// Where a tensor's numbers, side by side, begin.
fn address(tensor: &Tensor, stream: &CudaStream) -> Result<u64> {
    let (storage, layout) = tensor.storage_and_layout();
    let Some((begin, _)) = layout.contiguous_offsets() else {
        return Err(failed("expected a tensor in one piece"));
    };
    let Storage::Cuda(storage) = &*storage else { return Err(failed("expected a tensor on the GPU")) };
    Ok(begin_of(&storage.slice, stream)? + (begin * tensor.dtype().size_in_bytes()) as u64)
}

fn begin_of(slice: &CudaStorageSlice, stream: &CudaStream) -> Result<u64> {
    match slice {
        CudaStorageSlice::BF16(slice) => Ok(slice.device_ptr(stream).0),
        CudaStorageSlice::F32(slice) => Ok(slice.device_ptr(stream).0),
        _ => Err(failed("expected numbers of bf16 or f32")),
    }
}
