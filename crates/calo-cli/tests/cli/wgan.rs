//! A WGAN goes the way of every model, and its latent variables can be optimised; the pion experiment of the second paper from
//! simulated showers to the page.

use std::fs;
use std::path::Path;

use crate::common::{calo, read, stderr, stdout};
use crate::train::Bench;

const PIONS: &str = include_str!("../../../../configs/experiments/fast-and-accurate-pions.toml");

#[test]
fn a_wgan_is_sampled_with_latent_variables_that_its_critic_likes() {
    let bench = Bench::new();
    let mut words = bench.words("run", &[]);
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/experiments");
    words[1] = configs.join("wgan-quick.toml").display().to_string();
    for set in [
        "schedule.constrainer_epochs=1",
        "schedule.n_critic=2",
        "schedule.latent_optimisation={ step = 0.5, damping = 0.01 }",
        "optim.epochs=1",
        "optim.batch_showers=20",
        "validation.first_epoch=1",
        "data.split=[0.8, 0.2, 0.0]",
    ] {
        words.extend(["--set".to_owned(), set.to_owned()]);
    }
    calo().args(words).assert().success();
    let run = bench.path("run").display().to_string();
    // The constrainer's epoch is not validated.
    let validation = fs::read_to_string(bench.path("run/validation.jsonl")).unwrap();
    assert!(validation.lines().count() == 1 && validation.contains("\"epoch\":2"), "{validation}");

    let generate = |latent: &str, n: &str, first: &str, out: &str| {
        let mut command = calo();
        command.args(["generate", "--run", &run, "--latent", latent, "--energy", "50", "-n", n]);
        command.args(["--first", first, "--out"]).arg(bench.path(out)).assert().success();
        read(&bench.path(out)).cells_mev
    };
    let all = generate("optimised", "40", "0", "all.hdf5");
    let part = generate("optimised", "4", "33", "part.hdf5");
    assert_eq!(part, all.slice(ndarray::s![33..37, .., .., ..]));
    assert!(generate("normal", "40", "0", "plain.hdf5") != all);
    // A model without such a critic says why.
    let mut command = calo();
    command.args(["generate", "--latent", "optimised", "--energy", "50", "-n", "2", "--out"]);
    let message = stderr(&command.arg(bench.path("other.hdf5")).assert().code(2));
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("family bib-ae") && message.contains("its critic judges"), "{message}");
    let mut command = calo();
    command.args(["generate", "--run", &run, "--latent", "optimised", "--density", "d", "--energy", "50"]);
    let message = stderr(&command.args(["-n", "2", "--out"]).arg(bench.path("other.hdf5")).assert().code(2));
    assert!(message.contains("--density is for --latent kde"), "{message}");
}

/// The experiment with few showers of one energy.
#[test]
fn pions_of_three_models_become_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("pions.toml"), folder.path().join("out"));
    let mut text = PIONS.to_owned();
    for (from, to) in [
        ("spectrum_gev = \"10..100\"", "spectrum_gev = \"10..20\""),
        ("fixed_gev = [20, 30, 40, 50, 60, 70, 80, 90]", "fixed_gev = [20]"),
        ("n_train = 200", "n_train = 70"),
        ("n_full = 64", "n_full = 16"),
        ("n_fixed = 24", "n_fixed = 10"),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    fs::write(&file, text).unwrap();
    let mut command = calo();
    command.args(["reproduce", "--profile", "tiny"]).arg(&file).arg("--out").arg(&out);
    let page = stdout(&command.assert().success());
    for part in [
        "# Pions of fast-and-accurate-showers, reproduced",
        "| WGAN-LO",
        "| BIB-AE + KDE",
        "| spread between showers",
        "| sigma90/mu90 at 20 GeV, %",
        "## Claims of the paper",
        "| difference of Pearson coefficients",
        "at most 0.11 (BIB-AE)",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    // Showers that punch through are not in any sample.
    let files = ["train.unfiltered.hdf5", "train.hdf5"].map(|name| out.join("seed-1/data").join(name));
    let [all, kept] = files.map(|path| read(&path));
    assert!(all.len() == 70 && kept.len() < 70 && kept.len() > 40, "{} of {}", kept.len(), all.len());
    let hits = |shower: ndarray::ArrayView3<'_, f32>| shower.iter().filter(|cell| **cell > 0.25).count();
    assert!(kept.cells_mev.outer_iter().all(|shower| hits(shower) > 70));
    let config = |run: &str| fs::read_to_string(out.join(format!("seed-1/{run}/config.toml"))).unwrap();
    assert!(config("wgan-lo").contains("[schedule.latent_optimisation]"));
    assert!(!config("wgan").contains("latent_optimisation"));
    assert!(config("bib-ae").contains("[model.critic.batch_embedding]"));
}
