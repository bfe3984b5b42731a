//! Names of the groups of parameters, each with an optimiser of its own.

pub(super) const GENERATOR: &str = "generator";
pub(super) const DISCRIMINATOR: &str = "discriminator";
