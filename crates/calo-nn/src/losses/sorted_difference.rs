//! Differences of sorted cell energies: the k-th largest of one shower against the k-th largest of another.

use candle_core::Tensor;

use super::{mean, same_shape};
use crate::{Error, Result};

/// Mean differences of two sets of sorted showers; see [`sorted_difference`].
#[derive(Debug, Clone)]
pub struct SortedDifference {
    /// Mean absolute difference, in the unit of the cells.
    pub absolute: Tensor,
    /// Mean squared difference, in that unit squared.
    pub squared: Tensor,
}

/// Means over all cells and showers of |real - processed| and its square, both sorted, for the post-processor.
///
/// # Shapes
/// Both `[n, cells]`, each row in falling order, as [`sort_descending`](crate::ops::sort_descending) gives it; two
/// scalars.
///
/// # Errors
/// [`Error::Operand`] for other shapes or none.
///
/// # Reference
/// Fast and accurate electromagnetic and hadronic showers, section 3.3 (post-processor).
pub fn sorted_difference(real: &Tensor, processed: &Tensor) -> Result<SortedDifference> {
    const OP: &str = "sorted_difference";
    if real.rank() != 2 {
        return Err(Error::operand(OP, "real", real.shape(), "[n, cells]"));
    }
    same_shape(OP, "shape of processed", processed, real)?;
    let difference = real.sub(processed)?;
    // Not Candle's `abs`, whose derivative at 0 is 1: most cells are empty in both showers.
    let absolute = difference.mul(&difference.sign()?)?;
    Ok(SortedDifference { absolute: mean(&absolute)?, squared: mean(&difference.sqr()?)? })
}
