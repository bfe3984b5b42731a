//! Seeds that are made from those that are asked for.

use super::request::ReproduceRequest;
use crate::{Error, Result};

/// Samples with simulator seeds of their own: training, validation, reference.
pub(super) const N_SAMPLES: u64 = 3;

/// Seeds of repeated runs are this far apart.
pub(super) const NEXT_RUN: u64 = 1_000_000;

/// Configurations are TOML, whose integers have 64 bits with a sign.
const LARGEST: u64 = i64::MAX as u64;

/// # Errors
/// Seeds so large that those made from them, of samples and repeated runs, have no room.
pub(super) fn check(request: &ReproduceRequest) -> Result<()> {
    let ReproduceRequest { data_seed, seed, n_seeds, n_runs, .. } = *request;
    // Each seed has showers of its own, from data seeds that are counted up.
    let largest_data = (LARGEST / N_SAMPLES).saturating_sub(n_seeds);
    if data_seed > largest_data {
        return Err(Error::Usage(format!("--data-seed {data_seed}: expected at most {largest_data}")));
    }
    check_runs(seed, n_seeds, n_runs)
}

/// # Errors
/// Seeds so large that those of runs have no room.
pub(super) fn check_runs(seed: u64, n_seeds: u64, n_runs: u64) -> Result<()> {
    let added = n_runs.checked_mul(NEXT_RUN).and_then(|added| added.checked_add(n_seeds));
    let largest = added.and_then(|added| LARGEST.checked_sub(added));
    if largest.is_none_or(|largest| seed > largest) {
        let problem = format!("--seed {seed} with {n_seeds} seeds of {n_runs} runs: expected a smaller seed");
        return Err(Error::Usage(problem));
    }
    Ok(())
}
