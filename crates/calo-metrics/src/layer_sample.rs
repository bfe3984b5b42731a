//! Layer features of a stream of showers, of as many as trees are grown with.

use ndarray::{ArrayView2, ArrayView4, Axis, s};

use crate::error::{Error, Result};
use crate::kept::Kept;
use crate::layer_features::{LayerFeatureSettings, layer_feature_names, layer_features};
use crate::out_of_fold::shower_hashes;

/// Layer features of evenly spread showers of one sample, at most so many.
#[derive(Debug, Clone)]
pub struct LayerSample {
    settings: LayerFeatureSettings,
    kept: Kept<f64>,
    hashes: Vec<Option<u64>>,
}

/// A sample, or half of it, for trees.
#[derive(Debug, Clone)]
pub struct LayerPart<'a> {
    /// From [`layer_features`], `[shower, feature]`.
    pub features: ArrayView2<'a, f64>,
    /// From [`shower_hashes`].
    pub hashes: Vec<Option<u64>>,
}

impl LayerPart<'_> {
    /// The same for a shorter time: views of arrays do not shorten theirs by themselves.
    pub fn view(&self) -> LayerPart<'_> {
        LayerPart { features: self.features.view(), hashes: self.hashes.clone() }
    }
}

impl LayerSample {
    /// For `n_showers` showers of `n_layers` layers, of which `at_most` are kept.
    pub fn new(settings: LayerFeatureSettings, n_layers: usize, n_showers: usize, at_most: usize) -> Self {
        let kept = Kept::new(n_showers, at_most, layer_feature_names(n_layers).len());
        let hashes = vec![None; kept.rows.nrows()];
        Self { settings, kept, hashes }
    }

    /// Adds a batch, whose first shower has the number `first_shower` in the sample.
    ///
    /// # Shapes
    /// `cells_mev` `[shower, layer, x, y]`, `energies_gev` `[shower]`.
    ///
    /// # Errors
    /// As [`layer_features`]; another number of layers.
    pub fn fill(
        &mut self,
        cells_mev: ArrayView4<'_, f32>,
        energies_gev: &[f64],
        first_shower: usize,
    ) -> Result<()> {
        let n_showers = cells_mev.dim().0;
        if energies_gev.len() != n_showers {
            return Err(Error::mismatch("incident energies", energies_gev.len(), n_showers));
        }
        let place = |&shower: &usize| self.kept.place(first_shower + shower).is_some();
        let rows: Vec<usize> = (0..n_showers).filter(place).collect();
        let Some(first) = rows.first().and_then(|&row| self.kept.place(first_shower + row)) else {
            return Ok(());
        };
        let cells = cells_mev.select(Axis(0), &rows);
        let energies: Vec<f64> = rows.iter().map(|&row| energies_gev[row]).collect();
        let features = layer_features(cells.view(), &energies, &self.settings)?;
        if features.ncols() != self.kept.rows.ncols() {
            return Err(Error::mismatch("layer features", features.ncols(), self.kept.rows.ncols()));
        }
        let n_cells = cells.len() / rows.len();
        let flat = cells.view().into_shape_with_order((rows.len(), n_cells));
        let flat =
            flat.map_err(|e| Error::mismatch("cells of a batch", e.to_string(), "as many for each shower"))?;
        self.hashes[first..first + rows.len()].copy_from_slice(&shower_hashes(flat));
        self.kept.rows.slice_mut(s![first..first + rows.len(), ..]).assign(&features);
        Ok(())
    }

    /// Showers that are kept.
    pub fn n_kept(&self) -> usize {
        self.hashes.len()
    }

    /// All kept showers.
    pub fn whole(&self) -> LayerPart<'_> {
        LayerPart { features: self.kept.rows.view(), hashes: self.hashes.clone() }
    }

    /// Kept showers of even and of odd number.
    pub fn halves(&self) -> [LayerPart<'_>; 2] {
        [0, 1].map(|first| LayerPart {
            // A slice must not begin behind the end.
            features: self.kept.rows.slice(s![first.min(self.n_kept())..;2, ..]),
            hashes: self.hashes.iter().skip(first).step_by(2).copied().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;

    use super::*;

    #[test]
    fn batches_do_not_matter_and_halves_share_no_shower() {
        let settings = LayerFeatureSettings { cell_cut_mev: 0.1, mip_mev: 0.2 };
        let showers =
            Array4::from_shape_fn((11, 2, 2, 2), |(n, l, x, y)| ((n * 7 + l * 5 + x * 3 + y) % 13) as f32);
        let energies: Vec<f64> = (1..=11).map(f64::from).collect();
        let sample = |batch: usize, at_most: usize| {
            let mut sample = LayerSample::new(settings, 2, 11, at_most);
            for first in (0..11).step_by(batch) {
                let end = (first + batch).min(11);
                let cells = showers.slice(s![first..end, .., .., ..]);
                sample.fill(cells, &energies[first..end], first).unwrap();
            }
            sample
        };
        for at_most in [4, 11, 50] {
            let (whole, parts) = (sample(11, at_most), sample(3, at_most));
            assert_eq!((&whole.kept.rows, &whole.hashes), (&parts.kept.rows, &parts.hashes));
            assert_eq!(whole.n_kept(), at_most.min(11));
            let [even, odd] = whole.halves();
            assert_eq!(even.features.nrows() + odd.features.nrows(), whole.n_kept());
            assert_eq!(odd.features.row(0), whole.whole().features.row(1));
            assert_eq!(odd.hashes[0], whole.whole().hashes[1]);
        }
        // The incident energy is the first feature.
        let kept = sample(4, 4).whole().features.column(0).to_vec();
        assert_eq!(kept, [1.0, 4.0, 7.0, 10.0]);
        let message =
            LayerSample::new(settings, 3, 11, 11).fill(showers.view(), &energies, 0).unwrap_err().to_string();
        assert_eq!(message, "layer features: found 37; expected 43");
    }
}
