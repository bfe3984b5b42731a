//! Sums in NumPy's order.
//!
//! The largest energy of a layer lies at the end of its histogram's axis, and the last bit of the sum decides on which
//! side. So that histograms are those of the challenge's own code, energies are added up in the same order.

/// Terms that are added up without cutting them in two.
const BLOCK: usize = 128;

/// Sums kept at a time within a block.
const LANES: usize = 8;

/// The sum of `terms`, pairwise.
pub(super) fn sum(terms: &[f64]) -> f64 {
    if terms.len() < LANES {
        return terms.iter().sum();
    }
    if terms.len() > BLOCK {
        let half = terms.len() / 2;
        let (first, second) = terms.split_at(half - half % LANES);
        return sum(first) + sum(second);
    }
    let chunks = terms.chunks_exact(LANES);
    let rest = chunks.remainder();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, term)| *lane += term);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    rest.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, term| sum + term)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "the last bit is what is tested")]
mod tests {
    use super::*;

    /// `np.sum(1 / (np.arange(n) + 3.0))` of NumPy 2.4.
    #[test]
    fn sums_are_those_of_numpy_to_the_last_bit() {
        for (n, expected) in [
            (5, 1.0928571428571427),
            (8, 1.4289682539682538),
            (13, 1.8182289932289928),
            (100, 3.707082429307257),
            (128, 3.948591338265976),
            (144, 4.064243034736047),
            (900, 5.882384406264294),
            (6480, 7.8540771833058765),
        ] {
            let terms: Vec<f64> = (0..n).map(|i| 1.0 / (f64::from(i) + 3.0)).collect();
            assert_eq!(sum(&terms), expected, "{n}");
        }
    }
}
