//! Files of the CaloChallenge: the layout says no more of the detector than the number of voxels.

use calo_core::detector::{AnyDetector, built_in_with_voxels};
use calo_core::{Grid, Result};

/// The grid of showers that are rows of `n_voxels` voxels, as those of layers with voxels of their own are.
pub fn voxel_row(n_voxels: usize) -> Grid {
    Grid { layers: 1, nx: 1, ny: n_voxels }
}

/// The row of voxels that showers of a built-in layered detector are; none where no such detector has that many.
pub(super) fn row_of(n_voxels: usize) -> Result<Option<Grid>> {
    Ok(AnyDetector::with_voxels(n_voxels)?.map(|_| voxel_row(n_voxels)))
}

/// What to give for a file of that many voxels, which no layered detector has.
pub(super) fn expected(n_voxels: usize) -> Result<String> {
    let fit = built_in_with_voxels(n_voxels)?;
    let fit = if fit.is_empty() { String::new() } else { format!(" ({} would fit)", fit.join(" or ")) };
    Ok(format!("the grid to be given, as layers x nx x ny or by a detector{fit}"))
}
