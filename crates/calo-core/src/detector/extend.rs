//! Detector files that extend a built-in one: `extends = "ild-ecal"`, then only what differs. The value
//! `false` in place of an optional table removes it.

use toml::{Table, Value};

use super::built_in::{BUILT_IN, LAYERED, names, text_of};
use crate::error::{Error, Result};

/// The detector that `text` extends and its own keys; none if it extends nothing or is not valid TOML.
pub(super) fn parts(text: &str) -> Option<(Value, Table)> {
    let mut own: Table = text.parse().ok()?;
    let base = own.remove("extends")?;
    Some((base, own))
}

/// `own` over the built-in detector named by `base`: tables are merged or removed, everything else is replaced.
///
/// # Errors
/// A name that no built-in detector has.
pub(super) fn extended(base: &Value, own: Table, place: &str) -> Result<Table> {
    let Some(text) = base.as_str().and_then(text_of) else {
        return Err(Error::Field {
            place: place.to_owned(),
            field: "extends".to_owned(),
            value: base.to_string(),
            expected: format!("one of {}, {}", names(&BUILT_IN), names(&LAYERED)),
        });
    };
    let mut table = match parts(text) {
        Some((base, own)) => extended(&base, own, place)?,
        None => text.parse().unwrap_or_default(),
    };
    merge(&mut table, own);
    Ok(table)
}

fn merge(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(inner)), Value::Table(over)) => merge(inner, over),
            (Some(Value::Table(_)), Value::Boolean(false)) => {
                table.remove(&key);
            }
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::detector::Detector;

    #[test]
    fn what_is_not_said_is_the_base() {
        let base = Detector::load("ild-ecal").unwrap();
        let text = "extends = 'ild-ecal'\nname = 'thin'\n[readout]\ncell_cut_mev = 0.05\n";
        let detector = Detector::parse(text, "thin.toml").unwrap();
        assert_eq!((detector.name.as_str(), &detector.geometry), ("thin", &base.geometry));
        assert!((detector.readout.cell_cut_mev - 0.05).abs() < 1e-12);
        assert_eq!(detector.projection, base.projection);
        // Two steps: the staggered detector extends another one itself.
        let text = "extends = 'ild-ecal-staggered'\ndescription = 'x'";
        let twice = Detector::parse(text, "x.toml").unwrap();
        assert!(twice.geometry.wafers.is_some() && twice.grid == base.grid);
        let text = "extends = 'ild-ecal-staggered'\n[geometry]\nwafers = false\n[projection]\nx.bins = 30\nstaggering = false";
        let without = Detector::parse(text, "x.toml").unwrap();
        assert!(without.geometry.wafers.is_none() && without.projection.staggering.is_none());
    }

    #[test]
    fn bad_bases_keys_and_values_are_named() {
        for (text, expected) in [
            ("extends = 'ild-ecl'", "x.toml, field `extends`: \"ild-ecl\"; expected one of ild-ecal, "),
            ("extends = 3", "field `extends`: 3;"),
            ("extends = 'ild-ecal'\nnames = 'x'", "x.toml: unknown field `names`"),
            ("extends = 'ild-ecal'\n[grid]\nlayers = 0", "field `grid.layers`: 0;"),
            ("extends = 'ild-ecal'\n[geometry]\nstack = []", "field `geometry.stack`: 0;"),
            ("extends = 'ild-ecal'\nname = ", "line 2"),
            ("extends = 'ild-ecal'\nreadout = false", "missing field `readout`"),
            ("extends = 'ild-ecal'\ngeometry.wafers = false", "invalid type: boolean `false`"),
        ] {
            let message = Detector::parse(text, "x.toml").unwrap_err().to_string();
            assert!(message.contains(expected) && !message.contains('\n'), "{message}");
        }
    }
}
