//! Layers with voxels of their own: Cartesian, or polar around the particle's direction.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::error::Result;

/// One layer, or several alike with rising ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerGroup {
    /// Number of the (first) layer in the experiment, for names: layers that are not read out may be left out.
    pub id: u32,
    /// Layers of this kind, of ids `id`, `id + 1` and so on.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub repeat: u32,
    /// Where histograms of centres and widths end; they are not drawn without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranges_mm: Option<FeatureRanges>,
    /// How the layer is cut into voxels.
    pub voxels: Voxels,
}

/// How a layer is cut into voxels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "snake_case", deny_unknown_fields)]
pub enum Voxels {
    /// Rings around the particle's direction, cut into sectors of equal angle from -pi to pi. Stored angle slow, radius
    /// fast.
    Polar {
        /// Sectors; 1 for whole rings.
        n_angles: usize,
        /// Edges of the rings from the inside, mm.
        r_edges_mm: Vec<f64>,
    },
    /// Rectangles, stored x slow, y fast.
    Cartesian {
        /// Edges along x, mm.
        x_edges_mm: Vec<f64>,
        /// Edges along y, mm.
        y_edges_mm: Vec<f64>,
    },
}

/// Where the CaloChallenge's histograms of one layer end, mm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureRanges {
    /// Centre across: from minus this to this.
    pub centre: f64,
    /// Width across: from 0.
    pub width: f64,
    /// Mean radius: from 0.
    pub radius: f64,
    /// Width of the radius: from 0.
    pub radius_width: f64,
}

/// One layer and where its voxels stand in a shower.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer<'a> {
    /// Number of the layer in the experiment.
    pub id: u32,
    /// Index of its first voxel.
    pub first_voxel: usize,
    /// How it is cut into voxels.
    pub voxels: &'a Voxels,
    /// Where its histograms end.
    pub ranges_mm: Option<FeatureRanges>,
}

impl Voxels {
    /// Voxels of the layer.
    pub fn n_voxels(&self) -> usize {
        match self {
            Self::Polar { n_angles, r_edges_mm } => n_angles * r_edges_mm.len().saturating_sub(1),
            Self::Cartesian { x_edges_mm, y_edges_mm } => {
                x_edges_mm.len().saturating_sub(1) * y_edges_mm.len().saturating_sub(1)
            }
        }
    }

    /// The middle of each voxel across, mm. Whole rings lie around the origin: theirs is `[0, 0]`.
    pub fn centres_mm(&self) -> Vec<[f64; 2]> {
        match self {
            Self::Polar { n_angles: 1, r_edges_mm } => vec![[0.0, 0.0]; r_edges_mm.len().saturating_sub(1)],
            Self::Polar { n_angles, r_edges_mm } => {
                let angle = |sector: usize| -PI + (sector as f64 + 0.5) * 2.0 * PI / *n_angles as f64;
                let (angles, radii) = ((0..*n_angles).map(angle), middles(r_edges_mm));
                product(angles, &radii, |angle, r| [r * angle.cos(), r * angle.sin()])
            }
            Self::Cartesian { x_edges_mm, y_edges_mm } => {
                product(middles(x_edges_mm).into_iter(), &middles(y_edges_mm), |x, y| [x, y])
            }
        }
    }

    fn validate(&self, check: &Check<'_>, field: &str) -> Result<()> {
        match self {
            Self::Polar { n_angles, r_edges_mm } => {
                let field_angles = format!("{field}.n_angles");
                check.that((1..=1024).contains(n_angles), &field_angles, n_angles, "1 to 1024 sectors")?;
                let field_edges = format!("{field}.r_edges_mm");
                edges(check, &field_edges, r_edges_mm)?;
                check.that(r_edges_mm[0] >= 0.0, &field_edges, r_edges_mm[0], "radii of at least 0 mm")
            }
            Self::Cartesian { x_edges_mm, y_edges_mm } => {
                edges(check, &format!("{field}.x_edges_mm"), x_edges_mm)?;
                edges(check, &format!("{field}.y_edges_mm"), y_edges_mm)
            }
        }
    }
}

impl LayerGroup {
    /// `field` names the group in errors.
    pub(super) fn validate(&self, check: &Check<'_>, field: &str) -> Result<()> {
        let repeat = format!("{field}.repeat");
        check.that((1..=1024).contains(&self.repeat), &repeat, self.repeat, "1 to 1024 layers")?;
        check.that(self.id <= 1 << 20, &format!("{field}.id"), self.id, "0 to 1048576")?;
        if let Some(ranges) = self.ranges_mm {
            for (name, value) in [
                ("centre", ranges.centre),
                ("width", ranges.width),
                ("radius", ranges.radius),
                ("radius_width", ranges.radius_width),
            ] {
                check.positive(&format!("{field}.ranges_mm.{name}"), value)?;
            }
        }
        self.voxels.validate(check, &format!("{field}.voxels"))
    }
}

fn product(
    slow: impl Iterator<Item = f64>,
    fast: &[f64],
    voxel: impl Fn(f64, f64) -> [f64; 2] + Copy,
) -> Vec<[f64; 2]> {
    slow.flat_map(|a| fast.iter().map(move |&b| voxel(a, b))).collect()
}

fn middles(edges: &[f64]) -> Vec<f64> {
    edges.windows(2).map(|pair| 0.5 * (pair[0] + pair[1])).collect()
}

fn edges(check: &Check<'_>, field: &str, edges: &[f64]) -> Result<()> {
    let n = edges.len();
    check.that((2..=1025).contains(&n), field, format!("{n} edges"), "2 to 1025 edges")?;
    let fault = (0..n).find(|&i| !edges[i].is_finite() || (i > 0 && edges[i - 1] >= edges[i]));
    let found = fault.map_or(0.0, |i| edges[i]);
    let place = fault.map_or_else(|| field.to_owned(), |i| format!("{field}[{i}]"));
    check.that(fault.is_none(), &place, found, "finite edges, each above the one before")
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_one(repeat: &u32) -> bool {
    *repeat == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_stand_angle_slow_and_radius_fast() {
        let polar = Voxels::Polar { n_angles: 4, r_edges_mm: vec![0.0, 2.0, 6.0] };
        assert_eq!(polar.n_voxels(), 8);
        let centres = polar.centres_mm();
        // The first sector lies in the middle of -pi .. -pi/2.
        let diagonal = 0.5_f64.sqrt();
        for (found, expected) in
            [(centres[0], [-diagonal, -diagonal]), (centres[1], [-4.0 * diagonal, -4.0 * diagonal])]
        {
            assert!(
                (found[0] - expected[0]).abs() < 1e-12 && (found[1] - expected[1]).abs() < 1e-12,
                "{found:?}"
            );
        }
        let rings = Voxels::Polar { n_angles: 1, r_edges_mm: vec![0.0, 2.0, 6.0] };
        assert_eq!(rings.centres_mm(), [[0.0, 0.0]; 2]);
    }

    #[test]
    fn rectangles_stand_x_slow_and_y_fast() {
        let voxels =
            Voxels::Cartesian { x_edges_mm: vec![-1.0, 1.0, 5.0], y_edges_mm: vec![0.0, 1.0, 2.0, 4.0] };
        assert_eq!(
            voxels.centres_mm(),
            [[0.0, 0.5], [0.0, 1.5], [0.0, 3.0], [3.0, 0.5], [3.0, 1.5], [3.0, 3.0]]
        );
    }
}
