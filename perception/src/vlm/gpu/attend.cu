// Attention of one token, the part of its step (`step.cu`) between the products.

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

struct __align__(16) Held {
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
