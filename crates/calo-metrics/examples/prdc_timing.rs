//! Times precision, recall, density and coverage of two samples of sparse voxels, in a form that scripts can read.
//!
//! `cargo run --release -p calo-metrics --example prdc_timing -- 10000 40500 1` prints
//! `seconds=.. precision=.. recall=.. density=.. coverage=..`.

use std::time::Instant;

use calo_metrics::prdc;
use ndarray::Array2;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const USAGE: &str = "usage: prdc_timing N_SHOWERS N_VOXELS SEED";

/// Share of voxels that are hit, as in data set 3 of the CaloChallenge.
const SHARE_HIT: f32 = 0.27;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let n_showers: usize = arguments.next().ok_or(USAGE)?.parse()?;
    let n_voxels: usize = arguments.next().ok_or(USAGE)?.parse()?;
    let seed: u64 = arguments.next().ok_or(USAGE)?.parse()?;
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let [reference, candidate]: [Array2<f32>; 2] = std::array::from_fn(|_| {
        let mut showers = Array2::zeros((n_showers, n_voxels));
        for mut shower in showers.rows_mut() {
            // Showers differ in energy, so that some are near each other.
            let scale = 10.0_f32.powf(rng.random_range(0.0..3.0));
            shower.mapv_inplace(|_| {
                let uniform: f32 = rng.random();
                if uniform < SHARE_HIT { scale * uniform } else { 0.0 }
            });
        }
        showers
    });
    let coordinate = |mev: f32| if mev > 0.0 { f64::from(mev).log10() } else { -1.0 };
    let start = Instant::now();
    let scores = prdc(reference.view(), candidate.view(), &coordinate, 5)?;
    println!(
        "seconds={:.3} precision={} recall={} density={} coverage={}",
        start.elapsed().as_secs_f64(),
        scores.precision,
        scores.recall,
        scores.density,
        scores.coverage
    );
    Ok(())
}
