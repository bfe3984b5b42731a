//! One seed: trainings, the best epochs, the density, generated showers, and how they compare.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Pipeline;
use super::data::{Data, FIRST, FIXED_GEV, SPECTRUM_GEV, Showers};
use super::files::read_json;
use super::results::{LatentResults, Results, SelectedRun, Selection};
use super::stages::Stage;

/// Weights of the Kullback-Leibler divergence: the paper's baseline, and its stronger regularisation.
const BETAS: [&str; 2] = ["0.05", "0.4"];

/// The three configurations of the table, as they are called in it.
pub(super) const CONFIGURATIONS: [&str; 3] = ["beta 0.05", "beta 0.4", "beta 0.05 + KDE"];

/// Seeds of repeated trainings are this far apart.
const NEXT_TRAINING: u64 = 1_000_000;

/// What one seed gave.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seed: u64,
    pub(super) results: Results,
    pub(super) latent: LatentResults,
    /// Every training of beta = 0.05, then that of 0.4.
    pub(super) runs: Vec<SelectedRun>,
    /// The runs behind the configurations.
    pub(super) chosen: [SelectedRun; 3],
    pub(super) folder: PathBuf,
}

/// A run and the epoch of it that is used.
struct Chosen {
    run: SelectedRun,
    folder: PathBuf,
}

impl Chosen {
    fn words(&self) -> [String; 4] {
        let epoch = self.run.best_epoch.to_string();
        ["--run".to_owned(), word(&self.folder), "--epoch".to_owned(), epoch]
    }

    fn weights(&self) -> PathBuf {
        self.folder.join(format!("epochs/epoch-{:04}.safetensors", self.run.best_epoch))
    }
}

/// All stages of one seed.
pub(super) fn run(pipeline: &mut Pipeline<'_>, data: &Data, seed: u64) -> Result<Outcome> {
    let folder = pipeline.out.join(format!("seed-{seed}"));
    fs::create_dir_all(&folder).with_context(|| format!("{}: cannot create it", folder.display()))?;
    let trained = if pipeline.flags.pretrained {
        let models = pipeline.profile.models()?;
        BETAS.map(|beta| models.join(run_name(beta))).to_vec()
    } else {
        train_all(pipeline, data, &folder, seed)?
    };
    let selection = select(pipeline, &folder, &trained)?;
    let runs = selection.runs.clone();
    let of_run = |index: usize| Chosen { run: runs[index].clone(), folder: trained[index].clone() };
    let (baselines, stronger) = (0..trained.len() - 1, trained.len() - 1);
    let best = baselines.min_by(|&a, &b| runs[a].best_s_jsd.total_cmp(&runs[b].best_s_jsd));
    let (baseline, stronger) = (of_run(best.context("no training")?), of_run(stronger));

    let density = if pipeline.flags.pretrained {
        baseline.folder.join("density.safetensors")
    } else {
        density(pipeline, data, &folder, &baseline, seed)?
    };
    let configurations = [(&baseline, None), (&stronger, None), (&baseline, Some(density.as_path()))];
    let mut generated = Vec::new();
    for (name, (chosen, density)) in CONFIGURATIONS.into_iter().zip(configurations) {
        generated.push(generate(pipeline, data, &folder, name, (chosen, density), seed)?);
    }
    let results = evaluate(pipeline, data, &folder, &generated, seed)?;
    for (chosen, density) in [(&baseline, Some(density.as_path())), (&stronger, None)] {
        latent(pipeline, data, &folder, (chosen, density), seed)?;
    }
    let name = &baseline.run.name;
    Ok(Outcome {
        seed,
        results,
        latent: read_json(&folder.join(format!("latent-{name}/latent.json")))?,
        chosen: [baseline.run.clone(), stronger.run, baseline.run],
        runs,
        folder,
    })
}

/// The trainings of one seed: so many of the baseline as were asked for, then that of the other weight; their folders.
fn train_all(pipeline: &mut Pipeline<'_>, data: &Data, folder: &Path, seed: u64) -> Result<Vec<PathBuf>> {
    let mut trainings = Vec::new();
    for training in 0..pipeline.flags.trainings {
        let name = match training {
            0 => run_name(BETAS[0]),
            n => format!("{}-{}", run_name(BETAS[0]), n + 1),
        };
        let seed = seed + training * NEXT_TRAINING;
        trainings.push(train(pipeline, data, (folder, &name), BETAS[0], seed)?);
    }
    trainings.push(train(pipeline, data, (folder, &run_name(BETAS[1])), BETAS[1], seed)?);
    let (trained, stages): (Vec<PathBuf>, Vec<Stage>) = trainings.into_iter().unzip();
    pipeline.stages_together(&stages)?;
    Ok(trained)
}

/// What the folder of a training is called.
fn run_name(beta: &str) -> String {
    format!("beta-{beta}")
}

/// The training of one network: the folder of the run, and the stage.
fn train(
    pipeline: &Pipeline<'_>,
    data: &Data,
    (folder, name): (&Path, &str),
    beta: &str,
    seed: u64,
) -> Result<(PathBuf, Stage)> {
    let run = folder.join(name);
    let config = pipeline.profile.config();
    let mut words = strings(["train", &word(&config), "--data", &word(&data.train), "--out", &word(&run)]);
    // Begun or not: what a kill left is gone on with.
    words.push("--resume".to_owned());
    let mut overrides: Vec<String> = pipeline.profile.overrides.iter().map(|&text| text.to_owned()).collect();
    if pipeline.flags.from.is_some() {
        overrides.extend(pipeline.profile.tuning.iter().map(|&text| text.to_owned()));
    } else {
        overrides.extend(pipeline.profile.schedule_for(data.n_train)?);
    }
    overrides.extend(pipeline.flags.overrides.iter().cloned());
    // Validation showers are a file of their own, as many of them as the reference has.
    overrides.push("data.split=[1.0, 0.0, 0.0]".to_owned());
    overrides.push(format!("validation.max_showers={}", pipeline.profile.n_showers.full));
    overrides.push(format!("training.losses.kld={beta}"));
    overrides.push(format!("seed={seed}"));
    words.extend(overrides.into_iter().flat_map(|text| ["--set".to_owned(), text]));
    words.extend(["--validation".to_owned(), word(&data.validation.full)]);
    words.extend(at(&data.validation, "--validation-at", ""));
    words.extend(pipeline.device());
    let mut inputs = vec![config, data.train.clone()];
    inputs.extend(data.validation.files().cloned());
    if let Some(from) = &pipeline.flags.from {
        let from = std::path::absolute(from).context("--from")?.join(run_name(beta));
        words.extend(["--from".to_owned(), word(&from)]);
        // What `calo train --from` reads: of a run its last state, of a released model what names its weights.
        let last = from.join("last.safetensors");
        inputs.push(if last.exists() { last } else { from.join("run.json") });
    }
    let outputs = ["config.toml", "validation.jsonl", "last.safetensors"].map(|file| run.join(file)).to_vec();
    let name = format!("{}: train {name}", file_name(folder));
    Ok((run, Stage { name, commands: vec![words], inputs, outputs }))
}

/// The best epoch of every run, judged together.
fn select(pipeline: &mut Pipeline<'_>, folder: &Path, trained: &[PathBuf]) -> Result<Selection> {
    let out = folder.join("selection");
    let mut words = strings(["select", "--out", &word(&out)]);
    words.extend(trained.iter().flat_map(|run| ["--run".to_owned(), word(run)]));
    let inputs = trained.iter().map(|run| run.join("validation.jsonl")).collect();
    let path = out.join("selection.json");
    let name = format!("{}: choose epochs", file_name(folder));
    pipeline.stage(&Stage { name, commands: vec![words], inputs, outputs: vec![path.clone()] })?;
    read_json(&path)
}

/// The density of latent variables and energy of the training showers.
fn density(
    pipeline: &mut Pipeline<'_>,
    data: &Data,
    folder: &Path,
    chosen: &Chosen,
    seed: u64,
) -> Result<PathBuf> {
    let (latent, density) = (folder.join("latent.hdf5"), folder.join("density.safetensors"));
    let mut encode = strings(["encode", "--data", &word(&data.train), "--part", "train"]);
    encode.extend(chosen.words());
    encode.extend(strings(["--seed", &seed.to_string(), "--out", &word(&latent)]));
    encode.extend(pipeline.device());
    let fit = ["density", "--latent", &word(&latent), "--seed", &seed.to_string(), "--out", &word(&density)];
    let name = format!("{}: encode, density", file_name(folder));
    pipeline.stage(&Stage {
        name,
        commands: vec![encode, strings(fit)],
        inputs: vec![data.train.clone(), chosen.weights()],
        outputs: vec![latent, density.clone()],
    })?;
    Ok(density)
}

/// As many showers as the reference has, of the full spectrum and of each fixed energy.
///
/// Energies without a reference file are cut from the full spectrum by the evaluation.
fn generate(
    pipeline: &mut Pipeline<'_>,
    data: &Data,
    folder: &Path,
    name: &str,
    (chosen, density): (&Chosen, Option<&Path>),
    seed: u64,
) -> Result<Showers> {
    let out = folder.join("generated");
    fs::create_dir_all(&out).with_context(|| format!("{}: cannot create it", out.display()))?;
    let stem = name.replace(" + ", "-").replace(' ', "-").to_lowercase();
    let file = |suffix: &str| out.join(format!("{stem}{suffix}.hdf5"));
    let mut showers = Showers { full: file(""), fixed: vec![] };
    let mut samples = vec![(SPECTRUM_GEV.to_owned(), 0, &data.reference.full, showers.full.clone())];
    for (energy, reference) in &data.reference.fixed {
        let place = FIXED_GEV.iter().position(|fixed| fixed == energy).unwrap_or(FIXED_GEV.len());
        let path = file(&format!("_{energy}"));
        showers.fixed.push((energy.clone(), path.clone()));
        samples.push((energy.clone(), (place as u64 + 1) * FIRST, reference, path));
    }
    let mut commands = Vec::new();
    for (energy, first, reference, path) in samples {
        let n = data.n_reference.get(reference).context("the reference was not counted")?;
        let mut words = strings(["generate"]);
        words.extend(chosen.words());
        match density {
            Some(density) => words.extend(strings(["--latent", "kde", "--density", &word(density)])),
            None => words.extend(strings(["--latent", "normal"])),
        }
        let (n, seed, first) = (n.to_string(), seed.to_string(), first.to_string());
        words.extend(strings(["--energy", &energy, "-n", &n, "--seed", &seed, "--first", &first]));
        words.extend(strings(["--out", &word(&path)]));
        words.extend(pipeline.device());
        commands.push(words);
    }
    let mut inputs = vec![chosen.weights()];
    inputs.extend(data.reference.files().cloned());
    inputs.extend(density.map(Path::to_owned));
    let name = format!("{}: generate {name}", file_name(folder));
    pipeline.stage(&Stage { name, commands, inputs, outputs: showers.files().cloned().collect() })?;
    Ok(showers)
}

/// All configurations against the reference, with the divisors of all epochs; the report beside it.
fn evaluate(
    pipeline: &mut Pipeline<'_>,
    data: &Data,
    folder: &Path,
    generated: &[Showers],
    seed: u64,
) -> Result<Results> {
    let (out, selection) = (folder.join("evaluation"), folder.join("selection/selection.json"));
    let mut words = strings(["evaluate", "--detector", &pipeline.detector, "--seed", &seed.to_string()]);
    words.extend(strings(["--divisors", &word(&selection), "--out", &word(&out)]));
    words.extend(["--reference".to_owned(), format!("{}={}", data.origin, data.reference.full.display())]);
    words.extend(at(&data.reference, "--reference-at", ""));
    for (name, showers) in CONFIGURATIONS.into_iter().zip(generated) {
        words.extend(["--candidate".to_owned(), format!("{name}={}", showers.full.display())]);
        words.extend(at(showers, "--candidate-at", &format!("{name}:")));
    }
    let mut inputs = vec![selection];
    inputs.extend(data.reference.files().cloned());
    inputs.extend(generated.iter().flat_map(Showers::files).cloned());
    let results = out.join("results.json");
    pipeline.stage(&Stage {
        name: format!("{}: evaluate", file_name(folder)),
        commands: vec![words, strings(["report", &word(&out)])],
        inputs,
        outputs: vec![results.clone(), out.join("report.html")],
    })?;
    read_json(&results)
}

/// The figures of one model's latent space, from validation showers.
fn latent(
    pipeline: &mut Pipeline<'_>,
    data: &Data,
    folder: &Path,
    (chosen, density): (&Chosen, Option<&Path>),
    seed: u64,
) -> Result<()> {
    let name = &chosen.run.name;
    let out = folder.join(format!("latent-{name}"));
    let mut words = strings(["latent", "--data", &word(&data.validation.full), "--part", "all"]);
    words.extend(chosen.words());
    words.extend(density.into_iter().flat_map(|density| ["--density".to_owned(), word(density)]));
    words.extend(strings(["--seed", &seed.to_string(), "--out", &word(&out)]));
    words.extend(pipeline.device());
    let mut inputs = vec![data.validation.full.clone(), chosen.weights()];
    inputs.extend(density.map(Path::to_owned));
    let outputs = vec![out.join("latent.json"), out.join("latent.html")];
    let name = format!("{}: latent space of {name}", file_name(folder));
    pipeline.stage(&Stage { name, commands: vec![words], inputs, outputs })
}

/// `OPTION PREFIXENERGY=FILE` for every fixed energy.
fn at(showers: &Showers, option: &str, prefix: &str) -> Vec<String> {
    let words = showers
        .fixed
        .iter()
        .flat_map(|(energy, path)| [option.to_owned(), format!("{prefix}{energy}={}", path.display())]);
    words.collect()
}

fn word(path: &Path) -> String {
    path.display().to_string()
}

fn strings<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn file_name(folder: &Path) -> String {
    folder.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
