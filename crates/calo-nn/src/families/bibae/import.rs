//! A published BIB-AE from its state dictionaries: the sizes of its networks stand in the shapes of the tensors.

use super::config::Config;
use super::groups::{AUTOENCODER, POST_PROCESSOR};
use super::model::ModelConfig;
use super::networks::AutoencoderConfig;
use crate::Result;
use crate::components::post_processor::PostProcessorConfig;
use crate::components::published::{check_number, grid, renamed, size};
use crate::engine::{Published, StateDict};

/// Names that only one of the networks has.
const OF_AUTOENCODER: &str = "enconv1.weight";
const OF_POST_PROCESSOR: &str = "fcec1.weight";

/// Encoder and decoder, in one dictionary as published, and the post-processor where there is one; none where no
/// dictionary holds an encoder.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a tensor that is missing or has another number of axes, [`Error::Operand`](crate::Error::Operand) for a dictionary
/// of something else.
pub(super) fn from_state_dicts(dicts: &[StateDict]) -> Result<Option<Published>> {
    let Some(autoencoder) = dicts.iter().find(|dict| dict.contains_key(OF_AUTOENCODER)) else {
        return Ok(None);
    };
    let post_processor = dicts.iter().find(|dict| dict.contains_key(OF_POST_PROCESSOR));
    check_number(dicts, 1 + usize::from(post_processor.is_some()), "encoder and decoder, post-processor")?;
    let autoencoder_config = AutoencoderConfig {
        grid: grid(autoencoder, "bnde1.weight")?,
        width: size(autoencoder, OF_AUTOENCODER, 0)?,
        hidden: size(autoencoder, "fc1.weight", 0)?,
        bottleneck: size(autoencoder, "fc2.weight", 0)?,
        n_encoded: size(autoencoder, "fc31.weight", 0)?,
        // The incident energy is one more input.
        latent_dim: size(autoencoder, "cond1.weight", 1)?.saturating_sub(1),
        decoder_layer_norm: autoencoder.contains_key("bnco0.weight"),
    };
    let mut model = ModelConfig { autoencoder: autoencoder_config, ..ModelConfig::default() };
    let grid = model.autoencoder.grid;
    let mut tensors = renamed(autoencoder, AUTOENCODER);
    if let Some(dict) = post_processor {
        model.post_processor = Some(PostProcessorConfig {
            width: size(dict, "conv1.weight", 0)?,
            condition: size(dict, OF_POST_PROCESSOR, 0)?,
            layer_norm: dict.contains_key("bnco1.weight"),
            ..PostProcessorConfig::default()
        });
        tensors.extend(renamed(dict, POST_PROCESSOR));
    }
    let family = Box::new(Config { model: model.on_grid(grid), ..Config::default() });
    Ok(Some(Published { family, tensors, left_out: Vec::new() }))
}
