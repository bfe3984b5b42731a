//! Restricted collision stopping power of electrons and positrons (Berger and Seltzer).
//!
//! Rohrlich and Carlson, Phys. Rev. 93 (1954) 38; Berger and Seltzer, NBSIR 82-2550 (1982); the restricted form as in
//! the Geant4 Physics Reference Manual, "Ionisation", and in EGS5, SLAC-R-730, section 2.13.

use super::{TWO_PI_RADIUS2_MM2, Velocity};
use crate::constants::ELECTRON_MASS_MEV;
use crate::material::Material;

/// Mean loss per path to collisions that transfer less than `cut_mev`, MeV/mm.
///
/// Berger and Seltzer's formula fails where the electron is slower than the inner shells: below 0.25 keV sqrt(Z)
/// the loss falls with the velocity, as in a gas of free electrons (Lindhard).
pub(crate) fn restricted_mev_per_mm(
    material: &Material,
    positron: bool,
    kinetic_mev: f64,
    cut_mev: f64,
) -> f64 {
    let slow_mev = slow_limit_mev(material);
    if kinetic_mev < slow_mev {
        let at_limit = fast_mev_per_mm(material, positron, slow_mev, cut_mev);
        return at_limit * (kinetic_mev.max(0.0) / slow_mev).sqrt();
    }
    fast_mev_per_mm(material, positron, kinetic_mev, cut_mev)
}

/// Below this the formula is not used, MeV.
fn slow_limit_mev(material: &Material) -> f64 {
    let atoms: f64 = material.components.iter().map(|component| component.atoms_per_mm3).sum();
    0.25e-3 * (material.electrons_per_mm3() / atoms).sqrt()
}

fn fast_mev_per_mm(material: &Material, positron: bool, kinetic_mev: f64, cut_mev: f64) -> f64 {
    let Velocity { gamma, gamma2, beta2 } = Velocity::of(kinetic_mev);
    let tau = gamma - 1.0;
    let excitation = material.mean_excitation_mev / ELECTRON_MASS_MEV;
    let delta = material.density_correction((beta2 * gamma2).sqrt());
    let cut = cut_mev / ELECTRON_MASS_MEV;
    let restricted =
        if positron { positron_term(tau, cut.min(tau)) } else { electron_term(tau, cut.min(0.5 * tau)) };
    let number = (2.0 * (tau + 2.0) / (excitation * excitation)).ln() + restricted - delta;
    let scale = TWO_PI_RADIUS2_MM2 * ELECTRON_MASS_MEV * material.electrons_per_mm3() / beta2;
    // Never below what a logarithm of one gives: the formula has no meaning there.
    scale * number.max(1.0)
}

/// F-: Moller scattering up to `cut` (at most tau / 2), both in electron masses.
fn electron_term(tau: f64, cut: f64) -> f64 {
    let gamma2 = (tau + 1.0) * (tau + 1.0);
    let beta2 = tau * (tau + 2.0) / gamma2;
    -1.0 - beta2
        + ((tau - cut) * cut).ln()
        + tau / (tau - cut)
        + (0.5 * cut * cut + (2.0 * tau + 1.0) * (1.0 - cut / tau).ln()) / gamma2
}

/// F+: Bhabha scattering up to `cut` (at most tau), both in electron masses.
fn positron_term(tau: f64, cut: f64) -> f64 {
    let gamma2 = (tau + 1.0) * (tau + 1.0);
    let beta2 = tau * (tau + 2.0) / gamma2;
    let y = 1.0 / (tau + 2.0);
    let cut2 = cut * cut;
    let cut3 = cut2 * cut;
    let polynomial = tau + 2.0 * cut
        - y * (1.5 * cut2
            + y * ((cut - cut3 / 3.0) + y * (0.5 * cut2 - tau * cut3 / 3.0 + 0.25 * cut2 * cut2)));
    (tau * cut).ln() - beta2 / tau * polynomial
}

#[cfg(test)]
mod tests {
    use super::super::{bhabha, moller};
    use super::*;
    use crate::testing::log_integral;

    fn mass_stopping_power(name: &str, kinetic_mev: f64) -> f64 {
        let material = Material::named(name).unwrap();
        10.0 * restricted_mev_per_mm(&material, false, kinetic_mev, f64::INFINITY) / material.density_g_cm3
    }

    /// ICRU Report 90 (2016), table A.3, for water; NIST ESTAR (2017) for the others: MeV cm2/g.
    #[test]
    fn electrons_lose_what_is_tabulated() {
        let table = [
            ("water", 0.001, 118.1),
            ("water", 0.01, 22.39),
            ("water", 0.1, 4.093),
            ("water", 1.0, 1.845),
            ("water", 10.0, 1.967),
            ("water", 100.0, 2.202),
            ("water", 1000.0, 2.401),
            ("aluminium", 1.0, 1.465),
            ("silicon", 1.0, 1.505),
        ];
        for (name, kinetic_mev, expected) in table {
            let found = mass_stopping_power(name, kinetic_mev);
            assert!(
                (found / expected - 1.0).abs() < 0.02,
                "{name} {kinetic_mev} MeV: {found}, table {expected}"
            );
        }
    }

    /// PDG 2022, Atomic and nuclear properties: critical energy of electrons in Rossi's definition, where an
    /// electron loses as much as its energy to collisions over one radiation length (MeV and g/cm2).
    #[test]
    fn critical_energies_are_those_of_the_pdg() {
        let table = [
            ("silicon", 40.19, 21.82),
            ("tungsten", 7.97, 6.76),
            ("lead", 7.43, 6.37),
            ("iron", 21.68, 13.84),
            ("copper", 19.42, 12.86),
            ("aluminium", 42.70, 24.01),
            ("polystyrene", 93.11, 43.79),
            ("water", 78.33, 36.08),
        ];
        for (name, critical_mev, radiation_length) in table {
            let found = mass_stopping_power(name, critical_mev) * radiation_length;
            assert!((found / critical_mev - 1.0).abs() < 0.02, "{name}: {found} MeV, PDG {critical_mev} MeV");
        }
    }

    /// What the restricted loss leaves out is the loss to the collisions above the cut.
    #[test]
    fn hard_collisions_make_up_for_the_restriction() {
        let material = Material::named("silicon").unwrap();
        for kinetic_mev in [0.1, 1.0, 30.0, 1000.0] {
            for cut_mev in [0.01, 0.04] {
                for positron in [false, true] {
                    let highest_mev = if positron { kinetic_mev } else { 0.5 * kinetic_mev };
                    let hard = log_integral(cut_mev, highest_mev, |transferred_mev| {
                        let cross_section = if positron {
                            bhabha::differential_mm2_per_mev(kinetic_mev, transferred_mev)
                        } else {
                            moller::differential_mm2_per_mev(kinetic_mev, transferred_mev)
                        };
                        transferred_mev * cross_section * material.electrons_per_mm3()
                    });
                    let all = restricted_mev_per_mm(&material, positron, kinetic_mev, f64::INFINITY);
                    let soft = restricted_mev_per_mm(&material, positron, kinetic_mev, cut_mev);
                    assert!(
                        ((soft + hard) / all - 1.0).abs() < 1e-4,
                        "{kinetic_mev} {cut_mev} {positron}: {soft} + {hard} against {all}"
                    );
                }
            }
        }
    }

    #[test]
    fn slow_electrons_stay_tame() {
        for name in ["tungsten", "silicon", "air", "polystyrene", "lead"] {
            let material = Material::named(name).unwrap();
            let mut last = 0.0;
            for i in 0..4000 {
                let kinetic_mev = 1e-4 * 1.005_f64.powi(i);
                for positron in [false, true] {
                    let now = restricted_mev_per_mm(&material, positron, kinetic_mev, 0.01);
                    assert!(now > 0.0 && now.is_finite(), "{name} {kinetic_mev}: {now}");
                    if !positron {
                        assert!(
                            last == 0.0 || (now / last - 1.0).abs() < 0.02,
                            "{name} jumps at {kinetic_mev}"
                        );
                        last = now;
                    }
                }
            }
        }
    }
}
