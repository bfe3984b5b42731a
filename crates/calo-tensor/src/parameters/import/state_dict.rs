//! State dictionaries among unpickled objects, and the tensors in them.

use std::collections::BTreeMap;

use candle_core::DType;
use candle_core::pickle::Object;

/// Dictionaries within one another that are searched.
const MAX_NESTING: usize = 8;

/// A dictionary that holds tensors, and the way to it.
pub(super) struct Found<'a> {
    /// Keys joined by `/`.
    pub(super) key: String,
    pub(super) entries: &'a [(Object, Object)],
}

impl Found<'_> {
    fn n_tensors(&self) -> usize {
        self.count(is_tensor)
    }

    /// Tensors that may be weights: a single number may be a loss, and bytes are the state of a generator.
    fn n_weights(&self) -> usize {
        self.count(|value| match record(value) {
            Ok(Some(record)) => !record.shape.is_empty() && record.stored != Ok(Stored::Byte),
            Ok(None) => false,
            Err(_) => true,
        })
    }

    fn count(&self, is_wanted: impl Fn(&Object) -> bool) -> usize {
        let entries = self.entries.iter();
        entries.filter(|(name, value)| matches!(name, Object::Unicode(_)) && is_wanted(value)).count()
    }
}

/// The state dictionary under `key`, or the only one there is; or what stands in the way.
pub(super) fn choose<'a>(object: &'a Object, key: Option<&str>) -> Result<Found<'a>, String> {
    let mut found = Vec::new();
    search(object, "", 0, &mut found);
    // Candle turns the order of entries round.
    found.sort_by(|a, b| a.key.cmp(&b.key));
    if key.is_none() && found.iter().any(|found| found.n_weights() > 0) {
        found.retain(|found| found.n_weights() > 0);
    }
    let listed: Vec<String> =
        found.iter().map(|found| format!("`{}` ({} tensors)", found.key, found.n_tensors())).collect();
    let listed = listed.join(", ");
    match key {
        Some(key) => found
            .into_iter()
            .find(|found| found.key == key)
            .ok_or_else(|| format!("has no state dictionary under the key `{key}`, but under: {listed}")),
        None if found.len() > 1 => {
            Err(format!("has several state dictionaries, to be chosen by key: {listed}"))
        }
        None => found.pop().ok_or_else(|| format!("holds {}", describe(object))),
    }
}

fn search<'a>(object: &'a Object, key: &str, depth: usize, found: &mut Vec<Found<'a>>) {
    let Object::Dict(entries) = object else { return };
    let this = Found { key: key.to_owned(), entries };
    if this.n_tensors() > 0 {
        found.push(this);
    }
    if depth == MAX_NESTING {
        return;
    }
    for (name, value) in entries {
        // Numbers are keys in an optimiser's state, which is not wanted.
        let Object::Unicode(name) = name else { continue };
        let key = if key.is_empty() { name.clone() } else { format!("{key}/{name}") };
        search(value, &key, depth + 1, found);
    }
}

/// What an object is, where it is no state dictionary.
fn describe(object: &Object) -> String {
    match object {
        Object::Dict(_) => "dictionaries without tensors".to_owned(),
        Object::List(_) | Object::Tuple(_) => "a list".to_owned(),
        tensor if is_tensor(tensor) => "a single tensor".to_owned(),
        Object::Build { callable, .. } | Object::Reduce { callable, .. } => describe(callable),
        Object::Class { module_name, class_name } => {
            format!("a whole object of class {module_name}.{class_name}, whose code would be needed")
        }
        _ => "no dictionary".to_owned(),
    }
}

/// Where a tensor's elements are, as `torch._utils._rebuild_tensor_v2` is told.
#[derive(Debug)]
pub(super) struct Record {
    /// Name of the storage within the archive.
    pub(super) storage: String,
    /// Element type, or why it cannot be kept.
    pub(super) stored: Result<Stored, String>,
    pub(super) shape: Vec<usize>,
    /// Elements from one to the next along each axis.
    strides: Vec<usize>,
    /// Elements of the storage before the first.
    offset: usize,
    n_in_storage: usize,
}

/// The tensor that `value` is, if it is one; or what is wrong with it.
pub(super) fn record(value: &Object) -> Result<Option<Record>, String> {
    let Object::Reduce { callable, args } = value else { return Ok(None) };
    let Some(function) = torch_function(callable) else { return Ok(None) };
    match (function, &**args) {
        ("_rebuild_tensor_v2", Object::Tuple(args)) => rebuild(args).map(Some),
        ("_rebuild_parameter", Object::Tuple(args)) => args.first().map_or(Err(MALFORMED.to_owned()), record),
        // A subclass of Tensor: the function, the class, the function's arguments.
        ("_rebuild_from_type_v2", Object::Tuple(args)) => match &args[..] {
            [function, _, Object::Tuple(args), ..]
                if torch_function(function) == Some("_rebuild_tensor_v2") =>
            {
                rebuild(args).map(Some)
            }
            _ => Err(MALFORMED.to_owned()),
        },
        _ => Err(format!("is made by {function}; only dense tensors can be read")),
    }
}

/// How elements are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// As they are kept.
    As(DType),
    /// Bytes without sign, or true and false.
    Byte,
    /// Bytes with a sign.
    Char,
    /// Integers of 16 bits.
    Short,
}

impl Stored {
    /// The type that is kept: short integers in 32 bits.
    pub(super) fn dtype(self) -> DType {
        match self {
            Self::As(dtype) => dtype,
            Self::Byte | Self::Char | Self::Short => DType::I32,
        }
    }

    /// Bytes of an element in its storage.
    fn n_bytes(self) -> usize {
        match self {
            Self::As(dtype) => dtype.size_in_bytes(),
            Self::Byte | Self::Char => 1,
            Self::Short => 2,
        }
    }

    /// Elements as they are kept.
    fn widen(self, bytes: Vec<u8>) -> Vec<u8> {
        let wide = |values: &mut dyn Iterator<Item = i32>| values.flat_map(i32::to_le_bytes).collect();
        match self {
            Self::As(_) => bytes,
            Self::Byte => wide(&mut bytes.iter().map(|byte| i32::from(*byte))),
            Self::Char => wide(&mut bytes.iter().map(|byte| i32::from(byte.cast_signed()))),
            Self::Short => {
                let (pairs, _) = bytes.as_chunks::<2>();
                wide(&mut pairs.iter().map(|pair| i32::from(i16::from_le_bytes(*pair))))
            }
        }
    }
}

const MALFORMED: &str = "is described in an unknown way";

fn is_tensor(value: &Object) -> bool {
    matches!(value, Object::Reduce { callable, .. } if torch_function(callable).is_some())
}

/// The function of PyTorch that makes a tensor, if `callable` is one.
fn torch_function(callable: &Object) -> Option<&str> {
    match callable {
        Object::Class { module_name, class_name }
            if matches!(module_name.as_str(), "torch._utils" | "torch._tensor")
                && class_name.starts_with("_rebuild") =>
        {
            Some(class_name)
        }
        _ => None,
    }
}

/// From (storage, offset, size, strides, ...), where storage is ("storage", type, key, location, number of elements).
fn rebuild(args: &[Object]) -> Result<Record, String> {
    let [Object::PersistentLoad(storage), offset, Object::Tuple(shape), Object::Tuple(strides), ..] = args
    else {
        return Err(MALFORMED.to_owned());
    };
    let Object::Tuple(storage) = &**storage else { return Err(MALFORMED.to_owned()) };
    let [_, Object::Class { class_name, .. }, Object::Unicode(key), _, n, rest @ ..] = &storage[..] else {
        return Err(MALFORMED.to_owned());
    };
    if !matches!(rest, [] | [Object::None, ..]) {
        return Err("is a view into another storage, as only very old files have".to_owned());
    }
    let numbers = |list: &[Object]| list.iter().map(number).collect::<Result<Vec<usize>, String>>();
    let record = Record {
        storage: key.clone(),
        stored: stored(class_name),
        shape: numbers(shape)?,
        strides: numbers(strides)?,
        offset: number(offset)?,
        n_in_storage: number(n)?,
    };
    record.check()?;
    Ok(record)
}

fn number(object: &Object) -> Result<usize, String> {
    let number = match object {
        Object::Int(number) => i64::from(*number),
        Object::Long(number) => *number,
        _ => return Err(MALFORMED.to_owned()),
    };
    usize::try_from(number).map_err(|_| format!("has an extent, a stride or an offset of {number}"))
}

fn stored(class_name: &str) -> Result<Stored, String> {
    match class_name {
        "FloatStorage" => Ok(Stored::As(DType::F32)),
        "DoubleStorage" => Ok(Stored::As(DType::F64)),
        "HalfStorage" => Ok(Stored::As(DType::F16)),
        "BFloat16Storage" => Ok(Stored::As(DType::BF16)),
        "LongStorage" => Ok(Stored::As(DType::I64)),
        "IntStorage" => Ok(Stored::As(DType::I32)),
        "ShortStorage" => Ok(Stored::Short),
        "CharStorage" => Ok(Stored::Char),
        "ByteStorage" | "BoolStorage" => Ok(Stored::Byte),
        other => Err(format!("element type {}", other.trim_end_matches("Storage"))),
    }
}

impl Record {
    /// That all elements lie within the storage; a stride of 0 tells of one several times (`expand`).
    fn check(&self) -> Result<(), String> {
        let Self { shape, strides, offset, n_in_storage, .. } = self;
        if shape.len() != strides.len() {
            return Err(format!("has {} extents but {} strides", shape.len(), strides.len()));
        }
        let n = shape.iter().try_fold(1_usize, |n, extent| n.checked_mul(*extent));
        if n == Some(0) {
            return Ok(());
        }
        let last = shape.iter().zip(strides).try_fold(*offset, |at, (extent, stride)| {
            extent.checked_sub(1)?.checked_mul(*stride)?.checked_add(at)
        });
        if last.is_some_and(|last| last < *n_in_storage) && n.is_some() {
            return Ok(());
        }
        Err(format!("of shape {shape:?} does not fit its storage of {n_in_storage} elements"))
    }

    /// Bytes of the tensor, for the widest element type.
    pub(super) fn n_bytes(&self) -> u64 {
        let n: usize = self.shape.iter().product(); // checked not to overflow
        (n as u64)
            .saturating_mul(self.stored.as_ref().map_or(8, |stored| stored.dtype().size_in_bytes() as u64))
    }

    /// Bytes of the whole storage.
    pub(super) fn storage_bytes(&self, stored: Stored) -> u64 {
        (self.n_in_storage as u64).saturating_mul(stored.n_bytes() as u64)
    }

    /// The bytes of the tensor in row-major order, of the type that is kept, from those of its storage.
    pub(super) fn gather(&self, storage: &[u8], stored: Stored) -> Vec<u8> {
        let size = stored.n_bytes();
        let n: usize = self.shape.iter().product();
        let mut bytes = Vec::with_capacity(n * size);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..n {
            let at =
                self.offset + index.iter().zip(&self.strides).map(|(i, stride)| i * stride).sum::<usize>();
            bytes.extend_from_slice(storage.get(at * size..(at + 1) * size).unwrap_or_default());
            for (i, extent) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < *extent {
                    break;
                }
                *i = 0;
            }
        }
        stored.widen(bytes)
    }
}

/// Bytes of an element of every storage that is told of anywhere in `object`.
pub(super) fn storage_element_bytes(object: &Object) -> BTreeMap<String, u64> {
    let mut sizes = BTreeMap::new();
    // The depth of objects is bounded when they are unpickled.
    let mut todo = vec![object];
    while let Some(object) = todo.pop() {
        match object {
            Object::PersistentLoad(id) => {
                if let Object::Tuple(id) = &**id
                    && let [_, Object::Class { class_name, .. }, Object::Unicode(key), ..] = &id[..]
                    && let Some(size) = element_bytes(class_name)
                {
                    sizes.insert(key.clone(), size);
                }
            }
            Object::Tuple(parts) | Object::List(parts) => todo.extend(parts),
            Object::Dict(entries) => todo.extend(entries.iter().flat_map(|(key, value)| [key, value])),
            Object::Reduce { callable, args } | Object::Build { callable, args } => {
                todo.extend([&**callable, &**args]);
            }
            _ => {}
        }
    }
    sizes
}

fn element_bytes(class_name: &str) -> Option<u64> {
    match class_name {
        "ByteStorage" | "CharStorage" | "BoolStorage" => Some(1),
        "ShortStorage" | "HalfStorage" | "BFloat16Storage" => Some(2),
        "FloatStorage" | "IntStorage" => Some(4),
        "DoubleStorage" | "LongStorage" => Some(8),
        _ => None,
    }
}
