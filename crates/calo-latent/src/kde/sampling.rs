//! Random points of the density: a kernel by its index, then normal noise.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1, Axis};
use rand::Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::density::Kde;
use crate::error::{Error, Result};

/// Samples that one task draws.
const BLOCK: usize = 256;

impl Kde {
    /// One random point of the density.
    ///
    /// # Shapes
    /// Result `[d]`, the columns in the order of the points.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array1<f64> {
        let mut x = Array1::zeros(self.n_columns());
        self.sample_into(rng, x.view_mut());
        x
    }

    /// Samples number `indices`, each from its own random stream, so that sample i is the same in any range.
    ///
    /// # Shapes
    /// Result `[indices, d]`.
    ///
    /// ```
    /// use calo_latent::{Bandwidth, Kde, KdeSettings};
    /// use ndarray::{array, s};
    /// use rand::SeedableRng;
    /// use rand_chacha::ChaCha8Rng;
    ///
    /// let settings = KdeSettings { bandwidth: Bandwidth::Scott, ..Default::default() };
    /// let kde = Kde::fit(array![[0.0, 1.0], [1.0, 3.0], [2.0, 0.0]].view(), &settings)?;
    /// let rng_of = |index| {
    ///     let mut rng = ChaCha8Rng::seed_from_u64(1);
    ///     rng.set_stream(index);
    ///     rng
    /// };
    /// let samples = kde.samples(0..1000, rng_of);
    /// assert_eq!(kde.samples(900..1000, rng_of), samples.slice(s![900.., ..]));
    /// # Ok::<(), calo_latent::Error>(())
    /// ```
    pub fn samples<R: Rng>(&self, indices: Range<u64>, rng_of: impl Fn(u64) -> R + Sync) -> Array2<f64> {
        let n = usize::try_from(indices.end.saturating_sub(indices.start)).unwrap_or(usize::MAX);
        let mut x = Array2::zeros((n, self.n_columns()));
        let rows = x.axis_iter_mut(Axis(0)).into_par_iter().with_min_len(BLOCK);
        rows.enumerate().for_each(|(i, x)| self.sample_into(&mut rng_of(indices.start + i as u64), x));
        x
    }

    fn sample_into<R: Rng + ?Sized>(&self, rng: &mut R, x: ArrayViewMut1<'_, f64>) {
        let centre = rng.random_range(0..self.n_centres() as u64) as usize;
        let mut u = self.centres.row(centre).to_owned();
        let n_condition = usize::from(self.condition.is_some());
        for (k, u) in u.iter_mut().enumerate() {
            let width = if k < n_condition { self.widths.condition } else { self.widths.rest };
            *u += width * rng.sample::<f64, _>(StandardNormal);
        }
        self.whitening.backward(u.view(), x);
    }

    /// Samples of the other columns at given values of the condition: sample `first + i` at `values[i]`, each from its
    /// own random stream.
    ///
    /// # Shapes
    /// `values` `[n]` to `[n, d - 1]`: the columns besides the condition in their order.
    ///
    /// # Errors
    /// A density without a condition; a value that is not finite or lies outside the points ([`Kde::given`]), with its
    /// index.
    pub fn samples_given<R: Rng>(
        &self,
        values: ArrayView1<'_, f64>,
        first: u64,
        rng_of: impl Fn(u64) -> R + Sync,
    ) -> Result<Array2<f64>> {
        self.check_conditional()?;
        if let Some((i, &value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            return Err(Error::non_finite("values of the condition", value, &[i]));
        }
        let mut x = Array2::zeros((values.len(), self.latent_size()));
        let rows = x.axis_iter_mut(Axis(0)).into_par_iter().with_min_len(BLOCK).enumerate();
        let failure = rows
            .filter_map(|(i, x)| match self.given(values[i]) {
                Ok(given) => {
                    given.sample_into(&mut rng_of(first + i as u64), x);
                    None
                }
                Err(error) => Some((i, error)),
            })
            .min_by_key(|(i, _)| *i);
        match failure {
            None => Ok(x),
            Some((i, Error::OutOfRange { what, value, low, high, reach })) => {
                let what = format!("{what} of sample {}", first + i as u64);
                Err(Error::OutOfRange { what, value, low, high, reach })
            }
            Some((_, error)) => Err(error),
        }
    }
}
