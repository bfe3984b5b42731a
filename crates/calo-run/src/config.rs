//! The file that describes a run entirely, and the overrides of its fields.

use std::fs;
use std::path::Path;

use calo_core::Detector;
use calo_metrics::OBSERVABLES;
use calo_nn::engine::{Recipe, Tables};
use calo_nn::families;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::error::{Context as _, ensure};
use crate::{Error, Result};

/// One run: what is trained, on which detector, how.
#[derive(Debug, Clone, PartialEq)]
pub struct RunConfig {
    /// Name of the model in tables and legends.
    pub name: String,
    /// Name or path of the detector.
    pub detector: String,
    /// Seed of weights, noise and order of the showers.
    pub seed: u64,
    /// The networks and how they are trained.
    pub recipe: Recipe,
    /// The showers.
    pub data: DataConfig,
    /// What is compared after an epoch.
    pub validation: ValidationConfig,
    /// What is kept, and what is logged.
    pub checkpoints: CheckpointConfig,
}

/// The same as a file holds it. What belongs to the family is read by the family.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    name: String,
    detector: String,
    #[serde(default = "one")]
    seed: u64,
    #[serde(default = "default_family")]
    family: String,
    #[serde(default)]
    model: Table,
    #[serde(default)]
    losses: Table,
    #[serde(default)]
    schedule: Table,
    #[serde(default)]
    optim: Table,
    #[serde(default)]
    data: DataConfig,
    #[serde(default)]
    validation: ValidationConfig,
    #[serde(default)]
    checkpoints: CheckpointConfig,
}

fn default_family() -> String {
    families::DEFAULT.to_owned()
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
    /// Seed of the split: the same showers are held out whatever the seed of the run.
    pub split_seed: u64,
    /// About as many showers are in memory and shuffled at a time.
    pub group_showers: usize,
    /// Passes over the training showers that make an epoch: with few showers more than one, because each epoch is saved.
    #[serde(skip_serializing_if = "is_one")]
    pub passes_per_epoch: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
fn is_one(n: &u32) -> bool {
    *n == 1
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { split: [0.8, 0.1, 0.1], split_seed: 1, group_showers: 8192, passes_per_epoch: 1 }
    }
}

/// What is compared after an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationConfig {
    /// Epochs from one validation to the next; 0 for none.
    pub every_epochs: u32,
    /// First epoch that is validated.
    pub first_epoch: u32,
    /// At most so many showers of the full spectrum, and of each energy.
    pub max_showers: usize,
    /// Showers that the model makes of the full spectrum, with the energies of the validation showers again and again;
    /// as many as these without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n_generated: Option<usize>,
    /// Observables whose mean Jensen-Shannon divergence chooses the best epoch. Without any the score S_JSD does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choose_by: Vec<String>,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { every_epochs: 1, first_epoch: 1, max_showers: 5000, n_generated: None, choose_by: Vec::new() }
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
    /// A run of `recipe` called `name`, all else by default.
    pub(crate) fn of_recipe(name: &str, detector: &str, recipe: Recipe) -> Self {
        Self {
            name: name.to_owned(),
            detector: detector.to_owned(),
            seed: one(),
            recipe,
            data: DataConfig::default(),
            validation: ValidationConfig::default(),
            checkpoints: CheckpointConfig::default(),
        }
    }

    /// Reads `path`, puts the `NAME=VALUE`s of `overrides` in, and checks everything.
    ///
    /// # Errors
    /// A file that cannot be read or is no TOML, an unknown key, a value that cannot be, a grid that is not the detector's.
    pub fn load(path: &Path, overrides: &[String]) -> Result<(Self, Detector)> {
        let text = fs::read_to_string(path).map_err(|e| calo_core::Error::io(path, "read", e))?;
        Self::parse(&text, path, overrides)
    }

    /// The same for `text`, which stands in `path`.
    ///
    /// # Errors
    /// As [`RunConfig::load`].
    pub fn parse(text: &str, path: &Path, overrides: &[String]) -> Result<(Self, Detector)> {
        let place = path.display();
        let mut table: Table = text.parse().with_context(|| format!("{place}: is no TOML"))?;
        for given in overrides {
            set(&mut table, given)?;
        }
        let family = families::find(&family_of(&table));
        let checked = family.and_then(|family| family.refuse_old_names(&table));
        checked.with_context(|| place.to_string())?;
        let read = Self::from_table(table.clone(), path)?;
        for given in overrides {
            refuse_unknown(&table, given, path)?;
        }
        Ok(read)
    }

    /// Reads the configuration in a run folder, which an earlier version may have written.
    ///
    /// # Errors
    /// As [`RunConfig::load`].
    pub fn read(path: &Path) -> Result<Self> {
        Ok(Self::from_table(Self::read_table(path)?, path)?.0)
    }

    /// What the configuration in a run folder says, fields by their names of today.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, or names an unknown family.
    pub fn read_table(path: &Path) -> Result<Table> {
        let text = fs::read_to_string(path).map_err(|e| calo_core::Error::io(path, "read", e))?;
        let place = path.display();
        let mut table: Table = text.parse().with_context(|| format!("{place}: is no TOML"))?;
        let family = families::find(&family_of(&table)).with_context(|| place.to_string())?;
        family.replace_old_names(&mut table);
        Ok(table)
    }

    fn from_table(table: Table, path: &Path) -> Result<(Self, Detector)> {
        let place = path.display();
        let mut file: ConfigFile =
            table.try_into().with_context(|| format!("{place}: is not a valid configuration of a run"))?;
        // A file of the user's own is looked for beside the configuration first, then in the current folder.
        let beside =
            path.parent().map(|folder| folder.join(&file.detector)).filter(|beside| beside.is_file());
        if let Some(beside) = beside {
            file.detector = beside.display().to_string();
        }
        let detector =
            Detector::load(&file.detector).with_context(|| format!("{place}: field `detector`"))?;
        let grid = detector.grid.shape();
        let ConfigFile { model, losses, schedule, optim, .. } = file;
        if let Some(named) = model.get("grid") {
            let is_same = named.clone().try_into().is_ok_and(|named: [usize; 3]| named == grid);
            ensure!(
                is_same,
                "{place}: field `model.grid`: {named}; expected {grid:?}, the grid of detector {}, or to be left out",
                detector.name
            );
        }
        let tables = Tables { model, losses, schedule, optim };
        let family = families::find(&file.family);
        let recipe = family.and_then(|family| Recipe::from_tables(family, &tables, Some(grid)));
        let config = Self {
            name: file.name,
            detector: file.detector,
            seed: file.seed,
            recipe: recipe.with_context(|| place.to_string())?,
            data: file.data,
            validation: file.validation,
            checkpoints: file.checkpoints,
        };
        config.validate(&detector).with_context(|| place.to_string())?;
        Ok((config, detector))
    }

    fn validate(&self, detector: &Detector) -> Result<()> {
        let DataConfig { group_showers, passes_per_epoch, .. } = self.data;
        let CheckpointConfig { every_steps, log_every_steps, keep_epochs } = self.checkpoints;
        let counts = [
            ("data.group_showers", group_showers as u64),
            ("data.passes_per_epoch", passes_per_epoch.into()),
            ("validation.n_generated", self.validation.n_generated.unwrap_or(1) as u64),
            ("validation.max_showers", self.validation.max_showers as u64),
            ("checkpoints.every_steps", every_steps),
            ("checkpoints.log_every_steps", log_every_steps),
            ("checkpoints.keep_epochs", if keep_epochs == KeepEpochs::Last(0) { 0 } else { 1 }),
        ];
        for (field, value) in counts {
            ensure!(value > 0, "field `{field}`: 0; expected at least 1");
        }
        let binned = || OBSERVABLES.iter().filter(|one| detector.binning.get(one.binning).is_some());
        for id in &self.validation.choose_by {
            let known = || binned().map(|one| one.info.id.to_string()).collect::<Vec<_>>().join(", ");
            ensure!(
                binned().any(|one| one.info.id == *id),
                "field `validation.choose_by`: `{id}`; expected observables with bins in detector {}: {}",
                detector.name,
                known()
            );
        }
        Ok(())
    }

    /// The same as a file, all defaults spelled out.
    ///
    /// # Errors
    /// A number that TOML cannot hold.
    pub fn to_toml(&self) -> Result<String> {
        let Tables { model, losses, schedule, optim } = self.recipe.tables()?;
        let file = ConfigFile {
            name: self.name.clone(),
            detector: self.detector.clone(),
            seed: self.seed,
            family: self.recipe.family.family().to_owned(),
            model,
            losses,
            schedule,
            optim,
            data: self.data,
            validation: self.validation.clone(),
            checkpoints: self.checkpoints,
        };
        toml::to_string(&file).context("the configuration cannot be written as TOML")
    }
}

/// What a configuration says of its family.
fn family_of(table: &Table) -> String {
    table.get("family").and_then(Value::as_str).map_or_else(default_family, str::to_owned)
}

/// Refuses an override without a value whose field does not exist: taking it out has no effect that a user could see.
fn refuse_unknown(table: &Table, given: &str, path: &Path) -> Result<()> {
    let Some((name, _)) = given.split_once('=').filter(|(_, value)| value.trim().is_empty()) else {
        return Ok(());
    };
    let mut probe = table.clone();
    // No field has this value: a known one is refused for it, an unknown one for its name.
    set(&mut probe, &format!("{name}=\"?\""))?;
    let refused = RunConfig::from_table(probe, path).err();
    let mut next: Option<&dyn std::error::Error> = refused.as_ref().map(|error| error as _);
    while let Some(error) = next {
        if error.to_string().contains("unknown field") {
            return Err(Error::Usage(format!("--set {given}: no such field in {}", path.display())));
        }
        next = error.source();
    }
    Ok(())
}

/// Puts `a.b.c=VALUE` into `table`; a value that is no TOML is a string, and none takes the field out.
fn set(table: &mut Table, given: &str) -> Result<()> {
    let wrong = || Error::Usage(format!("--set {given}: expected NAME=VALUE, for example losses.kld=0.4"));
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
        let overrides = ["losses.kld=0.4", "model.post_processor.width=8", "name=other", "seed=3"];
        let config = load(SMALL, &overrides).unwrap();
        let tables = config.recipe.tables().unwrap();
        assert_eq!(tables.losses["kld"], Value::Float(0.4));
        assert_eq!(tables.model["post_processor"]["width"], Value::Integer(8));
        assert_eq!((config.name.as_str(), config.seed), ("other", 3));
        assert_eq!(load(&config.to_toml().unwrap(), &[]).unwrap(), config);
    }

    #[test]
    fn an_override_without_a_value_takes_a_field_out() {
        let text = format!("{SMALL}[model.post_processor]\nwidth = 8\n[optim]\nepochs = 7\n");
        let overrides =
            ["model.post_processor=", "optim.epochs= ", "data.split=", "model.profile_critic.units="];
        let config = load(&text, &overrides).unwrap();
        assert_eq!(config, load(SMALL, &[]).unwrap());
    }

    #[test]
    fn bad_values_are_named() {
        for (override_, part) in [
            ("model.autoencoder.widht=8", "widht"),
            ("model.autoencoder.width=0", "width"),
            ("losses.kld=-1", "losses.kld"),
            ("training.losses.kld=1", "`losses`"),
            ("training.rates.critic=1e-3", "`optim.learning_rate`"),
            ("model.autoencoder.encoded=8", "`model.autoencoder.n_encoded`"),
            ("family=nada", "`bib-ae`"),
            ("optim.learning_rate.decoder=1e-3", "learning_rate.decoder"),
            ("model.grid=[30, 10, 10]", "model.grid"),
            ("optim.nofield=", "--set optim.nofield=: no such field"),
            ("losses.nofield=", "no such field"),
            ("training=", "no such field"),
            ("optim.learning_rate.critic=-1", "`optim.learning_rate.critic`: -1"),
            ("checkpoints.every_steps=0", "every_steps"),
            ("checkpoints.keep_epochs=0", "keep_epochs"),
            ("seed", "NAME=VALUE"),
            ("name.x=1", "NAME=VALUE"),
        ] {
            let message = full_message(&load(SMALL, &[override_]).unwrap_err());
            assert!(message.contains(part), "{override_}: {message}");
        }
    }

    /// Run folders of the first version are read by the table of old names.
    #[test]
    fn configurations_of_shipped_models_are_read() {
        for (name, kld) in [("beta-0.05", 0.05), ("beta-0.4", 0.4)] {
            let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models/photons");
            let path = models.join(name).join("config.toml");
            let config = RunConfig::read(&path).unwrap();
            let tables = config.recipe.tables().unwrap();
            assert_eq!(tables.losses["kld"], Value::Float(kld));
            assert_eq!(tables.losses["staged_activation"]["first_steps"], Value::Integer(450));
            assert_eq!(tables.schedule["lr_warmup_steps"], Value::Integer(200));
            assert_eq!(tables.optim["ema_decay"], Value::Float(0.995));
            let message = full_message(&RunConfig::load(&path, &[]).unwrap_err());
            assert!(message.contains("a name of earlier versions"), "{message}");
        }
    }
}
