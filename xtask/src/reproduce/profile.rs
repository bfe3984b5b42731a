//! How large a reproduction is: configuration and number of showers.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::schedule;
use crate::flags::ProfileName;
use crate::process::root;

/// A size of the whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    pub(super) name: &'static str,
    /// Description of the trainings, in `configs/experiments`.
    config: &'static str,
    /// Folder of trained models that come with the sources.
    models: Option<&'static str>,
    /// Fields of it that this profile sets otherwise.
    pub(super) overrides: &'static [&'static str],
    /// Those that it sets otherwise where trainings begin with trained weights.
    pub(super) tuning: &'static [&'static str],
    /// Whether fewer showers than it is made for are trained with for as many steps; else for as many epochs.
    keeps_steps: bool,
    pub(super) n_showers: Counts,
    /// Parts of a real file that train, validate and are the reference, per cent.
    pub(super) fractions: &'static str,
}

/// Simulated showers. Validation and reference are of one size, since distances fall with the number of showers: the
/// divisors of S_JSD come from the one and are applied to the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    pub(super) train: u64,
    /// Full spectrum, in validation and reference each.
    pub(super) full: u64,
    /// At each fixed energy, in validation and reference each.
    pub(super) fixed: u64,
}

/// Latent variables that know their parts already are not to be closed again.
const OPEN_VARIABLES: &str = "training.losses.kld_release=";

/// A smoke test of the way from nothing to the table; its networks learn nothing.
const TINY: Profile = Profile {
    name: "tiny",
    config: "bib-ae-quick.toml",
    models: None,
    overrides: &[
        // Normalised, showers have about the energy of real ones before anything is learned.
        "model.autoencoder.decoder_layer_norm=true",
        "model.autoencoder.width=2",
        "model.autoencoder.hidden=16",
        "model.autoencoder.bottleneck=16",
        "model.autoencoder.encoded=6",
        "model.autoencoder.latent=10",
        "model.critic.width=4",
        "model.post_processor.width=8",
        "model.post_processor.condition=4",
        "training.epochs=3",
        "training.batch_showers=16",
        // There are a dozen steps in all.
        "training.critics_first_steps=1",
    ],
    tuning: &[OPEN_VARIABLES],
    keeps_steps: false,
    n_showers: Counts { train: 256, full: 64, fixed: 24 },
    fractions: "60,20,20",
};

/// Two CPU cores and minutes.
const QUICK: Profile = Profile {
    name: "quick",
    config: "bib-ae-quick.toml",
    models: None,
    overrides: &[],
    tuning: &[OPEN_VARIABLES],
    keeps_steps: true,
    n_showers: Counts { train: 4800, full: 1000, fixed: 400 },
    fractions: "60,20,20",
};

/// Two CPU cores and hours: small networks on the full grid.
const LAPTOP: Profile = Profile {
    name: "laptop",
    config: "bib-ae-laptop.toml",
    models: Some("data/models/photons"),
    overrides: &[],
    // For some thousand showers. Critics of a released model are fresh and have their steps alone.
    tuning: &[
        OPEN_VARIABLES,
        "training.epochs=16",
        "training.rate_decay=0.9",
        "training.warm_up_steps=50",
        "training.rates.autoencoder=3e-4",
        "training.rates.critic=3e-4",
        "training.rates.profile_critic=3e-4",
        "training.rates.latent_critic=6e-4",
        "training.rates.post_processor=3e-3",
        "validation.first_epoch=4",
        "validation.every_epochs=4",
    ],
    keeps_steps: true,
    n_showers: Counts { train: 20_000, full: 3000, fixed: 1000 },
    fractions: "60,20,20",
};

/// The published networks on as many showers as the paper's, for a GPU.
const PAPER: Profile = Profile {
    name: "paper",
    config: "bib-ae-paper.toml",
    models: None,
    overrides: &[],
    tuning: &[OPEN_VARIABLES],
    // The published schedule is in epochs.
    keeps_steps: false,
    n_showers: Counts { train: 900_000, full: 10_000, fixed: 4000 },
    fractions: "80,10,10",
};

impl Profile {
    pub(super) fn of(name: ProfileName) -> Self {
        match name {
            ProfileName::Tiny => TINY,
            ProfileName::Quick => QUICK,
            ProfileName::Laptop => LAPTOP,
            ProfileName::Paper => PAPER,
        }
    }

    pub(super) fn config(&self) -> PathBuf {
        root().join("configs/experiments").join(self.config)
    }

    /// Folder of the trained models that come with the sources.
    ///
    /// # Errors
    /// None come with them.
    pub(super) fn models(&self) -> Result<PathBuf> {
        let models = self.models.map(|models| root().join(models));
        models.with_context(|| {
            format!("--pretrained: no models of profile {} come with the sources; expected laptop", self.name)
        })
    }

    /// The detector of the configuration.
    ///
    /// # Errors
    /// No configuration, or one without a detector.
    pub(super) fn detector(&self) -> Result<String> {
        let (place, config) = self.read_config()?;
        let detector = config.get("detector").and_then(toml::Value::as_str);
        detector.map(str::to_owned).with_context(|| format!("{place}: no `detector`; expected its name"))
    }

    /// What it sets otherwise where `n_train` showers are trained with.
    ///
    /// # Errors
    /// No configuration, or one without a schedule.
    pub(super) fn schedule_for(&self, n_train: u64) -> Result<Vec<String>> {
        if !self.keeps_steps {
            return Ok(Vec::new());
        }
        let (place, config) = self.read_config()?;
        schedule::as_many_steps(&config, self.n_showers.train, n_train).context(place)
    }

    /// The configuration, and where it stands.
    fn read_config(&self) -> Result<(String, toml::Table)> {
        let path = self.config();
        let place = path.display().to_string();
        let text = fs::read_to_string(&path).with_context(|| format!("{place}: cannot read it"))?;
        let config = text.parse().with_context(|| format!("{place}: is no TOML"))?;
        Ok((place, config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_showers_than_a_profile_is_made_for_change_its_epochs() {
        let epochs =
            |profile: Profile, n| profile.schedule_for(n).unwrap().into_iter().next().unwrap_or_default();
        assert_eq!(epochs(QUICK, 2400), "training.epochs=52");
        assert_eq!(epochs(LAPTOP, 10_000), "training.epochs=16");
        for profile in [TINY, QUICK, LAPTOP, PAPER] {
            assert_eq!(epochs(profile, profile.n_showers.train), "");
        }
    }

    #[test]
    fn profiles_with_a_configuration_name_a_detector_that_is_there() {
        for profile in [TINY, QUICK, LAPTOP, PAPER] {
            let detector = profile.detector().unwrap();
            let path = root().join("configs/detectors").join(format!("{detector}.toml"));
            assert!(path.is_file(), "{}: {}", profile.name, path.display());
        }
    }
}
