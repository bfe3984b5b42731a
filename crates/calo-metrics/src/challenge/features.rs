//! The challenge's features of showers.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, Zip, s};

use super::decades::log10;
use super::layout::{Feature, FeatureColumn, Layout, VoxelPlaces};
use super::pairwise;
use crate::error::{Error, Result};

/// Added to a sum of energies before it divides.
const NEVER_ZERO_MEV: f64 = 1e-16;

/// Added to an energy before its logarithm.
const LOG_OFFSET_MEV: f64 = 1e-8;

/// Divides lengths in the feature vector.
const LENGTH_SCALE_MM: f64 = 100.0;

/// Features of a batch of showers.
#[derive(Debug, Clone, PartialEq)]
pub struct ShowerFeatures {
    columns: Vec<FeatureColumn>,
    table: Array2<f64>,
}

impl ShowerFeatures {
    /// The features of showers.
    ///
    /// # Shapes
    /// `voxels_mev` `[shower, voxel]`.
    ///
    /// # Errors
    /// Another number of voxels than the layout has, NaN or infinity.
    pub fn of(layout: &Layout, voxels_mev: ArrayView2<'_, f32>) -> Result<Self> {
        check_voxels(layout, voxels_mev)?;
        let columns = layout.columns();
        let mut table = Array2::zeros((voxels_mev.nrows(), columns.len()));
        Zip::from(table.rows_mut()).and(voxels_mev.rows()).par_for_each(|mut row, voxels| {
            let energies: Vec<f64> = voxels.iter().map(|&voxel| layout.voxel_mev(voxel)).collect();
            let of_layer = |places| LayerNumbers::of(places, &energies);
            let layers: Vec<LayerNumbers> = layout.places().iter().map(of_layer).collect();
            for (number, column) in row.iter_mut().zip(&columns) {
                *number = match column.layer_idx {
                    Some(layer) => layers[layer].get(column.feature),
                    None => pairwise::sum(&energies),
                };
            }
        });
        Ok(Self { columns, table })
    }

    /// Number of showers.
    pub fn n_showers(&self) -> usize {
        self.table.nrows()
    }

    /// What the columns of the table are.
    pub fn columns(&self) -> &[FeatureColumn] {
        &self.columns
    }

    /// All features, `[shower, column]`, MeV and mm.
    pub fn table(&self) -> ArrayView2<'_, f64> {
        self.table.view()
    }

    /// One feature of all showers; none where the layer does not have it.
    pub fn column(&self, column: FeatureColumn) -> Option<ArrayView1<'_, f64>> {
        let index = self.columns.iter().position(|&known| known == column)?;
        Some(self.table.column(index))
    }

    /// Those of every second shower from `first` on.
    pub(super) fn every_second(&self, first: usize) -> Self {
        let table = self.table.slice(s![first.min(self.n_showers())..;2, ..]).to_owned();
        Self { columns: self.columns.clone(), table }
    }

    /// The feature vector of FPD, KPD and the high-level classifier: decimal logarithms of energies in MeV, the incident
    /// one first; sparsities; lengths over 100 mm.
    ///
    /// # Shapes
    /// `energies_gev` `[shower]`; the result `[shower, 1 + column]`.
    ///
    /// # Errors
    /// Not one energy for each shower, or energies that are not above zero.
    pub fn vector(&self, energies_gev: &[f64]) -> Result<Array2<f64>> {
        check_energies(energies_gev, self.n_showers())?;
        let mut vector = Array2::zeros((self.n_showers(), 1 + self.columns.len()));
        for (mut row, (features, gev)) in
            vector.rows_mut().into_iter().zip(self.table.rows().into_iter().zip(energies_gev))
        {
            row[0] = log10(1e3 * gev);
            for ((out, &number), column) in row.iter_mut().skip(1).zip(features).zip(&self.columns) {
                *out = match column.feature {
                    Feature::TotalEnergy | Feature::LayerEnergy => (number + LOG_OFFSET_MEV).log10(),
                    Feature::Sparsity => number,
                    _ => number / LENGTH_SCALE_MM,
                };
            }
        }
        Ok(vector)
    }
}

/// The right number of voxels, all finite.
pub(super) fn check_voxels(layout: &Layout, voxels_mev: ArrayView2<'_, f32>) -> Result<()> {
    if voxels_mev.ncols() != layout.n_voxels() {
        return Err(Error::mismatch("voxels of a shower", voxels_mev.ncols(), layout.n_voxels()));
    }
    for (shower, voxels) in voxels_mev.axis_iter(Axis(0)).enumerate() {
        if let Some(voxel) = voxels.iter().position(|voxel| !voxel.is_finite()) {
            let index = [shower as u64, voxel as u64];
            return Err(Error::non_finite("voxels", f64::from(voxels[voxel]), &index));
        }
    }
    Ok(())
}

/// One positive energy for each shower.
pub(super) fn check_energies(energies_gev: &[f64], n_showers: usize) -> Result<()> {
    if energies_gev.len() != n_showers {
        return Err(Error::mismatch("incident energies", energies_gev.len(), n_showers));
    }
    match energies_gev.iter().position(|gev| !(gev.is_finite() && *gev > 0.0)) {
        None => Ok(()),
        Some(shower) => {
            let name = format!("incident energy of shower {shower}");
            Err(Error::parameter(name, energies_gev[shower], "a finite energy above 0 GeV"))
        }
    }
}

/// What is computed of one layer of one shower.
struct LayerNumbers {
    energy_mev: f64,
    sparsity: f64,
    radius: [f64; 2],
    eta: [f64; 2],
    phi: [f64; 2],
}

impl LayerNumbers {
    /// `energies` are those of the whole shower, empty voxels 0.
    fn of(places: &VoxelPlaces, energies: &[f64]) -> Self {
        let energies = &energies[places.voxels.clone()];
        let energy = pairwise::sum(energies);
        let mut n_hit = 0_u32;
        // Sums of x e and x^2 e for x the radius, r cos(angle) and r sin(angle).
        let mut sums = [[0.0; 2]; 3];
        for (i, &mev) in energies.iter().enumerate() {
            if mev <= 0.0 {
                continue;
            }
            n_hit += 1;
            add_moments(&mut sums[0], places.radius_mm[i], mev);
            if let Some(&[eta, phi]) = places.across_mm.get(i) {
                add_moments(&mut sums[1], eta, mev);
                add_moments(&mut sums[2], phi, mev);
            }
        }
        let [radius, eta, phi] = sums.map(|[first, second]| {
            let mean = first / (energy + NEVER_ZERO_MEV);
            let mean_square = second / (energy + NEVER_ZERO_MEV);
            [mean, (mean_square - mean * mean).max(0.0).sqrt()]
        });
        let sparsity = 1.0 - f64::from(n_hit) / places.voxels.len() as f64;
        Self { energy_mev: energy, sparsity, radius, eta, phi }
    }

    fn get(&self, feature: Feature) -> f64 {
        match feature {
            Feature::TotalEnergy | Feature::LayerEnergy => self.energy_mev,
            Feature::Sparsity => self.sparsity,
            Feature::CentreR => self.radius[0],
            Feature::WidthR => self.radius[1],
            Feature::CentreEta => self.eta[0],
            Feature::WidthEta => self.eta[1],
            Feature::CentrePhi => self.phi[0],
            Feature::WidthPhi => self.phi[1],
        }
    }
}

#[inline]
fn add_moments(sums: &mut [f64; 2], x: f64, mev: f64) {
    sums[0] += x * mev;
    sums[1] += x * x * mev;
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::challenge::layout::two_layers;

    /// Sectors of two halves: their middles lie at -pi/2 and pi/2, so that phi is -r and r.
    #[test]
    fn features_are_those_computed_by_hand() {
        let voxels = array![[3.0, 1.0, 0.0, 2.0, 0.4, 6.0], [0.0; 6]];
        let features = ShowerFeatures::of(&two_layers(), voxels.view()).unwrap();
        let number = |feature, layer_idx, shower: usize| {
            features.column(FeatureColumn { feature, layer_idx }).unwrap()[shower]
        };
        for (feature, layer_idx, expected) in [
            (Feature::TotalEnergy, None, 12.0),
            (Feature::LayerEnergy, Some(1), 8.0),
            (Feature::Sparsity, Some(0), 0.0),
            (Feature::Sparsity, Some(1), 0.5),
            (Feature::CentreR, Some(0), 1.75),
            (Feature::WidthR, Some(0), (19.0 / 4.0 - 1.75_f64.powi(2)).sqrt()),
            (Feature::CentreR, Some(1), 4.0),
            (Feature::CentreEta, Some(1), 0.0),
            (Feature::CentrePhi, Some(1), 2.0),
            (Feature::WidthPhi, Some(1), 12.0_f64.sqrt()),
        ] {
            let found = number(feature, layer_idx, 0);
            assert!((found - expected).abs() < 1e-9, "{feature:?} {layer_idx:?}: {found}");
        }
        assert!(
            number(Feature::Sparsity, Some(1), 1) > 0.999
                && number(Feature::CentreR, Some(1), 1).abs() < 1e-12
        );
        assert!(features.column(FeatureColumn { feature: Feature::CentreEta, layer_idx: Some(0) }).is_none());
        let vector = features.vector(&[0.1, 1.0]).unwrap();
        assert!((vector[[0, 0]] - 2.0).abs() < 1e-12 && (vector[[1, 1]] + 8.0).abs() < 1e-12);
    }

    #[test]
    fn bad_input_is_named() {
        let message =
            |voxels: Array2<f32>| ShowerFeatures::of(&two_layers(), voxels.view()).unwrap_err().to_string();
        assert_eq!(message(Array2::zeros((2, 5))), "voxels of a shower: found 5; expected 6");
        let mut voxels = Array2::zeros((2, 6));
        voxels[[1, 4]] = f32::NAN;
        assert_eq!(message(voxels), "voxels: NaN at index [1, 4]; expected finite numbers");
        let features = ShowerFeatures::of(&two_layers(), Array2::zeros((2, 6)).view()).unwrap();
        assert!(features.vector(&[1.0]).is_err());
        let message = features.vector(&[1.0, 0.0]).unwrap_err().to_string();
        assert!(message.starts_with("parameter `incident energy of shower 1`: 0"), "{message}");
    }
}
