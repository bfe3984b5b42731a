//! Square root whose derivative at 0 is 0: norms and standard deviations of what may vanish.

use candle_core::Tensor;

use crate::Result;

/// Square root of each element; at exactly 0 the value is 0 and so are all derivatives (PyTorch's choice for norms),
/// where the plain square root gives infinity times zero.
///
/// Nothing is added to the radicand, so elsewhere the result is exact; NaN stays NaN.
///
/// # Errors
/// Candle's, for other than floating-point numbers.
pub fn sqrt_or_zero(x: &Tensor) -> Result<Tensor> {
    let zero = x.zeros_like()?;
    let vanishes = x.eq(&zero)?;
    // The root is taken of 1 where x is 0: what is not chosen must have a finite derivative too.
    let root = vanishes.where_cond(&x.ones_like()?, x)?.sqrt()?;
    Ok(vanishes.where_cond(&zero, &root)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use crate::autograd;

    #[test]
    fn derivatives_at_zero_are_zero_and_elsewhere_those_of_the_root() {
        let x = Var::from_tensor(&Tensor::new(&[0.0_f64, 4.0, 0.25], &Device::Cpu).unwrap()).unwrap();
        let first = autograd::input_gradient(&sqrt_or_zero(&x).unwrap(), &x).unwrap();
        assert_eq!(first.to_vec1::<f64>().unwrap(), [0.0, 0.25, 1.0]);
        let second = autograd::backward(&first.sum_all().unwrap()).unwrap();
        assert_eq!(second.get(&x).unwrap().to_vec1::<f64>().unwrap(), [0.0, -1.0 / 32.0, -2.0]);
        let nan = sqrt_or_zero(&Tensor::new(&[f64::NAN], &Device::Cpu).unwrap()).unwrap();
        assert!(nan.to_vec1::<f64>().unwrap()[0].is_nan());
    }
}
