//! How validated epochs compare with validation showers, and which of them is best.

use calo_metrics::results::Observable;
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
    pub jsd: ByStage<SixDistances>,
    /// Area differences; runs of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area_difference: Option<ByStage<SixDistances>>,
    /// Divergence of each encoded variable from N(0, 1), nats, over the validation showers.
    pub kld_nats: Vec<f64>,
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

/// One distance of each of the six histograms, in the order of [`Observable::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SixDistances {
    /// Visible cell energies.
    pub cell_energy: f64,
    /// Visible energy.
    pub visible_energy: f64,
    /// Number of hits.
    pub n_hits: f64,
    /// Centre of gravity along z.
    pub cog_z: f64,
    /// Radial profile.
    pub radial: f64,
    /// Longitudinal profile.
    pub longitudinal: f64,
}

impl SixDistances {
    /// Distances in the order of [`Observable::ALL`].
    pub fn from_array([cell_energy, visible_energy, n_hits, cog_z, radial, longitudinal]: [f64; 6]) -> Self {
        Self { cell_energy, visible_energy, n_hits, cog_z, radial, longitudinal }
    }

    /// Distances in the order of [`Observable::ALL`].
    pub fn to_array(self) -> [f64; Observable::ALL.len()] {
        let Self { cell_energy, visible_energy, n_hits, cog_z, radial, longitudinal } = self;
        [cell_energy, visible_energy, n_hits, cog_z, radial, longitudinal]
    }

    /// S_JSD, where these are Jensen-Shannon distances: the mean of the six, each divided by its divisor.
    pub fn score(self, divisors: &[f64; 6]) -> f64 {
        self.to_array().iter().zip(divisors).map(|(distance, divisor)| distance / divisor).sum::<f64>() / 6.0
    }
}

/// The divisors of S_JSD among these epochs, of one run or of several.
///
/// # Reference
/// decoding-photons, appendix A.
pub fn divisors<'a>(validated: impl IntoIterator<Item = &'a Validated>) -> [f64; 6] {
    means(validated.into_iter().map(|epoch| &epoch.jsd))
}

/// The same for the score of area differences, where all epochs have them.
pub fn area_divisors<'a>(validated: impl IntoIterator<Item = &'a Validated>) -> Option<[f64; 6]> {
    let all: Option<Vec<_>> = validated.into_iter().map(|epoch| epoch.area_difference.as_ref()).collect();
    all.map(means)
}

/// Mean of each distance over all epochs and stages.
fn means<'a>(distances: impl IntoIterator<Item = &'a ByStage<SixDistances>>) -> [f64; 6] {
    let all = distances.into_iter().flat_map(|epoch| epoch.all().map(|distances| distances.to_array()));
    let all: Vec<[f64; 6]> = all.collect();
    #[expect(clippy::cast_precision_loss, reason = "a few epochs")]
    let n = all.len().max(1) as f64;
    // Where a distance is zero in all epochs any divisor gives the same score.
    std::array::from_fn(|i| (all.iter().map(|six| six[i]).sum::<f64>() / n).max(f64::MIN_POSITIVE))
}

/// The epoch of the lowest S_JSD, divisors from all epochs of the run; the first of equals.
///
/// # Reference
/// decoding-photons, appendix A.
pub fn best_epoch(validated: &[Validated]) -> Option<&Validated> {
    best_of(validated, &divisors(validated))
}

/// The epoch of the lowest S_JSD by these divisors; the first of equals.
pub fn best_of<'a>(
    validated: impl IntoIterator<Item = &'a Validated>,
    divisors: &[f64; 6],
) -> Option<&'a Validated> {
    let score = |epoch: &Validated| epoch.jsd.last().score(divisors);
    validated.into_iter().min_by(|a, b| score(a).total_cmp(&score(b)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::run_folder) fn validated(epoch: u32, jsd: [f64; 6]) -> Validated {
        let jsd = ByStage {
            raw: SixDistances::from_array([0.5; 6]),
            post_processed: Some(SixDistances::from_array(jsd)),
        };
        let area_difference = epoch.is_multiple_of(2).then(|| jsd.clone());
        Validated { epoch, step: u64::from(epoch), n_showers: 1, jsd, area_difference, kld_nats: vec![1.0] }
    }

    #[test]
    fn the_best_epoch_is_relative_to_the_mean_of_each_histogram() {
        // Epoch 2 has the lower mean of distances, epoch 1 the lower score: its gain is in a histogram of small ones.
        let mut epochs = vec![
            validated(1, [0.40, 0.01, 0.1, 0.1, 0.1, 0.1]),
            validated(2, [0.30, 0.08, 0.1, 0.1, 0.1, 0.1]),
        ];
        for epoch in &mut epochs {
            epoch.jsd.raw = *epoch.jsd.last();
        }
        assert_eq!(best_epoch(&epochs).unwrap().epoch, 1);
        assert_eq!(best_epoch(&[]), None);
    }

    #[test]
    fn area_differences_have_divisors_where_all_epochs_have_them() {
        let [odd, even] = [1, 2].map(|epoch| validated(epoch, [0.25; 6]));
        // Of 0.5 without and 0.25 with post-processor.
        assert_eq!(area_divisors([&even, &even]), Some([0.375; 6]));
        assert_eq!(area_divisors([&odd, &even]), None);
    }
}
