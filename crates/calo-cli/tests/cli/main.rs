//! The `calo` command as a user meets it: one test binary, for it links all of calo.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

mod amplification;
mod calomplification;
mod challenge;
mod commands;
mod common;
mod evaluate;
mod export;
#[cfg(target_os = "linux")]
mod full_log;
mod gan;
mod import;
mod latent;
mod pool;
mod public_files;
mod reproduce;
mod select;
mod simulate;
mod train;
mod trained;
mod wgan;
