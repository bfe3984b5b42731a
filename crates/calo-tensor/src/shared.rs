//! Imports from the workspace's base crate, collected here: keyed random streams, and files that appear complete or not
//! at all.

pub(crate) use calo_core::random::{Purpose, stream};
pub(crate) use calo_core::{AtomicFile, Error};
