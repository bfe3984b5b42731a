//! Options for reading and writing shower files, and the loop that moves showers from one to the other.

use std::path::{Path, PathBuf};

use anyhow::Context;
use calo_core::{Detector, Dtype, Grid, Real, Result, ShowerBatch, ShowerSource};
use calo_data::{
    Compression, HitWriteOptions, Layout, NegativeCells, ReadOptions, ShowerReader, ShowerWriter,
    WriteOptions,
};

use crate::{UsageError, args, crash, interrupt, progress::Progress, provenance};

/// Bytes of cells in memory at a time.
const BATCH_BYTES: usize = 32 << 20;

/// How to find the showers in an input file. Layouts and groups are recognised; these options overrule that.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputOptions {
    /// Detector: `ild-ecal`, `ild-ecal-pooled`, `ild-ahcal` or the path of a TOML file. Checks the grid, cuts full
    /// images to the core, gives point clouds their cells
    #[arg(long, value_name = "NAME|PATH")]
    pub(crate) detector: Option<String>,
    /// Layout of the input: grid, calo-challenge or shower-data
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
}

impl InputOptions {
    /// The detector, where one is named.
    pub(crate) fn detector(&self) -> Result<Option<Detector>> {
        self.detector.as_deref().map(Detector::load).transpose()
    }

    /// What the reader needs to know.
    pub(crate) fn read_options(&self) -> Result<ReadOptions> {
        let negative_cells = if self.clip_negative { NegativeCells::Clip } else { NegativeCells::Refuse };
        Ok(ReadOptions {
            layout: self.layout,
            group: self.group.clone(),
            energy_name: self.energy_name.clone(),
            layers_name: self.layers_name.clone(),
            grid: self.grid,
            detector: self.detector()?,
            negative_cells,
            ..ReadOptions::default()
        })
    }

    /// Opens `path` with these options.
    pub(crate) fn open(&self, path: &Path) -> Result<ShowerReader> {
        open(path, &self.read_options()?)
    }
}

/// Opens a shower file; a crash inside libhdf5 from here on is blamed on it.
pub(crate) fn open(path: &Path, options: &ReadOptions) -> Result<ShowerReader> {
    crash::blame(path);
    ShowerReader::open(path, options)
}

/// How to store an output file.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct StorageOptions {
    /// Element type of the cells, f32 or f64: the input's, or f32 for new showers, unless told
    #[arg(long, value_name = "TYPE", value_parser = dtype)]
    dtype: Option<Dtype>,
    /// gzip level, 0 (none) to 9
    #[arg(long, value_name = "LEVEL", default_value_t = 4, value_parser = clap::value_parser!(u8).range(0..=9))]
    compression: u8,
    /// Showers in a chunk; about 1.5 MB unless told
    #[arg(long, value_name = "N", value_parser = chunk_showers)]
    chunk_showers: Option<usize>,
    /// HDF5 group of the output: the input's, the detector's or the grid's unless told
    #[arg(long, value_name = "GROUP")]
    pub(crate) to_group: Option<String>,
}

impl StorageOptions {
    /// Options of an output on `grid`, made from `inputs`.
    pub(crate) fn write_options(&self, grid: Grid, dtype: Dtype, inputs: &[&Path]) -> Result<WriteOptions> {
        Ok(self.with_attributes(grid, dtype, provenance::attributes(inputs)?))
    }

    /// Options of an output on `grid` with the given attributes.
    pub(crate) fn with_attributes(
        &self,
        grid: Grid,
        dtype: Dtype,
        attributes: Vec<(String, String)>,
    ) -> WriteOptions {
        WriteOptions {
            dtype: self.dtype.unwrap_or(dtype),
            group: self.to_group.clone(),
            compression: Compression { level: self.compression, shuffle: true },
            chunk_showers: self.chunk_showers,
            attributes,
            ..WriteOptions::new(grid)
        }
    }

    /// Options of an output of raw hits; of these options it has the compression alone.
    pub(crate) fn for_hits(
        &self,
        tree: &str,
        attributes: Vec<(String, String)>,
    ) -> Result<HitWriteOptions, UsageError> {
        let others = [
            ("--dtype", self.dtype.is_some()),
            ("--chunk-showers", self.chunk_showers.is_some()),
            ("--to-group", self.to_group.is_some()),
        ];
        match others.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => {
                Err(UsageError(format!("{option} is for HDF5 files; raw hits have none of it")))
            }
            None => Ok(HitWriteOptions { tree: tree.to_owned(), compression: self.compression, attributes }),
        }
    }

    /// Options of an output that is to look like `reader`'s file but for what was told.
    pub(crate) fn like(&self, reader: &ShowerReader, path: &Path) -> Result<WriteOptions> {
        let info = reader.info();
        let mut options = self.write_options(info.grid, info.cells.dtype, &[path])?;
        if info.layout != Layout::ShowerData {
            options.layout = info.layout;
        }
        options.energy_dtype = Some(info.energies.dtype);
        // A cut core is not the full image any more, so its group's name would mislead.
        if options.group.is_none() && info.layout == Layout::Grid && info.full_grid.is_none() {
            options.group = Some(info.group.clone());
        }
        Ok(options)
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

/// Showers to hold at a time, for a bounded memory on any grid.
pub(crate) fn batch_size<T>(grid: Grid) -> usize {
    (BATCH_BYTES / (grid.n_cells() * size_of::<T>()).max(1)).clamp(1, 4096)
}

/// Hands every batch of `source` to `consume`, with progress and interruption.
pub(crate) fn for_each_batch<T: Real>(
    source: &mut dyn ShowerSource<T>,
    what: &str,
    mut consume: impl FnMut(&ShowerBatch<T>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut progress = Progress::new(what, source.n_showers());
    let mut batch = ShowerBatch::empty(source.grid());
    let n = batch_size::<T>(source.grid());
    while source.next_batch(n, &mut batch)? {
        interrupt::check()?;
        consume(&batch)?;
        progress.advance(batch.len());
    }
    Ok(())
}

/// Writes all of `source` to `out`, which appears when it is complete; the number of showers written.
pub(crate) fn write_all<T: Real>(
    source: &mut dyn ShowerSource<T>,
    out: &Path,
    options: &WriteOptions,
) -> anyhow::Result<u64> {
    let mut writer = ShowerWriter::create(out, options)?;
    for_each_batch(source, &format!("writing {}", out.display()), |batch| Ok(writer.write(batch)?))?;
    let n = writer.n_showers();
    anyhow::ensure!(n > 0, "{}: no shower is left to write; expected at least one", out.display());
    interrupt::check()?;
    writer.finish()?;
    Ok(n)
}

/// The element type that loses nothing on the way from `stored` to `written`.
pub(crate) fn is_f64(stored: Dtype, written: Dtype) -> bool {
    stored == Dtype::F64 && written == Dtype::F64
}

/// Where an output goes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Out {
    /// File to write; it appears whole or not at all
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// Writes `value` as one line of JSON, whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> anyhow::Result<()> {
    let mut json =
        serde_json::to_vec(value).with_context(|| format!("{}: cannot be written", path.display()))?;
    json.push(b'\n');
    Ok(calo_core::write_atomically(path, &json)?)
}
