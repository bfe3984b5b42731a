//! Text attributes: what a file says about its origin.

use std::path::Path;

use calo_core::Result;
use hdf5::Location;
use hdf5::types::{FixedAscii, FixedUnicode, TypeDescriptor, VarLenAscii, VarLenUnicode};

use super::open::{open, printable};

/// No more attributes of an object are read than this, and no longer ones of fixed length than [`MAX_FIXED`]. A file made from many
/// others has four for each of them.
const MAX_ATTRIBUTES: usize = 65_536;
const MAX_FIXED: usize = 4096;

/// Names and values of the text attributes of `path`, those of the file itself first, then those of `group`.
///
/// Attributes that are not text are left out.
///
/// # Errors
/// The file cannot be opened. An attribute that cannot be read is left out.
pub fn read_attributes(path: &Path, group: Option<&str>) -> Result<Vec<(String, String)>> {
    let file = open(path)?.hdf5;
    let mut attributes = texts(&file);
    if let Some(group) = group.and_then(|group| file.group(group).ok()) {
        attributes.extend(texts(&group));
    }
    Ok(attributes)
}

/// The unit that data set `name` says it has, unless it says nothing.
pub(super) fn unit_of(file: &hdf5::File, name: &str) -> Option<String> {
    let dataset = file.dataset(name).ok()?;
    let units = ["unit", "units", "Unit", "Units"].into_iter().filter_map(|name| text(&dataset, name));
    units
        .map(|unit| unit.trim_matches(|c: char| c.is_whitespace() || "[]()".contains(c)).to_owned())
        .find(|unit| !unit.is_empty())
}

fn texts(location: &Location) -> Vec<(String, String)> {
    let names = location.attr_names().unwrap_or_default();
    let named = names.into_iter().take(MAX_ATTRIBUTES).filter_map(|name| {
        let text = text(location, &name)?;
        Some((printable(&name), text))
    });
    named.collect()
}

fn text(location: &Location, name: &str) -> Option<String> {
    let attribute = location.attr(name).ok()?;
    if !attribute.is_scalar() {
        return None;
    }
    match attribute.dtype().ok()?.to_descriptor().ok()? {
        TypeDescriptor::VarLenUnicode => {
            attribute.read_scalar::<VarLenUnicode>().ok().map(|text| text.to_string())
        }
        TypeDescriptor::VarLenAscii => {
            attribute.read_scalar::<VarLenAscii>().ok().map(|text| text.to_string())
        }
        TypeDescriptor::FixedUnicode(n) if n <= MAX_FIXED => {
            attribute.read_scalar::<FixedUnicode<MAX_FIXED>>().ok().map(|text| text.to_string())
        }
        TypeDescriptor::FixedAscii(n) if n <= MAX_FIXED => {
            attribute.read_scalar::<FixedAscii<MAX_FIXED>>().ok().map(|text| text.to_string())
        }
        _ => None,
    }
}
