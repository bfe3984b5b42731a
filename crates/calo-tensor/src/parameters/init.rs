//! Initial values of weights, as PyTorch's layers and `torch.nn.init` draw them (the distributions, not the bits).

use std::fmt;

use rand::Rng;
use rand::distr::Distribution;
use rand_distr::StandardNormal;

use crate::{Error, Result};

/// How a weight starts.
///
/// `fan_in` and `fan_out` are those of PyTorch: the second and the first extent, each times the receptive field (the
/// product of the further extents). This holds for transposed convolutions too, whose weights are `[in, out, ...]`.
///
/// # Reference
/// He et al. 2015 (arXiv 1502.01852) for Kaiming, Glorot and Bengio 2010 for Xavier.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// The weight of a convolution, transposed or not: `kaiming_uniform_(a = sqrt 5)`, which is U(+-1/sqrt(fan_in)).
    Conv,
    /// The weight of a linear layer: the same rule.
    Linear,
    /// The bias of either: U(+-1/sqrt(fan_in)), with the fan of the layer's weight.
    Bias {
        /// Numbers that enter one output, as PyTorch counts them for the weight.
        fan_in: usize,
    },
    /// All the same.
    Constant(f64),
    /// U(+-bound).
    Uniform {
        /// The largest magnitude.
        bound: f64,
    },
    /// N(mean, std^2).
    Normal {
        /// Centre.
        mean: f64,
        /// Standard deviation.
        std: f64,
    },
    /// `kaiming_normal_` for ReLU: N(0, 2 / fan_in).
    KaimingNormal,
    /// `xavier_uniform_`: U(+-sqrt(6 / (fan_in + fan_out))).
    XavierUniform,
    /// `xavier_normal_`: N(0, 2 / (fan_in + fan_out)).
    XavierNormal,
}

/// A distribution with its numbers worked out for one shape.
#[derive(Debug, Clone, Copy)]
pub(super) enum Draw {
    Constant(f64),
    /// From -bound to bound.
    Uniform {
        bound: f64,
    },
    Between {
        low: f64,
        high: f64,
    },
    Normal {
        mean: f64,
        std: f64,
    },
}

impl Init {
    pub(super) fn draw(self, name: &str, shape: &[usize]) -> Result<Draw> {
        let draw = match self {
            Self::Conv | Self::Linear => Draw::Uniform { bound: fans(name, shape)?.0.powf(-0.5) },
            Self::Bias { fan_in } => Draw::Uniform { bound: (fan_in as f64).powf(-0.5) },
            Self::Constant(value) => Draw::Constant(value),
            Self::Uniform { bound } => Draw::Uniform { bound },
            Self::Normal { mean, std } => Draw::Normal { mean, std },
            Self::KaimingNormal => Draw::Normal { mean: 0.0, std: (2.0 / fans(name, shape)?.0).sqrt() },
            Self::XavierUniform => {
                let (fan_in, fan_out) = fans(name, shape)?;
                Draw::Uniform { bound: (6.0 / (fan_in + fan_out)).sqrt() }
            }
            Self::XavierNormal => {
                let (fan_in, fan_out) = fans(name, shape)?;
                Draw::Normal { mean: 0.0, std: (2.0 / (fan_in + fan_out)).sqrt() }
            }
        };
        draw.checked(name, &self)
    }
}

impl Draw {
    /// `self`, the distribution of `init` for the parameter `name`, if it can be drawn from.
    pub(super) fn checked(self, name: &str, init: &impl fmt::Debug) -> Result<Self> {
        if self.is_possible() {
            return Ok(self);
        }
        Err(Error::parameter(
            name,
            format!("it is to start as {init:?}"),
            "finite numbers, a spread of at least 0",
        ))
    }

    fn is_possible(self) -> bool {
        let spread = |value: f64| value.is_finite() && value >= 0.0;
        match self {
            Self::Constant(value) => value.is_finite(),
            Self::Uniform { bound } => spread(bound),
            Self::Between { low, high } => low.is_finite() && spread(high - low),
            Self::Normal { mean, std } => mean.is_finite() && spread(std),
        }
    }

    pub(super) fn sample(self, rng: &mut impl Rng) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Uniform { bound } => bound * (2.0 * rng.random::<f64>() - 1.0),
            Self::Between { low, high } => low + (high - low) * rng.random::<f64>(),
            Self::Normal { mean, std } => {
                let normal: f64 = StandardNormal.sample(rng);
                mean + std * normal
            }
        }
    }
}

/// `fan_in` and `fan_out` of a weight, as `torch.nn.init._calculate_fan_in_and_fan_out`.
fn fans(name: &str, shape: &[usize]) -> Result<(f64, f64)> {
    let [first, second, receptive @ ..] = shape else {
        let problem = format!("its shape {shape:?} has no fan");
        return Err(Error::parameter(name, problem, "two axes or more, or another initialisation"));
    };
    let receptive = receptive.iter().product::<usize>() as f64;
    Ok((*second as f64 * receptive, *first as f64 * receptive))
}
