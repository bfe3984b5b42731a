//! Reading raw hits: every compression, `std::vector` branches, and what is refused.

#![expect(clippy::unwrap_used, clippy::float_cmp, reason = "a test reports by failing; values are exact")]

use std::path::{Path, PathBuf};

use calo_data::{HitBatch, HitReader, TreeName};
use oxyroot::{RootFile, WriterTree};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/photon_hits.root")
}

fn read_all(path: &Path) -> HitBatch {
    let mut reader = HitReader::open(path, TreeName::Exactly("photonSIM")).unwrap();
    let mut batch = HitBatch::default();
    assert!(reader.next_batch(usize::MAX, &mut batch).unwrap());
    batch
}

fn error(path: &Path, tree: TreeName<'_>) -> String {
    let mut batch = HitBatch::default();
    let read = HitReader::open(path, tree).and_then(|mut reader| reader.next_batch(usize::MAX, &mut batch));
    let message = read.unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn every_compression_gives_the_same_hits() {
    let plain = read_all(&fixture("hits_none.root"));
    assert_eq!(plain.offsets, [0, 40, 80, 120, 160, 200, 240]);
    // Expected values: uproot.open("data/photon_hits.root")["photonSIM"].arrays(entry_stop=6)
    assert_eq!(plain.x_mm[..5], [-17.5, -2.5, -7.5, -2.5, 22.5]);
    assert_eq!(plain.incident_energies_gev[0], f64::from(59.206_028_f32));
    assert_eq!(plain.pdg, [22; 6]);
    for compression in ["zlib", "lz4", "zstd", "lzma"] {
        assert_eq!(read_all(&fixture(&format!("hits_{compression}.root"))), plain, "{compression}");
    }
}

#[test]
fn batches_of_any_size_hold_the_same_events() {
    let whole = read_all(&sample());
    assert_eq!(whole.len(), 20);
    let mut reader = HitReader::open(&sample(), TreeName::OrTheOnlyOne("pionSIM")).unwrap();
    assert_eq!(reader.tree(), "photonSIM");
    for size in [1, 3, 8, 1000] {
        reader.rewind();
        let (mut batch, mut n) = (HitBatch::default(), 0);
        while reader.next_batch(size, &mut batch).unwrap() {
            for event in batch.events() {
                assert_eq!(Some(event), whole.events().nth(n));
                n += 1;
            }
        }
        assert_eq!(n, 20);
    }
}

/// `oxyroot` reads the same file independently; it gets only `mcene` wrong (500 values for the first event).
#[test]
fn hits_agree_with_oxyroot() {
    let ours = read_all(&sample());
    let tree = RootFile::open(sample()).unwrap().get_tree("photonSIM").unwrap();
    for (name, values) in [("scpox", &ours.x_mm), ("scpoz", &ours.y_mm), ("scene", &ours.hit_energies_gev)] {
        let theirs = tree.branch(name).unwrap().as_iter::<oxyroot::Slice<f32>>().unwrap();
        for ((i, theirs), bounds) in theirs.enumerate().zip(ours.offsets.windows(2)) {
            let theirs: Vec<f64> = theirs.into_vec().into_iter().map(f64::from).collect();
            assert_eq!(values[bounds[0]..bounds[1]], theirs, "{name}, event {i}");
        }
    }
}

/// Hits of one event: positions x, depth, y, energies, `mcene`, `mcpdg`.
type Hits = (Vec<f32>, Vec<f32>, Vec<f32>, Vec<f64>, Vec<f32>, Vec<i32>);

fn one_hit() -> Hits {
    (vec![1.5], vec![1811.5], vec![-2.5], vec![0.001], vec![10.0], vec![22])
}

/// A tree of `std::vector` branches, written by `oxyroot`.
fn written(events: &[Hits]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut root = RootFile::create(file.path()).unwrap();
    let mut tree = WriterTree::new("hits");
    let column =
        |f: fn(&Hits) -> &Vec<f32>| events.iter().map(|e| f(e).clone()).collect::<Vec<_>>().into_iter();
    tree.new_branch("scpox", column(|e| &e.0));
    tree.new_branch("scpoy", column(|e| &e.1));
    tree.new_branch("scpoz", column(|e| &e.2));
    tree.new_branch("scene", events.iter().map(|e| e.3.clone()).collect::<Vec<_>>().into_iter());
    tree.new_branch("mcene", column(|e| &e.4));
    tree.new_branch("mcpdg", events.iter().map(|e| e.5.clone()).collect::<Vec<_>>().into_iter());
    tree.write(&mut root).unwrap();
    root.close().unwrap();
    file
}

const ANY: TreeName<'static> = TreeName::OrTheOnlyOne("photonSIM");

#[test]
fn vectors_are_read() {
    let two =
        (vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0], vec![0.5, 0.25], vec![20.0, 1.0], vec![11, -11]);
    let none = (vec![], vec![], vec![], vec![], vec![30.0], vec![]);
    let file = written(&[one_hit(), two, none]);
    let mut reader = HitReader::open(file.path(), ANY).unwrap();
    let mut batch = HitBatch::default();
    assert!(reader.next_batch(10, &mut batch).unwrap());
    assert_eq!(batch.offsets, [0, 1, 3, 3]);
    assert_eq!(batch.hit_energies_gev, [0.001, 0.5, 0.25]);
    assert_eq!(batch.y_mm, [-2.5, 5.0, 6.0]);
    assert_eq!(batch.incident_energies_gev, [10.0, 20.0, 30.0]);
    assert_eq!(batch.n_mc_particles, [1, 2, 0]);
    assert_eq!(batch.pdg, [22, 11, 0]);
    assert!(!reader.next_batch(10, &mut batch).unwrap());
}

#[test]
fn impossible_values_are_refused_with_their_event_and_number() {
    let with = |change: fn(&mut Hits)| {
        let mut events = vec![one_hit(); 5];
        change(&mut events[2]);
        change(&mut events[4]);
        error(written(&events).path(), ANY)
    };
    for (change, expected) in [
        (
            (|e| e.3[0] = -0.5) as fn(&mut Hits),
            "`scene`, shower 2: hit energy -0.5 GeV, the first of 2 bad values in the file; \
             expected finite energies of at least 0 GeV",
        ),
        (|e| e.3[0] = f64::NAN, "`scene`, shower 2: hit energy NaN GeV"),
        (|e| e.1[0] = f32::INFINITY, "`scpoy`, shower 2: hit position inf mm"),
        (|e| e.4[0] = 0.0, "`mcene`, shower 2: incident energy 0 GeV"),
        (|e| e.4.clear(), "`mcene`, shower 2: incident energy NaN GeV"),
        (|e| e.0.push(1.0), "`scpox`, shower 2: 2 entries; expected 1, as in `scene`"),
    ] {
        let message = with(change);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_missing_tree_or_branch_names_those_there_are() {
    let message = error(&sample(), TreeName::Exactly("pionSIM"));
    assert!(
        message.ends_with("no TTree `pionSIM`; expected one of its trees: photonSIM (--tree)"),
        "{message}"
    );

    let file = tempfile::NamedTempFile::new().unwrap();
    let mut root = RootFile::create(file.path()).unwrap();
    let mut tree = WriterTree::new("hits");
    tree.new_branch("scpox", vec![1.0_f32].into_iter());
    tree.write(&mut root).unwrap();
    root.close().unwrap();
    drop(root); // flushes
    let message = error(file.path(), ANY);
    assert!(
        message.contains("`scpoy`: not in tree `hits`; expected this branch; there are scpox"),
        "{message}"
    );
}

#[test]
fn what_is_no_root_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    assert!(error(folder.path(), ANY).contains("is a directory"));
    assert!(error(&folder.path().join("none.root"), ANY).contains("cannot open for reading"));

    let path = folder.path().join("a.root");
    std::fs::write(&path, "").unwrap();
    assert!(error(&path, ANY).contains("not a ROOT file"));
    std::fs::write(&path, "root").unwrap();
    assert!(error(&path, ANY).contains("damaged ROOT file"));
    let whole = std::fs::read(sample()).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let message = error(&path, ANY);
    assert!(
        message.contains("truncated ROOT file of") && message.contains("its header announces"),
        "{message}"
    );
}

fn public(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn read_tree(path: &Path, tree: TreeName<'_>) -> HitBatch {
    let mut reader = HitReader::open(path, tree).map_err(|e| e.to_string()).unwrap();
    let mut batch = HitBatch::default();
    assert!(reader.next_batch(usize::MAX, &mut batch).map_err(|e| e.to_string()).unwrap());
    batch
}

#[test]
fn trees_stand_in_folders_and_particles_have_codes_of_any_type() {
    let folders = public("folders.root");
    let batch = read_tree(&folders, TreeName::Exactly("/sim/2024/photonSIM"));
    assert_eq!(batch.offsets, [0, 1, 3, 6, 10]);
    assert_eq!(batch.depth_mm[6..], [10.0, 11.0, 12.0, 13.0]);
    assert_eq!(batch.y_mm[6..], [0.0, -1.0, -2.0, -3.0]);
    assert_eq!(batch.hit_energies_gev[9], 4.0 / 1024.0);
    assert_eq!(
        (batch.incident_energies_gev.as_slice(), batch.pdg),
        (&[10.0, 11.0, 12.0, 13.0][..], vec![22; 4])
    );
    for kind in ["int8", "int16"] {
        let batch = read_tree(&folders, TreeName::Exactly(&format!("types/{kind}")));
        assert_eq!(batch.pdg, [-11; 4], "{kind}");
    }
    let message = error(&folders, TreeName::OrTheOnlyOne("photonSIM"));
    assert!(message.contains("one of its trees: sim/2024/photonSIM, types/int16"), "{message}");
}

#[test]
fn what_root_itself_writes_is_read() {
    let tree = TreeName::Exactly("photonSIM");
    // RDataFrame::Snapshot, unsigned long, Float16_t.
    let frame = read_tree(&public("rdf.root"), tree);
    assert_eq!((frame.x_mm.as_slice(), frame.pdg), (&[1.0, 2.0, 1.0, 2.0][..], vec![22; 2]));
    for name in ["ulong.root", "float16.root"] {
        let batch = read_tree(&public(name), tree);
        assert_eq!((batch.x_mm.as_slice(), batch.pdg), (&[1.0][..], vec![22]), "{name}");
        assert_eq!(batch.hit_energies_gev, [f64::from(1e-3_f32)]);
    }
    // Baskets without offsets: the counter says how many hits an event has.
    let offsets = read_tree(&public("offsets.root"), tree);
    assert_eq!(offsets.offsets, [0, 1, 3, 6, 10]);
    assert_eq!((offsets.x_mm, offsets.pdg), (vec![1.0; 10], vec![1; 4]));
}

#[test]
fn other_objects_are_called_what_they_are() {
    for (name, words, way_out) in [
        ("rntuple.root", "`photonSIM` is an RNTuple, which is not read", "file.mktree"),
        ("chain.root", "`photonSIM` is a TChain, a list of other files", "hadd"),
    ] {
        let message = error(&public(name), TreeName::OrTheOnlyOne("photonSIM"));
        assert!(message.contains(words) && message.contains(way_out), "{message}");
    }
}
