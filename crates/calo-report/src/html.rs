use calo_metrics::results::Results;
use crate::plots::Figure;
pub(crate) fn page(_results: &Results, figures: &[Figure]) -> String {
    figures.iter().map(|f| f.svg.as_str()).collect()
}
