//! Parity with PyTorch: losses and networks against tensors that it made.
//!
//! Small ones lie in `tests/data/goldens` and are always compared. Those of the published models are not part of the
//! project: `CALO_FIXTURES` names their folder, and where it is not set their tests say so and end.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test reports by failing")]

mod batch;
#[path = "../../../calo-tensor/tests/parity/compare.rs"]
mod compare;
#[path = "../../../calo-tensor/tests/parity/golden.rs"]
mod golden;
mod losses;
mod networks;
