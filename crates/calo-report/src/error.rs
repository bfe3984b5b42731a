//! The one error type of this crate: every message is one line that says what is wrong, where, and what was expected.

use std::path::PathBuf;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between `results.json` and a figure on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written, or is as a whole not what it should be.
    #[error(transparent)]
    File(#[from] calo_core::Error),
    /// One field of the file contradicts the rest of it.
    #[error("{}, `{field}`: {problem}; expected {expected}", path.display())]
    Field {
        /// The file concerned.
        path: PathBuf,
        /// Path of the field, for example `distributions[3].edges`.
        field: String,
        /// What was found.
        problem: String,
        /// What would have been right.
        expected: String,
    },
    /// The data handed to a figure do not fit together.
    #[error("figure `{figure}`: {problem}; expected {expected}")]
    Figure {
        /// Id of the figure.
        figure: String,
        /// What was found.
        problem: String,
        /// What would have been right.
        expected: String,
    },
    /// A figure could not be turned into pixels.
    #[error("figure `{figure}`: cannot rasterise: {problem}")]
    Raster {
        /// Name of the figure.
        figure: String,
        /// What the rasteriser said.
        problem: String,
    },
}

impl Error {
    pub(crate) fn figure(figure: &str, problem: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Figure { figure: figure.to_owned(), problem: problem.into(), expected: expected.into() }
    }
}
