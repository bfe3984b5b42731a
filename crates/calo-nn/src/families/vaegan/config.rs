//! A VAE-GAN and how it is trained, as a family of the engine.

use toml::Table;

use super::groups::{AUTOENCODER, DISCRIMINATOR};
use super::losses::LossWeights;
use super::model::ModelConfig;
use super::sampler::Autoencoder;
use super::schedule::Schedule;
use super::step::VaeGan;
use crate::Result;
use crate::engine::{
    Family, FamilyConfig, FamilyEntry, Grid, Group, OptimConfig, Phase, Sampler, Tables, parse_table,
    to_table,
};
use crate::field::{error, within};
use crate::parameters::{Parameters, Path};

/// The entry in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    name: "vae-gan",
    configure: |tables, grid| Ok(Box::new(Config::from_tables(tables, grid)?)),
    import: |_| Ok(None),
    old_names: &[],
    is_unnamed: false,
};

/// Everything but the optimisers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The networks.
    pub model: ModelConfig,
    /// Weights of the losses.
    pub losses: LossWeights,
    /// How often which network is trained.
    pub schedule: Schedule,
}

impl Config {
    /// Reads the tables of a configuration.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) for an unknown field or a value of another type.
    pub(super) fn from_tables(tables: &Tables, grid: Option<Grid>) -> Result<Self> {
        let mut model: ModelConfig = parse_table("model", &tables.model)?;
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
        if self.schedule.n_discriminator == 0 {
            return Err(error("schedule.n_discriminator", 0, "at least 1"));
        }
        Ok(())
    }

    fn groups(&self) -> Vec<Group> {
        [AUTOENCODER, DISCRIMINATOR].map(|name| Group { name, learning_rate: 8e-6 }).to_vec()
    }

    /// The paper gives learning rate and epochs; the batch is ours.
    fn default_optim(&self) -> OptimConfig {
        OptimConfig::published(50_000, 50, [0.9, 0.999], &self.groups())
    }

    fn networks_of(&self, group: &str) -> Result<Table> {
        let ModelConfig { latent_dim, encoder, generator, discriminator, scaling, .. } = &self.model;
        match group {
            AUTOENCODER => {
                let mut table = to_table("model.generator", generator)?;
                table.insert("encoder".to_owned(), to_table("model.encoder", encoder)?.into());
                // The same weights with energies in other units make another model.
                table.insert("scaling".to_owned(), to_table("model.scaling", scaling)?.into());
                let latent_dim = i64::try_from(*latent_dim).unwrap_or(i64::MAX);
                table.insert("latent_dim".to_owned(), latent_dim.into());
                Ok(table)
            }
            DISCRIMINATOR => to_table("model.discriminator", discriminator),
            _ => Err(error("group", group, "a group of parameters of the VAE-GAN")),
        }
    }

    fn phases(&self, epochs: u32) -> Vec<Phase> {
        vec![Phase {
            name: FAMILY.name,
            epochs,
            groups: vec![AUTOENCODER, DISCRIMINATOR],
            changes_showers: true,
        }]
    }

    fn exported(&self) -> Vec<&'static str> {
        vec![AUTOENCODER]
    }

    fn headline(&self) -> &'static [(&'static str, &'static str)] {
        &[("discriminator_loss", "discriminator"), ("generator_loss", "generator"), ("kld", "KLD")]
    }

    fn takes_energy(&self) -> bool {
        false
    }

    fn has_encoder(&self) -> bool {
        true
    }

    fn build(&self, parameters: &Parameters) -> Result<Box<dyn Family>> {
        self.validate()?;
        Ok(Box::new(VaeGan::new(self, parameters)?))
    }

    fn sampler(&self, root: &Path<'_>) -> Result<Box<dyn Sampler>> {
        Ok(Box::new(Autoencoder::new(root, &self.model)?))
    }

    fn boxed(&self) -> Box<dyn FamilyConfig> {
        Box::new(self.clone())
    }
}
