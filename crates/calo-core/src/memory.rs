//! A source of showers that are in memory already.

use crate::error::Result;
use crate::grid::Grid;
use crate::real::Real;
use crate::shower::ShowerBatch;
use crate::source::ShowerSource;

/// Hands the showers of one batch on in smaller ones.
#[derive(Debug, Clone)]
pub struct MemorySource<T = f32> {
    showers: ShowerBatch<T>,
    next: usize,
}

impl<T: Real> MemorySource<T> {
    /// A source of `showers`, whose parts must have as many entries as there are showers.
    pub fn new(showers: ShowerBatch<T>) -> Self {
        Self { showers, next: 0 }
    }
}

impl<T: Real> ShowerSource<T> for MemorySource<T> {
    fn grid(&self) -> Grid {
        self.showers.grid()
    }

    fn n_showers(&self) -> Option<u64> {
        Some(self.showers.len() as u64)
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        batch.restart(self.next as u64, &self.showers);
        let stop = self.next.saturating_add(max_showers).min(self.showers.len());
        for i in self.next..stop {
            batch.push_from(&self.showers, i);
        }
        self.next = stop;
        Ok(!batch.is_empty())
    }

    fn rewind(&mut self) -> Result<()> {
        self.next = 0;
        Ok(())
    }
}
