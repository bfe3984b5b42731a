//! What the discriminator is told of an image besides its cells: the observables by which physicists compare showers.

use candle_core::{D, DType, Tensor};

use crate::Result;

/// Number of observables.
pub(super) const N_OBSERVABLES: usize = 4;

/// Least energy that a centre of gravity is divided by, MeV.
const LEAST_ENERGY_MEV: f64 = 1e-3;

/// Visible energy, highest cell (MeV), centre of gravity along x and y (cells) of each image.
///
/// # Shapes
/// `[n, 1, x, y]` MeV, none negative -> `[n, 4]`
pub(super) fn observables(images_mev: &Tensor) -> Result<Tensor> {
    let (_, _, nx, ny) = images_mev.dims4()?;
    let visible = images_mev.flatten_from(1)?.sum_keepdim(D::Minus1)?;
    let peak = images_mev.flatten_from(1)?.max_keepdim(D::Minus1)?;
    let divisor = (&visible + LEAST_ENERGY_MEV)?;
    let centre = |axis: usize, n: usize| -> Result<Tensor> {
        // What is left of the other axis is summed over.
        let profile = images_mev.squeeze(1)?.sum(3 - axis)?;
        let index = Tensor::arange(0, n as u32, images_mev.device())?.to_dtype(DType::F64)?;
        let index = index.to_dtype(images_mev.dtype())?;
        Ok(profile.broadcast_mul(&index)?.sum_keepdim(D::Minus1)?.div(&divisor)?)
    };
    Ok(Tensor::cat(&[&visible, &peak, &centre(1, nx)?, &centre(2, ny)?], 1)?)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn energies_and_centres_are_those_of_the_image() {
        let mut cells = vec![0.0_f64; 12];
        cells[4 + 2] = 6.0;
        cells[8 + 1] = 2.0;
        let image = Tensor::from_vec(cells, (1, 1, 3, 4), &Device::Cpu).unwrap();
        let found: Vec<Vec<f64>> = observables(&image).unwrap().to_vec2().unwrap();
        for (found, expected) in found[0].iter().zip([8.0, 6.0, 1.25, 1.75]) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
        let empty = Tensor::zeros((2, 1, 3, 4), DType::F64, &Device::Cpu).unwrap();
        assert_eq!(observables(&empty).unwrap().to_vec2::<f64>().unwrap(), vec![vec![0.0; 4]; 2]);
    }
}
