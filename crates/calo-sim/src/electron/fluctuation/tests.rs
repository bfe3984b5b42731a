//! Means, widths and most probable losses against Landau and Vavilov.

use super::super::{TWO_PI_RADIUS2_MM2, moller, stopping};
use super::*;
use crate::constants::ELECTRON_MASS_MEV;
use crate::testing::random;

fn mean_and_error(samples: &[f64]) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / n;
    let variance = samples.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

#[test]
fn the_mean_is_kept() {
    for (i, (name, cut_mev)) in
        [("silicon", 0.08), ("tungsten", 0.3), ("air", 0.00099)].into_iter().enumerate()
    {
        let straggling = Straggling::new(&Material::named(name).unwrap(), cut_mev);
        for (j, mean_mev) in [2e-5, 3e-4, 3e-3, 0.02, 0.15, 1.0].into_iter().enumerate() {
            for (k, highest_mev) in [1e3, 0.02, 3e-4].into_iter().enumerate() {
                let mut random = random(600 + (100 * i + 10 * j + k) as u64);
                let samples: Vec<f64> =
                    (0..20_000).map(|_| straggling.sample_mev(mean_mev, highest_mev, &mut random)).collect();
                assert!(samples.iter().all(|&loss| loss >= 0.0));
                let (mean, error) = mean_and_error(&samples);
                assert!(
                    (mean - mean_mev).abs() < 4.5 * error + 1e-12,
                    "{name} {mean_mev} {highest_mev}: {mean} +- {error}"
                );
            }
        }
    }
}

/// Mode by a parabola through the top half of the histogram, and full width at half maximum, MeV.
fn mode_and_width(samples: &[f64], bin_mev: f64) -> (f64, f64) {
    let mut counts = vec![0.0; 400];
    for loss in samples {
        if let Some(count) = counts.get_mut((loss / bin_mev) as usize) {
            *count += 1.0;
        }
    }
    let smooth: Vec<f64> = counts.windows(5).map(|w| w.iter().sum::<f64>() / 5.0).collect();
    let centre = |i: usize| (i as f64 + 2.5) * bin_mev;
    let (top, &highest) = smooth.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap();
    let half = |mut from: Box<dyn Iterator<Item = usize>>| {
        centre(from.find(|&i| smooth[i] < 0.5 * highest).unwrap())
    };
    let (low, high) = (half(Box::new((0..top).rev())), half(Box::new(top..smooth.len())));
    // Mean place of what is above 0.9 of the top: steadier than the highest bin.
    let near: Vec<usize> = (0..smooth.len()).filter(|&i| smooth[i] > 0.9 * highest).collect();
    let mode = 0.5 * (centre(near[0]) + centre(near[near.len() - 1]));
    (mode, high - low)
}

/// PDG, Passage of particles through matter, eq. 34.12: most probable loss, MeV.
fn landau_vavilov_mev(material: &Material, path_mm: f64, gamma2: f64) -> (f64, f64) {
    let beta2 = 1.0 - 1.0 / gamma2;
    let beta_gamma2 = beta2 * gamma2;
    let xi = TWO_PI_RADIUS2_MM2 * ELECTRON_MASS_MEV * material.electrons_per_mm3() * path_mm / beta2;
    let excitation = material.mean_excitation_mev;
    let logs = (2.0 * ELECTRON_MASS_MEV * beta_gamma2 / excitation).ln() + (xi / excitation).ln();
    (xi * (logs + 0.2 - beta2 - material.density_correction(beta_gamma2.sqrt())), xi)
}

/// Losses of fast electrons in a sensor of 0.5 mm, in `steps` steps, with all delta rays stopped in it.
fn losses_in_sensor(steps: u32, cut_mev: f64, n: usize) -> (Vec<f64>, f64, f64) {
    let material = Material::named("silicon").unwrap();
    let (kinetic_mev, path_mm) = (10_000.0, 0.5);
    let straggling = Straggling::new(&material, cut_mev);
    let soft = stopping::restricted_mev_per_mm(&material, false, kinetic_mev, cut_mev);
    let hard = moller::cross_section_mm2(kinetic_mev, cut_mev) * material.electrons_per_mm3() * path_mm;
    let mut random = random(80 + u64::from(steps));
    let losses = (0..n)
        .map(|_| {
            let step_mev = soft * path_mm / f64::from(steps);
            let continuous: f64 =
                (0..steps).map(|_| straggling.sample_mev(step_mev, 0.5 * kinetic_mev, &mut random)).sum();
            let deltas = random.poisson(hard) as u32;
            let knocked: f64 =
                (0..deltas).map(|_| moller::sample_transfer_mev(kinetic_mev, cut_mev, &mut random)).sum();
            continuous + knocked
        })
        .collect();
    let gamma = kinetic_mev / ELECTRON_MASS_MEV + 1.0;
    let (expected, xi) = landau_vavilov_mev(&material, path_mm, gamma * gamma);
    (losses, expected, xi)
}

#[test]
fn the_most_probable_loss_in_silicon_is_landaus() {
    for (steps, cut_mev) in [(1, 0.08), (5, 0.08), (1, 1.0)] {
        let (losses, expected, xi) = losses_in_sensor(steps, cut_mev, 100_000);
        let (mode, width) = mode_and_width(&losses, 1e-3);
        assert!((mode / expected - 1.0).abs() < 0.03, "{steps} {cut_mev}: {mode}, PDG {expected}");
        // Landau's 4.02 xi, and what binding adds in a thin sensor.
        assert!((3.8..6.0).contains(&(width / xi)), "{steps} {cut_mev}: {} xi", width / xi);
    }
}
