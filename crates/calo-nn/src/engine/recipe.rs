//! What is trained and how: a family's configuration beside the settings of the optimisers.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use toml::{Table, Value};

use super::family::{FamilyConfig, StateDict};
use super::field::{error, within};
use super::old_names;
use super::optim::OptimConfig;
use super::tables::{Tables, overlay, parse_table, to_table};
use crate::components::Grid;
use crate::families;
use crate::parameters::{Parameters, checkpoint};
use crate::{Error, Result};

/// What a weights file's metadata call the recipe; its value is JSON.
const RECIPE_KEY: &str = "calo.recipe";
/// What earlier versions called its parts.
const OLD_KEYS: [(&str, &str); 2] = [("calo.model", "model"), ("calo.training", "training")];

/// What is trained and how; where the showers come from is left open.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The family's part.
    pub family: Box<dyn FamilyConfig>,
    /// The optimisers' part.
    pub optim: OptimConfig,
}

impl Recipe {
    /// The recipe of these tables for the family called `family`, with showers on `grid` where that is given.
    ///
    /// # Errors
    /// [`Error::Field`] for a family that is not there, an unknown field, a value that cannot be.
    pub fn from_tables(family: &str, tables: &Tables, grid: Option<Grid>) -> Result<Self> {
        let entry = families::find(family)?;
        let family = (entry.configure)(tables, grid)?;
        let mut optim = to_table("optim", &family.default_optim())?;
        overlay(&mut optim, tables.optim.clone());
        let recipe = Self { family, optim: parse_table("optim", &optim)? };
        recipe.validate()?;
        Ok(recipe)
    }

    /// The same as tables, all defaults spelled out.
    ///
    /// # Errors
    /// A number that a file cannot hold.
    pub fn tables(&self) -> Result<Tables> {
        Ok(Tables { optim: to_table("optim", &self.optim)?, ..self.family.tables()? })
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`] naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        self.family.validate()?;
        // The engine counts on at least one of each.
        for (field, n) in [
            ("phases", self.family.phases(self.optim.epochs).len()),
            ("exported", self.family.exported().len()),
        ] {
            if n == 0 {
                return Err(error(field, 0, "at least one, said by the family"));
            }
        }
        within("optim", self.optim.validate(&self.family.groups()))
    }

    /// Epochs of all phases.
    pub fn epochs(&self) -> u32 {
        self.family.phases(self.optim.epochs).iter().map(|phase| phase.epochs).sum()
    }

    /// An error where a file that somebody wrote names a field as earlier versions did.
    ///
    /// # Errors
    /// [`Error::Field`] with the name of today.
    pub fn refuse_old_names(family: &str, file: &Table) -> Result<()> {
        old_names::refuse(file, families::find(family)?.old_names)
    }

    /// Calls the fields of a file of an earlier version as they are called today.
    ///
    /// # Errors
    /// [`Error::Field`] for a family that is not there.
    pub fn replace_old_names(family: &str, file: &mut Table) -> Result<()> {
        old_names::replace(file, families::find(family)?.old_names);
        Ok(())
    }

    /// Checks that `tensors` are the exported weights of this recipe.
    ///
    /// # Errors
    /// [`Error::Operand`] and [`Error::Parameter`] for tensors of other names or shapes than the networks have.
    pub fn check_weights(&self, tensors: &StateDict) -> Result<()> {
        self.weights(tensors).map(drop)
    }

    fn weights(&self, tensors: &StateDict) -> Result<Parameters> {
        let parameters = Parameters::new(0, DType::F32, &Device::Cpu);
        self.family.sampler(&parameters.path())?;
        parameters.restore(tensors)?;
        Ok(parameters)
    }

    /// Writes `tensors` as weights of this recipe, as [`Trainer::save_weights`](super::Trainer::save_weights) does; the
    /// number of weights.
    ///
    /// # Errors
    /// [`Error::Operand`] and [`Error::Parameter`] for tensors of other names or shapes than the networks have;
    /// [`Error::Io`] when the disk is full.
    pub fn write_weights(
        &self,
        path: &Path,
        tensors: &StateDict,
        provenance: &BTreeMap<String, String>,
    ) -> Result<usize> {
        let parameters = self.weights(tensors)?;
        let mut metadata = provenance.clone();
        metadata.extend([self.to_metadata()?]);
        checkpoint::save(path, &parameters.state(), &metadata)?;
        Ok(parameters.n_weights())
    }

    /// The first table in which two recipes differ, or the family.
    pub(super) fn first_difference(&self, other: &Self) -> Result<Option<&'static str>> {
        let (ours, theirs) = (self.tables()?, other.tables()?);
        let pairs = [
            ("family", self.family.family() == other.family.family()),
            ("model", ours.model == theirs.model),
            ("losses", ours.losses == theirs.losses),
            ("schedule", ours.schedule == theirs.schedule),
            ("optim", ours.optim == theirs.optim),
        ];
        Ok(pairs.into_iter().find(|(_, is_same)| !is_same).map(|(name, _)| name))
    }

    /// What stands in the metadata of weights.
    pub(super) fn to_metadata(&self) -> Result<(String, String)> {
        let header = Header::new(self.family.family(), self.tables()?);
        let json = serde_json::to_string(&header).map_err(|e| Error::Field {
            field: RECIPE_KEY.to_owned(),
            value: e.to_string(),
            expected: "values that JSON can hold".to_owned(),
        })?;
        Ok((RECIPE_KEY.to_owned(), json))
    }

    /// The recipe in the metadata of weights, of this version or an earlier one; none where there is none.
    pub(super) fn from_metadata(metadata: &BTreeMap<String, String>) -> Option<Result<Self>> {
        let header = match metadata.get(RECIPE_KEY) {
            Some(text) => parse_json(RECIPE_KEY, text).and_then(|header| parse_table(RECIPE_KEY, &header)),
            None => old_header(metadata)?,
        };
        Some(header.and_then(|Header { family, model, losses, schedule, optim }| {
            Self::from_tables(&family, &Tables { model, losses, schedule, optim }, None)
        }))
    }
}

impl PartialEq for Recipe {
    /// Equal by all that a file says.
    fn eq(&self, other: &Self) -> bool {
        matches!(self.first_difference(other), Ok(None))
    }
}

/// A recipe as it stands in a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    family: String,
    model: Table,
    losses: Table,
    schedule: Table,
    optim: Table,
}

impl Header {
    fn new(family: &str, Tables { model, losses, schedule, optim }: Tables) -> Self {
        Self { family: family.to_owned(), model, losses, schedule, optim }
    }
}

/// Earlier versions knew one family and kept two values of JSON.
fn old_header(metadata: &BTreeMap<String, String>) -> Option<Result<Header>> {
    metadata.get(OLD_KEYS[0].0)?;
    let mut file = Table::new();
    for (key, name) in OLD_KEYS {
        match metadata.get(key).map(|text| parse_json(key, text)) {
            Some(Ok(part)) => file.insert(name.to_owned(), Value::Table(part)),
            Some(Err(error)) => return Some(Err(error)),
            None => None,
        };
    }
    let family = families::DEFAULT;
    let tables = Recipe::replace_old_names(family, &mut file).and_then(|()| parse_table("weights", &file));
    Some(tables.map(|tables| Header::new(family, tables)))
}

/// A JSON object as a table; what is null is left out.
fn parse_json(key: &str, text: &str) -> Result<Table> {
    let wrong = |problem: String| Error::Field {
        field: key.to_owned(),
        value: problem,
        expected: "what calo writes".to_owned(),
    };
    let mut json: Json = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
    drop_nulls(&mut json);
    serde_json::from_value(json).map_err(|e| wrong(e.to_string()))
}

fn drop_nulls(json: &mut Json) {
    match json {
        Json::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Json::Array(values) => values.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
