//! What is simulated: the settings of the Geant4 files.

/// A particle in its detector, and the files that are compared.
#[derive(Debug)]
pub(crate) struct Beam {
    /// Name in headings and of figures.
    pub(crate) name: &'static str,
    /// The particle as `calo simulate` calls it.
    pub(crate) particle: &'static str,
    pub(crate) detector: &'static str,
    /// All energies.
    pub(crate) spectrum: Showers,
    /// Single energies.
    pub(crate) fixed: &'static [Showers],
    /// Largest excess that any of the six histograms may have.
    pub(crate) excess_limit: f64,
    /// Least showers in a second, on two cores.
    pub(crate) rate_limit: f64,
    /// What Geant4 needed for one shower, s of CPU time.
    pub(crate) geant4_cpu_s: f64,
}

/// One file of showers.
#[derive(Debug)]
pub(crate) struct Showers {
    /// Energy or range as `calo simulate` reads it, GeV.
    pub(crate) energy: &'static str,
    /// Name of Geant4's file and of ours.
    pub(crate) file: &'static str,
    /// Showers that are simulated unless told.
    pub(crate) n: u64,
}

/// Photons in the ECal, as many as Geant4 has; pions in the AHCal, more of them because one in 75 punches through.
pub(crate) const BEAMS: [Beam; 2] = [
    Beam {
        name: "photons",
        particle: "gamma",
        detector: "ild-ecal",
        spectrum: Showers { energy: "10..100", file: "photon_uniform.hdf5", n: 4500 },
        fixed: &[
            Showers { energy: "20", file: "photon_single_20GeV.hdf5", n: 1000 },
            Showers { energy: "50", file: "photon_single_50GeV.hdf5", n: 1000 },
            Showers { energy: "80", file: "photon_single_80GeV.hdf5", n: 1000 },
        ],
        excess_limit: 0.1,
        rate_limit: 130.0,
        geant4_cpu_s: 0.65,
    },
    Beam {
        name: "pions",
        particle: "pi+",
        detector: "ild-ahcal",
        spectrum: Showers { energy: "10..100", file: "pion_uniform.hdf5", n: 9000 },
        fixed: &[],
        excess_limit: 0.2,
        rate_limit: 300.0,
        geant4_cpu_s: 0.25,
    },
];

impl Beam {
    /// Every file, the spectrum first.
    pub(crate) fn files(&self) -> impl Iterator<Item = &Showers> {
        std::iter::once(&self.spectrum).chain(self.fixed)
    }
}
