//! How shower files are found and stored, and the loop that moves showers from one to the other.

use std::path::Path;

use calo_core::detector::{AnyDetector, LayeredDetector};
use calo_core::{Detector, Dtype, Grid, Real, ShowerBatch, ShowerSource};
use calo_data::{
    Axes, Compression, EnergyUnit, HitWriteOptions, Layout, NegativeCells, ReadOptions, ShowerReader,
    ShowerWriter, WriteOptions, voxel_row,
};
use serde::Serialize;

use crate::error::{Context as _, ensure};
use crate::monitor::{Caller, Pass};
use crate::{Error, Result, provenance};

/// Name of the attribute that marks files of observables.
pub(crate) const OBSERVABLES: &str = "calo_observables_version";

/// Bytes of cells in memory at a time.
const BATCH_BYTES: usize = 32 << 20;

/// A file of showers of one energy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FixedEnergyFile {
    /// Incident energy of all its showers, GeV.
    pub energy_gev: f64,
    /// The file.
    pub path: std::path::PathBuf,
}

/// How to find the showers in an input file. Layouts and groups are recognised; these options overrule that.
#[derive(Debug, Clone, Default, Serialize)]
pub struct InputOptions {
    /// Name or path of the detector. Checks the grid, cuts full images to the core, gives point clouds their cells.
    pub detector: Option<String>,
    /// Layout of the input.
    pub layout: Option<Layout>,
    /// HDF5 group of the showers.
    pub group: Option<String>,
    /// Name of the data set of incident energies, instead of `energy`.
    pub energy_name: Option<String>,
    /// Name of the data set of cells, instead of `layers`.
    pub layers_name: Option<String>,
    /// Grid of the showers, for files that do not say it.
    pub grid: Option<Grid>,
    /// Take negative cells as zero instead of refusing them.
    pub clip_negative: bool,
    /// Unit of the incident energies, instead of what the file or its layout says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub energy_unit: Option<EnergyUnit>,
    /// Unit of the cells, instead of what the file or its layout says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell_unit: Option<EnergyUnit>,
    /// Order of the axes in the file, instead of that of its layout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub axes: Option<Axes>,
    /// Whether the units are right, however odd they look.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub trust_units: bool,
}

impl InputOptions {
    /// The detector, where one is named.
    ///
    /// # Errors
    /// A detector that cannot be read.
    pub fn detector(&self) -> Result<Option<Detector>> {
        Ok(self.detector.as_deref().map(Detector::load).transpose()?)
    }

    /// The detector where the one that is named has one grid.
    ///
    /// # Errors
    /// A detector that cannot be read.
    pub fn grid_detector(&self) -> Result<Option<Detector>> {
        Ok(match self.any_detector()? {
            Some(AnyDetector::Grid(detector)) => Some(*detector),
            Some(AnyDetector::Layered(_)) | None => None,
        })
    }

    /// The detector with layers of voxels that showers of `grid` are rows of: the one that is named, else the built-in one
    /// of that many voxels; none for a rectangular grid.
    ///
    /// # Errors
    /// A detector that cannot be read.
    pub fn layered_detector(&self, grid: Grid) -> Result<Option<LayeredDetector>> {
        let is_row = grid == voxel_row(grid.n_cells()) && self.grid.is_none();
        let detector = match self.any_detector()? {
            None if is_row => AnyDetector::with_voxels(grid.n_cells())?,
            detector => detector,
        };
        Ok(match detector {
            Some(AnyDetector::Layered(detector)) => Some(detector),
            Some(AnyDetector::Grid(_)) | None => None,
        })
    }

    /// The detector of either kind, where one is named.
    ///
    /// # Errors
    /// A detector that cannot be read.
    pub fn any_detector(&self) -> Result<Option<AnyDetector>> {
        Ok(self.detector.as_deref().map(AnyDetector::load).transpose()?)
    }

    /// What the reader needs to know. Showers of layers with voxels of their own are rows of voxels.
    ///
    /// # Errors
    /// A detector that cannot be read.
    pub fn read_options(&self) -> Result<ReadOptions> {
        let negative_cells = if self.clip_negative { NegativeCells::Clip } else { NegativeCells::Refuse };
        let (detector, row) = match self.any_detector()? {
            Some(AnyDetector::Grid(detector)) => (Some(*detector), None),
            Some(AnyDetector::Layered(detector)) => (None, Some(voxel_row(detector.n_voxels()))),
            None => (None, None),
        };
        Ok(ReadOptions {
            layout: self.layout,
            group: self.group.clone(),
            energy_name: self.energy_name.clone(),
            layers_name: self.layers_name.clone(),
            grid: self.grid.or(row),
            detector,
            negative_cells,
            energy_unit: self.energy_unit,
            cell_unit: self.cell_unit,
            axes: self.axes,
            trust_units: self.trust_units,
            ..ReadOptions::default()
        })
    }

    /// Opens `path` with these options.
    ///
    /// # Errors
    /// As [`open`], and a detector that cannot be read.
    pub fn open(&self, path: &Path, caller: Caller<'_>) -> Result<ShowerReader> {
        open(path, &self.read_options()?, caller)
    }
}

/// Opens a shower file; the monitor hears of it first, and of what is left out.
///
/// # Errors
/// A file that cannot be read or holds no showers, or whose units look wrong by a factor of 1000. Those of a model of
/// calo are known, however bad its showers, and are not checked.
pub fn open(path: &Path, options: &ReadOptions, caller: Caller<'_>) -> Result<ShowerReader> {
    let mut reader = open_unchecked(path, options, caller)?;
    if !options.trust_units && !options.inspect && !is_generated(path) {
        reader.check_units()?;
    }
    if !options.inspect {
        reader.info().notes.iter().for_each(|note| caller.monitor.message(&format!("warning: {note}")));
    }
    Ok(reader)
}

/// Whether `calo generate` wrote the file: then its units are known.
pub(crate) fn is_generated(path: &Path) -> bool {
    let attributes = calo_data::read_attributes(path, None).unwrap_or_default();
    let value = |name: &str| attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value);
    value("software").is_some_and(|software| software.starts_with("calo ")) && value("epoch").is_some()
}

fn open_unchecked(path: &Path, options: &ReadOptions, caller: Caller<'_>) -> Result<ShowerReader> {
    ensure!(path != Path::new("-"), "-: standard input; expected a file, which is read from any place in it");
    caller.monitor.working_on(path);
    ShowerReader::open(path, options).map_err(|error| {
        let attributes = calo_data::read_attributes(path, None).unwrap_or_default();
        if attributes.iter().any(|(name, _)| name == OBSERVABLES) {
            let place = path.display();
            return Error::Invalid(format!(
                "{place}: holds observables (calo observe), not showers; expected showers, or calo amplification, which takes both"
            ));
        }
        error.into()
    })
}

/// How to store an output file.
#[derive(Debug, Clone, Serialize)]
pub struct StorageOptions {
    /// Element type of the cells: the input's, or 32 bits for new showers, unless told.
    pub dtype: Option<Dtype>,
    /// gzip level, 0 (none) to 9.
    pub compression: u8,
    /// Showers in a chunk; about 1.5 MB unless told.
    pub chunk_showers: Option<usize>,
    /// HDF5 group: the input's, the detector's or the grid's unless told.
    pub group: Option<String>,
}

impl Default for StorageOptions {
    fn default() -> Self {
        Self { dtype: None, compression: 4, chunk_showers: None, group: None }
    }
}

impl StorageOptions {
    /// Options of an output on `grid` with the given attributes.
    pub(crate) fn with_attributes(
        &self,
        grid: Grid,
        dtype: Dtype,
        attributes: Vec<(String, String)>,
    ) -> WriteOptions {
        WriteOptions {
            dtype: self.dtype.unwrap_or(dtype),
            group: self.group.clone(),
            compression: Compression { level: self.compression, shuffle: true },
            chunk_showers: self.chunk_showers,
            attributes,
            ..WriteOptions::new(grid)
        }
    }

    /// That no option was given that files of `layout` have nothing for.
    ///
    /// # Errors
    /// One was.
    pub(crate) fn check_effect(&self, layout: Layout) -> Result<()> {
        let points = layout == Layout::ShowerData;
        let others = [
            ("--to-group", self.group.is_some() && layout != Layout::Grid),
            ("--dtype", self.dtype.is_some() && points),
            ("--chunk-showers", self.chunk_showers.is_some() && points),
        ];
        match others.into_iter().find(|(_, is_idle)| *is_idle) {
            Some((option, _)) => Err(Error::Usage(format!("{option} has no effect on the layout {layout}"))),
            None => Ok(()),
        }
    }

    /// Options of an output of raw hits; of these options it has the compression alone.
    pub(crate) fn for_hits(&self, tree: &str, attributes: Vec<(String, String)>) -> Result<HitWriteOptions> {
        let others = [
            ("--dtype", self.dtype.is_some()),
            ("--chunk-showers", self.chunk_showers.is_some()),
            ("--to-group", self.group.is_some()),
        ];
        match others.into_iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => {
                Err(Error::Usage(format!("{option} is for HDF5 files; raw hits have none of it")))
            }
            None => Ok(HitWriteOptions { tree: tree.to_owned(), compression: self.compression, attributes }),
        }
    }

    /// Options of an output that is to look like `reader`'s file but for what was told.
    pub(crate) fn like(
        &self,
        reader: &ShowerReader,
        path: &Path,
        caller: Caller<'_>,
    ) -> Result<WriteOptions> {
        let info = reader.info();
        let attributes = provenance::attributes(&[path], caller)?;
        let mut options = self.with_attributes(info.grid, info.cells.dtype, attributes);
        // What is only read, and points that now stand on a grid, become the grid layout.
        if info.layout.is_written() && info.layout != Layout::ShowerData {
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

/// That `out` is none of the files that it is made from, which it would replace.
///
/// # Errors
/// It is one of them.
pub(crate) fn refuse_input<P: AsRef<Path>>(out: &Path, inputs: &[P]) -> Result<()> {
    let same = |input: &P| {
        let paths = [input.as_ref(), out].map(|path| path.canonicalize().ok());
        paths[0].is_some() && paths[0] == paths[1]
    };
    if inputs.iter().any(same) {
        let problem =
            format!("--out {}: is the input, which it would replace; expected another file", out.display());
        return Err(Error::Usage(problem));
    }
    Ok(())
}

/// Showers to hold at a time, for a bounded memory on any grid.
pub(crate) fn batch_size<T>(grid: Grid) -> usize {
    (BATCH_BYTES / (grid.n_cells() * size_of::<T>()).max(1)).clamp(1, 4096)
}

/// Hands every batch of `source` to `consume`, with progress and interruption.
pub(crate) fn for_each_batch<T: Real>(
    source: &mut dyn ShowerSource<T>,
    name: &str,
    caller: Caller<'_>,
    mut consume: impl FnMut(&ShowerBatch<T>) -> Result<()>,
) -> Result<()> {
    let mut progress = caller.begin(&Pass::showers(name, source.n_showers()));
    let mut batch = ShowerBatch::empty(source.grid());
    let n = batch_size::<T>(source.grid());
    while source.next_batch(n, &mut batch)? {
        caller.check()?;
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
    caller: Caller<'_>,
) -> Result<u64> {
    let mut writer = ShowerWriter::create(out, options)?;
    let name = format!("writing {}", out.display());
    for_each_batch(source, &name, caller, |batch| Ok(writer.write(batch)?))?;
    let n = writer.n_showers();
    ensure!(n > 0, "{}: no shower is left to write; expected at least one", out.display());
    caller.check()?;
    writer.finish()?;
    Ok(n)
}

/// The element type that loses nothing on the way from `stored` to `written`.
pub(crate) fn is_f64(stored: Dtype, written: Dtype) -> bool {
    stored == Dtype::F64 && written == Dtype::F64
}

/// Creates `folder` and those above it where they are missing.
pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}: cannot create the folder", folder.display()))
}

/// Writes `value` as one line of JSON, whole or not at all.
pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut json =
        serde_json::to_vec(value).with_context(|| format!("{}: cannot be written", path.display()))?;
    json.push(b'\n');
    Ok(calo_core::write_atomically(path, &json)?)
}
