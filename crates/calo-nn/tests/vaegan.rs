//! The VAE-GAN as a family: trained, resumed to the bit, sampled, refused where it does not fit.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

mod common;

use std::collections::BTreeMap;

use calo_core::random::Purpose;
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::engine::{Prior, RandomRows, Recipe, ShowerModel, Tables, Trainer, standard_normal};
use calo_nn::families;
use calo_nn::families::vaegan::{Discriminator, DiscriminatorConfig, Seen};
use calo_nn::parameters::{Parameters, checkpoint};
use common::{SparseShowers, run, state};

const GRID: [usize; 3] = [1, 6, 5];

const SHOWERS: SparseShowers = SparseShowers {
    grid: GRID,
    batches_per_epoch: 4,
    n_showers: 5,
    share: 0.6,
    up_to_mev: 30.0,
    energies_gev: [50.0, 50.0],
};

const MODEL: &str = r#"
[model]
latent_dim = 3
encoder = { channels = [2, 3, 4] }
generator = { dense_channels = 3, conv_channels = 2, channels = [2] }
[model.discriminator]
channels = [2, 2]
features = 4
minibatch = { kernels = 3, projections = 2 }
[model.scaling]
cells = "root"
standardisation_steps = 1
[losses]
prior = 0.5
r1 = 0.5
[optim]
epochs = 2
batch_showers = 5
learning_rate = { autoencoder = 1e-3, discriminator = 1e-3 }
"#;

fn tables(more: &str) -> Tables {
    let table: toml::Table = format!("{MODEL}{more}").parse().unwrap();
    table.try_into().unwrap()
}

fn recipe() -> Recipe {
    Recipe::from_tables(families::find("vae-gan").unwrap(), &tables(""), Some(GRID)).unwrap()
}

#[test]
fn all_networks_are_trained_and_a_restored_run_has_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let new = || Trainer::new(recipe(), 5, &Device::Cpu).unwrap();
    let mut whole = new();
    assert_eq!(whole.batches_per_step(), 2);
    let start = state(&whole);
    let logged = run(&mut whole, &mut { SHOWERS }, u64::MAX - 1);
    assert_eq!((logged.len(), whole.position().epoch), (4, 2));
    for name in ["discriminator_loss", "discriminator_slope", "generator_loss", "kld", "generated_mean"] {
        assert!(logged.iter().all(|losses| losses.iter().any(|(found, _)| *found == name)), "{name}");
    }
    let end = state(&whole);
    for (name, values) in start.iter().filter(|(name, _)| !name.starts_with("adam.")) {
        // A linear layer of one output has one left singular vector.
        assert!(end[name] != *values || name.ends_with("last.weight_u"), "untouched: {name}");
    }
    let mut first = new();
    run(&mut first, &mut { SHOWERS }, 3);
    first.save(&path, &BTreeMap::new()).unwrap();
    let mut second = new();
    second.restore(&path).unwrap();
    run(&mut second, &mut { SHOWERS }, u64::MAX / 2);
    assert!(state(&second) == end);
}

#[test]
fn the_penalty_flattens_the_discriminator() {
    let slopes = |r1: &str| {
        let more = format!("[losses]\n{r1}\n");
        let tables: toml::Table = MODEL.replace("[losses]\nprior = 0.5\nr1 = 0.5\n", &more).parse().unwrap();
        let tables: Tables = tables.try_into().unwrap();
        let recipe = Recipe::from_tables(families::find("vae-gan").unwrap(), &tables, Some(GRID)).unwrap();
        let mut trainer = Trainer::new(recipe, 5, &Device::Cpu).unwrap();
        let logged = run(&mut trainer, &mut { SHOWERS }, u64::MAX - 1);
        let slope = |losses: &calo_nn::engine::Losses| {
            losses.iter().find(|(name, _)| *name == "discriminator_slope").map(|(_, slope)| *slope)
        };
        logged.iter().map(slope).collect::<Vec<_>>()
    };
    let [weak, strong] = ["r1 = 1e-6", "r1 = 1e4"].map(slopes);
    assert!(weak[0].unwrap() > 0.0, "{weak:?}");
    assert!(strong[3] < weak[3].map(|slope| 0.9 * slope), "{weak:?} {strong:?}");
    assert_eq!(slopes("r1 = 0.0")[0], None);
}

#[test]
fn a_trained_model_generates_and_encodes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut trainer = Trainer::new(recipe(), 5, &Device::Cpu).unwrap();
    run(&mut trainer, &mut { SHOWERS }, 3);
    trainer.save_weights(&path, &BTreeMap::new()).unwrap();
    let tensors = checkpoint::load(&path, &Device::Cpu).unwrap().tensors;
    assert!(tensors.keys().all(|name| name.starts_with("autoencoder.")));
    let model = ShowerModel::load(&path, families::ALL, &Device::Cpu, DType::F32).unwrap();
    assert_eq!((model.grid(), model.prior(), model.stages()), (GRID, Prior::Normal(3), &["generator"][..]));
    let rows = RandomRows { seed: 1, purpose: Purpose::new("z"), first: 0, n: 4 };
    let z = standard_normal(rows, 3, &Device::Cpu).unwrap();
    let energies = Tensor::new(&[[50_f32], [50.0], [50.0], [50.0]], &Device::Cpu).unwrap();
    let showers = model.sample(&z, &energies, 1).unwrap().remove(0);
    assert_eq!(showers.dims(), [4, 1, 1, 6, 5]);
    let cells: Vec<f32> = showers.flatten_all().unwrap().to_vec1().unwrap();
    assert!(cells.iter().all(|cell| *cell >= 0.0) && cells.iter().any(|cell| *cell > 0.1));
    let encoder = model.encoder().unwrap();
    let posterior = encoder.encode(&showers, &energies).unwrap();
    assert_eq!((encoder.n_encoded(), posterior.mean.dims()), (3, &[4, 3][..]));
}

/// Behind its spectral norms the network of the cells cannot amplify: logits follow the images slowly.
#[test]
fn a_discriminator_does_not_amplify() {
    let parameters = Parameters::new(3, DType::F64, &Device::Cpu);
    let config = DiscriminatorConfig { channels: vec![3, 2], features: 6, ..DiscriminatorConfig::default() };
    let discriminator = Discriminator::new(&parameters.path(), &config, GRID).unwrap();
    for _ in 0..50 {
        discriminator.power_iteration().unwrap();
    }
    let images = Tensor::ones((3, 1, 6, 5), DType::F64, &Device::Cpu).unwrap();
    let logits = |images: &Tensor, difference: Option<&Tensor>| -> Vec<f64> {
        let seen = Seen { images, difference };
        discriminator.forward(&seen).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    let step = 1e-3;
    let moved = (&images + step).unwrap();
    let [a, b] = [&images, &moved].map(|images| logits(images, None));
    // 30 cells move, each seen by nine places in two layers.
    let most = step * 30_f64.sqrt() * 9.0;
    assert!(a.iter().zip(&b).all(|(a, b)| (1e-12..most).contains(&(a - b).abs())), "{a:?} {b:?}");
    // The difference enters the last layer; none is zero.
    let zero = images.zeros_like().unwrap();
    assert_eq!(logits(&images, Some(&zero)), a);
    assert_ne!(logits(&images, Some(&images)), a);
}

#[test]
fn what_does_not_fit_is_named() {
    let family = families::find("vae-gan").unwrap();
    let message =
        |tables: &Tables, grid| Recipe::from_tables(family, tables, Some(grid)).unwrap_err().to_string();
    let text = message(&tables(""), [30, 6, 5]);
    assert!(text.contains("model.grid") && text.contains("one layer"), "{text}");
    let changed = |from: &str, to: &str| {
        let text = MODEL.replacen(from, to, 1);
        assert_ne!(text, MODEL, "{from}");
        text.parse::<toml::Table>().unwrap().try_into().unwrap()
    };
    for (from, to, part) in [
        ("channels = [2, 2]", "channels = []", "model.discriminator.channels"),
        ("channels = [2, 2]", "kernel = 4", "model.discriminator.kernel"),
        ("prior = 0.5", "real_label = 0.2", "losses.real_label"),
        ("prior = 0.5", "prior = -1.0", "losses.prior"),
        ("[losses]", "[schedule]\nn_discriminator = 0\n[losses]", "schedule.n_discriminator"),
        ("latent_dim = 3", "latent_dim = 0", "latent_dim"),
        ("cells = \"root\"", "factor = 0.0", "model.scaling.factor"),
    ] {
        let text = message(&changed(from, to), GRID);
        assert!(text.contains(part), "{part}: {text}");
    }
}
