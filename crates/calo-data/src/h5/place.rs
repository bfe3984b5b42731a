//! Which layout a file has, and where in it the showers stand.

use std::fmt;
use std::path::Path;

use calo_core::{Error, Result};

use super::layout::Layout;
use super::open::printable;
use super::read_options::ReadOptions;

/// Groups that are found without being named.
const KNOWN_GROUPS: [&str; 3] = ["30x30", "48x13x13", "hcal_only"];

/// Most members of a file that are listed.
const MAX_LISTED: usize = 200;

/// A layout and the names of its data sets inside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) layout: Layout,
    pub(super) group: String,
    pub(super) energies: String,
    pub(super) cells: String,
}

/// Finds the showers in `file`.
pub(super) fn recognise(path: &Path, file: &hdf5::File, options: &ReadOptions) -> Result<Place> {
    let energy_name = options.energy_name.as_deref().unwrap_or("energy");
    let layers_name = options.layers_name.as_deref().unwrap_or("layers");
    let members = Members::of(file);
    let root_has = |names: &[&str]| names.iter().all(|name| members.root.iter().any(|m| m == name));
    let in_root = |layout, energies: &str, cells: &str| Place {
        layout,
        group: "/".to_owned(),
        energies: energies.to_owned(),
        cells: cells.to_owned(),
    };
    let told_grid = options.group.is_some() || options.energy_name.is_some() || options.layers_name.is_some();
    let layout = match options.layout {
        Some(layout) => layout,
        None if told_grid => Layout::Grid,
        None if root_has(&["incident_energies", "showers"]) => Layout::CaloChallenge,
        None if root_has(&["showers", "energies"]) => Layout::ShowerData,
        None => Layout::Grid,
    };
    match layout {
        Layout::CaloChallenge | Layout::ShowerData => {
            let energies = if layout == Layout::ShowerData { "energies" } else { "incident_energies" };
            if !root_has(&[energies, "showers"]) {
                let problem = format!("holds {members}");
                return Err(Error::file(path, problem, format!("data sets `{energies}` and `showers`")));
            }
            Ok(in_root(layout, energies, "showers"))
        }
        Layout::Grid => {
            let group = grid_group(path, &members, options, energy_name, layers_name)?;
            let prefix = if group == "/" { String::new() } else { format!("{group}/") };
            Ok(Place {
                layout,
                energies: format!("{prefix}{energy_name}"),
                cells: format!("{prefix}{layers_name}"),
                group,
            })
        }
    }
}

/// The group that was asked for, that the detector or this project knows, or the only one there is.
fn grid_group(
    path: &Path,
    members: &Members,
    options: &ReadOptions,
    energy: &str,
    layers: &str,
) -> Result<String> {
    let holds = |names: &[String]| [energy, layers].iter().all(|name| names.iter().any(|n| n == name));
    if let Some(wanted) = &options.group {
        let wanted = wanted.trim_matches('/');
        if wanted.is_empty() && holds(&members.root) {
            return Ok("/".to_owned());
        }
        // Nested groups are not listed: whether they hold the data sets shows when these are opened.
        let listed = members.groups.iter().find(|(group, _)| group == wanted);
        if wanted.contains('/') || listed.is_some_and(|(_, names)| holds(names)) {
            return Ok(wanted.to_owned());
        }
        let expected = format!("a group `{wanted}` with data sets `{energy}` and `{layers}`");
        return Err(Error::file(path, format!("holds {members}"), expected));
    }
    let mut candidates: Vec<&str> =
        members.groups.iter().filter(|(_, n)| holds(n)).map(|(g, _)| g.as_str()).collect();
    if holds(&members.root) {
        candidates.push("/");
    }
    if let Some(names) = options.detector.as_ref().map(|detector| &detector.hdf5) {
        let of_detector = [Some(&names.group), names.full_group.as_ref()];
        if let Some(group) = of_detector.into_iter().flatten().find(|g| candidates.contains(&g.as_str())) {
            return Ok(group.clone());
        }
    }
    let known: Vec<&str> = candidates.iter().copied().filter(|group| KNOWN_GROUPS.contains(group)).collect();
    match (candidates.as_slice(), known.as_slice()) {
        ([only], _) | (_, [only]) => Ok((*only).to_owned()),
        ([], _) => Err(Error::file(
            path,
            format!("holds {members}"),
            format!(
                "a group with data sets `{energy}` and `{layers}`, or `incident_energies` and `showers` \
                 (CaloChallenge), or `energies` and `showers` (ShowerData)"
            ),
        )),
        (several, _) => Err(Error::file(
            path,
            format!("has showers in several groups: {}", printable(&several.join(", "))),
            "the name of the group to read",
        )),
    }
}

/// Names at the root and one level below.
struct Members {
    root: Vec<String>,
    groups: Vec<(String, Vec<String>)>,
}

impl Members {
    fn of(file: &hdf5::File) -> Self {
        let mut root = file.member_names().unwrap_or_default();
        root.truncate(MAX_LISTED);
        let groups = root.iter().filter_map(|name| {
            let mut names = file.group(name).ok()?.member_names().unwrap_or_default();
            names.truncate(MAX_LISTED);
            Some((name.clone(), names))
        });
        Self { groups: groups.collect(), root }
    }
}

impl fmt::Display for Members {
    /// Groups with what they hold, then data sets; a long list is cut.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 12;
        if self.root.is_empty() {
            return f.write_str("nothing");
        }
        for (i, name) in self.root.iter().take(SHOWN).enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            write!(f, "{comma}`{}`", printable(name))?;
            if let Some((_, names)) = self.groups.iter().find(|(group, _)| group == name) {
                let names: Vec<String> = names.iter().take(SHOWN).map(|n| printable(n)).collect();
                write!(f, " ({})", names.join(", "))?;
            }
        }
        if self.root.len() > SHOWN { f.write_str(", ...") } else { Ok(()) }
    }
}
