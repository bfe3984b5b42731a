//! How files are read: what is taken for granted about them, and what to do about impossible values.

use calo_core::detector::CoreCrop;
use calo_core::{Detector, Grid};

use super::layout::Layout;

/// What to do about negative cells. Cells that are not finite are refused in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NegativeCells {
    /// They are an error that tells how many there are.
    #[default]
    Refuse,
    /// They count as zero.
    Clip,
}

/// How to read a file; the default recognises what it can and refuses impossible values.
#[derive(Debug, Clone, Default)]
pub struct ReadOptions {
    /// The layout, where it shall not be recognised.
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
    /// Core to cut out of every shower, where the group does not say it.
    pub core_crop: Option<CoreCrop>,
    /// What to do about negative cells.
    pub negative_cells: NegativeCells,
    /// Yield every value as it is, refusing nothing but damage: for `calo inspect`.
    pub inspect: bool,
}

impl ReadOptions {
    /// Options for files of `detector`.
    pub fn for_detector(detector: &Detector) -> Self {
        Self { detector: Some(detector.clone()), ..Self::default() }
    }
}
