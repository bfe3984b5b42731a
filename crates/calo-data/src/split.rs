//! Training, validation and test sets: which shower belongs where depends on seed, index and file length alone.

use calo_core::random::{Purpose, stream};
use calo_core::{Error, Grid, Real, Result, ShowerBatch, ShowerSource};
use rand::RngCore;

const SPLIT: Purpose = Purpose::new("split");
/// Rounds of the Feistel network; four make a random-looking permutation, and small domains need a few more.
const ROUNDS: usize = 8;

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Trains the networks.
    Train,
    /// Decides when to stop.
    Validation,
    /// Used once, for the final evaluation.
    Test,
}

impl Part {
    /// All three, in order.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// `train`, `validation`, `test`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// Which shower of a file belongs to which part.
///
/// Part sizes are exact: the fractions of the file's length, rounded by largest remainder. Shower i stands at
/// place p(i) of a pseudo-random order; the first places are training, then validation, then test. The order is a
/// format-preserving permutation (a Feistel network with cycle walking), so nothing is stored per shower.
///
/// # Reference
/// Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002.
///
/// ```
/// use calo_data::{Part, Split};
/// let split = Split::new(1, [0.8, 0.1, 0.1], 1000)?;
/// let n_test = (0..1000).filter(|i| split.part_of(*i) == Part::Test).count();
/// assert_eq!(n_test, 100);
/// # Ok::<(), calo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    sizes: [u64; 3],
    order: Permutation,
}

impl Split {
    /// Splits `n_showers` by the fractions of training, validation and test.
    ///
    /// # Errors
    /// Fractions that are negative, not finite, or do not add up to one.
    pub fn new(seed: u64, fractions: [f64; 3], n_showers: u64) -> Result<Self> {
        let sum: f64 = fractions.iter().sum();
        if !(fractions.iter().all(|f| *f >= 0.0) && (sum - 1.0).abs() < 1e-6) {
            let [train, validation, test] = fractions;
            let value = format!("{train}, {validation}, {test}");
            return Err(Error::option("fractions", value, "three fractions of at least 0 that add up to 1"));
        }
        Ok(Self { sizes: largest_remainder(fractions, n_showers), order: Permutation::new(seed, n_showers) })
    }

    /// The same with at most `n` showers of validation and of test, each; the rest is training.
    #[must_use]
    pub fn at_most(mut self, n: u64) -> Self {
        let [train, validation, test] = self.sizes;
        let [kept_validation, kept_test] = [validation, test].map(|size| size.min(n));
        self.sizes = [train + validation - kept_validation + test - kept_test, kept_validation, kept_test];
        self
    }

    /// Showers of training, validation and test.
    pub fn sizes(&self) -> [u64; 3] {
        self.sizes
    }

    /// Showers of one part.
    pub fn size(&self, part: Part) -> u64 {
        self.sizes[part as usize]
    }

    /// The part of `shower`, an index below the file's length.
    pub fn part_of(&self, shower: u64) -> Part {
        let place = self.order.place_of(shower);
        let [train, validation, _] = self.sizes;
        if place < train {
            Part::Train
        } else if place < train + validation {
            Part::Validation
        } else {
            Part::Test
        }
    }
}

/// Parts of `n` in the given proportions that add up to `n`; ties go to the first.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "0 ..= n"
)]
fn largest_remainder(fractions: [f64; 3], n: u64) -> [u64; 3] {
    let sum: f64 = fractions.iter().sum();
    let shares = fractions.map(|f| f / sum * n as f64);
    // A share like 0.1 * 30 = 3.0000000000000004 or 2.9999999999999996 means 3.
    let whole =
        shares.map(|share| if (share - share.round()).abs() < 1e-6 { share.round() } else { share.floor() });
    let mut sizes = whole.map(|share| share as u64);
    let mut by_remainder = [0, 1, 2];
    by_remainder.sort_by(|a, b| (shares[*b] - whole[*b]).total_cmp(&(shares[*a] - whole[*a])));
    let missing = n.saturating_sub(sizes.iter().sum());
    for i in by_remainder.into_iter().cycle().take(missing as usize) {
        sizes[i] += 1;
    }
    sizes
}

/// A pseudo-random order of `0..n`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Permutation {
    n: u64,
    half_bits: u32,
    keys: [u64; ROUNDS],
}

impl Permutation {
    fn new(seed: u64, n: u64) -> Self {
        let mut rng = stream(seed, SPLIT, n);
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        Self { n, half_bits: bits.div_ceil(2).max(1), keys: [(); ROUNDS].map(|()| rng.next_u64()) }
    }

    /// Place of `i` in the order. The network permutes a power of four that is at most about four times `n`;
    /// walking until the result is below `n` makes it a permutation of `0..n`.
    fn place_of(&self, i: u64) -> u64 {
        debug_assert!(i < self.n, "{i} of {}", self.n);
        if i >= self.n {
            return i;
        }
        let mut place = self.feistel(i);
        while place >= self.n {
            place = self.feistel(place);
        }
        place
    }

    fn feistel(&self, value: u64) -> u64 {
        let mask = (1_u64 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits, value & mask);
        for key in self.keys {
            (left, right) = (right, left ^ (mix(right ^ key) & mask));
        }
        left << self.half_bits | right
    }
}

/// The finaliser of SplitMix64: every input bit reaches every output bit.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Reads `source` once and hands every batch of every part on, each part in file order.
///
/// # Errors
/// Errors of reading and of `write`; a source that has more showers than were split.
pub fn for_each_part<T: Real>(
    source: &mut dyn ShowerSource<T>,
    split: &Split,
    batch_size: usize,
    mut write: impl FnMut(Part, &ShowerBatch<T>) -> Result<()>,
) -> Result<()> {
    let mut batch = ShowerBatch::empty(source.grid());
    let mut selected = ShowerBatch::empty(source.grid());
    let (mut first_shower, mut written) = (0, [0_u64; 3]);
    while source.next_batch(batch_size, &mut batch)? {
        let stop = first_shower + batch.len() as u64;
        check_length(split, stop)?;
        for part in Part::ALL {
            selected.restart(written[part as usize], &batch);
            for i in 0..batch.len() {
                if split.part_of(first_shower + i as u64) == part {
                    selected.push_from(&batch, i);
                }
            }
            if !selected.is_empty() {
                written[part as usize] += selected.len() as u64;
                write(part, &selected)?;
            }
        }
        first_shower = stop;
    }
    Ok(())
}

fn check_length(split: &Split, n_read: u64) -> Result<()> {
    if n_read > split.order.n {
        let expected = format!("{}, as were split", split.order.n);
        return Err(Error::option("n_showers", format!("a source of at least {n_read}"), expected));
    }
    Ok(())
}

/// The showers of one part of a source, in file order.
#[derive(Debug)]
pub struct PartSource<S, T = f32> {
    inner: S,
    split: Split,
    part: Part,
    n_read: u64,
    n_passed: u64,
    buffer: ShowerBatch<T>,
}

impl<T: Real, S: ShowerSource<T>> PartSource<S, T> {
    /// One part of `inner`, whose length `split` was made for.
    pub fn new(inner: S, split: Split, part: Part) -> Self {
        let buffer = ShowerBatch::empty(inner.grid());
        Self { inner, split, part, n_read: 0, n_passed: 0, buffer }
    }
}

impl<T: Real, S: ShowerSource<T>> ShowerSource<T> for PartSource<S, T> {
    fn grid(&self) -> Grid {
        self.inner.grid()
    }

    fn n_showers(&self) -> Option<u64> {
        Some(self.split.size(self.part))
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        while self.inner.next_batch(max_showers, &mut self.buffer)? {
            let first = self.n_read;
            self.n_read += self.buffer.len() as u64;
            check_length(&self.split, self.n_read)?;
            batch.restart(self.n_passed, &self.buffer);
            for i in 0..self.buffer.len() {
                if self.split.part_of(first + i as u64) == self.part {
                    batch.push_from(&self.buffer, i);
                }
            }
            if !batch.is_empty() {
                self.n_passed += batch.len() as u64;
                return Ok(true);
            }
        }
        batch.restart(self.n_passed, &self.buffer);
        Ok(false)
    }

    fn rewind(&mut self) -> Result<()> {
        (self.n_read, self.n_passed) = (0, 0);
        self.inner.rewind()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;
    use proptest::prelude::*;

    use super::*;
    use calo_core::MemorySource;

    #[test]
    fn the_split_is_pinned() {
        let split = Split::new(1, [0.6, 0.2, 0.2], 10).unwrap();
        let parts: Vec<_> = (0..10).map(|i| split.part_of(i) as u8).collect();
        assert_eq!(parts, [0, 2, 0, 0, 1, 0, 0, 1, 0, 2]);
    }

    #[test]
    fn rounding_noise_takes_no_shower() {
        assert_eq!(largest_remainder([0.8, 0.1, 0.1], 4500), [3600, 450, 450]);
        assert_eq!(largest_remainder([0.8, 0.1, 0.1], 10), [8, 1, 1]);
        assert_eq!(largest_remainder([1.0 / 3.0; 3], 10), [4, 3, 3]);
        assert_eq!(largest_remainder([0.5, 0.25, 0.25], 1), [1, 0, 0]);
        assert_eq!(largest_remainder([0.0, 0.0, 1.0], 7), [0, 0, 7]);
    }

    #[test]
    fn what_validation_and_test_do_not_take_is_training() {
        let split = |n| Split::new(1, [0.6, 0.3, 0.1], 100).unwrap().at_most(n);
        assert_eq!(split(20).sizes(), [70, 20, 10]);
        assert_eq!(split(5).sizes(), [90, 5, 5]);
        assert_eq!(split(30), Split::new(1, [0.6, 0.3, 0.1], 100).unwrap());
        let n_test = (0..100).filter(|i| split(5).part_of(*i) == Part::Test).count();
        assert_eq!(n_test, 5);
    }

    #[test]
    fn impossible_fractions_are_refused() {
        for fractions in [[0.5, 0.5, 0.5], [1.5, -0.5, 0.0], [f64::NAN, 0.5, 0.5]] {
            assert!(Split::new(1, fractions, 10).is_err(), "{fractions:?}");
        }
    }

    /// Over many seeds every shower is in the test set equally often, and pairs are as independent as they can be.
    #[test]
    fn no_shower_is_preferred() {
        const N: u64 = 23;
        let n_seeds = 20_000;
        let (mut single, mut pair) = ([0_u32; N as usize], 0_u32);
        for seed in 0..n_seeds {
            let split = Split::new(seed, [0.0, 10.0 / 23.0, 13.0 / 23.0], N).unwrap();
            let is_test = |i| split.part_of(i) == Part::Test;
            (0..N).filter(|i| is_test(*i)).for_each(|i| single[i as usize] += 1);
            pair += u32::from(is_test(4) && is_test(5));
        }
        // 5 standard deviations of a binomial distribution.
        let allowed = |p: f64| 5.0 * (p * (1.0 - p) / f64::from(n_seeds as u32)).sqrt();
        let share = |n: u32| f64::from(n) / n_seeds as f64;
        let p = 13.0 / 23.0;
        for (i, n) in single.iter().enumerate() {
            assert!((share(*n) - p).abs() < allowed(p), "shower {i}: {}", share(*n));
        }
        let p_pair = p * 12.0 / 22.0;
        assert!((share(pair) - p_pair).abs() < allowed(p_pair), "pair: {}", share(pair));
    }

    fn numbered(n: usize) -> MemorySource<f32> {
        let mut batch = ShowerBatch::empty(Grid { layers: 1, nx: 1, ny: 1 });
        batch.energies_gev = (0..n).map(|i| i as f64).collect();
        batch.cells_mev = Array4::zeros((n, 1, 1, 1));
        batch.extras.shower_ids = Some((0..n as i64).collect());
        MemorySource::new(batch)
    }

    proptest! {
        #[test]
        fn places_are_a_permutation(seed: u64, n in 1_u64..400) {
            let order = Permutation::new(seed, n);
            let mut seen: Vec<u64> = (0..n).map(|i| order.place_of(i)).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..n).collect::<Vec<_>>());
        }

        #[test]
        fn sizes_are_exact(seed: u64, n in 0_u64..400, a in 0.0..1.0, b in 0.0..1.0) {
            let fractions = [a * b, a * (1.0 - b), 1.0 - a];
            let split = Split::new(seed, fractions, n).unwrap();
            let count = |part| (0..n).filter(|i| split.part_of(*i) == part).count() as u64;
            prop_assert_eq!(Part::ALL.map(count), split.sizes());
            for (size, fraction) in split.sizes().into_iter().zip(fractions) {
                prop_assert!((size as f64 - fraction * n as f64).abs() < 1.0);
            }
        }

        #[test]
        fn parts_are_whole_ordered_and_the_same_for_any_batch_size(
            seed: u64, n in 0_usize..60, size in 1_usize..20,
        ) {
            let split = Split::new(seed, [0.5, 0.3, 0.2], n as u64).unwrap();
            let mut ids = [Vec::new(), Vec::new(), Vec::new()];
            for_each_part(&mut numbered(n), &split, size, |part, batch| {
                assert_eq!(batch.first_shower, ids[part as usize].len() as u64);
                ids[part as usize].extend(batch.extras.shower_ids.clone().unwrap());
                Ok(())
            }).unwrap();
            for part in Part::ALL {
                let mut source = PartSource::new(numbered(n), split.clone(), part);
                let (mut batch, mut from_source) = (ShowerBatch::empty(source.grid()), Vec::new());
                while source.next_batch(size, &mut batch).unwrap() {
                    from_source.extend(batch.extras.shower_ids.clone().unwrap());
                }
                prop_assert_eq!(&from_source, &ids[part as usize]);
                prop_assert!(from_source.is_sorted());
                prop_assert_eq!(from_source.len() as u64, split.size(part));
            }
            let mut all = ids.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n as i64).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_source_longer_than_the_split_is_refused() {
        let split = Split::new(1, [0.8, 0.1, 0.1], 5).unwrap();
        assert!(for_each_part(&mut numbered(6), &split, 2, |_, _| Ok(())).is_err());
    }
}
