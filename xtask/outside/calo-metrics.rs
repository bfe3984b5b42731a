//! Fills a histogram.

use calo_metrics::{Axis, Histogram, roc_auc};

fn main() -> calo_metrics::Result<()> {
    let mut histogram = Histogram::new(Axis::log(30, 0.1, 10.0)?);
    histogram.fill(1.0, 1.0);
    roc_auc(&[0.1, 0.4], &[0.35, 0.8])?;
    Ok(())
}
