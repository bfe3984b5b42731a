//! `calo split`: training, validation and test files, the same for the same seed.

use std::path::PathBuf;

use calo_run::monitor::Caller;
use calo_run::prepare::{self, SplitRequest};

use crate::options::{InputOptions, StorageOptions};
use crate::output;

/// Split a file into training, validation and test showers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Shower file
    input: PathBuf,
    /// Folder for train.hdf5, validation.hdf5 and test.hdf5
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Shares of training, validation and test
    #[arg(long, value_name = "TRAIN,VALIDATION,TEST", default_value = "80,10,10", value_parser = fractions)]
    fractions: [f64; 3],
    /// Showers that validation and test have at most, each; the rest is training, or is left out where training has no share
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    at_most: Option<u64>,
    /// Which showers go where depends on this and on the file's length alone
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    from: InputOptions,
    #[command(flatten)]
    storage: StorageOptions,
}

fn fractions(text: &str) -> Result<[f64; 3], String> {
    let form = || "expected three numbers of at least 0 with a sum above 0, for example 80,10,10".to_owned();
    let shares: Vec<f64> =
        text.split(',').map(|share| share.trim().parse()).collect::<Result<_, _>>().map_err(|_| form())?;
    let sum: f64 = shares.iter().sum();
    match shares[..] {
        [a, b, c] if shares.iter().all(|share| *share >= 0.0) && sum > 0.0 && sum.is_finite() => {
            Ok([a / sum, b / sum, c / sum])
        }
        _ => Err(form()),
    }
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = SplitRequest {
        input: args.input.clone(),
        out: args.out.clone(),
        fractions: args.fractions,
        at_most: args.at_most,
        seed: args.seed,
        from: args.from.options(),
        storage: args.storage.options(),
    };
    let sizes = prepare::split(&request, caller)?;
    let lines = sizes.iter().map(|(part, n)| format!("{}: {n} showers\n", part.name()));
    output::print(&lines.collect::<String>())
}
