//! What the engine asks of a family of models.

use std::collections::BTreeMap;
use std::fmt::Debug;

use candle_core::Tensor;
use toml::Table;

use super::old_names::OldName;
use super::optim::{Group, OptimConfig};
use super::sampler::Sampler;
use super::step::{Showers, Step, Terms};
use super::tables::Tables;
use crate::components::Grid;
use crate::parameters::{Parameters, Path};
use crate::{Error, Result};

/// A family in the list of families.
#[derive(Debug)]
pub struct FamilyEntry {
    /// What `family` says in a configuration.
    pub name: &'static str,
    /// Reads the family's tables; `grid` takes the place of the one in them, where it is given.
    pub configure: Configure,
    /// Takes published state dictionaries for a model of the family.
    pub import: Recognise,
    /// Fields that earlier versions called otherwise.
    pub old_names: &'static [OldName],
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
}

/// How a family takes state dictionaries, one a network, for a model of its own; none where they are of something else.
pub type Recognise = fn(&[StateDict]) -> Result<Option<Published>>;

/// How a family reads its tables.
pub type Configure = fn(&Tables, Option<Grid>) -> Result<Box<dyn FamilyConfig>>;

/// What a family's networks are and how they are trained: its part of a configuration, defaults filled in.
pub trait FamilyConfig: Debug + Send + Sync {
    /// What `family` says in a configuration.
    fn family(&self) -> &'static str;

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

    /// How the family is optimised where a configuration does not say: the published settings.
    fn default_optim(&self) -> OptimConfig;

    /// What makes the networks of a group what they are: weights fit where these are equal.
    ///
    /// # Errors
    /// A number that a file cannot hold.
    fn networks_of(&self, group: &str) -> Result<Table>;

    /// The stages of the run; `epochs` is that of the configuration.
    fn phases(&self, epochs: u32) -> Vec<Phase>;

    /// Groups that an epoch's file holds and the moving average runs over: what a [`Sampler`] needs.
    fn exported(&self) -> Vec<&'static str>;

    /// Losses that tell how a run goes, and what they are called for people.
    fn headline(&self) -> &'static [(&'static str, &'static str)];

    /// Whether the family's samplers have an [`encoder`](Sampler::encoder): known before anything is trained.
    fn has_encoder(&self) -> bool;

    /// Fresh networks to train in `parameters`.
    ///
    /// # Errors
    /// [`Error::Field`] when the networks do not fit the grid.
    fn build(&self, parameters: &Parameters) -> Result<Box<dyn Family>>;

    /// The networks below `root`, to be applied.
    ///
    /// # Errors
    /// As [`FamilyConfig::build`].
    fn sampler(&self, root: &Path<'_>) -> Result<Box<dyn Sampler>>;

    /// The same as a value of its own.
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

    /// Why a run with these losses in the last step of an epoch cannot recover; none where it can.
    fn collapsed(&self, _terms: &Terms) -> Option<String> {
        None
    }
}

/// A stage of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phase {
    /// What [`Step::phase`] says in it.
    pub name: &'static str,
    /// How long it is.
    pub epochs: u32,
    /// Groups that are trained in it: their learning rates decay after each of its epochs.
    pub groups: Vec<&'static str>,
}

/// A network to train, and the same without a graph, to be applied in the training of others.
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

/// An error for a family that is not there.
pub(crate) fn unknown_family(name: &str, known: &[&str]) -> Error {
    Error::Field {
        field: "family".to_owned(),
        value: format!("`{name}`"),
        expected: known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" or "),
    }
}
