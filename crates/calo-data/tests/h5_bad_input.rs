//! Every impossible file is an error of one line that names file, data set, place and expectation.
#![expect(clippy::unwrap_used, reason = "in tests, a failed expectation is the report")]
#![expect(clippy::disallowed_methods, reason = "libhdf5 itself writes the files to be read")]

use std::path::{Path, PathBuf};

use calo_core::{Detector, Dtype, Grid, ShowerBatch};
use calo_data::{NegativeCells, ReadOptions, ShowerReader, ShowerWriter, WriteOptions};
use ndarray::{Array1, Array2, Array4};

const GRID: Grid = Grid { layers: 2, nx: 3, ny: 4 };

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("showers.hdf5")
    }

    /// A file in group `30x30`, for which libhdf5 does the writing.
    fn file(&self, energies: &Array2<f32>, cells: &Array4<f32>) -> PathBuf {
        let file = hdf5::File::create(self.path()).unwrap();
        let group = file.create_group("30x30").unwrap();
        group.new_dataset_builder().with_data(energies).create("energy").unwrap();
        let builder = group.new_dataset_builder().chunk((4, 2, 3, 4)).deflate(4);
        builder.with_data(cells).create("layers").unwrap();
        self.path()
    }
}

fn cells(n: usize) -> Array4<f32> {
    Array4::from_elem((n, 2, 3, 4), 0.5)
}

fn energies(n: usize) -> Array2<f32> {
    Array2::from_elem((n, 1), 50.0)
}

/// The message of opening and reading all of `path`.
fn message(path: &Path, options: &ReadOptions) -> String {
    let read = || {
        let mut reader = ShowerReader::open(path, options)?;
        let mut batch = ShowerBatch::<f32>::empty(reader.grid());
        while reader.read_batch(3, &mut batch)? {}
        Ok(())
    };
    let error: calo_core::Error = read().unwrap_err();
    let message = error.to_string();
    assert!(!message.contains('\n') && message.contains("expected"), "{message}");
    assert!(message.contains(&path.display().to_string()), "{message}");
    message
}

#[test]
fn impossible_cells_are_counted_in_the_whole_file() {
    let folder = Folder::new();
    let mut cells = cells(20);
    cells[[7, 1, 2, 3]] = -0.25;
    cells[[11, 0, 0, 0]] = f32::NAN;
    cells[[19, 0, 0, 1]] = -1.0;
    let path = folder.file(&energies(20), &cells);
    let message = message(&path, &ReadOptions::default());
    assert!(
        message.ends_with(
            "data set `30x30/layers`, shower 7: 2 cells are negative and 1 cell is not finite in the file, the first \
             is -0.25 at [7, 1, 2, 3]; expected finite cell energies of at least 0 MeV (negative ones can be clipped \
             to zero)"
        ),
        "{message}"
    );
}

#[test]
fn negative_cells_can_be_clipped_but_not_infinite_ones() {
    let folder = Folder::new();
    let mut cells = cells(5);
    cells[[3, 1, 2, 3]] = -0.25;
    let path = folder.file(&energies(5), &cells);
    let clip = ReadOptions { negative_cells: NegativeCells::Clip, ..ReadOptions::default() };
    let mut reader = ShowerReader::open(&path, &clip).unwrap();
    let mut batch = ShowerBatch::<f32>::empty(GRID);
    reader.read_batch(10, &mut batch).unwrap();
    assert_eq!(batch.cells_mev[[3, 1, 2, 3]].to_bits(), 0);
    drop(reader); // libhdf5 truncates no file that is open
    cells[[4, 0, 0, 0]] = f32::NEG_INFINITY;
    let message = message(&folder.file(&energies(5), &cells), &clip);
    assert!(message.contains("shower 4: 1 cell is not finite in the file, the first is -inf"), "{message}");
}

#[test]
fn inspection_refuses_no_value() {
    let folder = Folder::new();
    let (mut energies, mut cells) = (energies(5), cells(5));
    (energies[[0, 0]], cells[[3, 1, 2, 3]], cells[[4, 0, 0, 0]]) = (-1.0, -0.25, f32::NAN);
    let path = folder.file(&energies, &cells);
    let inspect = ReadOptions { inspect: true, ..ReadOptions::default() };
    let mut reader = ShowerReader::open(&path, &inspect).unwrap();
    let mut batch = ShowerBatch::<f32>::empty(GRID);
    reader.read_batch(10, &mut batch).unwrap();
    assert!(batch.cells_mev[[4, 0, 0, 0]].is_nan());
    assert_eq!(batch.cells_mev[[3, 1, 2, 3]].to_bits(), (-0.25_f32).to_bits());
}

#[test]
fn impossible_energies_are_counted() {
    for (bad, shown) in [(0.0, "0"), (-3.0, "-3"), (f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
        let folder = Folder::new();
        let mut energies = energies(9);
        (energies[[5, 0]], energies[[8, 0]]) = (bad, bad);
        let message = message(&folder.file(&energies, &cells(9)), &ReadOptions::default());
        let expected =
            format!("data set `30x30/energy`, shower 5: an incident energy of {shown}, the first of 2");
        assert!(message.contains(&expected), "{message}");
    }
}

#[test]
fn lengths_must_agree() {
    let folder = Folder::new();
    let message = message(&folder.file(&energies(8), &cells(9)), &ReadOptions::default());
    assert!(message.contains("8 energies; expected 9, one for each shower of `30x30/layers`"), "{message}");
}

#[test]
fn an_empty_file_is_an_error_but_for_inspection() {
    let folder = Folder::new();
    ShowerWriter::create(&folder.path(), &WriteOptions::new(GRID)).unwrap().finish().unwrap();
    let text = message(&folder.path(), &ReadOptions::default());
    assert!(text.contains("no shower; expected at least one shower"), "{text}");
    let inspect = ReadOptions { inspect: true, ..ReadOptions::default() };
    assert_eq!(ShowerReader::open(&folder.path(), &inspect).unwrap().n_showers(), 0);
}

#[test]
fn a_wrong_grid_and_a_wrong_rank_are_named() {
    let folder = Folder::new();
    let path = folder.file(&energies(5), &cells(5));
    let detector = Detector::load("ild-ecal").unwrap();
    let text = message(&path, &ReadOptions::for_detector(&detector));
    assert!(text.contains("showers of 2x3x4 cells; expected 30x30x30 cells"), "{text}");
    let file = hdf5::File::create(folder.path()).unwrap();
    let group = file.create_group("30x30").unwrap();
    group.new_dataset_builder().with_data(&energies(5)).create("energy").unwrap();
    group.new_dataset_builder().with_data(&Array2::<f32>::zeros((5, 24))).create("layers").unwrap();
    drop((group, file));
    let text = message(&path, &ReadOptions::default());
    assert!(text.contains("extents [5, 24]; expected [showers, layers, x, y]"), "{text}");
}

#[test]
fn missing_groups_say_what_is_there() {
    let folder = Folder::new();
    let path = folder.file(&energies(5), &cells(5));
    let named = ReadOptions { group: Some("40x40".to_owned()), ..ReadOptions::default() };
    let text = message(&path, &named);
    assert!(text.contains("holds `30x30` (energy, layers); expected a group `40x40`"), "{text}");
    let file = hdf5::File::create(folder.path()).unwrap();
    file.new_dataset_builder().with_data(&Array1::<f32>::zeros(3)).create("other").unwrap();
    drop(file);
    let text = message(&path, &ReadOptions::default());
    assert!(text.contains("holds `other`; expected a group with data sets `energy` and `layers`"), "{text}");
}

#[test]
fn several_groups_must_be_told_apart() {
    let folder = Folder::new();
    let file = hdf5::File::create(folder.path()).unwrap();
    for name in ["a", "b"] {
        let group = file.create_group(name).unwrap();
        group.new_dataset_builder().with_data(&energies(5)).create("energy").unwrap();
        group.new_dataset_builder().with_data(&cells(5)).create("layers").unwrap();
    }
    drop(file);
    let text = message(&folder.path(), &ReadOptions::default());
    assert!(text.contains("has showers in several groups: a, b; expected the name of the group"), "{text}");
    let named = ReadOptions { group: Some("b".to_owned()), ..ReadOptions::default() };
    assert_eq!(ShowerReader::open(&folder.path(), &named).unwrap().info().group, "b");
}

#[test]
fn a_truncated_file_is_called_so() {
    let folder = Folder::new();
    let path = folder.file(&energies(50), &cells(50));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let text = message(&path, &ReadOptions::default());
    assert!(text.contains("truncated"), "{text}");
}

#[test]
fn claims_beyond_the_data_are_refused() {
    let folder = Folder::new();
    let file = hdf5::File::create(folder.path()).unwrap();
    let group = file.create_group("30x30").unwrap();
    let n = 1 << 40;
    group.new_dataset::<f32>().chunk((1 << 20, 1)).shape((n, 1)).create("energy").unwrap();
    group.new_dataset::<f32>().chunk((1, 2, 3, 4)).shape((n, 2, 3, 4)).create("layers").unwrap();
    drop((group, file));
    let text = message(&folder.path(), &ReadOptions::default());
    assert!(text.contains("1099511627776 showers of which at most"), "{text}");
}

#[test]
fn huge_chunks_are_refused() {
    let folder = Folder::new();
    let file = hdf5::File::create(folder.path()).unwrap();
    let group = file.create_group("30x30").unwrap();
    group.new_dataset_builder().with_data(&energies(5)).create("energy").unwrap();
    group.new_dataset::<f32>().chunk((5, 600, 200, 200)).shape((5, 600, 200, 200)).create("layers").unwrap();
    drop((group, file));
    let text = message(&folder.path(), &ReadOptions::default());
    assert!(
        text.contains("chunks of [5, 600, 200, 200]; expected") || text.contains("impossible extents"),
        "{text}"
    );
}

#[test]
fn impossible_options_and_batches_are_refused() {
    let folder = Folder::new();
    let options = WriteOptions { grid: Grid { layers: 0, ..GRID }, ..WriteOptions::new(GRID) };
    let text = ShowerWriter::create(&folder.path(), &options).err().unwrap().to_string();
    assert!(text.contains("field `grid`"), "{text}");
    let mut writer = ShowerWriter::create(&folder.path(), &WriteOptions::new(GRID)).unwrap();
    let other = ShowerBatch::<f32>::empty(Grid { layers: 5, ..GRID });
    let text = writer.write(&other).unwrap_err().to_string();
    assert!(text.contains("showers of 5x3x4; expected showers of 2x3x4"), "{text}");
}

/// Runs in a process of its own, in which files may not grow beyond 200 kB.
#[test]
#[ignore = "run by `a_full_disk_leaves_the_old_file_and_no_other`"]
fn full_disk_child() {
    let Ok(path) = std::env::var("CALO_FULL_DISK") else { return };
    let mut batch = ShowerBatch::<f32>::empty(GRID);
    let n = 20_000;
    batch.energies_gev = vec![1.5; n];
    batch.cells_mev = Array4::from_shape_fn((n, 2, 3, 4), |(i, ..)| i as f32);
    let options = WriteOptions { dtype: Dtype::F64, ..WriteOptions::new(GRID) };
    let write = || {
        let mut writer = ShowerWriter::create(Path::new(&path), &options)?;
        writer.write(&batch)?;
        writer.finish()
    };
    let error: calo_core::Error = write().unwrap_err();
    println!("message: {error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_file_and_no_other() {
    let folder = Folder::new();
    std::fs::write(folder.path(), "old").unwrap();
    // The shell ignores SIGXFSZ, so that writing beyond the limit (in blocks of 512 bytes) fails as a full disk does.
    let script = "trap '' XFSZ; ulimit -f 400; exec \"$0\" --exact full_disk_child --ignored --nocapture";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", script]).arg(std::env::current_exe().unwrap()).env("CALO_FULL_DISK", folder.path());
    let output = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("expected a disk with room"), "{stdout}");
    assert!(!stderr.contains("HDF5-DIAG"), "{stderr}");
    assert_eq!(std::fs::read(folder.path()).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 1, "the temporary file is gone");
}
