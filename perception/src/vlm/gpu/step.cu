// One token through a language model: kernels that read every weight once, for one row of activations.
//
// Compiled at load for the sizes of one model, which stand in macros: HIDDEN, INNER, HEADS, KV_HEADS, HEAD_DIM,
// SPLITS, EPSILON. Every kernel but the first begins while the one before it still runs (programmatic dependent launch): it
// asks for its first weights, and only then waits for what it is to multiply.

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

// Of `sums`, one for each row, the total over the warp: lane i has that of row i * ROWS / LANES. Lanes exchange halves of
// what they hold, so that the shuffles are few.
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

// Query heads that share a head of keys.
#define SHARED (HEADS / KV_HEADS)
#define WARPS 4
// Channels of a head that a lane holds, side by side; lanes of a position; positions of a warp at the same time.
#define HELD ((HEAD_DIM % 16 == 0 && HEAD_DIM >= 64 && SHARED <= 4) ? 16 : 8)
__host__ __device__ constexpr int lanes_for(int channels) { return channels <= 1 ? 1 : 2 * lanes_for((channels + 1) / 2); }
constexpr int MEMBERS = lanes_for((HEAD_DIM + HELD - 1) / HELD);
constexpr int SIDES = LANES / MEMBERS;
// As often a warp asks before it looks at what came.
#define ASKED 2
// Positions that a block takes at a time.
constexpr int STRIDE = WARPS * SIDES * ASKED;
// Least of them that are worth a block.
#define LEAST (2 * STRIDE)
// Of one head and one part of the positions: largest score, sum of the weights, weighted values.
#define PARTIAL (HEAD_DIM + 2)

__device__ __forceinline__ void turn(
    const float* from, const Weight* gain, const float* angles, float factor, float* to) {
  const auto same = [](float x) { return x; };
  turn_head(from, gain, angles, angles + HEAD_DIM / 2, factor, EPSILON, HEAD_DIM, to, same, same);
}

struct Held {
  Weight of[HELD];
};

__device__ __forceinline__ void load_held(const Weight* from, Held& to) {
#pragma unroll
  for (int i = 0; i < HELD * (int)sizeof(Weight) / 16; ++i) ((uint4*)to.of)[i] = ((const uint4*)from)[i];
}

// Two parts of a softmax as one: `mine` and `other` are largest scores, of which one at least is finite or both parts
// are empty. Gives what each counts.
__device__ __forceinline__ float2 together(float& mine, float other) {
  const float highest = fmaxf(mine, other);
  const float a = mine > MINUS_INFINITY ? __expf(mine - highest) : 0.f;
  const float b = other > MINUS_INFINITY ? __expf(other - highest) : 0.f;
  mine = highest;
  return make_float2(a, b);
}

// Attention of one token over everything before it and itself: a block for each head of keys and each part of the
// positions, softmax as it goes (Milakov and Gimelshein 2018), parts put together by the block that is last done
// (Dao et al. 2023, Flash-Decoding). Keys and values of earlier tokens are asked for before anything is waited for.
// Writes the token's own to the cache, (KV_HEADS, capacity, HEAD_DIM).
extern "C" __global__ void __launch_bounds__(WARPS * LANES) attend(
    const Token* token, const float* qkv, const Weight* q_gain, const Weight* k_gain, Weight* keys, Weight* values,
    unsigned capacity, float* partial, unsigned* done, float* seen) {
  let_next_begin();
  const int group = blockIdx.x, split = blockIdx.y;
  const int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  const int side = lane / MEMBERS, channel = lane % MEMBERS * HELD;
  const bool holds = channel < HEAD_DIM;
  const int old = token->at;
  const int chunk = ((old + SPLITS - 1) / SPLITS + LEAST - 1) / LEAST * LEAST;
  const int parts = old == 0 ? 1 : (old + chunk - 1) / chunk;
  if (split >= parts) return;
  const int end = min(old, (split + 1) * chunk);
  __shared__ float q[SHARED][HEAD_DIM], k_new[HEAD_DIM], v_new[HEAD_DIM];
  __shared__ float tops[WARPS][SHARED], sums[WARPS][SHARED], mixed[WARPS][SHARED][HEAD_DIM];
  __shared__ bool is_last;
  keys += (size_t)group * capacity * HEAD_DIM;
  values += (size_t)group * capacity * HEAD_DIM;

  Held k[ASKED], v[ASKED];
  const auto ask = [&](int first) {
#pragma unroll
    for (int a = 0; a < ASKED; ++a) {
      const int position = first + a * SIDES + side;
      if (position < end && holds) {
        load_held(keys + (size_t)position * HEAD_DIM + channel, k[a]);
        load_held(values + (size_t)position * HEAD_DIM + channel, v[a]);
      }
    }
  };
  int first = split * chunk + warp * SIDES * ASKED;
  ask(first);
  wait_for_earlier();

  for (int r = warp; r < SHARED; r += WARPS) {
    turn(qkv + (group * SHARED + r) * HEAD_DIM, q_gain, token->turn, rsqrtf((float)HEAD_DIM), q[r]);
  }
  // The last part has the token itself, in the numbers of the cache as later ones will see it.
  const bool has_new = split == parts - 1;
  if (has_new && warp == WARPS - 1) {
    turn(qkv + (HEADS + group) * HEAD_DIM, k_gain, token->turn, 1.f, k_new);
    __syncwarp();
    for (int i = lane; i < HEAD_DIM; i += LANES) {
      const Weight key = narrow(k_new[i]), value = narrow(qkv[(HEADS + KV_HEADS + group) * HEAD_DIM + i]);
      keys[(size_t)old * HEAD_DIM + i] = key;
      values[(size_t)old * HEAD_DIM + i] = value;
      k_new[i] = wide(key);
      v_new[i] = wide(value);
    }
  }
  __syncthreads();

  float top[SHARED], sum[SHARED], mix[SHARED][HELD], mine[SHARED][HELD];
#pragma unroll
  for (int r = 0; r < SHARED; ++r) {
    top[r] = MINUS_INFINITY;
    sum[r] = 0.f;
#pragma unroll
    for (int e = 0; e < HELD; ++e) {
      mix[r][e] = 0.f;
      mine[r][e] = holds ? q[r][channel + e] : 0.f;
    }
  }
  const auto of_members = [](float x) {
#pragma unroll
    for (int i = MEMBERS / 2; i > 0; i /= 2) x += __shfl_xor_sync(FULL, x, i);
    return x;
  };
  if (has_new && warp == 0) {
#pragma unroll
    for (int r = 0; r < SHARED; ++r) {
      float score = 0.f;
#pragma unroll
      for (int e = 0; e < HELD; ++e) score += holds ? mine[r][e] * k_new[channel + e] : 0.f;
      score = of_members(score);
      if (side == 0) {
        top[r] = score;
        sum[r] = 1.f;
#pragma unroll
        for (int e = 0; e < HELD; ++e) mix[r][e] = holds ? v_new[channel + e] : 0.f;
      }
    }
  }
  while (first < end) {
#pragma unroll
    for (int a = 0; a < ASKED; ++a) {
      const bool counts = first + a * SIDES + side < end;
#pragma unroll
      for (int r = 0; r < SHARED; ++r) {
        float score = 0.f;
#pragma unroll
        for (int e = 0; e < HELD; ++e) score += counts && holds ? mine[r][e] * wide(k[a].of[e]) : 0.f;
        score = of_members(score);
        if (counts) {
          const float higher = fmaxf(top[r], score);
          const float fade = __expf(top[r] - higher), weight = __expf(score - higher);
          top[r] = higher;
          sum[r] = sum[r] * fade + weight;
#pragma unroll
          for (int e = 0; e < HELD; ++e) mix[r][e] = mix[r][e] * fade + weight * wide(v[a].of[e]);
        }
      }
    }
    first += STRIDE;
    ask(first);
  }

  // The sides' parts together, then the warps', then the blocks'.
#pragma unroll
  for (int r = 0; r < SHARED; ++r) {
#pragma unroll
    for (int i = MEMBERS; i < LANES; i *= 2) {
      const float2 share = together(top[r], __shfl_xor_sync(FULL, top[r], i));
      sum[r] = sum[r] * share.x + __shfl_xor_sync(FULL, sum[r], i) * share.y;
#pragma unroll
      for (int e = 0; e < HELD; ++e) {
        mix[r][e] = mix[r][e] * share.x + __shfl_xor_sync(FULL, mix[r][e], i) * share.y;
      }
    }
    if (side == 0) {
      tops[warp][r] = top[r];
      sums[warp][r] = sum[r];
#pragma unroll
      for (int e = 0; e < HELD && holds; ++e) mixed[warp][r][channel + e] = mix[r][e];
    }
  }
  __syncthreads();
  for (int t = threadIdx.x; t < SHARED * HEAD_DIM; t += WARPS * LANES) {
    const int r = t / HEAD_DIM, i = t % HEAD_DIM;
    float highest = tops[0][r], all = sums[0][r], value = mixed[0][r][i];
#pragma unroll
    for (int o = 1; o < WARPS; ++o) {
      const float2 share = together(highest, tops[o][r]);
      all = all * share.x + sums[o][r] * share.y;
      value = value * share.x + mixed[o][r][i] * share.y;
    }
    float* to = partial + (size_t)((group * SHARED + r) * SPLITS + split) * PARTIAL;
    to[2 + i] = value;
    if (i == 0) {
      to[0] = highest;
      to[1] = all;
    }
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    // What the block wrote comes before its count.
    __threadfence();
    is_last = atomicAdd(&done[group], 1u) == parts - 1;
    __threadfence();
  }
  __syncthreads();
  if (!is_last) return;
  for (int t = threadIdx.x; t < SHARED * HEAD_DIM; t += WARPS * LANES) {
    const int r = t / HEAD_DIM, i = t % HEAD_DIM;
    const float* from = partial + (size_t)(group * SHARED + r) * SPLITS * PARTIAL;
    float highest = MINUS_INFINITY, all = 0.f, value = 0.f;
#pragma unroll 16
    for (int o = 0; o < parts; ++o) {
      const float* part = from + o * PARTIAL;
      const float part_top = __ldcg(part), part_sum = __ldcg(part + 1), part_value = __ldcg(part + 2 + i);
      const float2 share = together(highest, part_top);
      all = all * share.x + part_sum * share.y;
      value = value * share.x + part_value * share.y;
    }
    seen[(group * SHARED + r) * HEAD_DIM + i] = value / all;
  }
  if (threadIdx.x == 0) done[group] = 0;
}

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
