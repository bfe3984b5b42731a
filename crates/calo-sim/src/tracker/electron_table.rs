//! What electrons and positrons meet on their way, tabulated for every material.

use rayon::prelude::*;

use crate::constants::ELECTRON_MASS_MEV;
use crate::electron::brems::Brems;
use crate::electron::brems::sampler::BremsSampler;
use crate::electron::fluctuation::Straggling;
use crate::electron::{annihilation, bhabha, cuts, moller, stopping};
use crate::energy_grid::EnergyGrid;
use crate::material::Material;
use crate::particle::Kind;
use crate::scattering::Scattering;

/// Lowest and highest energy of the tables, MeV.
const LOW_MEV: f64 = 0.001;
const HIGH_MEV: f64 = 2e6;

/// One material.
#[derive(Debug)]
pub(super) struct ElectronMaterial {
    /// Energies above which photons and delta electrons are made, MeV.
    pub(super) photon_cut_mev: f64,
    pub(super) electron_cut_mev: f64,
    pub(super) brems: BremsSampler,
    pub(super) straggling: Straggling,
}

/// At one energy, in one material.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    /// Continuous loss, MeV/mm.
    loss: f32,
    /// Way until the continuous losses have stopped the particle, mm.
    range: f32,
    /// Discrete interactions, 1/mm: all, and the parts of them that are bremsstrahlung and delta electrons.
    discrete: f32,
    brems: f32,
    delta: f32,
    /// See [`Scattering`].
    inverse_transport: f32,
    collisions: f32,
    cut: f32,
    screening: f32,
    hard: f32,
}

/// A [`Row`] between two energies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    /// Continuous loss, MeV/mm.
    pub(super) loss_mev_per_mm: f64,
    /// Way until the continuous losses have stopped the particle, mm.
    pub(super) range_mm: f64,
    /// Discrete interactions, 1/mm.
    pub(super) discrete_per_mm: f64,
    /// Parts of the discrete interactions.
    pub(super) brems: f64,
    pub(super) delta: f64,
    pub(super) scattering: Scattering,
}

/// Tables of all materials.
#[derive(Debug)]
pub(super) struct ElectronTables {
    pub(super) materials: Vec<ElectronMaterial>,
    grid: EnergyGrid,
    /// `[material][charge][energy]`, electrons first.
    rows: Vec<Row>,
}

impl ElectronTables {
    pub(super) fn new(materials: &[Material], range_cut_mm: f64) -> Self {
        let grid = EnergyGrid::covering(LOW_MEV, HIGH_MEV);
        let tabulated = materials.par_iter().map(|material| {
            let photon_cut_mev = cuts::photon_cut_mev(material, range_cut_mm);
            let electron_cut_mev = cuts::electron_cut_mev(material, range_cut_mm);
            let prepared = ElectronMaterial {
                photon_cut_mev,
                electron_cut_mev,
                brems: BremsSampler::new(material, photon_cut_mev, LOW_MEV, HIGH_MEV),
                straggling: Straggling::new(material, electron_cut_mev),
            };
            let mut rows = rows(material, &prepared, Kind::Electron, grid);
            rows.extend(self::rows(material, &prepared, Kind::Positron, grid));
            (prepared, rows)
        });
        let (materials, rows): (Vec<_>, Vec<_>) = tabulated.unzip();
        Self { materials, grid, rows: rows.concat() }
    }

    /// What `kind` meets in `material` at `kinetic_mev`.
    #[inline]
    pub(super) fn met(&self, material: usize, kind: Kind, kinetic_mev: f64) -> Met {
        let (i, f) = self.grid.locate(kinetic_mev);
        let charge = usize::from(kind == Kind::Positron);
        let first = (2 * material + charge) * self.grid.len() + i;
        let [a, b] = [&self.rows[first], &self.rows[first + 1]];
        let between = |a: f32, b: f32| f64::from(a) + f * f64::from(b - a);
        Met {
            loss_mev_per_mm: between(a.loss, b.loss),
            range_mm: between(a.range, b.range),
            discrete_per_mm: between(a.discrete, b.discrete),
            brems: between(a.brems, b.brems),
            delta: between(a.delta, b.delta),
            scattering: Scattering {
                inverse_transport_mm: between(a.inverse_transport, b.inverse_transport),
                collisions_per_mm: between(a.collisions, b.collisions),
                cut: f64::from(a.cut),
                screening: f64::from(a.screening),
                hard_per_mm: between(a.hard, b.hard),
            },
        }
    }
}

fn rows(material: &Material, prepared: &ElectronMaterial, kind: Kind, grid: EnergyGrid) -> Vec<Row> {
    let positron = kind == Kind::Positron;
    let (electron_cut, photon_cut) = (prepared.electron_cut_mev, prepared.photon_cut_mev);
    let brems_in = Brems::new(material);
    let electrons_per_mm3 = material.electrons_per_mm3();
    let mut range_mm = 0.0;
    let mut below: Option<(f64, f64)> = None;
    grid.nodes_mev()
        .map(|kinetic_mev| {
            let collision = stopping::restricted_mev_per_mm(material, positron, kinetic_mev, electron_cut);
            let radiation = brems_in.restricted_mev_per_mm(kinetic_mev, photon_cut);
            let loss = collision + radiation;
            // Below the first node the loss is taken as rising with the root of the energy.
            range_mm += match below {
                None => 2.0 * kinetic_mev / loss,
                Some((energy_mev, loss_below)) => (kinetic_mev - energy_mev) * 0.5 * (1.0 / loss + 1.0 / loss_below),
            };
            below = Some((kinetic_mev, loss));
            let brems = brems_in.inverse_path_mm(kinetic_mev, photon_cut);
            let (delta_mm2, annihilation_mm2) = if positron {
                (bhabha::cross_section_mm2(kinetic_mev, electron_cut), annihilation::cross_section_mm2(kinetic_mev))
            } else {
                (moller::cross_section_mm2(kinetic_mev, electron_cut), 0.0)
            };
            let (delta, annihilation) = (delta_mm2 * electrons_per_mm3, annihilation_mm2 * electrons_per_mm3);
            let scattering = Scattering::of(material, kind, kinetic_mev);
            Row {
                loss: loss as f32,
                range: range_mm as f32,
                discrete: (brems + delta + annihilation) as f32,
                brems: brems as f32,
                delta: delta as f32,
                inverse_transport: scattering.inverse_transport_mm as f32,
                collisions: scattering.collisions_per_mm as f32,
                cut: scattering.cut as f32,
                screening: scattering.screening as f32,
                hard: scattering.hard_per_mm as f32,
            }
        })
        .collect()
}

/// Momentum of an electron, MeV/c.
#[inline]
pub(super) fn momentum_mev(kinetic_mev: f64) -> f64 {
    (kinetic_mev * (kinetic_mev + 2.0 * ELECTRON_MASS_MEV)).sqrt()
}
