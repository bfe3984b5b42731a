//! Weighted histograms in one dimension with explicit under- and overflow.

mod axis;

pub use axis::{Axis, Spacing};

use crate::error::{Error, Result};
use crate::sums::add;

/// Sums of weights in the bins of an [`Axis`], one more below and one above.
///
/// A *slot* is underflow (0), bin `i` (`i + 1`) or overflow (`n_bins + 1`). Bins are half open, `low <= x < high`,
/// the last included: where `numpy.histogram` counts a value at the last edge, this is overflow.
///
/// ```
/// use calo_metrics::{Axis, Histogram};
/// let mut histogram = Histogram::new(Axis::linear(2, 0.0, 1.0)?);
/// histogram.fill_all(&[0.0, 0.2, 0.5, 1.0, -1.0]);
/// assert_eq!(histogram.counts(), [2.0, 1.0]);
/// assert_eq!((histogram.underflow(), histogram.overflow()), (1.0, 1.0));
/// # Ok::<(), calo_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    axis: Axis,
    slots: Vec<f64>,
    squared: Vec<f64>,
    n_nan: u64,
}

impl Histogram {
    /// An empty histogram.
    pub fn new(axis: Axis) -> Self {
        let n_slots = axis.n_slots();
        Self { axis, slots: vec![0.0; n_slots], squared: vec![0.0; n_slots], n_nan: 0 }
    }

    /// A histogram of contents summed elsewhere.
    ///
    /// # Shapes
    /// `slots` (sums of weights) and `squared` (sums of squared weights): `n_bins + 2`.
    ///
    /// # Errors
    /// Another number of slots than the axis has.
    pub fn from_slots(axis: Axis, slots: Vec<f64>, squared: Vec<f64>) -> Result<Self> {
        for (what, found) in [("slots", slots.len()), ("squared", squared.len())] {
            if found != axis.n_slots() {
                return Err(Error::mismatch(format!("histogram {what}"), found, axis.n_slots()));
            }
        }
        Ok(Self { axis, slots, squared, n_nan: 0 })
    }

    /// Adds `weight` to the slot of `value`. A NaN goes to no slot: it is counted in [`Self::n_nan`].
    #[inline]
    pub fn fill(&mut self, value: f64, weight: f64) {
        match self.axis.slot(value) {
            Some(slot) => {
                self.slots[slot] += weight;
                self.squared[slot] += weight * weight;
            }
            None => self.n_nan += 1,
        }
    }

    /// Fills every value with weight 1.
    pub fn fill_all<'a>(&mut self, values: impl IntoIterator<Item = &'a f64>) {
        for &value in values {
            self.fill(value, 1.0);
        }
    }

    /// Adds another histogram on the same axis.
    ///
    /// # Errors
    /// Different edges.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.check_axis(other)?;
        add(&mut self.slots, &other.slots);
        add(&mut self.squared, &other.squared);
        self.n_nan += other.n_nan;
        Ok(())
    }

    /// The axis.
    pub fn axis(&self) -> &Axis {
        &self.axis
    }

    /// Sums of weights: underflow, bins, overflow.
    pub fn slots(&self) -> &[f64] {
        &self.slots
    }

    /// Sums of squared weights: underflow, bins, overflow.
    pub fn squared_slots(&self) -> &[f64] {
        &self.squared
    }

    /// Sums of weights in the bins.
    pub fn counts(&self) -> &[f64] {
        &self.slots[1..=self.axis.n_bins()]
    }

    /// Standard errors of the bins: the root of the sum of squared weights.
    pub fn errors(&self) -> Vec<f64> {
        self.squared[1..=self.axis.n_bins()].iter().map(|sum| sum.sqrt()).collect()
    }

    /// Sum of weights below the first edge.
    pub fn underflow(&self) -> f64 {
        self.slots[0]
    }

    /// Sum of weights at or above the last edge.
    pub fn overflow(&self) -> f64 {
        self.slots[self.axis.n_bins() + 1]
    }

    /// Sum of all weights, under- and overflow included.
    pub fn total(&self) -> f64 {
        self.slots.iter().sum()
    }

    /// The same bins with nothing below and above.
    #[must_use]
    pub fn inside_axis(&self) -> Self {
        let mut inside = self.clone();
        for slots in [&mut inside.slots, &mut inside.squared] {
            let last = slots.len() - 1;
            slots[0] = 0.0;
            slots[last] = 0.0;
        }
        inside
    }

    /// NaN values given to [`Self::fill`].
    pub fn n_nan(&self) -> u64 {
        self.n_nan
    }

    pub(crate) fn check_axis(&self, other: &Self) -> Result<()> {
        if self.axis == other.axis {
            return Ok(());
        }
        Err(Error::Mismatch {
            what: "histogram axes".to_owned(),
            found: other.axis.to_string(),
            expected: format!("the same edges on both sides, {}", self.axis),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_their_squares_add_up() {
        let mut histogram = Histogram::new(Axis::linear(2, 0.0, 2.0).unwrap());
        histogram.fill(0.5, 2.0);
        histogram.fill(0.7, 3.0);
        histogram.fill(f64::NAN, 1.0);
        assert_eq!(histogram.counts(), [5.0, 0.0]);
        assert_eq!(histogram.errors(), [13.0_f64.sqrt(), 0.0]);
        assert_eq!((histogram.n_nan(), histogram.total()), (1, 5.0));
    }

    #[test]
    fn other_edges_are_refused() {
        let mut histogram = Histogram::new(Axis::linear(2, 0.0, 2.0).unwrap());
        let error = histogram.merge(&Histogram::new(Axis::linear(2, 0.0, 3.0).unwrap())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "histogram axes: found 2 linear bins 0 .. 3; expected the same edges on both sides, 2 linear bins 0 .. 2"
        );
    }
}
