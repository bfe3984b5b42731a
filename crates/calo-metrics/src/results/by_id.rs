//! Numbers by the id of an observable, in the order of the list.

use std::fmt;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The ids of the six observables of decoding-photons, in the order in which files of earlier versions list numbers without ids.
pub const PAPERS_IDS: [&str; 6] =
    ["cell_energy", "visible_energy", "n_hits", "cog_z", "radial", "longitudinal"];

/// One number for each of some observables, by id. In JSON it is a map; the order is kept, because sums over it must
/// not depend on how it was stored.
///
/// Files of earlier versions have a list of six numbers instead, in the papers' order; these are read too.
///
/// ```
/// use calo_metrics::results::ById;
/// let distances: ById = serde_json::from_str(r#"{"n_hits": 0.2, "cog_z": 0.1}"#)?;
/// assert_eq!((distances.get("cog_z"), distances.get("radial")), (Some(0.1), None));
/// let of_version_1: ById = serde_json::from_str("[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]")?;
/// assert_eq!(of_version_1.get("visible_energy"), Some(0.2));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ById(Vec<(String, f64)>);

impl ById {
    /// The number of an observable.
    pub fn get(&self, id: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == id).map(|(_, value)| *value)
    }

    /// Ids and numbers, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, f64)> {
        self.0.iter().map(|(id, value)| (id.as_str(), *value))
    }

    /// The numbers, in order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &f64> {
        self.0.iter().map(|(_, value)| value)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<S: Into<String>> FromIterator<(S, f64)> for ById {
    fn from_iter<I: IntoIterator<Item = (S, f64)>>(entries: I) -> Self {
        Self(entries.into_iter().map(|(id, value)| (id.into(), value)).collect())
    }
}

impl Serialize for ById {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (id, value) in &self.0 {
            map.serialize_entry(id, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for ById {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ByIdVisitor)
    }
}

struct ByIdVisitor;

impl<'de> Visitor<'de> for ByIdVisitor {
    type Value = ById;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a map from ids of observables to numbers, or {} numbers", PAPERS_IDS.len())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ById, A::Error> {
        let mut entries: Vec<(String, f64)> = Vec::new();
        while let Some((id, value)) = map.next_entry::<String, f64>()? {
            if entries.iter().any(|(known, _)| *known == id) {
                return Err(A::Error::custom(format!("`{id}` twice; expected each observable once")));
            }
            entries.push((id, value));
        }
        Ok(ById(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<ById, A::Error> {
        let mut entries = Vec::new();
        while let Some(value) = list.next_element::<f64>()? {
            let Some(id) = PAPERS_IDS.get(entries.len()) else {
                return Err(A::Error::invalid_length(entries.len() + 1, &self));
            };
            entries.push(((*id).to_owned(), value));
        }
        if entries.len() < PAPERS_IDS.len() {
            return Err(A::Error::invalid_length(entries.len(), &self));
        }
        Ok(ById(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_keeps_its_order_and_its_bytes() {
        let text = r#"{"radial":0.1,"cog_z":0.30000000000000004,"x":2.0}"#;
        let read: ById = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
        assert_eq!(read.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["radial", "cog_z", "x"]);
    }

    #[test]
    fn other_lists_and_repeated_ids_are_refused() {
        for (text, expected) in [
            ("[1.0, 2.0]", "invalid length 2"),
            ("[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]", "invalid length 7"),
            (r#"{"cog_z": 1.0, "cog_z": 2.0}"#, "`cog_z` twice"),
            ("3.0", "expected a map from ids"),
        ] {
            let message = serde_json::from_str::<ById>(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
