//! How the post-processor is trained.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::engine::Step;
use crate::field::{Allowed, check, error};
use crate::losses::{SortedMmd, sorted_difference, sorted_mmd};
use crate::ops::sort_descending;

/// When the post-processor is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostProcessorStage {
    /// In every step, on the reconstructions of that step (decoding-photons).
    Joint,
    /// After all other networks, which then stay fixed (fast-and-accurate-showers).
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
    /// Number of first epochs in which it learns the identity: the squared change is the only loss.
    pub identity_epochs: u32,
    /// Weights of the losses.
    pub losses: PostProcessorLosses,
    /// Windows and kernel of the sorted-kernel MMD.
    pub sorted_mmd: SortedMmd,
}

impl Default for PostProcessorTraining {
    fn default() -> Self {
        Self {
            stage: PostProcessorStage::Joint,
            identity_epochs: 100,
            losses: PostProcessorLosses::default(),
            sorted_mmd: SortedMmd::default(),
        }
    }
}

impl PostProcessorTraining {
    pub(crate) fn validate(&self) -> Result<()> {
        if self.stage == (PostProcessorStage::After { epochs: 0 }) {
            return Err(error("stage.after.epochs", 0, "at least 1"));
        }
        let PostProcessorLosses { sorted_mmd, change, sorted_absolute, sorted_squared, profile_moments } =
            self.losses;
        check("losses.sorted_mmd", sorted_mmd, Allowed::FromZero)?;
        check("losses.change", change, Allowed::FromZero)?;
        check("losses.sorted_absolute", sorted_absolute, Allowed::FromZero)?;
        check("losses.sorted_squared", sorted_squared, Allowed::FromZero)?;
        check("losses.profile_moments", profile_moments, Allowed::FromZero)?;
        self.sorted_mmd.validate()
    }
}

/// Weights of the post-processor's losses.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostProcessorLosses {
    /// Sorted-kernel MMD of real and processed cell energies; not computed with a weight of 0.
    pub sorted_mmd: f64,
    /// Mean squared change of a cell, all cells as [`Scaling::cells`](crate::components::Scaling::cells) has them.
    pub change: f64,
    /// Mean absolute difference of sorted cell energies.
    pub sorted_absolute: f64,
    /// Mean squared difference of sorted cell energies.
    pub sorted_squared: f64,
    /// Moments of the profiles of processed showers, where the family has some.
    pub profile_moments: f64,
}

impl Default for PostProcessorLosses {
    fn default() -> Self {
        Self { sorted_mmd: 5.0, change: 1.0, sorted_absolute: 0.0, sorted_squared: 0.0, profile_moments: 0.0 }
    }
}

impl PostProcessorTraining {
    /// A training step of `group` on scaled cells: `processed` is the network's output for the reconstructions `images`;
    /// `real` returns showers to compare with, and `moments` is how far the moments of its profiles are off.
    ///
    /// In the first epochs of a phase the squared change is the only loss.
    ///
    /// # Shapes
    /// all `[n, 1, layer, x, y]`
    ///
    /// # Errors
    /// Those of [`Step::minimise`].
    pub(crate) fn step(
        &self,
        cx: &mut Step<'_>,
        group: &str,
        images: &Tensor,
        processed: &Tensor,
        real: impl FnOnce() -> Result<Tensor>,
        moments: Option<Tensor>,
    ) -> Result<()> {
        let losses = &self.losses;
        let change = (processed - images)?.sqr()?.mean_all()?;
        cx.log("post_processor_change", &change);
        let mut loss = (change * losses.change)?;
        if cx.epoch() >= self.identity_epochs {
            let cells: usize = processed.dims()[1..].iter().product();
            let sorts_all = losses.sorted_absolute > 0.0 || losses.sorted_squared > 0.0;
            let n_sorted = if sorts_all { cells } else { self.sorted_mmd.cells().min(cells) };
            let sorted = |x: &Tensor| sort_descending(&x.flatten_from(1)?, n_sorted);
            let (real, processed) = (sorted(&real()?)?, sorted(processed)?);
            if losses.sorted_mmd > 0.0 {
                let mmd = sorted_mmd(&real, &processed, &self.sorted_mmd)?;
                cx.log("post_processor_mmd", &mmd);
                loss = (loss + (mmd * losses.sorted_mmd)?)?;
            }
            if sorts_all {
                let difference = sorted_difference(&real, &processed)?;
                cx.log("post_processor_absolute", &difference.absolute);
                cx.log("post_processor_squared", &difference.squared);
                loss = (loss + (difference.absolute * losses.sorted_absolute)?)?;
                loss = (loss + (difference.squared * losses.sorted_squared)?)?;
            }
            if let Some(moments) = moments {
                loss = (loss + (moments * losses.profile_moments)?)?;
            }
        }
        cx.minimise(group, &loss)
    }
}
