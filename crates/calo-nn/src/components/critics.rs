//! The loss of a Wasserstein critic that judges pairs.
//!
//! # Reference
//! Gulrajani et al., arXiv 1704.00028.

use candle_core::Tensor;

use crate::Result;
use crate::losses::gradient_penalty_of_all;

/// A critic's task: to tell a pair of a shower and itself from a pair of the shower and its reconstruction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PairCritic<'a> {
    /// The shower and its reconstruction, as the critic sees them.
    pub(crate) seen: &'a [Tensor; 2],
    /// Position between the two at which the gradient is penalised, `[n, 1]`, from 0 to 1.
    pub(crate) alpha: &'a Tensor,
    /// Weight of the gradient penalty.
    pub(crate) gradient_penalty: f64,
}

/// A critic's result for its pairs; it is trained to minimise `penalty - distance`.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    /// Mean score of real pairs less that of the others, a scalar.
    pub(crate) distance: Tensor,
    /// The gradient penalty, a scalar.
    pub(crate) penalty: Tensor,
}

impl PairCritic<'_> {
    /// The distance and gradient penalty of the critic `score`.
    ///
    /// # Errors
    /// Those of `score`.
    pub(crate) fn distance_and_penalty(
        &self,
        score: impl Fn(&[Tensor]) -> Result<Tensor>,
    ) -> Result<Judgement> {
        let [x, image] = self.seen;
        let real = score(&[x.clone(), x.clone()])?.mean_all()?;
        let fake = score(&[x.clone(), image.clone()])?.mean_all()?;
        let penalty =
            gradient_penalty_of_all(score, &[x, x], &[x, image], self.alpha, self.gradient_penalty)?;
        Ok(Judgement { distance: (real - fake)?, penalty })
    }
}
