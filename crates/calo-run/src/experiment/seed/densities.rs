//! Encoded training showers, and densities of their latent variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use calo_data::Part;

use super::choose::Chosen;
use super::context::Seed;
use crate::Result;
use crate::density::{DensityRequest, SEARCH_POINTS};
use crate::encode::EncodeRequest;
use crate::experiment::description::Experiment;
use crate::experiment::plan::{DensityPlan, EpochRule, Sampling};
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::files::InputOptions;
use crate::parts::PartChoice;
use crate::run_folder::RunFolder;

/// What was made of the latent variables of training showers.
#[derive(Debug, Default)]
pub(super) struct Densities {
    /// By the place of the run in the plan, the epoch, and the name of the density.
    files: BTreeMap<(usize, u32, String), PathBuf>,
    /// By the place of the run and the epoch.
    encoded: BTreeMap<(usize, u32), Encoded>,
}

/// A latent file, and what names of files made from it end with.
#[derive(Debug, Clone)]
struct Encoded {
    file: PathBuf,
    suffix: String,
}

impl Densities {
    pub(super) fn get(&self, run: usize, epoch: u32, name: &str) -> Option<PathBuf> {
        self.files.get(&(run, epoch, name.to_owned())).cloned()
    }
}

impl Seed<'_, '_> {
    /// Densities of all that is sampled from one.
    pub(super) fn estimate_all(&mut self, chosen: &[Option<Chosen>]) -> Result<Densities> {
        let experiment = self.pipeline.experiment;
        let mut densities = Densities::default();
        for (place, (plan, chosen)) in experiment.runs.iter().zip(chosen).enumerate() {
            let Some(chosen) = chosen else { continue };
            for (rule, density) in wanted(experiment, &plan.name) {
                let epoch = chosen.epoch(rule)?;
                let key = (place, epoch, density.name.clone());
                if densities.files.contains_key(&key) {
                    continue;
                }
                let file = if self.pipeline.request.pretrained {
                    RunFolder::new(&chosen.folder).density()
                } else {
                    let encoded = self.encode_once(&mut densities, place, chosen, epoch)?;
                    self.estimate(&encoded, density)?
                };
                densities.files.insert(key, file);
            }
        }
        Ok(densities)
    }

    /// The latent file of the training showers, which is made at the first call.
    pub(super) fn encoded(
        &mut self,
        densities: &mut Densities,
        place: usize,
        chosen: &Chosen,
        epoch: u32,
    ) -> Result<PathBuf> {
        Ok(self.encode_once(densities, place, chosen, epoch)?.file)
    }

    fn encode_once(
        &mut self,
        densities: &mut Densities,
        place: usize,
        chosen: &Chosen,
        epoch: u32,
    ) -> Result<Encoded> {
        let key = (place, epoch);
        if let Some(encoded) = densities.encoded.get(&key) {
            return Ok(encoded.clone());
        }
        // Most experiments have one run that is sampled from densities.
        let suffix = if densities.encoded.is_empty() {
            String::new()
        } else {
            format!("-{}-epoch-{epoch}", self.pipeline.experiment.runs[place].name)
        };
        let file = self.folder.join(format!("latent{suffix}.hdf5"));
        let encode = EncodeRequest {
            model: self.model(chosen, epoch),
            data: self.data.train.clone(),
            part: Some(PartChoice::Part(Part::Train)),
            seed: self.seed,
            out: file.clone(),
            from: InputOptions::default(),
        };
        self.pipeline.stage(Stage {
            name: self.name(&format!("encode{}", of(&suffix))),
            steps: vec![Step::Encode(encode)],
            inputs: vec![self.data.train.clone(), chosen.weights(epoch)],
            outputs: vec![file.clone()],
            unfinished: vec![],
        })?;
        let encoded = Encoded { file, suffix };
        densities.encoded.insert(key, encoded.clone());
        Ok(encoded)
    }

    fn estimate(&mut self, encoded: &Encoded, plan: &DensityPlan) -> Result<PathBuf> {
        let Encoded { file, suffix } = encoded;
        let density = self.folder.join(format!("density-{}{suffix}.safetensors", plan.name));
        let estimate = DensityRequest {
            latent: file.clone(),
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
            inputs: vec![file.clone()],
            outputs: vec![density.clone()],
            unfinished: vec![],
        })?;
        Ok(density)
    }
}

/// Epochs and densities that candidates, pages and the comparison of latent spaces want of a run.
fn wanted<'a>(experiment: &'a Experiment, run: &str) -> Vec<(EpochRule, &'a DensityPlan)> {
    let candidates = experiment
        .candidates
        .iter()
        .map(|candidate| (&candidate.run, candidate.epoch, candidate.sampling, candidate.density.as_deref()));
    let pages = experiment.latent_pages.iter();
    let pages = pages.map(|page| (&page.run, page.epoch, page.sampling, page.density.as_deref()));
    let of_run = candidates.chain(pages).filter(|(of, ..)| **of == run);
    let sampled = of_run.filter(|(.., sampling, _)| *sampling == Sampling::Kde);
    let mut wanted: Vec<_> =
        sampled.filter_map(|(_, rule, _, name)| Some((rule, experiment.density(name)?))).collect();
    if let Some(plan) = &experiment.latent_comparison
        && plan.sampled.first().is_some_and(|first| first == run)
        && let Some(name) = &plan.density
    {
        let rule = experiment.page_of(run).map(|page| page.epoch).unwrap_or_default();
        wanted.extend(experiment.density(Some(name)).map(|density| (rule, density)));
    }
    wanted
}

/// A suffix of files, as names of stages have it.
fn of(suffix: &str) -> String {
    suffix.replacen('-', " of ", 1)
}
