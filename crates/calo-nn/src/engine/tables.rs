//! The tables of a configuration file, and conversions between them and settings.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::{Error, Result};

/// The tables of a configuration that say what is trained and how. Missing fields have the family's defaults.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tables {
    /// The networks.
    pub model: Table,
    /// Losses and their weights.
    pub losses: Table,
    /// Order and number of training steps.
    pub schedule: Table,
    /// [`OptimConfig`](super::OptimConfig).
    pub optim: Table,
}

/// Overwrites `table` with `given`, field by field.
pub(crate) fn overlay(table: &mut Table, given: Table) {
    for (key, value) in given {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(value)) => overlay(inner, value),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// Settings from the table called `section`.
///
/// # Errors
/// [`Error::Field`] for an unknown field or a value of another type.
pub(crate) fn parse_table<T: DeserializeOwned>(section: &str, table: &Table) -> Result<T> {
    table.clone().try_into().map_err(|e: toml::de::Error| Error::Field {
        field: section.to_owned(),
        value: e.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
        expected: "the settings that there are".to_owned(),
    })
}

/// The table of settings called `section`.
///
/// # Errors
/// [`Error::Field`] for a number that a file cannot hold.
pub(crate) fn to_table(section: &str, settings: &impl Serialize) -> Result<Table> {
    Table::try_from(settings).map_err(|e| Error::Field {
        field: section.to_owned(),
        value: e.to_string(),
        expected: "values that a file can hold".to_owned(),
    })
}
