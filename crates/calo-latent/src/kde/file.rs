//! Densities as safetensors files: centres in whitened coordinates, what leads back from there, and a header that says
//! where they come from.
//!
//! Everything but the tensors is in one entry of the header, as JSON with sorted keys: the order of several entries
//! would change from time to time, and equal densities must be equal files.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use calo_core::write_atomically;
use half::f16;
use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use super::bandwidth::Search;
use super::density::{Kde, check_condition};
use crate::error::{Error, Result};
use crate::log_sum::Widths;
use crate::whitening::{KernelCovariance, Whitening, column_order};

/// Key of the header entry, by which a density is told from other files.
const ENTRY: &str = "calo_kde";

/// Raised when older software could not read a new file.
const VERSION: u32 = 2;

/// What a file should be, for errors.
const EXPECTED: &str = "a density written by `calo`";

/// In what numbers centres are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// Eight bytes: exactly the same density.
    #[default]
    F64,
    /// Four bytes: coordinates to 1e-7.
    F32,
    /// Two bytes: coordinates to 5e-4 of themselves, below any sensible bandwidth.
    F16,
}

impl Storage {
    fn dtype(self) -> Dtype {
        match self {
            Self::F64 => Dtype::F64,
            Self::F32 => Dtype::F32,
            Self::F16 => Dtype::F16,
        }
    }

    fn bytes<'a>(self, values: impl Iterator<Item = &'a f64>) -> Vec<u8> {
        match self {
            Self::F64 => values.flat_map(|value| value.to_le_bytes()).collect(),
            Self::F32 => values.flat_map(|&value| (value as f32).to_le_bytes()).collect(),
            Self::F16 => values.flat_map(|&value| f16::from_f64(value).to_le_bytes()).collect(),
        }
    }
}

/// What the header says.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    columns: Vec<String>,
    condition: Option<usize>,
    #[serde(rename = "scaling")]
    covariance: KernelCovariance,
    /// In the units that the covariance sets, for readers: kernels have the widths of the tensor, in units of the factor.
    /// Missing in version 1.
    #[serde(default)]
    bandwidths: Vec<f64>,
    condition_bandwidth: Option<f64>,
    search: Option<Search>,
    provenance: BTreeMap<String, String>,
}

impl Kde {
    /// Writes the density to `path`, whole or not at all.
    ///
    /// # Errors
    /// The folder is missing or cannot be written, the disk is full, or centres are too large for the `storage`.
    pub fn save(&self, path: &Path, storage: Storage) -> Result<()> {
        let header = Header {
            version: VERSION,
            columns: self.columns.clone(),
            condition: self.condition,
            covariance: self.covariance,
            bandwidths: self.bandwidths.clone(),
            condition_bandwidth: self.condition_bandwidth(),
            search: self.search.clone(),
            provenance: self.provenance.clone(),
        };
        let unwritable =
            |e: &dyn std::fmt::Display| Error::file(path, e.to_string(), "a density that can be written");
        let header = serde_json::to_string(&header).map_err(|e| unwritable(&e))?;
        let centres = storage.bytes(self.centres.iter());
        let exact = |values: &mut dyn Iterator<Item = &f64>| Storage::F64.bytes(values);
        let bandwidths = exact(&mut [self.widths.rest, self.widths.condition].iter());
        let mean = exact(&mut self.whitening.mean.iter());
        let factor = exact(&mut self.whitening.factor.iter());
        let d = self.n_columns();
        let view = |dtype, shape: &[usize], bytes| TensorView::new(dtype, shape.to_vec(), bytes);
        let tensors = [
            ("centres", view(storage.dtype(), &[self.n_centres(), d], centres.as_slice())),
            ("bandwidths", view(Dtype::F64, &[2], bandwidths.as_slice())),
            ("mean", view(Dtype::F64, &[d], mean.as_slice())),
            ("factor", view(Dtype::F64, &[d, d], factor.as_slice())),
        ];
        let tensors: Vec<_> = tensors
            .into_iter()
            .map(|(name, view)| view.map(|view| (name, view)).map_err(|e| unwritable(&e)))
            .collect::<Result<_>>()?;
        if numbers(&tensors[0].1).is_some_and(|values| values.iter().any(|value| !value.is_finite())) {
            let problem = format!("centres too large for {storage:?}");
            return Err(Error::file(path, problem, "a storage of more bytes"));
        }
        let bytes = safetensors::serialize(tensors, Some(HashMap::from([(ENTRY.to_owned(), header)])))
            .map_err(|e| unwritable(&e))?;
        Ok(write_atomically(path, &bytes)?)
    }

    /// Reads a density that [`Kde::save`] has written.
    ///
    /// # Errors
    /// The file cannot be read, is truncated or corrupt, holds something else, or comes from newer software.
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_bytes(path, &fs::read(path).map_err(|e| Error::io(path, "read", e))?)
    }

    /// The same for the bytes of such a file in memory; errors call it `name`.
    ///
    /// # Errors
    /// As [`Kde::load`].
    pub fn from_bytes(name: &Path, bytes: &[u8]) -> Result<Self> {
        let problem = |problem: String| Error::file(name, problem, EXPECTED);
        let (_, metadata) = SafeTensors::read_metadata(bytes)
            .map_err(|e| problem(format!("not a safetensors file, or truncated ({e})")))?;
        let entry = metadata.metadata().as_ref().and_then(|entries| entries.get(ENTRY));
        let entry = entry.ok_or_else(|| problem(format!("no entry `{ENTRY}` in the header")))?;
        let header = read_header(entry).map_err(problem)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| problem(format!("corrupt ({e})")))?;
        header.kde(&tensors).map_err(problem)
    }
}

fn read_header(entry: &str) -> std::result::Result<Header, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let unreadable = |e: serde_json::Error| format!("unreadable entry `{ENTRY}` in the header ({e})");
    let Version { version } = serde_json::from_str(entry).map_err(unreadable)?;
    if !(1..=VERSION).contains(&version) {
        return Err(format!("version {version} of the format, of which this software knows 1 to {VERSION}"));
    }
    serde_json::from_str(entry).map_err(unreadable)
}

impl Header {
    /// The density, if everything in the file agrees.
    fn kde(mut self, tensors: &SafeTensors<'_>) -> std::result::Result<Kde, String> {
        let d = self.columns.len();
        if d == 0 {
            return Err("a density of no columns".to_owned());
        }
        check_condition(self.condition, d).map_err(|e| e.to_string())?;
        let (shape, centres) = tensor(tensors, "centres", &[None, Some(d)])?;
        let centres = array(shape[0], d, centres)?;
        if centres.nrows() == 0 {
            return Err("a density of no centres".to_owned());
        }
        let (_, mean) = tensor(tensors, "mean", &[Some(d)])?;
        let (_, factor) = tensor(tensors, "factor", &[Some(d), Some(d)])?;
        let factor = array(d, d, factor)?;
        if factor.indexed_iter().any(|((i, j), &x)| (i == j && x <= 0.0) || (i < j && x != 0.0)) {
            return Err("tensor `factor` is not lower triangular with a positive diagonal".to_owned());
        }
        let (_, bandwidths) = tensor(tensors, "bandwidths", &[Some(2)])?;
        if bandwidths.iter().any(|&h| h <= 0.0) {
            return Err(format!("bandwidths {bandwidths:?}, which are not positive"));
        }
        let conditions = if self.condition.is_some() { centres.column(0).to_vec() } else { Vec::new() };
        if !conditions.is_sorted() {
            return Err("centres that do not rise in the conditioned column".to_owned());
        }
        let n_rest = d - usize::from(self.condition.is_some());
        if self.version == 1 {
            self.bandwidths = vec![bandwidths[0]; n_rest];
        }
        if self.bandwidths.len() != n_rest {
            return Err(format!("{} bandwidths of {n_rest} columns", self.bandwidths.len()));
        }
        let order = column_order(d, self.condition);
        Ok(Kde {
            columns: self.columns,
            condition: self.condition,
            covariance: self.covariance,
            widths: Widths { rest: bandwidths[0], condition: bandwidths[1] },
            whitening: Whitening { order, mean: Array1::from(mean), factor },
            centres,
            conditions,
            bandwidths: self.bandwidths,
            search: self.search,
            provenance: self.provenance,
        })
    }
}

/// Shape and finite numbers of one tensor, where `None` stands for any length.
fn tensor(
    tensors: &SafeTensors<'_>,
    name: &str,
    expected: &[Option<usize>],
) -> std::result::Result<(Vec<usize>, Vec<f64>), String> {
    let view = tensors.tensor(name).map_err(|_| format!("no tensor `{name}`"))?;
    let shape = view.shape().to_vec();
    let fits =
        |(&found, expected): (&usize, &Option<usize>)| expected.is_none_or(|expected| found == expected);
    if shape.len() != expected.len() || !shape.iter().zip(expected).all(fits) {
        return Err(format!("tensor `{name}` of shape {shape:?}"));
    }
    let values = numbers(&view).ok_or_else(|| format!("tensor `{name}` of type {:?}", view.dtype()))?;
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok((shape, values)),
        Some(i) => Err(format!("{} at entry {i} of tensor `{name}`", values[i])),
    }
}

fn array(n_rows: usize, n_columns: usize, values: Vec<f64>) -> std::result::Result<Array2<f64>, String> {
    Array2::from_shape_vec((n_rows, n_columns), values).map_err(|e| e.to_string())
}

/// The numbers of a tensor of one of the three types.
fn numbers(view: &TensorView<'_>) -> Option<Vec<f64>> {
    fn read<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f64) -> Vec<f64> {
        bytes.as_chunks::<N>().0.iter().map(|&bytes| value(bytes)).collect()
    }
    match view.dtype() {
        Dtype::F64 => Some(read(view.data(), f64::from_le_bytes)),
        Dtype::F32 => Some(read(view.data(), |bytes| f64::from(f32::from_le_bytes(bytes)))),
        Dtype::F16 => Some(read(view.data(), |bytes| f16::from_le_bytes(bytes).to_f64())),
        _ => None,
    }
}
