//! How many independent showers a sample is worth: its divergence from the truth against that of independent samples.

use serde::{Deserialize, Serialize};

use super::QuantileBins;
use super::divergence::SHOWERS_PER_BIN;
use super::levels::{Assigned, Levels};
use super::sample::QuantileSample;
use crate::error::{Error, Result};
use crate::results::Estimate;
use crate::spread::standard_deviation;

/// Expected divergence of n independent showers from the truth, over quantile bins of one number.
///
/// It is measured where independent showers were at hand and interpolated between their numbers (linear in the
/// logarithms). Beyond, it is `scale (n_bins - 1) / 8 (1 / n + 1 / n_truth)`: the mean of a divergence that is made by
/// fluctuations alone. The scale is 1 where each shower has one row; cells of showers are not independent, so there it
/// is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndependentCurve {
    n_bins: usize,
    /// Showers of the truth; none for a formula, which does not fluctuate.
    n_truth: Option<usize>,
    scale: f64,
    points: Vec<IndependentPoint>,
}

/// The divergence of samples of `n_showers` independent showers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct IndependentPoint {
    /// Showers in each sample.
    pub n_showers: usize,
    /// Number of samples.
    pub n_samples: usize,
    /// Mean over the samples and its standard error; no error of a single sample.
    pub divergence: Estimate,
    /// Standard deviation over the samples; none of a single one.
    pub spread: Option<f64>,
}

/// What a sample is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Worth {
    /// Number of bins.
    pub n_bins: usize,
    /// Independent showers of the same divergence; infinite, and null in JSON, where it is no larger than what the truth's
    /// own fluctuations make.
    #[serde(with = "finite_or_null")]
    pub n_showers: f64,
    /// The same one standard error of the divergence up and down: fewest showers, and most; none without bound.
    pub range: (Option<f64>, Option<f64>),
    /// Whether it rests on more showers, or fewer, than were measured.
    pub is_extrapolated: bool,
}

impl IndependentCurve {
    /// The curves at 1, 2, 4 .. bins, from disjoint parts of `independent`, of each of the numbers `sizes`.
    ///
    /// `n_truth` is the number of showers that `bins` were fitted to, none for a formula. `independent` are showers of
    /// the truth that `bins` were not fitted to. The result has `n_splits + 1` entries.
    ///
    /// # Errors
    /// Other observables than those of `bins`, no sizes, a size of 0 or of more showers than there are.
    ///
    /// # Reference
    /// calomplification, section 4 and figure 6.
    pub fn measure(
        bins: &QuantileBins,
        n_truth: Option<usize>,
        independent: &QuantileSample,
        sizes: &[usize],
    ) -> Result<Vec<Self>> {
        let assigned = Assigned::new(bins, independent)?;
        let n_independent = assigned.n_showers();
        let mut sizes = sizes.to_vec();
        sizes.sort_unstable();
        sizes.dedup();
        if sizes.is_empty() {
            return Err(Error::empty("sizes of independent samples", "at least one number of showers"));
        }
        if let Some(&size) = sizes.iter().find(|&&size| size == 0 || size > n_independent) {
            let expected = format!("1 to {n_independent}, the independent showers");
            return Err(Error::parameter("sizes", size, expected));
        }
        let truth = Levels::of_truth(bins);
        let curve =
            |counts: &Vec<u64>| Self { n_bins: counts.len(), n_truth, scale: 1.0, points: Vec::new() };
        let mut curves: Vec<Self> = truth.0.iter().map(curve).collect();
        for n_showers in sizes {
            let n_samples = n_independent / n_showers;
            let samples: Vec<Vec<f64>> = (0..n_samples)
                .map(|i| truth.divergences(&assigned.levels(i * n_showers..(i + 1) * n_showers)))
                .collect::<Result<_>>()?;
            for (level, curve) in curves.iter_mut().enumerate() {
                let values: Vec<f64> = samples.iter().map(|levels| levels[level]).collect();
                let n = n_samples as f64;
                let spread = standard_deviation(&values);
                let error = spread.map(|spread| spread / n.sqrt());
                let divergence = Estimate { value: values.iter().sum::<f64>() / n, error };
                curve.points.push(IndependentPoint { n_showers, n_samples, divergence, spread });
            }
        }
        if !independent.is_one_row_each() {
            for curve in &mut curves {
                curve.scale = curve.ratio_to_fluctuations().unwrap_or(1.0);
            }
        }
        Ok(curves)
    }

    /// Number of bins.
    pub fn n_bins(&self) -> usize {
        self.n_bins
    }

    /// What was measured, in the order of the numbers of showers.
    pub fn points(&self) -> &[IndependentPoint] {
        &self.points
    }

    /// The divergence that fluctuations of `n_showers` and of the truth make on average.
    pub fn expected(&self, n_showers: f64) -> f64 {
        self.scale * (self.n_bins as f64 - 1.0) / 8.0 * (1.0 / n_showers + self.truth_share())
    }

    /// One over the number of showers of the truth.
    fn truth_share(&self) -> f64 {
        self.n_truth.map_or(0.0, |n| 1.0 / n as f64)
    }

    /// What was measured over what is expected of independent rows, on average over the numbers of showers with ten a
    /// bin; each counts by its number of samples. It should be 1 within errors where each shower has one row.
    pub fn ratio_to_fluctuations(&self) -> Option<f64> {
        let resolved = |point: &&IndependentPoint| point.n_showers >= SHOWERS_PER_BIN * self.n_bins;
        let mut sums = [0.0; 2];
        for point in self.points.iter().filter(resolved) {
            let weight = point.n_samples as f64;
            sums[0] += weight * point.divergence.value * self.scale / self.expected(point.n_showers as f64);
            sums[1] += weight;
        }
        (self.n_bins > 1 && sums[1] > 0.0).then(|| sums[0] / sums[1])
    }

    /// Independent showers whose divergence is that of a sample; none with a single bin, where every divergence is 0.
    ///
    /// The range is that of the largest of two errors: the one given, and the scatter of the divergence of as many
    /// independent showers, `sqrt(2 / (n_bins - 1))` of it: a sample may be worth a set of showers that happens to lie
    /// closer to the truth than others.
    pub fn worth(&self, divergence: Estimate) -> Option<Worth> {
        if self.n_bins < 2 {
            return None;
        }
        let (n_showers, is_extrapolated) = self.invert(divergence.value);
        let scatter = divergence.value * (2.0 / (self.n_bins as f64 - 1.0)).sqrt();
        let error = divergence.error.unwrap_or(0.0).max(scatter).hypot(self.error_near(n_showers));
        let bound = |value| Some(self.invert(value).0).filter(|n| n.is_finite());
        let range = (bound(divergence.value + error), bound(divergence.value - error));
        Some(Worth { n_bins: self.n_bins, n_showers, range, is_extrapolated })
    }

    /// Error of what was measured at the number of showers closest to `n_showers`.
    fn error_near(&self, n_showers: f64) -> f64 {
        let distance = |point: &IndependentPoint| (point.n_showers as f64 / n_showers).ln().abs();
        let nearest = if n_showers.is_finite() {
            self.points.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)))
        } else {
            self.points.last()
        };
        // A single sample scatters as all do.
        let scatter = |point: &IndependentPoint| {
            let n_draws = (self.n_bins as f64 - 1.0) * point.n_samples as f64;
            point.divergence.value * (2.0 / n_draws).sqrt()
        };
        nearest.map_or(0.0, |point| point.divergence.error.unwrap_or_else(|| scatter(point)))
    }

    /// Showers of that divergence, and whether they are more or fewer than were measured.
    fn invert(&self, divergence: f64) -> (f64, bool) {
        for pair in self.points.windows(2) {
            let [few, many] =
                [pair[0], pair[1]].map(|point| (point.n_showers as f64, point.divergence.value));
            if few.1 >= divergence && divergence >= many.1 && few.1 > many.1 && many.1 > 0.0 {
                let share = (few.1 / divergence).ln() / (few.1 / many.1).ln();
                return (few.0 * (many.0 / few.0).powf(share), false);
            }
        }
        let inverse = 8.0 * divergence / (self.scale * (self.n_bins as f64 - 1.0)) - self.truth_share();
        let n_showers = if inverse > 0.0 { 1.0 / inverse } else { f64::INFINITY };
        let is_beyond = |point: &IndependentPoint| n_showers > point.n_showers as f64;
        let is_before = |point: &IndependentPoint| n_showers < point.n_showers as f64;
        let is_measured =
            !self.points.last().is_none_or(is_beyond) && !self.points.first().is_none_or(is_before);
        (n_showers, !is_measured)
    }
}

/// Infinity as null, which JSON has no number for.
mod finite_or_null {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls")]
    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Some(*value).filter(|value| value.is_finite()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
    }
}

/// What a sample is worth at the finest resolution that still has ten of the matched showers a bin.
///
/// `divergences` are those of the sample at 1, 2, 4 .. bins, as the curves; it has no worth beyond its first missing one.
pub fn worth_at_resolution(curves: &[IndependentCurve], divergences: &[Estimate]) -> Option<Worth> {
    let mut all = curves.iter().zip(divergences).filter_map(|(curve, divergence)| curve.worth(*divergence));
    let resolved = |worth: &Worth| worth.n_showers >= (worth.n_bins * SHOWERS_PER_BIN) as f64;
    all.rfind(resolved)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use rand::Rng;

    use super::*;
    use crate::bootstrap::BootstrapSettings;
    use crate::quantile::quantile_divergences;
    use crate::random::stream;

    const N_TRUTH: usize = 1 << 17;
    const SIZES: [usize; 6] = [100, 300, 1000, 3000, 10_000, 30_000];

    /// Sums of four uniform numbers, for two observables.
    fn showers(n: usize, key: u64) -> QuantileSample {
        let mut rng = stream(5, *b"showers ", key, 0);
        let rows = Array2::from_shape_simple_fn((n, 2), || (0..4).map(|_| rng.random::<f64>()).sum());
        QuantileSample::of_showers(rows).unwrap()
    }

    fn curves() -> (QuantileBins, Vec<IndependentCurve>) {
        let bins = QuantileBins::fit(showers(N_TRUTH, 0).rows(), 8).unwrap();
        let independent = showers(60_000, 1);
        let curves = IndependentCurve::measure(&bins, Some(N_TRUTH), &independent, &SIZES).unwrap();
        (bins, curves)
    }

    fn divergences(bins: &QuantileBins, sample: &QuantileSample) -> Vec<Estimate> {
        let settings = BootstrapSettings { replicas: 20, seed: 1 };
        let points = quantile_divergences(bins, sample, &settings).unwrap();
        points.iter().map_while(|point| point.resolved().ok()).collect()
    }

    /// The formula for what lies beyond also holds where samples are at hand.
    #[test]
    fn subsets_have_the_expected_divergence() {
        let (_, curves) = curves();
        for curve in &curves[3..] {
            let resolved = |point: &&IndependentPoint| point.n_showers >= 20 * curve.n_bins();
            for point in curve.points().iter().filter(resolved) {
                let expected = curve.expected(point.n_showers as f64);
                // Means over few samples scatter by sqrt(2 / (n_bins - 1)) each.
                let scatter = (2.0 / (curve.n_bins() as f64 - 1.0) / point.n_samples as f64).sqrt();
                let ratio = point.divergence.value / expected;
                assert!((ratio - 1.0).abs() < 5.0 * scatter + 0.05, "{} {point:?}: {ratio}", curve.n_bins());
            }
            let n_samples = 60_000.0 / (20 * curve.n_bins()) as f64;
            let scatter = (2.0 / (curve.n_bins() as f64 - 1.0) / n_samples).sqrt();
            let ratio = curve.ratio_to_fluctuations().unwrap();
            assert!((ratio - 1.0).abs() < 5.0 * scatter + 0.05, "{}: {ratio}", curve.n_bins());
        }
    }

    #[test]
    fn independent_showers_are_worth_their_number() {
        let (bins, curves) = curves();
        for n in [2000, 20_000] {
            let worth = worth_at_resolution(&curves, &divergences(&bins, &showers(n, n as u64))).unwrap();
            assert!(worth.n_bins >= 128 && !worth.is_extrapolated, "{worth:?}");
            // The divergence over k bins scatters by sqrt(2 / (k - 1)).
            let scatter = (2.0 / (worth.n_bins as f64 - 1.0)).sqrt();
            assert!((worth.n_showers / n as f64).ln().abs() < 4.0 * scatter, "{n}: {worth:?}");
        }
        let many = divergences(&bins, &showers(100_000, 7));
        assert!(curves[8].worth(many[8]).unwrap().is_extrapolated);
    }

    /// However many are drawn from a training set, they are worth the set.
    #[test]
    fn showers_drawn_from_a_training_set_are_worth_the_set() {
        let (bins, curves) = curves();
        let training = showers(2000, 9);
        let mut rng = stream(5, *b"drawn   ", 0, 0);
        let drawn: Vec<f64> =
            (0..200_000).flat_map(|_| training.rows().row(rng.random_range(0..2000)).to_vec()).collect();
        let drawn = Array2::from_shape_vec((200_000, 2), drawn).unwrap();
        let drawn = QuantileSample::of_showers(drawn).unwrap();
        let worth = worth_at_resolution(&curves, &divergences(&bins, &drawn)).unwrap();
        assert!(worth.range.0.is_some_and(|fewest| fewest < 3000.0), "{worth:?}");
        assert!(worth.range.1.is_none_or(|most| most > 1300.0), "{worth:?}");
        let scatter = (2.0 / (worth.n_bins as f64 - 1.0)).sqrt();
        assert!((worth.n_showers / 2000.0).ln().abs() < 4.0 * scatter, "{worth:?}");
    }

    /// Showers of three equal cells have a third of the independent values.
    #[test]
    fn what_cells_of_a_shower_have_in_common_is_measured() {
        let of_cells = |n: usize, key| {
            let values = showers(n, key).rows().column(0).iter().flat_map(|&value| [value; 3]).collect();
            QuantileSample::of_cells(values, &vec![3; n]).unwrap()
        };
        let bins = QuantileBins::fit(of_cells(1 << 16, 0).rows(), 5).unwrap();
        let sizes = [500, 1000, 2000, 4000];
        let curves = IndependentCurve::measure(&bins, Some(1 << 16), &of_cells(8000, 1), &sizes).unwrap();
        assert!((curves[5].scale - 1.0).abs() < 0.2, "{}", curves[5].scale);
        let worth = curves[5].worth(divergences(&bins, &of_cells(6000, 2))[5]).unwrap();
        assert!((worth.n_showers / 6000.0).ln().abs() < 1.0 && worth.is_extrapolated, "{worth:?}");
    }

    #[test]
    fn what_cannot_be_is_named() {
        let (bins, curves) = curves();
        let measure = |n, sizes: &[usize]| {
            IndependentCurve::measure(&bins, Some(N_TRUTH), &showers(n, 3), sizes).unwrap_err().to_string()
        };
        assert_eq!(measure(50, &[51]), "parameter `sizes`: 51; expected 1 to 50, the independent showers");
        assert!(measure(50, &[]).contains("empty"));
        assert_eq!(curves[0].worth(Estimate { value: 0.0, error: None }), None);
        // No fluctuations at all: fewer than the truth itself has.
        let perfect = curves[4].worth(Estimate { value: 0.0, error: Some(1e-3) }).unwrap();
        assert!(perfect.n_showers.is_infinite() && perfect.is_extrapolated && perfect.range.0.is_some());
        // As close as the truth's own fluctuations, error and all.
        let unbounded = curves[8].worth(Estimate { value: 0.0, error: None }).unwrap();
        let json = serde_json::to_string(&unbounded).unwrap();
        assert_eq!(serde_json::from_str::<Worth>(&json).unwrap(), unbounded, "{json}");
        let json = serde_json::to_string(&perfect).unwrap();
        assert_eq!(serde_json::from_str::<Worth>(&json).unwrap(), perfect, "{json}");
    }

    /// Butter et al., arXiv 2008.06545: a truth that is a formula does not fluctuate.
    #[test]
    fn a_formula_is_a_truth_without_fluctuations() {
        let bins = QuantileBins::of_unit_cube(2, 6).unwrap();
        let uniform = |n, key| {
            let mut rng = stream(6, *b"uniform ", key, 0);
            QuantileSample::of_showers(Array2::from_shape_simple_fn((n, 2), || rng.random())).unwrap()
        };
        let curves = IndependentCurve::measure(&bins, None, &uniform(50_000, 0), &[1000, 10_000]).unwrap();
        assert!((curves[6].expected(1000.0) - 63.0 / 8000.0).abs() < 1e-15);
        let ratio = curves[6].ratio_to_fluctuations().unwrap();
        assert!((ratio - 1.0).abs() < 0.15, "{ratio}");
        let worth = curves[6].worth(divergences(&bins, &uniform(4000, 1))[6]).unwrap();
        assert!((worth.n_showers / 4000.0).ln().abs() < 0.7, "{worth:?}");
    }
}
