//! Files as public programs write them: filters, types of numbers, units, layouts. `data/make.py` says which value
//! stands where.
#![expect(clippy::unwrap_used, reason = "in tests, a failed expectation is the report")]

use std::path::PathBuf;

use calo_core::{Detector, Grid, ShowerBatch};
use calo_data::{EnergyUnit, Layout, ReadOptions, ShowerReader, ShowerWriter, WriteOptions};

const N: usize = 7;
const GRID: Grid = Grid { layers: 4, nx: 6, ny: 10 };

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(format!("{name}.hdf5"))
}

fn cell(shower: usize, cell: usize) -> f64 {
    if (shower + cell).is_multiple_of(3) { (shower as f64 + 1.0) * (cell % 60) as f64 / 64.0 } else { 0.0 }
}

fn small(shower: usize, cell: usize) -> f64 {
    ((shower + cell) % 3) as f64
}

fn open(name: &str, options: &ReadOptions) -> ShowerReader {
    ShowerReader::open(&file(name), options).map_err(|e| e.to_string()).unwrap()
}

fn check(name: &str, options: &ReadOptions, expected: fn(usize, usize) -> f64) -> ShowerReader {
    let mut reader = open(name, options);
    assert_eq!((reader.grid(), reader.n_showers()), (GRID, N as u64), "{name}");
    for pieces in [2, 100] {
        reader.seek(0).unwrap();
        let mut batch = ShowerBatch::<f32>::empty(GRID);
        let mut shower = 0;
        while reader.read_batch(pieces, &mut batch).map_err(|e| e.to_string()).unwrap() {
            for (energy, cells) in batch.energies_gev.iter().zip(batch.cells_mev.outer_iter()) {
                // In TeV, energies of the files were rounded.
                let wanted = 10.0 + shower as f64 / 8.0;
                assert!((energy - wanted).abs() < 1e-14 * wanted, "{name}: {energy}");
                for (i, value) in cells.iter().enumerate() {
                    let wanted = expected(shower, i) as f32;
                    assert!((value - wanted).abs() <= f32::EPSILON * wanted, "{name} {shower} {i}: {value}");
                }
                shower += 1;
            }
        }
        assert_eq!(shower, N, "{name}");
    }
    reader
}

fn refusal(name: &str, options: &ReadOptions) -> String {
    let message = ShowerReader::open(&file(name), options).unwrap_err().to_string();
    assert!(!message.contains('\n') && !message.contains("damaged"), "{message}");
    message
}

#[test]
fn filters_of_plugins_are_undone() {
    for name in [
        "bzip2",
        "lz4",
        "zstd",
        "bitshuffle_lz4",
        "bitshuffle_zstd",
        "bitshuffle_none",
        "blosc_blosclz",
        "blosc_lz4",
        "blosc_zlib",
        "blosc_zstd",
        "blosc_copied",
    ] {
        check(&format!("filter_{name}"), &ReadOptions::default(), cell);
    }
    check("filter_scaleoffset", &ReadOptions::default(), small);
    assert_eq!(open("filter_blosc_lz4", &ReadOptions::default()).info().cells.filters, ["blosc"]);
}

#[test]
fn other_filters_are_named_with_a_way_out() {
    for (name, words) in
        [("blosc2", "Blosc2 (filter 32026)"), ("zfp", "ZFP (filter 32013)"), ("szip", "szip (filter 4)")]
    {
        let message = refusal(&format!("filter_{name}"), &ReadOptions::default());
        assert!(message.contains(words) && message.contains("h5repack -f GZIP=4"), "{message}");
    }
}

#[test]
fn numbers_of_every_type_are_read() {
    for name in
        ["f2", "big_f2", "bf16", "longdouble", "i1", "u1", "i2", "u2", "big_u2", "i4", "u4", "i8", "u8"]
    {
        check(&format!("type_{name}"), &ReadOptions::default(), small);
    }
}

#[test]
fn units_of_attributes_are_honoured_and_options_overrule_them() {
    let reader = check("unit_mev_kev", &ReadOptions::default(), cell);
    assert_eq!((reader.info().energy_unit, reader.info().cell_unit), (EnergyUnit::Mev, EnergyUnit::Kev));
    check("unit_tev_gev", &ReadOptions::default(), cell);
    let message = refusal("unit_furlong", &ReadOptions::default());
    assert!(
        message.contains("has the unit `furlong`; expected eV, keV, MeV, GeV or TeV (--energy-unit"),
        "{message}"
    );
    let told = ReadOptions { energy_unit: Some(EnergyUnit::Gev), ..ReadOptions::default() };
    check("unit_furlong", &told, cell);
}

#[test]
fn layouts_of_other_projects_are_recognised() {
    for (name, layout) in [
        ("lemurs", Layout::Lemurs),
        ("3dgan_energy", Layout::Clic),
        ("3dgan_target", Layout::Clic),
        ("challenge_4d", Layout::CaloChallenge),
    ] {
        let reader = check(&format!("layout_{name}"), &ReadOptions::default(), cell);
        assert_eq!(reader.info().layout, layout, "{name}");
    }
}

#[test]
fn axes_and_names_can_be_told() {
    let options = ReadOptions {
        layout: Some(Layout::CaloChallenge),
        energy_name: Some("incident_energy".to_owned()),
        axes: Some("y,x,layer".parse().unwrap()),
        ..ReadOptions::default()
    };
    check("layout_lemurs", &options, cell);
    // The last layer first.
    let mut reader = open(
        "unit_mev_kev",
        &ReadOptions { axes: Some("-layer,x,y".parse().unwrap()), ..ReadOptions::default() },
    );
    let mut batch = ShowerBatch::<f64>::empty(GRID);
    reader.read_batch(1, &mut batch).unwrap();
    assert!((batch.cells_mev[[0, 0, 0, 3]] - cell(0, 183)).abs() < 1e-12);
    // Bad cells are shown in our order.
    let message = refusal(
        "layout_lemurs",
        &ReadOptions {
            energy_name: Some("nonsense".to_owned()),
            layout: Some(Layout::Lemurs),
            ..ReadOptions::default()
        },
    );
    assert!(message.contains("data sets `nonsense` and `showers`"), "{message}");
}

#[test]
fn groups_are_found_by_their_paths() {
    let told = |group: &str| ReadOptions { group: Some(group.to_owned()), ..ReadOptions::default() };
    // `sim` holds itself as `sim/again`, which is not entered.
    check("groups_nested", &ReadOptions::default(), cell);
    check("groups_nested", &told("/sim/2024/ecal/"), cell);
    let message = refusal("groups_many", &ReadOptions::default());
    assert!(
        message.contains("run_010, run_240; expected the name of the group to read (--group)"),
        "{message}"
    );
    assert_eq!(open("groups_many", &told("run_240")).n_showers(), N as u64);
    let message = refusal("groups_many", &told("run_241"));
    assert!(message.contains("expected a group `run_241` with data sets `energy` and `layers`"), "{message}");
}

#[test]
fn inspection_needs_no_grid() {
    let inspect = ReadOptions { inspect: true, ..ReadOptions::default() };
    let foreign = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/foreign");
    for (name, n_cells, hint) in
        [("calo_challenge.hdf5", 60, "--grid LAYERSxNXxNY"), ("clouds.h5", 1, "--detector")]
    {
        let path = foreign.join(name);
        let mut reader = ShowerReader::open(&path, &inspect).map_err(|e| e.to_string()).unwrap();
        assert_eq!(reader.grid().n_cells(), n_cells, "{name}");
        assert!(reader.info().notes.iter().any(|note| note.contains(hint)), "{:?}", reader.info().notes);
        let mut batch = ShowerBatch::<f64>::empty(reader.grid());
        assert!(reader.read_batch(100, &mut batch).unwrap());
        assert!(batch.view().sum() > 0.0);
        let message = ShowerReader::open(&path, &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains(hint), "{message}");
    }
}

#[test]
fn implausible_units_name_their_way_out() {
    let of = |energy_unit, cell_unit| {
        let options = ReadOptions { energy_unit, cell_unit, ..ReadOptions::default() };
        let message = open("unit_mev_kev", &options).check_units();
        message.map_err(|e| e.to_string())
    };
    // About 14 MeV/GeV.
    of(None, None).unwrap();
    let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/photons.hdf5");
    let sample = |energy_unit, cell_unit| {
        let options = ReadOptions { energy_unit, cell_unit, ..ReadOptions::default() };
        ShowerReader::open(&sample, &options).unwrap().check_units().map_err(|e| e.to_string())
    };
    sample(None, None).unwrap();
    let message = sample(None, Some(EnergyUnit::Kev)).unwrap_err();
    assert!(message.contains("look 1000 times too small"), "{message}");
    assert!(message.contains("--cell-unit MeV or --energy-unit MeV say what the file has"), "{message}");
    let message = sample(Some(EnergyUnit::Mev), None).unwrap_err();
    assert!(message.contains("--cell-unit keV or --energy-unit GeV"), "{message}");
}

/// The full image is told by its shape, whatever its group is called.
#[test]
fn full_images_are_cut_in_any_group() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pions.hdf5");
    let grid = Grid { layers: 48, nx: 48, ny: 48 };
    let mut batch = ShowerBatch::<f32>::empty(grid);
    batch.energies_gev = vec![40.0];
    batch.cells_mev = ndarray::Array4::zeros((1, 48, 48, 48));
    batch.cells_mev[[0, 7, 19, 29]] = 1.5;
    let options = WriteOptions { group: Some("pions".to_owned()), ..WriteOptions::new(grid) };
    let mut writer = ShowerWriter::create(&path, &options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let detector = Detector::load("ild-ahcal").unwrap();
    let mut reader = ShowerReader::open(&path, &ReadOptions::for_detector(&detector)).unwrap();
    assert_eq!((reader.grid(), reader.info().full_grid), (detector.grid, Some(grid)));
    let mut core = ShowerBatch::<f32>::empty(detector.grid);
    reader.read_batch(1, &mut core).unwrap();
    assert!((core.cells_mev[[0, 7, 0, 12]] - 1.5).abs() < f32::EPSILON);
}

#[test]
fn sound_files_are_not_called_damaged() {
    let options = ReadOptions::default();
    assert!(refusal("link_dangling", &options).contains("is a link to `/gone`, which is not in the file"));
    assert!(refusal("empty_space", &options).contains("holds no data"));
}

#[test]
fn what_nobody_needs_is_left_out_and_named() {
    for name in [
        "pdg_text",
        "pdg_float",
        "pdg_wide",
        "directions_one",
        "directions_angles",
        "ids_text",
        "ids_unsigned",
        "ids_dangling",
    ] {
        let reader = check(&format!("extra_{name}"), &ReadOptions::default(), cell);
        let notes = &reader.info().notes;
        assert_eq!(notes.len(), 1, "{name}: {notes:?}");
        let wanted = name.split('_').next().unwrap().replace("ids", "shower_ids");
        assert!(notes[0].contains(&wanted) && notes[0].ends_with("(left out)"), "{notes:?}");
    }
    for name in ["pdg_scalar", "pdg_one"] {
        let mut reader = check(&format!("extra_{name}"), &ReadOptions::default(), cell);
        let mut batch = ShowerBatch::<f32>::empty(GRID);
        reader.seek(0).unwrap();
        reader.read_batch(N, &mut batch).unwrap();
        assert_eq!(batch.extras.pdg, Some(vec![22; N]));
    }
    let mut reader = open("extra_ids_unsigned_small", &ReadOptions::default());
    let mut batch = ShowerBatch::<f32>::empty(GRID);
    reader.read_batch(2, &mut batch).unwrap();
    assert_eq!(batch.extras.shower_ids, Some(vec![1 << 62, (1 << 62) + 1]));
}

/// All 2500 showers of a row of chunks would take 270 MB.
#[test]
fn chunks_that_many_showers_share_are_read_in_parts() {
    let mut reader = open("default_chunks", &ReadOptions::default());
    let mut batch = ShowerBatch::<f64>::empty(reader.grid());
    for (shower, value) in [(0, 1.0), (5000, 2.0), (35_000, 8.0), (5001, 0.0), (39_999, 0.0), (2499, 0.0)] {
        reader.seek(shower).unwrap();
        reader.read_batch(1, &mut batch).unwrap();
        let expected = 16.0 * value;
        assert!((batch.view().sum() - expected).abs() < 1e-9, "{shower}: {}", batch.view().sum());
    }
}

/// As h5py does: a file that is being written may be half there.
#[test]
fn files_open_for_writing_elsewhere_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("busy.hdf5");
    std::fs::copy(file("filter_zstd"), &path).unwrap();
    // As libhdf5 locks what it writes, from another process.
    let script = format!("exec 9<>'{0}'; flock -x -n 9 && echo locked && read line", path.display());
    let mut child = std::process::Command::new("sh")
        .args(["-c", &script])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let stdout = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
    if line.trim() == "locked" {
        let message = ShowerReader::open(&path, &ReadOptions::default()).unwrap_err().to_string();
        assert!(message.contains("is open for writing elsewhere"), "{message}");
    }
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(ShowerReader::open(&path, &ReadOptions::default()).is_ok());
}
