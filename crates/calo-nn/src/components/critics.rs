//! The loss of a Wasserstein critic of pairs.
//!
//! # Reference
//! Gulrajani et al., arXiv 1704.00028.

use candle_core::Tensor;

use crate::Result;
use crate::losses::gradient_penalty_of_all;

/// What a critic is asked: how far a pair of a shower and itself is from a pair of the shower and its image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairCritic<'a> {
    /// The shower and its image, as the critic sees them.
    pub(crate) seen: &'a [Tensor; 2],
    /// Where between the two the gradient is penalised, `[n, 1]`, 0 to 1.
    pub(crate) alpha: &'a Tensor,
    /// Weight of the gradient penalty.
    pub(crate) gradient_penalty: f64,
}

impl PairCritic<'_> {
    /// The distance that `score` sees, and its gradient penalty: both scalars.
    ///
    /// # Errors
    /// Those of `score`.
    pub(crate) fn distance_and_penalty(
        &self,
        score: impl Fn(&[Tensor]) -> Result<Tensor>,
    ) -> Result<(Tensor, Tensor)> {
        let [x, image] = self.seen;
        let real = score(&[x.clone(), x.clone()])?.mean_all()?;
        let fake = score(&[x.clone(), image.clone()])?.mean_all()?;
        let penalty =
            gradient_penalty_of_all(score, &[x, x], &[x, image], self.alpha, self.gradient_penalty)?;
        Ok(((real - fake)?, penalty))
    }
}
