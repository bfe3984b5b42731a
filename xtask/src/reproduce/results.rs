//! What the table needs of the files that `calo` writes.

use serde::{Deserialize, Serialize};

/// A number with its standard error, where one is known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) error: Option<f64>,
}

/// Of `results.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Results {
    pub(super) samples: Vec<Sample>,
    pub(super) observables: Vec<Observable>,
    pub(super) floor: Comparison,
    pub(super) comparisons: Vec<Comparison>,
    pub(super) moments: Vec<Moments>,
    pub(super) linearity: Vec<Response>,
    pub(super) gaps: Vec<Gap>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) n_showers: u64,
}

/// An observable that is compared.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Observable {
    pub(super) id: String,
    pub(super) label: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comparison {
    pub(super) name: String,
    pub(super) histograms: Vec<Histogram>,
    pub(super) scores: Vec<Score>,
}

/// A number with its names; without a value where it could not be computed.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Score {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) value: Option<f64>,
    pub(super) error: Option<f64>,
    /// What it belongs to, where it is the extreme of many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) detail: Vec<String>,
}

impl Score {
    pub(super) fn estimate(&self) -> Option<Estimate> {
        self.value.map(|value| Estimate { value, error: self.error })
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Histogram {
    pub(super) observable: String,
    pub(super) jsd: Estimate,
}

/// Mean of an observable of one sample.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Moments {
    pub(super) sample: usize,
    pub(super) observable: String,
    pub(super) energy_gev: Option<f64>,
    pub(super) source: Option<String>,
    pub(super) mean: Estimate,
}

/// Visible energy of one sample at one incident energy, of the 90 % that lie closest together.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Response {
    pub(super) sample: usize,
    pub(super) energy_gev: f64,
    pub(super) source: String,
    /// sigma90 / mu90.
    pub(super) resolution: Estimate,
}

/// Something that could not be computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Gap {
    pub(super) what: String,
    pub(super) why: String,
}

/// Of `selection.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Selection {
    pub(super) runs: Vec<SelectedRun>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct SelectedRun {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) beta_kld: Option<f64>,
    pub(super) best_epoch: u32,
    pub(super) best_s_jsd: f64,
    pub(super) epochs: Vec<SelectedEpoch>,
}

impl SelectedRun {
    /// Summed divergence of the latent variables at the best epoch, nats.
    pub(super) fn best_kld_nats(&self) -> Option<f64> {
        let best = self.epochs.iter().find(|epoch| epoch.epoch == self.best_epoch);
        best.map(|epoch| epoch.kld_nats)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct SelectedEpoch {
    pub(super) epoch: u32,
    pub(super) kld_nats: f64,
}

/// Of `latent.json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct LatentResults {
    pub(super) correlations: Correlations,
}

/// Coefficients by observable, then variable by falling divergence.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Correlations {
    pub(super) observables: Vec<String>,
    pub(super) coefficients: Vec<Vec<Option<f64>>>,
}

impl LatentResults {
    /// Correlation of the variable of the highest divergence with the centre of gravity in depth.
    pub(super) fn top_with_cog_z(&self) -> Option<f64> {
        let row = self.correlations.observables.iter().position(|name| name == "m1z")?;
        *self.correlations.coefficients.get(row)?.first()?
    }
}
