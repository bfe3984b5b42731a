//! Writing regular images to files: the grid layout and that of the CaloChallenge.

use std::path::{Path, PathBuf};

use calo_core::{Dtype, Grid, Real, Result, ShowerBatch, ShowerExtras};
use hdf5::Group;

use super::column::{Column, ColumnSpec};
use super::compression::Compression;
use super::element;
use super::extras::{DIRECTIONS, PDG, SHOWER_IDS};
use super::layout::Layout;
use super::target::{OpenTarget, cannot_write, set_text};
use super::write_options::WriteOptions;

/// Bytes of a chunk if the caller sets none: large enough to compress well, small enough for random access.
const CHUNK_BYTES: usize = 3 << 19;

/// Showers in a chunk of the data sets of a few numbers a shower.
const SMALL_CHUNK: usize = 1024;

/// Writes images; [`ShowerWriter`](super::ShowerWriter) checks what it is given.
pub(super) struct ImageWriter {
    // Before `target`: data sets and group close before the file.
    energies: Column,
    cells: Column,
    extras: ExtraColumns,
    group: Group,
    target: OpenTarget,
    dtype: Dtype,
    energy_dtype: Dtype,
    units_per_gev: f64,
    /// Whether the layout has room for more than energies and cells.
    takes_extras: bool,
    is_empty: bool,
}

impl ImageWriter {
    pub(super) fn create(path: &Path, options: &WriteOptions) -> Result<Self> {
        let target = OpenTarget::create(path, &options.attributes)?;
        let Grid { layers, nx, ny } = options.grid;
        let row_bytes = options.grid.n_cells() * element::size_of(options.dtype);
        let chunk_rows =
            options.chunk_showers.unwrap_or(CHUNK_BYTES / row_bytes).clamp(1, (128 << 20) / row_bytes);
        let challenge = options.layout == Layout::CaloChallenge;
        let (group, names, row_shape, energy_unit) = if challenge {
            (target.root()?, ["incident_energies", "showers"], vec![options.grid.n_cells()], "MeV")
        } else {
            let group = create_group(&target, &group_name(options))?;
            (group, ["energy", "layers"], vec![layers, nx, ny], "GeV")
        };
        // A thousand times an f32 does not fit into an f32 without rounding; the CaloChallenge's own files hold f64
        // too.
        let energy_dtype = if challenge { Dtype::F64 } else { options.energy_dtype.unwrap_or(options.dtype) };
        let small = |name, row_shape, unit| ColumnSpec {
            name,
            row_shape,
            chunk_rows: SMALL_CHUNK,
            compression: Compression::NONE,
            unit,
        };
        let energies =
            Column::create_floats(path, &group, energy_dtype, &small(names[0], &[1], Some(energy_unit)))?;
        let cells = Column::create_floats(
            path,
            &group,
            options.dtype,
            &ColumnSpec {
                name: names[1],
                row_shape: &row_shape,
                chunk_rows,
                compression: options.compression,
                unit: Some("MeV"),
            },
        )?;
        Ok(Self {
            energies,
            cells,
            extras: ExtraColumns { path: path.to_owned(), ..ExtraColumns::default() },
            group,
            target,
            dtype: options.dtype,
            energy_dtype,
            units_per_gev: if challenge { 1e3 } else { 1.0 },
            takes_extras: !challenge,
            is_empty: true,
        })
    }

    pub(super) fn write<T: Real>(&mut self, batch: &ShowerBatch<T>) -> Result<()> {
        if self.takes_extras {
            if self.is_empty && !batch.is_empty() {
                self.extras.create(&self.group, &batch.extras)?;
            }
            self.extras.write(&batch.extras, batch.len())?;
        }
        self.is_empty &= batch.is_empty();
        let energies: Vec<f64> =
            batch.energies_gev.iter().map(|energy| energy * self.units_per_gev).collect();
        element::encode(&energies, self.energy_dtype, self.energies.buffer());
        self.energies.flush_chunks()?;
        for shower in batch.cells_mev.outer_iter() {
            match shower.as_slice() {
                Some(cells) => element::encode(cells, self.dtype, self.cells.buffer()),
                None => {
                    let cells: Vec<T> = shower.iter().copied().collect();
                    element::encode(&cells, self.dtype, self.cells.buffer());
                }
            }
            self.cells.flush_chunks()?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<()> {
        let Self { mut energies, mut cells, mut extras, group, target, .. } = self;
        energies.finish()?;
        cells.finish()?;
        extras.finish()?;
        drop((energies, cells, extras, group));
        target.commit()
    }
}

/// Columns for what the first batch had besides energies and cells.
#[derive(Default)]
struct ExtraColumns {
    path: PathBuf,
    directions: Option<Column>,
    pdg: Option<Column>,
    shower_ids: Option<Column>,
}

impl ExtraColumns {
    fn create(&mut self, group: &Group, extras: &ShowerExtras) -> Result<()> {
        let spec = |name, row_shape| ColumnSpec {
            name,
            row_shape,
            chunk_rows: SMALL_CHUNK,
            compression: Compression::NONE,
            unit: None,
        };
        if extras.directions.is_some() {
            self.directions = Some(Column::create::<f32>(&self.path, group, &spec(DIRECTIONS, &[3]))?);
        }
        if extras.pdg.is_some() {
            self.pdg = Some(Column::create::<i32>(&self.path, group, &spec(PDG, &[]))?);
        }
        if extras.shower_ids.is_some() {
            self.shower_ids = Some(Column::create::<i64>(&self.path, group, &spec(SHOWER_IDS, &[]))?);
        }
        Ok(())
    }

    /// Appends the extras of `n` showers, zeros where a later batch lacks them.
    fn write(&mut self, extras: &ShowerExtras, n: usize) -> Result<()> {
        if let Some(column) = &mut self.directions {
            let values =
                extras.directions.as_ref().map(|directions| directions.iter().copied().collect::<Vec<f32>>());
            element::encode(&values.unwrap_or_else(|| vec![0.0; 3 * n]), Dtype::F32, column.buffer());
            column.flush_chunks()?;
        }
        if let Some(column) = &mut self.pdg {
            let values = extras.pdg.clone().unwrap_or_else(|| vec![0; n]);
            column.buffer().extend(values.iter().flat_map(|code| code.to_ne_bytes()));
            column.flush_chunks()?;
        }
        if let Some(column) = &mut self.shower_ids {
            let values = extras.shower_ids.clone().unwrap_or_else(|| vec![0; n]);
            column.buffer().extend(values.iter().flat_map(|id| id.to_ne_bytes()));
            column.flush_chunks()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        let columns = [&mut self.directions, &mut self.pdg, &mut self.shower_ids];
        columns.into_iter().flatten().try_for_each(Column::finish)
    }
}

/// The group's name: that of the papers' files where the grid is theirs.
fn group_name(options: &WriteOptions) -> String {
    let Grid { layers, nx, ny } = options.grid;
    let by_grid = if layers == nx && nx == ny { format!("{nx}x{ny}") } else { format!("{layers}x{nx}x{ny}") };
    options.group.clone().unwrap_or(by_grid)
}

/// The group `name`, with those it stands in; the root for an empty name.
fn create_group(target: &OpenTarget, name: &str) -> Result<Group> {
    let failed = |e: &hdf5::Error| cannot_write(target.path(), e);
    let root = target.root()?;
    let name = name.trim_matches('/');
    let group = if name.is_empty() {
        root
    } else {
        root.create_group_builder()
            .obj_track_times(false)
            .create_intermediate_group(true)
            .create(name)
            .map_err(|e| failed(&e))?
    };
    set_text(&group, "axes", "[shower, layer, x, y]").map_err(|e| failed(&e))?;
    Ok(group)
}
