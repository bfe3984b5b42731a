//! Experiments of all kinds.

use super::amplification::AmplificationExperiment;
use super::built_in;
use super::description::Experiment;
use super::source::{Kind, Source};
use crate::Result;

/// An experiment of any kind; the field `kind` of its file tells.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyExperiment {
    /// Scores of candidates against a reference.
    Scores(Box<Experiment>),
    /// How many independent showers generated samples are worth.
    Amplification(Box<AmplificationExperiment>),
}

impl AnyExperiment {
    /// The built-in experiment of that name, or the one in that file.
    ///
    /// # Errors
    /// Neither; a file that is no description of an experiment, or contradicts itself.
    pub fn load(name_or_path: &str) -> Result<Self> {
        let source = Source::load(name_or_path)?;
        Ok(match source.kind()? {
            Kind::Scores => Self::Scores(Box::new(Experiment::parse(source)?)),
            Kind::Amplification => Self::Amplification(Box::new(AmplificationExperiment::parse(source)?)),
        })
    }

    /// All built-in experiments.
    ///
    /// # Errors
    /// None that a built library has.
    pub fn built_in() -> Result<Vec<Self>> {
        built_in::names().map(Self::load).collect()
    }

    /// The stem of its file.
    pub fn name(&self) -> &str {
        match self {
            Self::Scores(experiment) => experiment.name(),
            Self::Amplification(experiment) => experiment.name(),
        }
    }

    /// Heading of its page.
    pub fn title(&self) -> &str {
        match self {
            Self::Scores(experiment) => &experiment.title,
            Self::Amplification(experiment) => &experiment.title,
        }
    }

    /// The paper.
    pub fn paper(&self) -> &str {
        match self {
            Self::Scores(experiment) => &experiment.paper,
            Self::Amplification(experiment) => &experiment.paper,
        }
    }

    /// Names of its profiles, and what they are for.
    pub fn profiles(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Scores(experiment) => {
                experiment.profiles.iter().map(|profile| (&*profile.name, &*profile.about)).collect()
            }
            Self::Amplification(experiment) => {
                experiment.profiles.iter().map(|profile| (&*profile.name, &*profile.about)).collect()
            }
        }
    }
}
