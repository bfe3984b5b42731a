//! Observables beside the six of the papers: an entry each, and everything else follows.

#![expect(clippy::unwrap_used, reason = "a failed expectation is the report of a test")]

mod common;

use std::borrow::Cow::Borrowed;

use calo_metrics::results::{ComparedAt, ObservableInfo};
use calo_metrics::{
    Axis, BinnedObservable, CellValue, Column, FileKind, Fill, Judged, JudgedScores, Observable, Part,
    SampleAccumulator, SampleSet, SampleSettings, Splits, compare_samples, compare_splits, distributions,
    divisors, fixed_energies, moments, s_jsd,
};
use common::{IDS, Toys, accumulate_with, settings, toys};

const fn described(id: &'static str, compared_at: ComparedAt) -> ObservableInfo {
    ObservableInfo {
        id: Borrowed(id),
        label: Borrowed(id),
        title: Borrowed(id),
        phrase: Borrowed(id),
        unit: Borrowed(""),
        compared_at,
        scored: true,
        x_label: Borrowed(id),
        y_label: Borrowed(""),
        log_y: false,
        mip_axis: false,
        explanation: Borrowed(""),
        normalisation: Borrowed(""),
    }
}

/// A value of each shower at fixed energies, cells, and a transverse profile.
static MORE: [Observable; 3] = [
    Observable {
        info: described("first_third", ComparedAt::FixedEnergies),
        binning: "first_third",
        fill: Fill::Showers { column: Column::FirstThird, proportional: false },
    },
    Observable {
        info: described("front_cells", ComparedAt::FullSpectrum),
        binning: "front_cells",
        fill: Fill::Cells(CellValue::new(&|cell| {
            if cell.position[0] < 3 { cell.energy_mev } else { f64::NAN }
        })),
    },
    Observable {
        info: described("x_profile", ComparedAt::FullSpectrum),
        binning: "x_profile",
        fill: Fill::Transverse(|[x, _]| x),
    },
];

fn more_settings() -> SampleSettings {
    let mut settings = settings();
    let axes = [Axis::linear(10, 0.0, 1.0), Axis::log(20, 0.01, 10.0), Axis::linear(6, -3.0, 3.0)];
    let more = MORE.iter().zip(axes);
    settings
        .histograms
        .extend(more.map(|(observable, axis)| BinnedObservable { observable, axis: axis.unwrap() }));
    settings
}

fn sample(name: &str, toys: &Toys, key: u64) -> SampleSet {
    let full = accumulate_with(more_settings(), toys, FileKind::FullSpectrum, key, &[]);
    SampleSet { name: name.to_owned(), full, fixed: Vec::new() }
}

#[test]
fn they_are_filled_as_their_entries_say() {
    let showers = toys(200, 4, 1.0);
    let full = sample("a", &showers, 0).full;
    let hits = |shower: usize| {
        let cells = showers.cells.index_axis(ndarray::Axis(0), shower);
        cells.indexed_iter().filter(|(_, e)| **e > 0.1).map(|(at, e)| (at, f64::from(*e))).collect::<Vec<_>>()
    };
    let front: usize = (0..200).map(|i| hits(i).iter().filter(|((layer, ..), _)| *layer < 3).count()).sum();
    let found = full.histogram("front_cells", None).unwrap();
    assert!((found.total() - front as f64).abs() < 1e-9 && front > 1000);
    let at_x_4: f64 =
        (0..200).flat_map(hits).filter(|((_, x, _), _)| *x == 4).map(|(_, energy)| energy).sum();
    // The grid has 6 cells along x: cell 4 lies 1.5 from the centre, in the fifth of the six bins.
    let found = full.histogram("x_profile", None).unwrap();
    assert!((found.counts()[4] - at_x_4).abs() < 1e-3, "{} {at_x_4}", found.counts()[4]);
    let at_50 = full.histogram("first_third", Some(50.0)).unwrap();
    let n_empty_fewer = full.n_showers_at(Some(50.0), Part::All) as f64;
    assert!(at_50.total() > 0.9 * n_empty_fewer && at_50.total() <= n_empty_fewer);
    assert!(full.histogram("x_profile", Some(50.0)).is_none());
}

#[test]
fn comparisons_scores_and_moments_walk_over_them() {
    let [a, b] = [sample("a", &toys(400, 1, 1.0), 0), sample("b", &toys(400, 2, 1.2), 1)];
    let energies = fixed_energies(&[&a, &b], &[20.0, 50.0, 80.0]);
    let compared = compare_samples(&a, &b, &energies).unwrap();
    let ids: Vec<_> = compared.histograms.iter().map(|one| one.observable.as_str()).collect();
    assert_eq!(ids, [&IDS[..], &["first_third", "front_cells", "x_profile"]].concat());
    assert_eq!(compared.histograms[6].parts.len(), 3);
    assert!(compared.histograms.iter().all(|one| one.jsd.value > 0.0 && one.jsd.error.is_some()));
    assert_eq!(distributions(&[&a, &b], &energies).len(), 9 + 3 * 3);
    let moments = moments(&[&a], &energies);
    // Four observables with one value per shower, over the full spectrum and at each energy.
    assert_eq!(moments.len(), 4 * 4);
    assert!(moments.iter().any(|one| one.observable == "first_third" && one.mean.value < 1.0));

    let other = compare_samples(&b, &a, &energies).unwrap();
    let of_nine = divisors(&ids, &[&compared.histograms, &other.histograms]).unwrap();
    assert_eq!(of_nine.jsd.len(), 9);
    let score = s_jsd(&compared, &of_nine).unwrap();
    let expected =
        compared.histograms.iter().map(|one| one.jsd.value / of_nine.jsd.get(&one.observable).unwrap());
    assert!((score.value - expected.sum::<f64>() / 9.0).abs() < 1e-12);
    // Divisors of the papers' six leave the others out.
    let of_six = divisors(&IDS, &[&compared.histograms, &other.histograms]).unwrap();
    assert_eq!(of_six.jsd.len(), 6);
    let tables = [a.full.table(), b.full.table()];
    let JudgedScores { scores, gaps } = Judged::new(&compared, Some(&of_six), tables, 1).scores();
    assert_eq!((scores[0].value, gaps.len()), (Some(s_jsd(&compared, &of_six).unwrap().value), 0));
}

#[test]
fn splits_hold_them_too() {
    let split = |name: &str, toys: &Toys, key, sizes| {
        let n = toys.energies.len();
        let accumulator =
            SampleAccumulator::new(more_settings().into(), FileKind::FullSpectrum, key).unwrap();
        let splits = Splits::draw(4, sizes, n, 1, key).unwrap();
        let mut full = accumulator.with_splits(splits).unwrap();
        full.fill(toys.cells.view(), &toys.energies, 0).unwrap();
        SampleSet { name: name.to_owned(), full, fixed: Vec::new() }
    };
    let a = split("a", &toys(400, 1, 1.0), 0, [200, 200]);
    let b = split("b", &toys(300, 2, 1.2), 1, [200, 0]);
    let energies = fixed_energies(&[&a, &b], &[50.0]);
    let compared = compare_splits(&a, &[&b], &energies, 1).unwrap();
    let ids: Vec<_> = compared.candidates[0].iter().map(|one| one.observable.as_str()).collect();
    assert_eq!(ids[6..], ["first_third", "front_cells", "x_profile"]);
    assert_eq!((compared.candidates[0][7].n_showers, compared.gaps.len()), (200, 0));
}

#[test]
fn cells_at_fixed_energies_and_an_observable_twice_are_refused() {
    static WRONG: Observable = Observable {
        info: described("wrong", ComparedAt::FixedEnergies),
        binning: "wrong",
        fill: Fill::Cells(CellValue::new(&|cell| cell.energy_mev)),
    };
    let refused = |observable: &'static Observable, part: &str| {
        let mut settings = more_settings();
        settings.histograms.push(BinnedObservable { observable, axis: Axis::linear(3, 0.0, 1.0).unwrap() });
        let error = SampleAccumulator::new(settings.into(), FileKind::FullSpectrum, 0).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    };
    refused(&WRONG, "compared_at of wrong");
    refused(&MORE[0], "first_third twice");
}
