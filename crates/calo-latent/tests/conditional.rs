//! Samples at a given value of one column against explicit sums of the weights.

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report of a test")]

use calo_latent::{Bandwidth, Error, Kde, KdeSettings, KernelCovariance};
use ndarray::{Array1, Array2, Axis, array, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn rng_of(index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    rng.set_stream(index);
    rng
}

/// Two latent variables around an energy in the middle column, which both depend on.
fn points(n: usize) -> Array2<f64> {
    let mut rng = rng_of(u64::MAX);
    let mut points = Array2::zeros((n, 3));
    for mut row in points.rows_mut() {
        let energy: f64 = rng.random_range(10.0..100.0);
        let [a, b]: [f64; 2] = [rng.sample(StandardNormal), rng.sample(StandardNormal)];
        row.assign(&array![0.04 * energy + 0.5 * a, energy, 0.3 * a + 0.7 * b - 0.02 * energy]);
    }
    points
}

fn fit(points: &Array2<f64>, covariance: KernelCovariance, h: f64, h_energy: f64) -> Kde {
    let bandwidth = Bandwidth::Fixed { bandwidth: h, condition: Some(h_energy) };
    Kde::fit(points.view(), &KdeSettings { covariance, bandwidth, condition: Some(1), ..Default::default() })
        .unwrap()
}

/// Mean and variance of the first column given an energy, from p(z, E) by integration over a grid.
fn moments_by_integration(kde: &Kde, energy: f64) -> [f64; 2] {
    let n = 80;
    let axis = Array1::linspace(-4.0, 8.0, n);
    let grid = Array2::from_shape_fn((n * n, 3), |(i, k)| match k {
        0 => axis[i / n],
        1 => energy,
        _ => axis[i % n] - 3.0,
    });
    let density = kde.log_density(grid.view()).unwrap().mapv(f64::exp);
    let sum = density.sum();
    let mean = density.dot(&grid.column(0)) / sum;
    [mean, density.dot(&grid.column(0).mapv(|z| (z - mean).powi(2))) / sum]
}

#[test]
fn samples_have_the_moments_of_the_density_itself() {
    let points = points(60);
    for covariance in
        [KernelCovariance::Standardised, KernelCovariance::Regressed, KernelCovariance::FullCovariance]
    {
        let kde = fit(&points, covariance, 0.35, 0.2);
        for energy in [15.0, 60.0, 110.0] {
            let n = 4000;
            let z = kde.samples_given(Array1::from_elem(n, energy).view(), 0, rng_of).unwrap();
            let [mean, variance] = moments_by_integration(&kde, energy);
            let found = z.column(0).mean().unwrap();
            let spread = z.column(0).var(1.0);
            let tolerance = 4.5 * (variance / n as f64).sqrt();
            assert!((found - mean).abs() < tolerance, "{covariance:?} {energy}: {found} {mean}");
            assert!((spread / variance - 1.0).abs() < 0.15, "{covariance:?} {energy}: {spread} {variance}");
        }
    }
}

#[test]
fn centres_come_as_often_as_their_weights_say() {
    // Kernels so narrow in z that a sample identifies its centre.
    let n_centres = 30;
    let points = Array2::from_shape_fn((n_centres, 2), |(i, k)| {
        let i = i as f64;
        if k == 0 { i } else { 10.0 + 0.1 * i * i }
    });
    let bandwidth = Bandwidth::Fixed { bandwidth: 1e-4, condition: Some(0.3) };
    let settings = KdeSettings { bandwidth, condition: Some(1), ..Default::default() };
    let kde = Kde::fit(points.view(), &settings).unwrap();
    let h = 0.3 * points.column(1).std(1.0);
    for energy in [5.0, 30.0, 99.0] {
        let weights = points.column(1).mapv(|e| (-0.5 * ((e - energy) / h).powi(2)).exp());
        let weights = &weights / weights.sum();
        let n = 5000;
        let given = kde.given(energy).unwrap();
        let mut counts = Array1::<f64>::zeros(n_centres);
        for i in 0..n {
            counts[given.sample(&mut rng_of(i))[0].round() as usize] += 1.0;
        }
        let mut chi2 = 0.0;
        let mut n_terms = 0.0;
        for (&count, &weight) in counts.iter().zip(&weights) {
            let expected = n as f64 * weight;
            if expected > 5.0 {
                chi2 += (count - expected).powi(2) / expected;
                n_terms += 1.0;
            }
        }
        // Mean k and variance 2 k; five standard deviations.
        let limit: f64 = n_terms + 5.0 * (2.0_f64 * n_terms).sqrt();
        assert!(n_terms > 3.0 && chi2 < limit, "{energy}: {chi2} of {n_terms}");
    }
}

#[test]
fn a_gap_falls_to_its_nearest_points_and_far_outside_is_an_error() {
    let points = array![[0.0, 10.0], [1.0, 10.1], [5.0, 90.0], [6.0, 90.2]];
    let bandwidth = Bandwidth::Fixed { bandwidth: 1e-3, condition: Some(1e-3) };
    let settings = KdeSettings {
        bandwidth,
        condition: Some(1),
        columns: vec!["z 0".into(), "E".into()],
        ..Default::default()
    };
    let kde = Kde::fit(points.view(), &settings).unwrap();
    for (energy, nearest) in [(45.0, 1.0), (55.0, 5.0)] {
        let z = kde.given(energy).unwrap().sample(&mut rng_of(0));
        assert!((z[0] - nearest).abs() < 0.1, "{energy}: {z}");
    }
    let error = kde.samples_given(array![10.0, 9.0].view(), 100, rng_of).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("E of sample 101 = 9: beyond the points of the density"), "{message}");
    assert!(matches!(kde.given(f64::NAN), Err(Error::NonFinite { .. })));
    let plain = KdeSettings { bandwidth: Bandwidth::Scott, ..Default::default() };
    let message = Kde::fit(points.view(), &plain).unwrap().given(10.0).unwrap_err().to_string();
    assert_eq!(message, "condition of the density: found none; expected a column to sample the others at");
    // With bandwidths below the resolution of the numbers sampling still ends, at the nearest centre.
    let kde = fit(
        &array![[0.0, 10.0, 1.0], [1.0, 11.0, 0.0], [2.0, 12.0, 2.0]],
        KernelCovariance::Standardised,
        1e-6,
        1e-300,
    );
    assert!((kde.given(11.9).unwrap().sample(&mut rng_of(0))[0] - 2.0).abs() < 1e-3);
}

#[test]
fn sample_i_is_the_same_alone_in_a_range_and_on_any_number_of_threads() {
    let points = points(700);
    let kde = fit(&points, KernelCovariance::FullCovariance, 0.3, 0.1);
    let energies = Array1::from_shape_fn(600, |i| 10.0 + 0.15 * i as f64);
    let all = || (kde.samples(0..600, rng_of), kde.samples_given(energies.view(), 0, rng_of).unwrap());
    let (free, given) = all();
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one_thread.install(all), (free.clone(), given.clone()));
    assert_eq!(kde.samples(500..510, rng_of), free.slice(s![500..510, ..]));
    assert_eq!(kde.sample(&mut rng_of(3)), free.row(3));
    let some = energies.slice(s![590..]);
    assert_eq!(kde.samples_given(some, 590, rng_of).unwrap(), given.slice(s![590.., ..]));
    assert_eq!(kde.given(energies[5]).unwrap().sample(&mut rng_of(5)), given.row(5));
    let densities =
        || fit(&points, KernelCovariance::FullCovariance, 0.3, 0.1).log_density(points.view()).unwrap();
    assert_eq!(one_thread.install(densities), densities());
}

#[test]
fn free_samples_have_the_covariance_of_points_and_kernels() {
    let points = points(300);
    for covariance in [
        KernelCovariance::None,
        KernelCovariance::Standardised,
        KernelCovariance::Regressed,
        KernelCovariance::FullCovariance,
    ] {
        let n = 4000;
        let kde = fit(&points, covariance, 0.5, 0.5);
        let found = covariance_of(&kde.samples(0..n, rng_of));
        let of_points = covariance_of(&points);
        for ((i, j), &found) in found.indexed_iter() {
            let kernel = match covariance {
                KernelCovariance::None => {
                    if i == j {
                        1.0
                    } else {
                        0.0
                    }
                }
                KernelCovariance::Standardised => {
                    if i == j {
                        of_points[[i, i]]
                    } else {
                        0.0
                    }
                }
                KernelCovariance::Regressed if i == j => of_points[[i, i]],
                // What both have in common with the condition, column 1.
                KernelCovariance::Regressed => of_points[[i, 1]] * of_points[[j, 1]] / of_points[[1, 1]],
                KernelCovariance::FullCovariance => of_points[[i, j]],
            };
            let expected = of_points[[i, j]] + 0.25 * kernel;
            let scale = (of_points[[i, i]] * of_points[[j, j]]).sqrt();
            assert!(
                (found - expected).abs() < 0.12 * (scale + 0.1),
                "{covariance:?} {i} {j}: {found} {expected}"
            );
        }
    }
}

fn covariance_of(points: &Array2<f64>) -> Array2<f64> {
    let centred = points - &points.mean_axis(Axis(0)).unwrap();
    centred.t().dot(&centred) / (points.nrows() as f64 - 1.0)
}
