//! How a file is refused that is no checkpoint of PyTorch, or a damaged one.

use std::path::Path;

use crate::Error;

/// An [`Error::File`] for the checkpoint at `path`.
pub(super) fn refusal(path: &Path, problem: impl Into<String>) -> Error {
    Error::file(path, problem, "a state dictionary written by `torch.save(model.state_dict(), ...)`")
}
