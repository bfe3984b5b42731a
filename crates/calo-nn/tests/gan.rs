//! The GAN as a family: trained, resumed to the bit, sampled with running statistics, refused where it does not fit.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

mod common;

use std::collections::BTreeMap;

use calo_core::random::Purpose;
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::engine::{Prior, RandomRows, Recipe, ShowerModel, Tables, Trainer, uniform};
use calo_nn::families;
use calo_nn::parameters::checkpoint;
use common::{SparseShowers, run, state};

const GRID: [usize; 3] = [6, 4, 4];

const SHOWERS: SparseShowers = SparseShowers {
    grid: GRID,
    batches_per_epoch: 3,
    n_showers: 4,
    share: 0.3,
    up_to_mev: 3.0,
    energies_gev: [10.0, 100.0],
};

const MODEL: &str = r#"
[model.generator]
noise = 5
first = { channels = 4, kernel = [3, 2, 2] }
layers = [{ channels = 3, kernel = [4, 4, 4], stride = [2, 2, 2], padding = [1, 1, 1] }, { channels = 1, kernel = [1, 1, 1] }]
[model.discriminator]
layers = [{ channels = 3, kernel = [3, 3, 3], stride = [2, 2, 2], padding = [1, 1, 1] }, { channels = 4, kernel = [3, 2, 2] }]
hidden = 3
[model.scaling]
condition_per_gev = 0.02
cells = "root"
[optim]
epochs = 2
batch_showers = 4
learning_rate = { generator = 1e-3 }
"#;

fn tables(more: &str) -> Tables {
    let table: toml::Table = format!("{MODEL}{more}").parse().unwrap();
    table.try_into().unwrap()
}

fn recipe() -> Recipe {
    Recipe::from_tables(families::find("gan").unwrap(), &tables(""), Some(GRID)).unwrap()
}

#[test]
fn both_networks_are_trained_and_a_restored_run_has_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let new = || Trainer::new(recipe(), 5, &Device::Cpu).unwrap();
    let mut whole = new();
    let start = state(&whole);
    let logged = run(&mut whole, &mut { SHOWERS }, u64::MAX - 1);
    assert_eq!((logged.len(), whole.position().epoch), (6, 2));
    for name in ["discriminator_loss", "generator_loss", "generated_mean"] {
        assert!(logged.iter().all(|losses| losses.iter().any(|(found, _)| *found == name)), "{name}");
    }
    let end = state(&whole);
    for (name, values) in &start {
        let is_weight = name.ends_with(".weight") && !name.starts_with("adam.");
        assert!(!(is_weight || name.contains("running_")) || end[name] != *values, "untouched: {name}");
    }
    let mut first = new();
    run(&mut first, &mut { SHOWERS }, 4);
    first.save(&path, &BTreeMap::new()).unwrap();
    let mut second = new();
    second.restore(&path).unwrap();
    run(&mut second, &mut { SHOWERS }, u64::MAX / 2);
    assert!(state(&second) == end);
}

/// With running statistics a shower is the same whatever stands beside it.
#[test]
fn samples_do_not_depend_on_their_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut trainer = Trainer::new(recipe(), 5, &Device::Cpu).unwrap();
    run(&mut trainer, &mut { SHOWERS }, 3);
    trainer.save_weights(&path, &BTreeMap::new()).unwrap();
    let tensors = checkpoint::load(&path, &Device::Cpu).unwrap().tensors;
    assert!(tensors.keys().all(|name| name.starts_with("generator.")));
    let model = ShowerModel::load(&path, families::ALL, &Device::Cpu, DType::F32).unwrap();
    assert_eq!((model.grid(), model.prior(), model.stages()), (GRID, Prior::Uniform(5), &["generator"][..]));
    assert!(model.encoder().is_none());
    let z =
        uniform(RandomRows { seed: 1, purpose: Purpose::new("z"), first: 0, n: 4 }, 5, &Device::Cpu).unwrap();
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert!(values(&z).iter().all(|z| (-1.0..1.0).contains(z)));
    let energies = Tensor::new(&[[20_f32], [50.0], [80.0], [50.0]], &Device::Cpu).unwrap();
    let all = model.sample(&z, &energies, 1).unwrap();
    assert_eq!(all[0].dims(), [4, 1, 6, 4, 4]);
    let two = model.sample(&z.narrow(0, 0, 2).unwrap(), &energies.narrow(0, 0, 2).unwrap(), 1).unwrap();
    let [all, two] = [values(&all[0]), values(&two[0])];
    for (a, b) in two.iter().zip(&all) {
        assert!((a - b).abs() < 1e-6 && *a >= 0.0, "{a}, {b}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let gan = families::find("gan").unwrap();
    let message =
        |tables: &Tables, grid| Recipe::from_tables(gan, tables, Some(grid)).unwrap_err().to_string();
    let text = message(&tables(""), [6, 4, 5]);
    assert!(text.contains("generator.layers") && text.contains("[6, 4, 5]"), "{text}");
    let text = message(&tables("[losses]\nkld = 1.0\n"), GRID);
    assert!(text.contains("`losses`") && text.contains("kld"), "{text}");
    let mut other = tables("");
    other.optim.insert("learning_rate".to_owned(), "critic = 1.0".parse::<toml::Table>().unwrap().into());
    let text = message(&other, GRID);
    assert!(text.contains("learning_rate.critic") && text.contains("discriminator"), "{text}");
}
