//! `calo train`: a BIB-AE and its post-processor, in a run folder that holds all that is needed to go on.

mod experiment;
mod log;
mod source;
mod validate;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use calo_core::{Detector, Error, Grid};
use calo_data::{Part, ReadOptions, ShuffleSettings, Split};
use calo_nn::candle::DType;
use calo_nn::device::Precision;
use calo_nn::training::{Event, Flow, ShowerModel, Trainer, train};

use crate::args::{DeviceOptions, FixedEnergyFile};
use crate::progress::Progress;
use crate::provenance::VERSION;
use crate::run_folder::{
    DataDescription, EpochChoice, Origin, RunDescription, RunFolder, Validated, best_epoch,
};
use crate::{UsageError, files, interrupt, output};
use experiment::{Experiment, KeepEpochs};
use log::Log;
use source::PrefetchedShowers;
use validate::{Validation, ValidationFiles};

/// Train a generative network on showers
///
/// CONFIG describes the training entirely; `--set` overrides a field of it. RUN keeps the configuration, all losses
/// (log.jsonl, and the same for TensorBoard), how each epoch compares with validation showers (validation.jsonl), the
/// weights of each epoch, and the whole state: interrupted or killed, the same command with --resume goes on from the last
/// checkpoint, on a CPU with the same bits as if nothing had happened.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Description of the training, TOML
    config: PathBuf,
    /// Showers; a part of them is trained on, others validate
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Folder of the run
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Go on with the run in this folder, or begin it
    #[arg(long)]
    resume: bool,
    /// Begin with the weights of another training of the same networks: its folder, where the last checkpoint has all of them,
    /// or the weights file of an epoch, without critics
    #[arg(long, value_name = "FOLDER|FILE")]
    from: Option<PathBuf>,
    /// Another value for a field, for example `training.losses.kld=0.4`, or none for its default; may be given again
    #[arg(long = "set", value_name = "NAME=VALUE")]
    overrides: Vec<String>,
    /// Showers to validate with, full spectrum, instead of the validation part of the data
    #[arg(long, value_name = "FILE")]
    validation: Option<PathBuf>,
    /// Showers of one energy in GeV to validate with; may be given again
    #[arg(long, value_name = "ENERGY=FILE")]
    validation_at: Vec<FixedEnergyFile>,
    #[command(flatten)]
    compute: DeviceOptions,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.compute.precision == Precision::Bf16 {
        return Err(UsageError(
            "bf16 is too coarse to train in; expected --precision f32 or tf32".to_owned(),
        )
        .into());
    }
    let (device, _) = args.compute.select()?;
    let (experiment, detector) = Experiment::load(&args.config, &args.overrides)?;
    let run = RunFolder::new(&args.out);
    let has_begun = run.config().exists();
    if has_begun && !args.resume {
        let problem = format!("{}: holds a training; --resume goes on with it", args.out.display());
        return Err(UsageError(problem).into());
    }
    let options = ReadOptions::for_detector(&detector);
    let reader = files::open(&args.data, &options)?;
    check_grid(&args.data, reader.grid(), &detector)?;
    let n_showers = reader.n_showers();
    drop(reader);
    let data = &experiment.data;
    let split = Split::new(data.split_seed, data.split, n_showers)?;

    let model = experiment.model.clone();
    let mut trainer = Trainer::new(model, experiment.training.clone(), experiment.seed, &device)?;
    let description = describe(args, &experiment, &detector, n_showers, trainer.n_weights())?;
    fs::create_dir_all(run.epochs())
        .with_context(|| format!("{}: cannot create the folder", args.out.display()))?;
    let _lock = run.lock()?;
    // A kill in the middle of a checkpoint leaves half of one.
    for folder in [&args.out, &run.epochs()] {
        calo_core::remove_unfinished(folder)?;
    }
    if has_begun {
        check_begun(&run, &experiment, &description)?;
    }
    if run.last().exists() {
        trainer.restore(&run.last())?;
    } else if let Some(from) = &args.from {
        let taken = trainer.begin_with(&weights_file(from))?;
        output::note(format_args!("calo: {} of {} taken over", taken.join(", "), from.display()));
    }
    if trainer.position().epoch >= trainer.epochs() {
        return output::print(&format!(
            "{}: finished after {} epochs\n",
            args.out.display(),
            trainer.epochs()
        ));
    }

    let settings = ShuffleSettings {
        seed: experiment.seed,
        batch_size: experiment.training.batch_showers,
        group_showers: data.group_showers,
    };
    let mut source = PrefetchedShowers::open(&args.data, &options, &split, settings, trainer.position())?;
    let position = trainer.position();
    let validation = validation(args, &experiment, &split, (&detector, &options))?;
    if !has_begun {
        begin(&run, &experiment, &detector, &description)?;
    }
    let mut session = Session {
        validation,
        log: Log::open(&run, position.step, position.epoch)?,
        progress: progress(&trainer, split.size(Part::Train)),
        // Not the command: interrupted or not, the same run leaves the same bytes.
        provenance: BTreeMap::from([
            ("software".to_owned(), VERSION.to_owned()),
            ("data_blake3".to_owned(), description.data.blake3.clone()),
        ]),
        experiment: &experiment,
        run: &run,
        batches_per_epoch: calo_nn::training::BatchSource::batches_per_epoch(&source),
    };
    let result = train(&mut trainer, &mut source, |trainer, event| session.see(trainer, &event));
    drop(source);
    if let Err(error) = result {
        if matches!(error.downcast_ref(), Some(Error::Interrupted)) {
            output::note(format_args!(
                "calo: {} is kept; --resume goes on from step {}",
                args.out.display(),
                trainer.position().step
            ));
        }
        return Err(error.context(args.out.display().to_string()));
    }
    drop(session);
    output::print(&summary(&run, &trainer)?)
}

/// What goes along with a training.
struct Session<'a> {
    validation: Option<Validation>,
    log: Log,
    progress: Progress,
    provenance: BTreeMap<String, String>,
    experiment: &'a Experiment,
    run: &'a RunFolder,
    batches_per_epoch: u64,
}

impl Session<'_> {
    fn see(&mut self, trainer: &Trainer, event: &Event) -> anyhow::Result<Flow> {
        let position = trainer.position();
        match event {
            Event::Step(terms) => {
                let config = &self.experiment.checkpoints;
                if position.step.is_multiple_of(config.log_every_steps) {
                    #[expect(clippy::cast_precision_loss, reason = "a place on an axis")]
                    let part = position.batch as f64 / self.batches_per_epoch.max(1) as f64;
                    self.log.step(position.step, f64::from(position.epoch) + part, terms)?;
                    self.progress.note(shown(terms));
                }
                self.progress.advance(1);
                let interrupted = interrupt::check();
                if interrupted.is_err() || position.step.is_multiple_of(config.every_steps) {
                    trainer.save(&self.run.last(), &self.provenance)?;
                }
                interrupted?;
            }
            Event::Epoch => {
                trainer.save_weights(&self.run.weights(position.epoch), &self.provenance)?;
                self.validate(trainer)?;
                trainer.save(&self.run.last(), &self.provenance)?;
                self.tidy_up(position.epoch)?;
            }
        }
        Ok(Flow::GoOn)
    }

    fn validate(&mut self, trainer: &Trainer) -> anyhow::Result<()> {
        let Some(validation) = &self.validation else { return Ok(()) };
        let (position, config) = (trainer.position(), &self.experiment.validation);
        let is_last = position.epoch == trainer.epochs();
        let is_due = position.epoch >= config.first_epoch
            && (position.epoch - config.first_epoch).is_multiple_of(config.every_epochs);
        if !(is_due || is_last) {
            return Ok(());
        }
        let model = ShowerModel::load(&self.run.weights(position.epoch), trainer.device(), DType::F32)?;
        let [jsd, area_difference] = validation.distances(&model)?;
        let validated = Validated {
            epoch: position.epoch,
            step: position.step,
            n_showers: validation.n_showers(),
            jsd,
            area_difference: Some(area_difference),
            kld_nats: validation.divergences(&model)?,
        };
        self.log.validated(&validated)
    }

    /// Removes the weights of epochs that are not to be kept.
    fn tidy_up(&self, epoch: u32) -> anyhow::Result<()> {
        let KeepEpochs::Last(n) = self.experiment.checkpoints.keep_epochs else { return Ok(()) };
        let validated = self.run.validated()?;
        let best = best_epoch(&validated).map(|best| best.epoch);
        for old in (1..=epoch.saturating_sub(n)).filter(|old| Some(*old) != best) {
            let path = self.run.weights(old);
            if path.exists() {
                fs::remove_file(&path).map_err(|e| Error::io(&path, "remove", e))?;
            }
        }
        Ok(())
    }
}

/// The losses that tell how a training goes, for people.
fn shown(terms: &[(&'static str, f64)]) -> String {
    let short = |name: &str| match name {
        "critic_distance" => Some("critic"),
        "kld" => Some("kld"),
        "latent_mmd" => Some("mmd"),
        "post_processor_mmd" => Some("spectrum"),
        "post_processor_absolute" => Some("sorted"),
        _ => None,
    };
    let shown = terms.iter().filter_map(|(name, value)| Some(format!("{} {value:.3}", short(name)?)));
    shown.collect::<Vec<_>>().join(", ")
}

/// The weights to begin with: those of a checkpoint, or of the only epoch that a released model has.
fn weights_file(from: &Path) -> PathBuf {
    if !from.is_dir() {
        return from.to_owned();
    }
    let run = RunFolder::new(from);
    let last = run.last();
    match run.weights_of(EpochChoice::Best) {
        Ok((best, _)) if !last.exists() => best,
        _ => last,
    }
}

fn check_grid(path: &Path, found: Grid, detector: &Detector) -> anyhow::Result<()> {
    ensure!(
        found == detector.grid,
        "{}: showers on {found}; expected {}, the grid of detector {}",
        path.display(),
        detector.grid,
        detector.name
    );
    Ok(())
}

fn describe(
    args: &Args,
    experiment: &Experiment,
    detector: &Detector,
    n_showers: u64,
    n_weights: usize,
) -> anyhow::Result<RunDescription> {
    let command: Vec<String> = std::env::args().skip(1).collect();
    Ok(RunDescription {
        software: VERSION.to_owned(),
        command: format!("calo {}", command.join(" ")),
        name: experiment.name.clone(),
        seed: experiment.seed,
        detector: detector.name.clone(),
        grid: detector.grid.shape(),
        data: DataDescription {
            path: args.data.display().to_string(),
            blake3: calo_core::hash_file(&args.data)?,
            n_showers,
            split: experiment.data.split,
            split_seed: experiment.data.split_seed,
        },
        n_weights,
        device: args.compute.device.clone(),
        precision: args.compute.precision,
        from: args.from.as_deref().map(origin).transpose()?,
        released: None,
    })
}

/// The weights that a training begins with.
fn origin(from: &Path) -> anyhow::Result<Origin> {
    let path = weights_file(from);
    Ok(Origin { blake3: calo_core::hash_file(&path)?, path: path.display().to_string() })
}

/// Writes what describes the run. The configuration comes last: with it the run has begun.
fn begin(
    run: &RunFolder,
    experiment: &Experiment,
    detector: &Detector,
    description: &RunDescription,
) -> anyhow::Result<()> {
    calo_core::write_atomically(&run.detector_file(), detector.to_toml()?.as_bytes())?;
    let mut json = serde_json::to_vec_pretty(description)?;
    json.push(b'\n');
    calo_core::write_atomically(&run.description(), &json)?;
    Ok(calo_core::write_atomically(&run.config(), experiment.to_toml()?.as_bytes())?)
}

/// That a run is the one that was begun.
fn check_begun(run: &RunFolder, experiment: &Experiment, description: &RunDescription) -> anyhow::Result<()> {
    let path = run.config();
    let begun = fs::read_to_string(&path).map_err(|e| Error::io(&path, "read", e))?;
    if let Some(differing) = first_difference(&begun, &experiment.to_toml()?) {
        anyhow::bail!(
            "{}: {differing}; expected the configuration that the run was begun with",
            path.display()
        );
    }
    let begun = run.describe()?;
    ensure!(
        begun.released.is_none(),
        "{}: a released model, which has no state to go on with; expected a new --out, with --from {}",
        run.path().display(),
        run.path().display()
    );
    let hash = |from: &Option<Origin>| from.as_ref().map(|from| from.blake3.clone());
    ensure!(
        hash(&begun.from) == hash(&description.from),
        "{}: begun with other weights ({}); expected the same --from",
        run.path().display(),
        begun.from.as_ref().map_or("drawn by the seed", |from| from.path.as_str())
    );
    ensure!(
        begun.data.blake3 == description.data.blake3,
        "{}: not the showers that the run was begun with ({}); expected the same",
        description.data.path,
        begun.data.path
    );
    Ok(())
}

/// The first line in which two configurations differ.
fn first_difference(begun: &str, wanted: &str) -> Option<String> {
    let (mut a, mut b) = (begun.lines(), wanted.lines());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => {
                return Some(format!("has `{}`, not `{}`", a.unwrap_or("nothing"), b.unwrap_or("nothing")));
            }
        }
    }
}

fn validation(
    args: &Args,
    experiment: &Experiment,
    split: &Split,
    with: (&Detector, &ReadOptions),
) -> anyhow::Result<Option<Validation>> {
    if experiment.validation.every_epochs == 0 {
        return Ok(None);
    }
    let fixed = args.validation_at.iter().map(|file| (file.energy_gev, file.path.clone())).collect();
    let files = ValidationFiles { full: args.validation.clone(), fixed };
    Validation::read(&files, (&args.data, split), with, &experiment.validation, experiment.seed).map(Some)
}

/// Progress in training steps.
fn progress(trainer: &Trainer, n_train: u64) -> Progress {
    let batches = n_train / trainer.training().batch_showers as u64;
    let steps_per_epoch = batches / trainer.batches_per_step();
    let total = steps_per_epoch * u64::from(trainer.epochs());
    Progress::going_on("training", Some(total), trainer.position().step).counting("steps")
}

fn summary(run: &RunFolder, trainer: &Trainer) -> anyhow::Result<String> {
    let path = run.path().display();
    let (epochs, steps) = (trainer.epochs(), trainer.position().step);
    let mut text = format!("{path}: {epochs} epochs, {steps} steps, {} weights\n", trainer.n_weights());
    let validated = run.validated()?;
    if let Some(best) = best_epoch(&validated) {
        let jsd = best.jsd.last();
        #[expect(clippy::cast_precision_loss, reason = "a few observables")]
        let mean = jsd.values().sum::<f64>() / jsd.len() as f64;
        let nats: f64 = best.kld_nats.iter().sum();
        text += &format!("best epoch {}: mean distance {mean:.3}, {nats:.1} nats\n", best.epoch);
    }
    Ok(text)
}
