// Sums in a fixed order: of rows, by one block each, and then of what rows or parts gave, one after the other.

// out[i] = scale * sum over parts of part[p][i]
extern "C" __global__ void add_parts(const acc *part, real *out, u64 parts, u64 len, double scale) {
    FOR_EACH(i, len) {
        acc sum = 0;
        for (u64 p = 0; p < parts; ++p) sum += part[p * len + i];
        store(out, i, sum * (acc)scale);
    }
}

// sums[row] = sum of a row
extern "C" __global__ void row_sums(const real *a, acc *sums, u64 len) {
    a += blockIdx.x * len;
    acc sum = 0;
    FOR_ROW(i, len) sum += load(a, i);
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// sums[row] = sum over a row of a, products[row] = sum of a b
extern "C" __global__ void row_moments(const real *a, const real *b, acc *sums, acc *products, u64 len) {
    a += blockIdx.x * len, b += blockIdx.x * len;
    acc both[2] = {0, 0};
    FOR_ROW(i, len) {
        const acc v = load(a, i);
        both[0] += v, both[1] += v * load(b, i);
    }
    block_sums(both);
    if (threadIdx.x == 0) sums[blockIdx.x] = both[0], products[blockIdx.x] = both[1];
}

// sums[row] = sum over a row of (a - mean[row % channels])^2
extern "C" __global__ void row_squares(const real *a, const real *mean, acc *sums, u64 len, u64 channels) {
    a += blockIdx.x * len;
    const acc m = load(mean, blockIdx.x % channels);
    acc sum = 0;
    FOR_ROW(i, len) {
        const acc d = load(a, i) - m;
        sum += d * d;
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

// out[i] = sum over samples of each[s][i]
extern "C" __global__ void sum_samples(const real *each, real *out, u64 samples, u64 len) {
    FOR_EACH(i, len) {
        acc sum = 0;
        for (u64 s = 0; s < samples; ++s) sum += load(each, s * len + i);
        store(out, i, sum);
    }
}
