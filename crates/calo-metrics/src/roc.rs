//! Area under the ROC curve, from ranks.

use crate::error::{Error, Result, check_finite};
use crate::results::Estimate;
use crate::spread::variance;

/// Area under the ROC curve: the chance that a candidate scores above a reference, ties counting half (the
/// Mann-Whitney statistic over the number of pairs), with DeLong's standard error.
///
/// # Errors
/// Fewer than two scores on either side, or scores that are not finite.
///
/// # Reference
/// E. R. DeLong et al., Biometrics 44 (1988) 837; X. Sun and W. Xu, IEEE Signal Processing Letters 21 (2014) 1389.
///
/// ```
/// let auc = calo_metrics::roc_auc(&[0.1, 0.4], &[0.35, 0.8])?;
/// assert_eq!(auc.value, 0.75);
/// # Ok::<(), calo_metrics::Error>(())
/// ```
pub fn roc_auc(reference_scores: &[f64], candidate_scores: &[f64]) -> Result<Estimate> {
    for (name, scores) in [("reference", reference_scores), ("candidate", candidate_scores)] {
        check_finite(&format!("scores of the {name}"), scores)?;
        if scores.len() < 2 {
            let what = format!("scores of the {name}");
            return Err(Error::TooFew { what, found: scores.len(), expected: 2 });
        }
    }
    let (n, m) = (reference_scores.len() as f64, candidate_scores.len() as f64);
    let together = mid_ranks(&[reference_scores, candidate_scores].concat());
    let (reference_together, candidate_together) = together.split_at(reference_scores.len());
    // For each candidate the share of references below it, for each reference the share of candidates above it.
    let below = placements(candidate_together, &mid_ranks(candidate_scores), n);
    let above: Vec<f64> = placements(reference_together, &mid_ranks(reference_scores), m)
        .into_iter()
        .map(|share| 1.0 - share)
        .collect();
    let value = below.iter().sum::<f64>() / m;
    let variance = variance(&below) / m + variance(&above) / n;
    Ok(Estimate { value, error: Some(variance.sqrt()) })
}

/// Share of the `n_others` values of the other class below each value.
fn placements(ranks_together: &[f64], ranks_alone: &[f64], n_others: f64) -> Vec<f64> {
    ranks_together.iter().zip(ranks_alone).map(|(together, alone)| (together - alone) / n_others).collect()
}

/// Ranks from 1; equal values share the mean of theirs.
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    #[expect(clippy::float_cmp, reason = "a tie is two scores that are the same number")]
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|&i| ranks[i] = rank);
        start += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        let auc = roc_auc(&[1.0, 2.0, 2.0], &[2.0, 3.0]).unwrap();
        // Pairs: 2 against 1, 2, 2 gives 1 + 1/2 + 1/2; 3 against all gives 3.
        assert!((auc.value - 5.0 / 6.0).abs() < 1e-15);
    }

    #[test]
    fn delong_error_is_that_of_its_definition() {
        let (reference, candidate) = ([0.1, 0.4, 0.35, 0.6], [0.35, 0.8, 0.5]);
        let wins = |c: f64, r: f64| {
            if c > r {
                1.0
            } else if c < r {
                0.0
            } else {
                0.5
            }
        };
        let v10 = candidate.map(|c| reference.map(|r| wins(c, r)).iter().sum::<f64>() / 4.0);
        let v01 = reference.map(|r| candidate.map(|c| wins(c, r)).iter().sum::<f64>() / 3.0);
        let expected = (variance(&v10) / 3.0 + variance(&v01) / 4.0).sqrt();
        let auc = roc_auc(&reference, &candidate).unwrap();
        assert!((auc.error.unwrap() - expected).abs() < 1e-15);
    }

    #[test]
    fn bad_scores_are_named() {
        let message = roc_auc(&[1.0, 2.0], &[1.0]).unwrap_err().to_string();
        assert_eq!(message, "scores of the candidate: 1 showers; expected at least 2");
        assert!(roc_auc(&[1.0, f64::NAN], &[1.0, 2.0]).is_err());
    }
}
