//! A stand-in for a generative model: showers with every cell's energy off by a random factor.
//!
//! ```sh
//! cargo run --release -p calo-data --example smear -- data/photons.hdf5 smeared.hdf5 0.5
//! ```
//! multiplies each cell by a number drawn uniformly from 0.5 to 1.5. It shows all that a program needs to read,
//! change and write showers.

use std::path::Path;

use calo_core::ShowerBatch;
use calo_core::random::{Purpose, stream};
use calo_data::{ReadOptions, ShowerReader, ShowerWriter, WriteOptions};
use rand::Rng;

const SMEAR: Purpose = Purpose::new("smear");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, spread] = &args[..] else {
        return Err("usage: smear INPUT OUTPUT SPREAD".into());
    };
    let spread: f32 = spread.parse()?;

    let mut reader = ShowerReader::open(Path::new(input), &ReadOptions::default())?;
    let mut options = WriteOptions::new(reader.grid());
    options.group = Some(reader.info().group.clone());
    let mut writer = ShowerWriter::create(Path::new(output), &options)?;
    let mut batch = ShowerBatch::<f32>::empty(reader.grid());
    while reader.read_batch(256, &mut batch)? {
        for (mut shower, index) in batch.cells_mev.outer_iter_mut().zip(batch.first_shower..) {
            // One stream a shower: the result does not depend on how showers come in batches.
            let mut rng = stream(1, SMEAR, index);
            shower.mapv_inplace(|mev| mev * (1.0 + spread * rng.random_range(-1.0_f32..1.0)));
        }
        writer.write(&batch)?;
    }
    writer.finish()?;
    Ok(())
}
