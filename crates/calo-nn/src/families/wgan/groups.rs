//! Names of the groups of parameters, each with an optimiser of its own.

pub(super) const GENERATOR: &str = "generator";
pub(super) const CRITIC: &str = "critic";
pub(super) const CONSTRAINER: &str = "constrainer";
