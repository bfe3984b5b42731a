//! Dropping showers and cells on the way from a source to its consumer.

use std::fmt;

use calo_core::{Detector, Error, Grid, Real, Result, ShowerBatch, ShowerSource};

/// What a filter asks of a shower, in the order in which it asks.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Filter {
    /// Incident energies kept, GeV, both ends included.
    pub energy_gev: Option<[f64; 2]>,
    /// Showers that pass through the calorimeter without showering are dropped.
    pub punch_through: Option<PunchThrough>,
    /// Cells at or below this are set to zero in what is kept, MeV. The punch-through rule sees cells before this.
    pub cell_cut_mev: Option<f64>,
}

/// A contained shower has **more than** a given number of cells **above** a threshold.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct PunchThrough {
    /// Showers with this many hits or fewer are dropped.
    pub more_than_hits: usize,
    /// A cell above this is a hit, MeV.
    pub above_mev: f64,
}

impl PunchThrough {
    /// The rule of a detector that has one.
    pub fn of(detector: &Detector) -> Option<Self> {
        let readout = &detector.readout;
        Some(Self { more_than_hits: readout.punch_through_hits?, above_mev: readout.cell_cut_mev })
    }
}

impl Filter {
    /// Checks the values.
    ///
    /// # Errors
    /// A window that is not ordered, a threshold that is not a finite energy of at least zero.
    pub fn validate(&self) -> Result<()> {
        if let Some([low, high]) = self.energy_gev {
            // Written so that NaN fails too.
            if !(low <= high && low >= 0.0) {
                let expected = "low .. high in GeV, low at least 0 and not above high";
                return Err(Error::option("energy_gev", format!("{low} .. {high}"), expected));
            }
        }
        let thresholds = [
            ("punch_through.above_mev", self.punch_through.map(|rule| rule.above_mev)),
            ("cell_cut_mev", self.cell_cut_mev),
        ];
        for (field, value) in thresholds {
            if let Some(value) = value.filter(|value| !(value.is_finite() && *value >= 0.0)) {
                return Err(Error::option(field, value, "a finite energy of at least 0 MeV"));
            }
        }
        Ok(())
    }
}

/// How many showers were dropped, and why. A shower counts under the first reason that applies.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct FilterReport {
    /// Showers seen.
    pub n_showers: u64,
    /// Showers passed on.
    pub n_kept: u64,
    /// Showers below the energy window.
    pub n_below_energy: u64,
    /// Showers above the energy window.
    pub n_above_energy: u64,
    /// Showers with too few hits.
    pub n_punch_through: u64,
    /// Cells above zero, in kept showers, that the cell cut set to zero.
    pub n_cells_cut: u64,
    /// Their energy, MeV.
    pub cut_mev: f64,
}

impl fmt::Display for FilterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_showers, n_kept, n_below_energy, n_above_energy, n_punch_through, n_cells_cut, cut_mev } =
            self;
        write!(f, "kept {n_kept} of {n_showers} showers")?;
        for (n, reason) in [
            (n_below_energy, "below the energy window"),
            (n_above_energy, "above the energy window"),
            (n_punch_through, "punch-through"),
        ] {
            if *n > 0 {
                write!(f, "; {n} {reason}")?;
            }
        }
        if *n_cells_cut > 0 {
            write!(f, "; {n_cells_cut} cells with {cut_mev:.3} MeV zeroed by the cell cut")?;
        }
        Ok(())
    }
}

/// A source of the showers of another one that pass a [`Filter`].
///
/// ```
/// # use calo_core::{Grid, MemorySource, ShowerBatch, ShowerSource};
/// # use calo_data::{Filter, FilterSource};
/// let mut showers = ShowerBatch::<f32>::empty(Grid { layers: 1, nx: 1, ny: 1 });
/// showers.energies_gev = vec![10.0, 50.0];
/// showers.cells_mev = ndarray::arr1(&[1.0, 2.0]).into_shape_with_order((2, 1, 1, 1)).unwrap();
/// let filter = Filter { energy_gev: Some([20.0, 100.0]), ..Filter::default() };
/// let mut filtered = FilterSource::new(MemorySource::new(showers), filter)?;
/// let mut batch = ShowerBatch::empty(filtered.grid());
/// assert!(filtered.next_batch(10, &mut batch)?);
/// assert_eq!(batch.energies_gev, [50.0]);
/// assert_eq!(filtered.report().n_below_energy, 1);
/// # Ok::<(), calo_core::Error>(())
/// ```
#[derive(Debug)]
pub struct FilterSource<S, T = f32> {
    inner: S,
    filter: Filter,
    report: FilterReport,
    buffer: ShowerBatch<T>,
}

impl<T: Real, S: ShowerSource<T>> FilterSource<S, T> {
    /// Filters `inner`.
    ///
    /// # Errors
    /// As [`Filter::validate`].
    pub fn new(inner: S, filter: Filter) -> Result<Self> {
        filter.validate()?;
        let buffer = ShowerBatch::empty(inner.grid());
        Ok(Self { inner, filter, report: FilterReport::default(), buffer })
    }

    /// What has happened since the start.
    pub fn report(&self) -> &FilterReport {
        &self.report
    }

    /// The source that is filtered.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

impl<T: Real, S: ShowerSource<T>> ShowerSource<T> for FilterSource<S, T> {
    fn grid(&self) -> Grid {
        self.inner.grid()
    }

    /// Known only where nothing can be dropped.
    fn n_showers(&self) -> Option<u64> {
        let drops = self.filter.energy_gev.is_some() || self.filter.punch_through.is_some();
        if drops { None } else { self.inner.n_showers() }
    }

    fn next_batch(&mut self, max_showers: usize, batch: &mut ShowerBatch<T>) -> Result<bool> {
        let first_shower = self.report.n_kept;
        while self.inner.next_batch(max_showers, &mut self.buffer)? {
            batch.restart(first_shower, &self.buffer);
            for i in 0..self.buffer.len() {
                if keeps(&self.filter, &self.buffer, i, &mut self.report) {
                    batch.push_from(&self.buffer, i);
                }
            }
            if let Some(cut_mev) = self.filter.cell_cut_mev {
                cut_cells(batch, cut_mev, &mut self.report);
            }
            if !batch.is_empty() {
                return Ok(true);
            }
        }
        batch.restart(first_shower, &self.buffer);
        Ok(false)
    }

    fn rewind(&mut self) -> Result<()> {
        self.report = FilterReport::default();
        self.inner.rewind()
    }
}

/// Whether shower `i` passes; counts it either way.
fn keeps<T: Real>(filter: &Filter, batch: &ShowerBatch<T>, i: usize, report: &mut FilterReport) -> bool {
    report.n_showers += 1;
    if let Some([low, high]) = filter.energy_gev {
        let energy_gev = batch.energies_gev[i];
        if energy_gev < low {
            report.n_below_energy += 1;
            return false;
        }
        if energy_gev > high {
            report.n_above_energy += 1;
            return false;
        }
    }
    if let Some(rule) = filter.punch_through {
        let cells = batch.cells_mev.index_axis(ndarray::Axis(0), i);
        // Compared in the cells' own precision, as every metric does: 0.1 as f32 is above 0.1 as f64.
        let above_mev = T::from_f64(rule.above_mev);
        let n_hits = cells.iter().filter(|cell| **cell > above_mev).count();
        if n_hits <= rule.more_than_hits {
            report.n_punch_through += 1;
            return false;
        }
    }
    report.n_kept += 1;
    true
}

fn cut_cells<T: Real>(batch: &mut ShowerBatch<T>, cut_mev: f64, report: &mut FilterReport) {
    let cut = T::from_f64(cut_mev);
    for cell in &mut batch.cells_mev {
        let value = cell.to_f64();
        if *cell <= cut {
            if value > 0.0 {
                report.n_cells_cut += 1;
                report.cut_mev += value;
            }
            *cell = T::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array4;
    use proptest::prelude::*;

    use super::*;
    use calo_core::MemorySource;

    /// Showers of four cells in a row.
    fn source(showers: &[(f64, [f32; 4])]) -> MemorySource<f32> {
        let mut batch = ShowerBatch::empty(Grid { layers: 4, nx: 1, ny: 1 });
        batch.energies_gev = showers.iter().map(|(energy, _)| *energy).collect();
        let cells = showers.iter().flat_map(|(_, cells)| *cells).collect();
        batch.cells_mev = Array4::from_shape_vec((showers.len(), 4, 1, 1), cells).unwrap();
        MemorySource::new(batch)
    }

    fn run(showers: &[(f64, [f32; 4])], filter: Filter, size: usize) -> (ShowerBatch<f32>, FilterReport) {
        let mut filtered = FilterSource::new(source(showers), filter).unwrap();
        let mut all = ShowerBatch::empty(filtered.grid());
        let mut batch = ShowerBatch::empty(filtered.grid());
        while filtered.next_batch(size, &mut batch).unwrap() {
            assert_eq!(batch.first_shower, all.len() as u64);
            for i in 0..batch.len() {
                all.push_from(&batch, i);
            }
        }
        (all, *filtered.report())
    }

    #[test]
    fn a_shower_counts_at_its_first_reason() {
        let filter = Filter {
            energy_gev: Some([20.0, 50.0]),
            punch_through: Some(PunchThrough { more_than_hits: 2, above_mev: 0.25 }),
            cell_cut_mev: Some(0.3),
        };
        let showers = [
            (10.0, [0.0; 4]),                // below, and punch-through
            (20.0, [1.0, 0.31, 0.26, 0.25]), // kept: three above 0.25; two of its cells are cut after that
            (50.0, [1.0, 1.0, 0.25, 0.0]),   // two hits: not more than two
            (50.1, [1.0; 4]),                // above
        ];
        let (kept, report) = run(&showers, filter, 3);
        assert_eq!(kept.energies_gev, [20.0]);
        assert_eq!(kept.cells_mev.iter().copied().collect::<Vec<_>>(), [1.0, 0.31, 0.0, 0.0]);
        assert_eq!((report.n_showers, report.n_kept), (4, 1));
        assert_eq!((report.n_below_energy, report.n_above_energy, report.n_punch_through), (1, 1, 1));
        assert_eq!(report.n_cells_cut, 2);
        let text = report.to_string();
        assert!(text.starts_with("kept 1 of 4 showers; 1 below the energy window; 1 above"), "{text}");
    }

    #[test]
    fn a_cell_at_the_cut_goes() {
        let filter = Filter { cell_cut_mev: Some(0.5), ..Filter::default() };
        let (kept, report) = run(&[(1.0, [0.5, 0.75, 0.0, 0.25])], filter, 1);
        assert_eq!(kept.cells_mev.iter().copied().collect::<Vec<_>>(), [0.0, 0.75, 0.0, 0.0]);
        assert_eq!((report.n_cells_cut, report.cut_mev), (2, 0.75));
        // 0.1 as f32 is above 0.1 as f64; a cell at the cut goes all the same.
        let filter = Filter { cell_cut_mev: Some(0.1), ..Filter::default() };
        let (kept, _) = run(&[(1.0, [0.1, 0.11, 0.0, 0.0])], filter, 1);
        assert_eq!(kept.cells_mev.iter().copied().collect::<Vec<_>>(), [0.0, 0.11, 0.0, 0.0]);
    }

    #[test]
    fn impossible_values_are_refused() {
        for filter in [
            Filter { energy_gev: Some([50.0, 20.0]), ..Filter::default() },
            Filter { energy_gev: Some([f64::NAN, 20.0]), ..Filter::default() },
            Filter { cell_cut_mev: Some(-0.1), ..Filter::default() },
            Filter {
                punch_through: Some(PunchThrough { more_than_hits: 1, above_mev: f64::NAN }),
                ..Filter::default()
            },
        ] {
            assert!(FilterSource::new(source(&[]), filter).is_err(), "{filter:?}");
        }
    }

    #[test]
    fn the_rule_of_the_detector_is_the_papers() {
        let rule = PunchThrough::of(&Detector::load("ild-ahcal").unwrap());
        assert_eq!(rule, Some(PunchThrough { more_than_hits: 70, above_mev: 0.25 }));
        assert_eq!(PunchThrough::of(&Detector::load("ild-ecal").unwrap()), None);
    }

    proptest! {
        #[test]
        fn batches_do_not_matter_and_nothing_is_lost(
            energies in prop::collection::vec((0.0_f64..100.0, prop::array::uniform4(0.0_f32..1.0)), 0..40),
            size in 1_usize..10,
        ) {
            let filter = Filter {
                energy_gev: Some([20.0, 80.0]),
                punch_through: Some(PunchThrough { more_than_hits: 1, above_mev: 0.5 }),
                cell_cut_mev: Some(0.1),
            };
            let (kept, report) = run(&energies, filter, size);
            prop_assert_eq!((&kept, report), (&run(&energies, filter, 1000).0, run(&energies, filter, 1000).1));
            let n_gone = report.n_below_energy + report.n_above_energy + report.n_punch_through;
            prop_assert_eq!(report.n_kept + n_gone, energies.len() as u64);
            prop_assert!(kept.energies_gev.iter().all(|e| (20.0..=80.0).contains(e)));
        }
    }
}
