//! Showers and incident energies to scores.

use candle_core::{D, Tensor};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::stack::{Between, ConvStack, Names};
use crate::components::{FeatureMaps, check_condition, check_layers, images, no_layers, positive};
use crate::engine::Grid;
use crate::layers::{Conv3d, ConvConfig, Linear, linear_stack};
use crate::parameters::Path;

/// Slope of the activations below zero.
const SLOPE: f64 = 0.2;

/// Layers of the critic. The default is the published network for photons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CriticConfig {
    /// Convolutions; the last is not normalised.
    pub layers: Vec<ConvConfig>,
    /// Whether the others are followed by layer normalisation, as published. It takes away the size of a shower, by which those
    /// of other energies differ.
    pub normalised: bool,
    /// Units of the fully connected layers.
    pub hidden: Vec<usize>,
}

impl Default for CriticConfig {
    fn default() -> Self {
        let layer = ConvConfig::new;
        Self {
            layers: vec![
                layer(32, [10, 2, 2], [1, 2, 2], [0, 1, 1]),
                layer(64, [6, 2, 2], [1, 2, 2], [0; 3]),
                layer(128, [4, 2, 2], [1, 2, 2], [0; 3]),
                layer(1, [4, 2, 2], [1; 3], [0; 3]),
            ],
            normalised: true,
            hidden: vec![100, 200, 100, 75],
        }
    }
}

impl CriticConfig {
    /// The published network for pions, 48x13x13.
    pub fn pion() -> Self {
        let layer = ConvConfig::new;
        Self {
            layers: vec![
                layer(32, [10, 3, 3], [1; 3], [0; 3]),
                layer(64, [6, 3, 3], [1; 3], [0; 3]),
                layer(128, [4, 3, 3], [1, 2, 2], [0; 3]),
                layer(1, [4, 2, 2], [1; 3], [0; 3]),
            ],
            normalised: true,
            hidden: vec![200, 200, 100, 75],
        }
    }

    /// Checks that the layers fit `grid`.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the field, its value and what is allowed.
    pub fn validate(&self, grid: Grid) -> Result<()> {
        positive(&[("critic.hidden", self.hidden.iter().copied().min().unwrap_or(1))])?;
        check_layers("critic.layers", &self.layers, grid)
    }
}

/// Convolutions with layer normalisation, then fully connected layers that also see the incident energy.
#[derive(Debug, Clone)]
pub struct Critic {
    grid: Grid,
    convolutions: ConvStack,
    last: Conv3d,
    connected: Vec<Linear>,
}

impl Critic {
    /// A critic of `config`, for showers of `grid`.
    ///
    /// # Errors
    /// When the layers do not fit `grid`, or `path` cannot give the parameters.
    pub fn new(path: &Path<'_>, config: &CriticConfig, grid: Grid) -> Result<Self> {
        config.validate(grid)?;
        let Some((last, inner)) = config.layers.split_last() else {
            return Err(no_layers("critic.layers"));
        };
        let convolutions = ConvStack::new(
            path,
            Names::PLAIN,
            FeatureMaps::of_showers(grid),
            inner,
            Between { normalised: config.normalised, slope: SLOPE },
        )?;
        let last = convolutions.last(path, Names::PLAIN, *last)?;
        let units: Vec<usize> =
            [last.n_values + 1].iter().chain(&config.hidden).chain(&[1]).copied().collect();
        let connected = (1..)
            .zip(units.windows(2))
            .map(|(i, units)| Linear::new(&path.join(format_args!("fc{i}")), units[0], units[1]))
            .collect::<Result<_>>()?;
        Ok(Self { grid, convolutions, last: last.layer, connected })
    }

    /// Scores; higher is more real.
    ///
    /// # Shapes
    /// showers `[n, layer, x, y]` MeV, incident energies `[n, 1]` GeV -> `[n, 1]`
    ///
    /// # Errors
    /// When the shapes are others.
    pub fn forward(&self, showers: &Tensor, energy_gev: &Tensor) -> Result<Tensor> {
        check_condition("critic", showers, energy_gev)?;
        let x = self.convolutions.forward(&images("critic", showers, self.grid)?)?;
        let x = self.last.forward(&x)?.flatten_from(1)?;
        let x = Tensor::cat(&[&x, energy_gev], D::Minus1)?;
        linear_stack(&self.connected, &x, SLOPE)
    }
}
