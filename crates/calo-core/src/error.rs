//! The one error type of this crate: every message says what is wrong, where, and what was expected.

use std::io;
use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a file and a shower in memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation on a file.
    #[error("{}: cannot {operation}: {source}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What was attempted, as a verb phrase: "open for reading".
        operation: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file as a whole is not what it should be.
    #[error("{}: {problem}; expected {expected}", path.display())]
    File {
        /// The file concerned.
        path: PathBuf,
        /// What was found.
        problem: String,
        /// What would have been right.
        expected: String,
    },
    /// One data set (HDF5) or branch (ROOT) is not what it should be.
    #[error("{}, data set `{dataset}`: {problem}; expected {expected}", path.display())]
    Dataset {
        /// The file concerned.
        path: PathBuf,
        /// Name of the data set or branch inside the file.
        dataset: String,
        /// What was found.
        problem: String,
        /// What would have been right.
        expected: String,
    },
    /// One shower of a data set holds impossible values.
    #[error("{}, data set `{dataset}`, shower {shower}: {problem}; expected {expected}", path.display())]
    Shower {
        /// The file concerned.
        path: PathBuf,
        /// Name of the data set or branch inside the file.
        dataset: String,
        /// Index of the first offending shower in the file.
        shower: u64,
        /// What was found, with the number of offenders in the file.
        problem: String,
        /// What would have been right.
        expected: String,
    },
    /// A field of a detector description or an option has an impossible value.
    #[error("{place}, field `{field}`: {value}; expected {expected}")]
    Field {
        /// The file, or "options" when the value came from the caller.
        place: String,
        /// Path of the field, for example `grid.layers`.
        field: String,
        /// The value found.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// The caller asked to stop (an interrupt); nothing was left under the final name.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// An [`Error::Io`] for `path`.
    pub fn io(path: &Path, operation: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), operation, source }
    }

    /// An [`Error::File`] for `path`.
    pub fn file(path: &Path, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into(), expected: expected.into() }
    }

    /// An [`Error::Dataset`] for `dataset` in `path`.
    pub fn dataset(
        path: &Path,
        dataset: &str,
        problem: impl Into<String>,
        expected: impl Into<String>,
    ) -> Self {
        Self::Dataset {
            path: path.to_owned(),
            dataset: dataset.to_owned(),
            problem: problem.into(),
            expected: expected.into(),
        }
    }

    /// An [`Error::Field`] for a value that the caller, not a file, supplied.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over numbers and fresh strings")]
    pub fn option(field: &str, value: impl ToString, expected: impl Into<String>) -> Self {
        Self::Field {
            place: "options".to_owned(),
            field: field.to_owned(),
            value: value.to_string(),
            expected: expected.into(),
        }
    }
}
