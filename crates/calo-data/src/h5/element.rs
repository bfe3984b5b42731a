//! From bytes of a chunk to numbers.

use crate::shower::{Dtype, Real};

/// How the bytes of a chunk lie once it is decompressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// Element after element.
    Elements,
    /// Shuffled: the first bytes of all elements, then the second ones, and so on.
    Planes,
}

/// Bytes of one element.
pub(super) fn size_of(dtype: Dtype) -> usize {
    match dtype {
        Dtype::F32 => 4,
        Dtype::F64 => 8,
    }
}

/// Fills `out` with the first elements of `bytes`, which are of type `dtype` in native byte order.
pub(super) fn decode<T: Real>(bytes: &[u8], order: ByteOrder, dtype: Dtype, out: &mut [T]) {
    match (dtype, order) {
        (Dtype::F32, ByteOrder::Elements) => elements(bytes, out, f32_from),
        (Dtype::F64, ByteOrder::Elements) => elements(bytes, out, f64_from),
        (Dtype::F32, ByteOrder::Planes) => planes::<T, 4>(bytes, out, f32_from),
        (Dtype::F64, ByteOrder::Planes) => planes::<T, 8>(bytes, out, f64_from),
    }
}

fn f32_from<T: Real>(bytes: [u8; 4]) -> T {
    T::from_f64(f64::from(f32::from_ne_bytes(bytes)))
}

fn f64_from<T: Real>(bytes: [u8; 8]) -> T {
    T::from_f64(f64::from_ne_bytes(bytes))
}

fn elements<T: Real, const SIZE: usize>(bytes: &[u8], out: &mut [T], convert: impl Fn([u8; SIZE]) -> T) {
    let (elements, _) = bytes.as_chunks::<SIZE>();
    for (value, element) in out.iter_mut().zip(elements) {
        *value = convert(*element);
    }
}

fn planes<T: Real, const SIZE: usize>(bytes: &[u8], out: &mut [T], convert: impl Fn([u8; SIZE]) -> T) {
    let n_elements = bytes.len() / SIZE;
    let n = out.len().min(n_elements);
    // Slices of equal, known length let the compiler turn the gather into vector interleaves.
    let planes: [&[u8]; SIZE] = std::array::from_fn(|k| &bytes[k * n_elements..][..n]);
    for (i, value) in out[..n].iter_mut().enumerate() {
        *value = convert(std::array::from_fn(|k| planes[k][i]));
    }
}

/// `values` as bytes of type `dtype`, appended to `out`.
pub(super) fn encode<T: Real>(values: &[T], dtype: Dtype, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + values.len() * size_of(dtype), 0);
    match dtype {
        Dtype::F32 => write(values, &mut out[start..], |v| f32::from_f64(v.to_f64()).to_ne_bytes()),
        Dtype::F64 => write(values, &mut out[start..], |v| v.to_f64().to_ne_bytes()),
    }
}

fn write<T: Real, const SIZE: usize>(values: &[T], out: &mut [u8], convert: impl Fn(T) -> [u8; SIZE]) {
    let (elements, _) = out.as_chunks_mut::<SIZE>();
    for (element, value) in elements.iter_mut().zip(values) {
        *element = convert(*value);
    }
}
