//! What a source of showers holds, in numbers: one pass, constant memory, bad values counted rather than refused.

use calo_core::{Grid, Real, Result, ShowerBatch, ShowerSource};
use ndarray::Axis;
use serde::Serialize;

/// Showers in memory at a time.
const BATCH: usize = 64;
/// Visible MeV for each incident GeV that sampling calorimeters show: from about 0.5 % to 6 % of the energy. The
/// ECal's is 23, the AHCal's 19; what is a factor 1000 from this range is a mix-up of units.
const PLAUSIBLE_MEV_PER_GEV: [f64; 2] = [5.0, 60.0];

/// Smallest, largest and mean value of a quantity of each shower.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Extent {
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sum of the values.
    pub sum: f64,
    /// Number of values.
    pub n: u64,
}

impl Default for Extent {
    fn default() -> Self {
        Self { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, n: 0 }
    }
}

impl Extent {
    fn add(&mut self, value: f64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
        self.n += 1;
    }

    /// Mean value; `None` where there is none.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 showers")]
    pub fn mean(&self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

/// Things counted, and where the first one is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Things.
    pub n: u64,
    /// Showers with at least one.
    pub n_showers: u64,
    /// Index of the first such shower.
    pub first_shower: Option<u64>,
}

impl Tally {
    fn add(&mut self, n: u64, shower: u64) {
        if n > 0 {
            self.n += n;
            self.n_showers += 1;
            self.first_shower.get_or_insert(shower);
        }
    }
}

/// Sums that look a factor 1000 off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitHint {
    /// Visible energies are 1000 times too small: cells in GeV, or incident energies in MeV.
    ThousandTooSmall,
    /// Visible energies are 1000 times too large: cells in keV, or incident energies in TeV.
    ThousandTooLarge,
}

impl UnitHint {
    /// Checks a response in visible MeV for each incident GeV.
    pub fn of_response(mev_per_gev: f64) -> Option<Self> {
        let [low, high] = PLAUSIBLE_MEV_PER_GEV;
        if (low..=high).contains(&(mev_per_gev * 1e3)) {
            Some(Self::ThousandTooSmall)
        } else if (low..=high).contains(&(mev_per_gev / 1e3)) {
            Some(Self::ThousandTooLarge)
        } else {
            None
        }
    }

    /// The likely mix-up, in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::ThousandTooSmall => {
                "visible energies look 1000 times too small: cells in GeV instead of MeV, or incident energies in MeV \
                 instead of GeV?"
            }
            Self::ThousandTooLarge => {
                "visible energies look 1000 times too large: cells in keV instead of MeV, or incident energies in TeV \
                 instead of GeV?"
            }
        }
    }
}

/// What a source of showers holds.
///
/// Cells that are not finite are left out of sums and hits; negative ones count in sums as they are.
///
/// # Units
/// Incident energies GeV, cells and sums MeV.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// The grid of every shower.
    pub grid: Grid,
    /// A cell above this is a hit, MeV.
    pub hit_above_mev: f64,
    /// Showers.
    pub n_showers: u64,
    /// Incident energies, those that are possible.
    pub energy_gev: Extent,
    /// Incident energies that are not finite or not above zero.
    pub bad_energies: Tally,
    /// Sum of each shower's cells.
    pub visible_mev: Extent,
    /// Cells of each shower above the cut.
    pub n_hits: Extent,
    /// Cells of each shower that are not zero.
    pub n_filled: Extent,
    /// Largest cell of each shower.
    pub hottest_cell_mev: Extent,
    /// Showers without a cell above zero.
    pub empty: Tally,
    /// Cells that are NaN or infinite.
    pub non_finite_cells: Tally,
    /// Cells below zero.
    pub negative_cells: Tally,
    /// Incident and visible energy of the showers with a possible incident energy and only finite cells.
    response: [f64; 2],
}

impl Summary {
    /// A summary of nothing yet.
    pub fn new(grid: Grid, hit_above_mev: f64) -> Self {
        Self {
            grid,
            hit_above_mev,
            n_showers: 0,
            energy_gev: Extent::default(),
            bad_energies: Tally::default(),
            visible_mev: Extent::default(),
            n_hits: Extent::default(),
            n_filled: Extent::default(),
            hottest_cell_mev: Extent::default(),
            empty: Tally::default(),
            non_finite_cells: Tally::default(),
            negative_cells: Tally::default(),
            response: [0.0; 2],
        }
    }

    /// Reads a source from where it stands to its end. Give it unchecked showers (`ReadOptions::inspect`).
    ///
    /// # Errors
    /// Errors of reading.
    pub fn of<T: Real>(source: &mut dyn ShowerSource<T>, hit_above_mev: f64) -> Result<Self> {
        let mut summary = Self::new(source.grid(), hit_above_mev);
        let mut batch = ShowerBatch::empty(source.grid());
        while source.next_batch(BATCH, &mut batch)? {
            summary.add(&batch);
        }
        Ok(summary)
    }

    /// Adds the showers of a batch; batches must come in order for the first indices to be right.
    pub fn add<T: Real>(&mut self, batch: &ShowerBatch<T>) {
        // Hits are counted in the cells' own precision, as every metric does.
        let above_mev = T::from_f64(self.hit_above_mev).to_f64();
        for (energy_gev, cells) in batch.energies_gev.iter().zip(batch.cells_mev.axis_iter(Axis(0))) {
            self.add_shower(*energy_gev, cells.iter().map(|cell| cell.to_f64()), above_mev);
        }
    }

    fn add_shower(&mut self, energy_gev: f64, cells_mev: impl Iterator<Item = f64>, above_mev: f64) {
        let shower = self.n_showers;
        self.n_showers += 1;
        let (mut n_hits, mut n_filled, mut n_positive, mut n_negative, mut n_bad) =
            (0_u32, 0_u32, 0_u32, 0, 0);
        let (mut sum_mev, mut hottest_mev) = (0.0, 0.0_f64);
        for cell in cells_mev {
            if !cell.is_finite() {
                n_bad += 1;
                continue;
            }
            sum_mev += cell;
            hottest_mev = hottest_mev.max(cell);
            n_hits += u32::from(cell > above_mev);
            n_filled += u32::from(cell != 0.0);
            n_positive += u32::from(cell > 0.0);
            n_negative += u64::from(cell < 0.0);
        }
        self.visible_mev.add(sum_mev);
        self.hottest_cell_mev.add(hottest_mev);
        self.n_hits.add(f64::from(n_hits));
        self.n_filled.add(f64::from(n_filled));
        self.empty.add(u64::from(n_positive == 0), shower);
        self.non_finite_cells.add(n_bad, shower);
        self.negative_cells.add(n_negative, shower);
        let possible = energy_gev.is_finite() && energy_gev > 0.0;
        self.bad_energies.add(u64::from(!possible), shower);
        if possible {
            self.energy_gev.add(energy_gev);
            if n_bad == 0 {
                self.response[0] += energy_gev;
                self.response[1] += sum_mev;
            }
        }
    }

    /// Mean share of a shower's cells that are not zero.
    #[expect(clippy::cast_precision_loss, reason = "a grid has far fewer than 2^53 cells")]
    pub fn occupancy(&self) -> Option<f64> {
        self.n_filled.mean().map(|n| n / self.grid.n_cells() as f64)
    }

    /// Visible MeV for each incident GeV, over all showers without bad values.
    pub fn response_mev_per_gev(&self) -> Option<f64> {
        let [energy_gev, visible_mev] = self.response;
        (energy_gev > 0.0).then(|| visible_mev / energy_gev)
    }

    /// Whether the response is 1000 times off what sampling calorimeters show.
    pub fn unit_hint(&self) -> Option<UnitHint> {
        UnitHint::of_response(self.response_mev_per_gev()?)
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "sums of few numbers that are exact")]
mod tests {
    use ndarray::Array4;

    use super::*;
    use calo_core::MemorySource;

    const GRID: Grid = Grid { layers: 1, nx: 2, ny: 2 };

    fn summary(showers: &[(f64, [f32; 4])]) -> Summary {
        let cells = showers.iter().flat_map(|(_, cells)| *cells).collect();
        let mut batch = ShowerBatch::empty(GRID);
        batch.energies_gev = showers.iter().map(|(energy, _)| *energy).collect();
        batch.cells_mev = Array4::from_shape_vec((showers.len(), 1, 2, 2), cells).unwrap();
        Summary::of(&mut MemorySource::new(batch), 0.1).unwrap()
    }

    #[test]
    fn good_and_bad_values_are_counted() {
        let s = summary(&[
            (10.0, [200.0, 0.05, 0.0, 0.0]),
            (20.0, [0.0; 4]),
            (-1.0, [1.0, -0.5, -0.25, 0.0]),
            (30.0, [f32::NAN, f32::INFINITY, 2.0, 3.0]),
        ]);
        assert_eq!(s.n_showers, 4);
        assert_eq!((s.energy_gev.min, s.energy_gev.max, s.energy_gev.mean()), (10.0, 30.0, Some(20.0)));
        assert_eq!(s.bad_energies, Tally { n: 1, n_showers: 1, first_shower: Some(2) });
        assert_eq!(s.empty, Tally { n: 1, n_showers: 1, first_shower: Some(1) });
        assert_eq!(s.negative_cells, Tally { n: 2, n_showers: 1, first_shower: Some(2) });
        assert_eq!(s.non_finite_cells, Tally { n: 2, n_showers: 1, first_shower: Some(3) });
        assert_eq!(s.n_hits.sum, 1.0 + 0.0 + 1.0 + 2.0);
        assert_eq!(s.visible_mev.max, 200.0 + f64::from(0.05_f32));
        assert_eq!(s.hottest_cell_mev.max, 200.0);
        // Showers 0 and 1 alone: 200.05 MeV of 30 GeV.
        assert!((s.response_mev_per_gev().unwrap() - 200.05 / 30.0).abs() < 1e-6);
        assert_eq!(s.unit_hint(), None);
    }

    #[test]
    fn a_factor_of_thousand_is_noticed() {
        let with_sum = |mev: f32| summary(&[(50.0, [mev, 0.0, 0.0, 0.0])]).unit_hint();
        assert_eq!(with_sum(1140.0), None);
        assert_eq!(with_sum(1.14), Some(UnitHint::ThousandTooSmall));
        assert_eq!(with_sum(1_140_000.0), Some(UnitHint::ThousandTooLarge));
        // A calorimeter that sees everything is no mix-up.
        assert_eq!(with_sum(50_000.0), None);
    }

    #[test]
    fn nothing_has_no_mean() {
        let s = summary(&[]);
        assert_eq!((s.n_showers, s.visible_mev.mean(), s.occupancy(), s.unit_hint()), (0, None, None, None));
    }
}
