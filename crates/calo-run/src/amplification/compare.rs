//! Samples against the truth, observable by observable.

use std::rc::Rc;

use calo_core::Detector;
use calo_metrics::results::{Estimate, Gap};
use calo_metrics::{
    BootstrapSettings, Column, IndependentCurve, QuantileBins, QuantileSample, SHOWERS_PER_BIN,
    quantile_divergences, worth_at_resolution,
};
use calo_report::amplification::{
    AmplifiedDistribution, AmplifiedObservable, DRAWN_SIZES, Factor, SampleCurve, SampleKind,
};

use super::distributions::{self, single};
use super::estimators::Estimator;
use super::observable_set::ObservableSet;
use super::observed::ObservedShowers;
use crate::Result;
use crate::error::{Context as _, bail, ensure};
use crate::monitor::{Caller, Pass};

/// Replicas behind the errors of divergences.
const N_REPLICAS: usize = 20;

/// Most splits: a million showers a bin of the smallest.
const MAX_SPLITS: u32 = 16;

/// What the training set is called among the samples.
pub(super) const TRAINING_SET: &str = "training set";

/// A sample that is compared.
pub(super) struct Compared {
    pub(super) name: String,
    pub(super) kind: SampleKind,
    /// Showers that are also in the training set.
    pub(super) n_copies: usize,
    /// What each model made of it; none where it is of one piece.
    pub(super) parts: Vec<Part>,
    source: Source,
}

/// Showers of one model.
pub(super) struct Part {
    pub(super) n_showers: usize,
    pub(super) cell_counts: Option<Vec<f64>>,
}

enum Source {
    Showers(Box<ObservedShowers>),
    /// Sampled for each observable from a density that is fitted to these showers.
    Estimated(Estimator, Rc<ObservedShowers>),
}

impl Compared {
    /// The training set itself.
    pub(super) fn training(training: &ObservedShowers) -> Self {
        let source = Source::Showers(Box::new(training.clone()));
        Self { name: TRAINING_SET.to_owned(), kind: SampleKind::Training, n_copies: 0, parts: vec![], source }
    }

    /// Showers of models that were trained with `training`, `parts` of each.
    pub(super) fn generated(
        name: &str,
        showers: ObservedShowers,
        parts: Vec<Part>,
        training: &ObservedShowers,
    ) -> Self {
        let n_copies = showers.n_in(training);
        let source = Source::Showers(Box::new(showers));
        Self { name: name.to_owned(), kind: SampleKind::Generated, n_copies, parts, source }
    }

    /// Names of values that are sampled from densities of showers called `of`.
    pub(super) fn estimated_names(of: Option<&str>) -> [String; 2] {
        ["KDE", "histogram"].map(|name| of.map_or_else(|| name.to_owned(), |of| format!("{name} of {of}")))
    }

    /// Values sampled from densities of `showers`, which are called `of`.
    pub(super) fn estimated(of: Option<&str>, showers: ObservedShowers) -> [Self; 2] {
        let showers = Rc::new(showers);
        let [kde, histogram] = Self::estimated_names(of);
        let sampled = [
            (Estimator::Kde, SampleKind::Kde, kde),
            (Estimator::Histogram, SampleKind::Histogram, histogram),
        ];
        sampled.map(|(estimator, kind, name)| {
            let source = Source::Estimated(estimator, Rc::clone(&showers));
            Self { name, kind, n_copies: 0, parts: Vec::new(), source }
        })
    }

    /// Number of showers that it was made from, `n_train` for one of a model.
    pub(super) fn n_fitted(&self, n_train: usize) -> usize {
        match &self.source {
            Source::Showers(_) => n_train,
            Source::Estimated(_, showers) => showers.len(),
        }
    }

    /// The showers, where they are at hand.
    pub(super) fn observed(&self) -> Option<&ObservedShowers> {
        match &self.source {
            Source::Showers(showers) => Some(showers),
            Source::Estimated(..) => None,
        }
    }
}

/// What a comparison gives.
pub(super) struct Found {
    pub(super) observables: Vec<AmplifiedObservable>,
    pub(super) distributions: Vec<AmplifiedDistribution>,
    pub(super) gaps: Vec<Gap>,
}

/// What is compared with what.
pub(super) struct Comparison<'a> {
    pub(super) detector: &'a Detector,
    pub(super) truth: &'a ObservedShowers,
    pub(super) independent: &'a ObservedShowers,
    pub(super) training: &'a ObservedShowers,
    pub(super) samples: &'a [Compared],
    pub(super) n_estimated: usize,
    pub(super) seed: u64,
    pub(super) caller: Caller<'a>,
}

/// Values of a sample for one set of observables.
struct Values {
    sample: QuantileSample,
    settings: Vec<Estimate>,
}

impl Comparison<'_> {
    /// All sets that can be compared, and what is missing.
    pub(super) fn observables(&self, sets: &[ObservableSet]) -> Result<Found> {
        ensure!(
            self.truth.len() >= 2 * SHOWERS_PER_BIN,
            "{} showers of the reference; expected at least {}, ten in each of two bins",
            self.truth.len(),
            2 * SHOWERS_PER_BIN
        );
        let (mut observables, mut distributions, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
        for sample in self.samples.iter().filter(|sample| sample.n_copies > 0) {
            let (n_copies, n) = (sample.n_copies, sample.observed().map_or(0, ObservedShowers::len));
            let why = format!(
                "{n_copies} of {n} showers are copies of training showers, which says nothing of a model"
            );
            gaps.push(Gap { what: sample.name.clone(), why });
        }
        let n_steps = (sets.len() * (self.samples.len() + 1)) as u64;
        let mut progress = self.caller.begin(&Pass {
            name: "comparing".to_owned(),
            total: Some(n_steps),
            n_done: 0,
            unit: "samples",
        });
        for set in sets {
            match self.observable(set, &mut gaps, &mut |n| progress.advance(n)) {
                Ok((observable, distribution)) => {
                    observables.push(observable);
                    distributions.extend(distribution);
                }
                Err(error) if error.is_interruption() => return Err(error),
                Err(error) => gaps.push(Gap { what: set.label(), why: one_line(&error) }),
            }
        }
        if observables.is_empty() {
            let reasons: Vec<String> = gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect();
            bail!("nothing could be compared: {}", reasons.join("; "));
        }
        if !sets.iter().any(|set| single(set) == Some(Column::NHits)) {
            let hits = distributions::of_column(Column::NHits, self.truth, self.samples, &[]);
            distributions.extend(noted("number of hits", hits, &mut gaps));
        }
        let cells = distributions::of_cells(self.detector, self.truth, self.samples);
        distributions.extend(noted("cell energy", cells, &mut gaps));
        Ok(Found { observables, distributions, gaps })
    }

    fn observable(
        &self,
        set: &ObservableSet,
        gaps: &mut Vec<Gap>,
        advance: &mut dyn FnMut(usize),
    ) -> Result<(AmplifiedObservable, Option<AmplifiedDistribution>)> {
        self.caller.check()?;
        let truth = self.values(self.truth, "reference", set, gaps)?;
        let bins = bins_of(&truth, gaps, set)?;
        let independent = self.values(self.independent, "independent showers", set, gaps)?;
        let sizes = sizes(independent.n_showers(), self.training.len());
        let curves = IndependentCurve::measure(&bins, Some(truth.n_showers()), &independent, &sizes)?;
        advance(1);
        let mut found = Vec::new();
        let mut estimated = vec![None; self.samples.len()];
        for (index, sample) in self.samples.iter().enumerate() {
            self.caller.check()?;
            match self.curve(index, set, &bins, &curves, &mut estimated[index], gaps) {
                Ok(Some(curve)) => found.push(curve),
                Ok(None) => {}
                Err(error) => {
                    gaps.push(Gap {
                        what: format!("{}: {}", sample.name, set.label()),
                        why: one_line(&error),
                    });
                }
            }
            advance(1);
        }
        let distribution =
            single(set).map(|column| distributions::of_column(column, self.truth, self.samples, &estimated));
        let distribution = noted(&set.label(), distribution.transpose().map(Option::flatten), gaps);
        let observable = AmplifiedObservable {
            id: set.to_string(),
            label: set.label(),
            n_dimensions: set.n_dimensions(),
            occupation: occupation(&bins),
            independent: curves,
            curves: found,
        };
        Ok((observable, distribution))
    }

    /// A sample at every resolution; none where it does not have the observable. Values of an estimator of one observable
    /// are left in `estimated`.
    fn curve(
        &self,
        index: usize,
        set: &ObservableSet,
        bins: &QuantileBins,
        curves: &[IndependentCurve],
        estimated: &mut Option<Vec<f64>>,
        gaps: &mut Vec<Gap>,
    ) -> Result<Option<SampleCurve>> {
        let sample = &self.samples[index];
        let Some(Values { sample: values, settings }) = self.values_of(sample, set, gaps)? else {
            return Ok(None);
        };
        if sample.observed().is_none() && set.n_dimensions() == 1 {
            *estimated = Some(values.rows().column(0).to_vec());
        }
        let bootstrap = BootstrapSettings { replicas: N_REPLICAS, seed: self.seed };
        let found = quantile_divergences(bins, &values, &bootstrap)?;
        let n_resolved = found.iter().take_while(|point| point.resolved().is_ok()).count();
        let divergences: Vec<Estimate> = found.iter().map(|point| point.divergence).collect();
        let resolved = curves.iter().zip(&divergences[..n_resolved]);
        let worth: Vec<_> = resolved.filter_map(|(curve, divergence)| curve.worth(*divergence)).collect();
        let quoted = worth_at_resolution(curves, &divergences[..n_resolved]);
        // Both count showers that have the observables.
        let (fitted, name) = match &sample.source {
            Source::Showers(_) => (self.training, TRAINING_SET),
            Source::Estimated(_, showers) => (&**showers, &*sample.name),
        };
        let n_train = fitted.sample(set).with_context(|| name.to_owned())?.0.n_showers();
        let factor = quoted.map(|worth| Factor::of(&worth, n_train));
        if factor.is_none() {
            let what = format!("factor of {}: {}", sample.name, set.label());
            gaps.push(Gap { what, why: why_no_factor(&values, n_resolved) });
        }
        Ok(Some(SampleCurve { sample: index, divergences, n_train, n_resolved, worth, factor, settings }))
    }

    fn values_of(
        &self,
        sample: &Compared,
        set: &ObservableSet,
        gaps: &mut Vec<Gap>,
    ) -> Result<Option<Values>> {
        match &sample.source {
            Source::Showers(showers) => {
                let sample = self.values(showers, &sample.name, set, gaps)?;
                Ok(Some(Values { sample, settings: Vec::new() }))
            }
            // Neither converges for single cells, whose spectrum has two separate parts; nor does the paper show them.
            Source::Estimated(..) if *set == ObservableSet::Cells => {
                let why = "densities are estimated of observables of showers, not of single cells".to_owned();
                gaps.push(Gap { what: format!("{}: {}", sample.name, set.label()), why });
                Ok(None)
            }
            Source::Estimated(estimator, showers) => {
                let (fitted, _) = showers.sample(set)?;
                let estimated = estimator.sample(fitted.rows(), self.n_estimated, self.seed)?;
                let sample = QuantileSample::of_showers(estimated.values)?;
                Ok(Some(Values { sample, settings: estimated.settings }))
            }
        }
    }

    /// The values of `showers`; showers that lack one are noted.
    fn values(
        &self,
        showers: &ObservedShowers,
        name: &str,
        set: &ObservableSet,
        gaps: &mut Vec<Gap>,
    ) -> Result<QuantileSample> {
        let (sample, n_left_out) = showers.sample(set).with_context(|| name.to_owned())?;
        if n_left_out > 0 {
            let n = showers.len();
            let why = format!("{n_left_out} of {n} showers do not have it and are left out, as empty ones");
            gaps.push(Gap { what: format!("{name}: {}", set.label()), why });
        }
        Ok(sample)
    }
}

/// Why a sample is worth no number of showers that could be quoted.
fn why_no_factor(sample: &QuantileSample, n_resolved: usize) -> String {
    let fewest = 2 * SHOWERS_PER_BIN;
    if n_resolved < 2 {
        return format!(
            "{} showers; expected at least {fewest}, ten in each of two quantiles",
            sample.n_showers()
        );
    }
    let rows = sample.rows();
    let is_constant = rows.outer_iter().all(|row| row == rows.row(0));
    let why = if is_constant { "all of its values are equal, so it" } else { "it" };
    format!("{why} is worth fewer than {fewest} independent showers, ten in each of two quantiles")
}

/// A histogram, or a gap for one that cannot be made.
fn noted(
    label: &str,
    found: Result<Option<AmplifiedDistribution>>,
    gaps: &mut Vec<Gap>,
) -> Option<AmplifiedDistribution> {
    found.unwrap_or_else(|error| {
        gaps.push(Gap { what: format!("histogram of {label}"), why: one_line(&error) });
        None
    })
}

/// Quantile bins with ten showers each at least; values that tie allow fewer bins.
fn bins_of(truth: &QuantileSample, gaps: &mut Vec<Gap>, set: &ObservableSet) -> Result<QuantileBins> {
    let n_showers = truth.n_showers();
    ensure!(
        n_showers >= 2 * SHOWERS_PER_BIN,
        "{n_showers} showers of the reference; expected at least {}, ten in each of two bins",
        2 * SHOWERS_PER_BIN
    );
    let rows = truth.rows();
    for (axis, values) in rows.columns().into_iter().enumerate() {
        let first = values[0];
        let is_constant = values.iter().all(|value| value.total_cmp(&first).is_eq());
        let which = match rows.ncols() {
            1 => "it".to_owned(),
            _ => format!("observable {}", axis + 1),
        };
        ensure!(!is_constant, "{which} is {first} in every shower of the reference");
    }
    // A shower may have fewer cells than one.
    let n_rows = rows.nrows().max(2 * SHOWERS_PER_BIN);
    let n_splits = (n_showers.min(n_rows) / SHOWERS_PER_BIN).ilog2().min(MAX_SPLITS);
    let bins = QuantileBins::fit(rows, n_splits)?;
    let is_full = |[fewest, _]: &&[u64; 2]| *fewest >= SHOWERS_PER_BIN as u64;
    let n_full = occupation(&bins).iter().take_while(is_full).count();
    if n_full > n_splits as usize {
        return Ok(bins);
    }
    ensure!(n_full > 1, "values of the reference tie so often that half of them cannot be told apart");
    let [kept, wanted] = [n_full as u32 - 1, n_splits].map(|splits| 1_u64 << splits);
    let why = format!("values of the reference tie: {kept} bins instead of {wanted}");
    gaps.push(Gap { what: set.label(), why });
    Ok(QuantileBins::fit(rows, n_full as u32 - 1)?)
}

/// Fewest and most values of the truth in a bin at each resolution, coarsest first.
fn occupation(bins: &QuantileBins) -> Vec<[u64; 2]> {
    let mut counts = bins.occupation().to_vec();
    let mut levels = Vec::new();
    loop {
        levels.push([counts.iter().min(), counts.iter().max()].map(|count| count.copied().unwrap_or(0)));
        if counts.len() < 2 {
            levels.reverse();
            return levels;
        }
        counts = counts.chunks(2).map(|pair| pair.iter().sum()).collect();
    }
}

/// Numbers of independent showers at which the divergence is measured: 1, 2 and 5 times powers of ten, from 100 to all, and
/// the multiples of the training set that figures draw.
fn sizes(n_independent: usize, n_train: usize) -> Vec<usize> {
    let series = (2..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_usize.pow(power)));
    let mut sizes: Vec<usize> = series.take_while(|n| *n < n_independent).collect();
    sizes.extend(DRAWN_SIZES.iter().map(|times| times * n_train).filter(|n| (1..n_independent).contains(n)));
    sizes.push(n_independent);
    sizes
}

/// An error and its causes on one line.
fn one_line(error: &crate::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
