//! Energy is neither lost nor made, deposits are never negative, and nothing depends on who asks.

use calo_data::Detector;
use calo_sim::{Kind, Simulator, check_energies};
use proptest::prelude::*;
use rayon::prelude::*;

const ELECTRON_MASS_MEV: f64 = 0.510_998_95;

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Photon), Just(Kind::Electron), Just(Kind::Positron)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn electromagnetic_showers_keep_their_energy(
        kind in kinds(),
        log_energy in -2.0..1.0_f64,
        seed: u64,
        index: u64,
        field in -5.0..5.0_f64,
    ) {
        for name in ["ild-ecal", "ild-ahcal"] {
            let mut detector = Detector::load(name).unwrap();
            detector.geometry.field_tesla = [field, 0.3 * field, 1.0 - field];
            let simulator = Simulator::new(&detector, kind).unwrap();
            let energy_gev = 10_f64.powf(log_energy);
            let mut worker = simulator.worker();
            let shower = worker.shower(seed, index, [energy_gev, energy_gev]);
            // A positron brings the rest energy of two electrons.
            let rest_mev = if kind == Kind::Positron { 2.0 * ELECTRON_MASS_MEV } else { 0.0 };
            let in_mev = 1e3 * shower.energy_gev + rest_mev;
            let lost_mev = in_mev - shower.balance.total_mev();
            prop_assert!(lost_mev.abs() < 1e-9 * in_mev, "{lost_mev} MeV of {in_mev} MeV are missing");
            let balance = shower.balance;
            for part in [balance.active_mev, balance.passive_mev, balance.escaped_mev] {
                prop_assert!(part >= 0.0, "{balance:?}");
            }
            prop_assert!(balance.invisible_mev.abs() < f64::MIN_POSITIVE);
            let mut seen_mev = 0.0;
            for cell in shower.deposits {
                prop_assert!(cell.energy_mev > 0.0 && cell.energy_mev.is_finite());
                seen_mev += cell.energy_mev;
            }
            prop_assert!(seen_mev <= balance.active_mev * (1.0 + 1e-9));
        }
    }
}

#[test]
fn showers_do_not_depend_on_threads_or_order() {
    let detector = Detector::load("ild-ecal").unwrap();
    let simulator = Simulator::new(&detector, Kind::Photon).unwrap();
    let energies_gev = [1.0, 10.0];
    let mut worker = simulator.worker();
    let one_by_one: Vec<_> = (0..24)
        .map(|i| {
            (
                worker.shower(5, i, energies_gev).energy_gev,
                worker.shower(5, i, energies_gev).deposits.to_vec(),
            )
        })
        .collect();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    let again: Vec<_> = pool.install(|| {
        (0..24_usize)
            .into_par_iter()
            .rev()
            .map_init(
                || simulator.worker(),
                |worker, i| {
                    let shower = worker.shower(5, i as u64, energies_gev);
                    (shower.energy_gev, shower.deposits.to_vec())
                },
            )
            .collect()
    });
    for (a, b) in one_by_one.iter().zip(again.iter().rev()) {
        assert_eq!(a, b);
    }
    // Another simulator, as in another process, makes the same tables.
    let other = Simulator::new(&detector, Kind::Photon).unwrap();
    assert_eq!(other.worker().shower(5, 7, energies_gev).deposits, one_by_one[7].1);
    assert_ne!(one_by_one[0].1, one_by_one[1].1);
}

#[test]
fn impossible_energies_are_named() {
    assert!(check_energies([0.01, 1000.0]).is_ok());
    for bad in [[0.009, 1.0], [1.0, 1000.1], [2.0, 1.0], [-1.0, 1.0], [f64::NAN, 1.0], [1.0, f64::NAN]] {
        let message = check_energies(bad).unwrap_err().to_string();
        assert!(message.contains("energy") && message.contains("0.01 to 1000 GeV"), "{message}");
    }
}

#[test]
fn unknown_materials_are_named() {
    let mut detector = Detector::load("ild-ecal").unwrap();
    detector.geometry.stack[0].slabs[1].material = "unobtainium".to_owned();
    let message = Simulator::new(&detector, Kind::Photon).unwrap_err().to_string();
    assert!(message.contains("unobtainium") && message.contains("tungsten"), "{message}");
}
