//! The figures, each a function from plain data and a [`Style`](crate::Style) to an SVG document.

mod cells;
mod curves;
mod distribution;
mod energy_scan;
mod event_display;
mod joint;
mod matrix;
mod projection;
mod ratio;
mod table;
mod unrolled;

pub use curves::{CurveData, CurvesPlot, Look, PlainCurve, curves};
pub use distribution::{Curve, DistributionPlot, Group, Series, Shade, TopAxis, distribution};
pub use energy_scan::{EnergyScan, ScanPoint, ScanSeries, energy_scan};
pub use event_display::{DRAWN_CELLS, Shower, ShowerPanel, event_display};
pub use joint::{JointPanel, JointPlot, joint};
pub use matrix::{MatrixKind, MatrixPlot, matrix};
pub use projection::{MeanImage, ProjectionPlot, projections};
pub use table::{CorrelationTable, correlation_table};
pub use unrolled::{UnrolledLayer, UnrolledPlot, unrolled};
