//! What tests of families share.

use std::collections::BTreeMap;

use calo_core::random::{Purpose, stream};
use calo_core::{Grid, ShowerBatch};
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::engine::{BatchSource, Event, Flow, Trainer, train};
use calo_nn::parameters::checkpoint;
use rand::Rng;

/// Sparse showers whose content depends on epoch and index alone. Cells grow with the incident energy.
#[derive(Clone, Copy)]
pub(crate) struct SparseShowers {
    pub(crate) grid: [usize; 3],
    pub(crate) batches_per_epoch: u64,
    pub(crate) n_showers: usize,
    /// Share of cells that are not empty.
    pub(crate) share: f64,
    /// Of a cell in a shower of 50 GeV.
    pub(crate) up_to_mev: f32,
    /// Lowest and highest.
    pub(crate) energies_gev: [f64; 2],
}

impl BatchSource for SparseShowers {
    fn batches_per_epoch(&self) -> u64 {
        self.batches_per_epoch
    }

    fn read(&mut self, epoch: u32, index: u64, batch: &mut ShowerBatch<f32>) -> calo_core::Result<()> {
        let index = u64::from(epoch) * self.batches_per_epoch + index;
        let mut random = stream(1, Purpose::new("test showers"), index);
        let ([layers, nx, ny], [low, high]) = (self.grid, self.energies_gev);
        *batch = ShowerBatch::empty(Grid { layers, nx, ny });
        batch.energies_gev = (0..self.n_showers).map(|_| random.random_range(low..=high)).collect();
        let energies_gev = batch.energies_gev.clone();
        #[expect(clippy::cast_possible_truncation, reason = "cells are f32")]
        let largest = |shower: usize| self.up_to_mev * energies_gev[shower] as f32 / 50.0;
        let mut cell = |shower: usize| {
            if random.random_bool(self.share) { random.random::<f32>() * largest(shower) } else { 0.0 }
        };
        batch.cells_mev = ndarray::Array4::from_shape_fn((self.n_showers, layers, nx, ny), |(i, ..)| cell(i));
        Ok(())
    }
}

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
