//! The one error type of this crate: every message says what is wrong, where, and what was expected.

use std::fmt::Display;

use calo_nn::engine::TrainingError;

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in an experiment.
///
/// One line for people is the message and those of its sources, joined by colons.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked to stop (see [`crate::monitor::Monitor::check`]); no output was left under its final name.
    #[error("interrupted")]
    Interrupted,
    /// The request contradicts itself or lacks something: no file is to blame.
    #[error("{0}")]
    Usage(String),
    /// A file, a folder or a model is not what the request needs.
    #[error("{0}")]
    Invalid(String),
    /// Where, or on the way to what, another error occurred.
    #[error("{context}")]
    Context {
        /// The place or the attempt.
        context: String,
        /// What went wrong there.
        source: Box<Error>,
    },
    /// Showers could not be read, prepared or written.
    #[error(transparent)]
    Data(calo_core::Error),
    /// Networks could not be trained or applied.
    #[error(transparent)]
    Networks(#[from] calo_nn::Error),
    /// A training step could not be made, or made what no run recovers from.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// A density or another statistic of latent variables could not be computed.
    #[error(transparent)]
    Latent(#[from] calo_latent::Error),
    /// An observable or a score could not be computed.
    #[error(transparent)]
    Metrics(#[from] calo_metrics::Error),
    /// A figure or a page could not be drawn.
    #[error(transparent)]
    Report(#[from] calo_report::Error),
    /// An operation on tensors was refused.
    #[error(transparent)]
    Tensor(Box<calo_nn::candle::Error>),
    /// Arrays that should fit each other do not.
    #[error(transparent)]
    Shape(#[from] ndarray::ShapeError),
    /// The operating system refused an operation.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A text is no JSON, or not the expected one.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// A text is no TOML, or not the expected one.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// A value cannot be written as TOML.
    #[error(transparent)]
    ToToml(#[from] toml::ser::Error),
    /// A number is too large for this machine.
    #[error(transparent)]
    TooLarge(#[from] std::num::TryFromIntError),
}

impl Error {
    /// Whether this is an interruption, wherever it occurred.
    pub fn is_interruption(&self) -> bool {
        matches!(self.innermost(), Self::Interrupted)
    }

    /// Whether the request is to blame, not a file.
    pub fn is_usage(&self) -> bool {
        matches!(self.innermost(), Self::Usage(_))
    }

    /// What a training run did not recover from, where that is the error.
    pub fn divergence(&self) -> Option<String> {
        match self.innermost() {
            Self::Training(error @ TrainingError::Diverged { .. }) => Some(error.to_string()),
            _ => None,
        }
    }

    /// The same, with the place or the attempt in front.
    #[must_use]
    pub fn context(self, context: impl Display) -> Self {
        Self::Context { context: context.to_string(), source: Box::new(self) }
    }

    /// The error without what was said of its place.
    fn innermost(&self) -> &Self {
        match self {
            Self::Context { source, .. } => source.innermost(),
            error => error,
        }
    }
}

impl From<calo_core::Error> for Error {
    fn from(error: calo_core::Error) -> Self {
        match error {
            calo_core::Error::Interrupted => Self::Interrupted,
            error => Self::Data(error),
        }
    }
}

impl From<calo_nn::candle::Error> for Error {
    fn from(error: calo_nn::candle::Error) -> Self {
        Self::Tensor(Box::new(error))
    }
}

/// Says where, or on the way to what, an error occurred.
pub(crate) trait Context<T> {
    /// With `context` in front of the error's message.
    fn context(self, context: impl Display) -> Result<T>;

    /// The same, where the text is costly.
    fn with_context<C: Display>(self, context: impl FnOnce() -> C) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context(self, context: impl Display) -> Result<T> {
        self.map_err(|error| error.into().context(context))
    }

    fn with_context<C: Display>(self, context: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|error| error.into().context(context()))
    }
}

/// What is missing is an error of its own.
impl<T> Context<T> for Option<T> {
    fn context(self, context: impl Display) -> Result<T> {
        self.ok_or_else(|| Error::Invalid(context.to_string()))
    }

    fn with_context<C: Display>(self, context: impl FnOnce() -> C) -> Result<T> {
        self.ok_or_else(|| Error::Invalid(context().to_string()))
    }
}

/// Returns an [`Error::Invalid`] with this message.
macro_rules! bail {
    ($($message:tt)+) => {
        return Err($crate::Error::Invalid(format!($($message)+)))
    };
}

/// Returns an [`Error::Invalid`] with this message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        let holds: bool = $condition;
        if !holds {
            $crate::error::bail!($($message)+);
        }
    };
}

pub(crate) use {bail, ensure};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_is_known_wherever_it_occurred() {
        let error = Error::from(calo_core::Error::Interrupted).context("run").context("seed 1");
        assert!(error.is_interruption() && !error.is_usage());
        assert!(Error::Usage("no detector".to_owned()).context("evaluate").is_usage());
        let invalid = Error::Invalid("a.hdf5: empty".to_owned());
        assert!(!invalid.is_interruption() && invalid.divergence().is_none());
        let diverged = TrainingError::Diverged { step: 7, problem: "kld is NaN".to_owned() };
        let divergence = Error::from(diverged).context("run").divergence().unwrap_or_default();
        assert!(divergence.contains("step 7") && divergence.contains("kld is NaN"), "{divergence}");
    }
}
