//! The `calo` command: one subcommand for each arrow of the data flow in `docs/architecture.md`.
//!
//! Subcommands read files and write files; what they do is one call into `calo-run`, with arguments, progress and
//! interruption added here.
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "these panic on a full disk; `output` does not")]

mod allocator;
mod args;
mod commands;
mod crash;
mod interrupt;
mod options;
mod output;
mod progress;
mod tables;
mod terminal;

use std::process::ExitCode;

use calo_run::Error;
use calo_run::monitor::Caller;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use terminal::Terminal;

/// Simulate, prepare, learn, generate, judge and show calorimeter showers.
#[derive(Debug, Parser)]
#[command(name = "calo", version = calo_run::provenance::VERSION_NUMBER, about, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Threads to use; by default all cores.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Simulate(commands::simulate::Args),
    Inspect(commands::inspect::Args),
    Convert(commands::convert::Args),
    Project(commands::project::Args),
    Pool(commands::pool::Args),
    Filter(commands::filter::Args),
    Split(commands::split::Args),
    Train(commands::train::Args),
    Encode(commands::encode::Args),
    Density(commands::density::Args),
    Generate(commands::generate::Args),
    Latent(commands::latent::Args),
    CompareLatent(commands::compare_latent::Args),
    Select(commands::select::Args),
    Export(commands::export::Args),
    Evaluate(commands::evaluate::Args),
    Compare(commands::compare::Args),
    Observe(commands::observe::Args),
    Amplification(commands::amplification::Args),
    Report(commands::report::Args),
    Import(commands::import::Args),
    Reproduce(commands::reproduce::Args),
}

impl Command {
    /// Whether it can be resumed; its own last line says from where. What others leave unfinished is removed.
    fn keeps_work(&self) -> bool {
        matches!(self, Self::Train(_) | Self::Reproduce(_) | Self::Simulate(_))
    }

    /// Whether the main thread itself hands out small pieces of work: as one of the pool it need not wait for others.
    fn computes_on_main_thread(&self) -> bool {
        matches!(self, Self::Train(_) | Self::Generate(_) | Self::Encode(_) | Self::Latent(_))
    }
}

fn main() -> ExitCode {
    #[expect(unsafe_code, reason = "the environment is how Candle is told")]
    // SAFETY: the first thing the program does; no other thread is there to read the environment.
    unsafe {
        calo_tensor::init();
    }
    allocator::keep_freed_memory();
    crash::install();
    let matches = Cli::command().get_matches();
    let subcommand = matches.subcommand_name().unwrap_or_default().to_owned();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.format(&mut Cli::command()).exit());
    if !matches!(cli.command, Command::Train(_) | Command::Reproduce(_)) {
        allocator::use_small_pages();
    }
    let keeps_work = cli.command.keeps_work();
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if has(&error, Error::is_interruption) => {
            output::note(if keeps_work {
                "calo: interrupted"
            } else {
                "calo: interrupted; no file was left"
            });
            ExitCode::from(130)
        }
        Err(error) => {
            let is_usage = has(&error, Error::is_usage);
            let hint = if is_usage { format!("; see `calo {subcommand} --help`") } else { String::new() };
            output::note(format_args!("calo: error: {}{hint}", one_line(&error)));
            if is_usage { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    interrupt::listen()?;
    let n_threads = cli.threads.map_or_else(default_threads, usize::from);
    let mut pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads);
    // Alone in the pool, the main thread would wait for the reading thread, and that for the pool.
    if cli.command.computes_on_main_thread() && n_threads > 1 {
        pool = pool.use_current_thread();
    }
    pool.build_global()?;
    let command = command_line();
    let caller = Caller { command: &command, monitor: &Terminal };
    match cli.command {
        Command::Simulate(args) => commands::simulate::run(&args, caller),
        Command::Inspect(args) => commands::inspect::run(&args, caller),
        Command::Convert(args) => commands::convert::run(&args, caller),
        Command::Project(args) => commands::project::run(&args, caller),
        Command::Pool(args) => commands::pool::run(&args, caller),
        Command::Filter(args) => commands::filter::run(&args, caller),
        Command::Split(args) => commands::split::run(&args, caller),
        Command::Evaluate(args) => commands::evaluate::run(&args, caller),
        Command::Compare(args) => commands::compare::run(&args),
        Command::Observe(args) => commands::observe::run(&args, caller),
        Command::Amplification(args) => commands::amplification::run(&args, caller),
        Command::Report(args) => commands::report::run(&args),
        Command::Import(args) => commands::import::run(&args, caller),
        Command::Train(args) => commands::train::run(&args, caller),
        Command::Generate(args) => commands::generate::run(&args, caller),
        Command::Encode(args) => commands::encode::run(&args, caller),
        Command::Density(args) => commands::density::run(&args, caller),
        Command::Latent(args) => commands::latent::run(&args, caller),
        Command::CompareLatent(args) => commands::compare_latent::run(&args, caller),
        Command::Select(args) => commands::select::run(&args),
        Command::Export(args) => commands::export::run(&args),
        Command::Reproduce(args) => commands::reproduce::run(&args, caller),
    }
}

/// Threads where no number is given: what `RAYON_NUM_THREADS` says, as batch systems set it, or all cores.
fn default_threads() -> usize {
    let told = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.trim().parse().ok());
    let n_cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    told.filter(|n| *n > 0).unwrap_or_else(n_cores)
}

/// Whether `error` is one of the library's of which `property` holds.
fn has(error: &anyhow::Error, property: fn(&Error) -> bool) -> bool {
    error.downcast_ref().is_some_and(property)
}

/// What files say of the command that made them: not where the program stood, so that the same work gives the same bytes
/// wherever it is installed.
fn command_line() -> String {
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    std::iter::once("calo".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// The error and its causes on one line, for logs and for people. Causes that a message quotes are not repeated.
fn one_line(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for message in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = message;
        } else if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
