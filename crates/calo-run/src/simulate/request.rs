//! What is asked for, with where it goes.

use std::path::PathBuf;

use calo_sim::Kind;
use serde::{Serialize, Serializer};

use crate::EnergyRange;
use crate::files::StorageOptions;

/// Which showers are simulated.
#[derive(Debug, Clone, Serialize)]
pub struct SimulateRequest {
    /// Name or path of the detector.
    pub detector: String,
    /// Incident particle.
    #[serde(serialize_with = "as_text")]
    pub particle: Kind,
    /// Kinetic energies, as far as the simulator's models cover them.
    pub energies: EnergyRange,
    /// Number of showers.
    pub n_showers: u64,
    /// Another seed makes other showers.
    pub seed: u64,
    /// Number of the first shower: parts of one sample can be made apart, on any machine.
    pub first: u64,
    /// Drop what an unfinished run left instead of going on from it.
    pub restart: bool,
    /// File to write: NAME.hdf5 for showers on the detector's grid, NAME.root for raw hits.
    pub out: PathBuf,
    /// How it is stored.
    pub storage: StorageOptions,
}

fn as_text<S: Serializer>(particle: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(particle)
}
