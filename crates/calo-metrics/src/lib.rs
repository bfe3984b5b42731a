//! calo-metrics
mod bootstrap;
pub mod distance;
mod error;
mod histogram;
mod observables;
mod random;
mod resolution;
pub mod results;

pub use bootstrap::{BootstrapSettings, bootstrap_error};
pub use error::{Error, Index, Result};
pub use histogram::{Axis, Histogram, Spacing};
pub use observables::{Column, ObservableSettings, ObservableTable, ShowerStart, observables};
pub use resolution::{MIN_VALUES, Resolution, resolution90};
