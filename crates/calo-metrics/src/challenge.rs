//! The features and scores of the Fast Calorimeter Simulation Challenge, as its own evaluation computes them.
//!
//! A shower is a row of voxels in MeV: rings around the particle's direction, cut into sectors, layer after layer.
//!
//! * [`Layout`] says how; [`ShowerFeatures`] are energies, centres, widths and sparsities of showers.
//! * [`ChallengeHistograms`] hold one sample, in any number of batches, and [`separation_powers`] compares two.
//! * [`scaled_by_reference`], [`kpd_settings`] and `fpd_settings` prepare KPD and FPD on [`ShowerFeatures::vector`],
//!   [`challenge_prdc`] is precision, recall, density and coverage on voxels.
//! * [`ChallengeSample`] reduces a stream of batches to what is compared, [`compare_challenge`] computes
//!   [`CHALLENGE_SCORES`], the list of scores.
//!
//! # Reference
//! The CaloChallenge, arXiv 2410.21611; its evaluation code of August 2025 (revision 9b41df7).

mod decades;
mod drawn;
mod features;
mod histograms;
mod judge;
mod layout;
mod pairwise;
mod published;
mod sample;
mod scores;

pub use drawn::feature_histograms;
pub use features::ShowerFeatures;
pub use histograms::{
    ChallengeHistograms, LargestEnergies, NamedHistogram, SeparationPower, separation_powers,
};
pub use judge::{CHALLENGE_SCORES, ChallengeScoreKind, ChallengeSettings, ComparedParts, compare_challenge};
pub use layout::{Feature, FeatureColumn, Layout, LayoutLayer, LayoutRanges};
pub use published::{PUBLISHED, PUBLISHED_IN, Published};
pub use sample::{ChallengeHalf, ChallengePart, ChallengeSample, KeptShowers};
#[cfg(feature = "frechet")]
pub use scores::fpd_settings;
pub use scores::{N_NEIGHBOURS, challenge_prdc, kpd_settings, scaled_by_reference};
