//! Photons in matter: pair production, Compton scattering and the photoelectric effect.
//!
//! Left out: Rayleigh scattering, which deflects photons of some ten keV a little and deposits nothing; nuclear
//! absorption; fluorescence; the suppression of pair production by the medium (LPM), which is below 1 % under 100
//! GeV.

pub(crate) mod compton;
pub(crate) mod pair;
pub(crate) mod photoelectric;
pub(crate) mod photoelectric_data;
pub(crate) mod tables;

pub(crate) use tables::{PhotonTables, Process};
