//! Tables: named columns of numbers, one row for each shower. The output of an encoder is stored this way.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use calo_core::{Dtype, Error, Real, Result};
use ndarray::Array2;

use super::array::Array;
use super::column::{Column, ColumnSpec};
use super::compression::Compression;
use super::element;
use super::kind::Kind;
use super::open::{OpenFile, open};
use super::rows::Window;
use super::target::OpenTarget;

/// Rows in a chunk.
const CHUNK_ROWS: usize = 1024;

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Name of its data set.
    pub name: String,
    /// Numbers in a row, extents `[rows, width]`; none for one number a row, extents `[rows]`.
    pub width: Option<usize>,
    /// How they are stored.
    pub dtype: Dtype,
    /// Value of the attribute `unit`.
    pub unit: Option<&'static str>,
    /// Whether it has a number of rows of its own, not one for each shower.
    pub own_length: bool,
}

/// Writes a table column by column, batch after batch; the file appears whole or not at all.
///
/// ```
/// use calo_core::Dtype;
/// use calo_data::{TableColumn, TableReader, TableWriter};
///
/// # fn main() -> calo_core::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("table.hdf5");
/// let column = |name: &str, width| {
///     TableColumn { name: name.to_owned(), width, dtype: Dtype::F32, unit: None, own_length: false }
/// };
/// let mut table = TableWriter::create(&path, &[column("z", Some(2)), column("cog_z", None)], &[])?;
/// table.write("z", &[0.5, -1.0, 2.0, 0.0])?;
/// table.write("cog_z", &[11.0, 13.5])?;
/// table.finish()?;
/// assert_eq!(TableReader::open(&path)?.read("z")?, ndarray::array![[0.5, -1.0], [2.0, 0.0]]);
/// # Ok(())
/// # }
/// ```
pub struct TableWriter {
    path: PathBuf,
    // Before `target`: data sets close before the file.
    columns: Vec<OpenColumn>,
    target: OpenTarget,
}

struct OpenColumn {
    spec: TableColumn,
    column: Column,
    n_rows: usize,
}

impl TableWriter {
    /// Starts a file that will be `path`; `attributes` are texts of the file, such as its provenance.
    ///
    /// # Errors
    /// A column without a number, or a place that cannot be written.
    pub fn create(path: &Path, columns: &[TableColumn], attributes: &[(String, String)]) -> Result<Self> {
        Self::create_compressed(path, columns, attributes, Compression::NONE)
    }

    /// As [`TableWriter::create`], with columns compressed.
    ///
    /// # Errors
    /// As there.
    pub fn create_compressed(
        path: &Path,
        columns: &[TableColumn],
        attributes: &[(String, String)],
        compression: Compression,
    ) -> Result<Self> {
        let target = OpenTarget::create(path, attributes)?;
        let root = target.root()?;
        let open = |spec: &TableColumn| {
            if spec.width == Some(0) {
                return Err(Error::option(&spec.name, "0 numbers in a row", "at least 1"));
            }
            let row_shape: Vec<usize> = spec.width.into_iter().collect();
            let column_spec = ColumnSpec {
                name: &spec.name,
                row_shape: &row_shape,
                chunk_rows: CHUNK_ROWS,
                compression,
                unit: spec.unit,
            };
            let column = Column::create_floats(path, &root, spec.dtype, &column_spec)?;
            Ok(OpenColumn { spec: spec.clone(), column, n_rows: 0 })
        };
        let columns = columns.iter().map(open).collect::<Result<_>>()?;
        Ok(Self { path: path.to_owned(), columns, target })
    }

    /// Appends whole rows to column `name`.
    ///
    /// # Shapes
    /// `values` `[rows, width]`, flat.
    ///
    /// # Errors
    /// A column that is not there, a part of a row, or a full disk.
    pub fn write<T: Real>(&mut self, name: &str, values: &[T]) -> Result<()> {
        let Some(open) = self.columns.iter_mut().find(|open| open.spec.name == name) else {
            return Err(Error::dataset(&self.path, name, "not among the columns", "one of them"));
        };
        let width = open.spec.width.unwrap_or(1);
        if !values.len().is_multiple_of(width) {
            let problem = format!("{} numbers in rows of {width}", values.len());
            return Err(Error::dataset(&self.path, name, problem, "whole rows"));
        }
        element::encode(values, open.spec.dtype, open.column.buffer());
        open.n_rows += values.len() / width;
        open.column.flush_chunks()
    }

    /// Completes the file and gives it its final name.
    ///
    /// # Errors
    /// Columns of different lengths, or a full disk; what stood under the name before is still there then.
    pub fn finish(self) -> Result<()> {
        let Self { path, mut columns, target } = self;
        let n_rows = columns.iter().find(|open| !open.spec.own_length).map_or(0, |open| open.n_rows);
        if let Some(open) = columns.iter().find(|open| !open.spec.own_length && open.n_rows != n_rows) {
            let problem = format!("{} rows", open.n_rows);
            return Err(Error::dataset(&path, &open.spec.name, problem, format!("{n_rows}, as the first")));
        }
        columns.iter_mut().try_for_each(|open| open.column.finish())?;
        drop(columns);
        target.commit()
    }
}

/// Reads columns of a table.
#[derive(Debug)]
pub struct TableReader {
    path: PathBuf,
    file: OpenFile,
}

impl TableReader {
    /// Opens an HDF5 file.
    ///
    /// # Errors
    /// A file that cannot be opened or is not HDF5.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { path: path.to_owned(), file: open(path)? })
    }

    /// Whether there is a column `name`.
    pub fn has(&self, name: &str) -> bool {
        self.file.hdf5.link_exists(name)
    }

    /// A whole column.
    ///
    /// # Shapes
    /// Result `[rows, width]`, the width 1 for one number a row.
    ///
    /// # Errors
    /// A column that is not there, holds no floating-point numbers, has more than two axes or is damaged.
    pub fn read(&self, name: &str) -> Result<Array2<f64>> {
        if !self.has(name) {
            return Err(Error::dataset(&self.path, name, "not there", "a table with this column"));
        }
        let plain = self.file.plain.try_clone().map_err(|e| Error::io(&self.path, "open for reading", e))?;
        let array = Array::open(&self.file, &Arc::new(plain), &self.path, name, Kind::Numbers)?;
        if array.shape.len() > 2 {
            return Err(array.error(format!("extents {:?}", array.shape), "[rows] or [rows, width]"));
        }
        let (n_rows, width) = (array.n_rows(), array.row_len());
        let mut values = Array2::zeros((n_rows, width));
        if let Some(out) = values.as_slice_mut() {
            Window::default().read(&array, &None, 0..n_rows, out)?;
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, width: Option<usize>, dtype: Dtype) -> TableColumn {
        TableColumn { name: name.to_owned(), width, dtype, unit: Some("GeV"), own_length: false }
    }

    #[test]
    fn tables_of_many_chunks_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.hdf5");
        let columns = [column("a", Some(3), Dtype::F64), column("b", None, Dtype::F32)];
        let mut writer =
            TableWriter::create(&path, &columns, &[("software".to_owned(), "calo".to_owned())]).unwrap();
        let n = 2500;
        let value = |i: usize| (i as f64).sqrt();
        for first in (0..n).step_by(700) {
            let rows = first..(first + 700).min(n);
            writer.write("a", &(rows.start * 3..rows.end * 3).map(value).collect::<Vec<_>>()).unwrap();
            writer.write("b", &rows.map(|i| value(i) as f32).collect::<Vec<_>>()).unwrap();
        }
        assert!(!path.exists());
        writer.finish().unwrap();
        let reader = TableReader::open(&path).unwrap();
        assert_eq!(reader.read("a").unwrap(), Array2::from_shape_fn((n, 3), |(i, j)| value(3 * i + j)));
        assert_eq!(
            reader.read("b").unwrap(),
            Array2::from_shape_fn((n, 1), |(i, _)| f64::from(value(i) as f32))
        );
        assert_eq!(
            crate::read_attributes(&path, None).unwrap(),
            [("software".to_owned(), "calo".to_owned())]
        );
        let message = reader.read("c").unwrap_err().to_string();
        assert!(message.contains("data set `c`: not there"), "{message}");
    }

    #[test]
    fn a_column_may_have_a_length_of_its_own_and_all_may_be_compressed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.hdf5");
        let cells = TableColumn { own_length: true, ..column("cells", None, Dtype::F32) };
        let columns = [cells, column("b", None, Dtype::F32)];
        let compression = Compression { level: 9, shuffle: true };
        let mut writer = TableWriter::create_compressed(&path, &columns, &[], compression).unwrap();
        writer.write("cells", &vec![7.0_f32; 50_000]).unwrap();
        writer.write("b", &[1.0_f32, 2.0]).unwrap();
        writer.finish().unwrap();
        let reader = TableReader::open(&path).unwrap();
        assert_eq!(reader.read("cells").unwrap(), Array2::from_elem((50_000, 1), 7.0));
        assert_eq!(reader.read("b").unwrap(), ndarray::array![[1.0], [2.0]]);
        assert!(std::fs::metadata(&path).unwrap().len() < 50_000);
    }

    #[test]
    fn uneven_columns_and_parts_of_rows_leave_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.hdf5");
        let columns = [column("a", Some(3), Dtype::F64), column("b", None, Dtype::F32)];
        let mut writer = TableWriter::create(&path, &columns, &[]).unwrap();
        let message = writer.write("a", &[1.0; 4]).unwrap_err().to_string();
        assert!(message.contains("4 numbers in rows of 3"), "{message}");
        writer.write("a", &[1.0; 6]).unwrap();
        writer.write("b", &[1.0]).unwrap();
        let message = writer.finish().unwrap_err().to_string();
        assert!(message.contains("data set `b`: 1 rows; expected 2"), "{message}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn damaged_tables_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.hdf5");
        let mut writer = TableWriter::create(&path, &[column("a", Some(3), Dtype::F64)], &[]).unwrap();
        writer.write("a", &vec![1.0; 9000]).unwrap();
        writer.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for keep in [bytes.len() - 1, bytes.len() / 2, 600] {
            std::fs::write(&path, &bytes[..keep]).unwrap();
            let message = TableReader::open(&path).and_then(|table| table.read("a")).unwrap_err().to_string();
            assert!(message.contains("table.hdf5") && !message.contains('\n'), "{message}");
        }
    }
}
