//! `calo select`: which epoch of which training is best, all judged by the same divisors.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use calo_metrics::results::{ById, DetectorInfo, Divisors};
use calo_report::selection::{SCHEMA_VERSION, SelectedEpoch, SelectedRun, Selection};
use comfy_table::{Table, presets};

use crate::args::NamedFile;
use crate::files::write_json;
use crate::model::detector_info;
use crate::output;
use crate::provenance::VERSION;
use crate::run_folder::{RunFolder, Validated, area_divisors, best_of, divisors, score};

/// A distance that is nearer to zero in all epochs says nothing of them, and would blow up every score.
const LEAST_DIVISOR: f64 = 1e-9;

/// Choose the best epoch of each training by the fidelity score S_JSD
///
/// The distances of every validated epoch are divided by their means over all epochs of all trainings given, with and
/// without post-processor. selection.json holds these divisors, and those of area differences, for `calo evaluate
/// --divisors`, the scores and the best epochs; a page and figures show them.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Folder of a training; may be given again
    #[arg(long = "run", value_name = "[NAME=]FOLDER", required = true)]
    runs: Vec<NamedFile>,
    /// Folder for selection.json, selection.html and figures/
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let runs = args.runs.iter().map(Run::read).collect::<anyhow::Result<Vec<_>>>()?;
    let selection = select(&runs)?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot create the folder", args.out.display()))?;
    write_json(&args.out.join("selection.json"), &selection)?;
    let files = calo_report::render_selection(&args.out)?;
    output::print(&format!("{}\n{}\n", table(&selection), files.html.display()))
}

/// What a run folder says of its epochs.
struct Run {
    name: String,
    folder: RunFolder,
    seed: u64,
    beta_kld: Option<f64>,
    detector: DetectorInfo,
    validated: Vec<Validated>,
}

impl Run {
    fn read(named: &NamedFile) -> anyhow::Result<Self> {
        let folder = RunFolder::new(&named.path);
        let description = folder.describe()?;
        let validated = folder.validated()?;
        ensure!(
            !validated.is_empty(),
            "{}: no epoch was validated; expected at least one",
            folder.validation().display()
        );
        Ok(Self {
            name: named.name.clone(),
            seed: description.seed,
            beta_kld: beta_kld(&folder.config())?,
            detector: detector_info(&folder.detector()?),
            validated,
            folder,
        })
    }

    /// Scores of all epochs, and the best of those that were kept.
    fn selected(&self, divisors: &ById) -> anyhow::Result<SelectedRun> {
        let is_kept = |epoch: &&Validated| self.folder.weights(epoch.epoch).is_file();
        // Where a post-processor has a stage of its own, epochs before that are no candidates.
        let has_post_processor = self.validated.iter().any(|epoch| epoch.jsd.post_processed.is_some());
        let is_candidate = |epoch: &&Validated| epoch.jsd.post_processed.is_some() == has_post_processor;
        let candidates = self.validated.iter().filter(is_kept).filter(is_candidate);
        let best = best_of(candidates, divisors).with_context(|| {
            format!("{}: no weights of a validated epoch; expected some kept", self.folder.path().display())
        })?;
        let epoch = |validated: &Validated| SelectedEpoch {
            epoch: validated.epoch,
            step: validated.step,
            kept: is_kept(&validated),
            s_jsd_raw: score(&validated.jsd.raw, divisors),
            s_jsd_post_processed: validated.jsd.post_processed.as_ref().map(|jsd| score(jsd, divisors)),
            kld_nats: validated.kld_nats.iter().sum(),
        };
        Ok(SelectedRun {
            name: self.name.clone(),
            path: self.folder.path().display().to_string(),
            seed: self.seed,
            beta_kld: self.beta_kld,
            best_epoch: best.epoch,
            best_s_jsd: score(best.jsd.last(), divisors),
            epochs: self.validated.iter().map(epoch).collect(),
        })
    }
}

/// The weight of the divergence in the configuration of a run; absent where another kind of model has none.
fn beta_kld(config: &Path) -> anyhow::Result<Option<f64>> {
    let place = config.display();
    let text = std::fs::read_to_string(config).with_context(|| format!("{place}: cannot read it"))?;
    let config: toml::Table = text.parse().with_context(|| format!("{place}: is no TOML"))?;
    let losses = config.get("training").and_then(|training| training.get("losses"));
    Ok(losses.and_then(|losses| losses.get("kld")).and_then(toml::Value::as_float))
}

fn select(runs: &[Run]) -> anyhow::Result<Selection> {
    let first = runs.first().context("no training; expected --run")?;
    let n_showers = first.validated[0].n_showers;
    for run in runs {
        let place = run.folder.path().display();
        let other = first.folder.path().display();
        ensure!(
            run.detector == first.detector,
            "{place}: trained for detector {}; expected {}, as {other}",
            run.detector.name,
            first.detector.name
        );
        let differing = run.validated.iter().find(|epoch| epoch.n_showers != n_showers);
        ensure!(
            differing.is_none(),
            "{place}: validated with {} showers; expected {n_showers}, as {other}: distances fall with their number",
            differing.map_or(n_showers, |epoch| epoch.n_showers)
        );
    }
    let validated = || runs.iter().flat_map(|run| &run.validated);
    let (jsd, area_difference) = (divisors(validated()), area_divisors(validated()));
    ensure!(
        !jsd.is_empty(),
        "{}: no distance that all epochs of all trainings have; expected those of at least one observable",
        first.folder.validation().display()
    );
    let all = jsd.iter().chain(area_difference.iter().flat_map(ById::iter));
    for (id, mean) in all {
        ensure!(
            mean.is_finite() && mean > LEAST_DIVISOR,
            "{}: distances of {id} with a mean of {mean:?}; expected finite numbers above 0",
            first.folder.validation().display()
        );
    }
    let n_comparisons = validated().map(|epoch| epoch.jsd.all().count()).sum();
    let selected = runs.iter().map(|run| run.selected(&jsd)).collect::<anyhow::Result<_>>()?;
    Ok(Selection {
        schema_version: SCHEMA_VERSION,
        calo_version: VERSION.trim_start_matches("calo ").to_owned(),
        detector: first.detector.clone(),
        divisors: Divisors { jsd, area_difference, n_comparisons },
        runs: selected,
    })
}

/// A line a training.
fn table(selection: &Selection) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    table.set_header(["training", "seed", "epochs", "best epoch", "S_JSD", "KLD / nats"]);
    for run in &selection.runs {
        let best = run.epochs.iter().find(|epoch| epoch.epoch == run.best_epoch);
        let better = run.epochs.iter().any(|epoch| !epoch.kept && epoch.s_jsd() < run.best_s_jsd);
        table.add_row([
            run.name.clone(),
            run.seed.to_string(),
            run.epochs.len().to_string(),
            format!("{}{}", run.best_epoch, if better { " (a better one was not kept)" } else { "" }),
            format!("{:.3}", run.best_s_jsd),
            best.map_or_else(String::new, |best| format!("{:.1}", best.kld_nats)),
        ]);
    }
    table
}
