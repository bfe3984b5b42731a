// What is done to each element on its own, many at a time.

// y = leaky(x)
extern "C" __global__ void leaky_relu(const real *x, real *y, u64 n, double slope) {
    FOR_EACH(i, n) store(y, i, leaky(load(x, i), (acc)slope));
}

// out = u * gate(y)
extern "C" __global__ void leaky_relu_backward(const real *u, const real *y, real *out, u64 n, double slope) {
    FOR_EACH(i, n) store(out, i, load(u, i) * gate(load(y, i), (acc)slope));
}

// ln(1 + e^x), without overflow
extern "C" __global__ void softplus(const real *x, real *y, u64 n) {
    FOR_EACH(i, n) {
        const acc v = load(x, i);
        store(y, i, (v > (acc)0 ? v : (acc)0) + log1p(exp(v > (acc)0 ? -v : v)));
    }
}

// Its derivative: 1 / (1 + e^-x)
extern "C" __global__ void sigmoid(const real *x, real *y, u64 n) {
    FOR_EACH(i, n) {
        const acc v = load(x, i), e = exp(v > (acc)0 ? -v : v);
        store(y, i, (v > (acc)0 ? (acc)1 : e) / ((acc)1 + e));
    }
}

// out = u * weight, weight [len] for every row; gated by y where that is not null
extern "C" __global__ void scale_rows(const real *u, const real *weight, const real *y, real *out, u64 n, u64 len,
                                      double slope) {
    FOR_EACH(i, n) {
        acc g = load(u, i) * load(weight, i % len);
        if (y) g *= gate(load(y, i), (acc)slope);
        store(out, i, g);
    }
}

// y[row] = leaky(scale[row % channels] * x[row] + shift[row % channels]); a null scale is 1. Rows of `len`.
extern "C" __global__ void channel_affine(const real *x, const real *scale, const real *shift, real *y, u64 n, u64 len,
                                          u64 channels, double slope) {
    FOR_EACH(i, n) {
        const u64 c = i / len % channels;
        acc v = load(x, i);
        if (scale) v *= load(scale, c);
        store(y, i, leaky(v + load(shift, c), (acc)slope));
    }
}

// out[row] = v[row % channels] for all of a row of `len`
extern "C" __global__ void broadcast_channels(const real *v, real *out, u64 n, u64 len, u64 channels) {
    FOR_EACH(i, n) out[i] = v[i / len % channels];
}

// y[row] += shift[row % channels], in place
extern "C" __global__ void add_channels(real *y, const real *shift, u64 n, u64 len, u64 channels) {
    FOR_EACH(i, n) store(y, i, load(y, i) + load(shift, i / len % channels));
}
