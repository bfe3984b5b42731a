//! Names of the groups of parameters, each with an optimiser of its own.

pub(super) const AUTOENCODER: &str = "autoencoder";
pub(super) const CRITIC: &str = "critic";
pub(super) const LATENT_CRITIC: &str = "latent_critic";
pub(super) const PROFILE_CRITIC: &str = "profile_critic";
pub(super) const POST_PROCESSOR: &str = "post_processor";
