//! The sum over the band of pairs, on the CPU: one pass gives the loss and both gradients.

use candle_core::WithDType;
use rayon::prelude::*;

use super::SortedMmd;
use crate::cpu::Real;

/// Pairs worked on side by side; fixed, so that sums run in one order on any machine.
const LANES: usize = 16;

/// A number with an exponential fit for vectors.
pub(super) trait Kernel: Real {
    /// exp(x) for x <= 0, to a few units in the last place; 0 may come out as the smallest numbers.
    fn exp_of_negative(self) -> Self;
}

impl Kernel for f32 {
    /// 2^n times the Taylor series of the rest, which is below ln(2)/2: no branch, no table, so it vectorises.
    #[inline(always)]
    fn exp_of_negative(self) -> Self {
        /// Adding it rounds to an integer, which then stands in the low bits.
        const ROUND: f32 = 12_582_912.0;
        const LN_2_HIGH: f32 = 0.693_359_4;
        const LN_2_LOW: f32 = -2.121_944_4e-4;
        let x = if self > -87.0 { self } else { -87.0 };
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let n = shifted - ROUND;
        let r = x - n * LN_2_HIGH - n * LN_2_LOW;
        let mut series = 1.0 / 5040.0;
        for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            series = series * r + coefficient;
        }
        series * Self::from_bits(shifted.to_bits().wrapping_add(127) << 23)
    }
}

impl Kernel for f64 {
    #[inline(always)]
    fn exp_of_negative(self) -> Self {
        self.exp()
    }
}

/// Of each shower the loss, its gradient for `real`, and its gradient for `processed`, in a row.
pub(super) fn losses_and_gradients<T: Kernel>(settings: &SortedMmd, real: &[T], processed: &[T]) -> Vec<T> {
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
            let sum = arch.dispatch(|| band.sum());
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
        #[expect(clippy::cast_precision_loss, reason = "windows hold fewer than 2^52 cells")]
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
        let kernel = |d: T| (minus_a * d * d).exp_of_negative();
        let mut sum = 0.0;
        for i in 0..self.cells {
            let (x, y, past_last) = (self.real[i], self.processed[i], self.past_last[i]);
            let own = past_last - self.first[i];
            let k = kernel(x - y);
            let mut gx = -own * k * (x - y);
            let mut gy = -gx;
            sum += WithDType::to_f64(own * (T::one() - k));

            let zeros = [T::zero(); LANES];
            let (mut sums, mut gxs, mut gys) = (zeros, zeros, zeros);
            let end = self.cells.min(i + self.settings.window);
            for start in (i + 1..end).step_by(LANES) {
                let lanes = start..start + LANES;
                let first = &self.first[lanes.clone()];
                let xs = &self.real[lanes.clone()];
                let ys = &self.processed[lanes.clone()];
                let gradients = (&mut self.real_gradient[lanes.clone()], &mut self.processed_gradient[lanes]);
                for l in 0..LANES {
                    let together = past_last - first[l];
                    let together = if together > T::zero() { together } else { T::zero() };
                    let (xx, yy, xy, yx) = (x - xs[l], y - ys[l], x - ys[l], y - xs[l]);
                    let (kxx, kyy, kxy, kyx) = (kernel(xx), kernel(yy), kernel(xy), kernel(yx));
                    sums[l] += together * ((kxx - kxy) + (kyy - kyx));
                    let (xx, yy, xy, yx) = (xx * kxx, yy * kyy, xy * kxy, yx * kyx);
                    gxs[l] += together * (xx - xy);
                    gys[l] += together * (yy - yx);
                    gradients.0[l] += together * (yx - xx);
                    gradients.1[l] += together * (xy - yy);
                }
            }
            for l in 0..LANES {
                gx += gxs[l];
                gy += gys[l];
            }
            sum += sums.into_iter().map(WithDType::to_f64).sum::<f64>();
            self.real_gradient[i] += gx;
            self.processed_gradient[i] += gy;
        }
        sum
    }
}

#[cfg(test)]
#[expect(
    clippy::float_cmp,
    clippy::needless_range_loop,
    reason = "counts are exact; two tables are walked at once"
)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_exact_to_a_few_units_in_the_last_place() {
        let mut worst = 0.0_f64;
        for i in 0..200_000_u32 {
            let x = -(i as f32) * 4.3e-4;
            let exact = f64::from(x).exp();
            worst = worst.max((f64::from(x.exp_of_negative()) - exact).abs() / exact);
        }
        assert!(worst < 3e-7, "{worst}");
        assert_eq!(0.0_f32.exp_of_negative(), 1.0);
        assert!(f32::NEG_INFINITY.exp_of_negative() < 1e-37);
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
            for i in 0..settings.cells() {
                for j in i..settings.cells() {
                    let holds = |w: &usize| {
                        let window = w * settings.stride..w * settings.stride + settings.window;
                        window.contains(&i) && window.contains(&j)
                    };
                    let counted = (0..settings.windows).filter(holds).count() as f64;
                    assert_eq!((past_last[i] - first[j]).max(0.0), counted, "{settings:?} {i} {j}");
                }
            }
        }
    }
}
