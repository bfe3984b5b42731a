//! What others have published about their models, to be set beside our numbers. Quoted, not computed.

/// One model on one data set of the CaloChallenge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Published {
    /// The model.
    pub name: &'static str,
    /// Built-in detector of the data set.
    pub detector: &'static str,
    /// Area under the ROC curve of the challenge's networks on voxels, on features, and of its convolutional one.
    pub auc: Option<[f64; 3]>,
    /// FPD as the challenge computes it, from batches with replacement; it quotes 1000 times this.
    pub fpd_with_replacement: Option<f64>,
    /// Milliseconds a shower takes on a CPU, in batches of 1 and of 100.
    pub cpu_milliseconds: Option<[f64; 2]>,
}

/// Where the numbers stand.
pub const PUBLISHED_IN: &str = "CaloChallenge, arXiv:2410.21611";

/// Published numbers, as quoted in [`PUBLISHED_IN`].
pub static PUBLISHED: [Published; 7] = [
    Published {
        name: "Geant4",
        detector: "calochallenge-2",
        auc: None,
        fpd_with_replacement: Some(0.0108),
        cpu_milliseconds: None,
    },
    Published {
        name: "Geant4",
        detector: "calochallenge-3",
        auc: None,
        fpd_with_replacement: Some(0.0088),
        cpu_milliseconds: None,
    },
    Published {
        name: "CaloDREAM",
        detector: "calochallenge-2",
        auc: Some([0.531, 0.521, 0.681]),
        fpd_with_replacement: None,
        cpu_milliseconds: Some([16_900.0, 5100.0]),
    },
    Published {
        name: "CaloDiffusion",
        detector: "calochallenge-2",
        auc: Some([0.577, 0.591, 0.680]),
        fpd_with_replacement: None,
        cpu_milliseconds: None,
    },
    Published {
        name: "convolutional L2LFlows",
        detector: "calochallenge-2",
        auc: Some([0.708, 0.737, 0.941]),
        fpd_with_replacement: None,
        cpu_milliseconds: Some([1969.0, 121.0]),
    },
    Published {
        name: "CaloINN",
        detector: "calochallenge-2",
        auc: None,
        fpd_with_replacement: None,
        cpu_milliseconds: Some([388.0, 60.0]),
    },
    Published {
        name: "MDMA",
        detector: "calochallenge-2",
        auc: Some([0.942, 0.987, 1.0]),
        fpd_with_replacement: None,
        cpu_milliseconds: Some([14.0, 20.0]),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_stands_once_a_data_set_and_has_possible_numbers() {
        for (i, one) in PUBLISHED.iter().enumerate() {
            let twin = |other: &&Published| (other.name, other.detector) == (one.name, one.detector);
            assert_eq!(PUBLISHED.iter().filter(twin).count(), 1, "{i}");
            assert!(one.auc.iter().flatten().all(|auc| (0.5..=1.0).contains(auc)));
            assert!(one.fpd_with_replacement.is_none_or(|fpd| (0.0..1.0).contains(&fpd)));
            assert!(
                one.auc.is_some() || one.fpd_with_replacement.is_some() || one.cpu_milliseconds.is_some()
            );
        }
    }
}
