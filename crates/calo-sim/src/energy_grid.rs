//! Energies at which tables have nodes: spaced so that a lookup needs no logarithm.
//!
//! Each octave (factor of two) is divided into equal parts. The octave is the exponent of a floating-point number and
//! the part its leading fraction bits, so the index of an energy is a shift of its bit pattern.

/// Parts of each octave, as a power of two.
const PART_BITS: u32 = 4;
/// Fraction bits of an `f64`.
const FRACTION_BITS: u32 = 52;

/// Where an energy lies in a grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GridPlace {
    /// Number of the interval, which is that of the node at its lower end.
    pub(crate) interval: usize,
    /// Way through the interval, 0 to 1.
    pub(crate) way: f64,
}

/// A grid of energies from a power of two up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EnergyGrid {
    /// Bit pattern of the lowest energy, shifted to count parts.
    first: u64,
    n_nodes: usize,
}

impl EnergyGrid {
    /// The grid that covers `low_mev` to `high_mev`, both above zero.
    pub(crate) fn covering(low_mev: f64, high_mev: f64) -> Self {
        let first = low_mev.to_bits() >> (FRACTION_BITS - PART_BITS);
        let last = (high_mev.to_bits() >> (FRACTION_BITS - PART_BITS)) + 1;
        Self { first, n_nodes: (last - first) as usize + 1 }
    }

    /// Number of nodes, at least two.
    pub(crate) fn len(self) -> usize {
        self.n_nodes
    }

    /// Energy of node `i`, MeV.
    pub(crate) fn node_mev(self, i: usize) -> f64 {
        f64::from_bits((self.first + i as u64) << (FRACTION_BITS - PART_BITS))
    }

    /// All nodes, MeV.
    pub(crate) fn nodes_mev(self) -> impl Iterator<Item = f64> {
        (0..self.n_nodes).map(move |i| self.node_mev(i))
    }

    /// The part of the grid that holds `energy_mev`, where each interval between nodes has `2^bits` equal parts. Energies
    /// outside count to the first and the last part.
    #[inline]
    pub(crate) fn part(self, bits: u32, energy_mev: f64) -> usize {
        // Signed, so that negative energies are below all others.
        let part = energy_mev.to_bits().cast_signed() >> (FRACTION_BITS - PART_BITS - bits);
        let first = (self.first << bits).cast_signed();
        let last = (((self.n_nodes as u64) - 1) << bits).cast_signed() - 1;
        (part - first).clamp(0, last) as usize
    }

    /// The place of `energy_mev`. Energies outside the grid count as its ends.
    #[inline]
    pub(crate) fn locate(self, energy_mev: f64) -> GridPlace {
        let bits = energy_mev.to_bits();
        let part = bits >> (FRACTION_BITS - PART_BITS);
        if part < self.first || energy_mev <= 0.0 {
            return GridPlace { interval: 0, way: 0.0 };
        }
        let interval = (part - self.first) as usize;
        if interval + 1 >= self.n_nodes {
            return GridPlace { interval: self.n_nodes - 2, way: 1.0 };
        }
        // What follows the index bits is the way to the next node, as the parts of an octave are equal.
        let rest = bits & ((1 << (FRACTION_BITS - PART_BITS)) - 1);
        let way = rest.cast_signed() as f64 * (1.0 / (1_u64 << (FRACTION_BITS - PART_BITS)) as f64);
        GridPlace { interval, way }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_and_places_agree() {
        let grid = EnergyGrid::covering(0.001, 1e6);
        assert!(grid.node_mev(0) <= 0.001 && grid.node_mev(grid.len() - 1) >= 1e6);
        assert!(grid.len() < 31 << PART_BITS, "{}", grid.len());
        for (i, node) in grid.nodes_mev().enumerate().take(grid.len() - 1) {
            assert_eq!(grid.locate(node), GridPlace { interval: i, way: 0.0 });
            let next = grid.node_mev(i + 1);
            let GridPlace { interval, way } = grid.locate(node + 0.25 * (next - node));
            assert_eq!(interval, i);
            assert!((way - 0.25).abs() < 1e-9);
        }
    }

    #[test]
    fn parts_divide_the_intervals() {
        let grid = EnergyGrid::covering(0.001, 1e6);
        for energy_mev in [0.001, 0.0123, 0.511, 1.0, 77.7, 9.9e5] {
            let GridPlace { interval, way } = grid.locate(energy_mev);
            assert_eq!(grid.part(2, energy_mev), 4 * interval + (4.0 * way) as usize);
        }
        for low in [0.0, -1.0, 1e-9, f64::NEG_INFINITY] {
            assert_eq!(grid.part(1, low), 0, "{low}");
        }
        for high in [1e9, f64::INFINITY] {
            assert_eq!(grid.part(1, high), 2 * (grid.len() - 1) - 1, "{high}");
        }
    }

    #[test]
    fn energies_outside_count_as_the_ends() {
        let grid = EnergyGrid::covering(1.0, 16.0);
        for low in [0.0, -1.0, 0.5, f64::NEG_INFINITY] {
            assert_eq!(grid.locate(low), GridPlace { interval: 0, way: 0.0 }, "{low}");
        }
        for high in [1e3, f64::INFINITY] {
            assert_eq!(grid.locate(high), GridPlace { interval: grid.len() - 2, way: 1.0 }, "{high}");
        }
    }
}
