//! Observables of showers in a file: a data set for each, and their cells.
//!
//! Cells of all showers in rising order are stored as differences of the bits of neighbours: whole numbers, most of them
//! small, in 64 bits, whose zeros compress to nothing.

use std::path::Path;

use calo_core::{Detector, Dtype};
use calo_data::{Compression, TableColumn, TableReader, TableWriter};
use calo_metrics::Column;

use super::observable_set::CELLS;
use super::observed::{HighCells, ObservedShowers, spectrum_axis};
use crate::error::ensure;
use crate::files::OBSERVABLES;
use crate::{Error, Result};

/// Name and value of the attribute that marks such files.
const VERSION: (&str, &str) = (OBSERVABLES, "1");

/// Name of the attribute with the detector of the showers.
pub(crate) const DETECTOR: &str = "detector_toml";

/// Cells of each shower.
const N_CELLS: &str = "n_high_cells";
/// Numbers of cells of all showers in bins of energy: [`spectrum_axis`].
const SPECTRUM: &str = "cell_spectrum";
/// Cells of all showers in rising order.
const SORTED: &str = "high_cell_energy_sorted";

pub(super) fn write(
    showers: &ObservedShowers,
    path: &Path,
    columns: &[Column],
    attributes: &[(String, String)],
) -> Result<()> {
    let of_showers = |name: &str| TableColumn {
        name: name.to_owned(),
        width: None,
        dtype: Dtype::F32,
        unit: None,
        own_length: false,
    };
    let cells = |name: &str| TableColumn { own_length: true, unit: Some("MeV"), ..of_showers(name) };
    let mut specs: Vec<TableColumn> = columns.iter().map(|column| of_showers(column.id())).collect();
    match &showers.high_cells {
        HighCells::OfShowers { .. } => specs.extend([cells(CELLS), of_showers(N_CELLS)]),
        HighCells::Sorted { .. } => {
            specs.push(TableColumn { unit: None, dtype: Dtype::F64, ..cells(SORTED) });
        }
    }
    if showers.cell_counts.is_some() {
        specs.push(TableColumn { unit: None, dtype: Dtype::F64, ..cells(SPECTRUM) });
    }
    let mut attributes = attributes.to_vec();
    attributes.retain(|(name, _)| name != VERSION.0);
    attributes.push((VERSION.0.to_owned(), VERSION.1.to_owned()));
    let compression = Compression { level: 9, shuffle: true };
    let mut table = TableWriter::create_compressed(path, &specs, &attributes, compression)?;
    for column in columns {
        table.write(column.id(), showers.column(*column))?;
    }
    match &showers.high_cells {
        HighCells::OfShowers { mev, n } => {
            table.write(CELLS, mev)?;
            #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^24 cells in a shower")]
            table.write(N_CELLS, &n.iter().map(|n| *n as f32).collect::<Vec<_>>())?;
        }
        HighCells::Sorted { mev, .. } => table.write(SORTED, &differences(path, mev)?)?,
    }
    if let Some(counts) = &showers.cell_counts {
        table.write(SPECTRUM, counts)?;
    }
    Ok(table.finish()?)
}

/// The showers of a file of observables of `detector`; none where it is another kind of file.
pub(super) fn read(path: &Path, detector: &Detector) -> Result<Option<ObservedShowers>> {
    // Other formats are for other readers, which also say what is wrong with a file.
    let attributes = calo_data::read_attributes(path, None).unwrap_or_default();
    let Some((_, version)) = attributes.iter().find(|(name, _)| name == VERSION.0) else { return Ok(None) };
    let place = path.display();
    let version = version.trim();
    ensure!(version == VERSION.1, "{place}: observables of version {version}; expected {}", VERSION.1);
    if let Some((_, text)) = attributes.iter().find(|(name, _)| name == DETECTOR) {
        let made_for = Detector::parse(text, &place.to_string())?;
        ensure!(
            made_for.grid == detector.grid && made_for.readout == detector.readout,
            "{place}: observables of showers in detector {}; expected the grid and the readout of {}",
            made_for.name,
            detector.name
        );
    }
    let table = TableReader::open(path)?;
    let column = |name: &str| -> Result<Vec<f32>> {
        #[expect(clippy::cast_possible_truncation, reason = "32 bits are stored")]
        Ok(table.read(name)?.iter().map(|value| *value as f32).collect())
    };
    let mut showers = ObservedShowers::default();
    for known in Column::ALL.into_iter().filter(|known| table.has(known.id())) {
        let values = column(known.id())?;
        // NaN is a value that does not exist, as the centre of an empty shower.
        ensure!(
            !values.iter().any(|value| value.is_infinite()),
            "{place}: data set `{}` has an infinite value; expected finite numbers, or NaN where a shower has none",
            known.id()
        );
        showers.columns[known as usize] = values;
    }
    let n_showers = showers.columns.iter().map(Vec::len).max().unwrap_or(0);
    showers.high_cells = if table.has(SORTED) {
        HighCells::Sorted { mev: sums(path, table.read(SORTED)?.iter().copied())?, n_showers }
    } else {
        let (mev, counts) = (column(CELLS)?, table.read(N_CELLS)?);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be whole numbers"
        )]
        let n: Vec<usize> = counts.iter().map(|n| *n as usize).collect();
        let are_counts = counts.iter().all(|n| *n >= 0.0 && n.fract() == 0.0);
        ensure!(
            are_counts && n.len() == n_showers && n.iter().sum::<usize>() == mev.len(),
            "{place}: data set `{N_CELLS}` does not fit `{CELLS}`; expected the cells of each of {n_showers} showers"
        );
        HighCells::OfShowers { mev, n }
    };
    if table.has(SPECTRUM) {
        let counts: Vec<f64> = table.read(SPECTRUM)?.iter().copied().collect();
        let n_bins = spectrum_axis(detector)?.n_bins();
        ensure!(
            counts.len() == n_bins,
            "{place}: data set `{SPECTRUM}` has {} values; expected {n_bins} numbers of cells",
            counts.len()
        );
        let wrong = counts.iter().find(|count| !(**count >= 0.0 && count.is_finite()));
        ensure!(
            wrong.is_none(),
            "{place}: data set `{SPECTRUM}` has a value of {}; expected numbers of cells",
            wrong.copied().unwrap_or_default()
        );
        showers.cell_counts = Some(counts);
    }
    let n = showers.len();
    ensure!(n > 0, "{place}: no shower; expected at least one");
    let uneven = showers.columns.iter().find(|column| !column.is_empty() && column.len() != n);
    ensure!(uneven.is_none(), "{place}: columns of different lengths; expected {n} rows in each");
    Ok(Some(showers))
}

/// The bits of the first value, then differences of the bits of neighbours.
fn differences(path: &Path, sorted: &[f32]) -> Result<Vec<f64>> {
    let mut last = 0;
    let difference = |value: &f32| {
        let difference = value.to_bits().checked_sub(last);
        last = value.to_bits();
        difference.map(f64::from).ok_or_else(|| {
            let problem = format!("{}: a cell of {value} MeV out of order", path.display());
            Error::Invalid(format!("{problem}; expected positive energies in rising order"))
        })
    };
    sorted.iter().map(difference).collect()
}

/// What [`differences`] was made from.
fn sums(path: &Path, differences: impl Iterator<Item = f64>) -> Result<Vec<f32>> {
    let mut bits = 0_u32;
    let value = |difference: f64| {
        let is_whole = difference.fract() == 0.0 && (0.0..f64::from(u32::MAX)).contains(&difference);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number of 32 bits"
        )]
        let sum = if is_whole { bits.checked_add(difference as u32) } else { None };
        let sum = sum.filter(|bits| f32::from_bits(*bits).is_finite());
        bits = sum.ok_or_else(|| {
            let place = path.display();
            Error::Invalid(format!("{place}: data set `{SORTED}` is damaged; expected rising energies"))
        })?;
        Ok(f32::from_bits(bits))
    };
    differences.map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn showers() -> ObservedShowers {
        let mut showers = ObservedShowers::default();
        for (i, column) in showers.columns.iter_mut().enumerate() {
            *column = (0..3).map(|shower| 1.5 + i as f32 * 7.25 + shower as f32 * 0.1).collect();
        }
        showers.high_cells = HighCells::OfShowers { mev: vec![7.5, 700.0, 5.1, 7.5], n: vec![2, 0, 2] };
        showers.cell_counts = Some((0..100).map(f64::from).collect());
        showers
    }

    #[test]
    fn showers_come_back_with_the_columns_that_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("observables.hdf5");
        let showers = showers();
        showers.write(&path, &Column::ALL, &[("seed".to_owned(), "1".to_owned())]).unwrap();
        let detector = Detector::load("ild-ecal-image").unwrap();
        let read = |path: &Path| read(path, &detector);
        assert_eq!(read(&path).unwrap().unwrap(), showers);
        showers.write(&path, &[Column::VisibleEnergyMev], &[]).unwrap();
        let some = read(&path).unwrap().unwrap();
        assert_eq!(some.column(Column::VisibleEnergyMev), showers.column(Column::VisibleEnergyMev));
        assert!(some.column(Column::M1x).is_empty() && some.high_cells == showers.high_cells);
        let sorted = showers.sorted();
        sorted.write(&path, &Column::ALL, &[]).unwrap();
        let found = read(&path).unwrap().unwrap();
        assert_eq!(found, sorted);
        assert_eq!(found.high_cells, HighCells::Sorted { mev: vec![5.1, 7.5, 7.5, 700.0], n_showers: 3 });
        assert!(found.part(0, 1).unwrap_err().to_string().contains("sorted"));
    }

    #[test]
    fn other_files_are_no_observables_and_damaged_ones_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.hdf5");
        std::fs::write(&path, "no HDF5").unwrap();
        let detector = Detector::load("ild-ecal-image").unwrap();
        let read = |path: &Path| read(path, &detector);
        assert_eq!(read(&path).unwrap(), None);
        assert_eq!(read(&folder.path().join("nada.hdf5")).unwrap(), None);
        let of = |name: &str| (DETECTOR.to_owned(), Detector::load(name).unwrap().to_toml().unwrap());
        showers().write(&path, &Column::ALL, &[of("ild-ecal-image")]).unwrap();
        assert!(read(&path).unwrap().is_some());
        showers().write(&path, &Column::ALL, &[of("ild-ecal")]).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("in detector ild-ecal; expected"), "{message}");
        let mut wrong = showers();
        wrong.cell_counts = Some(vec![1.0; 3]);
        wrong.write(&path, &Column::ALL, &[]).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("`cell_spectrum` has 3 values; expected 100"), "{message}");
        wrong.cell_counts = None;
        wrong.high_cells = HighCells::OfShowers { mev: vec![7.5], n: vec![2, 0, 2] };
        wrong.write(&path, &Column::ALL, &[]).unwrap();
        let message = read(&path).unwrap_err().to_string();
        assert!(message.contains("`n_high_cells` does not fit"), "{message}");
        wrong.high_cells = HighCells::Sorted { mev: vec![5.0, 1e30, 4.0], n_showers: 3 };
        let message = wrong.write(&path, &Column::ALL, &[]).unwrap_err().to_string();
        assert!(message.contains("a cell of 4 MeV out of order"), "{message}");
    }
}
