//! How the post-processor is trained.

use serde::{Deserialize, Serialize};

use super::field::{Allowed, check, error};
use crate::Result;
use crate::losses::SortedMmd;

/// When the post-processor is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostProcessorStage {
    /// In every step, on the images of that step (decoding-photons).
    Joint,
    /// For so many epochs behind the others, everything else fixed (fast-and-accurate-showers).
    After {
        /// Epochs of this stage.
        epochs: u32,
    },
}

/// How the post-processor is trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostProcessorTraining {
    /// When.
    pub stage: PostProcessorStage,
    /// First epochs, in which it learns to change nothing: the squared change is the only loss.
    pub epochs_of_identity: u32,
    /// Weights of the losses.
    pub losses: PostProcessorLosses,
    /// Windows and kernel of the sorted-kernel MMD.
    pub sorted_mmd: SortedMmd,
}

impl Default for PostProcessorTraining {
    fn default() -> Self {
        Self {
            stage: PostProcessorStage::Joint,
            epochs_of_identity: 100,
            losses: PostProcessorLosses::default(),
            sorted_mmd: SortedMmd::default(),
        }
    }
}

impl PostProcessorTraining {
    pub(super) fn validate(&self) -> Result<()> {
        if self.stage == (PostProcessorStage::After { epochs: 0 }) {
            return Err(error("stage.after.epochs", 0, "at least 1"));
        }
        let PostProcessorLosses { sorted_mmd, change, sorted_absolute, sorted_squared } = self.losses;
        check("losses.sorted_mmd", sorted_mmd, Allowed::FromZero)?;
        check("losses.change", change, Allowed::FromZero)?;
        check("losses.sorted_absolute", sorted_absolute, Allowed::FromZero)?;
        check("losses.sorted_squared", sorted_squared, Allowed::FromZero)?;
        self.sorted_mmd.validate()
    }
}

/// Weights of the post-processor's losses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostProcessorLosses {
    /// Sorted-kernel MMD of real and processed cell energies; not computed with a weight of 0.
    pub sorted_mmd: f64,
    /// Mean squared change of a cell, all cells as [`Scaling::cells`](super::Scaling::cells) has them.
    pub change: f64,
    /// Mean absolute difference of sorted cell energies.
    pub sorted_absolute: f64,
    /// Mean squared difference of sorted cell energies.
    pub sorted_squared: f64,
}

impl Default for PostProcessorLosses {
    fn default() -> Self {
        Self { sorted_mmd: 5.0, change: 1.0, sorted_absolute: 0.0, sorted_squared: 0.0 }
    }
}
