//! Units that cannot be right: files of the CaloChallenge hold MeV throughout.

use calo_core::detector::LayeredDetector;

use crate::Result;
use crate::error::{bail, ensure};
use crate::evaluate::units;

/// Visible share of the incident energy, before any cut: calibrated voxels have about 1, raw ones of a sampling calorimeter
/// 0.005 or more. A mix-up with GeV is a factor of 1000.
const PLAUSIBLE_SHARE: [f64; 2] = [2.5e-3, 4.0];

/// Less of the energy than this above the cut, and nothing worth comparing is left.
const LEAST_ABOVE_CUT: f64 = 0.1;

/// Sums over the files of a sample.
#[derive(Debug, Clone)]
pub(super) struct Response {
    /// Before any cut.
    pub(super) sums: units::Response,
    /// Voxels above the cut, MeV as far as the files are right.
    pub(super) above_cut_mev: f64,
}

impl Response {
    /// Refuses a sample whose energies cannot be MeV. Where units are known, they are.
    pub(super) fn check(&self, detector: &LayeredDetector) -> Result<()> {
        let units::Response { file, cells_mev, incident_gev, n_showers, units_are_known } = &self.sums;
        ensure!(*cells_mev > 0.0, "{file}: all {n_showers} showers are empty; expected deposited energy");
        if *units_are_known {
            return Ok(());
        }
        let share = cells_mev / (1e3 * incident_gev);
        let [low, high] = PLAUSIBLE_SHARE;
        if !(low..=high).contains(&share) {
            let guess = if share < low { "voxels in GeV?" } else { "incident energies in GeV?" };
            bail!(
                "{file}: voxels sum to {share:.3e} of the incident energy ({guess}); expected all energies in MeV"
            );
        }
        let above = self.above_cut_mev / cells_mev;
        ensure!(
            above >= LEAST_ABOVE_CUT,
            "{file}: {:.1} % of the energy is in voxels above the cut of {} MeV (all energies in GeV?); expected voxels in \
             MeV, or a detector with a lower readout.cell_cut_mev",
            100.0 * above,
            detector.readout.cell_cut_mev
        );
        Ok(())
    }

    /// Refuses a candidate whose incident energies are about 1000 times the reference's, or a thousandth.
    pub(super) fn check_against(&self, reference: &Self) -> Result<()> {
        let ratio = self.sums.mean_incident_gev() / reference.sums.mean_incident_gev();
        ensure!(
            (1.0 / units::PLAUSIBLE_RATIO..units::PLAUSIBLE_RATIO).contains(&ratio),
            "{}: incident energies are {ratio:.3e} times those of {} (GeV in one, MeV in the other?); expected MeV in both",
            self.sums.file,
            reference.sums.file
        );
        Ok(())
    }
}
