//! Reads a detector, fills a batch and writes a file, with `calo-core` alone.

use calo_core::random::{Purpose, stream};
use calo_core::{Detector, MemorySource, ShowerBatch, ShowerSource, hash_bytes, write_atomically};

const PURPOSE: Purpose = Purpose::new("outside");

fn main() -> calo_core::Result<()> {
    let detector = Detector::load("ild-ecal")?;
    let mut source = MemorySource::new(ShowerBatch::<f32>::empty(detector.grid));
    let mut batch = ShowerBatch::empty(source.grid());
    assert!(!source.next_batch(8, &mut batch)?, "an empty source has no batch");
    let position = stream(1, PURPOSE, 0).get_word_pos();
    let path = std::env::temp_dir().join(format!("calo-core-outside-{}.txt", std::process::id()));
    write_atomically(&path, position.to_string().as_bytes())?;
    assert_eq!(calo_core::hash_file(&path)?, hash_bytes(b"0"));
    std::fs::remove_file(&path).map_err(|e| calo_core::Error::io(&path, "remove", e))
}
