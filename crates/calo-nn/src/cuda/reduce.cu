// Sums over rows and along rows. Long sums are cut in parts by blockIdx.y; a second launch adds the parts in order.

// part[p][i] = sum over the rows of part p of u * gate(y) * h, where gate and h are left out when their pointers are
// null. statistics: mean and 1 / sigma of each row of x.
extern "C" __global__ void column_sums(const real *u, const real *y, const real *x, const acc *statistics, acc *part,
                                       u64 rows, u64 len, u64 rows_per_part, double slope) {
    const u64 first = blockIdx.y * rows_per_part, end = min(first + rows_per_part, rows);
    FOR_EACH(i, len) {
        acc sum = 0;
        for (u64 row = first; row < end; ++row) {
            const u64 at = row * len + i;
            acc g = load(u, at);
            if (y) g *= gate(load(y, at), (acc)slope);
            if (x) g *= (load(x, at) - statistics[2 * row]) * statistics[2 * row + 1];
            sum += g;
        }
        part[blockIdx.y * len + i] = sum;
    }
}

// out[i] = sum over parts of part[p][i].
extern "C" __global__ void add_parts(const acc *part, real *out, u64 parts, u64 len) {
    FOR_EACH(i, len) {
        acc sum = 0;
        for (u64 p = 0; p < parts; ++p) sum += part[p * len + i];
        store(out, i, sum);
    }
}

// sums[row] = sum of a row.
extern "C" __global__ void row_sums(const real *u, acc *sums, u64 len) {
    u += blockIdx.x * len;
    acc sum = 0;
    FOR_ROW(i, len) sum += load(u, i);
    sum = block_sum(sum);
    if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}
