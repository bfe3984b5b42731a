//! How files are read: what the caller knows about them, and what to do about impossible values.

use calo_core::detector::CoreCrop;
use calo_core::{Detector, Grid};

use super::layout::Layout;

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
