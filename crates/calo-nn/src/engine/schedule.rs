//! Epochs and batches.

use calo_core::{Grid, ShowerBatch};

use super::error::TrainingError;
use super::step::Losses;
use super::trainer::Trainer;
use crate::{Error, Result};

/// A source of batches. It is asked for epochs and batches in order, starting at the position of the run.
pub trait BatchSource {
    /// Full batches in an epoch; an incomplete last one does not count.
    fn batches_per_epoch(&self) -> u64;

    /// Replaces `batch` by that of `epoch` and `index`, both from 0: the same showers whenever it is asked for.
    ///
    /// # Errors
    /// Any error of reading.
    fn read(&mut self, epoch: u32, index: u64, batch: &mut ShowerBatch<f32>) -> calo_core::Result<()>;
}

/// What happened during a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step was made; these are its losses.
    Step(Losses),
    /// An epoch was finished.
    Epoch,
}

/// Whether a run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// With the next step.
    GoOn,
    /// No: [`train`] returns.
    Stop,
}

/// Trains from the position of `trainer` to the last epoch, or until `on_event` returns [`Flow::Stop`].
///
/// # Errors
/// Those of the source, of [`Trainer::step`], and of `on_event`; [`Error::Operand`] when an epoch has fewer batches than
/// a step takes; [`TrainingError::Diverged`] when a run cannot recover at the end of an epoch, as all its showers are
/// empty.
pub fn train<E: From<TrainingError> + From<calo_core::Error>>(
    trainer: &mut Trainer,
    source: &mut dyn BatchSource,
    mut on_event: impl FnMut(&Trainer, Event) -> Result<Flow, E>,
) -> Result<(), E> {
    let [layers, nx, ny] = trainer.grid();
    let empty = ShowerBatch::empty(Grid { layers, nx, ny });
    let mut batches = Vec::new();
    while trainer.position().epoch < trainer.epochs() {
        let n = trainer.batches_per_step();
        batches.resize_with(usize::try_from(n).unwrap_or(usize::MAX), || empty.clone());
        let available = source.batches_per_epoch();
        if available < n {
            let expected = format!("at least the {n} of a training step; more showers, or smaller batches");
            let error = Error::operand("train", "number of batches in an epoch", available, expected);
            return Err(TrainingError::from(error).into());
        }
        while trainer.position().batch + n <= available {
            let position = trainer.position();
            for (i, batch) in (0..n).zip(&mut batches) {
                source.read(position.epoch, position.batch + i, batch)?;
            }
            let losses = trainer.step(&batches)?;
            if on_event(trainer, Event::Step(losses))? == Flow::Stop {
                return Ok(());
            }
        }
        trainer.check_collapse()?;
        trainer.finish_epoch().map_err(TrainingError::from)?;
        if on_event(trainer, Event::Epoch)? == Flow::Stop {
            return Ok(());
        }
    }
    Ok(())
}
