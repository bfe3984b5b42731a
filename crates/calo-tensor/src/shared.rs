//! What comes from the workspace's base crate, named here alone: keyed random streams, and files that appear whole or
//! not at all.

pub(crate) use calo_core::random::{Purpose, stream};
pub(crate) use calo_core::{AtomicFile, Error};
