//! Weights on disk: safetensors files, the same bytes for the same content.
//!
//! The header is written and read here and not by the `safetensors` crate, which shuffles the metadata and takes the
//! last of two tensors of one name; data go through a small buffer instead of a second copy of all weights.

mod format;
mod header;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::Range;
use std::path::Path;

use calo_core::AtomicFile;
use candle_core::{CpuStorage, Device, Storage, Tensor};

use self::format::{DTYPES, EXPECTED};
use crate::{Error, Result};

/// Size of the buffers between memory and disk.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes named tensors and a table of texts to `path`, which appears complete or not at all.
///
/// Wider element types come first; otherwise the order of the tensors is kept.
///
/// # Errors
/// [`Error::File`] for two tensors of one name, an element type other than f64, f32, f16, bf16, i64, i32 or u32, and
/// for numbers that are not finite; [`Error::Io`] when the disk is full or the file cannot be written. What stood
/// under the name before stays then.
pub fn save(path: &Path, tensors: &[(String, Tensor)], metadata: &BTreeMap<String, String>) -> Result<()> {
    let mut ordered: Vec<(usize, &str, &Tensor)> = Vec::with_capacity(tensors.len());
    for (name, tensor) in tensors {
        let Some(rank) = DTYPES.iter().position(|(dtype, _)| *dtype == tensor.dtype()) else {
            let problem = format!("tensor `{name}` to be written has element type {:?}", tensor.dtype());
            return Err(Error::file(path, problem, "f64, f32, f16, bf16, i64, i32 or u32"));
        };
        ordered.push((rank, name, tensor));
    }
    // Stable: the given order within a type.
    ordered.sort_by_key(|(rank, _, _)| *rank);
    let header = header::write(path, &ordered, metadata)?;

    let mut file = AtomicFile::create(path).map_err(|e| data_error(path, e))?;
    let write = |e| Error::io(path, "write", e);
    let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file.as_file_mut());
    writer.write_all(&(header.len() as u64).to_le_bytes()).map_err(write)?;
    writer.write_all(&header).map_err(write)?;
    for (_, name, tensor) in ordered {
        // Nothing is copied where the tensor is on the CPU and contiguous.
        let tensor = tensor.to_device(&Device::Cpu)?.contiguous()?;
        with_elements(&tensor, |elements| {
            elements.check_finite(path, name)?;
            elements.write(&mut writer).map_err(write)
        })?;
    }
    writer.flush().map_err(write)?;
    drop(writer);
    file.commit().map_err(|e| data_error(path, e))
}

/// What a weights file holds.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Tensors by name.
    pub tensors: BTreeMap<String, Tensor>,
    /// Texts by key.
    pub metadata: BTreeMap<String, String>,
}

/// Reads all tensors of a safetensors file to `device`, and its metadata.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::File`] when it is empty, truncated, damaged, something else, or
/// holds numbers that are not finite or element types other than those of [`save`]. It never allocates more
/// memory than the length of the file justifies.
pub fn load(path: &Path, device: &Device) -> Result<Checkpoint> {
    let file = File::open(path).map_err(|e| Error::io(path, "open for reading", e))?;
    let status = file.metadata().map_err(|e| Error::io(path, "read", e))?;
    if !status.is_file() {
        return Err(Error::file(path, "is not a regular file", EXPECTED));
    }
    read(path, BufReader::with_capacity(BUFFER_BYTES, file), status.len(), device)
}

/// The same for the bytes of such a file in memory; errors call it `name`.
///
/// # Errors
/// As [`load`].
pub fn from_bytes(name: &Path, bytes: &[u8], device: &Device) -> Result<Checkpoint> {
    read(name, bytes, bytes.len() as u64, device)
}

fn read(path: &Path, mut reader: impl Read, n_bytes: u64, device: &Device) -> Result<Checkpoint> {
    let (header, data_bytes) = header::read(path, &mut reader, n_bytes)?;

    let mut tensors = BTreeMap::new();
    for (name, info) in header.tensors {
        let dtype = DTYPES.iter().find(|(_, stored)| *stored == info.dtype).map(|(dtype, _)| *dtype);
        let Some(dtype) = dtype else {
            let problem = format!("tensor `{name}` has element type {}", info.dtype);
            return Err(Error::file(path, problem, "F64, F32, F16, BF16, I64, I32 or U32"));
        };
        // Checked against the length of the file before.
        let (start, end) = info.data_offsets;
        debug_assert!(start <= end && end as u64 <= data_bytes, "offsets were validated");
        let mut bytes = vec![0; end - start];
        reader.read_exact(&mut bytes).map_err(|e| Error::io(path, "read", e))?;
        let tensor = Tensor::from_raw_buffer(&bytes, dtype, &info.shape, &Device::Cpu)?;
        drop(bytes);
        with_elements(&tensor, |elements| elements.check_finite(path, &name))?;
        tensors.insert(name, tensor.to_device(device)?);
    }
    Ok(Checkpoint { tensors, metadata: header.metadata })
}

/// The elements of a contiguous CPU tensor.
struct Elements<'a> {
    storage: &'a CpuStorage,
    range: Range<usize>,
}

/// Calls `consume` with the elements of `tensor`, which has to be contiguous and on the CPU.
fn with_elements<R>(tensor: &Tensor, consume: impl FnOnce(Elements<'_>) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match (&*storage, layout.contiguous_offsets()) {
        (Storage::Cpu(storage), Some((start, end))) => consume(Elements { storage, range: start..end }),
        _ => Err(Error::operand("checkpoint", "tensor", layout, "a contiguous tensor on the CPU")),
    }
}

impl Elements<'_> {
    /// A network with weights that are not finite returns only such numbers: better an error here.
    fn check_finite(&self, path: &Path, name: &str) -> Result<()> {
        let range = self.range.clone();
        let first = match self.storage {
            CpuStorage::F64(all) => all[range].iter().position(|value| !value.is_finite()),
            CpuStorage::F32(all) => all[range].iter().position(|value| !value.is_finite()),
            CpuStorage::F16(all) => all[range].iter().position(|value| !value.is_finite()),
            CpuStorage::BF16(all) => all[range].iter().position(|value| !value.is_finite()),
            _ => None,
        };
        match first {
            None => Ok(()),
            Some(i) => {
                let problem = format!("element {i} of tensor `{name}` is not a finite number");
                Err(Error::file(path, problem, EXPECTED))
            }
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let range = self.range.clone();
        match self.storage {
            CpuStorage::F64(all) => write_each(out, &all[range], |value| value.to_le_bytes()),
            CpuStorage::I64(all) => write_each(out, &all[range], |value| value.to_le_bytes()),
            CpuStorage::F32(all) => write_each(out, &all[range], |value| value.to_le_bytes()),
            CpuStorage::U32(all) => write_each(out, &all[range], |value| value.to_le_bytes()),
            CpuStorage::I32(all) => write_each(out, &all[range], |value| value.to_le_bytes()),
            CpuStorage::F16(all) => write_each(out, &all[range], |value| value.to_le_bytes()),
            CpuStorage::BF16(all) => write_each(out, &all[range], |value| value.to_le_bytes()),
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

/// Through a buffer of a fixed size: the conversion is then a copy in cache, and calls to the writer are few.
fn write_each<T, const N: usize>(
    out: &mut impl Write,
    values: &[T],
    bytes_of: impl Fn(&T) -> [u8; N],
) -> io::Result<()> {
    let mut buffer = [0; 8192];
    for block in values.chunks(buffer.len() / N) {
        let bytes = &mut buffer[..block.len() * N];
        for (place, value) in bytes.chunks_exact_mut(N).zip(block) {
            place.copy_from_slice(&bytes_of(value));
        }
        out.write_all(bytes)?;
    }
    Ok(())
}

/// An error of [`AtomicFile`] as one of this crate.
fn data_error(path: &Path, error: calo_core::Error) -> Error {
    match error {
        calo_core::Error::Io { path, operation, source } => Error::Io { path, operation, source },
        calo_core::Error::File { path, problem, expected } => Error::File { path, problem, expected },
        other => Error::file(path, other.to_string(), "a file that can be written"),
    }
}
