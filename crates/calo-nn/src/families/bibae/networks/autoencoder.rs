//! Encoder and decoder together.

use super::autoencoder_config::AutoencoderConfig;
use super::decoder::Decoder;
use super::encoder::Encoder;
use crate::Result;
use crate::parameters::Path;

/// Encoder and decoder, in one state dictionary as published.
#[derive(Debug, Clone)]
pub struct Autoencoder {
    /// Showers to latent variables.
    pub encoder: Encoder,
    /// Latent variables to showers.
    pub decoder: Decoder,
}

impl Autoencoder {
    /// Both networks under one path.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &AutoencoderConfig) -> Result<Self> {
        Ok(Self { encoder: Encoder::new(path, config)?, decoder: Decoder::new(path, config)? })
    }
}
