//! The families of models: one folder each, and this list.
//!
//! | module | holds | paper |
//! | --- | --- | --- |
//! | [`bibae`] | BIB-AE: encoder, decoder, critics, post-processor; a family to train | decoding-photons, fast-and-accurate-showers |
//! | [`gan`] | generator, discriminator; a family to train | fast-and-accurate-showers |
//! | [`vaegan`] | encoder, generator, discriminator of images; a family to train | calomplification |
//! | [`wgan`] | generator, critic (photons and pions), constrainer; a family to train | fast-and-accurate-showers |
//!
//! Names of parameters are those of the published state dictionaries. Showers enter as `[n, layer, x, y]` in MeV,
//! incident energies as `[n, 1]` in GeV.

pub mod bibae;
pub mod gan;
pub mod vaegan;
pub mod wgan;

use crate::engine::{self, FamilyEntry, Published, StateDict};
use crate::{Error, Result};

/// Every family that can be trained. A new one is a folder and a line here.
pub const ALL: &[FamilyEntry] = &[bibae::FAMILY, gan::FAMILY, vaegan::FAMILY, wgan::FAMILY];

/// The family of configurations that name none.
pub const DEFAULT: &str = bibae::FAMILY.name;

/// Names of all families.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|entry| entry.name).collect()
}

/// The family called `name`.
///
/// # Errors
/// [`Error::Field`] with the families that there are.
pub fn find(name: &str) -> Result<&'static FamilyEntry> {
    engine::find(ALL, Some(name))
}

/// The published model that these state dictionaries, one a network, belong to.
///
/// # Errors
/// [`Error::Operand`] where no family knows the names, and those of a family that knows some.
pub fn recognise(dicts: &[StateDict]) -> Result<Published> {
    for entry in ALL {
        if let Some(published) = (entry.import)(dicts)? {
            return Ok(published);
        }
    }
    let found: Vec<&String> = dicts.iter().flat_map(StateDict::keys).take(4).collect();
    let expected = format!("those of a published model of family {}", names().join(" or "));
    Err(Error::operand("import", "names of tensors", found, expected))
}
