// What every kernel starts from. Compiled once per element type: -DF32, -DF64 or -DBF16.
//
// `real` is what tensors hold, `acc` what arithmetic is done in. Sums run in an order that depends on the shape alone,
// so results are the same bits each time.

#if defined(F64)
typedef double real;
typedef double acc;
__device__ __forceinline__ acc load(const real *p, size_t i) { return p[i]; }
__device__ __forceinline__ void store(real *p, size_t i, acc v) { p[i] = v; }
#elif defined(BF16)
// The upper half of an f32; written out so that no header of the toolkit is needed at run time.
struct real { unsigned short bits; };
typedef float acc;
__device__ __forceinline__ acc load(const real *p, size_t i) { return __uint_as_float((unsigned)p[i].bits << 16); }
__device__ __forceinline__ void store(real *p, size_t i, acc v) {
    unsigned u = __float_as_uint(v);
    // To the nearest, ties to even; a NaN stays one.
    p[i].bits = v == v ? (unsigned short)((u + 0x7fffu + ((u >> 16) & 1u)) >> 16) : (unsigned short)0x7fc0u;
}
#else
typedef float real;
typedef float acc;
__device__ __forceinline__ acc load(const real *p, size_t i) { return p[i]; }
__device__ __forceinline__ void store(real *p, size_t i, acc v) { p[i] = v; }
#endif

typedef unsigned int u32;
typedef unsigned long long u64;

// Element loops: every thread of the grid takes every so many-th.
#define FOR_EACH(i, n) \
    for (u64 i = blockIdx.x * (u64)blockDim.x + threadIdx.x; i < (n); i += (u64)gridDim.x * blockDim.x)

// Loops of one block over a row.
#define FOR_ROW(i, n) for (u64 i = threadIdx.x; i < (n); i += blockDim.x)

// LeakyReLU and what it multiplies gradients by; the sign of its result is the sign of its argument.
__device__ __forceinline__ acc leaky(acc v, acc slope) { return v > (acc)0 ? v : v * slope; }
__device__ __forceinline__ acc gate(acc y, acc slope) { return y > (acc)0 ? (acc)1 : slope; }

// Sums of K values over the threads of a block, known to all of them. The block is whole warps, 1024 threads at most.
template <typename T, int K> __device__ __forceinline__ void block_sums(T (&v)[K]) {
    __shared__ T partial[K][32];
    const unsigned lane = threadIdx.x & 31u, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    for (int k = 0; k < K; ++k)
        for (int d = 16; d > 0; d >>= 1) v[k] += __shfl_xor_sync(0xffffffffu, v[k], d);
    __syncthreads(); // the sums before may still be read
    if (lane == 0)
        for (int k = 0; k < K; ++k) partial[k][warp] = v[k];
    __syncthreads();
    for (int k = 0; k < K; ++k) {
        v[k] = lane < warps ? partial[k][lane] : (T)0;
        for (int d = 16; d > 0; d >>= 1) v[k] += __shfl_xor_sync(0xffffffffu, v[k], d);
    }
}

__device__ __forceinline__ acc block_sum(acc v) {
    acc sums[1] = {v};
    block_sums(sums);
    return sums[0];
}
