//! Showers in simple blocks against published numbers. Tolerances follow from the numbers of showers.

mod common;

use calo_sim::{CellDeposit, Kind};
use common::{Block, showers};

/// Radiation length of tungsten, mm (PDG, Atomic and nuclear properties of materials).
const TUNGSTEN_X0_MM: f64 = 3.504;
/// Molière radius of tungsten, mm (ibid.).
const TUNGSTEN_MOLIERE_MM: f64 = 9.327;
/// Radiation length of lead, mm (ibid.).
const LEAD_X0_MM: f64 = 5.612;

/// Photons of high energy convert after 9/7 radiation lengths on average (PDG, Passage of particles through matter,
/// equation 34.33).
#[test]
fn conversion_depths_give_the_radiation_length() {
    for (material, x0_mm) in [("tungsten", TUNGSTEN_X0_MM), ("lead", LEAD_X0_MM)] {
        let layer_mm = 0.1 * x0_mm;
        let block = Block { material, layer_mm, layers: 20, cell_mm: 10.0, cells: 20 };
        let photons = showers(&block, Kind::Photon, [50.0, 50.0], 3000, |shower| {
            shower.deposits.iter().map(|cell| cell.layer).min()
        });
        // The pair is seen in the layer it is made in; lengths beyond the block are censored.
        let (mut converted, mut path_mm) = (0.0, 0.0);
        for first in photons {
            match first {
                Some(layer) => {
                    converted += 1.0;
                    path_mm += (f64::from(layer) + 0.5) * layer_mm;
                }
                None => path_mm += 20.0 * layer_mm,
            }
        }
        // Maximum likelihood of a censored exponential; 50 GeV is not yet infinite: the cross-section is 1 % below 7/9.
        let found_mm = path_mm / converted * 7.0 / 9.0;
        let error = 1.0 / f64::sqrt(converted);
        assert!(
            (found_mm / x0_mm - 1.0).abs() < 4.0 * error + 0.015,
            "{material}: {found_mm:.3} mm from {converted} conversions, published {x0_mm} mm"
        );
    }
}

/// The maximum moves by one radiation length when the energy rises by e (PDG, equation 34.36).
#[test]
fn shower_maximum_grows_with_the_logarithm_of_energy() {
    let block =
        Block { material: "tungsten", layer_mm: TUNGSTEN_X0_MM, layers: 30, cell_mm: 100.0, cells: 4 };
    let maximum_x0 = |energy_gev: f64, n: u64| {
        let profiles =
            showers(&block, Kind::Electron, [energy_gev, energy_gev], n, |shower| profile(shower.deposits));
        let mut sum = [0.0; 30];
        for profile in profiles {
            sum.iter_mut().zip(profile).for_each(|(sum, layer)| *sum += layer);
        }
        // The vertex of the parabola through the highest layer and its neighbours.
        let top = (1..29).max_by(|a, b| sum[*a].total_cmp(&sum[*b])).unwrap();
        let [before, at, after] = [sum[top - 1], sum[top], sum[top + 1]];
        top as f64 + 0.5 + 0.5 * (before - after) / (before - 2.0 * at + after)
    };
    let (low, high) = (maximum_x0(1.0, 1200), maximum_x0(20.0, 100));
    let slope = (high - low) / f64::ln(20.0);
    assert!((slope - 1.0).abs() < 0.08, "maxima at {low:.2} and {high:.2} X0: {slope:.3} X0 for a factor e");
    // ln(E/Ec) - 0.5 for electrons, with Ec = 7.97 MeV (PDG): the parametrisation is good to a few tenths.
    for (energy_mev, found) in [(1e3, low), (2e4, high)] {
        let expected = f64::ln(energy_mev / 7.97) - 0.5;
        assert!((found - expected).abs() < 0.5, "{energy_mev} MeV: {found:.2} X0, expected {expected:.2}");
    }
}

/// On average 90 % of the energy lies within one Molière radius, 99 % within 3.5 (PDG, section 34.5).
#[test]
fn moliere_containment() {
    let block = Block { material: "tungsten", layer_mm: 10.0, layers: 12, cell_mm: 1.0, cells: 140 };
    let shares = showers(&block, Kind::Electron, [10.0, 10.0], 150, |shower| {
        let mut within = [0.0; 2];
        for cell in shower.deposits {
            // The beam is at the corner of the four middle cells.
            let offset_mm = |index: u32| f64::from(index) + 0.5 - 70.0;
            let radius_mm = f64::hypot(offset_mm(cell.ix), offset_mm(cell.iy));
            for (share, radii) in within.iter_mut().zip([1.0, 3.5]) {
                if radius_mm < radii * TUNGSTEN_MOLIERE_MM {
                    *share += cell.energy_mev;
                }
            }
        }
        // What escapes sideways is outside too.
        within.map(|inside| inside / shower.balance.total_mev())
    });
    let mean = |which: usize| shares.iter().map(|share| share[which]).sum::<f64>() / shares.len() as f64;
    assert!((mean(0) - 0.90).abs() < 0.02, "{:.4} within one Molière radius", mean(0));
    assert!((mean(1) - 0.985).abs() < 0.015, "{:.4} within 3.5 Molière radii", mean(1));
}

fn profile(deposits: &[CellDeposit]) -> Vec<f64> {
    let mut layers = vec![0.0; 30];
    for cell in deposits {
        layers[cell.layer as usize] += cell.energy_mev;
    }
    layers
}
