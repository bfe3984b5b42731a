//! Samples of showers, read from one or several files.

use std::path::{Path, PathBuf};

use calo_core::ShowerBatch;
use calo_core::detector::LayeredDetector;
use calo_data::{ReadOptions, ShowerReader, voxel_row};
use calo_metrics::challenge::{ChallengeSample, KeptShowers, LargestEnergies, Layout, ShowerFeatures};
use calo_metrics::results::SampleInfo;
use ndarray::ArrayView2;

use super::units::Response;
use crate::error::Context as _;
use crate::evaluate::request::SampleFiles;
use crate::evaluate::sample::{Hashing, described_file};
use crate::evaluate::units;
use crate::files::{self, InputOptions, for_each_batch, is_generated};
use crate::monitor::Caller;
use crate::{Error, Result};

/// How samples are read.
pub(super) struct Reader<'a> {
    pub(super) from: &'a InputOptions,
    pub(super) detector: &'a LayeredDetector,
    pub(super) layout: &'a Layout,
    pub(super) caller: Caller<'a>,
}

/// A sample, read.
pub(super) struct Sample {
    pub(super) info: SampleInfo,
    pub(super) sample: ChallengeSample,
    pub(super) response: Response,
}

impl Reader<'_> {
    /// Where the histograms of the reference's energies end.
    pub(super) fn largest_energies(&self, files: &SampleFiles) -> Result<LargestEnergies> {
        let mut largest = LargestEnergies::new(self.layout);
        for path in paths(files) {
            let place = path.display().to_string();
            let mut reader = self.open(path)?;
            for_each_batch::<f32>(&mut reader, &format!("scanning {place}"), self.caller, |batch| {
                let voxels = rows(batch)?;
                let features = ShowerFeatures::of(self.layout, voxels)?;
                Ok(largest.observe(self.layout, &features, voxels)?)
            })?;
        }
        Ok(largest)
    }

    /// Reads all files of a sample.
    pub(super) fn read(&self, files: &SampleFiles, largest: &LargestEnergies) -> Result<Sample> {
        let mut n_showers = 0;
        for path in paths(files) {
            n_showers += usize::try_from(self.open(path)?.n_showers())?;
        }
        let place = files.full.display().to_string();
        let kept = KeptShowers::of_challenge(self.layout.n_voxels());
        let mut sample =
            ChallengeSample::new(self.layout, largest, n_showers, kept).with_context(|| place.clone())?;
        let mut response = Response {
            sums: units::Response {
                file: place,
                cells_mev: 0.0,
                incident_gev: 0.0,
                n_showers: 0,
                units_are_known: self.from.trust_units || paths(files).all(|path| is_generated(path)),
            },
            above_cut_mev: 0.0,
        };
        let mut range = [f64::INFINITY, f64::NEG_INFINITY];
        let mut described = Vec::new();
        for path in paths(files) {
            let place = path.display().to_string();
            let mut reader = self.open(path)?;
            let hashing = Hashing::start(path);
            for_each_batch::<f32>(&mut reader, &format!("reading {place}"), self.caller, |batch| {
                let first = usize::try_from(response.sums.n_showers)?;
                self.add(batch, first, &mut sample).with_context(|| place.clone())?;
                self.sum(batch, &mut response);
                for &energy_gev in &batch.energies_gev {
                    range = [range[0].min(energy_gev), range[1].max(energy_gev)];
                }
                Ok(())
            })?;
            described.push(described_file(path, None, hashing.finish()?));
        }
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 showers")]
        let mean_visible_energy_mev = response.above_cut_mev / response.sums.n_showers as f64;
        let info = SampleInfo {
            name: files.name.clone(),
            files: described,
            n_showers: response.sums.n_showers,
            energy_range_gev: range,
            mean_visible_energy_mev,
        };
        Ok(Sample { info, sample, response })
    }

    fn add(&self, batch: &ShowerBatch, first_shower: usize, sample: &mut ChallengeSample) -> Result<()> {
        Ok(sample.fill(self.layout, rows(batch)?, &batch.energies_gev, first_shower)?)
    }

    fn sum(&self, batch: &ShowerBatch, response: &mut Response) {
        let cut_mev = self.detector.readout.cell_cut_mev;
        for &voxel in &batch.cells_mev {
            let mev = f64::from(voxel);
            response.sums.cells_mev += mev;
            response.above_cut_mev += if mev < cut_mev { 0.0 } else { mev };
        }
        response.sums.incident_gev += batch.energies_gev.iter().sum::<f64>();
        response.sums.n_showers += batch.len() as u64;
    }

    fn open(&self, path: &Path) -> Result<ShowerReader> {
        let row = voxel_row(self.detector.n_voxels());
        let options = ReadOptions { grid: Some(row), ..self.from.read_options()? };
        files::open(path, &options, self.caller)
            .map_err(|error| error.context(format!("detector {}", self.detector.name)))
    }
}

fn paths(files: &SampleFiles) -> impl Iterator<Item = &PathBuf> {
    std::iter::once(&files.full).chain(&files.more)
}

/// The voxels of a batch, `[shower, voxel]`.
fn rows(batch: &ShowerBatch) -> Result<ArrayView2<'_, f32>> {
    let n_voxels = batch.grid().n_cells();
    batch.view().into_shape_with_order((batch.len(), n_voxels)).map_err(Error::from)
}
