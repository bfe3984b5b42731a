//! What tests of families share.

use std::collections::BTreeMap;

use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::engine::{BatchSource, Event, Flow, Trainer, train};
use calo_nn::parameters::checkpoint;

/// Trains for so many steps; the losses of each.
pub(crate) fn run(
    trainer: &mut Trainer,
    source: &mut dyn BatchSource,
    steps: u64,
) -> Vec<Vec<(&'static str, f64)>> {
    let mut logged = Vec::new();
    let stop = trainer.position().step + steps;
    train::<Box<dyn std::error::Error>>(trainer, source, |trainer, event| {
        if let Event::Step(losses) = event {
            logged.push(losses);
        }
        Ok(if trainer.position().step >= stop { Flow::Stop } else { Flow::GoOn })
    })
    .unwrap();
    logged
}

/// All tensors of a run.
pub(crate) fn state(trainer: &Trainer) -> BTreeMap<String, Vec<f64>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    trainer.save(&path, &BTreeMap::new()).unwrap();
    let tensors = checkpoint::load(&path, &Device::Cpu).unwrap().tensors;
    let values =
        |tensor: Tensor| tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap();
    tensors.into_iter().map(|(name, tensor)| (name, values(tensor))).collect()
}
