//! How often which network is trained.

use serde::{Deserialize, Serialize};

/// How often which network is trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Schedule {
    /// Steps of the discriminator, each on a batch of its own, for one of encoder and generator.
    pub n_discriminator: u64,
}

impl Default for Schedule {
    /// calomplification, section 2.
    fn default() -> Self {
        Self { n_discriminator: 2 }
    }
}
