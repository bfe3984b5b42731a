//! Bin edges, and the fast way from a value to its bin.

use std::fmt;

use crate::error::{Error, Result};

/// Mantissa bits that stay in a lookup key: 128 keys for each factor of two.
const KEY_SHIFT: u32 = 52 - 7;

/// How edges are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spacing {
    /// Equal widths.
    Linear,
    /// Equal ratios.
    Log,
    /// Edges as given.
    Explicit,
}

/// Strictly rising bin edges.
///
/// Whatever the spacing, a value's slot is the number of edges at or below it; the spacing only makes a good guess
/// that comparisons with the edges correct.
#[derive(Debug, Clone)]
pub struct Axis {
    edges: Vec<f64>,
    spacing: Spacing,
    guess: Guess,
}

/// Where to start comparing: a slot at or near the right one.
#[derive(Debug, Clone)]
enum Guess {
    /// Offset over width.
    Linear { low: f64, bins_per_unit: f64 },
    /// The slot of the smallest value with the same leading bits, so that no logarithm is taken.
    LeadingBits { first_key: u64, slots: Vec<u32> },
    /// Bisection.
    Search,
}

impl PartialEq for Axis {
    fn eq(&self, other: &Self) -> bool {
        self.edges == other.edges
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spacing = match self.spacing {
            Spacing::Linear => "linear",
            Spacing::Log => "log",
            Spacing::Explicit => "explicit",
        };
        write!(f, "{} {spacing} bins {} .. {}", self.n_bins(), self.low(), self.high())
    }
}

impl Axis {
    /// `n_bins` bins of equal width; the edges of `numpy.linspace(low, high, n_bins + 1)`.
    ///
    /// # Errors
    /// No bin, or `low` not below `high`, or so close that edges coincide.
    pub fn linear(n_bins: usize, low: f64, high: f64) -> Result<Self> {
        check_range(n_bins, low, high)?;
        let width = (high - low) / n_bins as f64;
        let edges = edges(n_bins, low, high, |i| low + i as f64 * width)?;
        let guess = Guess::Linear { low, bins_per_unit: 1.0 / width };
        Ok(Self { edges, spacing: Spacing::Linear, guess })
    }

    /// `n_bins` bins of equal ratio; the edges of `numpy.geomspace(low, high, n_bins + 1)` up to rounding.
    ///
    /// # Errors
    /// As [`Self::linear`], and where `low` is not positive.
    pub fn log(n_bins: usize, low: f64, high: f64) -> Result<Self> {
        check_range(n_bins, low, high)?;
        if low <= 0.0 {
            return Err(Error::parameter("axis low", low, "a value above 0 for log bins"));
        }
        let log_step = (high / low).ln() / n_bins as f64;
        let edges = edges(n_bins, low, high, |i| low * (i as f64 * log_step).exp())?;
        let (first_key, last_key) = (low.to_bits() >> KEY_SHIFT, high.to_bits() >> KEY_SHIFT);
        let slots = (first_key..=last_key)
            .map(|key| {
                let smallest = f64::from_bits(key << KEY_SHIFT);
                edges.partition_point(|&edge| edge <= smallest) as u32
            })
            .collect();
        Ok(Self { edges, spacing: Spacing::Log, guess: Guess::LeadingBits { first_key, slots } })
    }

    /// Bins between the given edges.
    ///
    /// # Errors
    /// Fewer than two edges, or edges that are not finite and strictly rising.
    pub fn from_edges(edges: Vec<f64>) -> Result<Self> {
        if edges.len() < 2 {
            return Err(Error::parameter("axis edges", format!("{} edges", edges.len()), "at least two"));
        }
        check_rising(&edges)?;
        Ok(Self { edges, spacing: Spacing::Explicit, guess: Guess::Search })
    }

    /// The edges, one more than bins.
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// How the edges are spaced.
    pub fn spacing(&self) -> Spacing {
        self.spacing
    }

    /// Number of bins.
    pub fn n_bins(&self) -> usize {
        self.edges.len() - 1
    }

    /// Number of bins with under- and overflow.
    pub fn n_slots(&self) -> usize {
        self.edges.len() + 1
    }

    /// Lower edge of the first bin.
    pub fn low(&self) -> f64 {
        self.edges[0]
    }

    /// Upper edge of the last bin.
    pub fn high(&self) -> f64 {
        self.edges[self.edges.len() - 1]
    }

    /// Arithmetic centres of the bins.
    pub fn centres(&self) -> Vec<f64> {
        self.edges.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
    }

    /// The slot of a value: 0 below the first edge, `i + 1` in bin `i`, `n_bins + 1` from the last edge on; none for
    /// NaN.
    #[inline]
    pub fn slot(&self, value: f64) -> Option<usize> {
        if value.is_nan() {
            return None;
        }
        if value < self.low() {
            return Some(0);
        }
        if value >= self.high() {
            return Some(self.edges.len());
        }
        let mut slot = match &self.guess {
            // A cast saturates, and the guess stays within the bins.
            Guess::Linear { low, bins_per_unit } => {
                (((value - low) * bins_per_unit) as usize).min(self.edges.len() - 2) + 1
            }
            Guess::LeadingBits { first_key, slots } => {
                slots[((value.to_bits() >> KEY_SHIFT) - first_key) as usize] as usize
            }
            Guess::Search => return Some(self.edges.partition_point(|&edge| edge <= value)),
        };
        // Within the range, so that both loops end at an edge on the right side.
        while slot > 0 && value < self.edges[slot - 1] {
            slot -= 1;
        }
        while value >= self.edges[slot] {
            slot += 1;
        }
        Some(slot)
    }
}

fn check_range(n_bins: usize, low: f64, high: f64) -> Result<()> {
    if n_bins == 0 || n_bins > 1_000_000 {
        return Err(Error::parameter("axis bins", n_bins, "1 to 1000000 bins"));
    }
    if !(low.is_finite() && high.is_finite() && low < high && (high - low).is_finite()) {
        let range = format!("{low} .. {high}");
        return Err(Error::parameter("axis range", range, "finite edges, low below high"));
    }
    Ok(())
}

/// The inner edges by formula, the outer ones exactly as given.
fn edges(n_bins: usize, low: f64, high: f64, inner: impl Fn(usize) -> f64) -> Result<Vec<f64>> {
    let mut edges: Vec<f64> = (0..=n_bins).map(inner).collect();
    edges[0] = low;
    edges[n_bins] = high;
    check_rising(&edges)?;
    Ok(edges)
}

fn check_rising(edges: &[f64]) -> Result<()> {
    crate::error::check_finite("axis edges", edges)?;
    match edges.windows(2).position(|pair| pair[0] >= pair[1]) {
        None => Ok(()),
        Some(i) => {
            let pair = format!("{} then {} at index {i}", edges[i], edges[i + 1]);
            Err(Error::parameter("axis edges", pair, "strictly rising edges"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values at, just below and just above every edge, between edges, and far outside.
    fn probes(axis: &Axis) -> Vec<f64> {
        let mut values = vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, -3.0, 1e300];
        for &edge in axis.edges() {
            values.extend([edge, edge.next_down(), edge.next_up(), edge * 1.003, edge * 0.997]);
        }
        values
    }

    #[test]
    fn a_slot_is_the_number_of_edges_at_or_below() {
        for axis in [
            Axis::log(69, 0.01, 30.0).unwrap(),
            Axis::log(1000, 0.01, 0.02).unwrap(),
            Axis::log(1, 1e-300, 1e300).unwrap(),
            Axis::linear(100, 150.0, 2300.0).unwrap(),
            Axis::linear(30, -1.0, 0.1).unwrap(),
            Axis::from_edges(vec![-1.0, 0.0, 5.0, 5.5]).unwrap(),
        ] {
            for value in probes(&axis) {
                let expected = axis.edges().iter().filter(|&&edge| edge <= value).count();
                assert_eq!(axis.slot(value), Some(expected), "{value} on {axis}");
            }
            assert_eq!(axis.slot(f64::NAN), None);
        }
    }

    #[test]
    fn impossible_axes_are_refused() {
        assert!(Axis::linear(0, 0.0, 1.0).is_err());
        assert!(Axis::linear(3, 1.0, 1.0).is_err());
        assert!(Axis::linear(3, 0.0, f64::NAN).is_err());
        assert!(Axis::linear(10, 1.0, 1.0_f64.next_up()).is_err(), "edges coincide");
        assert!(Axis::log(3, 0.0, 1.0).is_err());
        let error = Axis::from_edges(vec![0.0, 2.0, 1.0]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter `axis edges`: 2 then 1 at index 1; expected strictly rising edges"
        );
    }
}
