//! Critic of the reconstruction: whether it looks like a shower, and like the shower it was encoded from.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use super::batch_embedding::{BatchEmbedding, BatchEmbeddingConfig};
use crate::components::stack::{Between, ConvStack, Names};
use crate::components::{FeatureMaps, check_condition, images, positive};
use crate::engine::Grid;
use crate::layers::{Conv3d, ConvConfig, Linear, linear_stack};
use crate::ops::leaky_relu;
use crate::parameters::Path;
use crate::{Error, Result};

/// Slope of the activations below zero.
const SLOPE: f64 = 0.2;

/// Slope of the branch that sees the difference.
const DIFFERENCE_SLOPE: f64 = 0.01;

/// Sizes of the critic. The default is the published network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CriticConfig {
    /// Cells along layer, x, y.
    #[serde(skip)]
    pub grid: Grid,
    /// Channels of the convolutions, m; even.
    pub width: usize,
    /// k of log(1 + k x), what the second branch sees of cells of x MeV; 1/MeV.
    pub log_per_mev: f64,
    /// Features of how showers of a batch differ, as published for pions; if it is left out, as for photons, there are none.
    pub batch_embedding: Option<BatchEmbeddingConfig>,
}

impl Default for CriticConfig {
    fn default() -> Self {
        Self { grid: [30; 3], width: 128, log_per_mev: 1.0, batch_embedding: None }
    }
}

impl CriticConfig {
    /// Checks that a network can be built.
    ///
    /// # Errors
    /// [`Error::Field`] naming the field, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        let cells: usize = self.grid.iter().product();
        positive(&[("critic.grid", cells), ("critic.width / 2", self.width / 2)])?;
        self.batch_embedding.as_ref().map_or(Ok(()), BatchEmbeddingConfig::validate)?;
        if self.log_per_mev.is_finite() && self.log_per_mev > 0.0 {
            return Ok(());
        }
        Err(Error::Field {
            field: "critic.log_per_mev".to_owned(),
            value: self.log_per_mev.to_string(),
            expected: "a finite number above 0".to_owned(),
        })
    }
}

/// Convolutions that end in m/2 features.
#[derive(Debug, Clone)]
struct Branch {
    normalised: ConvStack,
    last: Conv3d,
    connected: Linear,
}

impl Branch {
    fn new(path: &Path<'_>, suffix: &'static str, config: &CriticConfig) -> Result<Self> {
        // On a pooled grid an axis may be shorter than the kernel, which is then cut to it.
        let fitting = |size: Grid, stride| {
            ConvConfig::new(config.width, size.map(|cells| cells.min(3)), [stride; 3], [0; 3])
        };
        let first = fitting(config.grid, 2);
        let second = fitting(first.size(config.grid)?, 2);
        let names = Names { suffix, ..Names::PLAIN };
        let input = FeatureMaps::of_showers(config.grid);
        let normalised =
            ConvStack::new(path, names, input, &[first, second], Between { normalised: true, slope: SLOPE })?;
        let last = normalised.last(path, names, fitting(normalised.result.size, 1))?;
        let connected =
            Linear::new(&path.join(format_args!("fc1{suffix}")), last.n_values, config.width / 2)?;
        Ok(Self { normalised, last: last.layer, connected })
    }

    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let x = self.normalised.forward(images)?;
        let x = leaky_relu(&self.last.forward(&x)?, SLOPE)?;
        leaky_relu(&self.connected.forward(&x.flatten_from(1)?)?, SLOPE)
    }
}

/// One network in the role of the papers' two critics.
///
/// # Reference
/// decoding-photons, section 1.2; sizes from the published model.
#[derive(Debug, Clone)]
pub struct Critic {
    grid: Grid,
    log_per_mev: f64,
    difference: Linear,
    image: Branch,
    logarithm: Branch,
    condition: Linear,
    batch: Option<BatchEmbedding>,
    connected: [Linear; 4],
}

impl Critic {
    /// A critic of `config`.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &CriticConfig) -> Result<Self> {
        config.validate()?;
        let cells: usize = config.grid.iter().product();
        let (half, m) = (config.width / 2, config.width);
        let batch = config.batch_embedding.as_ref();
        let n_features = 4 * half + batch.map_or(0, BatchEmbeddingConfig::n_features);
        Ok(Self {
            grid: config.grid,
            log_per_mev: config.log_per_mev,
            difference: Linear::new(&path.join("fc1a"), cells, half)?,
            image: Branch::new(path, "b", config)?,
            logarithm: Branch::new(path, "c", config)?,
            condition: Linear::new(&path.join("fc1e"), 1, half)?,
            batch: batch.map(|config| BatchEmbedding::new(&path.join("batch"), config)).transpose()?,
            connected: [
                Linear::new(&path.join("fc2"), n_features, 2 * m)?,
                Linear::new(&path.join("fc3"), 2 * m, 2 * m)?,
                Linear::new(&path.join("fc4"), 2 * m, 2 * m)?,
                Linear::new(&path.join("fc5"), 2 * m, 1)?,
            ],
        })
    }

    /// Scores of pairs of a shower and its reconstruction; higher is more real.
    ///
    /// # Shapes
    /// showers and reconstructions `[n, layer, x, y]`, condition `[n, 1]` -> `[n]`
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, showers: &Tensor, image: &Tensor, condition: &Tensor) -> Result<Tensor> {
        check_condition("critic", showers, condition)?;
        let showers = images("critic", showers, self.grid)?;
        let image = images("critic", image, self.grid)?;
        let difference = (&image - &showers)?.flatten_from(1)?;
        let mut features = vec![
            self.image.forward(&image)?,
            self.logarithm.forward(&image.affine(self.log_per_mev, 1.0)?.log()?)?,
            leaky_relu(&self.difference.forward(&difference)?, DIFFERENCE_SLOPE)?,
            leaky_relu(&self.condition.forward(condition)?, SLOPE)?,
        ];
        if let Some(batch) = &self.batch {
            features.push(batch.forward(&image)?);
        }
        let scores = linear_stack(&self.connected, &Tensor::cat(&features, D::Minus1)?, SLOPE)?;
        Ok(scores.squeeze(1)?)
    }
}
