//! Checks of names and shapes, and their errors.

use crate::{Error, Result};

/// Names that an error message lists before it says how many more there are.
const LISTED_NAMES: usize = 4;

/// Checks that the shape of the parameter `name` is the expected one.
///
/// # Errors
/// [`Error::Parameter`] for another shape.
pub fn check_shape(name: &str, found: &[usize], expected: &[usize]) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::parameter(name, format!("its shape is {found:?}"), format!("{expected:?}")))
}

/// Checks that a set of names is the expected one: no name `missing`, none `unexpected`.
///
/// # Errors
/// [`Error::Operand`] for `op`, listing the first names of each kind.
pub fn check_names(op: &'static str, missing: Vec<&String>, unexpected: Vec<&String>) -> Result<()> {
    let lists = [("missing", missing), ("unknown", unexpected)];
    let found: Vec<String> = lists
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| listed(what, names))
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::Operand {
        op,
        what: "set of names",
        found: found.join("; "),
        expected: "exactly the names of the network it is restored into".to_owned(),
    })
}

fn listed(what: &str, names: &[&String]) -> String {
    let first: Vec<String> = names.iter().take(LISTED_NAMES).map(|name| format!("`{name}`")).collect();
    let more = match names.len().saturating_sub(LISTED_NAMES) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{what} {}{more}", first.join(", "))
}

/// An error for a parameter that is not there.
pub(super) fn no_such(name: &str) -> Error {
    Error::parameter(name, "there is none of this name", "a network that was built or restored before")
}
