//! Models side by side: score against score, and score against time.

use calo_metrics::shortfall;

use crate::error::Result;
use crate::figures::{CurveData, CurvesPlot, Look, PlainCurve, curves};
use crate::joined::{EntryKind, Joined, JoinedEntry};
use crate::plots::figure::{Figure, Section, text};
use crate::style::Style;
use crate::text::plain;

/// Pairs of scores that are drawn where two entries have both: how sharp eyes see a model against how it covers the reference.
const PAIRS: [[&str; 2]; 5] = [
    ["fpd", "auc_features"],
    ["fpd", "auc_layers"],
    ["auc", "auc_layers"],
    ["precision", "recall"],
    ["separation_power", "auc_features"],
];

/// Draws every figure that two entries have numbers for.
///
/// # Errors
/// [`Error::Figure`](crate::Error::Figure) where the data do not fit together; checked files do.
pub(crate) fn figures(joined: &Joined, style: &Style) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for [x, y] in PAIRS {
        let value = |entry: &JoinedEntry, id| entry.score(id).and_then(|score| score.value);
        let point = |entry: &JoinedEntry| Some([value(entry, x)?, value(entry, y)?]);
        let labels = [label(joined, x), label(joined, y)];
        let plot = Plot { name: format!("{x}_{y}"), labels, log_x: false, point: &point };
        figures.extend(plot.draw(joined, style)?);
    }
    for (id, label) in joined.score_kinds() {
        if shortfall(id, 0.0).is_none() {
            continue;
        }
        let point = |entry: &JoinedEntry| Some([entry.milliseconds?, entry.score(id)?.value?]);
        let labels = ["milliseconds a shower".to_owned(), label.to_owned()];
        let plot = Plot { name: format!("time_{id}"), labels, log_x: true, point: &point };
        figures.extend(plot.draw(joined, style)?);
    }
    Ok(figures)
}

/// What is drawn against what.
struct Plot<'a> {
    name: String,
    labels: [String; 2],
    log_x: bool,
    point: &'a dyn Fn(&JoinedEntry) -> Option<[f64; 2]>,
}

impl Plot<'_> {
    /// None where fewer than two entries have both numbers.
    fn draw(&self, joined: &Joined, style: &Style) -> Result<Option<Figure>> {
        let mut drawn = Vec::new();
        let (mut n_candidates, mut low, mut high) = (0, f64::INFINITY, 0.0_f64);
        for entry in &joined.entries {
            let look = match entry.kind {
                EntryKind::Floor => Look::Reference,
                EntryKind::Candidate | EntryKind::Quoted => {
                    n_candidates += 1;
                    Look::Candidate(n_candidates - 1)
                }
            };
            let Some([x, y]) = (self.point)(entry).filter(|[x, _]| !self.log_x || *x > 0.0) else { continue };
            (low, high) = (low.min(x), high.max(x));
            let name = match entry.kind {
                EntryKind::Quoted => format!("{} (quoted)", entry.name),
                EntryKind::Floor | EntryKind::Candidate => entry.name.clone(),
            };
            drawn.push(PlainCurve {
                name,
                note: format!("{} / {}", plain(x), plain(y)),
                look,
                data: CurveData::Points(vec![[x, y, 0.0]]),
                faint_from: None,
            });
        }
        if drawn.len() < 2 {
            return Ok(None);
        }
        let [x_label, y_label] = &self.labels;
        let x_range = if self.log_x {
            [low / 2.0, high * 2.0]
        } else {
            let margin = 0.05 * (high - low).max(1e-3 * high.abs()).max(1e-9);
            [low - margin, high + margin]
        };
        let plot = CurvesPlot {
            text: text(
                &self.name,
                format!("{y_label} against {x_label}"),
                format!("{y_label} against {x_label}, one point a model."),
            ),
            x_label: x_label.clone(),
            y_label: y_label.clone(),
            x_range: Some(x_range),
            log_x: self.log_x,
            log_y: false,
            curves: drawn,
        };
        let caption = format!("{y_label} against {x_label}; in the legend {x_label}, then {y_label}.");
        let name = format!("compare_{}", self.name);
        Ok(Some(Figure::half(name, Section::Distributions, caption, curves(&plot, style)?)))
    }
}

fn label(joined: &Joined, id: &str) -> String {
    let kinds = joined.score_kinds();
    kinds
        .iter()
        .find(|(known, _)| *known == id)
        .map_or_else(|| id.to_owned(), |(_, label)| (*label).to_owned())
}
