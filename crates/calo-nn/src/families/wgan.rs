//! Wasserstein GANs for photons and pions: generator, critic, and the constrainer of the energy.
//!
//! # Reference
//! fast-and-accurate-showers, section 3.2; sizes from the published models.

mod constrainer;
mod critic;
mod generator;

pub use constrainer::{Constrainer, ConstrainerConfig};
pub use critic::{Critic, CriticConfig};
pub use generator::Generator;
