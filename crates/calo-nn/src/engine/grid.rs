//! The grid of a calorimeter's cells, as the shape of tensors.

/// Cells along [layer, x, y].
pub type Grid = [usize; 3];
