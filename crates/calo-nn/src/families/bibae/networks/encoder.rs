//! Showers to the mean and log variance of their latent variables.

use candle_core::{D, Tensor};

use super::autoencoder_config::{AutoencoderConfig, SLOPE};
use crate::Result;
use crate::components::stack::{Between, ConvStack, Names};
use crate::components::{FeatureMaps, check_condition, images};
use crate::engine::{Grid, Posterior};
use crate::layers::{ConvConfig, Linear};
use crate::ops::leaky_relu;
use crate::parameters::Path;

/// Four convolutions with layer normalisation, then fully connected layers that also see the incident energy.
///
/// # Reference
/// decoding-photons, figure 1; sizes from the published model.
#[derive(Debug, Clone)]
pub struct Encoder {
    grid: Grid,
    convolutions: ConvStack,
    fc1: Linear,
    fc2: Linear,
    mean: Linear,
    log_variance: Linear,
}

impl Encoder {
    /// An encoder of `config`.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &AutoencoderConfig) -> Result<Self> {
        config.validate()?;
        let f = config.width;
        let layers = [
            ConvConfig::cubic(f, 4, 2, 2),
            ConvConfig::cubic(2 * f, 4, 2, 2),
            ConvConfig::cubic(4 * f, 4, 2, 2),
            ConvConfig::cubic(8 * f, 3, 1, 1),
        ];
        let names = Names { conv: "enconv", norm: "bnen", suffix: "" };
        let convolutions = ConvStack::new(
            path,
            names,
            FeatureMaps::of_showers(config.grid),
            &layers,
            Between { normalised: true, slope: SLOPE },
        )?;
        let flat = convolutions.result.n_values();
        Ok(Self {
            grid: config.grid,
            convolutions,
            fc1: Linear::new(&path.join("fc1"), flat + 1, config.hidden)?,
            fc2: Linear::new(&path.join("fc2"), config.hidden, config.bottleneck)?,
            mean: Linear::new(&path.join("fc31"), config.bottleneck, config.n_encoded)?,
            log_variance: Linear::new(&path.join("fc32"), config.bottleneck, config.n_encoded)?,
        })
    }

    /// # Shapes
    /// showers `[n, layer, x, y]` MeV (or a function of it), condition `[n, 1]` -> `[n, encoded]` each
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, showers: &Tensor, condition: &Tensor) -> Result<Posterior> {
        check_condition("encoder", showers, condition)?;
        let x = self.convolutions.forward(&images("encoder", showers, self.grid)?)?;
        let x = Tensor::cat(&[&x.flatten_from(1)?, condition], D::Minus1)?;
        let x = leaky_relu(&self.fc1.forward(&x)?, SLOPE)?;
        let x = leaky_relu(&self.fc2.forward(&x)?, SLOPE)?;
        Ok(Posterior { mean: self.mean.forward(&x)?, log_variance: self.log_variance.forward(&x)? })
    }
}
