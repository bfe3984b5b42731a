//! A published WGAN from its state dictionaries: its sizes stand in the shapes of the tensors, its strides in the network that
//! they fit.

use super::config::Config;
use super::constrainer::ConstrainerConfig;
use super::critic::CriticConfig;
use super::generator::Generator;
use super::groups::{CONSTRAINER, CRITIC, GENERATOR};
use super::model::ModelConfig;
use crate::Result;
use crate::components::published::{
    check_number, counted, generator_like, layers_like, other_layers, renamed, size,
};
use crate::engine::{Grid, Published, StateDict};

/// Grids of the published networks.
const PHOTONS: Grid = [30; 3];
const PIONS: Grid = [48, 13, 13];

/// Names that only one of the networks has: the constrainer has two fully connected layers, the critic more.
const OF_GENERATOR: &str = "conv1_100.weight";
const OF_BOTH_OTHERS: &str = "fc2.weight";
const OF_CRITIC: &str = "fc3.weight";
const NOT_OF_THEM: &str = "fcec1.weight";

/// Generator and critic, and the constrainer where there is one; none where no dictionary holds a generator.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a tensor that is missing or has another number of axes,
/// [`Error::Operand`](crate::Error::Operand) for a dictionary of something else, or of other layers than published.
pub(super) fn from_state_dicts(dicts: &[StateDict]) -> Result<Option<Published>> {
    let Some(generator) = dicts.iter().find(|dict| dict.contains_key(OF_GENERATOR)) else {
        return Ok(None);
    };
    let others =
        || dicts.iter().filter(|dict| dict.contains_key(OF_BOTH_OTHERS) && !dict.contains_key(NOT_OF_THEM));
    let critic = others().find(|dict| dict.contains_key(OF_CRITIC));
    let constrainer = others().find(|dict| !dict.contains_key(OF_CRITIC));
    let expected = "generator and critic; constrainer";
    check_number(dicts, 1 + usize::from(critic.is_some()) + usize::from(constrainer.is_some()), expected)?;
    let Some(critic) = critic else {
        return Err(crate::Error::operand("import", "critic", "missing", expected));
    };

    let mut model = None;
    for (grid, generator_layers, critic_layers) in [
        (PHOTONS, Generator::photons(), CriticConfig::default()),
        (PIONS, Generator::pions(), CriticConfig::pion()),
    ] {
        if let Some(generator) = generator_like(&generator_layers, generator, OF_GENERATOR)? {
            let critic = critic_like(&critic_layers, critic)?;
            model = Some(ModelConfig { grid, generator, critic, ..ModelConfig::default() });
        }
    }
    let known = [("photons", PHOTONS), ("pions", PIONS)];
    let mut model = model.ok_or_else(|| other_layers("generator", &known))?;
    let mut tensors = renamed(generator, GENERATOR);
    tensors.extend(renamed(critic, CRITIC));
    if let Some(dict) = constrainer {
        model.constrainer = Some(constrainer_like(dict)?);
        tensors.extend(renamed(dict, CONSTRAINER));
    }
    let family = Box::new(Config { model, ..Config::default() });
    Ok(Some(Published { family, tensors, left_out: Vec::new() }))
}

/// The critic of `template` with the sizes that `dict` has.
fn critic_like(template: &CriticConfig, dict: &StateDict) -> Result<CriticConfig> {
    let layers = layers_like(&template.layers, dict, &counted(dict, "conv", 1..), 0)?;
    let layers = layers.ok_or_else(|| other_layers("critic", &[("photons", PHOTONS), ("pions", PIONS)]))?;
    let connected = counted(dict, "fc", 1..);
    // The last one makes the score.
    let hidden = connected.iter().take(connected.len().saturating_sub(1));
    Ok(CriticConfig {
        layers,
        hidden: hidden.map(|name| size(dict, name, 0)).collect::<Result<_>>()?,
        ..template.clone()
    })
}

fn constrainer_like(dict: &StateDict) -> Result<ConstrainerConfig> {
    let template = ConstrainerConfig::default();
    let layers = layers_like(&template.layers, dict, &counted(dict, "conv", 1..), 0)?;
    let layers = layers.ok_or_else(|| other_layers("constrainer", &[("photons", PHOTONS)]))?;
    Ok(ConstrainerConfig { layers, hidden: size(dict, "fc1.weight", 0)?, ..template })
}
