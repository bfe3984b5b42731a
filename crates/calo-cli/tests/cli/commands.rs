//! The file commands: what they write, what they refuse, how they exit.

use crate::common::{calo, read, rewrite, sample, stderr, stdout};
use calo_core::ShowerBatch;
use calo_data::{ShowerWriter, WriteOptions};

#[test]
fn help_is_pinned() {
    for command in [
        "",
        "simulate",
        "inspect",
        "convert",
        "project",
        "pool",
        "filter",
        "split",
        "train",
        "encode",
        "density",
        "generate",
        "latent",
        "compare-latent",
        "select",
        "export",
        "evaluate",
        "compare",
        "observe",
        "amplification",
        "report",
        "import",
        "reproduce",
    ] {
        let mut words = vec!["--help"];
        if !command.is_empty() {
            words.insert(0, command);
        }
        let text = stdout(&calo().args(words).assert().success());
        insta::assert_snapshot!(format!("help_{command}"), text);
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for words in [&["frobnicate"][..], &["convert"], &["filter", "a", "--out", "b", "--energy", "9..1"], &[]]
    {
        calo().args(words).assert().code(2);
    }
}

#[test]
fn a_conversion_there_and_back_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let pions = sample("pions.hdf5");
    for to in ["calo-challenge", "shower-data"] {
        let steps = [(&pions, to, &path("there.hdf5")), (&path("there.hdf5"), "grid", &path("back.hdf5"))];
        for (from, to, out) in steps {
            calo()
                .args(["convert", "--detector", "ild-ahcal", "--to", to])
                .arg(from)
                .arg("--out")
                .arg(out)
                .assert()
                .success();
        }
        let (first, last) = (read(&pions), read(&path("back.hdf5")));
        assert_eq!(first.cells_mev.shape(), last.cells_mev.shape());
        let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs();
        assert!(first.energies_gev.iter().zip(&last.energies_gev).all(|(a, b)| near(*a, *b)), "{to}");
        let cells = first.cells_mev.iter().zip(&last.cells_mev);
        assert!(cells.into_iter().all(|(a, b)| near(f64::from(*a), f64::from(*b))), "{to}");
    }
}

#[test]
fn attributes_and_provenance_go_on_through_conversions() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut options = WriteOptions::new(calo_core::Grid { layers: 2, nx: 2, ny: 2 });
    options.attributes = vec![("generator".to_owned(), "Geant4 11.4".to_owned())];
    let mut batch = ShowerBatch::<f32>::empty(options.grid);
    batch.energies_gev = vec![50.0];
    batch.cells_mev = ndarray::Array4::ones((1, 2, 2, 2));
    let mut writer = ShowerWriter::create(&path("a.hdf5"), &options).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    for (from, to, out) in [("a.hdf5", "calo-challenge", "b.hdf5"), ("b.hdf5", "grid", "c.hdf5")] {
        let mut command = calo();
        command.args(["convert", "--grid", "2x2x2", "--to", to]).arg(path(from)).arg("--out").arg(path(out));
        command.assert().success();
    }
    let attributes = calo_data::read_attributes(&path("c.hdf5"), None).unwrap();
    let text = |name: &str| attributes.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str());
    assert_eq!(text("generator"), Some("Geant4 11.4"), "{attributes:?}");
    assert!(
        text("input_0_command").is_some_and(|command| command.contains("calo-challenge")),
        "{attributes:?}"
    );
    assert!(text("input_0_input_0_blake3").is_some(), "{attributes:?}");
}

#[test]
fn projected_hits_are_the_showers_of_the_same_events() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("projected.hdf5");
    let text = stdout(
        &calo()
            .args(["project", "--detector", "ild-ecal", "--out"])
            .arg(&out)
            .arg(sample("photon_hits.root"))
            .assert()
            .success(),
    );
    let showers = read(&out);
    assert!(text.contains(&format!("{} showers", showers.len())), "{text}");
    assert_eq!(showers.cells_mev.shape()[1..], [30, 30, 30]);
    let response = f64::from(showers.cells_mev.sum()) / showers.energies_gev.iter().sum::<f64>();
    assert!((20.0..26.0).contains(&response), "{response} MeV/GeV");
}

#[test]
fn the_filter_counts_what_it_drops() {
    let folder = tempfile::tempdir().unwrap();
    let (pions, out) = (sample("pions.hdf5"), folder.path().join("kept.hdf5"));
    let all = read(&pions);
    let hits =
        |i: usize| all.cells_mev.index_axis(ndarray::Axis(0), i).iter().filter(|mev| **mev > 0.25).count();
    let low = (0..all.len()).filter(|i| all.energies_gev[*i] < 20.0).count();
    let punched = (0..all.len()).filter(|i| all.energies_gev[*i] >= 20.0 && hits(*i) <= 250).count();
    assert!(low > 0 && punched > 0);
    let mut command = calo();
    command.args(["filter", "--energy", "20..100", "--more-hits-than", "250", "--hit-threshold-mev", "0.25"]);
    let text = stdout(&command.arg(&pions).arg("--out").arg(&out).assert().success());
    let kept = all.len() - low - punched;
    let expected = format!(
        "kept {kept} of {} showers; {low} below the energy window; {punched} punch-through\n",
        all.len()
    );
    assert_eq!(text, expected);
    assert_eq!(read(&out).len(), kept);
}

#[test]
fn a_filter_that_keeps_nothing_fails_and_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("kept.hdf5");
    std::fs::write(&out, "old").unwrap();
    let mut command = calo();
    command.args(["filter", "--energy", "900..1000"]).arg(sample("pions.hdf5")).arg("--out").arg(&out);
    let message = stderr(&command.assert().code(1));
    assert!(message.contains("no shower is left"), "{message}");
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_split_is_complete_and_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let photons = sample("photons.hdf5");
    let mut energies = Vec::new();
    for run in ["a", "b"] {
        let out = folder.path().join(run);
        calo().args(["split", "--seed", "7", "--out"]).arg(&out).arg(&photons).assert().success();
        for (part, n) in [("train", 160), ("validation", 20), ("test", 20)] {
            let showers = read(&out.join(format!("{part}.hdf5")));
            assert_eq!(showers.len(), n);
            energies.push(showers.energies_gev);
        }
    }
    assert_eq!(energies[..3], energies[3..]);
    let mut parts: Vec<f64> = energies[..3].concat();
    let mut all = read(&photons).energies_gev;
    parts.sort_by(f64::total_cmp);
    all.sort_by(f64::total_cmp);
    assert_eq!(parts, all);
}

#[test]
fn impossible_inputs_are_one_line_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("text.hdf5"), "not a shower in sight").unwrap();
    std::fs::write(path("empty.hdf5"), "").unwrap();
    let photons = sample("photons.hdf5");
    let whole = std::fs::read(&photons).unwrap();
    std::fs::write(path("truncated.hdf5"), &whole[..whole.len() / 2]).unwrap();
    rewrite(&photons, &path("nan.hdf5"), |batch| batch.cells_mev[[3, 4, 5, 6]] = f32::NAN);
    rewrite(&photons, &path("negative.hdf5"), |batch| batch.cells_mev[[3, 4, 5, 6]] = -1.0);
    rewrite(&photons, &path("energy.hdf5"), |batch| batch.energies_gev[2] = 0.0);
    for (name, expected) in [
        ("missing.hdf5", "No such file"),
        ("text.hdf5", "HDF5"),
        ("empty.hdf5", "empty"),
        ("truncated.hdf5", "truncated"),
        ("nan.hdf5", "shower 3"),
        ("negative.hdf5", "negative"),
        ("energy.hdf5", "shower 2"),
        (".", "directory"),
    ] {
        let out = path("out.hdf5");
        let mut command = calo();
        command.args(["convert", "--to", "grid"]).arg(path(name)).arg("--out").arg(&out);
        let message = stderr(&command.assert().code(1));
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.starts_with("calo: error: ") && message.contains(expected), "{name}: {message}");
        assert!(!out.exists());
    }
    let mut command = calo();
    command.args(["convert", "--to", "grid", "--clip-negative"]).arg(path("negative.hdf5"));
    command.arg("--out").arg(path("clipped.hdf5")).assert().success();
    assert!(read(&path("clipped.hdf5")).cells_mev[[3, 4, 5, 6]].abs() < f32::MIN_POSITIVE);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.hdf5");
    std::fs::write(&out, "old").unwrap();
    // A limit on the size of files fails writes as a full disk does; 100 blocks of 512 bytes do not hold the sample.
    let assert = assert_cmd::Command::new("sh")
        .args([
            "-c",
            "ulimit -f 100; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_calo"),
            "convert",
            "--to",
            "grid",
        ])
        .arg(sample("pions.hdf5"))
        .arg("--out")
        .arg(&out)
        .assert()
        .code(1);
    let message = stderr(&assert);
    assert_eq!(message.lines().count(), 1, "{message}");
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left");
}

#[cfg(target_os = "linux")]
#[test]
fn an_unwritable_stdout_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_calo"))
        .arg("inspect")
        .arg(sample("pions.hdf5"))
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_130_and_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let (long, out) = (folder.path().join("long.hdf5"), folder.path().join("out.hdf5"));
    // Long enough to be interrupted: the sample many times over.
    let showers = read(&sample("pions.hdf5"));
    let mut writer = ShowerWriter::create(&long, &WriteOptions::new(showers.grid())).unwrap();
    for _ in 0..100 {
        writer.write(&showers).unwrap();
    }
    writer.finish().unwrap();
    std::fs::write(&out, "old").unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_calo"))
        .args(["convert", "--to", "grid", "--compression", "9"])
        .arg(&long)
        .arg("--out")
        .arg(&out)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Once the temporary file is there, showers are being written.
    let writing = || std::fs::read_dir(folder.path()).unwrap().count() > 2;
    while !writing() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "the temporary file was left");
}
