//! An experiment as its TOML file describes it.

use std::path::Path;

use serde::Deserialize;

use super::plan::{
    Candidate, Claim, DataPlan, DensityBandwidth, DensityPlan, Figures, LatentComparisonPlan, LatentPage,
    RunPlan, Sampling,
};
use super::profile::Profile;
use super::source::{Kind, Source};
use crate::{EnergyRange, Error, Result};

/// A table or figure of a paper: which showers, which runs, which samples of them are compared, and what was published.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Where it stands.
    #[serde(skip)]
    pub(super) source: Source,
    /// `scores`.
    #[serde(default)]
    pub(super) kind: Kind,
    /// Heading of the page.
    pub title: String,
    /// The paper.
    pub paper: String,
    /// A sentence behind the numbers: how they compare with the published ones.
    #[serde(default)]
    pub note: String,
    /// What its pages show of the paper.
    #[serde(default)]
    pub figures: Figures,
    /// The showers.
    pub data: DataPlan,
    /// Sizes of the whole.
    #[serde(rename = "profile")]
    pub profiles: Vec<Profile>,
    /// What is trained.
    #[serde(rename = "run")]
    pub runs: Vec<RunPlan>,
    /// What is compared with the reference.
    #[serde(rename = "candidate")]
    pub candidates: Vec<Candidate>,
    /// Densities that candidates are sampled from; ours where none is listed.
    #[serde(rename = "density", default)]
    pub densities: Vec<DensityPlan>,
    /// Pages of latent spaces.
    #[serde(rename = "latent", default)]
    pub latent_pages: Vec<LatentPage>,
    /// Latent spaces side by side.
    pub latent_comparison: Option<LatentComparisonPlan>,
    /// Limits that the paper gives.
    #[serde(rename = "claim", default)]
    pub claims: Vec<Claim>,
}

impl Experiment {
    /// The built-in experiment of that name, or the one in that file.
    ///
    /// # Errors
    /// Neither; a file that is no description of an experiment of scores, or contradicts itself.
    pub fn load(name_or_path: &str) -> Result<Self> {
        Self::parse(Source::load(name_or_path)?)
    }

    /// Reads the description that `source` holds.
    pub(super) fn parse(source: Source) -> Result<Self> {
        let mut experiment: Self = source.parse()?;
        experiment.source = source;
        if experiment.kind != Kind::Scores {
            return Err(experiment.wrong("kind", "amplification; expected `scores`"));
        }
        if experiment.densities.is_empty() {
            experiment.densities.push(DensityPlan::ours());
        }
        experiment.expand_scans()?;
        experiment.check()?;
        Ok(experiment)
    }

    /// The stem of its file.
    pub fn name(&self) -> &str {
        &self.source.name
    }

    /// The profile of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn profile(&self, name: &str) -> Result<&Profile> {
        self.source.find(&self.profiles, |profile| &profile.name, name)
    }

    /// The experiment as the profile of that name has it: without the runs of other profiles, and what is made from these.
    ///
    /// # Errors
    /// There is none; one without a run or a candidate.
    pub(super) fn in_profile(&self, name: &str) -> Result<Self> {
        self.profile(name)?;
        let is_of = |run: &RunPlan| run.profiles.is_empty() || run.profiles.iter().any(|known| known == name);
        let own = self.clone().with_runs(is_of);
        if own.candidates.is_empty() {
            let problem = format!("none of a candidate has profile {name}; expected one at least");
            return Err(self.wrong("run.profiles", &problem));
        }
        Ok(own)
    }

    /// The same without other runs, and without what is made from these.
    fn with_runs(mut self, keep: impl Fn(&RunPlan) -> bool) -> Self {
        self.runs.retain(keep);
        let names: Vec<String> = self.runs.iter().map(|run| run.name.clone()).collect();
        let has = |run: &String| names.contains(run);
        self.candidates.retain(|candidate| has(&candidate.run));
        self.latent_pages.retain(|page| has(&page.run));
        if let Some(comparison) = &mut self.latent_comparison {
            comparison.correlations.retain(&has);
            comparison.sampled.retain(&has);
        }
        self
    }

    /// The same with the trained models in `folder` alone, and without what needs densities that they do not come with: all but
    /// ours.
    pub(super) fn with_shipped(self, folder: &Path) -> Self {
        self.with_runs(|run| folder.join(&run.name).is_dir()).with_shipped_densities()
    }

    fn with_shipped_densities(mut self) -> Self {
        let Self { densities, candidates, latent_pages, .. } = &mut self;
        let is_there = |sampling: Sampling, name: Option<&String>| {
            let density = match name {
                Some(name) => densities.iter().find(|density| density.name == *name),
                None => densities.first(),
            };
            sampling != Sampling::Kde || density.is_some_and(|one| one.bandwidth == DensityBandwidth::Own)
        };
        candidates.retain(|candidate| is_there(candidate.sampling, candidate.density.as_ref()));
        latent_pages.retain(|page| is_there(page.sampling, page.density.as_ref()));
        self
    }

    /// The energies of the full spectrum.
    ///
    /// # Errors
    /// A field that is no range of energies.
    pub(super) fn spectrum(&self) -> Result<EnergyRange> {
        let range = self.data.spectrum_gev.parse::<EnergyRange>();
        range.map_err(|problem| self.wrong("data.spectrum_gev", &problem))
    }

    /// The density of that name, or the first.
    pub(super) fn density(&self, name: Option<&str>) -> Option<&DensityPlan> {
        name.map_or_else(
            || self.densities.first(),
            |name| self.densities.iter().find(|density| density.name == name),
        )
    }

    /// The page of the latent space of a run.
    pub(super) fn page_of(&self, run: &str) -> Option<&LatentPage> {
        self.latent_pages.iter().find(|page| page.run == run)
    }

    /// Place of a run in the list.
    pub(super) fn run_index(&self, name: &str) -> Option<usize> {
        self.runs.iter().position(|run| run.name == name)
    }

    pub(super) fn wrong(&self, field: &str, problem: &str) -> Error {
        self.source.wrong(field, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::built_in;

    fn table2() -> String {
        built_in::text("table2.toml").unwrap().to_owned()
    }

    fn message(text: &str) -> String {
        let source = Source::new(text, Path::new("mine.toml"), None).unwrap();
        let error = Experiment::parse(source).unwrap_err();
        let mut message = error.to_string();
        if let Some(source) = std::error::Error::source(&error) {
            message += &format!(": {source}");
        }
        message
    }

    #[test]
    fn built_in_experiments_are_experiments() {
        let table2 = Experiment::load("table2").unwrap();
        assert_eq!((table2.runs.len(), table2.candidates.len(), table2.latent_pages.len()), (2, 5, 2));
        assert_eq!(table2.profile("quick").unwrap().n_train, 4800);
        assert!(table2.profile("nada").unwrap_err().to_string().contains("tiny, quick, laptop, gpu, paper"));
        assert!(Experiment::load("nada").unwrap_err().is_usage());
    }

    #[test]
    fn runs_of_other_profiles_are_left_out_with_what_is_made_from_them() {
        let weaker = "label = \"beta 0.4\"";
        let text = |profiles: &str| table2().replacen(weaker, &format!("{weaker}\nprofiles = {profiles}"), 1);
        let source = Source::new(&text("[\"laptop\", \"paper\"]"), Path::new("mine.toml"), None).unwrap();
        let experiment = Experiment::parse(source).unwrap();
        let sizes = |profile: &str| {
            let own = experiment.in_profile(profile).unwrap();
            (own.runs.len(), own.candidates.len(), own.latent_pages.len())
        };
        assert_eq!(sizes("quick"), (1, 4, 1));
        assert_eq!(sizes("laptop"), (2, 5, 2));
        let message = message(&text("[\"huge\"]"));
        assert!(message.contains("`run.profiles`: `huge`; expected one of tiny, quick"), "{message}");
    }

    #[test]
    fn a_table_must_not_take_the_name_of_the_list_of_stages() {
        let error = Source::new(&table2(), Path::new("a/stages.toml"), None).unwrap_err();
        assert!(error.to_string().starts_with("a/stages.toml: expected another name"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (from, to, part) in [
            ("keeps_steps = true", "keep_steps = true", "unknown field `keep_steps`"),
            ("run = \"beta-0.4\"", "run = \"beta-4\"", "`candidate.run`: `beta-4`"),
            ("sampling = \"kde\"", "sampling = \"vae\"", "`vae`"),
            (
                "density = \"one\"",
                "density = \"two\"",
                "`candidate.density`: `two`; expected one of scott, one, ours",
            ),
            (
                "sampling = \"normal\"",
                "sampling = \"normal\"\ndensity = \"one\"",
                "`candidate.density`: `one`, which is not",
            ),
            ("bandwidth = \"own\"", "bandwidth = \"wide\"", "`wide`"),
            ("spectrum_gev = \"10..100\"", "spectrum_gev = \"100..10\"", "`data.spectrum_gev`"),
            ("fixed_gev = [20,", "fixed_gev = [-20,", "`data.fixed_gev[0]`"),
            ("n_train = 256", "n_train = 0", "`profile[0].n_train`"),
            ("fractions = [60, 20, 20]", "fractions = [60, 20, 0]", "`profile[0].fractions`"),
            ("name = \"beta-0.05\"", "name = \"../beta\"", "`run.name`: `../beta`"),
            ("name = \"beta 0.4\"", "name = \"Beta 0.05\"", "`beta-0.05`, as those of another"),
            ("overrides = [\"losses.kld=0.4\"]", "repeated = true", "`run.repeated`"),
        ] {
            let text = table2();
            assert!(text.contains(from), "{from}");
            let message = message(&text.replacen(from, to, 1));
            assert!(message.starts_with("mine.toml: ") && message.contains(part), "{message}");
        }
    }
}
