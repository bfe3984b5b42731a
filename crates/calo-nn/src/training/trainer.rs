//! Networks, optimisers and the place in the schedule: all that a training is, saved and restored to the bit.

use std::collections::BTreeMap;
use std::path::Path;

use calo_core::ShowerBatch;
use calo_core::random::Purpose;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::average::{Average, is_average};
use super::config::{ModelConfig, PostProcessorStage, TrainingConfig};
use super::networks::{
    AUTOENCODER, CRITIC, LATENT_CRITIC, Networks, POST_PROCESSOR, PROFILE_CRITIC, belongs, of_generator,
};
use super::noise::Noise;
use super::step::{self, Pending, Showers, Terms};
use crate::optimiser::Adam;
use crate::parameters::checkpoint::{self, Checkpoint};
use crate::{Error, Result};

const NOISE: Purpose = Purpose::new("training noise");

/// What a checkpoint's metadata call the model's configuration; its value is JSON.
pub(super) const MODEL_KEY: &str = "calo.model";
const TRAINING_KEY: &str = "calo.training";
const SEED_KEY: &str = "calo.seed";
const POSITION_KEY: &str = "calo.position";

const OPTIMISERS: [&str; 5] = [AUTOENCODER, CRITIC, LATENT_CRITIC, PROFILE_CRITIC, POST_PROCESSOR];

/// A place in the schedule: what was done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Finished epochs.
    pub epoch: u32,
    /// Batches taken of the next epoch.
    pub batch: u64,
    /// Training steps in all.
    pub step: u64,
}

/// A training that can be stopped after any step.
#[derive(Debug)]
pub struct Trainer {
    model: ModelConfig,
    training: TrainingConfig,
    seed: u64,
    device: Device,
    networks: Networks,
    /// In the order of [`OPTIMISERS`].
    optimisers: [Adam; 5],
    /// Where the configuration asks for it.
    average: Option<Average>,
    position: Position,
}

impl Trainer {
    /// Fresh networks of `model` on its grid, weights drawn from `seed`.
    ///
    /// # Errors
    /// [`Error::Field`] when a configuration is impossible.
    pub fn new(model: ModelConfig, training: TrainingConfig, seed: u64, device: &Device) -> Result<Self> {
        training.validate()?;
        let grid = model.grid;
        let model = model.on_grid(grid);
        let networks = Networks::new(&model, seed, device)?;
        let cells: usize = model.grid.iter().product();
        let post_processor = &training.post_processor;
        let needed = post_processor.sorted_mmd.cells();
        let is_needed = model.post_processor.is_some() && post_processor.losses.sorted_mmd > 0.0;
        if is_needed && needed > cells {
            return Err(Error::Field {
                field: "post_processor.sorted_mmd".to_owned(),
                value: format!("its windows span {needed} cells"),
                expected: format!("at most the {cells} of the grid"),
            });
        }
        let adam = |(network, rate): (&str, f64)| {
            let mut adam = Adam::new(vec![(networks.weights(network), training.adam(rate))])?;
            // A step that would spoil the weights is an error, and the last good weights stay.
            adam.check_gradients(true);
            Ok::<_, Error>(adam)
        };
        let rates = training.rates.all();
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|i| adam((OPTIMISERS[i], rates[i])));
        let optimisers = [a?, b?, c?, d?, e?];
        let decay = training.weight_average;
        let average = (decay > 0.0).then(|| Average::new(decay, &networks.parameters)).transpose()?;
        Ok(Self {
            model,
            training,
            seed,
            device: device.clone(),
            networks,
            optimisers,
            average,
            position: Position::default(),
        })
    }

    /// What is trained.
    pub fn model(&self) -> &ModelConfig {
        &self.model
    }

    /// How it is trained.
    pub fn training(&self) -> &TrainingConfig {
        &self.training
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What was done so far.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Trained numbers of all networks.
    pub fn n_weights(&self) -> usize {
        self.networks.parameters.n_weights()
    }

    /// Epochs in all.
    pub fn epochs(&self) -> u32 {
        self.training.all_epochs(self.has_post_processor())
    }

    /// Batches that a training step takes in the next epoch.
    pub fn batches_per_step(&self) -> u64 {
        let fresh = self.training.fresh_critic_batches && !self.post_processor_alone();
        if fresh { u64::from(self.training.critic_steps) + 1 } else { 1 }
    }

    /// One training step on as many batches as [`Trainer::batches_per_step`]; the values of all losses.
    ///
    /// # Errors
    /// [`Error::Operand`] for showers on another grid; [`Error::Diverged`] when a loss or a gradient is not finite: the
    /// weights may then be half a step ahead and should be dropped for those of the last checkpoint.
    pub fn step(&mut self, batches: &[ShowerBatch<f32>]) -> Result<Terms> {
        let (Some(last), n) = (batches.last(), self.batches_per_step()) else {
            return Err(Error::operand("Trainer::step", "number of batches", 0, "at least 1"));
        };
        if batches.len() as u64 != n {
            return Err(Error::operand("Trainer::step", "number of batches", batches.len(), n.to_string()));
        }
        let terms = self.all_parts(batches, last).map_err(|error| self.named(error))?;
        if let Some((name, value)) = terms.iter().find(|(_, value)| !value.is_finite()) {
            return Err(self.diverged(format!("{name} is {value}")));
        }
        self.position.step += 1;
        self.position.batch += n;
        if let Some(average) = &mut self.average {
            average.update(&self.networks.parameters, self.position.step)?;
        }
        Ok(terms)
    }

    fn all_parts(&mut self, batches: &[ShowerBatch<f32>], last: &ShowerBatch<f32>) -> Result<Terms> {
        let mut noise = Noise::new(self.seed, NOISE, self.position.step, &self.device);
        let latent = self.model.autoencoder.latent;
        let showers = upload(last, &self.model, &self.device)?;
        let Self { networks, training, position, model, device, optimisers, .. } = self;
        let [autoencoder, critic, latent_critic, profile_critic, post_processor] = optimisers;
        let (networks, training, position) = (&*networks, &*training, *position);
        let mut pending = Vec::new();
        let images = if is_past(training, position) {
            Some(step::images(networks, &showers, &mut noise, latent)?)
        } else {
            for i in 0..training.critic_steps as usize {
                let fresh = match batches.get(i) {
                    Some(batch) if training.fresh_critic_batches => Some(upload(batch, model, device)?),
                    _ => None,
                };
                let showers = fresh.as_ref().unwrap_or(&showers);
                let optimisers = [&mut *critic, &mut *latent_critic, &mut *profile_critic];
                let terms =
                    step::critics(networks, optimisers, &training.losses, showers, &mut noise, latent)?;
                // Those of the last step are shown: the critics as encoder and decoder meet them.
                pending = vec![terms];
            }
            if position.step < training.critics_first_steps {
                None
            } else {
                let encoded = model.autoencoder.encoded;
                let beta = training.losses.kld_of_each(position.epoch, position.step, encoded);
                let losses = (&training.losses, &beta[..]);
                let adam = (&mut *autoencoder, training.warm_up(position.step));
                let (images, terms) =
                    step::autoencoder(networks, adam, losses, &showers, &mut noise, latent)?;
                pending.push(terms);
                Some(images)
            }
        };
        let joint = training.post_processor.stage == PostProcessorStage::Joint;
        if let Some(images) = images.filter(|_| joint || is_past(training, position)) {
            let start = if joint { 0 } else { training.epochs };
            let identity = position.epoch - start < training.post_processor.epochs_of_identity;
            let config = &training.post_processor;
            pending.push(step::post_processor(
                networks,
                post_processor,
                config,
                &showers,
                &images,
                identity,
            )?);
        }
        let terms = pending.into_iter().map(Pending::read).collect::<Result<Vec<_>>>()?;
        Ok(terms.concat())
    }

    /// Ends an epoch: all rates decay.
    ///
    /// # Errors
    /// [`Error::Field`] when a rate is no number any more.
    pub fn finish_epoch(&mut self) -> Result<()> {
        // The post-processor's own stage begins with its own rate.
        let alone = is_past(&self.training, self.position);
        let joint = self.training.post_processor.stage == PostProcessorStage::Joint;
        for (name, adam) in OPTIMISERS.iter().zip(&mut self.optimisers) {
            if *name != POST_PROCESSOR || joint || alone {
                adam.decay_rate(self.training.rate_decay)?;
            }
        }
        self.position.epoch += 1;
        self.position.batch = 0;
        Ok(())
    }

    /// Writes all that is needed to go on with the same bits. `provenance` goes into the metadata.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk is full, [`Error::File`] when a weight is not finite. What stood there stays then.
    pub fn save(&self, path: &Path, provenance: &BTreeMap<String, String>) -> Result<()> {
        let mut tensors = self.networks.parameters.state();
        for (name, adam) in OPTIMISERS.iter().zip(&self.optimisers) {
            tensors.extend(adam.state()?.into_iter().map(|(key, tensor)| (adam_name(name, &key), tensor)));
        }
        tensors.extend(self.average.iter().flat_map(Average::state));
        let mut metadata = provenance.clone();
        metadata.extend(self.metadata()?);
        checkpoint::save(path, &tensors, &metadata)
    }

    /// Writes the weights of encoder, decoder and post-processor, or their running means, for
    /// [`ShowerModel`](super::ShowerModel).
    ///
    /// # Errors
    /// As [`Trainer::save`].
    pub fn save_weights(&self, path: &Path, provenance: &BTreeMap<String, String>) -> Result<()> {
        let tensors = match &self.average {
            Some(average) => average.weights(),
            None => of_generator(&self.networks.parameters).collect(),
        };
        let mut metadata = provenance.clone();
        metadata.extend(self.metadata()?);
        checkpoint::save(path, &tensors, &metadata)
    }

    /// Goes on where [`Trainer::save`] was called.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`] for a file that cannot be read, is damaged, foreign, or of another
    /// configuration or seed.
    pub fn restore(&mut self, path: &Path) -> Result<()> {
        let (tensors, metadata): Checkpoint = checkpoint::load(path, &self.device)?;
        for (key, expected) in self.metadata()? {
            let found = metadata.get(&key).ok_or_else(|| foreign(path, &key))?;
            if key != POSITION_KEY && *found != expected {
                return Err(file_error(path, format!("was made with another {key}: {found}"), expected));
            }
        }
        let position = metadata.get(POSITION_KEY).ok_or_else(|| foreign(path, POSITION_KEY))?;
        let position = serde_json::from_str(position).map_err(|_| {
            file_error(
                path,
                format!("{POSITION_KEY} is {position}"),
                "an epoch, a batch and a step".to_owned(),
            )
        })?;
        let in_file =
            |error: Error| file_error(path, error.to_string(), "a checkpoint of this training".to_owned());
        let (averages, tensors): (BTreeMap<_, _>, BTreeMap<_, _>) =
            tensors.into_iter().partition(|(name, _)| is_average(name));
        let (states, weights): (BTreeMap<_, _>, BTreeMap<_, _>) =
            tensors.into_iter().partition(|(name, _)| name.starts_with("adam."));
        let mut parts = OPTIMISERS.map(|_| BTreeMap::new());
        for (name, tensor) in states {
            let place = OPTIMISERS.iter().position(|network| name.starts_with(&adam_name(network, "")));
            let Some(place) = place else {
                return Err(file_error(
                    path,
                    format!("holds `{name}`"),
                    "the state of the optimisers".to_owned(),
                ));
            };
            parts[place].insert(name[adam_name(OPTIMISERS[place], "").len()..].to_owned(), tensor);
        }
        self.networks.parameters.restore(&weights).map_err(in_file)?;
        for (adam, state) in self.optimisers.iter_mut().zip(&parts) {
            adam.restore(state).map_err(in_file)?;
        }
        if let Some(average) = &mut self.average {
            average.restore(&averages).map_err(in_file)?;
        }
        self.position = position;
        Ok(())
    }

    /// Begins with the weights of another training of the same networks: its [`Trainer::save`], or its
    /// [`Trainer::save_weights`], which leaves the critics fresh, as a critic of other sizes is left. Optimisers and
    /// schedule begin anew. The names of the networks that were taken.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`] for a file that cannot be read, is damaged, or holds other networks;
    /// [`Error::Field`] after the first step.
    pub fn begin_with(&mut self, path: &Path) -> Result<Vec<&'static str>> {
        if self.position != Position::default() {
            return Err(Error::Field {
                field: "begin_with".to_owned(),
                value: format!("a training after {} steps", self.position.step),
                expected: "one that has not begun".to_owned(),
            });
        }
        let (mut tensors, metadata) = checkpoint::load(path, &self.device)?;
        let in_file = |problem: String| file_error(path, problem, "weights of the same networks".to_owned());
        let model = metadata.get(MODEL_KEY).ok_or_else(|| foreign(path, MODEL_KEY))?;
        let other = || in_file(format!("holds other networks: {model}"));
        let theirs: ModelConfig = serde_json::from_str(model).map_err(|_| other())?;
        let grid = theirs.grid;
        let theirs = theirs.on_grid(grid);
        if !theirs.makes_showers_as(&self.model) {
            return Err(other());
        }
        tensors.retain(|name, _| !name.starts_with("adam.") && !is_average(name));
        let is_there = |network: &&str| {
            theirs.has_same_network(&self.model, network) && tensors.keys().any(|name| belongs(name, network))
        };
        let (taken, fresh): (Vec<_>, Vec<_>) = OPTIMISERS.into_iter().partition(is_there);
        if !taken.contains(&AUTOENCODER) {
            return Err(in_file(format!("has no weights of the {AUTOENCODER}")));
        }
        let belongs_to_any =
            |name: &str, networks: &[&str]| networks.iter().any(|network| belongs(name, network));
        tensors.retain(|name, _| !belongs_to_any(name, &fresh));
        let state = self.networks.parameters.state();
        tensors.extend(state.into_iter().filter(|(name, _)| belongs_to_any(name, &fresh)));
        self.networks.parameters.restore(&tensors).map_err(|e| in_file(e.to_string()))?;
        if let Some(average) = &mut self.average {
            *average = Average::new(self.training.weight_average, &self.networks.parameters)?;
        }
        Ok(taken)
    }

    fn metadata(&self) -> Result<BTreeMap<String, String>> {
        let json = |key: &str, value: Result<String, serde_json::Error>| {
            let value = value.map_err(|e| Error::Field {
                field: key.to_owned(),
                value: e.to_string(),
                expected: "values that JSON can hold".to_owned(),
            })?;
            Ok::<_, Error>((key.to_owned(), value))
        };
        Ok(BTreeMap::from([
            json(MODEL_KEY, serde_json::to_string(&self.model))?,
            json(TRAINING_KEY, serde_json::to_string(&self.training))?,
            json(POSITION_KEY, serde_json::to_string(&self.position))?,
            (SEED_KEY.to_owned(), self.seed.to_string()),
        ]))
    }

    fn has_post_processor(&self) -> bool {
        self.model.post_processor.is_some()
    }

    fn post_processor_alone(&self) -> bool {
        is_past(&self.training, self.position)
    }

    pub(super) fn diverged(&self, problem: String) -> Error {
        Error::Diverged { step: self.position.step, problem }
    }

    /// Gradients that are not finite are a divergence, at a step.
    fn named(&self, error: Error) -> Error {
        match error {
            Error::Gradient { name } => {
                self.diverged(format!("the gradient of {name} holds NaN or infinity"))
            }
            other => other,
        }
    }
}

/// Whether encoder, decoder and critics are finished.
fn is_past(training: &TrainingConfig, position: Position) -> bool {
    position.epoch >= training.epochs
}

fn upload(batch: &ShowerBatch<f32>, model: &ModelConfig, device: &Device) -> Result<Showers> {
    let (n, layers, nx, ny) = batch.cells_mev.dim();
    let Some(cells) = batch.cells_mev.as_slice() else {
        return Err(Error::operand(
            "Trainer::step",
            "memory of the batch",
            "not contiguous",
            "showers in order",
        ));
    };
    if n == 0 || [layers, nx, ny] != model.grid || batch.energies_gev.len() != n {
        let expected = format!("one or more showers on {:?} with an energy each", model.grid);
        return Err(Error::operand("Trainer::step", "batch", batch.cells_mev.shape(), expected));
    }
    #[expect(clippy::cast_possible_truncation, reason = "networks are f32")]
    let energies: Vec<f32> = batch.energies_gev.iter().map(|energy| *energy as f32).collect();
    Ok(Showers {
        cells_mev: Tensor::from_slice(cells, (n, 1, layers, nx, ny), device)?,
        energies_gev: Tensor::from_vec(energies, (n, 1), device)?,
    })
}

fn adam_name(network: &str, key: &str) -> String {
    format!("adam.{network}.{key}")
}

fn foreign(path: &Path, key: &str) -> Error {
    file_error(path, format!("has no {key} in its metadata"), "a checkpoint of a training".to_owned())
}

fn file_error(path: &Path, problem: String, expected: String) -> Error {
    Error::File { path: path.to_owned(), problem, expected }
}
