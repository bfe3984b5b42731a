//! Drawing points from a sample.

use rand::Rng;

/// The first `n_drawn` of a random permutation of `0..n`, every index at most once.
pub(crate) fn choose(n: usize, n_drawn: usize, rng: &mut impl Rng) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..n).collect();
    let n_drawn = n_drawn.min(n);
    for i in 0..n_drawn {
        let j = rng.random_range(i as u64..n as u64) as usize;
        indices.swap(i, j);
    }
    indices.truncate(n_drawn);
    indices
}

#[cfg(test)]
mod tests {
    use calo_core::random::{Purpose, stream};

    use super::*;

    const TEST: Purpose = Purpose::new("testtest");

    #[test]
    fn chosen_indices_are_distinct_and_any_may_come() {
        let mut seen = [false; 10];
        for index in 0..50 {
            let mut chosen = choose(10, 4, &mut stream(1, TEST, index));
            for &i in &chosen {
                seen[i] = true;
            }
            chosen.sort_unstable();
            chosen.dedup();
            assert_eq!(chosen.len(), 4);
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(choose(3, 9, &mut stream(1, TEST, 0)).len(), 3);
    }
}
