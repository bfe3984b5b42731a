//! The program that makes files: a stage of another one may have made others.

use std::env;

use crate::Result;
use crate::error::Context as _;
use crate::provenance::{REVISION, hash_file};

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binary {
    /// Hash of its bytes.
    pub(super) blake3: String,
    /// Revision of its sources.
    pub(super) revision: String,
}

impl Binary {
    /// The one that runs.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub(super) fn running() -> Result<Self> {
        let path = env::current_exe().context("the running program: its file cannot be found")?;
        Ok(Self { blake3: hash_file(&path)?, revision: REVISION.to_owned() })
    }
}
