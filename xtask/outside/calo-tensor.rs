//! Differentiates a convolution twice.

use calo_tensor::autograd::{backward, input_gradient};
use calo_tensor::candle::{DType, Device, Tensor, Var};
use calo_tensor::layers::{Conv3d, ConvConfig};
use calo_tensor::parameters::Parameters;

fn main() -> Result<(), calo_tensor::Error> {
    #[expect(unsafe_code, reason = "the environment is how Candle is told")]
    // SAFETY: no other thread runs yet.
    unsafe {
        calo_tensor::init();
    }
    let parameters = Parameters::new(1, DType::F32, &Device::Cpu);
    let convolution = Conv3d::new(&parameters.path(), 1, ConvConfig::cubic(1, 2, 1, 0))?;
    let x = Var::from_tensor(&Tensor::ones((1, 1, 3, 3, 3), DType::F32, &Device::Cpu)?)?;
    let gradient = input_gradient(&convolution.forward(&x)?.sqr()?, &x)?;
    backward(&gradient.sum_all()?)?;
    Ok(())
}
