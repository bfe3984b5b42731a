//! Latent spaces of several runs side by side.

use std::path::PathBuf;

use super::LatentSpace;
use super::choose::Chosen;
use super::context::Seed;
use super::densities::Densities;
use crate::Result;
use crate::error::Context as _;
use crate::experiment::plan::LatentComparisonPlan;
use crate::experiment::stages::Stage;
use crate::experiment::step::Step;
use crate::latent_comparison::{CompareLatentRequest, NamedPath};

/// What a comparison of latent spaces is made from.
pub(super) struct Compared<'a> {
    pub(super) plan: &'a LatentComparisonPlan,
    /// In the order of the pages.
    pub(super) spaces: &'a [LatentSpace],
    /// In the order of the runs.
    pub(super) chosen: &'a [Option<Chosen>],
    pub(super) densities: &'a mut Densities,
}

impl Seed<'_, '_> {
    /// The page of all latent spaces, in a folder of its own.
    pub(super) fn compare_latent(&mut self, compared: Compared<'_>) -> Result<()> {
        let Compared { plan, spaces, chosen, densities } = compared;
        let experiment = self.pipeline.experiment;
        let label = |run: &str| experiment.run_index(run).map(|index| experiment.runs[index].label.clone());
        let (mut encoded, mut density) = (Vec::new(), None);
        // Trained models come without the showers that they were trained on.
        let sampled = if self.pipeline.request.pretrained { &[][..] } else { &plan.sampled[..] };
        for run in sampled {
            let place = experiment.run_index(run).with_context(|| format!("{run}: no such run"))?;
            let Some(chosen) = &chosen[place] else { continue };
            let rule = experiment.page_of(run).map(|page| page.epoch).unwrap_or_default();
            let epoch = chosen.epoch(rule)?;
            let path = self.encoded(densities, place, chosen, epoch)?;
            encoded.push(NamedPath { name: experiment.runs[place].label.clone(), path });
            if density.is_none() {
                let named = plan.density.as_ref().and_then(|name| densities.get(place, epoch, name));
                density = named
                    .map(|path| NamedPath { name: format!("{}, KDE", experiment.runs[place].label), path });
            }
        }
        // A scale of colours goes by their sizes.
        let mut spaces: Vec<&LatentSpace> = spaces.iter().collect();
        spaces.sort_by_key(|space| space.results.model.encoded);
        let is_there = |label: &String| spaces.iter().any(|space| space.label == *label);
        let named =
            |space: &&LatentSpace| NamedPath { name: space.label.clone(), path: space.folder.clone() };
        let out = self.folder.join("latent-comparison");
        let request = CompareLatentRequest {
            spaces: spaces.iter().map(named).collect(),
            correlations: plan.correlations.iter().filter_map(|run| label(run)).filter(is_there).collect(),
            encoded,
            density,
            max_showers: self.pipeline.profile.max_encoded,
            out: out.clone(),
        };
        let mut inputs: Vec<PathBuf> = spaces.iter().map(|space| space.folder.join("latent.json")).collect();
        inputs.extend(request.encoded.iter().chain(&request.density).map(|named| named.path.clone()));
        self.pipeline.stage(Stage {
            name: self.name("compare latent spaces"),
            steps: vec![Step::CompareLatent(request)],
            inputs,
            outputs: vec![out.join("latent-comparison.json"), out.join("latent-comparison.html")],
            unfinished: vec![],
        })
    }
}
