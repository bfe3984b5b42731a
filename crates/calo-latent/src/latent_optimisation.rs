//! Latent optimisation: points moved to where a critic scores them higher.

use ndarray::{Array2, ArrayView2, Axis, NdFloat, Zip};
use serde::{Deserialize, Serialize};

use crate::check::check_positive;
use crate::error::{Error, Result};

/// Natural gradient ascent of points in the cube from -1 to 1. The default is what was published with the pion WGAN of
/// fast-and-accurate-showers.
///
/// A step moves z by alpha g / (beta + |g|^2), where g is the gradient of the critic's score, and clamps the result. The
/// norm is that of each point's own gradient: |g|^2 estimates the curvature, so that steps shorten as gradients grow, and
/// none is longer than alpha / (2 sqrt(beta)).
///
/// # Reference
/// fast-and-accurate-showers, equation 5; Wu et al., arXiv 1912.00953, section 3.2.
///
/// ```
/// use calo_latent::LatentOptimisation;
/// use ndarray::{ArrayView2, array};
///
/// // A critic that likes the point (0.5, -0.5): the gradient of -|z - (0.5, -0.5)|^2 / 2.
/// let towards = |z: ArrayView2<'_, f64>| Ok::<_, calo_latent::Error>(array![[0.5, -0.5]] - &z);
/// let settings = LatentOptimisation { step: 0.5, damping: 1.0, n_steps: 20 };
/// let moved = settings.optimise(array![[-0.9, 0.9]], towards)?;
/// assert!((moved - array![[0.5, -0.5]]).iter().all(|x: &f64| x.abs() < 1e-3));
/// # Ok::<(), calo_latent::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LatentOptimisation {
    /// alpha.
    pub step: f64,
    /// beta.
    pub damping: f64,
    /// Steps, each with a gradient of its own.
    pub n_steps: usize,
}

impl Default for LatentOptimisation {
    fn default() -> Self {
        Self { step: 500.0, damping: 0.1, n_steps: 1 }
    }
}

impl LatentOptimisation {
    /// Checks every field.
    ///
    /// # Errors
    /// A step or a damping that is not a finite number above 0, or no step.
    pub fn validate(&self) -> Result<()> {
        check_positive("step", self.step)?;
        check_positive("damping", self.damping)?;
        if self.n_steps == 0 {
            return Err(Error::parameter("n_steps", 0, "at least 1"));
        }
        Ok(())
    }

    /// All steps, from `z`; `gradient` returns that of the critic's score at each point.
    ///
    /// # Shapes
    /// `[point, latent variable]` everywhere.
    ///
    /// # Errors
    /// As [`LatentOptimisation::step`], and those of `gradient`.
    pub fn optimise<T: NdFloat, E: From<Error>>(
        &self,
        z: Array2<T>,
        mut gradient: impl FnMut(ArrayView2<'_, T>) -> Result<Array2<T>, E>,
    ) -> Result<Array2<T>, E> {
        self.validate()?;
        (0..self.n_steps).try_fold(z, |z, _| {
            let gradient = gradient(z.view())?;
            Ok(self.step(z.view(), gradient.view())?)
        })
    }

    /// One step. The norm is summed in f64.
    ///
    /// # Shapes
    /// `z` and `gradient` `[point, latent variable]`.
    ///
    /// # Errors
    /// Shapes that differ, entries that are not finite, and those of [`LatentOptimisation::validate`].
    ///
    /// ```
    /// use calo_latent::LatentOptimisation;
    /// use ndarray::array;
    ///
    /// let (z, gradient) = (array![[0.0, 0.5], [0.9, 0.0]], array![[3.0, 4.0], [10.0, 0.0]]);
    /// let settings = LatentOptimisation { step: 10.0, damping: 25.0, n_steps: 1 };
    /// let moved = settings.step(z.view(), gradient.view())?;
    /// // 0.5 + 0.8 and 0.9 + 0.8 are clamped.
    /// assert!((moved - array![[0.6, 1.0], [1.0, 0.0]]).iter().all(|x: &f64| x.abs() < 1e-12));
    /// # Ok::<(), calo_latent::Error>(())
    /// ```
    pub fn step<T: NdFloat>(&self, z: ArrayView2<'_, T>, gradient: ArrayView2<'_, T>) -> Result<Array2<T>> {
        self.validate()?;
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
            let curvature = 1.0 / (self.damping + g.iter().map(|&g| number(g).powi(2)).sum::<f64>());
            z.zip_mut_with(&g, |z, &g| {
                let value = (number(*z) + self.step * curvature * number(g)).clamp(-1.0, 1.0);
                *z = T::from(value).unwrap_or(*z);
            });
        });
        Ok(moved)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    const SHORT: LatentOptimisation = LatentOptimisation { step: 0.9, damping: 1.0, n_steps: 1 };

    #[test]
    fn steps_are_per_sample_and_never_longer_than_the_bound() {
        let z = Array2::<f32>::zeros((3, 2));
        let gradient = array![[0.01_f32, 0.0], [1.0, 0.0], [100.0, 0.0]];
        let moved = SHORT.step(z.view(), gradient.view()).unwrap();
        let expected = [0.009 / 1.0001, 0.45, 90.0 / 10_001.0];
        for (row, expected) in moved.rows().into_iter().zip(expected) {
            assert!((f64::from(row[0]) - expected).abs() < 1e-7);
            assert!(row[1].abs() < 1e-12);
        }
    }

    #[test]
    fn each_step_asks_for_a_gradient_where_the_last_one_ended() {
        let mut asked = Vec::new();
        let gradient = |z: ArrayView2<'_, f64>| {
            asked.push(z[[0, 0]]);
            Ok::<_, Error>(array![[1.0]])
        };
        let settings = LatentOptimisation { step: 0.5, n_steps: 4, ..SHORT };
        let moved = settings.optimise(array![[0.0]], gradient).unwrap();
        assert_eq!((asked, moved), (vec![0.0, 0.25, 0.5, 0.75], array![[1.0]]));
    }

    #[test]
    fn bad_input_is_named() {
        let z = Array2::<f32>::zeros((1, 2));
        let message = |gradient: Array2<f32>, settings: LatentOptimisation| {
            settings.step(z.view(), gradient.view()).unwrap_err().to_string()
        };
        assert_eq!(
            message(Array2::zeros((2, 1)), SHORT),
            "shape of the gradient: found (2, 1); expected (1, 2)"
        );
        assert_eq!(
            message(array![[0.0, f32::NAN]], SHORT),
            "gradient: NaN at index [0, 1]; expected finite numbers"
        );
        let text = message(z.clone(), LatentOptimisation { damping: 0.0, ..SHORT });
        assert!(text.contains("`damping`: 0; expected a finite number above 0"), "{text}");
        let text = message(z.clone(), LatentOptimisation { n_steps: 0, ..SHORT });
        assert!(text.contains("`n_steps`: 0; expected at least 1"), "{text}");
    }
}
