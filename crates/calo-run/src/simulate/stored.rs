//! The journal's showers as raw hits.

use calo_core::{Error, Result};
use calo_data::{CellHits, HitBatch, HitSource};

use super::blocks::decode;
use super::journal::{Blocks, Journal};
use super::request::Request;

/// Raw hits of all showers in a journal, one block in memory at a time.
#[derive(Debug)]
pub(super) struct StoredShowers<'a> {
    journal: &'a Journal,
    cells: CellHits,
    pdg: i32,
    first: u64,
    n_showers: u64,
    blocks: Blocks,
    /// The block at hand and how much of it is decoded.
    block: Vec<u8>,
    at: usize,
    next: u64,
}

impl<'a> StoredShowers<'a> {
    /// The showers of `request` in `journal`.
    pub(super) fn new(journal: &'a Journal, cells: CellHits, request: &Request) -> Result<Self> {
        Ok(Self {
            journal,
            cells,
            pdg: request.particle.pdg(),
            first: request.first,
            n_showers: request.n_showers,
            blocks: journal.blocks()?,
            block: Vec::new(),
            at: 0,
            next: 0,
        })
    }
}

impl HitSource for StoredShowers<'_> {
    fn n_events(&self) -> u64 {
        self.n_showers
    }

    fn next_batch(&mut self, max_events: usize, batch: &mut HitBatch) -> Result<bool> {
        batch.clear(self.first + self.next);
        let stop = self.next.saturating_add(max_events as u64).min(self.n_showers);
        while self.next < stop {
            if self.at == self.block.len() {
                self.at = 0;
                if !self.blocks.next(&mut self.block)? {
                    return Err(damaged(self.journal, self.next));
                }
            }
            let rest = decode(&self.block[self.at..], &self.cells, batch).map(<[u8]>::len);
            self.at = self.block.len() - rest.ok_or_else(|| damaged(self.journal, self.next))?;
            batch.pdg.push(self.pdg);
            batch.n_mc_particles.push(1);
            self.next += 1;
        }
        Ok(!batch.is_empty())
    }

    fn rewind(&mut self) -> Result<()> {
        self.blocks = self.journal.blocks()?;
        self.block.clear();
        (self.at, self.next) = (0, 0);
        Ok(())
    }
}

fn damaged(journal: &Journal, shower: u64) -> Error {
    let problem = format!("shower {shower} is missing or damaged");
    Error::file(journal.path(), problem, "every shower of the request; begin again with --restart")
}
