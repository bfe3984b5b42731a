//! Makes a tensor on the CPU.

use calo_nn::candle::{DType, Device, Tensor};

fn main() -> Result<(), calo_nn::candle::Error> {
    println!("{}", Tensor::zeros((2, 3), DType::F32, &Device::Cpu)?);
    Ok(())
}
