//! The fidelity score S_JSD and its sibling with area differences.

use crate::comparison::{ComparedHistograms, ReplicaDistances};
use crate::error::{Error, Result};
use crate::results::{ById, Divisors, Estimate, HistogramComparison, SplitComparison, SplitDistances};
use crate::spread::spread_of_finite;

/// The divisors of the scores: mean JSD and area difference of each of the observables over all models and epochs
/// compared.
///
/// # Errors
/// Fewer than two comparisons (a single candidate divided by itself scores 1 whatever it is), a comparison that lacks
/// one of the observables, or comparisons at different fixed energies.
///
/// # Reference
/// decoding-photons, appendix A.
pub fn divisors(observables: &[&str], comparisons: &[&[HistogramComparison]]) -> Result<Divisors> {
    if comparisons.len() < 2 {
        let expected = "at least 2, or divisors given";
        return Err(Error::parameter("comparisons that S_JSD averages over", comparisons.len(), expected));
    }
    let n = comparisons.len() as f64;
    let (mut jsd, mut area_difference) = (Vec::new(), Vec::new());
    for &observable in observables {
        let first = find(comparisons[0], observable)?;
        let (mut mean_jsd, mut mean_area) = (0.0, 0.0);
        for comparison in comparisons {
            let histogram = find(comparison, observable)?;
            if energies(histogram) != energies(first) {
                let what = format!("energies of {observable} in the comparisons that S_JSD averages over");
                return Err(Error::mismatch(what, energies(histogram), energies(first)));
            }
            mean_jsd += histogram.jsd.value / n;
            mean_area += histogram.area_difference.value / n;
        }
        jsd.push((observable, mean_jsd));
        area_difference.push((observable, mean_area));
    }
    Ok(Divisors {
        jsd: jsd.into_iter().collect(),
        area_difference: Some(area_difference.into_iter().collect()),
        n_comparisons: comparisons.len(),
    })
}

/// S_JSD: the mean over the observables that have a divisor of each JSD over its divisor.
///
/// The error comes from the replicas, in which all histograms are of the same showers, with the divisors as given.
///
/// # Errors
/// A histogram that has a divisor is missing, or a divisor is not positive.
///
/// # Reference
/// decoding-photons, appendix A.
pub fn s_jsd(compared: &ComparedHistograms, divisors: &Divisors) -> Result<Estimate> {
    mean_quotient(compared, &divisors.jsd, &JSD)
}

/// The same with area differences; none where the divisors have none for these.
///
/// # Errors
/// As [`s_jsd`].
pub fn s_area(compared: &ComparedHistograms, divisors: &Divisors) -> Result<Option<Estimate>> {
    let Some(areas) = &divisors.area_difference else { return Ok(None) };
    mean_quotient(compared, areas, &AREA_DIFFERENCE).map(Some)
}

/// S_JSD of a candidate and of the floor, both at the number of showers of the random splits, averaged over these; with that
/// number. None where a histogram that has a divisor was not split.
///
/// Errors are those of the averages over splits: the fluctuation of the files themselves is not in them.
pub fn s_jsd_of_splits(splits: &[SplitComparison], divisors: &Divisors) -> Option<SplitScore> {
    let known = divisors.jsd.iter().map(|(id, divisor)| {
        let split = splits.iter().find(|split| split.observable == id)?;
        (divisor > 0.0).then_some((split, divisor))
    });
    let known: Vec<(&SplitComparison, f64)> = known.collect::<Option<_>>()?;
    let n = known.len() as f64;
    let mean = |of: fn(&SplitDistances) -> Estimate| {
        let error = |(split, divisor): &(&SplitComparison, f64)| Some(of(&split.distances).error? / divisor);
        let errors: Option<Vec<f64>> = known.iter().map(error).collect();
        Estimate {
            value: known.iter().map(|(split, divisor)| of(&split.distances).value / divisor).sum::<f64>() / n,
            error: errors.map(|errors| errors.iter().map(|error| error.powi(2)).sum::<f64>().sqrt() / n),
        }
    };
    let n_showers = known.iter().map(|(split, _)| split.n_showers).max()?;
    Some(SplitScore { n_showers, candidate: mean(|split| split.jsd), floor: mean(|split| split.floor) })
}

/// S_JSD of candidate and floor at the same number of showers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitScore {
    /// Showers on each side, of the full spectrum.
    pub n_showers: u64,
    /// Of candidate and reference.
    pub candidate: Estimate,
    /// Of two disjoint parts of the reference.
    pub floor: Estimate,
}

/// A distance that a score divides.
struct Distance {
    /// Its name in [`Divisors`].
    name: &'static str,
    of_histogram: fn(&HistogramComparison) -> f64,
    of_replica: fn(&ReplicaDistances) -> f64,
}

const JSD: Distance =
    Distance { name: "jsd", of_histogram: |one| one.jsd.value, of_replica: |replica| replica.jsd };

const AREA_DIFFERENCE: Distance = Distance {
    name: "area_difference",
    of_histogram: |one| one.area_difference.value,
    of_replica: |replica| replica.area_difference,
};

/// The mean of a distance's quotients by its divisors.
fn mean_quotient(compared: &ComparedHistograms, divisors: &ById, distance: &Distance) -> Result<Estimate> {
    let name = distance.name;
    for (observable, divisor) in divisors.iter() {
        if !(divisor.is_finite() && divisor > 0.0) {
            let name = format!("divisor {name} of {observable}");
            return Err(Error::parameter(name, divisor, "a finite number above 0"));
        }
    }
    if divisors.is_empty() {
        return Err(Error::empty(format!("divisors {name}"), "one for each observable"));
    }
    for (observable, _) in divisors.iter() {
        find(&compared.histograms, observable)?;
    }
    let histograms = compared.histograms.iter().enumerate();
    let known: Vec<(usize, f64)> =
        histograms.filter_map(|(i, histogram)| Some((i, divisors.get(&histogram.observable)?))).collect();
    let mean = |of: &dyn Fn(usize) -> f64| {
        known.iter().map(|&(i, divisor)| of(i) / divisor).sum::<f64>() / known.len() as f64
    };
    let n_replicas = compared.replicas.iter().map(Vec::len).min().unwrap_or(0);
    Ok(Estimate {
        value: mean(&|i| (distance.of_histogram)(&compared.histograms[i])),
        error: spread_of_finite(
            (0..n_replicas).map(|r| mean(&|i| (distance.of_replica)(&compared.replicas[i][r]))),
        ),
    })
}

fn find<'a>(histograms: &'a [HistogramComparison], observable: &str) -> Result<&'a HistogramComparison> {
    histograms.iter().find(|histogram| histogram.observable == observable).ok_or_else(|| {
        Error::empty(format!("comparison of {observable}"), "all that have a divisor, or there is no S_JSD")
    })
}

fn energies(histogram: &HistogramComparison) -> Vec<Option<f64>> {
    histogram.parts.iter().map(|part| part.energy_gev).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::PAPERS_IDS;

    /// Comparisons of the papers' observables with the given distances and no parts.
    fn compared(distances: [f64; 6]) -> ComparedHistograms {
        let histograms = PAPERS_IDS.into_iter().zip(distances).map(|(observable, value)| {
            let distance = Estimate { value, error: None };
            HistogramComparison {
                observable: observable.to_owned(),
                jsd: distance,
                area_difference: Estimate { value: 2.0 * value, error: None },
                parts: Vec::new(),
            }
        });
        let replicas = distances.map(|d| {
            vec![
                ReplicaDistances { jsd: d, area_difference: 2.0 * d },
                ReplicaDistances { jsd: 3.0 * d, area_difference: 2.0 * d },
            ]
        });
        ComparedHistograms { histograms: histograms.collect(), replicas: replicas.to_vec(), gaps: Vec::new() }
    }

    fn all(value: f64) -> ById {
        PAPERS_IDS.into_iter().map(|id| (id, value)).collect()
    }

    #[test]
    fn the_mean_over_all_compared_scores_one() {
        let (a, b) = (compared([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), compared([0.3, 0.2, 0.1, 0.4, 0.5, 0.2]));
        let divisors = divisors(&PAPERS_IDS, &[&a.histograms, &b.histograms]).unwrap();
        assert!((divisors.jsd.get("cell_energy").unwrap() - 0.2).abs() < 1e-15);
        let [of_a, of_b] = [&a, &b].map(|compared| s_jsd(compared, &divisors).unwrap());
        assert!((0.5 * (of_a.value + of_b.value) - 1.0).abs() < 1e-12);
        // (1/2 + 1 + 3/2 + 1 + 1 + 3/2) / 6
        assert!((of_a.value - 6.5 / 6.0).abs() < 1e-12);
        let areas = s_area(&a, &divisors).unwrap().unwrap();
        assert!((areas.value - 6.5 / 6.0).abs() < 1e-12);
        // Replicas 1 and 3 times the value: standard deviation sqrt(2) times it; none where they agree.
        assert!((of_a.error.unwrap() - 2.0_f64.sqrt() * of_a.value).abs() < 1e-12);
        assert!(areas.error.unwrap() < 1e-12);
    }

    #[test]
    fn a_single_candidate_has_no_divisors() {
        let error = divisors(&PAPERS_IDS, &[&compared([0.1; 6]).histograms]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter `comparisons that S_JSD averages over`: 1; expected at least 2, or divisors given"
        );
    }

    #[test]
    fn a_histogram_that_has_a_divisor_must_be_there() {
        let whole = compared([0.1; 6]);
        let mut gap = whole.clone();
        gap.histograms.remove(3);
        gap.replicas.remove(3);
        assert!(divisors(&PAPERS_IDS, &[&whole.histograms, &gap.histograms]).is_err());
        let given = Divisors { jsd: all(0.1), area_difference: Some(all(0.1)), n_comparisons: 0 };
        assert!(s_jsd(&gap, &given).unwrap_err().to_string().contains("comparison of cog_z"));
        assert!(s_jsd(&whole, &Divisors { jsd: all(0.0), ..given.clone() }).is_err());
        assert!(s_jsd(&whole, &Divisors { jsd: ById::default(), ..given.clone() }).is_err());
        // Divisors without area differences leave S_JSD as it is.
        let only_jsd = Divisors { area_difference: None, ..given.clone() };
        assert_eq!(s_jsd(&whole, &only_jsd).unwrap(), s_jsd(&whole, &given).unwrap());
        assert!(s_area(&whole, &given).unwrap().is_some());
        assert_eq!(s_area(&whole, &only_jsd).unwrap(), None);
    }

    #[test]
    fn splits_score_candidate_and_floor_by_the_same_divisors() {
        let split = |observable: &str, jsd: f64, floor: f64, n_showers| SplitComparison {
            observable: observable.to_owned(),
            n_showers,
            distances: SplitDistances {
                jsd: Estimate { value: jsd, error: Some(0.03) },
                floor: Estimate { value: floor, error: Some(0.04) },
                excess: Estimate { value: 0.0, error: None },
            },
            parts: Vec::new(),
        };
        let splits =
            [split("cog_z", 0.3, 0.1, 500), split("n_hits", 0.2, 0.2, 200), split("other", 9.0, 9.0, 1)];
        let divisors = |ids: &[(&'static str, f64)]| Divisors {
            jsd: ids.iter().copied().collect(),
            area_difference: None,
            n_comparisons: 0,
        };
        let found = s_jsd_of_splits(&splits, &divisors(&[("cog_z", 0.1), ("n_hits", 0.2)])).unwrap();
        assert_eq!(found.n_showers, 500);
        assert!((found.candidate.value - 2.0).abs() < 1e-12 && (found.floor.value - 1.0).abs() < 1e-12);
        // 0.03 / 0.1 and 0.03 / 0.2 in quadrature, over two.
        assert!((found.candidate.error.unwrap() - 0.5 * 0.3_f64.hypot(0.15)).abs() < 1e-12);
        assert_eq!(s_jsd_of_splits(&splits, &divisors(&[("radial", 0.1)])), None);
        assert_eq!(s_jsd_of_splits(&splits, &divisors(&[])), None);
    }

    #[test]
    fn what_has_no_divisor_does_not_count() {
        let whole = compared([0.1, 0.1, 0.1, 0.1, 0.1, 9.0]);
        let five = all(0.1).iter().filter(|(id, _)| *id != "longitudinal").collect();
        let given = Divisors { jsd: five, area_difference: None, n_comparisons: 0 };
        assert!((s_jsd(&whole, &given).unwrap().value - 1.0).abs() < 1e-12);
    }
}
