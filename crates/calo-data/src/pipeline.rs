//! From raw hits to showers on a detector's grid, all steps in sequence.

use std::path::Path;

use calo_core::detector::CoreCrop;
use calo_core::{Detector, Error, Grid, Result, ShowerBatch, ShowerSource};

use crate::crop::CropSource;
use crate::hits::HitSource;
use crate::project::{HitProjector, ProjectionReport};
use crate::root::{HitReader, TreeName};
use crate::stagger::{StaggerMap, StaggerSource};

/// Bytes of uncut images in memory at a time: they can be a dozen times larger than the core that is asked for, and
/// what fits into a CPU's cache passes through the steps faster.
const RAW_BYTES: usize = 4 << 20;

/// Where a staggering correction takes the empty rows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StaggerFrom {
    /// The average of all showers, which are read once for it. Rows that may be empty by chance are left alone.
    #[default]
    Showers,
    /// The places of the detector's cells: the same for all showers, and as accurate as the description.
    Geometry,
}

/// Hits as showers on a detector's grid: projected, corrected for staggering, cut to the core.
#[derive(Debug)]
pub struct ProjectedShowers<H = HitReader> {
    source: CropSource<StaggerSource<HitProjector<H>>>,
}

impl ProjectedShowers {
    /// Opens the hits in the ROOT file `path` for `detector`. With `tree` the tree of that name is read, else the
    /// detector's; where that is absent, the only one of the file.
    ///
    /// # Errors
    /// As [`HitReader::open`] and [`HitReader::next_batch`].
    pub fn open(
        path: &Path,
        detector: &Detector,
        tree: Option<&str>,
        stagger_from: StaggerFrom,
    ) -> Result<Self> {
        let tree = tree.map_or(TreeName::OrTheOnlyOne(&detector.projection.tree), TreeName::Exactly);
        let hits = HitReader::open(path, tree)?;
        if hits.n_events() == 0 {
            let problem = format!("tree `{}` is empty", hits.tree());
            return Err(Error::file(path, problem, "at least one event"));
        }
        Self::new(hits, detector, stagger_from)
    }
}

impl<H: HitSource> ProjectedShowers<H> {
    /// The showers that `hits` make in `detector`.
    ///
    /// # Errors
    /// Whatever reading the hits may meet, where they are read once for the staggering correction.
    pub fn new(hits: H, detector: &Detector, stagger_from: StaggerFrom) -> Result<Self> {
        let mut raw = HitProjector::new(hits, detector.projection.clone());
        let (map, drop_edge_bins) = match &detector.projection.staggering {
            Some(staggering) => {
                let map = match stagger_from {
                    StaggerFrom::Showers => StaggerMap::measure(&mut raw, staggering)?.leave_doubtful_open(),
                    StaggerFrom::Geometry => StaggerMap::of_cells(detector, staggering),
                };
                (map, staggering.drop_edge_bins)
            }
            None => (StaggerMap::none(raw.grid()), 0),
        };
        let corrected = StaggerSource::new(raw, map, drop_edge_bins)?;
        let grid = corrected.grid();
        let crop = detector.hdf5.core_crop.unwrap_or(CoreCrop { x: [0, grid.nx], y: [0, grid.ny] });
        Ok(Self { source: CropSource::new(corrected, crop)? })
    }

    /// How many events and hits were kept and dropped since the start of this pass.
    pub fn report(&self) -> &ProjectionReport {
        self.source.inner().inner().report()
    }

    /// The empty rows that are closed.
    pub fn stagger_map(&self) -> &StaggerMap {
        self.source.inner().map()
    }

    /// The hits.
    pub fn hits(&self) -> &H {
        self.source.inner().inner().hits()
    }
}

impl<H: HitSource> ShowerSource<f32> for ProjectedShowers<H> {
    fn grid(&self) -> Grid {
        self.source.grid()
    }

    fn n_showers(&self) -> Option<u64> {
        self.source.n_showers()
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<f32>) -> Result<bool> {
        let raw = self.source.inner().inner().grid();
        let at_once = (RAW_BYTES / (raw.n_cells() * size_of::<f32>()).max(1)).max(1);
        self.source.next_batch(max_showers.min(at_once), batch)
    }

    fn rewind(&mut self) -> Result<()> {
        self.source.rewind()
    }
}
