//! Tests of the whole of hadron tracking.

use calo_core::Detector;
use calo_core::random::{Purpose, stream};
use proptest::prelude::*;

use super::event::Event;
use super::*;
use crate::geometry::Geometry;
use crate::magnetic_field::MagneticField;
use crate::particle::Particle;
use crate::tally::{CellDeposit, Tally};

const TEST: Purpose = Purpose::new("hadron test");
/// Thresholds of electrons of 0.1 mm range, roughly.
fn cut_mev(material: &Material) -> f64 {
    match material.name.as_str() {
        "steel" => 0.28,
        "air" => 1e-3,
        _ => 0.085,
    }
}

pub(super) struct Bench {
    geometry: Geometry,
    transport: HadronTransport,
    pub(super) tally: Tally,
    pub(super) start: [f64; 3],
}

impl Bench {
    pub(super) fn ahcal() -> Self {
        let detector = Detector::load("ild-ahcal").unwrap();
        let geometry = Geometry::new(&detector).unwrap();
        let cuts: Vec<f64> = geometry.materials.iter().map(cut_mev).collect();
        let transport = HadronTransport::new(HadronTables::new(&geometry.materials, &cuts));
        let [x, y] = detector.geometry.beam_mm;
        Self {
            geometry,
            transport,
            tally: Tally::new(&detector),
            start: [x, detector.geometry.front_face_mm, y],
        }
    }

    /// One shower whose photons and electrons end in `sink`.
    pub(super) fn shower(
        &mut self,
        kind: Kind,
        kinetic_mev: f64,
        rng: &mut Random,
        mut sink: impl FnMut(Particle, &Geometry, &mut Tally, &mut Random),
    ) {
        let direction = [0.0, 1.0, 0.0];
        let mut stack = vec![Particle { kind, slab: 0, kinetic_mev, position_mm: self.start, direction }];
        while let Some(particle) = stack.pop() {
            match particle.kind {
                Kind::Photon | Kind::Electron | Kind::Positron => {
                    sink(particle, &self.geometry, &mut self.tally, rng);
                }
                _ => self.transport.track(particle, &self.geometry, &mut self.tally, &mut stack, rng),
            }
        }
    }
}

/// Puts the energy where the particle is.
fn on_the_spot(particle: Particle, geometry: &Geometry, tally: &mut Tally, _rng: &mut Random) {
    let energy_mev = particle.account_mev();
    let layer = geometry.slabs[particle.slab as usize].layer;
    tally.deposit(layer, particle.position_mm, energy_mev, 1.0);
}

fn any_hadron() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::PionPlus,
        Kind::PionMinus,
        Kind::Proton,
        Kind::Neutron,
        Kind::MuonPlus,
        Kind::MuonMinus,
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// From 10 MeV to 1 TeV every MeV is in one part of the balance, and none is negative.
    #[test]
    fn energy_is_conserved(kind in any_hadron(), log_mev in 1.0..6.0_f64, seed in 0_u64..1000) {
        let mut bench = Bench::ahcal();
        let kinetic_mev = 10_f64.powf(log_mev);
        let mut rng = Random::new(stream(seed, TEST, 0));
        bench.shower(kind, kinetic_mev, &mut rng, on_the_spot);
        let mut cells: Vec<CellDeposit> = Vec::new();
        let balance = bench.tally.take(&mut cells);
        let account = kind.account_mev(kinetic_mev);
        prop_assert!((balance.total_mev() - account).abs() < 1e-9 * account, "{balance:?} of {account}");
        for part in [balance.active_mev, balance.passive_mev, balance.escaped_mev] {
            prop_assert!(part >= 0.0, "{balance:?}");
        }
        prop_assert!(cells.iter().all(|cell| cell.energy_mev > 0.0));
    }
}

/// The most probable signal of a muon in a tile: Geant4's is at 0.50 to 0.52 MeV (Landau's peak after Birks' law).
#[test]
fn minimum_ionising_peak_is_in_place() {
    let mut bench = Bench::ahcal();
    let mut cells: Vec<CellDeposit> = Vec::new();
    for i in 0..400 {
        let mut rng = Random::new(stream(1, TEST, i));
        bench.shower(Kind::MuonMinus, 10_000.0, &mut rng, on_the_spot);
        bench.tally.take(&mut cells);
    }
    let (low, width) = (0.3, 0.02);
    let mut counts = [0_u32; 30];
    for cell in &cells {
        let bin = ((cell.energy_mev - low) / width).floor();
        if (0.0..30.0).contains(&bin) {
            counts[bin as usize] += 1;
        }
    }
    let peak = counts.iter().enumerate().max_by_key(|(_, n)| **n).unwrap().0;
    let at = low + (peak as f64 + 0.5) * width;
    assert!((0.47..0.55).contains(&at), "{at} MeV: {counts:?}");
}

/// PDG 2022, minimum ionisation: iron 1.451, silicon 1.664, polystyrene 1.936 MeV cm2/g. Shell corrections and the
/// table's spacing leave half a per cent.
#[test]
fn least_loss_is_the_published_one() {
    for (name, minimum) in [("iron", 1.451), ("silicon", 1.664), ("polystyrene", 1.936)] {
        let material = Material::named(name).unwrap();
        let stopping = Stopping::new(&material, Kind::MuonPlus.mass_mev(), 1e9);
        let least =
            (0..400).map(|i| stopping.loss_mev_mm(50.0 * 1.02_f64.powi(i))).fold(f64::INFINITY, f64::min);
        let per_density = 10.0 * least / material.density_g_cm3;
        assert!((per_density / minimum - 1.0).abs() < 0.005, "{name}: {per_density}");
    }
}

/// NIST PSTAR: CSDA ranges of protons in polystyrene: 10 MeV 0.1262, 100 MeV 7.94 g/cm2.
#[test]
fn proton_ranges_are_the_published_ones() {
    let material = Material::named("polystyrene").unwrap();
    let stopping = Stopping::new(&material, Kind::Proton.mass_mev(), 1e9);
    for (kinetic_mev, range_g_cm2) in [(10.0, 0.126), (100.0, 7.92)] {
        let range = 0.1 * stopping.range_mm(kinetic_mev) * material.density_g_cm3;
        assert!((range / range_g_cm2 - 1.0).abs() < 0.03, "{kinetic_mev} MeV: {range}");
    }
}

/// Losses drawn have the mean that the table says, within four standard errors.
#[test]
fn losses_have_their_mean() {
    let material = Material::named("polystyrene").unwrap();
    let stopping = Stopping::new(&material, Kind::PionPlus.mass_mev(), 0.085);
    let mut rng = Random::new(stream(3, TEST, 0));
    for (kinetic_mev, step_mm) in [(10_000.0, 3.0), (100.0, 3.0), (1000.0, 0.1)] {
        let mean = stopping.mean_loss_mev(kinetic_mev, step_mm);
        let n = 20_000;
        let (mut sum, mut sum2) = (0.0, 0.0);
        for _ in 0..n {
            let loss = stopping.loss_mev(kinetic_mev, step_mm, mean, &mut rng);
            sum += loss;
            sum2 += loss * loss;
        }
        let found = sum / f64::from(n);
        let error = ((sum2 / f64::from(n) - found * found) / f64::from(n)).sqrt();
        assert!((found - mean).abs() < 4.0 * error + 0.01 * mean, "{kinetic_mev} {step_mm}: {found} {mean}");
    }
}

/// Depths of the first interaction of 100 GeV pions in iron are exponential with the tabulated length: the mean of n has a
/// relative error of 1 / sqrt(n).
#[test]
fn pions_interact_at_the_tabulated_depth() {
    let mut bench = Bench::ahcal();
    let tables = HadronTables::new(&bench.geometry.materials, &vec![0.1; bench.geometry.materials.len()]);
    // Deep enough for all: one slab of steel.
    let steel = bench.geometry.materials.iter().position(|material| material.name == "steel").unwrap();
    let front_mm = bench.start[1];
    bench.geometry.slabs.truncate(1);
    bench.geometry.slabs[0].to_mm = front_mm + 1e5;
    bench.geometry.slabs[0].material = steel as u32;
    bench.geometry.magnetic_field = MagneticField::new([0.0; 3]);
    let expected_mm = 1.0 / tables.materials[steel].inelastic[0].at(1e5);
    let mut rng = Random::new(stream(5, TEST, 0));
    let n = 1000;
    let mut sum_mm = 0.0;
    for _ in 0..n {
        let particle = Particle {
            kind: Kind::PionPlus,
            slab: 0,
            kinetic_mev: 1e5,
            position_mm: bench.start,
            direction: [0.0, 1.0, 0.0],
        };
        let mut stack = Vec::new();
        bench.transport.track(particle, &bench.geometry, &mut bench.tally, &mut stack, &mut rng);
        // Secondaries of an interaction are many, and all born where it happened; delta rays are electrons.
        let born = stack.iter().rev().find(|secondary| secondary.kind != Kind::Electron).unwrap();
        sum_mm += born.position_mm[1] - front_mm;
    }
    let ratio = sum_mm / f64::from(n) / expected_mm;
    assert!((ratio - 1.0).abs() < 4.0 / f64::from(n).sqrt(), "{ratio}");
}

/// Pions that one interaction of a pion with iron makes: all charged ones, those of more than 200 MeV, and neutral ones.
fn mean_multiplicity(kinetic_mev: f64) -> [f64; 3] {
    let mut bench = Bench::ahcal();
    let direction = [0.0, 1.0, 0.0];
    let projectile =
        Particle { kind: Kind::PionPlus, slab: 0, kinetic_mev, position_mm: bench.start, direction };
    let mut sums = [0.0; 3];
    let n = 500_u32;
    for i in 0..n {
        let mut rng = Random::new(stream(9, TEST, u64::from(i)));
        let mut stack = Vec::new();
        let (geometry, tally) = (&bench.geometry, &mut bench.tally);
        let mut event = Event { geometry, tally, stack: &mut stack, rng: &mut rng };
        inelastic::interact(&mut event, &projectile, Nucleus { a: 56.0, z: 26.0 });
        for secondary in &stack {
            match secondary.kind {
                Kind::PionPlus | Kind::PionMinus => {
                    sums[0] += 1.0;
                    sums[1] += f64::from(u8::from(secondary.kinetic_mev > 200.0));
                }
                // Gammas of the nucleus are softer.
                Kind::Photon if secondary.kinetic_mev > 20.0 => sums[2] += 0.5,
                _ => {}
            }
        }
    }
    sums.map(|sum| sum / f64::from(n))
}

/// Charged particles made on protons are 0.88 + 0.44 ln s + 0.118 ln^2 s (W. Thome et al., Nucl. Phys. B 129 (1977) 365; s
/// in GeV^2), and 1.6 times as many on copper at these energies (J. E. Elias et al., Phys. Rev. D 22 (1980) 13). The
/// parametrisation, which makes pions of what other particles carry too, is held to 35 %. About a third are neutral.
#[test]
fn multiplicity_grows_with_the_logarithm_of_the_energy() {
    for kinetic_mev in [10e3, 37e3, 100e3] {
        let log_s = (2.0 * 0.938 * 1e-3 * kinetic_mev + 0.9_f64).ln();
        let expected = 1.6 * (0.88 + 0.44 * log_s + 0.118 * log_s * log_s);
        let [charged, fast, neutral] = mean_multiplicity(kinetic_mev);
        assert!((fast / expected - 1.0).abs() < 0.35, "{kinetic_mev}: {fast} for {expected}");
        let share = neutral / (neutral + charged);
        assert!((0.2..0.35).contains(&share), "{kinetic_mev}: {share}");
    }
}

/// A neutron of 1 MeV on hydrogen: recoils are uniform in energy (isotropic in the centre of mass), so that half of the
/// energy is lost on average; within four standard errors.
#[test]
fn proton_recoils_take_half_the_energy() {
    let bench = Bench::ahcal();
    let plastic =
        bench.geometry.materials.iter().position(|material| material.name == "polystyrene").unwrap();
    let tables = HadronTables::new(&bench.geometry.materials, &vec![0.1; bench.geometry.materials.len()]);
    let mut tally = bench.tally.clone();
    let mut rng = Random::new(stream(11, TEST, 0));
    let (n, mut sum_mev) = (4000, 0.0);
    for _ in 0..n {
        let mut neutron = Particle {
            kind: Kind::Neutron,
            slab: 0,
            kinetic_mev: 1.0,
            position_mm: bench.start,
            direction: [0.0, 1.0, 0.0],
        };
        let mut stack = Vec::new();
        let mut event =
            Event { geometry: &bench.geometry, tally: &mut tally, stack: &mut stack, rng: &mut rng };
        neutron::scatter(&tables.materials[plastic], &mut neutron, Nucleus { a: 1.0, z: 1.0 }, &mut event);
        sum_mev += 1.0 - neutron.kinetic_mev;
    }
    let error = 1.0 / (12.0 * f64::from(n)).sqrt();
    assert!((sum_mev / f64::from(n) - 0.5).abs() < 4.0 * error);
}

/// Slow particles in thin air, where the field turns them in circles, come to an end, and soon.
#[test]
fn slow_particles_end_in_air() {
    let bench = Bench::ahcal();
    let mut tally = bench.tally.clone();
    for (i, kinetic_mev) in [1e-6, 1e-3, 0.02, 0.3, 2.0, 5.0].into_iter().enumerate() {
        for kind in [Kind::Proton, Kind::PionPlus, Kind::PionMinus, Kind::MuonPlus, Kind::MuonMinus] {
            let mut rng = Random::new(stream(13, TEST, i as u64));
            let direction = [0.6, 0.8, 0.0];
            let position_mm = [bench.start[0], bench.start[1] - 50.0, bench.start[2]];
            let particle = Particle { kind, slab: 0, kinetic_mev, position_mm, direction };
            let mut stack = Vec::new();
            bench.transport.track(particle, &bench.geometry, &mut tally, &mut stack, &mut rng);
        }
    }
    assert!(tally.balance.active_mev >= 0.0);
}
