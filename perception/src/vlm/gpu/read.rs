//! How fast the GPU's memory is read, for benchmarks to compare with.

use super::super::error::Result;
use super::failed;
use candle_core::Device;
use candle_core::cuda_backend::cudarc::driver::sys::CUevent_flags;
use candle_core::cuda_backend::cudarc::driver::{LaunchConfig, PushKernelArg as _};
use candle_core::cuda_backend::cudarc::nvrtc::compile_ptx;

/// Blocks and threads: enough for the largest GPUs.
const BLOCKS: u32 = 2048;
const THREADS: u32 = 512;
/// What each thread reads at a time, times as often: 2 GiB in all, far beyond every cache.
const ROUNDS: usize = 16;
/// Readings, of which the median counts.
const TIMES: usize = 15;

/// Bytes per second of plain reading, the median of several readings of 2 GiB.
pub(in super::super) fn bandwidth(device: &Device) -> Result<f64> {
    let stream = device.as_cuda_device()?.cuda_stream();
    let module = compile_ptx(include_str!("read.cu")).map_err(failed)?;
    let kernel = stream.context().load_module(module).map_err(failed)?;
    let kernel = kernel.load_function("read_all").map_err(failed)?;
    let n = (BLOCKS * THREADS) as usize * 8 * ROUNDS;
    let memory = stream.alloc_zeros::<u32>(4 * n).map_err(failed)?;
    let out = stream.alloc_zeros::<u32>(1).map_err(failed)?;
    let count = n as u64;
    let grid = LaunchConfig { grid_dim: (BLOCKS, 1, 1), block_dim: (THREADS, 1, 1), shared_mem_bytes: 0 };
    let mut seconds = Vec::new();
    for _ in 0..TIMES {
        let mut read = stream.launch_builder(&kernel);
        read.arg(&memory).arg(&count).arg(&out);
        read.record_kernel_launch(CUevent_flags::CU_EVENT_DEFAULT);
        // SAFETY: the memory holds n times 16 bytes.
        let events = unsafe { read.launch(grid) }.map_err(failed)?;
        let (begin, end) = events.ok_or_else(|| failed("no time was taken"))?;
        seconds.push(f64::from(begin.elapsed_ms(&end).map_err(failed)?) / 1e3);
    }
    seconds.sort_by(f64::total_cmp);
    Ok((16 * n) as f64 / seconds[TIMES / 2])
}
