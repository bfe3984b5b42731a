//! Training in a run folder, which holds all that is needed to continue.

mod begin;
mod log;
mod request;
mod session;
mod source;
mod tensorboard;
mod validation;

use std::collections::BTreeMap;
use std::path::Path;

use calo_core::{Detector, Grid};
use calo_data::{Part, ReadOptions, ShuffleSettings, Split};
use calo_nn::engine::{BatchSource as _, Trainer};

use crate::config::RunConfig;
use crate::error::{Context as _, ensure};
use crate::files;
use crate::model::Precision;
use crate::monitor::{Caller, Pass};
use crate::provenance::VERSION;
use crate::run_folder::{RunFolder, best_epoch};
use crate::{Error, Result};
use begin::Beginning;
use log::Log;
use session::Session;
use source::{PrefetchedShowers, TrainingShowers};
use validation::{Validation, ValidationFiles};

pub use request::{TrainRequest, Trained};

/// Trains a model.
///
/// The run folder keeps the configuration, all losses, how each epoch compares with validation showers, the weights of
/// each epoch, and the whole state: interrupted or killed, the same request with `resume` continues from the last
/// checkpoint, on a CPU with the same bits as if nothing had happened.
///
/// # Errors
/// A configuration that cannot be, showers that are not its detector's, a folder that holds another run or one that is
/// not to be resumed, numbers that are not finite, a full disk, an interruption.
pub fn train(request: &TrainRequest, caller: Caller<'_>) -> Result<Trained> {
    if request.compute.precision == Precision::Bf16 {
        let problem = "bf16 is too coarse to train in; expected --precision f32 or tf32";
        return Err(Error::Usage(problem.to_owned()));
    }
    let place = request.out.display();
    let (device, _) = request.compute.select()?;
    let (config, detector) = RunConfig::load(&request.config, &request.overrides)?;
    let run = RunFolder::new(&request.out);
    let has_begun = run.config().exists();
    if has_begun && !request.resume {
        return Err(Error::Usage(format!("{place}: holds a run; --resume continues it")));
    }
    let options = ReadOptions::for_detector(&detector);
    let reader = files::open(&request.data, &options, caller)?;
    check_grid(&request.data, reader.grid(), &detector)?;
    let n_showers = reader.n_showers();
    drop(reader);
    let split = Split::new(config.data.split_seed, config.data.split, n_showers)?;

    let (n_train, batch) = (split.size(Part::Train), config.recipe.optim.batch_showers);
    ensure!(
        n_train >= batch as u64,
        "{}: field `optim.batch_showers`: {batch}; expected at most the {n_train} showers that are trained with",
        request.config.display()
    );

    let mut trainer = Trainer::new(config.recipe.clone(), config.seed, &device)?;
    let beginning = Beginning { request, config: &config, detector: &detector, run: &run };
    let description = beginning.describe(n_showers, trainer.n_weights(), caller)?;
    std::fs::create_dir_all(run.epochs()).with_context(|| format!("{place}: cannot create the folder"))?;
    let _lock = run.lock()?;
    // A kill in the middle of a checkpoint leaves half of one.
    for folder in [&request.out, &run.epochs()] {
        calo_core::remove_unfinished(folder)?;
    }
    if has_begun {
        beginning.check_begun(&description)?;
    }
    if run.last().exists() {
        trainer.restore(&run.last())?;
    } else if let Some(from) = &request.from {
        let taken = trainer.begin_with(&begin::weights_file(from))?;
        caller.monitor.message(&format!("{} of {} taken over", taken.join(", "), from.display()));
    }
    if trainer.position().epoch >= trainer.epochs() {
        return outcome(&run, &trainer, true);
    }

    let settings = ShuffleSettings {
        seed: config.seed,
        batch_size: config.recipe.optim.batch_showers,
        group_showers: config.data.group_showers,
    };
    let position = trainer.position();
    let showers = TrainingShowers { path: &request.data, options: &options, split: &split };
    let mut source =
        PrefetchedShowers::open(showers, settings, config.data.passes_per_epoch, position, caller)?;
    let validation = if config.validation.every_epochs == 0 {
        None
    } else {
        let files =
            ValidationFiles { full: request.validation.clone(), fixed: request.validation_at.clone() };
        Some(Validation::read(&files, showers, &detector, &config, caller)?)
    };
    if !has_begun {
        beginning.write(&description)?;
    }
    let data_blake3 = description.data.map(|data| data.blake3).unwrap_or_default();
    let mut session = Session {
        validation,
        log: Log::open(&run, position.step, position.epoch)?,
        progress: caller.begin(&pass(&trainer, source.batches_per_epoch())),
        // Not the command: interrupted or not, the same run leaves the same bytes.
        provenance: BTreeMap::from([
            ("software".to_owned(), VERSION.to_owned()),
            ("data_blake3".to_owned(), data_blake3),
        ]),
        config: &config,
        run: &run,
        batches_per_epoch: source.batches_per_epoch(),
        caller,
    };
    let result: Result<()> =
        calo_nn::engine::train(&mut trainer, &mut source, |trainer, event| session.see(trainer, &event));
    drop(source);
    if let Err(error) = result {
        if error.is_interruption() {
            let step = trainer.position().step;
            caller.monitor.message(&format!("{place} is kept; --resume continues from step {step}"));
        }
        return Err(error.context(place));
    }
    drop(session);
    outcome(&run, &trainer, false)
}

/// The result of the run.
fn outcome(run: &RunFolder, trainer: &Trainer, had_finished: bool) -> Result<Trained> {
    let validated = run.validated()?;
    Ok(Trained {
        had_finished,
        n_epochs: trainer.epochs(),
        n_steps: trainer.position().step,
        n_weights: trainer.n_weights(),
        best: best_epoch(&validated).cloned(),
    })
}

fn check_grid(path: &Path, found: Grid, detector: &Detector) -> Result<()> {
    ensure!(
        found == detector.grid,
        "{}: showers on {found}; expected {}, the grid of detector {}",
        path.display(),
        detector.grid,
        detector.name
    );
    Ok(())
}

/// Progress in training steps.
fn pass(trainer: &Trainer, batches_per_epoch: u64) -> Pass {
    let total = Some(trainer.total_steps(batches_per_epoch));
    Pass { name: "training".to_owned(), total, n_done: trainer.position().step, unit: "steps" }
}
