//! The crate's one error: what was given, where, and what was expected, on one line.

use std::fmt;
use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a statistic could not be computed, or a density not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to compute from.
    #[error("{what}: empty; expected {expected}")]
    Empty {
        /// The sample.
        what: String,
        /// What should have been there.
        expected: String,
    },
    /// Shapes or names that should agree do not.
    #[error("{what}: found {found}; expected {expected}")]
    Mismatch {
        /// What was compared.
        what: String,
        /// What was given.
        found: String,
        /// What it should be.
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
    #[error("{what}: {found} points; expected at least {expected}")]
    TooFew {
        /// The sample or statistic.
        what: String,
        /// Points given.
        found: usize,
        /// Points needed.
        expected: usize,
    },
    /// Values that do not vary, so that nothing can be divided by their spread.
    #[error("{what}: all values equal {value}; expected values that vary")]
    Constant {
        /// The column.
        what: String,
        /// The one value.
        value: f64,
    },
    /// A column that the others determine, so that the covariance has no inverse.
    #[error(
        "covariance: {column} is a linear combination of the other columns; expected independent columns \
         (standardise axis by axis, or leave the column out)"
    )]
    Singular {
        /// The column at which the factorisation stopped.
        column: String,
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
    /// A condition outside the range of the points.
    #[error(
        "{what} = {value}: beyond the points of the density, which reach from {low} to {high}; \
         expected no more than {reach} outside"
    )]
    OutOfRange {
        /// The column conditioned on.
        what: String,
        /// The value asked for.
        value: f64,
        /// Smallest value of any point.
        low: f64,
        /// Largest value of any point.
        high: f64,
        /// How far outside a value may lie.
        reach: f64,
    },
    /// No bandwidth maximises the cross-validated likelihood.
    #[error("bandwidth search: {problem}; expected {expected}")]
    Search {
        /// Where the search went.
        problem: String,
        /// What a valid sample has.
        expected: String,
    },
    /// The operating system refused.
    #[error("{}: cannot {operation}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] calo_core::Error),
    /// A file that holds no valid density.
    #[error("{}: {problem}; expected {expected}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
        /// What it should be.
        expected: String,
    },
}

/// Index of an entry of an array, one number for each axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index(pub Vec<usize>);

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
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        Self::Mismatch { what: what.into(), found: found.to_string(), expected: expected.to_string() }
    }

    /// A NaN or infinite `value` at `index`.
    pub(crate) fn non_finite(what: impl Into<String>, value: f64, index: &[usize]) -> Self {
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

    /// What the operating system said to `operation`.
    pub(crate) fn io(path: &Path, operation: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), operation, source }
    }

    /// A file that is not what it should be.
    pub(crate) fn file(path: &Path, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into(), expected: expected.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_where_and_what_was_expected_on_one_line() {
        let message = Error::non_finite("points", f64::INFINITY, &[3, 0]).to_string();
        assert_eq!(message, "points: inf at index [3, 0]; expected finite numbers");
        let message = Error::Singular { column: "z 3".to_owned() }.to_string();
        assert!(!message.contains('\n') && !message.contains("  "), "{message}");
    }
}
