//! What is written is read again, bit for bit, in whatever pieces.
#![expect(clippy::unwrap_used, reason = "in tests, a failed expectation is the report")]

use std::path::Path;

use calo_core::{Dtype, Grid, Real, ShowerBatch};
use calo_data::{
    Compression, Layout, PointBatch, PointReader, PointWriteOptions, PointWriter, ReadOptions, ShowerReader,
    ShowerWriter, WriteOptions,
};
use ndarray::Array4;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Sparse showers as calorimeters see them: most cells empty, a few over many orders of magnitude.
fn random_showers<T: Real>(n: usize, grid: Grid, seed: u64) -> ShowerBatch<T> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut batch = ShowerBatch::empty(grid);
    batch.energies_gev = (0..n).map(|_| f64::from(rng.random_range(10.0_f32..100.0))).collect();
    let cell = |_| {
        let hit: bool = rng.random_bool(0.1);
        T::from_f64(if hit { 10_f64.powf(rng.random_range(-3.0..2.0)) } else { 0.0 })
    };
    let cells: Vec<T> = (0..n * grid.n_cells()).map(cell).collect();
    batch.cells_mev = Array4::from_shape_vec((n, grid.layers, grid.nx, grid.ny), cells).unwrap();
    batch
}

fn write<T: Real>(path: &Path, options: &WriteOptions, batch: &ShowerBatch<T>, pieces: usize) {
    let mut writer = ShowerWriter::create(path, options).unwrap();
    for start in (0..batch.len()).step_by(pieces) {
        let end = (start + pieces).min(batch.len());
        let mut piece = ShowerBatch::empty(batch.grid());
        piece.energies_gev = batch.energies_gev[start..end].to_vec();
        piece.cells_mev = batch.cells_mev.slice(ndarray::s![start..end, .., .., ..]).to_owned();
        writer.write(&piece).unwrap();
    }
    writer.finish().unwrap();
}

/// All showers, read in batches of `pieces`.
fn read<T: Real>(reader: &mut ShowerReader, pieces: usize) -> (Vec<f64>, Vec<T>) {
    let (mut energies, mut cells) = (Vec::new(), Vec::new());
    let mut batch = ShowerBatch::<T>::empty(reader.grid());
    while reader.read_batch(pieces, &mut batch).unwrap() {
        assert_eq!(batch.first_shower, energies.len() as u64);
        energies.extend_from_slice(&batch.energies_gev);
        cells.extend(batch.cells_mev.iter().copied());
    }
    (energies, cells)
}

fn bits<T: Real>(values: &[T]) -> Vec<u64> {
    values.iter().map(|v| v.to_f64().to_bits()).collect()
}

fn round_trip<T: Real>(case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("showers.hdf5");
    let written = random_showers::<T>(case.n, case.grid, case.seed);
    let options = WriteOptions {
        layout: case.layout,
        dtype: T::DTYPE,
        energy_dtype: Some(Dtype::F64),
        compression: Compression { level: case.level, shuffle: case.shuffle },
        chunk_showers: case.chunk_showers,
        ..WriteOptions::new(case.grid)
    };
    write(&path, &options, &written, case.write_pieces);
    let mut reader =
        ShowerReader::open(&path, &ReadOptions { grid: Some(case.grid), ..ReadOptions::default() }).unwrap();
    assert_eq!(reader.info().layout, case.layout);
    assert_eq!(reader.info().cells.dtype, T::DTYPE);
    let (energies, cells) = read::<T>(&mut reader, case.read_pieces);
    assert_eq!(bits(&cells), bits(&written.cells_mev.iter().copied().collect::<Vec<_>>()));
    assert_eq!(bits(&energies), bits(&written.energies_gev));
    // From any shower on, and on any grid of batches.
    let from = case.seed as usize % case.n;
    reader.seek(from as u64).unwrap();
    let mut batch = ShowerBatch::<T>::empty(case.grid);
    assert!(reader.read_batch(1, &mut batch).unwrap());
    let n_cells = case.grid.n_cells();
    assert_eq!(bits(batch.cells_mev.as_slice().unwrap()), bits(&cells[from * n_cells..(from + 1) * n_cells]));
}

#[derive(Debug, Clone)]
struct Case {
    n: usize,
    grid: Grid,
    layout: Layout,
    level: u8,
    shuffle: bool,
    chunk_showers: Option<usize>,
    write_pieces: usize,
    read_pieces: usize,
    f64: bool,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    (
        (1..60_usize, 1..5_usize, 1..6_usize, 1..6_usize),
        prop_oneof![Just(Layout::Grid), Just(Layout::CaloChallenge)],
        (0..=9_u8, any::<bool>(), proptest::option::of(1..40_usize)),
        (1..70_usize, 1..70_usize),
        any::<bool>(),
        any::<u64>(),
    )
        .prop_map(|((n, layers, nx, ny), layout, (level, shuffle, chunk_showers), pieces, f64, seed)| {
            Case {
                n,
                grid: Grid { layers, nx, ny },
                layout,
                level,
                shuffle,
                chunk_showers,
                write_pieces: pieces.0,
                read_pieces: pieces.1,
                f64,
                seed,
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn written_showers_are_read_again(case in cases()) {
        if case.f64 { round_trip::<f64>(&case) } else { round_trip::<f32>(&case) }
    }
}

#[test]
fn an_abandoned_writer_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("showers.hdf5");
    let grid = Grid { layers: 3, nx: 4, ny: 5 };
    let showers = random_showers::<f32>(50, grid, 1);
    write(&path, &WriteOptions::new(grid), &showers, 50);
    let old = std::fs::read(&path).unwrap();
    let mut writer = ShowerWriter::create(&path, &WriteOptions::new(grid)).unwrap();
    writer.write(&showers).unwrap();
    drop(writer);
    assert_eq!(std::fs::read(&path).unwrap(), old);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the temporary file is gone");
}

#[test]
fn the_same_showers_make_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid { layers: 3, nx: 4, ny: 5 };
    let showers = random_showers::<f32>(50, grid, 1);
    let bytes = [7, 50].map(|pieces| {
        // Into the next second: times of creation would show.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        let path = folder.path().join(format!("{pieces}.hdf5"));
        write(&path, &WriteOptions { chunk_showers: Some(4), ..WriteOptions::new(grid) }, &showers, pieces);
        std::fs::read(&path).unwrap()
    });
    assert!(bytes[0] == bytes[1], "the files differ");
}

#[test]
fn the_sample_is_read_the_same_in_any_pieces() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/photons.hdf5");
    let mut reader = ShowerReader::open(&path, &ReadOptions::default()).unwrap();
    assert_eq!(reader.grid(), Grid { layers: 30, nx: 30, ny: 30 });
    let (energies, whole) = read::<f32>(&mut reader, usize::MAX);
    assert_eq!(energies.len() as u64, reader.n_showers());
    for pieces in [1, 7, 50, 64] {
        reader.seek(0).unwrap();
        let (_, cells) = read::<f32>(&mut reader, pieces);
        assert!(cells == whole, "batches of {pieces}");
    }
    reader.seek(0).unwrap();
    let (_, wide) = read::<f64>(&mut reader, 33);
    assert!(bits(&wide) == bits(&whole), "as f64");
}

#[test]
fn attributes_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("showers.hdf5");
    let grid = Grid { layers: 3, nx: 4, ny: 5 };
    let long = "a long line of provenance, µm and all. ".repeat(3000);
    let attributes =
        vec![("calo_version".to_owned(), "0.1.0".to_owned()), ("config".to_owned(), long.clone())];
    let options = WriteOptions { attributes: attributes.clone(), ..WriteOptions::new(grid) };
    write(&path, &options, &random_showers::<f32>(5, grid, 1), 5);
    assert_eq!(calo_data::read_attributes(&path, None).unwrap(), attributes);
    let with_group = calo_data::read_attributes(&path, Some("3x4x5")).unwrap();
    assert_eq!(with_group.last().unwrap(), &("axes".to_owned(), "[shower, layer, x, y]".to_owned()));
    // Of a file made from hundreds of others.
    let path = folder.path().join("joined.hdf5");
    let many: Vec<_> = (0..1000).map(|i| (format!("input_{i:04}"), i.to_string())).collect();
    let options = WriteOptions { attributes: many.clone(), ..WriteOptions::new(grid) };
    write(&path, &options, &random_showers::<f32>(5, grid, 1), 5);
    assert_eq!(calo_data::read_attributes(&path, None).unwrap(), many);
}

#[test]
fn extras_survive_in_the_grid_layout() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("showers.hdf5");
    let grid = Grid { layers: 3, nx: 4, ny: 5 };
    let mut showers = random_showers::<f32>(2000, grid, 3);
    showers.extras.pdg = Some((0..2000).map(|i| i - 1000).collect());
    showers.extras.shower_ids = Some((0..2000).map(|i| i << 33).collect());
    showers.extras.directions =
        Some(ndarray::Array2::from_shape_fn((2000, 3), |(i, axis)| (i + axis) as f32));
    let mut writer = ShowerWriter::create(&path, &WriteOptions::new(grid)).unwrap();
    writer.write(&showers).unwrap();
    writer.finish().unwrap();
    let mut reader = ShowerReader::open(&path, &ReadOptions::default()).unwrap();
    let mut batch = ShowerBatch::<f32>::empty(grid);
    reader.read_batch(10_000, &mut batch).unwrap();
    assert_eq!(batch, showers);
}

/// Point clouds of any sizes, some of them empty.
fn random_clouds(n: usize, n_features: usize, seed: u64) -> PointBatch {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut batch = PointBatch::empty(n_features);
    for _ in 0..n {
        batch.energies_gev.push(f64::from(rng.random_range(10.0_f32..100.0)));
        let n_points = rng.random_range(0..200) * usize::from(rng.random_bool(0.8));
        batch.points.extend((0..n_points * n_features).map(|_| rng.random::<f32>()));
        batch.offsets.push(batch.points.len() / n_features);
    }
    batch.extras.pdg = Some((0..n).map(|_| rng.random()).collect());
    batch.extras.shower_ids = Some((0..n).map(|_| rng.random::<i64>()).collect());
    batch.extras.directions = Some(ndarray::Array2::from_shape_simple_fn((n, 3), || rng.random()));
    batch
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn written_point_clouds_are_read_again(
        n in 1..1500_usize, n_features in 4..=5_usize, pieces in 1..400_usize, seed: u64
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clouds.h5");
        let clouds = random_clouds(n, n_features, seed);
        let options = PointWriteOptions { n_features, wide_ids: true, ..PointWriteOptions::default() };
        let mut writer = PointWriter::create(&path, &options).unwrap();
        writer.write(&clouds).unwrap();
        writer.finish().unwrap();
        let mut reader = PointReader::open(&path, &ReadOptions::default()).unwrap();
        let mut batch = PointBatch::empty(n_features);
        reader.read_batch(n, &mut batch).unwrap();
        prop_assert_eq!(&batch, &clouds);
        // In pieces, written again piece by piece, the same file comes out.
        let again = folder.path().join("again.h5");
        let mut writer = PointWriter::create(&again, &options).unwrap();
        reader.seek(0).unwrap();
        while reader.read_batch(pieces, &mut batch).unwrap() {
            writer.write(&batch).unwrap();
        }
        writer.finish().unwrap();
        PointReader::open(&again, &ReadOptions::default()).unwrap().read_batch(n, &mut batch).unwrap();
        prop_assert_eq!(&batch, &clouds);
    }
}
