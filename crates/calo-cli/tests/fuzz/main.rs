//! Damaged files: thousands of mutations of real HDF5, ROOT and TOML files, each given to `calo` in a child process.
//!
//! Whatever the damage, `calo` exits with 0 or 1, within ten seconds and a gigabyte, says in one line what is wrong when
//! it fails, and leaves nothing under the output's name then. Crashes inside libhdf5 that the guard of `calo` reports
//! count as failures like any other, and are counted apart.
//!
//! Mutation `i` of a case depends on the case's name and `i` alone. A file that breaks the rules is kept under
//! `target/fuzz-failures` with the command that shows it. `CALO_FUZZ_MUTATIONS=5000` makes every case that long.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed expectation is a test's report")]

mod child;
mod mutate;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// A file to damage, and what to do with it.
struct Case {
    name: &'static str,
    /// The undamaged file, from the root of the workspace.
    seed: &'static str,
    mutations: u64,
    /// Arguments of `calo`; `{in}` is the damaged file, `{out}` the output, other words with a `/` are files from the
    /// root of the workspace.
    commands: &'static [&'static [&'static str]],
}

const INSPECT: &[&str] = &["inspect", "{in}"];
const CONVERT: &[&str] = &["convert", "{in}", "--to", "grid", "--out", "{out}"];
const FILTER_PHOTONS: &[&str] =
    &["filter", "{in}", "--out", "{out}", "--detector", "ild-ecal", "--cell-cut-mev", "0.1"];
const FILTER_PIONS: &[&str] =
    &["filter", "{in}", "--out", "{out}", "--detector", "ild-ahcal", "--punch-through"];
const SPLIT: &[&str] = &["split", "{in}", "--out", "{out}", "--fractions", "1,1,0"];
const PHOTONS: &str = "crates/calo-cli/tests/fuzz/seeds/photons_gzip.hdf5";
const PIONS: &str = "crates/calo-cli/tests/fuzz/seeds/pions_contiguous.hdf5";
const EVALUATE: &[&str] =
    &["evaluate", "--reference", PHOTONS, "--candidate", "{in}", "--detector", "ild-ecal", "--out", "{out}"];
const PROJECT: &[&str] = &["project", "{in}", "--detector", "ild-ecal", "--out", "{out}"];

const PHOTONS_GZIP: Case = Case {
    name: "photons_gzip",
    seed: PHOTONS,
    mutations: 300,
    commands: &[INSPECT, CONVERT, FILTER_PHOTONS, EVALUATE],
};
const PHOTONS_LZF_LATEST: Case = Case {
    name: "photons_lzf_latest",
    seed: "crates/calo-cli/tests/fuzz/seeds/photons_lzf_latest.hdf5",
    mutations: 300,
    commands: &[INSPECT, CONVERT, FILTER_PHOTONS],
};
const PHOTONS_F64_FLETCHER: Case = Case {
    name: "photons_f64_fletcher",
    seed: "crates/calo-cli/tests/fuzz/seeds/photons_f64_fletcher.hdf5",
    mutations: 200,
    commands: &[INSPECT, CONVERT, SPLIT],
};
const PIONS_CONTIGUOUS: Case = Case {
    name: "pions_contiguous",
    seed: PIONS,
    mutations: 200,
    commands: &[INSPECT, CONVERT, FILTER_PIONS],
};
const PIONS_HCAL_ONLY: Case = Case {
    name: "pions_hcal_only",
    seed: "crates/calo-cli/tests/fuzz/seeds/pions_hcal_only.hdf5",
    mutations: 200,
    commands: &[INSPECT, CONVERT],
};
const PHOTONS_CALOCHALLENGE: Case = Case {
    name: "photons_calochallenge",
    seed: "crates/calo-cli/tests/fuzz/seeds/photons_calochallenge.hdf5",
    mutations: 200,
    commands: &[
        &["inspect", "{in}", "--grid", "30x30x30"],
        &["convert", "{in}", "--grid", "30x30x30", "--to", "grid", "--out", "{out}"],
    ],
};
const PHOTONS_SHOWERDATA: Case = Case {
    name: "photons_showerdata",
    seed: "crates/calo-cli/tests/fuzz/seeds/photons_showerdata.hdf5",
    mutations: 300,
    commands: &[
        &["inspect", "{in}", "--detector", "ild-ecal"],
        &["convert", "{in}", "--detector", "ild-ecal", "--to", "grid", "--out", "{out}"],
        &["convert", "{in}", "--detector", "ild-ecal", "--to", "shower-data", "--out", "{out}"],
    ],
};
const ROOT_HITS: Case =
    Case { name: "root_hits", seed: "data/photon_hits.root", mutations: 300, commands: &[PROJECT] };
const TOML_ECAL: Case = Case {
    name: "toml_ecal",
    seed: "configs/detectors/ild-ecal.toml",
    mutations: 300,
    commands: &[
        &["filter", PHOTONS, "--out", "{out}", "--detector", "{in}"],
        &["project", "data/photon_hits.root", "--detector", "{in}", "--out", "{out}"],
        &["evaluate", "--reference", PHOTONS, "--candidate", PHOTONS, "--detector", "{in}", "--out", "{out}"],
    ],
};
const TOML_AHCAL: Case = Case {
    name: "toml_ahcal",
    seed: "configs/detectors/ild-ahcal.toml",
    mutations: 200,
    commands: &[&["filter", PIONS, "--out", "{out}", "--detector", "{in}"]],
};

const CASES: [&Case; 10] = [
    &PHOTONS_GZIP,
    &PHOTONS_LZF_LATEST,
    &PHOTONS_F64_FLETCHER,
    &PIONS_CONTIGUOUS,
    &PIONS_HCAL_ONLY,
    &PHOTONS_CALOCHALLENGE,
    &PHOTONS_SHOWERDATA,
    &ROOT_HITS,
    &TOML_ECAL,
    &TOML_AHCAL,
];

// One test a case: test runners run as many at a time as there are cores.
#[test]
fn photons_gzip() {
    fuzz(&PHOTONS_GZIP);
}

#[test]
fn photons_lzf_latest() {
    fuzz(&PHOTONS_LZF_LATEST);
}

#[test]
fn photons_f64_fletcher() {
    fuzz(&PHOTONS_F64_FLETCHER);
}

#[test]
fn pions_contiguous() {
    fuzz(&PIONS_CONTIGUOUS);
}

#[test]
fn pions_hcal_only() {
    fuzz(&PIONS_HCAL_ONLY);
}

#[test]
fn photons_calochallenge() {
    fuzz(&PHOTONS_CALOCHALLENGE);
}

#[test]
fn photons_showerdata() {
    fuzz(&PHOTONS_SHOWERDATA);
}

#[test]
fn root_hits() {
    fuzz(&ROOT_HITS);
}

#[test]
fn toml_ecal() {
    fuzz(&TOML_ECAL);
}

#[test]
fn toml_ahcal() {
    fuzz(&TOML_AHCAL);
}

#[test]
fn the_cases_make_two_thousand_mutations() {
    let total: u64 = CASES.iter().map(|case| case.mutations).sum();
    assert!(total >= 2000, "{total} mutations in all");
}

/// What became of the mutations of a case.
#[derive(Debug, Default)]
struct Tally {
    accepted: u64,
    refused: u64,
    crashed_in_library: u64,
    slowest: Duration,
    largest_mib: i64,
}

fn fuzz(case: &Case) {
    let scratch = tempfile::tempdir().unwrap();
    let seed_path = root().join(case.seed);
    let seed = fs::read(&seed_path).unwrap_or_else(|error| panic!("{}: {error}", seed_path.display()));
    for command in case.commands {
        check_undamaged(command, &seed_path, scratch.path());
    }

    let is_text = seed_path.extension().is_some_and(|extension| extension == "toml");
    let landmarks = if is_text { Vec::new() } else { mutate::find_landmarks(&seed) };
    let (mut tally, mut failures) = (Tally::default(), String::new());
    for index in 0..mutations(case) {
        let mut rng = stream(case.name, index);
        let mut bytes = seed.clone();
        if is_text {
            mutate::text(&mut bytes, &mut rng);
        } else {
            mutate::binary(&mut bytes, &landmarks, &mut rng);
        }
        let command = case.commands[rng.random_range(0..case.commands.len())];
        if let Some(complaint) = try_one(command, &seed_path, &bytes, scratch.path(), &mut tally) {
            let kept = keep(case, index, &bytes);
            let words = command.iter().map(|word| word.replace("{in}", &kept.display().to_string()));
            let _ = writeln!(
                failures,
                "mutation {index}: {complaint}; calo {}",
                words.collect::<Vec<_>>().join(" ")
            );
        }
    }
    eprintln!("{}: {} mutations, {tally:?}", case.name, mutations(case));
    assert!(tally.refused > 0, "no damage was noticed: the mutations do not reach what `calo` reads");
    assert!(failures.is_empty(), "{failures}");
}

/// The seed itself must pass, or the mutations would only show that nothing works.
fn check_undamaged(command: &[&str], seed: &Path, scratch: &Path) {
    let (output, folder) = fresh_output(scratch);
    let outcome = child::run(&arguments(command, seed, &output), scratch);
    assert_eq!(outcome.code(), Some(0), "undamaged {}, {command:?}: {}", seed.display(), outcome.stderr);
    fs::remove_dir_all(folder).unwrap();
}

/// Runs `command` on `bytes`; what it did wrong, if anything.
fn try_one(command: &[&str], seed: &Path, bytes: &[u8], scratch: &Path, tally: &mut Tally) -> Option<String> {
    let damaged = scratch.join(seed.file_name().unwrap());
    fs::write(&damaged, bytes).unwrap();
    let (output, folder) = fresh_output(scratch);
    let outcome = child::run(&arguments(command, &damaged, &output), scratch);

    tally.slowest = tally.slowest.max(outcome.wall);
    tally.largest_mib = tally.largest_mib.max(outcome.max_rss_kib >> 10);
    match outcome.code() {
        Some(0) => tally.accepted += 1,
        _ if outcome.crashed_in_library() => tally.crashed_in_library += 1,
        _ => tally.refused += 1,
    }
    let complaint = outcome.complaint().map(|what| {
        let said: String = outcome.stderr.chars().take(600).collect();
        format!("{what} ({said:?})")
    });
    let left = files_under(&folder);
    fs::remove_dir_all(&folder).unwrap();
    complaint.or_else(|| match outcome.code() {
        // After a crash temporary files may remain, but nothing under the final name.
        Some(1) if left.iter().any(|path| path.starts_with(&output) && !is_temporary(path)) => {
            Some("left a partial output".to_owned())
        }
        Some(1) if !left.is_empty() && !outcome.crashed_in_library() => Some(format!("left {left:?}")),
        Some(0) if left.is_empty() && command.contains(&"{out}") => {
            Some("succeeded without output".to_owned())
        }
        _ => None,
    })
}

/// Every file in a folder and the folders in it.
fn files_under(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

fn is_temporary(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// An empty folder, and the output's path in it.
fn fresh_output(scratch: &Path) -> (PathBuf, PathBuf) {
    let folder = scratch.join("outputs");
    fs::create_dir(&folder).unwrap();
    (folder.join("output"), folder)
}

fn arguments(command: &[&str], input: &Path, output: &Path) -> Vec<String> {
    let word = |word: &&str| match *word {
        "{in}" => input.display().to_string(),
        "{out}" => output.display().to_string(),
        file if file.contains('/') => root().join(file).display().to_string(),
        plain => plain.to_owned(),
    };
    ["--threads", "1"].into_iter().map(str::to_owned).chain(command.iter().map(word)).collect()
}

fn mutations(case: &Case) -> u64 {
    std::env::var("CALO_FUZZ_MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(case.mutations)
}

fn stream(name: &str, index: u64) -> ChaCha8Rng {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    let mut rng = ChaCha8Rng::from_seed(seed);
    rng.set_stream(index);
    rng
}

fn keep(case: &Case, index: u64, bytes: &[u8]) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let folder = target.join("fuzz-failures");
    fs::create_dir_all(&folder).unwrap();
    let extension = Path::new(case.seed).extension().unwrap().to_string_lossy();
    let path = folder.join(format!("{}-{index}.{extension}", case.name));
    fs::write(&path, bytes).unwrap();
    path
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}
