//! The crate's one error: what was given, where, and what was expected, on one line.

use std::fmt;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a statistic could not be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to compute from.
    #[error("{what}: empty; expected {expected}")]
    Empty {
        /// The sample, histogram or batch.
        what: String,
        /// What should have been there.
        expected: String,
    },
    /// Lengths, shapes or binnings that should agree do not.
    #[error("{what}: found {found}; expected {expected}")]
    Mismatch {
        /// What was compared.
        what: String,
        /// Length, shape or binning given.
        found: String,
        /// The one it should have.
        expected: String,
    },
    /// NaN or infinity in the input.
    #[error("{what}: {value} at index {index}; expected finite numbers")]
    NonFinite {
        /// The array.
        what: String,
        /// The first offending value.
        value: f64,
        /// Its index.
        index: Index,
    },
    /// A sample too small for the statistic.
    #[error("{what}: {found} showers; expected at least {expected}")]
    TooFew {
        /// The sample or statistic.
        what: String,
        /// Entries given.
        found: usize,
        /// Entries needed.
        expected: usize,
    },
    /// Values that do not vary, so that nothing can be divided by their spread.
    #[error("{what}: all values equal {value}; expected values that vary")]
    Constant {
        /// The observable.
        what: String,
        /// The one value.
        value: f64,
    },
    /// A setting outside its range.
    #[error("parameter `{name}`: {value}; expected {expected}")]
    Parameter {
        /// The setting.
        name: String,
        /// Its value.
        value: String,
        /// What is allowed.
        expected: String,
    },
}

/// Index of an entry of an array, one number for each axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index(pub Vec<u64>);

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, i) in self.0.iter().enumerate() {
            let separator = if axis == 0 { "" } else { ", " };
            write!(f, "{separator}{i}")?;
        }
        f.write_str("]")
    }
}

impl Error {
    /// Nothing where something was `expected`.
    pub(crate) fn empty(what: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Empty { what: what.into(), expected: expected.into() }
    }

    /// `found` where `expected` should be.
    pub(crate) fn mismatch(
        what: impl Into<String>,
        found: impl fmt::Debug,
        expected: impl fmt::Debug,
    ) -> Self {
        Self::Mismatch { what: what.into(), found: format!("{found:?}"), expected: format!("{expected:?}") }
    }

    /// A NaN or infinite `value` at `index`.
    pub(crate) fn non_finite(what: impl Into<String>, value: f64, index: &[u64]) -> Self {
        Self::NonFinite { what: what.into(), value, index: Index(index.to_vec()) }
    }

    /// A setting outside its range.
    pub(crate) fn parameter(
        name: impl Into<String>,
        value: impl fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Parameter { name: name.into(), value: value.to_string(), expected: expected.into() }
    }
}

/// The first NaN or infinite entry of `values` is an error naming it.
pub(crate) fn check_finite<'a>(what: &str, values: impl IntoIterator<Item = &'a f64>) -> Result<()> {
    match values.into_iter().enumerate().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((i, &value)) => Err(Error::non_finite(what, value, &[i as u64])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_where_and_what_was_expected_on_one_line() {
        let error = Error::non_finite("cells", f64::INFINITY, &[3, 0, 1, 2]);
        assert_eq!(error.to_string(), "cells: inf at index [3, 0, 1, 2]; expected finite numbers");
        let error = Error::mismatch("energies", 3, 4);
        assert_eq!(error.to_string(), "energies: found 3; expected 4");
    }

    #[test]
    fn the_first_non_finite_value_is_named() {
        assert_eq!(check_finite("x", &[0.0, 1.0]), Ok(()));
        let error = check_finite("x", &[0.0, f64::INFINITY, f64::NEG_INFINITY]).unwrap_err();
        assert_eq!(error, Error::non_finite("x", f64::INFINITY, &[1]));
    }
}
