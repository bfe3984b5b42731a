//! Names of the groups of parameters, each with an optimiser of its own.

/// Encoder and generator, which minimise one loss.
pub(super) const AUTOENCODER: &str = "autoencoder";
pub(super) const DISCRIMINATOR: &str = "discriminator";
