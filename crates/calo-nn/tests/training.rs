//! The training of the BIB-AE on a tiny grid: stages, schedule, state, and what is refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests report by panicking, as tests do")]

use std::collections::BTreeMap;

use calo_data::random::{Purpose, stream};
use calo_data::{Grid, ShowerBatch};
use calo_nn::candle::{Device, Tensor};
use calo_nn::losses::SortedMmd;
use calo_nn::models::bibae::{BibAeConfig, CriticConfig, LatentCriticConfig};
use calo_nn::models::post_processor::{PostProcessor, PostProcessorConfig, PostProcessorOutput};
use calo_nn::parameters::{Parameters, checkpoint};
use calo_nn::training::{
    BatchSource, CellScale, Event, Flow, Losses, ModelConfig, PostProcessorStage, PostProcessorTraining,
    Release, Scaling, ShowerModel, Trainer, TrainingConfig, train,
};
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

    fn read(&mut self, epoch: u32, index: u64, batch: &mut ShowerBatch<f32>) -> calo_data::Result<()> {
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
        autoencoder: BibAeConfig {
            width: 1,
            hidden: 7,
            bottleneck: 6,
            encoded: 3,
            latent: 5,
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

fn training() -> TrainingConfig {
    let sorted_mmd = SortedMmd { window: 20, stride: 10, windows: 8, ..Default::default() };
    let post_processor =
        PostProcessorTraining { epochs_of_identity: 1, sorted_mmd, ..PostProcessorTraining::default() };
    TrainingConfig { epochs: 2, batch_showers: 4, critic_steps: 2, post_processor, ..Default::default() }
}

fn trainer(training: TrainingConfig) -> Trainer {
    Trainer::new(model(), training, 5, &Device::Cpu).unwrap()
}

/// Trains to the end, or for so many steps; the names of the losses of every step.
fn run(trainer: &mut Trainer, source: &mut Showers, steps: u64) -> Vec<Vec<&'static str>> {
    let mut names = Vec::new();
    let stop = trainer.position().step + steps;
    train::<Box<dyn std::error::Error>>(trainer, source, |trainer, event| {
        if let Event::Step(terms) = event {
            names.push(terms.iter().map(|(name, _)| *name).collect());
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
    let (tensors, _) = checkpoint::load(&path, &Device::Cpu).unwrap();
    let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1().unwrap();
    tensors.iter().map(|(name, tensor)| (name.clone(), values(tensor))).collect()
}

#[test]
fn batches_come_in_order_and_a_rest_is_left_out() {
    let mut source = Showers { batches: 7, read: Vec::new() };
    let training = TrainingConfig { fresh_critic_batches: true, ..training() };
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
    let post_processor = PostProcessorTraining { stage, epochs_of_identity: 0, ..training().post_processor };
    let mut trainer = trainer(TrainingConfig { epochs: 1, post_processor, ..training() });
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

/// The state holds all there is: a training restored elsewhere goes on with the same bits.
#[test]
fn a_restored_training_goes_on_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.safetensors");
    let source = || Showers { batches: 4, read: Vec::new() };
    let mut whole = trainer(training());
    run(&mut whole, &mut source(), u64::MAX - 1);
    let mut first = trainer(training());
    run(&mut first, &mut source(), 5);
    first.save(&path, &BTreeMap::new()).unwrap();
    let mut second = Trainer::new(model(), training(), 5, &Device::Cpu).unwrap();
    second.restore(&path).unwrap();
    assert_eq!(second.position(), first.position());
    run(&mut second, &mut source(), u64::MAX / 2);
    assert_eq!(saved(&second), saved(&whole));
    // Another seed or configuration is another training.
    for (training, seed, part) in
        [(training(), 6, "seed"), (TrainingConfig { epochs: 9, ..training() }, 5, "training")]
    {
        let mut other = Trainer::new(model(), training, seed, &Device::Cpu).unwrap();
        let message = other.restore(&path).unwrap_err().to_string();
        assert!(message.contains(part) && message.contains("state.safetensors"), "{message}");
    }
}

#[test]
fn a_trained_model_is_the_same_when_it_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut trainer = trainer(training());
    run(&mut trainer, &mut Showers { batches: 4, read: Vec::new() }, 3);
    trainer.save_weights(&path, &BTreeMap::from([("software".to_owned(), "test".to_owned())])).unwrap();
    let model = ShowerModel::load(&path, &Device::Cpu).unwrap();
    assert_eq!((model.grid(), model.encoded(), model.latent()), (GRID, 3, 5));
    assert_eq!(model.metadata()["software"], "test");
    let z = calo_nn::training::standard_normal((1, Purpose::new("z")), 0, (2, 5), &Device::Cpu).unwrap();
    let energies = Tensor::new(&[[20_f32], [80.0]], &Device::Cpu).unwrap();
    let showers = model.decode(&z, &energies).unwrap();
    assert_eq!(showers.dims(), [2, 1, 6, 5, 4]);
    let lowest = showers.flatten_all().unwrap().min(0).unwrap().to_scalar::<f32>().unwrap();
    assert!(lowest >= 0.0, "{lowest}");
    assert_eq!(model.post_process(&showers, &energies).unwrap().dims(), showers.dims());
    assert_eq!(model.encode(&showers, &energies).unwrap().mean.dims(), [2, 3]);
    let message = ShowerModel::load(&folder.path().join("none"), &Device::Cpu).unwrap_err().to_string();
    assert!(message.contains("none"), "{message}");
}

/// Weights of another training: from its state all networks, from its weights all but the critics; the first step then
/// depends on them and on nothing else of that training.
#[test]
fn a_training_begins_with_the_weights_of_another() {
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
        let mut trainer =
            Trainer::new(model(), TrainingConfig { epochs: 9, ..training() }, 6, &Device::Cpu).unwrap();
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

    let message = first.begin_with(&weights).unwrap_err().to_string();
    assert!(message.contains("5 steps"), "{message}");
    let mut wider = model();
    wider.autoencoder.hidden = 8;
    let mut wider = Trainer::new(wider, training(), 6, &Device::Cpu).unwrap();
    wider.save_weights(&other, &BTreeMap::new()).unwrap();
    let message = trainer(training()).begin_with(&other).unwrap_err().to_string();
    assert!(message.contains("other networks") && message.contains("other.safetensors"), "{message}");
    let message = wider.begin_with(&weights).unwrap_err().to_string();
    assert!(message.contains("weights.safetensors"), "{message}");
}

/// Halves as released models have them, from a file or from memory: every weight within 2^-11 of what it was.
#[test]
fn weights_may_be_stored_in_16_bits() {
    use calo_nn::candle::DType;
    use calo_nn::parameters::checkpoint;

    let folder = tempfile::tempdir().unwrap();
    let [full, half] = ["full", "half"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let trainer = trainer(training());
    trainer.save_weights(&full, &BTreeMap::new()).unwrap();
    let (tensors, metadata) = checkpoint::load(&full, &Device::Cpu).unwrap();
    let halves: Vec<_> =
        tensors.into_iter().map(|(name, tensor)| (name, tensor.to_dtype(DType::F16).unwrap())).collect();
    checkpoint::save(&half, &halves, &metadata).unwrap();
    let bytes = std::fs::read(&half).unwrap();
    let exact = ShowerModel::load(&full, &Device::Cpu).unwrap();
    let from_file = ShowerModel::load(&half, &Device::Cpu).unwrap();
    let from_memory = ShowerModel::from_bytes("memory".as_ref(), &bytes, &Device::Cpu).unwrap();
    let z = calo_nn::training::standard_normal((1, Purpose::new("z")), 0, (3, 5), &Device::Cpu).unwrap();
    let energies = Tensor::new(&[[20_f32], [50.0], [80.0]], &Device::Cpu).unwrap();
    let cells = |model: &ShowerModel| -> Vec<f32> {
        model.decode(&z, &energies).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    let (exact, halved) = (cells(&exact), cells(&from_file));
    assert_eq!(halved, cells(&from_memory));
    let largest = exact.iter().copied().fold(0.0, f32::max);
    let difference = exact.iter().zip(&halved).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest > 0.0 && difference > 0.0 && difference < 1e-2 * largest, "{difference} of {largest}");
    let message = ShowerModel::from_bytes("memory".as_ref(), &bytes[..100], &Device::Cpu).unwrap_err();
    assert!(message.to_string().contains("memory"), "{message}");
}

/// Where networks work on roots of cells, so does the post-processor: showers in MeV stand outside.
#[test]
fn the_post_processor_maps_what_stands_for_a_cell() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let mut model = model();
    // With this seed some cells come out below 0.
    model.post_processor.as_mut().unwrap().output = PostProcessorOutput::Change;
    let trainer = Trainer::new(model, training(), 5, &Device::Cpu).unwrap();
    trainer.save_weights(&path, &BTreeMap::new()).unwrap();
    let model = ShowerModel::load(&path, &Device::Cpu).unwrap();
    assert_eq!(model.config().scaling.cells, CellScale::Root);
    let (mut tensors, _) = checkpoint::load(&path, &Device::Cpu).unwrap();
    tensors.retain(|name, _| name.starts_with("post_processor."));
    let parameters = Parameters::new(0, calo_nn::candle::DType::F32, &Device::Cpu);
    let config = model.config().post_processor.as_ref().unwrap();
    let network = PostProcessor::new(&parameters.path().join("post_processor"), config).unwrap();
    parameters.restore(&tensors).unwrap();

    let cells: usize = GRID.iter().product();
    let showers: Vec<f32> = (0..cells).map(|i| (i % 7) as f32 * 0.3).collect();
    let showers = Tensor::from_vec(showers, (1, 1, GRID[0], GRID[1], GRID[2]), &Device::Cpu).unwrap();
    let [energy, condition] = [50_f32, 1.0].map(|e| Tensor::new(&[[e]], &Device::Cpu).unwrap());
    let values = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let processed = values(model.post_process(&showers, &energy).unwrap());
    let roots = values(network.forward(&showers.sqrt().unwrap(), &condition).unwrap());
    assert!(roots.iter().any(|root| *root < 0.0) && roots.iter().any(|root| *root > 0.0), "{roots:?}");
    for (energy_mev, root) in processed.iter().zip(roots) {
        assert!((energy_mev - root.max(0.0).powi(2)).abs() < 1e-6, "{energy_mev} of {root}");
    }
}

/// Without normalisation a cell's energy depends on itself and the two energies alone, and a gated change leaves empty
/// cells empty.
#[test]
fn a_post_processor_without_normalisation_maps_cells_one_by_one() {
    let parameters = Parameters::new(3, calo_nn::candle::DType::F32, &Device::Cpu);
    let config = |output| PostProcessorConfig {
        grid: [1, 2, 3],
        width: 4,
        condition: 3,
        layer_norm: false,
        output,
        log_per_mev: 10.0,
        condition_per_mev: 0.1,
    };
    let build = |output| PostProcessor::new(&parameters.path(), &config(output)).unwrap();
    let cells = |values: [f32; 6]| Tensor::from_slice(&values, (1, 1, 1, 2, 3), &Device::Cpu).unwrap();
    let energy = |gev: f32| Tensor::new(&[[gev]], &Device::Cpu).unwrap();
    let values = |network: &PostProcessor, x: &Tensor, gev: f32| -> Vec<f32> {
        network.forward(x, &energy(gev)).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    };
    let network = build(PostProcessorOutput::Cell);
    let y = values(&network, &cells([0.0, 1.0, 2.0, 3.0, 0.5, 0.0]), 1.0);
    // Permuted cells of the same sum: permuted results.
    let permuted = values(&network, &cells([3.0, 0.0, 1.0, 0.5, 0.0, 2.0]), 1.0);
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&[y[3], y[0], y[1], y[4], y[5], y[2]]), bits(&permuted));
    assert_eq!(y[0].to_bits(), y[5].to_bits());
    // The incident energy counts, and so does the visible one.
    assert_ne!(y, values(&network, &cells([0.0, 1.0, 2.0, 3.0, 0.5, 0.0]), 2.0));
    let alone = values(&network, &cells([0.0, 1.0, 0.0, 0.0, 0.0, 0.0]), 1.0);
    assert_ne!(bits(&y[1..2]), bits(&alone[1..2]));
    let x = [0.0, 1.0, 2.0, 3.0, 0.5, 0.0];
    let added = values(&build(PostProcessorOutput::Change), &cells(x), 1.0);
    let gated = values(&build(PostProcessorOutput::GatedChange), &cells(x), 1.0);
    for i in 0..6 {
        assert!((added[i] - (x[i] + y[i])).abs() < 1e-6);
        let seen = (1.0 + 10.0 * x[i]).ln();
        assert!((gated[i] - (x[i] + seen * y[i])).abs() < 1e-5);
    }
}

#[test]
fn the_weight_of_the_divergence_falls_to_its_end() {
    let after = |losses: Losses, epochs: u64| {
        let mut trainer = trainer(TrainingConfig { losses, ..training() });
        run(&mut trainer, &mut Showers { batches: 2, read: Vec::new() }, 2 * epochs);
        saved(&trainer)
    };
    let constant = Losses { kld: 0.4, ..Losses::default() };
    let falling = Losses { kld: 0.1, kld_start_factor: 4.0, kld_start_epochs: 1, ..Losses::default() };
    assert_eq!(after(falling.clone(), 1), after(constant.clone(), 1));
    assert_ne!(after(falling, 2), after(constant, 2));
}

#[test]
fn the_critics_may_be_trained_alone_at_first() {
    let mut trainer = trainer(TrainingConfig { critics_first_steps: 2, ..training() });
    let mut source = Showers { batches: 4, read: Vec::new() };
    let start = saved(&trainer);
    let names = run(&mut trainer, &mut source, 2);
    assert!(names.iter().all(|names| names.iter().all(|name| name.contains("critic"))), "{names:?}");
    assert_eq!(saved(&trainer), start);
    let names = run(&mut trainer, &mut source, 1);
    assert!(names[0].contains(&"kld") && names[0].contains(&"post_processor_change"), "{names:?}");
    assert_ne!(saved(&trainer), start);
}

/// A decoder whose last convolution gives nothing has no gradient either.
#[test]
fn a_decoder_of_empty_showers_is_an_error_at_the_end_of_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead.safetensors");
    let mut model = model();
    model.autoencoder.decoder_layer_norm = false;
    let new = || Trainer::new(model.clone(), training(), 5, &Device::Cpu).unwrap();
    let alive = new();
    alive.save(&path, &BTreeMap::new()).unwrap();
    let (tensors, metadata) = checkpoint::load(&path, &Device::Cpu).unwrap();
    let dead = |name: &str, tensor: Tensor| {
        if name.contains("conv4") { tensor.zeros_like().unwrap() } else { tensor }
    };
    let tensors: Vec<_> = tensors.into_iter().map(|(name, x)| (name.clone(), dead(&name, x))).collect();
    checkpoint::save(&path, &tensors, &metadata).unwrap();
    let mut dead = new();
    dead.restore(&path).unwrap();
    let mut steps = 0;
    let result = train::<Box<dyn std::error::Error>>(
        &mut dead,
        &mut Showers { batches: 3, read: Vec::new() },
        |_, event| {
            steps += u32::from(matches!(event, Event::Step(_)));
            Ok(Flow::GoOn)
        },
    );
    let message = result.unwrap_err().to_string();
    assert!(message.contains("diverged at step 3") && message.contains("empty"), "{message}");
    assert_eq!(steps, 3);
    let mut alive = alive;
    run(&mut alive, &mut Showers { batches: 3, read: Vec::new() }, u64::MAX - 1);
    assert_eq!(alive.position().epoch, 2);
}

#[test]
fn variables_that_wait_are_held_closed() {
    let after = |kld_release: Option<Release>, steps: u64| {
        let losses = Losses { kld_release, ..Losses::default() };
        let mut trainer = trainer(TrainingConfig { losses, ..training() });
        run(&mut trainer, &mut Showers { batches: 2, read: Vec::new() }, steps);
        saved(&trainer)
    };
    let release = |closed_factor, first_steps| Some(Release { closed_factor, first_steps, steps_each: 1 });
    assert_eq!(after(release(1.0, 9), 3), after(None, 3), "waiting at the same weight changes nothing");
    assert_eq!(
        after(release(50.0, 1), 1),
        after(release(50.0, 3), 1),
        "one variable is open in the first step"
    );
    assert_ne!(
        after(release(50.0, 1), 2),
        after(release(50.0, 3), 2),
        "the second one has its turn in the second step"
    );
    assert_ne!(after(release(50.0, 1), 1), after(None, 1), "the others wait at first");
}

#[test]
fn what_is_saved_is_the_mean_over_the_steps() {
    let mut plain = trainer(training());
    let mut averaged = trainer(TrainingConfig { weight_average: 0.8, ..training() });
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
    for (found, expected) in found.values().flatten().zip(expected.values().flatten()) {
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }
    assert_ne!(found, saved(&plain));
}

#[test]
fn the_mean_goes_on_where_it_was_saved() {
    let config = || TrainingConfig { weight_average: 0.8, ..training() };
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
    // A training that begins with these weights takes the weights, not their mean.
    let mut tuned = trainer(config());
    tuned.begin_with(&path).unwrap();
    let mut plain = trainer(training());
    plain.begin_with(&path).unwrap();
    assert_eq!(saved(&tuned), saved(&plain));
}

/// For a small k the critic sees k y, for a large one something else.
#[test]
fn the_critic_sees_the_logarithm_that_is_asked_for() {
    let distance = |critic_log: f64, critic_factor: f64| {
        let mut model = model();
        model.scaling = Scaling { critic_log, critic_factor, ..model.scaling };
        let mut trainer = Trainer::new(model, training(), 5, &Device::Cpu).unwrap();
        let mut value = None;
        let mut source = Showers { batches: 2, read: Vec::new() };
        train::<Box<dyn std::error::Error>>(&mut trainer, &mut source, |_, event| {
            let Event::Step(terms) = event else { return Ok(Flow::GoOn) };
            value = terms.iter().find(|(name, _)| *name == "critic_distance").map(|(_, value)| *value);
            Ok(Flow::Stop)
        })
        .unwrap();
        value.unwrap()
    };
    let plain = distance(0.0, 1.0);
    let nearly = distance(1e-3, 1e3);
    assert!((nearly - plain).abs() < 0.01 * plain.abs(), "{nearly}, {plain}");
    let other = distance(1.0, 1.0);
    assert!((other - plain).abs() > 0.02 * plain.abs(), "{other}, {plain}");
}

#[test]
fn what_does_not_fit_is_named() {
    let message = |model: ModelConfig, training: TrainingConfig| {
        Trainer::new(model, training, 1, &Device::Cpu).unwrap_err().to_string()
    };
    let wide = SortedMmd { windows: 1000, ..SortedMmd::default() };
    let post_processor = PostProcessorTraining { sorted_mmd: wide, ..training().post_processor };
    let text = message(model(), TrainingConfig { post_processor, ..training() });
    assert!(text.contains("sorted_mmd") && text.contains("120"), "{text}");
    let mut no_width = model();
    no_width.autoencoder.width = 0;
    assert!(message(no_width, training()).contains("width"));
    // Too few batches for a step, and showers on another grid.
    let mut fresh = trainer(TrainingConfig { fresh_critic_batches: true, ..training() });
    let mut source = Showers { batches: 2, read: Vec::new() };
    let result = train::<Box<dyn std::error::Error>>(&mut fresh, &mut source, |_, _| Ok(Flow::GoOn));
    assert!(result.unwrap_err().to_string().contains("batches in an epoch"));
    let mut other = trainer(training());
    let batch = ShowerBatch::empty(Grid { layers: 1, nx: 1, ny: 1 });
    assert!(other.step(&[batch]).unwrap_err().to_string().contains("[6, 5, 4]"));
}
