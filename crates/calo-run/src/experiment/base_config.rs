//! What a profile refers to: the configuration of the runs, and the folder of trained models.

use std::fs;
use std::path::{Path, PathBuf};

use toml::Table;

use super::description::Experiment;
use super::profile::Profile;
use super::source::Source;
use super::{built_in, schedule};
use crate::Result;
use crate::config::RunConfig;
use crate::error::Context as _;

/// The configuration of the runs of a profile.
#[derive(Debug, Clone)]
pub(super) struct BaseConfig {
    /// Its file; none where it is built in.
    file: Option<PathBuf>,
    name: String,
    text: String,
}

impl BaseConfig {
    /// That of a run in `profile` of an experiment.
    ///
    /// # Errors
    /// As [`BaseConfig::find`]; a run without one.
    pub(super) fn of(experiment: &Experiment, profile: &Profile, run: &str) -> Result<Self> {
        let config = profile.config_of(run).with_context(|| {
            format!(
                "{}: profile {}: no field `config`, and no `run.{run}.config`; expected one of them",
                experiment.source.place, profile.name
            )
        })?;
        Self::find(&experiment.source, &profile.name, config)
    }

    /// The configuration `name`, which `profile` of an experiment in `source` refers to.
    ///
    /// # Errors
    /// Neither a file beside the experiment's nor built in; a file that cannot be read.
    pub(super) fn find(source: &Source, profile: &str, name: &str) -> Result<Self> {
        let name = name.to_owned();
        let beside = source.folder.as_ref().map(|folder| folder.join(&name)).filter(|path| path.is_file());
        if let Some(path) = beside {
            let text = fs::read_to_string(&path).map_err(|e| calo_core::Error::io(&path, "read", e))?;
            return Ok(Self { file: Some(path), name, text });
        }
        let text = built_in::text(&name).with_context(|| {
            format!(
                "{}: profile {}: field `config`: {name}; expected a file beside it, or one that is built in",
                source.place, profile
            )
        })?;
        Ok(Self { file: None, name, text: text.to_owned() })
    }

    /// What its file is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it stands, for messages.
    fn place(&self) -> PathBuf {
        self.file.clone().unwrap_or_else(|| PathBuf::from(&self.name))
    }

    /// A file of it: its own, or one that is written into `folder`.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn file_in(&self, folder: &Path) -> Result<PathBuf> {
        if let Some(path) = &self.file {
            return Ok(path.clone());
        }
        let path = folder.join(&self.name);
        calo_core::write_atomically(&path, self.text.as_bytes())?;
        Ok(path)
    }

    /// The configuration of runs with these fields set.
    ///
    /// # Errors
    /// Fields or values that cannot be.
    pub(super) fn with(&self, overrides: &[String]) -> Result<RunConfig> {
        Ok(RunConfig::parse(&self.text, &self.place(), overrides)?.0)
    }

    /// What `profile` sets where `n_train` showers are trained with.
    ///
    /// # Errors
    /// A configuration without a schedule.
    pub(super) fn schedule_for(&self, profile: &Profile, n_train: u64) -> Result<Vec<String>> {
        if !profile.keeps_steps {
            return Ok(Vec::new());
        }
        let place = self.place();
        let config: Table = self.text.parse().with_context(|| format!("{}: is no TOML", place.display()))?;
        schedule::as_many_steps(&config, profile.n_train, n_train).context(place.display())
    }
}

impl Experiment {
    /// Folder of the trained models of `profile`.
    ///
    /// # Errors
    /// It has none, or they are not there.
    pub(super) fn models(&self, profile: &Profile) -> Result<PathBuf> {
        let (place, name) = (&self.source.place, &profile.name);
        let models = profile.models.as_ref().with_context(|| {
            let others = self.profiles.iter().filter(|other| other.models.is_some());
            let others = others.map(|other| other.name.as_str()).collect::<Vec<_>>().join(", ");
            format!("{place}: profile {name} has no trained models; expected one of: {others}")
        })?;
        let found = self.source.shipped(models);
        found.with_context(|| {
            format!(
                "{place}: profile {name}: {}: no such folder here or above the program; expected trained models",
                models.display()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::AnyExperiment;

    #[test]
    fn fewer_showers_than_a_profile_is_made_for_change_its_epochs() {
        let experiment = Experiment::load("table2").unwrap();
        let epochs = |name: &str, n: Option<u64>| {
            let profile = experiment.profile(name).unwrap();
            let config = BaseConfig::of(&experiment, profile, "beta-0.05").unwrap();
            let fields = config.schedule_for(profile, n.unwrap_or(profile.n_train)).unwrap();
            fields.into_iter().next().unwrap_or_default()
        };
        assert_eq!(epochs("quick", Some(2400)), "optim.epochs=52");
        assert_eq!(epochs("laptop", Some(10_000)), "optim.epochs=16");
        assert_eq!(epochs("paper", Some(10_000)), "");
        for name in ["tiny", "quick", "laptop", "paper"] {
            assert_eq!(epochs(name, None), "");
        }
    }

    #[test]
    fn all_overrides_of_built_in_experiments_are_fields() {
        for experiment in AnyExperiment::built_in().unwrap() {
            match experiment {
                AnyExperiment::Scores(experiment) => {
                    for profile in &experiment.profiles {
                        let experiment = experiment.in_profile(&profile.name).unwrap();
                        for run in &experiment.runs {
                            let config = BaseConfig::of(&experiment, profile, &run.name).unwrap();
                            let of_profile = profile.overrides_of(&run.name);
                            let all = [&of_profile[..], &profile.tuning, &run.overrides].concat();
                            config.with(&all).unwrap();
                        }
                    }
                }
                AnyExperiment::Amplification(experiment) => {
                    for profile in &experiment.profiles {
                        experiment.config(profile).unwrap().with(&profile.overrides).unwrap();
                    }
                }
            }
        }
    }

    #[test]
    fn the_ablation_goes_from_the_published_recipe_to_ours() {
        let experiment = Experiment::load("ablation").unwrap();
        let profile = experiment.profile("quick").unwrap();
        let config = |run: &str| {
            let index = experiment.run_index(run).unwrap();
            let base = BaseConfig::of(&experiment, profile, run).unwrap();
            base.with(&experiment.runs[index].overrides).unwrap().to_toml().unwrap()
        };
        let [published, ours] = ["published", "staged"].map(config);
        for departure in [
            "[model.profile_critic]",
            "[model.profile_moments]",
            "staged_activation",
            "cells = \"root\"",
            "gated_change",
            "ema_decay = 0.995",
        ] {
            assert!(ours.contains(departure) && !published.contains(departure), "{departure}\n{published}");
        }
        for field in
            ["n_critic = 5", "identity_epochs = 3", "batch_showers = 16", "width = 5", "hidden = 256"]
        {
            assert!(published.contains(field), "{field}\n{published}");
        }
        // Each adds to the one before; all but ours may end with empty showers.
        let n_set: Vec<usize> = experiment.runs.iter().map(|run| run.overrides.len()).collect();
        assert!(n_set.is_sorted_by(|a, b| a > b) && n_set.last() == Some(&0), "{n_set:?}");
        assert_eq!(experiment.runs.iter().filter(|run| run.may_die).count(), 4);
        assert_eq!(profile.seeds, Some(3));
    }

    #[test]
    fn models_are_found_above_the_program() {
        let experiment = Experiment::load("table2").unwrap();
        let models = experiment.models(experiment.profile("laptop").unwrap()).unwrap();
        assert!(models.join("beta-0.05/run.json").is_file(), "{}", models.display());
        let message = experiment.models(experiment.profile("quick").unwrap()).unwrap_err().to_string();
        assert!(message.contains("profile quick") && message.ends_with("laptop"), "{message}");
    }
}
