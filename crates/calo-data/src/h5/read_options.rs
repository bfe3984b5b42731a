//! How files are read: what the caller knows about them, and what to do about impossible values.

use calo_core::detector::CoreCrop;
use calo_core::{Detector, Grid};

use super::axes::Axes;
use super::layout::Layout;
use super::units::EnergyUnit;

/// What to do about negative cells. Cells that are not finite are always refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NegativeCells {
    /// They are an error, which says how many there are.
    #[default]
    Refuse,
    /// They count as zero.
    Clip,
}

/// How to read a file; the default recognises what it can and refuses impossible values.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The layout, if it is not to be recognised from the file.
    pub layout: Option<Layout>,
    /// The group of `energy` and `layers`.
    pub group: Option<String>,
    /// Name of the data set of incident energies in that group, `energy` unless given.
    pub energy_name: Option<String>,
    /// Name of the data set of cells in that group, `layers` unless given.
    pub layers_name: Option<String>,
    /// The grid: needed for CaloChallenge files, checked for others.
    pub grid: Option<Grid>,
    /// Names, core crop, grid and cell size where not given otherwise; needed for point clouds.
    pub detector: Option<Detector>,
    /// Core to cut out of every shower, if the group does not define one.
    pub core_crop: Option<CoreCrop>,
    /// Unit of the incident energies, where neither layout nor attribute says it or both are wrong.
    pub energy_unit: Option<EnergyUnit>,
    /// Unit of the cells, or of the energies of points.
    pub cell_unit: Option<EnergyUnit>,
    /// Order of the axes behind that of the showers, where it is not the layout's.
    pub axes: Option<Axes>,
    /// Whether the units are right, however odd they look: callers of [`ShowerReader`](super::ShowerReader) then skip its
    /// [`check_units`](super::ShowerReader::check_units).
    pub trust_units: bool,
    /// What to do about negative cells.
    pub negative_cells: NegativeCells,
    /// Return every value as it is and refuse nothing but damage: for `calo inspect`.
    pub inspect: bool,
}

impl ReadOptions {
    /// Options for files of `detector`.
    pub fn for_detector(detector: &Detector) -> Self {
        Self { detector: Some(detector.clone()), ..Self::default() }
    }
}
