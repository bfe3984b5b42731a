//! GAN for photons.
//!
//! # Reference
//! fast-and-accurate-showers, section 3.1.

mod networks;

pub(crate) use networks::check_result;
pub use networks::{Discriminator, DiscriminatorConfig, Generator, GeneratorConfig};
