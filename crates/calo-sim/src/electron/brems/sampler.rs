//! Energies of bremsstrahlung photons from tables of the inverse distribution.

use super::Brems;
use crate::energy_grid::{EnergyGrid, GridPlace};
use crate::material::Material;
use crate::random::Random;

/// Grid nodes from one table to the next: four tables an octave.
const STRIDE: usize = 4;
/// Intervals of equal probability of a table.
const INTERVALS: usize = 128;
/// Intervals into which the first one is divided again: polarisation leaves a thin tail of soft photons there, over
/// decades of energy.
const FIRST: usize = 64;
/// Points at which the spectrum is integrated for a table.
const POINTS: usize = 512;

/// Inverse distributions of ln(k / cut) / ln(T / cut) at energies of the electron.
#[derive(Debug, Clone)]
pub(crate) struct BremsSampler {
    grid: EnergyGrid,
    cut_mev: f64,
    inverse_cut_per_mev: f64,
    tables: Vec<Table>,
}

/// The inverse distribution at one energy.
#[derive(Debug, Clone)]
struct Table {
    all: [f32; INTERVALS + 1],
    first: [f32; FIRST + 1],
}

impl BremsSampler {
    /// Tables for photons above `cut_mev` from electrons of `low_mev` to `high_mev`.
    pub(crate) fn new(material: &Material, cut_mev: f64, low_mev: f64, high_mev: f64) -> Self {
        let brems = Brems::new(material);
        // From a power of two on, the tables divide octaves evenly.
        let grid = EnergyGrid::covering(low_mev.log2().floor().exp2(), 2.0 * high_mev);
        let tables =
            (0..grid.len()).step_by(STRIDE).map(|i| Table::new(&brems, cut_mev, grid.node_mev(i))).collect();
        Self { grid, cut_mev, inverse_cut_per_mev: 1.0 / cut_mev, tables }
    }

    /// Energy of a photon, from the cut to `kinetic_mev`, which must exceed the cut.
    #[inline]
    pub(crate) fn sample_mev(&self, kinetic_mev: f64, random: &mut Random) -> f64 {
        let GridPlace { interval, way } = self.grid.locate(kinetic_mev);
        let way = ((interval % STRIDE) as f64 + way) * (1.0 / STRIDE as f64);
        // Drawing one of the two neighbours mixes their spectra in the right proportion.
        let above = usize::from(random.happens(way));
        let table = &self.tables[(interval / STRIDE + above).min(self.tables.len() - 1)];
        let place = random.uniform() * INTERVALS as f64;
        let share = if place < 1.0 {
            interpolated(&table.first, place * FIRST as f64)
        } else {
            interpolated(&table.all, place)
        };
        let photon_mev = self.cut_mev * (share * (kinetic_mev * self.inverse_cut_per_mev).ln()).exp();
        photon_mev.min(kinetic_mev).max(self.cut_mev)
    }
}

#[inline]
fn interpolated(values: &[f32], place: f64) -> f64 {
    let i = place as usize;
    let (from, to) = (f64::from(values[i]), f64::from(values[i + 1]));
    from + (place - i as f64) * (to - from)
}

impl Table {
    fn new(brems: &Brems, cut_mev: f64, kinetic_mev: f64) -> Self {
        let log_ratio = (kinetic_mev / cut_mev).ln();
        let mut cumulated = [0.0; POINTS + 1];
        // Close to the cut any spectrum is flat over the little room that is left.
        let flat = log_ratio < 1e-3;
        let spectrum = |i: usize| {
            // Not above the kinetic energy by a rounding, where the spectrum would be zero.
            let photon_mev = (cut_mev * (i as f64 / POINTS as f64 * log_ratio).exp()).min(kinetic_mev);
            if flat { 1.0 } else { brems.spectrum_per_mm(kinetic_mev, photon_mev) }
        };
        let mut last = spectrum(0);
        for i in 1..=POINTS {
            let now = spectrum(i);
            cumulated[i] = cumulated[i - 1] + 0.5 * (last + now);
            last = now;
        }
        let inverse = |probability: f64| {
            let wanted = cumulated[POINTS] * probability;
            let above = cumulated.partition_point(|&value| value < wanted).clamp(1, POINTS);
            let (from, to) = (cumulated[above - 1], cumulated[above]);
            let way = if to > from { ((wanted - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
            ((above as f64 - 1.0 + way) / POINTS as f64) as f32
        };
        let n = INTERVALS as f64;
        Self {
            all: std::array::from_fn(|i| inverse(i as f64 / n)),
            first: std::array::from_fn(|i| inverse(i as f64 / n / FIRST as f64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CHI2_LIMIT, chi2_per_bin, random};

    #[test]
    fn photons_follow_the_spectrum() {
        for (i, (name, cut_mev)) in
            [("tungsten", 0.03), ("silicon", 0.001), ("polystyrene", 0.001)].into_iter().enumerate()
        {
            let material = Material::named(name).unwrap();
            let brems = Brems::new(&material);
            let sampler = BremsSampler::new(&material, cut_mev, 0.001, 2e5);
            for (j, kinetic_mev) in [0.5, 9.3, 410.0, 2.2e4, 1.1e5].into_iter().enumerate() {
                let mut random = random(50 + 10 * i as u64 + j as u64);
                let samples: Vec<f64> =
                    (0..50_000).map(|_| sampler.sample_mev(kinetic_mev, &mut random)).collect();
                assert!(samples.iter().all(|&k| (cut_mev..=kinetic_mev).contains(&k)));
                let chi2 = chi2_per_bin(&samples, cut_mev, kinetic_mev, |k| {
                    brems.spectrum_per_mm(kinetic_mev, k) / k
                });
                assert!(chi2 < CHI2_LIMIT, "{name} {kinetic_mev}: {chi2}");
                // The mean share of the energy, which is what a shower feels most.
                let mean = samples.iter().sum::<f64>() / samples.len() as f64;
                let n = brems.inverse_path_mm(kinetic_mev, cut_mev);
                let hard = brems.restricted_mev_per_mm(kinetic_mev, f64::INFINITY)
                    - brems.restricted_mev_per_mm(kinetic_mev, cut_mev);
                let variance = samples.iter().map(|k| (k - mean).powi(2)).sum::<f64>() / samples.len() as f64;
                let error = (variance / samples.len() as f64).sqrt();
                assert!(
                    (mean - hard / n).abs() < 4.0 * error + 0.003 * mean,
                    "{name} {kinetic_mev}: {mean} {}",
                    hard / n
                );
            }
        }
    }

    #[test]
    fn energies_at_the_ends_stay_inside() {
        let material = Material::named("tungsten").unwrap();
        let sampler = BremsSampler::new(&material, 0.03, 0.001, 1e5);
        let mut random = random(49);
        for kinetic_mev in [0.030_000_01, 0.0301, 0.034, 1e5, 1.9e5] {
            for _ in 0..10_000 {
                let photon_mev = sampler.sample_mev(kinetic_mev, &mut random);
                assert!((0.03..=kinetic_mev).contains(&photon_mev), "{kinetic_mev}: {photon_mev}");
            }
        }
    }
}
