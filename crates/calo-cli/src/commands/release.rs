//! `calo release`: one epoch of a training, small enough to give to others.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use calo_latent::{Kde, Storage};
use calo_nn::candle::{DType, Device};
use calo_nn::parameters::checkpoint;
use calo_nn::training::ShowerModel;

use crate::provenance::without_folders;
use crate::run_folder::{EpochChoice, Released, RunFolder};
use crate::{density, output};

/// Copy what a trained model needs to be used by others: weights of one epoch in 16 bits, density, configuration, losses
///
/// The folder is read as any run's: `calo generate --run FOLDER` samples from its density. What only goes on with a training
/// is left out, and so are the folders of the paths in command lines.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a training
    #[arg(long, value_name = "FOLDER")]
    run: PathBuf,
    /// Epoch: best, or a number
    #[arg(long, default_value = "best", value_name = "best|N")]
    epoch: EpochChoice,
    /// Density of `calo density`, of the latent variables of that epoch
    #[arg(long, value_name = "FILE")]
    density: Option<PathBuf>,
    /// Keep at most so many points of the density as kernels, drawn by the seed
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    max_centres: u64,
    /// Seed of the points that are drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// New folder
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let (run, out) = (RunFolder::new(&args.run), RunFolder::new(&args.out));
    let mut description = run.describe()?;
    ensure!(
        description.released.is_none(),
        "{}: is a released model; expected the folder of a training",
        args.run.display()
    );
    let (weights, epoch) = run.weights_of(args.epoch)?;
    let blake3 = calo_core::hash_file(&weights)?;
    let kde = match &args.density {
        Some(path) => {
            let encoded = ShowerModel::load(&weights, &Device::Cpu, DType::F32)?.encoded();
            let kde = density::load(path, encoded, &blake3)?;
            Some(kde.reduced(usize::try_from(args.max_centres).unwrap_or(usize::MAX), args.seed)?)
        }
        None => None,
    };
    let place = args.out.display();
    let mut there = fs::read_dir(&args.out).into_iter().flatten();
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
        let bytes = fs::read(&from).with_context(|| format!("{}: cannot read it", from.display()))?;
        calo_core::write_atomically(&to, &bytes)?;
    }
    description.released = Some(Released { epoch, rounded_from_blake3: blake3 });
    description.command = without_folders(&description.command);
    description.data.path = without_folders(&description.data.path);
    if let Some(from) = &mut description.from {
        from.path = without_folders(&from.path);
    }
    let mut json = serde_json::to_vec_pretty(&description)?;
    json.push(b'\n');
    calo_core::write_atomically(&out.description(), &json)?;
    output::print(&format!(
        "epoch {epoch} of {} in 16 bits written to {place}, {:.1} MB in all\n",
        args.run.display(),
        folder_bytes(&args.out)? as f64 / 1e6
    ))
}

/// The weights as 16-bit floating-point numbers, which have 11 significant bits.
fn write_halves(from: &Path, to: &Path, blake3: &str) -> anyhow::Result<()> {
    let (tensors, mut metadata) = checkpoint::load(from, &Device::Cpu)?;
    let halves = tensors.into_iter().map(|(name, tensor)| Ok((name, tensor.to_dtype(DType::F16)?)));
    let halves = halves.collect::<anyhow::Result<Vec<_>>>()?;
    metadata.insert("rounded_from_blake3".to_owned(), blake3.to_owned());
    checkpoint::save(to, &halves, &metadata)
        .with_context(|| format!("{}: weights that 16 bits hold were expected", from.display()))
}

/// The density, tied to the rounded weights: rounding moves a latent variable by far less than a kernel is wide.
fn write_density(mut kde: Kde, out: &RunFolder, epoch: u32, blake3: &str) -> anyhow::Result<()> {
    let rounded = calo_core::hash_file(&out.weights(epoch))?;
    let texts = kde.provenance_mut();
    let short = std::mem::take(texts).into_iter().map(|(key, text)| (key, without_folders(&text)));
    *texts = short.collect::<BTreeMap<_, _>>();
    texts.insert("rounded_from_blake3".to_owned(), blake3.to_owned());
    texts.insert(density::WEIGHTS.to_owned(), rounded);
    Ok(kde.save(&out.density(), Storage::F16)?)
}

/// Bytes of all files in `folder`.
fn folder_bytes(folder: &Path) -> anyhow::Result<u64> {
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
