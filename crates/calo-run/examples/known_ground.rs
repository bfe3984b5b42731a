//! The amplification factor where the truth is a formula: a camel's two humps in one dimension, spherical shells in two to
//! five. A kernel density of 1,000 points stands for a generative model; points drawn from the training set again must be
//! worth the set, and ten times as many independent points ten times as much.
//!
//! `cargo run --release --package calo-run --example known_ground` prints a Markdown table.
//!
//! # Reference
//! Butter et al., arXiv 2008.06545: truths of this kind. Humps at -4 and 4 of width 1; shells of radius 4 and width 1.

use std::error::Error;
use std::f64::consts::{PI, SQRT_2, TAU};

use calo_core::random::{Purpose, stream};
use calo_latent::{Bandwidth, CrossValidation, Kde, KdeSettings, KernelCovariance};
use calo_metrics::results::Estimate;
use calo_metrics::{
    BootstrapSettings, IndependentCurve, QuantileBins, QuantileSample, Worth, quantile_divergences,
    worth_at_resolution,
};
use ndarray::{Array2, ArrayView2, Axis};
use rand::Rng;
use rand_distr::StandardNormal;

/// Points that a density is fitted to.
const N_TRAIN: usize = 1000;
/// Points that are sampled from it.
const N_GENERATED: usize = 1_000_000;
/// Points behind the divergence of independent ones.
const N_INDEPENDENT: usize = 200_000;
/// Independent points that are judged as if they were generated.
const N_MORE: usize = 10_000;
/// Training sets.
const N_SETS: u64 = 5;
/// 4096 quantiles.
const N_SPLITS: u32 = 12;

const TRUTH: Purpose = Purpose::new("known ground");
const KDE: Purpose = Purpose::new("kde of known ground");
const AGAIN: Purpose = Purpose::new("drawn again");

/// A truth.
#[derive(Debug, Clone, Copy)]
enum Ground {
    Camel,
    /// In so many dimensions.
    Shell(usize),
}

impl Ground {
    fn n_dimensions(self) -> usize {
        match self {
            Self::Camel => 1,
            Self::Shell(n) => n,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Camel => "camel, 1-D".to_owned(),
            Self::Shell(n) => format!("shell, {n}-D"),
        }
    }

    /// Points of the truth, `[n, dimensions]`; other seeds make other points.
    fn points(self, n: usize, seed: u64) -> Array2<f64> {
        let mut random = stream(seed, TRUTH, self.n_dimensions() as u64);
        let mut normal = || random.sample::<f64, _>(StandardNormal);
        let mut points = Array2::zeros((n, self.n_dimensions()));
        for mut point in points.axis_iter_mut(Axis(0)) {
            match self {
                Self::Camel => point[0] = normal() + if normal() < 0.0 { -4.0 } else { 4.0 },
                Self::Shell(_) => {
                    point.mapv_inplace(|_| normal());
                    let direction = point.mapv(|x| x * x).sum().sqrt();
                    // Below 0 is one point in 30,000.
                    let radius = std::iter::repeat_with(|| 4.0 + normal()).find(|radius| *radius > 0.0);
                    point.mapv_inplace(|x| x * radius.unwrap_or(4.0) / direction);
                }
            }
        }
        points
    }

    /// Each point at the values of the truth's cumulative distributions: uniform in the unit cube for the truth itself.
    fn in_cube(self, points: &ArrayView2<'_, f64>) -> Array2<f64> {
        let mut cube = Array2::zeros(points.raw_dim());
        for (point, mut place) in points.axis_iter(Axis(0)).zip(cube.axis_iter_mut(Axis(0))) {
            match self {
                Self::Camel => {
                    place[0] = f64::midpoint(cumulative(point[0] + 4.0), cumulative(point[0] - 4.0));
                }
                Self::Shell(n) => {
                    let mut rest = point.mapv(|x| x * x).sum();
                    let below_0 = cumulative(-4.0);
                    place[0] = (cumulative(rest.sqrt() - 4.0) - below_0) / (1.0 - below_0);
                    for k in 0..n - 2 {
                        let cosine = point[k] / rest.sqrt();
                        rest -= point[k] * point[k];
                        place[k + 1] = cumulative_of_sine(n - 2 - k, cosine.clamp(-1.0, 1.0));
                    }
                    place[n - 1] = (point[n - 1].atan2(point[n - 2]) + PI) / TAU;
                }
            }
        }
        cube.mapv_into(|value| value.clamp(0.0, 1.0 - f64::EPSILON))
    }
}

/// Of the normal distribution.
fn cumulative(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// Of an angle whose density goes with the sine to the power `power`, 1 to 3, as the angle between a direction and an axis in
/// three to five dimensions.
fn cumulative_of_sine(power: usize, cosine: f64) -> f64 {
    let angle = cosine.acos();
    match power {
        1 => (1.0 - cosine) / 2.0,
        2 => (angle - angle.sin() * cosine) / PI,
        _ => (2.0 - 3.0 * cosine + cosine.powi(3)) / 4.0,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    println!(
        "| truth | bandwidth | kernel density, 1,000,000 points | training set drawn again | {N_MORE} independent points |"
    );
    println!("| --- | --- | --- | --- | --- |");
    for ground in [Ground::Camel, Ground::Shell(2), Ground::Shell(3), Ground::Shell(4), Ground::Shell(5)] {
        let n = ground.n_dimensions();
        let bins = QuantileBins::of_unit_cube(n, N_SPLITS)?;
        let sample = |points: ArrayView2<'_, f64>| QuantileSample::of_showers(ground.in_cube(&points));
        let independent = sample(ground.points(N_INDEPENDENT, 0).view())?;
        let sizes = [1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000];
        let curves = IndependentCurve::measure(&bins, None, &independent, &sizes)?;
        let (mut found, mut bandwidths) = ([vec![], vec![], vec![]], vec![]);
        for set in 1..=N_SETS {
            let training = ground.points(N_TRAIN, set);
            let search = CrossValidation { seed: set, ..CrossValidation::default() };
            let settings = KdeSettings {
                covariance: KernelCovariance::Standardised,
                bandwidth: Bandwidth::CrossValidated(search),
                ..KdeSettings::default()
            };
            let kde = Kde::fit(training.view(), &settings)?;
            bandwidths.extend(kde.bandwidths().first().copied());
            let generated = kde.samples(0..N_GENERATED as u64, |i| stream(set, KDE, i));
            let mut random = stream(set, AGAIN, 0);
            let rows: Vec<usize> = (0..N_GENERATED).map(|_| random.random_range(0..N_TRAIN)).collect();
            let again = training.select(Axis(0), &rows);
            let more = ground.points(N_MORE, 100 + set);
            for (all, points) in found.iter_mut().zip([generated, again, more]) {
                let bootstrap = BootstrapSettings { replicas: 5, seed: set };
                let levels = quantile_divergences(&bins, &sample(points.view())?, &bootstrap)?;
                all.push(levels.iter().map(|level| level.divergence.value).collect::<Vec<f64>>());
            }
        }
        let cells = found.iter().map(|sets| shown(worth_at_resolution(&curves, &mean(sets))));
        let Estimate { value, error } = Estimate::over(&bandwidths);
        let bandwidth = format!("{value:.3} ± {:.3}", error.unwrap_or(0.0));
        println!("| {} | {bandwidth} | {} |", ground.name(), cells.collect::<Vec<_>>().join(" | "));
    }
    println!(
        "\nFactors: independent points of the same divergence over {N_TRAIN}, one standard deviation over {N_SETS} training sets down and up, and the number of quantiles, {} at most; * rests on more than the {N_INDEPENDENT} independent points that there are.",
        1 << N_SPLITS
    );
    Ok(())
}

/// Mean and standard deviation of each column.
fn mean(rows: &[Vec<f64>]) -> Vec<Estimate> {
    let n = rows.first().map_or(0, Vec::len);
    (0..n).map(|level| Estimate::over(&rows.iter().map(|row| row[level]).collect::<Vec<_>>())).collect()
}

fn shown(worth: Option<Worth>) -> String {
    let Some(Worth { n_bins, n_showers, range: (fewest, most), is_extrapolated }) = worth else {
        return "-".to_owned();
    };
    let factor = |n: f64| n / N_TRAIN as f64;
    let bound = |n: Option<f64>| n.map_or_else(|| "∞".to_owned(), |n| format!("{:.2}", factor(n)));
    let mark = if is_extrapolated { "*" } else { "" };
    format!("{:.2}{mark} ({} to {}; {n_bins})", factor(n_showers), bound(fewest), bound(most))
}
