//! What `run.json` says of a run.

use calo_nn::device::Precision;
use serde::{Deserialize, Serialize};

/// What stands in `run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDescription {
    /// Program and version.
    pub software: String,
    /// Command that began it.
    pub command: String,
    /// Name of the model in tables and legends.
    pub name: String,
    /// Seed of weights, noise and order of the showers.
    pub seed: u64,
    /// Name of the detector.
    pub detector: String,
    /// `[layers, nx, ny]`.
    pub grid: [usize; 3],
    /// The showers; not known of an imported model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<DataDescription>,
    /// Trained numbers.
    pub n_weights: usize,
    /// Where it computed.
    pub device: String,
    /// What products were computed in.
    #[serde(default)]
    pub precision: Precision,
    /// The weights that the run began with, where these were not drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Origin>,
    /// In the folder of an exported model: which weights it has.
    #[serde(default, alias = "released", skip_serializing_if = "Option::is_none")]
    pub exported: Option<Exported>,
    /// In the folder of an imported model: the files that it was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imported: Vec<Origin>,
}

impl RunDescription {
    /// The only epoch of a model that was exported or imported.
    pub fn only_epoch(&self) -> Option<u32> {
        let imported = (!self.imported.is_empty()).then_some(IMPORTED_EPOCH);
        self.exported.as_ref().map(|exported| exported.epoch).or(imported)
    }
}

/// What the epoch of an imported model is called.
pub const IMPORTED_EPOCH: u32 = 1;

/// The weights of an exported model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// Epoch of the run.
    pub epoch: u32,
    /// Hash of the weights before they were rounded.
    pub rounded_from_blake3: String,
}

/// A weights file that something was made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// Where it was.
    pub path: String,
    /// Hash of its bytes.
    pub blake3: String,
}

/// The showers of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataDescription {
    /// Where it was.
    pub path: String,
    /// Hash of its bytes.
    pub blake3: String,
    /// Showers in the file.
    pub n_showers: u64,
    /// Fractions of training, validation and test.
    pub split: [f64; 3],
    /// Seed of the split.
    pub split_seed: u64,
    /// The incident energy of all of them, GeV, of a model that learns a single one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_energy_gev: Option<f64>,
}
