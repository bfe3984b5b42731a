//! What an experiment of this kind says.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use calo_sim::Kind as Particle;

use crate::Result;
use crate::amplification::ObservableSet;
use crate::error::ensure;
use crate::experiment::base_config::BaseConfig;
use crate::experiment::check::check_names;
use crate::experiment::source::{Kind, Source};

/// How many independent showers a model's sample is worth: which showers, how many training sets and runs, and what was
/// published.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmplificationExperiment {
    /// Where it stands.
    #[serde(skip)]
    pub(super) source: Source,
    /// `amplification`.
    #[serde(default)]
    pub(super) kind: Kind,
    /// Heading of the page.
    pub title: String,
    /// The paper.
    pub paper: String,
    /// A sentence behind the numbers: how they compare with the published ones.
    #[serde(default)]
    pub note: String,
    /// The showers.
    pub data: AmplificationData,
    /// Sizes of the whole.
    #[serde(rename = "profile")]
    pub profiles: Vec<AmplificationProfile>,
    /// Published numbers, by observable.
    #[serde(default)]
    pub published: Vec<Published>,
}

/// Which showers stand for the truth, and which are trained with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmplificationData {
    /// Incident particle.
    pub particle: String,
    /// Its energy, GeV.
    pub energy_gev: f64,
    /// Independent showers: the first of the simulated ones.
    pub n_independent: u64,
    /// Showers of the truth, which follow.
    pub n_truth: u64,
    /// Showers in a training set.
    pub n_train: u64,
    /// Training set N begins so many independent showers behind set N - 1.
    pub stride: u64,
    /// Showers that densities are fitted to, each number for itself.
    #[serde(default)]
    pub estimate_from: Vec<u64>,
    /// Folder of showers that come with the program, for the first data seed.
    pub shipped: Option<PathBuf>,
}

/// A size of the whole.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AmplificationProfile {
    /// What it is called.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub about: String,
    /// Configuration of the runs: a file beside the experiment's, or one that is built in.
    pub config: String,
    /// Fields of the configuration that it sets.
    #[serde(default)]
    pub overrides: Vec<String>,
    /// Training sets, unless others are asked for.
    pub n_sets: u64,
    /// Runs on each set, unless another number is asked for.
    pub n_runs: u64,
    /// Showers that the runs of a set generate, all together.
    pub n_generated: u64,
    /// Values that are sampled from each density.
    pub n_estimated: usize,
}

/// Published numbers of an observable, as text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// Id of the observable, or several joined by `+`.
    pub observable: String,
    /// How many independent showers the sample is worth, over its training set.
    pub factor: Option<String>,
    /// Bandwidths of kernel densities fitted to each number of showers.
    #[serde(default)]
    pub bandwidth: Vec<String>,
    /// Bins of histograms fitted to each number of showers.
    #[serde(default)]
    pub bins: Vec<String>,
}

impl AmplificationExperiment {
    /// The built-in experiment of that name, or the one in that file.
    ///
    /// # Errors
    /// Neither; a file that is no description of such an experiment, or contradicts itself.
    pub fn load(name_or_path: &str) -> Result<Self> {
        Self::parse(Source::load(name_or_path)?)
    }

    pub(in crate::experiment) fn parse(source: Source) -> Result<Self> {
        let mut experiment: Self = source.parse()?;
        experiment.source = source;
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
    pub fn profile(&self, name: &str) -> Result<&AmplificationProfile> {
        self.source.find(&self.profiles, |profile| &profile.name, name)
    }

    /// The configuration of the runs of a profile.
    ///
    /// # Errors
    /// It is not there.
    pub(in crate::experiment) fn config(&self, profile: &AmplificationProfile) -> Result<BaseConfig> {
        BaseConfig::find(&self.source, &profile.name, &profile.config)
    }

    /// The incident particle.
    ///
    /// # Errors
    /// A particle that the simulator does not know.
    pub(super) fn particle(&self) -> Result<Particle> {
        self.data.particle.parse().map_err(|problem: String| self.source.wrong("data.particle", &problem))
    }

    /// Training sets that are parts of the independent showers; others are simulated for themselves.
    pub(super) fn n_sets(&self) -> u64 {
        let AmplificationData { n_independent, stride, .. } = self.data;
        n_independent / stride
    }

    fn check(&self) -> Result<()> {
        let wrong = |field: &str, problem: &str| Err(self.source.wrong(field, problem));
        let place = &self.source.place;
        if self.kind != Kind::Amplification {
            return wrong("kind", "scores; expected `amplification`");
        }
        let AmplificationData { energy_gev, n_independent, n_truth, n_train, stride, .. } = self.data;
        ensure!(
            energy_gev.is_finite() && energy_gev > 0.0,
            "{place}: field `data.energy_gev`: {energy_gev}; expected an energy above 0"
        );
        for (field, n) in
            [("n_independent", n_independent), ("n_truth", n_truth), ("n_train", n_train), ("stride", stride)]
        {
            ensure!(n > 0, "{place}: field `data.{field}`: 0; expected at least 1");
        }
        ensure!(
            stride <= n_independent,
            "{place}: field `data.stride`: {stride}; expected at most the {n_independent} independent showers"
        );
        for (field, n) in std::iter::once(("n_train", n_train))
            .chain(self.data.estimate_from.iter().map(|n| ("estimate_from", *n)))
        {
            ensure!(
                (1..=stride).contains(&n),
                "{place}: field `data.{field}`: {n}; expected 1 to {stride}, so that training sets share no shower"
            );
        }
        let names: Vec<String> = self.profiles.iter().map(|profile| profile.name.clone()).collect();
        check_names(place, "profile", &names)?;
        for profile in &self.profiles {
            let name = &profile.name;
            for (field, n) in
                [("n_sets", profile.n_sets), ("n_runs", profile.n_runs), ("n_generated", profile.n_generated)]
            {
                ensure!(n > 0, "{place}: profile {name}: field `{field}`: 0; expected at least 1");
            }
        }
        let n_fitted = self.data.estimate_from.len();
        let numbers: BTreeSet<&u64> = self.data.estimate_from.iter().collect();
        ensure!(
            numbers.len() == n_fitted,
            "{place}: field `data.estimate_from`: {:?}; expected numbers that differ",
            self.data.estimate_from
        );
        self.particle()?;
        for published in &self.published {
            for (field, list) in [("bandwidth", &published.bandwidth), ("bins", &published.bins)] {
                ensure!(
                    list.is_empty() || list.len() == n_fitted,
                    "{place}: field `published.{field}` of {}: {} values; expected {n_fitted}, one for each of \
                     `data.estimate_from`",
                    published.observable,
                    list.len()
                );
            }
            let observable = published.observable.parse::<ObservableSet>();
            let observable =
                observable.map_err(|problem| self.source.wrong("published.observable", &problem))?;
            let known = ObservableSet::of_paper();
            if !known.contains(&observable) {
                let known = known.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let problem = format!("`{observable}` is not compared; expected one of {known}");
                return Err(self.source.wrong("published.observable", &problem));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn text() -> String {
        crate::experiment::built_in::text("calomplification.toml").unwrap().to_owned()
    }

    #[test]
    fn the_built_in_one_is_an_experiment() {
        let experiment = AmplificationExperiment::load("calomplification").unwrap();
        assert_eq!((experiment.n_sets(), experiment.published.len()), (5, 8));
        assert_eq!(experiment.profile("laptop").unwrap().n_runs, 3);
        let message = experiment.profile("nada").unwrap_err().to_string();
        assert!(message.contains("quick, laptop, paper"), "{message}");
        let message = AmplificationExperiment::load("table2").unwrap_err().to_string();
        assert!(message.contains("table2.toml: is no description"), "{message}");
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field() {
        for (from, to, part) in [
            ("kind = \"amplification\"", "kind = \"scores\"", "`kind`"),
            ("energy_gev = 50", "energy_gev = -50", "`data.energy_gev`: -50"),
            ("n_truth = 218_000", "n_truth = 0", "`data.n_truth`"),
            ("stride = 10_000", "stride = 100_000", "`data.stride`: 100000"),
            ("n_train = 1000", "n_train = 20_000", "`data.n_train`: 20000; expected 1 to 10000"),
            ("n_sets = 1\n", "n_sets = 0\n", "profile tiny: field `n_sets`"),
            ("observable = \"cog_x\"", "observable = \"cog_q\"", "`published.observable`"),
            (
                "observable = \"cog_x\"",
                "observable = \"cog_z\"",
                "`cog_z` is not compared; expected one of visible_energy",
            ),
            ("particle =", "particles =", "unknown field `particles`"),
        ] {
            let text = text();
            assert!(text.contains(from), "{from}");
            let source = Source::new(&text.replacen(from, to, 1), Path::new("mine.toml"), None).unwrap();
            let error = AmplificationExperiment::parse(source).unwrap_err();
            let mut message = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                message += &format!(": {source}");
            }
            assert!(message.starts_with("mine.toml: ") && message.contains(part), "{message}");
        }
    }
}
