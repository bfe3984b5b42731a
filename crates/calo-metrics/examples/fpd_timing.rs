//! Times one FPD of two standard-normal samples of 11 features, in a form that scripts can read.
//!
//! `cargo run --release -p calo-metrics --example fpd_timing -- 50000 1` prints
//! `seconds=.. fpd=.. error=.. min_samples=.. max_samples=..`: the last two make JetNet's `fpd` do the same work
//! (10 sizes, 20 batches, with replacement) on arrays of that shape.

use std::time::Instant;

use calo_metrics::{Draw, FrechetSettings, fpd};
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const N_FEATURES: usize = 11;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let n_showers: usize = arguments.next().ok_or("usage: fpd_timing N_SHOWERS SEED")?.parse()?;
    let seed: u64 = arguments.next().ok_or("usage: fpd_timing N_SHOWERS SEED")?.parse()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let [reference, candidate]: [Array2<f64>; 2] = std::array::from_fn(|_| {
        Array2::from_shape_simple_fn((n_showers, N_FEATURES), || StandardNormal.sample(&mut rng))
    });
    let settings = FrechetSettings {
        draw: Draw::WithReplacement,
        ..FrechetSettings::for_sizes(n_showers, n_showers, seed)
    };
    let start = Instant::now();
    let distance = fpd(reference.view(), candidate.view(), &settings)?;
    let seconds = start.elapsed().as_secs_f64();
    let (value, error) = (distance.value, distance.error.unwrap_or(f64::NAN));
    let FrechetSettings { min_samples, max_samples, .. } = settings;
    println!(
        "seconds={seconds:.6} fpd={value:.6e} error={error:.6e} min_samples={min_samples} max_samples={max_samples}"
    );
    Ok(())
}
