//! Blocks of showers, made by all threads, and the bytes they are stored in.
//!
//! A shower is its energy (f64, GeV), the number of its cells (u32), and for each of these its index among the
//! detector's cells (u32) and its signal (f32, GeV), all little-endian.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use calo_core::Error;
use calo_data::{CellHits, HitBatch};
use calo_sim::{Shower, Simulator, Worker};
use rayon::prelude::*;

use super::asked::Asked;
use crate::Result;
use crate::monitor::Caller;

/// A worker for every thread.
pub(super) struct Workers<'a>(Vec<Mutex<Worker<'a>>>);

impl<'a> Workers<'a> {
    pub(super) fn new(simulator: &'a Simulator) -> Self {
        Self((0..rayon::current_num_threads()).map(|_| Mutex::new(simulator.worker())).collect())
    }

    /// The bytes of `showers`, one after the other.
    ///
    /// # Errors
    /// An interrupt, which ends the block early.
    pub(super) fn block(
        &mut self,
        showers: Range<u64>,
        asked: &Asked,
        cells: &CellHits,
        caller: Caller<'_>,
    ) -> Result<Vec<u8>> {
        let indices: Vec<u64> = showers.collect();
        let energies_gev = [asked.energies.low_gev, asked.energies.high_gev];
        let one = |index: &u64| {
            caller.check()?;
            // Each thread has a worker of its own: nobody waits here.
            let worker = rayon::current_thread_index().unwrap_or(0) % self.0.len();
            let mut worker = self.0[worker].lock().unwrap_or_else(PoisonError::into_inner);
            encode(&worker.shower(asked.seed, *index, energies_gev), cells)
        };
        // One shower at a time: their costs differ tenfold.
        let parts: Result<Vec<Vec<u8>>> = indices.par_iter().with_max_len(1).map(one).collect();
        Ok(parts?.concat())
    }
}

fn encode(shower: &Shower<'_>, cells: &CellHits) -> Result<Vec<u8>> {
    let n = shower.deposits.len();
    let mut bytes = Vec::with_capacity(8 + 4 + 8 * n);
    bytes.extend_from_slice(&shower.energy_gev.to_le_bytes());
    bytes.extend_from_slice(&(n as u32).to_le_bytes());
    for deposit in shower.deposits {
        let index = cells.index(deposit.layer, deposit.ix, deposit.iy).ok_or_else(|| {
            let cell = format!("cell {} {} of layer {}", deposit.ix, deposit.iy, deposit.layer);
            Error::option("detector", cell, "at most 2^32 cells")
        })?;
        bytes.extend_from_slice(&index.to_le_bytes());
        bytes.extend_from_slice(&((deposit.energy_mev * 1e-3) as f32).to_le_bytes());
    }
    Ok(bytes)
}

/// Appends the shower that `bytes` begin with to `batch`, which needs particle and number of particles yet; the rest
/// of the bytes, or none where they hold no shower.
pub(super) fn decode<'b>(bytes: &'b [u8], cells: &CellHits, batch: &mut HitBatch) -> Option<&'b [u8]> {
    let (energy_gev, bytes) = bytes.split_first_chunk()?;
    let (n, bytes) = bytes.split_first_chunk()?;
    let (stored, rest) = bytes.split_at_checked(u32::from_le_bytes(*n) as usize * 8)?;
    for cell in stored.as_chunks::<8>().0 {
        let [a, b, c, d, e, f, g, h] = *cell;
        let (index, energy_gev) = (u32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h]));
        if !cells.push(index, energy_gev, batch) {
            return None;
        }
    }
    batch.offsets.push(batch.x_mm.len());
    batch.incident_energies_gev.push(f64::from_le_bytes(*energy_gev));
    Some(rest)
}
