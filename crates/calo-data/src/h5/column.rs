//! A data set written row by row: chunks are compressed on all cores and handed to libhdf5 ready.

use std::path::{Path, PathBuf};

use calo_core::{Dtype, Result};
use hdf5::{Dataset, Extent, Extents, Group, H5Type};
use rayon::prelude::*;

use super::compression::Compression;
use super::filter::Encoder;
use super::open::one_line;
use super::raw;
use super::target::{set_text, write_error};

/// Bytes of whole chunks after which they are compressed, together, and written. The same on any number of cores: it
/// decides the order of chunks in the file, and the same showers must make the same bytes.
const BATCH_BYTES: usize = 16 << 20;
/// Fewest and most chunks of such a batch, whatever their size.
const BATCH_CHUNKS: [usize; 2] = [2, 64];

/// Description of a column to be created.
pub(super) struct ColumnSpec<'a> {
    pub(super) name: &'a str,
    /// Extents of one row; empty for one number a row.
    pub(super) row_shape: &'a [usize],
    pub(super) chunk_rows: usize,
    pub(super) compression: Compression,
    /// Value of the attribute `unit`.
    pub(super) unit: Option<&'a str>,
}

/// A growing data set of numbers.
pub(super) struct Column {
    path: PathBuf,
    dataset: Dataset,
    name: String,
    row_shape: Vec<usize>,
    element_size: usize,
    row_bytes: usize,
    chunk_rows: usize,
    compression: Compression,
    /// Rows that are not written yet.
    buffer: Vec<u8>,
    n_written: usize,
}

impl Column {
    /// Creates an empty data set of elements of type `T` in `group` of the file that will be `path`.
    pub(super) fn create<T: H5Type>(path: &Path, group: &Group, spec: &ColumnSpec<'_>) -> Result<Self> {
        let failed = |e: &hdf5::Error| write_error(path, spec.name, &one_line(e));
        let mut extents = vec![Extent::resizable(0)];
        extents.extend(spec.row_shape.iter().map(|extent| Extent::fixed(*extent)));
        let mut chunk = vec![spec.chunk_rows.max(1)];
        chunk.extend_from_slice(spec.row_shape);
        let mut builder = group.new_dataset::<T>().chunk(chunk).obj_track_times(false);
        let Compression { level, shuffle } = spec.compression;
        if level > 0 {
            if shuffle {
                builder = builder.shuffle();
            }
            builder = builder.deflate(level);
        }
        let dataset = builder.shape(Extents::from(extents)).create(spec.name).map_err(|e| failed(&e))?;
        if let Some(unit) = spec.unit {
            set_text(&dataset, "unit", unit).map_err(|e| failed(&e))?;
        }
        Ok(Self {
            path: path.to_owned(),
            dataset,
            name: spec.name.to_owned(),
            row_shape: spec.row_shape.to_vec(),
            element_size: size_of::<T>(),
            row_bytes: size_of::<T>() * spec.row_shape.iter().product::<usize>(),
            chunk_rows: spec.chunk_rows.max(1),
            compression: spec.compression,
            buffer: Vec::new(),
            n_written: 0,
        })
    }

    /// As [`Column::create`], for floating-point numbers of type `dtype`.
    pub(super) fn create_floats(
        path: &Path,
        group: &Group,
        dtype: Dtype,
        spec: &ColumnSpec<'_>,
    ) -> Result<Self> {
        match dtype {
            Dtype::F32 => Self::create::<f32>(path, group, spec),
            Dtype::F64 => Self::create::<f64>(path, group, spec),
        }
    }

    /// Room for more rows; the caller appends whole rows and then calls [`Column::flush_chunks`].
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Writes the chunks that are complete, once there are enough to keep all cores busy.
    pub(super) fn flush_chunks(&mut self) -> Result<()> {
        let chunk_bytes = self.chunk_rows * self.row_bytes;
        let n_complete = self.buffer.len() / chunk_bytes.max(1);
        let [least, most] = BATCH_CHUNKS;
        if n_complete < (BATCH_BYTES / chunk_bytes.max(1)).clamp(least, most) {
            return Ok(());
        }
        let n_bytes = n_complete * chunk_bytes;
        self.write(n_bytes, n_complete * self.chunk_rows)?;
        self.buffer.drain(..n_bytes);
        Ok(())
    }

    /// Writes the remaining rows, the last chunk padded with zeros.
    pub(super) fn finish(&mut self) -> Result<()> {
        let n_rows = self.buffer.len() / self.row_bytes.max(1);
        let n_bytes = n_rows.next_multiple_of(self.chunk_rows) * self.row_bytes;
        self.buffer.resize(n_bytes, 0);
        self.write(n_bytes, n_rows)?;
        self.buffer = Vec::new();
        Ok(())
    }

    /// Writes the first `n_bytes` of the buffer, whole chunks that hold `n_rows` rows.
    fn write(&mut self, n_bytes: usize, n_rows: usize) -> Result<()> {
        if n_rows == 0 {
            return Ok(());
        }
        let mut extents = vec![self.n_written + n_rows];
        extents.extend_from_slice(&self.row_shape);
        self.dataset.resize(extents).map_err(|e| write_error(&self.path, &self.name, &one_line(&e)))?;
        let Compression { level, shuffle } = self.compression;
        let stored: Vec<Result<Vec<u8>, String>> = self.buffer[..n_bytes]
            .par_chunks(self.chunk_rows * self.row_bytes)
            .map_init(
                || Encoder::new(level),
                |encoder, chunk| encoder.encode(chunk, self.element_size, shuffle),
            )
            .collect();
        let mut offset = vec![0; self.row_shape.len() + 1];
        for (i, chunk) in stored.into_iter().enumerate() {
            offset[0] = (self.n_written + i * self.chunk_rows) as u64;
            chunk
                .and_then(|bytes| raw::write_chunk(&self.dataset, &offset, &bytes))
                .map_err(|problem| write_error(&self.path, &self.name, &problem))?;
        }
        self.n_written += n_rows;
        Ok(())
    }
}
