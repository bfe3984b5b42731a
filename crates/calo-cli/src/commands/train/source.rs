//! Training batches, read ahead on another thread.

use std::path::Path;

use calo_core::{Result, ShowerBatch};
use calo_data::{BatchPlace, Part, Prefetch, ReadOptions, ShuffleSettings, ShuffledShowers, Split};
use calo_nn::training::{BatchSource, Position};

use crate::files;

/// Batches on their way while the network works on another.
const AHEAD: usize = 3;

/// The training part of a file in random order.
pub(super) struct PrefetchedShowers {
    batches: Prefetch,
    batches_per_epoch: u64,
}

impl PrefetchedShowers {
    /// Reads `path` from `position` on.
    ///
    /// # Errors
    /// What reading meets; a training part of less than a batch.
    pub(super) fn open(
        path: &Path,
        options: &ReadOptions,
        split: &Split,
        settings: ShuffleSettings,
        position: Position,
    ) -> Result<Self> {
        let showers = ShuffledShowers::new(files::open(path, options)?, split, Part::Train, settings)?;
        let batches_per_epoch = showers.batches_per_epoch();
        let mut next = BatchPlace { epoch: u64::from(position.epoch), batch_idx: position.batch };
        if next.batch_idx >= batches_per_epoch {
            next = BatchPlace { epoch: next.epoch + 1, batch_idx: 0 };
        }
        Ok(Self { batches: Prefetch::start(showers, next, AHEAD)?, batches_per_epoch })
    }
}

impl BatchSource for PrefetchedShowers {
    fn batches_per_epoch(&self) -> u64 {
        self.batches_per_epoch
    }

    fn read(&mut self, epoch: u32, index: u64, batch: &mut ShowerBatch<f32>) -> Result<()> {
        // What an epoch leaves out behind its last whole training step is passed over.
        self.batches.read(BatchPlace { epoch: u64::from(epoch), batch_idx: index }, batch)
    }
}
