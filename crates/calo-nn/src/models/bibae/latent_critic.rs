//! Critic of the latent variables: is a variable drawn from N(0, 1)?

use candle_core::Tensor;

use crate::Result;
use crate::layers::{Linear, linear_stack};
use crate::parameters::Path;

const SLOPE: f64 = 0.01;
/// Units of the layers, as published.
const UNITS: [usize; 5] = [1, 50, 100, 50, 1];

/// A small network that looks at one latent variable at a time.
///
/// # Reference
/// decoding-photons, section 3.
#[derive(Debug, Clone)]
pub struct LatentCritic {
    layers: Vec<Linear>,
}

impl LatentCritic {
    /// The published critic.
    ///
    /// # Errors
    /// When `path` cannot give the parameters.
    pub fn new(path: &Path<'_>) -> Result<Self> {
        let layer = |(i, units): (usize, &[usize])| {
            Linear::new(&path.join(format_args!("linear{}", i + 1)), units[0], units[1])
        };
        Ok(Self { layers: UNITS.windows(2).enumerate().map(layer).collect::<Result<_>>()? })
    }

    /// Scores of every variable of every shower; higher is more normal.
    ///
    /// # Shapes
    /// z `[n, latent]` -> `[n, latent]`
    ///
    /// # Errors
    /// When `z` is empty.
    pub fn forward(&self, z: &Tensor) -> Result<Tensor> {
        let scores = linear_stack(&self.layers, &z.reshape(((), 1))?, SLOPE)?;
        Ok(scores.reshape(z.shape())?)
    }
}
