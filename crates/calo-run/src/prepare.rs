//! Showers from one file to another: layout, projection of raw hits, pooling, filters, splits.

mod convert;
mod filter;
mod pool;
mod project;
mod split;

pub use convert::{ConvertRequest, Converted, convert};
pub use filter::{FilterRequest, Filtered, PunchThroughRule, filter};
pub use pool::{PoolRequest, Pooled, pool};
pub use project::{ProjectRequest, Projected, project};
pub use split::{SplitRequest, split};
