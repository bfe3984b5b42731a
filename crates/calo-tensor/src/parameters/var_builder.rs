//! Candle's `VarBuilder`, both ways: networks of `candle-nn` take their weights from our store, and ours take theirs
//! from any `VarBuilder`, say one that reads a file.

use std::fmt;

use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::VarBuilder;
use candle_nn::init::NormalOrUniform;
use candle_nn::var_builder::SimpleBackend;

use super::init::Draw;
use super::{Init, Kind, Path, View, joined, no_such};
use crate::Result;

/// Last parts of names that stand for running statistics: `candle-nn` asks for them as for weights.
const STATISTICS: [&str; 2] = ["running_mean", "running_var"];

impl<'a> Path<'a> {
    /// A `VarBuilder` of `candle-nn` at this place of the store: its layers register their weights here, by name, in order
    /// of creation and drawn from our streams; `running_mean` and `running_var` become buffers.
    ///
    /// Another element type or device than the store's is converted to on the way: gradients reach the store.
    ///
    /// ```
    /// # use calo_tensor::{candle::{DType, Device}, parameters::Parameters};
    /// let parameters = Parameters::new(1, DType::F32, &Device::Cpu);
    /// candle_nn::linear(3, 2, parameters.path().join("fc").var_builder())?;
    /// assert_eq!(parameters.state()[1].0, "fc.bias");
    /// # Ok::<(), calo_tensor::Error>(())
    /// ```
    pub fn var_builder(&self) -> VarBuilder<'a> {
        match &self.source {
            Source::Store(view) => {
                let backend = Store { view: *view, prefix: self.prefix.clone() };
                VarBuilder::from_backend(Box::new(backend), self.dtype(), self.device().clone())
            }
            Source::Builder(builder) if self.prefix.is_empty() => builder.clone(),
            Source::Builder(builder) => builder.pp(&self.prefix),
        }
    }

    /// The root of the names of a `VarBuilder`, for building our layers on weights of its own.
    ///
    /// ```
    /// # use std::collections::HashMap;
    /// # use calo_tensor::candle::{DType, Device, Tensor};
    /// # use calo_tensor::{layers::Linear, parameters::Path};
    /// let weight = Tensor::new(&[[1_f32, 2.0]], &Device::Cpu)?;
    /// let weights = HashMap::from([("fc.weight".to_owned(), weight.clone())]);
    /// let builder = candle_nn::VarBuilder::from_tensors(weights, DType::F32, &Device::Cpu);
    /// let layer = Linear::without_bias(&Path::from_var_builder(builder).join("fc"), 2, 1)?;
    /// assert_eq!(layer.forward(&weight)?.to_vec2::<f32>()?, [[5.0]]);
    /// # Ok::<(), calo_tensor::Error>(())
    /// ```
    pub fn from_var_builder(builder: VarBuilder<'static>) -> Self {
        Self { source: Source::Builder(builder), prefix: String::new() }
    }
}

/// Where the parameters of a [`Path`] are.
#[derive(Clone)]
pub(super) enum Source<'a> {
    /// In a store of ours.
    Store(View<'a>),
    /// Where a builder of Candle's finds them.
    ///
    /// One that borrows nothing: else a store would count as borrowed until its paths are dropped.
    Builder(VarBuilder<'static>),
}

impl fmt::Debug for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(view) => f.debug_tuple("Store").field(view).finish(),
            Self::Builder(builder) => f.debug_tuple("Builder").field(&builder.prefix()).finish(),
        }
    }
}

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

/// A buffer of `builder`: the variable itself where it keeps variables, else a copy.
pub(super) fn buffer(builder: &VarBuilder<'_>, name: &str, shape: &[usize], value: f64) -> Result<Var> {
    Ok(Var::from_tensor(&parameter(builder, name, shape, Init::Constant(value))?)?)
}

/// A place in a store of ours, as a backend of Candle's builder.
struct Store<'a> {
    view: View<'a>,
    prefix: String,
}

/// `tensor` as it was asked for; a gradient finds its way back.
fn converted(tensor: &Tensor, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
    tensor.to_dtype(dtype)?.to_device(device)
}

impl SimpleBackend for Store<'_> {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        init: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let last = name.rsplit('.').next().unwrap_or(name);
        let kind = if STATISTICS.contains(&last) { Kind::Buffer } else { Kind::Weight };
        let tensor = self.view.tensor(joined(&self.prefix, name), shape.dims(), Start::Candle(init), kind)?;
        converted(&tensor, dtype, device)
    }

    fn get_unchecked(&self, name: &str, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
        let name = joined(&self.prefix, name);
        let tensor = self.view.existing(&name).ok_or_else(|| no_such(&name))?;
        converted(&tensor, dtype, device)
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.view.existing(&joined(&self.prefix, name)).is_some()
    }
}

/// How a weight starts: by our rules, or by those of Candle's layers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Start {
    Ours(Init),
    Candle(candle_nn::Init),
}

impl Start {
    /// The distribution for one shape.
    pub(super) fn draw(self, name: &str, shape: &[usize]) -> Result<Draw> {
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
        // As ours are drawn, where it is the same distribution.
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
