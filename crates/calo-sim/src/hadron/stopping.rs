//! Ionisation by hadrons and muons: mean restricted loss, range, its fluctuation and delta rays.
//!
//! Bethe's formula with the density effect, without shell corrections (PDG 2022, "Passage of particles through matter",
//! eqs. 34.5 and 34.16). Below the maximum of the loss it falls with the velocity (Lindhard).

use super::table::Table;
use crate::constants::{ELECTRON_MASS_MEV, ELECTRON_RADIUS_MM};
use crate::energy_grid::EnergyGrid;
use crate::material::Material;
use crate::random::Random;

/// Energies of the tables, MeV.
const LOW_MEV: f64 = 1e-3;
const HIGH_MEV: f64 = 1.1e6;
/// Ranges of the inverse table, mm.
const LOW_RANGE_MM: f64 = 1e-6;
const HIGH_RANGE_MM: f64 = 1e6;
/// 2 m beta^2 gamma^2 / I below which Bethe's logarithm fails.
const LEAST_BETHE_ARGUMENT: f64 = std::f64::consts::E;
/// Mean number of collisions whose loss is drawn one by one in a step.
const HARD_COLLISIONS: f64 = 6.0;
/// A step that loses less than this part of the energy loses it at a constant rate.
const CONSTANT_LOSS: f64 = 0.02;

/// Ionisation by particles of one mass in one material.
#[derive(Debug, Clone)]
pub(super) struct Stopping {
    mass_mev: f64,
    /// Threshold of delta rays, MeV.
    cut_mev: f64,
    /// 2 pi r^2 m c^2 times the electron density, MeV/mm.
    rutherford_mev_mm: f64,
    loss_mev_mm: Table,
    range_mm: Table,
    kinetic_of_range_mev: Table,
    deltas_per_mm: Table,
}

/// Velocity squared of a particle.
#[inline]
fn beta2(kinetic_mev: f64, mass_mev: f64) -> f64 {
    let gamma = 1.0 + kinetic_mev / mass_mev;
    1.0 - 1.0 / (gamma * gamma)
}

/// Largest energy given to an electron (PDG eq. 34.4).
#[inline]
fn max_transfer_mev(kinetic_mev: f64, mass_mev: f64) -> f64 {
    let gamma = 1.0 + kinetic_mev / mass_mev;
    let ratio = ELECTRON_MASS_MEV / mass_mev;
    2.0 * ELECTRON_MASS_MEV * (gamma * gamma - 1.0) / (1.0 + 2.0 * gamma * ratio + ratio * ratio)
}

impl Stopping {
    pub(super) fn new(material: &Material, mass_mev: f64, cut_mev: f64) -> Self {
        let grid = EnergyGrid::covering(LOW_MEV, HIGH_MEV);
        let rutherford_mev_mm = std::f64::consts::TAU
            * ELECTRON_RADIUS_MM
            * ELECTRON_RADIUS_MM
            * ELECTRON_MASS_MEV
            * material.electrons_per_mm3();
        let loss_mev_mm =
            Table::new(grid, |t| restricted_loss(material, rutherford_mev_mm, mass_mev, cut_mev, t));
        // Below the table's first node the loss goes as the root of the energy: range 2 T / loss.
        let (mut previous, mut sum_mm) = (0.0, 0.0);
        let range_mm = Table::new(grid, |t| {
            sum_mm += if previous > 0.0 {
                let middle = 0.5 * (previous + t);
                (t - previous) / 6.0
                    * (1.0 / loss_mev_mm.at(previous)
                        + 4.0 / loss_mev_mm.at(middle)
                        + 1.0 / loss_mev_mm.at(t))
            } else {
                2.0 * t / loss_mev_mm.at(t)
            };
            previous = t;
            sum_mm
        });
        let ranges = EnergyGrid::covering(LOW_RANGE_MM, HIGH_RANGE_MM);
        let kinetic_of_range_mev = Table::new(ranges, |range| {
            let (mut low, mut high) = (0.0, HIGH_MEV);
            for _ in 0..60 {
                let middle = 0.5 * (low + high);
                if range_mm.at(middle) < range { low = middle } else { high = middle }
            }
            0.5 * (low + high)
        });
        let deltas_per_mm = Table::new(grid, |t| {
            let (beta2, max) = (beta2(t, mass_mev), max_transfer_mev(t, mass_mev));
            if max <= cut_mev {
                return 0.0;
            }
            let integral = 1.0 / cut_mev - 1.0 / max - beta2 / max * (max / cut_mev).ln();
            (rutherford_mev_mm / beta2 * integral).max(0.0)
        });
        Self {
            mass_mev,
            cut_mev,
            rutherford_mev_mm,
            loss_mev_mm,
            range_mm,
            kinetic_of_range_mev,
            deltas_per_mm,
        }
    }

    /// Mean restricted loss, MeV/mm.
    #[inline]
    pub(super) fn loss_mev_mm(&self, kinetic_mev: f64) -> f64 {
        self.loss_mev_mm.at(kinetic_mev)
    }

    /// Path to rest under the mean restricted loss, mm.
    #[inline]
    pub(super) fn range_mm(&self, kinetic_mev: f64) -> f64 {
        self.range_mm.at(kinetic_mev)
    }

    /// Mean number of delta rays above the threshold per mm.
    #[inline]
    pub(super) fn deltas_per_mm(&self, kinetic_mev: f64) -> f64 {
        self.deltas_per_mm.at(kinetic_mev)
    }

    /// Mean loss over `step_mm`, at most all the energy.
    #[inline]
    pub(super) fn mean_loss_mev(&self, kinetic_mev: f64, step_mm: f64) -> f64 {
        let constant = self.loss_mev_mm(kinetic_mev) * step_mm;
        if constant < CONSTANT_LOSS * kinetic_mev {
            return constant;
        }
        let left_mm = self.range_mm(kinetic_mev) - step_mm;
        if left_mm <= LOW_RANGE_MM {
            return kinetic_mev;
        }
        (kinetic_mev - self.kinetic_of_range_mev.at(left_mm)).clamp(0.0, kinetic_mev)
    }

    /// A loss over `step_mm` around `mean_mev`: collisions that transfer much are drawn one by one from their 1/T^2
    /// spectrum, the many others make a normal distribution around the rest of the mean.
    #[inline]
    pub(super) fn loss_mev(&self, kinetic_mev: f64, step_mm: f64, mean_mev: f64, rng: &mut Random) -> f64 {
        let beta2 = beta2(kinetic_mev, self.mass_mev).max(1e-6);
        let xi_mev = self.rutherford_mev_mm * step_mm / beta2;
        let high_mev = self.cut_mev.min(max_transfer_mev(kinetic_mev, self.mass_mev));
        // The threshold that leaves the wanted number of collisions above: xi (1/low - 1/high) = n.
        let low_mev = (xi_mev * high_mev / (xi_mev + HARD_COLLISIONS * high_mev)).min(0.5 * high_mev);
        let n = rng.poisson(xi_mev * (1.0 / low_mev - 1.0 / high_mev)) as u32;
        let mut hard_mev = 0.0;
        for _ in 0..n {
            hard_mev += low_mev / (1.0 - rng.uniform() * (1.0 - low_mev / high_mev));
        }
        let soft_mev = mean_mev - xi_mev * (high_mev / low_mev).ln();
        let sigma_mev = (xi_mev * low_mev).sqrt();
        (soft_mev.max(0.0) + sigma_mev * rng.normal() + hard_mev).clamp(0.1 * mean_mev, kinetic_mev)
    }

    /// Energy of a delta ray: 1/T^2 (1 - beta^2 T / Tmax) above the threshold. None where none is possible.
    #[inline]
    pub(super) fn delta_mev(&self, kinetic_mev: f64, rng: &mut Random) -> Option<f64> {
        let (beta2, max) = (beta2(kinetic_mev, self.mass_mev), max_transfer_mev(kinetic_mev, self.mass_mev));
        if max <= self.cut_mev {
            return None;
        }
        loop {
            let delta = self.cut_mev / (1.0 - rng.uniform() * (1.0 - self.cut_mev / max));
            if rng.happens(1.0 - beta2 * delta / max) {
                return Some(delta);
            }
        }
    }

    /// Cosine of the angle at which a delta ray leaves.
    #[inline]
    pub(super) fn delta_cosine(&self, kinetic_mev: f64, delta_mev: f64) -> f64 {
        let momentum = (kinetic_mev * (kinetic_mev + 2.0 * self.mass_mev)).sqrt();
        let delta_momentum = (delta_mev * (delta_mev + 2.0 * ELECTRON_MASS_MEV)).sqrt();
        let energy = kinetic_mev + self.mass_mev;
        (delta_mev * (energy + ELECTRON_MASS_MEV) / (momentum * delta_momentum)).min(1.0)
    }
}

/// Mean loss in collisions that transfer less than `cut_mev`, MeV/mm.
fn restricted_loss(material: &Material, rutherford_mev_mm: f64, mass_mev: f64, cut_mev: f64, t: f64) -> f64 {
    let argument = |t: f64| {
        let gamma = 1.0 + t / mass_mev;
        2.0 * ELECTRON_MASS_MEV * (gamma * gamma - 1.0) / material.mean_excitation_mev
    };
    // T / M << 1 there, so the argument is linear in the energy.
    let least_mev =
        LEAST_BETHE_ARGUMENT * material.mean_excitation_mev * mass_mev / (4.0 * ELECTRON_MASS_MEV);
    if t < least_mev {
        let at_least = bethe(material, rutherford_mev_mm, mass_mev, cut_mev, least_mev, argument(least_mev));
        return at_least * (t / least_mev).sqrt();
    }
    bethe(material, rutherford_mev_mm, mass_mev, cut_mev, t, argument(t))
}

fn bethe(
    material: &Material,
    rutherford_mev_mm: f64,
    mass_mev: f64,
    cut_mev: f64,
    t: f64,
    argument: f64,
) -> f64 {
    let (beta2, max) = (beta2(t, mass_mev), max_transfer_mev(t, mass_mev));
    let beta_gamma = (t * (t + 2.0 * mass_mev)).sqrt() / mass_mev;
    let upper = cut_mev.min(max);
    let logarithm = (argument * upper / material.mean_excitation_mev).ln();
    let bracket = logarithm - beta2 * (1.0 + upper / max) - material.density_correction(beta_gamma);
    rutherford_mev_mm / beta2 * bracket.max(0.1)
}
