//! What several training sets say together.

use calo_metrics::results::{Estimate, Gap};
use calo_metrics::worth_at_resolution;
use calo_report::amplification::{Amplification, Factor, SampleCurve};

use crate::Result;
use crate::error::ensure;

/// Means over training sets, which have these numbers, with the standard deviation over them for errors, and what samples of these divergences are
/// worth. A single set stays as it is.
///
/// # Errors
/// Sets that were not compared with the same truth in the same observables.
///
/// # Reference
/// calomplification, section 3: errors are the standard deviation over five training sets.
pub(super) fn over_sets(numbers: &[u64], sets: &[Amplification]) -> Result<Amplification> {
    let Some((first, rest)) = sets.split_first() else {
        return Err(crate::Error::Invalid("no training set; expected at least one".to_owned()));
    };
    let mut all = first.clone();
    for (set, other) in numbers.iter().skip(1).zip(rest) {
        let ids = |set: &Amplification| set.observables.iter().map(|o| o.id.clone()).collect::<Vec<_>>();
        let names = |set: &Amplification| set.samples.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        ensure!(
            ids(other) == ids(first) && names(other) == names(first) && other.n_truth == first.n_truth,
            "training set {set}: {:?} of {:?}; expected the observables and samples of the first, {:?} of \
             {:?}",
            ids(other),
            names(other),
            ids(first),
            names(first)
        );
        for input in &other.inputs {
            if !all.inputs.contains(input) {
                all.inputs.push(input.clone());
            }
        }
        all.seed = all.seed.filter(|seed| other.seed == Some(*seed));
        for (sample, more) in all.samples.iter_mut().zip(&other.samples) {
            sample.n_copies += more.n_copies;
        }
    }
    all.n_sets = sets.len();
    if rest.is_empty() {
        return Ok(all);
    }
    let numbered = numbers.iter().zip(sets);
    let of_set = |(number, set): (&u64, &Amplification)| -> Vec<Gap> {
        let gap = |gap: &Gap| Gap { what: format!("set {number}: {}", gap.what), why: gap.why.clone() };
        set.gaps.iter().map(gap).collect()
    };
    all.gaps = numbered.flat_map(of_set).collect();
    for (index, observable) in all.observables.iter_mut().enumerate() {
        // What a set lacks, its gaps say; a mean over fewer sets would be another quantity.
        let is_in_all = |curve: &SampleCurve| {
            let has = |set: &Amplification| {
                set.observables[index].curves.iter().any(|other| other.sample == curve.sample)
            };
            sets.iter().all(has)
        };
        observable.curves.retain(is_in_all);
        for curve in &mut observable.curves {
            let of_sets: Vec<&SampleCurve> = sets
                .iter()
                .filter_map(|set| {
                    set.observables[index].curves.iter().find(|other| other.sample == curve.sample)
                })
                .collect();
            curve.n_train = of_sets.iter().map(|curve| curve.n_train).sum::<usize>() / of_sets.len().max(1);
            curve.n_resolved = of_sets.iter().map(|curve| curve.n_resolved).min().unwrap_or(0);
            let mean = |values: fn(&SampleCurve) -> &[Estimate]| -> Vec<Estimate> {
                let n = of_sets.iter().map(|curve| values(curve).len()).min().unwrap_or(0);
                let of_sets =
                    |i: usize| of_sets.iter().map(|curve| values(curve)[i].value).collect::<Vec<_>>();
                (0..n).map(|i| Estimate::over(&of_sets(i))).collect()
            };
            curve.divergences = mean(|curve| &curve.divergences);
            curve.settings = mean(|curve| &curve.settings);
            let resolved = &curve.divergences[..curve.n_resolved.min(curve.divergences.len())];
            let levels = &observable.independent;
            curve.worth =
                levels.iter().zip(resolved).filter_map(|(level, found)| level.worth(*found)).collect();
            let quoted = worth_at_resolution(levels, resolved);
            curve.factor = quoted.map(|worth| Factor::of(&worth, curve.n_train));
        }
    }
    Ok(all)
}
