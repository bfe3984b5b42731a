//! Helpers of the command tests: the binary, the sample, files made from it.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use calo_core::ShowerBatch;
use calo_data::{ReadOptions, ShowerReader, ShowerWriter, WriteOptions};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The `calo` binary.
pub(crate) fn calo() -> Command {
    Command::cargo_bin("calo").unwrap()
}

/// A file of the sample in `data/`.
pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(name).canonicalize().unwrap()
}

/// All cells and energies of a file.
pub(crate) fn read(path: &Path) -> ShowerBatch<f32> {
    let mut reader = ShowerReader::open(path, &ReadOptions::default()).unwrap();
    let mut batch = ShowerBatch::empty(reader.grid());
    reader.read_batch(20_000, &mut batch).unwrap();
    batch
}

/// Copies a shower file with every shower changed by `change(shower index, batch)`.
pub(crate) fn rewrite(source: &Path, target: &Path, mut change: impl FnMut(&mut ShowerBatch<f32>)) {
    let mut reader = ShowerReader::open(source, &ReadOptions::default()).unwrap();
    let mut options = WriteOptions::new(reader.grid());
    options.group = Some(reader.info().group.clone());
    let mut writer = ShowerWriter::create(target, &options).unwrap();
    let mut batch = ShowerBatch::empty(reader.grid());
    while reader.read_batch(64, &mut batch).unwrap() {
        change(&mut batch);
        writer.write(&batch).unwrap();
    }
    writer.finish().unwrap();
}

/// A copy in which every cell's energy is off by a random factor of `1 +- spread`.
pub(crate) fn smear(source: &Path, target: &Path, spread: f32) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    rewrite(source, target, |batch| {
        batch.cells_mev.mapv_inplace(|mev| mev * rng.random_range(1.0 - spread..1.0 + spread));
    });
}

/// What a command wrote to stderr.
pub(crate) fn stderr(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// What a command wrote to stdout.
pub(crate) fn stdout(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8(assert.get_output().stdout.clone()).unwrap()
}
