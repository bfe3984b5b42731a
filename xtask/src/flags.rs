//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Developer tasks of the calo workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) struct Flags {
    /// What to do.
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// The commands, one file each.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Check for what the build needs and fetch what is missing (cmake for the static HDF5) into target/tools
    Setup,
    /// Set up what is missing and build the release binary of calo
    Build,
    /// Run all that continuous integration runs, cheapest first, to the first failure
    Ci(CiFlags),
    /// Measure ours against its Python peers in one run, print the ratios and write docs/performance.md
    Bench(BenchFlags),
}

/// Flags of `cargo xtask ci`.
#[derive(Debug, Args)]
pub(crate) struct CiFlags {
    /// Run only these steps; all of them when none is named
    pub(crate) steps: Vec<CiStep>,
}

/// The steps of `cargo xtask ci`, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CiStep {
    /// Formatting
    Fmt,
    /// Which workspace crate may use which
    Edges,
    /// Lints, as errors
    Clippy,
    /// Unit and integration tests
    Tests,
    /// Examples in the documentation
    Doctests,
    /// The documentation itself, warnings as errors
    Docs,
    /// The binary on the sample in data/, from inspect to report
    E2e,
}

/// Flags of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchFlags {
    /// What to measure; everything when nothing is named
    pub(crate) groups: Vec<BenchGroup>,
    /// Fewer showers and repetitions, to see that it works; leaves docs/performance.md alone
    #[arg(long)]
    pub(crate) quick: bool,
    /// A Python interpreter that has h5py, numpy and jetnet, instead of one set up under target/tools
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
}

/// Groups of measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchGroup {
    /// Reading and writing HDF5 against h5py
    Data,
    /// Observables and histograms against NumPy, FPD against JetNet, the whole of `calo evaluate`
    Metrics,
}
