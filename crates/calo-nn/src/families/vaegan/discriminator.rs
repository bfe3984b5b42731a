//! Images to the logit of being real.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use super::generator::check_layers;
use crate::Result;
use crate::components::positive;
use crate::engine::Grid;
use crate::layers::{Linear, LocallyConnected, LocallyConnectedConfig};
use crate::ops::{leaky_relu, minibatch_discrimination};
use crate::parameters::Path;

/// Slope of the activations below zero.
const SLOPE: f64 = 0.2;

/// Layers of the discriminator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiscriminatorConfig {
    /// Channels of the locally connected layers.
    pub channels: Vec<usize>,
    /// Cells along their kernels.
    pub kernel: usize,
    /// Features that a fully connected layer makes of them.
    pub features: usize,
    /// Kernels of the minibatch discrimination, and projections of each; no kernels for none.
    pub minibatch: MinibatchConfig,
}

/// Sizes of the minibatch discrimination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MinibatchConfig {
    /// Kernels, each of which adds a feature.
    pub kernels: usize,
    /// Learned projections of the features that a kernel compares.
    pub projections: usize,
}

impl Default for DiscriminatorConfig {
    fn default() -> Self {
        Self { channels: vec![16, 8, 8], kernel: 3, features: 32, minibatch: MinibatchConfig::default() }
    }
}

impl Default for MinibatchConfig {
    /// The numbers of LAGAN.
    fn default() -> Self {
        Self { kernels: 20, projections: 10 }
    }
}

impl DiscriminatorConfig {
    pub(super) fn validate(&self) -> Result<()> {
        positive(&[("features", self.features), ("minibatch.projections", self.minibatch.projections)])?;
        check_layers(&self.channels, self.kernel)
    }
}

/// What a discriminator sees of showers.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Scaled images, `[n, 1, x, y]`.
    pub images: &'a Tensor,
    /// Reconstruction minus input, `[n, 1, x, y]`; none for showers that nothing was reconstructed from: zeros then.
    pub difference: Option<&'a Tensor>,
}

/// Locally connected layers with spectral norm; minibatch discrimination; the difference between reconstruction and input,
/// given to the last layer.
///
/// # Reference
/// calomplification, section 2; Salimans et al., arXiv 1606.03498; Miyato et al., arXiv 1802.05957.
#[derive(Debug, Clone)]
pub struct Discriminator {
    local: Vec<LocallyConnected>,
    features: Linear,
    projections: Option<Linear>,
    minibatch: MinibatchConfig,
    last: Linear,
}

impl Discriminator {
    /// A discriminator of images on `grid`.
    ///
    /// # Errors
    /// When `config` is impossible, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &DiscriminatorConfig, grid: Grid) -> Result<Self> {
        config.validate()?;
        let [_, h, w] = grid;
        let channels: Vec<usize> = [1].iter().chain(&config.channels).copied().collect();
        let local = channels.windows(2).enumerate().map(|(i, pair)| {
            let [n_in, n_out] = [pair[0], pair[1]];
            let config = LocallyConnectedConfig { n_in, n_out, kernel: config.kernel, cells: [h, w] };
            LocallyConnected::with_spectral_norm(&path.join(format_args!("local{}", i + 1)), config)
        });
        let n_flat = channels[channels.len() - 1] * h * w;
        let DiscriminatorConfig { features, minibatch, .. } = *config;
        let spectral = |name: &str, n_in, n_out| Linear::with_spectral_norm(&path.join(name), n_in, n_out);
        let n_projections = minibatch.kernels * minibatch.projections;
        let projections = (minibatch.kernels > 0)
            .then(|| Linear::without_bias(&path.join("projections"), features, n_projections));
        Ok(Self {
            local: local.collect::<Result<_>>()?,
            features: spectral("features", n_flat, features)?,
            projections: projections.transpose()?,
            minibatch,
            last: spectral("last", features + minibatch.kernels + h * w, 1)?,
        })
    }

    /// One step of power iteration for the estimates of all spectral norms: before each training step.
    ///
    /// # Errors
    /// Candle's.
    pub fn power_iteration(&self) -> Result<()> {
        self.local.iter().try_for_each(LocallyConnected::power_iteration)?;
        [&self.features, &self.last].into_iter().try_for_each(Linear::power_iteration)
    }

    /// Logits of the probability that showers are real, `[n, 1]`.
    ///
    /// # Errors
    /// When the shapes are others than [`Seen`] says.
    pub fn forward(&self, seen: &Seen<'_>) -> Result<Tensor> {
        let mut x = seen.images.clone();
        for layer in &self.local {
            x = leaky_relu(&layer.forward(&x)?, SLOPE)?;
        }
        let features = leaky_relu(&self.features.forward(&x.flatten_from(1)?)?, SLOPE)?;
        let difference = match seen.difference {
            Some(difference) => difference.flatten_from(1)?,
            None => seen.images.flatten_from(1)?.zeros_like()?,
        };
        let mut parts = vec![features.clone(), difference];
        if let Some(projections) = &self.projections {
            let MinibatchConfig { kernels, projections: each } = self.minibatch;
            let projected = projections.forward(&features)?.reshape(((), kernels, each))?;
            parts.push(minibatch_discrimination(&projected)?);
        }
        self.last.forward(&Tensor::cat(&parts, D::Minus1)?)
    }
}
