//! A histogram with its bootstrap replicas.

use crate::histogram::Histogram;

/// Which showers of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All.
    All,
    /// Those that the seed sends to the first half.
    FirstHalf,
    /// The others.
    SecondHalf,
}

impl Part {
    pub(super) fn halves(self) -> &'static [usize] {
        match self {
            Self::All => &[0, 1],
            Self::FirstHalf => &[0],
            Self::SecondHalf => &[1],
        }
    }
}

/// A histogram with its bootstrap replicas: the same showers with Poisson(1) weights.
///
/// A distance between replicas is larger than between the samples, because each replica adds noise of its own. Only the
/// spread over replicas is meaningful: it is the standard error.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// Every shower once. Squared weights are sums of squares of each shower's content.
    pub nominal: Histogram,
    /// Slots (underflow, bins, overflow) of each replica.
    pub replicas: Vec<Vec<f64>>,
}
