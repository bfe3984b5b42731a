//! Production thresholds: the energies at which particles have the range cut as their range.
//!
//! Geant4 states its production cuts as a range and turns it into one energy per material with rough formulae of its
//! own (Physics Reference Manual, "Conversion from Cut in Range to Energy Threshold"). Results depend on the
//! thresholds, so the same formulae are used here, with their published coefficients, and for nothing else.

use super::{TWO_PI_RADIUS2_MM2, Velocity};
use crate::constants::ELECTRON_MASS_MEV;
use crate::material::Material;

/// No threshold is below the lowest energy of the conversion, MeV.
const LOWEST_MEV: f64 = 0.001;
/// No threshold is above the highest, MeV.
const HIGHEST_MEV: f64 = 1e4;
/// Steps of the search in each decade.
const STEPS_PER_DECADE: f64 = 50.0;

/// Threshold for electrons that are knocked on, MeV.
pub(crate) fn electron_cut_mev(material: &Material, range_cut_mm: f64) -> f64 {
    let loss = |kinetic_mev: f64| -> f64 {
        let parts = material.components.iter();
        parts.map(|part| part.atoms_per_mm3 * electron_loss_mev_mm2(part.element.z, kinetic_mev)).sum()
    };
    let (mut last_mev, mut last_loss, mut range_mm) = (0.0, 0.0, 0.0);
    let mut cut_mev = HIGHEST_MEV;
    for kinetic_mev in energies_mev() {
        let now = loss(kinetic_mev);
        let step_mm = 2.0 * (kinetic_mev - last_mev) / (last_loss + now);
        if range_mm + step_mm >= range_cut_mm {
            cut_mev = last_mev + (kinetic_mev - last_mev) * (range_cut_mm - range_mm) / step_mm;
            break;
        }
        range_mm += step_mm;
        (last_mev, last_loss) = (kinetic_mev, now);
    }
    // Slow electrons scatter: they come less far than their path is long. Fitted constants of Geant4.
    const SCATTERED_MM_G_CM3: f64 = 0.025;
    const SCATTERED_BELOW_MEV: f64 = 0.03;
    if cut_mev < SCATTERED_BELOW_MEV {
        let scatter = SCATTERED_MM_G_CM3 / (range_cut_mm * material.density_g_cm3);
        cut_mev /= 1.0 + (1.0 - cut_mev / SCATTERED_BELOW_MEV) * scatter;
    }
    cut_mev.clamp(LOWEST_MEV, HIGHEST_MEV)
}

/// Threshold for bremsstrahlung photons, MeV: five absorption lengths are the range cut.
pub(crate) fn photon_cut_mev(material: &Material, range_cut_mm: f64) -> f64 {
    let length_mm = |energy_mev: f64| -> f64 {
        let parts = material.components.iter();
        let sum: f64 =
            parts.map(|part| part.atoms_per_mm3 * photon_absorption_mm2(part.element.z, energy_mev)).sum();
        5.0 / sum
    };
    let mut last: Option<(f64, f64)> = None;
    for energy_mev in energies_mev() {
        let now_mm = length_mm(energy_mev);
        if now_mm >= range_cut_mm {
            let Some((last_mev, last_mm)) = last else { return LOWEST_MEV };
            return last_mev + (energy_mev - last_mev) * (range_cut_mm - last_mm) / (now_mm - last_mm);
        }
        last = Some((energy_mev, now_mm));
    }
    HIGHEST_MEV
}

fn energies_mev() -> impl Iterator<Item = f64> {
    let steps = (STEPS_PER_DECADE * (HIGHEST_MEV / LOWEST_MEV).log10()).round() as i32;
    (0..=steps).map(|i| LOWEST_MEV * 10_f64.powf(f64::from(i) / STEPS_PER_DECADE))
}

/// Loss of an electron per atom and area, MeV mm2: Berger and Seltzer without the density effect, and an empirical
/// radiative part.
fn electron_loss_mev_mm2(z: f64, kinetic_mev: f64) -> f64 {
    const SLOW_MEV: f64 = 0.01;
    if kinetic_mev < SLOW_MEV {
        return electron_loss_mev_mm2(z, SLOW_MEV) * (SLOW_MEV / kinetic_mev).sqrt();
    }
    let Velocity { gamma, gamma2, beta2 } = Velocity::of(kinetic_mev);
    let tau = gamma - 1.0;
    let excitation = 1.6e-5 * z.powf(0.9) / ELECTRON_MASS_MEV;
    let unrestricted = 1.0 - beta2
        + (0.5 * tau * tau).ln()
        + (0.5 + 0.25 * tau * tau - (1.0 + 2.0 * tau) * std::f64::consts::LN_2) / gamma2;
    let collision = z * ((2.0 * (tau + 2.0) / (excitation * excitation)).ln() + unrestricted) / beta2;
    let radiative =
        0.1 * z * (z + 1.0) * (0.02 - 5.7e-5 * z) * (1.0 + 0.072 * (1e-3 * kinetic_mev).ln()) * tau / beta2;
    TWO_PI_RADIUS2_MM2 * ELECTRON_MASS_MEV * (collision + radiative)
}

/// Photoelectric, Compton and pair cross section of an atom in a rough fit, mm2.
fn photon_absorption_mm2(z: f64, energy_mev: f64) -> f64 {
    const MM2_PER_BARN: f64 = 1e-22;
    const MIDDLE_MEV: f64 = 0.2;
    let log_z = z.ln();
    let at_middle = (0.2651 - 0.1501 * log_z + 0.02283 * log_z * log_z) * z * z;
    let steep = |energy_mev: f64| at_middle * (0.042 * z * (MIDDLE_MEV / energy_mev).ln().powi(2)).exp();
    // The fit's parabola in the logarithm gives way to a power law below the K edge of heavy atoms.
    let low_mev = MIDDLE_MEV * (-7.355 / z.sqrt()).exp();
    let minimum_mev = 0.552 + 218.5 / z + 557.17 / (z * z);
    let at_minimum = (0.01239 + 0.005585 * log_z - 0.000923 * log_z * log_z) * z.powf(1.5);
    let barn = if energy_mev < low_mev {
        let power = (300.0 * z * z / steep(low_mev)).ln() / (low_mev / LOWEST_MEV).ln();
        steep(low_mev) * (low_mev / energy_mev.max(LOWEST_MEV)).powf(power)
    } else if energy_mev < MIDDLE_MEV {
        steep(energy_mev)
    } else if energy_mev < minimum_mev {
        let curvature = (at_middle / at_minimum).ln() / (minimum_mev / MIDDLE_MEV).ln().powi(2);
        at_minimum * (curvature * (minimum_mev / energy_mev).ln().powi(2)).exp()
    } else {
        let rise = (7.55e-5 - 0.0542e-5 * z) * z * z * z / (100.0 / minimum_mev).ln();
        at_minimum + rise * (energy_mev / minimum_mev).ln()
    };
    barn * MM2_PER_BARN
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Geant4's own tables, as its examples print them (silicon: the documentation of HepEmShow): range cut in
    /// mm, thresholds of photons and electrons in MeV.
    #[test]
    fn thresholds_are_those_of_geant4() {
        let table = [
            ("lead", 0.7, 0.094_586_1, 1.003_86),
            ("lead", 1.0, 0.101_843, 1.367_49),
            ("water", 1.0, 0.002_940_56, 0.351_877),
            ("silicon", 0.7, 0.005_854_22, 0.423_34),
            ("aluminium", 1.0, 0.006_903_63, 0.596_68),
        ];
        for (name, range_cut_mm, photon, electron) in table {
            let material = Material::named(name).unwrap();
            let found = (photon_cut_mev(&material, range_cut_mm), electron_cut_mev(&material, range_cut_mm));
            assert!((found.0 / photon - 1.0).abs() < 0.01, "{name}: {found:?}, Geant4 {photon}");
            assert!((found.1 / electron - 1.0).abs() < 0.01, "{name}: {found:?}, Geant4 {electron}");
        }
    }

    #[test]
    fn tiny_ranges_end_at_the_lower_limit() {
        let material = Material::named("air").unwrap();
        assert!((photon_cut_mev(&material, 0.1) - LOWEST_MEV).abs() < 1e-12);
        assert!((electron_cut_mev(&material, 0.1) - LOWEST_MEV).abs() < 1e-12);
        let material = Material::named("lead").unwrap();
        let cuts: Vec<f64> =
            [0.01, 0.1, 1.0, 10.0].iter().map(|&mm| electron_cut_mev(&material, mm)).collect();
        assert!(cuts.is_sorted() && cuts[0] < cuts[3]);
    }
}
