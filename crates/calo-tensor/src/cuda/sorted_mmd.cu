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

// out[row][0] = mean over windows of mean k(x, x) + mean k(y, y) - 2 mean k(x, y) with k = exp(-exponent d^2); rows of
// `out` are 1 + 2 len long. One block per row.
extern "C" __global__ void sorted_mmd(const real *x, const real *y, real *out, u64 len, u64 window, u64 stride,
                                      u64 windows, double exponent) {
    x += blockIdx.x * len, y += blockIdx.x * len;
    const acc a = (acc)-exponent;
    double sums[1] = {0};
    FOR_ROW(i, len) {
        const u64 end = min(i + window, len);
        const acc xi = load(x, i), yi = load(y, i);
        // Each pair but that of i with itself is met once and counts twice.
        for (u64 j = i; j < end; ++j) {
            const double shared = shared_windows(i, j, window, stride, windows);
            if (shared == 0.0) continue;
            const acc xj = load(x, j), yj = load(y, j);
            const acc xx = xi - xj, yy = yi - yj, xy = xi - yj, yx = yi - xj;
            const double both = (double)exp(a * xx * xx) + (double)exp(a * yy * yy);
            const double across = (double)exp(a * xy * xy) + (double)exp(a * yx * yx);
            sums[0] += (i == j ? shared : 2.0 * shared) * (both - across);
        }
    }
    block_sums(sums);
    if (threadIdx.x == 0)
        store(out, blockIdx.x * (1 + 2 * len),
              (acc)(sums[0] / ((double)windows * (double)window * (double)window)));
}

// The rest of the rows of `out`: the gradient of out[row][0] for x, then that for y. n = 2 * rows * len.
extern "C" __global__ void sorted_mmd_gradients(const real *x, const real *y, real *out, u64 n, u64 len, u64 window,
                                                u64 stride, u64 windows, double exponent) {
    const double scale = -4.0 * exponent / ((double)windows * (double)window * (double)window);
    const acc a = (acc)-exponent;
    FOR_EACH(at, n) {
        const u64 row = at / (2 * len), place = at % (2 * len), i = place % len;
        // The gradient for y is that for x with the two exchanged.
        const real *own = (place < len ? x : y) + row * len, *other = (place < len ? y : x) + row * len;
        const u64 first = i + 1 > window ? i + 1 - window : 0, end = min(i + window, len);
        const acc xi = load(own, i);
        double sum = 0;
        for (u64 j = first; j < end; ++j) {
            const double shared = shared_windows(i, j, window, stride, windows);
            if (shared == 0.0) continue;
            const acc xx = xi - load(own, j), xy = xi - load(other, j);
            sum += shared * ((double)(xx * exp(a * xx * xx)) - (double)(xy * exp(a * xy * xy)));
        }
        store(out, row * (1 + 2 * len) + 1 + place, (acc)(sum * scale));
    }
}
