//! From accumulated samples to [`Results`].

use calo_core::Detector;
use calo_metrics::results::{
    ComparedAt, Comparison, Distribution, Divisors, Gap, ObservableInfo, PAPERS_IDS, Pearson, Results,
    SCHEMA_VERSION,
};
use calo_metrics::{
    Column, ComparedHistograms, Fill, FixedEnergy, Judged, LayerPart, OBSERVABLES, Observable,
    ObservableTable, Part, SampleSet, Splits, compare_halves, compare_samples, compare_splits, distributions,
    divisors, fixed_energies, linearity, moments, pearson_matrix, punch_through, responses,
};

use super::sample::Sample;
use crate::Result;
use crate::measures::{COMPARED_AT_GEV, detector_info};
use crate::monitor::Caller;
use crate::provenance::VERSION;

/// Energies of linearity and resolution, GeV, where a sample has showers there.
const LINEARITY_AT_GEV: [f64; 8] = [20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0];

/// More than this outside the axis of a histogram, and the histogram says little.
const OUTSIDE_LIMIT: f64 = 0.2;

/// Everything that can be said of `samples`, the reference first.
pub(super) fn results(
    samples: &[Sample],
    detector: &Detector,
    seed: u64,
    given_divisors: Option<Divisors>,
    caller: Caller<'_>,
) -> Result<Results> {
    let sets: Vec<&SampleSet> = samples.iter().map(|sample| &sample.set).collect();
    let reference = sets[0];
    let compared_at = fixed_energies(&sets, &COMPARED_AT_GEV);
    let histograms = &reference.full.settings().histograms;
    let observables: Vec<ObservableInfo> =
        histograms.iter().map(|binned| binned.observable.info.clone()).collect();
    let mut gaps: Vec<Gap> = samples.iter().filter_map(empty_showers_gap).collect();
    gaps.extend(binning_gaps(detector));

    gaps.extend(samples.iter().filter_map(thinned_gap));
    let floor_histograms = compare_halves(reference, &compared_at)?;
    let mut compared = Vec::new();
    for candidate in &sets[1..] {
        compared.push(compare_samples(reference, candidate, &compared_at)?);
    }
    let divisors = given_divisors.or_else(|| common_divisors(detector, &compared, &mut gaps));
    if divisors.as_ref().is_some_and(|divisors| divisors.area_difference.is_none()) {
        let why = "the divisors given have none for area differences";
        gaps.push(Gap { what: "S_area".to_owned(), why: why.to_owned() });
    }

    let halves = [Part::FirstHalf, Part::SecondHalf];
    let floor_name = format!("{}: half / half", reference.name);
    let n_halves = halves.map(|half| reference.full.n_showers_at(None, half));
    let [first, second] = halves.map(|half| reference.full.table_of(half));
    let judge = Judge { divisors: divisors.as_ref(), seed };
    let floor_pair = Pair { tables: [&first, &second], layers: samples[0].layers.halves() };
    let floor = judge.comparison(floor_name, n_halves, floor_histograms, floor_pair, &mut gaps);

    let mut comparisons = Vec::new();
    for (sample, histograms) in samples[1..].iter().zip(compared) {
        caller.check()?;
        let candidate = &sample.set;
        let n_showers = [reference.full.n_showers(), candidate.full.n_showers()];
        let pair = Pair {
            tables: [reference.full.table(), candidate.full.table()],
            layers: [samples[0].layers.whole(), sample.layers.whole()],
        };
        comparisons.push(judge.comparison(candidate.name.clone(), n_showers, histograms, pair, &mut gaps));
    }

    let n_splits = reference.full.splits().map_or(0, Splits::n_splits);
    if n_splits > 0 {
        let compared = compare_splits(reference, &sets[1..], &compared_at, seed)?;
        for (comparison, splits) in comparisons.iter_mut().zip(compared.candidates) {
            comparison.splits = splits;
        }
        gaps.extend(compared.gaps);
    }

    let distributions = distributions(&sets, &compared_at);
    gaps.extend(distributions.iter().filter_map(|d| outside_gap(d, &observables, &reference.name)));
    let linearity = linearity(&sets, &linearity_energies(samples));
    gaps.extend(linearity.gaps);
    let rule = detector.readout.punch_through_hits.map(|hits| hits as u64);
    Ok(Results {
        schema_version: SCHEMA_VERSION,
        calo_version: VERSION.to_owned(),
        seed,
        detector: detector_info(detector),
        samples: samples.iter().map(|sample| sample.info.clone()).collect(),
        observables,
        distributions,
        floor,
        comparisons,
        divisors,
        linearity: linearity.points,
        pearson: pearson(&sets)?,
        moments: moments(&sets, &moment_energies(samples)),
        responses: responses(&sets),
        punch_through: rule.map(|at_most_hits| punch_through(&sets, at_most_hits)).unwrap_or_default(),
        n_splits,
        gaps,
    })
}

/// Showers without a hit have no moments: said, so that nobody takes the others for all.
fn empty_showers_gap(sample: &Sample) -> Option<Gap> {
    let (n_empty, n) = (sample.set.full.table().n_empty_showers(), sample.set.full.n_showers());
    (n_empty > 0).then(|| Gap {
        what: format!("{}: moments, profiles and correlations of {n_empty} of {n} showers", sample.info.name),
        why: "they have no cell above the cut".to_owned(),
    })
}

/// Trees are not grown with all showers of a large sample.
fn thinned_gap(sample: &Sample) -> Option<Gap> {
    let (n_kept, n) = (sample.layers.n_kept(), sample.set.full.n_showers());
    (n > n_kept as u64).then(|| {
        let why = format!("trees are grown with {n_kept} of its {n} showers, evenly spread (--classifiers)");
        Gap::new(format!("{}: AUC of trees on layers, of all showers", sample.info.name), why)
    })
}

/// Divisors from all candidates at once; a single one has none.
fn common_divisors(
    detector: &Detector,
    compared: &[ComparedHistograms],
    gaps: &mut Vec<Gap>,
) -> Option<Divisors> {
    if compared.len() < 2 {
        return None;
    }
    let counts = |one: &&Observable| is_expected(detector, one) || has_bins(detector, one);
    let scored = OBSERVABLES.iter().filter(counts).map(|one| &one.info);
    let scored = scored.filter(|info| info.scored);
    let scored: Vec<&str> = scored.map(|info| &*info.id).collect();
    let histograms: Vec<_> = compared.iter().map(|compared| compared.histograms.as_slice()).collect();
    divisors(&scored, &histograms)
        .map_err(|error| gaps.push(Gap { what: "S_JSD".to_owned(), why: error.to_string() }))
        .ok()
}

/// What the scores of all comparisons share.
struct Judge<'a> {
    divisors: Option<&'a Divisors>,
    seed: u64,
}

/// Showers of both samples, as scores see them.
struct Pair<'a> {
    tables: [&'a ObservableTable; 2],
    layers: [LayerPart<'a>; 2],
}

impl Judge<'_> {
    fn comparison(
        &self,
        name: String,
        n_showers: [u64; 2],
        compared: ComparedHistograms,
        pair: Pair<'_>,
        gaps: &mut Vec<Gap>,
    ) -> Comparison {
        gaps.extend(compared.gaps.iter().cloned());
        let judged = Judged::new(&compared, self.divisors, pair.tables, self.seed);
        let judged = judged.with_layers(pair.layers.each_ref().map(LayerPart::view)).scores();
        gaps.extend(judged.gaps.into_iter().map(|gap| Gap { what: format!("{name}: {}", gap.what), ..gap }));
        Comparison {
            name,
            n_showers,
            scores: judged.scores,
            histograms: compared.histograms,
            splits: Vec::new(),
        }
    }
}

/// Whether the detector file should have bins for an observable: the six of decoding-photons, but where a shower lies in
/// depth only if there are layers.
fn is_expected(detector: &Detector, observable: &Observable) -> bool {
    let is_in_depth = matches!(observable.fill, Fill::Layers | Fill::Showers { column: Column::M1z, .. });
    PAPERS_IDS.contains(&&*observable.info.id) && (detector.grid.layers > 1 || !is_in_depth)
}

fn has_bins(detector: &Detector, observable: &Observable) -> bool {
    detector.binning.get(observable.binning).is_some()
}

/// Observables that the detector file should have bins for and has not are not compared: said, in case it is a slip.
fn binning_gaps(detector: &Detector) -> impl Iterator<Item = Gap> {
    let without = OBSERVABLES.iter().filter(|one| is_expected(detector, one) && !has_bins(detector, one));
    without.map(|observable| Gap {
        what: observable.info.label.to_string(),
        why: format!("detector {} has no binning.{}", detector.name, observable.binning),
    })
}

/// Energies within the reference's spectrum, and those of any fixed-energy file.
fn linearity_energies(samples: &[Sample]) -> Vec<FixedEnergy> {
    let [low, high] = samples[0].info.energy_range_gev;
    let mut energies_gev: Vec<f64> =
        LINEARITY_AT_GEV.into_iter().filter(|energy| (low..=high).contains(energy)).collect();
    let files = samples.iter().flat_map(|sample| &sample.info.files);
    energies_gev.extend(files.filter_map(|file| file.energy_gev));
    at(samples, energies_gev)
}

/// The energies of the comparison, and those of any fixed-energy file.
fn moment_energies(samples: &[Sample]) -> Vec<FixedEnergy> {
    let mut energies_gev = COMPARED_AT_GEV.to_vec();
    energies_gev
        .extend(samples.iter().flat_map(|sample| &sample.info.files).filter_map(|file| file.energy_gev));
    at(samples, energies_gev)
}

/// These energies once each, in order, and where their showers come from.
fn at(samples: &[Sample], mut energies_gev: Vec<f64>) -> Vec<FixedEnergy> {
    energies_gev.sort_by(f64::total_cmp);
    energies_gev.dedup();
    let sets: Vec<&SampleSet> = samples.iter().map(|sample| &sample.set).collect();
    fixed_energies(&sets, &energies_gev)
}

/// A distribution whose reference lies largely outside its axis compares little: say so. Not where the histogram is for
/// the eye only, because fixed energies are compared.
fn outside_gap(distribution: &Distribution, observables: &[ObservableInfo], reference: &str) -> Option<Gap> {
    let observable = observables.iter().find(|info| info.id == distribution.observable)?;
    if distribution.energy_gev.is_none() && observable.compared_at == ComparedAt::FixedEnergies {
        return None;
    }
    let histogram = distribution.samples.first()?.as_ref()?;
    let outside = histogram.underflow + histogram.overflow;
    let share = outside / (outside + histogram.counts.iter().sum::<f64>());
    let at = distribution.energy_gev.map(|energy| format!(" at {energy} GeV")).unwrap_or_default();
    (share > OUTSIDE_LIMIT).then(|| Gap {
        what: format!("{}{at}, a full comparison", observable.label),
        why: format!("{:.0} % of {reference} lie outside the binning of the detector", 100.0 * share),
    })
}

fn pearson(sets: &[&SampleSet]) -> Result<Pearson> {
    let mut matrices = Vec::new();
    for set in sets {
        let rows = set.full.table().complete_rows(&Column::PEARSON).rows;
        let entries = |row: ndarray::ArrayView1<'_, f64>| -> Vec<Option<f64>> {
            row.iter().map(|entry| entry.is_finite().then_some(*entry)).collect()
        };
        matrices.push(match pearson_matrix(rows.view()) {
            Ok(matrix) => matrix.outer_iter().map(entries).collect(),
            Err(_) => vec![vec![None; Column::PEARSON.len()]; Column::PEARSON.len()],
        });
    }
    let labels = Column::PEARSON.map(|column| column.label().to_owned()).to_vec();
    Ok(Pearson { labels, matrices })
}
