//! Which network is trained when, with what weight, and what is refused.

use std::collections::BTreeMap;

use calo_core::{Grid, ShowerBatch};
use calo_nn::candle::{Device, Tensor};
use calo_nn::components::post_processor::{PostProcessorLosses, PostProcessorStage, PostProcessorTraining};
use calo_nn::engine::{Event, Flow, Trainer, train};
use calo_nn::families::bibae::networks::ProfileCriticConfig;
use calo_nn::families::bibae::{
    KlAnnealing, LossWeights, ModelConfig, ProfileMomentsConfig, StagedActivation,
};
use calo_nn::losses::SortedMmd;
use calo_nn::parameters::checkpoint::{self, Checkpoint};

use super::{GRID, Showers, Training, model, recipe, run, saved, scheduled, trainer, training};

#[test]
fn batches_come_in_order_and_a_rest_is_left_out() {
    let mut source = Showers { batches: 7, read: Vec::new() };
    let training = scheduled(|schedule| schedule.fresh_critic_batches = true);
    let mut trainer = trainer(training);
    assert_eq!(trainer.batches_per_step(), 3);
    let names = run(&mut trainer, &mut source, u64::MAX - 1);
    let expected: Vec<(u32, u64)> =
        (0..2).flat_map(|epoch| (0..6).map(move |batch| (epoch, batch))).collect();
    assert_eq!(source.read, expected);
    // The first epoch teaches the post-processor to change nothing, the second the spectrum.
    let has_mmd: Vec<bool> = names.iter().map(|names| names.contains(&"post_processor_mmd")).collect();
    assert_eq!(has_mmd, [false, false, true, true]);
    assert!(names.iter().all(|names| names.contains(&"critic_penalty") && names.contains(&"kld")));
}

#[test]
fn a_stage_of_its_own_trains_the_post_processor_alone() {
    let stage = PostProcessorStage::After { epochs: 1 };
    let own_stage = scheduled(|schedule| {
        schedule.post_processor.stage = stage;
        schedule.post_processor.identity_epochs = 0;
    });
    let mut trainer = trainer(Training { epochs: 1, ..own_stage });
    let mut source = Showers { batches: 3, read: Vec::new() };
    let start = saved(&trainer);
    let names = run(&mut trainer, &mut source, 3);
    assert!(names.iter().flatten().all(|name| !name.starts_with("post_processor")));
    let middle = saved(&trainer);
    let names = run(&mut trainer, &mut source, 3);
    assert!(names.iter().flatten().all(|name| name.starts_with("post_processor")), "{names:?}");
    let end = saved(&trainer);
    let changed = |a: &BTreeMap<String, Vec<f32>>, b: &BTreeMap<String, Vec<f32>>, network: &str| {
        a.iter().any(|(name, values)| name.starts_with(network) && values != &b[name])
    };
    assert!(changed(&start, &middle, "autoencoder") && !changed(&start, &middle, "post_processor"));
    assert!(!changed(&middle, &end, "autoencoder") && changed(&middle, &end, "post_processor"));
}

#[test]
fn phases_of_few_batches_a_step_have_more_steps() {
    let schedule = scheduled(|schedule| {
        schedule.fresh_critic_batches = true;
        schedule.post_processor.stage = PostProcessorStage::After { epochs: 2 };
    });
    let mut trainer = trainer(Training { epochs: 1, ..schedule });
    let mut source = Showers { batches: 7, read: Vec::new() };
    // An epoch of steps of three batches, and two of one batch each.
    assert_eq!(trainer.total_steps(7), 2 + 2 * 7);
    let n_steps = run(&mut trainer, &mut source, u64::MAX - 1).len() as u64;
    assert_eq!(n_steps, trainer.total_steps(7));
}

/// The critic of profiles is trained with the others, and teaches as much as its weight says.
#[test]
fn a_critic_of_profiles_may_join() {
    let after = |profile_critic: Option<ProfileCriticConfig>, weight: f64| {
        let model = ModelConfig { profile_critic, ..model() }.on_grid(GRID);
        let losses = LossWeights { profile_critic: weight, ..LossWeights::default() };
        let training = Training { losses, ..training() };
        let mut trainer = Trainer::new(recipe(model, training), 5, &Device::Cpu).unwrap();
        let names = run(&mut trainer, &mut Showers { batches: 4, read: Vec::new() }, 2).concat();
        (saved(&trainer), names)
    };
    let (without, names) = after(None, 1.0);
    assert!(names.iter().all(|name| !name.contains("profile")), "{names:?}");
    let config = ProfileCriticConfig { units: vec![5], ..Default::default() };
    let (with, names) = after(Some(config.clone()), 1.0);
    for name in ["profile_critic_distance", "profile_critic_penalty", "profile_critic_score"] {
        assert_eq!(names.iter().filter(|found| **found == name).count(), 2, "{names:?}");
    }
    assert_ne!(with, without);
    assert_ne!(with, after(Some(config), 3.0).0);
}

/// Moments of profiles are counted in every step of the critics, and teach as much as their weight says.
#[test]
fn moments_of_profiles_may_join() {
    let after = |profile_moments: Option<ProfileMomentsConfig>, weight: f64| {
        let model = ModelConfig { profile_moments, ..model() }.on_grid(GRID);
        let losses = LossWeights { profile_moments: weight, ..LossWeights::default() };
        let training = Training { losses, ..training() };
        let mut trainer = Trainer::new(recipe(model, training), 5, &Device::Cpu).unwrap();
        let names = run(&mut trainer, &mut Showers { batches: 4, read: Vec::new() }, 2).concat();
        (saved(&trainer), names.iter().filter(|name| **name == "profile_moments").count())
    };
    let (without, n_logged) = after(None, 1.0);
    assert_eq!(n_logged, 0);
    let config = || Some(ProfileMomentsConfig::default());
    let (with, n_logged) = after(config(), 1.0);
    assert_eq!(n_logged, 2);
    assert_ne!(with, without);
    assert_ne!(with, after(config(), 3.0).0);
}

#[test]
fn moments_of_processed_showers_may_join() {
    let after = |weight: f64| {
        let model = ModelConfig { profile_moments: Some(ProfileMomentsConfig::default()), ..model() };
        let training = scheduled(|schedule| {
            schedule.post_processor.identity_epochs = 0;
            schedule.post_processor.losses.profile_moments = weight;
        });
        let mut trainer = Trainer::new(recipe(model.on_grid(GRID), training), 5, &Device::Cpu).unwrap();
        let names = run(&mut trainer, &mut Showers { batches: 4, read: Vec::new() }, 2).concat();
        (saved(&trainer), names.iter().filter(|name| **name == "post_processor_moments").count())
    };
    let (without, n_logged) = after(0.0);
    assert_eq!(n_logged, 0);
    let (with, n_logged) = after(10.0);
    assert_eq!(n_logged, 2);
    assert_ne!(with, without);
}

#[test]
fn the_weight_of_the_divergence_falls_to_its_end() {
    let after = |losses: LossWeights, epochs: u64| {
        let mut trainer = trainer(Training { losses, ..training() });
        run(&mut trainer, &mut Showers { batches: 2, read: Vec::new() }, 2 * epochs);
        saved(&trainer)
    };
    let constant = LossWeights { kld: 0.4, ..LossWeights::default() };
    let kl_annealing = KlAnnealing { start_factor: 4.0, epochs: 1 };
    let falling = LossWeights { kld: 0.1, kl_annealing, ..LossWeights::default() };
    assert_eq!(after(falling.clone(), 1), after(constant.clone(), 1));
    assert_ne!(after(falling, 2), after(constant, 2));
}

#[test]
fn the_critics_may_be_trained_alone_at_first() {
    let mut trainer = trainer(scheduled(|schedule| schedule.critic_warmup_steps = 2));
    let mut source = Showers { batches: 4, read: Vec::new() };
    let start = saved(&trainer);
    let names = run(&mut trainer, &mut source, 2);
    assert!(names.iter().all(|names| names.iter().all(|name| name.contains("critic"))), "{names:?}");
    assert_eq!(saved(&trainer), start);
    let names = run(&mut trainer, &mut source, 1);
    assert!(names[0].contains(&"kld") && names[0].contains(&"post_processor_change"), "{names:?}");
    assert_ne!(saved(&trainer), start);
}

/// Adam's first step is its rate, whatever the gradient.
#[test]
fn the_first_steps_of_encoder_and_decoder_may_be_smaller() {
    let start = saved(&trainer(training()));
    let moved = |lr_warmup_steps, critic_warmup_steps, steps| {
        let mut trainer = trainer(scheduled(|schedule| {
            schedule.lr_warmup_steps = lr_warmup_steps;
            schedule.critic_warmup_steps = critic_warmup_steps;
        }));
        run(&mut trainer, &mut Showers { batches: 4, read: Vec::new() }, steps);
        let after = saved(&trainer);
        let changed = start.iter().filter(|(name, _)| name.starts_with("autoencoder."));
        let change =
            changed.flat_map(|(name, before)| before.iter().zip(&after[name]).map(|(a, b)| (a - b).abs()));
        change.fold(0.0, f32::max)
    };
    let whole = moved(0, 0, 1);
    assert!(whole > 0.0);
    assert!((moved(4, 0, 1) / whole - 0.25).abs() < 1e-3, "{}", moved(4, 0, 1) / whole);
    // The critics' own steps do not count.
    assert!((moved(4, 1, 2) / whole - 0.25).abs() < 1e-3, "{}", moved(4, 1, 2) / whole);
    assert!((moved(1, 0, 1) / whole - 1.0).abs() < 1e-3);
}

/// A decoder whose last convolution gives nothing has no gradient either.
#[test]
fn a_decoder_of_empty_showers_is_an_error_at_the_end_of_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead.safetensors");
    let mut model = model();
    model.autoencoder.decoder_layer_norm = false;
    let new = || Trainer::new(recipe(model.clone(), training()), 5, &Device::Cpu).unwrap();
    let alive = new();
    alive.save(&path, &BTreeMap::new()).unwrap();
    let Checkpoint { tensors, metadata } = checkpoint::load(&path, &Device::Cpu).unwrap();
    let dead = |name: &str, tensor: Tensor| {
        if name.contains("conv4") { tensor.zeros_like().unwrap() } else { tensor }
    };
    let tensors: Vec<_> = tensors.into_iter().map(|(name, x)| (name.clone(), dead(&name, x))).collect();
    checkpoint::save(&path, &tensors, &metadata).unwrap();
    let mut dead = new();
    dead.restore(&path).unwrap();
    let diverges = |trainer: &mut Trainer| {
        let (mut steps, mut source) = (0, Showers { batches: 3, read: Vec::new() });
        let result = train::<Box<dyn std::error::Error>>(trainer, &mut source, |_, event| {
            steps += u32::from(matches!(event, Event::Step(_)));
            Ok(Flow::GoOn)
        });
        let message = result.unwrap_err().to_string();
        assert!(message.contains("diverged at step 3") && message.contains("empty"), "{message}");
        steps
    };
    assert_eq!(diverges(&mut dead), 3);
    // A run that stopped after the last step of the epoch says so when it is resumed.
    dead.restore(&path).unwrap();
    run(&mut dead, &mut Showers { batches: 3, read: Vec::new() }, 3);
    let stopped = folder.path().join("stopped.safetensors");
    dead.save(&stopped, &BTreeMap::new()).unwrap();
    let mut resumed = new();
    resumed.restore(&stopped).unwrap();
    assert_eq!(diverges(&mut resumed), 0);
    let mut alive = alive;
    run(&mut alive, &mut Showers { batches: 3, read: Vec::new() }, u64::MAX - 1);
    assert_eq!(alive.position().epoch, 2);
}

#[test]
fn variables_that_wait_are_held_closed() {
    let after = |staged_activation: Option<StagedActivation>, steps: u64| {
        let losses = LossWeights { staged_activation, ..LossWeights::default() };
        let mut trainer = trainer(Training { losses, ..training() });
        run(&mut trainer, &mut Showers { batches: 2, read: Vec::new() }, steps);
        saved(&trainer)
    };
    let staged =
        |closed_factor, first_steps| Some(StagedActivation { closed_factor, first_steps, steps_each: 1 });
    assert_eq!(after(staged(1.0, 9), 3), after(None, 3), "waiting at the same weight changes nothing");
    assert_eq!(
        after(staged(50.0, 1), 1),
        after(staged(50.0, 3), 1),
        "one variable is open in the first step"
    );
    assert_ne!(
        after(staged(50.0, 1), 2),
        after(staged(50.0, 3), 2),
        "the second one has its turn in the second step"
    );
    assert_ne!(after(staged(50.0, 1), 1), after(None, 1), "the others wait at first");
}

#[test]
fn what_does_not_fit_is_named() {
    let message = |model: ModelConfig, training: Training| {
        Trainer::new(recipe(model, training), 1, &Device::Cpu).unwrap_err().to_string()
    };
    let wide = SortedMmd { windows: 1000, ..SortedMmd::default() };
    let text = message(model(), scheduled(|schedule| schedule.post_processor.sorted_mmd = wide));
    assert!(text.contains("sorted_mmd") && text.contains("120"), "{text}");
    // Windows that are not used need not fit.
    let losses = PostProcessorLosses { sorted_mmd: 0.0, sorted_absolute: 1.0, ..Default::default() };
    let post_processor =
        PostProcessorTraining { sorted_mmd: wide, losses, identity_epochs: 0, ..Default::default() };
    let mut without = trainer(scheduled(|schedule| schedule.post_processor = post_processor));
    let names = run(&mut without, &mut Showers { batches: 2, read: Vec::new() }, u64::MAX - 1);
    let has = |name: &str| names.iter().filter(|names| names.contains(&name)).count();
    assert_eq!([has("post_processor_mmd"), has("post_processor_absolute")], [0, names.len()]);
    let mut no_width = model();
    no_width.autoencoder.width = 0;
    assert!(message(no_width, training()).contains("width"));
    // Too few batches for a step, and showers on another grid.
    let mut fresh = trainer(scheduled(|schedule| schedule.fresh_critic_batches = true));
    let mut source = Showers { batches: 2, read: Vec::new() };
    let result = train::<Box<dyn std::error::Error>>(&mut fresh, &mut source, |_, _| Ok(Flow::GoOn));
    assert!(result.unwrap_err().to_string().contains("batches in an epoch"));
    let mut other = trainer(training());
    let batch = ShowerBatch::empty(Grid { layers: 1, nx: 1, ny: 1 });
    assert!(other.step(&[batch]).unwrap_err().to_string().contains("[6, 5, 4]"));
}
