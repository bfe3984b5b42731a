//! The types of numbers that data sets may hold.

use calo_core::Dtype;
use hdf5::datatype::ByteOrder;
use hdf5::types::{FloatSize, IntSize, TypeDescriptor};

use super::element::ElementType;
use super::open::one_line;

/// What a data set is asked to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Floats,
    Integers,
    FloatSequences,
}

impl Kind {
    /// For error messages.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Floats => "32- or 64-bit floating-point numbers",
            Self::Integers => "integers",
            Self::FloatSequences => "sequences of 32- or 64-bit floating-point numbers of variable length",
        }
    }
}

/// The type of a data set's elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredType {
    pub(super) element: ElementType,
    /// Whether elements are stored as this machine holds them.
    pub(super) native: bool,
}

/// The type of the elements; else what is there.
pub(super) fn stored_type(dataset: &hdf5::Dataset, kind: Kind) -> Result<StoredType, String> {
    let datatype = dataset.dtype().map_err(|e| format!("an unknown type ({})", one_line(&e)))?;
    let Ok(descriptor) = datatype.to_descriptor() else {
        return Err(format!("an unknown type of {} bytes", datatype.size()));
    };
    let native_order =
        if cfg!(target_endian = "little") { ByteOrder::LittleEndian } else { ByteOrder::BigEndian };
    let in_order = datatype.byte_order() == native_order;
    let float = |size| match size {
        FloatSize::U4 => Dtype::F32,
        FloatSize::U8 => Dtype::F64,
    };
    let of = |element, native| Ok(StoredType { element, native });
    match (kind, &descriptor) {
        (Kind::Floats, TypeDescriptor::Float(FloatSize::U4)) => {
            of(ElementType::Float(Dtype::F32), datatype.is::<f32>())
        }
        (Kind::Floats, TypeDescriptor::Float(FloatSize::U8)) => {
            of(ElementType::Float(Dtype::F64), datatype.is::<f64>())
        }
        (Kind::Integers, TypeDescriptor::Integer(size) | TypeDescriptor::Unsigned(size)) => {
            let signed = matches!(descriptor, TypeDescriptor::Integer(_));
            let bytes = match size {
                IntSize::U1 => 1,
                IntSize::U2 => 2,
                IntSize::U4 => 4,
                IntSize::U8 => 8,
            };
            of(ElementType::Integer { size: bytes, signed }, in_order)
        }
        (Kind::FloatSequences, TypeDescriptor::VarLenArray(elements)) => match **elements {
            TypeDescriptor::Float(size) if in_order => of(ElementType::Sequence(float(size)), true),
            _ => Err(printed(&descriptor)),
        },
        _ => Err(printed(&descriptor)),
    }
}

/// A type's name on one line of bounded length.
fn printed(descriptor: &TypeDescriptor) -> String {
    let words = format!("{descriptor}").split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(80).collect()
}
