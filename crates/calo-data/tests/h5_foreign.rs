//! Files that h5py and showerdata wrote, read to the last bit. `foreign/make.py` says which value stands where.
#![expect(clippy::unwrap_used, reason = "in tests, a failed expectation is the report")]

use std::path::PathBuf;

use calo_core::{Detector, Dtype, Grid, ShowerBatch};
use calo_data::{
    Layout, PointBatch, PointReader, PointWriteOptions, PointWriter, ReadOptions, ShowerReader, ShowerWriter,
    WriteOptions,
};

const N: usize = 7;
const GRID: Grid = Grid { layers: 4, nx: 3, ny: 5 };

fn foreign(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name)
}

fn cell(shower: usize, cell: usize) -> f64 {
    if (shower + cell).is_multiple_of(3) { (shower as f64 + 1.0) * cell as f64 / 64.0 } else { 0.0 }
}

fn check_file(
    name: &str,
    options: &ReadOptions,
    n: usize,
    grid: Grid,
    expected: impl Fn(usize, usize) -> f64,
) {
    let mut reader = ShowerReader::open(&foreign(name), options).unwrap();
    assert_eq!((reader.grid(), reader.n_showers()), (grid, n as u64), "{name}");
    for pieces in [1, 2, 3, 100] {
        reader.seek(0).unwrap();
        let mut batch = ShowerBatch::<f32>::empty(grid);
        let mut shower = 0;
        while reader.read_batch(pieces, &mut batch).unwrap() {
            for (energy, cells) in batch.energies_gev.iter().zip(batch.cells_mev.outer_iter()) {
                assert_eq!(energy.to_bits(), (10.0 + shower as f64 / 8.0).to_bits(), "{name}");
                for (i, value) in cells.iter().enumerate() {
                    assert_eq!(
                        f64::from(*value).to_bits(),
                        expected(shower, i).to_bits(),
                        "{name} {shower} {i}"
                    );
                }
                shower += 1;
            }
        }
        assert_eq!(shower, n, "{name}");
    }
}

#[test]
fn grids_of_every_storage_are_read_exactly() {
    for name in [
        "contiguous_f32",
        "contiguous_f64_flat_energy",
        "big_endian",
        "gzip_shuffle",
        "gzip_f64",
        "lzf_shuffle",
        "lzf",
        "chunks_across_axes",
        "chunked_plain",
        "fletcher32",
        "own_group",
        "user_block",
        "user_block_gzip",
    ] {
        check_file(&format!("{name}.hdf5"), &ReadOptions::default(), N, GRID, cell);
    }
}

#[test]
fn names_can_be_told() {
    let options = ReadOptions {
        group: Some("sim/hits".to_owned()),
        energy_name: Some("e_true".to_owned()),
        layers_name: Some("calo".to_owned()),
        ..ReadOptions::default()
    };
    check_file("other_names.hdf5", &options, N, GRID, cell);
}

#[test]
fn the_core_is_cut_out_of_the_full_image() {
    let grid = Grid { layers: 2, nx: 13, ny: 13 };
    check_file("hcal_only.hdf5", &ReadOptions::default(), 3, grid, cell);
    let reader = ShowerReader::open(&foreign("hcal_only.hdf5"), &ReadOptions::default()).unwrap();
    assert_eq!(reader.info().full_grid, Some(Grid { layers: 2, nx: 48, ny: 48 }));
}

#[test]
fn chunks_never_written_are_the_fill_value() {
    let expected = |shower, i| if (2..4).contains(&shower) { cell(shower, i) } else { 0.25 };
    check_file("sparse_latest.hdf5", &ReadOptions::default(), N, GRID, expected);
}

#[test]
fn the_calo_challenge_layout_needs_a_grid() {
    let options = ReadOptions { grid: Some(GRID), ..ReadOptions::default() };
    check_file("calo_challenge.hdf5", &options, N, GRID, cell);
    let message =
        ShowerReader::open(&foreign("calo_challenge.hdf5"), &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("flattened showers of 60 cells; expected the grid to be given"), "{message}");
}

#[test]
fn integers_are_numbers() {
    let mut reader = ShowerReader::open(&foreign("integers.hdf5"), &ReadOptions::default()).unwrap();
    let mut batch = ShowerBatch::<f32>::empty(GRID);
    assert!(reader.read_batch(N, &mut batch).unwrap());
    // Written as integers: 10, 10.125 .. lost what follows the point.
    let expected: Vec<u64> = (0..N).map(|i| (10.0 + i as f64 / 8.0).floor().to_bits()).collect();
    let energies: Vec<u64> = batch.energies_gev.iter().map(|energy| energy.to_bits()).collect();
    assert_eq!(energies, expected);
    assert_eq!(batch.cells_mev.iter().filter(|cell| cell.to_bits() != 0).count(), 0);
}

#[test]
fn showers_in_other_files_are_refused() {
    for (name, words) in [
        ("external_link.hdf5", "stands in another file"),
        ("external_data.hdf5", "keeps its data in other files"),
    ] {
        let message = ShowerReader::open(&foreign(name), &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains(words) && message.contains(name), "{message}");
    }
}

#[test]
fn the_storage_is_described() {
    let info =
        |name: &str| ShowerReader::open(&foreign(name), &ReadOptions::default()).unwrap().info().clone();
    let gzip = info("gzip_shuffle.hdf5");
    assert_eq!(gzip.cells.to_string(), "f32, chunks of [3, 4, 3, 5], shuffle, gzip 9");
    assert_eq!((gzip.layout, gzip.group.as_str()), (Layout::Grid, "30x30"));
    assert_eq!(info("contiguous_f64_flat_energy.hdf5").cells.to_string(), "f64, contiguous");
    assert_eq!(info("fletcher32.hdf5").cells.filters, ["gzip 4", "fletcher32"]);
}

fn read_points(path: &std::path::Path, pieces: usize) -> PointBatch {
    let mut reader = PointReader::open(path, &ReadOptions::default()).unwrap();
    let mut whole = PointBatch::empty(reader.info().n_features);
    reader.read_batch(usize::MAX, &mut whole).unwrap();
    let mut points = Vec::new();
    let mut batch = PointBatch::empty(4);
    reader.seek(0).unwrap();
    while reader.read_batch(pieces, &mut batch).unwrap() {
        points.extend_from_slice(&batch.points);
    }
    assert_eq!(points, whole.points);
    whole
}

#[test]
fn point_clouds_are_read_exactly() {
    for (name, n_features) in [("clouds.h5", 5), ("clouds_batched.h5", 4)] {
        for pieces in [1, 2, 5] {
            let batch = read_points(&foreign(name), pieces);
            assert_eq!(batch.n_features, n_features);
            assert_eq!(batch.extras.pdg.as_deref(), Some(&[22, 11, 211, 22, -211][..]));
            assert_eq!(batch.extras.shower_ids.as_deref(), Some(&[4, 3, 2, 1, 40][..]));
            assert_eq!(batch.extras.directions.as_ref().unwrap().row(1).to_vec(), [0.0, 0.6, 0.8]);
            for (shower, n_points) in [3, 0, 6, 1, 5].into_iter().enumerate() {
                assert_eq!(batch.energies_gev[shower].to_bits(), (10.0 + shower as f64 / 8.0).to_bits());
                assert_eq!(batch.n_points(shower), n_points);
                for (p, point) in batch.shower(shower).chunks_exact(n_features).enumerate() {
                    let p = p as f32;
                    let expected = [p - 2.0, shower as f32 / 2.0 - 1.0, p % 4.0, (p + 1.0) / 256.0, p / 16.0];
                    assert_eq!(point, &expected[..n_features], "{name}");
                }
            }
        }
    }
}

#[test]
fn point_clouds_go_through_a_file_of_ours_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clouds.h5");
    let reader = PointReader::open(&foreign("clouds.h5"), &ReadOptions::default()).unwrap();
    let (n_features, min_max_points) = (reader.info().n_features, reader.info().max_points);
    let batch = read_points(&foreign("clouds.h5"), 5);
    let options = PointWriteOptions { n_features, min_max_points, ..PointWriteOptions::default() };
    let mut writer = PointWriter::create(&path, &options).unwrap();
    writer.write(&batch).unwrap();
    assert!(!path.exists());
    writer.finish().unwrap();
    assert_eq!(read_points(&path, 2), batch);
    let info = PointReader::open(&path, &ReadOptions::default()).unwrap().info().clone();
    assert_eq!((info.max_points, info.n_features, info.energies.dtype), (6, 5, Dtype::F32));
}

#[test]
fn grids_become_point_clouds_and_grids_again() {
    let detector = Detector::load("ild-ecal").unwrap();
    let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/photons.hdf5");
    let mut reader = ShowerReader::open(&sample, &ReadOptions::for_detector(&detector)).unwrap();
    let mut showers = ShowerBatch::<f32>::empty(reader.grid());
    reader.read_batch(20, &mut showers).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clouds.h5");
    let options = WriteOptions {
        layout: Layout::ShowerData,
        detector: Some(detector.clone()),
        ..WriteOptions::new(detector.grid)
    };
    let mut writer = ShowerWriter::create(&path, &options).unwrap();
    writer.write(&showers).unwrap();
    writer.finish().unwrap();
    let mut clouds = ShowerReader::open(&path, &ReadOptions::for_detector(&detector)).unwrap();
    let mut again = ShowerBatch::<f32>::empty(clouds.grid());
    assert!(clouds.read_batch(1000, &mut again).unwrap());
    assert_eq!((clouds.n_points_outside(), again.len()), (0, 20));
    for (before, after) in showers.cells_mev.iter().zip(&again.cells_mev) {
        // Once to GeV and back: a rounding each way.
        assert!((before - after).abs() <= 2.0 * f32::EPSILON * before, "{before} {after}");
    }
    let message = ShowerReader::open(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(message.contains("expected a detector to be given"), "{message}");
}
