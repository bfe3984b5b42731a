//! Random streams keyed by (seed, purpose, key, index), so that results do not depend on threads, batches or order.
//!
//! `calo_core::random` has streams without the key. These few lines stand here so that the crate depends on no other
//! one of the workspace: a program that only measures samples needs neither detectors nor files.

use rand::RngCore;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The stream of entry `index` for one purpose.
pub(crate) fn stream(seed: u64, purpose: [u8; 8], key: u64, index: u64) -> ChaCha8Rng {
    let mut chacha_key = [0; 32];
    chacha_key[..8].copy_from_slice(&seed.to_le_bytes());
    chacha_key[8..16].copy_from_slice(&purpose);
    chacha_key[16..24].copy_from_slice(&key.to_le_bytes());
    let mut rng = ChaCha8Rng::from_seed(chacha_key);
    rng.set_stream(index);
    rng
}

/// `2^32 P(k <= j)` of the Poisson distribution of mean 1, for j = 0, 1, ...; beyond lie less than 2^-32.
const POISSON_ONE_CUMULATIVE: [u32; 12] = [
    1_580_030_169,
    3_160_060_337,
    3_950_075_422,
    4_213_413_783,
    4_279_248_373,
    4_292_415_291,
    4_294_609_778,
    4_294_923_276,
    4_294_962_463,
    4_294_966_817,
    4_294_967_252,
    4_294_967_292,
];

/// A Poisson(1) weight from 32 random bits: how often a bootstrap replica draws a shower.
pub(crate) fn poisson_one(bits: u32) -> f64 {
    let mut weight = 0_u32;
    for threshold in POISSON_ONE_CUMULATIVE {
        weight += u32::from(bits >= threshold);
    }
    f64::from(weight)
}

/// The half of its sample that a shower belongs to, and its weight in each bootstrap replica.
pub(crate) fn shower_weights(seed: u64, sample: u64, shower: u64, weights: &mut [f64]) -> usize {
    let mut rng = stream(seed, *b"bootstrp", sample, shower);
    let half = (rng.next_u32() >> 31) as usize;
    weights.fill_with(|| poisson_one(rng.next_u32()));
    half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thresholds_are_the_cumulative_poisson_distribution() {
        let (mut term, mut cumulative) = ((-1.0_f64).exp(), 0.0);
        for (k, threshold) in POISSON_ONE_CUMULATIVE.into_iter().enumerate() {
            cumulative += term;
            term /= k as f64 + 1.0;
            let exact = cumulative * 2.0_f64.powi(32);
            assert!((f64::from(threshold) - exact).abs() <= 1.0, "{k}: {threshold} {exact}");
        }
    }

    #[test]
    fn weights_have_mean_and_variance_one_and_halves_are_even() {
        let (n, n_replicas) = (4000, 50);
        let mut weights = vec![0.0; n_replicas];
        let (mut sum, mut sum_of_squares, mut second_half) = (0.0, 0.0, 0);
        for shower in 0..n {
            second_half += shower_weights(1, 0, shower, &mut weights);
            sum += weights.iter().sum::<f64>();
            sum_of_squares += weights.iter().map(|w| w * w).sum::<f64>();
        }
        let draws = (n as usize * n_replicas) as f64;
        let mean = sum / draws;
        // Standard errors: 1/sqrt(draws) of the mean, sqrt(3/draws) of the variance, sqrt(n)/2 of the half.
        assert!((mean - 1.0).abs() < 5.0 / draws.sqrt(), "{mean}");
        let variance = sum_of_squares / draws - mean * mean;
        assert!((variance - 1.0).abs() < 5.0 * (3.0 / draws).sqrt(), "{variance}");
        assert!((second_half as f64 - n as f64 / 2.0).abs() < 5.0 * (n as f64).sqrt() / 2.0, "{second_half}");
    }

    #[test]
    fn streams_differ_by_each_part_of_their_key() {
        let first = |seed, key, index| stream(seed, *b"testtest", key, index).next_u64();
        let base = first(1, 2, 3);
        assert_eq!(base, first(1, 2, 3));
        for other in [first(0, 2, 3), first(1, 0, 3), first(1, 2, 0)] {
            assert_ne!(base, other);
        }
    }
}
