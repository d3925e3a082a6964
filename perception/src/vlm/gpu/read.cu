// How fast memory is read when nothing else is done: the measure of everything that reads weights.
extern "C" __global__ void read_all(const uint4* from, unsigned long long n, unsigned* out) {
  const size_t stride = (size_t)gridDim.x * blockDim.x;
  const size_t first = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
  unsigned all = 0;
  // n is a multiple of eight strides.
  for (size_t i = first; i < n; i += 8 * stride) {
    uint4 v[8];
#pragma unroll
    for (int j = 0; j < 8; ++j) v[j] = from[i + j * stride];
#pragma unroll
    for (int j = 0; j < 8; ++j) all ^= v[j].x ^ v[j].y ^ v[j].z ^ v[j].w;
  }
  // Never so, as the numbers are; the compiler does not know.
  if (all == 0x9e3779b9u) *out = all;
}
