//! Tensors and sizes in published state dictionaries.

use candle_core::Tensor;

use super::GeneratorConfig;
use crate::engine::{Grid, StateDict};
use crate::layers::ConvConfig;
use crate::{Error, Result};

/// Published names below the name of their group.
pub(crate) fn renamed(dict: &StateDict, group: &str) -> StateDict {
    dict.iter().map(|(name, tensor)| (format!("{group}.{name}"), tensor.clone())).collect()
}

/// # Errors
/// [`Error::Parameter`] if it is missing.
pub(crate) fn tensor<'a>(dict: &'a StateDict, name: &str) -> Result<&'a Tensor> {
    dict.get(name)
        .ok_or_else(|| Error::parameter(name, "it is missing", "all tensors of the published network"))
}

/// Length of an axis of a tensor.
///
/// # Errors
/// [`Error::Parameter`] if the tensor is missing or has fewer axes.
pub(crate) fn size(dict: &StateDict, name: &str, axis: usize) -> Result<usize> {
    let dims = tensor(dict, name)?.dims();
    let wrong =
        || Error::parameter(name, format!("its shape is {dims:?}"), format!("at least {} axes", axis + 1));
    dims.get(axis).copied().ok_or_else(wrong)
}

/// Shape of a tensor of layer, x, y.
///
/// # Errors
/// [`Error::Parameter`] if it is missing or has other axes.
pub(crate) fn grid(dict: &StateDict, name: &str) -> Result<Grid> {
    let dims = tensor(dict, name)?.dims();
    dims.try_into().map_err(|_| Error::parameter(name, format!("its shape is {dims:?}"), "layer, x, y"))
}

/// Names of layers that are counted, `{prefix}{i}.weight`, as long as there are any; `numbers` are the possible ones.
pub(crate) fn counted(dict: &StateDict, prefix: &str, numbers: impl Iterator<Item = usize>) -> Vec<String> {
    numbers.map(|i| format!("{prefix}{i}.weight")).take_while(|name| dict.contains_key(name)).collect()
}

/// The layers of `template` with the channels that `dict` has in the tensors `names`, whose axis `axis` counts them; none where
/// number or kernels of the layers differ. Strides and paddings do not stand in weights.
///
/// # Errors
/// [`Error::Parameter`] for a tensor with other axes than a convolution has.
pub(crate) fn layers_like(
    template: &[ConvConfig],
    dict: &StateDict,
    names: &[String],
    axis: usize,
) -> Result<Option<Vec<ConvConfig>>> {
    if names.len() != template.len() {
        return Ok(None);
    }
    let mut layers = Vec::with_capacity(names.len());
    for (layer, name) in template.iter().zip(names) {
        let channels = size(dict, name, axis)?;
        size(dict, name, 4)?;
        if tensor(dict, name)?.dims()[2..] != layer.kernel {
            return Ok(None);
        }
        layers.push(ConvConfig { channels, ..*layer });
    }
    Ok(Some(layers))
}

/// The generator of `template` with the noise and channels that `dict` has, the first layer being `first`; none where number or
/// kernels of the layers differ.
///
/// # Errors
/// As [`layers_like`].
pub(crate) fn generator_like(
    template: &GeneratorConfig,
    dict: &StateDict,
    first: &str,
) -> Result<Option<GeneratorConfig>> {
    // Weights of transposed convolutions are [in, out, ..].
    let Some(firsts) = layers_like(&[template.first], dict, &[first.to_owned()], 1)? else { return Ok(None) };
    let names = counted(dict, "main_conv.", (0..).step_by(3));
    let Some(layers) = layers_like(&template.layers, dict, &names, 1)? else { return Ok(None) };
    let noise = size(dict, first, 0)?;
    Ok(firsts.first().map(|first| GeneratorConfig { noise, first: *first, layers }))
}

/// An error for a network that is known by its names, but not by its layers.
pub(crate) fn other_layers(network: &'static str, known: &[(&str, Grid)]) -> Error {
    let known: Vec<String> = known.iter().map(|(name, grid)| format!("that for {name}, {grid:?}")).collect();
    Error::operand("import", network, "a network of other layers", known.join(", or "))
}

/// Checks that there are no more dictionaries than those that were recognised.
///
/// # Errors
/// [`Error::Operand`] with what `expected` says.
pub(crate) fn check_number(dicts: &[StateDict], recognised: usize, expected: &str) -> Result<()> {
    if dicts.len() == recognised {
        return Ok(());
    }
    let found = format!("{} state dictionaries", dicts.len());
    Err(Error::operand("import", "number of networks", found, expected))
}
