// What is done to each element on its own, many at a time.

// Which channel element i of n is in, rows of `len` being channels. Division in 64 bits would take longer than memory.
__device__ __forceinline__ u64 channel_of(u64 i, u64 n, u64 len, u64 channels) {
    return n >> 32 ? i / len % channels : (u32)i / (u32)len % (u32)channels;
}

// y = leaky(x)
extern "C" __global__ void leaky_relu(const real *x, real *y, u64 n, double slope) {
    FOR_EACH(i, n) store(y, i, leaky(load(x, i), (acc)slope));
}

// out = g * gate(y)
extern "C" __global__ void leaky_relu_gradient(const real *g, const real *y, real *out, u64 n, double slope) {
    FOR_EACH(i, n) store(out, i, load(g, i) * gate(load(y, i), (acc)slope));
}

// ln(1 + e^x), without overflow
extern "C" __global__ void softplus(const real *x, real *y, u64 n) {
    FOR_EACH(i, n) {
        const acc v = load(x, i);
        store(y, i, (v > (acc)0 ? v : (acc)0) + log1p(exp(v > (acc)0 ? -v : v)));
    }
}

// out = g / (1 + e^-x), the gradient of softplus
extern "C" __global__ void softplus_gradient(const real *x, const real *g, real *out, u64 n) {
    FOR_EACH(i, n) {
        const acc v = load(x, i), e = exp(v > (acc)0 ? -v : v);
        store(out, i, load(g, i) * (v > (acc)0 ? (acc)1 : e) / ((acc)1 + e));
    }
}

// y[row] = scale[row % channels] * x[row] + shift[row % channels]; a null shift is 0. Rows of `len`.
extern "C" __global__ void channel_affine(const real *x, const real *scale, const real *shift, real *y, u64 n, u64 len,
                                          u64 channels) {
    FOR_EACH(i, n) {
        const u64 c = channel_of(i, n, len, channels);
        const acc v = load(x, i) * load(scale, c);
        store(y, i, shift ? v + load(shift, c) : v);
    }
}

// y[row] += shift[row % channels], in place
extern "C" __global__ void add_channels(real *y, const real *shift, u64 n, u64 len, u64 channels) {
    FOR_EACH(i, n) store(y, i, load(y, i) + load(shift, channel_of(i, n, len, channels)));
}
