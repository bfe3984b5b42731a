// Sorting rows in falling order, ties by index: a radix sort, 4 bits at a time, one block per row. It is stable and free
// of atomic additions, so equal elements (most cells of a shower are zero) always come in the same order.

#if defined(F64)
typedef u64 key;
__device__ __forceinline__ key falling(acc v) {
    v += (acc)0; // -0 counts as 0
    const u64 u = (u64)__double_as_longlong(v);
    return ~((u >> 63) ? ~u : (u | (1ull << 63)));
}
#else
typedef u32 key;
__device__ __forceinline__ key falling(acc v) {
    v += (acc)0; // -0 counts as 0
    const u32 u = __float_as_uint(v);
    return ~((u >> 31) ? ~u : (u | (1u << 31)));
}
#endif

#define DIGITS 16
#define SORTERS 512 // threads of the block

// counts[digit][thread] becomes the number of keys before the first of this digit and thread.
__device__ __forceinline__ void exclusive_scan(u32 *counts) {
    __shared__ u32 totals[SORTERS];
    const u32 t = threadIdx.x;
    u32 sum = 0;
    for (u32 k = 0; k < DIGITS; ++k) {
        const u32 count = counts[t * DIGITS + k];
        counts[t * DIGITS + k] = sum;
        sum += count;
    }
    totals[t] = sum;
    __syncthreads();
    for (u32 d = 1; d < SORTERS; d <<= 1) {
        const u32 before = t >= d ? totals[t - d] : 0;
        __syncthreads();
        totals[t] += before;
        __syncthreads();
    }
    const u32 before = totals[t] - sum;
    for (u32 k = 0; k < DIGITS; ++k) counts[t * DIGITS + k] += before;
    __syncthreads();
}

// indices[row][0..count]: where the `count` largest of the row stand, in falling order. Scratch: keys [2, rows, len],
// places [2, rows, len].
extern "C" __global__ void argsort_descending(const real *x, u32 *indices, key *keys, u32 *places, u64 len, u64 count) {
    __shared__ u32 counts[DIGITS * SORTERS];
    const u64 all = gridDim.x * len, row = blockIdx.x;
    x += row * len, keys += row * len, places += row * len, indices += row * count;
    const u64 share = (len + SORTERS - 1) / SORTERS; // neighbours stay with one thread: that keeps the sort stable
    const u64 first = min(threadIdx.x * share, len), end = min(first + share, len);
    for (u64 i = threadIdx.x; i < len; i += SORTERS) keys[i] = falling(load(x, i)), places[i] = (u32)i;
    __syncthreads();
    key *from = keys, *to = keys + all;
    u32 *from_place = places, *to_place = places + all;
    for (u32 shift = 0; shift < 8 * sizeof(key); shift += 4) {
        u32 mine[DIGITS] = {0};
        for (u64 i = first; i < end; ++i) {
            const u32 digit = (u32)(from[i] >> shift) & 15u;
#pragma unroll
            for (u32 k = 0; k < DIGITS; ++k) mine[k] += k == digit;
        }
#pragma unroll
        for (u32 k = 0; k < DIGITS; ++k) counts[k * SORTERS + threadIdx.x] = mine[k];
        __syncthreads();
        exclusive_scan(counts);
        for (u64 i = first; i < end; ++i) {
            const u32 digit = (u32)(from[i] >> shift) & 15u;
            const u32 at = counts[digit * SORTERS + threadIdx.x]++;
            to[at] = from[i], to_place[at] = from_place[i];
        }
        __syncthreads();
        key *const k = from;
        u32 *const p = from_place;
        from = to, from_place = to_place, to = k, to_place = p;
    }
    for (u64 i = threadIdx.x; i < count; i += SORTERS) indices[i] = from_place[i];
}

// out[row][j] = x[row][indices[row][j]]
extern "C" __global__ void gather_rows(const real *x, const u32 *indices, real *out, u64 n, u64 len, u64 count) {
    FOR_EACH(i, n) {
        const u64 at = indices[i];
        if (at < len) out[i] = x[i / count * len + at];
        else store(out, i, (acc)0);
    }
}

// out[row][indices[row][j]] = g[row][j]; out is zero before. No index comes twice in a row.
extern "C" __global__ void scatter_rows(const real *g, const u32 *indices, real *out, u64 n, u64 len, u64 count) {
    FOR_EACH(i, n) {
        const u64 at = indices[i];
        if (at < len) out[i / count * len + at] = g[i];
    }
}
