//! First and second derivatives of operations against finite differences, in 64 bits, over random shapes.
//!
//! Those of convolutions are in `tests/conv3d.rs`, where every kernel has its turn.

#![expect(clippy::unwrap_used, reason = "a failed expectation is a test's report")]

mod differences;
mod operations;
