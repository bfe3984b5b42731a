//! How a run begins, and whether one is the run that was begun.

use std::path::{Path, PathBuf};

use calo_core::Detector;
use calo_data::ReadOptions;

use super::request::TrainRequest;
use crate::Result;
use crate::config::RunConfig;
use crate::energies::is_same_energy;
use crate::error::{bail, ensure};
use crate::files::{self, for_each_batch};
use crate::monitor::Caller;
use crate::provenance::{self, VERSION};
use crate::run_folder::{DataDescription, EpochChoice, Origin, RunDescription, RunFolder};

/// All that a run begins with.
pub(super) struct Beginning<'a> {
    pub(super) request: &'a TrainRequest,
    pub(super) config: &'a RunConfig,
    pub(super) detector: &'a Detector,
    pub(super) run: &'a RunFolder,
}

impl Beginning<'_> {
    /// What stands in `run.json`.
    pub(super) fn describe(
        &self,
        n_showers: u64,
        n_weights: usize,
        caller: Caller<'_>,
    ) -> Result<RunDescription> {
        let Self { request, config, detector, .. } = self;
        Ok(RunDescription {
            software: VERSION.to_owned(),
            command: caller.command.to_owned(),
            name: config.name.clone(),
            seed: config.seed,
            detector: detector.name.clone(),
            grid: detector.grid.shape(),
            data: Some(DataDescription {
                path: request.data.display().to_string(),
                blake3: provenance::hash_file(&request.data)?,
                n_showers,
                split: config.data.split,
                split_seed: config.data.split_seed,
                only_energy_gev: self.only_energy_gev(caller)?,
            }),
            n_weights,
            device: request.compute.device.clone(),
            precision: request.compute.precision,
            from: request.from.as_deref().map(origin).transpose()?,
            exported: None,
            imported: Vec::new(),
        })
    }

    /// The incident energy of the showers, for a family that learns those of one energy; none for others.
    ///
    /// # Errors
    /// Showers of several energies.
    fn only_energy_gev(&self, caller: Caller<'_>) -> Result<Option<f64>> {
        let family = &self.config.recipe.family;
        if family.takes_energy() {
            return Ok(None);
        }
        let path = &self.request.data;
        let place = path.display();
        let mut reader = files::open(path, &ReadOptions::for_detector(self.detector), caller)?;
        let mut first = None;
        for_each_batch::<f32>(&mut reader, &format!("energies of {place}"), caller, |batch| {
            for &energy_gev in &batch.energies_gev {
                let first = *first.get_or_insert(energy_gev);
                ensure!(
                    is_same_energy(energy_gev, first),
                    "{place}: showers of {first} and of {energy_gev} GeV; expected one energy, for family `{}` does not see it",
                    family.family()
                );
            }
            Ok(())
        })?;
        Ok(first)
    }

    /// Writes what describes the run. The configuration comes last: with it the run has begun.
    pub(super) fn write(&self, description: &RunDescription) -> Result<()> {
        let Self { config, detector, run, .. } = self;
        calo_core::write_atomically(&run.detector_file(), detector.to_toml()?.as_bytes())?;
        run.write_description(description)?;
        Ok(calo_core::write_atomically(&run.config(), config.to_toml()?.as_bytes())?)
    }

    /// That a run is the one that was begun.
    pub(super) fn check_begun(&self, description: &RunDescription) -> Result<()> {
        let Self { config, run, detector, .. } = self;
        let path = run.config();
        let begun = RunConfig::read(&path)?.to_toml()?;
        if let Some(differing) = first_difference(&begun, &config.to_toml()?) {
            bail!("{}: {differing}; expected the configuration that the run was begun with", path.display());
        }
        if let Some(differing) = first_difference(&run.detector()?.to_toml()?, &detector.to_toml()?) {
            let path = run.detector_file();
            bail!("{}: {differing}; expected the detector that the run was begun with", path.display());
        }
        let begun = run.describe()?;
        ensure!(
            begun.only_epoch().is_none(),
            "{}: an exported or imported model, which has no state to resume from; expected a new --out, with --from {}",
            run.path().display(),
            run.path().display()
        );
        let hash = |from: &Option<Origin>| from.as_ref().map(|from| from.blake3.clone());
        ensure!(
            hash(&begun.from) == hash(&description.from),
            "{}: begun with other weights ({}); expected the same --from",
            run.path().display(),
            begun.from.as_ref().map_or("drawn by the seed", |from| from.path.as_str())
        );
        if let (Some(begun), Some(data)) = (&begun.data, &description.data) {
            ensure!(
                begun.blake3 == data.blake3,
                "{}: not the showers that the run was begun with ({}); expected the same",
                data.path,
                begun.path
            );
        }
        Ok(())
    }
}

/// The first line in which two configurations differ.
fn first_difference(begun: &str, wanted: &str) -> Option<String> {
    let (mut a, mut b) = (begun.lines(), wanted.lines());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            (a, b) => {
                return Some(format!("has `{}`, not `{}`", a.unwrap_or("nothing"), b.unwrap_or("nothing")));
            }
        }
    }
}

/// The weights to begin with: those of a checkpoint, or of the only epoch that an exported model has.
pub(super) fn weights_file(from: &Path) -> PathBuf {
    if !from.is_dir() {
        return from.to_owned();
    }
    let run = RunFolder::new(from);
    let last = run.last();
    match run.weights_of(EpochChoice::Best) {
        Ok((best, _)) if !last.exists() => best,
        _ => last,
    }
}

/// The weights that a run begins with.
fn origin(from: &Path) -> Result<Origin> {
    let path = weights_file(from);
    Ok(Origin { blake3: provenance::hash_file(&path)?, path: path.display().to_string() })
}
