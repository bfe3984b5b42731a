//! Checks of incident energies: one for each shower, finite and above 0.

use calo_core::{Error, Result};

use super::array::Array;
use super::rows::{Crop, Window, cropped_len};

/// One energy for each shower, in `column` if there are several, and at least one shower.
pub(super) fn check_lengths(
    energies: &Array,
    column: &Crop,
    cells: &Array,
    empty_accepted: bool,
) -> Result<()> {
    if energies.shape.len() > 2 || cropped_len(energies, column) != 1 {
        return Err(energies.error(format!("extents {:?}", energies.shape), "[showers] or [showers, 1]"));
    }
    if energies.n_rows() != cells.n_rows() {
        return Err(energies.error(
            format!("{} energies", energies.n_rows()),
            format!("{}, one for each shower of `{}`", cells.n_rows(), cells.name),
        ));
    }
    if cells.n_rows() == 0 && !empty_accepted {
        return Err(cells.error("no shower", "at least one shower"));
    }
    Ok(())
}

/// Refuses energies that no particle has, if there are any among `energies` of `array`, where they stand in `column`; the
/// whole file is then read to count them.
pub(super) fn check_energies(energies: &[f64], array: &Array, column: &Crop) -> Result<()> {
    if energies.iter().all(|energy| is_energy(*energy)) {
        return Ok(());
    }
    let (mut n_bad, mut first) = (0_u64, None);
    let mut energies = Vec::new();
    let mut window = Window::default();
    for start in (0..array.n_rows()).step_by(4096) {
        let rows = start..(start + 4096).min(array.n_rows());
        energies.resize(rows.len(), 0.0);
        window.read(array, column, rows, &mut energies)?;
        for (i, energy) in energies.iter().enumerate().filter(|(_, energy)| !is_energy(**energy)) {
            n_bad += 1;
            first = first.or(Some((start + i, *energy)));
        }
    }
    let (shower, energy) = first.unwrap_or_default();
    Err(Error::Shower {
        path: array.path.clone(),
        dataset: array.name.clone(),
        shower: shower as u64,
        problem: format!("an incident energy of {energy}, the first of {n_bad} impossible ones in the file"),
        expected: "finite energies above 0".to_owned(),
    })
}

fn is_energy(energy: f64) -> bool {
    energy.is_finite() && energy > 0.0
}
