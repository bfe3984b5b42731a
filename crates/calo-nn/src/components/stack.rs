//! Convolutions with layer normalisation, one after another.

use candle_core::Tensor;

use super::FeatureMaps;
use crate::Result;
use crate::layers::{Conv3d, ConvConfig, LayerNorm};
use crate::ops::FusedOps;
use crate::parameters::Path;

/// Published names of the layers, which are counted from one: `{conv}1{suffix}`, `{norm}1{suffix}`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names {
    pub(crate) conv: &'static str,
    pub(crate) norm: &'static str,
    pub(crate) suffix: &'static str,
}

impl Names {
    /// The names of most networks: `conv1`, `bn1`.
    pub(crate) const PLAIN: Self = Self { conv: "conv", norm: "bn", suffix: "" };
}

/// Convolution, layer normalisation and LeakyReLU, several times.
#[derive(Debug, Clone)]
pub(crate) struct NormalisedStack {
    layers: Vec<(Conv3d, LayerNorm)>,
    slope: f64,
    /// What comes out.
    pub(crate) result: FeatureMaps,
}

/// The convolution after a [`NormalisedStack`].
#[derive(Debug)]
pub(crate) struct LastConv {
    pub(crate) layer: Conv3d,
    /// Values that come out of it for a sample.
    pub(crate) n_values: usize,
}

impl NormalisedStack {
    /// Layers of `configs` on `input`.
    pub(crate) fn new(
        path: &Path<'_>,
        names: Names,
        input: FeatureMaps,
        configs: &[ConvConfig],
        slope: f64,
    ) -> Result<Self> {
        let Names { conv, norm, suffix } = names;
        let FeatureMaps { mut channels, mut size } = input;
        let mut layers = Vec::with_capacity(configs.len());
        for (i, config) in (1..).zip(configs) {
            size = config.size(size)?;
            let convolution = Conv3d::new(&path.join(format_args!("{conv}{i}{suffix}")), channels, *config)?;
            layers.push((convolution, LayerNorm::new(&path.join(format_args!("{norm}{i}{suffix}")), &size)?));
            channels = config.channels;
        }
        Ok(Self { layers, slope, result: FeatureMaps { channels, size } })
    }

    /// One more convolution, without normalisation.
    pub(crate) fn last(&self, path: &Path<'_>, names: Names, config: ConvConfig) -> Result<LastConv> {
        let FeatureMaps { channels, size } = self.result;
        let name = format!("{}{}{}", names.conv, self.layers.len() + 1, names.suffix);
        let maps = FeatureMaps { channels: config.channels, size: config.size(size)? };
        Ok(LastConv { layer: Conv3d::new(&path.join(name), channels, config)?, n_values: maps.n_values() })
    }

    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut chain = FusedOps::new(x)?;
        for (convolution, norm) in &self.layers {
            convolution.append(&mut chain)?;
            norm.append(&mut chain, self.slope)?;
        }
        chain.finish()
    }
}
