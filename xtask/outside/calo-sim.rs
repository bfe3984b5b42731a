//! Simulates one shower.

use calo_core::Detector;
use calo_sim::{Kind, Simulator};

fn main() -> calo_core::Result<()> {
    let simulator = Simulator::new(&Detector::load("ild-ecal")?, Kind::Photon)?;
    let mut worker = simulator.worker();
    let shower = worker.shower(1, 0, [10.0, 10.0]);
    assert!(shower.deposits.len() > 50, "{} cells with signal", shower.deposits.len());
    let total_mev = shower.balance.total_mev();
    assert!((total_mev - 1e4).abs() < 1e-2, "{total_mev} MeV of 10 GeV accounted for");
    Ok(())
}
