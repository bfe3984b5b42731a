//! Critic of the profiles: whether a reconstruction has its energy where showers have it, and where
//! the encoded shower had it.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::components::{check_condition, images, positive};
use crate::engine::Grid;
use crate::layers::{Linear, linear_stack};
use crate::ops::linear;
use crate::parameters::Path;
use crate::{Error, Result};

/// Factor on profiles, but not on their differences, before the layers: for 2 GeV the root is 45, while two showers
/// differ by about 1.
const PROFILE_UNIT: f64 = 0.1;

/// Factor on mean places and widths, in cells, before the layers: those of showers differ by some tenths of a cell, roots of
/// sums by about 1.
const MOMENT_UNIT: f64 = 4.0;

/// Slope of the activations below zero.
const SLOPE: f64 = 0.2;

/// Sizes of the critic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileCriticConfig {
    /// Cells along layer, x, y.
    #[serde(skip)]
    pub grid: Grid,
    /// Units of the layers between the profiles and the score.
    pub units: Vec<usize>,
    /// Whether mean place and width along each axis are further features. They follow from the profiles of energies, but as
    /// quotients of small differences.
    pub moments: bool,
}

impl Default for ProfileCriticConfig {
    fn default() -> Self {
        Self { grid: [30; 3], units: vec![128, 128, 64], moments: false }
    }
}

impl ProfileCriticConfig {
    /// Checks that a network can be built.
    ///
    /// # Errors
    /// [`Error::Field`] for a grid without cells or a layer without units.
    pub fn validate(&self) -> Result<()> {
        positive(&[
            ("profile_critic.grid", self.grid.iter().product()),
            ("profile_critic.units", self.units.iter().copied().min().unwrap_or(1)),
        ])
    }

    /// Sums over cells: one for each layer, row and column, and one for all cells.
    fn n_sums(&self) -> usize {
        self.grid.iter().sum::<usize>() + 1
    }
}

/// A network whose only input is sums over cells.
///
/// A critic of cells hardly sees the visible energy: it changes every cell a little, and normalised convolutions remove
/// the size of a shower. Sums show that energy, its depth and its width directly.
///
/// # Reference
/// Layer energies as features of a discriminator: Paganini et al., arXiv 1712.10321 (`CaloGAN`).
#[derive(Debug, Clone)]
pub struct ProfileCritic {
    grid: Grid,
    /// 1 where a cell counts, `[sum, cell]`.
    members: Tensor,
    moments: bool,
    layers: Vec<Linear>,
}

impl ProfileCritic {
    /// A critic of `config`.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &ProfileCriticConfig) -> Result<Self> {
        config.validate()?;
        let members = Tensor::new(members(config.grid), path.device())?.to_dtype(path.dtype())?;
        let members = members.reshape((config.n_sums(), ()))?;
        // Profiles of energies and of roots, for the reconstruction and for the difference; the incident energy.
        let n_in = 4 * config.n_sums() + 1 + if config.moments { 2 * 6 } else { 0 };
        let layers = Linear::stack(path, &[&[n_in], &config.units[..], &[1]].concat())?;
        Ok(Self { grid: config.grid, members, moments: config.moments, layers })
    }

    /// The critic's input for showers: for the energies of cells and for their roots, the root of 1 + the sum over each
    /// layer, each row, each column and the whole. Such roots fluctuate about equally everywhere.
    ///
    /// # Shapes
    /// both `[n, layer, x, y]`, in MeV and its root, -> `[n, 2 (layers + x + y + 1)]`
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn profiles(&self, energies_mev: &Tensor, roots: &Tensor) -> Result<Tensor> {
        let rows =
            |cells: &Tensor| images("profile critic", cells, self.grid)?.flatten_from(1).map_err(Error::from);
        let sums = |cells: &Tensor| linear(&rows(cells)?, &self.members, None);
        let sums = Tensor::cat(&[sums(energies_mev)?, sums(roots)?], D::Minus1)?;
        Ok((sums + 1.0)?.sqrt()?)
    }

    /// Scores of pairs of a shower's profiles and its reconstruction's; higher is more real.
    ///
    /// # Shapes
    /// both `[n, 2 (layers + x + y + 1)]`, condition `[n, 1]` -> `[n]`
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, showers: &Tensor, image: &Tensor, condition: &Tensor) -> Result<Tensor> {
        check_condition("profile critic", showers, condition)?;
        let mut features = vec![(image * PROFILE_UNIT)?, (image - showers)?, condition.clone()];
        if self.moments {
            let [ours, theirs] = [self.moments_of(image)?, self.moments_of(showers)?];
            features.extend([(&ours - theirs)?, (ours * PROFILE_UNIT)?]);
        }
        Ok(linear_stack(&self.layers, &Tensor::cat(&features, D::Minus1)?, SLOPE)?.squeeze(1)?)
    }
}

impl ProfileCritic {
    /// Mean place and width (standard deviation) of the energy along each axis, in units of 1 / [`MOMENT_UNIT`] cells, from
    /// what [`ProfileCritic::profiles`] makes.
    ///
    /// # Shapes
    /// `[n, 2 (layers + x + y + 1)]` -> `[n, 6]`
    fn moments_of(&self, profiles: &Tensor) -> Result<Tensor> {
        let mut start = 0;
        let mut moments = Vec::with_capacity(6);
        for length in self.grid {
            // Roots of 1 + sum. A little more, so that no sum is 0 and empty showers have a derivative.
            let sums = (profiles.narrow(1, start, length)?.sqr()? - (1.0 - 1e-3))?;
            start += length;
            let shares = sums.broadcast_div(&sums.sum_keepdim(1)?)?;
            #[expect(clippy::cast_precision_loss, reason = "few cells")]
            let places: Vec<f32> = (0..length).map(|place| place as f32).collect();
            let places =
                Tensor::from_vec(places, (1, length), profiles.device())?.to_dtype(profiles.dtype())?;
            let mean = shares.broadcast_mul(&places)?.sum_keepdim(1)?;
            let off = places.broadcast_sub(&mean)?;
            let width = ((shares * off.sqr()?)?.sum_keepdim(1)? + 1e-3)?.sqrt()?;
            moments.extend([mean, width]);
        }
        Ok((Tensor::cat(&moments, 1)? * MOMENT_UNIT)?)
    }
}

/// 1 where a cell belongs to a sum: sums of layers, of x, of y and of all, each over the cells in order.
fn members([layers, nx, ny]: Grid) -> Vec<f32> {
    let axes = [(layers, nx * ny), (nx, ny), (ny, 1), (1, layers * nx * ny)];
    let n_cells = layers * nx * ny;
    let of_axis = |(length, stride): (usize, usize)| {
        (0..length).flat_map(move |place| (0..n_cells).map(move |cell| (cell / stride) % length == place))
    };
    axes.into_iter().flat_map(of_axis).map(|is_member| if is_member { 1.0 } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::autograd::backward;
    use crate::parameters::Parameters;

    const GRID: Grid = [2, 3, 2];

    fn critic(parameters: &Parameters) -> ProfileCritic {
        critic_with(parameters, false)
    }

    fn critic_with(parameters: &Parameters, moments: bool) -> ProfileCritic {
        let config = ProfileCriticConfig { grid: GRID, units: vec![5, 4], moments };
        ProfileCritic::new(&parameters.path(), &config).unwrap()
    }

    #[test]
    fn moments_are_those_of_the_energies() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let critic = critic_with(&parameters, true);
        // 600 MeV in one cell, 200 MeV in another: 1.5 cells apart along x on the mean.
        let mut values = [0.0; 12];
        values[2] = 600.0; // layer 0, x 1, y 0
        values[11] = 200.0; // layer 1, x 2, y 1
        let (mev, roots) = (cells(values.into_iter()), cells(values.into_iter().map(f64::sqrt)));
        let moments = critic.moments_of(&critic.profiles(&mev, &roots).unwrap()).unwrap();
        let found = moments.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let width = (0.25_f64 * 0.75).sqrt();
        for (found, expected) in found.iter().zip([0.25, width, 1.25, width, 0.25, width]) {
            assert!((found / MOMENT_UNIT - expected).abs() < 2e-3, "{found}, {expected}");
        }
    }

    fn cells(values: impl Iterator<Item = f64>) -> Tensor {
        let values: Vec<f64> = values.collect();
        Tensor::from_vec(values, (1, 2, 3, 2), &Device::Cpu).unwrap()
    }

    #[test]
    fn profiles_are_roots_of_sums() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let critic = critic(&parameters);
        // Cell [layer, x, y] holds 100 layer + 10 x + y.
        let value = |cell: usize| (100 * (cell / 6) + 10 * (cell / 2 % 3) + cell % 2) as f64;
        let (mev, roots) = (cells((0..12).map(value)), cells((0..12).map(|_| 2.0)));
        let profiles = critic.profiles(&mev, &roots).unwrap();
        assert_eq!(profiles.dims(), [1, 2 * 8]);
        let found = profiles.sqr().unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let layers = [63.0, 663.0];
        let x = [202.0, 242.0, 282.0];
        let y = [360.0, 366.0];
        let of_roots = [12.0, 12.0, 8.0, 8.0, 8.0, 12.0, 12.0, 24.0];
        let expected = layers.into_iter().chain(x).chain(y).chain([726.0]).chain(of_roots);
        for (found, sum) in found.iter().zip(expected) {
            assert!((found - 1.0 - sum).abs() < 1e-9, "{found}, {sum}");
        }
    }

    /// An empty shower too: the root of 0 has no derivative.
    #[test]
    fn every_cell_has_a_finite_gradient() {
        for moments in [false, true] {
            every_cell_has_one(moments);
        }
    }

    fn every_cell_has_one(moments: bool) {
        let parameters = Parameters::new(2, DType::F64, &Device::Cpu);
        let critic = critic_with(&parameters, moments);
        let shower = cells((0..12).map(f64::from));
        let condition = Tensor::new(&[[1.0]], &Device::Cpu).unwrap();
        let image = Var::from_tensor(&shower.zeros_like().unwrap()).unwrap();
        let shower = critic.profiles(&shower, &shower.sqrt().unwrap()).unwrap();
        let seen = critic.profiles(&image.sqr().unwrap(), &image).unwrap();
        let score = critic.forward(&shower, &seen, &condition).unwrap();
        assert_eq!(score.dims(), [1]);
        let gradient = backward(&score.sum_all().unwrap()).unwrap();
        let gradient = gradient.get(&image).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert!(gradient.iter().all(|g| g.is_finite() && *g != 0.0), "{gradient:?}");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let config = ProfileCriticConfig { grid: GRID, units: vec![5, 0], moments: false };
        let message = ProfileCritic::new(&parameters.path(), &config).unwrap_err().to_string();
        assert!(message.contains("profile_critic.units"), "{message}");
        let other = Tensor::zeros((1, 3, 3, 2), DType::F64, &Device::Cpu).unwrap();
        let message = critic(&parameters).profiles(&other, &other).unwrap_err().to_string();
        assert!(message.contains("[n, 2, 3, 2]"), "{message}");
    }
}
