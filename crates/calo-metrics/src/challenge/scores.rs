//! FPD, KPD, precision, recall, density and coverage with the challenge's settings.

use ndarray::{Array2, ArrayView2, Axis};

use super::features::check_voxels;
use super::layout::Layout;
use crate::error::Result;
#[cfg(feature = "frechet")]
use crate::frechet::FrechetSettings;
use crate::kernel_distance::KernelSettings;
use crate::neighbours::{Prdc, prdc};
use crate::resampling::Draw;
use crate::sample::check_pair;

/// Showers of the smallest batches of FPD and of the batches of KPD.
const BATCH_SIZE: usize = 10_000;

/// Neighbours of precision, recall, density and coverage in the challenge.
pub const N_NEIGHBOURS: usize = 5;

/// What an empty voxel counts as in its logarithm, MeV.
const EMPTY_VOXEL_MEV: f64 = 0.1;

/// Both samples, each feature divided by the reference's largest absolute value; features that are zero stay.
///
/// # Errors
/// Empty, mismatched or non-finite samples.
pub fn scaled_by_reference(
    reference: ArrayView2<'_, f64>,
    candidate: ArrayView2<'_, f64>,
) -> Result<[Array2<f64>; 2]> {
    check_pair(reference, candidate)?;
    let scale = reference.map_axis(Axis(0), |column| {
        let largest = column.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
        if largest > 0.0 { largest } else { 1.0 }
    });
    Ok([&reference / &scale, &candidate / &scale])
}

/// Batches of FPD: from the challenge's 10,000 showers to all, at most 50,000; from half of them where there are fewer
/// than 20,000.
#[cfg(feature = "frechet")]
pub fn fpd_settings(n_showers: [usize; 2], draw: Draw, seed: u64) -> FrechetSettings {
    let settings = FrechetSettings::for_sizes(n_showers[0], n_showers[1], seed);
    FrechetSettings { min_samples: BATCH_SIZE.min(settings.max_samples / 2), draw, ..settings }
}

/// Ten batches of KPD of the challenge's 10,000 showers, or of half the smaller sample where that is less.
pub fn kpd_settings(n_showers: [usize; 2], draw: Draw, seed: u64) -> KernelSettings {
    let batch_size = BATCH_SIZE.min(n_showers[0].min(n_showers[1]) / 2);
    KernelSettings { n_batches: 10, batch_size, draw, seed }
}

/// Precision, recall, density and coverage of voxels, in the challenge with [`N_NEIGHBOURS`]. Distances are between decimal logarithms of the
/// energies in MeV, of which empty voxels count as 0.1 MeV.
///
/// # Shapes
/// `[shower, voxel]`, MeV.
///
/// # Errors
/// Samples that do not fit the layout, hold NaN or infinity, or have no more showers than neighbours.
///
/// # Reference
/// M. F. Naeem et al., arXiv 2002.09797.
pub fn challenge_prdc(
    layout: &Layout,
    reference_mev: ArrayView2<'_, f32>,
    candidate_mev: ArrayView2<'_, f32>,
    n_neighbours: usize,
) -> Result<Prdc> {
    check_voxels(layout, reference_mev)?;
    check_voxels(layout, candidate_mev)?;
    let coordinate = |voxel: f32| {
        let mev = layout.voxel_mev(voxel);
        if mev > 0.0 { mev.log10() } else { EMPTY_VOXEL_MEV.log10() }
    };
    prdc(reference_mev, candidate_mev, &coordinate, n_neighbours)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn the_largest_value_of_the_reference_is_one() {
        let [a, b] =
            scaled_by_reference(array![[-4.0, 0.0], [2.0, 0.0]].view(), array![[8.0, 3.0]].view()).unwrap();
        assert_eq!((a, b), (array![[-1.0, 0.0], [0.5, 0.0]], array![[2.0, 3.0]]));
    }

    #[test]
    fn batches_are_the_challenges_where_there_are_enough_showers() {
        let draw = Draw::WithReplacement;
        assert_eq!(kpd_settings([100_000, 50_000], draw, 0).batch_size, 10_000);
        assert_eq!(kpd_settings([3_000, 5_000], draw, 0).batch_size, 1_500);
        #[cfg(feature = "frechet")]
        {
            let sizes = |n| {
                let settings = fpd_settings([n, n], draw, 0);
                (settings.min_samples, settings.max_samples)
            };
            assert_eq!((sizes(100_000), sizes(3_000)), ((10_000, 50_000), (1_500, 3_000)));
        }
    }
}
