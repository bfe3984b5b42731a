//! Our side of `cargo xtask bench latent`: kernel densities of 24 latent variables and the incident energy.
//!
//! ```text
//! bench_density POINTS N_POINTS N_SEARCH REPETITIONS
//! ```
//! Writes the points to POINTS (little-endian f64, row by row), so that the peer, `xtask/peers/kde.py`, works on the
//! same numbers, and prints seconds as a line of JSON.

use std::fs;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use calo_latent::{Bandwidth, CrossValidation, Kde, KdeSettings, PerDimension, Search};
use ndarray::{Array2, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

/// Latent variables and the incident energy.
const COLUMNS: usize = 25;
/// Points at which the density is evaluated.
const N_EVALUATED: usize = 1000;
const N_SAMPLES: u64 = 100_000;
/// In standard deviations, near what cross-validation finds.
const BANDWIDTH: f64 = 0.5;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [file, n_points, n_search, repetitions] = &words[..] else {
        bail!("expected POINTS N_POINTS N_SEARCH REPETITIONS; see the head of this example");
    };
    let (n_search, repetitions) = (n_search.parse()?, repetitions.parse()?);
    let points = latent_like(n_points.parse()?);
    let bytes: Vec<u8> = points.iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(file, bytes).with_context(|| format!("{file}: cannot write"))?;

    let settings =
        |bandwidth| KdeSettings { bandwidth, condition: Some(COLUMNS - 1), ..KdeSettings::default() };
    let fixed = settings(Bandwidth::Fixed { bandwidth: BANDWIDTH, condition: None });
    let kde = Kde::fit(points.view(), &fixed)?;
    let some = points.slice(s![..N_EVALUATED.min(points.nrows()), ..]);
    let mut mean_log_density = 0.0;
    let evaluate = timed(repetitions, || {
        mean_log_density = kde.log_density(some)?.mean().context("no points")?;
        Ok(())
    })?;
    let sample = timed(repetitions, || {
        std::hint::black_box(kde.samples(0..N_SAMPLES, stream));
        Ok(())
    })?;
    let cross_validation = CrossValidation { n_points: n_search, ..CrossValidation::default() };
    let searched = settings(Bandwidth::CrossValidated(cross_validation));
    let mut n_tried = 0;
    let search = timed(repetitions, || {
        if let Some(Search::Common(search)) = Kde::fit(points.view(), &searched)?.search() {
            n_tried = search.evaluations.len();
        }
        Ok(())
    })?;
    let each =
        settings(Bandwidth::PerDimension(PerDimension { n_points: n_search, ..PerDimension::default() }));
    let mut n_steps = 0;
    let search_each = timed(repetitions, || {
        if let Some(Search::PerDimension(ascent)) = Kde::fit(points.view(), &each)?.search() {
            n_steps = ascent.log_likelihoods.len();
        }
        Ok(())
    })?;
    println!(
        "{}",
        json!({
            "evaluate_s": evaluate,
            "sample_s": sample,
            "search_s": search,
            "n_tried": n_tried,
            "search_each_s": search_each,
            "n_steps": n_steps,
            "mean_log_density": mean_log_density,
        })
    );
    Ok(())
}

fn stream(index: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    rng.set_stream(index);
    rng
}

/// Nearly normal variables, of which the first depend on the energy and on one another.
fn latent_like(n_points: usize) -> Array2<f64> {
    let mut rng = stream(u64::MAX);
    let mut points = Array2::zeros((n_points, COLUMNS));
    for mut row in points.rows_mut() {
        let energy_gev: f64 = rng.random_range(10.0..100.0);
        // Twelve uniform numbers make one that is normal enough.
        row.mapv_inplace(|_: f64| (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0);
        row[0] = 0.6 * row[0] + (0.05 * energy_gev).sin();
        row[1] = 0.5 * row[1] + 0.3 * row[0] * row[0];
        row[COLUMNS - 1] = energy_gev;
    }
    points
}

/// Seconds of each repetition of `work`, after one that is not counted.
fn timed(repetitions: usize, mut work: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for _ in 0..=repetitions {
        let start = Instant::now();
        work()?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(seconds.split_off(1))
}
