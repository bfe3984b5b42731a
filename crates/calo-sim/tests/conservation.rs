//! Energy is neither lost nor created, deposits are never negative, and results do not depend on the worker.

use calo_core::Detector;
use calo_sim::{Kind, Simulator, check_energies};
use proptest::prelude::*;
use rayon::prelude::*;

fn electromagnetic() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Photon, Kind::Electron, Kind::Positron])
}

fn hadrons_and_muons() -> impl Strategy<Value = Kind> {
    use Kind::{MuonMinus, MuonPlus, Neutron, PionMinus, PionPlus, Proton};
    prop::sample::select(vec![PionPlus, PionMinus, Proton, Neutron, MuonPlus, MuonMinus])
}

/// Rest energy that a particle brings along, MeV: what is made in a shower and ends in one has its own, and a positron
/// that of the electron it ends with; nucleons are there before and after.
fn rest_mev(kind: Kind) -> f64 {
    match kind {
        Kind::Positron => 2.0 * kind.mass_mev(),
        Kind::PionPlus | Kind::PionMinus | Kind::MuonPlus | Kind::MuonMinus => kind.mass_mev(),
        Kind::Photon | Kind::Electron | Kind::Proton | Kind::Neutron => 0.0,
    }
}

/// One shower in every detector, in any field: the incident energy is found again, up to rounding, in parts that are
/// not negative.
fn energy_is_kept(
    kind: Kind,
    energy_gev: f64,
    seed: u64,
    index: u64,
    field: f64,
) -> Result<(), TestCaseError> {
    for name in ["ild-ecal", "ild-ahcal"] {
        let mut detector = Detector::load(name).expect("a built-in detector");
        detector.geometry.field_tesla = [field, 0.3 * field, 1.0 - field];
        let simulator = Simulator::new(&detector, kind).expect("built-in materials");
        let mut worker = simulator.worker();
        let shower = worker.shower(seed, index, [energy_gev, energy_gev]);
        let balance = shower.balance;
        let in_mev = 1e3 * shower.energy_gev + rest_mev(kind);
        let lost_mev = in_mev - balance.total_mev();
        prop_assert!(lost_mev.abs() < 1e-9 * in_mev, "{lost_mev} MeV of {in_mev} MeV are missing");
        for part in [balance.active_mev, balance.passive_mev, balance.escaped_mev] {
            prop_assert!(part >= 0.0, "{balance:?}");
        }
        let mut seen_mev = 0.0;
        for cell in shower.deposits {
            prop_assert!(cell.energy_mev > 0.0 && cell.energy_mev.is_finite());
            seen_mev += cell.energy_mev;
        }
        prop_assert!(seen_mev <= balance.active_mev * (1.0 + 1e-9));
        if matches!(kind, Kind::Photon | Kind::Electron | Kind::Positron) {
            prop_assert!(balance.invisible_mev.abs() < f64::MIN_POSITIVE);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn electromagnetic_showers_keep_their_energy(
        kind in electromagnetic(), log_gev in -2.0..1.0_f64, seed: u64, index: u64, field in -5.0..5.0_f64,
    ) {
        energy_is_kept(kind, 10_f64.powf(log_gev), seed, index, field)?;
    }

    #[test]
    fn hadronic_showers_keep_their_energy(
        kind in hadrons_and_muons(), log_gev in -2.0..1.5_f64, seed: u64, index: u64, field in -5.0..5.0_f64,
    ) {
        energy_is_kept(kind, 10_f64.powf(log_gev), seed, index, field)?;
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
