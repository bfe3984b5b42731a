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
    Build(BuildFlags),
    /// Fetch what a build for CUDA needs, on a machine with neither toolkit nor GPU, into target/tools/cuda
    CudaToolchain(CudaFlags),
    /// Run all that continuous integration runs, cheapest first, to the first failure
    Ci(CiFlags),
    /// Measure ours against its Python peers in one run, print the ratios and write docs/performance.md
    Bench(BenchFlags),
    /// Compare the embedded simulator with Geant4's showers and write docs/simulation.md; fails where a limit is not met
    ValidateSim(ValidateSimFlags),
    /// Build calo, then `calo reproduce table1`: latent spaces of different sizes as in decoding-photons, and its table 1
    #[command(name = "reproduce-table1")]
    ReproduceTable1(ReproduceFlags),
    /// Build calo, then `calo reproduce table2`: train, generate and score as decoding-photons does, and print its table 2
    #[command(name = "reproduce-table2")]
    ReproduceTable2(ReproduceFlags),
    /// Build calo, then `calo reproduce calomplification`: train, generate and say how many showers a sample is worth
    #[command(name = "reproduce-calomplification")]
    ReproduceCalomplification(ReproduceFlags),
    /// Build calo, then `calo reproduce fast-and-accurate`: GANs, WGANs and BIB-AEs of photons or pions (--particle)
    #[command(name = "reproduce-fast-and-accurate")]
    ReproduceFastAndAccurate(ReproduceFlags),
    /// Build calo, then `calo reproduce ablation`: what departures from the published recipe buy
    #[command(name = "reproduce-ablation")]
    ReproduceAblation(ReproduceFlags),
    /// Make the models in data/models from a finished reproduction, score them and write the page about them
    ExportModels(ExportFlags),
}

/// Flags of `cargo xtask build`.
#[derive(Debug, Args)]
pub(crate) struct BuildFlags {
    /// For CUDA: with the toolkit that is installed or else with what `cuda-toolchain` fetches
    #[arg(long)]
    pub(crate) cuda: bool,
}

/// Flags of `cargo xtask cuda-toolchain`.
#[derive(Debug, Args)]
pub(crate) struct CudaFlags {
    /// The real libraries too, 1.3 GB instead of 105 MB: needed to run here, not to build
    #[arg(long)]
    pub(crate) full: bool,
    /// Folder for the toolchain, instead of target/tools/cuda
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
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
    /// No folder of the build of HDF5 in the binary
    Paths,
    /// Examples in the documentation
    Doctests,
    /// The documentation itself, warnings as errors
    Docs,
    /// A crate outside the workspace for each library that uses it
    Outside,
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
    /// A Python interpreter that has h5py, numpy, jetnet, scikit-learn, statsmodels (and torch, for `nn`), instead of one set up under target/tools
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
    /// Where the networks of `nn` compute
    #[arg(long, value_enum, default_value_t = BenchDevice::Cpu)]
    pub(crate) device: BenchDevice,
    /// The GPU's highest rate of TF32 products without sparsity, for the share of it; known for some GPUs
    #[arg(long, value_name = "TFLOPS")]
    pub(crate) peak_tflops: Option<f64>,
}

/// Where networks compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchDevice {
    /// All cores, batches of 8
    Cpu,
    /// The first NVIDIA GPU with TF32 on, batches of 32 and 256; ours is built with the feature `cuda`
    Cuda,
}

/// Flags of `cargo xtask validate-sim`.
#[derive(Debug, Args)]
pub(crate) struct ValidateSimFlags {
    /// Folder of Geant4's showers (`photon_uniform.hdf5` and others); by default the variable `CALO_GEANT4`
    #[arg(long, value_name = "DIR")]
    pub(crate) geant4: Option<PathBuf>,
    /// Showers of each full spectrum, and a quarter of that at single energies; by default about as many as Geant4 has
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(20..))]
    pub(crate) n: Option<u64>,
    /// Seed of the simulation
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Folder for showers, results and reports, instead of one under target
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Few showers, to see where things go; prints the tables only
    #[arg(long)]
    pub(crate) quick: bool,
    /// Exit code 0 whether limits are met or not
    #[arg(long)]
    pub(crate) report_only: bool,
    /// Only these beams: photons, pions
    #[arg(long, value_name = "BEAM")]
    pub(crate) only: Vec<String>,
    /// The `calo` to run, instead of building one
    #[arg(long, value_name = "PATH")]
    pub(crate) calo: Option<PathBuf>,
    /// Compare the showers of this folder, named as Geant4's, instead of simulating
    #[arg(long, value_name = "DIR", conflicts_with = "n")]
    pub(crate) simulated: Option<PathBuf>,
}

/// Flags of `cargo xtask export-models`.
#[derive(Debug, Args)]
pub(crate) struct ExportFlags {
    /// Whose models
    #[arg(long, value_enum, default_value_t = ExportedModels::Photons)]
    pub(crate) models: ExportedModels,
    /// Folder of a finished reproduction with `--profile laptop`: of table 2 for photons, of fast-and-accurate for pions
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// Which of its seeds
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Seed of the simulated showers that the models are scored with
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    pub(crate) data_seed: u64,
    /// The `calo` to run, instead of building one
    #[arg(long, value_name = "PATH")]
    pub(crate) calo: Option<PathBuf>,
}

/// Models that come with calo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportedModels {
    /// Those of decoding-photons
    Photons,
    /// The BIB-AE of fast-and-accurate-showers
    Pions,
}

/// Flags of `cargo xtask reproduce-table2` and others.
#[derive(Debug, Args)]
pub(crate) struct ReproduceFlags {
    /// The `calo` to run, instead of building one
    #[arg(long, value_name = "PATH")]
    pub(crate) calo: Option<PathBuf>,
    /// Options of `calo reproduce` (`calo reproduce --help`); files go to target/NAME/PROFILE by default, as target/table2/quick
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    pub(crate) options: Vec<String>,
}

/// Groups of measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BenchGroup {
    /// Reading and writing HDF5 against h5py
    Data,
    /// Observables and histograms against NumPy, FPD against JetNet, the whole of `calo evaluate`
    Metrics,
    /// Kernel densities against scikit-learn and SciPy
    Latent,
    /// Networks at the published widths, inference and training, against PyTorch where it can be had
    Nn,
    /// `calo generate` with the published networks and the built-in ones, against PyTorch where it can be had
    Generate,
}
