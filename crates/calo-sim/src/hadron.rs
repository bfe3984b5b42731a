//! Pions, nucleons and muons: parametrised nuclear interactions, tracked ionisation, decays and slow neutrons.
//!
//! Energy is accounted for as follows: a pion or a muon counts with its total energy, a nucleon for its kinetic energy,
//! a photon for its energy, an electron for its kinetic energy and a positron for its kinetic energy and two rest
//! energies. What goes into nuclear binding and neutrinos is [`EnergyBalance::invisible_mev`](crate::EnergyBalance). So
//! the parts of the balance of a shower add up to the kinetic energy of the incident particle, plus its rest energy for
//! pions and muons.
//!
//! Left out: elastic scattering of charged hadrons on nuclei, strange particles and antinucleons (their energy goes to
//! pions), capture of thermal neutrons, fission, bremsstrahlung and pair production by muons.

mod charged;
mod cross_section;
mod decay;
mod event;
mod inelastic;
mod neutron;
mod nucleus;
mod stopping;
mod table;
mod track;

use crate::energy_grid::EnergyGrid;
use crate::material::{Element, Material};
use crate::particle::Kind;
use crate::random::Random;
use nucleus::Nucleus;
use stopping::Stopping;
use table::Table;
pub(crate) use track::HadronTransport;

/// Energies of the cross-section tables, MeV.
const LOW_MEV: f64 = 0.05;
const HIGH_MEV: f64 = 1.1e6;

/// Masses that have tables of their own for ionisation.
const MASSES: [Kind; 3] = [Kind::Proton, Kind::PionPlus, Kind::MuonPlus];
/// Kinds that interact with nuclei.
const HADRONS: [Kind; 4] = [Kind::PionPlus, Kind::PionMinus, Kind::Proton, Kind::Neutron];

/// Index into [`MASSES`].
fn mass_index(kind: Kind) -> usize {
    match kind {
        Kind::PionPlus | Kind::PionMinus => 1,
        Kind::MuonPlus | Kind::MuonMinus => 2,
        _ => 0,
    }
}

/// Index into [`HADRONS`]. None for muons.
fn hadron_index(kind: Kind) -> Option<usize> {
    HADRONS.iter().position(|hadron| *hadron == kind)
}

/// A nucleus of a material.
#[derive(Debug, Clone)]
struct Target {
    nucleus: Nucleus,
    /// Share of the atoms, for captures at rest.
    charge_share: f64,
    /// Inverse interaction lengths of [`HADRONS`], 1/mm.
    inelastic: [Table; 4],
    neutron_elastic: Table,
}

/// Tables of one material.
#[derive(Debug, Clone)]
struct MaterialTables {
    targets: Vec<Target>,
    /// Sums over the targets, 1/mm.
    inelastic: [Table; 4],
    /// Elastic and inelastic.
    neutron_total: Table,
    stopping: [Stopping; 3],
    radiation_length_mm: f64,
}

/// Tables of every material of a calorimeter.
#[derive(Debug, Clone)]
pub(crate) struct HadronTables {
    materials: Vec<MaterialTables>,
}

impl HadronTables {
    /// Tables for `materials`, whose delta rays are made above `cut_mev`.
    pub(crate) fn new(materials: &[Material], cut_mev: &[f64]) -> Self {
        let tables = materials.iter().zip(cut_mev).map(|(material, cut)| MaterialTables::new(material, *cut));
        Self { materials: tables.collect() }
    }
}

impl MaterialTables {
    fn new(material: &Material, cut_mev: f64) -> Self {
        let grid = EnergyGrid::covering(LOW_MEV, HIGH_MEV);
        let charges = |element: &Element, atoms: f64| element.z * atoms;
        let all_charges: f64 = material.components.iter().map(|c| charges(c.element, c.atoms_per_mm3)).sum();
        let targets: Vec<Target> = material
            .components
            .iter()
            .map(|component| {
                let (a, atoms) = (component.element.a_g_mol, component.atoms_per_mm3);
                Target {
                    nucleus: Nucleus::of(component.element),
                    charge_share: charges(component.element, atoms) / all_charges,
                    inelastic: HADRONS
                        .map(|kind| Table::new(grid, |t| atoms * cross_section::inelastic_mm2(kind, t, a))),
                    neutron_elastic: Table::new(grid, |t| atoms * cross_section::neutron_elastic_mm2(t, a)),
                }
            })
            .collect();
        let inelastic =
            [0, 1, 2, 3].map(|i| Table::new(grid, |t| targets.iter().map(|to| to.inelastic[i].at(t)).sum()));
        let neutron_total = Table::new(grid, |t| {
            targets.iter().map(|to| to.inelastic[3].at(t) + to.neutron_elastic.at(t)).sum()
        });
        Self {
            inelastic,
            neutron_total,
            stopping: MASSES.map(|kind| Stopping::new(material, kind.mass_mev(), cut_mev)),
            radiation_length_mm: material.radiation_length_mm(),
            targets,
        }
    }

    /// The nucleus that takes up a negative particle at rest: in proportion to the charge (Fermi and Teller).
    fn capturing(&self, rng: &mut Random) -> Nucleus {
        let mut draw = rng.uniform();
        for target in &self.targets {
            draw -= target.charge_share;
            if draw < 0.0 {
                return target.nucleus;
            }
        }
        self.targets.last().map_or(Nucleus { a: 1.0, z: 1.0 }, |target| target.nucleus)
    }

    /// The nucleus that hadron `i` of `kinetic_mev` interacts with.
    fn struck(&self, i: usize, kinetic_mev: f64, rng: &mut Random) -> Nucleus {
        let mut draw = rng.uniform() * self.inelastic[i].at(kinetic_mev);
        for target in &self.targets {
            draw -= target.inelastic[i].at(kinetic_mev);
            if draw < 0.0 {
                return target.nucleus;
            }
        }
        self.targets.last().map_or(Nucleus { a: 1.0, z: 1.0 }, |target| target.nucleus)
    }
}

#[cfg(test)]
mod tests;
