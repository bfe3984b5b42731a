//! VAE-GAN for images: an encoder, a generator, and a discriminator in the place of a loss of reconstruction.
//!
//! Showers must be summed over layers. The networks follow the LAGAN: their layers are locally connected, because a shower
//! looks different in each place of a calorimeter. The paper gives sizes of layers in a figure alone, so they are ours.
//!
//! # Reference
//! calomplification (arXiv 2202.07352), section 2; de Oliveira et al., arXiv 1701.05927 (LAGAN); Larsen et al., arXiv
//! 1512.09300 (VAE-GAN).

mod config;
mod discriminator;
mod encoder;
mod generator;
mod groups;
mod losses;
mod model;
mod sampler;
mod schedule;
mod standardisation;
mod step;

pub use config::Config;
pub(crate) use config::FAMILY;
pub use discriminator::{Discriminator, DiscriminatorConfig, Seen};
pub use encoder::{Encoder, EncoderConfig};
pub use generator::{Generator, GeneratorConfig};
pub use losses::LossWeights;
pub use model::{ModelConfig, Scaling};
pub use schedule::Schedule;
