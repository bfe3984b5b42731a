//! An epoch's showers against validation showers: the distances that choose the best epoch.

use std::path::PathBuf;
use std::sync::Arc;

use calo_core::{Detector, ShowerBatch, ShowerSource};
use calo_data::{Part, PartSource};
use calo_metrics::results::{ById, HistogramComparison};
use calo_metrics::{FileKind, SampleAccumulator, SampleSet, SampleSettings, compare_samples, fixed_energies};
use calo_nn::engine::ShowerModel;

use super::source::TrainingShowers;
use crate::config::RunConfig;
use crate::error::{Context as _, ensure};
use crate::files::FixedEnergyFile;
use crate::measures::{COMPARED_AT_GEV, sample_settings};
use crate::monitor::Caller;
use crate::networks::divergences;
use crate::run_folder::ByStage;
use crate::sampling::Generator;
use crate::{Result, files};

/// Where validation showers come from.
#[derive(Debug, Clone, Default)]
pub(super) struct ValidationFiles {
    /// Full spectrum; the validation part of the training file without.
    pub(super) full: Option<PathBuf>,
    /// Fixed energies.
    pub(super) fixed: Vec<FixedEnergyFile>,
}

/// The reference of all epochs, read once.
pub(super) struct Validation {
    settings: Arc<SampleSettings>,
    reference: SampleSet,
    /// Incident energies of the full spectrum and of each fixed energy, GeV, that the model makes showers of.
    energies_gev: Vec<Vec<f64>>,
    /// The full spectrum, to be encoded.
    showers: ShowerBatch<f32>,
    seed: u64,
}

impl Validation {
    /// Reads the validation showers.
    ///
    /// # Errors
    /// What reading meets; no shower at all.
    pub(super) fn read(
        files: &ValidationFiles,
        training: TrainingShowers<'_>,
        detector: &Detector,
        config: &RunConfig,
        caller: Caller<'_>,
    ) -> Result<Self> {
        let TrainingShowers { path: data, options, split } = training;
        let (seed, max_showers) = (config.seed, config.validation.max_showers);
        let settings = Arc::new(SampleSettings { replicas: 0, ..sample_settings(detector, 0, seed)? });
        let showers = match &files.full {
            Some(path) => first_showers(&mut files::open(path, options, caller)?, max_showers)?,
            None => {
                let reader = files::open(data, options, caller)?;
                first_showers(&mut PartSource::new(reader, split.clone(), Part::Validation), max_showers)?
            }
        };
        let place = files.full.as_deref().unwrap_or(data).display();
        ensure!(
            !showers.is_empty(),
            "{place}: no shower to validate with: field `data.split` is {:?}; expected a second share above 0, or \
             --validation FILE",
            config.data.split
        );
        let mut full = SampleAccumulator::new(Arc::clone(&settings), FileKind::FullSpectrum, 0)?;
        full.fill(showers.view(), &showers.energies_gev, 0).with_context(|| place.to_string())?;
        let n_generated = config.validation.n_generated.unwrap_or(showers.len());
        let mut energies_gev = vec![showers.energies_gev.iter().copied().cycle().take(n_generated).collect()];
        let mut fixed = Vec::new();
        for (key, FixedEnergyFile { energy_gev, path }) in (1..).zip(&files.fixed) {
            let batch = first_showers(&mut files::open(path, options, caller)?, max_showers)?;
            ensure!(!batch.is_empty(), "{}: no shower to validate with; expected some", path.display());
            let kind = FileKind::FixedEnergy { energy_gev: *energy_gev };
            let mut file = SampleAccumulator::new(Arc::clone(&settings), kind, key)?;
            file.fill(batch.view(), &batch.energies_gev, 0).with_context(|| path.display().to_string())?;
            energies_gev.push(batch.energies_gev.clone());
            fixed.push(file);
        }
        let reference = SampleSet { name: "validation".to_owned(), full, fixed };
        Ok(Self { settings, reference, energies_gev, showers, seed })
    }

    /// Showers of the full spectrum.
    pub(super) fn n_showers(&self) -> u64 {
        self.showers.len() as u64
    }

    /// Jensen-Shannon distances and area differences of `model`'s showers, latent variables from its prior.
    ///
    /// # Errors
    /// A model that makes cells that are not finite; an interruption.
    pub(super) fn distances(&self, model: &ShowerModel, caller: Caller<'_>) -> Result<[ByStage<ById>; 2]> {
        let stages = model.stages();
        let generator = Generator::for_validation(model, self.seed);
        let mut stages =
            stages.iter().map(|name| self.empty_set(name)).collect::<Result<Vec<SampleSet>>>()?;
        for (file, energies_gev) in self.energies_gev.iter().enumerate() {
            // Numbers of their own for the showers of each file.
            let first = (file as u64) << 32;
            generator.for_each_block_of(first, energies_gev, caller, |block| {
                for (i, stage) in stages.iter_mut().enumerate() {
                    let batch = block.batch(i)?;
                    let accumulator = match file.checked_sub(1) {
                        None => &mut stage.full,
                        Some(file) => &mut stage.fixed[file],
                    };
                    accumulator.fill(batch.view(), &batch.energies_gev, batch.first_shower)?;
                }
                Ok(())
            })?;
        }
        let mut distances = stages.iter().map(|stage| self.compare(stage));
        let raw = distances.next().context("nothing was compared")??;
        let post_processed = distances.next_back().transpose()?;
        Ok([0, 1].map(|kind| ByStage {
            raw: raw[kind].clone(),
            post_processed: post_processed.as_ref().map(|distances| distances[kind].clone()),
        }))
    }

    fn empty_set(&self, name: &str) -> Result<SampleSet> {
        let empty = |kind, key| SampleAccumulator::new(Arc::clone(&self.settings), kind, key);
        let fixed = (1..).zip(&self.reference.fixed).map(|(key, file)| empty(file.kind(), key));
        Ok(SampleSet {
            name: name.to_owned(),
            full: empty(FileKind::FullSpectrum, 0)?,
            fixed: fixed.collect::<Result<_, _>>()?,
        })
    }

    /// Jensen-Shannon distances and area differences.
    fn compare(&self, candidate: &SampleSet) -> Result<[ById; 2]> {
        let compared_at = fixed_energies(&[&self.reference, candidate], &COMPARED_AT_GEV);
        let compared = compare_samples(&self.reference, candidate, &compared_at)?;
        let by_id = |distance: &dyn Fn(&HistogramComparison) -> f64, furthest: f64| -> ById {
            let ids = self.settings.histograms.iter().map(|binned| &*binned.observable.info.id);
            let found = |id: &str| compared.histograms.iter().find(|found| found.observable == id);
            // A model of empty showers has no histogram: nothing is further away.
            ids.map(|id| (id, found(id).map_or(furthest, distance))).collect()
        };
        Ok([
            by_id(&|found| found.jsd.value, 2_f64.ln().sqrt()),
            by_id(&|found| found.area_difference.value, 1.0),
        ])
    }

    /// Mean divergence of each encoded variable from N(0, 1), nats; of none where nothing is encoded.
    ///
    /// # Errors
    /// Candle's; an encoder that gives no numbers.
    pub(super) fn divergences(&self, model: &ShowerModel) -> Result<Vec<f64>> {
        model.encoder().map_or_else(|| Ok(Vec::new()), |encoder| divergences(model, encoder, &self.showers))
    }
}

/// At most `n` showers of `source`, from the first on.
fn first_showers(source: &mut dyn ShowerSource<f32>, n: usize) -> Result<ShowerBatch<f32>> {
    let mut all = ShowerBatch::empty(source.grid());
    let mut batch = ShowerBatch::empty(source.grid());
    while all.len() < n && source.next_batch(n - all.len(), &mut batch)? {
        for i in 0..batch.len() {
            all.push_from(&batch, i);
        }
    }
    Ok(all)
}
