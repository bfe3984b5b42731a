//! The `calo` command: one subcommand for each arrow of the data flow in `docs/architecture.md`.
//!
//! Subcommands read files and write files; what they do is one call into a library crate, with progress,
//! interruption and provenance added here.
#![expect(clippy::needless_pass_by_value, reason = "array views are passed by value, as ndarray does")]
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "these panic on a full disk; `output` does not")]

mod allocator;
mod args;
mod built_in;
mod commands;
mod crash;
mod density;
mod files;
mod generation;
mod interrupt;
mod journal;
mod latent_file;
mod model;
mod output;
mod parts;
mod progress;
mod provenance;
mod run_folder;
mod tensorboard;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Simulate, prepare, learn, generate, judge and show calorimeter showers.
#[derive(Debug, Parser)]
#[command(name = "calo", version, about, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Threads to use; all cores unless told.
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
    Select(commands::select::Args),
    Release(commands::release::Args),
    Evaluate(commands::evaluate::Args),
    Report(commands::report::Args),
    Import(commands::import::Args),
}

impl Command {
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
    let cli = Cli::parse();
    if !matches!(cli.command, Command::Train(_)) {
        allocator::use_small_pages();
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_interrupt(&error) => {
            output::note("calo: interrupted; nothing was left under the final name");
            ExitCode::from(130)
        }
        Err(error) => {
            output::note(format_args!("calo: error: {}", one_line(&error)));
            if error.is::<UsageError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("CALO_LOG").unwrap_or_else(|_| "warn".into()),
        )
        .with_writer(std::io::stderr)
        .without_time()
        .init();
    interrupt::listen()?;
    let mut pool = rayon::ThreadPoolBuilder::new().num_threads(cli.threads.map_or(0, usize::from));
    let n_cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let n_threads = cli.threads.map_or_else(n_cores, usize::from);
    // Alone in the pool, the main thread would wait for the reading thread, and that for the pool.
    if cli.command.computes_on_main_thread() && n_threads > 1 {
        pool = pool.use_current_thread();
    }
    pool.build_global()?;
    match cli.command {
        Command::Simulate(args) => commands::simulate::run(&args),
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Convert(args) => commands::convert::run(&args),
        Command::Project(args) => commands::project::run(&args),
        Command::Pool(args) => commands::pool::run(&args),
        Command::Filter(args) => commands::filter::run(&args),
        Command::Split(args) => commands::split::run(&args),
        Command::Evaluate(args) => commands::evaluate::run(&args),
        Command::Report(args) => commands::report::run(&args),
        Command::Import(args) => commands::import::run(&args),
        Command::Train(args) => commands::train::run(&args),
        Command::Generate(args) => commands::generate::run(&args),
        Command::Encode(args) => commands::encode::run(&args),
        Command::Density(args) => commands::density::run(&args),
        Command::Latent(args) => commands::latent::run(&args),
        Command::Select(args) => commands::select::run(&args),
        Command::Release(args) => commands::release::run(&args),
    }
}

/// Options that contradict one another in ways the parser cannot see.
#[derive(Debug)]
struct UsageError(String);

impl std::fmt::Display for UsageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}; see `calo --help`", self.0)
    }
}

impl std::error::Error for UsageError {}

fn is_interrupt(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(calo_core::Error::Interrupted))
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
