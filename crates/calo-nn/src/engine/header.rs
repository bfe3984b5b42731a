//! A recipe in the metadata of weights, as this version writes it or as the first ones did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use toml::{Table, Value};

use super::family::FamilyEntry;
use super::tables::{Tables, parse_table};
use crate::{Error, Result};

/// Key of the recipe in the metadata of a weights file; the value is JSON.
const RECIPE_KEY: &str = "calo.recipe";
/// Keys of its parts in files of the first versions, and the tables they became.
const OLD_KEYS: [(&str, &str); 2] = [("calo.model", "model"), ("calo.training", "training")];

/// The recipe in some metadata, read before its family is known.
#[derive(Debug)]
pub(super) enum RecipeHeader {
    /// As this version writes it.
    Named { family: String, tables: Tables },
    /// As the first versions wrote it: for the only family they had, with other names for some fields.
    Unnamed(Table),
}

impl RecipeHeader {
    /// Reads the metadata of weights; `None` if they hold no recipe.
    pub(super) fn read(metadata: &BTreeMap<String, String>) -> Option<Result<Self>> {
        match metadata.get(RECIPE_KEY) {
            Some(text) => Some(named(text)),
            None if metadata.contains_key(OLD_KEYS[0].0) => Some(unnamed(metadata)),
            None => None,
        }
    }

    /// The family that is named.
    pub(super) fn family(&self) -> Option<&str> {
        match self {
            Self::Named { family, .. } => Some(family),
            Self::Unnamed(_) => None,
        }
    }

    /// The tables, with the current names of the fields of `family`.
    ///
    /// # Errors
    /// [`Error::Field`] for an unknown table or a value of another type.
    pub(super) fn tables(self, family: &FamilyEntry) -> Result<Tables> {
        match self {
            Self::Named { tables, .. } => Ok(tables),
            Self::Unnamed(mut file) => {
                family.replace_old_names(&mut file);
                parse_table("weights", &file)
            }
        }
    }
}

/// Key and text for the metadata of weights.
///
/// # Errors
/// [`Error::Field`] for a number that JSON cannot hold.
pub(super) fn write(family: &str, tables: Tables) -> Result<(String, String)> {
    let json = serde_json::to_string(&Header::new(family, tables))
        .map_err(|e| Error::field(RECIPE_KEY, e, "values that JSON can hold"))?;
    Ok((RECIPE_KEY.to_owned(), json))
}

fn named(text: &str) -> Result<RecipeHeader> {
    let header = parse_json(RECIPE_KEY, text)?;
    let Header { family, model, losses, schedule, optim } = parse_table(RECIPE_KEY, &header)?;
    Ok(RecipeHeader::Named { family, tables: Tables { model, losses, schedule, optim } })
}

/// Two values of JSON.
fn unnamed(metadata: &BTreeMap<String, String>) -> Result<RecipeHeader> {
    let mut file = Table::new();
    for (key, name) in OLD_KEYS {
        if let Some(text) = metadata.get(key) {
            file.insert(name.to_owned(), Value::Table(parse_json(key, text)?));
        }
    }
    Ok(RecipeHeader::Unnamed(file))
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

/// A JSON object as a table, without null values.
fn parse_json(key: &str, text: &str) -> Result<Table> {
    let wrong = |problem: String| Error::field(key, problem, "what calo writes");
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
