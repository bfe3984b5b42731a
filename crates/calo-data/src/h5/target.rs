//! The file that is being written: its temporary name, its attributes, and the errors of writing it.

use std::path::Path;

use calo_core::{AtomicFile, Error, Result};

use super::open::{builder, one_line};

/// An HDF5 file under its temporary name.
pub(super) struct OpenTarget {
    // Before `target`: the file closes before its temporary name goes.
    file: hdf5::File,
    target: AtomicFile,
}

impl OpenTarget {
    /// Creates the file that will be `path`, with text `attributes`.
    pub(super) fn create(path: &Path, attributes: &[(String, String)]) -> Result<Self> {
        let target = AtomicFile::create(path)?;
        // No times of creation: the same showers make the same bytes.
        let mut builder = builder(path)?;
        builder.fcpl().obj_track_times(false);
        let file = builder.create(target.temporary_path()).map_err(|e| cannot_write(path, &e))?;
        for (name, text) in attributes {
            set_text(&file, name, text).map_err(|e| write_error(path, name, &one_line(&e)))?;
        }
        Ok(Self { file, target })
    }

    /// The final name.
    pub(super) fn path(&self) -> &Path {
        self.target.path()
    }

    pub(super) fn root(&self) -> Result<hdf5::Group> {
        self.file.as_group().map_err(|e| cannot_write(self.path(), &e))
    }

    /// Completes the file, whose data sets must be closed, and gives it its final name.
    pub(super) fn commit(self) -> Result<()> {
        let Self { file, target } = self;
        file.flush().map_err(|e| cannot_write(target.path(), &e))?;
        file.close().map_err(|e| cannot_write(target.path(), &e))?;
        target.commit()
    }
}

/// An error about writing the file as a whole.
pub(super) fn cannot_write(path: &Path, e: &hdf5::Error) -> Error {
    Error::file(path, format!("cannot be written ({})", one_line(e)), "a disk with room for it")
}

/// An error about writing data set `name`.
pub(super) fn write_error(path: &Path, name: &str, problem: &str) -> Error {
    Error::dataset(path, name, format!("cannot be written: {problem}"), "a disk with room for it")
}

/// Sets a text attribute.
pub(super) fn set_text(location: &hdf5::Location, name: &str, text: &str) -> hdf5::Result<()> {
    // HDF5 strings end at a NUL.
    let text: String = text.chars().filter(|c| *c != '\0').collect();
    let value: hdf5::types::VarLenUnicode = text.parse().map_err(|e| hdf5::Error::from(format!("{e}")))?;
    location.new_attr::<hdf5::types::VarLenUnicode>().create(name)?.write_scalar(&value)
}
