//! Reading and writing of showers; `cargo xtask bench data` compares it with the same work in h5py.

use std::hint::black_box;
use std::path::Path;

use calo_core::{Grid, ShowerBatch};
use calo_data::{Compression, ReadOptions, ShowerReader, ShowerWriter, WriteOptions};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// The sample that ships with the source, a few times over.
fn sample() -> ShowerBatch<f32> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/photons.hdf5");
    let mut reader = ShowerReader::open(&path, &ReadOptions::default()).expect("the sample in data/");
    let mut batch = ShowerBatch::empty(reader.grid());
    reader.read_batch(usize::MAX, &mut batch).expect("an undamaged sample");
    batch
}

fn write(path: &Path, batch: &ShowerBatch<f32>, compression: Compression, chunk_showers: Option<usize>) {
    const COPIES: usize = 5;
    let options = WriteOptions { compression, chunk_showers, ..WriteOptions::new(batch.grid()) };
    let mut writer = ShowerWriter::create(path, &options).expect("a folder to write to");
    for _ in 0..COPIES {
        writer.write(batch).expect("room on the disk");
    }
    writer.finish().expect("room on the disk");
}

fn read(path: &Path, grid: Grid) -> usize {
    let mut reader = ShowerReader::open(path, &ReadOptions::default()).expect("the file just written");
    let mut batch = ShowerBatch::<f32>::empty(grid);
    let mut n = 0;
    while reader.read_batch(500, &mut batch).expect("an undamaged file") {
        n += black_box(&batch).len();
    }
    n
}

fn benches(c: &mut Criterion) {
    let showers = sample();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("showers.hdf5");
    let n_bytes = 5 * showers.cells_mev.len() * size_of::<f32>();
    let mut group = c.benchmark_group("hdf5");
    group.throughput(Throughput::Bytes(n_bytes as u64)).sample_size(10);
    for (name, level, chunk_showers) in
        [("gzip4", 4, None), ("gzip4_chunks_of_100", 4, Some(100)), ("plain", 0, None)]
    {
        let compression = Compression { level, shuffle: true };
        write(&path, &showers, compression, chunk_showers);
        group.bench_function(format!("read_{name}"), |b| b.iter(|| read(&path, showers.grid())));
        group.bench_function(format!("write_{name}"), |b| {
            b.iter(|| write(&path, &showers, compression, chunk_showers));
        });
    }
    group.finish();
}

criterion_group!(hdf5, benches);
criterion_main!(hdf5);
