//! The types of numbers that data sets may hold.

use calo_core::Dtype;
use hdf5::Datatype;
use hdf5::datatype::ByteOrder;
use hdf5::types::{FloatSize, TypeDescriptor};

use super::element::ElementType;
use super::open::one_line;
use super::raw::{NumberLayout, number_layout};

/// What a data set is asked to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of any type: they are read as 32- or 64-bit floating-point numbers.
    Numbers,
    Integers,
    FloatSequences,
}

/// Floating-point numbers of 16 bits, IEEE's and those of machine learning.
const HALF: NumberLayout =
    NumberLayout::Float { sign_at: 15, exponent: [10, 5], mantissa: [0, 10], bias: 15 };
const BRAIN_FLOAT: NumberLayout =
    NumberLayout::Float { sign_at: 15, exponent: [7, 8], mantissa: [0, 7], bias: 127 };

impl Kind {
    /// For error messages.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Integers => "integers",
            Self::FloatSequences => "sequences of 32- or 64-bit floating-point numbers of variable length",
        }
    }
}

/// The type of a data set's elements.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoredType {
    pub(super) element: ElementType,
    /// Whether elements are stored as this machine holds them, so that this crate decodes them.
    pub(super) native: bool,
}

/// The type of the elements; else what is there.
pub(super) fn stored_type(dataset: &hdf5::Dataset, kind: Kind) -> Result<StoredType, String> {
    let datatype = dataset.dtype().map_err(|e| format!("an unknown type ({})", one_line(&e)))?;
    match (kind, number_layout(&datatype)) {
        (Kind::Numbers, Some(layout @ NumberLayout::Float { .. })) => Ok(float(&datatype, layout)),
        (Kind::Numbers | Kind::Integers, Some(NumberLayout::Integer { signed })) => {
            Ok(integer(&datatype, signed))
        }
        (Kind::FloatSequences, None) => sequence(&datatype),
        _ => Err(printed(&datatype)),
    }
}

fn float(datatype: &Datatype, layout: NumberLayout) -> StoredType {
    let of = |element, native| StoredType { element, native };
    match (datatype.size(), layout) {
        (4, _) => of(ElementType::Float(Dtype::F32), datatype.is::<f32>()),
        (8, _) => of(ElementType::Float(Dtype::F64), datatype.is::<f64>()),
        (2, HALF) if in_order(datatype) => of(ElementType::Half, true),
        (2, BRAIN_FLOAT) if in_order(datatype) => of(ElementType::BrainFloat, true),
        (size, _) => of(ElementType::Other { size }, false),
    }
}

fn integer(datatype: &Datatype, signed: bool) -> StoredType {
    let native = [
        datatype.is::<i8>() || datatype.is::<u8>(),
        datatype.is::<i16>() || datatype.is::<u16>(),
        datatype.is::<i32>() || datatype.is::<u32>(),
        datatype.is::<i64>() || datatype.is::<u64>(),
    ]
    .contains(&true);
    match datatype.size() {
        size @ (1 | 2 | 4 | 8) => StoredType { element: ElementType::Integer { size, signed }, native },
        size => StoredType { element: ElementType::Other { size }, native: false },
    }
}

fn sequence(datatype: &Datatype) -> Result<StoredType, String> {
    let Ok(TypeDescriptor::VarLenArray(elements)) = datatype.to_descriptor() else {
        return Err(printed(datatype));
    };
    match *elements {
        TypeDescriptor::Float(size) if in_order(datatype) => {
            let dtype = match size {
                FloatSize::U4 => Dtype::F32,
                FloatSize::U8 => Dtype::F64,
            };
            Ok(StoredType { element: ElementType::Sequence(dtype), native: true })
        }
        _ => Err(printed(datatype)),
    }
}

fn in_order(datatype: &Datatype) -> bool {
    let native = if cfg!(target_endian = "little") { ByteOrder::LittleEndian } else { ByteOrder::BigEndian };
    datatype.byte_order() == native
}

/// A type's name on one line of bounded length.
fn printed(datatype: &Datatype) -> String {
    let Ok(descriptor) = datatype.to_descriptor() else {
        return match number_layout(datatype) {
            Some(NumberLayout::Float { .. }) => {
                format!("{}-bit floating-point numbers", 8 * datatype.size())
            }
            Some(NumberLayout::Integer { .. }) => format!("{}-bit integers", 8 * datatype.size()),
            None => format!("values of {} bytes that are no numbers", datatype.size()),
        };
    };
    let words = format!("{descriptor}").split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(80).collect()
}
