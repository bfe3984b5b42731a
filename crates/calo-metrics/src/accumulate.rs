//! Everything an evaluation needs from a file of showers, gathered in one pass.
//!
//! Energies are rounded to 2^-20 MeV (1 eV) before they are summed, squares to 2^-12 MeV^2. Sums of such numbers are
//! exact in f64 up to 8e9 MeV (some million showers in one bin) and 2e12 MeV^2, and exact sums do not depend on order.
//! So histograms, their errors, replicas and the mean image are the same to the bit for any batch size, any number of
//! threads, and after any merge.

mod layout;
mod resampled;
mod settings;
mod worker;

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{Array3, ArrayView4, Axis as ArrayAxis};
use rayon::prelude::*;

pub use resampled::{Part, Resampled};
pub use settings::{FileKind, SampleSettings};

use crate::error::{Error, Result};
use crate::histogram::Histogram;
use crate::observables::{Column, ObservableTable, ShowerValue, check_energies, shower_slice};
use crate::random::shower_weights;
use crate::splits::Splits;
use crate::sums::add;
use layout::Layout;
use worker::Worker;

/// Showers that one worker takes at a time.
const BLOCK: usize = 32;

/// What one file of showers adds up to: observables, mean image, histograms with bootstrap replicas and halves.
///
/// Memory does not grow with the number of showers, apart from the [`ObservableTable`]: about 100 bytes for each.
///
/// Each shower's half and weights in the replicas follow from (seed, key of the file, index of the shower).
#[derive(Debug, Clone)]
pub struct SampleAccumulator {
    settings: Arc<SampleSettings>,
    kind: FileKind,
    key: u64,
    layout: Arc<Layout>,
    table: ObservableTable,
    /// The half of each row of the table, 0 or 1.
    halves: Vec<u8>,
    splits: Option<Arc<Splits>>,
    /// One for each thread that took part; the result is their sum.
    workers: Vec<Worker>,
}

impl SampleAccumulator {
    /// An empty accumulator. Files of one evaluation need different `key`s, so that their replicas are independent.
    ///
    /// # Errors
    /// The first setting out of range.
    pub fn new(settings: Arc<SampleSettings>, kind: FileKind, key: u64) -> Result<Self> {
        settings.validate()?;
        let layout = Arc::new(Layout::new(&settings, kind)?);
        Ok(Self {
            settings,
            kind,
            key,
            layout,
            table: ObservableTable::default(),
            halves: Vec::new(),
            splits: None,
            workers: Vec::new(),
        })
    }

    /// The same accumulator, which also sums the full spectrum's histograms for both parts of each split.
    ///
    /// # Errors
    /// Showers have been filled already.
    pub fn with_splits(self, splits: Splits) -> Result<Self> {
        if !self.table.is_empty() {
            return Err(Error::parameter("showers before the splits", self.table.len(), "none"));
        }
        Ok(Self { splits: Some(Arc::new(splits)), ..self })
    }

    /// Adds showers `first_shower ..` of the file, on all threads of the current rayon pool.
    ///
    /// # Shapes
    /// `cells_mev`: `[shower, layer, x, y]`, `energies_gev`: `[shower]`.
    ///
    /// # Errors
    /// A grid other than that of the settings, a wrong number of energies, NaN or infinite cells or energies (with the
    /// index of the first), energies that are not positive. Part of the batch may have been added: discard the
    /// accumulator.
    pub fn fill(
        &mut self,
        cells_mev: ArrayView4<'_, f32>,
        energies_gev: &[f64],
        first_shower: u64,
    ) -> Result<()> {
        let (n_showers, layers, nx, ny) = cells_mev.dim();
        if [layers, nx, ny] != self.settings.shape {
            return Err(Error::mismatch("grid [layers, nx, ny]", [layers, nx, ny], self.settings.shape));
        }
        check_energies(energies_gev, n_showers, first_shower)?;
        let idle = Mutex::new(std::mem::take(&mut self.workers));
        let workers = || idle.lock().unwrap_or_else(PoisonError::into_inner);
        let layout = &*self.layout;
        let mut rows = vec![[0.0; Column::ALL.len()]; n_showers];
        let outcomes: Vec<Result<()>> = rows
            .par_chunks_mut(BLOCK)
            .enumerate()
            .map_init(Vec::new, |copy, (block, rows)| {
                let free = workers().pop();
                let mut worker = free.unwrap_or_else(|| self.empty_worker());
                let outcome = rows.iter_mut().enumerate().try_for_each(|(i, row)| {
                    let i = block * BLOCK + i;
                    let shower = first_shower + i as u64;
                    let cells = shower_slice(cells_mev.index_axis(ArrayAxis(0), i), copy);
                    let members = self.splits.as_ref().map_or(Ok([0; 2]), |splits| splits.members(shower))?;
                    worker.draw_weights(self.settings.seed, self.key, shower, members);
                    *row = worker
                        .add(layout, cells, energies_gev[i])
                        .map_err(|cell| layout.grid.non_finite(shower, cell, cells[cell]))?;
                    Ok(())
                });
                workers().push(worker);
                outcome
            })
            .collect();
        self.workers = idle.into_inner().unwrap_or_else(PoisonError::into_inner);
        outcomes.into_iter().collect::<Result<()>>()?;
        for (row, shower) in rows.iter().zip(first_shower..) {
            self.table.push(row);
            self.halves.push(shower_weights(self.settings.seed, self.key, shower, &mut []) as u8);
        }
        Ok(())
    }

    /// Adds what another accumulator gathered from other showers of the same file.
    ///
    /// # Errors
    /// The settings, kind, key or splits differ.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let same = self.settings == other.settings
            && self.kind == other.kind
            && self.key == other.key
            && self.splits == other.splits;
        if !same {
            let (found, expected) = ((other.kind, other.key), (self.kind, self.key));
            return Err(Error::mismatch("accumulators' kind, key, settings and splits", found, expected));
        }
        let mut total = self.total();
        total.absorb(&other.total());
        self.workers = vec![total];
        self.table.append(&other.table);
        self.halves.extend_from_slice(&other.halves);
        Ok(())
    }

    /// The settings.
    pub fn settings(&self) -> &SampleSettings {
        &self.settings
    }

    /// What the file holds.
    pub fn kind(&self) -> FileKind {
        self.kind
    }

    /// Observables of every shower, in the order of filling.
    pub fn table(&self) -> &ObservableTable {
        &self.table
    }

    /// Observables of the showers of a part, in the order of filling: the showers behind that part's histograms.
    pub fn table_of(&self, part: Part) -> ObservableTable {
        let wanted = |row: &usize| part.halves().contains(&usize::from(self.halves[*row]));
        self.table.rows((0..self.table.len()).filter(wanted))
    }

    /// Showers filled.
    pub fn n_showers(&self) -> u64 {
        self.table.len() as u64
    }

    /// Mean energy above the cut of every cell, MeV; none without showers.
    ///
    /// # Shapes
    /// `[layer, x, y]`.
    pub fn mean_image_mev(&self) -> Option<Array3<f64>> {
        let n = self.n_showers();
        if n == 0 {
            return None;
        }
        let [layers, nx, ny] = self.settings.shape;
        let total = self.total();
        Array3::from_shape_vec((layers, nx, ny), total.image_mev().iter().map(|sum| sum / n as f64).collect())
            .ok()
    }

    /// Energies at which the observables that are compared at fixed energies have histograms of their own: that of a
    /// fixed-energy file, or those of the windows of the full spectrum.
    pub fn energies_gev(&self) -> Vec<f64> {
        self.layout.at_energy.iter().map(|at| at.window.energy_gev).collect()
    }

    /// The histogram of an observable, by its id, of all showers (`energy_gev` absent) or at one of
    /// [`Self::energies_gev`]; none where that is not gathered.
    pub fn histogram(&self, observable: &str, energy_gev: Option<f64>) -> Option<Histogram> {
        Some(self.resampled(observable, energy_gev, Part::All)?.nominal)
    }

    /// A histogram of all showers or of half of them, with its bootstrap replicas; none where that is not gathered.
    pub fn resampled(&self, observable: &str, energy_gev: Option<f64>, part: Part) -> Option<Resampled> {
        let index = self.settings.position(observable)?;
        let columns = self.layout.columns(index, energy_gev)?;
        let axis = self.settings.histograms[index].axis.clone();
        let mut squared = vec![0.0; columns.len()];
        for worker in &self.workers {
            for &half in part.halves() {
                add(&mut squared, &worker.squared(half)[columns.clone()]);
            }
        }
        let replica = |i: usize| self.slots(&columns, i, part);
        let nominal = Histogram::from_slots(axis, replica(0), squared).ok()?;
        Some(Resampled { nominal, replicas: (1..=self.settings.replicas).map(replica).collect() })
    }

    /// The splits that are summed.
    pub fn splits(&self) -> Option<&Splits> {
        self.splits.as_deref()
    }

    /// Slots of one of the full spectrum's histograms in one part (0, 1) of a split; none where that is not gathered.
    pub(crate) fn split_slots(&self, observable: &str, split: usize, part: usize) -> Option<Vec<f64>> {
        let columns = self.layout.columns(self.settings.position(observable)?, None)?;
        let gathered = columns.end <= self.layout.n_split && part < 2;
        if !gathered || split >= self.splits.as_ref()?.n_splits() {
            return None;
        }
        let mut slots = vec![0.0; columns.len()];
        for worker in &self.workers {
            add(&mut slots, &worker.split_sums(split, part)[columns.clone()]);
        }
        Some(slots)
    }

    /// A value of every shower in the window of one of [`Self::energies_gev`], scaled to it where the value grows with
    /// the incident energy; without an energy, of every shower. NaN where a shower does not have it.
    pub(crate) fn values(&self, value: ShowerValue, energy_gev: Option<f64>) -> Vec<f64> {
        let column = self.table.column(value.column);
        let Some(energy_gev) = energy_gev else { return column.to_vec() };
        let Some(at) = self.layout.at(energy_gev) else { return Vec::new() };
        let showers = self.table.column(Column::IncidentEnergyGev).iter().zip(column);
        showers
            .filter_map(|(&incident_gev, &found)| {
                at.window.scale(incident_gev).map(|scale| value.of(found, scale))
            })
            .collect()
    }

    /// The key of all random draws from this file.
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// Showers of a part in the window of one of [`Self::energies_gev`], or all of the part; 0 at any other energy.
    pub fn n_showers_at(&self, energy_gev: Option<f64>, part: Part) -> u64 {
        let at = match energy_gev.map(|energy_gev| self.layout.at(energy_gev)) {
            None => None,
            Some(None) => return 0,
            Some(at) => at,
        };
        let incident_gev = self.table.column(Column::IncidentEnergyGev).iter().zip(&self.halves);
        let counts = |(incident_gev, half): &(&f64, &u8)| {
            part.halves().contains(&usize::from(**half))
                && at.is_none_or(|at| at.window.scale(**incident_gev).is_some())
        };
        incident_gev.filter(counts).count() as u64
    }

    /// Contents of some columns in the sample (replica 0) or in a replica.
    fn slots(&self, columns: &Range<usize>, replica: usize, part: Part) -> Vec<f64> {
        let mut slots = vec![0.0; columns.len()];
        for worker in &self.workers {
            for &half in part.halves() {
                add(&mut slots, &worker.sums(replica, half)[columns.clone()]);
            }
        }
        slots
    }

    fn empty_worker(&self) -> Worker {
        let n_splits = self.splits.as_ref().map_or(0, |splits| splits.n_splits());
        Worker::new(&self.layout, self.settings.replicas, n_splits)
    }

    fn total(&self) -> Worker {
        let mut total = self.empty_worker();
        for worker in &self.workers {
            total.absorb(worker);
        }
        total
    }
}
