//! The input of a convolution as a matrix: a row for each input channel and tap, a column for each output position.
//!
//! Rows of the output are mostly shorter than a vector here, so whole vectors are gathered: what is written beyond the
//! end of a row is overwritten by the next one.

use std::mem::MaybeUninit;
use std::ops::Range;

use super::axis::{Axis, Places, Tap};
use super::slab::Layout;
use crate::arguments::conv3d::Geometry;
use crate::cpu::simd::Lanes;
use crate::cpu::vector::vectorised;

/// Elements that are gathered at a time.
const RUN: usize = 16;

/// How some input channels lie in a slab, and where the slab has their taps.
pub(super) struct Columns {
    pub(super) axes: [Axis; 3],
    pub(super) layout: Layout,
    /// Where each channel and tap finds the first position.
    rows: Vec<usize>,
}

impl Columns {
    /// For `channels` channels, and slabs for the planes of output that `planes` says.
    pub(super) fn new(geometry: &Geometry, channels: usize, planes: Range<usize>) -> Self {
        let Geometry { x, w, y, stride, padding } = geometry;
        let axes: [Axis; 3] = std::array::from_fn(|a| {
            Axis::convolution(x[a + 2], y[a + 2], w[a + 2], stride[a], padding[a], Places::Dense)
        });
        let layout = Layout::new(&axes, channels, axes[0].places(planes.start, planes.end).len());
        let taps = |axis: &Axis| -> Vec<Tap> {
            axis.classes.iter().flat_map(|class| class.taps.iter().copied()).collect()
        };
        let (d, h, w) = (taps(&axes[0]), taps(&axes[1]), taps(&axes[2]));
        let mut rows = Vec::with_capacity(channels * d.len() * h.len() * w.len());
        for channel in 0..channels {
            for &d in &d {
                for &h in &h {
                    rows.extend(w.iter().map(|&w| layout.tap(&axes, channel, [d, h, w])));
                }
            }
        }
        Self { axes, layout, rows }
    }

    /// Elements of a matrix of `rows` rows and `planes` planes of positions.
    pub(super) fn len(&self, rows: usize, planes: usize) -> usize {
        rows * self.positions(planes) + RUN
    }

    /// Positions of some planes of output.
    pub(super) fn positions(&self, planes: usize) -> usize {
        planes * self.axes[1].output * self.axes[2].output
    }

    /// Writes the first `rows` rows of the matrix for `planes` planes, of which `slab` has the places.
    pub(super) fn gather<T: Lanes>(&self, slab: &[T], rows: usize, planes: usize, columns: &mut [T]) {
        vectorised(
            #[inline(always)]
            || {
                let mut to = 0;
                for &row in &self.rows[..rows] {
                    self.each_row(row, planes, |from, width| {
                        for start in (0..width).step_by(RUN) {
                            run_mut(columns, to + start).copy_from_slice(run(slab, from + start));
                        }
                        to += width;
                    });
                }
            },
        );
    }

    /// Adds the first `rows` rows of the matrix for the planes `planes` to the places in `slab` they were taken from.
    pub(super) fn scatter<T: Lanes>(&self, columns: &[T], rows: usize, planes: Range<usize>, slab: &mut [T]) {
        // A vector that reached into the next row would make its sum wait for this one's to arrive in the cache.
        macro_rules! of_width {
            ($($width:literal)*) => {
                match self.axes[2].output {
                    $($width => vectorised(
                        #[inline(always)]
                        || self.scatter_rows::<T, $width>(columns, rows, planes, slab),
                    ),)*
                    _ => vectorised(
                        #[inline(always)]
                        || self.scatter_rows::<T, RUN>(columns, rows, planes, slab),
                    ),
                }
            };
        }
        of_width!(2 3 4 5 6 7 8 14);
    }

    /// The same, with `WIDTH` elements at a time while there are so many.
    #[inline(always)]
    fn scatter_rows<T: Lanes, const WIDTH: usize>(
        &self,
        columns: &[T],
        rows: usize,
        planes: Range<usize>,
        slab: &mut [T],
    ) {
        let mut at = 0;
        let first = planes.start * self.layout.plane;
        for &row in &self.rows[..rows] {
            self.each_row(row + first, planes.len(), |to, width| {
                let (to, from) = (&mut slab[to..to + width], &columns[at..at + width]);
                let (to_runs, to_rest) = to.as_chunks_mut::<WIDTH>();
                let (runs, rest) = from.as_chunks::<WIDTH>();
                for (to, from) in to_runs.iter_mut().zip(runs) {
                    for lane in 0..WIDTH {
                        to[lane] += from[lane];
                    }
                }
                for (to, &from) in to_rest.iter_mut().zip(rest) {
                    *to += from;
                }
                at += width;
            });
        }
    }

    /// Calls `each` with the place of every row of the output of `planes` planes, and its width.
    #[inline(always)]
    fn each_row(&self, first: usize, planes: usize, mut each: impl FnMut(usize, usize)) {
        let [_, height, width] = &self.axes;
        for plane in 0..planes {
            let plane = first + plane * self.layout.plane;
            for row in 0..height.output {
                each(plane + row * self.layout.row, width.output);
            }
        }
    }
}

/// [`RUN`] elements from `start` on.
#[inline(always)]
fn run<T>(x: &[T], start: usize) -> &[T; RUN] {
    let (runs, _) = x[start..start + RUN].as_chunks();
    &runs[0]
}

/// The same, to be written to.
#[inline(always)]
fn run_mut<T>(x: &mut [T], start: usize) -> &mut [T; RUN] {
    let (runs, _) = x[start..start + RUN].as_chunks_mut();
    &mut runs[0]
}

/// Copies results with their bias to their final place.
pub(super) fn send<T: Lanes>(results: &[T], bias: T, to: &mut [MaybeUninit<T>]) {
    for (to, &result) in to.iter_mut().zip(results) {
        to.write(result + bias);
    }
}
