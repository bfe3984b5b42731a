//! `calo import`: a published model as a run folder, or the weights of a checkpoint as a weights file.

use std::fmt::Write;
use std::path::PathBuf;

use calo_nn::candle::Tensor;
use calo_nn::parameters::Imported;
use calo_run::Error;
use calo_run::import::{ImportRequest, ImportedModel, WeightsRequest, import, import_weights};
use calo_run::monitor::Caller;

use crate::output;

/// Make a run folder of a published model, from PyTorch checkpoints
///
/// The checkpoints are read, not run: state dictionaries saved with `torch.save(model.state_dict(), ...)`, by
/// themselves or within a dictionary, with or without the `module.` of DataParallel. The sizes of the networks are read
/// from the shapes of their tensors. `calo generate`, `calo encode` and `calo train --from` take the folder as they take any
/// run. With --out FILE.safetensors, the weights of any one checkpoint become a weights file, names kept.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// PyTorch checkpoints (.pth, .pt) of the model's networks, for a BIB-AE those of encoder and decoder and, where
    /// there is one, of the post-processor
    #[arg(required = true)]
    checkpoints: Vec<PathBuf>,
    /// Folder of the run, or a weights file NAME.safetensors
    #[arg(long, value_name = "FOLDER|FILE")]
    out: PathBuf,
    /// Key of the state dictionary within each checkpoint, nested keys as OUTER/INNER; needed only if a checkpoint has
    /// several
    #[arg(long)]
    key: Option<String>,
    /// Detector of the showers
    #[arg(long, value_name = "NAME|PATH", default_value = "ild-ecal")]
    detector: String,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    if args.out.extension().is_some_and(|extension| extension == "safetensors") {
        let [checkpoint] = &args.checkpoints[..] else {
            let problem = "a weights file is made of one checkpoint; expected a folder as --out for several";
            return Err(Error::Usage(problem.to_owned()).into());
        };
        let request =
            WeightsRequest { checkpoint: checkpoint.clone(), out: args.out.clone(), key: args.key.clone() };
        let imported = import_weights(&request, caller)?;
        return output::print(&summary(&imported, args));
    }
    let request = ImportRequest {
        checkpoints: args.checkpoints.clone(),
        out: args.out.clone(),
        key: args.key.clone(),
        detector: args.detector.clone(),
    };
    output::print(&model_summary(&import(&request, caller)?, args))
}

/// What was imported, and what was not.
fn model_summary(imported: &ImportedModel, args: &Args) -> String {
    let ImportedModel { family, grid, n_weights, left_out } = imported;
    let mut text = String::new();
    for (name, reason) in left_out {
        let _ = writeln!(text, "left out {name}: {reason}");
    }
    let out = args.out.display();
    let _ = writeln!(text, "{out}: {family} on {grid:?}, {n_weights} weights, as epoch 1 of a run");
    text
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
    let out = args.out.display();
    let n_tensors = imported.tensors.len();
    let _ = writeln!(text, "{n_tensors} tensors{from} of {n} numbers written to {out}{parallel}");
    text
}
