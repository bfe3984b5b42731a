//! What Candle lacks for generative models of calorimeter showers: operations with any number of derivatives, their
//! kernels, layers, Adam, seeded weights and weights files.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ops`] | 3-D convolutions, layer normalisation, sorting and others: differentiable twice or more, on CPU and CUDA |
//! | [`layers`] | parameters with a name, and the operation that uses them |
//! | [`autograd`] | gradients, and gradients to be differentiated again |
//! | [`parameters`] | named, seeded weights; weights files; PyTorch checkpoints |
//! | [`optimiser`] | Adam, which can be saved and resumed exactly |
//! | [`device`] | CPU or GPU, by name |
//! | [`cuda`] | the same operations on a GPU; precision there |
//!
//! A program calls [`init`] first. A convolution and a layer normalisation, trained by one step of Adam; a store is
//! reproducible by its seed:
//!
//! ```
//! use calo_tensor::autograd::backward;
//! use calo_tensor::candle::{DType, Device, Tensor};
//! use calo_tensor::layers::{Conv3d, ConvConfig, LayerNorm};
//! use calo_tensor::optimiser::{Adam, AdamConfig};
//! use calo_tensor::parameters::Parameters;
//!
//! let parameters = Parameters::new(42, DType::F32, &Device::Cpu);
//! let config = ConvConfig::cubic(4, 3, 2, 1);
//! let convolution = Conv3d::new(&parameters.path().join("conv1"), 1, config)?;
//! let norm = LayerNorm::new(&parameters.path().join("bn1"), &config.size([6; 3])?)?;
//! let mut adam = Adam::new(vec![(parameters.trainable(), AdamConfig { rate: 1e-3, ..Default::default() })])?;
//!
//! let showers = Tensor::ones((2, 1, 6, 6, 6), DType::F32, &Device::Cpu)?;
//! let loss = norm.forward(&convolution.forward(&showers)?, 0.2)?.sqr()?.mean_all()?;
//! adam.step(&backward(&loss)?)?;
//! assert_eq!(parameters.state()[0].0, "conv1.weight");
//! # Ok::<(), calo_tensor::Error>(())
//! ```
#![deny(clippy::print_stdout, clippy::print_stderr, reason = "a library returns what it has to say")]

mod arguments;
pub mod autograd;
mod cpu;
pub mod cuda;
pub mod device;
mod error;
mod init;
pub mod layers;
pub mod ops;
pub mod optimiser;
pub mod parameters;

pub use error::{Error, Result};
pub use init::init;

/// Candle, at the version that this crate was built with.
pub use candle_core as candle;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
