//! Detector descriptions: one TOML file holds all that reading, projecting, evaluating and simulating need.
//!
//! The files in `configs/detectors` are compiled in and known by name; any other detector is given by a path. A file
//! may extend a built-in detector and list only what differs.
//!
//! A [`Detector`] has one rectangular grid, which is what simulation and networks need. A [`LayeredDetector`] has layers
//! with voxels of their own and is only read and judged. [`AnyDetector`] is either.

mod any;
mod binning;
mod built_in;
mod cells;
mod check;
mod extend;
mod geometry;
mod layered;
mod layers;
mod parsing;
mod projection;

use serde::{Deserialize, Serialize};

pub use any::{AnyDetector, built_in_with_voxels};
pub use binning::{Binning, Binnings, Scale};
pub use cells::CellAxis;
pub use geometry::{BeamAt, Geometry, PlacedSlab, Slab, Stack, Wafers};
pub use layered::{LayeredDetector, LayeredReadout};
pub use layers::{FeatureRanges, Layer, LayerGroup, Voxels};
pub use projection::{DepthWindow, Projection, Staggering, TransverseAxis};

use built_in::{BUILT_IN, LAYERED, names};
use check::Check;

use crate::error::{Error, Result};
use crate::grid::Grid;

/// Most cells of a detector: every thread of the simulator keeps an energy for each, 0.5 GiB in all.
const MAX_CELLS: usize = 1 << 26;

/// A calorimeter: its readout grid, file conventions, histograms and materials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detector {
    /// Short name, also the one for `--detector`.
    pub name: String,
    /// One line for reports.
    pub description: String,
    /// Extent of a shower image.
    pub grid: Grid,
    /// What one cell is and when it counts as hit.
    pub readout: Readout,
    /// Where showers stand in HDF5 files.
    pub hdf5: Hdf5Names,
    /// From raw hits to the grid.
    pub projection: Projection,
    /// Binnings of the histograms.
    pub binning: Binnings,
    /// Materials, layer by layer, for the simulator.
    pub geometry: Geometry,
}

/// What one cell is and when it counts as hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Readout {
    /// Cell size along x and y, mm; before cells are added up, where they are.
    pub cell_size_mm: [f64; 2],
    /// Most probable energy of a minimum ionising particle in one cell, MeV.
    pub mip_mev: f64,
    /// Cells at or below this energy are noise to every observable, MeV (half a MIP).
    pub cell_cut_mev: f64,
    /// Cells of projection and geometry that are added up to one of the grid; 1 along each axis where the grid's are those.
    #[serde(default = "Grid::single", skip_serializing_if = "Grid::is_single")]
    pub summed: Grid,
    /// Punch-through rule: a contained shower has more than this many cells above the cut.
    pub punch_through_hits: Option<usize>,
}

/// Where showers stand in HDF5 files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hdf5Names {
    /// Group with `energy` and `layers`.
    pub group: String,
    /// Group of files that hold more than the core; cut to `core_crop` on reading.
    pub full_group: Option<String>,
    /// Cells of the full image that make the core.
    pub core_crop: Option<CoreCrop>,
}

/// The core of a larger image, half open: `x[0] <= x < x[1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoreCrop {
    /// First cell, and one past the last, along x.
    pub x: [usize; 2],
    /// First cell, and one past the last, along y.
    pub y: [usize; 2],
}

impl Detector {
    /// A detector by built-in name (`ild-ecal`, `ild-ecal-staggered`, `ild-ecal-pooled`, `ild-ecal-image`, `ild-ahcal`) or by
    /// the path of its TOML file.
    ///
    /// # Errors
    /// Unknown name, unreadable file, TOML that does not parse, or a field with an impossible value.
    pub fn load(name_or_path: &str) -> Result<Self> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(text, name);
        }
        if LAYERED.iter().any(|(name, _)| *name == name_or_path) {
            return Err(Error::option(
                "detector",
                format!("`{name_or_path}`, whose layers have voxels of their own"),
                format!("a detector of one grid: {}, or the path of its TOML file", names(&BUILT_IN)),
            ));
        }
        Self::parse(&parsing::read(name_or_path, &names(&BUILT_IN))?, name_or_path)
    }

    /// A detector from TOML text; `place` names it in errors.
    ///
    /// # Errors
    /// TOML that does not parse, unknown keys, or a field with an impossible value.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let detector: Self = parsing::parse(text, place)?;
        detector.validate(place)?;
        Ok(detector)
    }

    /// The whole description as TOML, whatever file it was read from: what is written into files and hashed.
    ///
    /// # Errors
    /// A value that TOML cannot hold, which only a detector made in memory can have.
    pub fn to_toml(&self) -> Result<String> {
        parsing::to_toml(self)
    }

    /// Checks every field; `place` names the detector in errors.
    ///
    /// # Errors
    /// The first field with an impossible value, with what is allowed.
    pub fn validate(&self, place: &str) -> Result<()> {
        let check = Check { place };
        for (field, n) in
            [("grid.layers", self.grid.layers), ("grid.nx", self.grid.nx), ("grid.ny", self.grid.ny)]
        {
            check.that((1..=1024).contains(&n), field, n, "1 to 1024 cells")?;
        }
        let readout = &self.readout;
        for (field, value) in [
            ("readout.cell_size_mm[0]", readout.cell_size_mm[0]),
            ("readout.cell_size_mm[1]", readout.cell_size_mm[1]),
            ("readout.mip_mev", readout.mip_mev),
        ] {
            check.positive(field, value)?;
        }
        check.that(
            readout.cell_cut_mev.is_finite() && readout.cell_cut_mev >= 0.0,
            "readout.cell_cut_mev",
            readout.cell_cut_mev,
            "a finite energy of at least 0 MeV",
        )?;
        for (field, n) in
            [("layers", readout.summed.layers), ("nx", readout.summed.nx), ("ny", readout.summed.ny)]
        {
            check.that((1..=1024).contains(&n), &format!("readout.summed.{field}"), n, "1 to 1024 cells")?;
        }
        check.that(!self.hdf5.group.is_empty(), "hdf5.group", "\"\"", "a group name")?;
        self.validate_core_crop(&check)?;
        let grid = self.fine_grid();
        self.projection.validate(&check, grid.layers)?;
        self.binning.validate(&check)?;
        self.geometry.validate(&check, grid, &self.projection)?;
        self.validate_cells(&check)
    }

    /// The grid of projection and geometry, before cells are added up to those of [`Detector::grid`].
    pub fn fine_grid(&self) -> Grid {
        let (grid, summed) = (self.grid, self.readout.summed);
        Grid {
            layers: grid.layers.saturating_mul(summed.layers),
            nx: grid.nx.saturating_mul(summed.nx),
            ny: grid.ny.saturating_mul(summed.ny),
        }
    }

    /// The same detector, before cells are added up.
    #[must_use]
    pub fn fine(&self) -> Self {
        let mut fine = self.clone();
        fine.grid = self.fine_grid();
        fine.readout.summed = Grid::single();
        fine
    }

    /// The cells of `layer` along x.
    pub fn cells_x(&self, layer: usize) -> CellAxis {
        CellAxis::x(&self.geometry, self.readout.cell_size_mm[0], layer)
    }

    /// The cells of every layer along y.
    pub fn cells_y(&self) -> CellAxis {
        CellAxis::y(&self.geometry, self.readout.cell_size_mm[1])
    }

    /// Every thread of the simulator keeps an energy for each cell.
    fn validate_cells(&self, check: &Check<'_>) -> Result<()> {
        let columns: usize =
            (0..self.fine_grid().layers).map(|layer| self.cells_x(layer).n_cells()).max().unwrap_or(0);
        let n_cells =
            self.fine_grid().layers.saturating_mul(columns).saturating_mul(self.cells_y().n_cells());
        check.that(
            (1..=MAX_CELLS).contains(&n_cells),
            "geometry.plate_size_mm",
            format!("plates of {n_cells} cells of readout.cell_size_mm in all layers"),
            format!("1 to {MAX_CELLS} cells"),
        )
    }

    /// The core, or the whole projected image where there is no core, must be the grid.
    fn validate_core_crop(&self, check: &Check<'_>) -> Result<()> {
        let (projected, grid) = (self.projection.grid(), self.fine_grid());
        let whole = CoreCrop { x: [0, projected.nx], y: [0, projected.ny] };
        let crop = self.hdf5.core_crop.unwrap_or(whole);
        for (field, [from, to], n_full, n) in [
            ("hdf5.core_crop.x", crop.x, projected.nx, grid.nx),
            ("hdf5.core_crop.y", crop.y, projected.ny, grid.ny),
        ] {
            check.that(
                from < to && to <= n_full && to - from == n,
                field,
                format!("{from} to {to}"),
                format!("{n} cells, as the grid has, of the {n_full} of the projection"),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_detectors_are_valid() {
        for (name, _) in BUILT_IN {
            let detector = Detector::load(name).unwrap();
            assert_eq!(detector.name, name);
        }
    }

    #[test]
    fn a_bad_field_is_named() {
        let text = BUILT_IN[0].1.replace("mip_mev = 0.2", "mip_mev = -0.2");
        let message = Detector::parse(&text, "x.toml").unwrap_err().to_string();
        assert_eq!(message, "x.toml, field `readout.mip_mev`: -0.2; expected a finite number above 0");
    }

    #[test]
    fn geometries_that_cannot_be_simulated_are_named() {
        for (keys, expected) in [
            ("birks_mm_per_mev = -0.1", "`geometry.birks_mm_per_mev`: -0.1; expected"),
            ("birks_mm_per_mev = nan", "`geometry.birks_mm_per_mev`: NaN; expected"),
            ("field_tesla = [0.0, 0.0, 21.0]", "`geometry.field_tesla[2]`: 21; expected -20 to 20 tesla"),
            ("field_tesla = [nan, 0.0, 0.0]", "`geometry.field_tesla[0]`: NaN; expected"),
            ("beam_spread_mm = [0.0, -5.0]", "`geometry.beam_spread_mm[1]`: -5; expected at least 0"),
            (
                "beam_spread_mm = [300.0, 0.0]",
                "`geometry.beam_spread_mm[0]`: 300; expected at least 0 and below 300 mm",
            ),
            ("beam_mm = [1e15, 0.0]", "`geometry.beam_mm[0]`: 1000000000000000; expected"),
            ("front_face_mm = inf", "`geometry.front_face_mm`: inf; expected"),
            ("plate_size_mm = [1e300, 600.0]", "`geometry.plate_size_mm[0]`"),
            ("plate_size_mm = [600.0, -1.0]", "`geometry.plate_size_mm[1]`: -1; expected above 0"),
            ("plate_size_mm = [1e5, 1e5]", "12000000000 cells"),
            ("plate_size_mm = [6.0, 600.0]", "plates of 0 cells"),
            ("wafers = { cells = 4096, gap_mm = 1e7, stagger_mm = [] }", "`geometry.wafers.gap_mm`"),
            (
                "wafers = { cells = 18, gap_mm = 1.0, stagger_mm = [1e300] }",
                "`geometry.wafers.stagger_mm[0]`",
            ),
            (
                "stack = [{ repeat = 1, slabs = [{ material = 'lead', thickness_mm = 1e-9 }] }]",
                "`geometry.stack[0].slabs[0].thickness_mm`: 0.000000001; expected 0.000001 to 1000000 mm",
            ),
        ] {
            let text = format!("extends = 'ild-ecal'\n[geometry]\n{keys}\n");
            let message = Detector::parse(&text, "x.toml").unwrap_err().to_string();
            assert!(message.contains(expected), "{keys}: {message}");
        }
        // Cells so small that their number has no bounds.
        let text = "extends = 'ild-ecal'\n[readout]\ncell_size_mm = [1e-300, 1e-300]\n";
        let message = Detector::parse(text, "x.toml").unwrap_err().to_string();
        assert!(message.contains("expected 1 to 67108864 cells"), "{message}");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let text = BUILT_IN[0].1.replace("mip_mev = 0.2", "mip_mevs = 0.2");
        let message = Detector::parse(&text, "x.toml").unwrap_err().to_string();
        let line = 1 + BUILT_IN[0].1.lines().position(|line| line == "mip_mev = 0.2").unwrap();
        assert!(message.contains("mip_mevs") && message.contains(&format!("line {line}: ")), "{message}");
        let message = Detector::parse("", "x.toml").unwrap_err().to_string();
        assert!(message.contains("x.toml: line 1: missing field `name`"), "{message}");
    }

    /// Files of earlier versions have no such field, and hashes of detectors stay.
    #[test]
    fn cells_are_added_up_where_a_detector_says_so() {
        let image = Detector::load("ild-ecal-image").unwrap();
        assert_eq!((image.grid.shape(), image.fine_grid().shape()), ([1, 10, 10], [30, 30, 30]));
        let fine = image.fine();
        assert_eq!(
            (fine.grid, &fine.geometry),
            (image.fine_grid(), &Detector::load("ild-ecal").unwrap().geometry)
        );
        let says_it = |detector: &Detector| detector.to_toml().unwrap().contains("[readout.summed]");
        assert!(says_it(&image) && !says_it(&fine));
        let text = "extends = 'ild-ecal-image'\n[readout]\nsummed = { layers = 0, nx = 3, ny = 3 }\n";
        let message = Detector::parse(text, "x.toml").unwrap_err().to_string();
        assert_eq!(message, "x.toml, field `readout.summed.layers`: 0; expected 1 to 1024 cells");
        let text = text.replace("layers = 0", "layers = 29");
        let message = Detector::parse(&text, "x.toml").unwrap_err().to_string();
        assert!(message.contains("30 positions; expected 29, one for each layer"), "{message}");
    }

    #[test]
    fn a_detector_survives_its_own_toml() {
        for (name, _) in BUILT_IN {
            let detector = Detector::load(name).unwrap();
            assert_eq!(Detector::parse(&detector.to_toml().unwrap(), name).unwrap(), detector);
        }
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = Detector::load("ild-ecl").unwrap_err().to_string();
        assert!(
            message.contains("ild-ecal, ild-ecal-staggered, ild-ecal-pooled, ild-ecal-image, ild-ahcal"),
            "{message}"
        );
    }
}
