//! The one error type of this crate: every message says what is wrong, where, and what was expected.

use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a tensor and a trained network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Candle refused an operation.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// The operands of an operation do not fit each other.
    #[error("{op}: {what} is {found}; expected {expected}")]
    Operand {
        /// Name of the operation.
        op: &'static str,
        /// The operand or setting.
        what: &'static str,
        /// What it is.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// A parameter of a network is not what it should be.
    #[error("parameter `{name}`: {problem}; expected {expected}")]
    Parameter {
        /// Full name, as in the published state dictionaries.
        name: String,
        /// What was found.
        problem: String,
        /// What would have been right.
        expected: String,
    },
    /// A file of weights or of an optimiser's state is not what it should be.
    #[error("{}: {problem}; expected {expected}", path.display())]
    File {
        /// The file concerned.
        path: PathBuf,
        /// What was found.
        problem: String,
        /// What would have been right.
        expected: String,
    },
    /// A file could not be read or written.
    #[error("{}: cannot {operation}: {source}", path.display())]
    Io {
        /// The file concerned.
        path: PathBuf,
        /// What was attempted, as a verb phrase: "open for reading".
        operation: &'static str,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A field of a configuration has an impossible value.
    #[error("field `{field}`: {value}; expected {expected}")]
    Field {
        /// Path of the field, for example `decoder.width`.
        field: String,
        /// The value found.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// An optimiser was given a gradient that holds NaN or infinity.
    #[error(
        "parameter `{name}`: its gradient holds NaN or infinity; expected finite numbers; nothing was changed"
    )]
    Gradient {
        /// Full name of the parameter.
        name: String,
    },
    /// Second-order gradients were asked for, but Candle would cut them.
    #[error(
        "this thread cannot differentiate a gradient; expected the environment variable CANDLE_GRAD_DO_NOT_DETACH=1 \
         before the first backward pass of the process"
    )]
    FirstOrderOnly,
}

impl Error {
    /// An [`Error::Operand`].
    pub fn operand(
        op: &'static str,
        what: &'static str,
        found: impl std::fmt::Debug,
        expected: impl Into<String>,
    ) -> Self {
        Self::Operand { op, what, found: format!("{found:?}"), expected: expected.into() }
    }

    /// An [`Error::Parameter`] for the parameter `name`.
    pub fn parameter(name: &str, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Parameter { name: name.to_owned(), problem: problem.into(), expected: expected.into() }
    }

    /// An [`Error::File`] for `path`.
    pub fn file(path: &Path, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), problem: problem.into(), expected: expected.into() }
    }

    /// An [`Error::Field`] for the field of a configuration.
    pub fn field(field: &str, value: impl std::fmt::Display, expected: impl Into<String>) -> Self {
        Self::Field { field: field.to_owned(), value: value.to_string(), expected: expected.into() }
    }

    /// An [`Error::Io`] for `path`.
    pub(crate) fn io(path: &Path, operation: &'static str, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), operation, source }
    }
}

/// Inside Candle's operations its own error travels.
impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(error) => error,
            other => Self::wrap(other),
        }
    }
}
