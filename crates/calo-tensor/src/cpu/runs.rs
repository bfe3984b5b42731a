//! The register tile for small grids: output channels as lanes, the input with channels last.
//!
//! The products of an output are a few runs of neighbouring elements of the input with neighbouring rows of the weight.
//! Their order does not depend on what else is computed, so neither do the results.

use pulp::{Simd, WithSimd};

use super::simd::Lanes;
use super::tile::{BLOCK, put};

/// Places of a large tile.
const MANY: usize = 8;
/// Places of a small one, for what is left: what places have to be a multiple of.
pub(crate) const FEW: usize = 4;

/// Vectors of channels of a tile: with three, the scalars of eight places do not fit in 32 registers beside the sums.
pub(crate) const WIDTH: usize = 2;

/// Neighbouring elements that are multiplied with neighbouring rows of the weight.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// The first row of the weight.
    pub(crate) row: usize,
    /// Where the first element lies, from that of a place on.
    pub(crate) input: usize,
    /// How many; at most [`BLOCK`].
    pub(crate) len: usize,
}

/// Where an output finds its elements, and where it is put down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Place in the input, to which those of the runs are added.
    pub(crate) input: usize,
    /// Place in the results.
    pub(crate) result: usize,
}

/// `results[place.result + channel] = sum over runs, i of input[place.input + run.input + i] * weight[run.row + i][channel]`.
pub(crate) struct ChannelRuns<'a, T> {
    /// `[rows][width vectors]`.
    pub(crate) weights: &'a [T],
    /// Vectors of channels, at most [`WIDTH`].
    pub(crate) width: usize,
    /// What is summed over.
    pub(crate) runs: &'a [Run],
    /// The outputs: a multiple of [`FEW`], of which no two are put down at the same place.
    pub(crate) places: &'a [Place],
    /// The input, channels last.
    pub(crate) input: &'a [T],
    /// Where sums are written.
    pub(crate) results: &'a mut [T],
}

impl<T: Lanes> WithSimd for ChannelRuns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let mut from = 0;
        while from < self.runs.len() {
            // Runs whose rows stay in the first cache while places pass by, and sums that are short lose less.
            let (mut to, mut rows) = (from + 1, self.runs[from].len);
            while to < self.runs.len() && rows + self.runs[to].len <= BLOCK {
                rows += self.runs[to].len;
                to += 1;
            }
            let runs = &self.runs[from..to];
            let add = from > 0;
            if S::REGISTER_COUNT >= 32 {
                let (many, left) = self.places.as_chunks::<MANY>();
                for places in many {
                    self.of_width(simd, runs, places, add);
                }
                for places in left.as_chunks::<FEW>().0 {
                    self.of_width(simd, runs, places, add);
                }
            } else {
                for places in self.places.as_chunks::<FEW>().0 {
                    self.of_width(simd, runs, places, add);
                }
            }
            from = to;
        }
    }
}

impl<T: Lanes> ChannelRuns<'_, T> {
    #[inline(always)]
    fn of_width<S: Simd, const M: usize>(&mut self, simd: S, runs: &[Run], places: &[Place; M], add: bool) {
        match self.width {
            1 => self.compute::<S, M, 1>(simd, runs, places, add),
            _ => self.compute::<S, M, WIDTH>(simd, runs, places, add),
        }
    }

    #[inline(always)]
    fn compute<S: Simd, const M: usize, const V: usize>(
        &mut self,
        simd: S,
        runs: &[Run],
        places: &[Place; M],
        add: bool,
    ) {
        let width = V * T::lanes_of::<S>();
        let mut sums = [[T::splat(simd, T::zero()); V]; M];
        for run in runs {
            let weights = T::vectors::<S>(&self.weights[run.row * width..][..run.len * width]);
            let weights = &weights.as_chunks::<V>().0[..run.len];
            let inputs: [&[T]; M] =
                std::array::from_fn(|m| &self.input[places[m].input + run.input..][..run.len]);
            for i in 0..run.len {
                let vectors = weights[i];
                for m in 0..M {
                    let scalar = T::splat(simd, inputs[m][i]);
                    for v in 0..V {
                        sums[m][v] = T::multiply_add(simd, scalar, vectors[v], sums[m][v]);
                    }
                }
            }
        }
        for (place, sums) in places.iter().zip(&sums) {
            put::<S, T, V>(simd, sums, &mut self.results[place.result..][..width], add);
        }
    }
}
