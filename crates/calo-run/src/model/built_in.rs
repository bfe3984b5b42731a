//! The models that come with the program, exported to `data/models`.

use crate::{Error, Result};

/// A model that comes with the program.
#[derive(Debug, PartialEq, Eq)]
pub struct BuiltInModel {
    /// What it is called.
    pub name: &'static str,
    /// The incident particle of its showers.
    pub particle: &'static str,
    /// Weights; exporting another epoch changes their file's name.
    pub(super) weights: &'static [u8],
    /// The density of its latent variables.
    pub(super) density: &'static [u8],
    /// What was trained, on what.
    pub(super) description: &'static str,
    /// The detector of its showers.
    pub(super) detector: &'static str,
}

/// All of them; the first one of a particle is its default.
pub static MODELS: [BuiltInModel; 1] = [BuiltInModel {
    name: "photons-bib-ae",
    particle: "gamma",
    weights: include_bytes!("../../../../data/models/photons/beta-0.05/epochs/epoch-0008.safetensors"),
    density: include_bytes!("../../../../data/models/photons/beta-0.05/density.safetensors"),
    description: include_str!("../../../../data/models/photons/beta-0.05/run.json"),
    detector: include_str!("../../../../data/models/photons/beta-0.05/detector.toml"),
}];

impl BuiltInModel {
    /// What it is called in messages and files.
    pub fn shown(&self) -> String {
        format!("built-in {}", self.name)
    }
}

/// # Errors
/// There is none of that name.
pub(super) fn called(name: &str) -> Result<&'static BuiltInModel> {
    MODELS.iter().find(|model| model.name == name).ok_or_else(|| {
        let known = MODELS.each_ref().map(|model| model.name).join(", ");
        Error::Usage(format!("--model {name}: no such model comes with calo; expected {known}"))
    })
}

/// # Errors
/// There is none for that particle.
pub(super) fn of(particle: &str) -> Result<&'static BuiltInModel> {
    MODELS.iter().find(|model| model.particle == particle).ok_or_else(|| {
        let known = MODELS.each_ref().map(|model| format!("{} ({})", model.particle, model.name)).join(", ");
        Error::Usage(format!(
            "--particle {particle}: no model for it comes with calo; expected {known}, or --run FOLDER"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_once_and_what_is_not_there_is_named() {
        for (i, model) in MODELS.iter().enumerate() {
            assert!(MODELS[..i].iter().all(|other| other.name != model.name));
            assert_eq!(called(model.name).unwrap(), model);
        }
        assert_eq!(of("gamma").unwrap().name, "photons-bib-ae");
        assert!(of("e-").unwrap_err().to_string().contains("expected gamma (photons-bib-ae)"));
        assert!(called("nada").unwrap_err().to_string().contains("expected photons-bib-ae"));
    }
}
