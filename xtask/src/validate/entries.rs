//! Lists in JSON.

use serde_json::Value;

/// The entries of a list; none of anything else.
pub(crate) fn entries(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}
