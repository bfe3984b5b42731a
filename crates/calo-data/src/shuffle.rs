//! Showers of one part of a file in random order, batch by batch, for training.
//!
//! Files are larger than memory, so the order has two levels. The part's showers form a ring that is cut into
//! contiguous blocks, at other places every epoch; the blocks are shuffled, and some at a time gathered into a group
//! that is in memory. Within a group the order is a full shuffle. A part that fits one group is read once and fully
//! shuffled in every epoch.

mod group;
mod order;
mod prefetch;

use std::sync::atomic::AtomicBool;

use crate::h5::ShowerReader;
use crate::split::{Part, Split};

use calo_core::{Error, Grid, Result, ShowerBatch};
use group::Group;
use order::{Epoch, GroupPlaces, Order};
pub use prefetch::Prefetch;

/// How the showers of a part are shuffled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShuffleSettings {
    /// Seed of the order.
    pub seed: u64,
    /// Showers in every batch.
    pub batch_size: usize,
    /// About as many showers are in memory at a time (up to 31 more), in 32 bits: 0.9 GB for 8192 of 30x30x30 cells.
    pub group_showers: usize,
}

/// Where a batch stands: epoch and number in it, both from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchPlace {
    /// The epoch.
    pub epoch: u64,
    /// The batch in it.
    pub batch_idx: u64,
}

impl BatchPlace {
    /// The place behind this one, where epochs have `batches_per_epoch`.
    pub fn next(self, batches_per_epoch: u64) -> Self {
        if self.batch_idx + 1 < batches_per_epoch {
            Self { batch_idx: self.batch_idx + 1, ..self }
        } else {
            Self { epoch: self.epoch + 1, batch_idx: 0 }
        }
    }
}

/// Random-order batches of one part of a file.
///
/// A batch depends on the file, the split, the settings, the epoch and its number alone, and can be read without those
/// before it: training resumes at any batch with the same showers. In order, every shower is read once an epoch; a
/// jump costs the reading of one group. An epoch shows every shower at most once. The rest that fills no whole batch is
/// left out; it is a different one in every epoch.
///
/// Memory is one group, a batch, and at most 100 MB for reading.
///
/// ```no_run
/// use calo_core::ShowerBatch;
/// use calo_data::{Part, ReadOptions, ShowerReader, ShuffleSettings, ShuffledShowers, Split};
///
/// # fn main() -> calo_core::Result<()> {
/// let reader = ShowerReader::open("photons.hdf5".as_ref(), &ReadOptions::default())?;
/// let split = Split::new(1, [0.8, 0.1, 0.1], reader.n_showers())?;
/// let settings = ShuffleSettings { seed: 1, batch_size: 32, group_showers: 8192 };
/// let mut showers = ShuffledShowers::new(reader, &split, Part::Train, settings)?;
/// let mut batch = ShowerBatch::empty(showers.grid());
/// for batch_idx in 0..showers.batches_per_epoch() {
///     showers.read(0, batch_idx, &mut batch)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ShuffledShowers {
    reader: ShowerReader,
    order: Order,
    batch_size: usize,
    epoch: Epoch,
    group: Group,
}

impl ShuffledShowers {
    /// The showers of `part` of the file of `reader`, whose length `split` was made for.
    ///
    /// # Errors
    /// A split of another number of showers, a batch or a group without showers, a part with less than a batch.
    pub fn new(reader: ShowerReader, split: &Split, part: Part, settings: ShuffleSettings) -> Result<Self> {
        let ShuffleSettings { seed, batch_size, group_showers } = settings;
        let n_split: u64 = split.sizes().iter().sum();
        if n_split != reader.n_showers() {
            let found = format!("{n_split} showers split");
            let expected = format!("the {} of {}", reader.n_showers(), reader.info().path.display());
            return Err(Error::option("split", found, expected));
        }
        for (field, n) in [("batch_size", batch_size), ("group_showers", group_showers)] {
            if n == 0 {
                return Err(Error::option(field, n, "at least one shower"));
            }
        }
        let n = split.size(part);
        if n < batch_size as u64 {
            let expected = format!("at most the {n} showers of the {} part", part.name());
            return Err(Error::option("batch_size", batch_size, expected));
        }
        let order = Order::new(split, part, seed, group_showers);
        let group = Group::new(reader.grid());
        Ok(Self { epoch: order.epoch(0), order, reader, batch_size, group })
    }

    /// The grid of every shower.
    pub fn grid(&self) -> Grid {
        self.reader.grid()
    }

    /// Showers of the part.
    pub fn n_showers(&self) -> u64 {
        self.order.n_showers()
    }

    /// Whole batches in an epoch, at least one; a rest of less than a batch is left out.
    pub fn batches_per_epoch(&self) -> u64 {
        self.n_showers() / self.batch_size as u64
    }

    /// Replaces the content of `batch` by batch `batch_idx` of `epoch`; `first_shower` is then the place of its first
    /// shower in the order of the epoch.
    ///
    /// # Errors
    /// No such batch, or an error of reading.
    pub fn read(&mut self, epoch: u64, batch_idx: u64, batch: &mut ShowerBatch<f32>) -> Result<()> {
        self.read_unless(&AtomicBool::new(false), BatchPlace { epoch, batch_idx }, batch)
    }

    /// As [`Self::read`]; ends early, as interrupted, once `stop` is set.
    fn read_unless(&mut self, stop: &AtomicBool, at: BatchPlace, batch: &mut ShowerBatch<f32>) -> Result<()> {
        let BatchPlace { epoch, batch_idx } = at;
        if batch_idx >= self.batches_per_epoch() {
            let expected = format!("below the {} of an epoch", self.batches_per_epoch());
            return Err(Error::option("batch_idx", batch_idx, expected));
        }
        if self.epoch.number() != epoch {
            self.epoch = self.order.epoch(epoch);
        }
        let first = batch_idx * self.batch_size as u64;
        let (mut place, end) = (first, first + self.batch_size as u64);
        while place < end {
            let GroupPlaces { group, places } = self.epoch.group_at(place);
            self.group.load(&mut self.reader, &self.order, &self.epoch, group, stop)?;
            if place == first {
                self.group.restart(batch, first);
            }
            for place in place..end.min(places.end) {
                self.group.push_to(batch, (place - places.start) as usize);
            }
            place = places.end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{ReadOptions, ShowerWriter, WriteOptions};

    /// A thread that is told to stop does so before a whole group is read, and half a group is never shown.
    #[test]
    fn reading_ends_early_when_told_and_can_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("showers.hdf5");
        let mut written = ShowerBatch::<f32>::empty(Grid { layers: 1, nx: 1, ny: 1 });
        written.energies_gev = (1..=20).map(f64::from).collect();
        written.cells_mev = ndarray::Array4::ones((20, 1, 1, 1));
        let mut writer = ShowerWriter::create(&path, &WriteOptions::new(written.grid())).unwrap();
        writer.write(&written).unwrap();
        writer.finish().unwrap();

        let reader = ShowerReader::open(&path, &ReadOptions::default()).unwrap();
        let split = Split::new(1, [1.0, 0.0, 0.0], 20).unwrap();
        let settings = ShuffleSettings { seed: 1, batch_size: 20, group_showers: 20 };
        let mut showers = ShuffledShowers::new(reader, &split, Part::Train, settings).unwrap();
        let mut batch = ShowerBatch::empty(showers.grid());
        let stopped = showers.read_unless(&AtomicBool::new(true), BatchPlace::default(), &mut batch);
        assert!(matches!(stopped, Err(Error::Interrupted)));
        showers.read(0, 0, &mut batch).unwrap();
        batch.energies_gev.sort_by(f64::total_cmp);
        assert_eq!(batch.energies_gev, written.energies_gev);
    }
}
