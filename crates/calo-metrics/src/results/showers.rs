//! Images of showers beside the results, as written to `showers.json`.

use serde::{Deserialize, Serialize};

/// Version of the schema of `showers.json`.
pub const SHOWERS_SCHEMA_VERSION: u32 = 1;

/// Images beside the results, as written to `showers.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShowerImages {
    /// [`SHOWERS_SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// One entry for each of [`Results::samples`](super::Results::samples).
    pub samples: Vec<SampleImages>,
}

/// Images of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleImages {
    /// Mean energy of every cell of the full spectrum, MeV, flat in `[layer, x, y]` order.
    pub mean_mev: Vec<f32>,
    /// A few showers.
    pub showers: Vec<ShowerImage>,
}

/// One shower, cells above the cut only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShowerImage {
    /// Index of the shower in its file.
    pub index: u64,
    /// Incident energy, GeV.
    pub energy_gev: f64,
    /// `[layer, x, y]` of each cell.
    pub cells: Vec<[u16; 3]>,
    /// Energy of each cell, MeV.
    pub energies_mev: Vec<f32>,
}
