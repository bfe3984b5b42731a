//! Files of the CaloChallenge: recognised by their voxels, judged by the challenge's scores.

use std::path::{Path, PathBuf};

use calo_core::ShowerBatch;
use calo_data::{Layout, ShowerWriter, WriteOptions, voxel_row};
use calo_report::read_challenge_results;
use ndarray::Array4;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::{calo, sample, stderr, stdout};

/// Voxels of data set 1, photons.
const N_VOXELS: usize = 368;

/// First voxel of each of its layers.
const FIRST: [usize; 6] = [0, 8, 168, 358, 363, N_VOXELS];

/// Photons of 4 to 64 GeV that leave 90 % of their energy in the voxels, in units of `unit_mev`.
struct Photons {
    n: usize,
    seed: u64,
    unit_mev: f64,
}

impl Photons {
    fn new(n: usize, seed: u64) -> Self {
        Self { n, seed, unit_mev: 1.0 }
    }

    fn batch(&self) -> ShowerBatch {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut batch = ShowerBatch::empty(voxel_row(N_VOXELS));
        batch.cells_mev = Array4::zeros((self.n, 1, 1, N_VOXELS));
        for mut shower in batch.cells_mev.outer_iter_mut() {
            let energy_gev = f64::from(4 << rng.random_range(0..5_u32));
            batch.energies_gev.push(energy_gev / self.unit_mev);
            let mut weights: Vec<f64> =
                (0..N_VOXELS).map(|voxel| weight(voxel) * -rng.random::<f64>().ln()).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight *= 0.9e3 * energy_gev / sum / self.unit_mev);
            shower.iter_mut().zip(weights).for_each(|(voxel, mev)| *voxel = mev as f32);
        }
        batch
    }

    fn write(&self, path: &Path, change: impl Fn(&mut ShowerBatch)) -> PathBuf {
        let mut batch = self.batch();
        change(&mut batch);
        let options =
            WriteOptions { layout: Layout::CaloChallenge, ..WriteOptions::new(voxel_row(N_VOXELS)) };
        let mut writer = ShowerWriter::create(path, &options).unwrap();
        writer.write(&batch).unwrap();
        writer.finish().unwrap();
        path.to_owned()
    }
}

/// Share of a voxel: most energy lies in the second and third layer, near the axis.
fn weight(voxel: usize) -> f64 {
    let layer = FIRST.iter().rposition(|&first| first <= voxel).unwrap_or(0);
    let n_radii = [8, 16, 19, 5, 5][layer];
    let radius = (voxel - FIRST[layer]) % n_radii;
    [0.05, 0.3, 0.6, 0.04, 0.01][layer] * (-(radius as f64) / 2.0).exp()
}

fn evaluate(reference: &str, candidates: &[String], out: &Path) -> assert_cmd::Command {
    let mut command = calo();
    command.args(["evaluate", "--reference", reference, "--out"]).arg(out);
    for candidate in candidates {
        command.args(["--candidate", candidate]);
    }
    command
}

#[test]
fn two_files_become_a_table_a_ranking_and_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (first, second) = (
        Photons::new(150, 1).write(&path("geant4_1.hdf5"), |_| {}),
        Photons::new(151, 2).write(&path("geant4_2.hdf5"), |_| {}),
    );
    let good = Photons::new(300, 3).write(&path("good.hdf5"), |_| {});
    let bad = Photons::new(300, 4).write(&path("bad.hdf5"), |batch| {
        // The third layer's energy is 20 % too high.
        for mut shower in batch.cells_mev.outer_iter_mut() {
            shower.iter_mut().take(FIRST[3]).skip(FIRST[2]).for_each(|mev| *mev *= 1.2);
        }
    });
    let out = path("out");
    let reference = format!("geant4={},{}", first.display(), second.display());
    let candidates = [format!("worse={}", bad.display()), format!("better={}", good.display())];
    let printed = stdout(&evaluate(&reference, &candidates, &out).assert().success());
    let (better, worse) = (printed.rfind("better").unwrap(), printed.rfind("worse").unwrap());
    assert!(
        printed.contains("calochallenge-1-photons") && printed.contains("FPD, with replacement"),
        "{printed}"
    );
    assert!(printed.contains("rank") && better < worse, "{printed}");

    let results = read_challenge_results(&out).unwrap();
    assert_eq!(
        (results.detector.name.as_str(), results.detector.n_voxels),
        ("calochallenge-1-photons", N_VOXELS)
    );
    assert_eq!((results.samples[0].n_showers, results.samples[0].files.len()), (301, 2));
    assert_eq!(results.floor.n_showers, [151, 150]);
    assert_eq!(results.histograms.len(), results.floor.separation_powers.len());
    let auc = |index: usize| results.comparisons[index].score("auc_features").unwrap().estimate().unwrap();
    assert!(auc(0).value > 0.8, "{:?}", auc(0));
    assert!((auc(1).value - 0.5).abs() < 4.0 * auc(1).error.unwrap(), "{:?}", auc(1));
    let worst = results.comparisons[0].score("separation_power_max").unwrap();
    assert!(worst.value > results.comparisons[1].score("separation_power_max").unwrap().value, "{worst:?}");
    crate::evaluate::every_field_is_documented(&out, &["results.json"]);

    calo().arg("report").arg(&out).assert().success();
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for text in
        ["Ranking", "Separation power: energy", "AUC of trees on features", "Energy, layer 12", "geant4_2"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(out.join("figures/separation_e_layer.png").is_file() && out.join("figures/voxels.svg").is_file());
    // Results of one kind are not taken for those of another.
    let divisors = out.join("results.json");
    let mut command = calo();
    command
        .args(["evaluate", "--detector", "ild-ecal", "--out"])
        .arg(path("other"))
        .arg("--divisors")
        .arg(divisors);
    command.arg("--reference").arg(sample("photons.hdf5")).arg("--candidate").arg(sample("photons.hdf5"));
    assert!(stderr(&command.assert().failure()).contains("results.json"));
}

#[test]
fn a_file_against_itself_is_perfect_and_said_to_be_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let file = Photons::new(120, 1).write(&folder.path().join("a.hdf5"), |_| {});
    let (file, out) = (file.display().to_string(), folder.path().join("out"));
    let printed = stdout(&evaluate(&file, std::slice::from_ref(&file), &out).assert().success());
    assert!(printed.contains("120 of its showers stand in the reference too"), "{printed}");
    let results = read_challenge_results(&out).unwrap();
    let value = |id: &str| results.comparisons[0].score(id).unwrap().value.unwrap();
    assert!((value("auc_features") - 0.5).abs() < 1e-9 && value("separation_power_max") == 0.0);
    assert!((value("precision"), value("recall"), value("coverage")) == (1.0, 1.0, 1.0));
}

#[test]
fn one_shower_has_no_scores_but_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let many = Photons::new(60, 1).write(&folder.path().join("many.hdf5"), |_| {});
    let one = Photons::new(1, 2).write(&folder.path().join("one.hdf5"), |_| {});
    let (many, one) = (many.display().to_string(), one.display().to_string());
    for (reference, candidate) in [(&many, &one), (&one, &many)] {
        let out = folder.path().join("out");
        let printed = stdout(&evaluate(reference, std::slice::from_ref(candidate), &out).assert().success());
        assert!(printed.contains("AUC of trees on features") && printed.contains("not given"), "{printed}");
        calo().arg("report").arg(&out).assert().success();
    }
}

#[test]
fn bad_files_are_refused_with_what_mends_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let good = Photons::new(60, 1).write(&path("good.hdf5"), |_| {}).display().to_string();
    let gev = Photons { unit_mev: 1e3, ..Photons::new(60, 2) };
    let voxels_gev = Photons::new(60, 2).write(&path("voxels.hdf5"), |batch| batch.cells_mev *= 1e-3);
    let energies_gev = Photons::new(60, 2).write(&path("energies.hdf5"), |batch| {
        batch.energies_gev.iter_mut().for_each(|energy| *energy *= 1e-3);
    });
    let all_gev = gev.write(&path("gev.hdf5"), |_| {});
    let below_cut = path("cut.toml");
    std::fs::write(
        &below_cut,
        "extends = 'calochallenge-1-photons'\nname = 'high cut'\nreadout.cell_cut_mev = 1e6\n",
    )
    .unwrap();
    let out = path("out");
    for (candidate, words) in [
        (&voxels_gev, "voxels in GeV?); expected all energies in MeV"),
        (&energies_gev, "incident energies in GeV?); expected all energies in MeV"),
        (&all_gev, "(GeV in one, MeV in the other?); expected MeV in both"),
    ] {
        let candidate = candidate.display().to_string();
        for (reference, candidate) in [(&good, &candidate), (&candidate, &good)] {
            let message =
                stderr(&evaluate(reference, std::slice::from_ref(candidate), &out).assert().failure());
            assert!(message.contains(words) || message.contains("above the cut of 1 MeV"), "{message}");
            assert!(!out.exists());
        }
    }
    // Weaker showers in GeV are below the cut of 1 MeV.
    let weak = gev.write(&path("weak.hdf5"), |batch| {
        batch.cells_mev *= 0.1;
        batch.energies_gev.iter_mut().for_each(|energy| *energy *= 0.1);
    });
    let weak = weak.display().to_string();
    let message = stderr(&evaluate(&weak, std::slice::from_ref(&weak), &out).assert().failure());
    assert!(
        message.contains("above the cut of 1 MeV (all energies in GeV?)")
            || message.contains("expected voxels above the cut"),
        "{message}"
    );
    let mut command = evaluate(&good, std::slice::from_ref(&good), &out);
    let message = stderr(&command.arg("--detector").arg(&below_cut).assert().failure());
    assert!(
        message.contains("good.hdf5") && message.contains("voxels above the cut of 1000000 MeV"),
        "{message}"
    );
    let mut command = evaluate(&good, std::slice::from_ref(&good), &out);
    let message = stderr(&command.args(["--detector", "calochallenge-2"]).assert().failure());
    assert!(message.contains("detector calochallenge-2") && message.contains("[showers, 6480]"), "{message}");
    let mut command = evaluate(&good, std::slice::from_ref(&good), &out);
    let message = stderr(&command.args(["--splits", "4"]).assert().code(2));
    assert!(message.contains("--splits: the detector has layers of voxels"), "{message}");
}

#[test]
fn where_no_detector_is_given_those_that_fit_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let photons = sample("photons.hdf5").display().to_string();
    let message = stderr(&evaluate(&photons, std::slice::from_ref(&photons), folder.path()).assert().code(2));
    assert!(message.contains("expected --detector NAME or PATH; for the 27000 cells"), "{message}");
    assert!(message.contains("ild-ecal or ild-ecal-staggered would fit"), "{message}");
}

#[test]
fn the_commands_of_files_take_rows_of_voxels() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let file = Photons::new(40, 1).write(&path("a.hdf5"), |_| {});
    let run = |words: &[&str], input: &Path, out: Option<&Path>| {
        let mut command = calo();
        command.arg(words[0]).arg(input).args(&words[1..]);
        out.into_iter().for_each(|out| {
            command.arg("--out").arg(out);
        });
        stdout(&command.assert().success())
    };
    let printed = run(&["inspect"], &file, None);
    assert!(printed.contains("368 of detector calochallenge-1-photons"), "{printed}");
    assert!(printed.contains("cells above 1 MeV"), "{printed}");
    let printed = run(&["inspect", "--json"], &file, None);
    assert!(printed.contains("\"layered_detector\": \"calochallenge-1-photons\""), "{printed}");
    let printed = run(&["inspect", "--shower", "3"], &file, None);
    assert!(printed.contains("layers: 0 1 2 3 12") && printed.contains("summed over angles"), "{printed}");
    let svg = path("shower.svg");
    run(&["inspect", "--shower", "3", "--svg", svg.to_str().unwrap()], &file, None);
    assert!(std::fs::read_to_string(&svg).unwrap().contains("layer 12"));

    let all = Photons::new(40, 1).batch();
    let (grid, back) = (path("grid.hdf5"), path("back.hdf5"));
    run(&["convert", "--to", "grid"], &file, Some(&grid));
    run(&["convert", "--to", "calo-challenge", "--detector", "calochallenge-1-photons"], &grid, Some(&back));
    for copy in [&grid, &back] {
        let read = crate::common::read(copy);
        assert_eq!((&read.cells_mev, &read.energies_gev), (&all.cells_mev, &all.energies_gev));
    }
    let filtered = path("filtered.hdf5");
    run(&["filter", "--energy", "8..64", "--cell-cut-mev", "1"], &file, Some(&filtered));
    let kept = crate::common::read(&filtered);
    assert_eq!(kept.len(), all.energies_gev.iter().filter(|energy| **energy >= 8.0).count());
    assert!(kept.cells_mev.iter().all(|mev| *mev == 0.0 || *mev > 1.0));
    run(&["split", "--fractions", "50,25,25"], &file, Some(&path("parts")));
    let parts = ["train", "validation", "test"]
        .map(|part| crate::common::read(&path(&format!("parts/{part}.hdf5"))).len());
    assert_eq!(parts, [20, 10, 10]);
}

#[test]
fn evaluations_are_joined_and_a_file_is_judged_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let reference = Photons::new(150, 1).write(&path("geant4.hdf5"), |_| {}).display().to_string();
    let good = Photons::new(150, 2).write(&path("good.hdf5"), |_| {}).display().to_string();
    let bad =
        Photons::new(150, 3).write(&path("bad.hdf5"), |batch| batch.cells_mev *= 1.1).display().to_string();
    let (a, b) = (path("a"), path("b"));
    evaluate(&reference, &[bad], &a).assert().success();
    evaluate(&reference, &[good], &b).assert().success();
    let out = path("compared");
    let compare = |words: &[&str]| {
        let mut command = calo();
        command.arg("compare").arg(a.join("results.json")).arg(&b).arg("--out").arg(&out).args(words);
        command.assert()
    };
    let printed = stdout(&compare(&["--timing", "good=12.5", "--timing", "bad=3", "--published"]).success());
    let (good, bad) = (printed.find("good").unwrap(), printed.find("bad").unwrap());
    assert!(
        good < bad
            && printed.contains("12.5")
            && printed.contains("in the order of AUC of trees on features"),
        "{printed}"
    );
    assert!(printed.contains("none are known for detector calochallenge-1-photons"), "{printed}");
    assert_eq!(printed.matches("half / half").count(), 1, "{printed}");
    crate::evaluate::every_field_is_documented(&out, &["compare.json"]);
    calo().arg("report").arg(&out).assert().success();
    let page = std::fs::read_to_string(out.join("compare.html")).unwrap();
    assert!(page.contains("Which model is best?") && page.contains("against milliseconds a shower"));
    assert!(out.join("figures/compare_time_fpd.png").is_file());
    let message = stderr(&compare(&["--timing", "flow=1"]).code(2));
    assert!(message.contains("--timing flow: no such model; expected one of"), "{message}");
    assert!(stderr(&compare(&["--timing", "good"]).code(2)).contains("expected NAME=MILLISECONDS"));
}
