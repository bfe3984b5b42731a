//! calo-metrics
pub mod results;
