//! From bytes of a chunk to numbers.

use std::fmt;

use calo_core::{Dtype, Real};
use hdf5::{Dataset, H5Type, Hyperslab};

use super::open::one_line;

/// What a data set holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ElementType {
    /// Floating-point numbers.
    Float(Dtype),
    /// Floating-point numbers of 16 bits, IEEE's.
    Half,
    /// Floating-point numbers of 16 bits with the exponents of 32-bit ones (`bfloat16`).
    BrainFloat,
    /// Numbers of any other kind, of this many bytes, which only libhdf5 understands.
    Other { size: usize },
    /// Integers of this many bytes.
    Integer { size: usize, signed: bool },
    /// Where in the global heap a sequence of variable length stands.
    Sequence(Dtype),
}

impl ElementType {
    /// Bytes of one element in the file.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Float(dtype) => size_of(dtype),
            Self::Half | Self::BrainFloat => 2,
            Self::Integer { size, .. } | Self::Other { size } => size,
            Self::Sequence(_) => 16,
        }
    }

    /// The floating-point type, of the numbers themselves or of those in the sequences; for other numbers the one that
    /// loses least.
    pub(super) fn dtype(self) -> Dtype {
        match self {
            Self::Float(dtype) | Self::Sequence(dtype) => dtype,
            Self::Half | Self::BrainFloat | Self::Integer { size: ..=2, .. } => Dtype::F32,
            Self::Integer { .. } | Self::Other { .. } => Dtype::F64,
        }
    }
}

/// Types that elements of a data set can be read as.
pub(super) trait Stored: Copy + Default + Send + Sync + fmt::Debug + 'static {
    /// The value of what was never written.
    fn from_fill(fill: f64) -> Self;

    /// Fills `out` with the first elements of `bytes`, which hold `element`s in native byte order.
    fn decode(bytes: &[u8], order: ByteOrder, element: ElementType, out: &mut [Self]);

    /// Fills `out` with the elements of `slab`, by libhdf5's own means.
    fn read_by_library(dataset: &Dataset, slab: Hyperslab, out: &mut [Self]) -> Result<(), String>;
}

/// Elements are read as `S`, the type of libhdf5 that `convert` turns into `T` without loss.
fn read_slab<S: H5Type + Copy, T>(
    dataset: &Dataset,
    slab: Hyperslab,
    out: &mut [T],
    convert: impl Fn(S) -> T,
) -> Result<(), String> {
    let values = dataset.read_slice::<S, _, ndarray::IxDyn>(slab).map_err(|e| one_line(&e))?;
    for (to, from) in out.iter_mut().zip(&values) {
        *to = convert(*from);
    }
    Ok(())
}

impl<T: Real> Stored for T {
    fn from_fill(fill: f64) -> Self {
        T::from_f64(fill)
    }

    fn decode(bytes: &[u8], order: ByteOrder, element: ElementType, out: &mut [Self]) {
        match element {
            ElementType::Half => two_bytes(bytes, order, out, |raw| half::f16::from_ne_bytes(raw).to_f64()),
            ElementType::BrainFloat => {
                two_bytes(bytes, order, out, |raw| half::bf16::from_ne_bytes(raw).to_f64());
            }
            ElementType::Integer { size, signed } => integers(bytes, order, size, signed, out, |value| {
                #[expect(clippy::cast_precision_loss, reason = "what a cell of 64 bits can hold")]
                let number = if signed { value as f64 } else { value.cast_unsigned() as f64 };
                T::from_f64(number)
            }),
            // No such elements are decoded: libhdf5 reads them.
            ElementType::Other { .. } => {}
            ElementType::Float(dtype) | ElementType::Sequence(dtype) => decode(bytes, order, dtype, out),
        }
    }

    fn read_by_library(dataset: &Dataset, slab: Hyperslab, out: &mut [Self]) -> Result<(), String> {
        match T::DTYPE {
            Dtype::F32 => read_slab(dataset, slab, out, |value: f32| T::from_f64(f64::from(value))),
            Dtype::F64 => read_slab(dataset, slab, out, T::from_f64),
        }
    }
}

/// An integer of a data set. It needs a type of this crate, for which the compiler knows that it is not [`Real`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Integer(pub(super) i64);

impl Stored for Integer {
    #[expect(clippy::cast_possible_truncation, reason = "fill values of integers are integers")]
    fn from_fill(fill: f64) -> Self {
        Self(fill as i64)
    }

    fn decode(bytes: &[u8], order: ByteOrder, element: ElementType, out: &mut [Self]) {
        if let ElementType::Integer { size, signed } = element {
            integers(bytes, order, size, signed, out, Self);
        }
    }

    fn read_by_library(dataset: &Dataset, slab: Hyperslab, out: &mut [Self]) -> Result<(), String> {
        read_slab(dataset, slab, out, Self)
    }
}

/// Fills `out` with integers of `size` bytes; unsigned ones of 64 bits come with their bits.
fn integers<T>(
    bytes: &[u8],
    order: ByteOrder,
    size: usize,
    signed: bool,
    out: &mut [T],
    convert: impl Fn(i64) -> T,
) {
    let n_elements = bytes.len() / size.max(1);
    for (i, value) in out.iter_mut().enumerate().take(n_elements) {
        let byte = |k: usize| match order {
            ByteOrder::Elements => bytes[i * size + k],
            ByteOrder::Planes => bytes[k * n_elements + i],
        };
        let sign = byte(if cfg!(target_endian = "little") { size - 1 } else { 0 });
        let mut wide = [if signed && sign >= 0x80 { 0xff } else { 0 }; 8];
        for k in 0..size.min(8) {
            wide[if cfg!(target_endian = "little") { k } else { 8 - size + k }] = byte(k);
        }
        *value = convert(i64::from_ne_bytes(wide));
    }
}

fn two_bytes<T: Real>(bytes: &[u8], order: ByteOrder, out: &mut [T], number: impl Fn([u8; 2]) -> f64) {
    match order {
        ByteOrder::Elements => elements(bytes, out, |raw| T::from_f64(number(raw))),
        ByteOrder::Planes => planes(bytes, out, |raw| T::from_f64(number(raw))),
    }
}

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
fn decode<T: Real>(bytes: &[u8], order: ByteOrder, dtype: Dtype, out: &mut [T]) {
    match (dtype, order) {
        (Dtype::F32, ByteOrder::Elements) => elements(bytes, out, f32_from),
        (Dtype::F64, ByteOrder::Elements) => elements(bytes, out, f64_from),
        (Dtype::F32, ByteOrder::Planes) => planes::<T, 4>(bytes, out, f32_from),
        (Dtype::F64, ByteOrder::Planes) => planes::<T, 8>(bytes, out, f64_from),
    }
}

/// Fills `out` with the first elements of `bytes`, one after the other.
pub(super) fn decode_plain<T: Real>(bytes: &[u8], dtype: Dtype, out: &mut [T]) {
    decode(bytes, ByteOrder::Elements, dtype, out);
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
