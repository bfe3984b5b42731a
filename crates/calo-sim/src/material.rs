//! Materials by name: composition, radiation length, mean excitation energy, density effect.

mod density_effect;
mod element;
mod known;

use std::f64::consts::PI;

use crate::constants;
use calo_core::{Error, Result};
use known::{Known, Parts};

pub(crate) use density_effect::DensityEffect;
pub(crate) use element::Element;

/// An element's share in a material.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Component {
    pub(crate) element: &'static Element,
    pub(crate) atoms_per_mm3: f64,
}

/// A material.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    pub(crate) name: String,
    pub(crate) density_g_cm3: f64,
    pub(crate) components: Vec<Component>,
    pub(crate) mean_excitation_mev: f64,
    pub(crate) density_effect: DensityEffect,
}

impl Material {
    /// The material of that name.
    ///
    /// # Errors
    /// A name that is not known; the error lists those that are.
    pub(crate) fn named(name: &str) -> Result<Self> {
        let known = known::ALL.iter().find(|known| known.name == name);
        known.map(Self::from_known).ok_or_else(|| {
            let names: Vec<&str> = known::ALL.iter().map(|known| known.name).collect();
            Error::option("material", name, format!("one of {}", names.join(", ")))
        })
    }

    fn from_known(known: &Known) -> Self {
        let components = components(known);
        let electrons = |c: &Component| c.atoms_per_mm3 * c.element.z;
        let total: f64 = components.iter().map(electrons).sum();
        // Bragg's rule: logarithms add up by share in the electrons.
        let bragg_ev = components
            .iter()
            .map(|c| electrons(c) / total * c.element.mean_excitation_ev.ln())
            .sum::<f64>()
            .exp();
        let mean_excitation_mev = known.mean_excitation_ev.unwrap_or(bragg_ev) * 1e-6;
        let density_effect = match known.density_effect {
            Some((published, density)) => published.at_density_ratio(known.density_g_cm3 / density),
            None => DensityEffect::of_condensed(mean_excitation_mev, plasma_energy_mev(total)),
        };
        Self {
            name: known.name.to_owned(),
            density_g_cm3: known.density_g_cm3,
            components,
            mean_excitation_mev,
            density_effect,
        }
    }

    /// Electrons in a volume, 1/mm3.
    pub(crate) fn electrons_per_mm3(&self) -> f64 {
        self.components.iter().map(|c| c.atoms_per_mm3 * c.element.z).sum()
    }

    /// Radiation length, mm (Tsai's formula).
    pub(crate) fn radiation_length_mm(&self) -> f64 {
        let inverse: f64 =
            self.components.iter().map(|c| c.atoms_per_mm3 * c.element.radiation_cross_section_mm2()).sum();
        1.0 / inverse
    }

    /// Energy of a plasmon, MeV.
    pub(crate) fn plasma_energy_mev(&self) -> f64 {
        plasma_energy_mev(self.electrons_per_mm3())
    }

    /// Density-effect correction `delta` at momentum over mass.
    pub(crate) fn density_correction(&self, beta_gamma: f64) -> f64 {
        self.density_effect.correction(beta_gamma)
    }
}

/// `hbar omega_p` of free electrons, MeV.
fn plasma_energy_mev(electrons_per_mm3: f64) -> f64 {
    (4.0 * PI * electrons_per_mm3 * constants::ELECTRON_RADIUS_MM).sqrt() * constants::HBAR_C_MEV_MM
}

/// Elements of a material with their shares.
fn components(known: &Known) -> Vec<Component> {
    let masses: Vec<(&'static Element, f64)> = match known.parts {
        Parts::ByMass(parts) => parts.to_vec(),
        Parts::ByAtoms(parts) => parts.iter().map(|&(element, n)| (element, n * element.a_g_mol)).collect(),
    };
    let total: f64 = masses.iter().map(|part| part.1).sum();
    let share = |&(element, mass): &(&'static Element, f64)| {
        // 1 cm3 = 1000 mm3.
        let density_g_mm3 = mass / total * known.density_g_cm3 * 1e-3;
        Component { element, atoms_per_mm3: density_g_mm3 * constants::AVOGADRO / element.a_g_mol }
    };
    masses.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::near;

    /// PDG 2022, "Atomic and nuclear properties of materials".
    #[test]
    fn radiation_lengths_are_the_published_ones() {
        let cm = [
            ("silicon", 9.370),
            ("tungsten", 0.3504),
            ("iron", 1.757),
            ("copper", 1.436),
            ("lead", 0.5612),
            ("aluminium", 8.897),
            ("graphite", 19.32),
            ("water", 36.08),
        ];
        for (name, expected) in cm {
            near(Material::named(name).unwrap().radiation_length_mm(), 10.0 * expected, 0.01, name);
        }
        for (name, expected_g_cm2) in [("air", 36.62), ("polystyrene", 43.79)] {
            let material = Material::named(name).unwrap();
            let g_cm2 = material.radiation_length_mm() * 0.1 * material.density_g_cm3;
            near(g_cm2, expected_g_cm2, 0.01, name);
        }
    }

    /// Sternheimer, Berger and Seltzer 1984.
    #[test]
    fn plasma_energies_are_the_published_ones() {
        for (name, ev) in
            [("silicon", 31.05), ("tungsten", 80.32), ("iron", 55.17), ("polystyrene", 21.75), ("air", 0.71)]
        {
            near(Material::named(name).unwrap().plasma_energy_mev() * 1e6, ev, 0.005, name);
        }
    }

    /// A fit's `-C` is not independent: it is `2 ln(I / plasma energy) + 1`. A slip in any number shows here.
    #[test]
    fn density_effect_agrees_with_excitation_and_density() {
        for known in &known::ALL {
            let material = Material::from_known(known);
            let effect = material.density_effect;
            let c_bar = 2.0 * (material.mean_excitation_mev / material.plasma_energy_mev()).ln() + 1.0;
            assert!((c_bar - effect.c_bar).abs() < 0.01, "{}: {c_bar} {}", known.name, effect.c_bar);
            // The fit starts where it should: at zero, or at delta0 in conductors.
            let start = material.density_correction(10_f64.powf(effect.x0 + 1e-9));
            assert!((start - effect.delta0).abs() < 0.03, "{}: {start}", known.name);
            let atoms = |c: &Component| c.atoms_per_mm3 * c.element.a_g_mol;
            let g_mm3 = material.components.iter().map(atoms).sum::<f64>() / constants::AVOGADRO;
            near(1e3 * g_mm3, material.density_g_cm3, 1e-12, known.name);
        }
    }

    /// High energy: `delta = 2 ln(plasma energy / I) + 2 ln(beta gamma) - 1`, whatever the fit.
    #[test]
    fn density_effect_rises_to_its_asymptote() {
        let silicon = Material::named("silicon").unwrap();
        let mut last = 0.0;
        for k in 0..60 {
            let delta = silicon.density_correction(10_f64.powf(-0.5 + 0.1 * f64::from(k)));
            assert!(delta >= last, "{k}: {delta} after {last}");
            last = delta;
        }
        near(silicon.density_correction(1e4), 2.0 * 1e4_f64.ln() - 4.4351, 1e-6, "asymptote");
        // Bragg additivity: PDG gives 68.7 eV for polystyrene measured, the sum stays within 20 %.
        near(Material::named("g10").unwrap().mean_excitation_mev, 90e-6, 0.2, "g10");
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let message = Material::named("unobtainium").unwrap_err().to_string();
        for part in ["unobtainium", "material", "tungsten", "g10"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
