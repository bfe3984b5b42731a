//! One epoch of a run, small enough to give to others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use calo_latent::{Kde, Storage};
use calo_nn::candle::{DType, Device};
use calo_nn::engine::ShowerModel;
use calo_nn::families;
use calo_nn::parameters::checkpoint::{self, Checkpoint};

use crate::error::{Context as _, ensure};
use crate::provenance::{self, without_folders};
use crate::run_folder::{EpochChoice, Exported, RunFolder};
use crate::{Result, density_file};

/// Which epoch of which run.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// Folder of a run.
    pub run: PathBuf,
    /// The epoch.
    pub epoch: EpochChoice,
    /// Density of the latent variables of that epoch.
    pub density: Option<PathBuf>,
    /// Keep at most so many points of the density as kernels, drawn by the seed.
    pub max_centres: usize,
    /// Seed of the points that are drawn.
    pub seed: u64,
    /// New folder.
    pub out: PathBuf,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportedModel {
    /// The epoch.
    pub epoch: u32,
    /// Bytes of all files.
    pub n_bytes: u64,
}

/// Copies what a trained model needs to be used by others: weights of one epoch in 16 bits, density, configuration,
/// losses. The folder is read as any run's. What only training needs is left out, and so are the folders of the
/// paths in command lines.
///
/// # Errors
/// No run folder, or that of an exported model; an epoch that was not kept, a density of other weights; a folder that
/// holds something, a full disk.
pub fn export(request: &ExportRequest) -> Result<ExportedModel> {
    let (run, out) = (RunFolder::new(&request.run), RunFolder::new(&request.out));
    let mut description = run.describe()?;
    ensure!(
        description.exported.is_none(),
        "{}: is an exported model; expected the folder of a run",
        request.run.display()
    );
    let (weights, epoch) = run.weights_of(request.epoch)?;
    let blake3 = provenance::hash_file(&weights)?;
    let kde = match &request.density {
        Some(path) => {
            let model = ShowerModel::load(&weights, families::ALL, &Device::Cpu, DType::F32)?;
            let encoder = model.encoder().with_context(|| {
                format!("{}: of a family without encoder; expected no density", weights.display())
            })?;
            let kde = density_file::load(path, encoder.n_encoded(), &blake3)?;
            Some(kde.reduced(request.max_centres, request.seed)?)
        }
        None => None,
    };
    let place = request.out.display();
    let mut there = fs::read_dir(&request.out).into_iter().flatten();
    ensure!(there.next().is_none(), "{place}: holds something; expected a new or empty folder");
    fs::create_dir_all(out.epochs()).with_context(|| format!("{place}: cannot create the folder"))?;

    write_halves(&weights, &out.weights(epoch), &blake3)?;
    if let Some(kde) = kde {
        write_density(kde, &out, epoch, &blake3)?;
    }
    for (from, to) in [
        (run.detector_file(), out.detector_file()),
        (run.log(), out.log()),
        (run.validation(), out.validation()),
        (run.config(), out.config()),
    ] {
        // An imported model has no log.
        if !description.imported.is_empty() && !from.exists() {
            continue;
        }
        let bytes = fs::read(&from).with_context(|| format!("{}: cannot read it", from.display()))?;
        calo_core::write_atomically(&to, &bytes)?;
    }
    description.exported = Some(Exported { epoch, rounded_from_blake3: blake3 });
    description.command = without_folders(&description.command);
    if let Some(data) = &mut description.data {
        data.path = without_folders(&data.path);
    }
    for origin in &mut description.imported {
        origin.path = without_folders(&origin.path);
    }
    if let Some(from) = &mut description.from {
        from.path = without_folders(&from.path);
    }
    out.write_description(&description)?;
    Ok(ExportedModel { epoch, n_bytes: folder_bytes(&request.out)? })
}

/// The weights as 16-bit floating-point numbers, which have 11 significant bits.
fn write_halves(from: &Path, to: &Path, blake3: &str) -> Result<()> {
    let Checkpoint { tensors, mut metadata } = checkpoint::load(from, &Device::Cpu)?;
    let halves = tensors.into_iter().map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F16)?)));
    let halves = halves.collect::<Result<Vec<_>>>()?;
    metadata.insert("rounded_from_blake3".to_owned(), blake3.to_owned());
    checkpoint::save(to, &halves, &metadata)
        .with_context(|| format!("{}: weights that 16 bits hold were expected", from.display()))
}

/// The density, tied to the rounded weights: rounding moves a latent variable by far less than a kernel is wide.
fn write_density(mut kde: Kde, out: &RunFolder, epoch: u32, blake3: &str) -> Result<()> {
    let rounded = provenance::hash_file(&out.weights(epoch))?;
    let texts = kde.provenance_mut();
    let short = std::mem::take(texts).into_iter().map(|(key, text)| (key, without_folders(&text)));
    *texts = short.collect::<BTreeMap<_, _>>();
    texts.insert("rounded_from_blake3".to_owned(), blake3.to_owned());
    texts.insert(density_file::WEIGHTS.to_owned(), rounded);
    Ok(kde.save(&out.density(), Storage::F16)?)
}

/// Bytes of all files in `folder`.
fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut n = 0;
    for entry in fs::read_dir(folder).with_context(|| format!("{}: cannot read it", folder.display()))? {
        let (path, status) = {
            let entry = entry?;
            (entry.path(), entry.metadata()?)
        };
        n += if status.is_dir() { folder_bytes(&path)? } else { status.len() };
    }
    Ok(n)
}
