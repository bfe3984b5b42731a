//! calo-report
mod axis;
mod colour;
mod error;
pub mod figures;
mod html;
mod input;
mod names;
mod panel;
mod plots;
mod raster;
mod render;
mod style;
mod svg;
mod text;

pub use error::{Error, Result};
pub use input::{read_results, read_showers};
pub use raster::png;
pub use render::{ReportFiles, render};
pub use style::{Marker, SeriesStyle, Style};
pub use svg::FigureText;
