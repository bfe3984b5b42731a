//! Chemical elements that the known materials are made of.

use crate::constants;
use crate::photon::photoelectric::Atom;
use crate::photon::photoelectric_data;

/// A chemical element.
#[derive(Debug)]
pub(crate) struct Element {
    /// Atomic number.
    pub(crate) z: f64,
    /// Standard atomic weight (IUPAC).
    pub(crate) a_g_mol: f64,
    /// Mean excitation energy in condensed matter, or in the gas for those that are gases (Sternheimer, Berger and
    /// Seltzer, At. Data Nucl. Data Tables 30 (1984) 261).
    pub(crate) mean_excitation_ev: f64,
    /// Photoelectric cross-sections and shells.
    pub(crate) photoelectric: &'static Atom,
}

/// Radiation logarithms (Tsai, Rev. Mod. Phys. 46 (1974) 815).
#[derive(Debug, Clone, Copy)]
pub(crate) struct RadiationLogarithms {
    /// Of the nucleus, `L_rad`.
    pub(crate) nucleus: f64,
    /// Of the electrons, `L'_rad`.
    pub(crate) electrons: f64,
}

impl Element {
    /// Coulomb correction `f(Z)` to the Born approximation (Davies, Bethe and Maximon, Phys. Rev. 93 (1954) 788; in
    /// the form of the PDG review "Passage of particles through matter": good to four places).
    pub(crate) fn coulomb_correction(&self) -> f64 {
        let a2 = (constants::FINE_STRUCTURE * self.z).powi(2);
        a2 * (1.0 / (1.0 + a2) + 0.20206 - 0.0369 * a2 + 0.0083 * a2 * a2 - 0.002 * a2 * a2 * a2)
    }

    /// Tabulated for the lightest elements, for which the Thomas-Fermi model is too coarse.
    pub(crate) fn radiation_logarithms(&self) -> RadiationLogarithms {
        let (nucleus, electrons) = match self.z as u32 {
            1 => (5.31, 6.144),
            2 => (4.79, 5.621),
            3 => (4.74, 5.805),
            4 => (4.71, 5.924),
            _ => ((184.15 / self.z.cbrt()).ln(), (1194.0 / self.z.cbrt().powi(2)).ln()),
        };
        RadiationLogarithms { nucleus, electrons }
    }

    /// `1 / (X0 n)`: the cross-section that one atom adds to the inverse radiation length, mm2 (Tsai's formula, as
    /// in the PDG review).
    pub(crate) fn radiation_cross_section_mm2(&self) -> f64 {
        let RadiationLogarithms { nucleus, electrons } = self.radiation_logarithms();
        let z = self.z;
        4.0 * constants::FINE_STRUCTURE
            * constants::ELECTRON_RADIUS_MM.powi(2)
            * (z * z * (nucleus - self.coulomb_correction()) + z * electrons)
    }
}

pub(crate) static HYDROGEN: Element = Element {
    z: 1.0,
    a_g_mol: 1.008,
    mean_excitation_ev: 19.2,
    photoelectric: &photoelectric_data::HYDROGEN,
};
pub(crate) static CARBON: Element =
    Element { z: 6.0, a_g_mol: 12.011, mean_excitation_ev: 78.0, photoelectric: &photoelectric_data::CARBON };
pub(crate) static NITROGEN: Element = Element {
    z: 7.0,
    a_g_mol: 14.007,
    mean_excitation_ev: 82.0,
    photoelectric: &photoelectric_data::NITROGEN,
};
pub(crate) static OXYGEN: Element =
    Element { z: 8.0, a_g_mol: 15.999, mean_excitation_ev: 95.0, photoelectric: &photoelectric_data::OXYGEN };
pub(crate) static ALUMINIUM: Element = Element {
    z: 13.0,
    a_g_mol: 26.982,
    mean_excitation_ev: 166.0,
    photoelectric: &photoelectric_data::ALUMINIUM,
};
pub(crate) static SILICON: Element = Element {
    z: 14.0,
    a_g_mol: 28.085,
    mean_excitation_ev: 173.0,
    photoelectric: &photoelectric_data::SILICON,
};
pub(crate) static ARGON: Element = Element {
    z: 18.0,
    a_g_mol: 39.948,
    mean_excitation_ev: 188.0,
    photoelectric: &photoelectric_data::ARGON,
};
pub(crate) static IRON: Element =
    Element { z: 26.0, a_g_mol: 55.845, mean_excitation_ev: 286.0, photoelectric: &photoelectric_data::IRON };
pub(crate) static COPPER: Element = Element {
    z: 29.0,
    a_g_mol: 63.546,
    mean_excitation_ev: 322.0,
    photoelectric: &photoelectric_data::COPPER,
};
pub(crate) static TUNGSTEN: Element = Element {
    z: 74.0,
    a_g_mol: 183.84,
    mean_excitation_ev: 727.0,
    photoelectric: &photoelectric_data::TUNGSTEN,
};
pub(crate) static LEAD: Element =
    Element { z: 82.0, a_g_mol: 207.2, mean_excitation_ev: 823.0, photoelectric: &photoelectric_data::LEAD };
