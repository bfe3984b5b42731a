//! One sample of an evaluation: every file of it read once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use calo_core::ShowerBatch;
use calo_data::{ReadOptions, ShowerReader};
use calo_metrics::results::{SampleFile, SampleImages, SampleInfo, ShowerImage};
use calo_metrics::{
    Column, FileKind, LayerFeatureSettings, LayerSample, SampleAccumulator, SampleSet, SampleSettings, Splits,
};
use ndarray::Axis;

use super::request::SampleFiles;
use super::units::{self, Response};
use crate::error::{Context as _, bail, ensure};
use crate::files::{self, FixedEnergyFile, InputOptions, for_each_batch, is_generated};
use crate::monitor::Caller;
use crate::{Error, Result, provenance};

/// Showers of a fixed-energy file may differ by this much from the nominal energy.
const ENERGY_TOLERANCE: f64 = 0.02;

/// A sample, read.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) info: SampleInfo,
    pub(super) set: SampleSet,
    pub(super) response: Response,
    /// Features of every layer.
    pub(super) layers: LayerSample,
    showers: Vec<ShowerImage>,
}

impl Sample {
    /// The mean image and a few showers.
    pub(super) fn take_images(&mut self) -> SampleImages {
        #[expect(clippy::cast_possible_truncation, reason = "a picture needs no more than f32")]
        let mean_mev =
            self.set.full.mean_image_mev().map(|image| image.iter().map(|mev| *mev as f32).collect());
        SampleImages { mean_mev: mean_mev.unwrap_or_default(), showers: std::mem::take(&mut self.showers) }
    }
}

/// How the samples of an evaluation are read.
pub(super) struct Reader<'a> {
    pub(super) from: &'a InputOptions,
    pub(super) settings: &'a Arc<SampleSettings>,
    pub(super) layer_features: LayerFeatureSettings,
    /// Of the full spectrum.
    pub(super) splits: Option<SplitPlan>,
    /// Showers of each sample that trees are grown with, at most.
    pub(super) n_for_trees: usize,
    pub(super) caller: Caller<'a>,
}

/// Random splits of a sample into two parts.
#[derive(Debug, Clone, Copy)]
pub(super) struct SplitPlan {
    pub(super) n_splits: usize,
    /// Showers of the two parts.
    pub(super) sizes: [usize; 2],
}

/// A file, read.
struct ReadFile {
    accumulator: SampleAccumulator,
    /// Of the full spectrum.
    layers: Option<LayerSample>,
    response: Response,
    blake3: String,
}

impl Reader<'_> {
    /// Reads the files of the sample that stands at `index` among all.
    pub(super) fn read(&self, files: &SampleFiles, index: usize) -> Result<Sample> {
        let options = self.from.read_options()?;
        // The same file may be reference and candidate: keys keep their bootstrap replicas independent.
        let key = |file: usize| (index as u64) << 32 | file as u64;
        let mut examples = Examples::new(self.settings);
        let empty = |kind, key| SampleAccumulator::new(Arc::clone(self.settings), kind, key);
        let full = self.read_file(&files.full, &options, Some(&mut examples), |n_showers| {
            let accumulator = empty(FileKind::FullSpectrum, key(0))?;
            let Some(SplitPlan { n_splits, sizes }) = self.splits else { return Ok(accumulator) };
            accumulator.with_splits(Splits::draw(n_splits, sizes, n_showers, self.settings.seed, key(0))?)
        })?;
        full.response.check()?;
        let mut described = vec![described_file(&files.full, None, full.blake3)];
        let mut fixed = Vec::new();
        for (i, FixedEnergyFile { energy_gev, path }) in files.fixed.iter().enumerate() {
            let kind = FileKind::FixedEnergy { energy_gev: *energy_gev };
            let file = self.read_file(path, &options, None, |_| empty(kind, key(i + 1)))?;
            units::check_response(&full.response, &file.response)?;
            described.push(described_file(path, Some(*energy_gev), file.blake3));
            fixed.push(file.accumulator);
        }
        let layers = full.layers.unwrap_or_else(|| self.layer_sample(0));
        let (full, response) = (full.accumulator, full.response);
        let table = full.table();
        let energies_gev = table.column(Column::IncidentEnergyGev).iter();
        let range = energies_gev
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &e| [low.min(e), high.max(e)]);
        let visible_mev = table.column(Column::VisibleEnergyMev);
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 showers")]
        let mean_visible_energy_mev = visible_mev.iter().sum::<f64>() / visible_mev.len() as f64;
        let info = SampleInfo {
            name: files.name.clone(),
            files: described,
            n_showers: full.n_showers(),
            energy_range_gev: range,
            mean_visible_energy_mev,
        };
        let set = SampleSet { name: files.name.clone(), full, fixed };
        Ok(Sample { info, set, response, layers, showers: examples.images })
    }

    fn layer_sample(&self, n_showers: usize) -> LayerSample {
        let [n_layers, ..] = self.settings.shape;
        LayerSample::new(self.layer_features, n_layers, n_showers, self.n_for_trees)
    }

    fn read_file(
        &self,
        path: &Path,
        options: &ReadOptions,
        mut examples: Option<&mut Examples>,
        accumulator: impl FnOnce(usize) -> calo_metrics::Result<SampleAccumulator>,
    ) -> Result<ReadFile> {
        let place = path.display().to_string();
        let mut reader: ShowerReader = files::open(path, options, self.caller)?;
        let hashing = Hashing::start(path);
        let n_showers = usize::try_from(reader.n_showers())?;
        let mut accumulator = accumulator(n_showers).with_context(|| place.clone())?;
        let kind = accumulator.kind();
        let mut layers = matches!(kind, FileKind::FullSpectrum).then(|| self.layer_sample(n_showers));
        let units_are_known = self.from.trust_units || is_generated(path);
        let mut response = Response {
            file: place.clone(),
            cells_mev: 0.0,
            incident_gev: 0.0,
            n_showers: 0,
            units_are_known,
        };
        for_each_batch::<f32>(&mut reader, &format!("reading {place}"), self.caller, |batch| {
            accumulator
                .fill(batch.view(), &batch.energies_gev, batch.first_shower)
                .with_context(|| place.clone())?;
            if let Some(layers) = &mut layers {
                let first = usize::try_from(batch.first_shower)?;
                layers.fill(batch.view(), &batch.energies_gev, first).with_context(|| place.clone())?;
            }
            if let FileKind::FixedEnergy { energy_gev } = kind {
                check_energies(batch, energy_gev, &place)?;
            }
            let image_mev = batch.cells_mev.sum_axis(Axis(0));
            response.cells_mev += image_mev.iter().map(|mev| f64::from(*mev)).sum::<f64>();
            response.incident_gev += batch.energies_gev.iter().sum::<f64>();
            response.n_showers += batch.len() as u64;
            if let Some(examples) = examples.as_deref_mut() {
                examples.see(batch);
            }
            Ok(())
        })?;
        Ok(ReadFile { accumulator, layers, response, blake3: hashing.finish()? })
    }
}

/// A file that is hashed while it is read: it comes from the disk once.
pub(super) struct Hashing {
    path: PathBuf,
    hash: JoinHandle<calo_core::Result<String>>,
}

impl Hashing {
    pub(super) fn start(path: &Path) -> Self {
        let to_hash = path.to_owned();
        Self { path: path.to_owned(), hash: std::thread::spawn(move || provenance::hash_file(&to_hash)) }
    }

    /// The hash, once there is one.
    pub(super) fn finish(self) -> Result<String> {
        let place = self.path.display();
        let failed = || Error::Invalid(format!("{place}: hashing it failed; expected a readable file"));
        Ok(self.hash.join().map_err(|_| failed())??)
    }
}

pub(super) fn described_file(path: &Path, energy_gev: Option<f64>, blake3: String) -> SampleFile {
    SampleFile { path: path.display().to_string(), energy_gev, blake3 }
}

fn check_energies(batch: &ShowerBatch, nominal_gev: f64, place: &str) -> Result<()> {
    let off = |energy_gev: &&f64| (**energy_gev / nominal_gev - 1.0).abs() > ENERGY_TOLERANCE;
    if let Some(energy_gev) = batch.energies_gev.iter().find(off) {
        bail!("{place}: a shower of {energy_gev} GeV; expected {nominal_gev} GeV in every shower");
    }
    ensure!(nominal_gev.is_finite(), "{place}: {nominal_gev} GeV; expected a finite energy");
    Ok(())
}

/// The showers nearest to the energies of the comparison, to look at.
struct Examples {
    targets_gev: Vec<f64>,
    cut_mev: f64,
    images: Vec<ShowerImage>,
}

impl Examples {
    fn new(settings: &SampleSettings) -> Self {
        Self {
            targets_gev: settings.energies_gev.clone(),
            cut_mev: settings.observables.cell_cut_mev,
            images: Vec::new(),
        }
    }

    fn see(&mut self, batch: &ShowerBatch) {
        for (slot, target_gev) in self.targets_gev.iter().enumerate() {
            let distance = |energy_gev: f64| (energy_gev - target_gev).abs();
            let nearest = (0..batch.len())
                .min_by(|&i, &j| distance(batch.energies_gev[i]).total_cmp(&distance(batch.energies_gev[j])));
            let Some(nearest) = nearest else { return };
            match self.images.get(slot) {
                Some(image) if distance(image.energy_gev) <= distance(batch.energies_gev[nearest]) => {}
                Some(_) => self.images[slot] = image(batch, nearest, self.cut_mev),
                None => self.images.push(image(batch, nearest, self.cut_mev)),
            }
        }
    }
}

/// One shower of a batch, cells above the cut.
#[expect(clippy::cast_possible_truncation, reason = "grids of 1024 cells an axis, a cut in f32 as the cells")]
fn image(batch: &ShowerBatch, shower: usize, cut_mev: f64) -> ShowerImage {
    let cells = batch.cells_mev.index_axis(Axis(0), shower);
    let hits = cells.indexed_iter().filter(|(_, mev)| **mev > cut_mev as f32);
    let (cells, energies_mev) =
        hits.map(|((layer, x, y), mev)| ([layer as u16, x as u16, y as u16], *mev)).unzip();
    ShowerImage {
        index: batch.first_shower + shower as u64,
        energy_gev: batch.energies_gev[shower],
        cells,
        energies_mev,
    }
}
