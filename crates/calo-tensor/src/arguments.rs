//! What an operation tells its kernels, whether they run on a CPU or a GPU.
//!
//! | module | holds |
//! | --- | --- |
//! | `adam` | [`AdamUpdate`]: the numbers of one step of Adam |
//! | `conv3d` | [`Geometry`](conv3d::Geometry), [`Product`](conv3d::Product): shapes and products of a convolution |
//! | `sorted_mmd` | [`SortedMmd`]: windows and kernel of the sorted-kernel MMD |

mod adam;
pub(crate) mod conv3d;
mod sorted_mmd;

pub(crate) use adam::AdamUpdate;
pub use sorted_mmd::SortedMmd;
