//! A WGAN and how it is trained, as a family of the engine.

use toml::Table;

use super::groups::{CONSTRAINER, CRITIC, GENERATOR};
use super::import;
use super::losses::LossWeights;
use super::model::ModelConfig;
use super::sampler::WganSampler;
use super::schedule::Schedule;
use super::step::Wgan;
use crate::Result;
use crate::engine::{
    Family, FamilyConfig, FamilyEntry, Grid, Group, OptimConfig, Phase, Sampler, Tables, overlay,
    parse_table, to_table,
};
use crate::field::{error, within};
use crate::parameters::{Parameters, Path};

/// The entry in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    name: "wgan",
    configure: |tables, grid| Ok(Box::new(Config::from_tables(tables, grid)?)),
    import: import::from_state_dicts,
    old_names: &[],
    is_unnamed: false,
};

/// Everything but the optimisers. The default is the published model for photons, without constrainer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The networks.
    pub model: ModelConfig,
    /// Weights of the losses.
    pub losses: LossWeights,
    /// Order and number of training steps.
    pub schedule: Schedule,
}

impl Config {
    /// Reads the tables of a configuration.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) for an unknown field or a value of another type.
    pub(super) fn from_tables(tables: &Tables, grid: Option<Grid>) -> Result<Self> {
        // A generator of which some fields are given keeps the others of this family, not of the GAN.
        let mut model = to_table("model", &ModelConfig::default())?;
        overlay(&mut model, tables.model.clone());
        let mut model: ModelConfig = parse_table("model", &model)?;
        model.grid = grid.unwrap_or(model.grid);
        Ok(Self {
            model,
            losses: parse_table("losses", &tables.losses)?,
            schedule: parse_table("schedule", &tables.schedule)?,
        })
    }
}

impl FamilyConfig for Config {
    fn entry(&self) -> &'static FamilyEntry {
        &FAMILY
    }

    fn grid(&self) -> Grid {
        self.model.grid
    }

    fn tables(&self) -> Result<Tables> {
        Ok(Tables {
            model: to_table("model", &self.model)?,
            losses: to_table("losses", &self.losses)?,
            schedule: to_table("schedule", &self.schedule)?,
            ..Tables::default()
        })
    }

    fn validate(&self) -> Result<()> {
        within("model", self.model.validate())?;
        within("losses", self.losses.validate())?;
        within("schedule", self.schedule.validate())
    }

    fn groups(&self) -> Vec<Group> {
        [GENERATOR, CRITIC, CONSTRAINER].map(|name| Group { name, learning_rate: 1e-4 }).to_vec()
    }

    /// Batch, betas and learning rates are those of Gulrajani et al. (arXiv 1704.00028): the paper names none.
    fn default_optim(&self) -> OptimConfig {
        OptimConfig::published(100, 64, [0.0, 0.9], &self.groups())
    }

    fn networks_of(&self, group: &str) -> Result<Table> {
        let ModelConfig { generator, critic, constrainer, scaling, .. } = &self.model;
        let mut table = match group {
            GENERATOR => to_table("model.generator", generator)?,
            CRITIC => to_table("model.critic", critic)?,
            CONSTRAINER => match constrainer {
                Some(constrainer) => to_table("model.constrainer", constrainer)?,
                None => return Ok(Table::new()),
            },
            _ => return Err(error("group", group, "a group of parameters of the WGAN")),
        };
        // The same weights with energies in other units make another model.
        table.insert("scaling".to_owned(), to_table("model.scaling", scaling)?.into());
        Ok(table)
    }

    fn phases(&self, epochs: u32) -> Vec<Phase> {
        let mut phases = Vec::new();
        if self.model.constrainer.is_some() {
            let epochs = self.schedule.constrainer_epochs;
            let groups = vec![CONSTRAINER];
            phases.push(Phase { name: CONSTRAINER, epochs, groups, changes_showers: false });
        }
        let groups = vec![GENERATOR, CRITIC];
        phases.push(Phase { name: FAMILY.name, epochs, groups, changes_showers: true });
        phases
    }

    /// Latent variables are optimised with the critic; a run that goes on from these weights needs the constrainer.
    fn exported(&self) -> Vec<&'static str> {
        vec![GENERATOR, CRITIC, CONSTRAINER]
    }

    fn headline(&self) -> &'static [(&'static str, &'static str)] {
        &[("critic_distance", "critic"), ("energy", "energy"), ("constrainer_error", "constrainer")]
    }

    fn has_encoder(&self) -> bool {
        false
    }

    fn has_latent_score(&self) -> bool {
        true
    }

    fn build(&self, parameters: &Parameters) -> Result<Box<dyn Family>> {
        self.validate()?;
        Ok(Box::new(Wgan::new(self, parameters)?))
    }

    fn sampler(&self, root: &Path<'_>) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(WganSampler::new(root, &self.model, self.schedule.latent_optimisation)?))
    }

    fn boxed(&self) -> Box<dyn FamilyConfig> {
        Box::new(self.clone())
    }
}
