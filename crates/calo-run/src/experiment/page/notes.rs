//! What stands below the table: what its numbers mean, how the divisors came about, what could not be computed.

use std::fmt::Write as _;

use calo_metrics::results::{Estimate, Gap};

use super::combined;
use crate::experiment::description::Experiment;
use crate::experiment::seed::ValidatedRun;
use crate::experiment::table::{Column, Table};

/// What the numbers mean, and what stands beside them.
pub(super) fn notes(table: &Table, experiment: &Experiment) -> String {
    let mut text = String::new();
    let errors = if table.seeds.len() > 1 {
        "mean and standard deviation over the seeds"
    } else {
        "the value and its bootstrap error"
    };
    let _ = writeln!(
        text,
        "Numbers are {errors}. {}{}{}The floor is one half of the reference against the other.{}",
        divisors(table),
        experiment.note.trim(),
        if experiment.note.trim().is_empty() { "" } else { " " },
        halves(table)
    );
    let windows = |column: &Column| column.mu90.iter().chain(&column.n_hits).any(|offset| offset.from_window);
    if table.seeds.iter().flat_map(|row| &row.configurations).any(windows) {
        let _ = writeln!(
            text,
            "\\* not from files of that energy: showers of the full spectrum within 2 GeV, scaled to it."
        );
    }
    let rho: Vec<f64> = table.seeds.iter().filter_map(|row| row.top_variable_cog_z).collect();
    if let Some(page) = experiment.latent_pages.first()
        && !rho.is_empty()
    {
        let rho: Vec<String> = rho.iter().map(|rho| format!("{:.2}", rho.abs())).collect();
        let label = experiment.run_index(&page.run).map_or("", |index| experiment.runs[index].label.as_str());
        let _ = writeln!(
            text,
            "\nCorrelation |ρ| of the latent variable of the highest KLD with the centre of gravity z ({label}): {}{}.",
            rho.join(", "),
            in_paper(page.published_cog_z.as_ref())
        );
    }
    let repeated = experiment.runs.iter().find(|run| run.repeated);
    let (label, published) =
        repeated.map_or(("", None), |run| (run.label.as_str(), run.published_s_jsd.as_ref()));
    for row in table.seeds.iter().filter(|row| row.repeated_s_jsd.len() > 1) {
        let s_jsd = combined(std::iter::once(Estimate::over(&row.repeated_s_jsd)), 2);
        let best = row.repeated_s_jsd.iter().copied().fold(f64::INFINITY, f64::min);
        let _ = writeln!(
            text,
            "\nSeed {}: {} runs of {label}, S_JSD of the best epochs against validation showers {s_jsd}{}; \
             the best, {best:.2}, is used.",
            row.seed,
            row.repeated_s_jsd.len(),
            in_paper(published)
        );
    }
    for row in &table.seeds {
        for (run, why) in &row.died {
            let _ = writeln!(text, "\nSeed {}: run {run} did not recover: {why}.", row.seed);
        }
        // Windows of the full spectrum with few showers are no part of this table; the report names them too.
        let is_shown = |gap: &&Gap| !gap.what.contains("mu90") && !gap.what.contains(", splits: ");
        for gap in row.gaps.iter().filter(is_shown) {
            let _ = writeln!(text, "\nSeed {}: not given: {}: {}.", row.seed, gap.what, gap.why);
        }
    }
    text
}

/// How the divisors of S_JSD came about: which epochs, which sampling, how many showers.
fn divisors(table: &Table) -> String {
    let Some(origin) = table.seeds.first().map(|row| &row.divisors) else { return String::new() };
    let run = |run: &ValidatedRun| match run.epochs[..] {
        [] => format!("none of {}", run.name),
        [only] => format!("{only} of {}", run.name),
        [first, .., last] => format!("{} from {first} to {last} of {}", run.epochs.len(), run.name),
    };
    let runs = origin.runs.iter().map(run).collect::<Vec<_>>().join(", ");
    let showers = origin.n_showers.map_or_else(
        || "validation showers".to_owned(),
        |n| format!("{n} validation showers of the full spectrum"),
    );
    format!(
        "S_JSD divides each distance by its mean over {} comparisons: all validated epochs of all runs ({runs}), at every stage of \
         their networks, latent variables from the prior, with {showers} and as many of the model. ",
        origin.n_comparisons
    )
}

/// At which number of showers candidates and floor compare.
fn halves(table: &Table) -> String {
    let n = table.seeds.iter().find_map(|row| row.n_of_halves);
    n.map_or_else(String::new, |n| {
        format!(
            " Candidates compare with it in the row of half the showers: {n} of the full spectrum on each side, averaged over \
             random splits, whose errors leave out the fluctuation of the files."
        )
    })
}

/// A published number behind ours.
fn in_paper(published: Option<&String>) -> String {
    published.map(|published| format!(" (paper: {published})")).unwrap_or_default()
}
