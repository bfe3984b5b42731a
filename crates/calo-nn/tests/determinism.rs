//! A whole training step gives the same bits each time, and for any number of threads.
//!
//! Candle's products take the number of threads from the environment, not from a pool, so the test runs this very
//! binary again with `RAYON_NUM_THREADS` set, and compares what its children print.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::process::Command;

use calo_core::random::{Purpose, stream};
use calo_core::{Grid, ShowerBatch};
use calo_nn::candle::{DType, Device};
use calo_nn::components::Scaling;
use calo_nn::components::post_processor::PostProcessorConfig;
use calo_nn::components::post_processor::{PostProcessorLosses, PostProcessorTraining};
use calo_nn::engine::{FamilyConfig as _, OptimConfig, Recipe, Trainer};
use calo_nn::families::bibae::networks::{AutoencoderConfig, CriticConfig};
use calo_nn::families::bibae::{Config, LossWeights, ModelConfig, Schedule};
use calo_nn::losses::SortedMmd;
use calo_nn::parameters::checkpoint;
use ndarray::Array4;
use rand::Rng as _;
use rand_distr::{Distribution as _, Exp1};

/// More rows than the linear layer's own kernels take, and no multiple of a vector.
const BATCH: usize = 21;
const GRID: Grid = Grid { layers: 9, nx: 11, ny: 10 };

/// Networks wide enough for products that are shared out between threads, and every loss there is.
fn trainer(layer_norm: bool) -> Trainer {
    let post_processor = PostProcessorConfig { width: 20, condition: 6, layer_norm, ..Default::default() };
    let model = ModelConfig {
        autoencoder: AutoencoderConfig {
            width: 3,
            hidden: 300,
            bottleneck: 190,
            n_encoded: 5,
            latent_dim: 37,
            decoder_layer_norm: layer_norm,
            ..Default::default()
        },
        critic: CriticConfig { width: 18, ..Default::default() },
        post_processor: Some(post_processor),
        // Energies in GeV would outweigh the cells in the critic, and its gradients be 0.
        scaling: Scaling { condition_per_gev: 0.02, ..Default::default() },
        ..Default::default()
    };
    let post_processor = PostProcessorTraining {
        identity_epochs: 0,
        losses: PostProcessorLosses { sorted_absolute: 10.0, sorted_squared: 10.0, ..Default::default() },
        sorted_mmd: SortedMmd { windows: 30, ..Default::default() },
        ..Default::default()
    };
    let schedule = Schedule { n_critic: 3, post_processor, ..Default::default() };
    let family = Config { model: model.on_grid(GRID.shape()), losses: LossWeights::default(), schedule };
    let optim = OptimConfig { batch_showers: BATCH, ..family.default_optim() };
    Trainer::new(Recipe { family: Box::new(family), optim }, 1, &Device::Cpu).unwrap()
}

/// A third of the cells hit.
fn showers() -> ShowerBatch<f32> {
    const SHOWERS: Purpose = Purpose::new("determinism");
    let mut random = stream(7, SHOWERS, 0);
    let energies_gev = (0..BATCH).map(|_| random.random_range(10.0..100.0)).collect();
    let cells_mev = Array4::from_shape_simple_fn((BATCH, GRID.layers, GRID.nx, GRID.ny), || {
        let energy: f32 = Exp1.sample(&mut random);
        if random.random_bool(0.3) { energy } else { 0.0 }
    });
    ShowerBatch { energies_gev, cells_mev, ..ShowerBatch::empty(GRID) }
}

/// A hash of the bits of every weight and every moment, by name.
fn digest(trainer: &Trainer) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    trainer.save(&path, &BTreeMap::new()).unwrap();
    let tensors = checkpoint::load(&path, &Device::Cpu).unwrap().tensors;
    let hash = |tensor: calo_nn::candle::Tensor| {
        // Rates are f64 and counts of steps integers: exact in f64, as every f32 is.
        let values = tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let mut hasher = DefaultHasher::new();
        values.iter().for_each(|value| hasher.write_u64(value.to_bits()));
        format!("{:016x}", hasher.finish())
    };
    tensors.into_iter().map(|(name, tensor)| (name, hash(tensor))).collect()
}

/// A line for each loss and each tensor after one step, which every weight took part in.
fn after_a_step(layer_norm: bool) -> Vec<String> {
    let mut trainer = trainer(layer_norm);
    let start = digest(&trainer);
    let losses = trainer.step(&[showers()]).unwrap();
    let end = digest(&trainer);
    for (name, hash) in &end {
        let is_weight = name.ends_with(".weight") && !name.starts_with("adam.");
        // A normalisation takes the post-processor's condition away: see its documentation.
        let counts = is_weight && !(layer_norm && name.contains(".fcec"));
        assert!(!counts || start[name] != *hash, "untouched by a step: {name}");
    }
    let losses = losses.into_iter().map(|(name, value)| format!("{name} {:016x}", value.to_bits()));
    losses.chain(end.into_iter().map(|(name, hash)| format!("{name} {hash}"))).collect()
}

/// Run by the test below in processes of its own.
#[test]
#[ignore = "needs a number of threads of its own"]
fn child_of_some_threads() {
    println!("threads {}", rayon::current_num_threads());
    for layer_norm in [true, false] {
        let digest = after_a_step(layer_norm);
        assert!(digest == after_a_step(layer_norm), "results differ from run to run");
        digest.iter().for_each(|line| println!("digest {layer_norm} {line}"));
    }
}

#[test]
fn a_training_step_gives_the_same_bits_each_time_and_for_any_number_of_threads() {
    let run = |threads: usize| -> Vec<String> {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_of_some_threads", "--ignored", "--nocapture"])
            .env("RAYON_NUM_THREADS", threads.to_string())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        let error = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{threads} threads: {text}{error}");
        assert!(text.contains(&format!("threads {threads}\n")), "not {threads} threads: {text}");
        text.lines().filter_map(|line| line.strip_prefix("digest ")).map(str::to_owned).collect()
    };
    let one = run(1);
    // Weights and two moments of five networks, twice.
    assert!(one.len() > 400, "only {} lines", one.len());
    for threads in [2, 3] {
        let other = run(threads);
        let differing: Vec<&String> = other.iter().filter(|line| !one.contains(line)).collect();
        assert!(
            differing.is_empty() && other.len() == one.len(),
            "{threads} threads differ in {differing:?}"
        );
    }
}
