//! A BIB-AE as a family of the engine.

use toml::Table;

use super::config::Config;
use super::generator::Generator;
use super::groups::{AUTOENCODER, CRITIC, LATENT_CRITIC, POST_PROCESSOR, PROFILE_CRITIC};
use super::import;
use super::model::ModelConfig;
use super::old_names::OLD_NAMES;
use super::step::BibAe;
use crate::Result;
use crate::components::post_processor::PostProcessorStage;
use crate::engine::{
    Family, FamilyConfig, FamilyEntry, Grid, Group, OptimConfig, Phase, Sampler, Tables, to_table,
};
use crate::field::{error, within};
use crate::parameters::{Parameters, Path};

/// The entry in the list of families.
pub(crate) const FAMILY: FamilyEntry = FamilyEntry {
    name: "bib-ae",
    configure: |tables, grid| Ok(Box::new(Config::from_tables(tables, grid)?)),
    import: import::from_state_dicts,
    old_names: OLD_NAMES,
    is_unnamed: true,
};

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
        within("schedule", self.schedule.validate())?;
        self.check_windows()
    }

    fn groups(&self) -> Vec<Group> {
        let group = |name, learning_rate| Group { name, learning_rate };
        vec![
            group(AUTOENCODER, 0.5e-3),
            group(CRITIC, 0.5e-3),
            group(LATENT_CRITIC, 2e-3),
            group(PROFILE_CRITIC, 0.5e-3),
            group(POST_PROCESSOR, 0.5e-3),
        ]
    }

    fn default_optim(&self) -> OptimConfig {
        OptimConfig { lr_decay: 0.95, ..OptimConfig::published(100, 8, [0.5, 0.9], &self.groups()) }
    }

    fn networks_of(&self, group: &str) -> Result<Table> {
        let ModelConfig { autoencoder, critic, latent_critic, profile_critic, post_processor, .. } =
            &self.model;
        match group {
            AUTOENCODER => {
                let mut table = to_table("model.autoencoder", autoencoder)?;
                // The same weights with energies in other units make another model.
                table.insert("scaling".to_owned(), to_table("model.scaling", &self.model.scaling)?.into());
                Ok(table)
            }
            CRITIC => to_table("model.critic", critic),
            LATENT_CRITIC => to_table("model.latent_critic", latent_critic),
            PROFILE_CRITIC => optional("model.profile_critic", profile_critic.as_ref()),
            POST_PROCESSOR => optional("model.post_processor", post_processor.as_ref()),
            _ => Err(error("group", group, "a group of parameters of the BIB-AE")),
        }
    }

    fn phases(&self, epochs: u32) -> Vec<Phase> {
        let mut groups = vec![AUTOENCODER, CRITIC, LATENT_CRITIC, PROFILE_CRITIC];
        let mut phases = Vec::new();
        match self.schedule.post_processor.stage {
            PostProcessorStage::After { epochs } if self.model.post_processor.is_some() => {
                let groups = vec![POST_PROCESSOR];
                phases.push(Phase { name: POST_PROCESSOR, epochs, groups, changes_showers: true });
            }
            _ => groups.push(POST_PROCESSOR),
        }
        phases.insert(0, Phase { name: AUTOENCODER, epochs, groups, changes_showers: true });
        phases
    }

    fn exported(&self) -> Vec<&'static str> {
        vec![AUTOENCODER, POST_PROCESSOR]
    }

    fn headline(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("critic_distance", "critic"),
            ("kld", "kld"),
            ("latent_mmd", "mmd"),
            ("post_processor_mmd", "spectrum"),
            ("post_processor_absolute", "sorted"),
        ]
    }

    fn has_encoder(&self) -> bool {
        true
    }

    fn build(&self, parameters: &Parameters) -> Result<Box<dyn Family>> {
        self.check_windows()?;
        Ok(Box::new(BibAe::new(self, parameters)?))
    }

    fn sampler(&self, root: &Path<'_>) -> Result<Box<dyn Sampler>> {
        within("model", self.model.validate())?;
        Ok(Box::new(Generator::new(root, &self.model)?))
    }

    fn boxed(&self) -> Box<dyn FamilyConfig> {
        Box::new(self.clone())
    }
}

/// Settings of a network that may be left out: an empty table then.
fn optional(section: &str, settings: Option<&impl serde::Serialize>) -> Result<Table> {
    settings.map_or_else(|| Ok(Table::new()), |settings| to_table(section, settings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Recipe;
    use crate::families::bibae::StagedActivation;

    fn recipe(change: impl Fn(&mut Config)) -> Result<()> {
        let mut config = Config::default();
        change(&mut config);
        let optim = config.default_optim();
        Recipe { family: Box::new(config), optim }.validate()
    }

    #[test]
    fn impossible_values_are_named_with_their_section() {
        let message = |change: fn(&mut Config)| recipe(change).unwrap_err().to_string();
        let text = message(|config| config.losses.kld = -1.0);
        assert!(text.starts_with("field `losses.kld`: -1"), "{text}");
        let text = message(|config| {
            config.losses.staged_activation =
                Some(StagedActivation { closed_factor: 0.0, first_steps: 3, steps_each: 2 });
        });
        assert!(text.contains("losses.staged_activation.closed_factor"), "{text}");
        assert!(message(|config| config.model.critic.width = 0).contains("critic.width"));
        assert!(message(|config| config.schedule.n_critic = 0).contains("schedule.n_critic"));
        recipe(|config| config.model = config.model.clone().on_grid([30, 10, 10])).unwrap();
    }

    #[test]
    fn optimisers_are_checked_against_the_groups() {
        let message = |change: fn(&mut OptimConfig)| {
            let family = Config::default();
            let mut optim = family.default_optim();
            change(&mut optim);
            Recipe { family: Box::new(family), optim }.validate().unwrap_err().to_string()
        };
        assert!(message(|optim| optim.batch_showers = 0).contains("optim.batch_showers"));
        for (decay, name) in [(-0.1, "-0.1"), (1.0, "1"), (f64::NAN, "NaN")] {
            let family = Config::default();
            let optim = OptimConfig { ema_decay: decay, ..family.default_optim() };
            let text = Recipe { family: Box::new(family), optim }.validate().unwrap_err().to_string();
            assert!(text.contains(&format!("`optim.ema_decay`: {name}")), "{text}");
        }
        let text = message(|optim| {
            optim.learning_rate.insert("decoder".to_owned(), 1e-3);
        });
        assert!(text.contains("learning_rate.decoder") && text.contains("autoencoder"), "{text}");
    }

    #[test]
    fn tables_are_read_as_they_were_written() {
        let mut config = Config::default();
        config.model.post_processor = Some(Default::default());
        config.losses.kld = 0.4;
        let optim = config.default_optim();
        let recipe = Recipe { family: Box::new(config), optim };
        let tables = recipe.tables().unwrap();
        assert!(Recipe::from_tables(&FAMILY, &tables, None).unwrap() == recipe);
        let other = Recipe::from_tables(&FAMILY, &tables, Some([30, 10, 10])).unwrap();
        assert!(other != recipe && other.family.grid() == [30, 10, 10]);
    }
}
