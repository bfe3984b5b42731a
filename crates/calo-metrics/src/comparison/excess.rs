//! Averages over splits, and what a distance has above its floor.

use crate::results::{Estimate, SplitDistances};
use crate::spread::standard_deviation;

/// Averages of the distances over splits, and the excess of the candidate over the floor.
///
/// `drawn` is the share of either file that a split draws, n over reference plus n over candidate.
pub(super) fn split_distances(candidate: &[f64], floor: &[f64], drawn: f64) -> SplitDistances {
    let [jsd, floor_jsd] = [candidate, floor].map(|divergences| {
        let distances: Vec<f64> = divergences.iter().map(|divergence| divergence.sqrt()).collect();
        average(&distances)
    });
    let square = (jsd.value.powi(2) - floor_jsd.value.powi(2)).max(0.0);
    let error = square_error(candidate, floor, drawn);
    let excess = Estimate {
        value: square.sqrt(),
        // How far the excess rises with its square: finite at zero, and propagation where it is large.
        error: error.map(|error| (square + error).sqrt() - square.sqrt()),
    };
    SplitDistances { jsd, floor: floor_jsd, excess }
}

/// Mean and its standard error over splits.
fn average(values: &[f64]) -> Estimate {
    let n = values.len() as f64;
    let error = standard_deviation(values).map(|deviation| deviation / n.sqrt());
    Estimate { value: values.iter().sum::<f64>() / n, error }
}

/// Standard error of the average of JSD^2 - floor^2, the finite size of both **files** included.
///
/// For small differences a divergence is a sum of squares of x = d + f + h, one for each bin: the true difference d,
/// the fluctuation f of the files, and that of the draw from them, h. With variance v of a part of n showers in a bin,
/// f has variance s v with s = `drawn`, h has (2 - s) v, and the floor's difference has 2 v in every split. Variances
/// over splits are then, with Q the sum of v^2 and L = 4 sum of d^2 v,
///
/// ```text
/// var(floor^2) = 8 Q
/// var(JSD^2)   = 2 (2 - s)^2 Q + 4 s (2 - s) Q + (2 - s) L
/// ```
///
/// and the wanted number, the variance of the sum of squares of d + f, is `2 s^2 Q + s L`. The spread over splits alone
/// is the error of the average over splits; it does not include the fluctuation of the files themselves.
fn square_error(candidate: &[f64], floor: &[f64], drawn: f64) -> Option<f64> {
    let redrawn = 2.0 - drawn;
    let q = standard_deviation(floor)?.powi(2) / 8.0;
    let of_draws = 2.0 * redrawn.powi(2) * q + 4.0 * drawn * redrawn * q;
    let l = ((standard_deviation(candidate)?.powi(2) - of_draws) / redrawn).max(0.0);
    Some((2.0 * drawn.powi(2) * q + drawn * l).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_excess_is_what_is_left_in_quadrature() {
        // 0.5^2 - 0.3^2 = 0.4^2, in every split.
        let found = split_distances(&[0.25; 4], &[0.09; 4], 1.0);
        assert!((found.excess.value - 0.4).abs() < 1e-15, "{found:?}");
        assert!(found.excess.error.unwrap() < 1e-15, "{found:?}");
        // Below the floor there is no excess, but an error.
        let below = split_distances(&[0.08, 0.10], &[0.096, 0.11], 1.0).excess;
        assert!(below.value == 0.0 && below.error.unwrap() > 0.0, "{below:?}");
    }

    #[test]
    fn the_error_of_a_large_excess_is_the_spread_over_halves() {
        // Halves of a file spread about it as the file does about the truth, so the spread is the error itself.
        let divergences = [0.250, 0.256, 0.244, 0.250];
        let found = split_distances(&divergences, &[1e-4; 4], 1.0);
        let propagated = standard_deviation(&divergences).unwrap() / (2.0 * found.excess.value);
        assert!((found.excess.error.unwrap() / propagated - 1.0).abs() < 0.02, "{found:?}");
    }
}
