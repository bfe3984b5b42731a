//! How validated epochs compare with validation showers, and which of them is best.

use calo_metrics::observable_info;
use calo_metrics::results::ById;
use serde::{Deserialize, Serialize};

/// A line of `validation.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validated {
    /// Number of the epoch, from 1.
    pub epoch: u32,
    /// Training steps until then.
    pub step: u64,
    /// Validation showers of the full spectrum.
    pub n_showers: u64,
    /// Jensen-Shannon distances.
    pub jsd: ByStage<ById>,
    /// Area differences; runs of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area_difference: Option<ByStage<ById>>,
    /// Divergence of each encoded variable from N(0, 1), nats, over the validation showers.
    pub kld_nats: Vec<f64>,
    /// Mean Jensen-Shannon divergence of the observables that the configuration chooses epochs by, if it names some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean_divergence: Option<f64>,
}

/// Something of the decoder's showers, and of those behind the post-processor where there is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ByStage<T> {
    /// Of the decoder's showers.
    pub raw: T,
    /// Of those behind the post-processor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_processed: Option<T>,
}

impl<T> ByStage<T> {
    /// What comes out at the end.
    pub fn last(&self) -> &T {
        self.post_processed.as_ref().unwrap_or(&self.raw)
    }

    /// Both, where there are two.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        std::iter::once(&self.raw).chain(&self.post_processed)
    }
}

/// S_JSD, where these are Jensen-Shannon distances: the mean over the observables that have a divisor, each distance
/// divided by it. Without a distance to a divisor there is no score, and nothing is further away.
pub fn score(distances: &ById, divisors: &ById) -> f64 {
    let quotient = |(id, divisor)| distances.get(id).map(|distance| distance / divisor);
    let sum: Option<f64> = divisors.iter().map(quotient).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few observables")]
    let n = divisors.len() as f64;
    sum.filter(|_| !divisors.is_empty()).map_or(f64::INFINITY, |sum| sum / n)
}

/// The divisors of S_JSD among these epochs, of one run or of several.
///
/// # Reference
/// decoding-photons, appendix A.
pub fn divisors<'a>(validated: impl IntoIterator<Item = &'a Validated>) -> ById {
    means(validated.into_iter().map(|epoch| &epoch.jsd))
}

/// The same for the score of area differences, where all epochs have them.
pub fn area_divisors<'a>(validated: impl IntoIterator<Item = &'a Validated>) -> Option<ById> {
    let all: Option<Vec<_>> = validated.into_iter().map(|epoch| epoch.area_difference.as_ref()).collect();
    all.map(means)
}

/// Mean over all epochs and stages of each distance that all of them have and that scores average over.
fn means<'a>(distances: impl IntoIterator<Item = &'a ByStage<ById>>) -> ById {
    let all: Vec<&ById> = distances.into_iter().flat_map(ByStage::all).collect();
    #[expect(clippy::cast_precision_loss, reason = "a few epochs")]
    let n = all.len().max(1) as f64;
    let is_scored = |id: &str| observable_info(id).is_none_or(|info| info.scored);
    let ids = all.first().into_iter().flat_map(|first| first.iter().map(|(id, _)| id));
    ids.filter(|id| is_scored(id))
        .filter_map(|id| {
            let sum: Option<f64> = all.iter().map(|distances| distances.get(id)).sum();
            // Where a distance is zero in all epochs any divisor gives the same score.
            Some((id, (sum? / n).max(f64::MIN_POSITIVE)))
        })
        .collect()
}

/// Mean Jensen-Shannon divergence, the square of the distance, of these observables; none where one has no distance.
///
/// # Reference
/// calomplification, section 2.
pub fn mean_divergence(jsd: &ById, observables: &[String]) -> Option<f64> {
    let sum: Option<f64> = observables.iter().map(|id| Some(jsd.get(id)?.powi(2))).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few observables")]
    let n = observables.len() as f64;
    sum.filter(|_| !observables.is_empty()).map(|sum| sum / n)
}

/// The epoch of the lowest mean divergence where the configuration chooses by that, else of the lowest S_JSD, divisors
/// from all epochs of the run; the first of equals.
///
/// # Reference
/// decoding-photons, appendix A; calomplification, section 2.
pub fn best_epoch(validated: &[Validated]) -> Option<&Validated> {
    best_of(validated, &divisors(validated))
}

/// The epoch of the lowest mean divergence where all have one, else of the lowest S_JSD by these divisors; the first of
/// equals.
pub fn best_of<'a>(
    validated: impl IntoIterator<Item = &'a Validated>,
    divisors: &ById,
) -> Option<&'a Validated> {
    let validated: Vec<&Validated> = validated.into_iter().collect();
    let is_by_divergence = validated.iter().all(|epoch| epoch.mean_divergence.is_some());
    let of = |epoch: &Validated| match epoch.mean_divergence {
        Some(mean_divergence) if is_by_divergence => mean_divergence,
        _ => score(epoch.jsd.last(), divisors),
    };
    validated.into_iter().min_by(|a, b| of(a).total_cmp(&of(b)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const IDS: [&str; 6] = ["cell_energy", "visible_energy", "n_hits", "cog_z", "radial", "longitudinal"];

    fn by_id(distances: [f64; 6]) -> ById {
        IDS.into_iter().zip(distances).collect()
    }

    pub(in crate::run_folder) fn validated(epoch: u32, jsd: [f64; 6]) -> Validated {
        let jsd = ByStage { raw: by_id([0.5; 6]), post_processed: Some(by_id(jsd)) };
        let area_difference = epoch.is_multiple_of(2).then(|| jsd.clone());
        Validated {
            epoch,
            step: u64::from(epoch),
            n_showers: 1,
            jsd,
            area_difference,
            kld_nats: vec![1.0],
            mean_divergence: None,
        }
    }

    #[test]
    fn the_best_epoch_is_relative_to_the_mean_of_each_histogram() {
        // Epoch 2 has the lower mean of distances, epoch 1 the lower score: its gain is in a histogram of small ones.
        let mut epochs = vec![
            validated(1, [0.40, 0.01, 0.1, 0.1, 0.1, 0.1]),
            validated(2, [0.30, 0.08, 0.1, 0.1, 0.1, 0.1]),
        ];
        for epoch in &mut epochs {
            epoch.jsd.raw = epoch.jsd.last().clone();
        }
        assert_eq!(best_epoch(&epochs).unwrap().epoch, 1);
        assert_eq!(best_epoch(&[]), None);
    }

    #[test]
    fn the_mean_divergence_chooses_where_all_epochs_have_one() {
        let mut epochs = vec![validated(1, [0.1; 6]), validated(2, [0.2; 6])];
        for (epoch, mean_divergence) in epochs.iter_mut().zip([0.02, 0.01]) {
            epoch.mean_divergence = Some(mean_divergence);
        }
        assert_eq!(best_epoch(&epochs).unwrap().epoch, 2);
        epochs[1].mean_divergence = None;
        assert_eq!(best_epoch(&epochs).unwrap().epoch, 1);
        let ids = ["cog_z", "n_hits"].map(str::to_owned);
        let mean = mean_divergence(&by_id([9.0, 9.0, 0.1, 0.3, 9.0, 9.0]), &ids).unwrap();
        assert!((mean - 0.05).abs() < 1e-15);
        assert_eq!(mean_divergence(&by_id([0.1; 6]), &["nada".to_owned()]), None);
        assert_eq!(mean_divergence(&by_id([0.1; 6]), &[]), None);
    }

    #[test]
    fn area_differences_have_divisors_where_all_epochs_have_them() {
        let [odd, even] = [1, 2].map(|epoch| validated(epoch, [0.25; 6]));
        // Of 0.5 without and 0.25 with post-processor.
        assert_eq!(area_divisors([&even, &even]), Some(by_id([0.375; 6])));
        assert_eq!(area_divisors([&odd, &even]), None);
    }

    /// The log of a run from before an observable was added, and one from after it: scores are of what both have.
    #[test]
    fn an_observable_that_some_epochs_lack_does_not_count() {
        let old = validated(1, [0.1; 6]);
        let mut new = validated(2, [0.2; 6]);
        let seventh =
            |distances: &ById, value| distances.iter().chain([("seventh", value)]).collect::<ById>();
        new.jsd.raw = seventh(&new.jsd.raw, 9.0);
        new.jsd.post_processed = new.jsd.post_processed.as_ref().map(|jsd| seventh(jsd, 9.0));
        let of_both = divisors([&old, &new]);
        assert_eq!(of_both.iter().map(|(id, _)| id).collect::<Vec<_>>(), IDS);
        assert!(score(old.jsd.last(), &of_both) < score(new.jsd.last(), &of_both));
        assert_eq!(divisors([&new]).len(), 7);
        assert!(score(old.jsd.last(), &divisors([&new])).is_infinite());
    }

    /// The validations that ship with the sources read and are written as they are.
    #[test]
    fn logs_of_shipped_models_keep_their_bytes() {
        for name in ["beta-0.05", "beta-0.4"] {
            let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models/photons");
            let run = crate::run_folder::RunFolder::new(&models.join(name));
            let epochs = run.validated().unwrap();
            let lines: Vec<String> =
                epochs.iter().map(|epoch| serde_json::to_string(epoch).unwrap() + "\n").collect();
            assert_eq!(lines.concat(), std::fs::read_to_string(run.validation()).unwrap());
            assert!(divisors(&epochs).len() == 6 && best_epoch(&epochs).is_some());
        }
    }
}
