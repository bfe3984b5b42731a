//! What an evaluation gathers from a file.

use crate::error::{Error, Result};
use crate::observables::{BinnedObservable, ObservableSettings, ShowerStart};

/// What an evaluation gathers from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleSettings {
    /// `[layers, nx, ny]` of every shower.
    pub shape: [usize; 3],
    /// Cell cut and shower start.
    pub observables: ObservableSettings,
    /// What is histogrammed, in the order of tables and figures.
    pub histograms: Vec<BinnedObservable>,
    /// Nominal energies at which observables of fixed energies are compared, GeV.
    pub energies_gev: Vec<f64>,
    /// Half the width of the window of the full spectrum that is taken for a nominal energy, GeV.
    pub window_half_width_gev: f64,
    /// Bootstrap replicas of every histogram.
    pub replicas: usize,
    /// Seed of halves and replicas.
    pub seed: u64,
}

impl SampleSettings {
    /// The papers' settings: 20, 50 and 80 GeV, windows of 2 GeV to either side, 50 replicas, seed 0.
    pub fn new(
        shape: [usize; 3],
        cell_cut_mev: f64,
        mip_mev: f64,
        histograms: Vec<BinnedObservable>,
    ) -> Self {
        Self {
            shape,
            observables: ObservableSettings { cell_cut_mev, shower_start: ShowerStart::new(mip_mev) },
            histograms,
            energies_gev: vec![20.0, 50.0, 80.0],
            window_half_width_gev: 2.0,
            replicas: 50,
            seed: 0,
        }
    }

    /// Where an observable stands in [`Self::histograms`].
    pub(crate) fn position(&self, id: &str) -> Option<usize> {
        self.histograms.iter().position(|binned| binned.observable.info.id == id)
    }

    pub(crate) fn validate(&self) -> Result<()> {
        self.observables.validate()?;
        for (i, BinnedObservable { observable, .. }) in self.histograms.iter().enumerate() {
            observable.validate()?;
            let id = &observable.info.id;
            if self.histograms[..i].iter().any(|other| other.observable.info.id == *id) {
                return Err(Error::parameter("histograms", format!("{id} twice"), "each observable once"));
            }
        }
        for (i, &energy) in self.energies_gev.iter().enumerate() {
            check_positive(&format!("energies_gev[{i}]"), energy)?;
        }
        check_positive("window_half_width_gev", self.window_half_width_gev)?;
        if self.replicas > 10_000 {
            return Err(Error::parameter("replicas", self.replicas, "at most 10000 replicas"));
        }
        Ok(())
    }
}

pub(super) fn check_positive(name: &str, value: f64) -> Result<()> {
    if value.is_finite() && value > 0.0 {
        return Ok(());
    }
    Err(Error::parameter(name, value, "a finite energy above 0 GeV"))
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FileKind {
    /// Showers of many energies; a window around each nominal energy is taken for it.
    FullSpectrum,
    /// Showers of one energy.
    FixedEnergy {
        /// That energy, GeV.
        energy_gev: f64,
    },
}
