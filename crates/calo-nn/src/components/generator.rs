//! What the generators of the GANs share: their settings, and transposed convolutions with normalisation.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{FeatureMaps, no_layers, positive};
use crate::engine::Grid;
use crate::layers::{ConvConfig, ConvTranspose3d};
use crate::parameters::Path;
use crate::{Error, Result};

/// Layers of a generator. The default is the published network of the GAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneratorConfig {
    /// Variables of noise.
    pub noise: usize,
    /// The first transposed convolution, on a single cell.
    pub first: ConvConfig,
    /// Those that follow; all but the last are normalised.
    pub layers: Vec<ConvConfig>,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self::photons(256)
    }
}

impl GeneratorConfig {
    /// The layers of both published networks for photons, which differ in the `channels` of the first.
    pub(crate) fn photons(channels: usize) -> Self {
        let up = |channels| ConvConfig::cubic(channels, 4, 2, 1);
        Self {
            noise: 100,
            first: ConvConfig::cubic(channels, 4, 1, 0),
            layers: vec![up(128), up(64), up(32), ConvConfig::cubic(1, 3, 1, 2)],
        }
    }

    /// Checks that the layers end in one channel of `grid`.
    ///
    /// # Errors
    /// [`Error::Field`] naming the field, its value and what is allowed.
    pub fn validate(&self, grid: Grid) -> Result<()> {
        positive(&[("generator.noise", self.noise)])?;
        let (last, _) = self.split_last()?;
        let mut size = self.first.transposed_size([1; 3])?;
        for layer in &self.layers {
            size = layer.transposed_size(size)?;
        }
        FeatureMaps { channels: last.channels, size }.check_showers("generator.layers", grid)
    }

    /// The last layer, and those before it.
    fn split_last(&self) -> Result<(&ConvConfig, &[ConvConfig])> {
        self.layers.split_last().ok_or_else(|| no_layers("generator.layers"))
    }
}

/// Transposed convolutions, each with a normalisation `N`, one after another. Convolution, normalisation and activation
/// count in the published names.
#[derive(Debug, Clone)]
pub(crate) struct UpsamplingStack<N> {
    layers: Vec<(ConvTranspose3d, N)>,
    channels: usize,
}

impl<N> UpsamplingStack<N> {
    /// All layers of `config` but the first and the last, below `path`; `input` is what the first one makes, and `norm`
    /// the normalisation at a path for the maps that a layer makes.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub(crate) fn new(
        path: &Path<'_>,
        input: FeatureMaps,
        config: &GeneratorConfig,
        norm: impl Fn(&Path<'_>, FeatureMaps) -> Result<N>,
    ) -> Result<Self> {
        let (_, inner) = config.split_last()?;
        let FeatureMaps { mut channels, mut size } = input;
        let mut layers = Vec::with_capacity(inner.len());
        for (i, layer) in inner.iter().enumerate() {
            size = layer.transposed_size(size)?;
            let convolution = ConvTranspose3d::new(&path.join(3 * i), channels, *layer)?;
            channels = layer.channels;
            layers.push((convolution, norm(&path.join(3 * i + 1), FeatureMaps { channels, size })?));
        }
        Ok(Self { layers, channels })
    }

    /// The last layer of `config`, without normalisation.
    ///
    /// # Errors
    /// As [`UpsamplingStack::new`].
    pub(crate) fn last(&self, path: &Path<'_>, config: &GeneratorConfig) -> Result<ConvTranspose3d> {
        let (last, _) = config.split_last()?;
        ConvTranspose3d::new(&path.join(3 * self.layers.len()), self.channels, *last)
    }

    /// All layers; `activated` is what a normalisation and the activation make of a convolution's result.
    pub(crate) fn forward(
        &self,
        x: Tensor,
        activated: impl Fn(&N, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        self.layers.iter().try_fold(x, |x, (convolution, norm)| activated(norm, &convolution.forward(&x)?))
    }
}

/// Checks that there are `variables` of noise for each sample; the number of samples.
///
/// # Errors
/// [`Error::Operand`] for noise of another size.
pub(crate) fn check_noise(noise: &Tensor, variables: usize) -> Result<usize> {
    let n = noise.dim(0)?;
    if noise.elem_count() == n * variables {
        return Ok(n);
    }
    Err(Error::operand("generator", "noise", noise.dims(), format!("[n, {variables}]")))
}
