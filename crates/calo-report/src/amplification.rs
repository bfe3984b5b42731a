//! How many independent showers samples are worth, as written to `amplification.json` (schema in
//! `docs/results-schema.md`).
//!
//! Plain data: `calo amplification` fills it, [`render_amplification`](crate::render_amplification) draws it.

use std::fmt;
use std::path::Path;

use calo_metrics::results::{DetectorInfo, Estimate, Gap};
use calo_metrics::{IndependentCurve, Worth};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::input::{Place, read};

/// Version of the schema below; raised when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// All versions that are read.
pub const READ_VERSIONS: std::ops::RangeInclusive<u32> = 1..=SCHEMA_VERSION;

/// Sizes of independent samples that figures draw, over the size of the training set.
///
/// # Reference
/// arXiv:2202.07352, figure 6.
pub const DRAWN_SIZES: [usize; 4] = [1, 5, 10, 50];

/// Divergences of samples from the truth over quantile bins, and what the samples are worth.
///
/// # Reference
/// arXiv:2202.07352, section 4.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Amplification {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// Version of the software.
    pub calo_version: String,
    /// The detector.
    pub detector: DetectorInfo,
    /// Showers of the truth; none where it is a formula.
    pub n_truth: Option<usize>,
    /// Independent showers of the same origin, which make the curves.
    pub n_independent: usize,
    /// Training sets over which errors were taken; 1 where they are of resampling.
    pub n_sets: usize,
    /// Files that it was made from; of versions before these were noted, none.
    #[serde(default)]
    pub inputs: Vec<AmplifiedInput>,
    /// Seed of resampling and of estimators.
    #[serde(default)]
    pub seed: Option<u64>,
    /// Share of the reference that stands for independent showers; none where these have a file.
    #[serde(default)]
    pub holdout: Option<f64>,
    /// What is compared with the truth.
    pub samples: Vec<AmplifiedSample>,
    /// Each observable or combination of them.
    pub observables: Vec<AmplifiedObservable>,
    /// Histograms of single observables, in bins of equal width or ratio; of the first training set.
    #[serde(default)]
    pub distributions: Vec<AmplifiedDistribution>,
    /// What is missing, and why.
    pub gaps: Vec<Gap>,
}

/// A file that was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmplifiedInput {
    /// What it is: `reference`, `independent showers`, `training set`, or the name of a sample.
    pub sample: String,
    /// Path as given.
    pub path: String,
    /// BLAKE3 hash of the file's bytes, hexadecimal.
    pub blake3: String,
}

/// A sample that is compared with the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AmplifiedSample {
    /// Name in tables and legends.
    pub name: String,
    /// What it is.
    pub kind: SampleKind,
    /// Its showers.
    pub n_showers: usize,
    /// Showers that it was made from, of the training set or of those that a density was fitted to: its factor is relative
    /// to them.
    pub n_train: usize,
    /// Showers that are also in the training set, told by their observables; of all sets together.
    pub n_copies: usize,
}

/// What a sample is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SampleKind {
    /// Showers that a model was trained on.
    Training,
    /// Showers of a model.
    Generated,
    /// Values sampled from a kernel density.
    Kde,
    /// Values sampled from a histogram.
    Histogram,
}

/// A histogram of all samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AmplifiedDistribution {
    /// Id of the observable.
    pub id: String,
    /// For people.
    pub label: String,
    /// Label of the horizontal axis, with unit.
    pub x_label: String,
    /// Whether edges rise by a factor.
    pub log_bins: bool,
    /// Edges of the bins, one more than bins.
    pub edges: Vec<f64>,
    /// Of the truth.
    pub truth: Shares,
    /// Of each sample; none where it does not have the observable.
    pub samples: Vec<Option<Shares>>,
}

/// What share of a sample is in each bin; the rest is outside of all bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Shares.
    pub values: Vec<f64>,
    /// Standard errors of the counts, or the standard deviation over the parts of a sample that several models made.
    pub errors: Vec<f64>,
}

/// One observable, or several together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AmplifiedObservable {
    /// Ids joined by `+`.
    pub id: String,
    /// For people.
    pub label: String,
    /// Number of observables.
    pub n_dimensions: usize,
    /// Fewest and most values of the truth in a bin at each resolution, coarsest first.
    pub occupation: Vec<[u64; 2]>,
    /// Divergences of independent showers at each resolution, coarsest first: 1, 2, 4 .. bins.
    pub independent: Vec<IndependentCurve>,
    /// What was found for samples; those that do not have the observable are left out.
    pub curves: Vec<SampleCurve>,
}

/// A sample at every resolution of an observable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SampleCurve {
    /// Index among the samples.
    pub sample: usize,
    /// Divergence at each resolution, coarsest first, whether resolved or not.
    pub divergences: Vec<Estimate>,
    /// Showers that have the observable, of those that the sample was made from.
    #[serde(default)]
    pub n_train: usize,
    /// Resolutions, from the coarsest on, at which there are ten showers of the sample a bin.
    pub n_resolved: usize,
    /// What it is worth at each resolution that is resolved, but a single bin.
    pub worth: Vec<Worth>,
    /// What it is worth at the finest resolution that has ten of the matched showers a bin, over the size of its training
    /// set; none where no resolution has so many.
    pub factor: Option<Factor>,
    /// Bandwidth of a kernel density, in standard deviations, or bins of a histogram along each observable.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Estimate>,
}

/// Independent showers that a sample is worth, over the size of its training set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Factor {
    /// Number of bins at which it is quoted.
    pub n_bins: usize,
    /// The factor; none where the sample is as close to the truth as the truth's own fluctuations allow.
    pub value: Option<f64>,
    /// One standard error down; none where even that is as close to the truth as its own fluctuations allow.
    pub low: Option<f64>,
    /// One standard error up; none without bound.
    pub high: Option<f64>,
    /// Whether it rests on more independent showers than were measured.
    pub is_extrapolated: bool,
}

impl Factor {
    /// The factor of a sample made from `n_train` showers.
    pub fn of(worth: &Worth, n_train: usize) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a number of showers")]
        let n_train = n_train as f64;
        let (fewest, most) = worth.range;
        Self {
            n_bins: worth.n_bins,
            value: Some(worth.n_showers / n_train).filter(|value| value.is_finite()),
            low: fewest.map(|fewest| fewest / n_train),
            high: most.map(|most| most / n_train),
            is_extrapolated: worth.is_extrapolated,
        }
    }
}

impl fmt::Display for Factor {
    /// For tables: the factor, marked where it rests on extrapolation, one error down and up, and the number of bins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or_else(|| "∞".to_owned(), |value| format!("{value:.2}"));
        let [value, low, high] = [self.value, self.low, self.high].map(number);
        let mark = if self.is_extrapolated { "*" } else { "" };
        write!(f, "{value}{mark} ({low} to {high}; {})", self.n_bins)
    }
}

/// Reads and checks an `amplification.json`.
///
/// # Errors
/// [`Error::File`](crate::Error::File) where it cannot be read or is not ours, [`Error::Field`](crate::Error::Field)
/// where it contradicts itself.
pub fn read_amplification(path: &Path) -> Result<Amplification> {
    let amplification = read(path, READ_VERSIONS, "a result of `calo amplification`")?;
    check(&amplification, &Place(path))?;
    Ok(amplification)
}

fn check(amplification: &Amplification, place: &Place<'_>) -> Result<()> {
    let Amplification { samples, observables, .. } = amplification;
    place.demand(!observables.is_empty(), || "observables".into(), || "none".into(), "at least one")?;
    for (i, observable) in observables.iter().enumerate() {
        let n_levels = observable.independent.len();
        let field = move |what: &str| format!("observables[{i}].{what}");
        for (j, curve) in observable.curves.iter().enumerate() {
            let known = curve.sample < samples.len();
            let name = || field(&format!("curves[{j}].sample"));
            place.demand(known, name, || curve.sample.to_string(), "the index of a sample")?;
            let name = || field(&format!("curves[{j}].divergences"));
            let fits = curve.divergences.len() == n_levels && curve.n_resolved <= n_levels;
            let found = || format!("{} resolutions", curve.divergences.len());
            place.demand(fits, name, found, "as many as the curves of independent showers")?;
            place.not_negative(name, curve.divergences.iter().map(|divergence| &divergence.value))?;
        }
    }
    for (i, distribution) in amplification.distributions.iter().enumerate() {
        let n_bins = distribution.edges.len().saturating_sub(1);
        let fits = |shares: &Shares| shares.values.len() == n_bins && shares.errors.len() == n_bins;
        let all = distribution.samples.iter().flatten().chain([&distribution.truth]);
        let is_whole = n_bins > 0 && distribution.samples.len() == samples.len() && all.clone().all(fits);
        let name = move || format!("distributions[{i}]");
        let found = || format!("{} edges, {} samples", distribution.edges.len(), distribution.samples.len());
        place.demand(is_whole, name, found, "shares of each sample, one less than edges")?;
        place.not_negative(name, all.flat_map(|shares| &shares.values))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_shows_its_bounds_and_what_it_rests_on() {
        let factor =
            Factor { n_bins: 512, value: Some(12.25), low: Some(9.0), high: None, is_extrapolated: true };
        assert_eq!(factor.to_string(), "12.25* (9.00 to ∞; 512)");
        let plain = Factor { value: None, is_extrapolated: false, ..factor };
        assert_eq!(plain.to_string(), "∞ (9.00 to ∞; 512)");
    }
}
