// Kernel MMD of sorted rows in overlapping windows, x and y [rows, len]. Windows share pairs, so each pair is visited
// once and counts as often as there are windows that hold both of its ends.

// The windows that hold both i and j.
__device__ __forceinline__ double shared_windows(long long i, long long j, long long window, long long stride,
                                                 long long windows) {
    const long long low = i < j ? i : j, high = i < j ? j : i;
    const long long past = high - window + 1; // where a window has to start, at least
    const long long first = past > 0 ? (past + stride - 1) / stride : 0, last = min(low / stride, windows - 1);
    return last >= first ? (double)(last - first + 1) : 0.0;
}

// value[row] = sum over windows of mean k(x, x) + mean k(y, y) - 2 mean k(x, y), divided by the number of windows;
// k = exp(-exponent d^2). One block per row.
extern "C" __global__ void sorted_mmd(const real *x, const real *y, real *value, u64 len, u64 window, u64 stride,
                                      u64 windows, double exponent) {
    x += blockIdx.x * len, y += blockIdx.x * len;
    const acc a = (acc)-exponent;
    double sum = 0;
    FOR_ROW(i, len) {
        const u64 end = min(i + window, len);
        const acc xi = load(x, i), yi = load(y, i);
        // Pairs in front of i are those behind others: each counts twice, but for i with itself.
        for (u64 j = i; j < end; ++j) {
            const double shared = shared_windows(i, j, window, stride, windows);
            if (shared == 0.0) continue;
            const acc xj = load(x, j), yj = load(y, j);
            const acc xx = xi - xj, yy = yi - yj, xy = xi - yj, yx = yi - xj;
            const double both = (double)exp(a * xx * xx) + (double)exp(a * yy * yy);
            const double across = (double)exp(a * xy * xy) + (double)exp(a * yx * yx);
            sum += (i == j ? shared : 2.0 * shared) * (both - across);
        }
    }
    double sums[1] = {sum};
    block_sums(sums);
    if (threadIdx.x == 0)
        store(value, blockIdx.x, (acc)(sums[0] / ((double)windows * (double)window * (double)window)));
}

// out = g[row] * (gradient of value[row] for x); that for y is the same with x and y exchanged.
extern "C" __global__ void sorted_mmd_gradient(const real *x, const real *y, const real *g, real *out, u64 n, u64 len,
                                               u64 window, u64 stride, u64 windows, double exponent) {
    const double scale = -4.0 * exponent / ((double)windows * (double)window * (double)window);
    const acc a = (acc)-exponent;
    FOR_EACH(at, n) {
        const u64 row = at / len, i = at % len;
        const real *xs = x + row * len, *ys = y + row * len;
        const acc xi = load(xs, i);
        double sum = 0;
        for (u64 j = i + 1 > window ? i + 1 - window : 0; j < min(i + window, len); ++j) {
            const double shared = shared_windows(i, j, window, stride, windows);
            if (shared == 0.0) continue;
            const acc xx = xi - load(xs, j), xy = xi - load(ys, j);
            sum += shared * ((double)(xx * exp(a * xx * xx)) - (double)(xy * exp(a * xy * xy)));
        }
        store(out, at, (acc)(sum * scale) * load(g, row));
    }
}
