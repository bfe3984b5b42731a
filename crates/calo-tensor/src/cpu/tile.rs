//! Register tiles: the loops in which a convolution spends its time.
//!
//! All add products to a tile of accumulators that stays in registers. They differ in what the lanes of a vector are:
//!
//! * [`PositionLanes`]: neighbouring positions, read straight from the padded input; weights are the scalars.
//! * [`ChannelLanes`]: output channels, read from packed weights; single values of the input are the scalars;
//! * [`PositionSums`]: neighbouring positions, which are summed over.
//!
//! In all of them the input is never rearranged to a matrix: the element for row `k` of the product lies at a sum of two
//! offsets, one of the row and one of the position.
//!
//! Sums run over blocks of [`BLOCK`] rows, each from zero: short sums lose less, and a block's operands stay in the
//! first cache. The order does not depend on the number of threads.

use pulp::{Simd, WithSimd};

use super::simd::Lanes;

/// Scalars that a tile takes at a time.
pub(crate) const PANEL: usize = 8;
/// Rows of a product that are summed before the sum is put down.
pub(crate) const BLOCK: usize = 192;

/// Most vectors of a tile beside 8 scalars: 24 accumulators of 32 registers.
pub(crate) const WIDE: usize = 3;

/// How many of `left` vectors the next tile takes: never one alone if it can be helped.
#[inline(always)]
pub(crate) fn tile_width(left: usize) -> usize {
    if left == WIDE + 1 { 2 } else { left.min(WIDE) }
}

/// `results[channel][position] = sum over rows of weight[row][channel] * input[rows[row] + position]`.
pub(crate) struct PositionLanes<'a, T> {
    /// Weights: `[ceil(channels / PANEL)][rows][PANEL]`.
    pub(crate) weights: &'a [T],
    /// Output channels.
    pub(crate) channels: usize,
    /// Where each row begins in `input`.
    pub(crate) rows: &'a [usize],
    /// The padded input, from the first position on.
    pub(crate) input: &'a [T],
    /// Positions, in whole vectors; `input` reaches that far beyond the last row's beginning.
    pub(crate) n_vectors: usize,
    /// `[channels, rounded up to PANEL][pitch]`.
    pub(crate) results: &'a mut [T],
    /// Elements from one channel's results to the next one's.
    pub(crate) pitch: usize,
}

impl<T: Lanes> WithSimd for PositionLanes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, channels, rows, input, n_vectors, results, pitch } = self;
        if rows.is_empty() {
            results.fill(T::zero());
        }
        for (block_idx, block) in rows.chunks(BLOCK).enumerate() {
            let first = block_idx * BLOCK;
            let mut vector = 0;
            while vector < n_vectors {
                let width = tile_width(n_vectors - vector);
                let position = vector * T::lanes_of::<S>();
                for (panel_idx, panel) in weights.chunks_exact(rows.len() * PANEL).enumerate() {
                    let left = channels - panel_idx * PANEL;
                    let tile = Tile {
                        simd,
                        scalars: &panel[first * PANEL..][..block.len() * PANEL],
                        rows: block,
                        input: &input[position..],
                        results: &mut results[panel_idx * PANEL * pitch + position..],
                        pitch,
                        add: block_idx > 0,
                    };
                    tile.run(left, width);
                }
                vector += width;
            }
        }
    }
}

/// One register tile of [`PositionLanes`].
struct Tile<'a, S, T> {
    simd: S,
    scalars: &'a [T],
    rows: &'a [usize],
    input: &'a [T],
    results: &'a mut [T],
    pitch: usize,
    add: bool,
}

impl<S: Simd, T: Lanes> Tile<'_, S, T> {
    #[inline(always)]
    fn run(mut self, channels: usize, width: usize) {
        if channels > 4 {
            if S::REGISTER_COUNT >= 32 {
                self.of_width::<8>(0, width);
            } else {
                self.of_width::<4>(0, width);
                self.of_width::<4>(4, width);
            }
        } else if channels > 1 {
            self.of_width::<4>(0, width);
        } else {
            self.of_width::<1>(0, width);
        }
    }

    #[inline(always)]
    fn of_width<const M: usize>(&mut self, from: usize, width: usize) {
        match width {
            1 => self.compute::<M, 1>(from),
            2 => self.compute::<M, 2>(from),
            _ => self.compute::<M, 3>(from),
        }
    }

    #[inline(always)]
    fn compute<const M: usize, const V: usize>(&mut self, from: usize) {
        let simd = self.simd;
        let len = V * T::lanes_of::<S>();
        let mut sums = [[T::splat(simd, T::zero()); V]; M];
        let (scalars, _) = self.scalars.as_chunks::<PANEL>();
        for (scalars, &row) in scalars.iter().zip(self.rows) {
            let vectors = T::vectors::<S>(&self.input[row..row + len]);
            let vectors: [_; V] = std::array::from_fn(|v| vectors[v]);
            for (m, sums) in sums.iter_mut().enumerate() {
                let scalar = T::splat(simd, scalars[from + m]);
                for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                    *sum = T::multiply_add(simd, scalar, vector, *sum);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            let place = &mut self.results[(from + m) * self.pitch..][..len];
            put::<S, T, V>(simd, sums, place, self.add);
        }
    }
}

/// `results[i][channel] (+)= sum over k of input[outer[i] + inner[k]] * weight[k][channel]`.
pub(crate) struct ChannelLanes<'a, T> {
    /// Weights in panels of [`tile_width`] vectors, one after another: `[panel][inner][vectors of the panel]`.
    pub(crate) weights: &'a [T],
    /// Channels, in whole vectors.
    pub(crate) n_vectors: usize,
    /// The padded input.
    pub(crate) input: &'a [T],
    /// Offsets of the rows of the result: a multiple of [`PANEL`] of them.
    pub(crate) outer: &'a [usize],
    /// Offsets of what is summed over.
    pub(crate) inner: &'a [usize],
    /// `[outer][n_vectors * lanes]`.
    pub(crate) results: &'a mut [T],
    /// Whether to add to what `results` holds.
    pub(crate) add: bool,
}

impl<T: Lanes> WithSimd for ChannelLanes<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { weights, n_vectors, input, outer, inner, results, add } = self;
        let lanes = T::lanes_of::<S>();
        let pitch = n_vectors * lanes;
        if inner.is_empty() && !add {
            results.fill(T::zero());
        }
        for (block_idx, block) in inner.chunks(BLOCK).enumerate() {
            let mut vector = 0;
            while vector < n_vectors {
                let width = tile_width(n_vectors - vector);
                let panel = &weights[vector * lanes * inner.len()..];
                let panel = &panel[block_idx * BLOCK * width * lanes..][..block.len() * width * lanes];
                let (tiles, _) = outer.as_chunks::<PANEL>();
                for (tile, places) in tiles.iter().zip(results.chunks_exact_mut(PANEL * pitch)) {
                    let tile = Scatter {
                        simd,
                        weights: panel,
                        input,
                        outer: tile,
                        inner: block,
                        results: &mut places[vector * lanes..],
                        pitch,
                        add: add || block_idx > 0,
                    };
                    tile.run(width);
                }
                vector += width;
            }
        }
    }
}

/// One register tile of [`ChannelLanes`].
struct Scatter<'a, S, T> {
    simd: S,
    weights: &'a [T],
    input: &'a [T],
    outer: &'a [usize; PANEL],
    inner: &'a [usize],
    results: &'a mut [T],
    pitch: usize,
    add: bool,
}

impl<S: Simd, T: Lanes> Scatter<'_, S, T> {
    #[inline(always)]
    fn run(mut self, width: usize) {
        if S::REGISTER_COUNT >= 32 {
            self.of_width::<8>(0, width);
        } else {
            self.of_width::<4>(0, width);
            self.of_width::<4>(4, width);
        }
    }

    #[inline(always)]
    fn of_width<const M: usize>(&mut self, from: usize, width: usize) {
        match width {
            1 => self.compute::<M, 1>(from),
            2 => self.compute::<M, 2>(from),
            _ => self.compute::<M, 3>(from),
        }
    }

    #[inline(always)]
    fn compute<const M: usize, const V: usize>(&mut self, from: usize) {
        let simd = self.simd;
        let len = V * T::lanes_of::<S>();
        let mut sums = [[T::splat(simd, T::zero()); V]; M];
        let inputs: [&[T]; M] = std::array::from_fn(|m| &self.input[self.outer[from + m]..]);
        for (weights, &offset) in self.weights.chunks_exact(len).zip(self.inner) {
            let vectors = T::vectors::<S>(weights);
            let vectors: [_; V] = std::array::from_fn(|v| vectors[v]);
            for (input, sums) in inputs.iter().zip(&mut sums) {
                let scalar = T::splat(simd, input[offset]);
                for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                    *sum = T::multiply_add(simd, scalar, vector, *sum);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            let place = &mut self.results[(from + m) * self.pitch..][..len];
            put::<S, T, V>(simd, sums, place, self.add);
        }
    }
}

/// `results[i][channel] += sum over positions of input[outer[i] + position] * gradient[channel][position]`.
pub(crate) struct PositionSums<'a, T> {
    /// `[channel][pitch]`, with zeros where the input has no position.
    pub(crate) gradient: &'a [T],
    /// Elements from one channel's gradient to the next one's.
    pub(crate) pitch: usize,
    /// The padded input.
    pub(crate) input: &'a [T],
    /// Offsets of the rows of the result: a multiple of [`PANEL`] of them.
    pub(crate) outer: &'a [usize],
    /// Positions, in whole vectors.
    pub(crate) n_vectors: usize,
    /// `[outer][results_pitch]`, of which the first channels are added to.
    pub(crate) results: &'a mut [T],
    /// Elements from one row of the result to the next one.
    pub(crate) results_pitch: usize,
}

/// Vectors of positions that are summed before the lanes are.
const SPAN: usize = 128;

impl<T: Lanes> WithSimd for PositionSums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let channels = self.gradient.len() / self.pitch;
        for span in (0..self.n_vectors).step_by(SPAN) {
            for row in (0..self.outer.len()).step_by(PANEL) {
                let mut channel = 0;
                while channel < channels {
                    let width = tile_width(channels - channel);
                    if S::REGISTER_COUNT >= 32 {
                        self.of_width::<S, 8>(simd, row, channel, span, width);
                    } else {
                        self.of_width::<S, 4>(simd, row, channel, span, width);
                        self.of_width::<S, 4>(simd, row + 4, channel, span, width);
                    }
                    channel += width;
                }
            }
        }
    }
}

impl<T: Lanes> PositionSums<'_, T> {
    #[inline(always)]
    fn of_width<S: Simd, const M: usize>(
        &mut self,
        simd: S,
        row: usize,
        channel: usize,
        span: usize,
        width: usize,
    ) {
        match width {
            1 => self.compute::<S, M, 1>(simd, row, channel, span),
            2 => self.compute::<S, M, 2>(simd, row, channel, span),
            _ => self.compute::<S, M, 3>(simd, row, channel, span),
        }
    }

    #[inline(always)]
    fn compute<S: Simd, const M: usize, const C: usize>(
        &mut self,
        simd: S,
        row: usize,
        channel: usize,
        span: usize,
    ) {
        let lanes = T::lanes_of::<S>();
        let len = SPAN.min(self.n_vectors - span);
        let (from, elements) = (span * lanes, len * lanes);
        let inputs: [_; M] = std::array::from_fn(|m| {
            &T::vectors::<S>(&self.input[self.outer[row + m] + from..][..elements])[..len]
        });
        let gradients: [_; C] = std::array::from_fn(|c| {
            &T::vectors::<S>(&self.gradient[(channel + c) * self.pitch + from..][..elements])[..len]
        });
        let mut sums = [[T::splat(simd, T::zero()); C]; M];
        for position in 0..len {
            let gradients: [_; C] = std::array::from_fn(|c| gradients[c][position]);
            for (input, sums) in inputs.iter().zip(&mut sums) {
                let input = input[position];
                for (sum, &gradient) in sums.iter_mut().zip(&gradients) {
                    *sum = T::multiply_add(simd, input, gradient, *sum);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            let place = &mut self.results[(row + m) * self.results_pitch + channel..][..C];
            for (place, &sum) in place.iter_mut().zip(sums) {
                *place += T::sum_lanes(simd, sum);
            }
        }
    }
}

/// Writes sums to their place, or adds them to it.
#[inline(always)]
pub(super) fn put<S: Simd, T: Lanes, const V: usize>(
    simd: S,
    sums: &[T::Vector<S>; V],
    place: &mut [T],
    add: bool,
) {
    for (place, &sum) in T::vectors_mut::<S>(place).iter_mut().zip(sums) {
        *place = if add { T::add_lanes(simd, *place, sum) } else { sum };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = BLOCK + 5;

    fn numbers(count: usize, seed: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * 7919 + seed * 31) % 101) as f64 - 50.0).collect()
    }

    fn same(integer: f64, other: f64) -> bool {
        (integer - other).abs() < 0.5
    }

    /// All three tiles against plain loops: integers, so that sums are exact in any order.
    struct Check {
        channels: usize,
        positions: usize,
    }

    impl WithSimd for Check {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { channels, positions } = self;
            let lanes = f64::lanes_of::<S>();
            let rows: Vec<_> = (0..ROWS.next_multiple_of(PANEL)).map(|row| row * 3 % 41).collect();
            let padded = positions.next_multiple_of(lanes);
            let input = numbers(41 + padded + positions, 1);
            let weight = |row: usize, channel: usize| ((row * 13 + channel * 5) % 17) as f64 - 8.0;
            let expected = |position: usize, channel: usize| -> f64 {
                (0..ROWS).map(|row| weight(row, channel) * input[rows[row] + position]).sum()
            };

            let mut weights = Vec::new();
            for panel in 0..channels.div_ceil(PANEL) {
                for row in 0..ROWS {
                    weights.extend((panel * PANEL..(panel + 1) * PANEL).map(|channel| weight(row, channel)));
                }
            }
            let mut results = vec![f64::NAN; channels.next_multiple_of(PANEL) * padded];
            let (n_vectors, pitch) = (padded / lanes, padded);
            let (rows_used, results_used) = (&rows[..ROWS], &mut *results);
            PositionLanes {
                weights: &weights,
                channels,
                rows: rows_used,
                input: &input,
                n_vectors,
                results: results_used,
                pitch,
            }
            .with_simd(simd);
            for channel in 0..channels {
                for position in 0..positions {
                    assert!(same(results[channel * pitch + position], expected(position, channel)));
                }
            }

            let n_vectors = channels.div_ceil(lanes);
            let mut weights = Vec::new();
            let mut vector = 0;
            while vector < n_vectors {
                let width = tile_width(n_vectors - vector);
                for row in 0..ROWS {
                    let panel = vector * lanes..(vector + width) * lanes;
                    weights.extend(panel.map(|channel| weight(row, channel)));
                }
                vector += width;
            }
            let outer: Vec<_> =
                (0..positions.next_multiple_of(PANEL)).map(|i| i.min(positions - 1)).collect();
            let pitch = n_vectors * lanes;
            let mut results = vec![1.0; outer.len() * pitch];
            ChannelLanes {
                weights: &weights,
                n_vectors,
                input: &input,
                outer: &outer,
                inner: &rows[..ROWS],
                results: &mut results,
                add: true,
            }
            .with_simd(simd);
            for position in 0..positions {
                for channel in 0..channels {
                    assert!(same(results[position * pitch + channel], 1.0 + expected(position, channel)));
                }
            }

            let mut gradient = numbers(channels * padded, 2);
            for gradient in gradient.chunks_exact_mut(padded) {
                gradient[positions..].fill(0.0);
            }
            let mut results = vec![1.0; rows.len() * channels];
            PositionSums {
                gradient: &gradient,
                pitch: padded,
                input: &input,
                outer: &rows,
                n_vectors: padded / lanes,
                results: &mut results,
                results_pitch: channels,
            }
            .with_simd(simd);
            for (row, results) in rows.iter().zip(results.chunks_exact(channels)) {
                for (gradient, &result) in gradient.chunks_exact(padded).zip(results) {
                    let sum: f64 = gradient.iter().zip(&input[*row..]).map(|(g, x)| g * x).sum();
                    assert!(same(result, 1.0 + sum));
                }
            }
        }
    }

    /// On every kind of vector that this machine has, not only its widest.
    #[test]
    fn tiles_are_plain_loops_for_all_vectors() {
        for (channels, positions) in [(1, 1), (3, 40), (8, 48), (13, 70), (70, 9)] {
            let check = || Check { channels, positions };
            check().with_simd(pulp::Scalar);
            pulp::Arch::new().dispatch(check());
            #[cfg(target_arch = "x86_64")]
            if let Some(simd) = pulp::x86::V3::try_new() {
                Simd::vectorize(simd, check());
            }
        }
    }
}
