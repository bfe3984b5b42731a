//! The page of runs, epoch by epoch: figures, best epochs, divisors.

use std::fmt::Write as _;

use crate::html::frame::{grid, start};
use crate::html::{definitions, tables};
use crate::plots::{Figure, Section, run_name};
use crate::selection::Selection;
use crate::text::{escape, number};

const INTRODUCTION: &str = "Each Jensen-Shannon distance is divided by its mean over all epochs of all runs, \
    with and without post-processor; <i>S</i><sub>JSD</sub> is the mean over the observables. The epoch of the lowest one is the best.";

/// The whole document.
pub(crate) fn page(selection: &Selection, figures: &[Figure]) -> String {
    let detector = escape(&selection.detector.name);
    let mut page = start(&format!("{}: epochs", selection.detector.name), &selection.calo_version);
    let _ = writeln!(
        page,
        "<header>\n<h1>Which epoch is best?</h1>\n<p class=\"lead\">{} runs on showers in <b>{detector}</b>.</p>\n</header>\n\
         <section id=\"epochs\">\n<h2>Epochs</h2>\n<p>{INTRODUCTION}</p>",
        selection.runs.len()
    );
    page.push_str(&grid(Section::Epochs, figures));
    tables::open(&mut page, "Best epochs");
    page.push_str(
        "<thead><tr><th scope=\"col\">run</th><th scope=\"col\">best epoch</th><th scope=\"col\"><i>S</i><sub>JSD</sub></th>\
         <th scope=\"col\">KLD / nats</th><th scope=\"col\">seed</th></tr></thead>\n<tbody>\n",
    );
    for run in &selection.runs {
        let best = run.epochs.iter().find(|epoch| epoch.epoch == run.best_epoch);
        let _ = writeln!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&run_name(selection, run)),
            run.best_epoch,
            number(run.best_s_jsd, 3),
            number(best.and_then(|best| best.kld_nats).unwrap_or(f64::NAN), 3),
            run.seed
        );
    }
    tables::close(&mut page);
    page.push_str(&definitions::divisors(&selection.divisors));
    let _ = writeln!(
        page,
        "</section>\n<section id=\"provenance\">\n<h2>Provenance</h2>\n<p>calo {}, schema {}. All numbers are in \
         <code>selection.json</code>, every figure as SVG and PNG in <code>figures/</code>, next to this page.</p>\n</section>\n\
         </main>\n</body>\n</html>",
        escape(&selection.calo_version),
        selection.schema_version
    );
    page
}
