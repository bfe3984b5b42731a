//! A BIB-AE and how it is trained.

use super::losses::LossWeights;
use super::model::ModelConfig;
use super::schedule::Schedule;
use crate::Result;
use crate::engine::{Grid, Tables, parse_table};
use crate::field::error;

/// Everything but the optimisers. The default is the published model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// The networks.
    pub model: ModelConfig,
    /// Losses and their weights.
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
        let model: ModelConfig = parse_table("model", &tables.model)?;
        let grid = grid.unwrap_or(model.grid);
        Ok(Self {
            model: model.on_grid(grid),
            losses: parse_table("losses", &tables.losses)?,
            schedule: parse_table("schedule", &tables.schedule)?,
        })
    }

    /// Windows of sorted cells have to fit the grid, where they are used.
    pub(super) fn check_windows(&self) -> Result<()> {
        let cells: usize = self.model.grid.iter().product();
        let post_processor = &self.schedule.post_processor;
        let needed = post_processor.sorted_mmd.cells();
        let is_used = self.model.post_processor.is_some() && post_processor.losses.sorted_mmd > 0.0;
        if is_used && needed > cells {
            let (value, expected) =
                (format!("its windows span {needed} cells"), format!("at most the {cells} of the grid"));
            return Err(error("schedule.post_processor.sorted_mmd", value, &expected));
        }
        Ok(())
    }
}
