//! Training batches, read ahead on another thread.

use std::path::Path;

use calo_core::ShowerBatch;
use calo_data::{BatchPlace, Part, Prefetch, ReadOptions, ShuffleSettings, ShuffledShowers, Split};
use calo_nn::engine::{BatchSource, Position};

use crate::monitor::Caller;
use crate::{Result, files};

/// Batches on their way while the network works on another.
const AHEAD: usize = 3;

/// A file that is trained on.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrainingShowers<'a> {
    pub(super) path: &'a Path,
    pub(super) options: &'a ReadOptions,
    /// Which of its showers are trained on, and which validate.
    pub(super) split: &'a Split,
}

/// The training part of a file in random order.
pub(super) struct PrefetchedShowers {
    batches: Prefetch,
    batches_per_epoch: u64,
}

impl PrefetchedShowers {
    /// Reads the training part from `position` on.
    ///
    /// # Errors
    /// What reading meets; a training part of less than a batch.
    pub(super) fn open(
        showers: TrainingShowers<'_>,
        settings: ShuffleSettings,
        position: Position,
        caller: Caller<'_>,
    ) -> Result<Self> {
        let TrainingShowers { path, options, split } = showers;
        let reader = files::open(path, options, caller)?;
        let showers = ShuffledShowers::new(reader, split, Part::Train, settings)?;
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

    fn read(&mut self, epoch: u32, index: u64, batch: &mut ShowerBatch<f32>) -> calo_core::Result<()> {
        // What an epoch leaves out behind its last whole training step is passed over.
        self.batches.read(BatchPlace { epoch: u64::from(epoch), batch_idx: index }, batch)
    }
}
