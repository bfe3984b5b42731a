//! Every particle at the ends of the energy range, in detectors at the ends of what a description may say.

mod common;

use calo_core::Detector;
use calo_sim::{Kind, Simulator};
use common::Block;

const KINDS: [Kind; 9] = [
    Kind::Photon,
    Kind::Electron,
    Kind::Positron,
    Kind::PionPlus,
    Kind::PionMinus,
    Kind::MuonPlus,
    Kind::MuonMinus,
    Kind::Proton,
    Kind::Neutron,
];

/// Showers of every kind: cells finite and positive, no more seen than deposited, no more found than came in.
fn shower_all(detector: &Detector, energies_gev: &[f64]) {
    for kind in KINDS {
        let simulator = Simulator::new(detector, kind).expect("known materials");
        let mut worker = simulator.worker();
        for &energy_gev in energies_gev {
            for index in 0..2 {
                let shower = worker.shower(3, index, [energy_gev; 2]);
                let (balance, place) =
                    (shower.balance, format!("{kind} of {energy_gev} GeV in {}", detector.name));
                // Rest energies count where they may be set free: of a pion or muon, and of the two electrons that
                // annihilate. `conservation.rs` says exactly which; here it is enough that nothing big is lost or made.
                let in_mev = 1e3 * energy_gev;
                let total_mev = balance.total_mev();
                assert!(
                    (total_mev - in_mev).abs() < 2.0 * kind.mass_mev() + 1e-6 * in_mev,
                    "{place}: {balance:?}"
                );
                for part in [balance.active_mev, balance.passive_mev, balance.escaped_mev] {
                    assert!(part >= 0.0 && part.is_finite(), "{place}: {balance:?}");
                }
                let seen_mev: f64 = shower.deposits.iter().map(|cell| cell.energy_mev).sum();
                assert!(shower.deposits.iter().all(|cell| cell.energy_mev > 0.0), "{place}");
                assert!(seen_mev <= balance.active_mev * (1.0 + 1e-9), "{place}: {seen_mev} {balance:?}");
            }
        }
    }
}

#[test]
fn built_in_detectors() {
    for name in ["ild-ecal", "ild-ecal-staggered", "ild-ahcal"] {
        shower_all(&Detector::load(name).expect("a built-in detector"), &[0.01, 0.1, 1.0, 20.0]);
    }
    shower_all(&Detector::load("ild-ecal").expect("a built-in detector"), &[1000.0]);
}

#[test]
fn films_plates_and_blocks_of_one_material() {
    for (material, layer_mm, layers) in [
        ("silicon", 1e-3, 1),
        ("silicon", 1e-6, 2),
        ("air", 1000.0, 1),
        ("lead", 1000.0, 1),
        ("tungsten", 1.0, 40),
    ] {
        for field_tesla in [0.0, 20.0] {
            let mut detector = Block { material, layer_mm, layers, cell_mm: 10.0, cells: 40 }.detector();
            detector.geometry.field_tesla = [field_tesla, 0.0, -field_tesla];
            shower_all(&detector, &[0.01, 1.0, 10.0]);
        }
    }
}
