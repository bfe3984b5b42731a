//! `calo reproduce`: what it lists and what it refuses. Its work is done by `cargo xtask ci e2e`.

use std::fs;
use std::path::Path;

use crate::common::{calo, stderr, stdout};

const TABLE1: &str = include_str!("../../../../configs/experiments/table1.toml");
const TABLE2: &str = include_str!("../../../../configs/experiments/table2.toml");

/// An experiment of a user's own, like table 2 but for `from`.
fn own(folder: &Path, from: &str, to: &str) -> String {
    assert!(TABLE2.contains(from), "{from}");
    let path = folder.join("mine.toml");
    fs::write(&path, TABLE2.replacen(from, to, 1)).unwrap();
    path.display().to_string()
}

#[test]
fn built_in_experiments_are_listed_with_their_profiles() {
    let text = stdout(&calo().args(["reproduce", "--list"]).assert().success());
    assert!(text.contains("table2: Table 2 of decoding-photons (arXiv:2102.12491)"), "{text}");
    for profile in ["tiny", "quick", "laptop", "paper"] {
        assert!(text.contains(&format!("--profile {profile}")), "{text}");
    }
}

#[test]
fn the_version_names_the_revision() {
    let text = stdout(&calo().arg("--version").assert().success());
    let revision = text.trim().strip_prefix("calo 0.1.0 (").and_then(|rest| rest.strip_suffix(')'));
    let revision = revision.unwrap_or_default().trim_end_matches("-dirty");
    let is_hash = revision.len() == 12 && revision.chars().all(|c| c.is_ascii_hexdigit());
    assert!(is_hash || revision == "unknown", "{text}");
}

#[test]
fn wrong_requests_are_refused_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |words: &[&str], code: i32, parts: &[&str]| {
        let out = folder.path().join("out");
        let assert = calo().arg("reproduce").args(words).arg("--out").arg(&out).assert().code(code);
        let text = stderr(&assert);
        assert!(parts.iter().all(|part| text.contains(part)), "{words:?}: {text}");
        assert!(!out.exists(), "{words:?}");
    };
    refuse(&["nada"], 2, &["nada", "table2"]);
    refuse(&["table2", "--profile", "huge"], 2, &["huge", "tiny, quick, laptop, gpu, paper"]);
    refuse(&["table2", "--pretrained"], 1, &["profile quick", "laptop"]);
    refuse(&["table2", "--set", "optim.epoch=1"], 1, &["bib-ae-quick.toml", "epoch"]);
    refuse(&["table2", "--set", "training.epochs=1"], 1, &["training.epochs", "`optim.epochs`"]);
    refuse(&["table2", "--precision", "bf16"], 2, &["tf32"]);
    refuse(&["table2", "--data-at", "20=a.hdf5"], 2, &["--data"]);
    refuse(
        &["table2", "--data-seed", "3074457345618258602"],
        2,
        &["--data-seed", "at most 3074457345618258601"],
    );
    // Configurations are TOML, whose integers have a sign.
    refuse(&["table2", "--seed", "9223372036854775807"], 2, &["--seed", "smaller seed"]);
    refuse(&["table2", "--set", "losses.kld=0.2"], 2, &["--set losses.kld=0.2", "run beta-0.05 sets it"]);
    refuse(&["table2", "--set", "seed=3"], 2, &["--set seed=3", "the experiment sets it"]);
}

#[test]
fn an_experiment_of_ones_own_is_refused_with_its_file_and_field() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to, parts) in [
        ("title = ", "titel = ", ["mine.toml", "titel"]),
        ("run = \"beta-0.4\"", "run = \"beta-0.5\"", ["mine.toml", "`candidate.run`"]),
        ("config = \"bib-ae-quick.toml\"", "config = \"nada.toml\"", ["mine.toml", "nada.toml"]),
        ("\"optim.epochs=3\"", "\"training.epochs=3\"", ["mine.toml: profile tiny", "`optim.epochs`"]),
        (
            "run = \"beta-0.4\"\nsampling = \"normal\"",
            "run = \"beta-0.05\"\nsampling = \"kde\"",
            ["`latent.run`", "twice"],
        ),
        ("name = \"beta 0.4\"", "name = \"beta 0.05_20\"", ["`candidate.name`", "`beta-0.05_20`"]),
    ] {
        let file = own(folder.path(), from, to);
        let out = folder.path().join("out");
        let mut command = calo();
        command.args(["reproduce", &file, "--profile", "tiny", "--out"]).arg(&out);
        let text = stderr(&command.assert().code(1));
        assert!(parts.iter().all(|part| text.contains(part)), "{to}: {text}");
        assert!(!out.exists(), "{to}");
    }
}

#[test]
fn the_cost_of_a_profile_is_estimated_without_making_anything() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = calo();
    command.args(["reproduce", "table2", "--profile", "tiny", "--estimate", "--out"]).arg(&out);
    let text = stdout(&command.assert().success());
    // 256 showers in two batches of critics, one of the others: fresh batches of 16 for each of three steps and one more.
    for part in ["profile tiny", "beta 0.05: 0.", "batches of 16:", "12 steps in 3 epochs", "2 such runs"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!out.exists());
    let mut command = calo();
    let text = stderr(&command.args(["reproduce", "calomplification", "--estimate"]).assert().code(2));
    assert!(text.contains("--estimate"), "{text}");
}

/// The detector that it names is missed.
#[test]
fn an_experiment_of_ones_own_takes_the_configuration_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = own(folder.path(), "config = \"bib-ae-quick.toml\"", "config = \"own.toml\"");
    let config = include_str!("../../../../configs/experiments/bib-ae-quick.toml");
    let own_config = config.replacen("detector = \"ild-ecal-pooled\"", "detector = \"nada\"", 1);
    fs::write(folder.path().join("own.toml"), own_config).unwrap();
    let out = folder.path().join("out");
    let mut command = calo();
    command.args(["reproduce", &file, "--profile", "tiny", "--out"]).arg(&out);
    let text = stderr(&command.assert().code(1));
    assert!(text.contains("nada") && !out.exists(), "{text}");
}

/// A few showers of a family without an encoder.
const GAN: &str = r#"
title = "A GAN"
paper = "none"
[figures]
evaluation = "a figure"
[data]
particle = "gamma"
spectrum_gev = "10..20"
fixed_gev = [10]
[data.files]
fractions_at = [0, 50, 50]
fractions_pretrained = [0, 50, 50]
[[profile]]
name = "quick"
config = "gan-quick.toml"
overrides = ["model.scaling.cells=mev", "optim.epochs=1", "optim.batch_showers=4", "validation.first_epoch=1"]
n_train = 8
n_full = 8
n_fixed = 4
fractions = [60, 20, 20]
[[run]]
name = "rate"
label = "learning rate"
scan = { field = "optim.learning_rate.generator", values = [1e-4, 2e-4] }
[[candidate]]
name = "GAN"
run = "rate"
epoch = "last"
sampling = "normal"
"#;

#[test]
fn an_experiment_of_a_family_without_encoder_runs_a_scan_to_its_table() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("gan.toml"), folder.path().join("out"));
    let reproduce = |text: &str| {
        fs::write(&file, text).unwrap();
        let mut command = calo();
        command.arg("reproduce").arg(&file).arg("--out").arg(&out);
        command.assert()
    };
    let latent = "\n[[latent]]\nrun = \"rate\"\nsampling = \"normal\"\n";
    for (text, part) in [
        (
            GAN.replacen("\"normal\"", "\"kde\"", 1),
            "`candidate.sampling`: needs latent variables of run rate-0.0001",
        ),
        (format!("{GAN}{latent}"), "`latent.run`: needs latent variables of run rate-0.0001"),
        (
            GAN.replacen("\"normal\"", "\"optimised\"", 1),
            "`candidate.sampling`: \"optimised\", but run rate-0.0001",
        ),
        (
            GAN.replacen("config = \"gan-quick.toml\"\n", "", 1),
            "profile quick: no field `config`, and no `run.rate-0.0001.config`",
        ),
        (
            GAN.replacen("[[run]]", "[profile.run.nada]\n[[run]]", 1),
            "field `profile[0].run.nada`: expected one of rate-0.0001, rate-0.0002",
        ),
    ] {
        let text = stderr(&reproduce(&text).code(1));
        assert!(text.contains(part), "{text}");
        assert!(!out.exists());
    }
    let text = stdout(&reproduce(GAN).success());
    for part in [
        "# A GAN, reproduced",
        "| GAN 0.0001",
        "| GAN 0.0002",
        "report.html` (a figure), `selection/selection.html`\n",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(!text.contains("latent.html"), "{text}");
    assert!(out.join("seed-1/rate-0.0002/last.safetensors").is_file());
}

/// Table 1 with two of its sizes, and a run that cannot recover, on few showers.
fn two_sizes() -> String {
    let left_out = ["n-6", "n-12", "n-18", "n-64", "n-128", "n-512"];
    let names = |block: &&str| left_out.iter().any(|name| block.contains(&format!("\"{name}\"")));
    let blocks = TABLE1.split("\n\n").filter(|block| !names(block) || block.contains("[latent_comparison]"));
    let text: Vec<&str> = blocks.filter(|block| !block.contains("[profile.run")).collect();
    let mut text = text.join("\n\n");
    for (from, to) in [
        (
            "correlations = [\"n-6\", \"n-24\", \"n-64\", \"beta-0.4\"]",
            "correlations = [\"n-24\", \"beta-0.4\"]",
        ),
        ("spectrum_gev = \"10..100\"", "spectrum_gev = \"10..20\""),
        ("fixed_gev = [20, 30, 40, 50, 60, 70, 80, 90]", "fixed_gev = [15, 20]"),
        ("n_train = 256", "n_train = 64"),
        ("n_full = 64", "n_full = 24"),
        ("n_fixed = 24", "n_fixed = 12"),
        (
            "overrides = [\"losses.kld=0.4\", \"model.autoencoder.n_encoded=24\"]",
            "overrides = [\"optim.learning_rate.autoencoder=1e30\", \"optim.learning_rate.critic=1e30\"]\nmay_die = true",
        ),
    ] {
        assert!(text.contains(from), "{from}\n{text}");
        text = text.replacen(from, to, 1);
    }
    text
}

#[test]
fn latent_spaces_of_two_sizes_become_one_table_and_one_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("sizes.toml"), folder.path().join("out"));
    fs::write(&file, two_sizes()).unwrap();
    let mut command = calo();
    command.args(["reproduce", "--profile", "tiny"]).arg(&file).arg("--out").arg(&out);
    let page = stdout(&command.assert().success());
    for part in [
        "| n 2",
        "| S_JSD, half the showers",
        "| S_JSD, paper (its own divisors)",
        "| mu90 of visible energy at 15 GeV, %",
        "validation showers of the full spectrum",
        "## Latent spaces",
        "| one by one",
        "Seed 1: run n = 24, beta 0.4 did not recover:",
        "`latent-comparison/latent-comparison.html` (figures 2, 3 and 8)",
        "| seed-1: simulate reference showers of 15 GeV",
        "| seed-1: density ours",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    // Distributions are judged at 20 GeV, not at 15.
    assert!(!page.contains("simulate validation showers of 15 GeV"), "{page}");
    assert!(page.contains("simulate validation showers of 20 GeV"), "{page}");
    let seed = out.join("seed-1");
    for name in
        ["data/reference_15.hdf5", "density-ours.safetensors", "latent-comparison/figures/sampled_0.svg"]
    {
        assert!(seed.join(name).is_file(), "{name}");
    }
    // Of the two that are asked for, one has no showers.
    let figures = seed.join("latent-comparison/figures");
    assert!(figures.join("correlations_0.svg").is_file() && !figures.join("correlations_1.svg").exists());
}
