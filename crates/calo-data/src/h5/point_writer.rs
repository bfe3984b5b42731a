//! Writing point clouds to ShowerData files, which appear whole or not at all.

use std::path::Path;

use calo_core::{Dtype, Error, Result};
use hdf5::types::VarLenArray;
use hdf5::{Dataset, Extent};

use super::column::{Column, ColumnSpec};
use super::compression::Compression;
use super::element;
use super::extras::{DIRECTIONS, PDG, SHOWER_IDS};
use super::open::one_line;
use super::target::{OpenTarget, write_error};
use crate::points::{PointBatch, forward};

/// How to write a ShowerData file.
#[derive(Debug, Clone)]
pub struct PointWriteOptions {
    /// Numbers a point has: 4 (x, y, layer, energy) or 5 (and time).
    pub n_features: usize,
    /// The file's `shape` announces at least this many points a shower; the producer's value is kept so.
    pub min_max_points: u64,
    /// Type of the stored incident energies; ShowerData itself reads 32 bits.
    pub energy_dtype: Dtype,
    /// Type of the stored shower numbers: 64 bits where true; ShowerData itself reads 32.
    pub wide_ids: bool,
    /// Text attributes of the file, such as its provenance: name and value.
    pub attributes: Vec<(String, String)>,
}

impl Default for PointWriteOptions {
    fn default() -> Self {
        Self {
            n_features: 4,
            min_max_points: 0,
            energy_dtype: Dtype::F32,
            wide_ids: false,
            attributes: Vec::new(),
        }
    }
}

/// Version of ShowerData whose format is written.
const FORMAT_VERSION: &str = "0.7.0";

/// Showers in a chunk of each data set.
const CHUNK: usize = 1024;

/// Writes point clouds one batch after the other, as [`ShowerWriter`](super::ShowerWriter) does images.
pub struct PointWriter {
    showers: Dataset,
    energies: Column,
    directions: Column,
    pdg: Column,
    shower_ids: Column,
    n_points: Column,
    target: OpenTarget,
    options: PointWriteOptions,
    n_showers: usize,
    max_points: u64,
}

impl PointWriter {
    /// Starts a file that will be `path`.
    ///
    /// # Errors
    /// Impossible options, or a place that cannot be written.
    pub fn create(path: &Path, options: &PointWriteOptions) -> Result<Self> {
        if !matches!(options.n_features, 4 | 5) {
            return Err(Error::option("n_features", options.n_features, "4 or 5"));
        }
        let mut attributes = options.attributes.clone();
        if !attributes.iter().any(|(name, _)| name == "showerdata_version") {
            attributes.push(("showerdata_version".to_owned(), FORMAT_VERSION.to_owned()));
        }
        let target = OpenTarget::create(path, &attributes)?;
        let root = target.root()?;
        let showers = root
            .new_dataset::<VarLenArray<f32>>()
            .chunk([CHUNK])
            .obj_track_times(false)
            .shape(vec![Extent::resizable(0)])
            .create("showers")
            .map_err(|e| write_error(path, "showers", &one_line(&e)))?;
        let spec = |name, row_shape, unit| ColumnSpec {
            name,
            row_shape,
            chunk_rows: CHUNK,
            compression: Compression::NONE,
            unit,
        };
        let energies =
            Column::create_floats(path, &root, options.energy_dtype, &spec("energies", &[1], Some("GeV")))?;
        let shower_ids = if options.wide_ids {
            Column::create::<i64>(path, &root, &spec(SHOWER_IDS, &[], None))
        } else {
            Column::create::<i32>(path, &root, &spec(SHOWER_IDS, &[], None))
        }?;
        Ok(Self {
            showers,
            energies,
            directions: Column::create::<f32>(path, &root, &spec(DIRECTIONS, &[3], None))?,
            pdg: Column::create::<i32>(path, &root, &spec(PDG, &[], None))?,
            shower_ids,
            n_points: Column::create::<i32>(path, &root, &spec("num_points", &[], None))?,
            target,
            options: options.clone(),
            n_showers: 0,
            max_points: options.min_max_points,
        })
    }

    /// Appends `batch`. Showers without direction fly along the depth axis, those without particle get the PDG code
    /// 0 and those without number are numbered in order.
    ///
    /// # Errors
    /// Points of another size, shower numbers beyond 32 bits without `wide_ids`, or a full disk.
    pub fn write(&mut self, batch: &PointBatch) -> Result<()> {
        let n = batch.len();
        if batch.n_features != self.options.n_features || batch.offsets.len() != n + 1 {
            let found = format!("{n} showers of points with {} numbers", batch.n_features);
            return Err(Error::option(
                "batch",
                found,
                format!("points with {} numbers", self.options.n_features),
            ));
        }
        self.write_points(batch)?;
        element::encode(&batch.energies_gev, self.options.energy_dtype, self.energies.buffer());
        let forward = forward(n);
        let directions = batch.extras.directions.as_ref().unwrap_or(&forward);
        let directions: Vec<f32> = directions.iter().copied().collect();
        element::encode(&directions, Dtype::F32, self.directions.buffer());
        let unknown = vec![0; n];
        let pdg = batch.extras.pdg.as_ref().unwrap_or(&unknown);
        self.pdg.buffer().extend(pdg.iter().flat_map(|code| code.to_ne_bytes()));
        let counted: Vec<i64> = (self.n_showers..self.n_showers + n).map(|i| i as i64).collect();
        let ids = batch.extras.shower_ids.as_ref().unwrap_or(&counted);
        for id in ids {
            if self.options.wide_ids {
                self.shower_ids.buffer().extend(id.to_ne_bytes());
            } else {
                let id =
                    i32::try_from(*id).map_err(|_| Error::option("shower_ids", id, "numbers of 32 bits"))?;
                self.shower_ids.buffer().extend(id.to_ne_bytes());
            }
        }
        for column in [
            &mut self.energies,
            &mut self.directions,
            &mut self.pdg,
            &mut self.shower_ids,
            &mut self.n_points,
        ] {
            column.flush_chunks()?;
        }
        self.n_showers += n;
        Ok(())
    }

    fn write_points(&mut self, batch: &PointBatch) -> Result<()> {
        let rows = self.n_showers..self.n_showers + batch.len();
        let mut points: Vec<VarLenArray<f32>> = Vec::with_capacity(batch.len());
        for shower in 0..batch.len() {
            let n_points = batch.n_points(shower);
            let told =
                i32::try_from(n_points).map_err(|_| Error::option("points", n_points, "fewer than 2^31"))?;
            self.n_points.buffer().extend(told.to_ne_bytes());
            self.max_points = self.max_points.max(n_points as u64);
            points.push(VarLenArray::from_slice(batch.shower(shower)));
        }
        if points.is_empty() {
            return Ok(());
        }
        let written = self.showers.resize(rows.end).and_then(|()| self.showers.write_slice(&points, rows));
        written.map_err(|e| write_error(self.target.path(), "showers", &one_line(&e)))
    }

    /// Showers written so far.
    pub fn n_showers(&self) -> u64 {
        self.n_showers as u64
    }

    /// Completes the file and gives it its final name.
    ///
    /// # Errors
    /// A full disk; what stood under the name before is still there then.
    pub fn finish(self) -> Result<()> {
        let Self { showers, energies, directions, pdg, shower_ids, n_points, target, options, .. } = self;
        drop(showers);
        for mut column in [energies, directions, pdg, shower_ids, n_points] {
            column.finish()?;
        }
        let shape = [self.n_showers as i64, self.max_points.cast_signed(), options.n_features as i64];
        target
            .root()?
            .new_dataset_builder()
            .with_data(&shape)
            .obj_track_times(false)
            .create("shape")
            .map_err(|e| write_error(target.path(), "shape", &one_line(&e)))?;
        target.commit()
    }
}
