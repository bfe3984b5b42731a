//! Bremsstrahlung in the screened field of nuclei and electrons, with its suppression in matter.
//!
//! Cross section: Tsai, Rev. Mod. Phys. 46 (1974) 815, eq. 3.9 with the analytical screening functions 3.38 to 3.41
//! (3.83 for complete screening of light atoms), Coulomb correction of Davies, Bethe and Maximon. Dielectric
//! suppression: Ter-Mikaelian (1972). Landau-Pomeranchuk-Migdal suppression: [`lpm`]. The combination is that of the
//! "relativistic" model in the Geant4 Physics Reference Manual, used at all energies; it treats positrons as
//! electrons. Below some MeV it is a few to ten per cent off the numerical cross sections of Seltzer and Berger.

mod lpm;
pub(crate) mod sampler;

use crate::constants::{ELECTRON_MASS_MEV, ELECTRON_RADIUS_MM, FINE_STRUCTURE, HBAR_C_MEV_MM};
use crate::material::{Element, Material};
use crate::random::Random;

/// Bremsstrahlung of electrons in one material.
#[derive(Debug, Clone)]
pub(crate) struct Brems {
    atoms: Vec<Atom>,
    /// Square of the plasma energy over the electron mass: photons below that ratio times the electron's energy
    /// are suppressed by the polarisation of the medium.
    dielectric_ratio2: f64,
    /// Migdal's energy scale, X0 alpha m^2 / (4 pi hbar c), MeV.
    lpm_mev: f64,
    /// Total energy above which multiple scattering matters more than polarisation, MeV.
    lpm_from_mev: f64,
}

/// What the cross section needs to know of one kind of atom.
#[derive(Debug, Clone, Copy)]
struct Atom {
    /// Atoms per volume times 16 alpha r_e^2 Z^2 / 3, 1/mm.
    scale_per_mm: f64,
    z: f64,
    log_z: f64,
    coulomb: f64,
    /// 100 m / Z^(1/3) and 100 m / Z^(2/3), MeV.
    gamma_mev: f64,
    epsilon_mev: f64,
    /// L_rad - f + L'_rad / Z.
    complete: f64,
    /// (1 + 1/Z) / 12.
    complete_edge: f64,
    /// Migdal's s_1, where the suppression starts to change the logarithm.
    lpm_s1: f64,
}

impl Atom {
    fn new(element: &Element, atoms_per_mm3: f64) -> Self {
        let z = element.z;
        let logarithms = element.radiation_logarithms();
        let coulomb = element.coulomb_correction();
        Self {
            scale_per_mm: atoms_per_mm3 * 16.0 / 3.0 * FINE_STRUCTURE * (ELECTRON_RADIUS_MM * z).powi(2),
            z,
            log_z: z.ln(),
            coulomb,
            gamma_mev: 100.0 * ELECTRON_MASS_MEV / z.cbrt(),
            epsilon_mev: 100.0 * ELECTRON_MASS_MEV / z.powf(2.0 / 3.0),
            complete: logarithms.nucleus - coulomb + logarithms.electrons / z,
            complete_edge: (1.0 + 1.0 / z) / 12.0,
            lpm_s1: lpm::s1(z),
        }
    }

    /// The bracket of the cross section for a photon with the share `y` of the total energy `total_mev`.
    fn shape(&self, y: f64, total_mev: f64) -> f64 {
        let rest = 1.0 - y;
        let main = rest + 0.75 * y * y;
        // Thomas and Fermi's atom has no meaning for the lightest.
        if self.z < 5.0 {
            return main * self.complete + rest * self.complete_edge;
        }
        let transfer = y / (rest * total_mev);
        let (gamma, epsilon) = (self.gamma_mev * transfer, self.epsilon_mev * transfer);
        // Tsai's phi1, phi1 - phi2, psi1 and psi1 - psi2.
        let phi = 16.863 - 2.0 * (1.0 + 0.311_877 * gamma * gamma).ln()
            + 2.4 * (-0.9 * gamma).exp()
            + 1.6 * (-1.5 * gamma).exp();
        let phi_difference = 2.0 / (3.0 + 19.5 * gamma + 18.0 * gamma * gamma);
        let psi = 24.34 - 2.0 * (1.0 + 13.111_641 * epsilon * epsilon).ln()
            + 2.8 * (-8.0 * epsilon).exp()
            + 1.2 * (-29.2 * epsilon).exp();
        let psi_difference = 2.0 / (3.0 + 120.0 * epsilon + 1200.0 * epsilon * epsilon);
        let nucleus = 0.25 * phi - self.log_z / 3.0 - self.coulomb;
        let electrons = (0.25 * psi - 2.0 * self.log_z / 3.0) / self.z;
        let edge = 0.125 * rest * (phi_difference + psi_difference / self.z);
        (main * (nucleus + electrons) + edge).max(0.0)
    }
}

impl Brems {
    pub(crate) fn new(material: &Material) -> Self {
        let parts = material.components.iter();
        let ratio = material.plasma_energy_mev() / ELECTRON_MASS_MEV;
        let lpm_mev = material.radiation_length_mm() * FINE_STRUCTURE * ELECTRON_MASS_MEV * ELECTRON_MASS_MEV
            / (4.0 * std::f64::consts::PI * HBAR_C_MEV_MM);
        Self {
            atoms: parts.map(|part| Atom::new(part.element, part.atoms_per_mm3)).collect(),
            dielectric_ratio2: ratio * ratio,
            lpm_mev,
            lpm_from_mev: ratio * lpm_mev,
        }
    }

    /// Photons emitted per path and per logarithm of their energy, 1/mm: k dN/dk.
    pub(crate) fn spectrum_per_mm(&self, kinetic_mev: f64, photon_mev: f64) -> f64 {
        if photon_mev <= 0.0 || photon_mev > kinetic_mev {
            return 0.0;
        }
        let total_mev = kinetic_mev + ELECTRON_MASS_MEV;
        let y = photon_mev / total_mev;
        let polarisation = self.dielectric_ratio2 / (y * y);
        let sum: f64 = if total_mev < self.lpm_from_mev {
            self.atoms.iter().map(|atom| atom.scale_per_mm * atom.shape(y, total_mev)).sum()
        } else {
            let s = (0.125 * y * self.lpm_mev / ((1.0 - y) * total_mev)).sqrt();
            let parts = self.atoms.iter();
            parts
                .map(|atom| {
                    let suppressed = lpm::suppressed(y, s, 1.0 + polarisation, atom.lpm_s1);
                    atom.scale_per_mm * (suppressed * atom.complete + (1.0 - y) * atom.complete_edge)
                })
                .sum()
        };
        sum / (1.0 + polarisation)
    }

    /// Inverse of the mean free path for photons above `cut_mev`, 1/mm.
    pub(crate) fn inverse_path_mm(&self, kinetic_mev: f64, cut_mev: f64) -> f64 {
        log_quadrature(cut_mev, kinetic_mev, |photon_mev| self.spectrum_per_mm(kinetic_mev, photon_mev))
    }

    /// Mean loss per path to photons below `cut_mev`, MeV/mm.
    pub(crate) fn restricted_mev_per_mm(&self, kinetic_mev: f64, cut_mev: f64) -> f64 {
        let highest_mev = cut_mev.min(kinetic_mev);
        // k dN is at most proportional to k: what is below a millionth of the cut does not count.
        log_quadrature(1e-6 * highest_mev, highest_mev, |photon_mev| {
            photon_mev * self.spectrum_per_mm(kinetic_mev, photon_mev)
        })
    }
}

/// Cosine of the angle to the electron at which a photon leaves. Tsai's distribution of the angle in units of m/E
/// (Rev. Mod. Phys. 49 (1977) 421), in the form of the Geant4 Physics Reference Manual.
#[inline]
pub(crate) fn emission_cos(kinetic_mev: f64, random: &mut Random) -> f64 {
    let gamma = 1.0 + kinetic_mev / ELECTRON_MASS_MEV;
    // A quarter of the photons follows u exp(-0.625 u), the rest u exp(-1.875 u).
    loop {
        let scale = if random.happens(0.25) { 1.6 } else { 1.6 / 3.0 };
        let u = scale * (random.exponential() + random.exponential());
        let part = u / (2.0 * gamma);
        if part <= 1.0 {
            return 1.0 - 2.0 * part * part;
        }
    }
}

/// Integral of `f` over the logarithm of its argument.
fn log_quadrature(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    /// Points and weights of Gauss and Legendre, four to each side.
    const RULE: [(f64, f64); 4] = [
        (0.183_434_642_495_649_8, 0.362_683_783_378_362),
        (0.525_532_409_916_329, 0.313_706_645_877_887_3),
        (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
        (0.960_289_856_497_536_3, 0.101_228_536_290_376_3),
    ];
    if low >= high {
        return 0.0;
    }
    let (from, to) = (low.ln(), high.ln());
    let parts = ((to - from) / 0.7).ceil().max(1.0);
    let half = 0.5 * (to - from) / parts;
    let mut sum = 0.0;
    for part in 0..parts as usize {
        let middle = from + (2.0 * part as f64 + 1.0) * half;
        for (point, weight) in RULE {
            sum += weight * (f((middle - point * half).exp()) + f((middle + point * half).exp()));
        }
    }
    sum * half
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::random;

    fn brems(name: &str) -> (Brems, Material) {
        let material = Material::named(name).unwrap();
        (Brems::new(&material), material)
    }

    /// NIST ESTAR (2017), radiative stopping power of water, MeV cm2/g. The Thomas-Fermi atom and the PDG's
    /// radiation length (27.7 MeV cm2/g at 1 GeV) are 4 % above Seltzer and Berger's cross sections behind ESTAR.
    #[test]
    fn electrons_radiate_what_estar_tabulates() {
        let (brems, material) = brems("water");
        for (kinetic_mev, expected) in [(100.0, 2.399), (1000.0, 26.28)] {
            let found =
                10.0 * brems.restricted_mev_per_mm(kinetic_mev, f64::INFINITY) / material.density_g_cm3;
            assert!((found / expected - 1.0).abs() < 0.045, "{kinetic_mev}: {found}, ESTAR {expected}");
        }
    }

    /// At 10 GeV an electron radiates its energy over a radiation length, and the edge term of complete screening
    /// adds (1 + 1/Z) / 9 over 8 L, one to two per cent.
    #[test]
    fn fast_electrons_radiate_over_a_radiation_length() {
        for name in ["tungsten", "silicon", "lead", "iron", "copper", "polystyrene"] {
            let (brems, material) = brems(name);
            let found =
                brems.restricted_mev_per_mm(1e4, f64::INFINITY) * material.radiation_length_mm() / 1e4;
            assert!((found - 1.01).abs() < 0.02, "{name}: {found}");
        }
    }

    #[test]
    fn soft_and_hard_photons_make_the_whole() {
        let (brems, _) = brems("tungsten");
        for kinetic_mev in [1.0, 50.0, 5e3, 1e5] {
            let cut_mev = 0.02;
            let soft = brems.restricted_mev_per_mm(kinetic_mev, cut_mev);
            let hard = log_quadrature(cut_mev, kinetic_mev, |photon_mev| {
                photon_mev * brems.spectrum_per_mm(kinetic_mev, photon_mev)
            });
            let all = brems.restricted_mev_per_mm(kinetic_mev, f64::INFINITY);
            assert!(((soft + hard) / all - 1.0).abs() < 1e-4, "{kinetic_mev}: {soft} + {hard}, {all}");
        }
        assert!(brems.inverse_path_mm(0.02, 0.02) <= 0.0);
    }

    /// In tungsten E_LPM is 2.7 TeV (Anthony et al., Phys. Rev. D 56 (1997) 1373): for 25 GeV suppression starts
    /// below k = E^2 / E_LPM = 232 MeV. At 30 MeV Migdal's s is 0.127, xi 1.29 and xi phi(s / sqrt xi) 0.62; at
    /// 1 MeV, a quarter of the plasma energy times gamma, polarisation leaves some per cent.
    #[test]
    fn matter_suppresses_soft_photons() {
        let (brems, _) = brems("tungsten");
        let lpm_tev = brems.lpm_mev * 1e-6;
        assert!((lpm_tev - 2.7).abs() < 0.1, "{lpm_tev}");
        let kinetic_mev = 25e3;
        let unsuppressed = |photon_mev: f64| {
            let y = photon_mev / (kinetic_mev + ELECTRON_MASS_MEV);
            let atom = &brems.atoms[0];
            atom.scale_per_mm * ((1.0 - y + 0.75 * y * y) * atom.complete + (1.0 - y) * atom.complete_edge)
        };
        let left =
            |photon_mev: f64| brems.spectrum_per_mm(kinetic_mev, photon_mev) / unsuppressed(photon_mev);
        assert!((left(2000.0) - 1.0).abs() < 0.02, "{}", left(2000.0));
        assert!((left(30.0) - 0.63).abs() < 0.03, "{}", left(30.0));
        assert!(left(1.0) > 0.02 && left(1.0) < 0.08, "{}", left(1.0));
    }

    #[test]
    fn photons_leave_at_the_angle_of_the_electron_mass() {
        let mut random = random(41);
        let kinetic_mev = 1000.0;
        let n = 100_000;
        // Mean of u: 0.25 * 3.2 + 0.75 * 3.2 / 3 = 1.6.
        let sum: f64 = (0..n).map(|_| (2.0 * (1.0 - emission_cos(kinetic_mev, &mut random))).sqrt()).sum();
        let mean_u = sum / f64::from(n) * (1.0 + kinetic_mev / ELECTRON_MASS_MEV);
        assert!((mean_u - 1.6).abs() < 4.0 * 1.5 / f64::from(n).sqrt(), "{mean_u}");
        assert!((0..1000).all(|_| (-1.0..=1.0).contains(&emission_cos(0.01, &mut random))));
    }
}
