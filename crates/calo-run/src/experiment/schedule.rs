//! The schedule of a profile for fewer showers than it is made for: as many steps.
//!
//! An epoch of fewer showers has fewer steps, and it is steps that critics and decoder need: on 2700 Geant4 showers the
//! epochs made for 4800 left a classifier an AUC of 0.98, as many steps one of 0.87 (`docs/results/history.md`).

use toml::{Table, Value};

use crate::Result;
use crate::error::Context as _;

/// What of a configuration is counted in epochs, with the defaults of `calo train`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Schedule {
    epochs: u64,
    lr_decay: f64,
    first_validated: u64,
    validated_every: u64,
}

impl Schedule {
    /// # Errors
    /// No epochs or no decay in `config`.
    fn of(config: &Table) -> Result<Self> {
        let value = |table: &str, field: &str| config.get(table).and_then(|table| table.get(field));
        let count =
            |table, field| value(table, field).and_then(Value::as_integer).and_then(|n| n.try_into().ok());
        Ok(Self {
            epochs: count("optim", "epochs").context("no `optim.epochs`")?,
            lr_decay: value("optim", "lr_decay").and_then(Value::as_float).context("no `optim.lr_decay`")?,
            first_validated: count("validation", "first_epoch").unwrap_or(1),
            validated_every: count("validation", "every_epochs").unwrap_or(1),
        })
    }

    /// The same with `factor` times the epochs: rates end where they did, validated epochs are as many steps apart as
    /// whole epochs allow, and the last is one of them.
    fn stretched(self, factor: f64) -> Self {
        let times = |n: u64| ((n as f64 * factor).round() as u64).max(1);
        let epochs = times(self.epochs);
        let lr_decay = self.lr_decay.powf(self.epochs as f64 / epochs as f64);
        let (first, every) = (times(self.first_validated), times(self.validated_every));
        Self {
            epochs,
            lr_decay: (lr_decay * 1e4).round() / 1e4,
            first_validated: epochs - (epochs - first) / every * every,
            validated_every: every,
        }
    }
}

/// Fields of `config`, which is made for `made_for` showers, as `calo train --set` takes them, for `n` showers; none where
/// there are as many or more.
///
/// # Errors
/// A configuration without a schedule.
pub(super) fn as_many_steps(config: &Table, made_for: u64, n: u64) -> Result<Vec<String>> {
    if n == 0 || n >= made_for {
        return Ok(Vec::new());
    }
    let Schedule { epochs, lr_decay, first_validated, validated_every } =
        Schedule::of(config)?.stretched(made_for as f64 / n as f64);
    Ok(vec![
        format!("optim.epochs={epochs}"),
        format!("optim.lr_decay={lr_decay}"),
        format!("validation.first_epoch={first_validated}"),
        format!("validation.every_epochs={validated_every}"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(validation: &str) -> Table {
        format!("[optim]\nepochs = 26\nlr_decay = 0.9\n{validation}").parse().unwrap()
    }

    #[test]
    fn fewer_showers_are_seen_more_often() {
        let config = config("[validation]\nfirst_epoch = 8\nevery_epochs = 2");
        let found = as_many_steps(&config, 4800, 2700).unwrap();
        let expected = [
            "optim.epochs=46",
            "optim.lr_decay=0.9422",
            "validation.first_epoch=14",
            "validation.every_epochs=4",
        ];
        assert_eq!(found, expected);
        assert!(as_many_steps(&config, 4800, 4800).unwrap().is_empty());
        assert!(as_many_steps(&config, 4800, 100_000).unwrap().is_empty());
        assert!(as_many_steps(&Table::new(), 4800, 2700).unwrap_err().to_string().contains("optim.epochs"));
    }

    #[test]
    fn the_last_epoch_is_validated_and_rates_end_where_they_did() {
        for (validation, n) in
            [("", 17), ("[validation]\nfirst_epoch = 8\nevery_epochs = 2", 4799), ("", 3333)]
        {
            let schedule = Schedule::of(&config(validation)).unwrap();
            let stretched = schedule.stretched(4800.0 / f64::from(n));
            let Schedule { epochs, first_validated, validated_every, .. } = stretched;
            assert!(
                first_validated >= 1 && (epochs - first_validated).is_multiple_of(validated_every),
                "{stretched:?}"
            );
            let n_validated = |s: Schedule| ((s.epochs - s.first_validated) / s.validated_every + 1) as f64;
            let ratio = n_validated(stretched) / n_validated(schedule);
            assert!((0.6..1.6).contains(&ratio), "{stretched:?}");
            let end = |s: Schedule| s.lr_decay.ln() * s.epochs as f64;
            let rounded = 0.5e-4 * epochs as f64 / stretched.lr_decay;
            assert!((end(stretched) - end(schedule)).abs() <= rounded, "{stretched:?}");
        }
    }
}
