//! Sizes of encoder and decoder.

use serde::{Deserialize, Serialize};

use crate::components::positive;
use crate::engine::Grid;
use crate::{Error, Result};

/// Slope of the activations of encoder and decoder below zero.
pub(super) const SLOPE: f64 = 0.2;

/// Sizes of encoder and decoder. The default is the published network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AutoencoderConfig {
    /// Cells along layer, x, y.
    #[serde(skip)]
    pub grid: Grid,
    /// Channels of the first convolution, f; others are multiples.
    pub width: usize,
    /// Units of the wide fully connected layer, 500 f.
    pub hidden: usize,
    /// Units of the layer next to the latent variables.
    pub bottleneck: usize,
    /// Latent variables that are encoded.
    pub n_encoded: usize,
    /// Latent variables in all; the others are noise.
    pub latent_dim: usize,
    /// Whether the decoder's convolutions are normalised over the cells, as published. If not, every channel is shifted
    /// linearly with the incident energy: normalisation removes the size of a shower, which its hits depend on.
    pub decoder_layer_norm: bool,
}

impl Default for AutoencoderConfig {
    fn default() -> Self {
        Self {
            grid: [30; 3],
            width: 8,
            hidden: 4000,
            bottleneck: 768,
            n_encoded: 24,
            latent_dim: 512,
            decoder_layer_norm: true,
        }
    }
}

impl AutoencoderConfig {
    /// Checks that a network can be built.
    ///
    /// # Errors
    /// [`Error::Field`] naming the field, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        let Self { grid, width, hidden, bottleneck, n_encoded, latent_dim, .. } = *self;
        positive(&[
            ("grid", grid.into_iter().min().unwrap_or(0)),
            ("width", width),
            ("hidden", hidden),
            ("bottleneck", bottleneck),
            ("n_encoded", n_encoded),
        ])?;
        if latent_dim < n_encoded {
            return Err(Error::Field {
                field: "latent_dim".to_owned(),
                value: latent_dim.to_string(),
                expected: format!("at least the {n_encoded} variables that are encoded"),
            });
        }
        Ok(())
    }
}
