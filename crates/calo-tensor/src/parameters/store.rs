//! The store: named variables in order of creation, each drawn from a stream of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use candle_core::{DType, Device, Tensor, Var};

use super::check::{check_names, check_shape, no_such};
use super::import::BATCH_COUNTER;
use super::start::{Draws, Start};
use crate::{Error, Result};

/// What a stored variable is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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

    /// Number of trained weights.
    pub fn n_weights(&self) -> usize {
        let store = self.store();
        let weights = store.entries.iter().filter(|entry| entry.kind == Kind::Weight);
        weights.map(|entry| entry.var.elem_count()).sum()
    }

    /// Sets all values from `state`, converted to this store's element type and device.
    ///
    /// PyTorch's counters `num_batches_tracked` are ignored.
    ///
    /// # Errors
    /// [`Error::Operand`] when names are missing or unknown, [`Error::Parameter`] when a shape or element type does
    /// not fit. Nothing is changed then.
    pub fn restore(&self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let store = self.store();
        let missing = store.entries.iter().map(|entry| &entry.name).filter(|name| !state.contains_key(*name));
        let unexpected = state.keys().filter(|name| {
            store.get(name).is_none() && !name.ends_with(BATCH_COUNTER) // of BatchNorm
        });
        check_names("restore", missing.collect(), unexpected.collect())?;
        let fitting = store.entries.iter().map(|entry| {
            let tensor = state.get(&entry.name).ok_or_else(|| no_such(&entry.name))?;
            check_shape(&entry.name, tensor.dims(), entry.var.dims())?;
            if !tensor.dtype().is_float() {
                let problem = format!("its element type is {:?}", tensor.dtype());
                return Err(Error::parameter(&entry.name, problem, "floating-point numbers"));
            }
            Ok((&entry.var, tensor))
        });
        for (var, tensor) in fitting.collect::<Result<Vec<_>>>()? {
            // A copy, because the state may share its memory with the store.
            var.set(&tensor.to_dtype(self.dtype)?.to_device(&self.device)?.copy()?)?;
        }
        Ok(())
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // A panic leaves nothing half done in the store.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store as networks see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) parameters: &'a Parameters,
    /// Whether its weights are cut from the graph, and none is created.
    pub(super) frozen: bool,
}

impl View<'_> {
    pub(super) fn tensor(self, name: String, shape: &[usize], start: Start, kind: Kind) -> Result<Tensor> {
        Ok(self.seen(&self.variable(name, shape, start, kind)?))
    }

    /// The values of a variable, cut from the graph in a frozen view.
    fn seen(self, var: &Var) -> Tensor {
        if self.frozen { var.as_detached_tensor() } else { var.as_tensor().clone() }
    }

    pub(super) fn variable(self, name: String, shape: &[usize], start: Start, kind: Kind) -> Result<Var> {
        let Parameters { seed, dtype, device, .. } = self.parameters;
        let mut store = self.parameters.store();
        if let Some(entry) = store.get(&name) {
            check_shape(&name, entry.var.dims(), shape)?;
            if entry.kind != kind {
                return Err(Error::parameter(&name, format!("it is {}", entry.kind.noun()), kind.noun()));
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

    pub(super) fn existing(self, name: &str) -> Option<Tensor> {
        self.parameters.store().get(name).map(|entry| self.seen(&entry.var))
    }
}
