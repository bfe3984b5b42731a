//! Projecting the sample's hits, and correcting a staggering artefact made in real showers.

#![expect(clippy::unwrap_used, clippy::float_cmp, reason = "a test reports by failing; values are exact")]

use std::path::{Path, PathBuf};

use calo_core::detector::Staggering;
use calo_core::random::{Purpose, stream};
use calo_core::{Detector, Grid, MemorySource, ShowerBatch, ShowerSource};
use calo_data::{
    CellHits, Gap, HitBatch, HitProjector, HitReader, HitSource, ProjectedShowers, StaggerFrom, StaggerMap,
    StaggerSource, TreeName,
};
use ndarray::{Array4, Axis, s};
use proptest::prelude::*;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn projector(detector: &Detector) -> HitProjector {
    let hits = HitReader::open(&repository("data/photon_hits.root"), TreeName::Exactly("photonSIM")).unwrap();
    HitProjector::new(hits, detector.projection.clone())
}

fn read_all(source: &mut dyn ShowerSource<f32>, size: usize) -> ShowerBatch<f32> {
    let mut all = ShowerBatch::empty(source.grid());
    let mut batch = ShowerBatch::empty(source.grid());
    while source.next_batch(size, &mut batch).unwrap() {
        assert_eq!(batch.first_shower, all.len() as u64);
        all.energies_gev.extend(&batch.energies_gev);
        all.cells_mev.append(Axis(0), batch.cells_mev.view()).unwrap();
    }
    all
}

/// `tests/fixtures/make_root.py` projects the same events with uproot and NumPy.
#[test]
fn the_sample_projects_as_numpy_does() {
    let detector = Detector::load("ild-ecal").unwrap();
    let mut source = projector(&detector);
    let all = read_all(&mut source, 7);
    assert_eq!(all.grid(), Grid { layers: 30, nx: 32, ny: 30 });
    let golden = include_str!("fixtures/photon_hits_projection.txt");
    let (mut n_hits, mut n_outside) = (0, 0);
    let mut n_events = 0;
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let expected: Vec<f64> = line.split(' ').map(|field| field.parse().unwrap()).collect();
        let i = expected[0] as usize;
        let cells: Vec<f64> =
            all.cells_mev.index_axis(Axis(0), i).iter().map(|cell| f64::from(*cell)).collect();
        assert!((all.energies_gev[i] - expected[1]).abs() < 1e-6);
        assert_eq!(cells.iter().filter(|cell| **cell > 0.0).count() as f64, expected[2], "event {i}");
        // Cells are rounded to f32 once.
        let sum: f64 = cells.iter().sum();
        assert!((sum / expected[3] - 1.0).abs() < 1e-7, "event {i}: {sum} {}", expected[3]);
        let weighted: f64 = cells.iter().enumerate().map(|(k, cell)| k as f64 * cell).sum();
        assert!((weighted / expected[4] - 1.0).abs() < 1e-7, "event {i}: {weighted} {}", expected[4]);
        n_hits += expected[5] as u64;
        n_outside += expected[6] as u64;
        n_events += 1;
    }
    let report = source.report();
    assert_eq!((report.n_events, report.n_showers, report.n_converted_upstream), (n_events, n_events, 0));
    assert_eq!((report.n_hits, report.n_outside_depth, report.n_outside_transverse), (n_hits, 0, n_outside));
    assert_eq!(source.n_showers(), Some(n_events));
}

#[test]
fn hits_outside_and_events_converted_upstream_are_counted() {
    let mut detector = Detector::load("ild-ecal").unwrap();
    // The last ten layers cannot be hit now.
    detector.projection.layer_positions_mm.iter_mut().skip(20).for_each(|p| *p += 5000.0);
    let mut source = projector(&detector);
    let all = read_all(&mut source, 100);
    assert!(source.report().n_outside_depth > 1000);
    assert_eq!(all.cells_mev.slice(s![.., 20.., .., ..]).sum(), 0.0);
    let (kept, report) = (all.cells_mev.iter().map(|cell| f64::from(*cell)).sum::<f64>(), source.report());
    assert!((kept + report.dropped_mev - report.hit_mev).abs() < 1e-3 * report.hit_mev);

    detector.projection.max_mc_particles = Some(0);
    let mut source = projector(&detector);
    assert_eq!(read_all(&mut source, 100).len(), 0);
    assert_eq!(source.report().n_converted_upstream, 20);

    // Pions: nothing is skipped.
    detector.projection.max_mc_particles = None;
    assert_eq!(Detector::load("ild-ahcal").unwrap().projection.max_mc_particles, None);
    let mut source = projector(&detector);
    assert_eq!(read_all(&mut source, 100).len(), 20);
}

#[test]
fn the_whole_pipeline_ends_on_the_detectors_grid() {
    let detector = Detector::load("ild-ecal").unwrap();
    let path = repository("data/photon_hits.root");
    let mut source = ProjectedShowers::open(&path, &detector, None, StaggerFrom::Showers).unwrap();
    assert_eq!(source.grid(), detector.grid);
    let first = read_all(&mut source, 6);
    assert_eq!(first.len(), 20);
    source.rewind().unwrap();
    assert_eq!(read_all(&mut source, 20), first);
    assert!(ProjectedShowers::open(&path, &detector, Some("pionSIM"), StaggerFrom::Showers).is_err());
}

const ECAL: Staggering = Staggering { layers: [4, 28], empty_below_mev: 1e-4, drop_edge_bins: 1 };

/// The middle 16 rows of the sample's showers: further out, 20 showers leave rows empty by chance.
fn middle_rows() -> ShowerBatch<f32> {
    let mut showers = read_all(&mut projector(&Detector::load("ild-ecal").unwrap()), 100);
    showers.cells_mev = showers.cells_mev.slice(s![.., .., 8..24, ..]).to_owned();
    showers
}

/// Shifts the rows of real showers as displaced wafers do, and recovers them to the last bit.
#[test]
fn shifted_rows_of_real_showers_are_recovered() {
    let mut original = middle_rows();
    // What is shifted out of the image at the front is lost; one row of it is dropped anyway.
    original.cells_mev.slice_mut(s![.., .., 0, ..]).fill(0.0);
    let mut shifted = original.clone();
    let gaps = [(4, vec![9]), (5, vec![5]), (11, vec![6, 12]), (16, vec![8, 10]), (27, vec![7])];
    for (layer, rows) in &gaps {
        // Opening the gaps from the last one undoes closing them from the first one.
        for gap in rows.iter().rev() {
            for mut shower in shifted.cells_mev.axis_iter_mut(Axis(0)) {
                let mut layer = shower.index_axis_mut(Axis(0), *layer);
                for x in 1..=*gap {
                    let row = layer.row(x).to_owned();
                    layer.row_mut(x - 1).assign(&row);
                }
                layer.row_mut(*gap).fill(0.0);
            }
        }
    }
    let mut source = MemorySource::new(shifted.clone());
    let map = StaggerMap::measure(&mut source, &ECAL).unwrap();
    for (layer, rows) in &gaps {
        assert_eq!(map.gaps(*layer), rows, "layer {layer}: {map}");
    }
    assert_eq!(map.n_gaps(), 7, "{map}");
    assert!(map.to_string().contains("layer 11: x 6, 12"), "{map}");
    // So early in the shower few of 20 have hits next to the gap.
    assert_eq!(map.doubtful(), [Gap { layer: 4, x: 9 }], "{map}");
    let recovered = read_all(&mut StaggerSource::new(source, map, 1).unwrap(), 9);
    let expected = original.cells_mev.slice(s![.., .., 1..15, ..]);
    for layer in 0..30 {
        // With two gaps, one more row was shifted out.
        let from = usize::from([11, 16].contains(&layer));
        assert_eq!(
            recovered.cells_mev.slice(s![.., layer, from.., ..]),
            expected.slice(s![.., layer, from.., ..]),
            "layer {layer}"
        );
        let changed = gaps.iter().any(|(l, _)| *l == layer);
        let same = shifted.cells_mev.slice(s![.., layer, 1..15, ..]) == expected.slice(s![.., layer, .., ..]);
        assert_ne!(same, changed, "layer {layer}");
    }
}

#[test]
fn real_showers_without_artefact_stay_as_they_are() {
    let map = StaggerMap::measure(&mut MemorySource::new(middle_rows()), &ECAL).unwrap();
    assert_eq!(map.n_gaps(), 0, "{map}");
}

/// Far from the axis few showers have hits, and rows of 20 showers are empty by chance: the map names them.
#[test]
fn gaps_that_may_be_chance_are_named() {
    let map = StaggerMap::measure(&mut projector(&Detector::load("ild-ecal").unwrap()), &ECAL).unwrap();
    assert!(map.n_gaps() > 0);
    assert_eq!(map.doubtful().len(), map.n_gaps(), "{map}");
    assert!(map.to_string().contains("may be empty by chance"), "{map}");
}

/// The sample has no artefact: what `calo project` makes of it is the plain projection without its edge rows.
#[test]
fn a_file_without_artefact_is_projected_as_it_is() {
    let detector = Detector::load("ild-ecal").unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/photon_hits.root");
    let mut projected = ProjectedShowers::open(&path, &detector, None, StaggerFrom::Showers).unwrap();
    assert!(!projected.stagger_map().doubtful().is_empty());
    let corrected = read_all(&mut projected, 7);
    let plain = read_all(&mut projector(&detector), 7);
    assert_eq!(corrected.cells_mev, plain.cells_mev.slice(s![.., .., 1..31, ..]));
}

#[test]
fn empty_edges_neighbours_and_other_layers_are_no_gaps() {
    let rows = ndarray::arr2(&[
        [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        [0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0],
        [1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 9e-5, 1.0],
        [1.0, 1e-4, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ]);
    let map = StaggerMap::from_average(&rows, &Staggering { layers: [1, 4], ..ECAL });
    assert_eq!([0, 1, 2, 3].map(|layer| map.gaps(layer)), [&[][..], &[5], &[1, 6], &[]]);
}

/// Events of hits in random cells, as wide as real showers and wider.
struct RandomHits {
    detector: Detector,
    cells: CellHits,
    n_events: u64,
    next: u64,
}

impl HitSource for RandomHits {
    fn n_events(&self) -> u64 {
        self.n_events
    }

    fn next_batch(&mut self, max_events: usize, batch: &mut HitBatch) -> calo_core::Result<bool> {
        use rand::Rng as _;
        const HITS: Purpose = Purpose::new("hits");
        batch.clear(self.next);
        let stop = self.n_events.min(self.next + max_events as u64);
        for event in self.next..stop {
            let mut rng = stream(1, HITS, event);
            for layer in 0..self.detector.grid.layers {
                let (x, y) = (self.detector.cells_x(layer), self.detector.cells_y());
                for _ in 0..40 {
                    let place = [rng.random_range(-100.0..100.0), rng.random_range(-100.0..100.0)];
                    let (Some(ix), Some(iy)) = (x.cell_at(place[0]), y.cell_at(place[1])) else { continue };
                    let index = self.cells.index(layer as u32, ix as u32, iy as u32).unwrap();
                    assert!(self.cells.push(index, 1e-3, batch));
                }
            }
            batch.offsets.push(batch.x_mm.len());
            batch.incident_energies_gev.push(10.0);
            batch.pdg.push(22);
            batch.n_mc_particles.push(1);
        }
        self.next = stop;
        Ok(!batch.is_empty())
    }

    fn rewind(&mut self) -> calo_core::Result<()> {
        self.next = 0;
        Ok(())
    }
}

/// The map from the cells' places is what many showers show, in a detector with gaps and in those without.
#[test]
fn the_map_of_the_cells_is_that_of_many_showers() {
    for (name, n_gaps) in [("ild-ecal-staggered", 30), ("ild-ecal", 0)] {
        let detector = Detector::load(name).unwrap();
        let staggering = detector.projection.staggering.unwrap();
        let cells = CellHits::of(&detector);
        // A row of 30 cells has 40 / 40 = 1 hit an event: empty in all of 200 with probability exp(-200).
        let hits = RandomHits { detector: detector.clone(), cells, n_events: 200, next: 0 };
        let mut raw = HitProjector::new(hits, detector.projection.clone());
        let measured = StaggerMap::measure(&mut raw, &staggering).unwrap();
        let of_cells = StaggerMap::of_cells(&detector, &staggering);
        assert_eq!(of_cells.n_gaps(), n_gaps, "{of_cells}");
        assert!(measured.doubtful().is_empty());
        for layer in 0..detector.grid.layers {
            assert_eq!(measured.gaps(layer), of_cells.gaps(layer), "{name}, layer {layer}");
        }
        // Closed gaps leave no empty row but the ones that move to the front.
        let mut showers = ProjectedShowers::new(
            RandomHits { n_events: 200, next: 0, ..raw.into_hits() },
            &detector,
            StaggerFrom::Geometry,
        )
        .unwrap();
        let rows = read_all(&mut showers, 50).cells_mev.sum_axis(Axis(3)).sum_axis(Axis(0));
        for (layer, rows) in rows.outer_iter().enumerate() {
            let in_front = of_cells.gaps(layer).len().saturating_sub(1);
            let empty: Vec<usize> = (0..rows.len()).filter(|x| rows[*x] == 0.0).collect();
            assert_eq!(empty, (0..in_front).collect::<Vec<_>>(), "{name}, layer {layer}");
        }
    }
}

proptest! {
    /// Closing gaps keeps the order of rows and loses nothing but the gaps.
    #[test]
    fn rows_keep_their_order(filled in prop::collection::vec(any::<bool>(), 3..20)) {
        let nx = filled.len();
        let mut batch = ShowerBatch::<f32>::empty(Grid { layers: 1, nx, ny: 1 });
        batch.energies_gev = vec![1.0];
        let cells = filled.iter().enumerate().map(|(x, f)| if *f { x as f32 + 1.0 } else { 0.0 }).collect();
        batch.cells_mev = Array4::from_shape_vec((1, 1, nx, 1), cells).unwrap();
        let before: Vec<f32> = batch.cells_mev.iter().copied().filter(|cell| *cell > 0.0).collect();
        let staggering = Staggering { layers: [0, 1], empty_below_mev: 1e-4, drop_edge_bins: 0 };
        let mut source = MemorySource::new(batch);
        let map = StaggerMap::measure(&mut source, &staggering).unwrap();
        let gaps = map.gaps(0).to_vec();
        let after = read_all(&mut StaggerSource::new(source, map, 0).unwrap(), 1);
        let cells: Vec<f32> = after.cells_mev.iter().copied().collect();
        prop_assert_eq!(&cells.iter().copied().filter(|cell| *cell > 0.0).collect::<Vec<_>>(), &before);
        // Behind the last gap nothing moved; in front there is one empty row for each gap.
        let behind = gaps.last().map_or(0, |gap| gap + 1);
        for x in behind..nx {
            prop_assert_eq!(cells[x] > 0.0, filled[x]);
        }
        prop_assert!(cells[..gaps.len()].iter().all(|cell| *cell == 0.0));
    }
}
