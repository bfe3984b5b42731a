//! Embedded Monte Carlo: photon, electron and pion showers in a layered calorimeter.

mod constants;
mod energy_grid;
mod geometry;
mod material;
mod particle;
mod random;
mod scattering;
mod tally;

pub use particle::Kind;
