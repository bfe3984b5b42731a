//! Densities of the latent variables of training showers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calo_data::Part;

use super::choose::Chosen;
use super::context::Seed;
use crate::Result;
use crate::density::{DensityRequest, SEARCH_POINTS};
use crate::encode::EncodeRequest;
use crate::experiment::plan::{DensityPlan, EpochRule, Sampling};
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::files::InputOptions;
use crate::parts::PartChoice;
use crate::run_folder::RunFolder;

/// Densities by the place of the run in the plan, the epoch, and the name of the density.
#[derive(Debug, Default)]
pub(super) struct Densities(BTreeMap<(usize, u32, String), PathBuf>);

impl Densities {
    pub(super) fn get(&self, run: usize, epoch: u32, name: &str) -> Option<PathBuf> {
        self.0.get(&(run, epoch, name.to_owned())).cloned()
    }
}

impl Seed<'_, '_> {
    /// Densities of all that is sampled from one.
    pub(super) fn estimate_all(&mut self, chosen: &[Chosen]) -> Result<Densities> {
        let experiment = self.pipeline.experiment;
        let mut densities = Densities::default();
        // Encoded training showers, by run and epoch.
        let mut encoded = BTreeMap::new();
        for (place, (plan, chosen)) in experiment.runs.iter().zip(chosen).enumerate() {
            for (rule, density) in self.wanted(&plan.name) {
                let epoch = chosen.epoch(rule)?;
                let key = (place, epoch, density.name.clone());
                if densities.0.contains_key(&key) {
                    continue;
                }
                let file = if self.pipeline.request.pretrained {
                    RunFolder::new(&chosen.folder).density()
                } else {
                    // Most experiments have one run that is sampled from densities.
                    let suffix = match encoded.get(&(place, epoch)) {
                        Some((_, suffix)) => String::clone(suffix),
                        None if encoded.is_empty() => String::new(),
                        None => format!("-{}-epoch-{epoch}", plan.name),
                    };
                    if !encoded.contains_key(&(place, epoch)) {
                        let latent = self.encode(chosen, epoch, &suffix)?;
                        encoded.insert((place, epoch), (latent, suffix.clone()));
                    }
                    let latent = self.folder.join(format!("latent{suffix}.hdf5"));
                    self.estimate(&latent, density, &suffix)?
                };
                densities.0.insert(key, file);
            }
        }
        Ok(densities)
    }

    /// Epochs and densities that candidates and pages of a run are sampled from.
    fn wanted(&self, run: &str) -> Vec<(EpochRule, &DensityPlan)> {
        let experiment = self.pipeline.experiment;
        let candidates = experiment.candidates.iter().map(|candidate| {
            (&candidate.run, candidate.epoch, candidate.sampling, candidate.density.as_deref())
        });
        let pages = experiment.latent_pages.iter();
        let pages = pages.map(|page| (&page.run, page.epoch, page.sampling, page.density.as_deref()));
        let of_run = candidates.chain(pages).filter(|(of, ..)| **of == run);
        let sampled = of_run.filter(|(.., sampling, _)| *sampling == Sampling::Kde);
        sampled.filter_map(|(_, rule, _, name)| Some((rule, experiment.density(name)?))).collect()
    }

    /// Latent variables and energies of the training showers.
    fn encode(&mut self, chosen: &Chosen, epoch: u32, suffix: &str) -> Result<PathBuf> {
        let latent = self.folder.join(format!("latent{suffix}.hdf5"));
        let encode = EncodeRequest {
            model: self.model(chosen, epoch),
            data: self.data.train.clone(),
            part: Some(PartChoice::Part(Part::Train)),
            seed: self.seed,
            out: latent.clone(),
            from: InputOptions::default(),
        };
        self.pipeline.stage(Stage {
            name: self.name(&format!("encode{}", of(suffix))),
            steps: vec![Step::Encode(encode)],
            inputs: vec![self.data.train.clone(), chosen.weights(epoch)],
            outputs: vec![latent.clone()],
            unfinished: vec![],
        })?;
        Ok(latent)
    }

    fn estimate(&mut self, latent: &Path, plan: &DensityPlan, suffix: &str) -> Result<PathBuf> {
        let density = self.folder.join(format!("density-{}{suffix}.safetensors", plan.name));
        let estimate = DensityRequest {
            latent: latent.to_owned(),
            out: density.clone(),
            bandwidth: plan.bandwidth.rule(),
            energy_bandwidth: None,
            covariance: plan.kernel.covariance(),
            n_search_points: SEARCH_POINTS,
            max_centres: self.pipeline.profile.max_kernels,
            seed: self.seed,
        };
        self.pipeline.stage(Stage {
            name: self.name(&format!("density {}{}", plan.name, of(suffix))),
            steps: vec![Step::Estimate(estimate)],
            inputs: vec![latent.to_owned()],
            outputs: vec![density.clone()],
            unfinished: vec![],
        })?;
        Ok(density)
    }
}

/// A suffix of files, as names of stages have it.
fn of(suffix: &str) -> String {
    suffix.replacen('-', " of ", 1)
}
