//! `calo encode`: latent variables of showers, beside their observables.

use std::path::PathBuf;

use anyhow::Context;
use calo_core::ShowerBatch;
use calo_core::random::Purpose;
use calo_metrics::{ObservableTable, observables};
use calo_nn::candle::Tensor;
use calo_nn::training::standard_normal;

use crate::commands::evaluate::sample_settings;
use crate::files::{InputOptions, Out};
use crate::latent_file::{LatentBatch, LatentWriter};
use crate::model::{self, BATCH, Encoded, LoadedModel, ModelOptions};
use crate::parts::{self, ChosenShowers, PartChoice};
use crate::progress::Progress;
use crate::provenance::Input;
use crate::{interrupt, output, provenance};

/// Noise of sampled z.
const NOISE: Purpose = Purpose::new("encoder noise");

/// Showers that are read at a time.
const READ: usize = 512;

/// Encode showers with a trained model: means, variances and samples of their latent variables
///
/// Shower i of the file is sampled with noise that depends on the seed and i alone.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    model: ModelOptions,
    /// Shower file
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Part of it: train, validation, test (of the file that the run was trained on) or all; train of the run's own
    /// file, all of another, unless told
    #[arg(long, value_name = "PART")]
    part: Option<PartChoice>,
    /// Another seed draws other z
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    from: InputOptions,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let model = args.model.load()?;
    let mut attributes = provenance::attributes_of(&[Input::File(args.data.clone()), model.weights.clone()])?;
    let blake3 = provenance::input_hash(&attributes, 0).context("the data's hash is missing")?.to_owned();
    let own = parts::is_own(&model, &blake3);
    let part =
        args.part.unwrap_or(if own { PartChoice::Part(calo_data::Part::Train) } else { PartChoice::All });
    let mut showers = parts::open(&model, &args.data, &blake3, &args.from, part)?;
    let n_variables = model.networks.encoded();
    attributes.extend(
        [
            ("run", model.shown()),
            ("model", model.description.name.clone()),
            ("epoch", model.epoch.to_string()),
            ("weights_blake3", model.weights_blake3.clone()),
            ("part", showers.part.to_string()),
            ("seed", args.seed.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let mut writer = LatentWriter::create(&args.out.out, n_variables, &attributes)?;
    for_each_encoded(&model, &mut showers, args.seed, |batch| Ok(writer.write(batch)?))?;
    writer.finish()?;
    output::print(&format!(
        "{} showers ({}) encoded in {n_variables} variables by epoch {} written to {}\n",
        showers.indices.len(),
        showers.part,
        model.epoch,
        args.out.out.display()
    ))
}

/// Hands the latent variables and observables of every chosen shower to `consume`, a batch at a time.
pub(crate) fn for_each_encoded(
    model: &LoadedModel,
    showers: &mut ChosenShowers,
    seed: u64,
    mut consume: impl FnMut(&LatentBatch<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let settings = sample_settings(&model.detector, 0, seed)?.observables;
    let mut progress = Progress::new("encoding", Some(showers.indices.len() as u64));
    let mut batch = ShowerBatch::empty(showers.source.grid());
    let mut n_done = 0;
    while showers.source.next_batch(READ, &mut batch)? {
        for first in (0..batch.len()).step_by(BATCH) {
            interrupt::check()?;
            let rows = first..(first + BATCH).min(batch.len());
            let cells_mev = batch.cells_mev.slice(ndarray::s![rows.clone(), .., .., ..]);
            let energies_gev = &batch.energies_gev[rows.clone()];
            let numbers = &showers.indices[n_done..n_done + rows.len()];
            let encoded = encode(model, cells_mev, energies_gev, numbers, seed)?;
            let observables: ObservableTable = observables(cells_mev, energies_gev, &settings)?;
            consume(&LatentBatch {
                showers: numbers,
                energies_gev,
                encoded: &encoded,
                observables: &observables,
            })?;
            n_done += rows.len();
            progress.advance(rows.len());
        }
    }
    Ok(())
}

/// Encodes showers, each with the noise of its number in the file.
fn encode(
    model: &LoadedModel,
    cells_mev: ndarray::ArrayView4<'_, f32>,
    energies_gev: &[f64],
    numbers: &[u64],
    seed: u64,
) -> anyhow::Result<Encoded> {
    let rows = numbers
        .iter()
        .map(|&number| {
            standard_normal((seed, NOISE), number, (1, model.networks.encoded()), model.networks.device())
        })
        .collect::<calo_nn::Result<Vec<_>>>()?;
    let noise = Tensor::cat(&rows, 0)?;
    model::encode(&model.networks, cells_mev, energies_gev, &noise)
}
