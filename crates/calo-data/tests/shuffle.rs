//! Shuffled batches of real files: every shower once, the same batch wherever reading starts, reading ahead, and errors
//! in order.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

use std::path::{Path, PathBuf};

use calo_core::{Grid, ShowerBatch};
use calo_data::{
    BatchPlace, Part, Prefetch, ReadOptions, ShowerReader, ShowerWriter, ShuffleSettings, ShuffledShowers,
    Split, WriteOptions,
};
use ndarray::Array4;
use proptest::prelude::*;

const GRID: Grid = Grid { layers: 2, nx: 2, ny: 1 };

/// A file of `n` showers; every cell and the energy of shower i tell i.
fn write(folder: &Path, n: usize, change: impl FnOnce(&mut ShowerBatch<f32>)) -> PathBuf {
    let path = folder.join("showers.hdf5");
    let mut batch = ShowerBatch::<f32>::empty(GRID);
    batch.energies_gev = (0..n).map(|i| 1.0 + i as f64).collect();
    batch.cells_mev = Array4::from_shape_fn((n, 2, 2, 1), |(i, ..)| i as f32);
    batch.extras.shower_ids = Some((0..n as i64).collect());
    change(&mut batch);
    let options = WriteOptions { chunk_showers: Some(7), ..WriteOptions::new(GRID) };
    let mut writer = ShowerWriter::create(&path, &options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    path
}

fn split(n: u64) -> Split {
    Split::new(3, [0.7, 0.2, 0.1], n).unwrap()
}

fn shuffled(path: &Path, part: Part, settings: ShuffleSettings) -> calo_core::Result<ShuffledShowers> {
    let reader = ShowerReader::open(path, &ReadOptions::default())?;
    let split = split(reader.n_showers());
    ShuffledShowers::new(reader, &split, part, settings)
}

/// Numbers of the showers of a batch, whose parts agree.
fn numbers(batch: &ShowerBatch<f32>) -> Vec<u64> {
    let ids = batch.extras.shower_ids.as_ref().unwrap();
    assert_eq!(batch.cells_mev.shape(), [ids.len(), 2, 2, 1]);
    assert!(batch.cells_mev.as_slice().is_some(), "showers one after the other in memory");
    for ((id, energy_gev), cells) in ids.iter().zip(&batch.energies_gev).zip(batch.cells_mev.outer_iter()) {
        assert!((energy_gev - 1.0 - *id as f64).abs() < 1e-9);
        assert!(cells.iter().all(|cell| (cell - *id as f32).abs() < 1e-9), "{id}: {cells}");
    }
    ids.iter().map(|id| *id as u64).collect()
}

/// Numbers of the showers of an epoch, batch by batch.
fn epoch(showers: &mut ShuffledShowers, epoch: u64) -> Vec<Vec<u64>> {
    let mut batch = ShowerBatch::empty(showers.grid());
    let mut batches = Vec::new();
    for batch_idx in 0..showers.batches_per_epoch() {
        showers.read(epoch, batch_idx, &mut batch).unwrap();
        assert_eq!(batch.first_shower, batch_idx * batch.len() as u64);
        batches.push(numbers(&batch));
    }
    batches
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_epoch_shows_every_shower_of_the_part_at_most_once(
        seed: u64, n in 10_usize..150, batch_size in 1_usize..8, group_showers in 1_usize..150, number in 0_u64..9,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), n, |_| ());
        let settings = ShuffleSettings { seed, batch_size, group_showers };
        let mut showers = shuffled(&path, Part::Train, settings).unwrap();
        let batches = epoch(&mut showers, number);
        prop_assert!(batches.iter().all(|batch| batch.len() == batch_size));
        let mut seen = batches.concat();
        prop_assert!(showers.n_showers() < (seen.len() + batch_size) as u64);
        seen.sort_unstable();
        let n_seen = seen.len();
        seen.dedup();
        prop_assert_eq!(seen.len(), n_seen);
        let split = split(n as u64);
        prop_assert!(seen.iter().all(|shower| split.part_of(*shower) == Part::Train));
    }

    #[test]
    fn jumps_show_what_going_in_order_shows(
        seed: u64, n in 20_usize..150, group_showers in 1_usize..150,
        jumps in prop::collection::vec((0_u64..3, any::<prop::sample::Index>()), 1..12),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = write(folder.path(), n, |_| ());
        let settings = ShuffleSettings { seed, batch_size: 5, group_showers };
        let mut showers = shuffled(&path, Part::Train, settings).unwrap();
        let in_order: Vec<_> = (0..3).map(|number| epoch(&mut showers, number)).collect();
        let mut batch = ShowerBatch::empty(GRID);
        for (number, place) in jumps {
            let batch_idx = place.index(showers.batches_per_epoch() as usize);
            showers.read(number, batch_idx as u64, &mut batch).unwrap();
            prop_assert_eq!(&numbers(&batch), &in_order[number as usize][batch_idx]);
        }
    }
}

#[test]
fn epochs_seeds_and_positions_in_the_file_are_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), 2000, |_| ());
    for group_showers in [2000, 320] {
        let of = |seed| {
            shuffled(&path, Part::Train, ShuffleSettings { seed, batch_size: 50, group_showers }).unwrap()
        };
        let (first, second) = (epoch(&mut of(1), 0), epoch(&mut of(1), 1));
        assert_ne!(first, second);
        assert_ne!(first, epoch(&mut of(2), 0));
        for batch in first {
            // 50 uniform numbers below 2000: a mean of 1000 +- 82; with blocks of 10 up to +- 141 (15 blocks).
            let mean = batch.iter().sum::<u64>() as f64 / 50.0;
            assert!((mean - 1000.0).abs() < 700.0, "mean number {mean}");
            let in_a_row = batch.windows(2).filter(|pair| pair[1] == pair[0] + 1).count();
            assert!(in_a_row < 15, "{in_a_row} of 50 showers follow one another: {batch:?}");
        }
    }
}

#[test]
fn a_part_in_one_group_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), 100, |_| ());
    let settings = ShuffleSettings { seed: 1, batch_size: 10, group_showers: 100 };
    let mut showers = shuffled(&path, Part::Train, settings).unwrap();
    let before = epoch(&mut showers, 0);
    // The file is gone from here on: its bytes are zero.
    let n_bytes = std::fs::metadata(&path).unwrap().len() as usize;
    std::fs::write(&path, vec![0; n_bytes]).unwrap();
    assert_eq!(epoch(&mut showers, 0), before);
    assert_ne!(epoch(&mut showers, 5), before);
}

#[test]
fn impossible_settings_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), 100, |_| ());
    for (batch_size, group_showers, part, expected) in [
        (0, 10, Part::Train, "`batch_size`: 0; expected at least one shower"),
        (1, 0, Part::Train, "`group_showers`: 0; expected at least one shower"),
        (11, 10, Part::Test, "`batch_size`: 11; expected at most the 10 showers of the test part"),
    ] {
        let settings = ShuffleSettings { seed: 1, batch_size, group_showers };
        let message = shuffled(&path, part, settings).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    let settings = ShuffleSettings { seed: 1, batch_size: 10, group_showers: 10 };
    let reader = ShowerReader::open(&path, &ReadOptions::default()).unwrap();
    let message = ShuffledShowers::new(reader, &split(99), Part::Train, settings).unwrap_err().to_string();
    assert!(message.contains("`split`: 99 showers split; expected the 100 of "), "{message}");
    let mut showers = shuffled(&path, Part::Test, settings).unwrap();
    let message = showers.read(0, 1, &mut ShowerBatch::empty(GRID)).unwrap_err().to_string();
    assert!(message.contains("`batch_idx`: 1; expected below the 1 of an epoch"), "{message}");
    assert!(Prefetch::start(showers, BatchPlace { epoch: 0, batch_idx: 1 }, 2).is_err());
}

#[test]
fn prefetched_batches_are_those_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), 200, |_| ());
    let settings = ShuffleSettings { seed: 4, batch_size: 9, group_showers: 40 };
    let mut showers = shuffled(&path, Part::Train, settings).unwrap();
    let n = showers.batches_per_epoch();
    let expected: Vec<_> = (2..5).map(|number| epoch(&mut showers, number)).collect();
    let start = BatchPlace { epoch: 2, batch_idx: 4 };
    let mut prefetch = Prefetch::start(showers, start, 3).unwrap();
    let (mut batch, mut at) = (ShowerBatch::empty(prefetch.grid()), start);
    while at.epoch < 5 {
        assert_eq!(prefetch.next(&mut batch).unwrap(), at);
        assert_eq!(numbers(&batch), expected[(at.epoch - 2) as usize][at.batch_idx as usize]);
        at = at.next(n);
    }
}

/// Groups of one block each: the batches before the damaged one come, then its error, then no more.
#[test]
fn an_error_in_the_middle_of_a_file_comes_in_its_turn() {
    let folder = tempfile::tempdir().unwrap();
    let settings = ShuffleSettings { seed: 4, batch_size: 4, group_showers: 32 };
    let sound = write(folder.path(), 200, |_| ());
    let batches = epoch(&mut shuffled(&sound, Part::Train, settings).unwrap(), 0);
    // A shower of the last batch is damaged: its group is read for the batches before.
    let damaged = batches[batches.len() - 1][0] as usize;
    let path = write(folder.path(), 200, |batch| batch.cells_mev[[damaged, 1, 1, 0]] = f32::NAN);
    let mut prefetch =
        Prefetch::start(shuffled(&path, Part::Train, settings).unwrap(), BatchPlace::default(), 2).unwrap();
    let mut batch = ShowerBatch::empty(GRID);
    let mut n_good = 0;
    let error = loop {
        match prefetch.next(&mut batch) {
            Ok(at) => {
                assert_eq!(at, BatchPlace { epoch: 0, batch_idx: n_good as u64 });
                assert_eq!(numbers(&batch), batches[n_good]);
                n_good += 1;
            }
            Err(error) => break error.to_string(),
        }
    };
    assert!(n_good > 0 && n_good < batches.len());
    assert!(error.contains(&format!("shower {damaged}")), "{error}");
    assert!(prefetch.next(&mut batch).is_err());
}
