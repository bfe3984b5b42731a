//! Moments of the profiles: a loss by which reconstructions have, on average and in spread, the profiles of showers of their
//! energy.

use candle_core::{D, Tensor, Var};
use serde::{Deserialize, Serialize};

use super::profiles::Profiles;
use crate::components::check_condition;
use crate::engine::Grid;
use crate::field::{Allowed, check, error};
use crate::parameters::Path;
use crate::{Error, Result};

/// Added under the roots: at no energy their slope stays finite.
const LEAST_SHARE: f64 = 1e-5;

/// Added to the variances of roots: sums that never vary stay finite.
const LEAST_VARIANCE: f64 = 1e-5;

/// Farthest that a reconstruction may be off to be pulled, in standard deviations: a cell that is never hit weighs no more.
const FARTHEST: f64 = 10.0;

/// Largest pull of a moment, in standard deviations: reconstructions of the first steps are far off.
const LARGEST_PULL: f64 = 3.0;

/// How the moments are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileMomentsConfig {
    /// Cells along layer, x, y.
    #[serde(skip)]
    pub grid: Grid,
    /// Incident energies between which moments are taken apart, rising.
    pub edges_gev: Vec<f64>,
    /// Batches that the running moments of reconstructions go back; those of showers go back ten times as far.
    pub batches: u32,
}

impl Default for ProfileMomentsConfig {
    fn default() -> Self {
        Self { grid: [30; 3], edges_gev: vec![25.0, 40.0, 60.0, 80.0], batches: 100 }
    }
}

impl ProfileMomentsConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`] for energies that are not above zero or do not rise, or no batch.
    pub fn validate(&self) -> Result<()> {
        for edge in &self.edges_gev {
            check("profile_moments.edges_gev", *edge, Allowed::AboveZero)?;
        }
        if self.edges_gev.windows(2).any(|pair| pair[1] <= pair[0]) {
            let edges = format!("{:?}", self.edges_gev);
            return Err(error("profile_moments.edges_gev", edges, "energies that rise"));
        }
        if self.batches == 0 {
            return Err(error("profile_moments.batches", 0, "at least 1"));
        }
        Ok(())
    }
}

/// Running moments of showers and of their reconstructions: means and squares of each feature between energies, and products of
/// two features, by which for example deep showers are as wide as they should be.
///
/// A critic has to find out, and go on finding out, in which direction reconstructions are off; a decoder that moves faster
/// than its critic learns swings about the right energy, and what varies less than the energy goes unseen. Running averages do
/// not have to be found. The loss is the inner product of each reconstruction's moments with the running differences, whose
/// gradient is that of half the squared differences.
#[derive(Debug, Clone)]
pub(super) struct ProfileMoments {
    profiles: Profiles,
    config: ProfileMomentsConfig,
    edges_gev: Tensor,
    showers: Running,
    reconstructions: Running,
    /// Products of two standardised features of a shower or of a reconstruction, of all energies, `[feature, feature]`.
    products_of_showers: Var,
    products_of_reconstructions: Var,
}

impl ProfileMoments {
    /// Without a shower yet.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the buffers.
    pub(super) fn new(path: &Path<'_>, config: &ProfileMomentsConfig) -> Result<Self> {
        config.validate()?;
        let profiles = Profiles::new(path, config.grid)?;
        let n = profiles.n_sums();
        let shape = (config.edges_gev.len() + 1, n);
        let products = |name: &str| path.buffer(name, &[n, n], 0.0);
        let edges_gev = Tensor::new(&config.edges_gev[..], path.device())?.to_dtype(path.dtype())?;
        Ok(Self {
            profiles,
            edges_gev: edges_gev.unsqueeze(0)?,
            config: config.clone(),
            showers: Running::new(&path.join("showers"), shape)?,
            reconstructions: Running::new(&path.join("reconstructions"), shape)?,
            products_of_showers: products("products_of_showers")?,
            products_of_reconstructions: products("products_of_reconstructions")?,
        })
    }

    /// Adds a batch of showers and their reconstructions to the running moments.
    ///
    /// # Shapes
    /// both as in [`ProfileMoments::loss`]
    ///
    /// # Errors
    /// When the shapes are others.
    pub(super) fn update(
        &self,
        showers_mev: &Tensor,
        images_mev: &Tensor,
        energies_gev: &Tensor,
    ) -> Result<()> {
        let members = self.members(energies_gev)?;
        let rate = 1.0 / f64::from(self.config.batches);
        let (showers_mev, images_mev) = (showers_mev.detach(), images_mev.detach());
        self.showers.update(&members, &self.features(&showers_mev, energies_gev)?, 0.1 * rate)?;
        let of_showers = self.standardised(&members, &showers_mev, energies_gev)?;
        let of_images = self.standardised(&members, &images_mev, energies_gev)?;
        self.reconstructions.update(&members, &of_images, rate)?;
        let pairs = [(&self.products_of_showers, of_showers), (&self.products_of_reconstructions, of_images)];
        for (running, z) in pairs {
            let mean = (z.t()?.matmul(&z)? / z.dim(0)? as f64)?;
            running.set(&((running.as_detached_tensor() * (1.0 - rate))? + (mean * rate)?)?)?;
        }
        Ok(())
    }

    /// How far the moments of reconstructions are off: a scalar, whose gradient counts.
    ///
    /// # Shapes
    /// energies of cells `[n, layer, x, y]` in MeV, incident energies `[n, 1]`
    ///
    /// # Errors
    /// When the shapes are others.
    pub(super) fn loss(&self, images_mev: &Tensor, energies_gev: &Tensor) -> Result<Tensor> {
        let members = self.members(energies_gev)?;
        let z = self.standardised(&members, images_mev, energies_gev)?;
        let pull = |off: &Tensor| Ok::<_, Error>(members.matmul(&off.clamp(-LARGEST_PULL, LARGEST_PULL)?)?);
        // Those of showers are 0 and, where they vary, about 1.
        let mean = self.reconstructions.mean()?;
        let of_showers = (self.showers.variance()? / self.standard_variance()?)?;
        let excess = (self.reconstructions.mean_square()? - of_showers)?;
        let of_mean = (pull(&mean)? * &z)?;
        let of_square = ((pull(&excess)? * z.sqr()?)? * 0.5)?;
        let each = (of_mean + of_square)?.sum(D::Minus1)?.mean_all()?;
        // There are many products of two: all of one feature together weigh about as much as its square.
        let off = (self.products_of_reconstructions.as_detached_tensor()
            - self.products_of_showers.as_detached_tensor())?;
        let n = self.profiles.n_sums() as f64;
        let of_products = (z.matmul(&off)? * &z)?.sum(D::Minus1)?.mean_all()?;
        Ok((each + (of_products * (0.5 / n.sqrt()))?)?)
    }

    /// Mean of the squared differences of means between reconstructions and showers, in standard deviations: a scalar.
    ///
    /// # Errors
    /// Candle's, when memory runs out.
    pub(super) fn distance(&self) -> Result<Tensor> {
        Ok(self.reconstructions.mean()?.sqr()?.mean_all()?)
    }

    /// 1 where a shower is between two energies, `[n, bin]`.
    fn members(&self, energies_gev: &Tensor) -> Result<Tensor> {
        let n = energies_gev.dim(0)?;
        check_condition("profile moments", energies_gev, energies_gev)?;
        let (dtype, device) = (energies_gev.dtype(), energies_gev.device());
        let above = energies_gev.broadcast_ge(&self.edges_gev)?.to_dtype(dtype)?;
        let first = Tensor::ones((n, 1), dtype, device)?;
        let last = Tensor::zeros((n, 1), dtype, device)?;
        Ok((Tensor::cat(&[&first, &above], 1)? - Tensor::cat(&[&above, &last], 1)?)?)
    }

    /// Roots: of the share of each layer, row and column in the whole; last, of the whole per incident energy in MeV/GeV. All
    /// vary little among showers of about the same energy, and the mean of their squares is the mean energy. `[n, sum]`
    fn features(&self, cells_mev: &Tensor, energies_gev: &Tensor) -> Result<Tensor> {
        let sums = self.profiles.sums(cells_mev)?;
        let n_parts = self.profiles.n_sums() - 1;
        let whole = sums.narrow(1, n_parts, 1)?;
        let parts = sums.narrow(1, 0, n_parts)?.broadcast_div(&(&whole + LEAST_SHARE)?)?;
        Ok((Tensor::cat(&[parts, (whole / energies_gev)?], 1)? + LEAST_SHARE)?.sqrt()?)
    }

    /// Features in standard deviations from the mean of showers of about the same energy.
    fn standardised(&self, members: &Tensor, cells_mev: &Tensor, energies_gev: &Tensor) -> Result<Tensor> {
        let centred = (self.features(cells_mev, energies_gev)? - members.matmul(&self.showers.mean()?)?)?;
        let deviation = members.matmul(&self.standard_variance()?.sqrt()?)?;
        Ok((centred / deviation)?.clamp(-FARTHEST, FARTHEST)?)
    }

    /// Square of what features are divided by.
    fn standard_variance(&self) -> Result<Tensor> {
        Ok((self.showers.variance()? + LEAST_VARIANCE)?)
    }
}

/// Running mean and mean square of features between energies, as buffers.
#[derive(Debug, Clone)]
struct Running {
    /// `[bin, 1]`
    weight: Var,
    /// Both `[bin, feature]`.
    sum: Var,
    sum_of_squares: Var,
}

impl Running {
    fn new(path: &Path<'_>, (n_bins, n_features): (usize, usize)) -> Result<Self> {
        Ok(Self {
            weight: path.buffer("weight", &[n_bins, 1], 0.0)?,
            sum: path.buffer("sum", &[n_bins, n_features], 0.0)?,
            sum_of_squares: path.buffer("sum_of_squares", &[n_bins, n_features], 0.0)?,
        })
    }

    /// Forgets this share of the past and adds a batch.
    fn update(&self, members: &Tensor, features: &Tensor, forgotten: f64) -> Result<()> {
        let of_bin = members.t()?;
        let weight = members.sum(0)?.unsqueeze(1)?;
        let sums = (of_bin.matmul(features)?, of_bin.matmul(&features.sqr()?)?);
        for (running, new) in [(&self.weight, weight), (&self.sum, sums.0), (&self.sum_of_squares, sums.1)] {
            running.set(&((running.as_detached_tensor() * (1.0 - forgotten))? + new)?)?;
        }
        Ok(())
    }

    fn mean(&self) -> Result<Tensor> {
        self.average(&self.sum)
    }

    fn mean_square(&self) -> Result<Tensor> {
        self.average(&self.sum_of_squares)
    }

    fn variance(&self) -> Result<Tensor> {
        Ok((self.mean_square()? - self.mean()?.sqr()?)?.relu()?)
    }

    /// Zero in a bin without showers.
    fn average(&self, sum: &Var) -> Result<Tensor> {
        let weight = self.weight.as_detached_tensor().maximum(1e-6)?;
        Ok(sum.as_detached_tensor().broadcast_div(&weight)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;
    use crate::autograd::backward;
    use crate::parameters::Parameters;

    const GRID: Grid = [2, 2, 1];

    fn moments(parameters: &Parameters) -> ProfileMoments {
        let config = ProfileMomentsConfig {
            grid: GRID,
            edges_gev: vec![20.0, 50.0],
            ..ProfileMomentsConfig::default()
        };
        ProfileMoments::new(&parameters.path().join("moments"), &config).unwrap()
    }

    /// Four showers, three of them of one bin, and `factor` times their cells.
    fn batch(factor: f64) -> [Tensor; 3] {
        let values: Vec<f64> = (0..16).map(|i| f64::from((i * 7) % 5 + 1)).collect();
        let showers = Tensor::from_vec(values, (4, 2, 2, 1), &Device::Cpu).unwrap();
        let energies = Tensor::new(&[[20.0], [30.0], [49.0], [50.0]], &Device::Cpu).unwrap();
        let images = (&showers * factor).unwrap();
        [showers, images, energies]
    }

    /// Slope of the loss in a common factor of all cells.
    fn slope(moments: &ProfileMoments, factor: f64) -> f64 {
        let [showers, _, energies] = batch(factor);
        let factor = Var::from_tensor(&Tensor::new(factor, &Device::Cpu).unwrap()).unwrap();
        let loss = moments.loss(&showers.broadcast_mul(&factor).unwrap(), &energies).unwrap();
        backward(&loss).unwrap().get(&factor).unwrap().to_scalar().unwrap()
    }

    #[test]
    fn what_has_the_moments_of_showers_is_not_pulled() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let moments = moments(&parameters);
        let [showers, images, energies] = batch(1.0);
        for _ in 0..400 {
            moments.update(&showers, &images, &energies).unwrap();
        }
        assert!(moments.distance().unwrap().to_scalar::<f64>().unwrap() < 1e-12);
        assert!(slope(&moments, 1.0).abs() < 1e-3, "{}", slope(&moments, 1.0));
        assert_eq!(parameters.trainable().len(), 0);
    }

    #[test]
    fn too_much_energy_is_pulled_down_and_too_little_up() {
        for factor in [2.0, 0.5] {
            let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
            let moments = moments(&parameters);
            let [showers, images, energies] = batch(factor);
            for _ in 0..400 {
                moments.update(&showers, &images, &energies).unwrap();
            }
            assert!(moments.distance().unwrap().to_scalar::<f64>().unwrap() > 0.05);
            assert!(slope(&moments, factor) * (factor - 1.0) > 0.0, "{}", slope(&moments, factor));
        }
    }

    /// Layers and rows are as in showers, each for itself: only that deep ones lie on the other side differs.
    #[test]
    fn what_is_correlated_otherwise_is_pulled() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let moments = moments(&parameters);
        let with_core = |cells: [usize; 2]| {
            let values: Vec<f64> = cells
                .iter()
                .flat_map(|core| (0..4).map(move |i| if i == *core { 4.0 } else { 1.0 }))
                .collect();
            Tensor::from_vec(values, (2, 2, 2, 1), &Device::Cpu).unwrap()
        };
        let (showers, images) = (with_core([0, 3]), with_core([1, 2]));
        let energies = Tensor::new(&[[30.0], [30.0]], &Device::Cpu).unwrap();
        for _ in 0..400 {
            moments.update(&showers, &images, &energies).unwrap();
        }
        let loss = |images: &Tensor| moments.loss(images, &energies).unwrap().to_scalar::<f64>().unwrap();
        assert!(moments.distance().unwrap().to_scalar::<f64>().unwrap() < 1e-12);
        assert!(loss(&images) > 1.0 && loss(&showers) < -1.0, "{}, {}", loss(&images), loss(&showers));
    }

    #[test]
    fn an_edge_belongs_to_the_bin_above() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let [_, _, energies] = batch(1.0);
        let members = moments(&parameters).members(&energies).unwrap().to_vec2::<f64>().unwrap();
        assert_eq!(members, [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
    }

    #[test]
    fn features_are_roots_of_shares_and_of_the_whole_for_its_energy() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let cells = Tensor::new(&[[[[1.0], [2.0]], [[3.0], [4.0]]]], &Device::Cpu).unwrap();
        let energies = Tensor::new(&[[20.0]], &Device::Cpu).unwrap();
        let found = moments(&parameters).features(&cells, &energies).unwrap().to_vec2::<f64>().unwrap();
        // Layers, x, y, all.
        let expected = [0.3, 0.7, 0.4, 0.6, 1.0, 10.0 / 20.0].map(f64::sqrt);
        for (found, expected) in found[0].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found}, {expected}");
        }
    }

    /// A shower without energy too.
    #[test]
    fn every_cell_has_a_finite_gradient() {
        let parameters = Parameters::new(1, DType::F64, &Device::Cpu);
        let moments = moments(&parameters);
        let [showers, images, energies] = batch(2.0);
        moments.update(&showers, &images, &energies).unwrap();
        let images = Var::from_tensor(&images.zeros_like().unwrap()).unwrap();
        let gradient = backward(&moments.loss(&images, &energies).unwrap()).unwrap();
        let gradient = gradient.get(&images).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert!(gradient.iter().all(|g| g.is_finite()), "{gradient:?}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let message = |config: ProfileMomentsConfig| config.validate().unwrap_err().to_string();
        let default = ProfileMomentsConfig::default;
        assert!(message(ProfileMomentsConfig { batches: 0, ..default() }).contains("batches"));
        let falling = ProfileMomentsConfig { edges_gev: vec![30.0, 20.0], ..default() };
        assert!(message(falling).contains("edges_gev"));
        let none = ProfileMomentsConfig { edges_gev: vec![0.0], ..default() };
        assert!(message(none).contains("edges_gev"));
    }
}
