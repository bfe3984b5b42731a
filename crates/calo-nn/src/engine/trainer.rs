//! The state of a run: parameters, optimisers and the place in the schedule, saved and restored to the bit.

use std::collections::BTreeMap;
use std::path::Path;

use calo_core::ShowerBatch;
use calo_core::random::Purpose;
use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use super::ema::{Average, exported, is_average};
use super::error::TrainingError;
use super::family::{Family, Phase};
use super::grid::Grid;
use super::noise::Noise;
use super::optim::Group;
use super::recipe::Recipe;
use super::step::{Losses, Optimisers, Place, Showers, Step, is_of_optimiser};
use crate::optimiser::Adam;
use crate::parameters::Parameters;
use crate::parameters::checkpoint::{self, Checkpoint};
use crate::{Error, Result};

const NOISE: Purpose = Purpose::new("training noise");

const SEED_KEY: &str = "calo.seed";
const POSITION_KEY: &str = "calo.position";
/// Present only if a run cannot recover.
const COLLAPSE_KEY: &str = "calo.collapse";

/// A place in the schedule: what has been done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Finished epochs.
    pub epoch: u32,
    /// Batches already taken from the next epoch.
    pub batch: u64,
    /// Total number of training steps.
    pub step: u64,
}

/// A run that can be stopped after any step.
#[derive(Debug)]
pub struct Trainer {
    recipe: Recipe,
    seed: u64,
    device: Device,
    parameters: Parameters,
    family: Box<dyn Family>,
    /// Groups that an epoch's file holds.
    exported: Vec<&'static str>,
    phases: Vec<Phase>,
    optimisers: Optimisers,
    /// Present if the recipe asks for it.
    average: Option<Average>,
    /// Why the run cannot recover from its last step; `None` if it can.
    collapse: Option<String>,
    position: Position,
}

impl Trainer {
    /// Fresh networks, weights drawn from `seed`.
    ///
    /// # Errors
    /// [`Error::Field`] when the recipe is impossible.
    pub fn new(recipe: Recipe, seed: u64, device: &Device) -> Result<Self> {
        recipe.validate()?;
        let parameters = Parameters::new(seed, DType::F32, device);
        let family = recipe.family.build(&parameters)?;
        let groups = recipe.family.groups();
        let optimiser = |group: &Group| {
            let mut weights = parameters.trainable();
            weights.retain(|(name, _)| Group::holds(group.name, name));
            let rate = recipe.optim.learning_rate.get(group.name).copied().unwrap_or(group.learning_rate);
            let mut adam = Adam::new(vec![(weights, recipe.optim.adam(rate))])?;
            // A step that would make weights NaN is an error, and leaves them as they are.
            adam.check_gradients(true);
            Ok((group.name, adam))
        };
        let optimisers = Optimisers(groups.iter().map(optimiser).collect::<Result<_>>()?);
        let exported = recipe.family.exported();
        let decay = recipe.optim.ema_decay;
        let average = (decay > 0.0).then(|| Average::new(decay, &exported, &parameters)).transpose()?;
        Ok(Self {
            phases: recipe.family.phases(recipe.optim.epochs),
            recipe,
            seed,
            device: device.clone(),
            parameters,
            family,
            exported,
            optimisers,
            average,
            collapse: None,
            position: Position::default(),
        })
    }

    /// What is trained and how.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Cells along layer, x, y.
    pub fn grid(&self) -> Grid {
        self.recipe.family.grid()
    }

    /// The device it computes on.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What has been done so far.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Number of trained weights of all networks.
    pub fn n_weights(&self) -> usize {
        self.parameters.n_weights()
    }

    /// Total number of epochs.
    pub fn epochs(&self) -> u32 {
        self.phases.iter().map(|phase| phase.epochs).sum()
    }

    /// Batches that a training step takes in the next epoch.
    pub fn batches_per_step(&self) -> u64 {
        self.family.batches_per_step(self.phase().0.name).max(1)
    }

    /// Training steps of the whole run: those of one phase may take more batches than those of another.
    pub fn total_steps(&self, batches_per_epoch: u64) -> u64 {
        let steps = |phase: &Phase| batches_per_epoch / self.family.batches_per_step(phase.name).max(1);
        self.phases.iter().map(|phase| u64::from(phase.epochs) * steps(phase)).sum()
    }

    /// Whether the model's showers changed in the epoch that was finished last.
    pub fn showers_changed(&self) -> bool {
        let last = Position { epoch: self.position.epoch.saturating_sub(1), ..self.position };
        self.phase_at(last).0.changes_showers
    }

    /// The current phase, and how many of its epochs are finished; at the end of the run, the last phase.
    fn phase(&self) -> (&Phase, u32) {
        self.phase_at(self.position)
    }

    fn phase_at(&self, position: Position) -> (&Phase, u32) {
        let mut epoch = position.epoch;
        for phase in &self.phases[..self.phases.len() - 1] {
            if epoch < phase.epochs {
                return (phase, epoch);
            }
            epoch -= phase.epochs;
        }
        (&self.phases[self.phases.len() - 1], epoch)
    }

    /// One training step on as many batches as [`Trainer::batches_per_step`]; the values of all losses.
    ///
    /// # Errors
    /// [`Error::Operand`] for showers on another grid; [`TrainingError::Diverged`] when a loss or a gradient is not
    /// finite: the weights may then be half a step ahead and should be dropped for those of the last checkpoint.
    pub fn step(&mut self, batches: &[ShowerBatch<f32>]) -> Result<Losses, TrainingError> {
        let n = self.batches_per_step();
        if batches.len() as u64 != n {
            let expected = n.to_string();
            return Err(Error::operand("Trainer::step", "number of batches", batches.len(), expected).into());
        }
        let showers: Vec<Showers> =
            batches.iter().map(|batch| upload(batch, self.grid(), &self.device)).collect::<Result<_>>()?;
        let (phase, epoch) = self.phase();
        let place = Place { phase: phase.name, epoch, step: self.position.step };
        let noise = Noise::new(self.seed, NOISE, place.step, &self.device);
        let averages = self.average.as_ref().map(Average::weights);
        let mut step = Step::new(&mut self.optimisers, noise, place, averages);
        let losses = self.family.step(&showers, &mut step).and_then(|()| step.finish());
        let losses = losses.map_err(|error| self.named(error))?;
        if let Some((name, value)) = losses.iter().find(|(_, value)| !value.is_finite()) {
            return Err(self.diverged(format!("{name} is {value}")));
        }
        self.position.step += 1;
        self.position.batch += n;
        self.collapse = self.family.collapsed(&losses);
        if let Some(average) = &mut self.average {
            average.update(&self.parameters, self.position.step)?;
        }
        Ok(losses)
    }

    /// An error if the run cannot recover from its last step, also if that step was made before the checkpoint that was
    /// restored.
    pub(super) fn check_collapse(&self) -> Result<(), TrainingError> {
        self.collapse.as_ref().map_or(Ok(()), |problem| Err(self.diverged(problem.clone())))
    }

    /// Ends an epoch: the learning rates of the phase's groups decay.
    ///
    /// # Errors
    /// [`Error::Field`] when a rate is no number any more.
    pub fn finish_epoch(&mut self) -> Result<()> {
        let groups = self.phase().0.groups.clone();
        self.optimisers.decay(&groups, self.recipe.optim.lr_decay)?;
        self.position.epoch += 1;
        self.position.batch = 0;
        Ok(())
    }

    /// Writes everything a run needs to continue with the same bits. `provenance` goes into the metadata.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk is full, [`Error::File`] when a weight is not finite. What stood there stays then.
    pub fn save(&self, path: &Path, provenance: &BTreeMap<String, String>) -> Result<()> {
        let mut tensors = self.parameters.state();
        tensors.extend(self.optimisers.state()?);
        tensors.extend(self.average.iter().flat_map(Average::state));
        let mut metadata = self.metadata(provenance)?;
        metadata.extend(self.collapse.iter().map(|problem| (COLLAPSE_KEY.to_owned(), problem.clone())));
        checkpoint::save(path, &tensors, &metadata)
    }

    /// Writes the exported weights, or their moving averages, for [`ShowerModel`](super::ShowerModel).
    ///
    /// # Errors
    /// As [`Trainer::save`].
    pub fn save_weights(&self, path: &Path, provenance: &BTreeMap<String, String>) -> Result<()> {
        let tensors = match &self.average {
            Some(average) => average.weights(),
            None => exported(&self.parameters, &self.exported).collect(),
        };
        checkpoint::save(path, &tensors, &self.metadata(provenance)?)
    }

    /// Restores the state at which [`Trainer::save`] was called.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`] for a file that cannot be read, is damaged, foreign, or of another recipe or
    /// seed.
    pub fn restore(&mut self, path: &Path) -> Result<()> {
        let Checkpoint { tensors, metadata } = checkpoint::load(path, &self.device)?;
        let in_file = |error: Error| Error::file(path, error.to_string(), "a checkpoint of this run");
        let recipe = self.recipe_of(&metadata).ok_or_else(|| foreign(path))?.map_err(in_file)?;
        if let Some(table) = recipe.first_difference(&self.recipe)? {
            return Err(Error::file(path, format!("was made with another `{table}`"), "that of this run"));
        }
        let value = |key: &str| metadata.get(key).ok_or_else(|| foreign(path));
        let seed = value(SEED_KEY)?;
        if *seed != self.seed.to_string() {
            let expected = self.seed.to_string();
            return Err(Error::file(path, format!("was made with seed {seed}"), expected));
        }
        let position = value(POSITION_KEY)?;
        let position = serde_json::from_str(position).map_err(|_| {
            Error::file(path, format!("{POSITION_KEY} is {position}"), "an epoch, a batch and a step")
        })?;
        let (averages, tensors): (BTreeMap<_, _>, BTreeMap<_, _>) =
            tensors.into_iter().partition(|(name, _)| is_average(name));
        let (states, weights): (BTreeMap<_, _>, BTreeMap<_, _>) =
            tensors.into_iter().partition(|(name, _)| is_of_optimiser(name));
        self.parameters.restore(&weights).map_err(in_file)?;
        self.optimisers.restore(states).map_err(in_file)?;
        if let Some(average) = &mut self.average {
            average.restore(&averages).map_err(in_file)?;
        }
        self.collapse = metadata.get(COLLAPSE_KEY).cloned();
        self.position = position;
        Ok(())
    }

    /// Starts from the weights of another run of the same family, as written by [`Trainer::save`] or
    /// [`Trainer::save_weights`], and returns the names of the groups taken over. Groups that the file lacks, or whose
    /// networks differ there, keep their fresh weights. Optimisers and schedule start from the beginning.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::File`] for a file that cannot be read, is damaged, or whose exported networks are
    /// others; [`Error::Field`] after the first step.
    pub fn begin_with(&mut self, path: &Path) -> Result<Vec<&'static str>> {
        if self.position != Position::default() {
            let found = format!("a run after {} steps", self.position.step);
            return Err(Error::field("begin_with", found, "one that has not begun"));
        }
        let Checkpoint { mut tensors, metadata } = checkpoint::load(path, &self.device)?;
        let in_file = |problem: String| Error::file(path, problem, "weights of the same networks");
        let theirs = self.recipe_of(&metadata).ok_or_else(|| foreign(path))?;
        let theirs = theirs.map_err(|e| in_file(e.to_string()))?.family;
        let ours = &self.recipe.family;
        if theirs.grid() != ours.grid() {
            return Err(in_file(format!("holds other networks: on {:?}", theirs.grid())));
        }
        tensors.retain(|name, _| !is_of_optimiser(name) && !is_average(name));
        let (mut taken, mut fresh) = (Vec::new(), Vec::new());
        for Group { name: group, .. } in ours.groups() {
            let is_same = theirs.networks_of(group)? == ours.networks_of(group)?;
            // A model without post-processor may get one: exported groups that the file lacks start fresh, except the first.
            let is_theirs = tensors.keys().any(|name| Group::holds(group, name));
            let is_exported = self.exported.contains(&group) && (is_theirs || self.exported[0] == group);
            if !is_same && is_exported {
                return Err(in_file(format!("holds other networks: its {group} differs")));
            }
            let is_there = is_same && is_theirs;
            let has_any = self.parameters.trainable().iter().any(|(name, _)| Group::holds(group, name));
            match (is_there, is_exported && has_any) {
                (true, _) => taken.push(group),
                (false, true) => return Err(in_file(format!("has no weights of the {group}"))),
                (false, false) => fresh.push(group),
            }
        }
        let is_fresh = |name: &str| fresh.iter().any(|group| Group::holds(group, name));
        tensors.retain(|name, _| !is_fresh(name));
        tensors.extend(self.parameters.state().into_iter().filter(|(name, _)| is_fresh(name)));
        self.parameters.restore(&tensors).map_err(|e| in_file(e.to_string()))?;
        if self.average.is_some() {
            let decay = self.recipe.optim.ema_decay;
            self.average = Some(Average::new(decay, &self.exported, &self.parameters)?);
        }
        Ok(taken)
    }

    /// The recipe in the metadata of another run; an error where that is of another family.
    fn recipe_of(&self, metadata: &BTreeMap<String, String>) -> Option<Result<Recipe>> {
        Recipe::from_metadata(metadata, std::slice::from_ref(self.recipe.family.entry()))
    }

    fn metadata(&self, provenance: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
        let position = serde_json::to_string(&self.position)
            .map_err(|e| Error::field(POSITION_KEY, e, "values that JSON can hold"))?;
        let mut metadata = provenance.clone();
        metadata.extend([
            self.recipe.to_metadata()?,
            (POSITION_KEY.to_owned(), position),
            (SEED_KEY.to_owned(), self.seed.to_string()),
        ]);
        Ok(metadata)
    }

    fn diverged(&self, problem: String) -> TrainingError {
        TrainingError::Diverged { step: self.position.step, problem }
    }

    /// Reports a gradient that is not finite as a divergence at this step.
    fn named(&self, error: Error) -> TrainingError {
        match error {
            Error::Gradient { name } => {
                self.diverged(format!("the gradient of {name} holds NaN or infinity"))
            }
            other => other.into(),
        }
    }
}

fn upload(batch: &ShowerBatch<f32>, grid: Grid, device: &Device) -> Result<Showers> {
    let (n, layers, nx, ny) = batch.cells_mev.dim();
    let Some(cells) = batch.cells_mev.as_slice() else {
        return Err(Error::operand(
            "Trainer::step",
            "memory of the batch",
            "not contiguous",
            "showers in order",
        ));
    };
    if n == 0 || [layers, nx, ny] != grid || batch.energies_gev.len() != n {
        let expected = format!("one or more showers on {grid:?} with an energy each");
        return Err(Error::operand("Trainer::step", "batch", batch.cells_mev.shape(), expected));
    }
    #[expect(clippy::cast_possible_truncation, reason = "networks are f32")]
    let energies: Vec<f32> = batch.energies_gev.iter().map(|energy| *energy as f32).collect();
    Ok(Showers {
        cells_mev: Tensor::from_slice(cells, (n, 1, layers, nx, ny), device)?,
        energies_gev: Tensor::from_vec(energies, (n, 1), device)?,
    })
}

fn foreign(path: &Path) -> Error {
    Error::file(path, "has no recipe, seed or position in its metadata".to_owned(), "a checkpoint of a run")
}
