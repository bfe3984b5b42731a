//! Which instructions a GPU has.

/// Compute capability of a GPU, as NVIDIA counts it: 9.0 for an H100 or H200.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ComputeCapability {
    /// 9 of 9.0.
    pub major: i32,
    /// 0 of 9.0.
    pub minor: i32,
}
