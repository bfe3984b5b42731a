//! A published GAN from its state dictionaries: its sizes stand in the shapes of the tensors.

use candle_core::{DType, Device, Tensor};

use super::config::Config;
use super::discriminator::DiscriminatorConfig;
use super::groups::GENERATOR;
use super::model::ModelConfig;
use crate::Result;
use crate::components::GeneratorConfig;
use crate::components::published::{check_number, generator_like, layers_like, other_layers, renamed, size};
use crate::engine::{Grid, Published, StateDict};

/// The grid of the published networks.
const GRID: Grid = [30; 3];

/// Names that only one of the networks has: each has `main_conv.0.weight` too.
const OF_GENERATOR: &str = "conv1.weight";
const OF_DISCRIMINATOR: &str = "fc.0.weight";
const OF_BOTH: &str = "main_conv.0.weight";

/// The generator, and the sizes of the discriminator where there is one; none where no dictionary holds a generator.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a tensor that is missing or has another number of axes,
/// [`Error::Operand`](crate::Error::Operand) for a dictionary of something else, or of other layers than published.
pub(super) fn from_state_dicts(dicts: &[StateDict]) -> Result<Option<Published>> {
    let of = |name: &'static str| {
        dicts.iter().find(move |dict| dict.contains_key(name) && dict.contains_key(OF_BOTH))
    };
    let Some(generator) = of(OF_GENERATOR) else { return Ok(None) };
    let discriminator = of(OF_DISCRIMINATOR);
    check_number(dicts, 1 + usize::from(discriminator.is_some()), "generator, discriminator")?;
    let layers = generator_like(&GeneratorConfig::default(), generator, OF_GENERATOR)?;
    let layers = layers.ok_or_else(|| other_layers("generator", &[("photons", GRID)]))?;
    let mut model = ModelConfig { grid: GRID, generator: layers, ..ModelConfig::default() };
    let mut left_out = Vec::new();
    if let Some(dict) = discriminator {
        model.discriminator = discriminator_like(dict)?;
        left_out.push(("discriminator".to_owned(), "a trained model does not need it".to_owned()));
    }
    let mut tensors = renamed(generator, GENERATOR);
    // Counters of batches are integers, which are not read; no network here uses their value.
    let counters: Vec<String> = tensors
        .keys()
        .filter_map(|name| Some(format!("{}num_batches_tracked", name.strip_suffix("running_mean")?)))
        .collect();
    for counter in counters {
        tensors.entry(counter).or_insert(Tensor::zeros((), DType::F32, &Device::Cpu)?);
    }
    Ok(Some(Published { family: Box::new(Config { model }), tensors, left_out }))
}

/// The published discriminator with the sizes that `dict` has.
fn discriminator_like(dict: &StateDict) -> Result<DiscriminatorConfig> {
    let template = DiscriminatorConfig::default();
    // Layer, perhaps normalisation, and activation count.
    let names = [0, 2, 5, 8, 11].map(|i| format!("main_conv.{i}.weight"));
    let layers = layers_like(&template.layers, dict, &names, 0)?;
    Ok(DiscriminatorConfig {
        layers: layers.ok_or_else(|| other_layers("discriminator", &[("photons", GRID)]))?,
        hidden: size(dict, OF_DISCRIMINATOR, 0)?,
        minibatch_deviation: size(dict, OF_BOTH, 1)? == 2,
        ..template
    })
}
