//! What is compared with what.

use std::path::PathBuf;

use serde::Serialize;

use super::observable_set::ObservableSet;
use crate::files::InputOptions;

/// Which samples are compared with the truth, and in which observables.
#[derive(Debug, Clone, Serialize)]
pub struct AmplificationRequest {
    /// Showers that stand for the truth; without independent ones some of them are held out.
    pub reference: PathBuf,
    /// More showers of the same origin, to measure the divergence of so many independent showers.
    pub independent: Option<PathBuf>,
    /// Share of the reference that is held out for that, where there is no file.
    pub holdout: f64,
    /// Showers that the models were trained with.
    pub training: PathBuf,
    /// Showers of models; files of one name are one sample.
    pub candidates: Vec<NamedFiles>,
    /// Values that a kernel density and a histogram are sampled for; 0 for neither.
    pub n_estimated: usize,
    /// What these are fitted to, each for itself: the training set where there is nothing else.
    pub estimate_from: Vec<NamedFiles>,
    /// Observables and combinations of them.
    pub observables: Vec<ObservableSet>,
    /// How the showers are found, with the detector that all are of.
    pub from: InputOptions,
    /// Seed of all resampling and of the estimators.
    pub seed: u64,
    /// Folder for amplification.json, amplification.html and figures/.
    pub out: PathBuf,
}

/// Files of one sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedFiles {
    /// What to call it.
    pub name: String,
    /// Its files, one after another.
    pub files: Vec<PathBuf>,
}
