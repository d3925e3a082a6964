//! One token at a time on an NVIDIA GPU: a language model's step as a few kernels per layer (`step.cu`), compiled for
//! its sizes at load and recorded once as a CUDA graph. candle's way, an operation at a time, serves prompts; for one
//! token it would wait for launches most of the time.

use super::super::cache::Cache;
use super::super::decoder::DecoderConfig;
use super::super::error::Result;
use super::{address, compile, failed};
use candle_core::cuda_backend::cudarc::driver::sys::{
    CUdevice_attribute, CUgraphInstantiate_flags, CUlaunchAttribute, CUlaunchAttributeID,
    CUlaunchAttributeValue, CUlaunchConfig, CUstreamCaptureMode, cuLaunchKernelEx,
};
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaGraph, CudaSlice, CudaStream, DevicePtr as _, PinnedHostSlice,
};
use candle_core::{CudaDevice, DType, Device, Tensor};
use core::ffi::c_void;
use std::sync::Arc;

const SOURCE: &str = concat!(include_str!("numbers.cu"), include_str!("step.cu"), include_str!("attend.cu"));
/// Channels of a warp's slice, and rounds of a block, of the products, as `step.cu` says.
const SLICE: usize = 256;
const ROUNDS: usize = 64;
/// Threads of a block that reads the token's word.
const THREADS: u32 = 128;
/// Threads of a block of the attention: 4 warps, as `attend.cu` says.
const ATTENDING: u32 = 128;
/// Blocks of the attention, one head of keys and one part of the positions each: of long conversations, several for each
/// multiprocessor; of short ones most have nothing to do.
const BLOCKS: usize = 512;
/// Query heads of one head of keys, and channels of a head, that a block has registers and shared memory for.
const MOST_SHARED: usize = 8;
const MOST_CHANNELS: usize = 256;
/// Channels that go into a product: 8 slices for each of 16 warps.
const MOST_IN: usize = 32_768;
/// Threads of a block of the choice, as `step.cu` says, and blocks.
const CHOOSERS: u32 = 256;
const CHOOSING: usize = 128;

/// A matrix (out, in) with its bias.
pub(in super::super) type Product = (Tensor, Option<Tensor>);

/// What a layer consists of.
#[derive(Debug)]
pub(in super::super) struct LayerWeights {
    pub(in super::super) before_attention: Tensor,
    pub(in super::super) qkv: Product,
    /// Gains of queries and keys.
    pub(in super::super) qk_norm: Option<(Tensor, Tensor)>,
    pub(in super::super) out: Product,
    pub(in super::super) before_mlp: Tensor,
    pub(in super::super) gate_up: Tensor,
    pub(in super::super) down: Tensor,
}

/// What a language model consists of.
#[derive(Debug)]
pub(in super::super) struct Weights {
    pub(in super::super) words: Tensor,
    pub(in super::super) layers: Vec<LayerWeights>,
    pub(in super::super) norm: Tensor,
    pub(in super::super) head: Tensor,
}

struct Kernels {
    embed: CudaFunction,
    normed: CudaFunction,
    gated: CudaFunction,
    seen_added: CudaFunction,
    inner_added: CudaFunction,
    attend: CudaFunction,
    choose: CudaFunction,
}

/// A graph that is launched by one thread at a time, the one that has the step.
struct Recorded(CudaGraph);

// SAFETY: a graph may be used from any thread, though not from two at a time; `Step` takes itself by `&mut` for it.
unsafe impl Send for Recorded {}

/// The step.
pub(in super::super) struct Step {
    stream: Arc<CudaStream>,
    kernels: Kernels,
    config: DecoderConfig,
    splits: usize,
    processors: usize,
    weights: Weights,
    token: CudaSlice<u32>,
    x: CudaSlice<f32>,
    qkv: CudaSlice<f32>,
    seen: CudaSlice<f32>,
    inner: CudaSlice<f32>,
    partial: CudaSlice<f32>,
    logits: CudaSlice<f32>,
    /// The blocks' best and their tokens, each with whether its logits are finite.
    bests: (CudaSlice<f32>, CudaSlice<u32>),
    /// The best of all, and whether all logits are finite.
    best: CudaSlice<u32>,
    /// Blocks that are done: of each head of keys, and of the choice.
    done: CudaSlice<u32>,
    told: PinnedHostSlice<f32>,
    is_recorded: bool,
    /// For the cache of so many tokens.
    graph: Option<(Recorded, usize)>,
}

/// What is asked of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Wanted {
    Logits,
    /// Of equals the token with the lowest number.
    Likeliest,
}

/// What a step gives.
pub(in super::super) enum Given {
    Logits(Vec<f32>),
    /// `None`: some logit is not finite.
    Likeliest(Option<u32>),
}

/// Whether kernels of this GPU may begin while the one before them runs: compute capability 9.0 (Hopper) or newer.
fn begins_early(device: &CudaDevice) -> bool {
    device.cuda_stream().context().compute_capability().is_ok_and(|(major, _)| major >= 9)
}

impl Step {
    /// Whether a step can be made for a model of these sizes and numbers.
    pub(in super::super) fn fits(c: &DecoderConfig, dtype: DType, device: &Device) -> bool {
        let sizes = [c.hidden, c.inner, c.heads * c.head_dim];
        matches!(dtype, DType::BF16 | DType::F32)
            && c.mixture.is_none()
            && c.gemma.is_none()
            && c.head_dim.is_multiple_of(8)
            && sizes.iter().all(|n| n.is_multiple_of(8) && *n <= MOST_IN)
            && c.heads / c.kv_heads <= MOST_SHARED
            && c.head_dim <= MOST_CHANNELS
            // Of 32 bits, 4 warps.
            && (5 * c.heads / c.kv_heads + 2) * c.head_dim * 4 <= 44 << 10
            && device.as_cuda_device().is_ok_and(begins_early)
    }

    /// Compiles the kernels and takes memory for what they hand on.
    pub(in super::super) fn new(
        c: &DecoderConfig,
        weights: Weights,
        dtype: DType,
        device: &Device,
    ) -> Result<Self> {
        let cuda = device.as_cuda_device()?;
        let stream = cuda.cuda_stream();
        let context = stream.context();
        let count = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
        let processors = context.attribute(count).map_err(failed)?.max(1) as usize;
        let splits = (BLOCKS / c.kv_heads).clamp(4, 64);
        let sizes = vec![
            format!("-DHIDDEN={}", c.hidden),
            format!("-DINNER={}", c.inner),
            format!("-DHEADS={}", c.heads),
            format!("-DKV_HEADS={}", c.kv_heads),
            format!("-DHEAD_DIM={}", c.head_dim),
            format!("-DSPLITS={splits}"),
            format!("-DEPSILON={:e}f", c.epsilon),
        ];
        let module = context.load_module(compile(SOURCE, sizes, dtype, cuda)?).map_err(failed)?;
        let kernel = |name: &str| module.load_function(name).map_err(failed);
        let zeros = |n: usize| stream.alloc_zeros::<f32>(n).map_err(failed);
        let counters = |n: usize| stream.alloc_zeros::<u32>(n).map_err(failed);
        let n_q = c.heads * c.head_dim;
        // SAFETY: what a run has not written is never read: a run copies all of it before.
        let told = unsafe { context.alloc_pinned_with_flags(c.vocabulary, 0) }.map_err(failed)?;
        Ok(Self {
            kernels: Kernels {
                embed: kernel("embed")?,
                normed: kernel("normed")?,
                gated: kernel("gated")?,
                seen_added: kernel("seen_added")?,
                inner_added: kernel("inner_added")?,
                attend: kernel("attend")?,
                choose: kernel("choose")?,
            },
            token: counters(4 + c.head_dim)?,
            x: zeros(c.hidden)?,
            qkv: zeros(n_q + 2 * c.kv_heads * c.head_dim)?,
            seen: zeros(n_q)?,
            inner: zeros(c.inner)?,
            partial: zeros(c.heads * splits * (c.head_dim + 2))?,
            logits: zeros(c.vocabulary)?,
            bests: (zeros(CHOOSING)?, counters(2 * CHOOSING)?),
            best: counters(2)?,
            done: counters(c.kv_heads + 1)?,
            told,
            is_recorded: true,
            graph: None,
            config: c.clone(),
            splits,
            processors,
            weights,
            stream,
        })
    }

    /// Whether launches are recorded once, or made anew for every token.
    pub(in super::super) fn record(&mut self, is_recorded: bool) {
        self.is_recorded = is_recorded;
    }

    /// What comes after token `id`, which is below the vocabulary, turned by the cosines and sines `turn` (head_dim);
    /// its keys and values go into the cache, which has room for it, behind those that are there.
    pub(in super::super) fn run(
        &mut self,
        id: u32,
        turn: &[f32],
        cache: &Cache,
        wanted: Wanted,
    ) -> Result<Given> {
        if cache.len() >= cache.capacity() || id as usize >= self.config.vocabulary {
            return Err(failed(format!(
                "no room for token {id} behind {} of {}",
                cache.len(),
                cache.capacity()
            )));
        }
        let at = u32::try_from(cache.len()).map_err(failed)?;
        let token: Vec<u32> = [id, at, 0, 0].into_iter().chain(turn.iter().map(|t| t.to_bits())).collect();
        self.stream.memcpy_htod(&token, &mut self.token).map_err(failed)?;
        if !self.is_recorded {
            self.launch(cache)?;
        } else {
            if self.graph.as_ref().is_none_or(|(_, capacity)| *capacity != cache.capacity()) {
                self.graph = None;
                self.graph = Some((self.recorded(cache)?, cache.capacity()));
            }
            if let Some((graph, _)) = &self.graph {
                graph.0.launch().map_err(failed)?;
            }
        }
        match wanted {
            Wanted::Logits => {
                self.stream.memcpy_dtoh(&self.logits, &mut self.told).map_err(failed)?;
                self.stream.synchronize().map_err(failed)?;
                Ok(Given::Logits(self.told.as_slice().map_err(failed)?.to_vec()))
            }
            Wanted::Likeliest => {
                let mut best = [0; 2];
                self.stream.memcpy_dtoh(&self.best, &mut best).map_err(failed)?;
                self.stream.synchronize().map_err(failed)?;
                Ok(Given::Likeliest((best[1] == 1).then_some(best[0])))
            }
        }
    }

    fn recorded(&self, cache: &Cache) -> Result<Recorded> {
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        self.stream.begin_capture(mode).map_err(failed)?;
        let launched = self.launch(cache);
        // Ended in any case: nothing else could run on the stream.
        let graph = self.stream.end_capture(CUgraphInstantiate_flags(0)).map_err(failed);
        launched?;
        graph?.map(Recorded).ok_or_else(|| failed("nothing was recorded"))
    }

    /// Every kernel of a token. The arguments are, in order, what `step.cu` says of each; matrices, buffers and cache
    /// have the sizes that `Step::new` and the model's own check gave them.
    fn launch(&self, cache: &Cache) -> Result<()> {
        let (c, w) = (&self.config, &self.weights);
        let n_q = c.heads * c.head_dim;
        let [x, qkv, seen, gated] = [&self.x, &self.qkv, &self.seen, &self.inner].map(|b| self.buffer(b));
        let [partial, logits] = [&self.partial, &self.logits].map(|b| self.buffer(b));
        let token = self.token.device_ptr(&self.stream).0;
        let done = self.done.device_ptr(&self.stream).0;
        let grid = (c.hidden.div_ceil(THREADS as usize) as u32, 1);
        self.kernel(&self.kernels.embed, grid, THREADS, &[token, self.at(&w.words)?, x], true)?;
        for (i, layer) in w.layers.iter().enumerate() {
            let n = n_q + 2 * c.kv_heads * c.head_dim;
            let gain = self.at(&layer.before_attention)?;
            self.product(&self.kernels.normed, &layer.qkv, (c.hidden, n), [x, gain, qkv], 1)?;

            let gains = layer.qk_norm.as_ref();
            let q_gain = gains.map_or(Ok(0), |g| self.at(&g.0))?;
            let k_gain = gains.map_or(Ok(0), |g| self.at(&g.1))?;
            let (k, v) = cache.layer(i);
            let capacity = cache.capacity() as u64;
            let args = [token, qkv, q_gain, k_gain, self.at(k)?, self.at(v)?, capacity, partial, done, seen];
            let grid = (c.kv_heads as u32, self.splits as u32);
            self.kernel(&self.kernels.attend, grid, ATTENDING, &args, false)?;

            self.product(&self.kernels.seen_added, &layer.out, (n_q, c.hidden), [seen, 0, x], 1)?;

            let (gate_up, down) = ((layer.gate_up.clone(), None), (layer.down.clone(), None));
            let gain = self.at(&layer.before_mlp)?;
            self.product(&self.kernels.gated, &gate_up, (c.hidden, c.inner), [x, gain, gated], 2)?;
            self.product(&self.kernels.inner_added, &down, (c.inner, c.hidden), [gated, 0, x], 1)?;
        }
        let head = (w.head.clone(), None);
        let sizes = (c.hidden, c.vocabulary);
        self.product(&self.kernels.normed, &head, sizes, [x, self.at(&w.norm)?, logits], 1)?;
        let bests = (self.buffer(&self.bests.0), self.bests.1.device_ptr(&self.stream).0);
        let best = self.best.device_ptr(&self.stream).0;
        let args = [logits, c.vocabulary as u64, bests.0, bests.1, done + 4 * c.kv_heads as u64, best];
        self.kernel(&self.kernels.choose, (CHOOSING as u32, 1), CHOOSERS, &args, false)
    }

    /// A product from `n_in` channels to `n_out`, for each of which it reads `of_each` rows: as few blocks as run at the
    /// same time, each with as many rounds as that takes (`Sharing` in `step.cu`).
    fn product(
        &self,
        kernel: &CudaFunction,
        (w, b): &Product,
        (n_in, n_out): (usize, usize),
        [x, gain, y]: [u64; 3],
        of_each: usize,
    ) -> Result<()> {
        let (w, b) = (self.at(w)?, b.as_ref().map_or(Ok(0), |b| self.at(b))?);
        let slices = n_in.div_ceil(SLICE);
        let own = slices.div_ceil(16);
        let threads = 32 * slices.div_ceil(own);
        let rows = match own {
            1 => 8,
            2..=4 => 4,
            _ => 2,
        };
        let at_once = self.processors * if own <= 2 { 1024 / threads } else { 1 };
        let takes = (n_out * of_each).div_ceil(rows);
        let rounds = takes.div_ceil(at_once).clamp(1, ROUNDS);
        let args = [w, b, x, gain, y, n_out as u64, rounds as u64];
        self.kernel(kernel, (takes.div_ceil(rounds) as u32, 1), threads as u32, &args, false)
    }

    /// Every argument is a number or an address of at most 64 bits. All but the first begin while the one before them
    /// still runs, and wait for it themselves.
    fn kernel(
        &self,
        f: &CudaFunction,
        grid: (u32, u32),
        threads: u32,
        args: &[u64],
        is_first: bool,
    ) -> Result<()> {
        let mut pointers: Vec<*mut c_void> =
            args.iter().map(|arg| core::ptr::from_ref(arg).cast_mut().cast()).collect();
        let mut overlaps = CUlaunchAttribute {
            id: CUlaunchAttributeID::CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
            pad: [0; 4],
            value: CUlaunchAttributeValue { programmaticStreamSerializationAllowed: 1 },
        };
        let config = CUlaunchConfig {
            gridDimX: grid.0,
            gridDimY: grid.1,
            gridDimZ: 1,
            blockDimX: threads,
            blockDimY: 1,
            blockDimZ: 1,
            sharedMemBytes: 0,
            hStream: self.stream.cu_stream(),
            attrs: &raw mut overlaps,
            numAttrs: u32::from(!is_first),
        };
        self.stream.context().bind_to_thread().map_err(failed)?;
        // SAFETY: as many arguments as the kernel has, each read at once; what they point to lives as long as `self`
        // and the cache, and everything that uses it goes through one stream.
        let result = unsafe {
            cuLaunchKernelEx(&raw const config, f.cu_function(), pointers.as_mut_ptr(), core::ptr::null_mut())
        };
        result.result().map_err(failed)
    }

    fn buffer(&self, slice: &CudaSlice<f32>) -> u64 {
        slice.device_ptr(&self.stream).0
    }

    fn at(&self, tensor: &Tensor) -> Result<u64> {
        address(tensor, &self.stream)
    }
}
