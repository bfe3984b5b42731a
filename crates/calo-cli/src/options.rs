//! Groups of options that several subcommands share.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::Context as _;
use calo_core::{Dtype, Grid};
use calo_data::{Axes, EnergyUnit, Layout};
use calo_run::files;
use calo_run::model::{Compute, ModelChoice, ModelSource, Precision};
use calo_run::run_folder::EpochChoice;

use crate::args;

/// How to find the showers in an input file. Layouts and groups are recognised; these options overrule that.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputOptions {
    /// Detector: `ild-ecal`, `ild-ecal-staggered`, `ild-ecal-pooled`, `ild-ecal-image`, `ild-ahcal`,
    /// `calochallenge-1-photons`, `calochallenge-1-pions`, `calochallenge-2`, `calochallenge-3` or the path of a TOML file.
    /// Files of the CaloChallenge tell theirs. Checks the grid, cuts full images to the core, gives point clouds their cells
    #[arg(long, value_name = "NAME|PATH")]
    detector: Option<String>,
    /// Layout of the input: grid, calo-challenge, shower-data, lemurs, 3dgan
    #[arg(long, value_name = "LAYOUT")]
    layout: Option<Layout>,
    /// HDF5 group of the showers
    #[arg(long)]
    group: Option<String>,
    /// Name of the data set of incident energies, instead of `energy`
    #[arg(long, value_name = "NAME")]
    energy_name: Option<String>,
    /// Name of the data set of cells, instead of `layers`
    #[arg(long, value_name = "NAME")]
    layers_name: Option<String>,
    /// Grid of the showers as LAYERSxNXxNY, for files that do not say it
    #[arg(long, value_parser = args::grid)]
    grid: Option<Grid>,
    /// Take negative cells as zero instead of refusing them
    #[arg(long)]
    clip_negative: bool,
    /// Unit of the incident energies in the file: eV, keV, MeV, GeV, TeV
    #[arg(long, value_name = "UNIT")]
    energy_unit: Option<EnergyUnit>,
    /// Unit of the cells in the file
    #[arg(long, value_name = "UNIT")]
    cell_unit: Option<EnergyUnit>,
    /// Axes of the file, as `x,y,layer`; - before one that runs backwards
    #[arg(long, value_name = "AXES", allow_hyphen_values = true)]
    axes: Option<Axes>,
    /// Read energies that look 1000 times too small or too large
    #[arg(long)]
    trust_units: bool,
}

impl InputOptions {
    /// The same for the library.
    pub(crate) fn options(&self) -> files::InputOptions {
        files::InputOptions {
            detector: self.detector.clone(),
            layout: self.layout,
            group: self.group.clone(),
            energy_name: self.energy_name.clone(),
            layers_name: self.layers_name.clone(),
            grid: self.grid,
            clip_negative: self.clip_negative,
            energy_unit: self.energy_unit,
            cell_unit: self.cell_unit,
            axes: self.axes,
            trust_units: self.trust_units,
        }
    }
}

/// How to store an output file.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct StorageOptions {
    /// Element type of the cells, f32 or f64; by default the input's, or f32 for new showers
    #[arg(long, value_name = "TYPE", value_parser = dtype)]
    dtype: Option<Dtype>,
    /// gzip level, 0 (none) to 9
    #[arg(long, value_name = "LEVEL", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=9))]
    compression: u8,
    /// Showers in a chunk; by default about 1.5 MB
    #[arg(long, value_name = "N", value_parser = chunk_showers)]
    chunk_showers: Option<usize>,
    /// HDF5 group of the output; by default the input's, the detector's or the grid's
    #[arg(long, value_name = "GROUP")]
    to_group: Option<String>,
}

impl StorageOptions {
    /// The same for the library.
    pub(crate) fn options(&self) -> files::StorageOptions {
        files::StorageOptions {
            dtype: self.dtype,
            compression: self.compression,
            chunk_showers: self.chunk_showers,
            group: self.to_group.clone(),
        }
    }
}

fn dtype(text: &str) -> Result<Dtype, String> {
    match text {
        "f32" => Ok(Dtype::F32),
        "f64" => Ok(Dtype::F64),
        _ => Err("expected f32 or f64".to_owned()),
    }
}

fn chunk_showers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("expected a whole number above 0".to_owned()),
    }
}

/// Where an output goes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Out {
    /// File to write, completely or not at all
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Replace a read-only file
    #[arg(long)]
    force: bool,
}

impl Out {
    /// The file to write, which may be replaced from now on if `--force` says so.
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        if self.force
            && let Ok(metadata) = std::fs::metadata(&self.out)
            && metadata.is_file()
            && metadata.permissions().readonly()
        {
            let mut permissions = metadata.permissions();
            permissions.set_mode(permissions.mode() | 0o200);
            std::fs::set_permissions(&self.out, permissions)
                .with_context(|| format!("{}: cannot be made writable", self.out.display()))?;
        }
        Ok(self.out.clone())
    }
}

/// Where networks compute, and how precisely.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DeviceOptions {
    /// Where to compute: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu")]
    device: String,
    /// What convolutions and products compute with: f32, on a GPU also tf32 (11 bits where f32 is multiplied) and, not to
    /// train, bf16 (8 bits)
    #[arg(long, default_value_t, value_name = "P")]
    precision: Precision,
}

impl DeviceOptions {
    /// The same for the library.
    pub(crate) fn compute(&self) -> Compute {
        Compute { device: self.device.clone(), precision: self.precision }
    }
}

/// Which weights to use, and where.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ModelOptions {
    /// Folder of a run or of an exported model, instead of a model that comes with calo
    #[arg(long, value_name = "FOLDER")]
    run: Option<PathBuf>,
    /// The model that comes with calo for this incident particle
    #[arg(long, value_name = "PARTICLE", default_value = "gamma", conflicts_with_all = ["run", "model"])]
    particle: String,
    /// A model that comes with calo, by its name
    #[arg(long, value_name = "NAME", conflicts_with = "run")]
    model: Option<String>,
    /// Epoch: best, or a number
    #[arg(long, default_value = "best", value_name = "best|N", requires = "run")]
    epoch: EpochChoice,
    #[command(flatten)]
    compute: DeviceOptions,
}

impl ModelOptions {
    /// The same for the library.
    pub(crate) fn choice(&self) -> ModelChoice {
        let source = match (&self.run, &self.model) {
            (Some(run), _) => ModelSource::Run(run.clone()),
            (None, Some(name)) => ModelSource::BuiltIn(name.clone()),
            (None, None) => ModelSource::Particle(self.particle.clone()),
        };
        ModelChoice { source, epoch: self.epoch, compute: self.compute.compute() }
    }
}
