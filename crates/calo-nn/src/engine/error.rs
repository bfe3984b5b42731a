//! Errors of a training run.

use crate::Error;

/// Why a training step, or a run, ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// A run produced NaN or infinity, or showers that stay empty.
    #[error(
        "training diverged at step {step}: {problem}; expected finite losses and gradients, and showers that are not empty (lower \
         learning rates, or a longer warm-up of the critics or of the learning rate, may help)"
    )]
    Diverged {
        /// Training steps before this one.
        step: u64,
        /// What was found.
        problem: String,
    },
    /// A step or the set-up of the run failed.
    #[error(transparent)]
    Step(#[from] Error),
}
