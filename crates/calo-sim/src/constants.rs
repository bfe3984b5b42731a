//! Physical constants (CODATA 2018, PDG 2022). Energies in MeV, lengths in mm.

/// Rest energy of the electron, MeV.
pub(crate) const ELECTRON_MASS_MEV: f64 = 0.510_998_95;
/// Classical electron radius, mm.
pub(crate) const ELECTRON_RADIUS_MM: f64 = 2.817_940_326_2e-12;
/// Fine-structure constant.
pub(crate) const FINE_STRUCTURE: f64 = 7.297_352_569_3e-3;
/// Reduced Planck constant times the speed of light, MeV mm.
pub(crate) const HBAR_C_MEV_MM: f64 = 1.973_269_804e-10;
/// Avogadro's number, 1/mol.
pub(crate) const AVOGADRO: f64 = 6.022_140_76e23;
/// Momentum that a field of 1 tesla bends to a radius of 1 mm, MeV/c.
pub(crate) const MEV_PER_TESLA_MM: f64 = 0.299_792_458;
/// Rest energies, MeV.
pub(crate) const CHARGED_PION_MASS_MEV: f64 = 139.570_39;
/// Rest energy of the neutral pion, MeV.
pub(crate) const NEUTRAL_PION_MASS_MEV: f64 = 134.976_8;
/// Rest energy of the muon, MeV.
pub(crate) const MUON_MASS_MEV: f64 = 105.658_375_5;
/// Rest energy of the proton, MeV.
pub(crate) const PROTON_MASS_MEV: f64 = 938.272_088;
/// Rest energy of the neutron, MeV.
pub(crate) const NEUTRON_MASS_MEV: f64 = 939.565_420;
