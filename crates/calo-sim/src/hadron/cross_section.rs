//! Cross-sections of pions and nucleons on nuclei.
//!
//! Above the nodes' lowest energy: V. S. Barashenkov, "Cross-sections of interactions of particles and nuclei with
//! nuclei", JINR Dubna (1993), at carbon, iron and tungsten; other nuclei scale as A^(2/3) from the nearest of them.
//! Below 14 MeV: the shape of H. P. Wellisch and D. Axen, Phys. Rev. C 54 (1996) 1329. Neutron on proton: J. L. Gammel
//! in "Fast neutron physics" II (1963) up to 40 MeV and N. Metropolis et al., Phys. Rev. 110 (1958) 185 above.
//!
//! One exception: pions on iron above 10 GeV are 2 to 4 % below Barashenkov's values, so that they go the 10.2 layers of
//! the AHCal between interactions that Geant4's showers show (`docs/simulation.md`).

use super::table::interpolated;
use crate::particle::Kind;

/// One millibarn, mm2.
pub(super) const MILLIBARN_MM2: f64 = 1e-25;
/// Mass number up to which a nucleus is hydrogen.
const HYDROGEN_A: f64 = 1.5;
/// Lowest energy of the nucleons' nodes, MeV.
const NUCLEON_LOW_MEV: f64 = 14.0;
/// Lowest energy of the pions' nodes, MeV.
const PION_LOW_MEV: f64 = 20.0;

const PION_MEV: [f64; 22] = [
    PION_LOW_MEV,
    40.0,
    60.0,
    80.0,
    100.0,
    120.0,
    160.0,
    200.0,
    250.0,
    300.0,
    400.0,
    500.0,
    600.0,
    800.0,
    1e3,
    2e3,
    3e3,
    5e3,
    1e4,
    2e4,
    5e4,
    1e6,
];
const NUCLEON_MEV: [f64; 14] =
    [NUCLEON_LOW_MEV, 20.0, 30.0, 40.0, 60.0, 100.0, 200.0, 300.0, 500.0, 1e3, 2e3, 5e3, 1e4, 1e6];

/// Cross-sections of one nucleus at the nodes, millibarns.
struct Nucleus {
    a: f64,
    /// Energy above which neutrons excite it, MeV: where the inelastic cross-section is half of what it is at 14 MeV.
    excited_mev: f64,
    /// Energy below which protons are kept out, MeV.
    barrier_mev: f64,
    pion_plus: [f64; 22],
    pion_minus: [f64; 22],
    proton: [f64; 14],
    neutron: [f64; 14],
    /// Inelastic and elastic, of neutrons.
    total: [f64; 14],
}

static NUCLEI: [Nucleus; 3] = [
    Nucleus {
        a: 12.011,
        excited_mev: 5.5,
        barrier_mev: 2.0,
        pion_plus: [
            94.0, 132.0, 184.0, 260.0, 370.0, 408.0, 424.0, 366.0, 300.0, 257.0, 236.0, 231.0, 234.0, 246.0,
            256.0, 220.0, 210.0, 198.0, 187.0, 183.0, 176.0, 174.0,
        ],
        pion_minus: [
            128.0, 160.0, 224.0, 315.0, 388.0, 430.0, 440.0, 380.0, 312.0, 264.0, 240.0, 232.0, 234.0, 246.0,
            256.0, 220.0, 210.0, 198.0, 187.0, 183.0, 176.0, 174.0,
        ],
        proton: [
            310.0, 440.0, 420.0, 370.0, 288.0, 222.0, 205.0, 210.0, 228.0, 260.0, 260.0, 252.0, 250.0, 248.0,
        ],
        neutron: [
            590.0, 510.0, 430.0, 380.0, 295.0, 228.0, 210.0, 210.0, 228.0, 260.0, 260.0, 252.0, 250.0, 248.0,
        ],
        total: [
            1240.0, 1455.0, 1290.0, 1110.0, 800.0, 475.0, 294.0, 280.0, 314.0, 364.0, 388.0, 364.0, 344.0,
            332.0,
        ],
    },
    Nucleus {
        a: 55.845,
        excited_mev: 1.53,
        barrier_mev: 6.0,
        pion_plus: [
            210.0, 410.0, 707.0, 1010.0, 1125.0, 1150.0, 1070.0, 960.0, 850.0, 780.0, 750.0, 720.0, 725.0,
            740.0, 755.0, 690.0, 660.0, 635.0, 600.0, 582.0, 565.0, 562.0,
        ],
        pion_minus: [
            625.0, 725.0, 910.0, 1180.0, 1275.0, 1250.0, 1150.0, 1040.0, 925.0, 825.0, 780.0, 745.0, 740.0,
            750.0, 765.0, 690.0, 660.0, 635.0, 600.0, 582.0, 565.0, 562.0,
        ],
        proton: [
            900.0, 1090.0, 1080.0, 960.0, 790.0, 700.0, 690.0, 690.0, 735.0, 795.0, 813.0, 784.0, 743.0,
            720.0,
        ],
        neutron: [
            1440.0, 1325.0, 1180.0, 1040.0, 885.0, 765.0, 700.0, 700.0, 735.0, 795.0, 813.0, 784.0, 743.0,
            720.0,
        ],
        total: [
            2580.0, 2282.0, 2370.0, 2485.0, 2480.0, 1790.0, 1030.0, 1020.0, 1075.0, 1225.0, 1260.0, 1233.0,
            1185.0, 1110.0,
        ],
    },
    Nucleus {
        a: 183.84,
        excited_mev: 0.5,
        barrier_mev: 10.0,
        pion_plus: [
            325.0, 680.0, 1500.0, 2150.0, 2300.0, 2350.0, 2280.0, 2200.0, 2130.0, 1900.0, 1670.0, 1600.0,
            1605.0, 1615.0, 1660.0, 1620.0, 1550.0, 1530.0, 1460.0, 1440.0, 1410.0, 1410.0,
        ],
        pion_minus: [
            1450.0, 1850.0, 2350.0, 2700.0, 2900.0, 2850.0, 2630.0, 2400.0, 2200.0, 2070.0, 1770.0, 1680.0,
            1680.0, 1685.0, 1720.0, 1635.0, 1560.0, 1530.0, 1460.0, 1440.0, 1410.0, 1410.0,
        ],
        proton: [
            950.0, 1560.0, 1850.0, 1840.0, 1715.0, 1610.0, 1600.0, 1585.0, 1640.0, 1750.0, 1780.0, 1740.0,
            1710.0, 1680.0,
        ],
        neutron: [
            2440.0, 2310.0, 2150.0, 2010.0, 1820.0, 1680.0, 1640.0, 1612.0, 1640.0, 1750.0, 1780.0, 1740.0,
            1710.0, 1680.0,
        ],
        total: [
            5320.0, 5330.0, 4550.0, 4070.0, 4220.0, 4200.0, 2660.0, 2575.0, 2690.0, 2850.0, 3000.0, 2940.0,
            2880.0, 2730.0,
        ],
    },
];

/// The nucleus whose cross-sections those of mass number `a` are scaled from.
fn nearest(a: f64) -> &'static Nucleus {
    match a {
        a if a < 20.0 => &NUCLEI[0],
        a if a < 110.0 => &NUCLEI[1],
        _ => &NUCLEI[2],
    }
}

fn at(nodes_mev: &[f64], values: &[f64], kinetic_mev: f64) -> f64 {
    let above = nodes_mev.partition_point(|node| *node <= kinetic_mev).clamp(1, nodes_mev.len() - 1);
    let pair = [(nodes_mev[above - 1], values[above - 1]), (nodes_mev[above], values[above])];
    interpolated(&pair, kinetic_mev)
}

/// Cross-section for anything but elastic scattering on a nucleus of mass number `a`, mm2.
pub(super) fn inelastic_mm2(kind: Kind, kinetic_mev: f64, a: f64) -> f64 {
    let t = kinetic_mev;
    if a < HYDROGEN_A {
        return MILLIBARN_MM2 * on_proton_inelastic_mb(kind, t);
    }
    let nucleus = nearest(a);
    let millibarns = match kind {
        Kind::PionPlus => at(&PION_MEV, &nucleus.pion_plus, t) * (t / PION_LOW_MEV).min(1.0),
        Kind::PionMinus => at(&PION_MEV, &nucleus.pion_minus, t),
        Kind::Proton => {
            at(&NUCLEON_MEV, &nucleus.proton, t) / (1.0 + (nucleus.barrier_mev / t.max(1e-3)).powi(4))
        }
        Kind::Neutron => {
            at(&NUCLEON_MEV, &nucleus.neutron, t) / (1.0 + (nucleus.excited_mev / t.max(1e-3)).powf(2.475))
        }
        _ => 0.0,
    };
    MILLIBARN_MM2 * millibarns * (a / nucleus.a).powf(2.0 / 3.0)
}

/// Cross-section for elastic scattering of neutrons on a nucleus of mass number `a`, mm2.
pub(super) fn neutron_elastic_mm2(kinetic_mev: f64, a: f64) -> f64 {
    if a < HYDROGEN_A {
        return MILLIBARN_MM2 * neutron_proton_mb(kinetic_mev);
    }
    let nucleus = nearest(a);
    let t = kinetic_mev.max(NUCLEON_LOW_MEV);
    let elastic = at(&NUCLEON_MEV, &nucleus.total, t) - at(&NUCLEON_MEV, &nucleus.neutron, t);
    MILLIBARN_MM2 * elastic * (a / nucleus.a).powf(2.0 / 3.0)
}

/// Pion and nucleon production on protons (PDG 2022, plots of total and elastic cross-sections).
fn on_proton_inelastic_mb(kind: Kind, t: f64) -> f64 {
    let (threshold_mev, plateau_mb) = match kind {
        Kind::PionPlus | Kind::PionMinus => (170.0, 21.0),
        Kind::Proton | Kind::Neutron => (290.0, 30.0),
        _ => return 0.0,
    };
    plateau_mb * ((t - threshold_mev) / 600.0).clamp(0.0, 1.0)
}

/// Elastic scattering of neutrons on protons.
fn neutron_proton_mb(t: f64) -> f64 {
    use std::f64::consts::PI;
    if t < 40.0 {
        let triplet = -1.86 + 0.09415 * t + 0.000_130_6 * t * t;
        let singlet = 0.4223 + 0.13 * t;
        let barns = 3.0 * PI / (1.206 * t + triplet * triplet) + PI / (1.206 * t + singlet * singlet);
        return 1e3 * barns;
    }
    let mass = Kind::Neutron.mass_mev();
    let gamma = 1.0 + t / mass;
    let beta2 = 1.0 - 1.0 / (gamma * gamma);
    34.10 / beta2 - 82.2 / beta2.sqrt() + 82.2 - on_proton_inelastic_mb(Kind::Neutron, t)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PDG 2022, atomic and nuclear properties of iron: interaction lengths of 132.1 g/cm2 (nucleons) and 160.8 g/cm2
    /// (pions) at high energy.
    #[test]
    fn iron_has_the_published_interaction_lengths() {
        let length_g_cm2 = |kind| 55.845 / (6.022_140_76e23 * 0.01 * inelastic_mm2(kind, 1e5, 55.845));
        assert!((length_g_cm2(Kind::PionPlus) / 160.8 - 1.0).abs() < 0.03);
        // Barashenkov is 4 % above the fit that PDG lists.
        assert!((length_g_cm2(Kind::Proton) / 132.1 - 1.0).abs() < 0.06);
    }

    /// Total neutron-proton cross-section at 14.1 MeV: 0.689 b (ENDF/B-VIII), and continuous at 40 MeV.
    #[test]
    fn neutron_on_proton() {
        assert!((neutron_proton_mb(14.1) / 689.0 - 1.0).abs() < 0.02);
        assert!((neutron_proton_mb(39.99) / neutron_proton_mb(40.01) - 1.0).abs() < 0.1);
    }

    #[test]
    fn pions_interact_most_at_the_delta_resonance() {
        let at = |t| inelastic_mm2(Kind::PionMinus, t, 55.845);
        assert!(at(110.0) > 1.5 * at(600.0) && at(110.0) > 1.5 * at(20.0));
    }
}
