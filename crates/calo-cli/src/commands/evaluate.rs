//! `calo evaluate`: candidates against a reference, with every metric.

use std::path::{Path, PathBuf};

use calo_metrics::Splits;
use calo_run::Error;
use calo_run::evaluate::{Classifiers, EvaluateRequest, Evaluation, SampleFiles, evaluate};
use calo_run::files;
use calo_run::monitor::Caller;

use crate::args::{FixedEnergyFile, NamedFile};
use crate::options::InputOptions;
use crate::{output, tables};

/// Compare generated showers with reference showers
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Reference showers, full spectrum; of the CaloChallenge also several files, FILE,FILE
    #[arg(long, value_name = "[NAME=]FILE")]
    reference: NamedFile,
    /// Reference showers of one energy in GeV; may be given again
    #[arg(long, value_name = "ENERGY=FILE")]
    reference_at: Vec<FixedEnergyFile>,
    /// Candidate showers, full spectrum; may be given again, and hold several files as --reference
    #[arg(long, value_name = "[NAME=]FILE", required = true)]
    candidate: Vec<NamedFile>,
    /// Candidate showers of one energy; NAME tells candidates apart where there are several
    #[arg(long, value_name = "[NAME:]ENERGY=FILE")]
    candidate_at: Vec<FixedEnergyFile>,
    /// Folder for results.json, and showers.json of detectors with one grid
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Divisors of S_JSD, from the results.json of another evaluation or the selection.json of `calo select`
    #[arg(long, value_name = "FILE")]
    divisors: Option<PathBuf>,
    /// Bootstrap replicas behind the errors of histogram distances
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(2..=1000))]
    replicas: u16,
    /// Random splits over which distance and floor at the same number of showers are averaged; 0 for none
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = splits)]
    splits: u8,
    /// How thoroughly trees look for differences: fast (5,000 showers of each sample at most) or full (50,000)
    #[arg(long, value_name = "fast|full", default_value = "fast")]
    classifiers: Classifiers,
    /// Seed of halves, replicas, splits and resampling
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    from: InputOptions,
}

/// 0, or 2 to 64.
fn splits(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(k) if k != 1 && usize::from(k) <= Splits::MAX => Ok(k),
        _ => Err(format!("expected 0, or 2 to {} splits", Splits::MAX)),
    }
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let (reference, candidates) = samples(args)?;
    let request = EvaluateRequest {
        reference,
        candidates,
        out: args.out.clone(),
        divisors: args.divisors.clone(),
        n_replicas: usize::from(args.replicas),
        n_splits: usize::from(args.splits),
        seed: args.seed,
        classifiers: args.classifiers,
        from: args.from.options(),
    };
    output::print(&match evaluate(&request, caller)? {
        Evaluation::Grid(results) => tables::evaluation(&results),
        Evaluation::Challenge(results) => tables::challenge(&results),
    })
}

/// The reference's files, and each candidate's.
fn samples(args: &Args) -> Result<(SampleFiles, Vec<SampleFiles>), Error> {
    let mut reference = sample(&args.reference);
    let mut candidates: Vec<SampleFiles> = args.candidate.iter().map(sample).collect();
    for file in &args.reference_at {
        if let Some(name) = &file.sample {
            return Err(usage(format!("--reference-at: a name, `{name}`; expected ENERGY=FILE")));
        }
        reference.fixed.push(fixed(file));
    }
    for file in &args.candidate_at {
        let candidate = match &file.sample {
            None if candidates.len() == 1 => candidates.first_mut(),
            None => return Err(usage("--candidate-at: several candidates; expected NAME:ENERGY=FILE")),
            Some(name) => candidates.iter_mut().find(|candidate| candidate.name == *name),
        };
        let Some(candidate) = candidate else {
            let names = args.candidate.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
            let name = file.sample.as_deref().unwrap_or_default();
            return Err(usage(format!("--candidate-at: no candidate `{name}`; expected one of {names}")));
        };
        candidate.fixed.push(fixed(file));
    }
    Ok((reference, candidates))
}

fn sample(file: &NamedFile) -> SampleFiles {
    let mut paths = several(&file.path).into_iter();
    let full = paths.next().unwrap_or_else(|| file.path.clone());
    // The name of several files is that of the first.
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let is_named = Some(&file.name) != stem(&file.path).as_ref();
    let name = if is_named { file.name.clone() } else { stem(&full).unwrap_or_else(|| file.name.clone()) };
    SampleFiles { name, full, more: paths.collect(), fixed: Vec::new() }
}

/// The files of `A,B`, unless that is the name of one.
fn several(path: &Path) -> Vec<PathBuf> {
    match path.to_str() {
        Some(text) if !path.exists() => {
            text.split(',').filter(|part| !part.is_empty()).map(PathBuf::from).collect()
        }
        _ => vec![path.to_owned()],
    }
}

fn fixed(file: &FixedEnergyFile) -> files::FixedEnergyFile {
    files::FixedEnergyFile { energy_gev: file.energy_gev, path: file.path.clone() }
}

fn usage(problem: impl Into<String>) -> Error {
    Error::Usage(problem.into())
}
