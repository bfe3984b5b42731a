//! Loads the built-in model.

use calo_run::model::ModelChoice;

fn main() -> calo_run::Result<()> {
    let model = ModelChoice::default().load()?;
    println!("{} on {:?}", model.shown(), model.networks.grid());
    Ok(())
}
