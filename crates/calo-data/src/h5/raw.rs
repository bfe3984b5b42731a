//! The calls into libhdf5 that the `hdf5` crate does not wrap, behind its lock.
//!
//! libhdf5 is not thread-safe: every call holds the library's one lock, which `hdf5::sync::sync` takes and which
//! also silences the printing of error stacks for the calling thread.

use hdf5::Dataset;

/// Writes one chunk that went through the filters already. `offset` is its first element in the data set.
#[expect(unsafe_code, reason = "H5Dwrite_chunk is not wrapped by the hdf5 crate")]
pub(super) fn write_chunk(dataset: &Dataset, offset: &[u64], bytes: &[u8]) -> Result<(), String> {
    if offset.len() != dataset.ndim() {
        return Err(format!(
            "chunk offset of rank {} in a data set of rank {}",
            offset.len(),
            dataset.ndim()
        ));
    }
    // SAFETY: `offset` has one entry per dimension (checked above), `bytes` is readable for its length, and the
    // identifier belongs to a live `Dataset`.
    let status = hdf5::sync::sync(|| unsafe {
        hdf5_sys::h5d::H5Dwrite_chunk(
            dataset.id(),
            hdf5_sys::h5p::H5P_DEFAULT,
            0,
            offset.as_ptr(),
            bytes.len(),
            bytes.as_ptr().cast(),
        )
    });
    if status < 0 { Err("libhdf5 cannot write a chunk (is the disk full?)".to_owned()) } else { Ok(()) }
}
