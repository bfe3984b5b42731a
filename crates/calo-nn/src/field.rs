//! Checks of the fields of a configuration, and errors that name a field.

use crate::{Error, Result};

/// What a number may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Allowed {
    AboveZero,
    FromZero,
}

pub(crate) fn check(field: &str, value: f64, allowed: Allowed) -> Result<()> {
    let (is_allowed, expected) = match allowed {
        Allowed::AboveZero => (value > 0.0, "a finite number above 0"),
        Allowed::FromZero => (value >= 0.0, "a finite number of at least 0"),
    };
    if value.is_finite() && is_allowed { Ok(()) } else { Err(error(field, value, expected)) }
}

pub(crate) fn error(field: &str, value: impl std::fmt::Display, expected: &str) -> Error {
    Error::field(field, value, expected)
}

/// Puts the section's name before a field's, once.
pub(crate) fn within(section: &str, result: Result<()>) -> Result<()> {
    result.map_err(|failure| match failure {
        Error::Field { field, value, expected } if !field.starts_with(section) => {
            Error::Field { field: format!("{section}.{field}"), value, expected }
        }
        other => other,
    })
}
