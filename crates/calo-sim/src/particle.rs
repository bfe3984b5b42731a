//! Kinds of particles, and particles in flight.

use std::fmt;
use std::str::FromStr;

use crate::constants;
use crate::random::Azimuth;

/// Kinds of particles that are tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Photon.
    Photon,
    /// Electron.
    Electron,
    /// Positron.
    Positron,
    /// Positive pion.
    PionPlus,
    /// Negative pion.
    PionMinus,
    /// Positive muon.
    MuonPlus,
    /// Negative muon.
    MuonMinus,
    /// Proton.
    Proton,
    /// Neutron.
    Neutron,
}

impl Kind {
    /// Rest energy, MeV.
    pub fn mass_mev(self) -> f64 {
        match self {
            Self::Photon => 0.0,
            Self::Electron | Self::Positron => constants::ELECTRON_MASS_MEV,
            Self::PionPlus | Self::PionMinus => constants::CHARGED_PION_MASS_MEV,
            Self::MuonPlus | Self::MuonMinus => constants::MUON_MASS_MEV,
            Self::Proton => constants::PROTON_MASS_MEV,
            Self::Neutron => constants::NEUTRON_MASS_MEV,
        }
    }

    /// Charge in units of the positron's.
    pub fn charge(self) -> f64 {
        match self {
            Self::Photon | Self::Neutron => 0.0,
            Self::Positron | Self::PionPlus | Self::MuonPlus | Self::Proton => 1.0,
            Self::Electron | Self::PionMinus | Self::MuonMinus => -1.0,
        }
    }

    /// What a particle of `kinetic_mev` stands for in the energy balance, MeV. Pions and muons are made from energy and
    /// turn back into it, and a positron takes an electron along: rest energies count. Nucleons and electrons are there
    /// before and after: kinetic energy alone.
    #[inline]
    pub(crate) fn account_mev(self, kinetic_mev: f64) -> f64 {
        match self {
            Self::PionPlus | Self::PionMinus | Self::MuonPlus | Self::MuonMinus => {
                kinetic_mev + self.mass_mev()
            }
            Self::Positron => kinetic_mev + 2.0 * self.mass_mev(),
            Self::Photon | Self::Electron | Self::Proton | Self::Neutron => kinetic_mev,
        }
    }

    /// PDG Monte Carlo number.
    pub fn pdg(self) -> i32 {
        match self {
            Self::Photon => 22,
            Self::Electron => 11,
            Self::Positron => -11,
            Self::PionPlus => 211,
            Self::PionMinus => -211,
            Self::MuonPlus => -13,
            Self::MuonMinus => 13,
            Self::Proton => 2212,
            Self::Neutron => 2112,
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = NAMES.iter().find(|(names, _)| names.contains(&name));
        known.map(|(_, kind)| *kind).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(names, _)| names[0]).collect();
            format!("no particle named `{name}`; expected one of {}", names.join(", "))
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = NAMES.iter().find(|(_, kind)| kind == self);
        f.write_str(known.map_or("particle", |(names, _)| names[0]))
    }
}

/// Names of the kinds; the first one is used for output.
const NAMES: [(&[&str], Kind); 9] = [
    (&["gamma", "photon"], Kind::Photon),
    (&["e-", "electron"], Kind::Electron),
    (&["e+", "positron"], Kind::Positron),
    (&["pi+", "pion"], Kind::PionPlus),
    (&["pi-"], Kind::PionMinus),
    (&["mu+"], Kind::MuonPlus),
    (&["mu-", "muon"], Kind::MuonMinus),
    (&["proton", "p"], Kind::Proton),
    (&["neutron", "n"], Kind::Neutron),
];

/// A particle in flight. Vectors are `[x, depth, y]`, right-handed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Particle {
    pub(crate) kind: Kind,
    /// Index of the slab it is in.
    pub(crate) slab: u32,
    /// Kinetic energy, MeV.
    pub(crate) kinetic_mev: f64,
    pub(crate) position_mm: [f64; 3],
    /// Unit vector.
    pub(crate) direction: [f64; 3],
}

impl Particle {
    /// What this particle stands for in the energy balance, MeV.
    #[inline]
    pub(crate) fn account_mev(&self) -> f64 {
        self.kind.account_mev(self.kinetic_mev)
    }

    /// Moves straight on.
    #[inline]
    pub(crate) fn advance(&mut self, way_mm: f64) {
        for (position, direction) in self.position_mm.iter_mut().zip(self.direction) {
            *position += way_mm * direction;
        }
    }

    /// A secondary born where this particle is.
    #[inline]
    pub(crate) fn child(&self, kind: Kind, kinetic_mev: f64, direction: [f64; 3]) -> Self {
        Self { kind, kinetic_mev, direction, ..*self }
    }
}

/// `direction` turned by a polar angle, given as its cosine, and an azimuth.
#[inline]
pub(crate) fn turned(direction: [f64; 3], cos: f64, azimuth: Azimuth) -> [f64; 3] {
    let sin = (1.0 - cos * cos).max(0.0).sqrt();
    let (a, b) = (sin * azimuth.cos, sin * azimuth.sin);
    let [u, v, w] = direction;
    // Two vectors normal to the direction, without a root (Duff et al., J. Comput. Graph. Tech. 6 (2017) 1).
    let sign = 1.0_f64.copysign(w);
    let p = -1.0 / (sign + w);
    let q = u * v * p;
    let new = [
        u * cos + a * (1.0 + sign * u * u * p) + b * q,
        v * cos + a * sign * q + b * (sign + v * v * p),
        w * cos - a * sign * u - b * v,
    ];
    // One Newton step keeps the length at one through thousands of turns.
    let length2 = new[0] * new[0] + new[1] * new[1] + new[2] * new[2];
    let scale = 1.5 - 0.5 * length2;
    [new[0] * scale, new[1] * scale, new[2] * scale]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_keeps_length_and_angle() {
        for start in [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [0.6, 0.0, 0.8]] {
            for cos in [-1.0, -0.3, 0.5, 0.999_999, 1.0] {
                let new = turned(start, cos, Azimuth::at(0.7));
                let dot: f64 = start.iter().zip(new).map(|(a, b)| a * b).sum();
                let length2: f64 = new.iter().map(|a| a * a).sum();
                assert!((dot - cos).abs() < 1e-9, "{start:?} {cos}: {dot}");
                assert!((length2 - 1.0).abs() < 1e-12);
            }
        }
    }
}
