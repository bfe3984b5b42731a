//! Weights of the losses.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::field::{Allowed, check, error};

/// Weights of the losses. The default is equation 2.1 of calomplification, with the label smoothing of Salimans et al.
/// (arXiv 1606.03498): the paper says that there is one, not how strong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LossWeights {
    /// Of the Kullback-Leibler divergence of the encoder's distributions from N(0, 1), in nats, summed over variables.
    pub kld: f64,
    /// Of the adversarial loss of showers whose latent variables are drawn from N(0, 1), where that of reconstructions has
    /// the weight 1 and both together are divided by their sum; 0 for none. The discriminator gets no difference for them, as for showers of the training set.
    pub prior: f64,
    /// Label of showers of the training set in the discriminator's loss.
    pub real_label: f64,
    /// Half of this times the mean square of the slope of the discriminator's logits at showers of the training set, in the
    /// unit of the scaling, is added to its loss (R1, Mescheder et al., arXiv 1801.04406); 0, as published, for none. The
    /// slope is a quotient of differences along a random direction, so that its mean square estimates the squared gradient;
    /// empty cells move upwards alone, and so count half.
    pub r1: f64,
}

impl Default for LossWeights {
    fn default() -> Self {
        Self { kld: 1.0, prior: 0.0, real_label: 0.9, r1: 0.0 }
    }
}

impl LossWeights {
    pub(super) fn validate(&self) -> Result<()> {
        check("kld", self.kld, Allowed::FromZero)?;
        check("prior", self.prior, Allowed::FromZero)?;
        check("r1", self.r1, Allowed::FromZero)?;
        if self.real_label > 0.5 && self.real_label <= 1.0 {
            return Ok(());
        }
        Err(error("real_label", self.real_label, "more than 0.5 and at most 1"))
    }
}
