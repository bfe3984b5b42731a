//! The sum of the sorted-kernel MMD over its band of pairs: one pass gives the loss and both gradients.

use candle_core::WithDType;
use rayon::prelude::*;

use crate::arguments::SortedMmd;
use crate::cpu::Real;

/// Pairs worked on side by side; fixed, so that sums run in one order on any machine.
const LANES: usize = 16;

/// A number with an exponential fit for vectors.
pub(crate) trait Kernel: Real {
    /// exp(x) for x <= 0, to a few units in the last place; the very smallest may come out as 0.
    fn exp_of_negative(self) -> Self;
}

impl Kernel for f32 {
    /// 2^n times the Taylor series of the rest, which is below ln(2)/2: no branch, no table, so it vectorises.
    #[inline(always)]
    fn exp_of_negative(self) -> Self {
        /// Adding it rounds to an integer, which then stands in the low bits.
        const ROUND: f32 = 12_582_912.0;
        /// exp(-80) = 2e-35: less would make subnormal products, a hundred times as slow.
        const SMALLEST: f32 = -80.0;
        const LN_2_HIGH: f32 = 0.693_359_4;
        const LN_2_LOW: f32 = -2.121_944_4e-4;
        let x = if self > SMALLEST { self } else { SMALLEST };
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = x - n * LN_2_HIGH - n * LN_2_LOW;
        let mut series = r * (1.0 / 5040.0) + 1.0 / 720.0;
        series = series * r + 1.0 / 120.0;
        series = series * r + 1.0 / 24.0;
        series = series * r + 1.0 / 6.0;
        series = series * r + 0.5;
        series = series * r + 1.0;
        series = series * r + 1.0;
        let power = Self::from_bits(shifted.to_bits().wrapping_add(127) << 23);
        if self > SMALLEST { series * power } else { 0.0 }
    }
}

impl Kernel for f64 {
    #[inline(always)]
    fn exp_of_negative(self) -> Self {
        self.exp()
    }
}

/// Of each shower the loss, its gradient for `real`, and its gradient for `processed`, in a row.
pub(crate) fn losses_and_gradients<T: Kernel>(settings: &SortedMmd, real: &[T], processed: &[T]) -> Vec<T> {
    let cells = settings.cells();
    let (first, past_last) = windows_of(settings);
    let mut out = vec![T::zero(); real.len() / cells * (1 + 2 * cells)];
    let showers =
        out.par_chunks_mut(1 + 2 * cells).zip(real.par_chunks(cells)).zip(processed.par_chunks(cells));
    let arch = pulp::Arch::new();
    showers.for_each_init(
        || Band::new(settings, &first, &past_last),
        |band, ((out, real), processed)| {
            band.load(real, processed);
            let sum = arch.dispatch(Sum(band));
            band.store(sum, out);
        },
    );
    out
}

/// Of each cell the number of the first window that holds it, and one more than that of the last.
///
/// Cells i <= j stand together in `past_last[i] - first[j]` windows, none where that is negative. The padding stands in
/// none.
fn windows_of<T: Kernel>(settings: &SortedMmd) -> (Vec<T>, Vec<T>) {
    let number = |i: usize| T::from(i).unwrap_or_else(T::zero);
    let cells = settings.cells();
    let first = (0..cells).map(|j| number((j + 1).saturating_sub(settings.window).div_ceil(settings.stride)));
    let padding = std::iter::repeat_n(number(settings.windows), LANES);
    let past_last = (0..cells).map(|i| number((i / settings.stride + 1).min(settings.windows)));
    (first.chain(padding).collect(), past_last.collect())
}

/// Scratch of one thread. All rows but `past_last` are padded by [`LANES`].
struct Band<'a, T> {
    settings: &'a SortedMmd,
    cells: usize,
    first: &'a [T],
    past_last: &'a [T],
    real: Vec<T>,
    processed: Vec<T>,
    real_gradient: Vec<T>,
    processed_gradient: Vec<T>,
}

impl<'a, T: Kernel> Band<'a, T> {
    fn new(settings: &'a SortedMmd, first: &'a [T], past_last: &'a [T]) -> Self {
        let row = || vec![T::zero(); first.len()];
        Self {
            settings,
            cells: past_last.len(),
            first,
            past_last,
            real: row(),
            processed: row(),
            real_gradient: row(),
            processed_gradient: row(),
        }
    }

    fn load(&mut self, real: &[T], processed: &[T]) {
        self.real[..self.cells].copy_from_slice(real);
        self.processed[..self.cells].copy_from_slice(processed);
        self.real_gradient.fill(T::zero());
        self.processed_gradient.fill(T::zero());
    }

    /// Writes loss and gradients with the factors that all pairs share.
    fn store(&self, sum: f64, out: &mut [T]) {
        let number = |x: f64| T::from(x).unwrap_or_else(T::nan);
        let share = 2.0 / (self.settings.windows as f64 * (self.settings.window as f64).powi(2));
        let slope = number(-2.0 * self.settings.exponent * share);
        out[0] = number(sum * share);
        let gradients = self.real_gradient[..self.cells].iter().chain(&self.processed_gradient[..self.cells]);
        for (out, &x) in out[1..].iter_mut().zip(gradients) {
            *out = x * slope;
        }
    }

    /// Half the sum over ordered pairs of k(real, real) + k(processed, processed) - 2 k(real, processed), each times
    /// the number of windows that hold it; the gradients, less the factor -2 a, are added up.
    #[inline(always)]
    fn sum(&mut self) -> f64 {
        let minus_a = T::from(-self.settings.exponent).unwrap_or_else(T::nan);
        let mut sum = 0.0;
        for i in 0..self.cells {
            let cell = Cell {
                minus_a,
                real: self.real[i],
                processed: self.processed[i],
                past_last: self.past_last[i],
            };
            let own = cell.past_last - self.first[i];
            let difference = cell.real - cell.processed;
            let kernel = (minus_a * difference * difference).exp_of_negative();
            sum += WithDType::to_f64(own * (T::one() - kernel));

            let mut sums = Sums::zero();
            let end = self.cells.min(i + self.settings.window);
            for start in (i + 1..end).step_by(LANES) {
                // Arrays, so that no lane is checked against a length.
                let (Some(first), Some(real), Some(processed), Some(to_real), Some(to_processed)) = (
                    self.first[start..].first_chunk(),
                    self.real[start..].first_chunk(),
                    self.processed[start..].first_chunk(),
                    self.real_gradient[start..].first_chunk_mut(),
                    self.processed_gradient[start..].first_chunk_mut(),
                ) else {
                    break;
                };
                cell.pairs(first, real, processed, &mut sums, to_real, to_processed);
            }
            let own = own * kernel * difference;
            self.real_gradient[i] += sums.real_gradient.into_iter().sum::<T>() - own;
            self.processed_gradient[i] += sums.processed_gradient.into_iter().sum::<T>() + own;
            sum += sums.loss.into_iter().map(WithDType::to_f64).sum::<f64>();
        }
        sum
    }
}

/// [`Band::sum`] with the vectors of the machine at hand: a type, since a closure is not sure to be inlined there.
struct Sum<'b, 'a, T>(&'b mut Band<'a, T>);

impl<T: Kernel> pulp::WithSimd for Sum<'_, '_, T> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: pulp::Simd>(self, _simd: S) -> f64 {
        self.0.sum()
    }
}

/// What one cell's pairs with later ones add up to, lane by lane.
struct Sums<T> {
    loss: [T; LANES],
    real_gradient: [T; LANES],
    processed_gradient: [T; LANES],
}

impl<T: Kernel> Sums<T> {
    #[inline(always)]
    fn zero() -> Self {
        let zero = [T::zero(); LANES];
        Self { loss: zero, real_gradient: zero, processed_gradient: zero }
    }
}

/// One place in the two sorted showers.
struct Cell<T> {
    minus_a: T,
    real: T,
    processed: T,
    past_last: T,
}

impl<T: Kernel> Cell<T> {
    /// The pairs with [`LANES`] later places. Each step is a loop of its own over whole arrays: written as one loop, the
    /// compiler keeps to scalars.
    #[inline(always)]
    fn pairs(
        &self,
        first: &[T; LANES],
        real: &[T; LANES],
        processed: &[T; LANES],
        sums: &mut Sums<T>,
        to_real: &mut [T; LANES],
        to_processed: &mut [T; LANES],
    ) {
        let (first, real, processed) = (*first, *real, *processed);
        let windows = lanes(|l| {
            let windows = self.past_last - first[l];
            if windows > T::zero() { windows } else { T::zero() }
        });
        // Real with real, processed with processed, real with processed, processed with real.
        let rr = lanes(|l| self.real - real[l]);
        let pp = lanes(|l| self.processed - processed[l]);
        let rp = lanes(|l| self.real - processed[l]);
        let pr = lanes(|l| self.processed - real[l]);
        let (k_rr, k_pp, k_rp, k_pr) = (self.kernel(rr), self.kernel(pp), self.kernel(rp), self.kernel(pr));
        add(&mut sums.loss, |l| windows[l] * ((k_rr[l] - k_rp[l]) + (k_pp[l] - k_pr[l])));
        let (rr, pp) = (lanes(|l| rr[l] * k_rr[l]), lanes(|l| pp[l] * k_pp[l]));
        let (rp, pr) = (lanes(|l| rp[l] * k_rp[l]), lanes(|l| pr[l] * k_pr[l]));
        add(&mut sums.real_gradient, |l| windows[l] * (rr[l] - rp[l]));
        add(&mut sums.processed_gradient, |l| windows[l] * (pp[l] - pr[l]));
        add(to_real, |l| windows[l] * (pr[l] - rr[l]));
        add(to_processed, |l| windows[l] * (rp[l] - pp[l]));
    }

    #[inline(always)]
    fn kernel(&self, differences: [T; LANES]) -> [T; LANES] {
        lanes(|l| (self.minus_a * differences[l] * differences[l]).exp_of_negative())
    }
}

#[inline(always)]
fn lanes<T: Kernel>(value: impl Fn(usize) -> T) -> [T; LANES] {
    // Not `array::from_fn`, which comes out scalar: fifteen times slower.
    let mut values = [T::zero(); LANES];
    for (l, x) in values.iter_mut().enumerate() {
        *x = value(l);
    }
    values
}

#[inline(always)]
fn add<T: Kernel>(to: &mut [T; LANES], value: impl Fn(usize) -> T) {
    let before = *to;
    *to = lanes(|l| before[l] + value(l));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_exact_to_a_few_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for i in 0..200_000_u32 {
            let x = -(i as f32) * 3.9e-4;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(x.exp_of_negative()) - exact).abs() / exact);
        }
        assert!(worst < 3e-7, "{worst}");
        assert!((0.0_f32.exp_of_negative() - 1.0).abs() < f32::EPSILON);
        assert!(f32::NEG_INFINITY.exp_of_negative().abs() < f32::MIN_POSITIVE);
    }

    #[test]
    fn pairs_stand_together_in_as_many_windows_as_a_count_finds() {
        for settings in [
            SortedMmd { window: 6, stride: 2, windows: 4, exponent: 1.0 },
            SortedMmd { window: 5, stride: 3, windows: 3, exponent: 1.0 },
            SortedMmd { window: 2, stride: 5, windows: 3, exponent: 1.0 },
            SortedMmd { window: 7, stride: 1, windows: 1, exponent: 1.0 },
        ] {
            let (first, past_last) = windows_of::<f64>(&settings);
            for (i, past_last) in past_last.iter().enumerate() {
                for (j, first) in first[..settings.cells()].iter().enumerate().skip(i) {
                    let holds = |w: &usize| {
                        let window = w * settings.stride..w * settings.stride + settings.window;
                        window.contains(&i) && window.contains(&j)
                    };
                    let counted = (0..settings.windows).filter(holds).count();
                    assert!((past_last - first).max(0.0) as usize == counted, "{settings:?} {i} {j}");
                }
            }
        }
    }
}
