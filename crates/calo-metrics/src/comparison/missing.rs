//! What messages about missing values say.

use crate::observables::Observable;

/// Why two histograms without an entry in any bin are not compared: their distance would be a meaningless zero.
pub(super) const OUTSIDE: &str = "lies outside the bins: wrong units, or a binning of another detector?";

/// The name of an observable in messages about missing values.
pub(super) fn label(observable: &Observable) -> &str {
    &observable.info.label
}
