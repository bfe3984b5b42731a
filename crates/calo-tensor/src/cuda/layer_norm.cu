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

// y = leaky(h * weight + bias); slope 1 for no activation.
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
        const acc h = (load(x, i) - mean) * r;
        store(y, i, leaky(h * load(weight, i) + load(bias, i), (acc)slope));
    }
}

// What the gradient of the result is multiplied by on its way to the normalised row: gate(y) * weight, where the gate is
// left out when its pointer is null.
__device__ __forceinline__ acc factor(const real *y, const real *weight, u64 i, acc slope) {
    const acc w = load(weight, i);
    return y ? w * gate(load(y, i), slope) : w;
}

// dx = J u = r (u - mean u - h mean(u h)) with u = gate * weight * g. Mean and r of each row go to `statistics`, unless
// null.
extern "C" __global__ void layer_norm_gradient(const real *x, const real *weight, const real *g, const real *y, real *dx,
                                               acc *statistics, u64 len, double eps, double slope) {
    x += blockIdx.x * len, g += blockIdx.x * len, dx += blockIdx.x * len;
    if (y) y += blockIdx.x * len;
    const acc mean = row_mean(x, len), n = (acc)len, s = (acc)slope;
    acc sums[3] = {0, 0, 0}; // d d, u, u d, with d = x - m
    FOR_ROW(i, len) {
        const acc d = load(x, i) - mean, u = load(g, i) * factor(y, weight, i, s);
        sums[0] += d * d, sums[1] += u, sums[2] += u * d;
    }
    block_sums(sums);
    const acc r = row_scale(sums[0], len, (acc)eps);
    const acc mean_u = sums[1] / n, mean_uh = sums[2] * r / n;
    FOR_ROW(i, len) {
        const acc h = (load(x, i) - mean) * r, u = load(g, i) * factor(y, weight, i, s);
        store(dx, i, r * (u - mean_u - h * mean_uh));
    }
    if (statistics && threadIdx.x == 0) statistics[2 * blockIdx.x] = mean, statistics[2 * blockIdx.x + 1] = r;
}

// The gradients of dx above for x and g, given v: dg = gate * weight * J v, and, as J depends on x,
// -r^2 (h (c - 3 a b) + b (u - mean u) + a (v - mean v)) for x, with a = mean(u h), b = mean(v h),
// c = mean(u v) - mean u mean v. Mean, r, mean v and b of each row go to `statistics`, unless null.
extern "C" __global__ void layer_norm_second(const real *x, const real *g, const real *v, const real *weight,
                                             const real *y, real *dx, real *dg, acc *statistics, u64 len, double eps,
                                             double slope) {
    x += blockIdx.x * len, g += blockIdx.x * len, v += blockIdx.x * len;
    dx += blockIdx.x * len, dg += blockIdx.x * len;
    if (y) y += blockIdx.x * len;
    const acc mean = row_mean(x, len), n = (acc)len, s = (acc)slope;
    acc sums[6] = {0, 0, 0, 0, 0, 0}; // d d, u, v, u d, v d, u v
    FOR_ROW(i, len) {
        const acc d = load(x, i) - mean, u = load(g, i) * factor(y, weight, i, s), w = load(v, i);
        sums[0] += d * d, sums[1] += u, sums[2] += w, sums[3] += u * d, sums[4] += w * d, sums[5] += u * w;
    }
    block_sums(sums);
    const acc r = row_scale(sums[0], len, (acc)eps);
    const acc mean_u = sums[1] / n, mean_v = sums[2] / n;
    const acc a = sums[3] * r / n, b = sums[4] * r / n, c = sums[5] / n - mean_u * mean_v;
    FOR_ROW(i, len) {
        const acc h = (load(x, i) - mean) * r, f = factor(y, weight, i, s), w = load(v, i);
        store(dx, i, -r * r * (h * (c - 3 * a * b) + b * (load(g, i) * f - mean_u) + a * (w - mean_v)));
        store(dg, i, f * r * (w - mean_v - h * b));
    }
    if (statistics && threadIdx.x == 0) {
        acc *own = statistics + 4 * blockIdx.x;
        own[0] = mean, own[1] = r, own[2] = mean_v, own[3] = b;
    }
}

// Sums over rows, in parts: of gate * g * h in `weight`, of gate * g in `bias`. Statistics as layer_norm_gradient's.
extern "C" __global__ void affine_gradient(const real *x, const real *g, const real *y, const acc *statistics, acc *weight,
                                           acc *bias, u64 rows, u64 len, u64 rows_per_part, double slope) {
    const u64 first = blockIdx.y * rows_per_part, end = min(first + rows_per_part, rows);
    FOR_EACH(i, len) {
        acc with_h = 0, sum = 0;
        for (u64 row = first; row < end; ++row) {
            const u64 at = row * len + i;
            acc u = load(g, at);
            if (y) u *= gate(load(y, at), (acc)slope);
            with_h += u * (load(x, at) - statistics[2 * row]) * statistics[2 * row + 1];
            sum += u;
        }
        weight[blockIdx.y * len + i] = with_h;
        bias[blockIdx.y * len + i] = sum;
    }
}

// Sums over rows, in parts, of gate * g * J v: the gradient of dx for the weight. Statistics as layer_norm_second's.
extern "C" __global__ void weight_second(const real *x, const real *g, const real *v, const real *y, const acc *statistics,
                                         acc *weight, u64 rows, u64 len, u64 rows_per_part, double slope) {
    const u64 first = blockIdx.y * rows_per_part, end = min(first + rows_per_part, rows);
    FOR_EACH(i, len) {
        acc sum = 0;
        for (u64 row = first; row < end; ++row) {
            const u64 at = row * len + i;
            const acc *own = statistics + 4 * row;
            acc u = load(g, at);
            if (y) u *= gate(load(y, at), (acc)slope);
            const acc h = (load(x, at) - own[0]) * own[1];
            sum += u * own[1] * (load(v, at) - own[2] - h * own[3]);
        }
        weight[blockIdx.y * len + i] = sum;
    }
}
