//! `calo import`: the weights of a PyTorch checkpoint as a weights file of ours.

use std::fmt::Write;
use std::path::PathBuf;

use calo_nn::candle::Tensor;
use calo_nn::parameters::Imported;
use calo_run::import::{ImportRequest, import};
use calo_run::monitor::Caller;

use crate::options::Out;
use crate::output;

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

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let request = ImportRequest {
        checkpoint: args.checkpoint.clone(),
        out: args.out.out.clone(),
        key: args.key.clone(),
    };
    let imported = import(&request, caller)?;
    output::print(&summary(&imported, args))
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
