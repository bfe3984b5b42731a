//! Where the slots of every histogram stand in one row of sums.

use std::ops::Range;

use super::settings::{FileKind, SampleSettings, check_positive};
use crate::error::Result;
use crate::histogram::Axis;
use crate::observables::{
    BinnedObservable, CellValue, Column, Fill, GridCells, Hit, ObservableSettings, ShowerValue,
};

/// Columns of the histograms in a row. The dense ones, where one shower fills many slots, come first. Observables with
/// one value per shower follow, those of the full spectrum first, so that all columns of the full spectrum are adjacent.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) grid: GridCells,
    pub(super) observables: ObservableSettings,
    pub(super) cells: Vec<CellColumns>,
    /// For each transverse profile the column of each (x, y), flat.
    pub(super) transverse: Vec<Vec<u32>>,
    /// For each profile in depth the column of each layer.
    pub(super) layers: Vec<Vec<u32>>,
    pub(super) showers: Vec<ShowerColumns>,
    pub(super) at_energy: Vec<AtEnergy>,
    /// Columns of the full spectrum's histogram of each observable, in the order of the settings.
    full: Vec<Range<usize>>,
    pub(super) n_dense: usize,
    /// Columns that are summed for each split: what is compared over the full spectrum.
    pub(super) n_split: usize,
    pub(super) n_columns: usize,
}

/// An axis and the column of its underflow.
#[derive(Debug)]
pub(super) struct Columns {
    axis: Axis,
    first: usize,
}

impl Columns {
    /// The column of a value; none for NaN.
    #[inline]
    pub(super) fn column(&self, value: f64) -> Option<usize> {
        Some(self.first + self.axis.slot(value)?)
    }

    fn range(&self) -> Range<usize> {
        self.first..self.first + self.axis.n_slots()
    }
}

/// A histogram that every cell fills.
#[derive(Debug)]
pub(super) struct CellColumns {
    value: CellValue,
    columns: Columns,
}

impl CellColumns {
    /// Counts the hits of a shower in its dense columns.
    pub(super) fn count(&self, hits: &[Hit], grid: &GridCells, dense: &mut [f64]) {
        self.value.count(hits, grid, &self.columns.axis, &mut dense[self.columns.range()]);
    }
}

/// A histogram that every shower fills once.
#[derive(Debug)]
pub(super) struct ShowerColumns {
    /// Index of the observable in the settings.
    observable: usize,
    pub(super) value: ShowerValue,
    pub(super) columns: Columns,
}

impl ShowerColumns {
    /// The column of a shower; `scale` is the nominal energy over its incident one.
    #[inline]
    pub(super) fn column(&self, row: &[f64; Column::ALL.len()], scale: f64) -> Option<usize> {
        self.columns.column(self.value.of(row[self.value.column as usize], scale))
    }
}

/// The histograms of the showers near one nominal energy.
#[derive(Debug)]
pub(super) struct AtEnergy {
    pub(super) window: Window,
    pub(super) showers: Vec<ShowerColumns>,
}

/// Which showers are taken for one nominal energy.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) energy_gev: f64,
    /// Half the width of the window; none where every shower is taken, without scaling.
    half_width_gev: Option<f64>,
}

impl Window {
    /// The factor for quantities that grow with the incident energy; none where the shower is outside the window.
    pub(super) fn scale(&self, energy_gev: f64) -> Option<f64> {
        match self.half_width_gev {
            None => Some(1.0),
            Some(half_width) if (energy_gev - self.energy_gev).abs() <= half_width => {
                Some(self.energy_gev / energy_gev)
            }
            Some(_) => None,
        }
    }
}

impl Layout {
    pub(super) fn new(settings: &SampleSettings, kind: FileKind) -> Result<Self> {
        let grid = GridCells::new(settings.shape)?;
        let windows = windows(settings, kind)?;
        let mut next = 0;
        let mut columns = |axis: &Axis| {
            let columns = Columns { axis: axis.clone(), first: next };
            next += axis.n_slots();
            columns
        };
        let mut full = vec![0..0; settings.histograms.len()];
        let (mut cells, mut transverse, mut layers) = (Vec::new(), Vec::new(), Vec::new());
        for (index, BinnedObservable { observable, axis }) in settings.histograms.iter().enumerate() {
            if observable.of_showers().is_some() {
                continue;
            }
            let columns = columns(axis);
            full[index] = columns.range();
            match observable.fill {
                Fill::Cells(value) => cells.push(CellColumns { value, columns }),
                Fill::Transverse(position) => transverse.push(of_xy(settings.shape, position, &columns)),
                Fill::Layers => layers.push(of_layers(settings.shape, &columns)),
                Fill::Showers { .. } => {}
            }
        }
        let n_dense = full.iter().map(|range| range.end).max().unwrap_or(0);
        let of_showers = || {
            let histograms = settings.histograms.iter().enumerate();
            histograms.filter_map(|(index, binned)| Some((index, binned, binned.observable.of_showers()?)))
        };
        let mut showers = Vec::new();
        let mut n_split = n_dense;
        for at_fixed_energies in [false, true] {
            for (observable, binned, value) in of_showers() {
                if binned.observable.at_fixed_energies() == at_fixed_energies {
                    let columns = columns(&binned.axis);
                    full[observable] = columns.range();
                    if !at_fixed_energies {
                        n_split = columns.range().end;
                    }
                    showers.push(ShowerColumns { observable, value, columns });
                }
            }
        }
        let at_fixed_energies =
            || of_showers().filter(|(_, binned, _)| binned.observable.at_fixed_energies());
        let at_energy = windows
            .into_iter()
            .map(|window| AtEnergy {
                window,
                showers: at_fixed_energies()
                    .map(|(observable, binned, value)| ShowerColumns {
                        observable,
                        value,
                        columns: columns(&binned.axis),
                    })
                    .collect(),
            })
            .collect();
        Ok(Self {
            grid,
            observables: settings.observables,
            cells,
            transverse,
            layers,
            showers,
            at_energy,
            full,
            n_dense,
            n_split,
            n_columns: next,
        })
    }

    /// The columns of one histogram; `observable` counts in the order of the settings.
    pub(super) fn columns(&self, observable: usize, energy_gev: Option<f64>) -> Option<Range<usize>> {
        let Some(energy_gev) = energy_gev else { return self.full.get(observable).cloned() };
        let at = self.at(energy_gev)?;
        at.showers.iter().find(|one| one.observable == observable).map(|one| one.columns.range())
    }

    /// The histograms at an energy.
    pub(super) fn at(&self, energy_gev: f64) -> Option<&AtEnergy> {
        self.at_energy.iter().find(|at| at.window.energy_gev.to_bits() == energy_gev.to_bits())
    }
}

/// The windows of the full spectrum, or the one energy of a file.
fn windows(settings: &SampleSettings, kind: FileKind) -> Result<Vec<Window>> {
    match kind {
        FileKind::FullSpectrum => {
            let half_width_gev = Some(settings.window_half_width_gev);
            let energies_gev = settings.energies_gev.iter();
            Ok(energies_gev.map(|&energy_gev| Window { energy_gev, half_width_gev }).collect())
        }
        FileKind::FixedEnergy { energy_gev } => {
            check_positive("energy_gev of the file", energy_gev)?;
            Ok(vec![Window { energy_gev, half_width_gev: None }])
        }
    }
}

/// The column of each (x, y), flat.
fn of_xy([_, nx, ny]: [usize; 3], position: fn([f64; 2]) -> f64, columns: &Columns) -> Vec<u32> {
    let (centre_x, centre_y) = ((nx as f64 - 1.0) / 2.0, (ny as f64 - 1.0) / 2.0);
    let cells = (0..nx).flat_map(|x| (0..ny).map(move |y| [x as f64 - centre_x, y as f64 - centre_y]));
    cells.map(|offset| column_of(columns, position(offset))).collect()
}

/// The column of each layer.
fn of_layers([layers, ..]: [usize; 3], columns: &Columns) -> Vec<u32> {
    (0..layers).map(|layer| column_of(columns, layer as f64)).collect()
}

/// The column of a position; a NaN counts as underflow.
fn column_of(columns: &Columns, position: f64) -> u32 {
    columns.column(position).unwrap_or(columns.first) as u32
}
