//! Logarithms and log-spaced edges that are right to the last bit.
//!
//! The largest entry of the reference lies on the last edge of its histogram. Whether it counts hangs on the last bits
//! of that edge, and one entry of a few hundred moves a separation power by a percent. The challenge takes them from
//! NumPy, whose logarithm is nearly always the nearest floating-point number, as it is here; that of the C library is
//! more often the next one.

use std::f64::consts::LOG10_E;

/// [`LOG10_E`] and this add up to log10(e).
const LOG10_E_LOW: f64 = 1.098_319_650_216_765e-17;

/// log10(2) in two parts, of which the first has so few digits that its multiples are exact.
const LOG10_2: [f64; 2] = [0.301_029_995_663_611_77, 3.694_239_077_158_931e-13];

/// Terms of the series of a logarithm between 0.75 and 1.5, enough for twice the digits.
const TERMS: u32 = 16;

/// Edges of `n_bins` log bins as `numpy.logspace(log10(low), log10(high), n_bins + 1)` has them.
pub(super) fn log_edges(n_bins: usize, low: f64, high: f64) -> Vec<f64> {
    let (first, last) = (log10(low), log10(high));
    let step = (last - first) / n_bins as f64;
    let exponents = (0..n_bins).map(|i| i as f64 * step + first).chain([last]);
    exponents.map(|exponent| 10.0_f64.powf(exponent)).collect()
}

/// The floating-point number nearest to the decimal logarithm of a positive normal number.
pub(super) fn log10(x: f64) -> f64 {
    if !x.is_normal() || x < 0.0 {
        return x.log10();
    }
    // x = m 2^k with m in 0.75 .. 1.5, so that no digits cancel around 1.
    let bits = x.to_bits();
    let mut exponent = (bits >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits((bits & ((1 << 52) - 1)) | (1023 << 52));
    if mantissa >= 1.5 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln m = 2 (s + s^3 / 3 + s^5 / 5 ...) with s = (m - 1) / (m + 1) to twice the digits.
    let (above, sum) = (mantissa - 1.0, mantissa + 1.0);
    let s = above / sum;
    let lost_in_sum = mantissa - (sum - 1.0);
    let s_low = ((-s).mul_add(sum, above) - s * lost_in_sum) / sum;
    let square = s * s;
    let series = (1..=TERMS).rev().fold(0.0, |rest, n| (1.0 / f64::from(2 * n + 1) + rest) * square);
    let (ln, ln_low) = (2.0 * s, 2.0 * (s_low + s * series));
    let product = ln * LOG10_E;
    let product_low = ln.mul_add(LOG10_E, -product) + ln * LOG10_E_LOW + ln_low * LOG10_E;
    let twos = f64::from(exponent) * LOG10_2[0];
    let total = twos + product;
    // What rounding took from the sum of the two.
    let product_kept = total - twos;
    let total_low = (twos - (total - product_kept)) + (product - product_kept);
    total + (total_low + f64::from(exponent) * LOG10_2[1] + product_low)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the last bit is what is tested")]
mod tests {
    use super::*;

    /// Values by Python's `decimal` with 50 digits, rounded once.
    #[test]
    fn logarithms_are_rounded_once() {
        for (x, expected) in [
            (20772.07375228312, 4.317479855909959),
            (0.1, -1.0),
            (0.015151515151515152, -1.8195439355418686),
            (2.5, 0.3979400086720376),
            (0.9999999, -4.342945033893839e-08),
            (1.4999, 0.17606230512507928),
            (330000.0, 5.518513939877887),
            (7.1e-09, -8.148741651280925),
            (123456.789, 5.09151497716927),
        ] {
            assert_eq!(log10(x), expected, "{x}");
        }
        for power in -10..=15_i32 {
            assert!((log10(10.0_f64.powi(power)) - f64::from(power)).abs() < 1e-14);
        }
        assert_eq!(log10(1000.0), 3.0);
        assert!(log10(0.0) == f64::NEG_INFINITY && log10(-1.0).is_nan());
    }

    #[test]
    fn edges_rise_by_equal_ratios() {
        let edges = log_edges(4, 0.01, 100.0);
        for (edge, expected) in edges.iter().zip([0.01, 0.1, 1.0, 10.0, 100.0]) {
            assert!((edge / expected - 1.0).abs() < 1e-14, "{edges:?}");
        }
    }
}
