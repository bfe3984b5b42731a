//! Epochs and batches.

use calo_core::{Grid, ShowerBatch};

use super::step::Terms;
use super::trainer::Trainer;
use crate::{Error, Result};

/// Where batches come from. Epochs and batches are asked for in order, from the position of the run on.
pub trait BatchSource {
    /// Whole batches in an epoch; a last one that is not full does not count.
    fn batches_per_epoch(&self) -> u64;

    /// Replaces `batch` by that of `epoch` and `index`, both from 0: the same showers whenever it is asked for.
    ///
    /// # Errors
    /// Whatever reading may meet.
    fn read(&mut self, epoch: u32, index: u64, batch: &mut ShowerBatch<f32>) -> calo_core::Result<()>;
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step was made, with these losses.
    Step(Terms),
    /// An epoch was finished.
    Epoch,
}

/// What is to happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next step.
    GoOn,
    /// Nothing: [`train`] returns.
    Stop,
}

/// Trains from the position of `trainer` to the last epoch, or until `on_event` says stop.
///
/// # Errors
/// Those of the source, of [`Trainer::step`], and of `on_event`; [`Error::Operand`] when an epoch has fewer batches than
/// a step takes; [`Error::Diverged`] when a run cannot recover at the end of an epoch: its showers are all empty.
pub fn train<E: From<Error> + From<calo_core::Error>>(
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
            return Err(Error::operand("train", "number of batches in an epoch", available, expected).into());
        }
        let mut last = Terms::new();
        while trainer.position().batch + n <= available {
            let position = trainer.position();
            for (i, batch) in (0..n).zip(&mut batches) {
                source.read(position.epoch, position.batch + i, batch)?;
            }
            let terms = trainer.step(&batches)?;
            last.clone_from(&terms);
            if on_event(trainer, Event::Step(terms))? == Flow::Stop {
                return Ok(());
            }
        }
        trainer.check_collapse(&last)?;
        trainer.finish_epoch()?;
        if on_event(trainer, Event::Epoch)? == Flow::Stop {
            return Ok(());
        }
    }
    Ok(())
}
