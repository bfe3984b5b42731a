//! Convolutions, with layer normalisation or without, one after another.

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

/// What stands between two convolutions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Between {
    /// Whether there is a layer normalisation. Behind one, nothing of the size of a shower is left.
    pub(crate) normalised: bool,
    /// Slope of the LeakyReLU below zero.
    pub(crate) slope: f64,
}

/// Convolution, layer normalisation and LeakyReLU, several times.
#[derive(Debug, Clone)]
pub(crate) struct ConvStack {
    layers: Vec<(Conv3d, Option<LayerNorm>)>,
    slope: f64,
    /// What comes out.
    pub(crate) result: FeatureMaps,
}

/// The convolution after a [`ConvStack`].
#[derive(Debug)]
pub(crate) struct LastConv {
    pub(crate) layer: Conv3d,
    /// Values that come out of it for a sample.
    pub(crate) n_values: usize,
}

impl ConvStack {
    /// Layers of `configs` on `input`.
    pub(crate) fn new(
        path: &Path<'_>,
        names: Names,
        input: FeatureMaps,
        configs: &[ConvConfig],
        between: Between,
    ) -> Result<Self> {
        let Names { conv, norm, suffix } = names;
        let FeatureMaps { mut channels, mut size } = input;
        let mut layers = Vec::with_capacity(configs.len());
        for (i, config) in (1..).zip(configs) {
            size = config.size(size)?;
            let convolution = Conv3d::new(&path.join(format_args!("{conv}{i}{suffix}")), channels, *config)?;
            let norm = || LayerNorm::new(&path.join(format_args!("{norm}{i}{suffix}")), &size);
            layers.push((convolution, between.normalised.then(norm).transpose()?));
            channels = config.channels;
        }
        Ok(Self { layers, slope: between.slope, result: FeatureMaps { channels, size } })
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
            match norm {
                Some(norm) => norm.append(&mut chain, self.slope)?,
                None => chain.leaky_relu(self.slope)?,
            }
        }
        chain.finish()
    }
}
