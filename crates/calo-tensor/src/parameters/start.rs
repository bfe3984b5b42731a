//! Draws the initial values of a variable of the store.

use calo_core::random::{Purpose, stream};
use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::init::NormalOrUniform;

use super::init::{Draw, Init};
use crate::{Error, Result};

const WEIGHTS: Purpose = Purpose::new("weights");

/// The random stream of one parameter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    pub(super) seed: u64,
    pub(super) index: u64,
}

/// How a weight starts: by our rules, or by those of Candle's layers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Ours(Init),
    Candle(candle_nn::Init),
}

impl Start {
    /// A variable of `shape` drawn from its stream.
    ///
    /// Numbers are drawn in f64 on the host and rounded: networks of different element types and devices start alike.
    pub(super) fn variable(
        self,
        name: &str,
        shape: &[usize],
        Draws { seed, index }: Draws,
        dtype: DType,
        device: &Device,
    ) -> Result<Var> {
        let n = shape.iter().try_fold(1_usize, |n, extent| n.checked_mul(*extent));
        let Some(n) = n.filter(|n| (1..=isize::MAX as usize / 8).contains(n)) else {
            return Err(Error::parameter(
                name,
                format!("its shape is {shape:?}"),
                "a number of elements above 0",
            ));
        };
        if !dtype.is_float() {
            let problem = format!("its element type is to be {dtype:?}");
            return Err(Error::parameter(name, problem, "f32, f64, f16 or bf16"));
        }
        let draw = self.draw(name, shape)?;
        let mut rng = stream(seed, WEIGHTS, index);
        let values = (0..n).map(|_| draw.sample(&mut rng));
        Ok(match dtype {
            DType::F64 => Var::from_vec(values.collect::<Vec<f64>>(), shape, device)?,
            DType::F32 => Var::from_vec(values.map(|v| v as f32).collect::<Vec<f32>>(), shape, device)?,
            _ => {
                let values: Vec<f32> = values.map(|v| v as f32).collect();
                Var::from_tensor(
                    &Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?.to_device(device)?,
                )?
            }
        })
    }

    /// The distribution for one shape.
    fn draw(self, name: &str, shape: &[usize]) -> Result<Draw> {
        let init = match self {
            Self::Ours(init) => return init.draw(name, shape),
            Self::Candle(init) => init,
        };
        distribution(init, shape).checked(name, &init)
    }
}

/// The distribution that Candle draws from for `init`.
fn distribution(init: candle_nn::Init, shape: &[usize]) -> Draw {
    match init {
        candle_nn::Init::Const(value) => Draw::Constant(value),
        candle_nn::Init::Randn { mean, stdev } => Draw::Normal { mean, std: stdev },
        // Drawn as our own initialisations are, where the distribution is the same.
        candle_nn::Init::Uniform { lo, up } if lo.to_bits() == (-up).to_bits() => Draw::Uniform { bound: up },
        candle_nn::Init::Uniform { lo, up } => Draw::Between { low: lo, high: up },
        candle_nn::Init::Kaiming { dist, fan, non_linearity } => {
            let std = non_linearity.gain() / (fan.for_shape(&Shape::from(shape)) as f64).sqrt();
            match dist {
                NormalOrUniform::Normal => Draw::Normal { mean: 0.0, std },
                NormalOrUniform::Uniform => Draw::Uniform { bound: 3_f64.sqrt() * std },
            }
        }
    }
}
