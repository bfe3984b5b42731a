//! What is saved of a run, and what goes on from it.

use std::collections::BTreeMap;

use calo_core::random::Purpose;
use calo_nn::candle::{DType, Device, Tensor};
use calo_nn::engine::{Event, Flow, Prior, RandomRows, ShowerModel, Trainer, standard_normal, train};
use calo_nn::families;
use calo_nn::families::bibae::networks::ProfileCriticConfig;
use calo_nn::families::bibae::{ModelConfig, ProfileMomentsConfig};

use super::{GRID, Showers, Training, model, recipe, run, saved, trainer, training};

/// The state is complete: a restored run continues with the same bits.
#[test]
fn a_restored_run_continues_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let source = || Showers { batches: 4, read: Vec::new() };
    let mut whole = trainer(training());
    run(&mut whole, &mut source(), u64::MAX - 1);
    let mut first = trainer(training());
    run(&mut first, &mut source(), 5);
    first.save(&path, &BTreeMap::new()).unwrap();
    let mut second = Trainer::new(recipe(model(), training()), 5, &Device::Cpu).unwrap();
    second.restore(&path).unwrap();
    assert_eq!(second.position(), first.position());
    run(&mut second, &mut source(), u64::MAX / 2);
    assert_eq!(saved(&second), saved(&whole));
    // Another seed or configuration is another run.
    for (training, seed, part) in
        [(training(), 6, "seed"), (Training { epochs: 9, ..training() }, 5, "optim")]
    {
        let mut other = Trainer::new(recipe(model(), training), seed, &Device::Cpu).unwrap();
        let message = other.restore(&path).unwrap_err().to_string();
        assert!(message.contains(part) && message.contains("state.safetensors"), "{message}");
    }
}

/// What a family counts over the steps is part of the state.
#[test]
fn a_restored_run_continues_with_its_moments_of_profiles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let source = || Showers { batches: 4, read: Vec::new() };
    let new = || {
        let model = ModelConfig { profile_moments: Some(ProfileMomentsConfig::default()), ..model() };
        Trainer::new(recipe(model.on_grid(GRID), training()), 5, &Device::Cpu).unwrap()
    };
    let mut whole = new();
    run(&mut whole, &mut source(), 7);
    let mut first = new();
    run(&mut first, &mut source(), 5);
    first.save(&path, &BTreeMap::new()).unwrap();
    let mut second = new();
    second.restore(&path).unwrap();
    run(&mut second, &mut source(), 2);
    assert_eq!(saved(&second), saved(&whole));
}

/// Whether a run is to stop after an event.
type Stop = fn(&Trainer, &Event) -> bool;

/// Trains until `stops` says so.
fn run_until(trainer: &mut Trainer, stops: Stop) {
    let mut source = Showers { batches: 4, read: Vec::new() };
    train::<Box<dyn std::error::Error>>(trainer, &mut source, |trainer, event| {
        Ok(if stops(trainer, &event) { Flow::Stop } else { Flow::GoOn })
    })
    .unwrap();
}

/// After an epoch's last step its end is still to come; after its end the next epoch begins.
#[test]
fn a_run_restored_at_the_end_of_an_epoch_continues_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let [middle, end] = ["middle", "end"].map(|name| folder.path().join(name));
    let state = |trainer: &Trainer| {
        trainer.save(&end, &BTreeMap::new()).unwrap();
        std::fs::read(&end).unwrap()
    };
    let config = || Training { ema_decay: 0.8, ..training() };
    let mut whole = trainer(config());
    run_until(&mut whole, |_, _| false);
    let whole = state(&whole);
    let stops: [(Stop, _); 2] =
        [(|trainer, _| trainer.position().step == 4, (0, 4)), (|_, event| *event == Event::Epoch, (1, 0))];
    for (stop, position) in stops {
        let mut first = trainer(config());
        run_until(&mut first, stop);
        assert_eq!((first.position().epoch, first.position().batch), position);
        first.save(&middle, &BTreeMap::new()).unwrap();
        let mut second = trainer(config());
        second.restore(&middle).unwrap();
        run_until(&mut second, |_, _| false);
        assert!(state(&second) == whole, "stopped at {position:?}");
    }
}

#[test]
fn a_trained_model_is_the_same_when_it_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut trainer = trainer(training());
    run(&mut trainer, &mut Showers { batches: 4, read: Vec::new() }, 3);
    trainer.save_weights(&path, &BTreeMap::from([("software".to_owned(), "test".to_owned())])).unwrap();
    let model = ShowerModel::load(&path, families::ALL, &Device::Cpu, DType::F32).unwrap();
    assert_eq!((model.grid(), model.prior()), (GRID, Prior::Normal(5)));
    assert_eq!(model.metadata()["software"], "test");
    let z =
        standard_normal(RandomRows { seed: 1, purpose: Purpose::new("z"), first: 0, n: 2 }, 5, &Device::Cpu)
            .unwrap();
    let energies = Tensor::new(&[[20_f32], [80.0]], &Device::Cpu).unwrap();
    let [showers, processed] = model.sample(&z, &energies, 2).unwrap().try_into().unwrap();
    assert_eq!(showers.dims(), [2, 1, 6, 5, 4]);
    let lowest = showers.flatten_all().unwrap().min(0).unwrap().to_scalar::<f32>().unwrap();
    assert!(lowest >= 0.0, "{lowest}");
    assert_eq!(processed.dims(), showers.dims());
    let encoder = model.encoder().unwrap();
    assert_eq!(encoder.n_encoded(), 3);
    assert_eq!(encoder.encode(&showers, &energies).unwrap().mean.dims(), [2, 3]);
    for n_stages in [0, 3] {
        let message = model.sample(&z, &energies, n_stages).unwrap_err().to_string();
        assert!(message.contains("decoder, post-processor"), "{message}");
    }
    let message = ShowerModel::load(&folder.path().join("none"), families::ALL, &Device::Cpu, DType::F32)
        .unwrap_err()
        .to_string();
    assert!(message.contains("none"), "{message}");
}

/// Weights of another run: from its state all networks, from its weights all but the critics; the first step then
/// depends on nothing else of that run.
#[test]
fn a_run_begins_with_the_weights_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let [state, weights, other] =
        ["state", "weights", "other"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let source = || Showers { batches: 4, read: Vec::new() };
    let mut first = trainer(training());
    run(&mut first, &mut source(), 5);
    first.save(&state, &BTreeMap::new()).unwrap();
    first.save_weights(&weights, &BTreeMap::new()).unwrap();

    let begun = |path: &std::path::Path| {
        // Another seed and schedule: neither is taken over.
        let recipe = recipe(model(), Training { epochs: 9, ..training() });
        let mut trainer = Trainer::new(recipe, 6, &Device::Cpu).unwrap();
        let taken = trainer.begin_with(path).unwrap();
        assert_eq!((trainer.position().step, trainer.epochs()), (0, 9));
        assert_eq!(saved(&trainer), saved(&first));
        run(&mut trainer, &mut source(), 1);
        (taken, saved(&trainer))
    };
    let (all, with_critics) = begun(&state);
    assert_eq!(all, ["autoencoder", "critic", "latent_critic", "post_processor"]);
    let (some, with_fresh_critics) = begun(&weights);
    assert_eq!(some, ["autoencoder", "post_processor"]);
    assert_ne!(with_critics, with_fresh_critics);
    assert_ne!(with_critics, saved(&first));

    // A critic of other sizes, or one that the other run did not have, starts fresh.
    let mut critics = model();
    critics.critic.width = 6;
    critics.profile_critic = Some(ProfileCriticConfig { grid: GRID, units: vec![3], ..Default::default() });
    let mut trainer_of_critics = Trainer::new(recipe(critics, training()), 6, &Device::Cpu).unwrap();
    let taken = trainer_of_critics.begin_with(&state).unwrap();
    assert_eq!(taken, ["autoencoder", "latent_critic", "post_processor"]);
    assert_eq!(saved(&trainer_of_critics), saved(&first));

    let message = first.begin_with(&weights).unwrap_err().to_string();
    assert!(message.contains("5 steps"), "{message}");
    let mut wider = model();
    wider.autoencoder.hidden = 8;
    let mut wider = Trainer::new(recipe(wider, training()), 6, &Device::Cpu).unwrap();
    wider.save_weights(&other, &BTreeMap::new()).unwrap();
    let message = trainer(training()).begin_with(&other).unwrap_err().to_string();
    assert!(message.contains("other networks") && message.contains("other.safetensors"), "{message}");
    let message = wider.begin_with(&weights).unwrap_err().to_string();
    assert!(message.contains("weights.safetensors"), "{message}");
}

/// Halves as exported models have them, from a file or from memory: every weight within 2^-11 of what it was.
#[test]
fn weights_may_be_stored_in_16_bits() {
    use calo_nn::parameters::checkpoint::{self, Checkpoint};

    let folder = tempfile::tempdir().unwrap();
    let [full, half] = ["full", "half"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let trainer = trainer(training());
    trainer.save_weights(&full, &BTreeMap::new()).unwrap();
    let Checkpoint { tensors, metadata } = checkpoint::load(&full, &Device::Cpu).unwrap();
    let halves: Vec<_> =
        tensors.into_iter().map(|(name, tensor)| (name, tensor.to_dtype(DType::F16).unwrap())).collect();
    checkpoint::save(&half, &halves, &metadata).unwrap();
    let bytes = std::fs::read(&half).unwrap();
    let exact = ShowerModel::load(&full, families::ALL, &Device::Cpu, DType::F32).unwrap();
    let from_file = ShowerModel::load(&half, families::ALL, &Device::Cpu, DType::F32).unwrap();
    let from_memory =
        ShowerModel::from_bytes("memory".as_ref(), &bytes, families::ALL, &Device::Cpu, DType::F32).unwrap();
    let z =
        standard_normal(RandomRows { seed: 1, purpose: Purpose::new("z"), first: 0, n: 3 }, 5, &Device::Cpu)
            .unwrap();
    let energies = Tensor::new(&[[20_f32], [50.0], [80.0]], &Device::Cpu).unwrap();
    let cells = |model: &ShowerModel| -> Vec<f32> {
        model.sample(&z, &energies, 1).unwrap()[0].flatten_all().unwrap().to_vec1().unwrap()
    };
    let (exact, halved) = (cells(&exact), cells(&from_file));
    assert_eq!(halved, cells(&from_memory));
    let largest = exact.iter().copied().fold(0.0, f32::max);
    let difference = exact.iter().zip(&halved).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest > 0.0 && difference > 0.0 && difference < 1e-2 * largest, "{difference} of {largest}");
    let message =
        ShowerModel::from_bytes("memory".as_ref(), &bytes[..100], families::ALL, &Device::Cpu, DType::F32)
            .unwrap_err();
    assert!(message.to_string().contains("memory"), "{message}");
}

#[test]
fn what_is_saved_is_the_mean_over_the_steps() {
    let mut plain = trainer(training());
    let mut averaged = trainer(Training { ema_decay: 0.8, ..training() });
    let (mut own, mut other) =
        (Showers { batches: 4, read: Vec::new() }, Showers { batches: 4, read: Vec::new() });
    let mut expected = saved(&plain);
    for step in 1..=5_u8 {
        run(&mut plain, &mut own, 1);
        run(&mut averaged, &mut other, 1);
        let decay = f32::from(step) / (f32::from(step) + 10.0);
        for (mean, weight) in expected.values_mut().flatten().zip(saved(&plain).into_values().flatten()) {
            *mean = decay * *mean + (1.0 - decay) * weight;
        }
    }
    let found = saved(&averaged);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    let difference = |group: &str| {
        let names = found.keys().filter(|name| name.starts_with(group));
        let pairs = names.flat_map(|name| found[name].iter().zip(&expected[name]));
        pairs.map(|(found, expected)| (found - expected).abs()).fold(0.0_f32, f32::max)
    };
    assert!(difference("autoencoder.") < 1e-6, "{}", difference("autoencoder."));
    // A post-processor learns behind the mean of the others, so its own weights are not those of the plain run.
    assert!(difference("post_processor.") > 1e-6);
    assert_ne!(found, saved(&plain));
}

#[test]
fn the_mean_goes_on_where_it_was_saved() {
    let config = || Training { ema_decay: 0.8, ..training() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("last.safetensors");
    let source = || Showers { batches: 4, read: Vec::new() };
    let (mut whole, mut first, mut second) = (trainer(config()), trainer(config()), trainer(config()));
    run(&mut whole, &mut source(), 4);
    run(&mut first, &mut source(), 2);
    first.save(&path, &BTreeMap::new()).unwrap();
    second.restore(&path).unwrap();
    run(&mut second, &mut source(), 2);
    assert_eq!(saved(&second), saved(&whole));
    assert_ne!(saved(&second), saved(&first));
    // A run that begins with these weights takes the weights, not their mean.
    let mut tuned = trainer(config());
    tuned.begin_with(&path).unwrap();
    let mut plain = trainer(training());
    plain.begin_with(&path).unwrap();
    assert_eq!(saved(&tuned), saved(&plain));
}
