//! The file that describes a run entirely, and the overrides of its fields.

use std::fs;
use std::path::Path;

use calo_data::Detector;
use calo_nn::training::{ModelConfig, TrainingConfig};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::error::{Context as _, ensure};
use crate::{Error, Result};

/// One run: what is trained, on which detector, how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Name of the model in tables and legends.
    pub name: String,
    /// Name or path of the detector.
    pub detector: String,
    /// Seed of weights, noise and order of the showers.
    #[serde(default = "one")]
    pub seed: u64,
    /// The networks.
    #[serde(default)]
    pub model: ModelConfig,
    /// How they are trained.
    #[serde(default)]
    pub training: TrainingConfig,
    /// The showers.
    #[serde(default)]
    pub data: DataConfig,
    /// What is compared after an epoch.
    #[serde(default)]
    pub validation: ValidationConfig,
    /// What is kept, and what is logged.
    #[serde(default)]
    pub checkpoints: CheckpointConfig,
}

fn one() -> u64 {
    1
}

/// Which showers are trained on, and in what order.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Fractions of training, validation and test.
    pub split: [f64; 3],
    /// Seed of the split: the same showers are held out whatever the seed of the training.
    pub split_seed: u64,
    /// About as many showers are in memory and shuffled at a time.
    pub group_showers: usize,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { split: [0.8, 0.1, 0.1], split_seed: 1, group_showers: 8192 }
    }
}

/// What is compared after an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationConfig {
    /// Epochs from one validation to the next; 0 for none.
    pub every_epochs: u32,
    /// First epoch that is validated.
    pub first_epoch: u32,
    /// At most so many showers of the full spectrum, and of each energy.
    pub max_showers: usize,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { every_epochs: 1, first_epoch: 1, max_showers: 5000 }
    }
}

/// What is kept, and what is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckpointConfig {
    /// Training steps from one checkpoint to the next; epochs end with one too.
    pub every_steps: u64,
    /// Epochs whose weights are kept: all of them, or the last so many and the best.
    pub keep_epochs: KeepEpochs,
    /// Training steps from one line of the log to the next.
    pub log_every_steps: u64,
}

/// `"all"`, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeepEpochs {
    /// `"all"`.
    Named(All),
    /// So many, and the best.
    Last(u32),
}

/// The word `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum All {
    /// `"all"`.
    All,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { every_steps: 1000, keep_epochs: KeepEpochs::Named(All::All), log_every_steps: 10 }
    }
}

impl RunConfig {
    /// Reads `path`, puts the `NAME=VALUE`s of `overrides` in, and checks everything.
    ///
    /// # Errors
    /// A file that cannot be read or is no TOML, an unknown key, a value that cannot be, a grid that is not the detector's.
    pub fn load(path: &Path, overrides: &[String]) -> Result<(Self, Detector)> {
        let text = fs::read_to_string(path).map_err(|e| calo_data::Error::io(path, "read", e))?;
        let place = path.display();
        let mut table: Table = text.parse().with_context(|| format!("{place}: is no TOML"))?;
        for given in overrides {
            set(&mut table, given)?;
        }
        let names_grid = table.get("model").is_some_and(|model| model.get("grid").is_some());
        let config: Self =
            table.try_into().with_context(|| format!("{place}: is no description of a training"))?;
        let detector = Detector::load(&config.detector)?;
        let grid = detector.grid.shape();
        ensure!(
            !names_grid || config.model.grid == grid,
            "{place}: field `model.grid`: {:?}; expected {grid:?}, the grid of detector {}, or to be left out",
            config.model.grid,
            detector.name
        );
        let config = Self { model: config.model.on_grid(grid), ..config };
        config.validate().with_context(|| place.to_string())?;
        Ok((config, detector))
    }

    fn validate(&self) -> Result<()> {
        self.model.validate().context("model")?;
        self.training.validate().context("training")?;
        let DataConfig { group_showers, .. } = self.data;
        let CheckpointConfig { every_steps, log_every_steps, keep_epochs } = self.checkpoints;
        let counts = [
            ("data.group_showers", group_showers as u64),
            ("validation.max_showers", self.validation.max_showers as u64),
            ("checkpoints.every_steps", every_steps),
            ("checkpoints.log_every_steps", log_every_steps),
            ("checkpoints.keep_epochs", if keep_epochs == KeepEpochs::Last(0) { 0 } else { 1 }),
        ];
        for (field, value) in counts {
            ensure!(value > 0, "field `{field}`: 0; expected at least 1");
        }
        Ok(())
    }

    /// The same as a file, all defaults spelled out.
    ///
    /// # Errors
    /// A number that TOML cannot hold.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).context("the configuration cannot be written as TOML")
    }
}

/// Puts `a.b.c=VALUE` into `table`; a value that is no TOML is a string, and none takes the field out.
fn set(table: &mut Table, given: &str) -> Result<()> {
    let wrong =
        || Error::Usage(format!("--set {given}: expected NAME=VALUE, for example training.losses.kld=0.4"));
    let (name, text) = given.split_once('=').ok_or_else(wrong)?;
    let value = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    let value = value.or_else(|| (!text.trim().is_empty()).then(|| Value::String(text.to_owned())));
    let mut place = table;
    let mut keys = name.split('.').map(str::trim);
    let last = keys.next_back().filter(|key| !key.is_empty()).ok_or_else(wrong)?;
    for key in keys {
        if value.is_none() && !place.contains_key(key) {
            return Ok(());
        }
        let inner = place.entry(key).or_insert_with(|| Value::Table(Table::new()));
        place = inner.as_table_mut().ok_or_else(wrong)?;
    }
    match value {
        Some(value) => place.insert(last.to_owned(), value),
        None => place.remove(last),
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, overrides: &[&str]) -> Result<RunConfig> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.toml");
        fs::write(&path, text).unwrap();
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        Ok(RunConfig::load(&path, &overrides)?.0)
    }

    fn full_message(error: &Error) -> String {
        let mut source: Option<&dyn std::error::Error> = Some(error);
        let mut messages = Vec::new();
        while let Some(error) = source {
            messages.push(error.to_string());
            source = error.source();
        }
        messages.join(": ")
    }

    const SMALL: &str = "name = \"test\"\ndetector = \"ild-ecal\"\n";

    #[test]
    fn overrides_win_and_what_is_written_is_read_again() {
        let overrides = ["training.losses.kld=0.4", "model.post_processor.width=8", "name=other", "seed=3"];
        let config = load(SMALL, &overrides).unwrap();
        assert!((config.training.losses.kld - 0.4).abs() < 1e-12);
        assert_eq!(config.model.post_processor.as_ref().unwrap().width, 8);
        assert_eq!((config.name.as_str(), config.seed), ("other", 3));
        assert_eq!(load(&config.to_toml().unwrap(), &[]).unwrap(), config);
    }

    #[test]
    fn an_override_without_a_value_takes_a_field_out() {
        let text = format!("{SMALL}[model.post_processor]\nwidth = 8\n[training]\nepochs = 7\n");
        let overrides =
            ["model.post_processor=", "training.epochs= ", "data.split=", "model.profile_critic.units="];
        let config = load(&text, &overrides).unwrap();
        assert_eq!(config, load(SMALL, &[]).unwrap());
    }

    #[test]
    fn bad_values_are_named() {
        for (override_, part) in [
            ("model.autoencoder.widht=8", "widht"),
            ("model.autoencoder.width=0", "width"),
            ("training.losses.kld=-1", "kld"),
            ("model.grid=[30, 10, 10]", "model.grid"),
            ("checkpoints.every_steps=0", "every_steps"),
            ("checkpoints.keep_epochs=0", "keep_epochs"),
            ("seed", "NAME=VALUE"),
            ("name.x=1", "NAME=VALUE"),
        ] {
            let message = full_message(&load(SMALL, &[override_]).unwrap_err());
            assert!(message.contains(part), "{override_}: {message}");
        }
    }
}
