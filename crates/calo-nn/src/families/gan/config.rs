//! A GAN and how it is trained, as a family of the engine.

use serde::{Deserialize, Serialize};
use toml::Table;

use super::groups::{DISCRIMINATOR, GENERATOR};
use super::import;
use super::model::ModelConfig;
use super::sampler::GanSampler;
use super::step::Gan;
use crate::Result;
use crate::engine::{
    Family, FamilyConfig, FamilyEntry, Grid, Group, OptimConfig, Phase, Sampler, Tables, parse_table,
    to_table,
};
use crate::field::{error, within};
use crate::parameters::{Parameters, Path};

/// The entry in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    name: "gan",
    configure: |tables, grid| Ok(Box::new(Config::from_tables(tables, grid)?)),
    import: import::from_state_dicts,
    old_names: &[],
    is_unnamed: false,
};

/// An empty table: there is one loss and one order of steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Everything but the optimisers. The default is the published model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The networks.
    pub model: ModelConfig,
}

impl Config {
    /// Reads the tables of a configuration.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) for an unknown field or a value of another type.
    pub(super) fn from_tables(tables: &Tables, grid: Option<Grid>) -> Result<Self> {
        let mut model: ModelConfig = parse_table("model", &tables.model)?;
        model.grid = grid.unwrap_or(model.grid);
        let Nothing {} = parse_table("losses", &tables.losses)?;
        let Nothing {} = parse_table("schedule", &tables.schedule)?;
        Ok(Self { model })
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
        Ok(Tables { model: to_table("model", &self.model)?, ..Tables::default() })
    }

    fn validate(&self) -> Result<()> {
        within("model.scaling", self.model.scaling.validate())?;
        within("model", self.model.generator.validate(self.model.grid))?;
        within("model", self.model.discriminator.validate(self.model.grid))
    }

    fn groups(&self) -> Vec<Group> {
        [GENERATOR, DISCRIMINATOR].map(|name| Group { name, learning_rate: 1e-5 }).to_vec()
    }

    fn default_optim(&self) -> OptimConfig {
        OptimConfig::published(100, 32, [0.5, 0.999], &self.groups())
    }

    fn networks_of(&self, group: &str) -> Result<Table> {
        let ModelConfig { generator, discriminator, scaling, .. } = &self.model;
        match group {
            GENERATOR => {
                let mut table = to_table("model.generator", generator)?;
                // The same weights with energies in other units make another model.
                table.insert("scaling".to_owned(), to_table("model.scaling", scaling)?.into());
                Ok(table)
            }
            DISCRIMINATOR => to_table("model.discriminator", discriminator),
            _ => Err(error("group", group, "a group of parameters of the GAN")),
        }
    }

    fn phases(&self, epochs: u32) -> Vec<Phase> {
        vec![Phase {
            name: FAMILY.name,
            epochs,
            groups: vec![GENERATOR, DISCRIMINATOR],
            changes_showers: true,
        }]
    }

    fn exported(&self) -> Vec<&'static str> {
        vec![GENERATOR]
    }

    fn headline(&self) -> &'static [(&'static str, &'static str)] {
        &[("discriminator_loss", "discriminator"), ("generator_loss", "generator")]
    }

    fn has_encoder(&self) -> bool {
        false
    }

    fn build(&self, parameters: &Parameters) -> Result<Box<dyn Family>> {
        Ok(Box::new(Gan::new(&self.model, parameters)?))
    }

    fn sampler(&self, root: &Path<'_>) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(GanSampler::new(root, &self.model)?))
    }

    fn boxed(&self) -> Box<dyn FamilyConfig> {
        Box::new(self.clone())
    }
}
