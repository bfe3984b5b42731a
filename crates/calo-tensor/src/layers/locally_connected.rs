//! Convolutions whose weights differ from place to place.

use candle_core::Tensor;

use super::weight::Weight;
use crate::ops::locally_connected;
use crate::parameters::{Init, Path};
use crate::{Error, Result};

/// Channels and kernel of a [`LocallyConnected`] layer with as many places as cells: step 1, padded with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocallyConnectedConfig {
    /// Channels that enter.
    pub n_in: usize,
    /// Channels that come out.
    pub n_out: usize,
    /// Taps per axis, an odd number.
    pub kernel: usize,
    /// Cells along both axes.
    pub cells: [usize; 2],
}

/// A locally connected layer of images: parameters `weight` `[h, w, out, in, kernel, kernel]` and `bias` `[out, h, w]`.
///
/// # Reference
/// de Oliveira et al., arXiv 1701.05927, section 4 (LAGAN).
#[derive(Debug, Clone)]
pub struct LocallyConnected {
    weight: Weight,
    bias: Tensor,
    kernel: usize,
}

impl LocallyConnected {
    /// A layer with bias.
    ///
    /// # Errors
    /// [`Error::Field`] for an even kernel, or when `path` cannot give its parameters.
    pub fn new(path: &Path<'_>, config: LocallyConnectedConfig) -> Result<Self> {
        Self::with(path, config, |shape, init| Weight::plain(path, shape, init))
    }

    /// A layer with bias, whose weight is divided by its spectral norm, place by place.
    ///
    /// # Errors
    /// As [`LocallyConnected::new`].
    pub fn with_spectral_norm(path: &Path<'_>, config: LocallyConnectedConfig) -> Result<Self> {
        let matrices = [config.cells.iter().product(), config.n_out];
        Self::with(path, config, |shape, init| Weight::spectral(path, shape, init, matrices))
    }

    fn with(
        path: &Path<'_>,
        config: LocallyConnectedConfig,
        weight: impl Fn(&[usize], Init) -> Result<Weight>,
    ) -> Result<Self> {
        let LocallyConnectedConfig { n_in, n_out, kernel, cells: [h, w] } = config;
        if kernel.is_multiple_of(2) {
            return Err(Error::Field {
                field: "kernel".to_owned(),
                value: kernel.to_string(),
                expected: "an odd number, so that there are as many places as cells".to_owned(),
            });
        }
        let fan_in = n_in * kernel * kernel;
        let init = Init::Uniform { bound: (fan_in.max(1) as f64).powf(-0.5) };
        Ok(Self {
            weight: weight(&[h, w, n_out, n_in, kernel, kernel], init)?,
            bias: path.parameter("bias", &[n_out, h, w], Init::Bias { fan_in })?,
            kernel,
        })
    }

    /// One step of power iteration for the estimate of the spectral norm, if the layer has one: before each training
    /// step.
    ///
    /// # Errors
    /// Candle's.
    pub fn power_iteration(&self) -> Result<()> {
        self.weight.power_iteration()
    }

    /// # Shapes
    /// `[n, in, h, w]` -> `[n, out, h, w]`
    ///
    /// # Errors
    /// When `x` has other channels or cells.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let padding = self.kernel / 2;
        locally_connected(x, &self.weight.tensor()?, Some(&self.bias), [1, 1], [padding; 2])
    }
}
