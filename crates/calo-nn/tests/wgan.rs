//! The WGAN as a family: the constrainer first, resumed to the bit, noise optimised in training and in sampling.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

mod common;

use std::collections::BTreeMap;

use calo_core::random::Purpose;
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::components::latent_optimised;
use calo_nn::engine::{Prior, RandomRows, Recipe, ShowerModel, Tables, Trainer, uniform};
use calo_nn::families;
use calo_nn::parameters::checkpoint;
use common::{SparseShowers, run, state};

const GRID: [usize; 3] = [6, 4, 4];

const SHOWERS: SparseShowers = SparseShowers {
    grid: GRID,
    batches_per_epoch: 4,
    n_showers: 4,
    share: 0.3,
    up_to_mev: 1.0,
    energies_gev: [10.0, 100.0],
};

const MODEL: &str = r#"
[model.generator]
noise = 5
first = { channels = 2, kernel = [3, 2, 2] }
layers = [{ channels = 3, kernel = [4, 4, 4], stride = [2, 2, 2], padding = [1, 1, 1] }, { channels = 1, kernel = [1, 1, 1] }]
[model.critic]
layers = [{ channels = 3, kernel = [3, 3, 3], stride = [2, 2, 2], padding = [1, 1, 1] }, { channels = 4, kernel = [3, 2, 2] }]
hidden = [6, 5]
[model.scaling]
condition_per_gev = 0.02
cells = "root"
[optim]
epochs = 2
batch_showers = 4
learning_rate = { generator = 1e-3, constrainer = 3e-3 }
[schedule]
n_critic = 2
constrainer_epochs = 3
"#;

const CONSTRAINER: &str =
    "[model.constrainer]\nlayers = [{ channels = 2, kernel = [3, 2, 2] }]\nhidden = 6\n";
const OPTIMISED: &str = "[schedule.latent_optimisation]\nstep = 0.3\ndamping = 0.01\nn_steps = 2\n";

fn tables(more: &str) -> Tables {
    let table: toml::Table = format!("{MODEL}{more}").parse().unwrap();
    table.try_into().unwrap()
}

fn recipe(more: &str) -> Recipe {
    Recipe::from_tables(families::find("wgan").unwrap(), &tables(more), Some(GRID)).unwrap()
}

fn trainer(more: &str) -> Trainer {
    Trainer::new(recipe(more), 5, &Device::Cpu).unwrap()
}

fn of<'a>(state: &'a BTreeMap<String, Vec<f64>>, group: &str) -> Vec<(&'a String, &'a Vec<f64>)> {
    let prefix = format!("{group}.");
    state.iter().filter(|(name, _)| name.starts_with(&prefix)).collect()
}

#[test]
fn the_constrainer_is_trained_first_and_then_fixed() {
    let mut trainer = trainer(CONSTRAINER);
    assert_eq!((trainer.epochs(), trainer.batches_per_step()), (5, 1));
    let start = state(&trainer);
    let first = run(&mut trainer, &mut { SHOWERS }, 12);
    assert!(first.iter().all(|losses| losses.iter().map(|(name, _)| *name).eq(["constrainer_error"])));
    let error = |losses: &[Vec<(&str, f64)>]| losses.iter().map(|losses| losses[0].1).sum::<f64>();
    assert!(error(&first[8..]) < 0.8 * error(&first[..4]), "{first:?}");
    let middle = state(&trainer);
    assert!(of(&start, "constrainer") != of(&middle, "constrainer"));
    assert!(of(&start, "generator") == of(&middle, "generator"));
    assert!(!trainer.showers_changed(), "an epoch of the constrainer");

    let second = run(&mut trainer, &mut { SHOWERS }, u64::MAX / 2);
    assert_eq!((second.len(), trainer.position().epoch), (4, 5));
    assert!(trainer.showers_changed());
    for name in ["critic_distance", "critic_penalty", "critic_score", "energy", "generated_mean"] {
        assert!(second.iter().all(|losses| losses.iter().any(|(found, _)| *found == name)), "{name}");
    }
    let end = state(&trainer);
    assert!(of(&middle, "constrainer") == of(&end, "constrainer"));
    for group in ["generator", "critic"] {
        for ((name, before), (_, after)) in of(&middle, group).into_iter().zip(of(&end, group)) {
            assert!(before != after || !name.ends_with(".weight"), "untouched: {name}");
        }
    }
}

#[test]
fn a_restored_run_has_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let more = format!("{OPTIMISED}{CONSTRAINER}");
    let mut whole = trainer(&more);
    run(&mut whole, &mut { SHOWERS }, u64::MAX / 2);
    // Once among the constrainer's steps, once among the others.
    for steps in [5, 13] {
        let mut first = trainer(&more);
        run(&mut first, &mut { SHOWERS }, steps);
        first.save(&path, &BTreeMap::new()).unwrap();
        let mut second = trainer(&more);
        second.restore(&path).unwrap();
        run(&mut second, &mut { SHOWERS }, u64::MAX / 2);
        assert!(state(&second) == state(&whole), "{steps}");
    }
}

#[test]
fn optimised_noise_makes_another_model() {
    let mut plain = trainer("");
    let mut optimised = trainer(OPTIMISED);
    assert_eq!(plain.epochs(), 2);
    assert!(state(&plain) == state(&optimised));
    run(&mut plain, &mut { SHOWERS }, 2);
    run(&mut optimised, &mut { SHOWERS }, 2);
    assert!(state(&plain) != state(&optimised));
}

fn model(more: &str) -> ShowerModel {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut trainer = trainer(more);
    run(&mut trainer, &mut { SHOWERS }, 3);
    trainer.save_weights(&path, &BTreeMap::new()).unwrap();
    let tensors = checkpoint::load(&path, &Device::Cpu).unwrap().tensors;
    assert!(tensors.keys().any(|name| name.starts_with("critic.")));
    ShowerModel::load(&path, families::ALL, &Device::Cpu, DType::F32).unwrap()
}

#[test]
fn a_trained_critic_moves_noise_to_better_scores() {
    let model = model(OPTIMISED);
    assert_eq!((model.grid(), model.prior(), model.stages()), (GRID, Prior::Uniform(5), &["generator"][..]));
    let score = model.latent_score().unwrap();
    assert_eq!((score.settings().step, score.settings().n_steps), (0.3, 2));
    let rows = RandomRows { seed: 1, purpose: Purpose::new("z"), first: 0, n: 4 };
    let z = uniform(rows, 5, &Device::Cpu).unwrap();
    let energies = Tensor::new(&[[20_f32], [50.0], [80.0], [50.0]], &Device::Cpu).unwrap();
    let gradient = score.gradient(&z, &energies).unwrap();
    let moved = latent_optimised(&z, &gradient, &score.settings()).unwrap();
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(values(&moved).iter().all(|z| z.abs() <= 1.0));
    assert!(values(&moved) != values(&z) && values(&gradient).iter().any(|g| *g != 0.0));
    // A slope is that of its own shower alone.
    let two = score.gradient(&z.narrow(0, 1, 2).unwrap(), &energies.narrow(0, 1, 2).unwrap()).unwrap();
    for (a, b) in values(&two).iter().zip(&values(&gradient)[5..15]) {
        assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{a}, {b}");
    }
    assert_eq!(model.sample(&moved, &energies, 1).unwrap()[0].dims(), [4, 1, 6, 4, 4]);
    assert!(values(&model.sample(&z, &energies, 1).unwrap()[0]).iter().all(|cell| *cell >= 0.0));
}

/// Settings of a model that was trained without are the published ones.
#[test]
fn a_plain_model_can_be_optimised_too() {
    let settings = model("").latent_score().unwrap().settings();
    assert_eq!((settings.step, settings.damping, settings.n_steps), (500.0, 0.1, 1));
}

#[test]
fn what_does_not_fit_is_named() {
    let wgan = families::find("wgan").unwrap();
    let message =
        |more: &str, grid| Recipe::from_tables(wgan, &tables(more), Some(grid)).unwrap_err().to_string();
    let text = message("", [6, 4, 5]);
    assert!(text.contains("generator.layers") && text.contains("[6, 4, 5]"), "{text}");
    let text = message("[schedule.latent_optimisation]\ndamping = 0.0\n", GRID);
    assert!(text.contains("schedule.latent_optimisation.damping"), "{text}");
    let text = message("[model.constrainer]\nlayers = []\n", GRID);
    assert!(text.contains("constrainer.layers"), "{text}");
    let text = message("[losses]\nenergy = -1.0\n", GRID);
    assert!(text.contains("losses.energy"), "{text}");
}
