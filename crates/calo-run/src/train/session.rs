//! What goes along with a run: log, checkpoints, validation.

use std::collections::BTreeMap;
use std::fs;

use calo_core::Error;
use calo_nn::candle::DType;
use calo_nn::engine::{Event, Flow, Losses, ShowerModel, Trainer};
use calo_nn::families;

use super::log::Log;
use super::validation::Validation;
use crate::Result;
use crate::config::{KeepEpochs, RunConfig};
use crate::monitor::{Caller, Progress};
use crate::run_folder::{RunFolder, Validated, best_epoch, mean_divergence};

/// What goes along with a run.
pub(super) struct Session<'a> {
    pub(super) validation: Option<Validation>,
    pub(super) log: Log,
    pub(super) progress: Box<dyn Progress>,
    pub(super) provenance: BTreeMap<String, String>,
    pub(super) config: &'a RunConfig,
    pub(super) run: &'a RunFolder,
    pub(super) batches_per_epoch: u64,
    pub(super) caller: Caller<'a>,
}

impl Session<'_> {
    /// Logs, checkpoints and validates after a step or an epoch.
    ///
    /// # Errors
    /// A full disk, an interruption.
    pub(super) fn see(&mut self, trainer: &Trainer, event: &Event) -> Result<Flow> {
        let position = trainer.position();
        match event {
            Event::Step(losses) => {
                let config = &self.config.checkpoints;
                if position.step.is_multiple_of(config.log_every_steps) {
                    #[expect(clippy::cast_precision_loss, reason = "a place on an axis")]
                    let part = position.batch as f64 / self.batches_per_epoch.max(1) as f64;
                    self.log.step(position.step, f64::from(position.epoch) + part, losses)?;
                    self.progress.note(shown(trainer, losses));
                }
                self.progress.advance(1);
                let interrupted = self.caller.check();
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

    fn validate(&mut self, trainer: &Trainer) -> Result<()> {
        let Some(validation) = &self.validation else { return Ok(()) };
        let (position, config) = (trainer.position(), &self.config.validation);
        let is_last = position.epoch == trainer.epochs();
        let is_due = position.epoch >= config.first_epoch
            && (position.epoch - config.first_epoch).is_multiple_of(config.every_epochs);
        if !(is_due || is_last) || !trainer.showers_changed() {
            return Ok(());
        }
        let model = ShowerModel::load(
            &self.run.weights(position.epoch),
            families::ALL,
            trainer.device(),
            DType::F32,
        )?;
        let [jsd, area_difference] = validation.distances(&model, self.caller)?;
        let mean_divergence = mean_divergence(jsd.last(), &config.choose_by);
        let validated = Validated {
            epoch: position.epoch,
            step: position.step,
            n_showers: validation.n_showers(),
            jsd,
            area_difference: Some(area_difference),
            kld_nats: validation.divergences(&model)?,
            mean_divergence,
        };
        self.log.validated(&validated)
    }

    /// Removes the weights of epochs that are not to be kept.
    fn tidy_up(&self, epoch: u32) -> Result<()> {
        let KeepEpochs::Last(n) = self.config.checkpoints.keep_epochs else { return Ok(()) };
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

/// The losses that tell how a run goes, for people.
fn shown(trainer: &Trainer, losses: &Losses) -> String {
    let headline = trainer.recipe().family.headline();
    let short = |name: &str| headline.iter().find(|(known, _)| *known == name).map(|(_, short)| *short);
    let shown = losses.iter().filter_map(|(name, value)| Some(format!("{} {value:.3}", short(name)?)));
    shown.collect::<Vec<_>>().join(", ")
}
