// What stands between the products of a prompt, each in one pass over memory.

// silu(gate) up, of rows that hold both side by side.
extern "C" __global__ void gate(const Weight* from, Weight* to, unsigned long long rows, unsigned n) {
  const unsigned long long all = rows * n;
  const unsigned long long stride = (unsigned long long)gridDim.x * blockDim.x;
  for (unsigned long long t = (unsigned long long)blockIdx.x * blockDim.x + threadIdx.x; t < all; t += stride) {
    const Weight* row = from + t / n * 2 * n + t % n;
    const float gate = wide(row[0]);
    to[t] = narrow(gate / (1.f + __expf(-gate)) * wide(row[n]));
  }
}

// Some heads of (tokens, width), from channel `first` on, turned and times `factor`, as (heads, tokens, d); a warp for
// each head of each token.
extern "C" __global__ void turn_heads(
    const Weight* from, const Weight* gain, const float* cosines, const float* sines, Weight* to, unsigned tokens,
    unsigned width, unsigned first, unsigned heads, unsigned d, float factor, float epsilon) {
  const unsigned long long at = ((unsigned long long)blockIdx.x * blockDim.x + threadIdx.x) / LANES;
  const unsigned token = at / heads, head = at % heads;
  if (token >= tokens) return;
  const auto read = [](Weight w) { return wide(w); };
  const auto write = [](float x) { return narrow(x); };
  turn_head(
      from + (size_t)token * width + first + head * d, gain, cosines + (size_t)token * (d / 2),
      sines + (size_t)token * (d / 2), factor, epsilon, d, to + ((size_t)head * tokens + token) * d, read, write);
}

// Softmax over the keys that a row may see, nought for the others: rows are (heads, queries); the first query sees
// `seen` keys, every further one another; a block for each row.
extern "C" __global__ void soften(const Weight* from, Weight* to, unsigned keys, unsigned queries, unsigned seen) {
  __shared__ float parts[LANES];
  const int warp = threadIdx.x / LANES, lane = threadIdx.x % LANES, warps = blockDim.x / LANES;
  from += (size_t)blockIdx.x * keys;
  to += (size_t)blockIdx.x * keys;
  const unsigned n = min(keys, seen + blockIdx.x % queries);
  float top = MINUS_INFINITY;
  for (unsigned i = threadIdx.x; i < n; i += blockDim.x) top = fmaxf(top, wide(from[i]));
  top = max_of_warp(top);
  if (lane == 0) parts[warp] = top;
  __syncthreads();
  top = max_of_warp(lane < warps ? parts[lane] : MINUS_INFINITY);
  __syncthreads();
  float sum = 0.f;
  for (unsigned i = threadIdx.x; i < n; i += blockDim.x) sum += __expf(wide(from[i]) - top);
  sum = sum_of_warp(sum);
  if (lane == 0) parts[warp] = sum;
  __syncthreads();
  const float factor = 1.f / sum_of_warp(lane < warps ? parts[lane] : 0.f);
  for (unsigned i = threadIdx.x; i < keys; i += blockDim.x) {
    to[i] = i < n ? narrow(__expf(wide(from[i]) - top) * factor) : narrow(0.f);
  }
}
