//! Checks of a description's fields, whose errors name the file and the field.

use crate::error::{Error, Result};

/// Names the place of a bad field, so that each check is one line.
pub(super) struct Check<'a> {
    pub(super) place: &'a str,
}

impl Check<'_> {
    #[expect(clippy::needless_pass_by_value, reason = "checks hand over numbers and fresh strings")]
    pub(super) fn that(
        &self,
        holds: bool,
        field: &str,
        value: impl ToString,
        expected: impl Into<String>,
    ) -> Result<()> {
        if holds {
            return Ok(());
        }
        Err(Error::Field {
            place: self.place.to_owned(),
            field: field.to_owned(),
            value: value.to_string(),
            expected: expected.into(),
        })
    }

    pub(super) fn positive(&self, field: &str, value: f64) -> Result<()> {
        self.that(value.is_finite() && value > 0.0, field, value, "a finite number above 0")
    }
}
