//! Where the slots of every histogram stand in one row of sums.

use std::ops::Range;

use super::settings::{FileKind, SampleSettings, check_positive};
use crate::error::Result;
use crate::histogram::Axis;
use crate::observables::{GridCells, ObservableSettings};
use crate::results::Observable;

/// Columns of the histograms in a row. The dense ones, where one shower fills many slots, come first; the centre of
/// gravity follows, so that what is compared over the full spectrum stands together.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) grid: GridCells,
    pub(super) observables: ObservableSettings,
    pub(super) cell_energy: Columns,
    /// Column of the radial bin of each (x, y), flat.
    pub(super) radial_columns: Vec<u32>,
    /// Column of each layer.
    pub(super) layer_columns: Vec<u32>,
    radial: Range<usize>,
    longitudinal: Range<usize>,
    pub(super) visible_energy: Columns,
    pub(super) n_hits: Columns,
    pub(super) cog_z: Columns,
    pub(super) at_energy: Vec<AtEnergy>,
    pub(super) n_dense: usize,
    /// Columns that are summed for each split: the full spectrum's.
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
    /// The column of a value; none for NaN, which has no place.
    #[inline]
    pub(super) fn column(&self, value: f64) -> Option<usize> {
        Some(self.first + self.axis.slot(value)?)
    }

    fn range(&self) -> Range<usize> {
        self.first..self.first + self.axis.n_slots()
    }
}

/// Visible energy and hits of the showers that stand for one nominal energy.
#[derive(Debug)]
pub(super) struct AtEnergy {
    pub(super) energy_gev: f64,
    /// Half the width of the window, or none where all showers count as they are.
    pub(super) half_width_gev: Option<f64>,
    pub(super) visible_energy: Columns,
    pub(super) n_hits: Columns,
}

impl AtEnergy {
    /// What visible energy and hits of a shower are multiplied with; none where it is outside the window.
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
        let mut next = 0;
        let mut columns = |axis: &Axis| {
            let columns = Columns { axis: axis.clone(), first: next };
            next += axis.n_slots();
            columns
        };
        let axes = &settings.axes;
        let cell_energy = columns(&axes.cell_energy_mev);
        let radial = columns(&axes.radial);
        let longitudinal = columns(&axes.longitudinal);
        let n_dense = longitudinal.range().end;
        let cog_z = columns(&axes.cog_z);
        let n_split = cog_z.range().end;
        let visible_energy = columns(&axes.visible_energy_mev);
        let n_hits = columns(&axes.n_hits);
        let windows = match kind {
            FileKind::FullSpectrum => settings
                .energies_gev
                .iter()
                .map(|&energy| (energy, Some(settings.window_half_width_gev)))
                .collect(),
            FileKind::FixedEnergy { energy_gev } => {
                check_positive("energy_gev of the file", energy_gev)?;
                vec![(energy_gev, None)]
            }
        };
        let at_energy = windows
            .into_iter()
            .map(|(energy_gev, half_width_gev)| AtEnergy {
                energy_gev,
                half_width_gev,
                visible_energy: columns(&axes.visible_energy_mev),
                n_hits: columns(&axes.n_hits),
            })
            .collect();
        let [layers, nx, ny] = settings.shape;
        let column_of = |columns: &Columns, value: f64| columns.column(value).unwrap_or(columns.first) as u32;
        let (centre_x, centre_y) = ((nx as f64 - 1.0) / 2.0, (ny as f64 - 1.0) / 2.0);
        let mut radial_columns = Vec::with_capacity(nx * ny);
        for x in 0..nx {
            for y in 0..ny {
                // The root of the sum of squares rather than `hypot`: what everyone's NumPy code does at bin edges.
                let r = ((x as f64 - centre_x).powi(2) + (y as f64 - centre_y).powi(2)).sqrt();
                radial_columns.push(column_of(&radial, r));
            }
        }
        let layer_columns = (0..layers).map(|layer| column_of(&longitudinal, layer as f64)).collect();
        Ok(Self {
            grid,
            observables: settings.observables,
            cell_energy,
            radial_columns,
            layer_columns,
            radial: radial.range(),
            longitudinal: longitudinal.range(),
            visible_energy,
            n_hits,
            cog_z,
            at_energy,
            n_dense,
            n_split,
            n_columns: next,
        })
    }

    /// The columns of one histogram.
    pub(super) fn columns(&self, observable: Observable, energy_gev: Option<f64>) -> Option<Range<usize>> {
        let Some(energy_gev) = energy_gev else {
            return Some(match observable {
                Observable::CellEnergy => self.cell_energy.range(),
                Observable::VisibleEnergy => self.visible_energy.range(),
                Observable::NHits => self.n_hits.range(),
                Observable::CogZ => self.cog_z.range(),
                Observable::Radial => self.radial.clone(),
                Observable::Longitudinal => self.longitudinal.clone(),
            });
        };
        let at = self.at_energy.iter().find(|at| at.energy_gev.to_bits() == energy_gev.to_bits())?;
        match observable {
            Observable::VisibleEnergy => Some(at.visible_energy.range()),
            Observable::NHits => Some(at.n_hits.range()),
            _ => None,
        }
    }
}
