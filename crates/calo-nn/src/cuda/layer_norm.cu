// Layer normalisation: one block per row, x [rows, len], affine [len]. With mean m and r = 1 / sqrt(variance + eps),
// the normalised row is h = r (x - m).
//
// The mean is found first and the variance about it second: a row stays in the cache between passes, and nothing is
// lost where the mean is large.

__device__ __forceinline__ acc row_mean(const real *x, u64 len) {
    acc sum = 0;
    FOR_ROW(i, len) sum += load(x, i);
    return block_sum(sum) / (acc)len;
}

__device__ __forceinline__ acc row_scale(acc squares, u64 len, acc eps) {
    return (acc)1 / sqrt(squares / (acc)len + eps);
}

// y = leaky(h * weight + bias); no affine where the pointers are null, slope 1 for no activation.
extern "C" __global__ void layer_norm(const real *x, const real *weight, const real *bias, real *y, u64 len, double eps,
                                      double slope) {
    x += blockIdx.x * len, y += blockIdx.x * len;
    const acc mean = row_mean(x, len);
    acc squares = 0;
    FOR_ROW(i, len) {
        const acc d = load(x, i) - mean;
        squares += d * d;
    }
    const acc r = row_scale(block_sum(squares), len, (acc)eps);
    FOR_ROW(i, len) {
        acc h = (load(x, i) - mean) * r;
        if (weight) h = h * load(weight, i) + load(bias, i);
        store(y, i, leaky(h, (acc)slope));
    }
}

// The gradient that arrives at the normalised row: u * gate(y) * weight, either left out where its pointer is null.
__device__ __forceinline__ acc arriving(const real *u, const real *y, const real *weight, u64 i, acc slope) {
    acc g = load(u, i);
    if (y) g *= gate(load(y, i), slope);
    if (weight) g *= load(weight, i);
    return g;
}

// J g = r (g - mean g - h mean(g h)), g as above.
extern "C" __global__ void layer_norm_backward(const real *x, const real *u, const real *y, const real *weight, real *out,
                                               u64 len, double eps, double slope) {
    x += blockIdx.x * len, u += blockIdx.x * len, out += blockIdx.x * len;
    if (y) y += blockIdx.x * len;
    const acc mean = row_mean(x, len);
    acc sums[3] = {0, 0, 0}; // d d, g, g d, with d = x - m
    FOR_ROW(i, len) {
        const acc d = load(x, i) - mean, g = arriving(u, y, weight, i, (acc)slope);
        sums[0] += d * d, sums[1] += g, sums[2] += g * d;
    }
    block_sums(sums);
    const acc r = row_scale(sums[0], len, (acc)eps);
    const acc mean_g = sums[1] / (acc)len, mean_gh = sums[2] * r / (acc)len;
    FOR_ROW(i, len) {
        const acc h = (load(x, i) - mean) * r, g = arriving(u, y, weight, i, (acc)slope);
        store(out, i, r * (g - mean_g - h * mean_gh));
    }
}

// S(x, u, v): the gradient for x of v . J(x) u, that is -(r / n) [D h + (v.h) J u + (u.h) J v] with
// D = u.v - n mean u mean v - (u.h)(v.h) / n.
extern "C" __global__ void layer_norm_second(const real *x, const real *u, const real *v, real *out, u64 len, double eps) {
    x += blockIdx.x * len, u += blockIdx.x * len, v += blockIdx.x * len, out += blockIdx.x * len;
    const acc mean = row_mean(x, len), n = (acc)len;
    acc sums[6] = {0, 0, 0, 0, 0, 0}; // d d, u, v, u d, v d, u v
    FOR_ROW(i, len) {
        const acc d = load(x, i) - mean, a = load(u, i), b = load(v, i);
        sums[0] += d * d, sums[1] += a, sums[2] += b, sums[3] += a * d, sums[4] += b * d, sums[5] += a * b;
    }
    block_sums(sums);
    const acc r = row_scale(sums[0], len, (acc)eps);
    const acc mean_u = sums[1] / n, mean_v = sums[2] / n, uh = sums[3] * r, vh = sums[4] * r;
    const acc big_d = sums[5] - n * mean_u * mean_v - uh * vh / n;
    FOR_ROW(i, len) {
        const acc h = (load(x, i) - mean) * r;
        const acc ju = r * (load(u, i) - mean_u - h * uh / n), jv = r * (load(v, i) - mean_v - h * vh / n);
        store(out, i, -(r / n) * (big_d * h + vh * ju + uh * jv));
    }
}

// Mean and r of each row, for the gradient of the weight.
extern "C" __global__ void row_statistics(const real *x, acc *statistics, u64 len, double eps) {
    x += blockIdx.x * len;
    const acc mean = row_mean(x, len);
    acc squares = 0;
    FOR_ROW(i, len) {
        const acc d = load(x, i) - mean;
        squares += d * d;
    }
    const acc r = row_scale(block_sum(squares), len, (acc)eps);
    if (threadIdx.x == 0) statistics[2 * blockIdx.x] = mean, statistics[2 * blockIdx.x + 1] = r;
}
