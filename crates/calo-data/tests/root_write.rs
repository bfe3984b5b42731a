//! Writing raw hits: what is read back, by our reader and by `oxyroot`, and what is refused.

#![expect(clippy::unwrap_used, reason = "a test reports by failing")]

use std::path::Path;

use calo_core::random::{Purpose, stream};
use calo_data::{HitBatch, HitReader, HitWriteOptions, HitWriter, TreeName};
use oxyroot::RootFile;
use rand::Rng;

fn options(compression: u8) -> HitWriteOptions {
    let attributes = vec![("software".to_owned(), "calo".to_owned()), ("long".to_owned(), "x".repeat(5000))];
    HitWriteOptions { tree: "photonSIM".to_owned(), compression, attributes }
}

/// Events of up to `max_hits` hits, some of none, with values that 32 bits hold.
fn events(n: usize, max_hits: usize) -> HitBatch {
    const HITS: Purpose = Purpose::new("hits");
    let mut rng = stream(3, HITS, 0);
    let mut batch = HitBatch::default();
    batch.clear(0);
    for i in 0..n {
        let n_hits = if i % 7 == 3 { 0 } else { rng.random_range(1..=max_hits) };
        for _ in 0..n_hits {
            batch.x_mm.push(f64::from(rng.random_range(-80.0..80.0_f32)));
            batch.depth_mm.push(f64::from(rng.random_range(1800.0..2000.0_f32)));
            batch.y_mm.push(f64::from(rng.random_range(-80.0..80.0_f32)));
            batch.hit_energies_gev.push(f64::from(rng.random_range(0.0..1e-2_f32)));
        }
        batch.offsets.push(batch.x_mm.len());
        batch.incident_energies_gev.push(rng.random_range(10.0..100.0));
        batch.pdg.push(if i % 2 == 0 { 22 } else { -211 });
        batch.n_mc_particles.push(1);
    }
    batch
}

fn write(path: &Path, batches: &[&HitBatch], compression: u8) {
    let mut writer = HitWriter::create(path, &options(compression)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    assert_eq!(writer.n_events(), batches.iter().map(|batch| batch.len() as u64).sum());
    writer.finish().unwrap();
}

fn read(path: &Path) -> HitBatch {
    let mut reader = HitReader::open(path, TreeName::Exactly("photonSIM")).unwrap();
    let mut batch = HitBatch::default();
    reader.next_batch(usize::MAX, &mut batch).unwrap();
    batch
}

#[test]
fn hits_come_back_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hits.root");
    // 350,000 hits fill a basket and begin the next; 20,000 events do so without hits.
    for (n, max_hits) in [(1, 1), (20, 50), (200, 4000), (20_000, 1)] {
        let hits = events(n, max_hits);
        for compression in [0, 4] {
            write(&path, &[&hits], compression);
            assert!(read(&path) == hits, "{n} events, level {compression}");
        }
    }
}

#[test]
fn hits_agree_with_oxyroot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hits.root");
    let hits = events(30, 200);
    write(&path, &[&hits], 4);
    let tree = RootFile::open(&path).unwrap().get_tree("photonSIM").unwrap();
    assert_eq!(tree.entries(), 30);
    for (name, values) in
        [("scpox", &hits.x_mm), ("scpoy", &hits.depth_mm), ("scene", &hits.hit_energies_gev)]
    {
        let theirs = tree.branch(name).unwrap().as_iter::<oxyroot::Slice<f32>>().unwrap();
        let theirs: Vec<Vec<f64>> =
            theirs.map(|event| event.into_vec().into_iter().map(f64::from).collect()).collect();
        let ours: Vec<Vec<f64>> =
            hits.offsets.windows(2).map(|bounds| values[bounds[0]..bounds[1]].to_vec()).collect();
        assert_eq!(theirs, ours, "{name}");
    }
    let n_hits: Vec<i32> = tree.branch("nhits").unwrap().as_iter::<i32>().unwrap().collect();
    assert_eq!(n_hits, hits.offsets.windows(2).map(|w| (w[1] - w[0]) as i32).collect::<Vec<_>>());
}

#[test]
fn the_same_hits_are_the_same_bytes_however_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a.root"), folder.path().join("b.root"));
    let hits = events(40, 30);
    write(&a, &[&hits], 4);
    let mut reader = HitReader::open(&a, TreeName::Exactly("photonSIM")).unwrap();
    let mut writer = HitWriter::create(&b, &options(4)).unwrap();
    let mut batch = HitBatch::default();
    while reader.next_batch(3, &mut batch).unwrap() {
        writer.write(&batch).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hits.root");
    let mut hits = events(3, 5);
    hits.n_mc_particles[1] = 2;
    let mut writer = HitWriter::create(&path, &options(4)).unwrap();
    let message = writer.write(&hits).unwrap_err().to_string();
    assert!(message.contains("2 in event 1; expected one in every event"), "{message}");
    // Nor does a writer that is dropped.
    drop(writer);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let message = HitWriter::create(&folder.path().join("none/hits.root"), &options(4)).unwrap_err();
    assert!(message.to_string().contains("does not exist"), "{message}");
}
