//! Embedded Monte Carlo: photon, electron, pion, nucleon and muon showers in a layered calorimeter.
//!
//! A [`Simulator`] holds the tables for one [`Detector`](calo_core::Detector) and one [`Kind`] of incident particle;
//! threads share it. Each has a [`Worker`], which makes [`Shower`]s: cells with their signals ([`CellDeposit`]) and
//! where all of the energy went ([`EnergyBalance`]). Shower `i` of a seed is the same for any worker, thread and order
//! of calls. [`Simulator`] has an example; `calo simulate` is the command, which applies the projection of real data to
//! the cells.
//!
//! # Map
//!
//! | module | holds |
//! | --- | --- |
//! | `simulator` | the entry point: the beam, energies, random streams |
//! | `geometry`, `magnetic_field` | slabs along the depth, made of a detector's description; the field |
//! | `transport` | steps of photons and electrons through the slabs |
//! | `photon` | pair production, Compton scattering, photoelectric effect, and their tables |
//! | `electron` | bremsstrahlung, Møller, Bhabha, annihilation, restricted loss, its fluctuations, production thresholds |
//! | `scattering` | multiple scattering of electrons: how much, and angles |
//! | `hadron` | pions, nucleons, muons: ionisation, parametrised nuclear interactions, decays, neutrons |
//! | `material` | elements and materials by name, density effect |
//! | `tally` | cells, Birks' law, the energy balance |
//! | `energy_grid`, `random`, `particle`, `constants` | what all of them use |
//!
//! # Units and axes
//!
//! MeV and mm, but for incident energies, which are GeV; names carry the unit. Vectors are `[x, depth, y]`.
//!
//! # What is left out
//!
//! Rayleigh scattering, fluorescence, photonuclear reactions, LPM suppression of pairs; straggling in passive slabs; strange
//! particles, thermal neutrons, fission, radiation by muons; times. Pion interactions are parametrised and tuned to Geant4's showers of
//! 10 to 100 GeV. `docs/simulation.md` has the whole list, and measures the difference to Geant4.
//!
//! # References
//!
//! Each table and formula names its own. Throughout: the Geant4 Physics Reference Manual; H. Hirayama et al., "The EGS5 code system",
//! SLAC-R-730; F. Salvat et al., "PENELOPE", NEA; the reviews of the Particle Data Group.
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]

mod constants;
mod electron;
mod energy_grid;
mod geometry;
mod hadron;
mod magnetic_field;
mod material;
mod particle;
mod photon;
mod random;
mod scattering;
mod simulator;
mod tally;
#[cfg(test)]
mod testing;
mod transport;

pub use particle::Kind;
pub use simulator::{MAX_ENERGY_GEV, MIN_ENERGY_GEV, Shower, Simulator, Worker, check_energies};
pub use tally::{CellDeposit, EnergyBalance};

/// The example of the README is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
