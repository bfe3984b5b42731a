//! Parity with PyTorch: operations and networks against tensors that it made.
//!
//! Small ones lie in `tests/data/goldens` and are always compared. Those of the published models are not part of the
//! project: `CALO_FIXTURES` names their folder, and where it is not set their tests say so and end.

mod golden;
mod networks;
mod operations;
