//! Parameters that a `VarBuilder` of Candle's holds.

use candle_core::{Tensor, Var};
use candle_nn::VarBuilder;

use super::init::{Draw, Init};
use crate::Result;

/// A parameter of `builder`; where that has none and may create it, it starts as `init` says, but from Candle's own
/// generator.
pub(super) fn parameter(builder: &VarBuilder<'_>, name: &str, shape: &[usize], init: Init) -> Result<Tensor> {
    let init = match init.draw(name, shape)? {
        Draw::Constant(value) => candle_nn::Init::Const(value),
        Draw::Uniform { bound } => candle_nn::Init::Uniform { lo: -bound, up: bound },
        Draw::Between { low, high } => candle_nn::Init::Uniform { lo: low, up: high },
        Draw::Normal { mean, std } => candle_nn::Init::Randn { mean, stdev: std },
    };
    Ok(builder.get_with_hints(shape, name, init)?)
}

/// A buffer of `builder`: the variable itself if it keeps variables, otherwise a copy.
pub(super) fn buffer(builder: &VarBuilder<'_>, name: &str, shape: &[usize], value: f64) -> Result<Var> {
    Ok(Var::from_tensor(&parameter(builder, name, shape, Init::Constant(value))?)?)
}
