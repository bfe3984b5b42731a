//! Random streams that depend on their purpose, never on the order in which they are used.
//!
//! Every random number of this project comes from a ChaCha stream keyed by (seed, purpose, index), the index being
//! that of a shower, a batch or a parameter. Results are then the same for any number of threads, and shower 1000 is
//! the same whether generated alone or among others.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// What random numbers are drawn for. Different purposes never share a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Purpose([u8; Purpose::MAX_LEN]);

impl Purpose {
    /// Longest name, in bytes.
    pub const MAX_LEN: usize = 24;

    /// A purpose by name, made in a constant: `const NOISE: Purpose = Purpose::new("noise");`.
    ///
    /// A name longer than [`Purpose::MAX_LEN`] does not compile there.
    pub const fn new(name: &'static str) -> Self {
        let name = name.as_bytes();
        assert!(name.len() <= Self::MAX_LEN, "a purpose has at most 24 bytes");
        let mut padded = [0; Self::MAX_LEN];
        let mut i = 0;
        while i < name.len() {
            padded[i] = name[i];
            i += 1;
        }
        Self(padded)
    }
}

/// The stream for `index` of `purpose` under `seed`.
///
/// The key is the seed followed by the purpose's name, the stream number is the index: no two triples share a stream.
///
/// ```
/// use calo_core::random::{Purpose, stream};
/// use rand::Rng;
///
/// const NOISE: Purpose = Purpose::new("noise");
/// let again: f64 = stream(1, NOISE, 1000).random();
/// assert_eq!(again.to_bits(), stream(1, NOISE, 1000).random::<f64>().to_bits());
/// ```
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..].copy_from_slice(&purpose.0);
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

#[cfg(test)]
mod tests {
    use rand::RngCore;

    use super::*;

    const A: Purpose = Purpose::new("a");
    const B: Purpose = Purpose::new("b");

    #[test]
    fn different_triples_give_different_streams() {
        let first = |seed, purpose, index| stream(seed, purpose, index).next_u64();
        let values = [first(1, A, 0), first(2, A, 0), first(1, B, 0), first(1, A, 1), first(1, A, u64::MAX)];
        for (i, value) in values.iter().enumerate() {
            assert!(!values[..i].contains(value), "{i} repeats");
        }
    }

    /// Published results depend on these numbers: they must never change.
    #[test]
    fn first_values_are_pinned() {
        let mut rng = stream(42, Purpose::new("pinned"), 7);
        assert_eq!(
            [rng.next_u64(), rng.next_u64()],
            [13_408_114_022_648_265_828, 14_636_479_438_404_475_682]
        );
    }
}
