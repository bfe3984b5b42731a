//! Sums of slots, and the rounding that makes them exact, so that they do not depend on the order of their terms.

/// Adds `terms` to `sums`, entry by entry.
pub(crate) fn add(sums: &mut [f64], terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += term;
    }
}

/// `x + ROUNDER - ROUNDER` rounds to multiples of 2^-20: the sum has no bits below.
const ROUNDER: f64 = 1.5 * (1_u64 << (52 - 20)) as f64;

/// Rounds to 2^-20 MeV, so that sums are exact and do not depend on order.
#[inline]
pub(crate) fn round_to_ev(energy_mev: f64) -> f64 {
    (energy_mev + ROUNDER) - ROUNDER
}

/// `x + SQUARE_ROUNDER - SQUARE_ROUNDER` rounds to multiples of 2^-12.
const SQUARE_ROUNDER: f64 = 1.5 * (1_u64 << (52 - 12)) as f64;

/// Rounds squares to 2^-12 MeV^2, a fortieth of the square of a cell at the cut. Squares are a thousand times larger
/// than energies; their sums stay exact up to 2e12 MeV^2, which is four million showers of 700 MeV in one bin.
#[inline]
pub(crate) fn round_square(energy_mev2: f64) -> f64 {
    (energy_mev2 + SQUARE_ROUNDER) - SQUARE_ROUNDER
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these results are exact")]
mod tests {
    use super::*;

    #[test]
    fn sums_of_large_squares_do_not_depend_on_order() {
        let squares: Vec<f64> = (0..200_000).map(|i| round_square(1e6 + f64::from(i) * 0.3)).collect();
        let forwards: f64 = squares.iter().sum();
        let backwards: f64 = squares.iter().rev().sum();
        assert_eq!(forwards, backwards);
    }

    #[test]
    fn rounding_is_to_the_nearest_millionth() {
        for value in [0.0, 0.1, 1.0, 1_234.567_890_123, 2.0_f64.powi(30) + 0.3] {
            let rounded = round_to_ev(value);
            assert!((rounded - value).abs() <= 2.0_f64.powi(-21), "{value} {rounded}");
            assert_eq!((rounded * 2.0_f64.powi(20)).fract(), 0.0);
        }
    }
}
