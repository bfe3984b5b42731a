//! `cargo xtask export-models`: from the folder of a finished reproduction to models that others can use.
//!
//! The best epochs of the runs go through `calo export`, are scored once more as they now are, and a page says what
//! they are, how they were made and how good they are.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::bench::machine;
use crate::flags::{ExportFlags, ExportedModels};
use crate::process::{command, root, run as run_command};
use crate::{build, reproduce};

/// Models of one particle that come with calo.
struct Set {
    /// Folder in `data/models`.
    folder: &'static str,
    /// Names of the runs in a reproduction, and whether it estimated the density of their latent variables.
    runs: &'static [(&'static str, bool)],
    /// What `calo reproduce` is asked for.
    experiment: &'static [&'static str],
    /// Table of the reproduction.
    table: &'static str,
    /// How the page begins.
    about: &'static str,
}

impl Set {
    fn of(models: ExportedModels) -> Self {
        match models {
            ExportedModels::Photons => Self {
                folder: "photons",
                runs: &[("beta-0.05", true), ("beta-0.4", false)],
                experiment: &["table2"],
                table: "table2.md",
                about: "# Photon showers in `ild-ecal`: BIB-AE of decoding-photons at reduced widths\n\n\
                    Trained on the full grid (30 x 30 x 30 cells) for photons of 10 to 100 GeV at normal incidence. `calo generate` uses\n\
                    `beta-0.05` with its density unless a run is named; for the other model, `calo generate --run data/models/photons/beta-0.4`.\n\
                    Each folder is that of a run, with weights in 16 bits and without what only training needs.\n\n",
            },
            ExportedModels::Pions => Self {
                folder: "pions",
                runs: &[("bib-ae", true)],
                experiment: &["fast-and-accurate", "--particle", "pi+"],
                table: "fast-and-accurate-pions.md",
                about: "# Pion showers in `ild-ahcal`: BIB-AE of fast-and-accurate-showers at reduced widths\n\n\
                    Trained on 48 layers of 13 x 13 cells for charged pions of 10 to 100 GeV at normal incidence, without those that punch\n\
                    through. `calo generate --particle pi+` uses it with its density.\n\
                    The folder is that of a run, with weights in 16 bits and without what only training needs.\n\n",
            },
        }
    }

    /// The command that makes and scores them, as one types it.
    fn reproduce(&self) -> String {
        format!("cargo xtask reproduce-{} --profile laptop", self.experiment.join(" "))
    }
}

/// Exports the models and writes the page.
pub(crate) fn run(flags: &ExportFlags) -> Result<()> {
    let calo = match &flags.calo {
        Some(calo) => std::path::absolute(calo).context("--calo")?,
        None => build::release(false)?,
    };
    let seed = flags.from.join(format!("seed-{}", flags.seed));
    let selection = read_json::<Value>(&seed.join("selection/selection.json"))?;
    let set = Set::of(flags.models);
    let out = root().join("data/models").join(set.folder);
    for &(name, has_density) in set.runs {
        let epoch = best_epoch(&selection, name)?;
        fs::create_dir_all(&out).with_context(|| format!("{}: cannot make it", out.display()))?;
        // The old one goes when the new one is whole.
        let (target, fresh) = (out.join(name), out.join(format!("{name}.new")));
        if fresh.exists() {
            remove(&fresh)?;
        }
        let mut export = command(&calo);
        export.arg("export").arg("--run").arg(seed.join(name)).args(["--epoch", &epoch.to_string()]);
        if has_density {
            export.arg("--density").arg(seed.join("density-ours.safetensors"));
        }
        run_command(export.arg("--out").arg(&fresh))?;
        if target.exists() {
            remove(&target)?;
        }
        fs::rename(&fresh, &target).with_context(|| format!("{}: cannot be renamed", fresh.display()))?;
    }
    let scores = flags.from.join("exported");
    let data_seed = flags.data_seed.to_string();
    let options = ["--profile", "laptop", "--pretrained", "--resume", "--data-seed", &data_seed];
    let options = [set.experiment, &options].concat();
    reproduce::run_with(&calo, &options, &std::path::absolute(&scores).context("--from")?)?;
    let page = page(&set, flags, &out, &scores)?;
    let path = out.join("README.md");
    fs::write(&path, page).with_context(|| format!("{}: cannot write it", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// Reads a JSON file.
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("{}: cannot read it", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{}: is not what it should be", path.display()))
}

fn remove(folder: &Path) -> Result<()> {
    fs::remove_dir_all(folder).with_context(|| format!("{}: cannot remove it", folder.display()))
}

fn best_epoch(selection: &Value, name: &str) -> Result<u64> {
    let runs = selection["runs"].as_array().into_iter().flatten();
    let run = runs.into_iter().find(|run| run["name"] == name);
    let epoch = run.and_then(|run| run["best_epoch"].as_u64());
    epoch
        .with_context(|| format!("selection.json: no best epoch of {name}; expected a finished reproduction"))
}

/// What stands in the folder of the models.
fn page(set: &Set, flags: &ExportFlags, out: &Path, scores: &Path) -> Result<String> {
    let [(first, _), ..] = set.runs else { anyhow::bail!("no run of {}", set.folder) };
    let baseline = read_json::<Value>(&out.join(first).join("run.json"))?;
    let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = set.about.to_owned();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "* Showers: {} from the embedded simulator (`{}`, BLAKE3 `{}`). None of Geant4.",
        baseline["data"]["n_showers"],
        text_of(&baseline["data"]["path"]),
        text_of(&baseline["data"]["blake3"]),
    );
    let _ = writeln!(
        text,
        "* Networks: {} trained weights with critics; their sizes, losses and schedule stand in `config.toml` of each folder.",
        baseline["n_weights"]
    );
    let _ = writeln!(
        text,
        "* {}, seed {}, {}; {}.\n",
        text_of(&baseline["software"]),
        baseline["seed"],
        hours(set, &flags.from, flags.seed)?,
        machine::hardware()
    );
    let (reproduce, folder) = (set.reproduce(), set.folder);
    let _ = writeln!(
        text,
        "To make and score them again:\n\n```sh\n{reproduce} --out DIR\ncargo xtask export-models --models {folder} --from DIR\n```\n",
    );
    text += "## Training\n\nMean of the six Jensen-Shannon distances to validation showers with N(0, 1) sampling, and the \
             divergence of the latent\nvariables. Losses of every tenth step: `log.jsonl`.\n\n";
    for (name, _) in set.runs {
        let path = out.join(name).join("validation.jsonl");
        let lines =
            fs::read_to_string(&path).with_context(|| format!("{}: cannot read it", path.display()))?;
        text += &curve(name, &lines).with_context(|| path.display().to_string())?;
    }
    let _ = writeln!(
        text,
        "## Scores\n\nThe models as they are here, against simulated showers that nothing was trained or chosen with:\n\
         `{reproduce} --pretrained`.\n",
    );
    let path = scores.join(set.table);
    let table = fs::read_to_string(&path).with_context(|| format!("{}: cannot read it", path.display()))?;
    let table = table.split_once("\n\n").map_or(table.as_str(), |(_, rest)| rest);
    text += table.split("\n## Figures").next().unwrap_or(table).trim();
    text.push('\n');
    Ok(text)
}

/// How long the runs took.
fn hours(set: &Set, from: &Path, seed: u64) -> Result<String> {
    let stages = read_json::<Value>(&from.join("stages.json"))?;
    let of = |name: &str| {
        let wanted = format!("seed-{seed}: train {name}");
        let all = stages["stages"].as_array().into_iter().flatten();
        all.into_iter().find(|stage| stage["name"] == wanted).and_then(|stage| stage["seconds"].as_f64())
    };
    let seconds = set.runs.iter().filter_map(|(name, _)| of(name)).fold(0.0, f64::max);
    ensure!(seconds > 0.0, "{}: no time of the runs; expected a finished reproduction", from.display());
    let side_by_side = if set.runs.len() > 1 { "runs side by side" } else { "trained" };
    Ok(format!("{side_by_side} in {:.1} hours", seconds / 3600.0))
}

/// Validated epochs of one run.
fn curve(name: &str, lines: &str) -> Result<String> {
    let mut text = format!(
        "| {name}: epoch | step | mean distance, decoder | with post-processor | nats |\n| --- | --- | --- | --- | --- |\n"
    );
    let mean = |jsd: &Value| {
        let values: Vec<f64> =
            jsd.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_f64()).collect();
        // An epoch without a post-processor yet has none.
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        if values.is_empty() { "-".to_owned() } else { format!("{mean:.3}") }
    };
    for line in lines.lines() {
        let epoch: Value = serde_json::from_str(line).context("a line that is not a validated epoch")?;
        let nats: f64 = epoch["kld_nats"].as_array().into_iter().flatten().filter_map(Value::as_f64).sum();
        let [raw, processed] = ["raw", "post_processed"].map(|stage| mean(&epoch["jsd"][stage]));
        let _ =
            writeln!(text, "| {} | {} | {raw} | {processed} | {nats:.1} |", epoch["epoch"], epoch["step"]);
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_a_table_of_epochs() {
        let line = r#"{"epoch":2,"step":624,"jsd":{"raw":{"a":0.2,"b":0.4},"post_processed":{"a":0.1,"b":0.2}},"kld_nats":[1.5,2.0]}"#;
        assert!(curve("beta-0.4", line).unwrap().contains("| 2 | 624 | 0.300 | 0.150 | 3.5 |"));
        assert!(curve("beta-0.4", "{").is_err());
    }
}
