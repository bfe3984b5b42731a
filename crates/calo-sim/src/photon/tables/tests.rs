use super::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

fn tables(name: &str) -> (PhotonTables, Material) {
    let material = Material::named(name).unwrap();
    (PhotonTables::new(std::slice::from_ref(&material)), material)
}

/// NIST mass attenuation coefficients (Hubbell and Seltzer, NISTIR 5632, tables 3 and 4), cm2/g, less coherent
/// scattering (EPDL97 as in xraylib; above 0.8 MeV it falls as `1 / E^2`): that is 4 % at 0.1 MeV in tungsten and
/// below 0.3 % from 5 MeV on. The pair parametrisation claims 5 %, and does better.
#[test]
fn attenuation_is_the_published_one() {
    let published: [(&str, [(f64, f64); 7]); 5] = [
        (
            "tungsten",
            [
                (0.1, 4.2565),
                (0.5, 0.12826),
                (1.0, 0.06373),
                (2.0, 0.04372),
                (5.0, 0.04094),
                (10.0, 0.04745),
                (20.0, 0.05892),
            ],
        ),
        (
            "iron",
            [
                (0.1, 0.33402),
                (0.5, 0.0824),
                (1.0, 0.05951),
                (2.0, 0.04254),
                (5.0, 0.03144),
                (10.0, 0.02994),
                (20.0, 0.03224),
            ],
        ),
        (
            "silicon",
            [
                (0.1, 0.16813),
                (0.5, 0.08681),
                (1.0, 0.06344),
                (2.0, 0.04476),
                (5.0, 0.02966),
                (10.0, 0.02462),
                (20.0, 0.02338),
            ],
        ),
        (
            "lead",
            [
                (0.1, 5.336),
                (0.5, 0.14997),
                (1.0, 0.06806),
                (2.0, 0.04532),
                (5.0, 0.0426),
                (10.0, 0.04969),
                (20.0, 0.06205),
            ],
        ),
        (
            "polystyrene",
            [
                (0.1, 0.15902),
                (0.5, 0.09365),
                (1.0, 0.06843),
                (2.0, 0.04776),
                (5.0, 0.02889),
                (10.0, 0.02059),
                (20.0, 0.0162),
            ],
        ),
    ];
    for (name, values) in published {
        let (tables, material) = tables(name);
        for (mev, expected) in values {
            let cm2_g = tables.inverse_path_at(0, tables.locate(mev)) * 10.0 / material.density_g_cm3;
            assert!((cm2_g / expected - 1.0).abs() < 0.03, "{name} {mev}: {cm2_g}, expected {expected}");
        }
    }
}

/// Within 1 % of the cross-sections they were made of, in the middle between nodes, where interpolation errs most.
/// (Below 2 keV the cross-section rises steeply between tungsten's M edges.)
#[test]
fn tables_keep_to_the_cross_sections() {
    for name in ["tungsten", "g10", "air"] {
        let (tables, material) = tables(name);
        for i in 0..tables.n_intervals {
            let from_mev = tables.grid.node_mev(i);
            let middle = 0.5 * (from_mev + tables.grid.node_mev(i + 1));
            let exact = Coefficients::at(&material, middle, from_mev, middle);
            let value = tables.inverse_path_at(0, tables.locate(middle));
            let tolerance = if middle < 0.002 { 0.1 } else { 0.01 };
            assert!((value / exact.total() - 1.0).abs() < tolerance, "{name} {middle}: {value}");
        }
    }
}

/// Draws at one energy come out in the proportions of the cross-sections, within four standard errors.
#[test]
fn processes_and_elements_are_drawn_in_proportion() {
    let (tables, material) = tables("g10");
    let mut random = Random::new(ChaCha8Rng::seed_from_u64(11));
    let n = 50_000;
    for mev in [0.02, 0.3, 8.0, 1e4] {
        let located = tables.locate(mev);
        let coefficients = Coefficients::at(&material, mev, mev, mev);
        for (process, expected) in [
            (Process::Pair, coefficients.pair),
            (Process::Compton, coefficients.compton),
            (Process::Photoelectric, coefficients.photoelectric),
        ] {
            let share = expected / coefficients.total();
            let drawn = (0..n).filter(|_| tables.choose(0, located, &mut random) == process).count();
            let sigma = (share * (1.0 - share) / f64::from(n)).sqrt();
            let found = drawn as f64 / f64::from(n);
            // A per mille for interpolation.
            assert!((found - share).abs() < 4.0 * sigma + 1e-3, "{process:?} {mev}: {found} {share}");
        }
    }
    // At 20 keV silicon takes most of the photoelectric absorption, and 14 in 37 of the electrons are silicon's.
    let located = tables.locate(0.02);
    for (process, cross_section) in [
        (Process::Photoelectric, (|e| e.photoelectric.cross_section_mm2(0.02)) as fn(&Element) -> f64),
        (Process::Compton, |e| e.z),
        (Process::Pair, |e| e.z * (e.z + 1.0)),
    ] {
        let weight = |c: &crate::material::Component| c.atoms_per_mm3 * cross_section(c.element);
        let share = weight(&material.components[0]) / material.components.iter().map(weight).sum::<f64>();
        let silicon =
            |random: &mut Random| tables.target(0, process, located.interval, random).element.z > 13.5;
        let found = (0..n).filter(|_| silicon(&mut random)).count() as f64 / f64::from(n);
        let sigma = (share * (1.0 - share) / f64::from(n)).sqrt();
        assert!((found - share).abs() < 4.0 * sigma + 5e-3, "{process:?}: {found} {share}");
    }
}

/// No pair is drawn from an interval that reaches below the threshold, and sampling conserves energy.
#[test]
fn pairs_need_their_rest_energy() {
    let (tables, _) = tables("lead");
    let mut random = Random::new(ChaCha8Rng::seed_from_u64(2));
    for mev in [0.5, 1.0, 1.02, 1.023] {
        let located = tables.locate(mev);
        assert!((0..10_000).all(|_| tables.choose(0, located, &mut random) != Process::Pair), "{mev}");
    }
    let pair = tables.pair(0, 50.0, &mut random);
    assert!((pair.electron_mev + pair.positron_mev + pair::THRESHOLD_MEV - 50.0).abs() < 1e-12);
    let out = tables.photoelectron(0, tables.locate(0.1), 0.1, &mut random);
    assert!((out.electron_mev + out.local_mev - 0.1).abs() < 1e-15);
}

/// One lookup touches one cache line.
#[test]
fn intervals_divide_cache_lines() {
    assert_eq!(size_of::<Interval>(), 32);
}
