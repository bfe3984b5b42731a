//! The program that makes files: a stage of another one may have made others.

use std::env;
use std::path::Path;

use crate::Result;
use crate::error::Context as _;
use crate::provenance::{REVISION, hash_file};

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Hash of its bytes.
    pub(super) blake3: String,
    /// Revision of its sources.
    pub(super) revision: String,
}

impl Program {
    /// The one that runs.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn running() -> Result<Self> {
        let path = env::current_exe().context("the running program: its file cannot be found")?;
        Self::in_file(&path)
    }

    /// The one whose code is in `path`, where it is another file than the process was started from: a module that an
    /// interpreter has loaded.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn in_file(path: &Path) -> Result<Self> {
        Ok(Self { blake3: hash_file(path)?, revision: REVISION.to_owned() })
    }
}
