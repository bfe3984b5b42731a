//! Observables, histograms, distances and mu90 against NumPy and SciPy on real showers (`golden/README.md`).

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report of a test")]

use std::sync::Arc;

use calo_metrics::distance::{
    area_difference, chi2, jensen_shannon_distance, ks, ks_of_samples, separation_power, wasserstein1,
    wasserstein1_of_samples,
};
use calo_metrics::{
    Axis, Column, FileKind, Histogram, SampleAccumulator, SampleSettings, binned_observables, observables,
    resolution90,
};
use ndarray::{Array4, s};
use serde_json::Value;

/// Sums of a thousand cells in another order, and energies rounded to 2^-20 MeV.
const RELATIVE: f64 = 1e-12;
const ROUNDING_MEV: f64 = 3e-6;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/histograms.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap_or(f64::NAN)).collect()
}

fn axis(value: &Value) -> Axis {
    let (bins, low, high) =
        (value[1].as_u64().unwrap() as usize, value[2].as_f64().unwrap(), value[3].as_f64().unwrap());
    if value[0] == "log" {
        Axis::log(bins, low, high).unwrap()
    } else {
        Axis::linear(bins, low, high).unwrap()
    }
}

fn showers(golden: &Value) -> (Array4<f32>, Vec<f64>) {
    let [layers, nx, ny] = [0, 1, 2].map(|i| golden["shape"][i].as_u64().unwrap() as usize);
    let sparse = golden["showers"].as_array().unwrap();
    let mut cells = Array4::zeros((sparse.len(), layers, nx, ny));
    for (shower, mut image) in sparse.iter().zip(cells.outer_iter_mut()) {
        let flat = image.as_slice_mut().unwrap();
        for (cell, energy) in numbers(&shower["cells"]).into_iter().zip(numbers(&shower["energies_mev"])) {
            flat[cell as usize] = energy as f32;
        }
    }
    (cells, numbers(&golden["energies_gev"]))
}

fn settings(golden: &Value) -> SampleSettings {
    // Observables that came after the golden file have no binning in it.
    let axes = |binning: &str| {
        let binning = &golden["binning"][binning.trim_end_matches("_mev")];
        (!binning.is_null()).then(|| Ok::<_, ()>(axis(binning)))
    };
    let shape = [0, 1, 2].map(|i| golden["shape"][i].as_u64().unwrap() as usize);
    let (cut, mip) = (golden["cell_cut_mev"].as_f64().unwrap(), golden["mip_mev"].as_f64().unwrap());
    SampleSettings::new(shape, cut, mip, binned_observables(axes).unwrap())
}

fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    let equal = (found - expected).abs() <= tolerance || (found.is_nan() && expected.is_nan());
    assert!(equal, "{what}: {found}, expected {expected}");
}

/// Every binned distance against the golden one of its name.
fn assert_distances(a: &Histogram, b: &Histogram, expected: &Value, tolerance: f64, what: &str) {
    for (name, found) in [
        ("jensen_shannon_distance", jensen_shannon_distance(a, b).unwrap()),
        ("area_difference", area_difference(a, b).unwrap()),
        ("separation_power", separation_power(a, b).unwrap()),
        ("ks", ks(a, b).unwrap()),
        ("wasserstein1", wasserstein1(a, b).unwrap()),
    ] {
        let expected = expected[name].as_f64().unwrap();
        assert_close(found, expected, tolerance * expected.max(1.0), &format!("{what} {name}"));
    }
}

#[test]
fn observables_agree_with_numpy() {
    let golden = golden();
    for particle in ["photons", "pions"] {
        let golden = &golden[particle];
        let (cells, energies) = showers(golden);
        let table = observables(cells.view(), &energies, &settings(golden).observables).unwrap();
        for column in Column::ALL {
            let expected = numbers(&golden["observables"][column.label()]);
            assert_eq!(expected.len(), energies.len());
            for (&found, expected) in table.column(column).iter().zip(expected) {
                assert_close(
                    found,
                    expected,
                    RELATIVE * expected.abs(),
                    &format!("{particle} {}", column.label()),
                );
            }
        }
    }
}

#[test]
fn six_histograms_and_their_distances_agree_with_numpy_and_scipy() {
    let golden = golden();
    for particle in ["photons", "pions"] {
        let golden = &golden[particle];
        let (cells, energies) = showers(golden);
        let half = energies.len() / 2;
        let fill = |from: usize, to: usize| {
            let settings = Arc::new(settings(golden));
            let mut accumulator = SampleAccumulator::new(settings, FileKind::FullSpectrum, 0).unwrap();
            accumulator.fill(cells.slice(s![from..to, .., .., ..]), &energies[from..to], 0).unwrap();
            accumulator
        };
        let sides = [fill(0, half), fill(half, 2 * half)];
        let binned = &sides[0].settings().histograms;
        assert_eq!(binned.len(), golden["histograms"].as_object().unwrap().len());
        for binned in binned {
            let name = &*binned.observable.info.id;
            let golden = &golden["histograms"][name];
            let [a, b] = [0, 1].map(|i| sides[i].histogram(name, None).unwrap());
            for (histogram, expected) in [&a, &b].into_iter().zip(golden["halves"].as_array().unwrap()) {
                for (&found, expected) in histogram.slots().iter().zip(numbers(expected)) {
                    assert_close(found, expected, ROUNDING_MEV, &format!("{particle} {name}"));
                }
            }
            // Profiles of some 1000 MeV are rounded to 1e-6 MeV in each bin.
            assert_distances(&a, &b, &golden["distances"], 1e-8, &format!("{particle} {name}"));
        }
    }
}

#[test]
fn distances_of_whole_samples_agree_with_scipy() {
    let golden = golden();
    for (particle, observable) in [
        ("photons", "visible_energy"),
        ("photons", "n_hits"),
        ("pions", "visible_energy"),
        ("pions", "n_hits"),
    ] {
        let (sample, what) = (&golden[particle]["samples"][observable], format!("{particle} {observable}"));
        let [first, second] = [0, 1].map(|i| numbers(&sample["values"][i]));
        let [a, b] = [&first, &second].map(|values| {
            let mut histogram = Histogram::new(axis(&golden[particle]["binning"][observable]));
            histogram.fill_all(values);
            histogram
        });
        assert_distances(&a, &b, &sample["binned"], RELATIVE, &what);
        let chi2 = chi2(&a, &b).unwrap();
        assert_close(chi2.value, sample["binned"]["chi2"].as_f64().unwrap(), 1e-9, &what);
        assert_eq!(Some(chi2.degrees_of_freedom as u64), sample["binned"]["dof"].as_u64(), "{what}");
        let found = ks_of_samples(&first, &second).unwrap();
        assert_close(found, sample["ks"].as_f64().unwrap(), RELATIVE, &what);
        let (found, expected) =
            (wasserstein1_of_samples(&first, &second).unwrap(), sample["wasserstein1"].as_f64().unwrap());
        assert_close(found, expected, RELATIVE * expected, &what);

        let resolution = resolution90(&[first, second].concat()).unwrap();
        let expected = &sample["shortest90"];
        let (mu, sigma) = (expected["mu90"].as_f64().unwrap(), expected["sigma90"].as_f64().unwrap());
        assert_close(resolution.mu90.value, mu, RELATIVE * mu, &what);
        assert_close(resolution.sigma90.value, sigma, RELATIVE * mu, &what);
        assert_eq!(Some(resolution.n90 as u64), expected["n90"].as_u64(), "{what}");
    }
}
