//! The weights of a PyTorch checkpoint as a weights file of ours.

use std::collections::BTreeMap;
use std::path::PathBuf;

use calo_nn::candle::Tensor;
use calo_nn::parameters::{Imported, checkpoint, read_pytorch};

use crate::monitor::Caller;
use crate::{Result, provenance};

/// Which checkpoint is imported.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// PyTorch checkpoint (.pth, .pt).
    pub checkpoint: PathBuf,
    /// File to write.
    pub out: PathBuf,
    /// Where the state dictionary stands in the checkpoint, as OUTER/INNER; found where there is only one.
    pub key: Option<String>,
}

/// Writes the weights of a PyTorch checkpoint as safetensors. The checkpoint is read, not run.
///
/// # Errors
/// A file that is no checkpoint, or holds no or several state dictionaries; a full disk.
pub fn import(request: &ImportRequest, caller: Caller<'_>) -> Result<Imported> {
    let imported = read_pytorch(&request.checkpoint, request.key.as_deref())?;
    let mut metadata: BTreeMap<String, String> =
        provenance::attributes(&[&request.checkpoint], caller)?.into_iter().collect();
    metadata.insert("format".to_owned(), "pt".to_owned()); // what readers of safetensors ask for
    let shared = |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.clone());
    let tensors: Vec<(String, Tensor)> = imported.tensors.iter().map(shared).collect();
    checkpoint::save(&request.out, &tensors, &metadata)?;
    Ok(imported)
}
