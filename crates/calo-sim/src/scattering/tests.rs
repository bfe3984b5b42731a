//! Angles drawn against published distributions.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::constants::ELECTRON_MASS_MEV;
use crate::electron::stopping::restricted_mev_per_mm;
use crate::material::Material;
use crate::particle::{Kind, turned};
use crate::testing::random;

static DEFLECTIONS: LazyLock<Deflections> = LazyLock::new(Deflections::new);

/// Width of the central 98 % of the projected angle: Lynch and Dahl, Nucl. Instrum. Meth. B 58 (1991) 6, eq. 7: rms
/// of a Gaussian fitted to it, good to 2 % for Moliere's theory.
fn lynch_dahl(material: &Material, path_mm: f64, momentum_mev: f64, beta: f64) -> f64 {
    const CENTRAL: f64 = 0.98;
    let element = |c: &crate::material::Component| c.element.z;
    let z = element(&material.components[0]);
    let a_g_mol = material.components[0].element.a_g_mol;
    let g_cm2 = material.density_g_cm3 * 0.1 * path_mm;
    let chi_c2 = 0.157 * z * (z + 1.0) * g_cm2 / a_g_mol / (momentum_mev * beta).powi(2);
    let born2 = (z / (137.036 * beta)).powi(2);
    let chi_a2 = 2.007e-5 * z.powf(2.0 / 3.0) * (1.0 + 3.34 * born2) / momentum_mev.powi(2);
    let v = 0.5 * chi_c2 / chi_a2 / (1.0 - CENTRAL);
    (chi_c2 / (1.0 + CENTRAL * CENTRAL) * ((1.0 + v) / v * v.ln_1p() - 1.0)).sqrt()
}

#[test]
fn core_has_the_width_of_lynch_and_dahl() {
    let mut random = random(3);
    let n = 50_000;
    for (name, path_mm, kinetic_mev) in [
        ("silicon", 0.5, 10.0),
        ("silicon", 0.5, 1000.0),
        ("tungsten", 0.02, 10.0),
        ("tungsten", 2.0, 1000.0),
        ("tungsten", 2.0, 20_000.0),
        ("lead", 0.5, 100.0),
    ] {
        let material = Material::named(name).unwrap();
        let scattering = Scattering::of(&material, Kind::Electron, kinetic_mev);
        let mut angles: Vec<f64> = (0..n)
            .map(|_| {
                let mu = DEFLECTIONS.sample(&Law::new(&scattering), path_mm, &mut random);
                2.0 * mu.sqrt().asin() * random.azimuth().cos
            })
            .collect();
        angles.sort_by(|a, b| a.abs().total_cmp(&b.abs()));
        angles.truncate(n * 98 / 100);
        let rms = (angles.iter().map(|x| x * x).sum::<f64>() / angles.len() as f64).sqrt();
        // A Gaussian cut at 98 % has 0.9294 of its variance left: 1 - 2 x phi(x) / 0.98 at x = 2.326.
        let sigma = rms / (1.0 - 2.0 * 2.3263 * 0.026_652 / 0.98_f64).sqrt();
        let momentum = (kinetic_mev * (kinetic_mev + 2.0 * ELECTRON_MASS_MEV)).sqrt();
        let expected = lynch_dahl(&material, path_mm, momentum, momentum / (kinetic_mev + ELECTRON_MASS_MEV));
        println!("{name} {kinetic_mev} {:.4}", sigma / expected);
        assert!((sigma / expected - 1.0).abs() < 0.07, "{name} {kinetic_mev}: {sigma}, expected {expected}");
    }
}

/// Single scattering in the tail: `P(> theta)` is Rutherford's, to the order of the core's share (Bethe 1953, sec. 6).
#[test]
fn tail_is_single_scattering() {
    let scattering = Scattering {
        inverse_transport_mm: 1e-3,
        collisions_per_mm: 1e-3 / first_moment(1e-6),
        cut: 1.0,
        screening: 1e-6,
        hard_per_mm: 0.0,
    };
    let mut random = random(5);
    let n = 1_000_000;
    let mu_0 = 0.02;
    let tail =
        (0..n).filter(|_| DEFLECTIONS.sample(&Law::new(&scattering), 1.0, &mut random) > mu_0).count() as f64;
    let expected = f64::from(n) * scattering.collisions_per_mm * 1e-6 * (1.0 / mu_0 - 1.0);
    assert!((tail - expected).abs() < 4.0 * expected.sqrt() + 0.08 * expected, "{tail} {expected}");
}

proptest! {
    #[test]
    fn any_draw_is_an_angle(
        ln_path in -30.0..5.0_f64, ln_screening in -30.0..0.7_f64, ln_cut in -20.0..2.0_f64, seed in 0..u64::MAX,
    ) {
        let (path, screening, cut) = (ln_path.exp(), ln_screening.exp(), ln_cut.exp().min(1.0));
        let scattering = Scattering {
            inverse_transport_mm: path,
            collisions_per_mm: path / cut / first_moment(screening),
            cut,
            screening,
            hard_per_mm: 0.0,
        };
        let mu = DEFLECTIONS.sample(&Law::new(&scattering), 1.0, &mut random(seed));
        prop_assert!((0.0..=1.0).contains(&mu), "{mu}");
        prop_assert!(DEFLECTIONS.sample(&Law::new(&scattering), 0.0, &mut random(seed)).abs() < 1e-300);
    }
}

/// Tabata, Ito and Okabe, Nucl. Instrum. Meth. 94 (1971) 509: fraction of electrons that thick targets scatter back.
fn tabata(z: f64, kinetic_mev: f64) -> f64 {
    let a1 = 1.15 * (-8.35 * z.powf(-0.525)).exp();
    let a2 = 0.0185 + 15.7 * z.powf(-1.59);
    let a3 = 1.56 - 4.42 / z;
    a1 / (1.0 + a2 * (kinetic_mev / ELECTRON_MASS_MEV).powf(a3))
}

fn backscattered(material: &Material, kinetic_mev: f64, longest: f64, loss: f64, n: usize) -> f64 {
    // Tables on a fine logarithmic grid, nearest node: this is a test.
    let nodes: Vec<(Scattering, f64)> = (0..=160)
        .map(|k| {
            let t = kinetic_mev * 10_f64.powf(-0.0125 * f64::from(k));
            (
                Scattering::of(material, Kind::Electron, t),
                restricted_mev_per_mm(material, false, t, f64::INFINITY),
            )
        })
        .collect();
    let at = |t: f64| &nodes[((-80.0 * (t / kinetic_mev).log10()).round().max(0.0) as usize).min(160)];
    let mut random = random(7);
    let mut back = 0_u32;
    for _ in 0..n {
        let (mut t, mut depth, mut direction) = (kinetic_mev, 0.0, [0.0, 1.0, 0.0]);
        while t > 0.02 * kinetic_mev {
            let (s, stopping) = at(t);
            let step = (longest / s.inverse_transport_mm).min(loss * t / stopping);
            let (middle, _) = at(t - 0.5 * step * stopping);
            let first = random.uniform() * step;
            depth += first * direction[1];
            if depth >= 0.0 {
                let mu = DEFLECTIONS.sample(&Law::new(middle), step, &mut random);
                direction = turned(direction, 1.0 - 2.0 * mu, random.azimuth());
                depth += (step - first) * direction[1];
            }
            if depth < 0.0 {
                back += 1;
                break;
            }
            t -= step * at(t - 0.5 * step * stopping).1;
        }
    }
    f64::from(back) / n as f64
}

/// With the longest steps that transport takes near a face. The rule is good to 10 %.
#[test]
fn thick_targets_throw_back_what_was_measured() {
    for (name, z) in [("tungsten", 74.0), ("copper", 29.0)] {
        let material = Material::named(name).unwrap();
        for kinetic_mev in [0.2, 1.0] {
            let n = 4000;
            let found = backscattered(&material, kinetic_mev, 1.0, 0.2, n);
            let expected = tabata(z, kinetic_mev);
            let error = (expected * (1.0 - expected) / n as f64).sqrt();
            assert!(
                (found - expected).abs() < 0.1 * expected + 4.0 * error,
                "{name} {kinetic_mev} MeV: {found}, {expected}"
            );
        }
    }
}
