//! Distances between two histograms, and between two samples.
//!
//! Histograms are normalised to one with under- and overflow as one bin each, so that what leaves the range counts. A
//! histogram without content has no shape to compare: that is an error, never zero.

mod samples;

pub use samples::{ks_of_samples, wasserstein1_of_samples};

use crate::error::{Error, Result, check_finite};
use crate::histogram::Histogram;

/// Jensen-Shannon divergence, natural logarithm: 0 (equal) to ln 2 (nowhere both).
///
/// # Errors
/// Different axes, or a histogram that is empty, or has negative or non-finite contents.
///
/// # Reference
/// calomplification (CA) quotes this; decoding-photons (DP) its square root.
pub fn jensen_shannon_divergence(a: &Histogram, b: &Histogram) -> Result<f64> {
    a.check_axis(b)?;
    divergence_of_contents(a.slots(), b.slots())
}

/// Jensen-Shannon distance, the root of the divergence: 0 to sqrt(ln 2). The papers' JSD; a metric.
///
/// # Errors
/// As [`jensen_shannon_divergence`].
///
/// # Reference
/// decoding-photons, appendix A; `scipy.spatial.distance.jensenshannon`.
pub fn jensen_shannon_distance(a: &Histogram, b: &Histogram) -> Result<f64> {
    Ok(jensen_shannon_divergence(a, b)?.sqrt())
}

/// Half the area between the normalised histograms (total variation distance): 0 to 1.
///
/// # Errors
/// As [`jensen_shannon_divergence`].
pub fn area_difference(a: &Histogram, b: &Histogram) -> Result<f64> {
    a.check_axis(b)?;
    area_of_contents(a.slots(), b.slots())
}

/// Separation power: half the sum of `(p - q)^2 / (p + q)`, 0 to 1.
///
/// # Errors
/// As [`jensen_shannon_divergence`].
pub fn separation_power(a: &Histogram, b: &Histogram) -> Result<f64> {
    a.check_axis(b)?;
    let pairs = normalised_pairs(a.slots(), b.slots())?;
    let terms = pairs.filter(|(p, q)| p + q > 0.0).map(|(p, q)| (p - q).powi(2) / (p + q));
    Ok(0.5 * terms.sum::<f64>())
}

/// Chi-squared with its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chi2 {
    /// The sum over the bins.
    pub value: f64,
    /// Bins with content less one.
    pub degrees_of_freedom: usize,
}

/// Chi-squared of two weighted histograms' shapes.
///
/// The variance of a bin is its sum of squared weights; bins count as independent, so that for profiles and cells,
/// where one shower fills many bins, it is a distance rather than a test.
///
/// # Errors
/// As [`jensen_shannon_divergence`].
///
/// # Reference
/// N. Gagunashvili, physics/0605123 (two weighted histograms); `TH1::Chi2Test` of ROOT with option `WW`.
pub fn chi2(a: &Histogram, b: &Histogram) -> Result<Chi2> {
    a.check_axis(b)?;
    let (total_a, total_b) = (total(a.slots(), "first histogram")?, total(b.slots(), "second histogram")?);
    let variances = a.squared_slots().iter().zip(b.squared_slots());
    let (mut sum, mut n_filled) = (0.0, 0_usize);
    for ((&content_a, &content_b), (&variance_a, &variance_b)) in
        a.slots().iter().zip(b.slots()).zip(variances)
    {
        let variance = variance_a / total_a.powi(2) + variance_b / total_b.powi(2);
        if variance > 0.0 {
            sum += (content_a / total_a - content_b / total_b).powi(2) / variance;
            n_filled += 1;
        }
    }
    Ok(Chi2 { value: sum, degrees_of_freedom: n_filled.saturating_sub(1) })
}

/// Kolmogorov-Smirnov distance of the binned distributions: the largest difference of their cumulative sums, 0 to 1.
///
/// # Errors
/// As [`jensen_shannon_divergence`].
pub fn ks(a: &Histogram, b: &Histogram) -> Result<f64> {
    a.check_axis(b)?;
    let mut gap = 0.0_f64;
    let largest = normalised_pairs(a.slots(), b.slots())?.fold(0.0_f64, |largest, (p, q)| {
        gap += p - q;
        largest.max(gap.abs())
    });
    Ok(largest.min(1.0))
}

/// Wasserstein-1 (earth mover's) distance of the binned distributions, in units of the axis.
///
/// The content of a bin sits at its centre, underflow at the first and overflow at the last edge.
///
/// # Errors
/// As [`jensen_shannon_divergence`].
pub fn wasserstein1(a: &Histogram, b: &Histogram) -> Result<f64> {
    a.check_axis(b)?;
    let mut positions = vec![a.axis().low()];
    positions.extend(a.axis().centres());
    positions.push(a.axis().high());
    let mut gap = 0.0;
    let steps = positions.windows(2).map(|pair| pair[1] - pair[0]);
    let moved = normalised_pairs(a.slots(), b.slots())?.zip(steps).map(|((p, q), step)| {
        gap += p - q;
        f64::abs(gap) * step
    });
    Ok(moved.sum())
}

/// Jensen-Shannon divergence of contents that need not be normalised.
pub(crate) fn divergence_of_contents(a: &[f64], b: &[f64]) -> Result<f64> {
    Ok(normalised_pairs(a, b)?.map(|(p, q)| divergence_term(p, q)).sum::<f64>().min(std::f64::consts::LN_2))
}

/// Half the area between contents that need not be normalised.
pub(crate) fn area_of_contents(a: &[f64], b: &[f64]) -> Result<f64> {
    Ok((0.5 * normalised_pairs(a, b)?.map(|(p, q)| (p - q).abs()).sum::<f64>()).min(1.0))
}

/// `(p ln(p/m) + q ln(q/m)) / 2` with `m` the mean of `p` and `q`.
///
/// With `d = (p - q) / (p + q)` it is `(p + q) / 4 * ((1 + d) ln(1 + d) + (1 - d) ln(1 - d))`. For small `d` the two
/// logarithms cancel, and the square root of their rounding would stand for a distance; the series does not.
fn divergence_term(p: f64, q: f64) -> f64 {
    let sum = p + q;
    if sum <= 0.0 {
        return 0.0;
    }
    let d = (p - q) / sum;
    let bracket = if d.abs() < 0.01 {
        let d2 = d * d;
        d2 * (1.0 + d2 / 6.0 * (1.0 + d2 * 0.4 * (1.0 + d2 * 15.0 / 28.0)))
    } else {
        x_ln_x(1.0 + d) + x_ln_x(1.0 - d)
    };
    0.25 * sum * bracket
}

fn x_ln_x(x: f64) -> f64 {
    if x > 0.0 { x * x.ln() } else { 0.0 }
}

/// Shares of both sides, slot by slot.
fn normalised_pairs<'a>(a: &'a [f64], b: &'a [f64]) -> Result<impl Iterator<Item = (f64, f64)> + 'a> {
    if a.len() != b.len() {
        return Err(Error::mismatch("histogram slots", b.len(), a.len()));
    }
    let (total_a, total_b) = (total(a, "first histogram")?, total(b, "second histogram")?);
    Ok(a.iter().zip(b).map(move |(p, q)| (p / total_a, q / total_b)))
}

fn total(contents: &[f64], what: &str) -> Result<f64> {
    check_finite(what, contents)?;
    if let Some(slot) = contents.iter().position(|&content| content < 0.0) {
        let name = format!("{what}, slot {slot}");
        return Err(Error::parameter(name, contents[slot], "a content of at least 0"));
    }
    let total: f64 = contents.iter().sum();
    if total > 0.0 {
        return Ok(total);
    }
    Err(Error::empty(what, "at least one entry"))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these results are exact")]
mod tests {
    use super::*;
    use crate::histogram::Axis;

    fn histogram(slots: &[f64]) -> Histogram {
        let axis = Axis::linear(slots.len() - 2, 0.0, (slots.len() - 2) as f64).unwrap();
        Histogram::from_slots(axis, slots.to_vec(), slots.to_vec()).unwrap()
    }

    #[test]
    fn known_values() {
        // Moved by one bin: shares (1, 0) against (0, 1).
        let (a, b) = (histogram(&[0.0, 4.0, 0.0, 0.0]), histogram(&[0.0, 0.0, 2.0, 0.0]));
        assert_eq!(jensen_shannon_divergence(&a, &b).unwrap(), std::f64::consts::LN_2);
        assert_eq!(area_difference(&a, &b).unwrap(), 1.0);
        assert_eq!(separation_power(&a, &b).unwrap(), 1.0);
        assert_eq!(ks(&a, &b).unwrap(), 1.0);
        assert_eq!(wasserstein1(&a, &b).unwrap(), 1.0);
        // (1 - 0)^2 / (4/16) + 1 / (2/4), both variances in the bins' own side only.
        assert_eq!(chi2(&a, &b).unwrap(), Chi2 { value: 4.0 + 2.0, degrees_of_freedom: 1 });
    }

    #[test]
    fn under_and_overflow_count() {
        let (a, b) = (histogram(&[1.0, 1.0, 0.0]), histogram(&[0.0, 1.0, 1.0]));
        assert_eq!(area_difference(&a, &b).unwrap(), 0.5);
        assert!(jensen_shannon_distance(&a, &b).unwrap() > 0.5);
    }

    #[test]
    fn the_series_joins_the_logarithms() {
        for d in [0.009_999, 0.010_001_f64] {
            let (p, q) = (0.5 * (1.0 + d), 0.5 * (1.0 - d));
            let direct = 0.5 * (p * (2.0 * p).ln() + q * (2.0 * q).ln());
            assert!((divergence_term(p, q) - direct).abs() < 1e-16);
        }
    }

    #[test]
    fn a_tiny_difference_is_a_tiny_distance() {
        let (a, b) = (histogram(&[0.0, 1.0, 1.0, 0.0]), histogram(&[0.0, 1.0 + 2e-12, 1.0, 0.0]));
        let distance = jensen_shannon_distance(&a, &b).unwrap();
        // To first order d / 2 * sqrt(2) with d = 1e-12 / 2.
        assert!((distance - 0.5e-12 / 2.0_f64.sqrt()).abs() < 1e-15, "{distance}");
    }

    #[test]
    fn an_empty_histogram_is_an_error() {
        let (empty, full) = (histogram(&[0.0, 0.0, 0.0]), histogram(&[0.0, 1.0, 0.0]));
        let error = jensen_shannon_distance(&full, &empty).unwrap_err();
        assert_eq!(error.to_string(), "second histogram: empty; expected at least one entry");
        for distance in [area_difference, separation_power, ks, wasserstein1] {
            assert!(distance(&empty, &full).is_err());
        }
        assert!(chi2(&empty, &full).is_err());
    }
}
