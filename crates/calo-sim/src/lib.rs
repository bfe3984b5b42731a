//! Embedded Monte Carlo: photon, electron and pion showers in a layered calorimeter.

mod constants;
mod electron;
mod energy_grid;
mod geometry;
mod hadron;
mod material;
mod particle;
mod photon;
mod random;
mod scattering;
mod simulator;
mod tally;
#[cfg(test)]
mod testing;
mod tracker;

pub use particle::Kind;
pub use simulator::{MAX_ENERGY_GEV, MIN_ENERGY_GEV, Shower, Simulator, Worker, check_energies};
pub use tally::{CellDeposit, EnergyBalance};
