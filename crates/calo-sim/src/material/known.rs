//! Composition of the materials that detectors may name.
//!
//! Densities: PDG, "Atomic and nuclear properties of materials", and NIST's compositions; where a trade name is
//! ambiguous, the comment says which composition is used. Density-effect parameters: Sternheimer, Berger and Seltzer,
//! At. Data Nucl. Data Tables 30 (1984) 261.

use super::density_effect::DensityEffect;
use super::element::{
    ALUMINIUM, ARGON, CARBON, COPPER, Element, HYDROGEN, IRON, LEAD, NITROGEN, OXYGEN, SILICON, TUNGSTEN,
};

/// Parts of a material.
pub(super) enum Parts {
    /// Mass fractions.
    ByMass(&'static [(&'static Element, f64)]),
    /// Atoms in a molecule or formula unit.
    ByAtoms(&'static [(&'static Element, f64)]),
}

/// Definition of a material.
pub(super) struct Known {
    pub(super) name: &'static str,
    pub(super) density_g_cm3: f64,
    pub(super) parts: Parts,
    /// Mean excitation energy where the published one is not the sum by Bragg's rule.
    pub(super) mean_excitation_ev: Option<f64>,
    /// Published parameters, and the density they hold for.
    pub(super) density_effect: Option<(DensityEffect, f64)>,
}

/// Short form of a row of the published table.
const fn row(c_bar: f64, x0: f64, x1: f64, a: f64, m: f64, delta0: f64) -> DensityEffect {
    DensityEffect { c_bar, a, m, x0, x1, delta0 }
}

const IRON_DENSITY_EFFECT: DensityEffect = row(4.2911, -0.0012, 3.1531, 0.14680, 2.9632, 0.12);
/// Graphite at 2.0 g/cm3.
const GRAPHITE_DENSITY_EFFECT: DensityEffect = row(2.9925, -0.0351, 2.4860, 0.20240, 3.0036, 0.10);

/// Every material, in alphabetical order.
pub(super) static ALL: [Known; 13] = [
    // Dry, 20 degrees, 1 atmosphere.
    Known {
        name: "air",
        density_g_cm3: 1.20479e-3,
        parts: Parts::ByMass(&[
            (&CARBON, 0.000_124),
            (&NITROGEN, 0.755_268),
            (&OXYGEN, 0.231_781),
            (&ARGON, 0.012_827),
        ]),
        mean_excitation_ev: Some(85.7),
        density_effect: Some((row(10.5961, 1.7418, 4.2759, 0.10914, 3.3994, 0.0), 1.20479e-3)),
    },
    Known {
        name: "aluminium",
        density_g_cm3: 2.699,
        parts: Parts::ByAtoms(&[(&ALUMINIUM, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((row(4.2395, 0.1708, 3.0127, 0.08024, 3.6345, 0.12), 2.699)),
    },
    // Taken as carbon of the laminate's density; the resin's few light atoms change neither Z/A nor X0 by 2 %.
    Known {
        name: "carbon_fibre",
        density_g_cm3: 1.5,
        parts: Parts::ByAtoms(&[(&CARBON, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((GRAPHITE_DENSITY_EFFECT, 2.0)),
    },
    Known {
        name: "copper",
        density_g_cm3: 8.96,
        parts: Parts::ByAtoms(&[(&COPPER, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((row(4.4190, -0.0254, 3.2792, 0.14339, 2.9044, 0.08), 8.96)),
    },
    // Glass and epoxy in the usual recipe of simulations (NEMA G10 of Geant4's examples): SiO2 + C3H3.
    Known {
        name: "g10",
        density_g_cm3: 1.7,
        parts: Parts::ByAtoms(&[(&SILICON, 1.0), (&OXYGEN, 2.0), (&CARBON, 3.0), (&HYDROGEN, 3.0)]),
        mean_excitation_ev: None,
        density_effect: None,
    },
    Known {
        name: "graphite",
        density_g_cm3: 2.21,
        parts: Parts::ByAtoms(&[(&CARBON, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((GRAPHITE_DENSITY_EFFECT, 2.0)),
    },
    Known {
        name: "iron",
        density_g_cm3: 7.874,
        parts: Parts::ByAtoms(&[(&IRON, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((IRON_DENSITY_EFFECT, 7.874)),
    },
    Known {
        name: "lead",
        density_g_cm3: 11.35,
        parts: Parts::ByAtoms(&[(&LEAD, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((row(6.2018, 0.3776, 3.8073, 0.09359, 3.1608, 0.14), 11.35)),
    },
    Known {
        name: "polystyrene",
        density_g_cm3: 1.06,
        parts: Parts::ByAtoms(&[(&CARBON, 8.0), (&HYDROGEN, 8.0)]),
        mean_excitation_ev: Some(68.7),
        density_effect: Some((row(3.2999, 0.1647, 2.5031, 0.16454, 3.2224, 0.0), 1.06)),
    },
    Known {
        name: "silicon",
        density_g_cm3: 2.33,
        parts: Parts::ByAtoms(&[(&SILICON, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((row(4.4351, 0.2014, 2.8715, 0.14921, 3.2546, 0.14), 2.33)),
    },
    // Structural steel: more than 98 % iron.
    Known {
        name: "steel",
        density_g_cm3: 7.87,
        parts: Parts::ByAtoms(&[(&IRON, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((IRON_DENSITY_EFFECT, 7.874)),
    },
    Known {
        name: "tungsten",
        density_g_cm3: 19.3,
        parts: Parts::ByAtoms(&[(&TUNGSTEN, 1.0)]),
        mean_excitation_ev: None,
        density_effect: Some((row(5.4059, 0.2167, 3.4960, 0.15509, 2.8447, 0.14), 19.3)),
    },
    Known {
        name: "water",
        density_g_cm3: 1.0,
        parts: Parts::ByAtoms(&[(&HYDROGEN, 2.0), (&OXYGEN, 1.0)]),
        mean_excitation_ev: Some(75.0),
        density_effect: Some((row(3.5017, 0.2400, 2.8004, 0.09116, 3.4773, 0.0), 1.0)),
    },
];
