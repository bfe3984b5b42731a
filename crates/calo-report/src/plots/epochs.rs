//! Runs epoch by epoch: decoding-photons' figure 9.

use crate::error::Result;
use crate::figures::{CurveData, CurvesPlot, Look, PlainCurve, curves};
use crate::plots::figure::{Figure, Section, text};
use crate::selection::{SelectedEpoch, SelectedRun, Selection};
use crate::style::Style;
use crate::text::{fixed, plain};

/// S_JSD, with and without post-processor, and the divergence of the latent variables after every validated epoch.
///
/// # Errors
/// [`Error::Figure`](crate::Error::Figure) where the data do not fit together; a checked selection does.
pub(crate) fn figures(selection: &Selection, style: &Style) -> Result<Vec<Figure>> {
    Ok(vec![scores(selection, style)?, divergences(selection, style)?])
}

fn scores(selection: &Selection, style: &Style) -> Result<Figure> {
    let mut lines = Vec::new();
    for (index, run) in selection.runs.iter().enumerate() {
        let name = run_name(selection, run);
        let note = format!("best: epoch {}, {}", run.best_epoch, fixed(run.best_s_jsd, 2));
        let has_stages = run.epochs.iter().any(|epoch| epoch.s_jsd_post_processed.is_some());
        if has_stages {
            let processed = points(run, |epoch| epoch.s_jsd_post_processed);
            lines.push(curve(name.clone(), note, Look::Candidate(index), processed));
            let name = format!("{name}, without post-processor");
            lines.push(curve(
                name,
                String::new(),
                Look::Pale(index),
                points(run, |epoch| Some(epoch.s_jsd_raw)),
            ));
        } else {
            lines.push(curve(name, note, Look::Candidate(index), points(run, |epoch| Some(epoch.s_jsd_raw))));
        }
    }
    let best: Vec<_> = selection.runs.iter().map(|run| format!("epoch {}", run.best_epoch)).collect();
    let plot = CurvesPlot {
        text: text(
            "s_jsd_epochs",
            "Fidelity score after each epoch",
            format!("S_JSD of {} runs; best: {}.", selection.runs.len(), best.join(", ")),
        ),
        x_label: "epoch".to_owned(),
        y_label: "fidelity score S_JSD".to_owned(),
        x_range: Some(epoch_range(selection)),
        log_x: false,
        log_y: false,
        curves: lines,
    };
    let caption = "S_JSD of showers sampled from N(0, 1) against validation showers: the mean of the six distances, each over \
        its mean over all epochs shown, with and without post-processor. Lower is better, 1 is average.";
    Ok(Figure::half("s_jsd_epochs", Section::Epochs, caption, curves(&plot, style)?))
}

fn divergences(selection: &Selection, style: &Style) -> Result<Figure> {
    let curve_of = |(index, run): (usize, &SelectedRun)| {
        let last = run.epochs.last().and_then(|epoch| epoch.kld_nats).unwrap_or(0.0);
        let note = format!("{} nats at the end", fixed(last, 1));
        curve(run_name(selection, run), note, Look::Candidate(index), points(run, |epoch| epoch.kld_nats))
    };
    let plot = CurvesPlot {
        text: text(
            "kld_epochs",
            "Encoded information after each epoch",
            format!("KLD of the latent variables of {} runs.", selection.runs.len()),
        ),
        x_label: "epoch".to_owned(),
        y_label: "summed KLD [nats]".to_owned(),
        x_range: Some(epoch_range(selection)),
        log_x: false,
        log_y: false,
        curves: selection.runs.iter().enumerate().map(curve_of).collect(),
    };
    let caption = "Kullback-Leibler divergence of the encoded variables from N(0, 1), summed over them, averaged over the \
        validation showers.";
    Ok(Figure::half("kld_epochs", Section::Epochs, caption, curves(&plot, style)?))
}

fn curve(name: String, note: String, look: Look, points: Vec<[f64; 3]>) -> PlainCurve {
    PlainCurve { name, note, look, data: CurveData::Points(points), faint_from: None }
}

fn points(run: &SelectedRun, quantity: impl Fn(&SelectedEpoch) -> Option<f64>) -> Vec<[f64; 3]> {
    run.epochs.iter().filter_map(|epoch| Some([f64::from(epoch.epoch), quantity(epoch)?, 0.0])).collect()
}

/// From 0 to the last epoch of all, with room for a marker.
fn epoch_range(selection: &Selection) -> [f64; 2] {
    let last = selection.runs.iter().flat_map(|run| &run.epochs).map(|epoch| epoch.epoch).max().unwrap_or(1);
    [0.0, f64::from(last) * 1.02 + 0.2]
}

/// The paper distinguishes runs by β; where several share one, their names are added.
pub(crate) fn run_name(selection: &Selection, run: &SelectedRun) -> String {
    let Some(beta) = run.beta_kld else { return run.name.clone() };
    let same = |other: &&SelectedRun| other.beta_kld.is_some_and(|other| other.total_cmp(&beta).is_eq());
    let beta = plain(beta);
    if selection.runs.iter().filter(same).count() > 1 {
        format!("β = {beta} ({})", run.name)
    } else {
        format!("β = {beta}")
    }
}
