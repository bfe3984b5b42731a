//! `calo import`: the weights of a PyTorch checkpoint as a weights file of ours.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use calo_nn::candle::Tensor;
use calo_nn::parameters::{Imported, checkpoint, read_pytorch};

use crate::files::Out;
use crate::{output, provenance};

/// Write the weights of a PyTorch checkpoint as safetensors
///
/// The checkpoint is read, not run: state dictionaries saved with `torch.save(model.state_dict(), ...)`, by
/// themselves or within a dictionary. Names stay, but for the `module.` that DataParallel puts before them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// PyTorch checkpoint (.pth, .pt)
    checkpoint: PathBuf,
    #[command(flatten)]
    out: Out,
    /// Where the state dictionary stands in the checkpoint, as OUTER/INNER; found where there is only one
    #[arg(long)]
    key: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let imported = read_pytorch(&args.checkpoint, args.key.as_deref())?;
    let mut metadata: BTreeMap<String, String> =
        provenance::attributes(&[&args.checkpoint])?.into_iter().collect();
    metadata.insert("format".to_owned(), "pt".to_owned()); // what readers of safetensors ask for
    let summary = summary(&imported, args);
    let tensors: Vec<(String, Tensor)> = imported.tensors.into_iter().collect();
    checkpoint::save(&args.out.out, &tensors, &metadata)?;
    output::print(&summary)
}

/// A line for every tensor, then what was done.
fn summary(imported: &Imported, args: &Args) -> String {
    let width = imported.tensors.keys().map(String::len).max().unwrap_or(0);
    let mut text = String::new();
    for (name, tensor) in &imported.tensors {
        let dtype = tensor.dtype().as_str();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:width$}  {dtype:4}  {:?}", tensor.dims());
    }
    for (name, reason) in &imported.left_out {
        let _ = writeln!(text, "left out {name}: {reason}");
    }
    let n: usize = imported.tensors.values().map(Tensor::elem_count).sum();
    let from = match imported.key.as_str() {
        "" => String::new(),
        key => format!(" of `{key}`"),
    };
    let parallel = if imported.was_parallel { ", without their prefix `module.`" } else { "" };
    let out = args.out.out.display();
    let n_tensors = imported.tensors.len();
    let _ = writeln!(text, "{n_tensors} tensors{from} of {n} numbers written to {out}{parallel}");
    text
}
