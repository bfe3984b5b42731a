//! Training on a tiny grid: stages, schedule, state, and refused configurations.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

mod networks;
mod precision;
mod schedule;
mod state;

use std::collections::BTreeMap;
use std::path::Path;

use calo_core::random::{Purpose, stream};
use calo_core::{Grid, ShowerBatch};
use calo_nn::candle::{Device, Tensor};
use calo_nn::components::post_processor::{PostProcessorConfig, PostProcessorOutput, PostProcessorTraining};
use calo_nn::components::{CellScale, Scaling};
use calo_nn::engine::{BatchSource, Event, FamilyConfig, Flow, OptimConfig, Recipe, Trainer, train};
use calo_nn::families::bibae::networks::{AutoencoderConfig, CriticConfig, LatentCriticConfig};
use calo_nn::families::bibae::{Config, LossWeights, ModelConfig, Schedule};
use calo_nn::losses::SortedMmd;
use calo_nn::parameters::checkpoint;
use rand::Rng;

const GRID: [usize; 3] = [6, 5, 4];

/// Sparse showers whose content depends on epoch and index alone.
struct Showers {
    batches: u64,
    read: Vec<(u32, u64)>,
}

impl BatchSource for Showers {
    fn batches_per_epoch(&self) -> u64 {
        self.batches
    }

    fn read(&mut self, epoch: u32, index: u64, batch: &mut ShowerBatch<f32>) -> calo_core::Result<()> {
        self.read.push((epoch, index));
        let mut random = stream(1, Purpose::new("test showers"), u64::from(epoch) * self.batches + index);
        let [layers, nx, ny] = GRID;
        let mut cell = || if random.random_bool(0.3) { random.random::<f32>() * 3.0 } else { 0.0 };
        *batch = ShowerBatch::empty(Grid { layers, nx, ny });
        batch.cells_mev = ndarray::Array4::from_shape_simple_fn((4, layers, nx, ny), &mut cell);
        batch.energies_gev = (0..4).map(|_| random.random_range(10.0..100.0)).collect();
        Ok(())
    }
}

fn model() -> ModelConfig {
    let post_processor = PostProcessorConfig { width: 3, condition: 2, ..Default::default() };
    ModelConfig {
        autoencoder: AutoencoderConfig {
            width: 1,
            hidden: 7,
            bottleneck: 6,
            n_encoded: 3,
            latent_dim: 5,
            ..Default::default()
        },
        critic: CriticConfig { width: 4, ..Default::default() },
        latent_critic: LatentCriticConfig { units: vec![4] },
        post_processor: Some(post_processor),
        scaling: Scaling { condition_per_gev: 0.02, cells: CellScale::Root, ..Default::default() },
        ..Default::default()
    }
    .on_grid(GRID)
}

/// How the tiny networks are trained.
struct Training {
    epochs: u32,
    ema_decay: f64,
    losses: LossWeights,
    schedule: Schedule,
}

fn training() -> Training {
    let sorted_mmd = SortedMmd { window: 20, stride: 10, windows: 8, ..Default::default() };
    let post_processor =
        PostProcessorTraining { identity_epochs: 1, sorted_mmd, ..PostProcessorTraining::default() };
    let schedule = Schedule { n_critic: 2, post_processor, ..Schedule::default() };
    Training { epochs: 2, ema_decay: 0.0, losses: LossWeights::default(), schedule }
}

/// [`training`] with another order of steps.
fn scheduled(change: impl FnOnce(&mut Schedule)) -> Training {
    let mut training = training();
    change(&mut training.schedule);
    training
}

fn recipe(model: ModelConfig, training: Training) -> Recipe {
    let Training { epochs, ema_decay, losses, schedule } = training;
    let family = Config { model, losses, schedule };
    let optim = OptimConfig { epochs, batch_showers: 4, ema_decay, ..family.default_optim() };
    Recipe { family: Box::new(family), optim }
}

/// Writes the weights of networks whose post-processor gives the change of a cell: with this seed some cells come out
/// above 0 and some below without a run.
fn save_changing(path: &Path) {
    let mut model = model();
    model.post_processor.as_mut().unwrap().output = PostProcessorOutput::Change;
    let trainer = Trainer::new(recipe(model, training()), 5, &Device::Cpu).unwrap();
    trainer.save_weights(path, &BTreeMap::new()).unwrap();
}

fn trainer(training: Training) -> Trainer {
    Trainer::new(recipe(model(), training), 5, &Device::Cpu).unwrap()
}

/// Trains to the end, or for so many steps; the names of the losses of every step.
fn run(trainer: &mut Trainer, source: &mut Showers, steps: u64) -> Vec<Vec<&'static str>> {
    let mut names = Vec::new();
    let stop = trainer.position().step + steps;
    train::<Box<dyn std::error::Error>>(trainer, source, |trainer, event| {
        if let Event::Step(losses) = event {
            names.push(losses.iter().map(|(name, _)| *name).collect());
        }
        Ok(if trainer.position().step >= stop { Flow::Stop } else { Flow::GoOn })
    })
    .unwrap();
    names
}

fn saved(trainer: &Trainer) -> BTreeMap<String, Vec<f32>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    trainer.save_weights(&path, &BTreeMap::new()).unwrap();
    let tensors = checkpoint::load(&path, &Device::Cpu).unwrap().tensors;
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1().unwrap();
    tensors.iter().map(|(name, tensor)| (name.clone(), values(tensor))).collect()
}
