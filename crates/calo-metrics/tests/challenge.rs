//! Features and scores of the CaloChallenge against its own evaluation code (`data/make_challenge.py`).
//!
//! The small part of the showers stands in `data`. Where the environment variable `CALO_CHALLENGE` names a folder made by
//! `make_challenge.py --full`, all of them are judged too, and compared with what JetNet says of feature vectors.

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use calo_metrics::challenge::{
    ChallengeHistograms, LargestEnergies, Layout, LayoutLayer, LayoutRanges, ShowerFeatures, challenge_prdc,
    separation_powers,
};
use ndarray::{Array2, ArrayView2, s};
use serde::Deserialize;

const NAMES: [&str; 4] = ["1-photons", "1-pions", "2", "3"];

#[derive(Deserialize)]
struct Expected {
    n: usize,
    k: usize,
    features: BTreeMap<String, BTreeMap<String, Summary>>,
    separation_power: BTreeMap<String, Option<f64>>,
    prdc: ExpectedPrdc,
}

#[derive(Deserialize)]
struct Summary {
    first_five: Vec<f64>,
    mean: f64,
    std: f64,
}

#[derive(Deserialize)]
struct ExpectedPrdc {
    precision: f64,
    recall: f64,
    density: f64,
    coverage: f64,
}

#[derive(Deserialize)]
struct Binning {
    cut_mev: f64,
    n_voxels: usize,
    layers: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    ids: Vec<u32>,
    shape: Shape,
}

#[derive(Deserialize)]
struct Shape {
    r_edges_mm: Vec<f64>,
    n_angles: usize,
    ranges_mm: [f64; 4],
}

/// Showers of one file, `[shower, voxel]`.
struct Sample {
    voxels_mev: Array2<f32>,
    energies_gev: Vec<f64>,
}

fn read_json<T: for<'de> Deserialize<'de>>(folder: &Path, name: &str) -> T {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

fn small() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The folder of all showers, if there is one.
fn full() -> Option<PathBuf> {
    let folder = std::env::var_os("CALO_CHALLENGE").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: CALO_CHALLENGE names no folder made by tests/data/make_challenge.py --full");
    }
    folder
}

fn layout(folder: &Path, name: &str) -> Layout {
    let binning =
        read_json::<BTreeMap<String, Binning>>(folder, "challenge_layouts.json").remove(name).unwrap();
    let layer = |run: &Run, id: u32| {
        let [centre, width, radius, radius_width] = run.shape.ranges_mm;
        LayoutLayer {
            id,
            r_edges_mm: run.shape.r_edges_mm.clone(),
            n_angles: run.shape.n_angles,
            ranges_mm: LayoutRanges { centre, width, radius, radius_width },
        }
    };
    let layers = binning.layers.iter().flat_map(|run| run.ids.iter().map(move |&id| layer(run, id)));
    let layout = Layout::new(layers.collect(), binning.cut_mev).unwrap();
    assert_eq!(layout.n_voxels(), binning.n_voxels);
    layout
}

/// For each shower: number of voxels (u32), energy in MeV (f32), indices (u16), energies (f32).
fn sample(folder: &Path, name: &str, side: &str, n_voxels: usize) -> Sample {
    let bytes = std::fs::read(folder.join(format!("challenge_{name}_{side}.bin"))).unwrap();
    let mut rest = &bytes[..];
    let mut take = |n: usize| {
        let (head, tail) = rest.split_at(n);
        rest = tail;
        (head, tail.is_empty())
    };
    let float = |bytes: &[u8]| f32::from_le_bytes(bytes.try_into().unwrap());
    let (mut voxels, mut energies_gev) = (Vec::new(), Vec::new());
    loop {
        let n_hit = u32::from_le_bytes(take(4).0.try_into().unwrap()) as usize;
        energies_gev.push(f64::from(float(take(4).0)) / 1e3);
        let indices = take(2 * n_hit).0.chunks_exact(2).map(|index| u16::from_le_bytes([index[0], index[1]]));
        let (values, is_last) = take(4 * n_hit);
        let mut shower = vec![0.0; n_voxels];
        for (index, value) in indices.zip(values.chunks_exact(4)) {
            shower[usize::from(index)] = float(value);
        }
        voxels.append(&mut shower);
        if is_last {
            let voxels_mev = Array2::from_shape_vec((energies_gev.len(), n_voxels), voxels).unwrap();
            return Sample { voxels_mev, energies_gev };
        }
    }
}

#[track_caller]
fn assert_close(what: &str, ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-6 * (1.0 + theirs.abs()), "{what}: {ours} instead of {theirs}");
}

fn assert_features(layout: &Layout, features: &ShowerFeatures, expected: &BTreeMap<String, Summary>) {
    assert_eq!(features.columns().len(), expected.len());
    for &column in features.columns() {
        let name = layout.name(column);
        let (ours, theirs) = (features.column(column).unwrap(), &expected[&name]);
        for (ours, theirs) in ours.iter().zip(&theirs.first_five) {
            assert_close(&name, *ours, *theirs);
        }
        assert_close(&name, ours.mean().unwrap(), theirs.mean);
        assert_close(&name, ours.std(0.0), theirs.std);
    }
}

fn assert_separations(layout: &Layout, samples: &[Sample; 2], expected: &BTreeMap<String, Option<f64>>) {
    let mut largest = LargestEnergies::new(layout);
    for voxels in batches(&samples[0].voxels_mev) {
        largest.observe(layout, &ShowerFeatures::of(layout, voxels).unwrap(), voxels).unwrap();
    }
    let histograms = samples.each_ref().map(|sample| {
        let mut histograms = ChallengeHistograms::new(layout, &largest).unwrap();
        let mut energies = &sample.energies_gev[..];
        for voxels in batches(&sample.voxels_mev) {
            let (of_batch, rest) = energies.split_at(voxels.nrows());
            let features = ShowerFeatures::of(layout, voxels).unwrap();
            histograms.fill(layout, &features, voxels, of_batch).unwrap();
            energies = rest;
        }
        histograms
    });
    let powers = separation_powers(layout, &histograms[0], &histograms[1]).unwrap();
    assert_eq!(powers.len(), expected.len());
    for power in powers {
        match (power.value, expected[&power.name]) {
            (Some(ours), Some(theirs)) => assert_close(&power.name, ours, theirs),
            (ours, theirs) => assert_eq!(ours, theirs, "{}", power.name),
        }
    }
}

/// Histograms are filled in batches, as from a file.
fn batches(voxels: &Array2<f32>) -> [ArrayView2<'_, f32>; 2] {
    let middle = voxels.nrows() / 3;
    [voxels.slice(s![..middle, ..]), voxels.slice(s![middle.., ..])]
}

fn judge(folder: &Path, name: &str) {
    let expected =
        read_json::<BTreeMap<String, Expected>>(folder, "challenge_expected.json").remove(name).unwrap();
    let layout = layout(folder, name);
    let samples = ["reference", "candidate"].map(|side| {
        let sample = sample(folder, name, side, layout.n_voxels());
        assert_eq!(sample.energies_gev.len(), expected.n);
        let features = ShowerFeatures::of(&layout, sample.voxels_mev.view()).unwrap();
        assert_features(&layout, &features, &expected.features[side]);
        // Energies of 1 GeV are 3 in the feature vector, which has one entry more.
        let vector = features.vector(&vec![1.0; expected.n]).unwrap();
        assert_eq!(vector.ncols(), 1 + features.columns().len());
        assert!(vector.column(0).iter().all(|logarithm| (logarithm - 3.0).abs() < 1e-12));
        sample
    });
    assert_separations(&layout, &samples, &expected.separation_power);
    let [a, b] = samples.each_ref().map(|sample| sample.voxels_mev.view());
    let ours = challenge_prdc(&layout, a, b, expected.k).unwrap();
    let theirs = &expected.prdc;
    for (what, ours, theirs) in [
        ("precision", ours.precision, theirs.precision),
        ("recall", ours.recall, theirs.recall),
        ("density", ours.density, theirs.density),
        ("coverage", ours.coverage, theirs.coverage),
    ] {
        // Shares of the same numbers of showers: the last bit is that of their division.
        assert!((ours - theirs).abs() < 1e-14, "{name}, {what}: {ours} instead of {theirs}");
    }
}

#[test]
fn small_samples_are_judged_as_by_the_challenge() {
    for name in NAMES {
        judge(&small(), name);
    }
}

#[test]
fn whole_samples_are_judged_as_by_the_challenge() {
    let Some(folder) = full() else { return };
    for name in NAMES {
        judge(&folder, name);
    }
}

#[cfg(feature = "frechet")]
mod distances {
    use super::*;
    use calo_metrics::challenge::{fpd_settings, kpd_settings, scaled_by_reference};
    use calo_metrics::results::Estimate;
    use calo_metrics::{Draw, fpd, frechet_distance, kernel_distance, kpd};

    #[derive(Deserialize)]
    struct ExpectedDistances {
        frechet_distance_full_sample: f64,
        mmd2_poly4_unbiased_full_sample: f64,
        fpd_with_replacement_1500_3000: [f64; 2],
        kpd_batches_of_1500: [f64; 2],
    }

    fn vectors(folder: &Path, name: &str, side: &str, n_showers: usize) -> Array2<f64> {
        let bytes = std::fs::read(folder.join(format!("challenge_features_{name}_{side}.bin"))).unwrap();
        let values =
            bytes.chunks_exact(4).map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap())));
        let values: Vec<f64> = values.collect();
        Array2::from_shape_vec((n_showers, values.len() / n_showers), values).unwrap()
    }

    #[track_caller]
    fn assert_within_errors(ours: Estimate, theirs: [f64; 2]) {
        let error = ours.error.unwrap().hypot(theirs[1]);
        assert!((ours.value - theirs[0]).abs() < 4.0 * error, "{ours:?} instead of {theirs:?}");
    }

    #[test]
    fn distances_of_feature_vectors_are_those_of_jetnet() {
        let Some(folder) = full() else { return };
        let expected: BTreeMap<String, ExpectedDistances> = read_json(&folder, "challenge_distances.json");
        for (name, theirs) in expected {
            let [a, b] = ["reference", "candidate"].map(|side| vectors(&folder, &name, side, 3_000));
            let [a, b] = scaled_by_reference(a.view(), b.view()).unwrap();
            let frechet = frechet_distance(a.view(), b.view()).unwrap();
            assert!((frechet / theirs.frechet_distance_full_sample - 1.0).abs() < 1e-4, "{name}: {frechet}");
            let kernel = kernel_distance(a.view(), b.view()).unwrap();
            let relative = kernel / theirs.mmd2_poly4_unbiased_full_sample - 1.0;
            assert!(relative.abs() < 1e-6, "{name}: {kernel}");
            let draw = Draw::WithReplacement;
            let batches = kpd_settings([3_000, 3_000], draw, 0);
            assert_within_errors(kpd(a.view(), b.view(), &batches).unwrap(), theirs.kpd_batches_of_1500);
            // 200 batches of 362 features take minutes.
            if a.ncols() < 100 {
                let batches = fpd_settings([3_000, 3_000], draw, 0);
                assert_within_errors(
                    fpd(a.view(), b.view(), &batches).unwrap(),
                    theirs.fpd_with_replacement_1500_3000,
                );
            }
        }
    }
}
