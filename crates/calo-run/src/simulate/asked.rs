//! What was asked for: all that the showers depend on, for unfinished work and the finished file.

use std::ops::Range;

use calo_core::{Detector, Result};
use calo_sim::Kind;

use super::request::SimulateRequest;
use crate::{EnergyRange, provenance};

/// Showers of a block: a few seconds' work at most, and a few megabytes.
const BLOCK: u64 = 256;

/// All that the showers depend on.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) particle: Kind,
    pub(super) energies: EnergyRange,
    pub(super) seed: u64,
    /// Number of the first shower.
    pub(super) first: u64,
    pub(super) n_showers: u64,
    /// As it was called.
    detector: String,
    /// The whole description, whatever file it came from.
    detector_toml: String,
}

impl Asked {
    pub(super) fn new(request: &SimulateRequest, detector: &Detector) -> Result<Self> {
        Ok(Self {
            particle: request.particle,
            energies: request.energies,
            seed: request.seed,
            first: request.first,
            n_showers: request.n_showers,
            detector: request.detector.clone(),
            detector_toml: detector.to_toml()?,
        })
    }

    /// Numbers of the showers of a block; none behind the last one.
    pub(super) fn block(&self, block: u64) -> Option<Range<u64>> {
        let from = block.checked_mul(BLOCK).filter(|from| *from < self.n_showers)?;
        let to = from.saturating_add(BLOCK).min(self.n_showers);
        Some(self.first + from..self.first + to)
    }

    /// Showers in the first `n_blocks` blocks.
    pub(super) fn n_done(&self, n_blocks: u64) -> u64 {
        n_blocks.saturating_mul(BLOCK).min(self.n_showers)
    }

    /// Name and value of all that the showers depend on. The revision is not among them: unfinished work outlives a
    /// commit.
    pub(super) fn words(&self) -> Vec<(String, String)> {
        let words = [
            ("software", provenance::RELEASE.to_owned()),
            ("particle", self.particle.to_string()),
            ("energy_gev", self.energies.to_string()),
            ("seed", self.seed.to_string()),
            ("first_shower", self.first.to_string()),
            ("n_showers", self.n_showers.to_string()),
            ("detector_blake3", self.detector_hash()),
        ];
        words.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    /// Attributes of the finished file. The command says nothing of threads and places: the same showers make the same
    /// bytes wherever they are made.
    pub(super) fn attributes(&self) -> Vec<(String, String)> {
        let command = format!(
            "calo simulate --detector {} --particle {} --energy {} -n {} --seed {} --first {}",
            self.detector, self.particle, self.energies, self.n_showers, self.seed, self.first
        );
        let attributes = [
            ("software", provenance::VERSION.to_owned()),
            ("command", command),
            ("simulation_particle", self.particle.to_string()),
            ("simulation_energy_gev", self.energies.to_string()),
            ("simulation_seed", self.seed.to_string()),
            ("simulation_first_shower", self.first.to_string()),
            ("simulation_detector_blake3", self.detector_hash()),
            ("simulation_detector_toml", self.detector_toml.clone()),
        ];
        attributes.map(|(name, value)| (name.to_owned(), value)).to_vec()
    }

    fn detector_hash(&self) -> String {
        calo_core::hash_bytes(self.detector_toml.as_bytes())
    }
}
