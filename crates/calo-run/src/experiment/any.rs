//! Experiments of all kinds.

use super::amplification::AmplificationExperiment;
use super::built_in;
use super::description::Experiment;
use super::source::{Kind, Source};
use crate::{Error, Result};

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

    /// The experiment of that name for `particle`: itself, or where there is one for each particle, called `NAME-..`, that one.
    ///
    /// # Errors
    /// As [`AnyExperiment::load`]; no such particle, or none given where several have one.
    pub fn load_for(name_or_path: &str, particle: Option<&str>) -> Result<Self> {
        let prefix = format!("{name_or_path}-");
        let variants: Vec<&str> = built_in::names().filter(|name| name.starts_with(&prefix)).collect();
        let is_built_in = built_in::names().any(|name| name == name_or_path);
        if is_built_in || variants.is_empty() {
            let experiment = Self::load(name_or_path)?;
            return match particle {
                Some(wanted) if wanted != experiment.particle() => {
                    let has = experiment.particle();
                    let problem =
                        format!("--particle {wanted}: {name_or_path} is about {has}; expected {has}");
                    Err(Error::Usage(problem))
                }
                _ => Ok(experiment),
            };
        }
        let variants = variants.into_iter().map(Self::load).collect::<Result<Vec<_>>>()?;
        let particles = variants.iter().map(Self::particle).collect::<Vec<_>>().join(" or ");
        let Some(wanted) = particle else {
            let problem = format!("{name_or_path}: needs --particle; expected {particles}");
            return Err(Error::Usage(problem));
        };
        let problem = format!("--particle {wanted}: {name_or_path} has none; expected {particles}");
        let found = variants.into_iter().find(|experiment| experiment.particle() == wanted);
        found.ok_or(Error::Usage(problem))
    }

    /// All built-in experiments.
    ///
    /// # Errors
    /// None that a built library has.
    pub fn built_in() -> Result<Vec<Self>> {
        built_in::names().map(Self::load).collect()
    }

    /// The incident particle.
    pub fn particle(&self) -> &str {
        match self {
            Self::Scores(experiment) => &experiment.data.particle,
            Self::Amplification(experiment) => &experiment.data.particle,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_particle_chooses_among_experiments_of_one_name() {
        let name = |name: &str, particle: Option<&str>| {
            AnyExperiment::load_for(name, particle).map(|experiment| experiment.name().to_owned())
        };
        assert_eq!(name("fast-and-accurate", Some("pi+")).unwrap(), "fast-and-accurate-pions");
        assert_eq!(name("fast-and-accurate", Some("gamma")).unwrap(), "fast-and-accurate-photons");
        assert_eq!(name("fast-and-accurate-pions", None).unwrap(), "fast-and-accurate-pions");
        assert_eq!(name("table2", Some("gamma")).unwrap(), "table2");
        let message = |given: &str, particle| {
            let error = name(given, particle).unwrap_err();
            assert!(error.is_usage(), "{error}");
            error.to_string()
        };
        assert!(message("fast-and-accurate", None).ends_with("needs --particle; expected gamma or pi+"));
        assert!(message("fast-and-accurate", Some("e-")).ends_with("has none; expected gamma or pi+"));
        assert!(message("table2", Some("pi+")).ends_with("table2 is about gamma; expected gamma"));
        assert!(message("nada", Some("pi+")).contains("no such experiment"));
    }
}
