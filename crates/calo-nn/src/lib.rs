//! Tensor operations Candle lacks, layers, networks, losses and optimisers of calorimeter models.
//!
//! | module | holds |
//! | --- | --- |
//! | [`ops`] | 3-D convolutions, layer normalisation, sorting and others: differentiable twice or more, on CPU and CUDA |
//! | [`layers`] | layers with named, seeded weights |
//! | [`families`] | the models of the papers, one folder a family; their list |
//! | [`components`] | parts that several families share: post-processor, scaling, critics |
//! | [`losses`] | the losses of the papers, and latent optimisation |
//! | [`autograd`] | gradients, and gradients to be differentiated again |
//! | [`parameters`] | named, seeded weights; weights files; PyTorch checkpoints |
//! | [`optimiser`] | Adam, which can be saved and resumed exactly |
//! | [`engine`] | training of any family, and the trained model |
//! | [`device`] | processor or card, by name |
//! | [`cuda`] | the same operations on a GPU; precision there |
//!
//! A convolution and a layer normalisation, trained by one step of Adam; a store is reproducible by its seed:
//!
//! ```
//! use calo_nn::autograd::backward;
//! use calo_nn::candle::{DType, Device, Tensor};
//! use calo_nn::layers::{Conv3d, ConvConfig, LayerNorm};
//! use calo_nn::optimiser::{Adam, AdamConfig};
//! use calo_nn::parameters::Parameters;
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
//! # Ok::<(), calo_nn::Error>(())
//! ```

pub mod autograd;
pub mod components;
mod cpu;
pub mod cuda;
pub mod device;
pub mod engine;
mod error;
pub mod families;
pub mod layers;
pub mod losses;
pub mod ops;
pub mod optimiser;
pub mod parameters;

pub use error::{Error, Result};

/// Candle, at the version that this crate was built with.
pub use candle_core as candle;
