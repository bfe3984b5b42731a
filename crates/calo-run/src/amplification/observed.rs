//! What is compared of showers, without their cells.

use std::path::Path;

use calo_core::{Detector, ShowerBatch};
use calo_metrics::{
    Axis, Column, HIGH_CELL_CUT_MEV, ObservableSettings, QuantileSample, ShowerStart, n_shared, observables,
};
use ndarray::Array2;

use super::file;
use super::observable_set::ObservableSet;
use crate::error::{Context as _, bail, ensure};
use crate::files::{InputOptions, for_each_batch};
use crate::monitor::Caller;
use crate::{Error, Result};

/// Bins of the spectrum of cells: twenty a power of ten.
const SPECTRUM_BINS: usize = 100;

/// Observables that tell showers apart.
const IDENTITY: [Column; 4] = [Column::VisibleEnergyMev, Column::PeakEnergyMev, Column::M1x, Column::M1y];

/// Observables of showers, rounded to 32 bits, and the energies of their cells above
/// [`HIGH_CELL_CUT_MEV`](calo_metrics::HIGH_CELL_CUT_MEV).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObservedShowers {
    /// A vector for each of [`Column::ALL`].
    pub(super) columns: [Vec<f32>; Column::ALL.len()],
    pub(super) high_cells: HighCells,
    /// Cells of all showers together in the bins of [`spectrum_axis`]; none where it is not known.
    pub(super) cell_counts: Option<Vec<f64>>,
}

/// Bins of the spectrum of cells: from the cut of the readout over five powers of ten.
///
/// # Errors
/// A readout without a cut.
pub(super) fn spectrum_axis(detector: &Detector) -> Result<Axis> {
    let cut_mev = detector.readout.cell_cut_mev;
    Ok(Axis::log(SPECTRUM_BINS, cut_mev, cut_mev * 1e5)?)
}

/// Cells of many showers, MeV.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum HighCells {
    /// One shower after another, and how many belong to each.
    OfShowers { mev: Vec<f32>, n: Vec<usize> },
    /// In rising order, for a truth whose showers are not asked for.
    Sorted { mev: Vec<f32>, n_showers: usize },
}

impl Default for HighCells {
    fn default() -> Self {
        Self::OfShowers { mev: Vec::new(), n: Vec::new() }
    }
}

impl ObservedShowers {
    /// Number of showers.
    pub fn len(&self) -> usize {
        match &self.high_cells {
            HighCells::OfShowers { n, .. } => n.len(),
            HighCells::Sorted { n_showers, .. } => *n_showers,
        }
    }

    /// Whether there is no shower.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One observable of every shower; NaN where it does not exist, as in a shower without a cell above the cut.
    pub fn column(&self, column: Column) -> &[f32] {
        &self.columns[column as usize]
    }

    /// Adds the showers of a file, which may hold observables instead.
    ///
    /// # Errors
    /// A file that cannot be read or has no showers, an interruption.
    pub fn read(
        &mut self,
        path: &Path,
        from: &InputOptions,
        detector: &Detector,
        caller: Caller<'_>,
    ) -> Result<()> {
        if let Some(observed) = file::read(path, detector)? {
            return self.append(observed).with_context(|| path.display().to_string());
        }
        let mut reader = from.open(path, caller)?;
        let place = path.display().to_string();
        let before = self.len();
        for_each_batch(&mut reader, &format!("reading {place}"), caller, |batch| {
            self.push(batch, detector).with_context(|| place.clone())
        })?;
        ensure!(self.len() > before, "{place}: no shower; expected at least one");
        Ok(())
    }

    /// Adds showers behind those that there are.
    ///
    /// # Errors
    /// Samples whose cells are sorted.
    pub(super) fn append(&mut self, other: Self) -> Result<()> {
        if self.is_empty() {
            *self = other;
            return Ok(());
        }
        let (HighCells::OfShowers { mev, n }, HighCells::OfShowers { mev: more_mev, n: more_n }) =
            (&mut self.high_cells, other.high_cells)
        else {
            bail!("cells of all showers are sorted; expected files that keep showers apart");
        };
        mev.extend(more_mev);
        n.extend(more_n);
        self.cell_counts = self.cell_counts.take().zip(other.cell_counts).map(|(mut counts, more)| {
            counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
            counts
        });
        for (column, more) in self.columns.iter_mut().zip(other.columns) {
            // What one of them lacks, the whole sample lacks.
            if column.is_empty() || more.is_empty() {
                column.clear();
            } else {
                column.extend(more);
            }
        }
        Ok(())
    }

    /// That cells are known shower by shower.
    ///
    /// # Errors
    /// Cells of all showers together.
    pub(super) fn check_apart(&self) -> Result<()> {
        ensure!(
            matches!(self.high_cells, HighCells::OfShowers { .. }),
            "cells of all showers are sorted (calo observe --sorted), which only a reference may have; expected showers, or \
             observables without --sorted"
        );
        Ok(())
    }

    /// The same with the cells of all showers in rising order, which takes less room in a file.
    #[must_use]
    pub fn sorted(self) -> Self {
        let n_showers = self.len();
        let Self { columns, high_cells, cell_counts } = self;
        let (HighCells::OfShowers { mut mev, .. } | HighCells::Sorted { mut mev, .. }) = high_cells;
        mev.sort_unstable_by(f32::total_cmp);
        Self { columns, high_cells: HighCells::Sorted { mev, n_showers }, cell_counts }
    }

    /// Writes `columns` and the cells into a file that [`ObservedShowers::read`] takes for showers; `attributes` say where
    /// they come from.
    ///
    /// # Errors
    /// A place that cannot be written.
    pub fn write(&self, path: &Path, columns: &[Column], attributes: &[(String, String)]) -> Result<()> {
        file::write(self, path, columns, attributes)
    }

    /// Adds the showers of a batch.
    ///
    /// # Errors
    /// Cells that are not finite.
    pub fn push(&mut self, batch: &ShowerBatch<f32>, detector: &Detector) -> Result<()> {
        if !self.is_empty() && self.columns.iter().any(Vec::is_empty) {
            let problem = "a file before these showers does not hold all observables";
            return Err(Error::Invalid(format!(
                "{problem}; expected showers, or files of the same observables"
            )));
        }
        let settings = ObservableSettings {
            cell_cut_mev: detector.readout.cell_cut_mev,
            shower_start: ShowerStart::new(detector.readout.mip_mev),
        };
        let table = observables(batch.view(), &batch.energies_gev, &settings)?;
        if self.is_empty() {
            self.cell_counts = spectrum_axis(detector).is_ok().then(|| vec![0.0; SPECTRUM_BINS]);
        }
        if let Some(counts) = &mut self.cell_counts {
            let axis = spectrum_axis(detector)?;
            // The first and the last slot are cells outside of all bins.
            let bins = batch.cells_mev.iter().filter_map(|mev| axis.slot(f64::from(*mev))?.checked_sub(1));
            bins.for_each(|bin| {
                if let Some(count) = counts.get_mut(bin) {
                    *count += 1.0;
                }
            });
        }
        #[expect(clippy::cast_possible_truncation, reason = "observables are stored in 32 bits")]
        for column in Column::ALL {
            self.columns[column as usize].extend(table.column(column).iter().map(|value| *value as f32));
        }
        let HighCells::OfShowers { mev, n } = &mut self.high_cells else {
            return Err(Error::Invalid(
                "cells are sorted; expected a sample that showers can be added to".to_owned(),
            ));
        };
        for cells in batch.cells_mev.outer_iter() {
            let before = mev.len();
            mev.extend(cells.iter().filter(|mev| f64::from(**mev) > HIGH_CELL_CUT_MEV));
            n.push(mev.len() - before);
        }
        Ok(())
    }

    /// The showers `from..to` alone.
    ///
    /// # Errors
    /// Showers that there are not, or whose cells are sorted.
    pub fn part(&self, from: usize, to: usize) -> Result<Self> {
        ensure!(
            from <= to && to <= self.len(),
            "showers {from} to {to}; expected some of the {} that there are",
            self.len()
        );
        let HighCells::OfShowers { mev, n } = &self.high_cells else {
            bail!("cells of all showers are sorted; expected a file that keeps showers apart");
        };
        let first: usize = n[..from].iter().sum();
        let n_cells: usize = n[from..to].iter().sum();
        Ok(Self {
            // A column that a file does not hold is empty.
            columns: std::array::from_fn(|column| {
                self.columns[column].get(from..to).map(<[f32]>::to_vec).unwrap_or_default()
            }),
            high_cells: HighCells::OfShowers {
                mev: mev[first..first + n_cells].to_vec(),
                n: n[from..to].to_vec(),
            },
            cell_counts: None,
        })
    }

    /// All but the last share of the showers, and that share.
    ///
    /// # Errors
    /// A share that leaves no shower on one side.
    pub fn split(&self, share: f64) -> Result<(Self, Self)> {
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let n_held_out = (self.len() as f64 * share.clamp(0.0, 1.0)).round() as usize;
        let n_kept = self.len() - n_held_out;
        ensure!(
            n_kept > 0 && n_held_out > 0,
            "{} showers, of which a share of {share} is held out; expected some on both sides",
            self.len()
        );
        Ok((self.part(0, n_kept)?, self.part(n_kept, self.len())?))
    }

    /// The values of a set, and how many showers do not have all of them.
    ///
    /// # Errors
    /// No shower has them.
    pub(super) fn sample(&self, set: &ObservableSet) -> Result<(QuantileSample, usize)> {
        let ObservableSet::Showers(columns) = set else {
            let values = |mev: &[f32]| mev.iter().map(|mev| f64::from(*mev)).collect();
            let sample = match &self.high_cells {
                HighCells::OfShowers { mev, n } => QuantileSample::of_cells(values(mev), n)?,
                // Which cells are whose is of no matter to a truth; it has so many showers.
                HighCells::Sorted { mev, n_showers } => {
                    let mut n = vec![0; *n_showers];
                    n.iter_mut().take(1).for_each(|n| *n = mev.len());
                    QuantileSample::of_cells(values(mev), &n)?
                }
            };
            return Ok((sample, 0));
        };
        if let Some(column) = columns.iter().find(|column| self.column(**column).is_empty()) {
            bail!("does not hold {}; expected a file with it, or showers", column.id());
        }
        let has_all = |i: &usize| {
            columns.iter().all(|column| self.column(*column).get(*i).is_some_and(|value| value.is_finite()))
        };
        let rows: Vec<usize> = (0..self.len()).filter(has_all).collect();
        ensure!(!rows.is_empty(), "none of {} showers has it: all are empty", self.len());
        let values = Array2::from_shape_fn((rows.len(), columns.len()), |(row, axis)| {
            f64::from(self.column(columns[axis])[rows[row]])
        });
        Ok((QuantileSample::of_showers(values)?, self.len() - rows.len()))
    }

    /// Showers that are also in `other`, told by visible energy, peak energy and centre of gravity; none where one of both
    /// does not hold these. Showers without a centre of gravity, which are empty, do not count.
    pub fn n_in(&self, other: &Self) -> usize {
        let [ours, theirs] =
            [self, other].map(|showers| (0..showers.len()).map(|i| showers.identity(i)).collect::<Vec<_>>());
        n_shared([&ours, &theirs])[0]
    }

    fn identity(&self, shower: usize) -> Option<[u32; 4]> {
        let values = IDENTITY.map(|column| self.column(column).get(shower).copied().unwrap_or(f32::NAN));
        values.iter().all(|value| value.is_finite()).then(|| values.map(f32::to_bits))
    }
}

#[cfg(test)]
mod tests {
    use calo_core::Grid;
    use ndarray::Array4;

    use super::*;

    fn observed(cells: &[[f32; 4]]) -> ObservedShowers {
        let detector = Detector::load("ild-ecal").unwrap();
        let mut batch = ShowerBatch::empty(Grid { layers: 1, nx: 2, ny: 2 });
        let flat = cells.concat();
        batch.cells_mev = Array4::from_shape_vec((cells.len(), 1, 2, 2), flat).unwrap();
        batch.energies_gev = vec![50.0; cells.len()];
        let mut observed = ObservedShowers::default();
        observed.push(&batch, &detector).unwrap();
        observed
    }

    /// What does not exist is NaN, which equals nothing.
    fn text(showers: &ObservedShowers) -> String {
        format!("{showers:?}")
    }

    #[test]
    fn observables_and_high_cells_are_those_of_the_showers() {
        let showers = observed(&[[1.0, 6.0, 0.05, 9.0], [0.0; 4], [0.0, 0.0, 8.0, 0.0]]);
        assert_eq!(showers.column(Column::VisibleEnergyMev), [16.0, 0.0, 8.0]);
        assert_eq!(showers.column(Column::PeakEnergyMev), [9.0, 0.0, 8.0]);
        let (sample, n_left_out) = showers.sample(&"cog_x+visible_energy".parse().unwrap()).unwrap();
        // A shower without a hit has no centre.
        assert_eq!((sample.n_showers(), n_left_out), (2, 1));
        let (cells, _) = showers.sample(&ObservableSet::Cells).unwrap();
        assert_eq!((cells.n_showers(), cells.rows().nrows()), (3, 3));
        // 0.05 MeV is below the cut of the readout.
        let counts = showers.cell_counts.clone().unwrap();
        assert_eq!(counts.iter().filter(|count| **count > 0.0).count(), 4);
        let mut rest = observed(&[[0.0; 4], [0.0, 0.0, 8.0, 0.0]]);
        // Whose cells the spectrum holds is not known.
        rest.cell_counts = None;
        assert_eq!(text(&showers.part(1, 3).unwrap()), text(&rest));
    }

    #[test]
    fn copies_are_found_and_splits_have_two_sides() {
        let [a, b] = [[1.0, 6.0, 0.0, 9.0], [0.0, 3.0, 8.0, 0.0]];
        assert_eq!(observed(&[a, b, a]).n_in(&observed(&[a])), 2);
        let (kept, held_out) = observed(&[a, b, a, b, b]).split(0.4).unwrap();
        let mut expected = observed(&[b, b]);
        expected.cell_counts = None;
        assert_eq!((kept.len(), text(&held_out)), (3, text(&expected)));
        let message = observed(&[a, b]).split(0.1).unwrap_err().to_string();
        assert!(message.contains("2 showers") && message.contains("0.1"), "{message}");
    }
}
