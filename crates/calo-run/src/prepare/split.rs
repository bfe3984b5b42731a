//! Training, validation and test files, the same for the same seed.

use std::path::PathBuf;

use calo_core::{Error, Real};
use calo_data::{Part, ShowerReader, ShowerWriter, Split, WriteOptions, for_each_part};
use serde::Serialize;

use crate::Result;
use crate::error::ensure;
use crate::files::{InputOptions, StorageOptions, batch_size, create_folder, is_f64};
use crate::monitor::{Caller, Pass};

/// How a file is split.
#[derive(Debug, Clone, Serialize)]
pub struct SplitRequest {
    /// Shower file.
    pub input: PathBuf,
    /// Folder for train.hdf5, validation.hdf5 and test.hdf5.
    pub out: PathBuf,
    /// Fractions of training, validation and test; their sum is 1.
    pub fractions: [f64; 3],
    /// Showers that validation and test have at most, each. The rest is training, or in no file where training has no share.
    pub at_most: Option<u64>,
    /// Which showers go where depends on this and on the file's length alone.
    pub seed: u64,
    /// How the showers are found.
    pub from: InputOptions,
    /// How they are stored.
    pub storage: StorageOptions,
}

/// Splits a file into training, validation and test showers; the number of showers of each part.
///
/// # Errors
/// A file that cannot be read, fractions that cannot be, the file of an empty part in the way, a full disk, an
/// interruption.
pub fn split(request: &SplitRequest, caller: Caller<'_>) -> Result<Vec<(Part, u64)>> {
    let reader = request.from.open(&request.input, caller)?;
    let mut options = request.storage.like(&reader, &request.input, caller)?;
    request.storage.check_effect(options.layout)?;
    options.attributes.push(("split_seed".to_owned(), request.seed.to_string()));
    create_folder(&request.out)?;
    if is_f64(reader.info().cells.dtype, options.dtype) {
        split_file::<f64>(request, reader, &options, caller)
    } else {
        split_file::<f32>(request, reader, &options, caller)
    }
}

fn split_file<T: Real>(
    request: &SplitRequest,
    mut reader: ShowerReader,
    options: &WriteOptions,
    caller: Caller<'_>,
) -> Result<Vec<(Part, u64)>> {
    let mut split = Split::new(request.seed, request.fractions, reader.n_showers())?;
    if let Some(n) = request.at_most {
        split = split.at_most(n);
    }
    let has_file = |part| split.size(part) > 0 && (part != Part::Train || request.fractions[0] > 0.0);
    // An empty part gets no file: it would hold nothing that could be read.
    let mut writers = Part::ALL.map(|part| (part, None));
    for (part, writer) in &mut writers {
        let path = request.out.join(format!("{}.hdf5", part.name()));
        if has_file(*part) {
            *writer = Some(ShowerWriter::create(&path, options)?);
        } else {
            // One left from another split may hold showers of the other parts.
            ensure!(!path.exists(), "{}: exists, but its part is empty; expected it removed", path.display());
        }
    }
    let mut progress = caller.begin(&Pass::showers("splitting", Some(reader.n_showers())));
    let n = batch_size::<T>(reader.grid());
    for_each_part::<T>(&mut reader, &split, n, |part, batch| {
        caller.check().map_err(|_| Error::Interrupted)?;
        progress.advance(batch.len());
        writers[part as usize].1.as_mut().map_or(Ok(()), |writer| writer.write(batch))
    })?;
    drop(progress);
    let mut sizes = Vec::new();
    for (part, writer) in writers {
        if let Some(writer) = writer {
            writer.finish()?;
        }
        sizes.push((part, if has_file(part) { split.size(part) } else { 0 }));
    }
    Ok(sizes)
}
