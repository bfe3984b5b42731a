//! Which layout a file has, and where in it the showers stand.

use std::path::Path;

use calo_core::{Error, Result};

use super::attributes::unit_of;
use super::axes::Axes;
use super::groups::{self, Contents, holds};
use super::layout::{Description, Layout};
use super::open::printable;
use super::read_options::ReadOptions;
use super::units::EnergyUnit;

/// Groups that are found without being named.
const KNOWN_GROUPS: [&str; 3] = ["30x30", "48x13x13", "hcal_only"];

/// A layout, and the names and units of its data sets inside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) layout: Layout,
    pub(super) group: String,
    pub(super) energies: String,
    pub(super) cells: String,
    pub(super) energy_unit: EnergyUnit,
    pub(super) cell_unit: EnergyUnit,
    pub(super) axes: Axes,
}

/// Layouts in the order in which a group is asked for them.
const RECOGNISED: [Layout; 5] =
    [Layout::CaloChallenge, Layout::Lemurs, Layout::ShowerData, Layout::Clic, Layout::Grid];

/// Data sets of a layout in a group.
struct Match {
    layout: Layout,
    group: String,
    energies: String,
    cells: String,
}

/// Finds the showers in `file`.
pub(super) fn recognise(path: &Path, file: &hdf5::File, options: &ReadOptions) -> Result<Place> {
    let names_told = options.energy_name.is_some() || options.layers_name.is_some();
    let layouts: Vec<Layout> = match options.layout {
        Some(layout) => vec![layout],
        // Names of one's own are those of a grid.
        None if names_told => vec![Layout::Grid],
        None => RECOGNISED.to_vec(),
    };
    let group = options.group.as_deref().map(|group| match group.trim_matches('/') {
        "" => "/",
        group => group,
    });
    let mut found = Vec::new();
    let everywhere = group.map_or_else(|| groups::all(file), |group| vec![group.to_owned()]);
    for layout in &layouts {
        for [energies, cells] in names(*layout, options) {
            let at_the_root = layout.description().at_the_root;
            let groups = everywhere.iter().filter(|group| !at_the_root || *group == "/");
            let groups = groups.filter(|group| holds(file, group, &[&energies, &cells]));
            let matches = groups.map(|group| Match {
                layout: *layout,
                group: group.clone(),
                energies: energies.clone(),
                cells: cells.clone(),
            });
            found.extend(matches);
        }
        // The first layout that is there is meant: a group may also hold the names of a later one.
        if !found.is_empty() {
            break;
        }
    }
    let chosen = choose(path, file, found, options, &layouts)?;
    described(path, file, chosen, options)
}

/// Names of incident energies and cells that a file of `layout` may have.
fn names(layout: Layout, options: &ReadOptions) -> Vec<[String; 2]> {
    let Description { energies, cells, .. } = layout.description();
    let cells = options.layers_name.clone().unwrap_or_else(|| cells.to_owned());
    match &options.energy_name {
        Some(energies) => vec![[energies.clone(), cells]],
        None => energies.iter().map(|energies| [(*energies).to_owned(), cells.clone()]).collect(),
    }
}

/// The only place there is, or the one that the detector or this project knows.
fn choose(
    path: &Path,
    file: &hdf5::File,
    mut found: Vec<Match>,
    options: &ReadOptions,
    layouts: &[Layout],
) -> Result<Match> {
    let position = |wanted: &str| found.iter().position(|place| place.group == wanted);
    let of_detector = options.detector.as_ref().map(|detector| &detector.hdf5);
    let of_detector = of_detector.map(|names| [Some(&names.group), names.full_group.as_ref()]);
    let of_detector = of_detector.into_iter().flatten().flatten().find_map(|group| position(group));
    let known: Vec<usize> = KNOWN_GROUPS.into_iter().filter_map(position).collect();
    let chosen = match (found.len(), of_detector, known.as_slice()) {
        (0, _, _) => None,
        (1, _, _) => Some(0),
        // Two names of one layout in one group: the first is the usual one.
        (_, None, _) if found.iter().all(|place| place.group == found[0].group) => Some(0),
        (_, Some(i), _) | (_, None, &[i]) => Some(i),
        _ => {
            let groups: Vec<&str> = found.iter().take(20).map(|place| place.group.as_str()).collect();
            let more = if found.len() > groups.len() { ", ..." } else { "" };
            let problem = format!("has showers in several groups: {}{more}", printable(&groups.join(", ")));
            return Err(Error::file(path, problem, "the name of the group to read (--group)"));
        }
    };
    match chosen {
        Some(i) => Ok(found.swap_remove(i)),
        None => {
            let problem = format!("holds {}", Contents::of(file));
            Err(Error::file(path, problem, expected(options, layouts)))
        }
    }
}

/// What was looked for.
fn expected(options: &ReadOptions, layouts: &[Layout]) -> String {
    if let [layout] = layouts {
        let wanted: Vec<String> =
            names(*layout, options).into_iter().map(|[e, c]| format!("`{e}` and `{c}`")).collect();
        let wanted = wanted.join(", or ");
        return match options.group.as_deref() {
            Some(group) => {
                format!("a group `{}` with data sets {wanted}", printable(group.trim_matches('/')))
            }
            None => format!("data sets {wanted}"),
        };
    }
    let group = options.group.as_deref().map(|group| format!(" `{}`", printable(group.trim_matches('/'))));
    format!(
        "a group{} with data sets `energy` and `layers`, or `incident_energies` and `showers` (CaloChallenge), or \
         `energies` and `showers` (ShowerData), or `incident_energy` and `showers` (LEMURS), or `ECAL` and `energy` or \
         `target` (3DGAN)",
        group.unwrap_or_default()
    )
}

/// The place with its units: those of the caller, of the file's attributes, of the layout, in this order.
fn described(path: &Path, file: &hdf5::File, found: Match, options: &ReadOptions) -> Result<Place> {
    let Match { layout, group, energies, cells } = found;
    let prefix = if group == "/" { String::new() } else { format!("{group}/") };
    let (energies, cells) = (format!("{prefix}{energies}"), format!("{prefix}{cells}"));
    let description = layout.description();
    let unit = |name: &str, told: Option<EnergyUnit>, usual: EnergyUnit, option: &str| match (
        told,
        unit_of(file, name),
    ) {
        (Some(unit), _) => Ok(unit),
        (None, None) => Ok(usual),
        (None, Some(text)) => text.parse().map_err(|_| {
            let expected = format!("eV, keV, MeV, GeV or TeV ({option} UNIT)");
            Error::dataset(path, &printable(name), format!("has the unit `{}`", printable(&text)), expected)
        }),
    };
    Ok(Place {
        energy_unit: unit(&energies, options.energy_unit, description.energy_unit, "--energy-unit")?,
        cell_unit: unit(&cells, options.cell_unit, description.cell_unit, "--cell-unit")?,
        axes: options.axes.unwrap_or(description.axes),
        layout,
        group,
        energies,
        cells,
    })
}
