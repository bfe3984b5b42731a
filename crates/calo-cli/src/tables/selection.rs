//! The best epoch of each run as a table for the terminal.

use calo_report::selection::Selection;
use comfy_table::{Table, presets};

/// A line a run.
pub(crate) fn selection(selection: &Selection) -> Table {
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
            best.and_then(|best| best.kld_nats).map_or_else(String::new, |nats| format!("{nats:.1}")),
        ]);
    }
    table
}
