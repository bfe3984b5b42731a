//! The finished blocks' showers as raw hits.

use calo_core::{Error, Result};
use calo_data::{CellHits, HitBatch, HitSource};

use super::asked::Asked;
use super::blocks::decode;
use super::finished::FinishedBlocks;

/// Raw hits of all finished showers, one block in memory at a time.
#[derive(Debug)]
pub(super) struct StoredShowers<'a> {
    finished: &'a FinishedBlocks,
    cells: CellHits,
    pdg: i32,
    first: u64,
    n_showers: u64,
    /// Blocks read so far; the last of them is at hand.
    n_blocks: u64,
    block: Vec<u8>,
    /// How much of the block at hand is decoded.
    at: usize,
    next: u64,
}

impl<'a> StoredShowers<'a> {
    /// The showers of `asked`, all blocks of which are finished.
    pub(super) fn new(finished: &'a FinishedBlocks, cells: CellHits, asked: &Asked) -> Self {
        Self {
            finished,
            cells,
            pdg: asked.particle.pdg(),
            first: asked.first,
            n_showers: asked.n_showers,
            n_blocks: 0,
            block: Vec::new(),
            at: 0,
            next: 0,
        }
    }

    fn damaged(&self) -> Error {
        let problem = format!("shower {} is missing or damaged", self.next);
        let expected = "every shower of the request; begin again with --restart";
        Error::file(self.finished.folder(), problem, expected)
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
                self.finished.read(self.n_blocks, &mut self.block)?;
                self.n_blocks += 1;
            }
            let rest = decode(&self.block[self.at..], &self.cells, batch).map(<[u8]>::len);
            self.at = self.block.len() - rest.ok_or_else(|| self.damaged())?;
            batch.pdg.push(self.pdg);
            batch.n_mc_particles.push(1);
            self.next += 1;
        }
        Ok(!batch.is_empty())
    }

    fn rewind(&mut self) -> Result<()> {
        self.block.clear();
        (self.n_blocks, self.at, self.next) = (0, 0, 0);
        Ok(())
    }
}
