//! Showers in memory: the grid they live on, and batches of them.

use std::fmt;

use ndarray::{Array2, Array4, ArrayView4};
use serde::{Deserialize, Serialize};

/// Extent of a shower image: `layers` in depth (layer 0 in front), `nx` by `ny` cells across.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grid {
    /// Number of active layers along the particle's direction.
    pub layers: usize,
    /// Cells along x (ROOT x).
    pub nx: usize,
    /// Cells along y (ROOT z).
    pub ny: usize,
}

impl Grid {
    /// Cells of one shower.
    pub fn n_cells(self) -> usize {
        self.layers * self.nx * self.ny
    }

    /// `[layers, nx, ny]`.
    pub fn shape(self) -> [usize; 3] {
        [self.layers, self.nx, self.ny]
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.layers, self.nx, self.ny)
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// The two element types shower files come in.
pub trait Real:
    private::Sealed
    + hdf5::H5Type
    + Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + fmt::Debug
    + fmt::Display
    + 'static
{
    /// This type's tag.
    const DTYPE: Dtype;
    /// Widening, exact.
    fn to_f64(self) -> f64;
    /// Rounded to nearest where `Self` is narrower.
    fn from_f64(value: f64) -> Self;
}

impl Real for f32 {
    const DTYPE: Dtype = Dtype::F32;
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
}

impl Real for f64 {
    const DTYPE: Dtype = Dtype::F64;
    fn to_f64(self) -> f64 {
        self
    }
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// Element type of the cells in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// 32-bit IEEE float, the storage type of this project.
    F32,
    /// 64-bit IEEE float.
    F64,
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}

/// What some layouts know about a shower beyond its energy and cells. One entry a shower in each part present.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ShowerExtras {
    /// Unit vectors of the incident direction, `[shower, 3]`, in ShowerData's axes.
    pub directions: Option<Array2<f32>>,
    /// PDG code of the incident particle.
    pub pdg: Option<Vec<i32>>,
    /// The producer's own number of the shower.
    pub shower_ids: Option<Vec<i64>>,
}

/// Consecutive showers of one file. Buffers are reused from batch to batch.
///
/// # Shapes
/// `cells_mev` is `[shower, layer, x, y]`; every other per-shower vector has as many entries.
#[derive(Debug, Clone, PartialEq)]
pub struct ShowerBatch<T = f32> {
    /// Index in the file of the batch's first shower.
    pub first_shower: u64,
    /// Incident kinetic energies in GeV.
    pub energies_gev: Vec<f64>,
    /// Energies deposited in the cells in MeV.
    pub cells_mev: Array4<T>,
    /// What the layout holds besides.
    pub extras: ShowerExtras,
}

impl<T: Real> ShowerBatch<T> {
    /// An empty batch for showers on `grid`.
    pub fn empty(grid: Grid) -> Self {
        let [layers, nx, ny] = grid.shape();
        Self {
            first_shower: 0,
            energies_gev: Vec::new(),
            cells_mev: Array4::from_shape_simple_fn((0, layers, nx, ny), T::default),
            extras: ShowerExtras::default(),
        }
    }

    /// Showers in the batch.
    pub fn len(&self) -> usize {
        self.energies_gev.len()
    }

    /// Whether the batch holds no shower.
    pub fn is_empty(&self) -> bool {
        self.energies_gev.is_empty()
    }

    /// The grid the showers live on.
    pub fn grid(&self) -> Grid {
        let (_, layers, nx, ny) = self.cells_mev.dim();
        Grid { layers, nx, ny }
    }

    /// The cells as a view, `[shower, layer, x, y]`, MeV.
    pub fn view(&self) -> ArrayView4<'_, T> {
        self.cells_mev.view()
    }
}
