//! The weights of a network: named, in order, and the same for the same seed.
//!
//! Candle's `VarMap` iterates in another order each run and draws from a generator that cannot be seeded. Here a
//! parameter's values depend on the seed and on its place in the order of creation alone, so a network is the same
//! on every machine and device; its names are those of PyTorch's state dictionaries.

pub mod checkpoint;
mod import;
mod init;
mod var_builder;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Tensor, Var};

pub use import::{Imported, read_pytorch};
pub use init::Init;

use self::init::Draws;
use self::var_builder::{Source, Start};
use crate::{Error, Result};

/// Names that an error message lists before it says how many more there are.
const LISTED_NAMES: usize = 4;

/// What a stored variable is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Trained by an optimiser.
    Weight,
    /// Running statistics: saved, not trained.
    Buffer,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Weight => "a trained weight",
            Self::Buffer => "a buffer",
        }
    }
}

#[derive(Debug)]
struct Entry {
    name: String,
    kind: Kind,
    var: Var,
}

#[derive(Debug, Default)]
struct Store {
    entries: Vec<Entry>,
    by_name: HashMap<String, usize>,
}

impl Store {
    fn get(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).and_then(|i| self.entries.get(*i))
    }

    fn insert(&mut self, name: String, kind: Kind, var: Var) {
        self.by_name.insert(name.clone(), self.entries.len());
        self.entries.push(Entry { name, kind, var });
    }
}

/// An ordered, seeded store of the weights and running statistics of one or several networks.
///
/// ```
/// use calo_tensor::candle::{DType, Device};
/// use calo_tensor::parameters::{Init, Parameters};
///
/// # fn main() -> calo_tensor::Result<()> {
/// let parameters = Parameters::new(1, DType::F32, &Device::Cpu);
/// let layer = parameters.path().join("encoder").join(0);
/// let weight = layer.parameter("weight", &[8, 1, 4, 4, 4], Init::Conv)?;
/// let bias = layer.parameter("bias", &[8], Init::Bias { fan_in: 64 })?;
/// assert_eq!(weight.dims(), [8, 1, 4, 4, 4]);
/// assert_eq!(parameters.state()[1].0, "encoder.0.bias");
/// assert_eq!(parameters.n_weights(), 8 * 64 + 8);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Parameters {
    seed: u64,
    dtype: DType,
    device: Device,
    store: Mutex<Store>,
}

impl Parameters {
    /// An empty store; weights are drawn from streams of `seed` as they are created, in `dtype` on `device`.
    pub fn new(seed: u64, dtype: DType, device: &Device) -> Self {
        Self { seed, dtype, device: device.clone(), store: Mutex::default() }
    }

    /// The root of the names, for building a network to train: what is missing is created.
    pub fn path(&self) -> Path<'_> {
        self.root(false)
    }

    /// The root of the names, for building a network that is only applied: the same values, which follow training,
    /// cut from the graph; what is missing is an error.
    pub fn frozen(&self) -> Path<'_> {
        self.root(true)
    }

    fn root(&self, frozen: bool) -> Path<'_> {
        Path { source: Source::Store(View { parameters: self, frozen }), prefix: String::new() }
    }

    /// Where the values are.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Element type of the values.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The trained weights with their names, in order of creation.
    pub fn trainable(&self) -> Vec<(String, Var)> {
        let store = self.store();
        let weights = store.entries.iter().filter(|entry| entry.kind == Kind::Weight);
        weights.map(|entry| (entry.name.clone(), entry.var.clone())).collect()
    }

    /// All values, buffers included, with their names in order of creation. They share memory with the store: a later
    /// training step changes them.
    pub fn state(&self) -> Vec<(String, Tensor)> {
        let entries = &self.store().entries;
        entries.iter().map(|entry| (entry.name.clone(), entry.var.as_detached_tensor())).collect()
    }

    /// Number of trained numbers.
    pub fn n_weights(&self) -> usize {
        let store = self.store();
        let weights = store.entries.iter().filter(|entry| entry.kind == Kind::Weight);
        weights.map(|entry| entry.var.elem_count()).sum()
    }

    /// Sets all values from `state`, converted to this store's element type and device.
    ///
    /// PyTorch's counters `num_batches_tracked`, which nothing here uses, may be among them.
    ///
    /// # Errors
    /// [`Error::Operand`] when names are missing or unknown, [`Error::Parameter`] when a shape or element type does
    /// not fit. Nothing is changed then.
    pub fn restore(&self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let store = self.store();
        let missing = store.entries.iter().map(|entry| &entry.name).filter(|name| !state.contains_key(*name));
        let unexpected = state.keys().filter(|name| {
            store.get(name).is_none() && !name.ends_with(import::BATCH_COUNTER) // of BatchNorm
        });
        check_names("restore", missing.collect(), unexpected.collect())?;
        let fitting = store.entries.iter().map(|entry| {
            let tensor = state.get(&entry.name).ok_or_else(|| no_such(&entry.name))?;
            check_shape(&entry.name, tensor.dims(), entry.var.dims())?;
            if !tensor.dtype().is_float() {
                let problem = format!("its element type is {:?}", tensor.dtype());
                return Err(parameter_error(&entry.name, problem, "floating-point numbers"));
            }
            Ok((&entry.var, tensor))
        });
        for (var, tensor) in fitting.collect::<Result<Vec<_>>>()? {
            // A copy, for the state may share its memory with the store.
            var.set(&tensor.to_dtype(self.dtype)?.to_device(&self.device)?.copy()?)?;
        }
        Ok(())
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // Nothing is left half done in the store by a panic.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the tree of names, from which a network takes its parameters.
#[derive(Debug, Clone)]
pub struct Path<'a> {
    source: Source<'a>,
    prefix: String,
}

impl<'a> Path<'a> {
    /// The place `name` below this one.
    #[must_use]
    pub fn join(&self, name: impl Display) -> Path<'a> {
        Path { prefix: self.full_name(&name.to_string()), ..self.clone() }
    }

    /// The weight `name`, created from `init` where it is missing and may be trained.
    ///
    /// # Shapes
    /// `shape`, as PyTorch orders it: `[out, in, ...]` of convolutions and linear layers, `[in, out, ...]` of
    /// transposed convolutions.
    ///
    /// # Errors
    /// [`Error::Parameter`] when the weight exists with another shape or as a buffer, is missing from a frozen
    /// view, or `init` does not fit the shape.
    pub fn parameter(&self, name: &str, shape: &[usize], init: Init) -> Result<Tensor> {
        match &self.source {
            Source::Store(view) => view.tensor(self.full_name(name), shape, Start::Ours(init), Kind::Weight),
            Source::Builder(builder) => var_builder::parameter(builder, &self.full_name(name), shape, init),
        }
    }

    /// The buffer `name`, created full of `value` where it is missing: saved with the weights, not trained.
    ///
    /// # Errors
    /// As [`Path::parameter`].
    pub fn buffer(&self, name: &str, shape: &[usize], value: f64) -> Result<Var> {
        match &self.source {
            Source::Store(view) => {
                let start = Start::Ours(Init::Constant(value));
                view.variable(self.full_name(name), shape, start, Kind::Buffer)
            }
            Source::Builder(builder) => var_builder::buffer(builder, &self.full_name(name), shape, value),
        }
    }

    /// Element type of the parameters.
    pub fn dtype(&self) -> DType {
        match &self.source {
            Source::Store(view) => view.parameters.dtype,
            Source::Builder(builder) => builder.dtype(),
        }
    }

    /// Where the parameters are.
    pub fn device(&self) -> &Device {
        match &self.source {
            Source::Store(view) => &view.parameters.device,
            Source::Builder(builder) => builder.device(),
        }
    }

    fn full_name(&self, name: &str) -> String {
        joined(&self.prefix, name)
    }
}

/// A store as networks see it.
#[derive(Debug, Clone, Copy)]
struct View<'a> {
    parameters: &'a Parameters,
    /// Whether its weights are cut from the graph, and none is created.
    frozen: bool,
}

impl View<'_> {
    fn tensor(self, name: String, shape: &[usize], start: Start, kind: Kind) -> Result<Tensor> {
        Ok(self.seen(&self.variable(name, shape, start, kind)?))
    }

    /// The values of a variable, cut from the graph in a frozen view.
    fn seen(self, var: &Var) -> Tensor {
        if self.frozen { var.as_detached_tensor() } else { var.as_tensor().clone() }
    }

    fn variable(self, name: String, shape: &[usize], start: Start, kind: Kind) -> Result<Var> {
        let Parameters { seed, dtype, device, .. } = self.parameters;
        let mut store = self.parameters.store();
        if let Some(entry) = store.get(&name) {
            check_shape(&name, entry.var.dims(), shape)?;
            if entry.kind != kind {
                return Err(parameter_error(&name, format!("it is {}", entry.kind.noun()), kind.noun()));
            }
            return Ok(entry.var.clone());
        }
        if self.frozen {
            return Err(no_such(&name));
        }
        let draws = Draws { seed: *seed, index: store.entries.len() as u64 };
        let var = start.variable(&name, shape, draws, *dtype, device)?;
        store.insert(name, kind, var.clone());
        Ok(var)
    }

    fn existing(self, name: &str) -> Option<Tensor> {
        self.parameters.store().get(name).map(|entry| self.seen(&entry.var))
    }
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// An [`Error::Parameter`].
fn parameter_error(name: &str, problem: impl Into<String>, expected: impl Into<String>) -> Error {
    Error::Parameter { name: name.to_owned(), problem: problem.into(), expected: expected.into() }
}

fn no_such(name: &str) -> Error {
    parameter_error(name, "there is none of this name", "a network that was built or restored before")
}

/// Checks that the shape of the parameter `name` is the expected one.
///
/// # Errors
/// [`Error::Parameter`] for another shape.
pub fn check_shape(name: &str, found: &[usize], expected: &[usize]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(parameter_error(name, format!("its shape is {found:?}"), format!("{expected:?}")))
}

/// Checks that a set of names is the expected one: no name `missing`, none `unexpected`.
///
/// # Errors
/// [`Error::Operand`] for `op`, listing the first names of each kind.
pub fn check_names(op: &'static str, missing: Vec<&String>, unexpected: Vec<&String>) -> Result<()> {
    let lists = [("missing", missing), ("unknown", unexpected)];
    let found: Vec<String> = lists
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| listed(what, names))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::Operand {
        op,
        what: "set of names",
        found: found.join("; "),
        expected: "exactly the names of the network it is restored into".to_owned(),
    })
}

fn listed(what: &str, names: &[&String]) -> String {
    let first: Vec<String> = names.iter().take(LISTED_NAMES).map(|name| format!("`{name}`")).collect();
    let more = match names.len().saturating_sub(LISTED_NAMES) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{what} {}{more}", first.join(", "))
}
