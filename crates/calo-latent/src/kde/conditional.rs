//! Random points of the density at a given value of one column, without approximation.
//!
//! Given E, kernel i has the weight exp(-(E - E_i)^2 / 2 h_E^2). Centres lie sorted by E, so those near E are a window,
//! and the window is cut into strips of falling weight on either side. A strip is drawn by its number of centres times
//! the weight of its nearest, a centre from the strip, and kept with the ratio of its own weight to that: rejection, which
//! leaves exactly the weights, at the cost of some hundred binary searches per E instead of 10^5 exponentials. Samples at
//! the same E share the strips.
//!
//! The window starts at the centre nearest to E and ends where weights have fallen to e^-40 of its weight: with 10^6
//! centres the probability left out is below 5e-12, for any E, also in a gap between the points.

use ndarray::{Array1, ArrayViewMut1};
use rand::Rng;
use rand_distr::StandardNormal;

use super::density::Kde;
use crate::error::{Error, Result};

/// Bandwidths that a value may lie outside the points.
const REACH: f64 = 8.5;

/// -log of the weight, relative to the largest, at the end of the window.
const NEGLIGIBLE: f64 = 40.0;

/// Centres between which weights differ little.
#[derive(Debug, Clone, Copy)]
struct Strip {
    first: usize,
    last: usize,
    /// Weight of the nearest centre.
    bound: f64,
    /// Sum of `bound` times number of centres up to and including this strip.
    cumulative: f64,
}

/// A density at one value of its condition, ready to be sampled.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    kde: &'a Kde,
    /// The value, standardised.
    u: f64,
    /// Squared distance of the nearest centre in bandwidths: weights are relative to its.
    nearest: f64,
    strips: Vec<Strip>,
}

impl Kde {
    /// The density of the other columns at `value` of the condition.
    ///
    /// # Errors
    /// A density without a condition; a value that is not finite or lies more than 8.5 bandwidths outside the points.
    ///
    /// ```
    /// use calo_latent::{Bandwidth, Kde, KdeSettings};
    /// use ndarray::array;
    /// use rand::SeedableRng;
    ///
    /// let points = array![[-1.0, 10.0], [0.0, 50.0], [1.0, 90.0]];
    /// let bandwidth = Bandwidth::Fixed { bandwidth: 0.01, condition: Some(0.1) };
    /// let kde = Kde::fit(points.view(), &KdeSettings { bandwidth, condition: Some(1), ..Default::default() })?;
    /// let z = kde.given(52.0)?.sample(&mut rand_chacha::ChaCha8Rng::seed_from_u64(1));
    /// assert!(z.len() == 1 && z[0].abs() < 0.1);
    /// let message = kde.given(2000.0).unwrap_err().to_string();
    /// assert!(message.contains("reach from 10 to 90"), "{message}");
    /// # Ok::<(), calo_latent::Error>(())
    /// ```
    pub fn given(&self, value: f64) -> Result<Given<'_>> {
        let column = self.check_conditional()?;
        if !value.is_finite() {
            return Err(Error::non_finite(self.columns[column].clone(), value, &[]));
        }
        let (h, u) = (self.widths.condition, self.whitening.condition_forward(value));
        let (lowest, highest) = (self.conditions[0], self.conditions[self.conditions.len() - 1]);
        if u < lowest - REACH * h || u > highest + REACH * h {
            let [low, high] = [lowest, highest].map(|u| self.whitening.condition_backward(u));
            let reach = REACH * h * self.whitening.factor[[0, 0]];
            return Err(Error::OutOfRange { what: self.columns[column].clone(), value, low, high, reach });
        }
        Ok(Given::new(self, u))
    }

    /// The conditioned column.
    pub(super) fn check_conditional(&self) -> Result<usize> {
        self.condition.ok_or_else(|| {
            Error::mismatch("condition of the density", "none", "a column to sample the others at")
        })
    }
}

impl<'a> Given<'a> {
    fn new(kde: &'a Kde, u: f64) -> Self {
        let (conditions, h) = (&kde.conditions, kde.widths.condition);
        let middle = conditions.partition_point(|&c| c < u);
        let distance = |i: usize| (conditions[i] - u).abs() / h;
        let sides = [middle.checked_sub(1), (middle < conditions.len()).then_some(middle)];
        let nearest = sides.into_iter().flatten().map(distance).fold(f64::INFINITY, f64::min);
        let mut given = Self { kde, u, nearest: nearest * nearest, strips: Vec::new() };
        let end = (given.nearest + 2.0 * NEGLIGIBLE).sqrt().min(nearest + 100.0);
        // Far from its maximum a Gaussian falls faster.
        let step = (0.5 / nearest.max(1.0)).max(1e-12 * nearest);
        let (mut below, mut above, mut edge) = (middle, middle, nearest);
        while edge < end {
            edge += step;
            let low = below.min(conditions[..below].partition_point(|&c| c < u - edge * h));
            let high = above + conditions[above..].partition_point(|&c| c <= u + edge * h);
            given.push(low..below, below.wrapping_sub(1));
            given.push(above..high, above);
            (below, above) = (low, high);
        }
        // Bandwidths below the resolution of the numbers: nothing but the nearest centre counts.
        if given.strips.is_empty() {
            let i = sides.into_iter().flatten().min_by(|&i, &j| distance(i).total_cmp(&distance(j)));
            given.push(i.map_or(0..1, |i| i..i + 1), i.unwrap_or(0));
        }
        given
    }

    /// Adds the strip unless it is empty.
    fn push(&mut self, centres: std::ops::Range<usize>, nearest: usize) {
        if !centres.is_empty() {
            let bound = self.weight(nearest);
            let before = self.strips.last().map_or(0.0, |strip| strip.cumulative);
            let cumulative = before + bound * centres.len() as f64;
            self.strips.push(Strip { first: centres.start, last: centres.end, bound, cumulative });
        }
    }

    /// Weight of a centre relative to that of the nearest.
    fn weight(&self, centre: usize) -> f64 {
        let distance = (self.kde.conditions[centre] - self.u) / self.kde.widths.condition;
        (0.5 * (self.nearest - distance * distance)).exp()
    }

    /// A kernel, with the probability of its weight.
    fn draw_centre<R: Rng + ?Sized>(&self, rng: &mut R) -> usize {
        let total = self.strips.last().map_or(0.0, |strip| strip.cumulative);
        loop {
            let x = total * rng.random::<f64>();
            let strip = self.strips.partition_point(|strip| strip.cumulative <= x);
            let strip = self.strips[strip.min(self.strips.len() - 1)];
            let centre = rng.random_range(strip.first as u64..strip.last as u64) as usize;
            let rejected = rng.random::<f64>() * strip.bound >= self.weight(centre);
            // At bandwidths below the resolution of the numbers all weights are 0: the strip is its nearest centre.
            if !rejected {
                return centre;
            }
        }
    }

    /// One random point of the columns besides the condition.
    ///
    /// # Shapes
    /// Result `[d - 1]`, the columns in their order.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Array1<f64> {
        let mut x = Array1::zeros(self.kde.latent_size());
        self.sample_into(rng, x.view_mut());
        x
    }

    pub(super) fn sample_into<R: Rng + ?Sized>(&self, rng: &mut R, x: ArrayViewMut1<'_, f64>) {
        let centre = self.draw_centre(rng);
        let mut u = self.kde.centres.row(centre).to_owned();
        u[0] = self.u;
        for u in u.iter_mut().skip(1) {
            *u += self.kde.widths.rest * rng.sample::<f64, _>(StandardNormal);
        }
        self.kde.whitening.backward_rest(u.view(), x);
    }
}
