//! Where batches come from, be it a file or a computation.

use crate::error::Result;
use crate::grid::Grid;
use crate::real::Real;
use crate::shower::ShowerBatch;

/// A stream of showers that can be read again from the start.
///
/// Files, filters and simulations all look like this, so that code that consumes showers never opens a file.
pub trait ShowerSource<T: Real = f32> {
    /// The grid of every shower.
    fn grid(&self) -> Grid;

    /// Total number of showers, if it is known before the end.
    fn n_showers(&self) -> Option<u64>;

    /// Replaces the content of `batch` by the next showers, at most `max_showers`; `false` at the end.
    ///
    /// # Errors
    /// Whatever reading may meet; the batch is then unspecified.
    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool>;

    /// Starts again with the first shower.
    ///
    /// # Errors
    /// A source that cannot seek says so.
    fn rewind(&mut self) -> Result<()>;
}
