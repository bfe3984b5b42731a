//! Latent optimisation: points moved to where a critic scores them higher.

use ndarray::{Array2, ArrayView2, Axis, NdFloat, Zip};

use crate::error::{Error, Result};

/// One step of natural gradient ascent: z + alpha g / (beta + |g|^2), clamped to [-1, 1].
///
/// The norm is that of each sample's own gradient: |g|^2 estimates the curvature, so that steps shorten as gradients
/// grow, and |step| is at most alpha / (2 sqrt(beta)). It is summed in f64. Networks need the step on tensors, with
/// derivatives: that form is in `calo-nn`, whose tests compare it with this one.
///
/// # Shapes
/// `z` and `gradient` (of the critic's output by z) `[sample, latent variable]`.
///
/// # Errors
/// Shapes that differ, non-finite entries, `alpha` or `beta` that are not positive.
///
/// # Reference
/// FA (fast-and-accurate-showers), equation 5; arXiv:1912.00953.
///
/// ```
/// use ndarray::array;
/// let (z, gradient) = (array![[0.0, 0.5], [0.9, 0.0]], array![[3.0, 4.0], [10.0, 0.0]]);
/// let moved = calo_latent::natural_gradient_step(z.view(), gradient.view(), 10.0, 25.0)?;
/// // 0.5 + 0.8 and 0.9 + 0.8 are clamped.
/// assert!((moved - array![[0.6, 1.0], [1.0, 0.0]]).iter().all(|x: &f64| x.abs() < 1e-12));
/// # Ok::<(), calo_latent::Error>(())
/// ```
pub fn natural_gradient_step<T: NdFloat>(
    z: ArrayView2<'_, T>,
    gradient: ArrayView2<'_, T>,
    alpha: f64,
    beta: f64,
) -> Result<Array2<T>> {
    crate::check::check_positive("alpha", alpha)?;
    crate::check::check_positive("beta", beta)?;
    if z.dim() != gradient.dim() {
        let [found, expected] = [gradient, z].map(|array| format!("{:?}", array.dim()));
        return Err(Error::mismatch("shape of the gradient", found, expected));
    }
    let number = |x: T| x.to_f64().unwrap_or(f64::NAN);
    for (what, array) in [("z", z), ("gradient", gradient)] {
        if let Some(((i, j), &x)) = array.indexed_iter().find(|(_, x)| !x.is_finite()) {
            return Err(Error::non_finite(what, number(x), &[i, j]));
        }
    }
    let mut moved = z.to_owned();
    Zip::from(moved.axis_iter_mut(Axis(0))).and(gradient.axis_iter(Axis(0))).for_each(|mut z, g| {
        let curvature = 1.0 / (beta + g.iter().map(|&g| number(g).powi(2)).sum::<f64>());
        z.zip_mut_with(&g, |z, &g| {
            let value = (number(*z) + alpha * curvature * number(g)).clamp(-1.0, 1.0);
            *z = T::from(value).unwrap_or(*z);
        });
    });
    Ok(moved)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn steps_are_per_sample_and_never_longer_than_the_bound() {
        let z = Array2::<f32>::zeros((3, 2));
        let gradient = array![[0.01_f32, 0.0], [1.0, 0.0], [100.0, 0.0]];
        let moved = natural_gradient_step(z.view(), gradient.view(), 0.9, 1.0).unwrap();
        let expected = [0.009 / 1.0001, 0.45, 90.0 / 10_001.0];
        for (row, expected) in moved.rows().into_iter().zip(expected) {
            assert!((f64::from(row[0]) - expected).abs() < 1e-7);
            assert!(row[1].abs() < 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let z = Array2::<f32>::zeros((1, 2));
        let message = |gradient: Array2<f32>, alpha, beta| {
            natural_gradient_step(z.view(), gradient.view(), alpha, beta).unwrap_err().to_string()
        };
        assert_eq!(
            message(Array2::zeros((2, 1)), 0.9, 0.1),
            "shape of the gradient: found (2, 1); expected (1, 2)"
        );
        assert_eq!(
            message(array![[0.0, f32::NAN]], 0.9, 0.1),
            "gradient: NaN at index [0, 1]; expected finite numbers"
        );
        assert!(message(z.clone(), 0.9, 0.0).contains("`beta`: 0; expected a finite number above 0"));
    }
}
