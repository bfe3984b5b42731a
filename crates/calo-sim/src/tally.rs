//! What the readout sees of one shower: energy summed in cells, and where the rest of the energy went.

use calo_core::Detector;
use calo_core::detector::CellAxis;

/// One cell with signal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellDeposit {
    /// Layer, 0 in front.
    pub layer: u32,
    /// Cell along x, counted from the lower edge of the plates.
    pub ix: u32,
    /// Cell along y.
    pub iy: u32,
    /// Signal, MeV.
    pub energy_mev: f64,
}

/// Where the energy of a shower went, MeV. The sum of all parts is the energy that came in.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EnergyBalance {
    /// Deposited in active slabs, before Birks' law and including places without a cell.
    pub active_mev: f64,
    /// Deposited in passive slabs.
    pub passive_mev: f64,
    /// Left the calorimeter.
    pub escaped_mev: f64,
    /// Spent on breaking up nuclei, carried away by neutrinos, or kept as rest mass. Zero in electromagnetic showers.
    pub invisible_mev: f64,
}

impl EnergyBalance {
    /// All parts together, MeV.
    pub fn total_mev(&self) -> f64 {
        self.active_mev + self.passive_mev + self.escaped_mev + self.invisible_mev
    }
}

/// Cells of one shower, reused from shower to shower.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Cells of each layer along x.
    x: Vec<CellAxis>,
    y: CellAxis,
    /// Most cells of any layer along x.
    nx: usize,
    /// Dense image, MeV, `[layer, x, y]`.
    cells_mev: Vec<f64>,
    /// Indices of cells with signal, in order of their first.
    touched: Vec<u32>,
    birks_mm_per_mev: f64,
    pub(crate) balance: EnergyBalance,
}

impl Tally {
    pub(crate) fn new(detector: &Detector) -> Self {
        let layers = detector.grid.layers;
        let x: Vec<CellAxis> = (0..layers).map(|layer| detector.cells_x(layer)).collect();
        let y = detector.cells_y();
        let nx = x.iter().map(CellAxis::n_cells).max().unwrap_or(0);
        Self {
            cells_mev: vec![0.0; layers * nx * y.n_cells()],
            touched: Vec::with_capacity(4096),
            birks_mm_per_mev: detector.geometry.birks_mm_per_mev.unwrap_or(0.0),
            balance: EnergyBalance::default(),
            x,
            y,
            nx,
        }
    }

    /// Adds a deposit of a charged particle that lost `energy_mev` over `path_mm` at `position_mm`.
    #[inline]
    pub(crate) fn deposit(
        &mut self,
        layer: Option<u32>,
        position_mm: [f64; 3],
        energy_mev: f64,
        path_mm: f64,
    ) {
        match layer {
            None => self.balance.passive_mev += energy_mev,
            Some(layer) => self.read_out(layer as usize, position_mm, energy_mev, path_mm),
        }
    }

    /// A deposit in an active layer.
    fn read_out(&mut self, layer: usize, position_mm: [f64; 3], energy_mev: f64, path_mm: f64) {
        self.balance.active_mev += energy_mev;
        let (Some(ix), Some(iy)) = (self.x[layer].cell_at(position_mm[0]), self.y.cell_at(position_mm[2]))
        else {
            return;
        };
        // Birks: signal = dE / (1 + kB dE/dx).
        let signal_mev = if self.birks_mm_per_mev > 0.0 && path_mm > 0.0 {
            energy_mev / (1.0 + self.birks_mm_per_mev * energy_mev / path_mm)
        } else {
            energy_mev
        };
        if signal_mev <= 0.0 {
            return;
        }
        let index = (layer * self.nx + ix) * self.y.n_cells() + iy;
        let cell = &mut self.cells_mev[index];
        if *cell == 0.0 {
            self.touched.push(index as u32);
        }
        *cell += signal_mev;
    }

    /// Moves the shower's cells to `out` in order of layer, x, y, and clears for the next shower.
    pub(crate) fn take(&mut self, out: &mut Vec<CellDeposit>) -> EnergyBalance {
        self.touched.sort_unstable();
        let (nx, ny) = (self.nx, self.y.n_cells());
        for &index in &self.touched {
            let i = index as usize;
            let energy_mev = std::mem::take(&mut self.cells_mev[i]);
            out.push(CellDeposit {
                layer: (i / (nx * ny)) as u32,
                ix: (i / ny % nx) as u32,
                iy: (i % ny) as u32,
                energy_mev,
            });
        }
        self.touched.clear();
        std::mem::take(&mut self.balance)
    }
}
