//! What is trained and how: a family's configuration and the settings of the optimisers.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device};

use super::family::{FamilyConfig, FamilyEntry, StateDict, find};
use super::grid::Grid;
use super::header::{self, RecipeHeader};
use super::optim::OptimConfig;
use super::tables::{Tables, overlay, parse_table, to_table};
use crate::Result;
use crate::field::{error, within};
use crate::parameters::{Parameters, checkpoint};

/// What is trained and how; the source of the showers is not part of it.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The family's part.
    pub family: Box<dyn FamilyConfig>,
    /// The optimisers' part.
    pub optim: OptimConfig,
}

impl Recipe {
    /// The recipe of these tables for `family`, with showers on `grid` where that is given.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) for an unknown field or a value that cannot be.
    pub fn from_tables(family: &FamilyEntry, tables: &Tables, grid: Option<Grid>) -> Result<Self> {
        let family = (family.configure)(tables, grid)?;
        let mut optim = to_table("optim", &family.default_optim())?;
        overlay(&mut optim, tables.optim.clone());
        let recipe = Self { family, optim: parse_table("optim", &optim)? };
        recipe.validate()?;
        Ok(recipe)
    }

    /// The recipe as tables, with all defaults spelled out.
    ///
    /// # Errors
    /// A number that a file cannot hold.
    pub fn tables(&self) -> Result<Tables> {
        Ok(Tables { optim: to_table("optim", &self.optim)?, ..self.family.tables()? })
    }

    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Field`](crate::Error::Field) naming the first field that cannot be, its value and what is allowed.
    pub fn validate(&self) -> Result<()> {
        self.family.validate()?;
        // The engine relies on at least one of each.
        for (field, n) in [
            ("phases", self.family.phases(self.optim.epochs).len()),
            ("exported", self.family.exported().len()),
        ] {
            if n == 0 {
                return Err(error(field, 0, "at least one, said by the family"));
            }
        }
        within("optim", self.optim.validate(&self.family.groups()))
    }

    /// Epochs of all phases.
    pub fn epochs(&self) -> u32 {
        self.family.phases(self.optim.epochs).iter().map(|phase| phase.epochs).sum()
    }

    /// Checks that `tensors` are the exported weights of this recipe.
    ///
    /// # Errors
    /// [`Error::Operand`](crate::Error::Operand) and [`Error::Parameter`](crate::Error::Parameter) for tensors of other
    /// names or shapes than the networks have.
    pub fn check_weights(&self, tensors: &StateDict) -> Result<()> {
        self.weights(tensors).map(drop)
    }

    fn weights(&self, tensors: &StateDict) -> Result<Parameters> {
        let parameters = Parameters::new(0, DType::F32, &Device::Cpu);
        self.family.sampler(&parameters.path())?;
        parameters.restore(tensors)?;
        Ok(parameters)
    }

    /// Writes `tensors` as weights of this recipe, as [`Trainer::save_weights`](super::Trainer::save_weights) does; the
    /// number of weights.
    ///
    /// # Errors
    /// [`Error::Operand`](crate::Error::Operand) and [`Error::Parameter`](crate::Error::Parameter) for tensors of other
    /// names or shapes than the networks have; [`Error::Io`](crate::Error::Io) when the disk is full.
    pub fn write_weights(
        &self,
        path: &Path,
        tensors: &StateDict,
        provenance: &BTreeMap<String, String>,
    ) -> Result<usize> {
        let parameters = self.weights(tensors)?;
        let mut metadata = provenance.clone();
        metadata.extend([self.to_metadata()?]);
        checkpoint::save(path, &parameters.state(), &metadata)?;
        Ok(parameters.n_weights())
    }

    /// The first table in which two recipes differ, or the family.
    pub(super) fn first_difference(&self, other: &Self) -> Result<Option<&'static str>> {
        let (ours, theirs) = (self.tables()?, other.tables()?);
        let pairs = [
            ("family", self.family.family() == other.family.family()),
            ("model", ours.model == theirs.model),
            ("losses", ours.losses == theirs.losses),
            ("schedule", ours.schedule == theirs.schedule),
            ("optim", ours.optim == theirs.optim),
        ];
        Ok(pairs.into_iter().find(|(_, is_same)| !is_same).map(|(name, _)| name))
    }

    /// Key and text for the metadata of weights.
    pub(super) fn to_metadata(&self) -> Result<(String, String)> {
        header::write(self.family.family(), self.tables()?)
    }

    /// The recipe in the metadata of weights of one of `families`, written by this version or an earlier one; `None` if
    /// there is no recipe.
    pub(super) fn from_metadata(
        metadata: &BTreeMap<String, String>,
        families: &[FamilyEntry],
    ) -> Option<Result<Self>> {
        let header = RecipeHeader::read(metadata)?;
        Some(header.and_then(|header| {
            let family = find(families, header.family())?;
            Self::from_tables(family, &header.tables(family)?, None)
        }))
    }
}

impl PartialEq for Recipe {
    /// Recipes are equal if their tables are.
    fn eq(&self, other: &Self) -> bool {
        matches!(self.first_difference(other), Ok(None))
    }
}
