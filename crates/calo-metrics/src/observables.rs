//! Per-shower observables: energy sums, hits, centres of gravity, widths, depth fractions, shower start.

mod cells;
mod list;
mod scan;
mod start;
mod table;

pub use cells::{Cell, CellValue};
pub(crate) use list::ShowerValue;
pub use list::{
    BinnedObservable, Fill, HIGH_CELL_CUT_MEV, OBSERVABLES, Observable, binned_observables, observable_info,
};
pub(crate) use scan::{GridCells, Hit, Marginals, collect_hits, shower_slice};
pub use start::ShowerStart;
pub use table::{Column, CompleteRows, ObservableTable};

use ndarray::{ArrayView4, Axis as ArrayAxis};
use rayon::prelude::*;

use crate::error::{Error, Result};

/// Settings of the observables.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObservableSettings {
    /// Cells at or below this energy do not exist, MeV. Compared in f32, the precision of the cells.
    pub cell_cut_mev: f64,
    /// Where a shower starts.
    pub shower_start: ShowerStart,
}

impl ObservableSettings {
    /// Checks both settings.
    ///
    /// # Errors
    /// A cut that is negative or not finite, or an impossible shower start.
    pub fn validate(&self) -> Result<()> {
        if !(self.cell_cut_mev.is_finite() && self.cell_cut_mev >= 0.0) {
            let expected = "a finite energy of at least 0 MeV";
            return Err(Error::parameter("cell_cut_mev", self.cell_cut_mev, expected));
        }
        self.shower_start.validate()
    }
}

/// The observables of every shower of a batch.
///
/// A shower without a cell above the cut has zero visible energy and hits, while its moments, fractions and start
/// are NaN: they do not exist, and [`ObservableTable::complete_rows`] and every histogram leave them out.
///
/// # Shapes
/// `cells_mev`: `[shower, layer, x, y]`; `energies_gev`: `[shower]`.
///
/// # Errors
/// Lengths that differ, NaN or infinite cells (with the index of the first), energies that are not positive.
///
/// ```
/// use calo_metrics::{Column, ObservableSettings, ShowerStart, observables};
/// let mut cells = ndarray::Array4::zeros((1, 3, 4, 5));
/// cells[[0, 1, 2, 3]] = 6.0;
/// cells[[0, 2, 2, 3]] = 2.0;
/// cells[[0, 2, 0, 0]] = 0.05; // below the cut
/// let settings = ObservableSettings { cell_cut_mev: 0.1, shower_start: ShowerStart::new(0.2) };
/// let table = observables(cells.view(), &[50.0], &settings)?;
/// assert_eq!(table.column(Column::VisibleEnergyMev), [8.0]);
/// assert_eq!(table.column(Column::NHits), [2.0]);
/// assert_eq!(table.column(Column::M1z), [1.25]);
/// # Ok::<(), calo_metrics::Error>(())
/// ```
pub fn observables(
    cells_mev: ArrayView4<'_, f32>,
    energies_gev: &[f64],
    settings: &ObservableSettings,
) -> Result<ObservableTable> {
    settings.validate()?;
    let (n_showers, layers, nx, ny) = cells_mev.dim();
    check_energies(energies_gev, n_showers, 0)?;
    let grid = GridCells::new([layers, nx, ny])?;
    let rows: Vec<Result<_>> = (0..n_showers)
        .into_par_iter()
        .with_min_len(16)
        .map_init(
            || (Vec::new(), Vec::new(), Marginals::new(grid.shape())),
            |(copy, hits, marginals), shower| {
                let cells = shower_slice(cells_mev.index_axis(ArrayAxis(0), shower), copy);
                collect_hits(cells, settings.cell_cut_mev as f32, hits)
                    .map_err(|cell| grid.non_finite(shower as u64, cell, cells[cell]))?;
                marginals.fill(&grid, hits);
                Ok(marginals.observables(energies_gev[shower], &settings.shower_start))
            },
        )
        .collect();
    let mut table = ObservableTable::default();
    for row in rows {
        table.push(&row?);
    }
    Ok(table)
}

/// One finite, positive incident energy for each shower.
pub(crate) fn check_energies(energies_gev: &[f64], n_showers: usize, first_shower: u64) -> Result<()> {
    if energies_gev.len() != n_showers {
        return Err(Error::mismatch("energies_gev, one for each shower", energies_gev.len(), n_showers));
    }
    match energies_gev.iter().position(|energy| !(energy.is_finite() && *energy > 0.0)) {
        None => Ok(()),
        Some(i) if energies_gev[i].is_finite() => {
            let name = format!("energies_gev[{}]", first_shower + i as u64);
            Err(Error::parameter(name, energies_gev[i], "an incident energy above 0 GeV"))
        }
        Some(i) => Err(Error::non_finite("energies_gev", energies_gev[i], &[first_shower + i as u64])),
    }
}
