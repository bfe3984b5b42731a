//! `calo reproduce` for an experiment of amplification: from simulated showers to the page, and what it refuses.

use std::fs;
use std::path::Path;

use calo_report::amplification::Amplification;
use serde_json::Value;

use crate::common::{calo, read, stderr, stdout};

const EXPERIMENT: &str = include_str!("../../../../configs/experiments/calomplification.toml");

/// Few showers, none of which come with the program.
fn own(folder: &Path) -> String {
    let path = folder.join("mine.toml");
    let mut text = EXPERIMENT.to_owned();
    for (from, to) in [
        ("n_independent = 50_000", "n_independent = 120"),
        ("n_truth = 218_000", "n_truth = 200"),
        ("n_train = 1000", "n_train = 40"),
        ("stride = 10_000", "stride = 60"),
        ("estimate_from = [1000, 5000]", "estimate_from = [40, 60]"),
        ("shipped = \"data/calomplification\"\n", ""),
        ("n_generated = 5000", "n_generated = 501"),
        ("n_estimated = 0", "n_estimated = 400"),
        ("\"optim.epochs=2\"", "\"optim.epochs=2\", \"optim.batch_showers=10\""),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn sets_and_runs_become_one_table_and_nothing_is_made_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (own(folder.path()), folder.path().join("out"));
    let run = |more: &[&str]| {
        let mut command = calo();
        command.args(["reproduce", &file, "--profile", "tiny", "--seeds", "2", "--out"]).arg(&out);
        command.args(more).assert()
    };
    let first = run(&[]).success();
    let page = stdout(&first);
    for part in [
        "# Calomplification, reproduced",
        "200 of the truth, 120 independent, training sets 1, 2 of 40, 2 runs on each",
        "| VAE-GAN",
        "KDE of 60",
        "above 10",
        "0.24 ± 0.01",
        "of 200 generated showers",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let json = fs::read(out.join("amplification/amplification.json")).unwrap();
    let found: Amplification = serde_json::from_slice(&json).unwrap();
    assert_eq!((found.n_sets, found.n_truth, found.n_independent), (2, Some(200), 120));
    let names: Vec<&str> = found.samples.iter().map(|sample| sample.name.as_str()).collect();
    assert_eq!(
        names,
        ["training set", "VAE-GAN", "KDE of 40", "histogram of 40", "KDE of 60", "histogram of 60"]
    );
    assert_eq!((found.samples[1].n_showers, found.samples[4].n_train), (501, 60));
    // Means over the sets, whose own numbers stand beside.
    let set = |n: u32| -> Amplification {
        let path = out.join(format!("set-{n}/amplification/amplification.json"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let divergence = |found: &Amplification| found.observables[0].curves[0].divergences[3];
    let [one, two] = [1, 2].map(|n| divergence(&set(n)).value);
    let mean = divergence(&found);
    assert!(
        (one - two).abs() > 1e-9 && (mean.value - (one + two) / 2.0).abs() < 1e-12,
        "{one} {two} {mean:?}"
    );
    assert!((mean.error.unwrap() - (one - two).abs() / 2_f64.sqrt()).abs() < 1e-12, "{mean:?}");
    let ids: Vec<&str> = found.distributions.iter().map(|found| found.id.as_str()).collect();
    assert_eq!(ids, ["visible_energy", "peak_energy", "cog_x", "cog_y", "n_hits", "cell_energy"]);
    // Two models made the sample: its errors are their scatter, not those of counts.
    let generated = found.distributions[0].samples[1].as_ref().unwrap();
    let of_counts =
        |(share, error): (&f64, &f64)| *share > 0.0 && (error - (share / 501.0).sqrt()).abs() < 1e-9;
    let pairs = || generated.values.iter().zip(&generated.errors);
    assert!(!pairs().any(of_counts), "{generated:?}");
    for figure in
        ["distribution_n_hits", "distribution_cell_energy", "densities_visible_energy", "estimators_cog_x"]
    {
        assert!(out.join(format!("amplification/figures/{figure}.png")).is_file(), "{figure}");
    }
    let record: Value = serde_json::from_slice(&fs::read(out.join("mine.json")).unwrap()).unwrap();
    assert_eq!(record["sets"][1]["runs"][1]["seed"], 1_000_002);
    // Noise of the runs of a set differs, and so do the showers of sets.
    let energies = |name: &str| {
        let table = calo_data::TableReader::open(&out.join(name)).unwrap();
        table.read("visible_energy").unwrap().iter().map(|mev| mev.to_bits()).collect::<Vec<_>>()
    };
    let first_run = energies("set-1/generated-1.hdf5");
    assert!(
        first_run != energies("set-1/generated-2.hdf5") && first_run != energies("set-2/generated-1.hdf5")
    );
    let log = stderr(&run(&[]).success());
    assert!(log.contains("set-2: compare: complete"), "{log}");
    assert!(!log.contains("==> set-1: train run 1\n"), "{log}");
    let text = stderr(&run(&["--runs", "1"]).code(1));
    assert!(text.contains("made with runs = 2, not 1"), "{text}");
}

#[test]
fn a_set_of_its_own_number_is_simulated_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (own(folder.path()), folder.path().join("out"));
    let mut command = calo();
    command.args(["reproduce", &file, "--profile", "tiny", "--seed", "901", "--runs", "1"]);
    let page = stdout(&command.args(["--out"]).arg(&out).assert().success());
    assert!(page.contains("training set 901 of 40, one run") && page.contains("KDE of 40"), "{page}");
    assert!(!page.contains("KDE of 60"), "{page}");
}

/// Another processor may turn a shower into another one of the same distribution, but hardly all of them.
#[test]
fn the_showers_that_ship_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/calomplification");
    let mut command = calo();
    command.args(["simulate", "--detector", "ild-ecal-image", "--particle", "gamma", "--energy", "50"]);
    command.args(["--seed", "1", "-n", "200", "--out"]).arg(path("showers.hdf5")).assert().success();
    let mut command = calo();
    command.args(["observe", "--detector", "ild-ecal-image"]).arg(path("showers.hdf5"));
    command.arg("--out").arg(path("observables.hdf5")).assert().success();
    let column = |file: &Path, name: &str, n: usize| -> Vec<f64> {
        let values = calo_data::TableReader::open(file).unwrap().read(name).unwrap();
        values.iter().take(n).copied().collect()
    };
    for name in ["visible_energy", "peak_energy", "n_hits", "cog_x", "cog_y"] {
        let [ours, theirs] =
            [path("observables.hdf5"), shipped.join("independent.hdf5")].map(|file| column(&file, name, 200));
        let same = ours.iter().zip(&theirs).filter(|(a, b)| (*a - *b).abs() < 1e-3 * b.abs()).count();
        assert!(same > 100, "{name}: {same} of 200 showers are the same");
        let [a, b] = [&ours, &theirs].map(|values| moments(values));
        assert!((a[0] - b[0]).abs() < 0.5 * b[1] && (a[1] / b[1]).ln().abs() < 0.3, "{name}: {a:?} {b:?}");
        // The truth is of the same distribution.
        let [truth, many] = ["truth.hdf5", "independent.hdf5"]
            .map(|file| moments(&column(&shipped.join(file), name, 50_000)));
        assert!((truth[0] - many[0]).abs() < 0.04 * many[1], "{name}: {truth:?} {many:?}");
    }
    // Training set 1 begins with the same showers; all sets differ.
    let sums = |set: u32| -> Vec<f64> {
        let set = read(&shipped.join(format!("set-{set}.hdf5"))).cells_mev;
        assert_eq!(set.dim(), (1000, 1, 10, 10));
        set.outer_iter().map(|image| f64::from(image.sum())).collect()
    };
    let visible = column(&shipped.join("independent.hdf5"), "visible_energy", 1000);
    // The observable leaves out cells below the cut of the readout.
    assert!(sums(1).iter().zip(&visible).all(|(sum, visible)| (-0.01..20.0).contains(&(sum - visible))));
    let sets = [1, 2, 3, 4, 5, 901, 902, 903].map(sums);
    for (i, set) in sets.iter().enumerate() {
        assert!(sets[..i].iter().all(|other| other != set), "set {i} twice");
    }
    let sizes = fs::read_dir(&shipped).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    assert!(sizes.sum::<u64>() < 20_000_000);
}

#[test]
fn what_does_not_go_with_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let refuse = |words: &[&str], code: i32, part: &str| {
        let mut command = calo();
        let text = stderr(&command.arg("reproduce").args(words).arg("--out").arg(&out).assert().code(code));
        assert!(text.contains(part) && !out.exists(), "{words:?}: {text}");
    };
    refuse(&["calomplification", "--data", "a.hdf5"], 2, "--data: experiment calomplification");
    refuse(&["calomplification", "--pretrained"], 2, "--pretrained");
    refuse(&["calomplification", "--seed", "0"], 2, "--seed 0");
    refuse(&["calomplification", "--seed", "9223372036854775807"], 2, "smaller seed");
    refuse(&["calomplification", "--set", "seed=3"], 2, "the experiment sets it");
    refuse(&["calomplification", "--set", "optim.epoch=3"], 1, "unknown field `epoch`");
    refuse(&["table2", "--truth-from-scratch"], 2, "no showers of this experiment");
}

/// Mean and standard deviation.
fn moments(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    [mean, (squares / (n - 1.0)).sqrt()]
}
