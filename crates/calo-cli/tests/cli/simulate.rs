//! `calo simulate`: the same showers however they are made, through kills, full disks and interrupts.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use calo_core::Detector;
use ndarray::s;

use crate::common::{calo, read, stderr, stdout};

/// A request long enough to be interrupted: 40 blocks. Its output, raw hits, takes no time then.
const LONG: [&str; 10] = [
    "simulate",
    "--detector",
    "ild-ahcal",
    "--particle",
    "gamma",
    "--energy",
    "0.02..0.1",
    "-n",
    "10000",
    "--out",
];

/// The long request, uninterrupted.
fn long_run(folder: &Path) -> Vec<u8> {
    let out = folder.join("whole.root");
    calo().args(LONG).arg(&out).assert().success();
    std::fs::read(out).unwrap()
}

fn spawn(out: &Path, threads: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_calo"));
    command.args(LONG).arg(out).args(["--threads", threads]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn partial(out: &Path) -> PathBuf {
    PathBuf::from(format!("{}.partial", out.display()))
}

/// Finished blocks beside the output.
fn n_blocks(out: &Path) -> usize {
    let entries = std::fs::read_dir(partial(out)).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("block-")).count()
}

/// Waits until the child has written a block; `false` if it ended before.
fn has_worked(child: &mut Child, out: &Path) -> bool {
    let before = n_blocks(out);
    while child.try_wait().unwrap().is_none() {
        if n_blocks(out) > before {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_killed_again_and_again_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (expected, out) = (long_run(folder.path()), folder.path().join("killed.root"));
    let mut n_kills = 0;
    for threads in ["1", "2", "3"] {
        let mut child = spawn(&out, threads);
        if has_worked(&mut child, &out) {
            child.kill().unwrap();
            n_kills += 1;
        }
        child.wait().unwrap();
    }
    assert!(n_kills > 0, "the run was over before it could be killed");
    if partial(&out).exists() {
        assert!(!out.exists());
        let message = stderr(&calo().args(LONG).arg(&out).assert().success());
        assert!(message.contains("going on after"), "{message}");
    }
    assert!(std::fs::read(&out).unwrap() == expected);
    assert_eq!(names(folder.path()), ["killed.root", "whole.root"]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_130_and_loses_nothing_that_was_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (expected, out) = (long_run(folder.path()), folder.path().join("stopped.root"));
    std::fs::write(&out, "old").unwrap();
    let mut child = spawn(&out, "2");
    assert!(has_worked(&mut child, &out), "the run was over before it could be interrupted");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = child.wait_with_output().unwrap();
    let message = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{message}");
    assert!(message.contains("of 10000 showers are kept in"), "{message}");
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
    calo().args(LONG).arg(&out).assert().success();
    assert!(std::fs::read(&out).unwrap() == expected);
    assert!(!partial(&out).exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_the_whole_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let (expected, out) = (long_run(folder.path()), folder.path().join("full.root"));
    // A limit on the size of files fails writes as a full disk does: of a block, and of the output.
    for (limit, kept) in [("4", "0 of 10000 showers"), ("100", "10000 of 10000 showers")] {
        let limited = format!("ulimit -f {limit}; exec \"$@\"");
        let assert = assert_cmd::Command::new("sh")
            .args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_calo")])
            .args(LONG)
            .arg(&out)
            .assert()
            .code(1);
        let message = stderr(&assert);
        assert_eq!(message.lines().count(), 1, "{message}");
        for part in [kept, "the same command resumes from there", "cannot"] {
            assert!(message.contains(part), "{message}");
        }
    }
    assert!(!out.exists());
    calo().args(LONG).arg(&out).assert().success();
    assert!(std::fs::read(&out).unwrap() == expected);
    assert_eq!(names(folder.path()), ["full.root", "whole.root"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_log_ends_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let (expected, out) = (long_run(folder.path()), folder.path().join("unheard.root"));
    let mut child = spawn(&out, "2");
    assert!(has_worked(&mut child, &out), "the run was over before it could be killed");
    child.kill().unwrap();
    child.wait().unwrap();
    // Goes on, and would say so.
    assert!(partial(&out).exists());
    assert!(crate::full_log::deaf_calo().args(LONG).arg(&out).status().unwrap().success());
    assert!(std::fs::read(&out).unwrap() == expected);
}

/// `calo simulate` of some showers.
fn simulate(detector: &str, particle: &str, energy: &str, n: &str, out: &Path, more: &[&str]) -> String {
    let mut command = calo();
    command.args(["simulate", "--detector", detector, "--particle", particle, "--energy", energy, "-n", n]);
    stdout(&command.arg("--out").arg(out).args(more).assert().success())
}

#[test]
fn an_unfinished_run_of_another_request_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.root");
    let mut child = spawn(&out, "1");
    assert!(has_worked(&mut child, &out), "the run was over before it could be killed");
    child.kill().unwrap();
    child.wait().unwrap();
    let other = |more: &[&str]| {
        let mut command = calo();
        command.args(["simulate", "--detector", "ild-ahcal", "--particle", "pi+", "--energy", "0.02..0.1"]);
        command.args(["-n", "300", "--seed", "2", "--out"]).arg(&out).args(more).assert()
    };
    let message = stderr(&other(&[]).code(1));
    assert_eq!(message.lines().count(), 1, "{message}");
    for part in ["particle: gamma, not pi+", "seed: 1, not 2", "n_showers: 10000, not 300", "--restart"] {
        assert!(message.contains(part), "{message}");
    }
    assert!(!out.exists());
    let report = stdout(&other(&["--restart"]).success());
    assert!(report.starts_with("300 events"), "{report}");
    assert!(!partial(&out).exists());
}

#[test]
fn showers_depend_on_their_number_not_on_threads_and_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (threads, out) in [("1", "one.hdf5"), ("4", "four.hdf5")] {
        simulate("ild-ahcal", "pi+", "1", "300", &path(out), &["--threads", threads]);
    }
    assert!(std::fs::read(path("one.hdf5")).unwrap() == std::fs::read(path("four.hdf5")).unwrap());
    simulate("ild-ahcal", "pi+", "1", "20", &path("part.hdf5"), &["--first", "270"]);
    simulate("ild-ahcal", "pi+", "1", "20", &path("other.hdf5"), &["--first", "270", "--seed", "2"]);
    let [whole, part, other] = ["one.hdf5", "part.hdf5", "other.hdf5"].map(|name| read(&path(name)));
    assert_eq!(part.cells_mev, whole.cells_mev.slice(s![270..290, .., .., ..]));
    assert_ne!(part.cells_mev, other.cells_mev);
    assert_eq!(part.extras.shower_ids, Some((270..290).collect::<Vec<i64>>()));
    assert_eq!(part.extras.pdg, Some(vec![211; 20]));
    assert!(whole.energies_gev.iter().all(|energy| (energy - 1.0).abs() < 1e-12));
}

/// Raw hits take the way of real data; showers took it in memory.
#[test]
fn projected_raw_hits_are_the_showers() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (detector, particle) in [("ild-ecal-staggered", "gamma"), ("ild-ahcal", "pi+")] {
        let report = simulate(detector, particle, "1..5", "40", &path("direct.hdf5"), &["--seed", "7"]);
        assert!(report.starts_with("40 showers of "), "{report}");
        simulate(detector, particle, "1..5", "40", &path("raw.root"), &["--seed", "7"]);
        let mut project = calo();
        project.args(["project", "--detector", detector, "--staggering", "geometry"]).arg(path("raw.root"));
        project.arg("--out").arg(path("projected.hdf5")).assert().success();
        let (direct, projected) = (read(&path("direct.hdf5")), read(&path("projected.hdf5")));
        assert!(direct == projected, "{detector}");
        assert_eq!(direct.grid(), Detector::load(detector).unwrap().grid);
        assert!(direct.cells_mev.sum() > 0.0);
        assert!(direct.energies_gev.iter().all(|energy| (1.0..=5.0).contains(energy)));
    }
}

#[test]
fn a_file_tells_how_to_make_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    simulate("ild-ahcal", "pi-", "2", "10", &path("first.hdf5"), &[]);
    let attributes = calo_data::read_attributes(&path("first.hdf5"), None).unwrap();
    let text =
        |name: &str| attributes.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str()).unwrap();
    assert_eq!(
        text("command"),
        "calo simulate --detector ild-ahcal --particle pi- --energy 2 -n 10 --seed 1 --first 0"
    );
    assert_eq!([text("simulation_particle"), text("simulation_seed")], ["pi-", "1"]);
    std::fs::write(path("detector.toml"), text("simulation_detector_toml")).unwrap();
    let detector = path("detector.toml");
    simulate(detector.to_str().unwrap(), "pi-", "2", "10", &path("again.hdf5"), &[]);
    assert_eq!(read(&path("again.hdf5")), read(&path("first.hdf5")));
}

#[test]
fn wrong_requests_are_usage_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (hdf5, root, text) = (path("out.hdf5"), path("out.root"), path("out.txt"));
    let (hdf5, root, text) = (hdf5.as_str(), root.as_str(), text.as_str());
    let particle = "no particle named `kaon`; expected one of gamma, e-, e+, pi+";
    for ([particle, energy, n, out], more, expected) in [
        (["kaon", "10", "1", hdf5], &[][..], particle),
        (["gamma", "0.009..1", "1", hdf5], &[], "0.009..1 GeV; expected LOW..HIGH within 0.01 to 1000 GeV"),
        (["gamma", "500..1001", "1", hdf5], &[], "within 0.01 to 1000 GeV"),
        (["gamma", "100..10", "1", hdf5], &[], "100 is above 10"),
        (["gamma", "-10..10", "1", hdf5], &[], "`-10` is not a finite number above 0"),
        (["gamma", "NaN", "1", hdf5], &[], "not a finite number"),
        (["gamma", "10", "0", hdf5], &[], "0 is not in 1.."),
        (["gamma", "10", "2", hdf5], &["--first", "9223372036854775807"], "beyond the last shower number"),
        (["gamma", "10", "1", text], &[], "expected NAME.hdf5 or NAME.h5 (showers) or NAME.root"),
        (["gamma", "10", "1", root], &["--dtype", "f64"], "--dtype is for HDF5 files"),
    ] {
        let mut command = calo();
        command.args(["simulate", "--detector", "ild-ecal", "--particle", particle, "--energy", energy]);
        let message = stderr(&command.args(["-n", n, "--out", out]).args(more).assert().code(2));
        assert!(message.contains(expected), "{message}");
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn impossible_detectors_and_places_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let known = Detector::load("ild-ecal").unwrap().to_toml().unwrap();
    std::fs::write(path("material.toml"), known.replace("\"tungsten\"", "\"unobtainium\"")).unwrap();
    std::fs::write(path("layers.toml"), "extends = 'ild-ecal'\n[grid]\nlayers = 0\n").unwrap();
    std::fs::write(path("stack.toml"), "extends = 'ild-ecal'\n[geometry]\nstack = []\n").unwrap();
    let out = path("out.hdf5");
    for (detector, out, expected) in [
        (path("material.toml"), &out, "unobtainium"),
        (path("layers.toml"), &out, "field `grid.layers`: 0; expected 1 to 1024"),
        (path("stack.toml"), &out, "field `geometry.stack`: 0; expected 1 to 100000 slabs"),
        (path("none.toml"), &out, "cannot read the detector"),
        ("ild-ecl".into(), &out, "expected one of ild-ecal"),
        ("ild-ecal".into(), &path("none/out.hdf5"), "does not exist"),
    ] {
        let mut command = calo();
        command.arg("simulate").arg("--detector").arg(detector).arg("--out").arg(out);
        let message =
            stderr(&command.args(["--particle", "gamma", "--energy", "1", "-n", "1"]).assert().code(1));
        assert_eq!(message.lines().count(), 1, "{message}");
        assert!(message.contains(expected), "{message}");
    }
    assert_eq!(names(folder.path()), ["layers.toml", "material.toml", "stack.toml"]);
}
