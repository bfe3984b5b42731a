//! The weights of a network: named, in order, and the same for the same seed.
//!
//! Candle's `VarMap` iterates in another order each run and draws from a generator that cannot be seeded. Here a
//! parameter's values depend on the seed and on its place in the order of creation alone, so a network is the same
//! on every machine and device; its names are those of PyTorch's state dictionaries.
//!
//! | module | holds |
//! | --- | --- |
//! | `store` | [`Parameters`]: the named variables |
//! | `path` | [`Path`]: the tree of names, from which networks take their parameters |
//! | `init`, `start` | [`Init`]: how a weight starts, and the variable drawn from that |
//! | `builder`, `var_builder` | Candle's `VarBuilder`, both ways |
//! | `check` | [`check_names`], [`check_shape`]: names and shapes that have to be the expected ones |
//! | [`checkpoint`] | weights files |
//! | `import` | [`read_pytorch`]: checkpoints of PyTorch |

mod builder;
mod check;
pub mod checkpoint;
mod import;
mod init;
mod path;
mod start;
mod store;
mod var_builder;

pub use check::{check_names, check_shape};
pub use import::{Imported, read_pytorch};
pub use init::Init;
pub use path::Path;
pub use store::Parameters;
