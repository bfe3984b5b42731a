//! The two floating-point types of cells.

use std::fmt;

use serde::{Deserialize, Serialize};

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// The two element types shower files come in.
pub trait Real:
    private::Sealed + Copy + Default + PartialOrd + Send + Sync + fmt::Debug + fmt::Display + 'static
{
    /// This type's tag.
    const DTYPE: Dtype;
    /// Widening, exact.
    fn to_f64(self) -> f64;
    /// Rounded to nearest where `Self` is narrower.
    fn from_f64(value: f64) -> Self;
}

impl Real for f32 {
    const DTYPE: Dtype = Dtype::F32;
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is the purpose")]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
}

impl Real for f64 {
    const DTYPE: Dtype = Dtype::F64;
    fn to_f64(self) -> f64 {
        self
    }
    fn from_f64(value: f64) -> Self {
        value
    }
}

/// Element type of the cells in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// 32-bit IEEE float, the storage type of this project.
    F32,
    /// 64-bit IEEE float.
    F64,
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
        })
    }
}
