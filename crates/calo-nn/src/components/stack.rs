//! Convolutions with layer normalisation, one after another.

use candle_core::Tensor;

use super::Grid;
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
    /// Channels and cells that come out.
    pub(crate) result: (usize, Grid),
}

impl NormalisedStack {
    /// Layers of `configs` on `input`: channels and cells.
    pub(crate) fn new(
        path: &Path<'_>,
        names: Names,
        input: (usize, Grid),
        configs: &[ConvConfig],
        slope: f64,
    ) -> Result<Self> {
        let Names { conv, norm, suffix } = names;
        let (mut channels, mut size) = input;
        let mut layers = Vec::with_capacity(configs.len());
        for (i, config) in (1..).zip(configs) {
            size = config.size(size)?;
            let convolution = Conv3d::new(&path.join(format_args!("{conv}{i}{suffix}")), channels, *config)?;
            layers.push((convolution, LayerNorm::new(&path.join(format_args!("{norm}{i}{suffix}")), &size)?));
            channels = config.channels;
        }
        Ok(Self { layers, slope, result: (channels, size) })
    }

    /// One more convolution, without normalisation, and how many values come out of it.
    pub(crate) fn last(&self, path: &Path<'_>, names: Names, config: ConvConfig) -> Result<(Conv3d, usize)> {
        let (channels, size) = self.result;
        let name = format!("{}{}{}", names.conv, self.layers.len() + 1, names.suffix);
        let n_values = config.channels * config.size(size)?.iter().product::<usize>();
        Ok((Conv3d::new(&path.join(name), channels, config)?, n_values))
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
