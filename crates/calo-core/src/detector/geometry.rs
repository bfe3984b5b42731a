//! What the particle flies through: slabs of named materials, front to back.

use serde::{Deserialize, Serialize};

use super::check::Check;
use super::projection::Projection;
use crate::error::Result;
use crate::grid::Grid;

/// Largest distance and thickness, mm: up to here positions are exact to a nanometre.
const MAX_LENGTH_MM: f64 = 1e6;
/// Thinnest slab, mm: a nanometre.
const MIN_THICKNESS_MM: f64 = 1e-6;
/// Strongest component of the field, tesla: beyond it steps are so short that showers take too long.
const MAX_FIELD_TESLA: f64 = 20.0;

/// The calorimeter as a stack of slabs normal to the beam, for the simulator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Geometry {
    /// Depth at which the first slab begins, mm.
    pub front_face_mm: f64,
    /// Added to a hit's depth where raw hits are written, so that it falls into its projection window, mm.
    pub hit_depth_offset_mm: f64,
    /// Transverse extent of every slab, mm, centred on the beam.
    pub plate_size_mm: [f64; 2],
    /// Magnetic field along x, depth and y, tesla.
    pub field_tesla: [f64; 3],
    /// Range below which secondaries are not produced, mm.
    pub production_range_cut_mm: f64,
    /// Position of the window's centre where the beam points, mm along x and y.
    pub beam_mm: [f64; 2],
    /// Impact points are uniform within plus and minus this, mm along x and y.
    pub beam_spread_mm: [f64; 2],
    /// Where in the cells the beam points.
    pub beam_at: BeamAt,
    /// Grouping of cells into wafers; absent where cells fill the plates without a gap.
    pub wafers: Option<Wafers>,
    /// Birks' constant of the active material, mm/MeV; absent where the signal is the deposit itself.
    pub birks_mm_per_mev: Option<f64>,
    /// Groups of slabs, each repeated, front to back.
    pub stack: Vec<Stack>,
}

/// Alignment of the cells with the beam.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeamAt {
    /// Four cells meet where the beam points.
    CellCorner,
    /// The beam points at the middle of a cell.
    CellCentre,
}

/// Silicon wafers: groups of cells along x with dead gaps between, shifted from layer to layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wafers {
    /// Cells of a wafer along x.
    pub cells: usize,
    /// Dead gap between neighbouring wafers, mm.
    pub gap_mm: f64,
    /// Shift of every layer's wafers along x, mm, cyclic over layers.
    pub stagger_mm: Vec<f64>,
}

/// Slabs that repeat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    /// How often the slabs follow one another.
    pub repeat: usize,
    /// Slabs, front to back.
    pub slabs: Vec<Slab>,
}

/// A plate of one material.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slab {
    /// Name of the material.
    pub material: String,
    /// Thickness, mm.
    pub thickness_mm: f64,
    /// Whether deposits in it are read out: the n-th active slab is layer n.
    #[serde(default)]
    pub active: bool,
}

/// A slab with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedSlab<'a> {
    /// Depth of its front, mm.
    pub from_mm: f64,
    /// Depth of its back, mm.
    pub to_mm: f64,
    /// Name of the material.
    pub material: &'a str,
    /// The layer it is read out as.
    pub layer: Option<usize>,
}

impl Geometry {
    /// Every slab in order, repeats unrolled, with depths and layer numbers.
    pub fn placed_slabs(&self) -> Vec<PlacedSlab<'_>> {
        let unrolled = self.stack.iter().flat_map(|stack| (0..stack.repeat).flat_map(|_| &stack.slabs));
        let mut depth_mm = self.front_face_mm;
        let mut layers = 0..;
        unrolled
            .map(|slab| {
                let from_mm = depth_mm;
                depth_mm += slab.thickness_mm;
                let layer = if slab.active { layers.next() } else { None };
                PlacedSlab { from_mm, to_mm: depth_mm, material: &slab.material, layer }
            })
            .collect()
    }

    pub(super) fn validate(&self, check: &Check<'_>, grid: Grid, projection: &Projection) -> Result<()> {
        let n_slabs: usize = self.stack.iter().map(|s| s.repeat.saturating_mul(s.slabs.len())).sum();
        check.that((1..=100_000).contains(&n_slabs), "geometry.stack", n_slabs, "1 to 100000 slabs")?;
        for (i, stack) in self.stack.iter().enumerate() {
            for (j, slab) in stack.slabs.iter().enumerate() {
                let field = format!("geometry.stack[{i}].slabs[{j}]");
                check.that(
                    (MIN_THICKNESS_MM..=MAX_LENGTH_MM).contains(&slab.thickness_mm),
                    &format!("{field}.thickness_mm"),
                    slab.thickness_mm,
                    format!("{MIN_THICKNESS_MM} to {MAX_LENGTH_MM} mm"),
                )?;
                check.that(!slab.material.is_empty(), &field, "no material", "the name of a material")?;
            }
        }
        for (axis, &size_mm) in self.plate_size_mm.iter().enumerate() {
            let expected = format!("above 0 and at most {MAX_LENGTH_MM} mm");
            let holds = size_mm > 0.0 && size_mm <= MAX_LENGTH_MM;
            check.that(holds, &format!("geometry.plate_size_mm[{axis}]"), size_mm, expected)?;
        }
        check.positive("geometry.production_range_cut_mm", self.production_range_cut_mm)?;
        for (field, value) in [
            ("front_face_mm", self.front_face_mm),
            ("hit_depth_offset_mm", self.hit_depth_offset_mm),
            ("beam_mm[0]", self.beam_mm[0]),
            ("beam_mm[1]", self.beam_mm[1]),
        ] {
            let expected = format!("a finite position within {MAX_LENGTH_MM} mm of the origin");
            check.that(value.abs() <= MAX_LENGTH_MM, &format!("geometry.{field}"), value, expected)?;
        }
        for (axis, value) in self.field_tesla.iter().enumerate() {
            let expected = format!("-{MAX_FIELD_TESLA} to {MAX_FIELD_TESLA} tesla");
            check.that(
                value.abs() <= MAX_FIELD_TESLA,
                &format!("geometry.field_tesla[{axis}]"),
                value,
                expected,
            )?;
        }
        for (axis, (spread_mm, size_mm)) in self.beam_spread_mm.iter().zip(self.plate_size_mm).enumerate() {
            check.that(
                (0.0..0.5 * size_mm).contains(spread_mm),
                &format!("geometry.beam_spread_mm[{axis}]"),
                spread_mm,
                format!("at least 0 and below {} mm, so that the beam hits the plates", 0.5 * size_mm),
            )?;
        }
        if let Some(birks) = self.birks_mm_per_mev {
            let expected = "a finite number of at least 0 mm/MeV";
            check.that(birks.is_finite() && birks >= 0.0, "geometry.birks_mm_per_mev", birks, expected)?;
        }
        if let Some(Wafers { cells, gap_mm, stagger_mm }) = &self.wafers {
            check.that((1..=4096).contains(cells), "geometry.wafers.cells", cells, "1 to 4096 cells")?;
            check.that(
                (0.0..=MAX_LENGTH_MM).contains(gap_mm),
                "geometry.wafers.gap_mm",
                gap_mm,
                format!("0 to {MAX_LENGTH_MM} mm"),
            )?;
            for (i, shift_mm) in stagger_mm.iter().enumerate() {
                let field = format!("geometry.wafers.stagger_mm[{i}]");
                let expected = format!("a length of at most {MAX_LENGTH_MM} mm");
                check.that(shift_mm.abs() <= MAX_LENGTH_MM, &field, shift_mm, expected)?;
            }
        }
        let slabs = self.placed_slabs();
        let active: Vec<_> = slabs.iter().filter(|slab| slab.layer.is_some()).collect();
        check.that(
            active.len() == grid.layers,
            "geometry.stack",
            format!("{} active slabs", active.len()),
            format!("{}, one for each layer of the grid", grid.layers),
        )?;
        for (layer, (slab, position_mm)) in active.iter().zip(&projection.layer_positions_mm).enumerate() {
            let depth_mm = 0.5 * (slab.from_mm + slab.to_mm) + self.hit_depth_offset_mm;
            let offset_mm = depth_mm - position_mm;
            check.that(
                projection.depth_window.above_mm < offset_mm && offset_mm <= projection.depth_window.up_to_mm,
                "geometry.stack",
                format!("hits of active slab {layer} at {depth_mm:.3} mm"),
                format!("a depth within the projection window of layer {layer} at {position_mm} mm"),
            )?;
        }
        Ok(())
    }
}
