//! `calo train`: a model, in a run folder that holds all that is needed to resume.

use std::path::PathBuf;

use calo_run::files::FixedEnergyFile;
use calo_run::monitor::Caller;
use calo_run::train::{TrainRequest, Trained, train};

use crate::options::DeviceOptions;
use crate::{args, output};

/// Train a generative network on showers
///
/// CONFIG describes the run entirely; `--set` overrides a field of it. RUN keeps the configuration, all losses
/// (log.jsonl, and the same for TensorBoard), how each epoch compares with validation showers (validation.jsonl), the
/// weights of each epoch, and the whole state: interrupted or killed, the same command with --resume continues from the last
/// checkpoint, on a CPU with the same bits as if nothing had happened.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Description of the run, TOML
    config: PathBuf,
    /// Showers; a part of them is trained on, others validate
    #[arg(long, value_name = "FILE")]
    data: PathBuf,
    /// Folder of the run
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Resume the run in this folder, or begin it
    #[arg(long)]
    resume: bool,
    /// Begin with the weights of another run of the same networks: its folder, where the last checkpoint has all of them,
    /// or the weights file of an epoch, without critics
    #[arg(long, value_name = "FOLDER|FILE")]
    from: Option<PathBuf>,
    /// Another value for a field, for example `losses.kld=0.4`, or none for its default; may be given again
    #[arg(long = "set", value_name = "NAME=VALUE")]
    overrides: Vec<String>,
    /// Showers to validate with, full spectrum, instead of the validation part of the data
    #[arg(long, value_name = "FILE")]
    validation: Option<PathBuf>,
    /// Showers of one energy in GeV to validate with; may be given again
    #[arg(long, value_name = "ENERGY=FILE")]
    validation_at: Vec<args::FixedEnergyFile>,
    #[command(flatten)]
    compute: DeviceOptions,
}

pub(crate) fn run(args: &Args, caller: Caller<'_>) -> anyhow::Result<()> {
    let fixed = |file: &args::FixedEnergyFile| FixedEnergyFile {
        energy_gev: file.energy_gev,
        path: file.path.clone(),
    };
    let request = TrainRequest {
        config: args.config.clone(),
        overrides: args.overrides.clone(),
        data: args.data.clone(),
        out: args.out.clone(),
        resume: args.resume,
        from: args.from.clone(),
        validation: args.validation.clone(),
        validation_at: args.validation_at.iter().map(fixed).collect(),
        compute: args.compute.compute(),
    };
    let trained = train(&request, caller)?;
    output::print(&summary(&trained, args))
}

fn summary(trained: &Trained, args: &Args) -> String {
    let (path, epochs) = (args.out.display(), trained.n_epochs);
    if trained.had_finished {
        return format!("{path}: finished after {epochs} epochs\n");
    }
    let mut text =
        format!("{path}: {epochs} epochs, {} steps, {} weights\n", trained.n_steps, trained.n_weights);
    if let Some(best) = &trained.best {
        text += &format!("best epoch {}: ", best.epoch);
        text += &match best.mean_divergence {
            Some(divergence) => format!("mean divergence {divergence:.4}"),
            None => {
                let jsd = best.jsd.last();
                #[expect(clippy::cast_precision_loss, reason = "a few observables")]
                let mean = jsd.values().sum::<f64>() / jsd.len() as f64;
                format!("mean distance {mean:.3}")
            }
        };
        // A family without latent variables has no divergence.
        if !best.kld_nats.is_empty() {
            text += &format!(", {:.1} nats", best.kld_nats.iter().sum::<f64>());
        }
        text.push('\n');
    }
    text
}
