//! How each shower differs from the others of its batch, as features of a critic.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::components::positive;
use crate::ops::{BatchDifference, batch_difference, log_scaled};
use crate::parameters::{Init, Path};

/// Columns of an embedding: mean and standard deviation over the batch, for two quantities.
const COLUMNS: usize = 4;

/// Sizes of the embedding. The default is the published network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchEmbeddingConfig {
    /// Units of the layers that each difference passes.
    pub units: [usize; 3],
}

impl Default for BatchEmbeddingConfig {
    fn default() -> Self {
        Self { units: [64, 64, 16] }
    }
}

impl BatchEmbeddingConfig {
    /// Checks that a network can be built.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) for a layer without units.
    pub fn validate(&self) -> Result<()> {
        positive(&[("batch_embedding.units", self.units.iter().copied().min().unwrap_or(1))])
    }

    /// Features of a shower: of its cells and of their logarithms.
    pub(super) fn n_features(&self) -> usize {
        2 * COLUMNS * self.units[2]
    }
}

/// Minibatch discrimination of the pion model: differences of sum and standard deviation between the showers of a batch, through
/// small networks, once for cells and once for their logarithms.
///
/// # Reference
/// fast-and-accurate-showers, section 3.4 (minibatch); sizes from the published model.
#[derive(Debug, Clone)]
pub(super) struct BatchEmbedding {
    deviation: [Tensor; 3],
    sum: [Tensor; 3],
}

impl BatchEmbedding {
    /// An embedding of `config`.
    ///
    /// # Errors
    /// When `config` is impossible or `path` cannot give the parameters.
    pub(super) fn new(path: &Path<'_>, config: &BatchEmbeddingConfig) -> Result<Self> {
        config.validate()?;
        let [first, second, third] = config.units;
        let weights = |name: &str| -> Result<[Tensor; 3]> {
            let weight = |i: usize, n_in: usize, n_out: usize| {
                path.join(format_args!("{name}{i}")).parameter("weight", &[n_out, n_in, 1], Init::Conv)
            };
            Ok([weight(1, 1, first)?, weight(2, first, second)?, weight(3, second, third)?])
        };
        Ok(Self { deviation: weights("deviation")?, sum: weights("sum")? })
    }

    /// # Shapes
    /// two showers or more `[n, 1, layer, x, y]`, no cell negative -> `[n, features]`
    ///
    /// # Errors
    /// When the shape is another.
    pub(super) fn forward(&self, showers: &Tensor) -> Result<Tensor> {
        let weights = BatchDifference { deviation: self.deviation.each_ref(), sum: self.sum.each_ref() };
        let of_cells = batch_difference(showers, &weights)?;
        let of_logarithms = batch_difference(&log_scaled(showers)?, &weights)?;
        Ok(Tensor::cat(&[of_cells, of_logarithms], 1)?)
    }
}
