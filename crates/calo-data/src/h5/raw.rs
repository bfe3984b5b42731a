//! The calls into libhdf5 that the `hdf5` crate does not wrap, behind its lock.
//!
//! libhdf5 is not thread-safe: every call holds the library's one lock, which `hdf5::sync::sync` takes and which
//! also silences the printing of error stacks for the calling thread.

use std::ffi::CString;

use hdf5::{Dataset, Datatype, File};

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

/// How numbers of a type lie in their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberLayout {
    /// Bits from the lowest on: where sign, exponent and mantissa start, the lengths of the latter two, and the bias.
    Float {
        sign_at: usize,
        exponent: [usize; 2],
        mantissa: [usize; 2],
        bias: usize,
    },
    Integer {
        signed: bool,
    },
}

/// What numbers a type holds; `None` where it holds anything else.
#[expect(unsafe_code, reason = "the hdf5 crate knows no floating-point numbers but those of 32 and 64 bits")]
pub(super) fn number_layout(datatype: &Datatype) -> Option<NumberLayout> {
    use hdf5_sys::h5t::{H5T_class_t, H5T_sign_t, H5Tget_class, H5Tget_ebias, H5Tget_fields, H5Tget_sign};
    let [mut sign_at, mut exponent_at, mut exponent, mut mantissa_at, mut mantissa] = [0; 5];
    // SAFETY: the identifier belongs to a live `Datatype`; the five numbers are written to variables that outlive the call.
    hdf5::sync::sync(|| unsafe {
        match H5Tget_class(datatype.id()) {
            H5T_class_t::H5T_INTEGER => {
                Some(NumberLayout::Integer { signed: H5Tget_sign(datatype.id()) != H5T_sign_t::H5T_SGN_NONE })
            }
            H5T_class_t::H5T_FLOAT => {
                let status = H5Tget_fields(
                    datatype.id(),
                    &raw mut sign_at,
                    &raw mut exponent_at,
                    &raw mut exponent,
                    &raw mut mantissa_at,
                    &raw mut mantissa,
                );
                (status >= 0).then(|| NumberLayout::Float {
                    sign_at,
                    exponent: [exponent_at, exponent],
                    mantissa: [mantissa_at, mantissa],
                    bias: H5Tget_ebias(datatype.id()),
                })
            }
            _ => None,
        }
    })
}

/// Where the soft link `name` points to; `None` where it is no soft link.
#[expect(unsafe_code, reason = "the hdf5 crate does not say where a link points to")]
pub(super) fn link_target(file: &File, name: &str) -> Option<String> {
    use hdf5_sys::h5l::{H5L_info2_t, H5L_type_t, H5Lget_info2, H5Lget_val};
    /// Longer targets are cut.
    const MAX_TARGET: usize = 256;
    let name = CString::new(name).ok()?;
    let default = hdf5_sys::h5p::H5P_DEFAULT;
    let mut info = H5L_info2_t::default();
    let mut target = [0_u8; MAX_TARGET + 1];
    // SAFETY: the identifier belongs to an open file and `name` ends with a zero; libhdf5 fills `info` where it succeeds, and
    // writes at most `MAX_TARGET` bytes to `target`, the last byte of which stays zero.
    let is_soft = hdf5::sync::sync(|| unsafe {
        H5Lget_info2(file.id(), name.as_ptr(), &raw mut info, default) >= 0
            && info.type_ == H5L_type_t::H5L_TYPE_SOFT
            && H5Lget_val(file.id(), name.as_ptr(), target.as_mut_ptr().cast(), MAX_TARGET, default) >= 0
    });
    let end = target.iter().position(|byte| *byte == 0).unwrap_or(0);
    is_soft.then(|| String::from_utf8_lossy(&target[..end]).into_owned())
}
