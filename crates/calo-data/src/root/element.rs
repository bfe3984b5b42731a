//! Types of numbers in branches.

use super::bytes::Parsed;
use super::tree::{Branch, Leaf};

/// Byte count, version and length in front of each `std::vector`, and each `RVec`.
pub(super) const VECTOR_HEADER: usize = 10;
/// Mantissa bits of a `Float16_t` whose title says nothing.
const DEFAULT_BITS: u32 = 12;

/// Element type of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Element {
    F32,
    F64,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    /// An exponent of 8 bits, then a mantissa of so many bits with the sign above it, in 16 bits.
    Truncated {
        bits: u32,
    },
    /// A range of numbers in equal steps, counted by 32 bits.
    Steps {
        low: f64,
        per_unit: f64,
    },
}

/// How entries lie in a basket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shape {
    /// `n` elements each.
    Fixed(usize),
    /// Any number of elements, each entry behind a header of this many bytes.
    Jagged(usize),
    /// As many times `per_count` elements as the branch `counter` says.
    Counted { counter: String, per_count: usize },
}

impl Element {
    pub(super) fn width(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::Truncated { .. } => 3,
            Self::F32 | Self::I32 | Self::U32 | Self::Steps { .. } => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }

    /// Appends the numbers in `data`, whole elements.
    #[expect(clippy::cast_precision_loss, reason = "64-bit integers hold PDG codes, far below 2^53")]
    pub(super) fn decode(self, data: &[u8], values: &mut Vec<f64>) {
        match self {
            Self::F32 => values.extend(chunks(data).map(|raw| f64::from(f32::from_be_bytes(raw)))),
            Self::F64 => values.extend(chunks(data).map(f64::from_be_bytes)),
            Self::I8 => values.extend(chunks(data).map(|raw| f64::from(i8::from_be_bytes(raw)))),
            Self::U8 => values.extend(data.iter().map(|byte| f64::from(*byte))),
            Self::I16 => values.extend(chunks(data).map(|raw| f64::from(i16::from_be_bytes(raw)))),
            Self::U16 => values.extend(chunks(data).map(|raw| f64::from(u16::from_be_bytes(raw)))),
            Self::I32 => values.extend(chunks(data).map(|raw| f64::from(i32::from_be_bytes(raw)))),
            Self::U32 => values.extend(chunks(data).map(|raw| f64::from(u32::from_be_bytes(raw)))),
            Self::I64 => values.extend(chunks(data).map(|raw| i64::from_be_bytes(raw) as f64)),
            Self::U64 => values.extend(chunks(data).map(|raw| u64::from_be_bytes(raw) as f64)),
            Self::Truncated { bits } => values.extend(chunks(data).map(|raw| truncated(raw, bits))),
            Self::Steps { low, per_unit } => {
                let steps = chunks(data).map(|raw| f64::from(u32::from_be_bytes(raw)));
                values.extend(steps.map(|n| n / per_unit + low));
            }
        }
    }
}

/// Exponent, then sign and mantissa.
fn truncated([exponent, high, low]: [u8; 3], bits: u32) -> f64 {
    let mantissa = u32::from(u16::from_be_bytes([high, low]));
    let magnitude =
        f32::from_bits(u32::from(exponent) << 23 | (mantissa & ((1 << (bits + 1)) - 1)) << (23 - bits));
    f64::from(if mantissa >> (bits + 1) & 1 == 1 { -magnitude } else { magnitude })
}

fn chunks<const N: usize>(data: &[u8]) -> impl Iterator<Item = [u8; N]> {
    data.as_chunks::<N>().0.iter().copied()
}

/// Element type and shape of a branch; `None` where it holds no numbers.
pub(super) fn interpret(branch: &Branch) -> Option<(Element, Shape)> {
    if let Some(class) = &branch.class {
        return vector_element(class).map(|element| (element, Shape::Jagged(VECTOR_HEADER)));
    }
    let [leaf] = branch.leaves.as_slice() else { return None };
    let element = leaf_element(leaf)?;
    // The title of a C array whose length varies names its counter: "scene[nscene]".
    let counter = brackets(&leaf.title)
        .find(|dim| !dim.is_empty() && !dim.contains(',') && dim.parse::<usize>().is_err());
    let shape = match counter {
        Some(counter) => Shape::Counted { counter: counter.to_owned(), per_count: leaf.len },
        None => Shape::Fixed(leaf.len),
    };
    Some((element, shape))
}

/// What stands between the brackets of a title.
fn brackets(title: &str) -> impl Iterator<Item = &str> {
    title.split(['[', ']']).skip(1).step_by(2)
}

/// The element of a `std::vector` or an `RVec` of numbers.
fn vector_element(class: &str) -> Option<Element> {
    let bare = ["std::", "ROOT::VecOps::", "ROOT::"]
        .into_iter()
        .fold(class, |class, namespace| class.strip_prefix(namespace).unwrap_or(class));
    let inner = bare.strip_prefix("vector<").or_else(|| bare.strip_prefix("RVec<"))?;
    // An allocator may follow.
    let inner = inner.strip_suffix('>')?.split(',').next()?.trim();
    match inner.trim_start_matches("std::") {
        "float" | "Float_t" | "Double32_t" => Some(Element::F32),
        "double" | "Double_t" => Some(Element::F64),
        "char" | "signed char" | "int8_t" | "Char_t" => Some(Element::I8),
        "unsigned char" | "uint8_t" | "UChar_t" | "bool" | "Bool_t" => Some(Element::U8),
        "short" | "int16_t" | "Short_t" => Some(Element::I16),
        "unsigned short" | "uint16_t" | "UShort_t" => Some(Element::U16),
        "int" | "int32_t" | "Int_t" => Some(Element::I32),
        "unsigned int" | "unsigned" | "uint32_t" | "UInt_t" => Some(Element::U32),
        "long" | "long long" | "int64_t" | "Long_t" | "Long64_t" => Some(Element::I64),
        "unsigned long" | "unsigned long long" | "uint64_t" | "size_t" | "ULong_t" | "ULong64_t" => {
            Some(Element::U64)
        }
        _ => None,
    }
}

fn leaf_element(leaf: &Leaf) -> Option<Element> {
    match (leaf.class.as_str(), leaf.unsigned) {
        ("TLeafF", _) => Some(Element::F32),
        ("TLeafD", _) => Some(Element::F64),
        ("TLeafB", false) => Some(Element::I8),
        ("TLeafB", true) | ("TLeafO", _) => Some(Element::U8),
        ("TLeafS", false) => Some(Element::I16),
        ("TLeafS", true) => Some(Element::U16),
        ("TLeafI", false) => Some(Element::I32),
        ("TLeafI", true) => Some(Element::U32),
        ("TLeafL" | "TLeafG", false) => Some(Element::I64),
        ("TLeafL" | "TLeafG", true) => Some(Element::U64),
        ("TLeafF16", _) => packed(&leaf.title, Element::Truncated { bits: DEFAULT_BITS }),
        ("TLeafD32", _) => packed(&leaf.title, Element::F32),
        _ => None,
    }
}

/// How a title with a range, `[low,high]` or `[low,high,bits]`, says that numbers are packed; `usual` without one.
fn packed(title: &str, usual: Element) -> Option<Element> {
    let Some(range) = brackets(title).find(|dim| dim.contains(',')) else { return Some(usual) };
    let parts: Vec<&str> = range.split(',').map(str::trim).collect();
    let (&[low, high], bits) = parts.split_first_chunk::<2>()?;
    let (low, high): (f64, f64) = (low.parse().ok()?, high.parse().ok()?);
    let bits = match bits {
        [] => None,
        [bits] => Some(bits.parse::<u32>().ok()?),
        _ => return None,
    };
    if low < high {
        let bits = bits.filter(|bits| (2..=32).contains(bits)).unwrap_or(32);
        // All 32 bits set stand for the upper end.
        let steps = if bits < 32 { f64::from(1_u32 << bits) } else { f64::from(u32::MAX) };
        return Some(Element::Steps { low, per_unit: steps / (high - low) });
    }
    match bits {
        Some(bits @ 2..=14) => Some(Element::Truncated { bits }),
        None => Some(usual),
        Some(_) => None,
    }
}

/// Appends the numbers behind `header` bytes, returns how many.
pub(super) fn decode(element: Element, bytes: &[u8], header: usize, values: &mut Vec<f64>) -> Parsed<usize> {
    let data = bytes.get(header..).ok_or_else(|| format!("{} bytes, no vector's header", bytes.len()))?;
    let width = element.width();
    let n = data.len() / width;
    if n * width != data.len() {
        return Err(format!("{} bytes, not a multiple of {width}", data.len()));
    }
    if header > 0 && super::tree::big_endian(&bytes[header - 4..header]) != n as i64 {
        return Err(format!("a vector's length that does not agree with its {n} elements"));
    }
    element.decode(data, values);
    Ok(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(class: &str, title: &str) -> Leaf {
        Leaf { class: class.to_owned(), title: title.to_owned(), len: 1, unsigned: false }
    }

    #[test]
    fn vectors_of_numbers_have_many_names() {
        for (class, element) in [
            ("vector<float>", Element::F32),
            ("std::vector<unsigned long>", Element::U64),
            ("ROOT::VecOps::RVec<int>", Element::I32),
            ("ROOT::RVec<short>", Element::I16),
            ("vector<double,std::allocator<double> >", Element::F64),
        ] {
            assert_eq!(vector_element(class), Some(element), "{class}");
        }
        for class in ["vector<vector<float> >", "vector<TLorentzVector>", "map<int,int>", "vector<"] {
            assert_eq!(vector_element(class), None, "{class}");
        }
    }

    #[test]
    fn packed_numbers_are_described_by_their_title() {
        let element = |title| leaf_element(&leaf("TLeafF16", title));
        assert_eq!(element("x[n]"), Some(Element::Truncated { bits: 12 }));
        assert_eq!(element("x[n][0,0,10]"), Some(Element::Truncated { bits: 10 }));
        assert_eq!(element("x[-1,1,8]"), Some(Element::Steps { low: -1.0, per_unit: 128.0 }));
        assert_eq!(element("x[0,pi]"), None);
        assert_eq!(leaf_element(&leaf("TLeafD32", "x")), Some(Element::F32));
        let mut values = Vec::new();
        // -1.5 with 12 bits of mantissa: exponent 127, the sign above the mantissa.
        let raw = [127, ((1_u16 << 13 | 1 << 11) >> 8) as u8, 0];
        Element::Truncated { bits: 12 }.decode(&raw, &mut values);
        Element::Steps { low: -1.0, per_unit: 128.0 }.decode(&64_u32.to_be_bytes(), &mut values);
        Element::I16.decode(&(-211_i16).to_be_bytes(), &mut values);
        assert_eq!(values, [-1.5, -0.5, -211.0]);
    }

    #[test]
    fn counters_are_named_in_titles() {
        let shape = |title: &str| {
            interpret(&Branch { leaves: vec![leaf("TLeafF", title)], ..Branch::default() }).unwrap().1
        };
        assert_eq!(shape("x[3]"), Shape::Fixed(1));
        assert_eq!(shape("x[n][3]"), Shape::Counted { counter: "n".to_owned(), per_count: 1 });
    }
}
