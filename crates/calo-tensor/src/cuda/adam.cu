// One step of Adam, in place, as torch.optim.Adam takes it: weight decay is added to the gradient.

// moments: first then second, [2, n]; step = rate / (1 - beta1^t), root = sqrt(1 - beta2^t).
extern "C" __global__ void adam(real *weight, real *moments, const real *gradient, u64 n, double beta1, double beta2,
                                double epsilon, double decay, double step, double root) {
    FOR_EACH(i, n) {
        const acc w = load(weight, i);
        const acc g = load(gradient, i) + (acc)decay * w;
        const acc m = load(moments, i), v = load(moments, n + i);
        const acc first = m + (acc)(1.0 - beta1) * (g - m);
        const acc second = (acc)beta2 * v + (acc)(1.0 - beta2) * g * g;
        store(moments, i, first);
        store(moments, n + i, second);
        store(weight, i, w - (acc)step * first / (sqrt(second) / (acc)root + (acc)epsilon));
    }
}
