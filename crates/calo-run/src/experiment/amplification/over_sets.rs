//! What several training sets say together.

use calo_metrics::results::Estimate;
use calo_metrics::worth_at_resolution;
use calo_report::amplification::{Amplification, Factor, SampleCurve};

use crate::Result;
use crate::error::ensure;

/// Means over training sets, with the standard deviation over them for errors, and what samples of these divergences are
/// worth. A single set stays as it is.
///
/// # Errors
/// Sets that were not compared with the same truth in the same observables.
///
/// # Reference
/// calomplification, section 3: errors are the standard deviation over five training sets.
pub(super) fn over_sets(sets: &[Amplification]) -> Result<Amplification> {
    let Some((first, rest)) = sets.split_first() else {
        return Err(crate::Error::Invalid("no training set; expected at least one".to_owned()));
    };
    let mut all = first.clone();
    for (set, other) in (1..).zip(rest) {
        let ids = |set: &Amplification| set.observables.iter().map(|o| o.id.clone()).collect::<Vec<_>>();
        let names = |set: &Amplification| set.samples.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        ensure!(
            ids(other) == ids(first) && names(other) == names(first) && other.n_truth == first.n_truth,
            "training set {set} behind the first: {:?} of {:?}; expected the observables and samples of the first, {:?} of \
             {:?}",
            ids(other),
            names(other),
            ids(first),
            names(first)
        );
        for (sample, more) in all.samples.iter_mut().zip(&other.samples) {
            sample.n_copies += more.n_copies;
        }
        all.gaps.extend(other.gaps.iter().filter(|gap| !first.gaps.contains(gap)).cloned());
    }
    all.n_sets = sets.len();
    if rest.is_empty() {
        return Ok(all);
    }
    for (index, observable) in all.observables.iter_mut().enumerate() {
        let n_train: Vec<usize> = all.samples.iter().map(|sample| sample.n_train).collect();
        for curve in &mut observable.curves {
            let of_sets: Vec<&SampleCurve> = sets
                .iter()
                .filter_map(|set| {
                    set.observables[index].curves.iter().find(|other| other.sample == curve.sample)
                })
                .collect();
            curve.n_resolved = of_sets.iter().map(|curve| curve.n_resolved).min().unwrap_or(0);
            let mean = |values: fn(&SampleCurve) -> &[Estimate]| -> Vec<Estimate> {
                let n = of_sets.iter().map(|curve| values(curve).len()).min().unwrap_or(0);
                (0..n).map(|i| mean_of(of_sets.iter().map(|curve| values(curve)[i].value))).collect()
            };
            curve.divergences = mean(|curve| &curve.divergences);
            curve.settings = mean(|curve| &curve.settings);
            let resolved = &curve.divergences[..curve.n_resolved.min(curve.divergences.len())];
            let levels = &observable.independent;
            curve.worth =
                levels.iter().zip(resolved).filter_map(|(level, found)| level.worth(*found)).collect();
            let quoted = worth_at_resolution(levels, resolved);
            curve.factor = quoted.map(|worth| Factor::of(&worth, n_train[curve.sample]));
        }
    }
    Ok(all)
}

/// Mean and standard deviation.
fn mean_of(values: impl ExactSizeIterator<Item = f64> + Clone) -> Estimate {
    #[expect(clippy::cast_precision_loss, reason = "a few training sets")]
    let n = values.len() as f64;
    let mean = values.clone().sum::<f64>() / n;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    let error = (n > 1.0).then(|| (squares / (n - 1.0)).sqrt());
    Estimate { value: mean, error }
}
