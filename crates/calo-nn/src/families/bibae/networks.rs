//! Encoder, decoder and the critics that train them.
//!
//! # Reference
//! decoding-photons, section 1.2; fast-and-accurate-showers, section 3.3.

mod autoencoder;
mod autoencoder_config;
mod batch_embedding;
mod critic;
mod decoder;
mod encoder;
mod latent_critic;
mod profile_critic;

pub use autoencoder::Autoencoder;
pub use autoencoder_config::AutoencoderConfig;
pub use batch_embedding::BatchEmbeddingConfig;
pub use critic::{Critic, CriticConfig};
pub use decoder::Decoder;
pub use encoder::Encoder;
pub use latent_critic::{LatentCritic, LatentCriticConfig};
pub use profile_critic::{ProfileCritic, ProfileCriticConfig};
