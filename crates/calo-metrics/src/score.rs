//! The fidelity score S_JSD and its sibling with area differences.

use crate::comparison::{ComparedHistograms, spread};
use crate::error::{Error, Result};
use crate::results::{Divisors, Estimate, HistogramComparison, Observable};

/// S_JSD and the area-difference score of one candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Mean of the six JSDs, each over its divisor.
    pub s_jsd: Estimate,
    /// The same with area differences; absent where the divisors have none.
    pub s_area: Option<Estimate>,
}

/// The divisors of the scores: mean JSD and area difference of each histogram over all models and epochs compared.
///
/// # Errors
/// Fewer than two comparisons (a single candidate divided by itself scores 1 whatever it is), a comparison that lacks
/// one of the six, or comparisons at different fixed energies.
///
/// # Reference
/// decoding-photons, appendix A.
pub fn divisors(comparisons: &[&[HistogramComparison]]) -> Result<Divisors> {
    if comparisons.len() < 2 {
        let expected = "at least 2, or divisors given";
        return Err(Error::parameter("comparisons that S_JSD averages over", comparisons.len(), expected));
    }
    let n = comparisons.len() as f64;
    let (mut jsd, mut area_difference) = ([0.0; 6], [0.0; 6]);
    for (i, observable) in Observable::ALL.into_iter().enumerate() {
        let first = find(comparisons[0], observable)?;
        for comparison in comparisons {
            let histogram = find(comparison, observable)?;
            if energies(histogram) != energies(first) {
                let what = format!("energies of {observable:?} in the comparisons that S_JSD averages over");
                return Err(Error::mismatch(what, energies(histogram), energies(first)));
            }
            jsd[i] += histogram.jsd.value / n;
            area_difference[i] += histogram.area_difference.value / n;
        }
    }
    Ok(Divisors { jsd, area_difference: Some(area_difference), n_comparisons: comparisons.len() })
}

/// S_JSD and the area-difference score: the mean over the six histograms of each distance over its divisor.
///
/// The errors come from the replicas, in which the six histograms are of the same showers, with the divisors as given.
///
/// # Errors
/// One of the six is missing, or a divisor is not positive.
///
/// # Reference
/// decoding-photons, appendix A.
pub fn scores(compared: &ComparedHistograms, divisors: &Divisors) -> Result<Scores> {
    let of_area = divisors.area_difference.as_ref().map(|divisors| ("area_difference", divisors));
    for (name, divisors) in [("jsd", &divisors.jsd)].into_iter().chain(of_area) {
        for (observable, &divisor) in Observable::ALL.iter().zip(divisors) {
            if !(divisor.is_finite() && divisor > 0.0) {
                let name = format!("divisor {name} of {observable:?}");
                return Err(Error::parameter(name, divisor, "a finite number above 0"));
            }
        }
    }
    for observable in Observable::ALL {
        find(&compared.histograms, observable)?;
    }
    let weighted = |distance: &dyn Fn(usize) -> f64, divisors: &[f64; 6]| {
        let terms = compared.histograms.iter().enumerate();
        terms.map(|(i, histogram)| distance(i) / divisors[histogram.observable as usize]).sum::<f64>() / 6.0
    };
    let n_replicas = compared.replicas.iter().map(Vec::len).min().unwrap_or(0);
    let error = |which: usize, divisors: &[f64; 6]| {
        spread((0..n_replicas).map(|r| weighted(&|i| compared.replicas[i][r][which], divisors)))
    };
    let histograms = &compared.histograms;
    Ok(Scores {
        s_jsd: Estimate {
            value: weighted(&|i| histograms[i].jsd.value, &divisors.jsd),
            error: error(0, &divisors.jsd),
        },
        s_area: divisors.area_difference.map(|divisors| Estimate {
            value: weighted(&|i| histograms[i].area_difference.value, &divisors),
            error: error(1, &divisors),
        }),
    })
}

fn find(histograms: &[HistogramComparison], observable: Observable) -> Result<&HistogramComparison> {
    histograms.iter().find(|histogram| histogram.observable == observable).ok_or_else(|| {
        Error::empty(format!("comparison of {observable:?}"), "all six histograms, or there is no S_JSD")
    })
}

fn energies(histogram: &HistogramComparison) -> Vec<Option<f64>> {
    histogram.parts.iter().map(|part| part.energy_gev).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six comparisons with the given distances and no parts.
    fn compared(distances: [f64; 6]) -> ComparedHistograms {
        let histograms = Observable::ALL.into_iter().zip(distances).map(|(observable, value)| {
            let distance = Estimate { value, error: None };
            HistogramComparison {
                observable,
                jsd: distance,
                area_difference: Estimate { value: 2.0 * value, error: None },
                parts: Vec::new(),
            }
        });
        let replicas = distances.map(|d| vec![[d, 2.0 * d], [3.0 * d, 2.0 * d]]).to_vec();
        ComparedHistograms { histograms: histograms.collect(), replicas, gaps: Vec::new() }
    }

    #[test]
    fn the_mean_over_all_compared_scores_one() {
        let (a, b) = (compared([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), compared([0.3, 0.2, 0.1, 0.4, 0.5, 0.2]));
        let divisors = divisors(&[&a.histograms, &b.histograms]).unwrap();
        assert!((divisors.jsd[0] - 0.2).abs() < 1e-15);
        let [a, b] = [a, b].map(|compared| scores(&compared, &divisors).unwrap());
        assert!((0.5 * (a.s_jsd.value + b.s_jsd.value) - 1.0).abs() < 1e-12);
        // (1/2 + 1 + 3/2 + 1 + 1 + 3/2) / 6
        assert!((a.s_jsd.value - 6.5 / 6.0).abs() < 1e-12);
        assert!((a.s_area.unwrap().value - 6.5 / 6.0).abs() < 1e-12);
        // Replicas 1 and 3 times the value: standard deviation sqrt(2) times it; none where they agree.
        assert!((a.s_jsd.error.unwrap() - 2.0_f64.sqrt() * a.s_jsd.value).abs() < 1e-12);
        assert!(a.s_area.unwrap().error.unwrap() < 1e-12);
    }

    #[test]
    fn a_single_candidate_has_no_divisors() {
        let error = divisors(&[&compared([0.1; 6]).histograms]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "parameter `comparisons that S_JSD averages over`: 1; expected at least 2, or divisors given"
        );
    }

    #[test]
    fn a_gap_among_the_six_is_an_error() {
        let whole = compared([0.1; 6]);
        let mut gap = whole.clone();
        gap.histograms.remove(3);
        gap.replicas.remove(3);
        assert!(divisors(&[&whole.histograms, &gap.histograms]).is_err());
        let given = Divisors { jsd: [0.1; 6], area_difference: Some([0.1; 6]), n_comparisons: 0 };
        assert!(scores(&gap, &given).is_err());
        assert!(scores(&whole, &Divisors { jsd: [0.0; 6], ..given.clone() }).is_err());
        // Divisors without area differences leave S_JSD as it is.
        let both = scores(&whole, &given).unwrap();
        let one = scores(&whole, &Divisors { area_difference: None, ..given }).unwrap();
        assert_eq!((one.s_jsd, one.s_area), (both.s_jsd, None));
    }
}
