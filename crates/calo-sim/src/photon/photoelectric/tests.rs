use super::*;
use crate::material::{Element, Material};
use crate::photon::photoelectric_data::{IRON, TUNGSTEN};
use crate::testing::{near, random};

/// K edges, eV (J. A. Bearden and A. F. Burr, Rev. Mod. Phys. 39 (1967) 125; hydrogen: its ionisation energy).
const K_EDGES_EV: [(f64, f64); 11] = [
    (1.0, 13.6),
    (6.0, 283.8),
    (7.0, 401.6),
    (8.0, 532.0),
    (13.0, 1559.6),
    (14.0, 1838.9),
    (18.0, 3202.9),
    (26.0, 7112.0),
    (29.0, 8978.9),
    (74.0, 69_525.0),
    (82.0, 88_004.5),
];

#[test]
fn elements_have_their_own_data() {
    let mut seen = [false; K_EDGES_EV.len()];
    for name in ["g10", "air", "copper", "lead", "iron", "tungsten", "aluminium", "polystyrene"] {
        for component in Material::named(name).unwrap().components {
            let Element { z, photoelectric, .. } = component.element;
            let bindings = photoelectric.shells.iter().map(|shell| shell.binding_mev);
            assert!(bindings.is_sorted_by(|a, b| a > b), "Z = {z}");
            let i = K_EDGES_EV.iter().position(|edge| (edge.0 - z).abs() < 0.5).unwrap();
            // Free atoms in the data, condensed matter in the review.
            near(1e6 * photoelectric.shells[0].binding_mev, K_EDGES_EV[i].1, 0.025, &format!("Z = {z}"));
            seen[i] = true;
            for nodes in photoelectric.segments {
                assert!(nodes.is_sorted_by(|a, b| a.0 < b.0), "Z = {z}");
            }
        }
    }
    assert!(seen.iter().all(|&seen| seen), "{seen:?}");
}

/// Another tabulation: Kissel (Radiat. Phys. Chem. 59 (2000) 185) as in xraylib 4, cm2/g. What lies above 0.8 MeV is
/// tested by the total attenuation of the tables.
#[test]
fn cross_sections_are_the_published_ones() {
    for (mev, expected) in [(0.05, 5.2624), (0.11, 3.2142), (0.2, 0.638_44)] {
        let value = TUNGSTEN.cross_section_mm2(mev) * 1e-2 * crate::constants::AVOGADRO / 183.84;
        assert!((value / expected - 1.0).abs() < 0.01, "tungsten {mev}: {value}, expected {expected}");
    }
    // The K edge of tungsten raises it by the jump ratio, 5.10 in the tables.
    let jump = TUNGSTEN.cross_section_mm2(0.069_526) / TUNGSTEN.cross_section_mm2(0.069_524);
    assert!((jump / 5.10 - 1.0).abs() < 0.02, "{jump}");
    // High energies: one over the energy.
    let fall = IRON.cross_section_mm2(2e4) / IRON.cross_section_mm2(1e4);
    assert!((fall - 0.5).abs() < 0.01, "{fall}");
    assert!((IRON.cross_section_mm2(0.800_001) / IRON.cross_section_mm2(0.7999) - 1.0).abs() < 1e-3);
}

/// Above the K edge the K shell's share is that of its jump: 1 - 1/5.099 in tungsten.
#[test]
fn vacancies_follow_the_jumps() {
    let n = 100_000;
    let mut random = random(5);
    let k_shell = (0..n).filter(|_| TUNGSTEN.sample(0.2, &mut random).local_mev > 0.06).count();
    let (share, expected) = (k_shell as f64 / f64::from(n), 1.0 - 1.0 / 5.099);
    let sigma = (expected * (1.0 - expected) / f64::from(n)).sqrt();
    assert!((share - expected).abs() < 4.0 * sigma, "{share}, expected {expected}");
    assert!((0..1000).all(|_| TUNGSTEN.sample(0.069, &mut random).local_mev < 0.0122));
}

/// Mean cosine of Sauter's distribution for slow electrons: `sin^2 / (1 - beta cos)^4` gives `4 beta / 5` to first
/// order. Fast ones go forward within about `1 / gamma`.
#[test]
fn electrons_lean_forward() {
    let n = 100_000;
    let mut random = random(6);
    let mut mean = |mev: f64| (0..n).map(|_| sample_cos(mev, &mut random)).sum::<f64>() / f64::from(n);
    let kinetic_mev = 1e-4_f64;
    let beta = (2.0 * kinetic_mev / ELECTRON_MASS_MEV).sqrt();
    // The spread of the cosine is 0.45.
    assert!((mean(kinetic_mev) - 0.8 * beta).abs() < 4.0 * 0.45 / f64::from(n).sqrt());
    assert!(mean(1.0) > 0.8 && mean(100.0) > 0.999, "{} {}", mean(1.0), mean(100.0));
}

proptest::proptest! {
    #[test]
    fn conserves_energy(log_mev in -3.0..3.0_f64, seed: u64) {
        let photon_mev = 10_f64.powf(log_mev);
        for atom in [&TUNGSTEN, &IRON] {
            let out = atom.sample(photon_mev, &mut random(seed));
            let sum = out.electron_mev + out.local_mev;
            proptest::prop_assert!((sum - photon_mev).abs() <= 1e-12 * photon_mev);
            proptest::prop_assert!(out.electron_mev >= 0.0);
            let cos = sample_cos(out.electron_mev, &mut random(seed));
            proptest::prop_assert!((-1.0..=1.0).contains(&cos));
            proptest::prop_assert!(atom.cross_section_mm2(photon_mev) > 0.0);
        }
    }
}
