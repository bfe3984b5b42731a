//! What electrons and positrons meet on their way, tabulated for every material.

use rayon::prelude::*;

use crate::constants::ELECTRON_MASS_MEV;
use crate::electron::brems::Brems;
use crate::electron::brems::sampler::BremsSampler;
use crate::electron::fluctuation::Straggling;
use crate::electron::{annihilation, bhabha, cuts, moller, stopping};
use crate::energy_grid::EnergyGrid;
use crate::magnetic_field::MagneticField;
use crate::material::Material;
use crate::particle::Kind;
use crate::scattering::{Law, Scattering};

/// Lowest and highest energy of the tables, MeV.
const LOW_MEV: f64 = 0.001;
const HIGH_MEV: f64 = 2e6;

/// How much scattering shortens the depth an electron reaches: the reach is the range over
/// `sqrt(1 + WINDING range / lambda)`, with lambda the transport mean free path.
const WINDING: f64 = 0.15;
/// Rows of each interval of the grid: one stands for all energies between it and the next.
const ROWS: usize = 1 << ROW_BITS;
const ROW_BITS: u32 = 1;
/// Longest step in transport mean free paths near a face, where scattering back out depends on it, ...
const NEAR_SCATTERING: f64 = 0.5;
/// ... and far from any face, where a hinge puts the end of a step right to a few per cent.
const FAR_SCATTERING: f64 = 1.0;
/// Longest step as a part of the range.
const MAX_RANGE_PART: f64 = 0.15;
/// Most that the field turns a particle in one step, rad.
const MAX_TURN: f64 = 0.3;
/// Turns over a transport mean free path below this do not show, rad.
const NEGLIGIBLE_TURN: f64 = 0.03;

/// One material.
#[derive(Debug)]
pub(super) struct ElectronMaterial {
    /// Energies above which photons and delta electrons are made, MeV.
    pub(super) photon_cut_mev: f64,
    pub(super) electron_cut_mev: f64,
    pub(super) brems: BremsSampler,
    pub(super) straggling: Straggling,
}

/// What a particle meets at one energy, in one material: 32 bits each, and one cache line for every step.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub(super) struct Met {
    /// Continuous loss, MeV/mm, and how it changes with energy, 1/mm.
    pub(super) loss_mev_per_mm: f32,
    loss_slope_per_mm: f32,
    /// Discrete interactions, 1/mm: all, and the parts of them that are bremsstrahlung and delta electrons.
    pub(super) discrete_per_mm: f32,
    pub(super) brems_per_mm: f32,
    pub(super) delta_per_mm: f32,
    /// Longest step near a face, and far from any, mm.
    pub(super) near_step_mm: f32,
    pub(super) far_step_mm: f32,
    /// Angle that the field turns it by, rad/mm; zero where scattering makes that invisible.
    pub(super) turn_per_mm: f32,
    /// How far from its place the continuous losses will have stopped it at most, mm.
    pub(super) reach_mm: f32,
    /// The path until then, mm, and discrete interactions to be expected on it.
    pub(super) range_mm: f32,
    pub(super) ahead: f32,
    pub(super) law: Law,
}

impl Met {
    /// Between two energies. What belongs together in scattering's law stays together.
    fn between(a: &Self, b: &Self, way: f32) -> Self {
        let at = |a: f32, b: f32| a + way * (b - a);
        Self {
            loss_mev_per_mm: at(a.loss_mev_per_mm, b.loss_mev_per_mm),
            loss_slope_per_mm: a.loss_slope_per_mm,
            discrete_per_mm: at(a.discrete_per_mm, b.discrete_per_mm),
            brems_per_mm: at(a.brems_per_mm, b.brems_per_mm),
            delta_per_mm: at(a.delta_per_mm, b.delta_per_mm),
            near_step_mm: at(a.near_step_mm, b.near_step_mm),
            far_step_mm: at(a.far_step_mm, b.far_step_mm),
            turn_per_mm: at(a.turn_per_mm, b.turn_per_mm),
            reach_mm: at(a.reach_mm, b.reach_mm),
            range_mm: at(a.range_mm, b.range_mm),
            ahead: at(a.ahead, b.ahead),
            law: Law::between(&a.law, &b.law, way),
        }
    }

    /// Mean loss over `path_mm`, MeV: with the loss in the middle of the step.
    #[inline]
    pub(super) fn mean_loss_mev(&self, path_mm: f64) -> f64 {
        let loss = f64::from(self.loss_mev_per_mm);
        let half = 0.5 * path_mm * f64::from(self.loss_slope_per_mm);
        // To first order in the slope; halved or doubled at most, far beyond what a step changes.
        path_mm * loss * (1.0 - half).clamp(0.5, 2.0)
    }
}

/// Tables of all materials.
#[derive(Debug)]
pub(super) struct ElectronTables {
    pub(super) materials: Vec<ElectronMaterial>,
    grid: EnergyGrid,
    /// Rows of one material and charge.
    n_rows: usize,
    /// `[material][charge][row]`, electrons first.
    rows: Vec<Met>,
}

impl ElectronTables {
    pub(super) fn new(materials: &[Material], range_cut_mm: f64, field: &MagneticField) -> Self {
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
            // Electrons and positrons radiate alike; these are integrals, so they are done once.
            let emitter = Brems::new(material);
            let radiation: Vec<Radiation> = grid
                .nodes_mev()
                .map(|kinetic_mev| Radiation {
                    soft_mev_per_mm: emitter.restricted_mev_per_mm(kinetic_mev, photon_cut_mev),
                    photons_per_mm: emitter.inverse_path_mm(kinetic_mev, photon_cut_mev),
                })
                .collect();
            let rows = [Kind::Electron, Kind::Positron]
                .map(|kind| rows(material, electron_cut_mev, kind, grid, &radiation, field));
            (prepared, rows.concat())
        });
        let (materials, rows): (Vec<_>, Vec<_>) = tabulated.unzip();
        Self { materials, grid, n_rows: (grid.len() - 1) * ROWS, rows: rows.concat() }
    }

    /// What `kind` meets in `material` at `kinetic_mev`.
    #[inline]
    pub(super) fn met(&self, material: usize, kind: Kind, kinetic_mev: f64) -> &Met {
        let row = self.grid.part(ROW_BITS, kinetic_mev);
        let charge = usize::from(kind == Kind::Positron);
        &self.rows[(2 * material + charge) * self.n_rows + row]
    }
}

impl ElectronTables {
    /// The energy at which the next discrete interaction is met, `mean_paths` mean free paths on in an unbounded
    /// material; none if the particle stops first.
    pub(super) fn energy_at_next(
        &self,
        material: usize,
        kind: Kind,
        kinetic_mev: f64,
        mean_paths: f64,
    ) -> Option<f64> {
        let left = f64::from(self.met(material, kind, kinetic_mev).ahead) - mean_paths;
        if left <= 0.0 {
            return None;
        }
        let charge = usize::from(kind == Kind::Positron);
        let first = (2 * material + charge) * self.n_rows;
        let rows = &self.rows[first..first + self.n_rows];
        let above = rows.partition_point(|row| f64::from(row.ahead) <= left).clamp(1, rows.len() - 1);
        let [low, high] = [above - 1, above].map(|i| f64::from(rows[i].ahead));
        let [low_mev, high_mev] = [above - 1, above].map(|i| middle_mev(self.grid, i));
        let way = if high > low { ((left - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        Some((low_mev + way * (high_mev - low_mev)).min(kinetic_mev))
    }
}

/// Bremsstrahlung at one energy.
struct Radiation {
    /// Loss to photons below the threshold, MeV/mm.
    soft_mev_per_mm: f64,
    /// Photons above the threshold, 1/mm.
    photons_per_mm: f64,
}

fn rows(
    material: &Material,
    electron_cut: f64,
    kind: Kind,
    grid: EnergyGrid,
    radiation: &[Radiation],
    field: &MagneticField,
) -> Vec<Met> {
    let positron = kind == Kind::Positron;
    let electrons_per_mm3 = material.electrons_per_mm3();
    let (mut range_mm, mut ahead) = (0.0, 0.0);
    // Energy, continuous loss and discrete interactions at the node below.
    let mut below: Option<[f64; 3]> = None;
    let mut rows: Vec<Met> = grid
        .nodes_mev()
        .zip(radiation)
        .map(|(kinetic_mev, radiation)| {
            let collision = stopping::restricted_mev_per_mm(material, positron, kinetic_mev, electron_cut);
            let loss = collision + radiation.soft_mev_per_mm;
            let brems = radiation.photons_per_mm;
            let (delta_mm2, annihilation_mm2) = if positron {
                (
                    bhabha::cross_section_mm2(kinetic_mev, electron_cut),
                    annihilation::cross_section_mm2(kinetic_mev),
                )
            } else {
                (moller::cross_section_mm2(kinetic_mev, electron_cut), 0.0)
            };
            let (delta, annihilation) = (delta_mm2 * electrons_per_mm3, annihilation_mm2 * electrons_per_mm3);
            let discrete = brems + delta + annihilation;
            // Trapezoids between nodes; below the first one the loss is taken as rising with the root of the energy.
            match below {
                None => range_mm = 2.0 * kinetic_mev / loss,
                Some([energy_mev, loss_below, discrete_below]) => {
                    let half_mev = 0.5 * (kinetic_mev - energy_mev);
                    range_mm += half_mev * (1.0 / loss + 1.0 / loss_below);
                    ahead += half_mev * (discrete / loss + discrete_below / loss_below);
                }
            }
            below = Some([kinetic_mev, loss, discrete]);
            let scattering = Scattering::of(material, kind, kinetic_mev);
            let inverse_transport_mm = scattering.inverse_transport_mm;
            let turn_per_mm = field.per_mm(kind.charge(), momentum_mev(kinetic_mev));
            let longest_mm = (MAX_RANGE_PART * range_mm).min(MAX_TURN / turn_per_mm.abs());
            let turns = turn_per_mm.abs() > NEGLIGIBLE_TURN * inverse_transport_mm;
            Met {
                loss_mev_per_mm: loss as f32,
                loss_slope_per_mm: 0.0,
                discrete_per_mm: discrete as f32,
                brems_per_mm: brems as f32,
                delta_per_mm: delta as f32,
                near_step_mm: longest_mm.min(NEAR_SCATTERING / inverse_transport_mm) as f32,
                far_step_mm: longest_mm.min(FAR_SCATTERING / inverse_transport_mm) as f32,
                turn_per_mm: if turns { turn_per_mm as f32 } else { 0.0 },
                law: Law::new(&scattering),
                reach_mm: (range_mm / (1.0 + WINDING * range_mm * inverse_transport_mm).sqrt()) as f32,
                range_mm: range_mm as f32,
                ahead: ahead as f32,
            }
        })
        .collect();
    for i in 1..rows.len() {
        let step_mev = grid.node_mev(i) - grid.node_mev(i - 1);
        let rise = f64::from(rows[i].loss_mev_per_mm - rows[i - 1].loss_mev_per_mm);
        rows[i - 1].loss_slope_per_mm = (rise / step_mev) as f32;
    }
    // Rows in the middle of equal parts of each interval, so that a step need not interpolate.
    let part = |part: usize| (part as f32 + 0.5) / ROWS as f32;
    let finer =
        rows.windows(2).flat_map(|pair| (0..ROWS).map(move |i| Met::between(&pair[0], &pair[1], part(i))));
    finer.collect()
}

/// Energy in the middle of a row, MeV.
fn middle_mev(grid: EnergyGrid, row: usize) -> f64 {
    let [low_mev, high_mev] = [row / ROWS, row / ROWS + 1].map(|i| grid.node_mev(i));
    low_mev + ((row % ROWS) as f64 + 0.5) / ROWS as f64 * (high_mev - low_mev)
}

/// Momentum of an electron, MeV/c.
#[inline]
pub(super) fn momentum_mev(kinetic_mev: f64) -> f64 {
    (kinetic_mev * (kinetic_mev + 2.0 * ELECTRON_MASS_MEV)).sqrt()
}
