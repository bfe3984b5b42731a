//! Fully connected layers.

use candle_core::Tensor;

use super::weight::Weight;
use crate::Result;
use crate::ops::{leaky_relu, linear};
use crate::parameters::{Init, Path};

/// y = x W^T + b, as PyTorch's `Linear`: parameters `weight` `[out, in]` and `bias` `[out]`.
#[derive(Debug, Clone)]
pub struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
}

impl Linear {
    /// A layer with bias.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn new(path: &Path<'_>, n_in: usize, n_out: usize) -> Result<Self> {
        let bias = path.parameter("bias", &[n_out], Init::Bias { fan_in: n_in })?;
        Ok(Self { bias: Some(bias), ..Self::without_bias(path, n_in, n_out)? })
    }

    /// A layer without bias.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn without_bias(path: &Path<'_>, n_in: usize, n_out: usize) -> Result<Self> {
        Ok(Self { weight: Weight::plain(path, &[n_out, n_in], Init::Linear)?, bias: None })
    }

    /// A layer with bias, whose weight is divided by its spectral norm.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn with_spectral_norm(path: &Path<'_>, n_in: usize, n_out: usize) -> Result<Self> {
        Ok(Self {
            weight: Weight::spectral(path, &[n_out, n_in], Init::Linear, [1, n_out])?,
            bias: Some(path.parameter("bias", &[n_out], Init::Bias { fan_in: n_in })?),
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

    /// A layer with bias that gives nothing before it is trained.
    ///
    /// # Errors
    /// When `path` cannot give its parameters.
    pub fn zero(path: &Path<'_>, n_in: usize, n_out: usize) -> Result<Self> {
        Ok(Self {
            weight: Weight::plain(path, &[n_out, n_in], Init::Constant(0.0))?,
            bias: Some(path.parameter("bias", &[n_out], Init::Constant(0.0))?),
        })
    }

    /// Layers with bias for [`linear_stack`], called `linear1`, `linear2`, ..: one from each number of units to the next.
    ///
    /// # Errors
    /// When `path` cannot give their parameters.
    pub fn stack(path: &Path<'_>, units: &[usize]) -> Result<Vec<Self>> {
        let layer = |(i, units): (usize, &[usize])| {
            Self::new(&path.join(format_args!("linear{}", i + 1)), units[0], units[1])
        };
        units.windows(2).enumerate().map(layer).collect()
    }

    /// # Shapes
    /// `[.., in]` -> `[.., out]`
    ///
    /// # Errors
    /// When `x` has another last axis.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        linear(x, &self.weight.tensor()?, self.bias.as_ref())
    }
}

/// Applies layers one after another, with LeakyReLU between them and none behind the last.
///
/// # Errors
/// When a layer does not fit what comes before it.
pub fn linear_stack(layers: &[Linear], x: &Tensor, slope: f64) -> Result<Tensor> {
    let mut x = x.clone();
    for (i, layer) in layers.iter().enumerate() {
        x = layer.forward(&x)?;
        if i + 1 < layers.len() {
            x = leaky_relu(&x, slope)?;
        }
    }
    Ok(x)
}
