//! How the candidates of a seed compare with the reference, and what their latent spaces look like.

use std::path::PathBuf;

use calo_metrics::results::Results;

use super::context::Seed;
use super::sample::Model;
use crate::Result;
use crate::evaluate::{Classifiers, EvaluateRequest, SampleFiles};
use crate::experiment::data::Showers;
use crate::experiment::plan::LatentPage;
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::files::InputOptions;
use crate::latent::LatentRequest;
use crate::parts::PartChoice;

/// Random splits into halves, over which candidates and floor are averaged at the same number of showers.
const N_SPLITS: usize = 16;

impl Seed<'_, '_> {
    /// All candidates against the reference, with the divisors of all epochs; the report beside it.
    pub(super) fn evaluate(&mut self, candidates: &[(String, Showers)]) -> Result<Results> {
        let (out, selection) = (self.folder.join("evaluation"), self.folder.join("selection/selection.json"));
        let sample = |name: &str, showers: &Showers| SampleFiles {
            name: name.to_owned(),
            full: showers.full.clone(),
            more: Vec::new(),
            fixed: showers.fixed.clone(),
        };
        let from = InputOptions { detector: Some(self.pipeline.detector.clone()), ..InputOptions::default() };
        let request = EvaluateRequest {
            reference: sample(self.data.origin, &self.data.reference),
            candidates: candidates.iter().map(|(name, showers)| sample(name, showers)).collect(),
            out: out.clone(),
            divisors: Some(selection.clone()),
            n_replicas: 50,
            n_splits: N_SPLITS,
            seed: self.seed,
            classifiers: Classifiers::Fast,
            from,
        };
        let mut inputs = vec![selection];
        inputs.extend(self.data.reference.files().cloned());
        inputs.extend(candidates.iter().flat_map(|(_, showers)| showers.files()).cloned());
        self.pipeline.stage(Stage {
            name: self.name("evaluate"),
            steps: vec![Step::Evaluate(request), Step::Report(out.clone())],
            inputs,
            outputs: vec![out.join("results.json"), out.join("report.html")],
            unfinished: vec![],
        })?;
        Ok(calo_report::read_results(&out)?)
    }

    /// The figures of one model's latent space, from validation showers; their folder.
    pub(super) fn latent(&mut self, page: &LatentPage, model: &Model<'_>) -> Result<PathBuf> {
        let name = &model.chosen.run.name;
        let out = self.folder.join(format!("latent-{name}"));
        // A density that is made for the page alone; a trained model that comes with one has no training showers here.
        let is_needed = model.density.is_none() && !self.pipeline.request.pretrained;
        let train = is_needed.then(|| self.data.train.clone());
        let request = LatentRequest {
            model: self.model(model.chosen, model.epoch),
            data: self.data.validation.full.clone(),
            part: Some(PartChoice::All),
            out: out.clone(),
            density: model.density.clone(),
            train: train.clone(),
            n_generated: page.n_generated,
            energy_gev: page.energy_gev,
            no_post_processor: false,
            seed: self.seed,
            from: InputOptions::default(),
        };
        let mut inputs = vec![self.data.validation.full.clone()];
        inputs.extend(train);
        inputs.extend(model.files());
        self.pipeline.stage(Stage {
            name: self.name(&format!("latent space of {name}")),
            steps: vec![Step::Latent(request)],
            inputs,
            outputs: vec![out.join("latent.json"), out.join("latent.html")],
            unfinished: vec![],
        })?;
        Ok(out)
    }
}
