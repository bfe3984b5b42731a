//! Streaming gives what a straightforward calculation in memory gives, for any batches, threads and order.

#![expect(clippy::float_cmp, reason = "sums of energies rounded to 2^-20 MeV are exact")]
#![expect(clippy::unwrap_used, reason = "a failed expectation is the report of a test")]

mod common;

use calo_metrics::results::EnergySource;
use calo_metrics::{
    Column, Error, FileKind, Histogram, Linearity, ObservableTable, Part, SampleAccumulator, compare_halves,
    compare_samples, distributions, fixed_energies, linearity, observables,
};
use common::{IDS, SHAPE, Toys, accumulate, observable_settings, sample, settings, toys};
use ndarray::{Array4, Axis, ShapeBuilder, s};
use proptest::prelude::*;

/// Everything that must not depend on batches and threads, bit for bit.
fn assert_same(a: &SampleAccumulator, b: &SampleAccumulator) {
    for observable in IDS {
        for energy in a.energies_gev().into_iter().map(Some).chain([None]) {
            for part in [Part::All, Part::FirstHalf, Part::SecondHalf] {
                assert_eq!(a.resampled(observable, energy, part), b.resampled(observable, energy, part));
            }
        }
    }
    assert_eq!(a.mean_image_mev(), b.mean_image_mev());
}

/// Tables with NaN entries compared by their bits.
fn bits(table: &ObservableTable) -> Vec<Vec<u64>> {
    Column::ALL.map(|column| table.column(column).iter().map(|x| x.to_bits()).collect()).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn batches_threads_and_merges_change_nothing(
        seed in 0..1000_u64,
        mut cuts in proptest::collection::vec(0..150_usize, 0..5),
        threads in 1..4_usize,
    ) {
        cuts.sort_unstable();
        let showers = toys(150, seed, 1.0);
        let kind = FileKind::FullSpectrum;
        let whole = accumulate(&showers, kind, 7, &[]);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let batches = pool.install(|| accumulate(&showers, kind, 7, &cuts));
        assert_same(&whole, &batches);
        prop_assert_eq!(bits(whole.table()), bits(batches.table()));

        let cut = cuts.first().copied().unwrap_or(80);
        let part = |from: usize, to: usize| {
            let mut part = SampleAccumulator::new(settings().into(), kind, 7).unwrap();
            part.fill(showers.cells.slice(s![from..to, .., .., ..]), &showers.energies[from..to], from as u64).unwrap();
            part
        };
        let mut merged = part(0, cut);
        merged.merge(&part(cut, 150)).unwrap();
        assert_same(&whole, &merged);
        prop_assert_eq!(bits(whole.table()), bits(merged.table()));
    }

    #[test]
    fn the_order_of_showers_changes_no_histogram(seed in 0..1000_u64) {
        let showers = toys(100, seed, 1.0);
        let mut reversed = showers.clone();
        reversed.cells.invert_axis(Axis(0));
        reversed.energies.reverse();
        let [a, b] = [&showers, &reversed].map(|showers| accumulate(showers, FileKind::FullSpectrum, 0, &[]));
        for observable in IDS {
            prop_assert_eq!(a.histogram(observable, None), b.histogram(observable, None));
        }
        prop_assert_eq!(a.mean_image_mev(), b.mean_image_mev());
    }

    #[test]
    fn halves_add_up_to_the_whole(seed in 0..1000_u64) {
        let whole = accumulate(&toys(100, seed, 1.0), FileKind::FullSpectrum, 0, &[]);
        for observable in IDS {
            let [all, first, second] = [Part::All, Part::FirstHalf, Part::SecondHalf]
                .map(|part| whole.resampled(observable, None, part).unwrap());
            let mut sum = first.nominal;
            sum.merge(&second.nominal).unwrap();
            prop_assert_eq!(sum, all.nominal);
        }
    }
}

/// Energy sums and histograms the slow and obvious way, without streaming.
fn in_memory(showers: &Toys, observable: &str, fixed_gev: Option<f64>) -> Histogram {
    let settings = settings();
    let binned = settings.histograms.iter().find(|binned| binned.observable.info.id == observable).unwrap();
    let axis = binned.axis.clone();
    let mut total = Histogram::new(axis.clone());
    for (cells, &energy) in showers.cells.outer_iter().zip(&showers.energies) {
        let scale = match fixed_gev {
            None => 1.0,
            Some(fixed) if (energy - fixed).abs() <= settings.window_half_width_gev => fixed / energy,
            Some(_) => continue,
        };
        let hits: Vec<((usize, usize, usize), f64)> =
            cells.indexed_iter().filter(|(_, e)| **e > 0.1).map(|(cell, e)| (cell, f64::from(*e))).collect();
        let visible: f64 = hits.iter().map(|(_, e)| e).sum();
        let mut shower = Histogram::new(axis.clone());
        match observable {
            "cell_energy" => hits.iter().for_each(|(_, e)| shower.fill(*e, 1.0)),
            "visible_energy" => shower.fill(visible * scale, 1.0),
            "n_hits" => shower.fill(hits.len() as f64 * scale, 1.0),
            "cog_z" => {
                shower
                    .fill(hits.iter().map(|((layer, ..), e)| *layer as f64 * e).sum::<f64>() / visible, 1.0);
            }
            "radial" => hits.iter().for_each(|((_, x, y), e)| {
                shower.fill((*x as f64 - 2.5).hypot(*y as f64 - 2.0), *e);
            }),
            "longitudinal" => {
                for ((layer, ..), e) in &hits {
                    shower.fill(*layer as f64, *e);
                }
            }
            other => unreachable!("{other} is not calculated here"),
        }
        // The error is from the spread between showers: a shower's whole content of a bin counts once, squared.
        let squared = shower.slots().iter().map(|x| x * x).collect();
        total.merge(&Histogram::from_slots(axis.clone(), shower.slots().to_vec(), squared).unwrap()).unwrap();
    }
    total
}

#[test]
fn streaming_agrees_with_a_calculation_in_memory() {
    let showers = toys(300, 5, 1.0);
    let accumulator = accumulate(&showers, FileKind::FullSpectrum, 0, &[17, 100]);
    let fixed: [[(&str, Option<f64>); 2]; 3] =
        [20.0, 50.0, 80.0].map(|e| [("visible_energy", Some(e)), ("n_hits", Some(e))]);
    for (observable, energy) in IDS.into_iter().map(|observable| (observable, None)).chain(fixed.concat()) {
        let (streamed, expected) =
            (accumulator.histogram(observable, energy).unwrap(), in_memory(&showers, observable, energy));
        let energies = matches!(observable, "radial" | "longitudinal");
        let tolerance = if energies { 300.0 * 2.0_f64.powi(-20) } else { 0.0 };
        for (x, y) in streamed.slots().iter().zip(expected.slots()) {
            assert!((x - y).abs() <= tolerance, "{observable:?} {energy:?}: {x} {y}");
        }
        for (x, y) in streamed.squared_slots().iter().zip(expected.squared_slots()) {
            assert!((x - y).abs() <= 50.0 * tolerance, "{observable:?} {energy:?}: {x} {y}");
        }
    }
    let mean = showers.cells.mapv(|e| if e > 0.1 { f64::from(e) } else { 0.0 }).mean_axis(Axis(0)).unwrap();
    let streamed = accumulator.mean_image_mev().unwrap();
    assert!((&streamed - &mean).iter().all(|difference| difference.abs() < 2.0_f64.powi(-20)));
    let table = observables(showers.cells.view(), &showers.energies, &observable_settings()).unwrap();
    assert_eq!(bits(accumulator.table()), bits(&table));
    assert!(table.n_empty_showers() > 0, "the toys should cover empty showers");
    let cog_z = accumulator.histogram("cog_z", None).unwrap();
    assert_eq!(
        cog_z.total(),
        (300 - table.n_empty_showers()) as f64,
        "an empty shower has no centre of gravity"
    );
}

#[test]
fn views_of_any_strides_give_the_same() {
    let showers = toys(20, 3, 1.0);
    let (n, layers, nx, ny) = showers.cells.dim();
    let mut fortran = Array4::zeros((n, layers, nx, ny).f());
    fortran.assign(&showers.cells);
    let [a, b] = [&showers.cells, &fortran]
        .map(|cells| observables(cells.view(), &showers.energies, &observable_settings()).unwrap());
    assert_eq!(bits(&a), bits(&b));
}

#[test]
fn replicas_spread_like_the_counts_of_new_samples() {
    // Poisson weights: the variance over replicas of a bin is its sum of squares.
    let showers = toys(400, 11, 1.0);
    let mut settings = settings();
    settings.replicas = 400;
    let mut accumulator = SampleAccumulator::new(settings.into(), FileKind::FullSpectrum, 0).unwrap();
    accumulator.fill(showers.cells.view(), &showers.energies, 0).unwrap();
    for observable in ["cell_energy", "cog_z", "longitudinal"] {
        let resampled = accumulator.resampled(observable, None, Part::All).unwrap();
        let squared = resampled.nominal.squared_slots();
        let fullest = (0..squared.len()).max_by(|&i, &j| squared[i].total_cmp(&squared[j])).unwrap();
        let values: Vec<f64> = resampled.replicas.iter().map(|slots| slots[fullest]).collect();
        let mean = values.iter().sum::<f64>() / 400.0;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 399.0;
        // The variance of 400 values is known to sqrt(2 / 400) = 7 %.
        assert!((variance / squared[fullest] - 1.0).abs() < 0.35, "{observable:?}: {variance} {squared:?}");
        assert!((mean - resampled.nominal.slots()[fullest]).abs() < 5.0 * (variance / 400.0).sqrt());
    }
}

#[test]
fn a_sample_against_itself_is_zero_and_another_response_is_not() {
    let (same, other) = (toys(2000, 1, 1.0), toys(2000, 2, 1.15));
    // The very same showers under two keys: replicas differ, the histograms do not.
    let (a, b, c) = (sample("a", &same, 0), sample("b", &same, 1), sample("c", &other, 2));
    let energies = fixed_energies(&[&a, &b, &c], &[20.0, 50.0, 80.0]);
    assert!(energies.iter().all(|energy| energy.preferred == EnergySource::Window));
    let (zero, far) =
        (compare_samples(&a, &b, &energies).unwrap(), compare_samples(&a, &c, &energies).unwrap());
    let floor = compare_halves(&a, &energies).unwrap();
    assert_eq!((zero.histograms.len(), zero.gaps.len()), (6, 0));
    for i in 0..6 {
        let [zero, far, floor] = [&zero, &far, &floor].map(|compared| &compared.histograms[i]);
        assert_eq!((zero.jsd.value, zero.area_difference.value), (0.0, 0.0));
        assert!(floor.jsd.value > 0.0 && floor.jsd.error.unwrap() > 0.0);
        let n_parts = if matches!(far.observable.as_str(), "visible_energy" | "n_hits") { 3 } else { 1 };
        assert_eq!(far.parts.len(), n_parts);
        let mean = far.parts.iter().map(|part| part.jsd.value.powi(2)).sum::<f64>() / n_parts as f64;
        assert!((far.jsd.value - mean.sqrt()).abs() < 1e-12);
    }
    // The response moves cells and visible energy by far more than the floor and its error.
    for i in [0, 1] {
        let (far, floor) = (far.histograms[i].jsd, floor.histograms[i].jsd);
        assert!(far.value > floor.value + 5.0 * floor.error.unwrap(), "{far:?} {floor:?}");
    }
}

#[test]
fn missing_energies_are_named_gaps() {
    let showers = toys(300, 1, 1.0);
    let (mut a, mut b) = (sample("real", &showers, 0), sample("fake", &showers, 1));
    let file = |key| accumulate(&toys(50, 9, 1.0), FileKind::FixedEnergy { energy_gev: 200.0 }, key, &[]);
    a.fixed.push(file(2));
    let energies = fixed_energies(&[&a, &b], &[50.0, 200.0]);
    let gaps = compare_samples(&a, &b, &energies).unwrap().gaps;
    assert_eq!(gaps.len(), 2, "visible energy and hits: {gaps:?}");
    assert_eq!(gaps[0].what, "fake against real: visible energy at 200 GeV");
    assert_eq!(gaps[0].why, "fake has no shower there, neither a file nor a window");
    let Linearity { points, gaps } = linearity(&[&a, &b], &energies);
    let sources: Vec<_> = points.iter().map(|point| (point.sample, point.energy_gev, point.source)).collect();
    let (window, file_source) = (EnergySource::Window, EnergySource::FixedEnergyFile);
    assert_eq!(sources, [(0, 50.0, window), (0, 200.0, file_source), (1, 50.0, window)]);
    assert_eq!((points[1].n_showers, gaps.len()), (50, 1));
    assert_eq!(gaps[0].what, "fake: mu90 and sigma90 at 200 GeV");

    let distributions = distributions(&[&a, &b], &energies);
    assert_eq!(distributions.len(), 6 + 4);
    let last = distributions.last().unwrap();
    assert!(last.samples[0].as_ref().is_some_and(|histogram| histogram.n_showers == 50));
    assert!(last.samples[1].is_none());
    b.fixed.push(file(3));
    assert_eq!(compare_samples(&a, &b, &fixed_energies(&[&a, &b], &[50.0, 200.0])).unwrap().gaps, []);
}

#[test]
fn like_is_compared_with_like_but_linearity_uses_every_file() {
    let (mut a, b) = (sample("real", &toys(300, 1, 1.0), 0), sample("fake", &toys(300, 2, 1.0), 1));
    a.fixed.push(accumulate(&toys(50, 9, 1.0), FileKind::FixedEnergy { energy_gev: 50.0 }, 2, &[]));
    let energies = fixed_energies(&[&a, &b], &[50.0]);
    assert_eq!(energies[0].preferred, EnergySource::Window);
    let at_50 = distributions(&[&a, &b], &energies).pop().unwrap();
    assert!(at_50.samples.iter().all(|side| side.as_ref().unwrap().source == Some(EnergySource::Window)));
    let sources: Vec<_> = linearity(&[&a, &b], &energies).points.iter().map(|point| point.source).collect();
    assert_eq!(sources, [EnergySource::FixedEnergyFile, EnergySource::Window]);
    assert_eq!(fixed_energies(&[&a], &[50.0])[0].preferred, EnergySource::FixedEnergyFile);
}

#[test]
fn bad_input_is_an_error_that_names_it() {
    let showers = toys(70, 1, 1.0);
    let fill = |cells: &Array4<f32>, energies: &[f64]| {
        let mut accumulator = SampleAccumulator::new(settings().into(), FileKind::FullSpectrum, 0).unwrap();
        accumulator.fill(cells.view(), energies, 1000).unwrap_err()
    };
    let mut cells = showers.cells.clone();
    cells[[69, 6, 5, 4]] = f32::NAN;
    cells[[40, 3, 2, 1]] = f32::NEG_INFINITY;
    let error = fill(&cells, &showers.energies);
    assert_eq!(
        error.to_string(),
        "cells_mev [shower, layer, x, y]: -inf at index [1040, 3, 2, 1]; expected finite numbers"
    );
    assert!(observables(cells.view(), &showers.energies, &observable_settings()).is_err());
    let error = fill(&showers.cells, &showers.energies[..69]);
    assert_eq!(error.to_string(), "energies_gev, one for each shower: found 69; expected 70");
    let mut energies = showers.energies.clone();
    energies[3] = 0.0;
    let error = fill(&showers.cells, &energies);
    assert_eq!(
        error.to_string(),
        "parameter `energies_gev[1003]`: 0; expected an incident energy above 0 GeV"
    );
    energies[3] = f64::NAN;
    assert!(matches!(fill(&showers.cells, &energies), Error::NonFinite { .. }));
    let error = fill(&Array4::zeros((1, 7, 5, 6)), &[1.0]);
    assert!(error.to_string().contains("[7, 5, 6]; expected [7, 6, 5]"), "{error}");
    assert_eq!(SHAPE, [7, 6, 5]);
}

#[test]
fn nothing_compared_with_something_is_a_gap() {
    let (a, b) = (sample("real", &toys(100, 1, 1.0), 0), sample("fake", &toys(0, 1, 1.0), 1));
    let compared = compare_samples(&a, &b, &fixed_energies(&[&a, &b], &[50.0])).unwrap();
    assert_eq!((compared.histograms.len(), compared.gaps.len()), (0, 6));
    assert!(b.full.mean_image_mev().is_none());
}
