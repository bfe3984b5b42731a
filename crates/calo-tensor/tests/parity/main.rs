//! Parity with PyTorch: operations against tensors that it made. `calo-nn` has the networks, with the same helpers.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test reports by failing")]

mod compare;
#[expect(dead_code, reason = "networks need more of it than operations")]
mod golden;
mod operations;
