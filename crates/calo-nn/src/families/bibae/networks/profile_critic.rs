//! Critic of the profiles: whether a reconstruction has its energy where showers have it, and where
//! the encoded shower had it.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use super::super::profiles::{Profiles, n_sums};
use crate::Result;
use crate::components::{check_condition, positive};
use crate::engine::Grid;
use crate::field::{Allowed, check};
use crate::layers::{Linear, linear_stack};
use crate::parameters::Path;

/// Factor on profiles, but not on their differences, before the layers: for 2 GeV the root is 45, while two showers
/// differ by about 1.
const PROFILE_UNIT: f64 = 0.1;

/// Slope of the activations below zero.
const SLOPE: f64 = 0.2;

/// Sizes of the critic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileCriticConfig {
    /// Cells along layer, x, y.
    #[serde(skip)]
    pub grid: Grid,
    /// Units of the layers between the profiles and the score.
    pub units: Vec<usize>,
    /// k of ln(1 + k x), a further feature for every sum of energies x, in 1/MeV; 0 for none. The halo of a shower weighs
    /// little in roots. In logarithms it weighs as much as the core.
    pub log_per_mev: f64,
}

impl Default for ProfileCriticConfig {
    fn default() -> Self {
        Self { grid: [30; 3], units: vec![128, 128, 64], log_per_mev: 0.0 }
    }
}

impl ProfileCriticConfig {
    /// Checks that a network can be built.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) for a grid without cells, a layer without units or a negative factor.
    pub fn validate(&self) -> Result<()> {
        positive(&[
            ("profile_critic.grid", self.grid.iter().product()),
            ("profile_critic.units", self.units.iter().copied().min().unwrap_or(1)),
        ])?;
        check("profile_critic.log_per_mev", self.log_per_mev, Allowed::FromZero)
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
    profiles: Profiles,
    log_per_mev: f64,
    layers: Vec<Linear>,
}

impl ProfileCritic {
    /// A critic of `config`.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &ProfileCriticConfig) -> Result<Self> {
        config.validate()?;
        // Profiles of energies and of roots, for the reconstruction and for the difference; logarithms; the incident energy.
        let n_logarithms = if config.log_per_mev > 0.0 { 1 } else { 0 };
        let n_in = (4 + n_logarithms) * n_sums(config.grid) + 1;
        let layers = Linear::stack(path, &[&[n_in], &config.units[..], &[1]].concat())?;
        let profiles = Profiles::new(path, config.grid)?;
        Ok(Self { profiles, log_per_mev: config.log_per_mev, layers })
    }

    /// The critic's input for showers: for the energies of cells and for their roots, the root of 1 + the sum over each
    /// layer, each row, each column and the whole. Such roots fluctuate about equally everywhere. Then the logarithms, if
    /// there are any.
    ///
    /// # Shapes
    /// both `[n, layer, x, y]`, in MeV and its root, -> `[n, 2 (layers + x + y + 1)]`, with logarithms 3 times as many
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn profiles(&self, energies_mev: &Tensor, roots: &Tensor) -> Result<Tensor> {
        let of_energies = self.profiles.sums(energies_mev)?;
        let of_both = Tensor::cat(&[&of_energies, &self.profiles.sums(roots)?], D::Minus1)?;
        let roots = (of_both + 1.0)?.sqrt()?;
        if self.log_per_mev > 0.0 {
            let logarithms = of_energies.affine(self.log_per_mev, 1.0)?.log()?;
            return Ok(Tensor::cat(&[roots, logarithms], D::Minus1)?);
        }
        Ok(roots)
    }

    /// Scores of pairs of a shower's profiles and its reconstruction's; higher is more real.
    ///
    /// The logarithms of the reconstruction are seen alone, without their difference from the shower's. What latent variables
    /// do not hold, such as single hits of the halo, differs least from the shower at its median: at no hits.
    ///
    /// # Shapes
    /// both as [`ProfileCritic::profiles`] returns them, condition `[n, 1]` -> `[n]`
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, showers: &Tensor, image: &Tensor, condition: &Tensor) -> Result<Tensor> {
        check_condition("profile critic", showers, condition)?;
        let n_roots = 2 * self.profiles.n_sums();
        let [of_image, of_shower] =
            [image.narrow(D::Minus1, 0, n_roots)?, showers.narrow(D::Minus1, 0, n_roots)?];
        let mut features = vec![(&of_image * PROFILE_UNIT)?, (of_image - of_shower)?, condition.clone()];
        let n_logarithms = image.dim(D::Minus1)? - n_roots;
        if n_logarithms > 0 {
            features.push(image.narrow(D::Minus1, n_roots, n_logarithms)?);
        }
        Ok(linear_stack(&self.layers, &Tensor::cat(&features, D::Minus1)?, SLOPE)?.squeeze(1)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device, Var};

    use super::*;
    use crate::autograd::backward;
    use crate::parameters::Parameters;

    const GRID: Grid = [2, 3, 2];

    fn critic(parameters: &Parameters) -> ProfileCritic {
        critic_with(parameters, 0.0)
    }

    fn critic_with(parameters: &Parameters, log_per_mev: f64) -> ProfileCritic {
        let config = ProfileCriticConfig { grid: GRID, units: vec![5, 4], log_per_mev };
        ProfileCritic::new(&parameters.path(), &config).unwrap()
    }

    #[test]
    fn logarithms_are_those_of_the_sums() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let critic = critic_with(&parameters, 2.0);
        let (mev, roots) = (cells((0..12).map(f64::from)), cells((0..12).map(|_| 1.0)));
        let profiles = critic.profiles(&mev, &roots).unwrap();
        assert_eq!(profiles.dims(), [1, 3 * 8]);
        let found = profiles.narrow(1, 16, 8).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        let sums: [f64; 8] = [15.0, 51.0, 14.0, 22.0, 30.0, 30.0, 36.0, 66.0];
        for (found, sum) in found.iter().zip(sums) {
            assert!((found - (2.0 * sum).ln_1p()).abs() < 1e-9, "{found}, {sum}");
        }
    }

    #[test]
    fn logarithms_of_the_shower_do_not_count() {
        let parameters = Parameters::new(3, DType::F64, &Device::Cpu);
        let critic = critic_with(&parameters, 2.0);
        let profiles = |value: f64| {
            let values = cells((0..12).map(|_| value));
            critic.profiles(&values, &values).unwrap()
        };
        let condition = Tensor::new(&[[1.0]], &Device::Cpu).unwrap();
        let score = |shower: &Tensor, image: &Tensor| {
            critic.forward(shower, image, &condition).unwrap().to_vec1::<f64>().unwrap()
        };
        // The roots of one, the logarithms of the other.
        let mixed = |a: &Tensor, b: &Tensor| {
            Tensor::cat(&[a.narrow(1, 0, 16).unwrap(), b.narrow(1, 16, 8).unwrap()], 1).unwrap()
        };
        let (one, two) = (profiles(1.0), profiles(2.0));
        assert_eq!(score(&mixed(&one, &two), &one), score(&one, &one));
        assert_ne!(score(&one, &mixed(&one, &two)), score(&one, &one));
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
        for log_per_mev in [0.0, 2.0] {
            every_cell_has_one(log_per_mev);
        }
    }

    fn every_cell_has_one(log_per_mev: f64) {
        let parameters = Parameters::new(2, DType::F64, &Device::Cpu);
        let critic = critic_with(&parameters, log_per_mev);
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
        let config = ProfileCriticConfig { grid: GRID, units: vec![5, 0], ..ProfileCriticConfig::default() };
        let message = ProfileCritic::new(&parameters.path(), &config).unwrap_err().to_string();
        assert!(message.contains("profile_critic.units"), "{message}");
        let other = Tensor::zeros((1, 3, 3, 2), DType::F64, &Device::Cpu).unwrap();
        let message = critic(&parameters).profiles(&other, &other).unwrap_err().to_string();
        assert!(message.contains("[n, 2, 3, 2]"), "{message}");
    }
}
