//! The extent of a shower image.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Extent of a shower image: `layers` in depth (layer 0 in front), `nx` by `ny` cells across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Number of active layers along the particle's direction.
    pub layers: usize,
    /// Cells along x (ROOT x).
    pub nx: usize,
    /// Cells along y (ROOT z).
    pub ny: usize,
}

impl Grid {
    /// Cells of one shower.
    pub fn n_cells(self) -> usize {
        self.layers * self.nx * self.ny
    }

    /// One cell.
    pub fn single() -> Self {
        Self { layers: 1, nx: 1, ny: 1 }
    }

    /// Whether it is one cell.
    pub fn is_single(&self) -> bool {
        *self == Self::single()
    }

    /// `[layers, nx, ny]`.
    pub fn shape(self) -> [usize; 3] {
        [self.layers, self.nx, self.ny]
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.layers, self.nx, self.ny)
    }
}
