//! Whether a generator makes the same few showers again and again.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::results::Estimate;
use crate::sample::{check_pair, check_sizes};
use crate::spread::standard_deviation;

/// Nearest neighbours are searched among no more showers than this, which takes seconds.
const MAX_SHOWERS: usize = 10_000;

/// Share of distinct showers among the reference showers that are nearest to those of the candidate, of the first n of both,
/// where n is the size of the smaller one or 10,000.
///
/// Below 1 for samples of the same distribution too, in which some showers are nearest to several; near 0 for a generator that
/// repeats itself. Compare with the value of two independent samples.
///
/// # Shapes
/// `[shower, feature]`, standardised.
///
/// # Errors
/// Empty or non-finite samples, different numbers of features.
pub fn distinct_neighbours(reference: ArrayView2<'_, f64>, candidate: ArrayView2<'_, f64>) -> Result<f64> {
    check_pair(reference, candidate)?;
    let n = reference.nrows().min(candidate.nrows()).min(MAX_SHOWERS);
    let reference = reference.slice_axis(Axis(0), (0..n).into()).as_standard_layout().into_owned();
    let candidate = candidate.slice_axis(Axis(0), (0..n).into()).as_standard_layout().into_owned();
    let nearest = |shower: usize| {
        let shower = candidate.row(shower);
        let distance = |other: usize| -> f64 {
            reference.row(other).iter().zip(shower).map(|(a, b)| (a - b).powi(2)).sum()
        };
        (0..n)
            .map(|other| (distance(other), other))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, other)| other)
    };
    let mut found: Vec<usize> = (0..n).into_par_iter().filter_map(nearest).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found.len() as f64 / n as f64)
}

/// Mean distance between two showers of the candidate over that between two of the reference, where the two are neighbours in
/// incident energy, so that it is chance that makes them differ.
///
/// 1 for samples of the same distribution, 0 for a generator that makes one shower for each energy.
///
/// # Shapes
/// `[shower, feature]`, standardised, and as many incident energies.
///
/// # Errors
/// Non-finite samples or fewer than four showers, different numbers of features, not one energy for each shower, a reference
/// whose showers are all the same.
pub fn pairwise_spread(
    [reference, candidate]: [ArrayView2<'_, f64>; 2],
    energies_gev: [&[f64]; 2],
) -> Result<Estimate> {
    check_pair(reference, candidate)?;
    check_sizes("the spread between showers", reference, candidate, 4)?;
    let [theirs, ours] =
        [mean_distance(reference, energies_gev[0])?, mean_distance(candidate, energies_gev[1])?];
    if theirs.value <= 0.0 {
        return Err(Error::Constant { what: "showers of the reference".to_owned(), value: 0.0 });
    }
    let ratio = ours.value / theirs.value;
    let relative = |estimate: Estimate| estimate.error.unwrap_or(0.0) / estimate.value.max(f64::MIN_POSITIVE);
    let error = if ours.value > 0.0 { ratio * relative(ours).hypot(relative(theirs)) } else { 0.0 };
    Ok(Estimate { value: ratio, error: Some(error) })
}

/// Mean distance within pairs of showers of neighbouring energies, each shower in one pair.
fn mean_distance(showers: ArrayView2<'_, f64>, energies_gev: &[f64]) -> Result<Estimate> {
    if energies_gev.len() != showers.nrows() {
        return Err(Error::mismatch("incident energies", energies_gev.len(), showers.nrows()));
    }
    let mut order: Vec<usize> = (0..energies_gev.len()).collect();
    order.sort_by(|&a, &b| energies_gev[a].total_cmp(&energies_gev[b]));
    let distance = |pair: &[usize]| {
        let square = |(a, b): (&f64, &f64)| (a - b).powi(2);
        showers.row(pair[0]).iter().zip(showers.row(pair[1])).map(square).sum::<f64>().sqrt()
    };
    let distances: Vec<f64> = order.chunks_exact(2).map(distance).collect();
    let n = distances.len() as f64;
    let error = standard_deviation(&distances).map(|deviation| deviation / n.sqrt());
    Ok(Estimate { value: distances.iter().sum::<f64>() / n, error })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, concatenate};
    use rand::Rng as _;

    use super::*;
    use crate::random::stream;

    fn showers(n: usize, seed: u64) -> Array2<f64> {
        let mut random = stream(seed, *b"diversty", 0, 0);
        Array2::from_shape_simple_fn((n, 5), || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0)
    }

    #[test]
    fn a_generator_that_repeats_itself_is_found_out() {
        let (reference, other) = (showers(600, 1), showers(600, 2));
        let same = distinct_neighbours(reference.view(), other.view()).unwrap();
        assert!((0.5..0.75).contains(&same), "{same}");
        let few = showers(6, 3);
        let repeated = concatenate(Axis(0), &[few.view(); 100]).unwrap();
        let found = distinct_neighbours(reference.view(), repeated.view()).unwrap();
        assert!((0.005..0.011).contains(&found), "{found}");
        // Half of it a repetition: in between.
        let half = concatenate(
            Axis(0),
            &[other.slice_axis(Axis(0), (0..300).into()), repeated.slice_axis(Axis(0), (0..300).into())],
        )
        .unwrap();
        let found = distinct_neighbours(reference.view(), half.view()).unwrap();
        assert!((0.3..0.45).contains(&found), "{found}");
    }

    /// The energy explains a feature: only what is left counts.
    #[test]
    fn the_spread_is_that_at_one_energy() {
        let energies: Vec<f64> = (0..1000_u32).map(|i| 10.0 + f64::from((i * 617) % 1000) / 10.0).collect();
        let with = |noise: &Array2<f64>, scale: f64| {
            let mut showers = noise * scale;
            for (mut shower, energy) in showers.rows_mut().into_iter().zip(&energies) {
                shower[0] += 5.0 * energy;
            }
            showers
        };
        let spread = |scale: f64| {
            let (reference, candidate) = (with(&showers(1000, 1), 1.0), with(&showers(1000, 2), scale));
            pairwise_spread([reference.view(), candidate.view()], [&energies, &energies]).unwrap()
        };
        for scale in [1.0, 0.5, 2.0] {
            let found = spread(scale);
            let error = found.error.unwrap();
            assert!((found.value - scale).abs() < 0.05 * scale && error < 0.03 * scale, "{scale}: {found:?}");
        }
        assert!(spread(0.0).value < 0.2);
    }

    #[test]
    fn bad_input_is_named() {
        let (few, many) = (showers(3, 1), showers(10, 2));
        let message = |a: &Array2<f64>, b: &Array2<f64>, n: usize| {
            pairwise_spread([a.view(), b.view()], [&[1.0; 10][..n], &[1.0; 10]]).unwrap_err().to_string()
        };
        assert!(message(&few, &many, 3).contains("reference for the spread between showers: 3"));
        assert!(message(&many, &many, 9).starts_with("incident energies: found 9; expected 10"));
        assert!(message(&Array2::zeros((10, 5)), &many, 10).contains("showers of the reference"));
        assert!(distinct_neighbours(few.view(), Array2::zeros((0, 5)).view()).is_err());
    }
}
