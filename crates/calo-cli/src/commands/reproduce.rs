//! `calo reproduce`: a table or figure of a paper, from nothing to the page.

use std::path::PathBuf;

use calo_run::experiment::{
    AmplificationExperiment, AmplificationReproduceRequest, AnyExperiment, Experiment, Program,
    ReproduceRequest, estimate, reproduce, reproduce_amplification,
};
use calo_run::files::FixedEnergyFile;
use calo_run::model::{Compute, Precision};
use calo_run::monitor::Caller;

use crate::{args, output};

/// Reproduce a table or figure of a paper: simulate, train, generate, score, and print the table
///
/// Stages that are complete in the folder do not run again: the same command resumes after an interruption. Stages made by
/// another version of calo run again unless --keep-stages is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Name of a built-in experiment (--list), or a TOML file
    #[arg(value_name = "NAME|FILE", required_unless_present = "list")]
    experiment: Option<String>,
    /// List the built-in experiments and their profiles
    #[arg(long, exclusive = true)]
    list: bool,
    /// Which, of experiments that there are for several incident particles: gamma or pi+
    #[arg(long, value_name = "PARTICLE")]
    particle: Option<String>,
    /// How large: a profile of the experiment
    #[arg(long, value_name = "NAME", default_value = "quick")]
    profile: String,
    /// Simulate all showers, also those that come with calo; for experiments that have some
    #[arg(long)]
    truth_from_scratch: bool,
    /// Showers of the full spectrum, instead of simulated ones; cells are pooled where the experiment says so. With fewer
    /// showers than they simulate, quick and laptop add epochs, so that the number of steps stays the same
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Showers of one energy in GeV, to go with --data; may be given again
    #[arg(long, value_name = "ENERGY=FILE", requires = "data", value_parser = file_at)]
    data_at: Vec<FixedEnergyFile>,
    /// Seed of the simulated showers, or of the split of real ones; in calomplification any but 1 simulates all showers
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    data_seed: u64,
    /// Seed of runs and generated showers; in calomplification also the number of the first training set
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of seeds, counted up from --seed, 1 unless the profile says more; the table has mean and standard deviation
    /// over them
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Number of repetitions of the run that the experiment marks as repeated, 1 unless the profile says more; the best is
    /// used, or in calomplification all in equal parts
    #[arg(
        long = "runs",
        // What it was called: command lines of earlier versions work.
        alias = "trainings",
        value_name = "K",
        value_parser = clap::value_parser!(u64).range(1..=1000)
    )]
    n_runs: Option<u64>,
    /// Score the trained models of the profile, instead of training
    #[arg(long, conflicts_with_all = ["overrides", "n_runs", "from"])]
    pretrained: bool,
    /// Begin the runs with the weights in folders of their names in this one: that of a seed of another reproduction, or
    /// of exported models; laptop has a shorter schedule for that
    #[arg(long, value_name = "DIR", conflicts_with = "pretrained")]
    from: Option<PathBuf>,
    /// Another value for a field of the profile's configuration, for example `optim.epochs=10`, or none for its default;
    /// may be given again
    #[arg(long = "set", value_name = "NAME=VALUE")]
    overrides: Vec<String>,
    /// Folder for everything, instead of reproduce/NAME/PROFILE
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Reuse stages of a different request that are identical; the same request resumes without this
    #[arg(long)]
    resume: bool,
    /// Reuse complete stages made by another version of calo, marked with its revision
    #[arg(long)]
    keep_stages: bool,
    /// Where networks compute: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: String,
    /// What convolutions and products compute with: f32, on a GPU also tf32
    #[arg(long, default_value_t, value_name = "P", value_parser = precision)]
    precision: Precision,
    /// Make nothing: measure two training steps at small batches here, and print what the runs of the profile would take in
    /// memory and time
    #[arg(long, conflicts_with = "pretrained")]
    estimate: bool,
    /// Seconds of a build, listed with the stages
    #[arg(long, value_name = "S", hide = true)]
    build_seconds: Option<f64>,
}

fn file_at(text: &str) -> Result<FixedEnergyFile, String> {
    let file: args::FixedEnergyFile = text.parse()?;
    match file.sample {
        None => Ok(FixedEnergyFile { energy_gev: file.energy_gev, path: file.path }),
        Some(sample) => Err(format!("a name, `{sample}`; expected ENERGY=FILE")),
    }
}

fn precision(text: &str) -> Result<Precision, String> {
    match text.parse() {
        Ok(precision) if precision != Precision::Bf16 => Ok(precision),
        _ => Err("expected f32 or tf32".to_owned()),
    }
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let Some(experiment) = &args.experiment else { return list() };
    match AnyExperiment::load_for(experiment, args.particle.as_deref())? {
        AnyExperiment::Scores(experiment) => scores(args, *experiment, caller),
        AnyExperiment::Amplification(experiment) => amplification(args, *experiment, caller),
    }
}

impl Args {
    fn out(&self, experiment: &str) -> PathBuf {
        let default = || PathBuf::from("reproduce").join(experiment).join(&self.profile);
        self.out.clone().unwrap_or_else(default)
    }

    fn compute(&self) -> Compute {
        Compute { device: self.device.clone(), precision: self.precision }
    }
}

fn scores(args: &Args, experiment: Experiment, caller: Caller<'_>) -> anyhow::Result<()> {
    if args.truth_from_scratch {
        let problem =
            "--truth-from-scratch: no showers of this experiment come with calo; expected no such option";
        return Err(calo_run::Error::Usage(problem.to_owned()).into());
    }
    let request = ReproduceRequest {
        profile: args.profile.clone(),
        data: args.data.clone(),
        data_at: args.data_at.clone(),
        data_seed: args.data_seed,
        seed: args.seed,
        n_seeds: args.seeds.or(experiment.profile(&args.profile)?.seeds).unwrap_or(1),
        n_runs: args.n_runs.unwrap_or(1),
        pretrained: args.pretrained,
        from: args.from.clone(),
        overrides: args.overrides.clone(),
        out: args.out(experiment.name()),
        resume: args.resume,
        keep_stages: args.keep_stages,
        program: Program::running()?,
        compute: args.compute(),
        build_seconds: args.build_seconds,
        experiment,
    };
    if args.estimate {
        return output::print(&estimate(&request, caller.monitor)?);
    }
    let reproduced = reproduce(&request, caller.monitor)?;
    let (json, markdown) = (reproduced.json.display(), reproduced.markdown.display());
    output::print(&format!("{}\n{json}\n{markdown}\n", reproduced.page))
}

fn amplification(args: &Args, experiment: AmplificationExperiment, caller: Caller<'_>) -> anyhow::Result<()> {
    let given = [
        ("--data", args.data.is_some()),
        ("--pretrained", args.pretrained),
        ("--from", args.from.is_some()),
        ("--estimate", args.estimate),
    ];
    if let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
        let problem = format!(
            "{option}: experiment {} makes its own showers and runs; expected no such option (`calo amplification` takes any \
             files)",
            experiment.name()
        );
        return Err(calo_run::Error::Usage(problem).into());
    }
    let request = AmplificationReproduceRequest {
        profile: args.profile.clone(),
        truth_from_scratch: args.truth_from_scratch,
        data_seed: args.data_seed,
        first_set: args.seed,
        n_sets: args.seeds,
        n_runs: args.n_runs,
        overrides: args.overrides.clone(),
        out: args.out(experiment.name()),
        resume: args.resume,
        keep_stages: args.keep_stages,
        program: Program::running()?,
        compute: args.compute(),
        build_seconds: args.build_seconds,
        experiment,
    };
    let reproduced = reproduce_amplification(&request, caller.monitor)?;
    let files = [reproduced.json, reproduced.markdown, reproduced.html];
    let files: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    output::print(&format!("{}\n{files}", reproduced.page))
}

/// Built-in experiments with their profiles.
fn list() -> anyhow::Result<()> {
    let mut text = String::new();
    for experiment in AnyExperiment::built_in()? {
        text += &format!("{}: {} ({})\n", experiment.name(), experiment.title(), experiment.paper());
        for (name, about) in experiment.profiles() {
            text += &format!("  --profile {name:<8} {about}\n");
        }
    }
    output::print(&text)
}
