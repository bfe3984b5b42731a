//! What a weights file may hold.

use candle_core::DType;
use safetensors::tensor::Dtype;

/// What a file that is refused should have been.
pub(super) const EXPECTED: &str = "a whole safetensors file of finite numbers";

/// Element types a file may hold, widest first: so all data are aligned.
pub(super) const DTYPES: [(DType, Dtype); 7] = [
    (DType::F64, Dtype::F64),
    (DType::I64, Dtype::I64),
    (DType::F32, Dtype::F32),
    (DType::U32, Dtype::U32),
    (DType::I32, Dtype::I32),
    (DType::F16, Dtype::F16),
    (DType::BF16, Dtype::BF16),
];
