//! Seeded draws of showers, the same for any number of threads.

use rand::Rng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

/// How a batch of showers is drawn from a sample.
///
/// JetNet draws with replacement. The batches then hold no more information than the sample of n showers, and both
/// FPD and KPD keep a bias of order 1/n that no extrapolation removes: about 75/n and 40/n for ten standardised
/// observables, which is larger than the effect looked for unless n is at least the 50,000 that JetNet recommends.
/// Without replacement, as in FID-infinity on which FPD is built, batches are independent draws from the true
/// distribution and the bias goes; so half-samples of different size can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Draw {
    /// No shower twice in one batch: unbiased, the default.
    #[default]
    WithoutReplacement,
    /// Independent draws, as in JetNet: use this to compare with published numbers.
    WithReplacement,
}

impl Draw {
    /// `size` indices below `n`; `size` must not exceed `n` without replacement.
    pub(crate) fn indices(self, n: usize, size: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
        match self {
            Self::WithoutReplacement => index::sample(rng, n, size.min(n)).into_vec(),
            Self::WithReplacement => (0..size).map(|_| rng.random_range(0..n)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn without_replacement_no_index_comes_twice() {
        let mut rng = stream(7, *b"drawtest", 0, 0);
        let mut drawn = Draw::WithoutReplacement.indices(100, 100, &mut rng);
        drawn.sort_unstable();
        assert_eq!(drawn, (0..100).collect::<Vec<_>>());
        let with = Draw::WithReplacement.indices(10, 1000, &mut rng);
        assert!(with.len() == 1000 && with.iter().all(|&i| i < 10));
    }
}
