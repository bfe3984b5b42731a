//! Units that cannot be right, seen in the ratio of two samples.

use calo_data::UnitHint;

use crate::Result;
use crate::error::{bail, ensure};

/// Sums over a file, before any cut.
#[derive(Debug, Clone)]
pub(super) struct Response {
    /// The file, for messages.
    pub(super) file: String,
    /// All cells, MeV as far as the file is right.
    pub(super) cells_mev: f64,
    /// All incident energies, GeV as far as the file is right.
    pub(super) incident_gev: f64,
    /// Showers behind the sums.
    pub(super) n_showers: u64,
    /// Whether its units are known, however bad its showers: a model of calo made the file, or the caller trusts it.
    pub(super) units_are_known: bool,
}

impl Response {
    pub(super) fn mean_incident_gev(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 showers")]
        let n = self.n_showers as f64;
        self.incident_gev / n
    }

    /// Refuses a file whose own response is a factor of 1000 off what calorimeters show, whatever it is compared with.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(
            self.cells_mev > 0.0,
            "{}: all {} showers are empty; expected deposited energy",
            self.file,
            self.n_showers
        );
        if let Some(hint) = UnitHint::of_response(self.mev_per_gev()).filter(|_| !self.units_are_known) {
            bail!(
                "{}: {:.3e} MeV of cells for each GeV of incident energy; {} (likely a mix-up of MeV and GeV)",
                self.file,
                self.mev_per_gev(),
                hint.describe()
            );
        }
        Ok(())
    }

    fn mev_per_gev(&self) -> f64 {
        self.cells_mev / self.incident_gev
    }
}

/// Refuses a fixed-energy file whose response is not that of its sample; its incident energies are checked by themselves.
pub(super) fn check_response(sample: &Response, fixed: &Response) -> Result<()> {
    let ratio = fixed.mev_per_gev() / sample.mev_per_gev();
    ensure!(
        (sample.units_are_known && fixed.units_are_known)
            || (1.0 / PLAUSIBLE_RATIO..PLAUSIBLE_RATIO).contains(&ratio),
        "{}: cells are {ratio:.3e} times those of {}; expected the same detector and units",
        fixed.file,
        sample.file
    );
    Ok(())
}

/// Samples worth comparing differ by far less.
pub(super) const PLAUSIBLE_RATIO: f64 = 30.0;

/// Refuses a candidate whose cells or incident energies are about 1000 times the reference's, or a thousandth.
///
/// Spectra and responses of samples worth comparing differ by far less than the factor of 30 either way that decides.
pub(super) fn check_against(reference: &Response, candidate: &Response) -> Result<()> {
    let pairs = [
        ("incident energies", "GeV", reference.mean_incident_gev(), candidate.mean_incident_gev()),
        ("cells", "MeV", reference.mev_per_gev(), candidate.mev_per_gev()),
    ];
    for (what, unit, expected, found) in pairs {
        if candidate.units_are_known && what == "cells" {
            continue;
        }
        let ratio = found / expected;
        if !(1.0 / PLAUSIBLE_RATIO..PLAUSIBLE_RATIO).contains(&ratio) {
            let guess = if (0.3e3..3e3).contains(&ratio) || (0.3e-3..3e-3).contains(&ratio) {
                "a factor of about 1000 is likely a mix-up of MeV and GeV"
            } else {
                "units or detectors differ"
            };
            bail!(
                "{}: {what} are {ratio:.3e} times those of {} ({guess}); expected {what} in {unit}",
                candidate.file,
                reference.file
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(cells_mev: f64, incident_gev: f64) -> Response {
        Response { file: "f".to_owned(), cells_mev, incident_gev, n_showers: 10, units_are_known: false }
    }

    /// A model that has learned nothing is judged like any other.
    #[test]
    fn weak_showers_of_a_model_are_no_mix_up() {
        let generated = |cells_mev| Response { units_are_known: true, ..response(cells_mev, 50.0) };
        let (good, weak) = (response(1000.0, 50.0), generated(0.5));
        check_against(&good, &weak).unwrap();
        weak.check().unwrap();
        check_response(&weak, &generated(100.0)).unwrap();
        assert!(generated(0.0).check().is_err() && response(0.5, 50.0).check().is_err());
    }

    #[test]
    fn a_thousandth_is_a_mix_up() {
        let good = response(1000.0, 50.0);
        assert!(check_against(&good, &response(900.0, 55.0)).is_ok());
        for bad in [response(1.0, 50.0), response(1e6, 50.0), response(1e6, 5e4), response(1.0, 0.05)] {
            let message = check_against(&good, &bad).unwrap_err().to_string();
            assert!(message.contains("mix-up of MeV and GeV"), "{message}");
        }
        let message = check_against(&good, &response(20.0, 50.0)).unwrap_err().to_string();
        assert!(message.contains("units or detectors differ"), "{message}");
        let message = response(0.0, 50.0).check().unwrap_err().to_string();
        assert!(message.contains("all 10 showers are empty"), "{message}");
    }
}
