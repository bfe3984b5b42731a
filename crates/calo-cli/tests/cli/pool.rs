//! `calo pool`: coarser showers that read as those of the pooled detector, and the same as if simulated there.

use std::path::Path;

use calo_core::{Detector, ShowerBatch};
use calo_data::{ReadOptions, ShowerReader};
use ndarray::Axis;

use crate::common::{calo, read, sample, stderr, stdout};

/// `calo pool` by 3 x 3 cells of every layer; what it says.
fn pool(input: &Path, out: &Path) -> String {
    let mut command = calo();
    command.args(["pool", "--by", "1x3x3", "--detector", "ild-ecal"]).arg(input).arg("--out").arg(out);
    stdout(&command.assert().success())
}

#[test]
fn pooled_showers_are_read_as_those_of_the_pooled_detector() {
    let folder = tempfile::tempdir().unwrap();
    let (photons, out) = (sample("photons.hdf5"), folder.path().join("pooled.hdf5"));
    let fine = read(&photons);
    let text = pool(&photons, &out);
    let n = fine.len();
    let expected =
        format!("{n} showers of 30x10x10 cells, pooled from 30x30x30, written to {}\n", out.display());
    assert_eq!(text, expected);

    let detector = Detector::load("ild-ecal-pooled").unwrap();
    let mut reader = ShowerReader::open(&out, &ReadOptions::for_detector(&detector)).unwrap();
    assert_eq!(reader.info().group, detector.hdf5.group);
    let mut pooled = ShowerBatch::<f32>::empty(detector.grid);
    reader.read_batch(n, &mut pooled).unwrap();
    assert_eq!(pooled.energies_gev, fine.energies_gev);
    for (fine, pooled) in fine.cells_mev.axis_chunks_iter(Axis(2), 3).zip(pooled.cells_mev.axis_iter(Axis(2)))
    {
        for (fine, pooled) in fine.axis_chunks_iter(Axis(3), 3).zip(pooled.axis_iter(Axis(2))) {
            let sums = fine.mapv(f64::from).sum_axis(Axis(3)).sum_axis(Axis(2));
            let near = |a: f64, b: f32| (a - f64::from(b)).abs() <= 1e-7 * a;
            assert!(sums.iter().zip(pooled).all(|(sum, cell)| near(*sum, *cell)));
        }
    }
    let attributes = calo_data::read_attributes(&out, None).unwrap();
    let has = |name: &str| attributes.iter().any(|(key, _)| key == name);
    assert!(has("command") && has("input_0_blake3"), "{attributes:?}");
    // The commands that follow take it.
    calo().args(["inspect", "--detector", "ild-ecal-pooled"]).arg(&out).assert().success();
    calo().args(["inspect", "--detector", "ild-ecal"]).arg(&out).assert().code(1);
}

/// The pooled detector is the fine one with three by three cells in one: what is simulated in it is what pooling makes.
#[test]
fn showers_simulated_in_pooled_cells_are_the_pooled_showers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (detector, out) in [("ild-ecal", "fine.hdf5"), ("ild-ecal-pooled", "direct.hdf5")] {
        let mut command = calo();
        command.args(["simulate", "--particle", "gamma", "--energy", "1..20", "-n", "40", "--seed", "11"]);
        command.args(["--detector", detector, "--out"]).arg(path(out)).assert().success();
    }
    pool(&path("fine.hdf5"), &path("pooled.hdf5"));
    let (pooled, direct) = (read(&path("pooled.hdf5")), read(&path("direct.hdf5")));
    assert_eq!((pooled.grid(), pooled.len()), (direct.grid(), 40));
    assert_same_but_for_rounding(&pooled, &direct);
}

/// Bins of the pooled detector's projection are three of the fine one's.
#[test]
fn hits_projected_to_pooled_cells_are_the_pooled_showers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (detector, out) in [("ild-ecal", "fine.hdf5"), ("ild-ecal-pooled", "direct.hdf5")] {
        let mut command = calo();
        command.args(["project", "--detector", detector]).arg(sample("photon_hits.root"));
        command.arg("--out").arg(path(out)).assert().success();
    }
    pool(&path("fine.hdf5"), &path("pooled.hdf5"));
    assert_same_but_for_rounding(&read(&path("pooled.hdf5")), &read(&path("direct.hdf5")));
}

/// Each of nine cells is rounded to 32 bits twice on its way (GeV, then MeV), and so is their sum.
fn assert_same_but_for_rounding(pooled: &ShowerBatch<f32>, direct: &ShowerBatch<f32>) {
    assert_eq!((&pooled.energies_gev, &pooled.extras), (&direct.energies_gev, &direct.extras));
    assert_eq!(pooled.cells_mev.shape(), direct.cells_mev.shape());
    assert!(direct.cells_mev.sum() > 0.0);
    for ((place, pooled), direct) in pooled.cells_mev.indexed_iter().zip(&direct.cells_mev) {
        let allowed_mev = 4.0 * f32::EPSILON * pooled;
        assert!((pooled - direct).abs() <= allowed_mev, "{place:?}: {pooled} and {direct} MeV");
    }
}

#[test]
fn grids_and_blocks_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.hdf5");
    for (name, by, code, expected) in [
        (
            "photons.hdf5",
            "1x4x3",
            1,
            "blocks of 4 along x; expected a divisor of the 30 of the grid 30x30x30",
        ),
        ("pions.hdf5", "1x3x3", 1, "blocks of 3 along x; expected a divisor of the 13 of the grid 48x13x13"),
        ("photons.hdf5", "1x0x3", 2, "expected LAYERSxNXxNY"),
        ("photons.hdf5", "3x3", 2, "expected LAYERSxNXxNY"),
    ] {
        let mut command = calo();
        command.args(["pool", "--by", by]).arg(sample(name)).arg("--out").arg(&out);
        let message = stderr(&command.assert().code(code));
        assert!(message.contains(expected) && (code == 2 || message.contains(name)), "{message}");
        assert!(!out.exists());
    }
}
