//! Candle's `VarBuilder`, both ways: networks of `candle-nn` take their weights from our store, and ours take theirs
//! from any `VarBuilder`, say one that reads a file.

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::check::no_such;
use super::path::{Path, Source, joined};
use super::start::Start;
use super::store::{Kind, View};

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

impl Path<'static> {
    /// The root of the names of these tensors, for building networks on them: they share their memory.
    ///
    /// ```
    /// # use calo_tensor::candle::{DType, Device, Tensor};
    /// # use calo_tensor::{layers::Linear, parameters::Path};
    /// let weight = Tensor::new(&[[1_f32, 2.0]], &Device::Cpu)?;
    /// let root = Path::of_tensors([("fc.weight".to_owned(), weight.clone())], DType::F32, &Device::Cpu);
    /// let layer = Linear::without_bias(&root.join("fc"), 2, 1)?;
    /// assert_eq!(layer.forward(&weight)?.to_vec2::<f32>()?, [[5.0]]);
    /// # Ok::<(), calo_tensor::Error>(())
    /// ```
    pub fn of_tensors(
        tensors: impl IntoIterator<Item = (String, Tensor)>,
        dtype: DType,
        device: &Device,
    ) -> Self {
        Self::from_var_builder(VarBuilder::from_tensors(tensors.into_iter().collect(), dtype, device))
    }
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
