//! The challenge's histograms, and how far those of two samples are apart.

use ndarray::ArrayView2;

use super::decades::log_edges;
use super::features::{ShowerFeatures, check_energies, check_voxels};
use super::layout::{Feature, FeatureColumn, Layout};
use crate::distance::separation_power;
use crate::error::{Error, Result};
use crate::histogram::{Axis, Histogram};

/// Log bins of the energy of a layer, from the cut to the reference's largest.
const LAYER_ENERGY_BINS: usize = 39;

/// Log bins of the energy of voxels, from the cut to the reference's largest.
const VOXEL_BINS: usize = 49;

/// Largest energies of the reference, where histograms of energies end.
#[derive(Debug, Clone, PartialEq)]
pub struct LargestEnergies {
    layers_mev: Vec<f64>,
    voxel_mev: f64,
}

/// Histograms of one sample, filled batch by batch.
#[derive(Debug, Clone, PartialEq)]
pub struct ChallengeHistograms {
    response: Histogram,
    /// Each column of features but the total energy. None where the reference has no energy above the cut.
    features: Vec<(FeatureColumn, Option<Histogram>)>,
    voxels: Histogram,
}

/// One of the histograms, and what it is of.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedHistogram<'a> {
    /// The challenge's name: `EC Eta layer 1`.
    pub name: String,
    /// What is histogrammed; none for the energies of voxels. Of the whole shower it is E_tot / E_inc.
    pub feature: Option<Feature>,
    /// Number of the layer; none for the whole shower.
    pub layer_id: Option<u32>,
    /// None where the reference has no energy above the cut.
    pub histogram: Option<&'a Histogram>,
}

/// How far a histogram of two samples is apart.
#[derive(Debug, Clone, PartialEq)]
pub struct SeparationPower {
    /// The challenge's name: `EC Eta layer 1`.
    pub name: String,
    /// 0 to 1; none where one of the samples has no entry inside the axis.
    pub value: Option<f64>,
}

impl LargestEnergies {
    /// Of no shower yet.
    pub fn new(layout: &Layout) -> Self {
        Self { layers_mev: vec![0.0; layout.layers().len()], voxel_mev: 0.0 }
    }

    /// Takes a batch of the reference into account.
    ///
    /// # Errors
    /// Another number of voxels than the layout has, NaN or infinity.
    pub fn observe(
        &mut self,
        layout: &Layout,
        features: &ShowerFeatures,
        voxels_mev: ArrayView2<'_, f32>,
    ) -> Result<()> {
        check_voxels(layout, voxels_mev)?;
        for (layer, largest) in self.layers_mev.iter_mut().enumerate() {
            let column = FeatureColumn { feature: Feature::LayerEnergy, layer_idx: Some(layer) };
            for &mev in features.column(column).iter().flatten() {
                *largest = largest.max(mev);
            }
        }
        let highest = voxels_mev.iter().fold(0.0_f32, |highest, &voxel| highest.max(voxel));
        self.voxel_mev = self.voxel_mev.max(layout.voxel_mev(highest));
        Ok(())
    }
}

impl ChallengeHistograms {
    /// Empty histograms on the axes that the reference's largest energies give.
    ///
    /// # Errors
    /// A reference without a voxel above the cut, or a cut of zero, which log bins cannot start at.
    pub fn new(layout: &Layout, largest: &LargestEnergies) -> Result<Self> {
        let cut_mev = layout.cut_mev();
        if cut_mev <= 0.0 {
            return Err(Error::parameter("cut_mev", cut_mev, "an energy above 0 MeV, where log bins start"));
        }
        if largest.voxel_mev <= cut_mev {
            let expected = format!("voxels above the cut of {cut_mev} MeV");
            return Err(Error::parameter(
                "largest voxel of the reference in MeV",
                largest.voxel_mev,
                expected,
            ));
        }
        let mut features = Vec::new();
        for column in layout.columns() {
            if let Some(layer) = column.layer_idx {
                let axis = feature_axis(layout, largest, column.feature, layer)?;
                features.push((column, axis.map(Histogram::new)));
            }
        }
        Ok(Self {
            response: Histogram::new(Axis::linear(100, 0.5, 1.5)?),
            features,
            voxels: Histogram::new(Axis::from_edges(log_edges(VOXEL_BINS, cut_mev, largest.voxel_mev))?),
        })
    }

    /// Adds a batch of showers.
    ///
    /// # Shapes
    /// `voxels_mev` `[shower, voxel]` and their `features`; `energies_gev` `[shower]`.
    ///
    /// # Errors
    /// Arrays that do not fit each other or the layout, energies that are not above zero.
    pub fn fill(
        &mut self,
        layout: &Layout,
        features: &ShowerFeatures,
        voxels_mev: ArrayView2<'_, f32>,
        energies_gev: &[f64],
    ) -> Result<()> {
        check_voxels(layout, voxels_mev)?;
        check_energies(energies_gev, features.n_showers())?;
        if voxels_mev.nrows() != features.n_showers() {
            return Err(Error::mismatch("showers", voxels_mev.nrows(), features.n_showers()));
        }
        let total = FeatureColumn { feature: Feature::TotalEnergy, layer_idx: None };
        for (mev, gev) in features.column(total).iter().flatten().zip(energies_gev) {
            fill_closed(&mut self.response, mev / (1e3 * gev));
        }
        for (column, histogram) in &mut self.features {
            if let Some(histogram) = histogram {
                features.column(*column).iter().flatten().for_each(|&value| fill_closed(histogram, value));
            }
        }
        for &voxel in voxels_mev {
            let mev = layout.voxel_mev(voxel);
            if mev > 0.0 {
                fill_closed(&mut self.voxels, mev);
            }
        }
        Ok(())
    }

    /// Adds what another part of the same sample holds.
    ///
    /// # Errors
    /// Histograms on other axes.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.response.merge(&other.response)?;
        for ((_, histogram), (_, other)) in self.features.iter_mut().zip(&other.features) {
            if let (Some(histogram), Some(other)) = (histogram, other) {
                histogram.merge(other)?;
            }
        }
        self.voxels.merge(&other.voxels)
    }

    /// Every histogram, in the challenge's order of features.
    pub fn named(&self, layout: &Layout) -> Vec<NamedHistogram<'_>> {
        let whole = |name: &str, feature, histogram| NamedHistogram {
            name: name.to_owned(),
            feature,
            layer_id: None,
            histogram: Some(histogram),
        };
        let mut named = vec![whole("Etot / Einc", Some(Feature::TotalEnergy), &self.response)];
        for (column, histogram) in &self.features {
            let layer = column.layer_idx.and_then(|layer| layout.layers().get(layer));
            let id = layer.map_or(0, |layer| layer.id);
            named.push(NamedHistogram {
                name: format!("{} layer {id}", histogram_name(column.feature)),
                feature: Some(column.feature),
                layer_id: Some(id),
                histogram: histogram.as_ref(),
            });
        }
        named.push(whole("voxel distribution", None, &self.voxels));
        named
    }
}

/// Separation powers of all histograms of two samples, on the axes of the reference. Counts are normalised to one inside
/// the axis: what lies outside takes no part.
///
/// # Errors
/// Histograms on different axes.
pub fn separation_powers(
    layout: &Layout,
    reference: &ChallengeHistograms,
    candidate: &ChallengeHistograms,
) -> Result<Vec<SeparationPower>> {
    let mut powers = Vec::new();
    for (a, b) in reference.named(layout).into_iter().zip(candidate.named(layout)) {
        let inside = [a.histogram, b.histogram].map(|histogram| histogram.map(Histogram::inside_axis));
        let value = match &inside {
            [Some(a), Some(b)] if a.total() > 0.0 && b.total() > 0.0 => Some(separation_power(a, b)?),
            _ => None,
        };
        powers.push(SeparationPower { name: a.name, value });
    }
    Ok(powers)
}

/// The axis of a layer's feature; none where the layer has no energy above the cut.
fn feature_axis(
    layout: &Layout,
    largest: &LargestEnergies,
    feature: Feature,
    layer: usize,
) -> Result<Option<Axis>> {
    let ranges = layout.layers()[layer].ranges_mm;
    let axis = match feature {
        Feature::LayerEnergy | Feature::TotalEnergy => {
            let (low, high) = (layout.cut_mev(), largest.layers_mev[layer]);
            if high <= low {
                return Ok(None);
            }
            Axis::from_edges(log_edges(LAYER_ENERGY_BINS, low, high))
        }
        Feature::Sparsity => Axis::linear(20, 0.0, 1.0),
        Feature::CentreEta | Feature::CentrePhi => Axis::linear(100, -ranges.centre, ranges.centre),
        Feature::WidthEta | Feature::WidthPhi => Axis::linear(100, 0.0, ranges.width),
        Feature::CentreR => Axis::linear(100, 0.0, ranges.radius),
        Feature::WidthR => Axis::linear(100, 0.0, ranges.radius_width),
    };
    axis.map(Some)
}

fn histogram_name(feature: Feature) -> &'static str {
    match feature {
        Feature::TotalEnergy | Feature::LayerEnergy => "E",
        Feature::Sparsity => "Sparsity",
        Feature::CentreEta => "EC Eta",
        Feature::CentrePhi => "EC Phi",
        Feature::WidthEta => "Width Eta",
        Feature::WidthPhi => "Width Phi",
        Feature::CentreR => "EC r",
        Feature::WidthR => "Width r",
    }
}

/// As NumPy fills: an entry at the very end counts in the last bin.
#[inline]
fn fill_closed(histogram: &mut Histogram, value: f64) {
    let high = histogram.axis().high();
    #[expect(clippy::float_cmp, reason = "only the edge itself counts")]
    let value = if value == high { high.next_down() } else { value };
    histogram.fill(value, 1.0);
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::challenge::{LayoutLayer, LayoutRanges};

    fn layout(cut_mev: f64) -> Layout {
        let ranges_mm = LayoutRanges { centre: 10.0, width: 10.0, radius: 10.0, radius_width: 10.0 };
        let layer = |id| LayoutLayer { id, r_edges_mm: vec![0.0, 2.0, 6.0], n_angles: 1, ranges_mm };
        Layout::new(vec![layer(0), layer(4)], cut_mev).unwrap()
    }

    fn powers(reference: &Array2<f32>, candidate: &Array2<f32>) -> Result<Vec<SeparationPower>> {
        let layout = layout(0.5);
        let features =
            [reference, candidate].map(|sample| ShowerFeatures::of(&layout, sample.view()).unwrap());
        let mut largest = LargestEnergies::new(&layout);
        largest.observe(&layout, &features[0], reference.view())?;
        let empty = ChallengeHistograms::new(&layout, &largest)?;
        let mut filled = [empty.clone(), empty];
        for ((histograms, features), sample) in filled.iter_mut().zip(&features).zip([reference, candidate]) {
            histograms.fill(&layout, features, sample.view(), &vec![0.005; sample.nrows()])?;
        }
        separation_powers(&layout, &filled[0], &filled[1])
    }

    #[test]
    fn a_copy_is_not_apart_and_a_disjoint_sample_wholly() {
        let reference = array![[1.0, 2.0, 3.0, 0.0], [2.0, 1.0, 0.0, 1.0_f32]];
        let same = powers(&reference, &reference).unwrap();
        assert_eq!(same.len(), 1 + 4 * 2 + 1);
        assert!(same.iter().all(|power| power.value == Some(0.0)), "{same:?}");
        let apart = powers(&reference, &(&reference * 0.8)).unwrap();
        let voxels = apart.iter().find(|power| power.name == "voxel distribution").unwrap();
        assert!((voxels.value.unwrap() - 1.0).abs() < 1e-12, "{apart:?}");
    }

    #[test]
    fn histograms_without_entries_have_no_value() {
        let reference = array![[1.0, 2.0, 0.0, 0.0], [2.0, 1.0, 0.0, 0.0_f32]];
        let found = powers(&reference, &reference).unwrap();
        let none: Vec<&str> =
            found.iter().filter(|power| power.value.is_none()).map(|power| power.name.as_str()).collect();
        assert_eq!(none, ["E layer 4"]);
    }

    #[test]
    fn a_cut_above_every_voxel_is_named() {
        let message =
            powers(&array![[0.3, 0.2, 0.0, 0.0]], &array![[1.0, 1.0, 1.0, 1.0]]).unwrap_err().to_string();
        let expected =
            "parameter `largest voxel of the reference in MeV`: 0; expected voxels above the cut of 0.5 MeV";
        assert_eq!(message, expected);
        assert!(ChallengeHistograms::new(&layout(0.0), &LargestEnergies::new(&layout(0.0))).is_err());
    }
}
