//! One number of the validation: ours, Geant4's, how they are compared, the limit.

/// A histogram beside its floor.
#[derive(Debug)]
pub(crate) struct HistogramRow {
    pub(crate) what: String,
    pub(crate) n_showers: u64,
    pub(crate) jsd: Number,
    pub(crate) floor: Number,
    pub(crate) excess: Number,
    pub(crate) limit: Option<f64>,
}

/// A number of ours beside Geant4's.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) geant4: Option<Number>,
    pub(crate) ours: Option<Number>,
    pub(crate) digits: usize,
    pub(crate) compared: Compared,
    pub(crate) limit: Option<f64>,
}

/// How the two are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    /// By their ratio; the limit is on its distance from 1.
    Ratio,
    /// By their difference.
    Difference,
    /// Ours alone is to be small.
    Size,
    /// Ours alone is to be large.
    AtLeast,
}

/// A number with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    pub(crate) value: f64,
    pub(crate) error: f64,
}

impl HistogramRow {
    /// Whether the limit is met; none where there is no limit.
    pub(crate) fn met(&self) -> Option<bool> {
        Some(self.excess.value <= self.limit?)
    }
}

impl Row {
    /// Whether the limit is met; none where there is no limit. What could not be measured is not met.
    pub(crate) fn met(&self) -> Option<bool> {
        let limit = self.limit?;
        let Some(compared) = self.compare() else { return Some(false) };
        Some(match self.compared {
            Compared::Ratio => (compared.value - 1.0).abs() <= limit,
            Compared::Difference | Compared::Size => compared.value.abs() <= limit,
            Compared::AtLeast => compared.value >= limit,
        })
    }

    /// Ratio, difference, or ours.
    pub(crate) fn compare(&self) -> Option<Number> {
        let ours = self.ours?;
        Some(match self.compared {
            Compared::Size | Compared::AtLeast => ours,
            Compared::Difference => {
                let geant4 = self.geant4?;
                Number { value: ours.value - geant4.value, error: ours.error.hypot(geant4.error) }
            }
            Compared::Ratio => {
                let geant4 = self.geant4.filter(|geant4| geant4.value != 0.0)?;
                let value = ours.value / geant4.value;
                let error = (ours.error / geant4.value).hypot(value * geant4.error / geant4.value);
                Number { value, error: error.abs() }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(compared: Compared, geant4: f64, ours: f64, limit: f64) -> Row {
        let number = |value| Some(Number { value, error: 0.03 * value });
        Row {
            what: String::new(),
            geant4: number(geant4),
            ours: number(ours),
            digits: 2,
            compared,
            limit: Some(limit),
        }
    }

    #[test]
    fn limits_are_on_ratio_difference_or_size() {
        assert_eq!(row(Compared::Ratio, 100.0, 102.1, 0.02).met(), Some(false));
        assert_eq!(row(Compared::Ratio, 100.0, 98.1, 0.02).met(), Some(true));
        assert_eq!(row(Compared::Difference, 13.0, 12.6, 0.3).met(), Some(false));
        assert_eq!(row(Compared::Size, 0.0, -0.11, 0.1).met(), Some(false));
        assert_eq!(row(Compared::AtLeast, 0.0, 131.0, 130.0).met(), Some(true));
        let ratio = row(Compared::Ratio, 100.0, 100.0, 0.02).compare().unwrap();
        assert!((ratio.error - 0.03 * 2.0_f64.sqrt()).abs() < 1e-12);
        let missing = Row { ours: None, ..row(Compared::Ratio, 1.0, 1.0, 1.0) };
        assert_eq!(missing.met(), Some(false), "what was not measured is not met");
    }
}
