//! How showers of the challenge are cut into voxels, and the features that follow from it.

use std::f64::consts::PI;
use std::ops::Range;

use crate::error::{Error, Result, check_finite};

/// Polar layers of voxels, and the energy below which a voxel is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    layers: Vec<LayoutLayer>,
    cut_mev: f64,
    places: Vec<VoxelPlaces>,
}

/// One layer: rings around the particle's direction, cut into sectors from -pi to pi. Voxels stand angle slow, radius fast.
#[derive(Debug, Clone, PartialEq)]
pub struct LayoutLayer {
    /// Number of the layer in names.
    pub id: u32,
    /// Edges of the rings, mm.
    pub r_edges_mm: Vec<f64>,
    /// Sectors; a layer of whole rings (1) has no features of eta and phi.
    pub n_angles: usize,
    /// Where its histograms end.
    pub ranges_mm: LayoutRanges,
}

/// Where the histograms of one layer end, mm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayoutRanges {
    /// Centre in eta and phi: from minus this to this.
    pub centre: f64,
    /// Width in eta and phi: from 0.
    pub width: f64,
    /// Mean radius: from 0.
    pub radius: f64,
    /// Width of the radius: from 0.
    pub radius_width: f64,
}

/// A number that the challenge computes of a shower, or of each layer of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Energy of the shower, MeV.
    TotalEnergy,
    /// Energy of a layer, MeV.
    LayerEnergy,
    /// Share of the layer's voxels that are empty.
    Sparsity,
    /// Energy-weighted mean radius, mm.
    CentreR,
    /// Energy-weighted standard deviation of the radius, mm.
    WidthR,
    /// Energy-weighted mean of r cos(angle), mm.
    CentreEta,
    /// Energy-weighted mean of r sin(angle), mm.
    CentrePhi,
    /// Energy-weighted standard deviation of r cos(angle), mm.
    WidthEta,
    /// Energy-weighted standard deviation of r sin(angle), mm.
    WidthPhi,
}

/// A feature of the shower, or of the layer with this index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureColumn {
    /// What is computed.
    pub feature: Feature,
    /// Of which layer, counted from 0 in front; none for the whole shower.
    pub layer_idx: Option<usize>,
}

/// Where the voxels of one layer stand in a row, and in space (middles of radius and angle).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct VoxelPlaces {
    pub(super) voxels: Range<usize>,
    pub(super) radius_mm: Vec<f64>,
    /// r cos(angle) and r sin(angle); empty for whole rings.
    pub(super) across_mm: Vec<[f64; 2]>,
}

impl Feature {
    /// The features of the feature vector in its order; the incident energy stands before them.
    pub const ALL: [Self; 9] = [
        Self::LayerEnergy,
        Self::CentreEta,
        Self::CentrePhi,
        Self::WidthEta,
        Self::WidthPhi,
        Self::TotalEnergy,
        Self::Sparsity,
        Self::CentreR,
        Self::WidthR,
    ];

    /// The challenge's name: `EC_eta`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TotalEnergy => "E_tot",
            Self::LayerEnergy => "E_layer",
            Self::Sparsity => "sparsity",
            Self::CentreR => "EC_r",
            Self::WidthR => "width_r",
            Self::CentreEta => "EC_eta",
            Self::CentrePhi => "EC_phi",
            Self::WidthEta => "width_eta",
            Self::WidthPhi => "width_phi",
        }
    }

    /// Whether layers of whole rings lack it.
    fn needs_angles(self) -> bool {
        matches!(self, Self::CentreEta | Self::CentrePhi | Self::WidthEta | Self::WidthPhi)
    }
}

impl Layout {
    /// A layout of these layers, front to back; voxels below `cut_mev` count as empty.
    ///
    /// # Errors
    /// No layer, edges that do not rise from at least 0, no sector, ranges or a cut that are not possible.
    pub fn new(layers: Vec<LayoutLayer>, cut_mev: f64) -> Result<Self> {
        if layers.is_empty() {
            return Err(Error::empty("layers of a layout", "at least one"));
        }
        if !(cut_mev.is_finite() && cut_mev >= 0.0) {
            return Err(Error::parameter("cut_mev", cut_mev, "a finite energy of at least 0 MeV"));
        }
        let mut places = Vec::with_capacity(layers.len());
        let mut first = 0;
        for layer in &layers {
            layer.validate()?;
            let places_of_layer = layer.places(first);
            first = places_of_layer.voxels.end;
            places.push(places_of_layer);
        }
        Ok(Self { layers, cut_mev, places })
    }

    /// The layers, front to back.
    pub fn layers(&self) -> &[LayoutLayer] {
        &self.layers
    }

    /// Voxels below this are empty, MeV.
    pub fn cut_mev(&self) -> f64 {
        self.cut_mev
    }

    /// Voxels of one shower.
    pub fn n_voxels(&self) -> usize {
        self.places.last().map_or(0, |places| places.voxels.end)
    }

    /// Every feature in the order of the feature vector.
    pub fn columns(&self) -> Vec<FeatureColumn> {
        let of = |feature: Feature| -> Vec<FeatureColumn> {
            let column = |layer_idx| FeatureColumn { feature, layer_idx };
            if feature == Feature::TotalEnergy {
                return vec![column(None)];
            }
            let has_it = |&layer: &usize| !feature.needs_angles() || self.layers[layer].n_angles > 1;
            (0..self.layers.len()).filter(has_it).map(|layer| column(Some(layer))).collect()
        };
        Feature::ALL.into_iter().flat_map(of).collect()
    }

    /// The challenge's name of a column: `EC_eta_1`, `E_tot`.
    pub fn name(&self, column: FeatureColumn) -> String {
        match column.layer_idx.and_then(|layer| self.layers.get(layer)) {
            Some(layer) => format!("{}_{}", column.feature.name(), layer.id),
            None => column.feature.name().to_owned(),
        }
    }

    pub(super) fn places(&self) -> &[VoxelPlaces] {
        &self.places
    }

    /// Energy of a voxel in MeV, 0 below the cut.
    #[inline]
    pub(super) fn voxel_mev(&self, voxel: f32) -> f64 {
        let energy = f64::from(voxel);
        if energy < self.cut_mev || energy <= 0.0 { 0.0 } else { energy }
    }
}

impl LayoutLayer {
    fn validate(&self) -> Result<()> {
        let name = |field: &str| format!("layer {}, {field}", self.id);
        check_finite(&name("r_edges_mm"), &self.r_edges_mm)?;
        let rising = self.r_edges_mm.windows(2).all(|pair| pair[0] < pair[1]);
        if self.r_edges_mm.len() < 2 || self.r_edges_mm[0] < 0.0 || !rising {
            let expected = "two edges or more that rise from at least 0 mm";
            return Err(Error::parameter(name("r_edges_mm"), format!("{:?}", self.r_edges_mm), expected));
        }
        if self.n_angles == 0 {
            return Err(Error::parameter(name("n_angles"), 0, "at least 1 sector"));
        }
        let LayoutRanges { centre, width, radius, radius_width } = self.ranges_mm;
        match [centre, width, radius, radius_width].into_iter().find(|&end| !(end.is_finite() && end > 0.0)) {
            Some(end) => Err(Error::parameter(name("ranges_mm"), end, "finite lengths above 0 mm")),
            None => Ok(()),
        }
    }

    /// Where the voxels stand, the first of which has index `first`.
    fn places(&self, first: usize) -> VoxelPlaces {
        // As the challenge computes them: voxels at right angles have a centre of 1e-16 mm, whose sign decides on its bin.
        let middle = |low: f64, high: f64| low + (high - low) / 2.0;
        let radii: Vec<f64> = self.r_edges_mm.windows(2).map(|pair| middle(pair[0], pair[1])).collect();
        let step = 2.0 * PI / self.n_angles as f64;
        let edge = |j: usize| if j == self.n_angles { PI } else { j as f64 * step - PI };
        let angles = (0..self.n_angles).map(|j| middle(edge(j), edge(j + 1)));
        let across_mm: Vec<[f64; 2]> = if self.n_angles == 1 {
            Vec::new()
        } else {
            angles.flat_map(|angle| radii.iter().map(move |r| [r * angle.cos(), r * angle.sin()])).collect()
        };
        let n_voxels = self.n_angles * radii.len();
        let radius_mm = radii.iter().copied().cycle().take(n_voxels).collect();
        VoxelPlaces { voxels: first..first + n_voxels, radius_mm, across_mm }
    }
}

/// For tests: a layer of two rings.
#[cfg(test)]
fn layer(id: u32, n_angles: usize) -> LayoutLayer {
    let ranges_mm = LayoutRanges { centre: 10.0, width: 10.0, radius: 10.0, radius_width: 10.0 };
    LayoutLayer { id, r_edges_mm: vec![0.0, 2.0, 6.0], n_angles, ranges_mm }
}

/// For tests: whole rings in the first layer, halves in the second, and a cut of 0.5 MeV.
#[cfg(test)]
pub(super) fn two_layers() -> Layout {
    Layout::new(vec![layer(0, 1), layer(1, 2)], 0.5).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_stand_angle_slow_and_radius_fast() {
        let layout = Layout::new(vec![layer(0, 1), layer(7, 4)], 0.1).unwrap();
        assert_eq!(layout.n_voxels(), 10);
        let places = &layout.places()[1];
        assert_eq!((places.voxels.clone(), &places.radius_mm[..3]), (2..10, &[1.0, 4.0, 1.0][..]));
        // The first sector lies in the middle of -pi .. -pi/2.
        let diagonal = 0.5_f64.sqrt();
        assert!(places.across_mm[1].iter().all(|x| (x + 4.0 * diagonal).abs() < 1e-12));
    }

    #[test]
    fn whole_rings_have_no_angles() {
        let layout = Layout::new(vec![layer(0, 1), layer(7, 4)], 0.1).unwrap();
        let names: Vec<String> = layout.columns().into_iter().map(|column| layout.name(column)).collect();
        let expected = "E_layer_0 E_layer_7 EC_eta_7 EC_phi_7 width_eta_7 width_phi_7 E_tot sparsity_0 sparsity_7 \
            EC_r_0 EC_r_7 width_r_0 width_r_7";
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn impossible_layouts_are_named() {
        let message = |layers, cut_mev| Layout::new(layers, cut_mev).unwrap_err().to_string();
        assert!(message(Vec::new(), 0.0).contains("layers of a layout: empty"));
        assert!(message(vec![layer(0, 1)], f64::NAN).starts_with("parameter `cut_mev`: NaN"));
        assert!(message(vec![layer(3, 0)], 0.0).starts_with("parameter `layer 3, n_angles`: 0"));
        let falling = LayoutLayer { r_edges_mm: vec![1.0, 0.5], ..layer(3, 1) };
        assert!(message(vec![falling], 0.0).starts_with("parameter `layer 3, r_edges_mm`: [1.0, 0.5]"));
        let ranges_mm = LayoutRanges { width: 0.0, ..layer(0, 1).ranges_mm };
        assert!(
            message(vec![LayoutLayer { ranges_mm, ..layer(3, 1) }], 0.0).contains("layer 3, ranges_mm`: 0")
        );
    }
}
