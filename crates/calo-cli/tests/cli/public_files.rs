//! Files of other people: units, axes, options that do nothing, and outputs in places that are not plain files.

use std::path::{Path, PathBuf};

use crate::common::{calo, read, rewrite, sample, stderr, stdout};

/// A few showers of the sample with everything in units a thousand times as small or large.
fn in_other_units(folder: &Path, name: &str, energy_factor: f64, cell_factor: f32) -> PathBuf {
    let path = folder.join(name);
    rewrite(&sample("photons.hdf5"), &path, |batch| {
        batch.energies_gev.iter_mut().for_each(|energy| *energy *= energy_factor);
        batch.cells_mev.mapv_inplace(|cell| cell * cell_factor);
    });
    path
}

#[test]
fn every_reading_command_refuses_implausible_units_and_takes_the_option_that_mends_them() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.hdf5");
    for (name, energy_factor, cell_factor, option) in [
        ("mev.hdf5", 1e3, 1.0, ["--energy-unit", "MeV"]),
        ("gev_cells.hdf5", 1.0, 1e-3, ["--cell-unit", "GeV"]),
    ] {
        let input = in_other_units(folder.path(), name, energy_factor, cell_factor);
        for words in [
            &["convert", "--to", "calo-challenge", "--detector", "ild-ecal"][..],
            &["filter", "--detector", "ild-ecal"],
            &["split"],
            &["pool", "--by", "1x3x3"],
        ] {
            let command = |more: &[&str]| {
                let mut command = calo();
                let out = if words[0] == "split" { folder.path().join("split") } else { out.clone() };
                command.args(words).args(more).arg(&input).arg("--out").arg(out);
                command.assert()
            };
            let message = stderr(&command(&[]).code(1));
            assert!(
                message.contains("look 1000 times too small") && message.contains(option[0]),
                "{message}"
            );
            command(&option).success();
            command(&["--trust-units"]).success();
        }
        let evaluate = |more: &[&str]| {
            let mut command = calo();
            command.args(["evaluate", "--detector", "ild-ecal"]).args(more);
            for role in ["--reference", "--candidate"] {
                command.arg(role).arg(&input);
            }
            command.arg("--out").arg(folder.path().join("evaluated")).assert()
        };
        assert!(stderr(&evaluate(&[]).code(1)).contains("look 1000 times too small"));
        evaluate(&["--trust-units"]).success();
        calo()
            .args(["convert", "--to", "grid"])
            .args(option)
            .arg(&input)
            .arg("--out")
            .arg(&out)
            .assert()
            .success();
        let (mended, original) = (read(&out), read(&sample("photons.hdf5")));
        for (a, b) in mended.energies_gev.iter().zip(&original.energies_gev) {
            assert!((a - b).abs() <= 1e-6 * b, "{a} {b}");
        }
        for (a, b) in mended.cells_mev.iter().zip(&original.cells_mev) {
            assert!((a - b).abs() <= 3e-7 * b, "{a} {b}");
        }
    }
}

#[test]
fn options_that_do_nothing_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.hdf5");
    let photons = sample("photons.hdf5");
    for (words, expected) in [
        (
            &["--to", "calo-challenge", "--to-group", "abc"][..],
            "--to-group has no effect on the layout calo-challenge",
        ),
        (&["--to", "shower-data", "--detector", "ild-ecal", "--dtype", "f64"][..], "--dtype has no effect"),
        (&["--to", "lemurs"][..], "--to lemurs: is only read"),
        (&["--to", "grid", "--axes", "x,y"][..], "in the file's order"),
        (&["--to", "grid", "--cell-unit", "furlong"][..], "one of eV, keV, MeV, GeV, TeV"),
    ] {
        let assert = calo().arg("convert").args(words).arg(&photons).arg("--out").arg(&out).assert().code(2);
        let message = stderr(&assert);
        assert!(message.contains(expected), "{message}");
    }
    let message = stderr(&calo().args(["convert", "--to", "grid", "-", "--out"]).arg(&out).assert().code(1));
    assert!(message.contains("-: standard input; expected a file"), "{message}");
    assert!(!out.exists());
}

#[test]
fn axes_are_put_in_order_and_inspect_shows_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let (there, back) = (folder.path().join("there.hdf5"), folder.path().join("back.hdf5"));
    let photons = sample("photons.hdf5");
    // Four quarter turns.
    for (from, to) in [(&photons, &there), (&there, &back), (&back, &there), (&there, &back)] {
        let mut command = calo();
        command.args(["convert", "--to", "grid", "--axes", "layer,-y,x"]).arg(from).arg("--out").arg(to);
        command.assert().success();
    }
    assert_eq!(read(&back).cells_mev, read(&photons).cells_mev);
    let text = stdout(&calo().args(["inspect", "--axes", "x,layer,y"]).arg(&photons).assert().success());
    assert!(text.contains("in MeV") && text.contains("x,layer,y"), "{text}");
}

#[cfg(unix)]
#[test]
fn outputs_follow_links_and_replace_no_read_only_file_without_force() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let convert = |out: &Path, more: &[&str]| {
        let mut command = calo();
        command
            .args(["convert", "--to", "grid"])
            .args(more)
            .arg(sample("photons.hdf5"))
            .arg("--out")
            .arg(out);
        command.assert()
    };
    std::fs::create_dir(path("scratch")).unwrap();
    std::os::unix::fs::symlink("scratch/new.hdf5", path("link.hdf5")).unwrap();
    convert(&path("link.hdf5"), &[]).success();
    assert!(path("link.hdf5").is_symlink() && path("scratch/new.hdf5").is_file());

    let kept = path("scratch/new.hdf5");
    let mut permissions = std::fs::metadata(&kept).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&kept, permissions).unwrap();
    let message = stderr(&convert(&path("link.hdf5"), &[]).code(1));
    assert!(message.contains("is read-only"), "{message}");
    convert(&path("link.hdf5"), &["--force"]).success();
    let message = stderr(&convert(Path::new("/dev/null"), &[]).code(1));
    assert!(message.contains("is not a regular file"), "{message}");
}
