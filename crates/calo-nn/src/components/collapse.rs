//! Runs that cannot recover: behind a ReLU that no cell passes, all gradients vanish.

use candle_core::Tensor;

use crate::Result;
use crate::engine::{Losses, Step};

/// Mean of the generated cells, in the unit that the networks work in.
const GENERATED_MEAN: &str = "generated_mean";

/// Logs what [`every_shower_is_empty`] looks at.
///
/// # Errors
/// Candle's.
pub(crate) fn log_mean(cx: &mut Step<'_>, generated: &Tensor) -> Result<()> {
    cx.log(GENERATED_MEAN, &generated.detach().mean_all()?);
    Ok(())
}

/// The reason not to go on, if no generated cell of a step has any energy.
pub(crate) fn every_shower_is_empty(losses: &Losses) -> Option<String> {
    let mean = losses.iter().find(|(name, _)| *name == GENERATED_MEAN).map(|(_, mean)| *mean);
    (mean == Some(0.0)).then(|| "every generated shower is empty".to_owned())
}
