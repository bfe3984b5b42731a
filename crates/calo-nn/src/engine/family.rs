//! What the engine asks of a family of models.

use std::collections::BTreeMap;
use std::fmt::Debug;

use candle_core::Tensor;
use toml::Table;

use super::grid::Grid;
use super::old_names::{self, OldName};
use super::optim::{Group, OptimConfig};
use super::sampler::Sampler;
use super::step::{Losses, Showers, Step};
use super::tables::Tables;
use crate::parameters::{Parameters, Path};
use crate::{Error, Result};

/// A family in the list of families.
#[derive(Debug)]
pub struct FamilyEntry {
    /// What `family` says in a configuration.
    pub name: &'static str,
    /// Reads the family's tables; `grid` takes the place of the one in them, where it is given.
    pub configure: Configure,
    /// Recognises published state dictionaries of the family.
    pub import: Recognise,
    /// Fields that had another name in earlier versions.
    pub old_names: &'static [OldName],
    /// Whether files that name no family, as the first versions wrote them, are of this one.
    pub is_unnamed: bool,
}

impl FamilyEntry {
    /// Whether a file that names `family`, or names none, is of this one.
    pub(super) fn is(&self, family: Option<&str>) -> bool {
        family.map_or(self.is_unnamed, |family| family == self.name)
    }

    /// Refuses a file, written by a user, that calls a field by the name of an earlier version.
    ///
    /// # Errors
    /// [`Error::Field`] with the current name.
    pub fn refuse_old_names(&self, file: &Table) -> Result<()> {
        old_names::refuse(file, old_names::OF_ENGINE)?;
        old_names::refuse(file, self.old_names)
    }

    /// Renames the fields of a file of an earlier version to their current names.
    pub fn replace_old_names(&self, file: &mut Table) {
        old_names::replace(file, old_names::OF_ENGINE);
        old_names::replace(file, self.old_names);
    }
}

/// The family among `families` that is called `name`; without a name, the one of the first versions.
///
/// # Errors
/// [`Error::Field`] with the families that there are.
pub(crate) fn find<'a>(families: &'a [FamilyEntry], name: Option<&str>) -> Result<&'a FamilyEntry> {
    families.iter().find(|entry| entry.is(name)).ok_or_else(|| {
        let known: Vec<String> = families.iter().map(|entry| format!("`{}`", entry.name)).collect();
        Error::field("family", format!("`{}`", name.unwrap_or_default()), known.join(" or "))
    })
}

/// Tensors of a published network by their published names.
pub type StateDict = BTreeMap<String, Tensor>;

/// A published model.
#[derive(Debug)]
pub struct Published {
    /// Its networks; how they were trained is not known.
    pub family: Box<dyn FamilyConfig>,
    /// Its weights, by the names that they have here.
    pub tensors: StateDict,
    /// Networks that a trained model does not need, each with the reason.
    pub left_out: Vec<(String, String)>,
}

/// How a family recognises state dictionaries, one per network, as a model of its own; `None` for anything else.
pub type Recognise = fn(&[StateDict]) -> Result<Option<Published>>;

/// How a family reads its tables.
pub type Configure = fn(&Tables, Option<Grid>) -> Result<Box<dyn FamilyConfig>>;

/// A family's networks and how they are trained: its part of a configuration, with defaults filled in.
pub trait FamilyConfig: Debug + Send + Sync {
    /// The family in the list of families.
    fn entry(&self) -> &'static FamilyEntry;

    /// What `family` says in a configuration.
    fn family(&self) -> &'static str {
        self.entry().name
    }

    /// Cells along layer, x, y.
    fn grid(&self) -> Grid;

    /// The tables `model`, `losses` and `schedule`, all defaults spelled out.
    ///
    /// # Errors
    /// A number that a file cannot hold.
    fn tables(&self) -> Result<Tables>;

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`] naming the first field that cannot be, its value and what is allowed.
    fn validate(&self) -> Result<()>;

    /// The groups of parameters, each with an optimiser of its own.
    fn groups(&self) -> Vec<Group>;

    /// The published settings of the optimisers, used for whatever a configuration leaves out.
    fn default_optim(&self) -> OptimConfig;

    /// The settings that define the networks of a group: weights fit networks with equal settings.
    ///
    /// # Errors
    /// A number that a file cannot hold.
    fn networks_of(&self, group: &str) -> Result<Table>;

    /// The stages of the run; `epochs` is that of the configuration.
    fn phases(&self, epochs: u32) -> Vec<Phase>;

    /// Groups whose weights are exported after an epoch and averaged over the steps: what a [`Sampler`] needs.
    fn exported(&self) -> Vec<&'static str>;

    /// Losses that show the progress of a run, each with the label that users see.
    fn headline(&self) -> &'static [(&'static str, &'static str)];

    /// Whether the family's samplers have an [`encoder`](Sampler::encoder), which is known before training.
    fn has_encoder(&self) -> bool;

    /// Whether showers are made of any incident energy that is wanted; other families learn those of a single energy.
    fn takes_energy(&self) -> bool {
        true
    }

    /// Whether the family's samplers have a [`latent_score`](Sampler::latent_score), which is known before training.
    fn has_latent_score(&self) -> bool {
        false
    }

    /// Fresh networks to train in `parameters`.
    ///
    /// # Errors
    /// [`Error::Field`] when the networks do not fit the grid.
    fn build(&self, parameters: &Parameters) -> Result<Box<dyn Family>>;

    /// The networks below `root`, for inference.
    ///
    /// # Errors
    /// As [`FamilyConfig::build`].
    fn sampler(&self, root: &Path<'_>) -> Result<Box<dyn Sampler>>;

    /// A boxed clone.
    fn boxed(&self) -> Box<dyn FamilyConfig>;
}

impl Clone for Box<dyn FamilyConfig> {
    fn clone(&self) -> Self {
        self.boxed()
    }
}

/// How a family is trained.
pub trait Family: Debug + Send {
    /// Batches that a step of this phase takes.
    fn batches_per_step(&self, _phase: &str) -> u64 {
        1
    }

    /// One training step on [`Family::batches_per_step`] batches.
    ///
    /// # Errors
    /// Those of the operations and of [`Step::minimise`].
    fn step(&mut self, batches: &[Showers], cx: &mut Step<'_>) -> Result<()>;

    /// Why a run cannot recover if the last step of an epoch had these losses; `None` if it can.
    fn collapsed(&self, _losses: &Losses) -> Option<String> {
        None
    }
}

/// A stage of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// What [`Step::phase`] returns during this phase.
    pub name: &'static str,
    /// Number of epochs.
    pub epochs: u32,
    /// Groups trained in this phase: their learning rates decay after each of its epochs.
    pub groups: Vec<&'static str>,
    /// Whether the model's showers change: only then its epochs are worth a validation.
    pub changes_showers: bool,
}

/// A network to train, and the same network without a graph, for use while others are trained.
#[derive(Debug, Clone)]
pub struct Trained<N> {
    /// Its parameters are variables.
    pub tracked: N,
    /// The same values, cut from the graph.
    pub frozen: N,
}

impl<N> Trained<N> {
    /// Builds both below the root of `parameters`.
    ///
    /// # Errors
    /// Those of `build`.
    pub fn new(parameters: &Parameters, build: impl Fn(&Path<'_>) -> Result<N>) -> Result<Self> {
        Ok(Self { tracked: build(&parameters.path())?, frozen: build(&parameters.frozen())? })
    }
}
