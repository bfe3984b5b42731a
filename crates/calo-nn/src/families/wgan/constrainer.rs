//! Showers to incident energies: trained on real showers, then held fixed while it judges generated ones.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::stack::{Between, ConvStack, Names};
use crate::components::{FeatureMaps, check_layers, images, no_layers, positive};
use crate::engine::Grid;
use crate::layers::{Conv3d, ConvConfig, Linear};
use crate::ops::leaky_relu;
use crate::parameters::Path;

/// Slope of the activations below zero.
const SLOPE: f64 = 0.2;

/// Layers of the constrainer. The default is the published network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConstrainerConfig {
    /// Convolutions; the last is not normalised.
    pub layers: Vec<ConvConfig>,
    /// Whether the others are followed by layer normalisation, as published. It takes away the size of a shower, by which those
    /// of other energies differ.
    pub normalised: bool,
    /// Units of the fully connected layer.
    pub hidden: usize,
}

impl Default for ConstrainerConfig {
    fn default() -> Self {
        Self {
            layers: vec![
                ConvConfig::cubic(16, 3, 2, 0),
                ConvConfig::cubic(32, 3, 2, 0),
                ConvConfig::cubic(16, 2, 1, 0),
            ],
            normalised: true,
            hidden: 100,
        }
    }
}

impl ConstrainerConfig {
    /// Checks that the layers fit `grid`.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the field, its value and what is allowed.
    pub fn validate(&self, grid: Grid) -> Result<()> {
        positive(&[("constrainer.hidden", self.hidden)])?;
        check_layers("constrainer.layers", &self.layers, grid)
    }
}

/// Convolutions with layer normalisation, then two fully connected layers.
#[derive(Debug, Clone)]
pub struct Constrainer {
    grid: Grid,
    convolutions: ConvStack,
    last: Conv3d,
    connected: [Linear; 2],
}

impl Constrainer {
    /// A constrainer of `config`, for showers of `grid`.
    ///
    /// # Errors
    /// When the layers do not fit `grid`, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &ConstrainerConfig, grid: Grid) -> Result<Self> {
        config.validate(grid)?;
        let Some((last, inner)) = config.layers.split_last() else {
            return Err(no_layers("constrainer.layers"));
        };
        let convolutions = ConvStack::new(
            path,
            Names::PLAIN,
            FeatureMaps::of_showers(grid),
            inner,
            Between { normalised: config.normalised, slope: SLOPE },
        )?;
        let last = convolutions.last(path, Names::PLAIN, *last)?;
        Ok(Self {
            grid,
            convolutions,
            last: last.layer,
            connected: [
                Linear::new(&path.join("fc1"), last.n_values, config.hidden)?,
                Linear::new(&path.join("fc2"), config.hidden, 1)?,
            ],
        })
    }

    /// # Shapes
    /// showers `[n, layer, x, y]` MeV -> incident energies `[n, 1]` GeV, none negative
    ///
    /// # Errors
    /// When the shape is another.
    pub fn forward(&self, showers: &Tensor) -> Result<Tensor> {
        leaky_relu(&self.estimate(showers)?, 0.0)
    }

    /// As [`Constrainer::forward`], before the last ReLU: what is trained, as behind it no gradient passes once all energies are 0.
    ///
    /// # Errors
    /// As there.
    pub(super) fn estimate(&self, showers: &Tensor) -> Result<Tensor> {
        let x = self.convolutions.forward(&images("constrainer", showers, self.grid)?)?;
        let x = self.last.forward(&x)?.flatten_from(1)?;
        let x = leaky_relu(&self.connected[0].forward(&x)?, SLOPE)?;
        self.connected[1].forward(&x)
    }
}
