//! What samples are worth, as a table for the terminal.

use calo_report::amplification::Amplification;
use comfy_table::{Table, presets};

/// A line an observable, a column a sample; what is missing below.
pub(crate) fn amplification(found: &Amplification) -> String {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    let names = found.samples.iter().map(|sample| sample.name.clone());
    table.set_header(std::iter::once("independent showers over training set".to_owned()).chain(names));
    let sizes = found.samples.iter().map(|sample| format!("{} / {}", sample.n_showers, sample.n_train));
    table.add_row(std::iter::once("showers, of the training set".to_owned()).chain(sizes));
    for observable in &found.observables {
        let factor = |sample: usize| {
            let curve = observable.curves.iter().find(|curve| curve.sample == sample);
            curve.and_then(|curve| curve.factor).map_or_else(|| "-".to_owned(), |factor| factor.to_string())
        };
        let factors = (0..found.samples.len()).map(factor);
        table.add_row(std::iter::once(observable.label.clone()).chain(factors));
    }
    let mut text = format!(
        "{table}\nin brackets one error down and up, and the number of quantiles; * rests on more or fewer independent \
         showers than there were; ∞: no further from the truth than its own fluctuations make\n"
    );
    for gap in &found.gaps {
        text += &format!("note: {}: {}\n", gap.what, gap.why);
    }
    text
}
