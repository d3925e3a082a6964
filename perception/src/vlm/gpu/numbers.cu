// Numbers as weights have them, and sums: the beginning of every file of kernels. WIDE: 32 bits; else bfloat16, by
// its bits, so that no header is needed where this is compiled. Arithmetic is of 32 bits throughout.

#define FULL 0xffffffffu
#define LANES 32
#define MINUS_INFINITY __int_as_float(0xff800000)

#ifdef WIDE
typedef float Weight;
__device__ __forceinline__ float wide(Weight w) { return w; }
__device__ __forceinline__ Weight narrow(float x) { return x; }
#else
typedef unsigned short Weight;
__device__ __forceinline__ float wide(Weight w) { return __uint_as_float((unsigned)w << 16); }
// To the nearest, ties to even; what is no number stays none.
__device__ __forceinline__ Weight narrow(float x) {
  const unsigned bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return (Weight)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
#endif

__device__ __forceinline__ float sum_of_warp(float x) {
#pragma unroll
  for (int i = LANES / 2; i > 0; i /= 2) x += __shfl_xor_sync(FULL, x, i);
  return x;
}

__device__ __forceinline__ float max_of_warp(float x) {
#pragma unroll
  for (int i = LANES / 2; i > 0; i /= 2) x = fmaxf(x, __shfl_xor_sync(FULL, x, i));
  return x;
}

// One head's channels, turned by angles (cosines and sines of d / 2 pairs each), normalised first if there is a gain;
// by a warp.
template <typename From, typename To, typename Read, typename Write>
__device__ __forceinline__ void turn_head(
    const From* from, const Weight* gain, const float* cosines, const float* sines, float factor, float epsilon, int d,
    To* to, Read read, Write write) {
  const int lane = threadIdx.x % LANES;
  if (gain) {
    float squares = 0.f;
    for (int i = lane; i < d; i += LANES) squares += read(from[i]) * read(from[i]);
    factor *= rsqrtf(sum_of_warp(squares) / d + epsilon);
  }
  for (int i = lane; i < d / 2; i += LANES) {
    float a = read(from[i]) * factor, b = read(from[i + d / 2]) * factor;
    if (gain) {
      a *= wide(gain[i]);
      b *= wide(gain[i + d / 2]);
    }
    to[i] = write(a * cosines[i] - b * sines[i]);
    to[i + d / 2] = write(a * sines[i] + b * cosines[i]);
  }
}
