//! `calo amplification`: how many independent showers a generated sample is worth.

use std::path::PathBuf;

use calo_run::amplification::{AmplificationRequest, NamedFiles, ObservableSet, amplification};
use calo_run::monitor::Caller;

use crate::args::NamedFile;
use crate::options::InputOptions;
use crate::{output, tables};

/// More values would not fit into memory.
const MAX_ESTIMATED: i64 = 10_000_000;

/// Say how many independent showers a generated sample is worth
///
/// The reference stands for the truth and is split into quantiles, bins of equal share. The divergence of a sample from it
/// is compared with that of independent showers, of which some of the reference are held out unless there is a file of
/// them. The factor is the number of independent showers of the same divergence over the size of the training set.
///
/// An observable is one of visible_energy, peak_energy, n_hits, cog_x, cog_y, cog_z, m2_x, m2_y, m2_z, first_third,
/// second_third, last_third, shower_start, incident_energy, or high_cell_energy for single cells above 5 MeV. Several
/// joined by `+` are compared together, four at most.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Many showers, which stand for the truth; none of them may be in any other file
    #[arg(long, value_name = "FILE")]
    reference: PathBuf,
    /// More showers of the same origin, instead of some of the reference
    #[arg(long, value_name = "FILE", conflicts_with = "holdout")]
    independent: Option<PathBuf>,
    /// Share of the reference that is held out as independent showers
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    holdout: f64,
    /// The showers that the models were trained with
    #[arg(long, value_name = "FILE")]
    train: PathBuf,
    /// Showers of a model; may be given again, files of one name make one sample
    #[arg(long = "candidate", value_name = "[NAME=]FILE", required = true)]
    candidates: Vec<NamedFile>,
    /// Observables, or several joined by `+`; by default those of the paper
    #[arg(long, value_name = "NAME[+NAME..]", num_args = 1..)]
    observables: Vec<ObservableSet>,
    /// Compare with a kernel density and a histogram that are fitted to the training set, by so many values of each
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=MAX_ESTIMATED))]
    estimators: u32,
    /// Showers that these are fitted to, instead of the training set; may be given again
    #[arg(long, value_name = "[NAME=]FILE", requires = "estimators")]
    estimate_from: Vec<NamedFile>,
    /// Folder for amplification.json, amplification.html and figures/
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Seed of all resampling and of the estimators
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    from: InputOptions,
}

/// More than 0 and less than 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected a number between 0 and 1".to_owned()),
    }
}

/// Files of one name together.
fn by_name(files: &[NamedFile]) -> Vec<NamedFiles> {
    let mut samples: Vec<NamedFiles> = Vec::new();
    for NamedFile { name, path } in files {
        match samples.iter_mut().find(|sample| sample.name == *name) {
            Some(sample) => sample.files.push(path.clone()),
            None => samples.push(NamedFiles { name: name.clone(), files: vec![path.clone()] }),
        }
    }
    samples
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let observables =
        if args.observables.is_empty() { ObservableSet::of_paper() } else { args.observables.clone() };
    let request = AmplificationRequest {
        reference: args.reference.clone(),
        independent: args.independent.clone(),
        holdout: args.holdout,
        training: args.train.clone(),
        candidates: by_name(&args.candidates),
        n_estimated: args.estimators as usize,
        estimate_from: by_name(&args.estimate_from),
        observables,
        from: args.from.options(),
        seed: args.seed,
        out: args.out.clone(),
    };
    let (found, files) = amplification(&request, caller)?;
    output::print(&format!("{}\n{}\n", tables::amplification(&found), files.html.display()))
}
