//! Models of others: PyTorch checkpoints as run folders, or their weights as a weights file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use calo_core::{Detector, hash_file, write_atomically};
use calo_nn::candle::Tensor;
use calo_nn::engine::{Published, Recipe};
use calo_nn::families;
use calo_nn::parameters::{Imported, checkpoint, read_pytorch};

use crate::config::RunConfig;
use crate::error::{Context as _, ensure};
use crate::model::Precision;
use crate::monitor::Caller;
use crate::provenance::{self, VERSION};
use crate::run_folder::{IMPORTED_EPOCH, Origin, RunDescription, RunFolder};
use crate::{Error, Result};

/// Which weights are written as a weights file.
#[derive(Debug, Clone)]
pub struct WeightsRequest {
    /// PyTorch checkpoint (.pth, .pt).
    pub checkpoint: PathBuf,
    /// File to write.
    pub out: PathBuf,
    /// Where the state dictionary stands in the checkpoint, as OUTER/INNER; found where there is only one.
    pub key: Option<String>,
}

/// Which published model is imported.
#[derive(Debug, Clone)]
pub struct ImportRequest {
    /// PyTorch checkpoints (.pth, .pt) of its networks.
    pub checkpoints: Vec<PathBuf>,
    /// Run folder to write, new or empty.
    pub out: PathBuf,
    /// Where the state dictionaries stand in the checkpoints, as OUTER/INNER; found where there is only one.
    pub key: Option<String>,
    /// Name or file of the detector of its showers.
    pub detector: String,
}

/// What was imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedModel {
    /// Its family.
    pub family: &'static str,
    /// Cells along layer, x, y.
    pub grid: [usize; 3],
    /// Numbers of all networks.
    pub n_weights: usize,
    /// What the checkpoints held besides, with the reason why it was left out.
    pub left_out: Vec<(String, String)>,
}

/// Writes the weights of a PyTorch checkpoint as safetensors, whatever they are of. The checkpoint is read, not run.
///
/// # Errors
/// A file that is no checkpoint, or holds no or several state dictionaries; a full disk.
pub fn import_weights(request: &WeightsRequest, caller: Caller<'_>) -> Result<Imported> {
    let imported = read_pytorch(&request.checkpoint, request.key.as_deref())?;
    let mut metadata: BTreeMap<String, String> =
        provenance::attributes(&[&request.checkpoint], caller)?.into_iter().collect();
    metadata.insert("format".to_owned(), "pt".to_owned()); // what readers of safetensors ask for
    let shared = |(name, tensor): (&String, &Tensor)| (name.clone(), tensor.clone());
    let tensors: Vec<(String, Tensor)> = imported.tensors.iter().map(shared).collect();
    checkpoint::save(&request.out, &tensors, &metadata)?;
    Ok(imported)
}

/// Makes a run folder of a published model, whose sizes stand in the shapes of its tensors: generate, encode and a run
/// that begins with other weights take it as they take any run. The checkpoints are read, not run.
///
/// # Errors
/// Files that are no checkpoints, a model that no family knows, weights that are missing or of other shapes, showers on
/// another grid than the detector's, a folder that holds something, a full disk.
pub fn import(request: &ImportRequest, caller: Caller<'_>) -> Result<ImportedModel> {
    let out = RunFolder::new(&request.out);
    let place = request.out.display();
    ensure!(!request.out.is_file(), "{place}: is a file; expected a new or empty folder");
    let mut there = fs::read_dir(&request.out).into_iter().flatten();
    ensure!(there.next().is_none(), "{place}: holds something; expected a new or empty folder");

    let (mut dicts, mut left_out) = (Vec::new(), Vec::new());
    for path in &request.checkpoints {
        let imported = read_pytorch(path, request.key.as_deref())?;
        left_out.extend(imported.left_out);
        dicts.push(imported.tensors);
    }
    let shown =
        || request.checkpoints.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    let Published { family, tensors, left_out: unneeded } =
        families::recognise(&dicts).with_context(shown)?;
    left_out.extend(unneeded);
    let detector = Detector::load(&request.detector)?;
    let grid = family.grid();
    ensure!(
        detector.grid.shape() == grid,
        "{}: networks on a grid {grid:?}; expected {:?}, that of detector {}, or another --detector",
        shown(),
        detector.grid.shape(),
        detector.name
    );
    let recipe = Recipe { optim: family.default_optim(), family };
    recipe.validate().with_context(shown)?;
    // Before anything is written: a failed import leaves no folder in the way.
    recipe.check_weights(&tensors).with_context(shown)?;

    fs::create_dir_all(out.epochs()).with_context(|| format!("{place}: cannot create the folder"))?;
    let inputs: Vec<&Path> = request.checkpoints.iter().map(PathBuf::as_path).collect();
    let attributes = provenance::attributes(&inputs, caller)?.into_iter().collect();
    let written = recipe.write_weights(&out.weights(IMPORTED_EPOCH), &tensors, &attributes);
    let n_weights = written.with_context(shown)?;
    let family = recipe.family.family();
    let config = RunConfig::of_recipe(family, &request.detector, recipe);
    write_atomically(&out.detector_file(), detector.to_toml()?.as_bytes())?;
    write_atomically(&out.config(), config.to_toml()?.as_bytes())?;
    let origin = |path: &PathBuf| -> Result<Origin, Error> {
        Ok(Origin { path: path.display().to_string(), blake3: hash_file(path)? })
    };
    // Last: with it the folder is a run.
    out.write_description(&RunDescription {
        software: VERSION.to_owned(),
        command: caller.command.to_owned(),
        name: config.name,
        seed: config.seed,
        detector: detector.name,
        grid,
        data: None,
        n_weights,
        device: "cpu".to_owned(),
        precision: Precision::default(),
        from: None,
        exported: None,
        imported: request.checkpoints.iter().map(origin).collect::<Result<_>>()?,
    })?;
    Ok(ImportedModel { family, grid, n_weights, left_out })
}
