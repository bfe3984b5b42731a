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
    batches_per_pass: u64,
    /// Passes over the showers that make an epoch.
    passes: u64,
}

impl PrefetchedShowers {
    /// Reads the training part from `position` on; an epoch is so many `passes` over it.
    ///
    /// # Errors
    /// What reading meets; a training part of less than a batch.
    pub(super) fn open(
        showers: TrainingShowers<'_>,
        settings: ShuffleSettings,
        passes: u32,
        position: Position,
        caller: Caller<'_>,
    ) -> Result<Self> {
        let TrainingShowers { path, options, split } = showers;
        let reader = files::open(path, options, caller)?;
        let showers = ShuffledShowers::new(reader, split, Part::Train, settings)?;
        let (batches_per_pass, passes) = (showers.batches_per_epoch(), u64::from(passes));
        let next = place(position.epoch, position.batch, passes, batches_per_pass);
        Ok(Self { batches: Prefetch::start(showers, next, AHEAD)?, batches_per_pass, passes })
    }
}

/// The pass, and the batch in it, of batch `index` of an epoch.
fn place(epoch: u32, index: u64, passes: u64, batches_per_pass: u64) -> BatchPlace {
    let per_pass = batches_per_pass.max(1);
    BatchPlace { epoch: u64::from(epoch) * passes + index / per_pass, batch_idx: index % per_pass }
}

impl BatchSource for PrefetchedShowers {
    fn batches_per_epoch(&self) -> u64 {
        self.passes * self.batches_per_pass
    }

    fn read(&mut self, epoch: u32, index: u64, batch: &mut ShowerBatch<f32>) -> calo_core::Result<()> {
        // What an epoch leaves out behind its last whole training step is passed over.
        self.batches.read(place(epoch, index, self.passes, self.batches_per_pass), batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_of_several_passes_takes_them_one_after_another() {
        let places: Vec<_> =
            (0..5).map(|index| place(2, index, 2, 2)).map(|at| (at.epoch, at.batch_idx)).collect();
        assert_eq!(places, [(4, 0), (4, 1), (5, 0), (5, 1), (6, 0)]);
        // A whole epoch behind is the beginning of the next, also with one pass.
        let next = place(1, 3, 1, 3);
        assert_eq!((next.epoch, next.batch_idx), (2, 0));
    }
}
