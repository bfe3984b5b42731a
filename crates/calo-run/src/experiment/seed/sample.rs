//! The showers that are generated for a candidate.

use std::path::PathBuf;

use super::choose::Chosen;
use super::context::Seed;
use super::densities::Densities;
use crate::Result;
use crate::error::Context as _;
use crate::experiment::data::{FIRST, Showers, single};
use crate::experiment::description::Experiment;
use crate::experiment::plan::{Candidate, EpochRule, LatentPage, Sampling, file_stem};
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::files::{FixedEnergyFile, StorageOptions, create_folder};
use crate::generate::{GenerateRequest, IncidentEnergies, LatentChoice};
use crate::model::{ModelChoice, ModelSource};
use crate::run_folder::EpochChoice;

/// A run at one of its epochs, and where its latent variables come from.
#[derive(Clone)]
pub(super) struct Model<'a> {
    pub(super) chosen: &'a Chosen,
    pub(super) epoch: u32,
    /// Where latent variables come from.
    pub(super) latent: LatentChoice,
    /// None where they do not come from one.
    pub(super) density: Option<PathBuf>,
}

/// What showers are wanted of.
pub(super) struct Wanted<'a> {
    run: &'a str,
    epoch: EpochRule,
    sampling: Sampling,
    density: Option<&'a str>,
}

impl<'a> From<&'a Candidate> for Wanted<'a> {
    fn from(candidate: &'a Candidate) -> Self {
        let Candidate { run, epoch, sampling, density, .. } = candidate;
        Self { run, epoch: *epoch, sampling: *sampling, density: density.as_deref() }
    }
}

impl<'a> From<&'a LatentPage> for Wanted<'a> {
    fn from(page: &'a LatentPage) -> Self {
        let LatentPage { run, epoch, sampling, density, .. } = page;
        Self { run, epoch: *epoch, sampling: *sampling, density: density.as_deref() }
    }
}

impl Wanted<'_> {
    /// The model that they are of; none where its run did not recover.
    ///
    /// # Errors
    /// No such run; none of its epochs was kept.
    pub(super) fn model<'b>(
        &self,
        experiment: &Experiment,
        chosen: &'b [Option<Chosen>],
        densities: &Densities,
    ) -> Result<Option<Model<'b>>> {
        let run = self.run;
        let place = experiment.run_index(run).with_context(|| format!("{run}: no such run"))?;
        let Some(chosen) = chosen.get(place).with_context(|| format!("{run}: was not made"))? else {
            return Ok(None);
        };
        let epoch = chosen.epoch(self.epoch)?;
        let latent = match self.sampling {
            Sampling::Normal => LatentChoice::Normal,
            Sampling::Kde => LatentChoice::Kde,
            Sampling::Optimised => LatentChoice::Optimised,
        };
        let density = experiment.density(self.density).filter(|_| latent == LatentChoice::Kde);
        let density = density.and_then(|plan| densities.get(place, epoch, &plan.name));
        Ok(Some(Model { chosen, epoch, latent, density }))
    }
}

impl Model<'_> {
    /// What a stage that applies the model is made from, beside showers.
    pub(super) fn files(&self) -> impl Iterator<Item = PathBuf> {
        std::iter::once(self.chosen.weights(self.epoch)).chain(self.density.clone())
    }
}

impl Seed<'_, '_> {
    pub(super) fn model(&self, chosen: &Chosen, epoch: u32) -> ModelChoice {
        ModelChoice {
            source: ModelSource::Run(chosen.folder.clone()),
            epoch: EpochChoice::Number(epoch),
            compute: self.pipeline.request.compute.clone(),
        }
    }

    /// As many showers as the reference has, of the full spectrum and of each fixed energy.
    ///
    /// Energies without a reference file are cut from the full spectrum by the evaluation.
    pub(super) fn generate(&mut self, name: &str, model: &Model<'_>) -> Result<Showers> {
        let out = self.folder.join("generated");
        create_folder(&out)?;
        let stem = file_stem(name);
        let file = |suffix: &str| out.join(format!("{stem}{suffix}.hdf5"));
        let (experiment, reference) = (self.pipeline.experiment, &self.data.reference);
        let mut showers = Showers { full: file(""), fixed: vec![] };
        // Showers of files may have any spectrum; simulated ones have a flat one.
        let full = match self.pipeline.request.data {
            Some(_) => IncidentEnergies::Of(reference.full.clone()),
            None => experiment.spectrum()?.into(),
        };
        let mut samples = vec![(full, 0, &reference.full, showers.full.clone())];
        let places = places(&experiment.data.fixed_gev, &reference.fixed);
        for (theirs, place) in reference.fixed.iter().zip(places) {
            let mut ours = theirs.clone();
            ours.path = file(&format!("_{}", theirs.energy_gev));
            let first = (place + 1) * FIRST;
            samples.push((single(theirs.energy_gev).into(), first, &theirs.path, ours.path.clone()));
            showers.fixed.push(ours);
        }
        let mut steps = Vec::new();
        for (energies, first, reference, out) in samples {
            let n_showers = *self.data.n_reference.get(reference).context("the reference was not counted")?;
            steps.push(Step::Generate(GenerateRequest {
                model: self.model(model.chosen, model.epoch),
                latent: Some(model.latent),
                density: model.density.clone(),
                energies,
                n_showers,
                seed: self.seed,
                first,
                no_post_processor: false,
                observables: false,
                out,
                storage: StorageOptions::default(),
            }));
        }
        let mut inputs = vec![model.chosen.weights(model.epoch)];
        inputs.extend(reference.files().cloned());
        inputs.extend(model.density.clone());
        let outputs = showers.files().cloned().collect();
        let name = self.name(&format!("generate {name}"));
        self.pipeline.stage(Stage { name, steps, inputs, outputs, unfinished: vec![] })?;
        Ok(showers)
    }
}

/// The place of every file's energy: among `known` energies, GeV, or behind them, so that no two samples share a random
/// stream.
fn places(known: &[f64], files: &[FixedEnergyFile]) -> Vec<u64> {
    let mut all = known.to_vec();
    let place = |file: &FixedEnergyFile| {
        let same = |energy: &f64| energy.total_cmp(&file.energy_gev).is_eq();
        let place = all.iter().position(same).unwrap_or_else(|| {
            all.push(file.energy_gev);
            all.len() - 1
        });
        place as u64
    };
    files.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_energy_has_random_streams_of_its_own() {
        let file = |energy_gev: f64| FixedEnergyFile { energy_gev, path: PathBuf::new() };
        let files: Vec<_> = [80.0, 30.0, 20.0, 70.0].map(file).into();
        assert_eq!(places(&[20.0, 50.0, 80.0], &files), [2, 3, 0, 4]);
    }
}
