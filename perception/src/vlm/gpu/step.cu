// One token through a language model: kernels that read every weight once, for one row of activations; its attention is
// in `attend.cu`.
//
// Compiled at load for the sizes of one model, which stand in macros: HIDDEN, INNER, HEADS, KV_HEADS, HEAD_DIM,
// SPLITS, EPSILON. Every kernel but the first begins while the one before it still runs (programmatic dependent
// launch): it asks for its first weights, and only then waits for what it is to multiply.

// Channels that a lane takes at a time: 16 bytes of bfloat16.
#define EACH 8
#define SLICE (LANES * EACH)

#ifdef WIDE
struct Loaded { uint4 low, high; };
#else
struct Loaded { uint4 low; };
#endif

// The next kernel may begin as soon as all blocks of this one have.
__device__ __forceinline__ void let_next_begin() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }
// What earlier kernels wrote is there; before this nothing of theirs may be read or overwritten.
__device__ __forceinline__ void wait_for_earlier() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

// Read once: not kept in the first cache.
__device__ __forceinline__ uint4 stream(const void* from) {
  uint4 v;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
      : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(from) : "memory");
  return v;
}

// Of an earlier kernel's: not before `wait_for_earlier`, whatever the compiler knows of aliases.
__device__ __forceinline__ float4 activations(const float* from) {
  float4 v;
  asm volatile("ld.global.v4.f32 {%0, %1, %2, %3}, [%4];"
      : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w) : "l"(from) : "memory");
  return v;
}

__device__ __forceinline__ Loaded load(const Weight* from) {
  Loaded loaded;
  loaded.low = stream(from);
#ifdef WIDE
  loaded.high = stream(from + 4);
#endif
  return loaded;
}

__device__ __forceinline__ void unpack(const Loaded& loaded, float out[EACH]) {
#ifdef WIDE
  const uint4 a = loaded.low, b = loaded.high;
  const unsigned words[EACH] = {a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w};
  for (int i = 0; i < EACH; ++i) out[i] = __uint_as_float(words[i]);
#else
  const unsigned words[4] = {loaded.low.x, loaded.low.y, loaded.low.z, loaded.low.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    out[2 * i] = __uint_as_float(words[i] << 16);
    out[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
  }
#endif
}

// How a product over N_IN channels is shared out: every warp of a block has so many slices of the channels, of which it
// keeps the activations, and takes as many rows of the matrix at a time as there are registers to ask for.
template <int N_IN>
struct Sharing {
  static constexpr int SLICES = (N_IN + SLICE - 1) / SLICE;
  static constexpr int OWN = (SLICES + 15) / 16;
  static constexpr int WARPS = (SLICES + OWN - 1) / OWN;
  static constexpr int ROWS = OWN == 1 ? 8 : OWN <= 4 ? 4 : 2;
  static constexpr int BLOCKS = OWN <= 2 ? 1024 / (WARPS * LANES) : 1;
};
// As often a block takes rows, at most.
#define ROUNDS 64

// Of `sums`, one for each row, the total over the warp: lane i has that of row i * ROWS / LANES. Lanes exchange halves
// of what they hold, so that the shuffles are few.
template <int ROWS>
__device__ __forceinline__ float total_of_row(float (&sums)[ROWS]) {
  const int lane = threadIdx.x % LANES;
  int apart = LANES / 2;
#pragma unroll
  for (int half = ROWS / 2; half > 0; half /= 2, apart /= 2) {
    const bool is_upper = lane & apart;
#pragma unroll
    for (int r = 0; r < half; ++r) {
      const float kept = is_upper ? sums[half + r] : sums[r], given = is_upper ? sums[r] : sums[half + r];
      sums[r] = kept + __shfl_xor_sync(FULL, given, apart);
    }
  }
  float sum = sums[0];
#pragma unroll
  for (; apart > 0; apart /= 2) sum += __shfl_xor_sync(FULL, sum, apart);
  return sum;
}

// y = W x + b, or, GATED, silu(W x) (V x) with V's rows after W's. NORMED: x stands for x / rms(x) * gain; the norm is a
// factor of the whole sum. ADDED: to what stands in y, else in its place.
template <int N_IN, bool NORMED, bool ADDED, bool GATED>
__device__ __forceinline__ void product(
    const Weight* w, const Weight* bias, const float* x, const Weight* gain, float* y, int n_out, int rounds) {
  using Share = Sharing<N_IN>;
  constexpr int ROWS = Share::ROWS, OWN = Share::OWN, WARPS = Share::WARPS;
  // Rows of y that a round gives.
  constexpr int GIVEN = GATED ? ROWS / 2 : ROWS;
  __shared__ float totals[WARPS][ROWS * ROUNDS], norms[WARPS];
  let_next_begin();
  const int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  const int first = blockIdx.x * rounds * GIVEN;

  Loaded weights[ROWS][OWN];
  const auto ask = [&](int round) {
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
      const int row = first + round * GIVEN + r % GIVEN;
      const Weight* from = w + (size_t)(row + r / GIVEN * n_out) * N_IN;
#pragma unroll
      for (int o = 0; o < OWN; ++o) {
        const int i = (o * WARPS + warp) * SLICE + lane * EACH;
        if (row < n_out && i < N_IN) weights[r][o] = load(from + i);
      }
    }
  };
  ask(0);
  wait_for_earlier();
  // Else the compiler would ask for weights only just before they are used.
  asm volatile("bar.warp.sync 0xffffffff;" ::: "memory");

  float v[OWN][EACH];
  float squares = 0.f;
#pragma unroll
  for (int o = 0; o < OWN; ++o) {
    const int i = (o * WARPS + warp) * SLICE + lane * EACH;
    float4 low = make_float4(0.f, 0.f, 0.f, 0.f), high = low;
    if (i < N_IN) {
      low = activations(x + i);
      high = activations(x + i + 4);
    }
    const float numbers[EACH] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
    float gains[EACH];
    if (NORMED && i < N_IN) unpack(load(gain + i), gains);
#pragma unroll
    for (int e = 0; e < EACH; ++e) {
      squares += numbers[e] * numbers[e];
      v[o][e] = NORMED && i < N_IN ? numbers[e] * gains[e] : numbers[e];
    }
  }
  if (NORMED) {
    squares = sum_of_warp(squares);
    if (lane == 0) norms[warp] = squares;
  }
  for (int round = 0; round < rounds; ++round) {
    float sums[ROWS] = {};
#pragma unroll
    for (int r = 0; r < ROWS; ++r) {
#pragma unroll
      for (int o = 0; o < OWN; ++o) {
        const int i = (o * WARPS + warp) * SLICE + lane * EACH;
        float numbers[EACH];
        unpack(weights[r][o], numbers);
#pragma unroll
        for (int e = 0; e < EACH; ++e) sums[r] += i < N_IN ? numbers[e] * v[o][e] : 0.f;
      }
    }
    if (round + 1 < rounds) ask(round + 1);
    asm volatile("bar.warp.sync 0xffffffff;" ::: "memory");
    const float total = total_of_row<ROWS>(sums);
    if (lane % (LANES / ROWS) == 0) totals[warp][round * ROWS + lane / (LANES / ROWS)] = total;
  }
  __syncthreads();

  float factor = 1.f;
  if (NORMED) {
    float all = 0.f;
#pragma unroll
    for (int o = 0; o < WARPS; ++o) all += norms[o];
    factor = rsqrtf(all / N_IN + EPSILON);
  }
  for (int t = threadIdx.x; t < rounds * GIVEN; t += WARPS * LANES) {
    const int row = first + t;
    if (row >= n_out) return;
    const int at = t / GIVEN * ROWS + t % GIVEN;
    float value = 0.f, other = 0.f;
#pragma unroll
    for (int o = 0; o < WARPS; ++o) {
      value += totals[o][at];
      if (GATED) other += totals[o][at + GIVEN];
    }
    value *= factor;
    if (GATED) {
      value = value / (1.f + __expf(-value)) * (other * factor);
    } else if (bias) {
      value += wide(bias[row]);
    }
    y[row] = ADDED ? y[row] + value : value;
  }
}

// What changes from token to token.
struct Token {
  unsigned id;
  // Where it stands in the cache: so many came before.
  unsigned at;
  unsigned unused[2];
  float turn[HEAD_DIM];  // cosines, then sines
};

extern "C" __global__ void embed(const Token* token, const Weight* words, float* x) {
  let_next_begin();
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < HIDDEN) x[i] = wide(words[(size_t)token->id * HIDDEN + i]);
}

// A product's kernel, with as many threads and registers as its sharing asks for.
#define PRODUCT(name, n_in, normed, added, gated)                                                                     \
  extern "C" __global__ void __launch_bounds__(Sharing<n_in>::WARPS* LANES, Sharing<n_in>::BLOCKS) name(              \
      const Weight* w, const Weight* bias, const float* x, const Weight* gain, float* y, int n_out, int rounds) {     \
    product<n_in, normed, added, gated>(w, bias, x, gain, y, n_out, rounds);                                          \
  }

PRODUCT(normed, HIDDEN, true, false, false)
PRODUCT(gated, HIDDEN, true, false, true)
PRODUCT(seen_added, HEADS* HEAD_DIM, false, true, false)
PRODUCT(inner_added, INNER, false, true, false)

// The likeliest token, of equals the one with the lowest number, and whether all logits are finite.
struct Best {
  unsigned id;
  unsigned is_finite;
};

#define CHOOSING 256

// Puts a second candidate beside the first.
__device__ __forceinline__ void better(float& value, unsigned& id, float other, unsigned other_id) {
  if (other > value || (other == value && other_id < id)) {
    value = other;
    id = other_id;
  }
}

// Best of all threads of a block, for its first.
__device__ __forceinline__ void best_of_block(float& value, unsigned& id, unsigned& is_finite) {
  __shared__ float values[CHOOSING / LANES];
  __shared__ unsigned ids[CHOOSING / LANES], finite[CHOOSING / LANES];
  const int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  for (int i = LANES / 2; i > 0; i /= 2) {
    better(value, id, __shfl_xor_sync(FULL, value, i), __shfl_xor_sync(FULL, id, i));
    is_finite &= __shfl_xor_sync(FULL, is_finite, i);
  }
  __syncthreads();
  if (lane == 0) {
    values[warp] = value;
    ids[warp] = id;
    finite[warp] = is_finite;
  }
  __syncthreads();
  for (int i = 1; i < CHOOSING / LANES && threadIdx.x == 0; ++i) {
    better(value, id, values[i], ids[i]);
    is_finite &= finite[i];
  }
}

extern "C" __global__ void choose(
    const float* logits, int n, float* values, unsigned* ids, unsigned* done, Best* best) {
  let_next_begin();
  wait_for_earlier();
  __shared__ bool is_last;
  float value = MINUS_INFINITY;
  unsigned id = 0xffffffffu, is_finite = 1;
  for (int i = blockIdx.x * CHOOSING + threadIdx.x; i < n; i += gridDim.x * CHOOSING) {
    const float x = logits[i];
    is_finite &= (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u;
    better(value, id, x, i);
  }
  best_of_block(value, id, is_finite);
  if (threadIdx.x == 0) {
    values[blockIdx.x] = value;
    ids[blockIdx.x] = id;
    ids[gridDim.x + blockIdx.x] = is_finite;
    __threadfence();
    is_last = atomicAdd(done, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  value = MINUS_INFINITY;
  id = 0xffffffffu;
  is_finite = 1;
  for (int i = threadIdx.x; i < gridDim.x; i += CHOOSING) {
    better(value, id, __ldcg(values + i), __ldcg(ids + i));
    is_finite &= __ldcg(ids + gridDim.x + i);
  }
  best_of_block(value, id, is_finite);
  if (threadIdx.x == 0) {
    best->id = id;
    best->is_finite = is_finite;
    *done = 0;
  }
}
