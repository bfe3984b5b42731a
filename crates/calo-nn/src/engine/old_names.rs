//! Fields of a configuration that had another name in earlier versions.
//!
//! Files written by users must use the new names; run folders and headers of weights may use either.

use toml::{Table, Value};

use crate::{Error, Result};

/// The old and the new name of a field, both as paths from the top of a configuration: `training.rates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OldName {
    /// What earlier versions wrote.
    pub old: &'static str,
    /// Its current name. A table is merged into the one that is already there.
    pub new: &'static str,
}

const fn name(old: &'static str, new: &'static str) -> OldName {
    OldName { old, new }
}

/// What the engine's own fields were called, whatever the family.
pub(super) const OF_ENGINE: &[OldName] = &[
    name("training.epochs", "optim.epochs"),
    name("training.batch_showers", "optim.batch_showers"),
    name("training.rates", "optim.learning_rate"),
    name("training.rate_decay", "optim.lr_decay"),
    name("training.betas", "optim.betas"),
    name("training.weight_average", "optim.ema_decay"),
];

/// An error for the first field of `table` that has an old name, in the order of `names`.
pub(crate) fn refuse(table: &Table, names: &[OldName]) -> Result<()> {
    match names.iter().find(|name| get(table, name.old).is_some()) {
        None => Ok(()),
        Some(OldName { old, new }) => Err(Error::Field {
            field: (*old).to_owned(),
            value: "a name of earlier versions".to_owned(),
            expected: format!("`{new}`"),
        }),
    }
}

/// Renames the fields of `table` to their new names.
pub(crate) fn replace(table: &mut Table, names: &[OldName]) {
    for OldName { old, new } in names {
        if let Some(value) = take(table, old) {
            put(table, new, value);
        }
    }
}

fn get<'a>(table: &'a Table, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        None => table.get(path),
        Some((first, rest)) => get(table.get(first)?.as_table()?, rest),
    }
}

/// Removes and returns the value, and removes the table around it if that is empty then.
fn take(table: &mut Table, path: &str) -> Option<Value> {
    let Some((first, rest)) = path.split_once('.') else { return table.remove(path) };
    let inner = table.get_mut(first)?.as_table_mut()?;
    let value = take(inner, rest);
    if value.is_some() && inner.is_empty() {
        table.remove(first);
    }
    value
}

fn put(table: &mut Table, path: &str, value: Value) {
    if let Some((first, rest)) = path.split_once('.') {
        if let Value::Table(inner) = table.entry(first).or_insert_with(|| Value::Table(Table::new())) {
            put(inner, rest, value);
        }
        return;
    }
    match (table.get_mut(path), value) {
        (Some(Value::Table(there)), Value::Table(more)) => there.extend(more),
        (_, value) => {
            table.insert(path.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[OldName] = &[
        OldName { old: "training.losses.kld_start", new: "losses.annealing.start" },
        OldName { old: "training.losses", new: "losses" },
        OldName { old: "training.epochs", new: "optim.epochs" },
    ];

    #[test]
    fn fields_move_and_what_stands_there_stays() {
        let old = "[training]\nepochs = 3\nlosses = { kld = 1.0, kld_start = 2.0 }\n[losses]\nmmd = 4.0\n";
        let mut table: Table = old.parse().unwrap();
        let message = refuse(&table, NAMES).unwrap_err().to_string();
        assert!(
            message.contains("`training.losses.kld_start`") && message.contains("`losses.annealing.start`")
        );
        replace(&mut table, NAMES);
        let new = "[losses]\nkld = 1.0\nmmd = 4.0\nannealing = { start = 2.0 }\n[optim]\nepochs = 3\n";
        assert_eq!(table, new.parse().unwrap());
        refuse(&table, NAMES).unwrap();
    }
}
